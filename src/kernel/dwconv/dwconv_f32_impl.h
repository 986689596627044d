/* Spans of depthwise convolution of one level: a template. What includes it has included a header of kernel/simd first, and then
 * names its table, after BLOCK_ROWS. Every element is one sum, the bias first, in the order of the taps. */
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

/* ---- blocks ---- */

#define SUM(r, j) c##r##j = bias
#define LOAD_X(i)                                                                                      \
    const v_f32 x0 = v_load(s->x[i][0] + k), x1 = v_load(s->x[i][1] + k), x2 = v_load(s->x[i][2] + k), \
                x3 = v_load(s->x[i][3] + k), x4 = v_load(s->x[i][4] + k), x5 = v_load(s->x[i][5] + k);
#define TAPS(c, ky, xa, xb, xc) c = v_fma(xc, w##ky##2, v_fma(xb, w##ky##1, v_fma(xa, w##ky##0, c)))
/* One row of pixels by row ky of the kernel, to the sums of row r. */
#define TAPS_ROW(r, ky)            \
    TAPS(c##r##0, ky, x0, x1, x2); \
    TAPS(c##r##1, ky, x1, x2, x3); \
    TAPS(c##r##2, ky, x2, x3, x4); \
    TAPS(c##r##3, ky, x3, x4, x5);

static inline void put_block(const sg_dw_block *s, int64_t row, int64_t col, int64_t k, v_f32 v)
{
    int64_t at = row * s->y_row + col * s->c + k;
    if (row >= s->rows || col >= s->cols)
        return;
    if (s->add)
        v = v_add(v, v_load(s->add + at));
    v_store(s->y + at, v_at_most(v_set(s->hi), v_at_least(v_set(s->lo), v)));
}

#define PUT_ROW(r)                  \
    put_block(s, r, 0, k, c##r##0); \
    put_block(s, r, 1, k, c##r##1); \
    put_block(s, r, 2, k, c##r##2); \
    put_block(s, r, 3, k, c##r##3);

#define BLOCK_WEIGHT(ky, kx) w##ky##kx = v_load(w + (1 + 3 * (ky) + (kx)) * V_LANES)
#define EACH_VECTOR        \
    const float *w = s->w; \
    for (int64_t at = 0, k; at < s->c; at += V_LANES, w += 10 * V_LANES)
#define BLOCK_START                                                                                               \
    k = at + V_LANES <= s->c ? at : s->c - V_LANES;                                                               \
    const v_f32 bias = v_load(w), BLOCK_WEIGHT(0, 0), BLOCK_WEIGHT(0, 1), BLOCK_WEIGHT(0, 2), BLOCK_WEIGHT(1, 0), \
                BLOCK_WEIGHT(1, 1), BLOCK_WEIGHT(1, 2), BLOCK_WEIGHT(2, 0), BLOCK_WEIGHT(2, 1), BLOCK_WEIGHT(2, 2);

#if BLOCK_ROWS == 2
static void block(const sg_dw_block *s)
{
    EACH_VECTOR
    {
        BLOCK_START
        v_f32 SUM(0, 0), SUM(0, 1), SUM(0, 2), SUM(0, 3), SUM(1, 0), SUM(1, 1), SUM(1, 2), SUM(1, 3);
        {
            LOAD_X(0)
            TAPS_ROW(0, 0)
        }
        {
            LOAD_X(1)
            TAPS_ROW(0, 1)
            TAPS_ROW(1, 0)
        }
        {
            LOAD_X(2)
            TAPS_ROW(0, 2)
            TAPS_ROW(1, 1)
        }
        {LOAD_X(3) TAPS_ROW(1, 2)} PUT_ROW(0) PUT_ROW(1)
    }
}
#else
static void block(const sg_dw_block *s)
{
    EACH_VECTOR
    {
        BLOCK_START
        v_f32 SUM(0, 0), SUM(0, 1), SUM(0, 2), SUM(0, 3);
        {
            LOAD_X(0)
            TAPS_ROW(0, 0)
        }
        {
            LOAD_X(1)
            TAPS_ROW(0, 1)
        }
        {LOAD_X(2) TAPS_ROW(0, 2)} PUT_ROW(0)
    }
}
#endif

#define TABLE {V_LANES, span_three, span_any, span_few, block, BLOCK_ROWS}
