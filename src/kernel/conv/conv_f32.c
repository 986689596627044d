/* Convolution of images in f32, portable C, without im2col. Each input plane is copied once into a padded one whose rows are
 * split by the horizontal stride (columns 0, s, 2s, ... then 1, s+1, ...), so that every kernel tap reads contiguous floats:
 * a tap is an offset. Then one tile of outputs, 4 channels by 8 columns or 1 by 16, stays in registers while all taps pass; for
 * the first the inputs are gathered in panels, which all channels stream. Every output is summed in the order of its taps. */
#include "kernel/conv/conv_f32.h"

#include <string.h>

#include "kernel/gemm/gemm_f32.h"

enum { CHANNELS = SG_GEMM_F32_MR, WIDE = SG_GEMM_F32_NR, ROW = 16, BLOCK = SG_GEMM_F32_KC, PANEL = 65536 /* floats */ };

/* The padded, split copy of a plane. */
typedef struct layout {
    int64_t rows, part; /* rows; floats of one part of a row: every s-th column */
    int64_t plane;      /* floats of a plane */
    int64_t planes;     /* held at once: channels of a group */
    int64_t taps;       /* of one output: planes * kh * kw */
} layout;

static bool pointwise(const sg_conv_shape *a)
{
    return a->kh == 1 && a->kw == 1 && a->stride_h == 1 && a->stride_w == 1 && a->pad_top == 0 && a->pad_left == 0 &&
           a->oh == a->h && a->ow == a->w;
}

static bool mul(int64_t a, int64_t b, int64_t *out)
{
    if (a < 0 || b < 0 || (b && a > ((int64_t)1 << 40) / b))
        return false;
    *out = a * b;
    return true;
}

static bool layout_of(const sg_conv_shape *a, layout *l)
{
    int64_t size, reach = (a->kw - 1) * a->dilation_w;
    l->rows = (a->oh - 1) * a->stride_h + (a->kh - 1) * a->dilation_h + 1;
    l->part = a->ow + reach / a->stride_w + 1 + ROW; /* tiles may read past the last column, not past the row's end */
    l->planes = a->c / a->group;
    return a->oh > 0 && a->ow > 0 && a->pad_top >= 0 && a->pad_left >= 0 && mul(l->part, a->stride_w, &size) &&
           mul(size, l->rows, &l->plane) && mul(l->plane, l->planes, &size) && mul(l->planes, a->kh * a->kw, &l->taps) &&
           l->taps > 0;
}

static int64_t tile_count(const sg_conv_shape *a)
{
    return (a->ow + WIDE - 1) / WIDE * a->oh;
}

/* Tiles gathered at once: what a second-level cache holds. */
static int64_t panel_tiles(const sg_conv_shape *a, const layout *l)
{
    int64_t n = PANEL / (l->taps * WIDE), most = tile_count(a);
    n = n < most ? n : most;
    return n > 1 ? n : 1;
}

bool sg_conv_f32_scratch(const sg_conv_shape *a, size_t *bytes)
{
    layout l;
    if (pointwise(a)) {
        *bytes = SG_GEMM_F32_PACK * sizeof(float);
        return true;
    }
    if (!layout_of(a, &l))
        return false;
    int64_t floats = l.planes * l.plane + panel_tiles(a, &l) * l.taps * WIDE + a->oc / a->group * l.taps;
    int64_t total = l.taps * (int64_t)sizeof(int64_t) + floats * (int64_t)sizeof(float);
    *bytes = (size_t)total;
    return (uint64_t)total <= SIZE_MAX;
}

