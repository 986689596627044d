/* Convolution of 8-bit images whose channels stand last: rows of patches times packed weights. */
#include "kernel/q8/q8_conv.h"

#include <string.h>

#include "kernel/q8/q8_dwconv.h"

/* What a band reads fills about BAND_BYTES at most, a share of a second level cache; it has a few tiles of outputs at least. Work is cut
 * for up to JOBS threads where it is worth cutting. */
enum { BAND_BYTES = 131072, BAND_OUTPUTS = 48, JOBS = 8 };
#define JOB_MACS   4e5
#define SIZE_LIMIT ((int64_t)1 << 31)

static int64_t depth(const sg_q8_conv *a)
{
    return a->s.c / a->s.group * a->s.kh * a->s.kw;
}

/* Taps that stand one behind the other in x. */
static int64_t run_taps(const sg_q8_conv *a)
{
    return a->s.group == 1 && a->s.dilation_w <= 1 ? a->s.kw : 1;
}

static sg_q8_source source(const sg_q8_conv *a, const void *w, bool w_signed, const int32_t *w_zero, int64_t group)
{
    int64_t icg = a->s.c / a->s.group, taps = a->s.kh * a->s.kw, ocg = a->s.oc / a->s.group;
    return (sg_q8_source){.w = (const uint8_t *)w + group * ocg * icg * taps,
                          .is_signed = w_signed,
                          .zero = w_zero + group * ocg,
                          .zero_each = true,
                          .n = ocg,
                          .outer = taps,
                          .inner = icg,
                          .per = run_taps(a),
                          .step_n = a->product ? 1 : icg * taps,
                          .step_t = 1,
                          .step_i = a->product ? a->s.oc : taps};
}

bool sg_q8_conv_packed(sg_q8_conv *a, const sg_q8_table *q, const void *w, bool w_signed, const int32_t *w_zero, size_t *bytes,
                       size_t *n)
{
    sg_q8_source all = source(a, w, w_signed, w_zero, 0);
    all.n = a->s.oc;
    if (a->s.oc > SIZE_LIMIT || a->s.kh * a->s.kw > SIZE_LIMIT || !sg_q8_packed(&all, SG_Q8_LAYERS, &a->w_pitch, bytes))
        return false;
    if (!a->layers)
        a->layers = sg_q8_layers(&all);
    if (sg_q8_conv_is_depthwise(a))
        return sg_q8_dwconv_packed(a, q, bytes, n);
    all.n = a->s.oc / a->s.group;
    if (!sg_q8_packed(&all, a->layers, &a->w_pitch, bytes) || *bytes > SIZE_MAX / 2 / (size_t)a->s.group)
        return false;
    a->group_pitch = (int64_t)*bytes;
    a->panel_n = sg_q8_up(all.n, SG_Q8_N);
    *bytes *= (size_t)a->s.group;
    *n = (size_t)(a->panel_n * a->s.group);
    return true;
}

void sg_q8_conv_use(sg_q8_conv *a, const float *scale, const int8_t *weight, const int32_t *to_bias, const float *to_scale)
{
    a->weight = weight;
    a->bias = to_bias;
    a->scale = to_scale;
    a->out.small = true;
    for (int64_t i = 0; i < a->s.oc; i++)
        a->out.small = a->out.small && scale[i] < 1;
}

