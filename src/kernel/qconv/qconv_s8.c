/* Convolution of 8-bit images: patches of a few dozen outputs become rows of 16-bit integers, and each output a dot product. */
#include "kernel/qconv/qconv_s8.h"

#include <string.h>

/* Patches of one tile fill about this much, so that they stay in a first or second level cache. */
enum { TILE_BYTES = 49152, TILE_MOST = 128, TILE_LEAST = 8 };
/* Outputs that a depthwise channel computes at a time. */
enum { BAND = 2048 };
#define SIZE_LIMIT ((int64_t)1 << 31)

static int64_t taps(const sg_qconv_args *a)
{
    return a->s.kh * a->s.kw;
}

static int64_t depth(const sg_qconv_args *a)
{
    return a->s.c / a->s.group * taps(a);
}

bool sg_qconv_is_depthwise(const sg_qconv_args *a)
{
    return a->s.c == a->s.group && taps(a) <= 256 && a->s.oc / a->s.group < SG_QDOT_W;
}

/* ---- weights ---------------------------------------------------------------------------------------------------- */

bool sg_qconv_packed(const sg_qconv_args *a, size_t *bytes)
{
    int64_t ocg = a->s.oc / a->s.group, k = sg_qdot_up(depth(a), SG_QDOT_K);
    if (a->s.oc > SIZE_LIMIT || depth(a) > SIZE_LIMIT || a->s.oc * k > SIZE_LIMIT * 8)
        return false;
    if (sg_qconv_is_depthwise(a))
        *bytes = (size_t)(a->s.oc * taps(a)) * sizeof(float);
    else
        *bytes = (size_t)(a->s.group * sg_qdot_up(ocg, SG_QDOT_W) * k) * sizeof(int16_t);
    return true;
}

/* to[i] = w[i] - zero, in 16-bit integers or floats. */
static void widen_weights(const void *w, bool w_signed, int64_t n, int32_t zero, bool real, void *to)
{
    const int8_t *s = w;
    const uint8_t *u = w;
    int16_t *q = to;
    float *f = to;
    for (int64_t i = 0; i < n; i++) {
        int32_t v = (w_signed ? s[i] : u[i]) - zero;
        if (real)
            f[i] = (float)v;
        else
            q[i] = (int16_t)v;
    }
}

void sg_qconv_pack(const sg_qconv_args *a, const void *w, bool w_signed, const int32_t *w_zero, void *packed)
{
    int64_t n = depth(a), k = sg_qdot_up(n, SG_QDOT_K), ocg = a->s.oc / a->s.group, up = sg_qdot_up(ocg, SG_QDOT_W);
    bool real = sg_qconv_is_depthwise(a);
    size_t bytes;
    if (!sg_qconv_packed(a, &bytes))
        return;
    memset(packed, 0, bytes);
    for (int64_t m = 0; m < a->s.oc; m++) {
        int64_t row = real ? m * n * (int64_t)sizeof(float) : (m / ocg * up + m % ocg) * k * (int64_t)sizeof(int16_t);
        widen_weights((const uint8_t *)w + m * n, w_signed, n, w_zero[m], real, (uint8_t *)packed + row);
    }
}

/* ---- sizes ------------------------------------------------------------------------------------------------------- */

static int64_t tile_of(const sg_qconv_args *a)
{
    int64_t n = TILE_BYTES / (2 * sg_qdot_up(depth(a), SG_QDOT_K)), all = a->s.oh * a->s.ow;
    n = n > TILE_MOST ? TILE_MOST : n < TILE_LEAST ? TILE_LEAST : n;
    n = n > all ? all : n;
    return sg_qdot_up(n, SG_QDOT_X);
}

static int64_t padded_w(const sg_qconv_args *a)
{
    int64_t reach = (a->s.ow - 1) * a->s.stride_w + (a->s.kw - 1) * a->s.dilation_w + 1;
    return reach > a->s.pad_left + a->s.w ? reach : a->s.pad_left + a->s.w;
}

static int64_t padded_h(const sg_qconv_args *a)
{
    int64_t reach = (a->s.oh - 1) * a->s.stride_h + (a->s.kh - 1) * a->s.dilation_h + 1;
    return reach > a->s.pad_top + a->s.h ? reach : a->s.pad_top + a->s.h;
}

