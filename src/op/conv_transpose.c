/* Transposed convolution: every input element adds a scaled copy of the kernel to the output. */
#include "op/wide.h"
#include "op/window.h"

static sedge_status extra_list(sg_err *err, sg_attrs a, sg_attr_id id, int n, int64_t max, int64_t *out, bool *given)
{
    int count;
    const int64_t *v = sg_get_ints(a, id, &count);
    *given = count > 0;
    if (count && count < n)
        return sg_fail(err, SEDGE_E_SHAPE, "%s has %d values, needs %d", sg_attr_names[id], count, n);
    for (int i = 0; i < n; i++) {
        out[i] = count ? v[count - n + i] : 0; /* a full shape may stand where the spatial one is meant */
        if (out[i] < 0 || out[i] > max)
            return sg_fail(err, SEDGE_E_VALUE, "%s holds %lld", sg_attr_names[id], (long long)out[i]);
    }
    return SEDGE_OK;
}

sedge_status sg_infer_conv_transpose(sg_infer *c)
{
    const sg_type *x = c->in[0], *w = c->in[1];
    int64_t group = sg_get_int(c->attrs, SG_A_group), pad[SG_RANK_MAX], shape[SG_RANK_MAX];
    bool padded, shaped;
    for (int k = 0; k < c->n_in; k++)
        SG_TRY(sg_want_same(c, k));
    if (x->rank < 0 || w->rank < 0)
        return sg_out_unknown(c, (sg_dtype)x->dtype);
    if (x->rank < 3 || w->rank != x->rank)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "input of rank %d with weights of rank %d", x->rank, w->rank);
    if (group < 1 || (!sg_dim_is_expr(w->dim[0]) && w->dim[0] % group))
        return SG_INFER_FAIL(c, SEDGE_E_VALUE, "group is %lld", (long long)group);
    if (!sg_d_equal(c, x->dim[1], w->dim[0]))
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "%lld input channels, but weights for %lld", (long long)x->dim[1],
                             (long long)w->dim[0]);
    sg_window win;
    SG_TRY(sg_window_read(c->err, c->attrs, x->rank - 2, w->dim + 2, &win));
    SG_TRY(extra_list(c->err, c->attrs, SG_A_output_padding, win.n, SG_WINDOW_MAX, pad, &padded));
    SG_TRY(extra_list(c->err, c->attrs, SG_A_output_shape, win.n, SG_NUMEL_MAX, shape, &shaped));
    sg_type *y = &c->out[0];
    c->exact = sg_d_numel(w) >= 0;
    y->dtype = x->dtype;
    y->rank = x->rank;
    y->dim[0] = x->dim[0];
    y->dim[1] = sg_d_mul(c, w->dim[1], group);
    SG_TRY(sg_want_vector_type(c, 2, y->dim[1], "bias"));
    for (int i = 0; i < win.n; i++) {
        sg_dim in = x->dim[2 + i], *o = &y->dim[2 + i];
        if (shaped) {
            *o = shape[i];
        } else if (win.auto_pad == SG_PAD_SAME_UPPER || win.auto_pad == SG_PAD_SAME_LOWER) {
            *o = sg_d_mul(c, in, win.stride[i]);
        } else {
            sg_dim reach = sg_d_add(c, sg_d_mul(c, sg_d_sub(c, win.kernel[i], 1), win.dilation[i]), 1);
            *o = sg_d_add(c, sg_d_mul(c, sg_d_sub(c, in, 1), win.stride[i]), reach);
            *o = sg_d_add(c, *o, pad[i] - win.begin[i] - win.end[i]);
        }
        if (!sg_d_at_least(c, *o, 0))
            return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "spatial axis %d would have %lld elements", i, (long long)*o);
    }
    return SEDGE_OK;
}

/* Begin pads where the output's size rules: from output_shape or SAME. */
static sedge_status pads_from_size(sg_exec *x, sg_window *w, const int64_t *in, const int64_t *out)
{
    int64_t pad[SG_RANK_MAX], shape[SG_RANK_MAX];
    bool padded, shaped;
    SG_TRY(extra_list(x->err, x->attrs, SG_A_output_padding, w->n, SG_WINDOW_MAX, pad, &padded));
    SG_TRY(extra_list(x->err, x->attrs, SG_A_output_shape, w->n, SG_NUMEL_MAX, shape, &shaped));
    bool same = w->auto_pad == SG_PAD_SAME_UPPER || w->auto_pad == SG_PAD_SAME_LOWER;
    int count;
    sg_get_ints(x->attrs, SG_A_pads, &count);
    if (!same && (!shaped || count))
        return SEDGE_OK;
    for (int i = 0; i < w->n; i++) {
        int64_t total = (in[i] - 1) * w->stride[i] + pad[i] + (w->kernel[i] - 1) * w->dilation[i] + 1 - out[i];
        total = total > 0 ? total : 0;
        /* ONNX: without SAME_UPPER the odd pad goes to the start */
        w->begin[i] = w->auto_pad == SG_PAD_SAME_UPPER ? total / 2 : total - total / 2;
        w->end[i] = total - w->begin[i];
    }
    return SEDGE_OK;
}

