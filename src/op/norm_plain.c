/* Normalization without parameters: to unit p-norm, to zero mean and unit variance, and by neighbouring channels. */
#include <math.h>

#include "op/wide.h"

/* ---- unit p-norm along an axis ---- */

sedge_status sg_infer_lp_norm(sg_infer *c)
{
    const sg_type *x = c->in[0];
    int64_t p = sg_get_int(c->attrs, SG_A_p), axis = sg_get_int(c->attrs, SG_A_axis);
    SG_TRY(sg_want_float(c, 0));
    if (p < 1)
        return SG_INFER_FAIL(c, SEDGE_E_VALUE, "p is %lld", (long long)p);
    if (x->rank >= 0 && sg_axis(axis, x->rank) < 0)
        return SG_INFER_FAIL(c, SEDGE_E_VALUE, "axis %lld of a tensor of rank %d", (long long)axis, x->rank);
    return sg_infer_same(c);
}

sedge_status sg_ref_lp_norm(sg_exec *x)
{
    const sg_tensor *in = x->in[0];
    sg_tensor *out = x->out[0];
    sg_dtype t = (sg_dtype)in->dtype;
    double p = (double)sg_get_int(x->attrs, SG_A_p);
    int axis = sg_axis(sg_get_int(x->attrs, SG_A_axis), in->rank);
    if (axis < 0)
        return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "axis is outside rank %d", in->rank);
    int64_t n = in->dim[axis], outer = sg_dim_span(in->dim, 0, axis), inner = sg_dim_span(in->dim, axis + 1, in->rank);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < inner; i++) {
            double sum = 0;
            for (int64_t k = 0; k < n; k++) {
                double e = fabs(sg_load_f64(t, in->data, (size_t)((o * n + k) * inner + i)));
                sum += p == 1 ? e : p == 2 ? e * e : pow(e, p);
            }
            double norm = p == 1 ? sum : p == 2 ? sqrt(sum) : pow(sum, 1 / p);
            for (int64_t k = 0; k < n; k++) {
                size_t at = (size_t)((o * n + k) * inner + i);
                sg_store_f64(t, out->data, at, norm == 0 ? 0 : sg_load_f64(t, in->data, at) / norm);
            }
        }
    return SEDGE_OK;
}

/* ---- zero mean and unit variance over a set of axes ---- */

/* Which axes are normalized together: 0, 2, 3 unless said otherwise. */
static sedge_status read_axes(sg_err *err, sg_attrs a, int rank, bool *reduced)
{
    static const int64_t image[] = {0, 2, 3};
    int n;
    const int64_t *axes = sg_get_ints(a, SG_A_axes, &n);
    if (!sg_attr_is_set(a, SG_A_axes)) {
        axes = image;
        n = 3;
    }
    for (int i = 0; i < SG_RANK_MAX; i++)
        reduced[i] = false;
    for (int i = 0; i < n; i++) {
        int k = sg_axis(axes[i], rank);
        if (k < 0)
            return sg_fail(err, SEDGE_E_VALUE, "axis %lld of a tensor of rank %d", (long long)axes[i], rank);
        reduced[k] = true;
    }
    return SEDGE_OK;
}

sedge_status sg_infer_mvn(sg_infer *c)
{
    bool reduced[SG_RANK_MAX];
    SG_TRY(sg_want_float(c, 0));
    if (c->in[0]->rank >= 0)
        SG_TRY(read_axes(c->err, c->attrs, c->in[0]->rank, reduced));
    return sg_infer_same(c);
}