/* Where windows move by one, a band of rows is one run over the padded plane, and what its margins give is dropped. */
static bool is_flat(const sg_qconv_args *a)
{
    return a->s.stride_h == 1 && a->s.stride_w == 1;
}

static int64_t band_of(const sg_qconv_args *a)
{
    int64_t rows = BAND / (is_flat(a) ? padded_w(a) : a->s.ow);
    return rows < 1 ? 1 : rows > a->s.oh ? a->s.oh : rows;
}

bool sg_qconv_scratch(const sg_qconv_args *a, size_t *bytes)
{
    const int64_t sides[] = {a->s.c, a->s.h, a->s.w, a->s.oh, a->s.ow, a->s.kh, a->s.kw, depth(a), padded_h(a), padded_w(a)};
    for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++)
        if (sides[i] < 1 || sides[i] > SIZE_LIMIT / 64)
            return false;
    if (sg_qconv_is_depthwise(a)) {
        if (padded_h(a) * padded_w(a) > SIZE_LIMIT)
            return false;
        size_t room = (size_t)(band_of(a) * padded_w(a)); /* sums, accumulators, bytes */
        *bytes = (size_t)(padded_h(a) * padded_w(a)) * sizeof(float) + room * (sizeof(float) + sizeof(int32_t) + 1);
        return true;
    }
    int64_t n = tile_of(a);
    *bytes = (size_t)(n * sg_qdot_up(depth(a), SG_QDOT_K)) * sizeof(int16_t) + (size_t)(n * SG_QDOT_W) * sizeof(int32_t);
    return true;
}

int64_t sg_qconv_step(const sg_qconv_args *a)
{
    return a->s.group > 1 ? a->s.oc / a->s.group : SG_QDOT_W;
}

/* ---- depthwise --------------------------------------------------------------------------------------------------- */

/* The plane in float, less its zero point, with its padding: the padding is already 0 there. */
static void widen_plane(const sg_qconv_args *a, const void *x, int64_t at, float *plane)
{
    int64_t pitch = padded_w(a);
    for (int64_t r = 0; r < a->s.h; r++) {
        float *to = plane + (r + a->s.pad_top) * pitch + a->s.pad_left;
        const uint8_t *u = (const uint8_t *)x + at + r * a->s.w;
        const int8_t *s = (const int8_t *)x + at + r * a->s.w;
        if (a->x_signed)
            for (int64_t i = 0; i < a->s.w; i++)
                to[i] = (float)(s[i] - a->x_zero);
        else
            for (int64_t i = 0; i < a->s.w; i++)
                to[i] = (float)(u[i] - a->x_zero);
    }
}

static void add_row(float *restrict sum, const float *restrict x, int64_t n, int64_t stride, float w)
{
    if (stride == 1)
        for (int64_t i = 0; i < n; i++)
            sum[i] += w * x[i];
    else if (stride == 2)
        for (int64_t i = 0; i < n; i++)
            sum[i] += w * x[2 * i];
    else
        for (int64_t i = 0; i < n; i++)
            sum[i] += w * x[stride * i];
}

/* The usual window in one pass over its three rows. */
static void sum_3x3(float *restrict sum, const float *x0, int64_t pitch, int64_t n, int64_t stride, const float *w)
{
    const float a0 = w[0], a1 = w[1], a2 = w[2], b0 = w[3], b1 = w[4], b2 = w[5], c0 = w[6], c1 = w[7], c2 = w[8];
    const float *x1 = x0 + pitch, *x2 = x1 + pitch;
    if (stride == 1)
        for (int64_t i = 0; i < n; i++)
            sum[i] = (a0 * x0[i] + a1 * x0[i + 1] + a2 * x0[i + 2]) + (b0 * x1[i] + b1 * x1[i + 1] + b2 * x1[i + 2]) +
                     (c0 * x2[i] + c1 * x2[i + 1] + c2 * x2[i + 2]);
    else
        for (int64_t i = 0; i < n; i++)
            sum[i] = (a0 * x0[2 * i] + a1 * x0[2 * i + 1] + a2 * x0[2 * i + 2]) +
                     (b0 * x1[2 * i] + b1 * x1[2 * i + 1] + b2 * x1[2 * i + 2]) +
                     (c0 * x2[2 * i] + c1 * x2[2 * i + 1] + c2 * x2[2 * i + 2]);
}

