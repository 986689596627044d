/* Linear resizing: x0 + w (x1 - x0) with three roundings at most, so within 2^-23 of the larger side. */
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/resize/resize.h"

static void init(void *table, uint32_t cpu)
{
    memcpy(table, sg_resize_f32_of(cpu), sizeof(sg_resize_f32_table));
}

static bool near(float got, float a, float b, float w)
{
    double want = (double)a + (double)w * ((double)b - (double)a);
    return fabs((double)got - want) <= 0x1p-22 * fmax(fabs((double)a), fabs((double)b));
}

static void rows(check *c, int64_t n)
{
    float *a = check_floats(c, n), *b = check_floats(c, n), *y = check_room(n);
    sg_resize_f32_of(c->cpu)->rows(a, b, 0.3f, n, y);
    for (int64_t i = 0; i < n; i++)
        if (!near(y[i], a[i], b[i], 0.3f)) {
            check_fail(c, "rows", "differ");
            break;
        }
    check_room_free(c, y, n, "rows");
    free(a);
    free(b);
}

enum { PIXELS = 37, FROM = 11 };

static void cols(check *c, int64_t channels)
{
    int32_t from[PIXELS], to[PIXELS];
    float *x = check_floats(c, FROM * channels), *w = check_floats(c, PIXELS), *y = check_room(PIXELS * channels);
    for (int i = 0; i < PIXELS; i++) {
        from[i] = (int32_t)check_pick(c, 0, FROM - 1);
        to[i] = (int32_t)check_pick(c, 0, FROM - 1);
        w[i] = fabsf(w[i]);
    }
    const sg_resize_axis at = {from, to, w};
    sg_resize_f32_of(c->cpu)->cols(x, &at, PIXELS, channels, y);
    for (int64_t i = 0; i < PIXELS * channels; i++) {
        int64_t p = i / channels, k = i % channels;
        if (!near(y[i], x[from[p] * channels + k], x[to[p] * channels + k], w[p])) {
            check_fail(c, "columns", "differ");
            break;
        }
    }
    check_room_free(c, y, PIXELS * channels, "columns");
    free(x);
    free(w);
}

static void run(check *c)
{
    for (int64_t n = 1; n <= 70; n++) {
        rows(c, n);
        cols(c, n);
    }
}

typedef struct timed {
    const sg_resize_f32_table *t;
    float *a, *b, *y;
} timed;

enum { MANY = 4096 };

static void call(void *ctx)
{
    timed *t = ctx;
    t->t->rows(t->a, t->b, 0.3f, MANY, t->y);
}

static void bench(check *c)
{
    timed t = {sg_resize_f32_of(c->cpu), check_floats(c, MANY), check_floats(c, MANY), check_floats(c, MANY)};
    check_rate(c, "rows", 3 * MANY, check_seconds(call, &t));
    free(t.a);
    free(t.b);
    free(t.y);
}

const check_family check_resize_f32 = {"resize_f32", sizeof(sg_resize_f32_table), init, run, bench};