void sg_q8_conv_pack(sg_q8_conv *a, const sg_q8_table *q, const void *w, bool w_signed, const int32_t *w_zero,
                     const int32_t *bias, const float *scale, int32_t x_zero, int8_t *to, int32_t *to_bias, float *to_scale)
{
    int64_t ocg = a->s.oc / a->s.group;
    sg_q8_conv_use(a, scale, to, to_bias, to_scale);
    if (sg_q8_conv_is_depthwise(a)) {
        sg_q8_dwconv_pack(a, q, w, w_signed, w_zero, bias, scale, x_zero, to, to_bias, to_scale);
        return;
    }
    memset(to_scale, 0, (size_t)(a->panel_n * a->s.group) * sizeof *to_scale);
    for (int64_t g = 0; g < a->s.group; g++) {
        sg_q8_source s = source(a, w, w_signed, w_zero, g);
        int32_t *b = to_bias + g * a->panel_n;
        sg_q8_pack(&s, a->layers, to + g * a->group_pitch, b);
        for (int64_t i = 0; i < ocg; i++) {
            b[i] = (int32_t)((uint32_t)bias[g * ocg + i] - (uint32_t)x_zero * (uint32_t)b[i]);
            to_scale[g * a->panel_n + i] = scale[g * ocg + i];
        }
    }
}

/* ---- cutting ---------------------------------------------------------------------------------------------------- */

/* A 1x1 window that skips nothing: rows of x are rows of windows. */
static bool is_direct(const sg_conv_shape *s)
{
    return s->kh == 1 && s->kw == 1 && s->stride_h == 1 && s->stride_w == 1 && !s->pad_top && !s->pad_left && s->oh == s->h &&
           s->ow == s->w;
}

static bool sizes_fit(const sg_conv_shape *s, int64_t k)
{
    const int64_t sides[] = {s->n, s->c, s->h, s->w, s->oc, s->oh, s->ow, s->kh, s->kw, k};
    for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++)
        if (sides[i] < 1 || sides[i] > SIZE_LIMIT / 64)
            return false;
    return s->n <= SIZE_LIMIT / s->oh && s->n * s->oh <= SIZE_LIMIT / s->ow && s->n <= SIZE_LIMIT / s->h &&
           s->n * s->h <= SIZE_LIMIT / s->w;
}

/* Lines, or pixels of a line, that n outputs read. */
static int64_t reach(int64_t n, int64_t stride, int64_t k, int64_t dilation)
{
    return (n - 1) * stride + (k - 1) * dilation + 1;
}

static bool reads_outside(const sg_conv_shape *s)
{
    return s->pad_top || s->pad_left || reach(s->oh, s->stride_h, s->kh, s->dilation_h) > s->h ||
           reach(s->ow, s->stride_w, s->kw, s->dilation_w) > s->w;
}

static int64_t at_most(int64_t n, int64_t most)
{
    return n < most ? n : most;
}

static int64_t at_least(int64_t n, int64_t least)
{
    return n > least ? n : least;
}

/* Outputs of a band: rows and width. c channels of x are read together. */
static void cut_outputs(const sg_conv_shape *s, int64_t c, double macs, sg_q8_cut *cut)
{
    int64_t share = macs > (double)JOBS * JOB_MACS ? JOBS : 1;
    int64_t line = reach(s->ow, s->stride_w, s->kw, s->dilation_w) * c, bytes = line * s->stride_h;
    cut->rows = at_most(at_most(BAND_BYTES / bytes, (s->n * s->oh + share - 1) / share), s->oh);
    cut->rows = at_most(at_least(at_least(cut->rows, BAND_OUTPUTS / s->ow), 1), s->oh);
    cut->bands = (s->oh + cut->rows - 1) / cut->rows;
    cut->rows = (s->oh + cut->bands - 1) / cut->bands;
    cut->width = s->ow;
    if (s->oh == 1 || bytes > BAND_BYTES) {
        int64_t most = at_most(BAND_BYTES / at_least(s->stride_w * c * s->kh, 1), (s->ow + share - 1) / share);
        cut->width = at_most(sg_q8_up(at_least(most, BAND_OUTPUTS), BAND_OUTPUTS), s->ow);
    }
    cut->parts = (s->ow + cut->width - 1) / cut->width;
    cut->jobs = s->n * cut->bands * cut->parts;
}

