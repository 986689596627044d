/* Maxima and averages of windows, channels last. */
#include "kernel/pool/pool_last.h"

#include <string.h>

/* The taps of a window that stand inside: [from, to) along each axis. */
typedef struct taps {
    int64_t y0, x0, ky0, ky1, kx0, kx1;
} taps;

static void axis_taps(int64_t at, int64_t dilation, int64_t k, int64_t size, int64_t *from, int64_t *to)
{
    *from = at < 0 ? (-at + dilation - 1) / dilation : 0;
    *to = at >= size ? 0 : (size - 1 - at) / dilation + 1;
    *to = *to < k ? *to : k;
}

static taps taps_of(const sg_pool_last_args *a, int64_t oy, int64_t ox)
{
    taps t = {.y0 = oy * a->stride_h - a->pad_top, .x0 = ox * a->stride_w - a->pad_left};
    axis_taps(t.y0, a->dilation_h, a->kh, a->h, &t.ky0, &t.ky1);
    axis_taps(t.x0, a->dilation_w, a->kw, a->w, &t.kx0, &t.kx1);
    return t;
}

/* Where the channels of a tap stand. */
static int64_t tap_at(const sg_pool_last_args *a, const taps *t, int64_t ky, int64_t kx)
{
    return ((t->y0 + ky * a->dilation_h) * a->w + t->x0 + kx * a->dilation_w) * a->c;
}

void sg_pool_last_max_8(const sg_pool_last_args *a, const void *x, int64_t oy, void *y)
{
    uint8_t *to = (uint8_t *)y + oy * a->ow * a->c;
    for (int64_t ox = 0; ox < a->ow; ox++, to += a->c) {
        const taps t = taps_of(a, oy, ox);
        if (t.ky0 >= t.ky1 || t.kx0 >= t.kx1) {
            memset(to, 0, (size_t)a->c);
            continue;
        }
        const sg_pool_span s = {.x = (const uint8_t *)x + tap_at(a, &t, t.ky0, t.kx0),
                                .rows = t.ky1 - t.ky0,
                                .columns = t.kx1 - t.kx0,
                                .line = a->dilation_h * a->w * a->c,
                                .pixel = a->dilation_w * a->c,
                                .n = a->c,
                                .y = to};
        a->max8(&s);
    }
}

/* Taps of an axis before the end of the padding. */
static int64_t padded(int64_t at, int64_t dilation, int64_t k, int64_t end)
{
    int64_t n = at >= end ? 0 : (end - 1 - at) / dilation + 1;
    return n < k ? n : k;
}

static double divisor(const sg_pool_last_args *a, const taps *t)
{
    int64_t seen = (t->ky1 - t->ky0) * (t->kx1 - t->kx0);
    if (a->count_pad)
        seen = padded(t->y0, a->dilation_h, a->kh, a->h + a->pad_bottom) *
               padded(t->x0, a->dilation_w, a->kw, a->w + a->pad_right);
    return (double)seen;
}

/* Row oy of windows, each by fn; `mean` wants the divisor. */
static void row_f32(const sg_pool_last_args *a, void (*fn)(const sg_pool_window_f32 *w), bool mean, const float *x, int64_t oy,
                    float *y)
{
    float *to = y + oy * a->ow * a->c;
    for (int64_t ox = 0; ox < a->ow; ox++, to += a->c) {
        const taps t = taps_of(a, oy, ox);
        if (t.ky0 >= t.ky1 || t.kx0 >= t.kx1) {
            memset(to, 0, (size_t)a->c * sizeof *to);
            continue;
        }
        const sg_pool_window_f32 w = {.x = x + tap_at(a, &t, t.ky0, t.kx0),
                                      .rows = t.ky1 - t.ky0,
                                      .columns = t.kx1 - t.kx0,
                                      .line = a->dilation_h * a->w * a->c,
                                      .pixel = a->dilation_w * a->c,
                                      .n = a->c,
                                      .by = mean ? (float)divisor(a, &t) : 1,
                                      .y = to};
        fn(&w);
    }
}

void sg_pool_last_max_f32(const sg_pool_last_args *a, const void *x, int64_t oy, void *y)
{
    row_f32(a, a->f32->max, false, x, oy, y);
}

void sg_pool_last_average_f32(const sg_pool_last_args *a, const void *x, int64_t oy, void *y)
{
    row_f32(a, a->f32->mean, true, x, oy, y);
}

/* Nearest integer, ties to even. */
static int32_t rounded(float t, const sg_pool_last_args *a)
{
    float min = (float)(a->lo - a->y_zero), max = (float)(a->hi - a->y_zero);
    t = t > min ? t : min;
    t = t < max ? t : max;
    return (int32_t)((t + 12582912.0f) - 12582912.0f) + a->y_zero;
}

static void add_bytes(int32_t *sum, const uint8_t *from, int64_t n, bool is_signed)
{
    if (is_signed)
        for (int64_t c = 0; c < n; c++)
            sum[c] += (int8_t)from[c];
    else
        for (int64_t c = 0; c < n; c++)
            sum[c] += from[c];
}

#define EACH_TAP(t)                                \
    for (int64_t ky = (t).ky0; ky < (t).ky1; ky++) \
        for (int64_t kx = (t).kx0; kx < (t).kx1; kx++)

enum { BLOCK = 128 };

void sg_pool_last_average_8(const sg_pool_last_args *a, const void *x, int64_t oy, void *y)
{
    uint8_t *to = (uint8_t *)y + oy * a->ow * a->c;
    for (int64_t ox = 0; ox < a->ow; ox++, to += a->c) {
        const taps t = taps_of(a, oy, ox);
        bool any = t.ky0 < t.ky1 && t.kx0 < t.kx1;
        int32_t count = any ? (int32_t)divisor(a, &t) : 1;
        float scale = (float)(a->ratio / (double)count);
        int32_t zero = any ? (int32_t)((t.ky1 - t.ky0) * (t.kx1 - t.kx0)) * a->x_zero : 0;
        for (int64_t c0 = 0; c0 < a->c; c0 += BLOCK) {
            int32_t sum[BLOCK] = {0};
            int64_t n = a->c - c0 < BLOCK ? a->c - c0 : BLOCK;
            EACH_TAP(t)
            add_bytes(sum, (const uint8_t *)x + tap_at(a, &t, ky, kx) + c0, n, a->x_signed);
            for (int64_t c = 0; c < n && a->ratio > 0; c++)
                to[c0 + c] = (uint8_t)rounded((float)(sum[c] - zero) * scale, a);
            for (int64_t c = 0; c < n && !(a->ratio > 0); c++)
                to[c0 + c] = any ? (uint8_t)((sum[c] + (sum[c] > 0 ? count / 2 : -(count / 2))) / count) : 0;
        }
    }
}
