/* Spans of depthwise convolution of one level: a template. What includes it has included a header of kernel/simd first, and then
 * names its table. Every element is one sum, the bias first, in the order of the taps. */
#include "kernel/dwconv/dwconv_f32.h"

static inline v_f32 finish(const sg_dw_span *s, v_f32 v)
{
    return v_at_most(v_set(s->hi), v_at_least(v_set(s->lo), v));
}

static inline void put(const sg_dw_span *s, int64_t pixel, v_f32 v)
{
    if (s->add)
        v = v_add(v, v_load(s->add + pixel * s->y_step));
    v_store(s->y + pixel * s->y_step, finish(s, v));
}

#define WEIGHT(ky, kx) w##ky##kx = v_load(s->w + (ky) * s->w_row + (kx) * V_LANES)
/* The sum c and the three taps of kernel row ky, which stand at p. */
#define ROW3(ky, c, p) v_fma(v_load((p) + 2 * col), w##ky##2, v_fma(v_load((p) + col), w##ky##1, v_fma(v_load(p), w##ky##0, c)))

/* 3 x 3 taps: the weights stay in registers; two sums at a time. */
static void span_three(const sg_dw_span *s)
{
    const int64_t col = s->by_col, row = s->by_row;
    const v_f32 WEIGHT(0, 0), WEIGHT(0, 1), WEIGHT(0, 2), WEIGHT(1, 0), WEIGHT(1, 1), WEIGHT(1, 2);
    const v_f32 WEIGHT(2, 0), WEIGHT(2, 1), WEIGHT(2, 2);
    const v_f32 bias = v_load(s->bias);
    const float *p = s->x;
    int64_t i = 0;
    for (; i + 2 <= s->pixels; i += 2, p += 2 * s->x_step) {
        const float *q = p + s->x_step;
        v_f32 c = ROW3(0, bias, p), d = ROW3(0, bias, q);
        c = ROW3(1, c, p + row);
        d = ROW3(1, d, q + row);
        c = ROW3(2, c, p + 2 * row);
        d = ROW3(2, d, q + 2 * row);
        put(s, i, c);
        put(s, i + 1, d);
    }
    if (i < s->pixels) {
        v_f32 c = ROW3(0, bias, p);
        c = ROW3(1, c, p + row);
        c = ROW3(2, c, p + 2 * row);
        put(s, i, c);
    }
}

/* Any taps: four sums at a time. */
static void span_any(const sg_dw_span *s)
{
    const v_f32 bias = v_load(s->bias);
    const float *p = s->x;
    int64_t i = 0;
    for (; i + 4 <= s->pixels; i += 4, p += 4 * s->x_step) {
        v_f32 c = bias, d = bias, e = bias, f = bias;
        for (int64_t ky = 0; ky < s->rows; ky++)
            for (int64_t kx = 0; kx < s->cols; kx++) {
                const float *x = p + ky * s->by_row + kx * s->by_col;
                const v_f32 w = v_load(s->w + ky * s->w_row + kx * V_LANES);
                c = v_fma(v_load(x), w, c);
                d = v_fma(v_load(x + s->x_step), w, d);
                e = v_fma(v_load(x + 2 * s->x_step), w, e);
                f = v_fma(v_load(x + 3 * s->x_step), w, f);
            }
        put(s, i, c);
        put(s, i + 1, d);
        put(s, i + 2, e);
        put(s, i + 3, f);
    }
    for (; i < s->pixels; i++, p += s->x_step) {
        v_f32 c = bias;
        for (int64_t ky = 0; ky < s->rows; ky++)
            for (int64_t kx = 0; kx < s->cols; kx++)
                c = v_fma(v_load(p + ky * s->by_row + kx * s->by_col), v_load(s->w + ky * s->w_row + kx * V_LANES), c);
        put(s, i, c);
    }
}

/* Fewer channels than a vector has lanes. */
static void span_few(const sg_dw_span *s)
{
    const int64_t n = s->lanes;
    for (int64_t i = 0; i < s->pixels; i++) {
        v_f32 c = v_load(s->bias);
        for (int64_t ky = 0; ky < s->rows; ky++)
            for (int64_t kx = 0; kx < s->cols; kx++)
                c = v_fma(v_load_n(s->x + i * s->x_step + ky * s->by_row + kx * s->by_col, n),
                          v_load(s->w + ky * s->w_row + kx * V_LANES), c);
        if (s->add)
            c = v_add(c, v_load_n(s->add + i * s->y_step, n));
        v_store_n(s->y + i * s->y_step, finish(s, c), n);
    }
}

#define TABLE {V_LANES, span_three, span_any, span_few}
