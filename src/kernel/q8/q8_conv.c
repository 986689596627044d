/* Convolution of 8-bit images whose channels stand last: rows of patches times packed weights. */
#include "kernel/q8/q8_conv.h"

#include <string.h>

#include "kernel/q8/q8_dwconv.h"

/* Patches of a block fill about PATCH_BYTES at most, which is a second level cache's; its rows are a few tiles'. */
enum { PATCH_BYTES = 65536, BLOCK_ROWS = 64, CHUNK_JOBS = 8 };
#define CHUNK_MACS 4e5
#define SIZE_LIMIT ((int64_t)1 << 31)

static int64_t depth(const sg_q8_conv *a)
{
    return a->s.c / a->s.group * a->s.kh * a->s.kw;
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

void sg_q8_conv_pack(const sg_q8_conv *a, const sg_q8_table *q, const void *w, bool w_signed, const int32_t *w_zero,
                     const int32_t *bias, const float *scale, int32_t x_zero, int8_t *to, int32_t *to_bias, float *to_scale)
{
    int64_t ocg = a->s.oc / a->s.group;
    if (sg_q8_conv_is_depthwise(a)) {
        sg_q8_dwconv_pack(a, q, w, w_signed, w_zero, bias, scale, x_zero, to, to_bias, to_scale);
        return;
    }
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

/* A 1x1 window that skips nothing: rows of x are rows of patches. */
static bool is_direct(const sg_q8_conv *a)
{
    return a->s.kh == 1 && a->s.kw == 1 && a->s.stride_h == 1 && a->s.stride_w == 1 && !a->s.pad_top && !a->s.pad_left &&
           a->s.oh == a->s.h && a->s.ow == a->s.w;
}

static bool sizes_fit(const sg_q8_conv *a)
{
    const int64_t sides[] = {a->s.n, a->s.c, a->s.h, a->s.w, a->s.oc, a->s.oh, a->s.ow, a->s.kh, a->s.kw, depth(a)};
    for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++)
        if (sides[i] < 1 || sides[i] > SIZE_LIMIT / 64)
            return false;
    return a->s.n <= SIZE_LIMIT / a->s.oh && a->s.n * a->s.oh <= SIZE_LIMIT / a->s.ow;
}

bool sg_q8_conv_cut(const sg_q8_conv *a, const sg_q8_table *q, sg_q8_cut *cut)
{
    if (!sizes_fit(a))
        return false;
    int64_t all = a->s.n * a->s.oh * a->s.ow, k = sg_q8_up(depth(a), SG_Q8_K), ocg = a->s.oc / a->s.group;
    cut->macs = (double)all * (double)a->s.oc * (double)depth(a);
    if (sg_q8_conv_is_depthwise(a))
        return sg_q8_dwconv_cut(a, cut);
    int64_t rows = PATCH_BYTES / k, unit = SG_Q8_N * q->panels, chunks = 1;
    rows = rows > BLOCK_ROWS ? BLOCK_ROWS : rows < q->rows ? q->rows : rows;
    cut->blocks = (all + rows - 1) / rows;
    cut->rows = (all + cut->blocks - 1) / cut->blocks;
    double block_macs = cut->macs / (double)(cut->blocks * a->s.group);
    while (cut->blocks * a->s.group * chunks < CHUNK_JOBS && unit * chunks < ocg && block_macs / (double)chunks > CHUNK_MACS)
        chunks++;
    cut->columns = sg_q8_up((ocg + chunks - 1) / chunks, unit);
    cut->chunks = (ocg + cut->columns - 1) / cut->columns;
    cut->jobs = cut->blocks * cut->chunks * a->s.group;
    cut->scratch = is_direct(a) ? 0 : (size_t)(cut->rows * k);
    return true;
}

/* ---- patches ---------------------------------------------------------------------------------------------------- */

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

/* Row r of the window whose left end is ix: `icg` bytes of each tap, from one row of x. */
static void patch_row(const sg_q8_conv *a, const uint8_t *row, int64_t ix, uint8_t *to)
{
    int64_t icg = a->s.c / a->s.group;
    if (a->s.dilation_w == 1 && icg == a->s.c) {
        int64_t lo = ix < 0 ? -ix : 0, hi = ix + a->s.kw > a->s.w ? a->s.w - ix : a->s.kw;
        lo = lo < a->s.kw ? lo : a->s.kw;
        hi = hi > lo ? hi : lo;
        if (lo > 0)
            memset(to, a->x_zero, (size_t)(lo * icg));
        copy(to + lo * icg, row + (ix + lo) * icg, (hi - lo) * icg);
        if (hi < a->s.kw)
            memset(to + hi * icg, a->x_zero, (size_t)((a->s.kw - hi) * icg));
        return;
    }
    for (int64_t s = 0; s < a->s.kw; s++, ix += a->s.dilation_w, to += icg) {
        if (ix < 0 || ix >= a->s.w)
            memset(to, a->x_zero, (size_t)icg);
        else
            copy(to, row + ix * a->s.c, icg);
    }
}

/* The patches of outputs [from, from + n), one behind the other. x points at the group's first channel. */
static void gather(const sg_q8_conv *a, const uint8_t *x, int64_t from, int64_t n, int64_t pitch, uint8_t *to)
{
    int64_t run = a->s.c / a->s.group * a->s.kw, ox = from % a->s.ow, oy = from / a->s.ow % a->s.oh,
            image = from / a->s.ow / a->s.oh;
    for (; n > 0; n--, to += pitch) {
        for (int64_t r = 0; r < a->s.kh; r++) {
            int64_t iy = oy * a->s.stride_h + r * a->s.dilation_h - a->s.pad_top;
            if (iy < 0 || iy >= a->s.h)
                memset(to + r * run, a->x_zero, (size_t)run);
            else
                patch_row(a, x + (image * a->s.h + iy) * a->s.w * a->s.c, ox * a->s.stride_w - a->s.pad_left, to + r * run);
        }
        if (++ox == a->s.ow) {
            ox = 0;
            if (++oy == a->s.oh) {
                oy = 0;
                image++;
            }
        }
    }
}

/* ---- jobs ------------------------------------------------------------------------------------------------------- */

void sg_q8_conv_begin(const sg_q8_conv *a, const sg_q8_cut *cut, void *scratch)
{
    if (sg_q8_conv_is_depthwise(a))
        sg_q8_dwconv_begin(a, scratch);
    else if (cut->scratch)
        memset(scratch, 0, cut->scratch);
}

/* Chunk varies fastest, then the group, then the block. */
void sg_q8_conv_job(const sg_q8_conv *a, const sg_q8_table *q, const sg_q8_cut *cut, int64_t job, const uint8_t *x, uint8_t *y,
                    void *scratch)
{
    if (sg_q8_conv_is_depthwise(a)) {
        sg_q8_dwconv_job(a, q, cut, job, x, y, scratch);
        return;
    }
    int64_t all = a->s.n * a->s.oh * a->s.ow, icg = a->s.c / a->s.group, ocg = a->s.oc / a->s.group,
            k = sg_q8_up(depth(a), SG_Q8_K);
    int64_t from = job % cut->chunks * cut->columns, to = from + cut->columns < ocg ? from + cut->columns : ocg;
    int64_t group = job / cut->chunks % a->s.group, row = job / cut->chunks / a->s.group * cut->rows;
    int64_t n = all - row < cut->rows ? all - row : cut->rows;
    if (n <= 0)
        return;
    x += group * icg;
    if (!is_direct(a))
        gather(a, x, row, n, k, scratch);
    const int64_t size = a->scale ? 1 : 4;
    sg_q8_tile t = {.x = is_direct(a) ? x + row * a->s.c : scratch,
                    .x_pitch = is_direct(a) ? a->s.c : k,
                    .k = is_direct(a) ? depth(a) : k,
                    .w = a->weight + group * a->group_pitch,
                    .w_pitch = a->w_pitch,
                    .bias = a->bias + group * a->panel_n,
                    .scale = a->scale ? a->scale + group * a->panel_n : NULL,
                    .y = y + (row * a->s.oc + group * ocg) * size,
                    .y_pitch = a->s.oc * size,
                    .layers = a->layers,
                    .flip = a->flip,
                    .out = a->out};
    sg_q8_product(q, &t, n, from, to);
}
