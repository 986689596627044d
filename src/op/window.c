/* Sliding windows: the strides, dilations and pads that convolution and pooling share. */
#include "op/window.h"

static sedge_status read_list(sg_err *err, sg_attrs a, sg_attr_id id, int want, int64_t low, int64_t def, int64_t *out)
{
    int n;
    const int64_t *v = sg_get_ints(a, id, &n);
    for (int i = 0; i < want; i++)
        out[i] = def;
    if (n == 0)
        return SEDGE_OK;
    if (n != want)
        return sg_fail(err, SEDGE_E_SHAPE, "%s has %d values, needs %d", sg_attr_names[id], n, want);
    for (int i = 0; i < n; i++) {
        if (v[i] < low || v[i] > SG_WINDOW_MAX)
            return sg_fail(err, SEDGE_E_VALUE, "%s holds %lld", sg_attr_names[id], (long long)v[i]);
        out[i] = v[i];
    }
    return SEDGE_OK;
}

static sedge_status read_kernel(sg_err *err, sg_attrs a, int n, const sg_dim *kernel, sg_window *w)
{
    int count;
    sg_get_ints(a, SG_A_kernel_shape, &count);
    if (count == 0 && !kernel)
        return sg_fail(err, SEDGE_E_VALUE, "kernel_shape is missing");
    SG_TRY(read_list(err, a, SG_A_kernel_shape, n, 1, 1, w->kernel));
    for (int i = 0; kernel && i < n; i++) {
        if (!sg_dim_is_expr(kernel[i]) && (kernel[i] < 1 || kernel[i] > SG_WINDOW_MAX))
            return sg_fail(err, SEDGE_E_SHAPE, "kernel side of %lld", (long long)kernel[i]);
        if (count && !sg_dim_is_expr(kernel[i]) && kernel[i] != w->kernel[i])
            return sg_fail(err, SEDGE_E_SHAPE, "kernel_shape says %lld but the weights have %lld", (long long)w->kernel[i],
                           (long long)kernel[i]);
        w->kernel[i] = kernel[i];
    }
    return SEDGE_OK;
}

sedge_status sg_window_read(sg_err *err, sg_attrs a, int n, const sg_dim *kernel, sg_window *w)
{
    int64_t pads[2 * SG_RANK_MAX];
    if (n < 1 || n > SG_RANK_MAX - 2)
        return sg_fail(err, SEDGE_E_SHAPE, "a window over %d spatial axes", n);
    *w = (sg_window){.n = n, .auto_pad = sg_get_int(a, SG_A_auto_pad)};
    if (w->auto_pad < SG_PAD_EXPLICIT || w->auto_pad > SG_PAD_VALID)
        return sg_fail(err, SEDGE_E_VALUE, "auto_pad is %lld", (long long)w->auto_pad);
    SG_TRY(read_kernel(err, a, n, kernel, w));
    SG_TRY(read_list(err, a, SG_A_strides, n, 1, 1, w->stride));
    SG_TRY(read_list(err, a, SG_A_dilations, n, 1, 1, w->dilation));
    SG_TRY(read_list(err, a, SG_A_pads, 2 * n, -SG_WINDOW_MAX, 0, pads));
    for (int i = 0; i < n && w->auto_pad == SG_PAD_EXPLICIT; i++) {
        w->begin[i] = pads[i];
        w->end[i] = pads[n + i];
    }
    return SEDGE_OK;
}

sedge_status sg_window_out(sg_infer *c, const sg_window *w, int i, sg_dim in, bool ceil, sg_dim *out)
{
    int64_t s = w->stride[i];
    if (w->auto_pad == SG_PAD_SAME_UPPER || w->auto_pad == SG_PAD_SAME_LOWER) {
        *out = sg_d_div(c, sg_d_add(c, in, s - 1), s);
        return SEDGE_OK;
    }
    sg_dim reach = sg_d_mul(c, sg_d_sub(c, w->kernel[i], 1), w->dilation[i]);
    /* in + pads - 1 - reach: the last start, seen from the first */
    sg_dim room = sg_d_sub(c, sg_d_add(c, in, w->begin[i] + w->end[i] - 1), reach);
    sg_dim o = sg_d_add(c, sg_d_div(c, ceil ? sg_d_add(c, room, s - 1) : room, s), 1);
    if (ceil)
        o = sg_d_min(c, o, sg_d_add(c, sg_d_div(c, sg_d_add(c, in, w->begin[i] - 1), s), 1));
    if (!sg_d_at_least(c, o, 1) && !sg_dim_is_expr(in)) {
        if (in > 0 || o < 0)
            return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "the window does not fit into spatial axis %d of size %lld", i, (long long)in);
    }
    *out = o;
    return SEDGE_OK;
}

void sg_window_split(sg_window *w, int i, int64_t total)
{
    int64_t half = total / 2;
    w->begin[i] = w->auto_pad == SG_PAD_SAME_LOWER ? total - half : half;
    w->end[i] = total - w->begin[i];
}

void sg_window_resolve(sg_window *w, const int64_t *in, const int64_t *out)
{
    if (w->auto_pad != SG_PAD_SAME_UPPER && w->auto_pad != SG_PAD_SAME_LOWER)
        return;
    for (int i = 0; i < w->n; i++) {
        int64_t total = (out[i] - 1) * w->stride[i] + (w->kernel[i] - 1) * w->dilation[i] + 1 - in[i];
        sg_window_split(w, i, total > 0 ? total : 0);
    }
}

void sg_window_trim(sg_window *w, int i, int64_t in, int64_t out)
{
    int64_t d = w->dilation[i], before = w->begin[i] - (out - 1) * w->stride[i], last = in - 1 + w->begin[i];
    int64_t first = before > 0 ? (before + d - 1) / d : 0, end = last < 0 ? 0 : last / d + 1;
    if (end < w->kernel[i])
        w->kernel[i] = end;
    if (first > w->kernel[i])
        first = w->kernel[i];
    w->begin[i] -= first * d;
    w->kernel[i] -= first;
}

void sg_window_range(const sg_window *w, int i, int64_t k, int64_t in, int64_t out, int64_t *lo, int64_t *hi)
{
    int64_t s = w->stride[i], off = k * w->dilation[i] - w->begin[i];
    *lo = off >= 0 ? 0 : (s - 1 - off) / s;
    *hi = in - 1 - off < 0 ? 0 : (in - 1 - off) / s + 1;
    if (*hi > out)
        *hi = out;
    if (*lo > *hi)
        *lo = *hi;
}

bool sg_window_at(const sg_window *w, int n, const int64_t *in, const int64_t *o, const int64_t *k, int64_t *off)
{
    int64_t at = 0;
    for (int i = 0; i < n; i++) {
        int64_t p = o[i] * w->stride[i] + k[i] * w->dilation[i] - w->begin[i];
        if (p < 0 || p >= in[i])
            return false;
        at = at * in[i] + p;
    }
    *off = at;
    return true;
}
