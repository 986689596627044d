/* Windows of f32: a maximum is one of its taps; a mean of K taps is off by at most (K + 1) 2^-24 times the mean of their sizes. */
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/pool/pool_f32.h"

static void init(void *table, uint32_t cpu)
{
    memcpy(table, sg_pool_f32_of(cpu), sizeof(sg_pool_f32_table));
}

static void one(check *c, int64_t rows, int64_t columns, int64_t n)
{
    int64_t pixel = n + check_pick(c, 0, 5), line = pixel * columns + check_pick(c, 0, 9);
    float *x = check_floats(c, rows * line), *mean = check_room(n), *max = check_room(n);
    sg_pool_window_f32 w = {x, rows, columns, line, pixel, n, (float)(rows * columns), mean};
    sg_pool_f32_of(c->cpu)->mean(&w);
    int64_t odd = check_pick(c, 0, n - 1);
    x[check_pick(c, 0, rows - 1) * line + check_pick(c, 0, columns - 1) * pixel + odd] += 1;
    w.y = max;
    float before = mean[odd];
    sg_pool_f32_of(c->cpu)->mean(&w);
    if (rows * columns < 100 && w.y[odd] == before)
        check_fail(c, "mean of a window", "misses a tap");
    sg_pool_f32_of(c->cpu)->max(&w);
    for (int64_t i = 0; i < n; i++) {
        double sum = 0, size = 0;
        float most = -INFINITY;
        for (int64_t k = 0; k < rows * columns; k++) {
            float v = x[k / columns * line + k % columns * pixel + i];
            sum += (double)v;
            size += fabs((double)v);
            most = v > most ? v : most;
        }
        double taps = (double)(rows * columns);
        if (i != odd && !(fabs((double)mean[i] - sum / taps) <= (taps + 1) * 0x1p-24 * size / taps))
            check_fail(c, "mean of a window", "differs");
        if (max[i] != most)
            check_fail(c, "maximum of a window", "differs");
    }
    x[check_pick(c, 0, rows - 1) * line + check_pick(c, 0, columns - 1) * pixel + odd] = NAN;
    sg_pool_f32_of(c->cpu)->max(&w);
    if (!isnan(max[odd]))
        check_fail(c, "maximum of a window", "is not what is no number");
    check_room_free(c, mean, n, "mean of a window");
    check_room_free(c, max, n, "maximum of a window");
    free(x);
}

static void run(check *c)
{
    for (int64_t n = 1; n <= 70; n++)
        one(c, check_pick(c, 1, 9), check_pick(c, 1, 9), n);
}

typedef struct timed {
    const sg_pool_f32_table *t;
    sg_pool_window_f32 w;
} timed;

static void call_max(void *ctx)
{
    timed *t = ctx;
    t->t->max(&t->w);
}

static void call_mean(void *ctx)
{
    timed *t = ctx;
    t->t->mean(&t->w);
}

static void bench(check *c)
{
    enum { SIDE = 3, CHANNELS = 256 };
    float *x = check_floats(c, SIDE * SIDE * CHANNELS), *y = check_floats(c, CHANNELS);
    timed t = {sg_pool_f32_of(c->cpu), {x, SIDE, SIDE, SIDE * CHANNELS, CHANNELS, CHANNELS, 9, y}};
    check_rate(c, "maxima of 3x3", SIDE * SIDE * CHANNELS, check_seconds(call_max, &t));
    check_rate(c, "means of 3x3", SIDE * SIDE * CHANNELS, check_seconds(call_mean, &t));
    free(x);
    free(y);
}

const check_family check_pool_f32 = {"pool_f32", sizeof(sg_pool_f32_table), init, run, bench};