/* n outputs from the place x of their first window on. */
static void depthwise_run(const sg_qconv_args *a, const float *x, const float *w, int64_t n, float *sum)
{
    int64_t pitch = padded_w(a);
    if (a->s.kh == 3 && a->s.kw == 3 && a->s.dilation_w == 1 && a->s.stride_w <= 2) {
        sum_3x3(sum, x, pitch * a->s.dilation_h, n, a->s.stride_w, w);
        return;
    }
    memset(sum, 0, (size_t)n * sizeof *sum);
    for (int64_t r = 0; r < a->s.kh; r++)
        for (int64_t k = 0; k < a->s.kw; k++)
            add_row(sum, x + r * a->s.dilation_h * pitch + k * a->s.dilation_w, n, a->s.stride_w, w[r * a->s.kw + k]);
}

/* Rows [row, row + rows) of output channel m. */
static void depthwise_band(const sg_qconv_args *a, const float *plane, const float *w, int64_t m, int64_t row, int64_t rows,
                           uint8_t *y, float *sum)
{
    int64_t pitch = padded_w(a), n = is_flat(a) ? (rows - 1) * pitch + a->s.ow : rows * a->s.ow, room = band_of(a) * pitch;
    int32_t *acc = (int32_t *)(sum + room);
    uint8_t *to = is_flat(a) && pitch != a->s.ow ? (uint8_t *)(acc + room) : y;
    if (is_flat(a))
        depthwise_run(a, plane + row * pitch, w, n, sum);
    for (int64_t r = 0; r < rows && !is_flat(a); r++)
        depthwise_run(a, plane + (row + r) * a->s.stride_h * pitch, w, a->s.ow, sum + r * a->s.ow);
    for (int64_t i = 0; i < n; i++)
        acc[i] = (int32_t)sum[i];
    sg_q_store(acc, n, a->bias[m], a->scale[m], &a->out, to);
    for (int64_t r = 0; r < rows && to != y; r++)
        memcpy(y + r * a->s.ow, to + r * pitch, (size_t)a->s.ow);
}

static void depthwise(const sg_qconv_args *a, const void *x, const float *w, int64_t from, int64_t to, uint8_t *y, void *scratch)
{
    float *plane = scratch, *sum = plane + padded_h(a) * padded_w(a);
    int64_t each = a->s.oc / a->s.group, have = -1, band = band_of(a);
    memset(plane, 0, (size_t)(padded_h(a) * padded_w(a)) * sizeof *plane);
    for (int64_t m = from; m < to; m++) {
        if (m / each != have) {
            have = m / each;
            widen_plane(a, x, have * a->s.h * a->s.w, plane);
        }
        for (int64_t r = 0; r < a->s.oh; r += band)
            depthwise_band(a, plane, w + m * taps(a), m, r, a->s.oh - r < band ? a->s.oh - r : band,
                           y + (m * a->s.oh + r) * a->s.ow, sum);
    }
}

/* ---- dense ------------------------------------------------------------------------------------------------------- */

/* Outputs [o, o + n) of one row, at one tap: n elements of an input row, k elements apart. */
static void fill_run(const sg_qconv_args *a, const uint8_t *row, int64_t ix, int64_t n, int64_t k, int16_t *to)
{
    int64_t s = a->s.stride_w, i = 0;
    for (; i < n && ix < 0; i++, ix += s)
        to[i * k] = 0;
    int64_t last = ix < a->s.w ? i + (a->s.w - 1 - ix) / s + 1 : i;
    last = last < n ? last : n;
    if (a->x_signed)
        for (; i < last; i++, ix += s)
            to[i * k] = (int16_t)((int8_t)row[ix] - a->x_zero);
    else
        for (; i < last; i++, ix += s)
            to[i * k] = (int16_t)(row[ix] - a->x_zero);
    for (; i < n; i++)
        to[i * k] = 0;
}