/* Columns, where bands alone do not make jobs enough. */
static void cut_columns(const sg_q8_conv *a, const sg_q8_table *q, sg_q8_cut *cut)
{
    int64_t unit = SG_Q8_N * q->panels, chunks = 1, ocg = a->s.oc / a->s.group;
    double each = cut->macs / (double)(cut->jobs * a->s.group);
    while (cut->jobs * a->s.group * chunks < JOBS && unit * chunks < ocg && each / (double)chunks > JOB_MACS)
        chunks++;
    cut->columns = sg_q8_up((ocg + chunks - 1) / chunks, unit);
    cut->chunks = (ocg + cut->columns - 1) / cut->columns;
    cut->jobs *= cut->chunks * a->s.group;
}

bool sg_q8_conv_cut(const sg_q8_conv *a, const sg_q8_table *q, sg_q8_cut *cut)
{
    sg_conv_shape *s = &cut->s;
    *s = a->s;
    if (!sizes_fit(s, depth(a)))
        return false;
    bool dw = sg_q8_conv_is_depthwise(a);
    int64_t run = run_taps(a) * (s->c / s->group);
    cut->macs = (double)(s->n * s->oh * s->ow) * (double)s->oc * (double)depth(a);
    if (is_direct(s) && s->group == 1) {
        s->w = s->ow = s->n * s->h * s->w;
        s->n = s->h = s->oh = 1;
    }
    cut_outputs(s, dw ? s->c : s->c / s->group, cut->macs, cut);
    cut->columns = s->c;
    cut->chunks = 1;
    if (!dw)
        cut_columns(a, q, cut);
    cut->copies = reads_outside(s) || (!dw && run % SG_Q8_K);
    cut->runs = s->kh * s->kw / run_taps(a) * a->layers;
    cut->fours = sg_q8_up(run, SG_Q8_K) / SG_Q8_K;
    cut->pixel = cut->copies && !dw ? s->c / s->group : s->c;
    cut->lines = reach(cut->rows, s->stride_h, s->kh, s->dilation_h);
    cut->line = (cut->copies ? reach(cut->width, s->stride_w, s->kw, s->dilation_w) : s->w) * cut->pixel;
    if (cut->copies && cut->line > SIZE_LIMIT / cut->lines)
        return false;
    cut->scratch = cut->copies ? (size_t)(cut->lines * cut->line + SG_Q8_K) : 0;
    return true;
}

/* ---- jobs ------------------------------------------------------------------------------------------------------- */

int64_t sg_q8_conv_places(const sg_q8_conv *a)
{
    return sg_q8_conv_is_depthwise(a) ? sg_q8_dwconv_taps(a) : a->s.kh * a->s.kw / run_taps(a) * a->layers;
}

void sg_q8_conv_place(const sg_q8_conv *a, const sg_q8_cut *cut, int64_t *at)
{
    const sg_conv_shape *s = &cut->s;
    const int64_t each = cut->runs / a->layers, across = s->kh * s->kw == each ? s->kw : 1;
    if (sg_q8_conv_is_depthwise(a)) {
        sg_q8_dwconv_place(a, cut, at);
        return;
    }
    for (int64_t i = 0; i < cut->runs; i++)
        at[i] = i % each / across * s->dilation_h * cut->line + i % each % across * s->dilation_w * cut->pixel;
}

/* memcpy, without the call where it is short. */
static void copy(uint8_t *to, const uint8_t *from, int64_t n)
{
    uint64_t a, b;
    if (n < 8) {
        for (int64_t i = 0; i < n; i++)
            to[i] = from[i];
    } else if (n <= 16) {
        memcpy(&a, from, 8);
        memcpy(&b, from + n - 8, 8);
        memcpy(to, &a, 8);
        memcpy(to + n - 8, &b, 8);
    } else {
        memcpy(to, from, (size_t)n);
    }
}