bool sg_window_tiles(const sg_window *w, sg_attrs a)
{
    int extra, shaped;
    const int64_t *pad = sg_get_ints(a, SG_A_output_padding, &extra);
    sg_get_ints(a, SG_A_output_shape, &shaped);
    bool good = sg_get_int(a, SG_A_group) == 1 && !shaped && w->auto_pad != SG_PAD_SAME_UPPER && w->auto_pad != SG_PAD_SAME_LOWER;
    for (int i = 0; i < extra; i++)
        good = good && pad[i] == 0;
    for (int i = 0; i < w->n; i++)
        good = good && w->stride[i] == w->kernel[i] && w->dilation[i] == 1 && w->begin[i] == 0 && w->end[i] == 0;
    return good;
}

/* y += one input channel spread by its kernel. */
static void spread(const sg_window *w, const int64_t *in, const int64_t *out, const double *x, const double *ws, double *y)
{
    int n = w->n - 1;
    int64_t i[SG_RANK_MAX] = {0}, off, lo, hi, s = w->stride[n];
    do {
        const double *wr = ws;
        int64_t k[SG_RANK_MAX] = {0};
        do {
            if (sg_window_at(w, n, out, i, k, &off)) {
                for (int64_t kx = 0; kx < w->kernel[n]; kx++) {
                    sg_window_range(w, n, kx, out[n], in[n], &lo, &hi);
                    int64_t at = off * out[n] + kx * w->dilation[n] - w->begin[n];
                    double wk = wr[kx];
                    for (int64_t j = lo; j < hi; j++)
                        y[at + j * s] += wk * x[j];
                }
            }
            wr += w->kernel[n];
        } while (sg_index_next(k, w->kernel, n));
        x += in[n];
    } while (sg_index_next(i, in, n));
}

sedge_status sg_ref_conv_transpose(sg_exec *x)
{
    const sg_tensor *in = x->in[0], *w = x->in[1], *b = x->n_in > 2 ? x->in[2] : NULL;
    sg_tensor *out = x->out[0];
    int64_t group = sg_get_int(x->attrs, SG_A_group);
    sg_window win;
    if (in->rank < 3 || w->rank != in->rank || group < 1 || w->dim[0] % group || w->dim[0] != in->dim[1] ||
        sg_dim_apply(SG_DIM_MUL, w->dim[1], group) != out->dim[1])
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "input and weights do not fit in %lld groups", (long long)group);
    SG_TRY(sg_window_read(x->err, x->attrs, in->rank - 2, w->dim + 2, &win));
    SG_TRY(pads_from_size(x, &win, in->dim + 2, out->dim + 2));
    SG_TRY(sg_want_vector(x, b, out->dim[1], "bias"));
    if (sg_numel(out) == 0)
        return SEDGE_OK;
    int64_t is = sg_dim_span(in->dim, 2, in->rank), os = sg_dim_span(out->dim, 2, out->rank),
            taps = sg_dim_span(w->dim, 2, w->rank);
    int64_t icg = in->dim[1] / group, ocg = w->dim[1];
    double *xs = sg_scratch_f64(x, in->dim[1] * is), *ws = sg_scratch_f64(x, taps), *ys = sg_scratch_f64(x, os);
    if (!xs || !ws || !ys)
        return SEDGE_E_NOMEM;
    for (int64_t n = 0; n < in->dim[0]; n++) {
        sg_widen((sg_dtype)in->dtype, in->data, n * in->dim[1] * is, in->dim[1] * is, xs);
        for (int64_t oc = 0; oc < out->dim[1]; oc++) {
            double bias = b ? sg_load_f64((sg_dtype)b->dtype, b->data, (size_t)oc) : 0;
            for (int64_t i = 0; i < os; i++)
                ys[i] = bias;
            for (int64_t ic = oc / ocg * icg; ic < (oc / ocg + 1) * icg && is > 0; ic++) {
                sg_widen((sg_dtype)w->dtype, w->data, (ic * ocg + oc % ocg) * taps, taps, ws);
                spread(&win, in->dim + 2, out->dim + 2, xs + ic * is, ws, ys);
            }
            sg_narrow((sg_dtype)out->dtype, out->data, (n * out->dim[1] + oc) * os, os, ys);
        }
    }
    return SEDGE_OK;
}
