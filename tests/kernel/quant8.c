/* Conversions, sums and products of 8 bits: plain loops by docs/integers.md, every answer to the bit. */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/quant/quant8.h"

enum { MOST = 300, GUARD = 64 };

static void init(void *table, uint32_t cpu)
{
    memcpy(table, sg_quant8_of(cpu), sizeof(sg_quant8));
}

static sg_quant8_type any_type(check *c)
{
    bool is_signed = check_pick(c, 0, 1);
    return (sg_quant8_type){is_signed, (int32_t)check_pick(c, is_signed ? -128 : 0, is_signed ? 127 : 255),
                            (float)check_pick(c, 1, 64) / 16.0f}; /* halves are frequent */
}

static int32_t value(uint8_t v, const sg_quant8_type *t)
{
    return (t->is_signed ? (int8_t)v : v) - t->zero;
}

static uint8_t rounded(float v, const sg_quant8_type *t)
{
    const float lo = (float)((t->is_signed ? -128 : 0) - t->zero), hi = (float)((t->is_signed ? 127 : 255) - t->zero);
    v = v > lo ? v : lo; /* a NaN becomes the least */
    v = v < hi ? v : hi;
    return (uint8_t)((int32_t)rintf(v) + t->zero);
}

static void compare(check *c, const char *what, int64_t n, const uint8_t *want, const uint8_t *got)
{
    for (int64_t i = 0; i < n; i++)
        if (want[i] != got[i]) {
            char text[64];
            snprintf(text, sizeof text, "element %lld of %lld is %d, not %d", (long long)i, (long long)n, got[i], want[i]);
            check_fail(c, what, text);
            return;
        }
    if (got[-1] != 0xa5 || got[n] != 0xa5)
        check_fail(c, what, "wrote outside its output");
}

static float any_float(check *c)
{
    int64_t kind = check_pick(c, 0, 20);
    return kind == 0   ? NAN
           : kind == 1 ? INFINITY
           : kind == 2 ? -INFINITY
           : kind == 3 ? 3e38f
                       : (float)check_pick(c, -4096, 4096) / 8.0f;
}

static void conversions(check *c, const sg_quant8 *q, int64_t n)
{
    const sg_quant8_type t = any_type(c);
    float *x = check_floats(c, n), *y = check_room(n);
    uint8_t want[MOST], got[MOST + 2 * GUARD];
    for (int64_t i = 0; i < n; i++) {
        x[i] = any_float(c);
        want[i] = rounded(x[i] / t.scale, &t);
    }
    memset(got, 0xa5, sizeof got);
    q->quantize(&t, x, n, got + GUARD);
    compare(c, "quantize", n, want, got + GUARD);
    q->dequantize(&t, want, n, y);
    for (int64_t i = 0; i < n; i++)
        if (y[i] != (float)value(want[i], &t) * t.scale) {
            check_fail(c, "dequantize", "differs");
            break;
        }
    check_room_free(c, y, n, "dequantize");
    free(x);
}

static void binaries(check *c, const sg_quant8 *q, int64_t n)
{
    const sg_quant8_binary t = {any_type(c), any_type(c), any_type(c)};
    uint8_t a[MOST], b[MOST], want[MOST], got[MOST + 2 * GUARD];
    for (int mul = 0; mul < 2; mul++) {
        for (int64_t i = 0; i < n; i++) {
            a[i] = (uint8_t)check_pick(c, 0, 255);
            b[i] = (uint8_t)check_pick(c, 0, 255);
            float u = (float)value(a[i], &t.a) * t.a.scale, v = (float)value(b[i], &t.b) * t.b.scale;
            want[i] = rounded(mul ? (float)(value(a[i], &t.a) * value(b[i], &t.b)) * t.a.scale : u + v, &t.y);
        }
        memset(got, 0xa5, sizeof got);
        (mul ? q->mul : q->add)(&t, a, b, n, got + GUARD);
        compare(c, mul ? "product" : "sum", n, want, got + GUARD);
        memcpy(got + GUARD, b, (size_t)n); /* over an operand */
        (mul ? q->mul : q->add)(&t, a, got + GUARD, n, got + GUARD);
        compare(c, mul ? "product in place" : "sum in place", n, want, got + GUARD);
    }
}

static void run(check *c)
{
    const sg_quant8 *q = sg_quant8_of(c->cpu);
    for (int64_t n = 0; n < MOST; n++) {
        conversions(c, q, n);
        binaries(c, q, n);
    }
}

typedef struct job {
    const sg_quant8 *q;
    sg_quant8_type t;
    float *x;
    uint8_t *y;
    int64_t n;
} job;

static void quantize_all(void *ctx)
{
    job *j = ctx;
    j->q->quantize(&j->t, j->x, j->n, j->y);
}

static void add_all(void *ctx)
{
    job *j = ctx;
    const sg_quant8_binary t = {j->t, j->t, j->t};
    j->q->add(&t, (const uint8_t *)j->x, (const uint8_t *)j->x + j->n, j->n, j->y);
}

static void bench(check *c)
{
    job j = {.q = sg_quant8_of(c->cpu), .t = any_type(c), .n = 150528};
    j.x = check_floats(c, j.n);
    j.y = malloc((size_t)j.n);
    if (!j.y)
        exit(1);
    double t = check_seconds(quantize_all, &j);
    printf("%-10s quantize %lld: %.1f us\n", c->level, (long long)j.n, 1e6 * t);
    t = check_seconds(add_all, &j);
    printf("%-10s add %lld: %.1f us\n", c->level, (long long)j.n, 1e6 * t);
    free(j.x);
    free(j.y);
}

const check_family check_quant8 = {"quant8", sizeof(sg_quant8), init, run, bench};
