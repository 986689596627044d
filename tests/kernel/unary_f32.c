/* Functions of one element, against the C library's in double over all floats of both signs at a fine step. What is asked for, in units of
 * the last place, is what kernel/simd/act_f32.h promises; `of_x` says that the unit is that of the argument. */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/unary/unary_f32.h"

static void init(void *table, uint32_t cpu)
{
    memcpy(table, sg_unary_f32_of(cpu), sizeof(sg_unary_f32_table));
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static double clamp(double x)
{
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

#define WANT(name, formula)                                           \
    static double want_##name(double x, double a, double b, double g) \
    {                                                                 \
        (void)a, (void)b, (void)g;                                    \
        return formula;                                               \
    }
WANT(ABS, fabs(x))
WANT(NEG, -x)
WANT(CEIL, ceil(x))
WANT(FLOOR, floor(x))
WANT(ROUND, rint(x))
WANT(SQRT, sqrt(x))
WANT(RECIPROCAL, 1 / x)
WANT(EXP, exp(x))
WANT(LOG, log(x))
WANT(TANH, tanh(x))
WANT(ERF, erf(x))
WANT(SIGMOID, sigmoid(x))
WANT(SOFTPLUS, x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)))
WANT(SOFTSIGN, x / (1 + fabs(x)))
WANT(RELU, x < 0 ? 0 : x)
WANT(LEAKY_RELU, x < 0 ? a * x : x)
WANT(ELU, x < 0 ? a * expm1(x) : x)
WANT(SELU, g *(x <= 0 ? a * expm1(x) : x))
WANT(HARD_SIGMOID, clamp(a *x + b))
WANT(HARD_SWISH, x *clamp(x / 6 + 0.5))
WANT(GELU, x * 0.5 * erfc(-x * 0.70710678118654752440))
WANT(GELU_TANH, x *sigmoid(2 * 0.79788456080286535588 * (x + 0.044715 * x * x * x)))
WANT(SWISH, x *sigmoid(a *x))
WANT(MISH, x *tanh(x > 0 ? x + log1p(exp(-x)) : log1p(exp(x))))
WANT(LINEAR, a *x + b)

static const struct row {
    const char *name;
    double (*want)(double x, double a, double b, double g);
    double ulp; /* 0: exact */
    double lo, hi; /* arguments */
    bool of_x;
} rows[SG_FN_F32_COUNT] = {
#define ROW(id, ulp, lo, hi, of_x) [SG_FN_F32_##id] = {#id, want_##id, ulp, lo, hi, of_x}
    ROW(ABS, 0, -HUGE_VAL, HUGE_VAL, false),
    ROW(NEG, 0, -HUGE_VAL, HUGE_VAL, false),
    ROW(CEIL, 0, -HUGE_VAL, HUGE_VAL, false),
    ROW(FLOOR, 0, -HUGE_VAL, HUGE_VAL, false),
    ROW(ROUND, 0, -HUGE_VAL, HUGE_VAL, false),
    ROW(SQRT, 0.51, 0, HUGE_VAL, false),
    ROW(RECIPROCAL, 0.51, -0x1p125, 0x1p125, false),
    ROW(EXP, 2, -87, HUGE_VAL, false),
    ROW(LOG, 2, 0, HUGE_VAL, false),
    ROW(TANH, 4, -HUGE_VAL, HUGE_VAL, false),
    ROW(ERF, 3, -HUGE_VAL, HUGE_VAL, false),
    ROW(SIGMOID, 4, -87, HUGE_VAL, false),
    ROW(SOFTPLUS, 4, -87, HUGE_VAL, false),
    ROW(SOFTSIGN, 2, -0x1p126, 0x1p126, false),
    ROW(RELU, 0, -HUGE_VAL, HUGE_VAL, false),
    ROW(LEAKY_RELU, 0.51, -HUGE_VAL, HUGE_VAL, false),
    ROW(ELU, 4, -HUGE_VAL, HUGE_VAL, false),
    ROW(SELU, 5, -HUGE_VAL, HUGE_VAL, false),
    ROW(HARD_SIGMOID, 1, 0, HUGE_VAL, false),
    ROW(HARD_SWISH, 3, -2, HUGE_VAL, false),
    ROW(GELU, 3, -HUGE_VAL, HUGE_VAL, true),
    ROW(GELU_TANH, 8, -2, HUGE_VAL, false),
    ROW(SWISH, 8, -8, HUGE_VAL, false),
    ROW(MISH, 6, -80, 0x1p60, false),
    ROW(LINEAR, 1, 0, HUGE_VAL, false),
#undef ROW
};

