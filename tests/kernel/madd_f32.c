/* Products of recurrences: any number of rows gives the same bits, and a sum of K products is off by at most about K 2^-24 times the sum of the terms'
 * sizes (Higham, "Accuracy and Stability", 3.1). */
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/recurrent/madd_f32.h"

static void init(void *table, uint32_t cpu)
{
    memcpy(table, sg_madd_f32_of(cpu), sizeof(sg_madd_f32_table));
}

static void one(check *c, int64_t rows, int64_t k, int64_t n)
{
    int64_t ld = n + check_pick(c, 0, 5), v_row = k + check_pick(c, 0, 5);
    float *v = check_floats(c, rows * v_row), *w = check_floats(c, k * ld), *out = check_room(rows * n), *alone = check_room(n);
    sg_madd_f32_fn *fn = sg_madd_f32_of(c->cpu)->fn;
    for (int64_t i = 0; i < rows * n; i++)
        out[i] = 0.5f;
    fn(out, n, v, v_row, rows, w, ld, k, n);
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t j = 0; j < n; j++)
            alone[j] = 0.5f;
        fn(alone, n, v + r * v_row, v_row, 1, w, ld, k, n);
        if (memcmp(alone, out + r * n, (size_t)n * sizeof *out) != 0)
            check_fail(c, "madd_f32", "a row alone has other bits");
        for (int64_t j = 0; j < n; j++) {
            double want = 0.5, size = 0.5;
            for (int64_t i = 0; i < k; i++) {
                want += (double)v[r * v_row + i] * (double)w[i * ld + j];
                size += fabs((double)v[r * v_row + i] * (double)w[i * ld + j]);
            }
            if (!(fabs((double)out[r * n + j] - want) <= (double)(k + 1) * 0x1p-24 * size)) {
                check_fail(c, "madd_f32", "differs");
                break;
            }
        }
    }
    check_room_free(c, out, rows * n, "madd_f32");
    check_room_free(c, alone, n, "madd_f32");
    free(v);
    free(w);
}

static void run(check *c)
{
    for (int i = 0; i < check_cases(300); i++)
        one(c, check_pick(c, 1, 9), check_pick(c, 1, 20), check_pick(c, 1, 140));
}

typedef struct timed {
    sg_madd_f32_fn *fn;
    float *out, *v, *w;
    int64_t rows;
} timed;

enum { K = 128, N = 512 };

static void call(void *ctx)
{
    timed *t = ctx;
    t->fn(t->out, N, t->v, K, t->rows, t->w, N, K, N);
}

static void bench(check *c)
{
    timed t = {sg_madd_f32_of(c->cpu)->fn, check_floats(c, 8 * N), check_floats(c, 8 * K), check_floats(c, K * N), 1};
    check_rate(c, "a row of 128 to 512", 2 * K * N, check_seconds(call, &t));
    t.rows = 8;
    check_rate(c, "8 rows of 128 to 512", 2 * 8 * K * N, check_seconds(call, &t));
    free(t.out);
    free(t.v);
    free(t.w);
}

const check_family check_madd_f32 = {"madd_f32", sizeof(sg_madd_f32_table), init, run, bench};
