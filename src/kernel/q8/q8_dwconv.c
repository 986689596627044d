/* Depthwise convolution: taps in fours, which one instruction multiplies and adds where there is one. */
#include "kernel/q8/q8_dwconv.h"

#include <string.h>

enum { TAPS_MAX = 1024 };
#define BAND_MACS 3e5

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

/* ---- weights ---------------------------------------------------------------------------------------------------- */

bool sg_q8_dwconv_packed(sg_q8_conv *a, const sg_q8_table *q, size_t *bytes, size_t *n)
{
    (void)q;
    a->group_pitch = a->w_pitch = 0;
    a->panel_n = sg_q8_up(a->s.c, SG_Q8_N);
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
    int64_t all = taps(a) * a->layers, each = a->s.kh * a->s.kw;
    memset(to, 0, (size_t)(a->panel_n * all));
    for (int64_t from = 0; from < a->s.c;) {
        int lanes = sg_q8_dw_lanes(a->s.c - from, q->lanes);
        for (int64_t i = 0; i < 16 * lanes && from + i < a->s.c; i++) {
            int64_t c = from + i, p = place(i, lanes);
            int32_t sum = pack_filter(a, (const uint8_t *)w + c * each, w_signed, w_zero[c], 16 * lanes, to + from * all + p * 4);
            to_bias[from + p] = (int32_t)((uint32_t)bias[c] - (uint32_t)x_zero * (uint32_t)sum);
            to_scale[from + p] = scale[c];
        }
        from += 16 * lanes;
    }
}

/* ---- jobs ------------------------------------------------------------------------------------------------------- */

bool sg_q8_dwconv_cut(const sg_q8_conv *a, sg_q8_cut *cut)
{
    int64_t all = a->s.n * a->s.oh;
    double row = (double)a->s.ow * (double)a->s.c * (double)(a->s.kh * a->s.kw);
    int64_t rows = row > BAND_MACS ? 1 : (int64_t)(BAND_MACS / row);
    cut->blocks = (all + rows - 1) / rows;
    cut->rows = (all + cut->blocks - 1) / cut->blocks;
    cut->columns = a->s.c;
    cut->chunks = 1;
    cut->jobs = cut->blocks;
    cut->scratch = (size_t)(taps(a) * a->layers) * (sizeof(uint8_t *) + sizeof(int64_t)) + (size_t)a->s.c;
    return true;
}

/* Scratch: pointers of the taps, their steps, then a pixel of zero points for the padding to read. */
static uint8_t *padding(const sg_q8_conv *a, void *scratch)
{
    return (uint8_t *)scratch + (size_t)(taps(a) * a->layers) * (sizeof(uint8_t *) + sizeof(int64_t));
}

void sg_q8_dwconv_begin(const sg_q8_conv *a, void *scratch)
{
    memset(padding(a, scratch), a->x_zero, (size_t)a->s.c);
}

/* Outputs [ox, ox + n) of row oy of an image, which all read inside the image or all outside at each tap. */
static void run(const sg_q8_conv *a, const sg_q8_table *q, const uint8_t *x, int64_t oy, int64_t ox, int64_t n, uint8_t *y,
                void *scratch)
{
    const uint8_t **tap = scratch;
    int64_t each = taps(a), all = each * a->layers, r, s;
    int64_t *step = (int64_t *)(tap + all);
    for (int64_t i = 0; i < all; i++) {
        tap_at(a, i % each, &r, &s);
        int64_t iy = oy * a->s.stride_h + r * a->s.dilation_h - a->s.pad_top,
                ix = ox * a->s.stride_w + s * a->s.dilation_w - a->s.pad_left;
        bool inside = iy >= 0 && iy < a->s.h && ix >= 0 && ix < a->s.w;
        tap[i] = inside ? x + (iy * a->s.w + ix) * a->s.c : padding(a, scratch);
        step[i] = inside ? a->s.stride_w * a->s.c : 0;
    }
    bool slides = all == 12 && a->s.kh == 3 && a->s.kw == 3 && a->s.stride_w <= 2 && a->s.dilation_w == 1;
    sg_q8_dw d = {.tap = tap,
                  .step = step,
                  .taps = (int)all,
                  .slides = slides ? (int)a->s.stride_w : 0,
                  .n = n,
                  .channels = a->s.c,
                  .w = a->weight,
                  .bias = a->bias,
                  .scale = a->scale,
                  .y = y,
                  .y_pitch = a->s.c,
                  .flip = a->flip,
                  .out = a->out};
    q->dw(&d);
}

void sg_q8_dwconv_job(const sg_q8_conv *a, const sg_q8_table *q, const sg_q8_cut *cut, int64_t job, const uint8_t *x, uint8_t *y,
                      void *scratch)
{
    int64_t end = (job + 1) * cut->rows < a->s.n * a->s.oh ? (job + 1) * cut->rows : a->s.n * a->s.oh;
    int64_t reach = a->s.w - 1 - (a->s.kw - 1) * a->s.dilation_w +
                    a->s.pad_left; /* outputs up to here read inside at every column */
    int64_t lo = (a->s.pad_left + a->s.stride_w - 1) / a->s.stride_w, hi = reach < 0 ? 0 : reach / a->s.stride_w + 1;
    lo = lo < a->s.ow ? lo : a->s.ow;
    hi = hi > a->s.ow ? a->s.ow : hi < lo ? lo : hi;
    for (int64_t row = job * cut->rows; row < end; row++) {
        const uint8_t *image = x + row / a->s.oh * a->s.h * a->s.w * a->s.c;
        uint8_t *to = y + row * a->s.ow * a->s.c;
        for (int64_t ox = 0; ox < a->s.ow;) {
            int64_t n = ox == lo && hi > lo ? hi - lo : 1;
            run(a, q, image, row % a->s.oh, ox, n, to + ox * a->s.c, scratch);
            ox += n;
        }
    }
}
