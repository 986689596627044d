/* Depthwise convolution: taps in fours, which one instruction multiplies and adds where there is one. */
#include "kernel/q8/q8_dwconv.h"

#include <string.h>

enum { TAPS_MAX = 1024 };

bool sg_q8_conv_is_depthwise(const sg_q8_conv *a)
{
    return !a->product && a->s.c == a->s.group && a->s.oc == a->s.c && a->s.kh * a->s.kw <= TAPS_MAX / 4;
}

/* Filters of three or four rows have a column of taps in each four, so that the next output finds the columns again. */
static bool by_columns(const sg_q8_conv *a)
{
    return a->s.kh == 3 || a->s.kh == 4;
}

/* Taps of one layer, rounded up to fours. */
static int64_t taps(const sg_q8_conv *a)
{
    return by_columns(a) ? 4 * a->s.kw : sg_q8_up(a->s.kh * a->s.kw, 4);
}

/* Where tap i of a layer stands in the filter; false: it fills up a four, and reads what its neighbour reads. */
static bool tap_at(const sg_q8_conv *a, int64_t i, int64_t *r, int64_t *s)
{
    bool real = by_columns(a) ? i % 4 < a->s.kh : i < a->s.kh * a->s.kw;
    *r = by_columns(a) ? (real ? i % 4 : a->s.kh - 1) : (real ? i : a->s.kh * a->s.kw - 1) / a->s.kw;
    *s = by_columns(a) ? i / 4 : (real ? i : a->s.kh * a->s.kw - 1) % a->s.kw;
    return real;
}

int64_t sg_q8_dwconv_taps(const sg_q8_conv *a)
{
    return taps(a) * a->layers;
}

/* ---- weights ---------------------------------------------------------------------------------------------------- */

/* Few channels do not fill the widest block: neighbours in a row, whose windows are neighbours too, do. */
static int fold_of(const sg_q8_conv *a, const sg_q8_table *q)
{
    bool few = a->s.stride_w == 1 && (a->s.c == 8 || a->s.c == 16) && q->lanes == 4;
    return few ? (int)(16 * q->lanes / a->s.c) : 1;
}

bool sg_q8_dwconv_packed(sg_q8_conv *a, const sg_q8_table *q, size_t *bytes, size_t *n)
{
    a->fold = fold_of(a, q);
    a->group_pitch = a->w_pitch = 0;
    a->panel_n = sg_q8_up(a->s.c * a->fold, SG_Q8_N);
    *n = (size_t)a->panel_n;
    *bytes = (size_t)(a->panel_n * taps(a) * a->layers);
    return true;
}

/* Channel c's place in its block of L lanes: see sg_q8_dw_lanes. */
static int64_t place(int64_t c, int lanes)
{
    return (c % 16 / 4 * lanes + c / 16) * 4 + c % 4;
}

/* Filter w of a channel into its place: `width` channels stand between the fours of taps. Returns the sum. */
static int32_t pack_filter(const sg_q8_conv *a, const void *w, bool w_signed, int32_t zero, int64_t width, int8_t *to)
{
    uint32_t sum = 0;
    int64_t n = taps(a), r, s;
    for (int64_t i = 0; i < n; i++) {
        if (!tap_at(a, i, &r, &s))
            continue;
        int64_t at = r * a->s.kw + s;
        int32_t v = (w_signed ? ((const int8_t *)w)[at] : ((const uint8_t *)w)[at]) - zero;
        sum += (uint32_t)v;
        for (int l = 0; l < a->layers; l++) {
            int32_t part = v < INT8_MIN ? INT8_MIN : v > INT8_MAX ? INT8_MAX : v;
            to[((l * n + i) / 4 * width) * 4 + i % 4] = (int8_t)part;
            v -= part;
        }
    }
    return (int32_t)sum;
}

void sg_q8_dwconv_pack(const sg_q8_conv *a, const sg_q8_table *q, const void *w, bool w_signed, const int32_t *w_zero,
                       const int32_t *bias, const float *scale, int32_t x_zero, int8_t *to, int32_t *to_bias, float *to_scale)
{
    int64_t all = taps(a) * a->layers, each = a->s.kh * a->s.kw, channels = a->s.c * a->fold;
    memset(to, 0, (size_t)(a->panel_n * all));
    memset(to_bias, 0, (size_t)a->panel_n * sizeof *to_bias);
    memset(to_scale, 0, (size_t)a->panel_n * sizeof *to_scale);
    for (int64_t from = 0; from < channels;) {
        int lanes = sg_q8_dw_lanes(channels - from, q->lanes);
        for (int64_t i = 0; i < 16 * lanes && from + i < channels; i++) {
            int64_t c = (from + i) % a->s.c, p = place(i, lanes);
            int32_t sum = pack_filter(a, (const uint8_t *)w + c * each, w_signed, w_zero[c], 16 * lanes, to + from * all + p * 4);
            to_bias[from + p] = (int32_t)((uint32_t)bias[c] - (uint32_t)x_zero * (uint32_t)sum);
            to_scale[from + p] = scale[c];
        }
        from += 16 * lanes;
    }
}

/* ---- jobs ------------------------------------------------------------------------------------------------------- */

void sg_q8_dwconv_place(const sg_q8_conv *a, const sg_q8_cut *cut, int64_t *tap)
{
    int64_t each = taps(a), all = sg_q8_dwconv_taps(a), r, s;
    for (int64_t i = 0; i < all; i++) {
        tap_at(a, i % each, &r, &s);
        tap[i] = r * a->s.dilation_h * cut->line + s * a->s.dilation_w * cut->pixel;
    }
}

static int slides(const sg_q8_conv *a)
{
    const sg_conv_shape *s = &a->s;
    return a->layers == 1 && a->fold == 1 && s->kh == 3 && s->kw == 3 && s->stride_w <= 2 && s->dilation_w == 1 ? (int)s->stride_w
                                                                                                                : 0;
}

/* Whether two rows of outputs read three lines of each other's windows. */
static bool pairs(const sg_q8_conv *a, const sg_q8_table *q)
{
    return q->pairs && slides(a) == 1 && a->s.stride_h == 1 && a->s.dilation_h == 1;
}

void sg_q8_dwconv_rows(const sg_q8_conv *a, const sg_q8_table *q, const sg_q8_cut *cut, const uint8_t *x, int64_t rows,
                       int64_t width, const int64_t *tap, uint8_t *y)
{
    const int64_t c = a->s.c, y_line = a->s.ow * c;
    sg_q8_dw d = {.x = x,
                  .tap = tap,
                  .taps = (int)sg_q8_dwconv_taps(a),
                  .slides = slides(a),
                  .n = width / a->fold,
                  .step = a->s.stride_w * c * a->fold,
                  .channels = c * a->fold,
                  .wide = a->fold > 1,
                  .w = a->weight,
                  .bias = a->bias,
                  .scale = a->scale,
                  .y = y,
                  .y_pitch = c * a->fold,
                  .y_line = y_line,
                  .flip = a->flip,
                  .out = a->out};
    for (int64_t row = 0; row < rows; row += d.rows) {
        d.rows = pairs(a, q) && row + 2 <= rows ? 2 : 1;
        q->dw(&d);
        if (width % a->fold) {
            sg_q8_dw end = d;
            end.x += d.n * d.step;
            end.y += d.n * d.y_pitch;
            end.n = 1;
            end.channels = width % a->fold * c;
            q->dw(&end);
        }
        d.x += d.rows * a->s.stride_h * cut->line;
        d.y += d.rows * y_line;
    }
}
