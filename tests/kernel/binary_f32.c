/* Functions of two elements: every element is what the formula gives in f32, to the bit (those here round once), for all lengths and steps;
 * x a + b rounds once or twice. */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/binary/binary_f32.h"

static void init(void *table, uint32_t cpu)
{
    memcpy(table, sg_binary_f32_of(cpu), sizeof(sg_binary_f32_table));
}

static float want(int id, float x, float y)
{
    switch (id) {
    case SG_BINARY_F32_ADD: return x + y;
    case SG_BINARY_F32_SUB: return x - y;
    case SG_BINARY_F32_MUL: return x * y;
    case SG_BINARY_F32_DIV: return x / y;
    case SG_BINARY_F32_MIN: return isnan(x) || x < y ? x : y;
    case SG_BINARY_F32_MAX: return isnan(x) || x > y ? x : y;
    default: return x < 0 ? x * y : x;
    }
}

enum { ROWS = 3, LONGEST = 70 };

static void one(check *c, int id, int64_t n, int64_t x_step, int64_t y_step, bool rows_repeat)
{
    char what[96];
    float *x = check_floats(c, ROWS * n), *y = check_floats(c, ROWS * n), *z = check_room(ROWS * n);
    x[check_pick(c, 0, ROWS * n - 1)] = NAN;
    y[check_pick(c, 0, ROWS * n - 1)] = NAN;
    const sg_rows_f32 r = {.x = x,
                           .y = y,
                           .x_step = x_step,
                           .y_step = y_step,
                           .x_row = n,
                           .y_row = rows_repeat ? 0 : n,
                           .z = z,
                           .rows = ROWS,
                           .n = n};
    sg_binary_f32_of(c->cpu)->fn[id](&r);
    snprintf(what, sizeof what, "binary_f32 %d, rows of %lld at steps %lld and %lld", id, (long long)n, (long long)x_step,
             (long long)y_step);
    for (int64_t i = 0; i < ROWS * n; i++) {
        float w = want(id, x[i / n * n + i % n * x_step], y[i / n * r.y_row + i % n * y_step]);
        if (!(w == z[i] || (isnan(w) && isnan(z[i])))) {
            check_fail(c, what, "differs");
            break;
        }
    }
    check_room_free(c, z, ROWS * n, what);
    free(x);
    free(y);
}

static void scaled(check *c, int64_t n)
{
    float *x = check_floats(c, ROWS * n), *a = check_floats(c, n), *b = check_floats(c, n), *z = check_room(ROWS * n);
    sg_binary_f32_of(c->cpu)->scale(x, a, b, z, ROWS, n);
    for (int64_t i = 0; i < ROWS * n; i++) {
        double p = (double)x[i] * (double)a[i % n], w = p + (double)b[i % n];
        if (!(fabs((double)z[i] - w) <= 0x1p-24 * (fabs(p) + fabs(w)))) {
            check_fail(c, "x a + b", "differs");
            break;
        }
    }
    check_room_free(c, z, ROWS * n, "x a + b");
    free(x);
    free(a);
    free(b);
}

static void run(check *c)
{
    for (int64_t n = 1; n <= LONGEST; n++) {
        for (int id = 0; id < SG_BINARY_F32_COUNT; id++)
            for (int how = 0; how < 6; how++)
                one(c, id, n, how % 3 != 1, how % 3 != 2, how > 2);
        scaled(c, n);
    }
}

typedef struct timed {
    sg_binary_f32_fn *fn;
    sg_rows_f32 r;
} timed;

static void call(void *ctx)
{
    timed *t = ctx;
    t->fn(&t->r);
}

static void bench(check *c)
{
    static const char *const name[] = {
#define FN(id, name, formula) #name,
#include "kernel/binary/binary_f32.def"
#undef FN
    };
    enum { MANY = 4096 };
    float *x = check_floats(c, MANY), *y = check_floats(c, MANY), *z = check_floats(c, MANY);
    for (int id = 0; id < SG_BINARY_F32_COUNT; id++) {
        timed t = {sg_binary_f32_of(c->cpu)->fn[id], {.x = x, .y = y, .x_step = 1, .y_step = 1, .z = z, .rows = 1, .n = MANY}};
        check_rate(c, name[id], MANY, check_seconds(call, &t));
    }
    free(x);
    free(y);
    free(z);
}

const check_family check_binary_f32 = {"binary_f32", sizeof(sg_binary_f32_table), init, run, bench};