/* One tap of one channel for outputs [from, from + n) of the image. */
static void fill_tap(const sg_qconv_args *a, const uint8_t *x, int64_t kh, int64_t kw, int64_t from, int64_t n, int64_t k,
                     int16_t *to)
{
    while (n > 0) {
        int64_t oy = from / a->s.ow, ox = from % a->s.ow, run = a->s.ow - ox < n ? a->s.ow - ox : n;
        int64_t iy = oy * a->s.stride_h + kh * a->s.dilation_h - a->s.pad_top;
        if (iy < 0 || iy >= a->s.h)
            for (int64_t i = 0; i < run; i++)
                to[i * k] = 0;
        else
            fill_run(a, x + iy * a->s.w, ox * a->s.stride_w + kw * a->s.dilation_w - a->s.pad_left, run, k, to);
        to += run * k;
        from += run;
        n -= run;
    }
}

/* Rows of patches for outputs [from, from + n), padding and rounding up included. */
static void fill_tile(const sg_qconv_args *a, const uint8_t *x, int64_t from, int64_t n, int64_t k, int16_t *patch)
{
    int64_t icg = a->s.c / a->s.group, at = 0, up = sg_qdot_up(n, SG_QDOT_X);
    for (int64_t c = 0; c < icg; c++)
        for (int64_t r = 0; r < a->s.kh; r++)
            for (int64_t s = 0; s < a->s.kw; s++)
                fill_tap(a, x + c * a->s.h * a->s.w, r, s, from, n, k, patch + at++);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = at; j < k; j++)
            patch[i * k + j] = 0;
    if (up > n)
        memset(patch + n * k, 0, (size_t)k * sizeof *patch);
}

/* Output channels [from, to) of one group. */
static void dense(const sg_qconv_args *a, const uint8_t *x, const int16_t *w, int64_t from, int64_t to, uint8_t *y, void *scratch)
{
    int64_t k = sg_qdot_up(depth(a), SG_QDOT_K), all = a->s.oh * a->s.ow, tile = tile_of(a);
    int32_t *acc = scratch;
    int16_t *patch = (int16_t *)(acc + SG_QDOT_W * tile);
    for (int64_t p = 0; p < all; p += tile) {
        int64_t n = all - p < tile ? all - p : tile;
        fill_tile(a, x, p, n, k, patch);
        for (int64_t m = from; m < to; m += SG_QDOT_W) {
            int64_t count = to - m < SG_QDOT_W ? to - m : SG_QDOT_W;
            sg_qdot(w + (m - from) * k, SG_QDOT_W, patch, sg_qdot_up(n, SG_QDOT_X), k, acc, tile, 1);
            for (int64_t i = 0; i < count; i++)
                sg_q_store(acc + i * tile, n, a->bias[m + i], a->scale[m + i], &a->out, y + (m + i) * all + p);
        }
    }
}

/* A 1x1 window that skips nothing sees the image as one row. */
static void flatten(sg_qconv_args *a)
{
    if (taps(a) == 1 && a->s.stride_h == 1 && a->s.stride_w == 1 && !a->s.pad_top && !a->s.pad_left && a->s.oh == a->s.h &&
        a->s.ow == a->s.w) {
        a->s.w *= a->s.h;
        a->s.ow = a->s.w;
        a->s.h = a->s.oh = 1;
    }
}

void sg_qconv(const sg_qconv_args *args, const void *x, const void *packed, int64_t from, int64_t to, uint8_t *y, void *scratch)
{
    sg_qconv_args a = *args;
    if (sg_qconv_is_depthwise(&a)) {
        depthwise(&a, x, packed, from, to, y, scratch);
        return;
    }
    flatten(&a);
    int64_t ocg = a.s.oc / a.s.group, icg = a.s.c / a.s.group, up = sg_qdot_up(ocg, SG_QDOT_W),
            k = sg_qdot_up(depth(&a), SG_QDOT_K);
    for (int64_t m = from; m < to;) {
        int64_t g = m / ocg, end = (g + 1) * ocg < to ? (g + 1) * ocg : to;
        dense(&a, (const uint8_t *)x + g * icg * a.s.h * a.s.w, (const int16_t *)packed + (g * up + m - g * ocg) * k, m, end, y,
              scratch);
        m = end;
    }
}