sedge_status sg_ref_mvn(sg_exec *x)
{
    const sg_tensor *in = x->in[0];
    sg_tensor *out = x->out[0];
    sg_dtype t = (sg_dtype)in->dtype;
    bool reduced[SG_RANK_MAX];
    int64_t stride[SG_RANK_MAX], n = sg_numel(in), groups = 1, count = 1;
    SG_TRY(read_axes(x->err, x->attrs, in->rank, reduced));
    for (int i = in->rank - 1; i >= 0; i--) {
        stride[i] = reduced[i] ? 0 : groups;
        if (reduced[i])
            count *= in->dim[i];
        else
            groups *= in->dim[i];
    }
    if (n == 0)
        return SEDGE_OK;
    double *v = sg_widen_in(x, 0, n), *mean = sg_scratch_f64(x, groups), *sq = sg_scratch_f64(x, groups);
    if (!v || !mean || !sq)
        return SEDGE_E_NOMEM;
    for (int64_t g = 0; g < groups; g++)
        mean[g] = sq[g] = 0;
    for (int pass = 0; pass < 3; pass++) {
        sg_walk w;
        sg_walk_init(&w, in->dim, in->rank);
        sg_walk_add(&w, stride);
        for (int64_t i = 0; i < n; i++, sg_walk_next(&w)) {
            int64_t g = w.off[0];
            if (pass == 0)
                mean[g] += v[i] / (double)count;
            else if (pass == 1)
                sq[g] += (v[i] - mean[g]) * (v[i] - mean[g]);
            else
                v[i] = (v[i] - mean[g]) / (sqrt(sq[g] / (double)count) + 1e-9); /* the constant of ONNX's definition */
        }
    }
    sg_narrow(t, out->data, 0, n, v);
    return SEDGE_OK;
}

/* ---- local response normalization across channels (Krizhevsky et al. 2012) ---- */

sedge_status sg_infer_lrn(sg_infer *c)
{
    SG_TRY(sg_want_float(c, 0));
    if (sg_get_int(c->attrs, SG_A_size) < 1)
        return SG_INFER_FAIL(c, SEDGE_E_VALUE, "size is %lld", (long long)sg_get_int(c->attrs, SG_A_size));
    if (c->in[0]->rank >= 0 && c->in[0]->rank < 2)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "the input has rank %d", c->in[0]->rank);
    return sg_infer_same(c);
}

sedge_status sg_ref_lrn(sg_exec *x)
{
    const sg_tensor *in = x->in[0];
    sg_tensor *out = x->out[0];
    sg_dtype t = (sg_dtype)in->dtype;
    int64_t size = sg_get_int(x->attrs, SG_A_size);
    double alpha = sg_get_float(x->attrs, SG_A_alpha), beta = sg_get_float(x->attrs, SG_A_beta),
           bias = sg_get_float(x->attrs, SG_A_bias);
    if (in->rank < 2 || size < 1)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "the input has rank %d", in->rank);
    if (sg_numel(in) == 0)
        return SEDGE_OK;
    int64_t channels = in->dim[1], inner = sg_dim_span(in->dim, 2, in->rank), before = (size - 1) / 2, after = size / 2;
    double *v = sg_scratch_f64(x, channels * inner), *sum = sg_scratch_f64(x, inner);
    if (!v || !sum)
        return SEDGE_E_NOMEM;
    for (int64_t n = 0; n < in->dim[0]; n++) {
        sg_widen(t, in->data, n * channels * inner, channels * inner, v);
        for (int64_t ch = 0; ch < channels; ch++) {
            int64_t lo = ch > before ? ch - before : 0, hi = after < channels - 1 - ch ? ch + after : channels - 1;
            for (int64_t i = 0; i < inner; i++)
                sum[i] = 0;
            for (int64_t k = lo; k <= hi; k++)
                for (int64_t i = 0; i < inner; i++)
                    sum[i] += v[k * inner + i] * v[k * inner + i];
            for (int64_t i = 0; i < inner; i++)
                sum[i] = v[ch * inner + i] / pow(bias + alpha / (double)size * sum[i], beta);
            sg_narrow(t, out->data, (n * channels + ch) * inner, inner, sum);
        }
    }
    return SEDGE_OK;
}