/* dst = row of w floats, split into s parts, zeros around. */
static void split_row(const sg_conv_shape *a, const layout *l, const float *src, float *dst)
{
    int64_t s = a->stride_w;
    for (int64_t part = 0; part < s; part++, dst += l->part) {
        /* dst[i] is column i * s + part - pad_left */
        int64_t off = part - a->pad_left, lo = off >= 0 ? 0 : (s - 1 - off) / s, hi = off < a->w ? (a->w - 1 - off) / s + 1 : 0;
        hi = hi < l->part ? hi : l->part;
        lo = lo < hi ? lo : hi;
        memset(dst, 0, (size_t)lo * sizeof *dst);
        if (s == 1)
            memcpy(dst + lo, src + (lo + off), (size_t)(hi - lo) * sizeof *dst);
        else
            for (int64_t i = lo; i < hi; i++)
                dst[i] = src[i * s + off];
        memset(dst + hi, 0, (size_t)(l->part - hi) * sizeof *dst);
    }
}

static void split_plane(const sg_conv_shape *a, const layout *l, const float *src, float *dst)
{
    int64_t row = l->part * a->stride_w;
    for (int64_t r = 0; r < l->rows; r++, dst += row) {
        int64_t y = r - a->pad_top;
        if (y >= 0 && y < a->h)
            split_row(a, l, src + y * a->w, dst);
        else
            memset(dst, 0, (size_t)row * sizeof *dst);
    }
}

/* Offsets of the taps from the first one, in the order of the weights. */
static void tap_offsets(const sg_conv_shape *a, const layout *l, int64_t *off)
{
    int64_t row = l->part * a->stride_w;
    for (int64_t c = 0; c < l->planes; c++)
        for (int64_t ky = 0; ky < a->kh; ky++)
            for (int64_t kx = 0; kx < a->kw; kx++) {
                int64_t d = kx * a->dilation_w;
                *off++ = c * l->plane + ky * a->dilation_h * row + d % a->stride_w * l->part + d / a->stride_w;
            }
}

/* Weights of n channels, a multiple of four, as panels [taps][4]. */
static void interleave(const layout *l, const float *w, int64_t n, float *out)
{
    for (int64_t c = 0; c < n; c += CHANNELS, w += CHANNELS * l->taps)
        for (int64_t k = 0; k < l->taps; k++, out += CHANNELS)
            for (int i = 0; i < CHANNELS; i++)
                out[i] = w[i * l->taps + k];
}

/* out[16]: one channel, straight from the planes. */
static void tile_row(int64_t taps, const int64_t *off, const float *x, const float *w, float *out)
{
    float c[ROW] = {0};
    for (int64_t k = 0; k < taps; k++) {
        const float *p = x + off[k];
        float wk = w[k];
        for (int j = 0; j < ROW; j++)
            c[j] += wk * p[j];
    }
    for (int j = 0; j < ROW; j++)
        out[j] = c[j];
}

static void put(float *y, const float *v, int64_t n, float bias)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = v[i] + bias;
}

/* Tile t of the output: its row and its first column. */
static void place(const sg_conv_shape *a, int64_t t, int64_t *oy, int64_t *ox)
{
    int64_t in_row = (a->ow + WIDE - 1) / WIDE;
    *oy = t / in_row;
    *ox = t % in_row * WIDE;
}

/* The inputs of tiles [t0, t1): panels [taps][8]. */
static void gather(const sg_conv_shape *a, const layout *l, const int64_t *off, const float *x, int64_t t0, int64_t t1,
                   float *panel)
{
    for (int64_t t = t0, oy, ox; t < t1; t++) {
        place(a, t, &oy, &ox);
        const float *p = x + oy * a->stride_h * l->part * a->stride_w + ox;
        for (int64_t k = 0; k < l->taps; k++, panel += WIDE)
            for (int j = 0; j < WIDE; j++)
                panel[j] = p[off[k] + j];
    }
}

/* Adds (at the first block of taps: sets) a tile of four channels of y. */
static void put_tile(const sg_conv_shape *a, int64_t t, const float *out, bool first, const float *bias, float *y)
{
    int64_t oy, ox;
    place(a, t, &oy, &ox);
    for (int64_t i = 0; i < CHANNELS; i++) {
        float *row = y + (i * a->oh + oy) * a->ow + ox, b = first && bias ? bias[i] : 0;
        for (int64_t j = 0; j < WIDE && j < a->ow - ox; j++)
            row[j] = out[i * WIDE + j] + (first ? b : row[j]);
    }
}