/* Pixels [ix, ix + n) of a line of x, with padding. */
static void copy_line(const sg_q8_conv *a, const sg_q8_cut *cut, const uint8_t *line, int64_t ix, int64_t n, uint8_t *to)
{
    const int64_t c = cut->pixel, lo = ix < 0 ? at_most(-ix, n) : 0, hi = at_least(at_most(cut->s.w - ix, n), lo);
    memset(to, a->x_zero, (size_t)(lo * c));
    memset(to + hi * c, a->x_zero, (size_t)((n - hi) * c));
    if (c == cut->s.c)
        memcpy(to + lo * c, line + (ix + lo) * c, (size_t)((hi - lo) * c));
    else
        for (int64_t i = lo; i < hi; i++)
            copy(to + i * c, line + (ix + i) * cut->s.c, c);
}

/* What windows of outputs [oy, oy + rows) x [ox, ox + width) read of an image, whose first channel is the group's. */
static void copy_band(const sg_q8_conv *a, const sg_q8_cut *cut, const uint8_t *x, int64_t oy, int64_t rows, int64_t ox,
                      int64_t width, uint8_t *to)
{
    const sg_conv_shape *s = &cut->s;
    const int64_t lines = reach(rows, s->stride_h, s->kh, s->dilation_h), n = reach(width, s->stride_w, s->kw, s->dilation_w);
    int64_t iy = oy * s->stride_h - s->pad_top, ix = ox * s->stride_w - s->pad_left;
    for (int64_t i = 0; i < lines; i++, iy++, to += cut->line) {
        if (iy >= 0 && iy < s->h)
            copy_line(a, cut, x + iy * s->w * s->c, ix, n, to);
        else
            memset(to, a->x_zero, (size_t)(n * cut->pixel));
    }
}

/* Chunk varies fastest, then the group, the part of a row, the band, the image. */
void sg_q8_conv_job(const sg_q8_conv *a, const sg_q8_table *q, const sg_q8_cut *cut, const int64_t *at, int64_t job,
                    const uint8_t *x, uint8_t *y, uint8_t *scratch)
{
    const sg_conv_shape *s = &cut->s;
    const bool dw = sg_q8_conv_is_depthwise(a);
    const int64_t groups = dw ? 1 : s->group, ocg = s->oc / groups, size = a->scale ? 1 : 4;
    int64_t from = job % cut->chunks * cut->columns, to = at_most(from + cut->columns, ocg);
    int64_t group = job / cut->chunks % groups, part = job / cut->chunks / groups, band = part / cut->parts;
    int64_t ox = part % cut->parts * cut->width, oy = band % cut->bands * cut->rows, image = band / cut->bands;
    int64_t width = at_most(cut->width, s->ow - ox), rows = at_most(cut->rows, s->oh - oy);
    if (rows <= 0)
        return;
    x += image * s->h * s->w * s->c + group * (s->c / s->group);
    y += (((image * s->oh + oy) * s->ow + ox) * s->oc + group * ocg) * size;
    if (cut->copies) {
        copy_band(a, cut, x, oy, rows, ox, width, scratch);
        x = scratch;
    } else {
        x += (oy * s->stride_h * s->w + ox * s->stride_w) * s->c;
    }
    if (dw) {
        sg_q8_dwconv_rows(a, q, cut, x, rows, width, at, y);
        return;
    }
    const sg_q8_tile t = {.x = x,
                          .x_pitch = s->stride_w * cut->pixel,
                          .run = at,
                          .runs = cut->runs,
                          .fours = cut->fours,
                          .w = a->weight + group * a->group_pitch,
                          .w_pitch = a->w_pitch,
                          .bias = a->bias + group * a->panel_n,
                          .scale = a->scale ? a->scale + group * a->panel_n : NULL,
                          .y = y,
                          .y_pitch = s->oc * size,
                          .flip = a->flip,
                          .out = a->out};
    const sg_q8_field f = {.lines = rows, .rows = width, .x_line = s->stride_h * cut->line, .y_line = s->ow * s->oc * size};
    sg_q8_product(q, &t, &f, from, to);
}