static double unit_of(double v)
{
    int e;
    frexp(fabs(v), &e);
    return ldexp(1, (e < -125 ? -125 : e) - 24);
}

enum { BLOCK = 1021 }; /* no multiple of any vector */

/* Returns the error in units, and fails the check once past what is allowed. */
static double error_of(const struct row *r, const sg_act_f32 *f, float x, float y)
{
    double want = r->want((double)x, (double)f->a, (double)f->b, (double)f->g);
    if ((float)want == y || (want != want && y != y))
        return 0;
    return fabs((double)y - want) / unit_of(r->of_x ? (double)x : want);
}

static void one(check *c, const struct row *r, const sg_act_f32 *f)
{
    float x[BLOCK], *y = check_room(BLOCK);
    double worst = 0;
    float at = 0;
    const uint32_t step = 0x7f800000u / (2 * BLOCK * (uint32_t)check_cases(1740));
    for (uint32_t bits = 0; bits < 0x7f800000u; bits += 2 * BLOCK * step)
        for (int part = 0; part < 2; part++) {
            for (uint32_t i = 0; i < BLOCK; i++) {
                uint32_t b = bits + (i * 2 + (uint32_t)part) * step;
                b = (b < 0x7f800000u ? b : 0x7f800000u) | (part ? 0x80000000u : 0);
                memcpy(&x[i], &b, sizeof b);
            }
            f->fn(f, x, 0, y, 0, 1, BLOCK);
            for (int i = 0; i < BLOCK; i++) {
                double e = (double)x[i] < r->lo || (double)x[i] > r->hi || isinf(x[i]) ? 0 : error_of(r, f, x[i], y[i]);
                if (!(e <= worst)) {
                    worst = e;
                    at = x[i];
                }
            }
        }
    if (!(worst <= r->ulp)) {
        char text[96];
        snprintf(text, sizeof text, "off by %.2f units at %.9g", worst, (double)at);
        check_fail(c, r->name, text);
    }
    check_room_free(c, y, BLOCK, r->name);
}

/* Rows at steps, in place, every length: the same bits as one by one; nothing between the rows changes. No number stays none. */
static void shapes(check *c, const struct row *r, const sg_act_f32 *f)
{
    enum { ROWS = 3, ROOM = 3 * 80 };
    for (int64_t n = 1; n <= 70; n++) {
        float *y = check_room(ROOM), *x = check_floats(c, ROOM), v[1] = {NAN};
        for (int i = 0; i < ROOM; i++)
            y[i] = x[i];
        f->fn(f, y, 80, y, 80, ROWS, n);
        for (int i = 0; i < ROOM; i++) {
            float want = x[i];
            if (i % 80 < n)
                f->fn(f, &x[i], 0, &want, 0, 1, 1);
            if (memcmp(&want, &y[i], sizeof want) != 0)
                check_fail(c, r->name, "a row differs from its elements");
        }
        f->fn(f, v, 0, v, 0, 1, 1);
        if (!isnan(v[0]))
            check_fail(c, r->name, "makes a number of none");
        check_room_free(c, y, ROOM, r->name);
        free(x);
    }
}

static void run(check *c)
{
    const sg_unary_f32_table *t = sg_unary_f32_of(c->cpu);
    for (int i = 0; i < SG_FN_F32_COUNT; i++) {
        sg_act_f32 f = {t->fn[i], 0.75f, 0.5f, 1.25f};
        one(c, &rows[i], &f);
        shapes(c, &rows[i], &f);
    }
}

typedef struct timed {
    sg_act_f32 f;
    float *x, *y;
} timed;

enum { MANY = 16384 };

static void call(void *ctx)
{
    timed *t = ctx;
    t->f.fn(&t->f, t->x, 0, t->y, 0, 1, MANY);
}

static void bench(check *c)
{
    timed t = {.x = check_floats(c, MANY), .y = check_floats(c, MANY)};
    for (int i = 0; i < SG_FN_F32_COUNT; i++) {
        t.f = (sg_act_f32){sg_unary_f32_of(c->cpu)->fn[i], 0.75f, 0.5f, 1.25f};
        check_rate(c, rows[i].name, MANY, check_seconds(call, &t));
    }
    free(t.x);
    free(t.y);
}

const check_family check_unary_f32 = {"unary_f32", sizeof(sg_unary_f32_table), init, run, bench};