/* The first n output channels, a multiple of four, of one group; w interleaved. Taps go in blocks that a first-level cache
 * holds; a group of panels serves all channels before the next is gathered. */
static void wide_channels(const sg_conv_shape *a, const layout *l, const int64_t *off, const float *x, const float *w,
                          const float *bias, int64_t n, float *panel, float *y)
{
    float out[CHANNELS * WIDE];
    int64_t group = panel_tiles(a, l), tiles = tile_count(a);
    for (int64_t t0 = 0; t0 < tiles; t0 += group) {
        int64_t t1 = tiles - t0 < group ? tiles : t0 + group;
        gather(a, l, off, x, t0, t1, panel);
        for (int64_t k = 0; k < l->taps; k += BLOCK) {
            int64_t kn = l->taps - k < BLOCK ? l->taps - k : BLOCK;
            for (int64_t c = 0; c < n; c += CHANNELS)
                for (int64_t t = t0; t < t1; t++) {
                    sg_gemm_f32_tile(kn, w + c * l->taps + k * CHANNELS, panel + ((t - t0) * l->taps + k) * WIDE, out);
                    put_tile(a, t, out, k == 0, bias ? bias + c : NULL, y + c * a->oh * a->ow);
                }
        }
    }
}

static void one_channel(const sg_conv_shape *a, const layout *l, const int64_t *off, const float *x, const float *w, float bias,
                        float *y)
{
    float out[ROW];
    for (int64_t oy = 0; oy < a->oh; oy++, y += a->ow)
        for (int64_t ox = 0; ox < a->ow; ox += ROW) {
            tile_row(l->taps, off, x + oy * a->stride_h * l->part * a->stride_w + ox, w, out);
            put(y + ox, out, a->ow - ox < ROW ? a->ow - ox : ROW, bias);
        }
}

static void multiply(const sg_conv_shape *a, const float *x, const float *w, const float *bias, float *y, float *pack)
{
    int64_t icg = a->c / a->group, ocg = a->oc / a->group, n = a->h * a->w;
    for (int64_t g = 0; g < a->group; g++) {
        sg_gemm_f32_args m = {.m = ocg,
                              .n = n,
                              .k = icg,
                              .a = w + g * ocg * icg,
                              .a_row = icg,
                              .a_col = 1,
                              .b = x + g * icg * n,
                              .b_row = n,
                              .b_col = 1,
                              .c = y + g * ocg * n,
                              .c_row = n,
                              .alpha = 1,
                              .bias = bias ? bias + g * ocg : NULL,
                              .bias_row = 1,
                              .pack = pack};
        sg_gemm_f32(&m);
    }
}

void sg_conv_f32(const sg_conv_shape *a, const float *x, const float *weight, const float *bias, float *y, void *scratch)
{
    layout l;
    if (pointwise(a)) {
        multiply(a, x, weight, bias, y, scratch);
        return;
    }
    if (!layout_of(a, &l))
        return;
    int64_t *off = scratch, ocg = a->oc / a->group;
    float *planes = (float *)(off + l.taps), *panel = planes + l.planes * l.plane,
          *mixed = panel + panel_tiles(a, &l) * l.taps * WIDE;
    tap_offsets(a, &l, off);
    for (int64_t g = 0; g < a->group; g++) {
        for (int64_t c = 0; c < l.planes; c++)
            split_plane(a, &l, x + (g * l.planes + c) * a->h * a->w, planes + c * l.plane);
        int64_t first = g * ocg, wide = first + ocg / CHANNELS * CHANNELS;
        if (wide > first) {
            interleave(&l, weight + first * l.taps, wide - first, mixed);
            wide_channels(a, &l, off, planes, mixed, bias ? bias + first : NULL, wide - first, panel, y + first * a->oh * a->ow);
        }
        for (int64_t c = wide; c < first + ocg; c++)
            one_channel(a, &l, off, planes, weight + c * l.taps, bias ? bias[c] : 0, y + c * a->oh * a->ow);
    }
}
