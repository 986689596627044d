/* Softmax, its logarithm, and hardmax along one axis. */
#include "op/softmax.h"

#include <math.h>

#include "op/wide.h"

sedge_status sg_infer_softmax(sg_infer *c)
{
    const sg_type *x = c->in[0];
    SG_TRY(sg_want_float(c, 0));
    int64_t kind = sg_get_int(c->attrs, SG_A_kind), axis = sg_get_int(c->attrs, SG_A_axis);
    if (kind < SG_SOFTMAX_PLAIN || kind > SG_SOFTMAX_HARD)
        return SG_INFER_FAIL(c, SEDGE_E_VALUE, "softmax of kind %lld", (long long)kind);
    if (x->rank > 0 && sg_axis(axis, x->rank) < 0)
        return SG_INFER_FAIL(c, SEDGE_E_VALUE, "axis %lld of a tensor of rank %d", (long long)axis, x->rank);
    return sg_infer_same(c);
}

/* ONNX defines softmax as a function of operators, each of which rounds to the type; the partial sums stay wide. */
static double rounded(sg_dtype t, double v)
{
    if (t == SG_BF16)
        return (double)sg_bf16_to_f32(sg_f32_to_bf16((float)v));
    return t == SG_F16 ? (double)sg_f16_to_f32(sg_f32_to_f16((float)v)) : v;
}

/* One line of n values, in place. The largest is taken off first, so that exp never overflows. */
static void soft_line(double *v, int64_t n, int64_t kind, sg_dtype t)
{
    double max = v[0], sum = 0;
    int64_t first = 0;
    for (int64_t i = 1; i < n; i++)
        if (v[i] > max) {
            max = v[i];
            first = i;
        }
    if (kind == SG_SOFTMAX_HARD) {
        for (int64_t i = 0; i < n; i++)
            v[i] = i == first;
        return;
    }
    /* every value -inf: without a shift the result is the NaN that the definition gives */
    if (kind == SG_SOFTMAX_LOG) {
        for (int64_t i = 0; i < n; i++)
            sum += exp(v[i] - max);
        sum = log(sum);
        for (int64_t i = 0; i < n; i++)
            v[i] = v[i] - max - sum;
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        v[i] = rounded(t, exp(rounded(t, v[i] - max)));
        sum += v[i];
    }
    sum = rounded(t, sum);
    for (int64_t i = 0; i < n; i++)
        v[i] /= sum;
}

sedge_status sg_ref_softmax(sg_exec *x)
{
    const sg_tensor *in = x->in[0];
    sg_tensor *out = x->out[0];
    sg_dtype t = (sg_dtype)in->dtype;
    int64_t kind = sg_get_int(x->attrs, SG_A_kind), want = sg_get_int(x->attrs, SG_A_axis);
    int axis = in->rank ? sg_axis(want, in->rank) : 0;
    if (axis < 0)
        return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "axis %lld of a tensor of rank %d", (long long)want, in->rank);
    if (sg_numel(in) == 0)
        return SEDGE_OK;
    int64_t n = in->rank ? in->dim[axis] : 1, outer = sg_dim_span(in->dim, 0, axis),
            inner = sg_dim_span(in->dim, axis + 1, in->rank);
    double *line = sg_scratch_f64(x, n);
    if (!line)
        return SEDGE_E_NOMEM;
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < inner; i++) {
            int64_t at = o * n * inner + i;
            if (inner == 1)
                sg_widen(t, in->data, at, n, line);
            else
                for (int64_t k = 0; k < n; k++)
                    line[k] = sg_load_f64(t, in->data, (size_t)(at + k * inner));
            soft_line(line, n, kind, t);
            if (inner == 1)
                sg_narrow(t, out->data, at, n, line);
            else
                for (int64_t k = 0; k < n; k++)
                    sg_store_f64(t, out->data, (size_t)(at + k * inner), line[k]);
        }
    return SEDGE_OK;
}
