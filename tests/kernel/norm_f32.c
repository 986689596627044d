/* Sums, normalization and softmax against double. A sum of n terms in partial sums of at most 4096 is off by less than 4096 2^-24 times the sum
 * of their sizes, in practice far less: what is asked for is 64 2^-24 (sums of random signs). Softmax: 8 units of the largest result of a
 * row, its logarithm within 2^-20 of the largest argument. */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/norm/norm_f32.h"

static void init(void *table, uint32_t cpu)
{
    memcpy(table, sg_norm_f32_of(cpu), sizeof(sg_norm_f32_table));
}

static bool near(double got, double want, double size)
{
    return fabs(got - want) <= 64 * 0x1p-24 * size + 1e-30;
}

static void sums(check *c, const sg_norm_f32_table *t, int64_t n)
{
    float *x = check_floats(c, n);
    double s = 0, size = 0, square = 0;
    for (int64_t i = 0; i < n; i++) {
        s += (double)x[i];
        size += fabs((double)x[i]);
        square += ((double)x[i] - 0.25) * ((double)x[i] - 0.25);
    }
    if (!near(t->sum(x, n), s, size) || !near(t->sum_square(x, 0.25f, n), square, square))
        check_fail(c, "sum", "differs");
    free(x);
}

static void columns(check *c, const sg_norm_f32_table *t, int64_t rows, int64_t n)
{
    int64_t step = n + 3;
    float *x = check_floats(c, rows * step), *y = check_room(n);
    t->sum_rows(x, rows, step, n, 0.5f, y);
    for (int64_t i = 0; i < n; i++) {
        double s = 0, size = 0;
        for (int64_t r = 0; r < rows; r++) {
            s += (double)x[r * step + i];
            size += fabs((double)x[r * step + i]);
        }
        if (!near((double)y[i], s / 2, size))
            check_fail(c, "sums of columns", "differ");
    }
    check_room_free(c, y, n, "sums of columns");
    free(x);
}

static void norm(check *c, const sg_norm_f32_table *t, int64_t n, bool center, bool bias)
{
    float *x = check_floats(c, n), *s = check_floats(c, n), *b = check_floats(c, n), *y = check_room(n);
    sg_norm_row r = {x, s, bias ? b : NULL, y, n, 1e-5f, center, 0, 0};
    double mean = 0, var = 0;
    for (int64_t i = 0; i < n && center; i++)
        mean += (double)x[i] / (double)n;
    for (int64_t i = 0; i < n; i++)
        var += ((double)x[i] - mean) * ((double)x[i] - mean) / (double)n;
    double inv = 1 / sqrt(var + (double)1e-5f);
    t->row(&r);
    bool good = near((double)r.mean, mean, 1) && near((double)r.inv, inv, inv * (1 + inv * inv));
    for (int64_t i = 0; i < n; i++)
        good = good &&
               near((double)y[i], ((double)x[i] - mean) * inv * (double)s[i] + (bias ? (double)b[i] : 0), (inv + 1) * (inv + 1));
    if (!good)
        check_fail(c, "norm of a row", "differs");
    check_room_free(c, y, n, "norm of a row");
    free(x);
    free(s);
    free(b);
}

/* n numbers at a step; `lines` of them, `apart` from one to the next. */
static void soft_good(check *c, const float *x, const float *y, int64_t n, int64_t step, int64_t lines, int64_t apart, bool log)
{
    for (int64_t l = 0; l < lines; l++) {
        const float *a = x + l * apart, *b = y + l * apart;
        double top = -INFINITY, sum = 0, most = 0;
        for (int64_t i = 0; i < n; i++) { /* no fmax: gcc 12 for Arm fails at such loops */
            top = (double)a[i * step] > top ? (double)a[i * step] : top;
            most = fabs((double)a[i * step]) > most ? fabs((double)a[i * step]) : most;
        }
        for (int64_t i = 0; i < n; i++)
            sum += exp((double)a[i * step] - top);
        for (int64_t i = 0; i < n; i++) {
            double want = (double)a[i * step] - top, got = (double)b[i * step];
            want = log ? want - log1p(sum - 1) : exp(want) / sum;
            if (!(fabs(got - want) <= (log ? 0x1p-20 * (most + 10) : 0x1p-21 / sum + 0x1p-21 * want))) {
                check_fail(c, "softmax", "differs");
                return;
            }
        }
    }
}

static void soft(check *c, const sg_norm_f32_table *t, int64_t n, int64_t lines, bool log)
{
    float *x = check_floats(c, n * lines), *y = check_room(n * lines), *z = check_room(n * lines);
    for (int64_t i = 0; i < n * lines; i++)
        x[i] *= 20;
    t->softmax(x, lines, n, log, y);
    soft_good(c, x, y, n, 1, lines, n, log);
    t->softmax_cols(x, n, lines, lines, log, z);
    soft_good(c, x, z, n, lines, lines, 1, log);
    check_room_free(c, y, n * lines, "softmax");
    check_room_free(c, z, n * lines, "softmax of columns");
    x[0] = NAN;
    t->softmax(x, 1, n, log, x);
    if (!isnan(x[n - 1]))
        check_fail(c, "softmax", "loses what is no number");
    free(x);
}

static void run(check *c)
{
    const sg_norm_f32_table *t = sg_norm_f32_of(c->cpu);
    for (int64_t n = 1; n <= 140; n++) {
        sums(c, t, n);
        columns(c, t, check_pick(c, 1, 300), n);
        norm(c, t, n, n & 1, n & 2);
        norm(c, t, n, !(n & 1), n & 2);
        soft(c, t, n, check_pick(c, 1, 40), n & 1);
        soft(c, t, n, check_pick(c, 1, 40), !(n & 1));
    }
    sums(c, t, 10007);
    norm(c, t, 10007, true, true);
}

typedef struct timed {
    const sg_norm_f32_table *t;
    float *x, *y;
    int64_t n;
} timed;

enum { MANY = 8192 };

static void call_softmax(void *ctx)
{
    timed *t = ctx;
    t->t->softmax(t->x, MANY / t->n, t->n, false, t->y);
}

static void call_row(void *ctx)
{
    timed *t = ctx;
    for (int64_t i = 0; i < MANY; i += t->n) {
        sg_norm_row r = {t->x + i, t->x, t->x, t->y + i, t->n, 1e-5f, true, 0, 0};
        t->t->row(&r);
    }
}

static void bench(check *c)
{
    static const int64_t sizes[] = {2, 32, 256, 4096};
    timed t = {sg_norm_f32_of(c->cpu), check_floats(c, MANY), check_floats(c, MANY), 0};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char what[64];
        t.n = sizes[i];
        snprintf(what, sizeof what, "softmax of %lld", (long long)t.n);
        check_rate(c, what, MANY, check_seconds(call_softmax, &t));
        snprintf(what, sizeof what, "norm of %lld", (long long)t.n);
        check_rate(c, what, MANY, check_seconds(call_row, &t));
    }
    free(t.x);
    free(t.y);
}

const check_family check_norm_f32 = {"norm_f32", sizeof(sg_norm_f32_table), init, run, bench};
