/* Convolution: the shape rule, the scalar reference over any number of spatial axes, and the causal form with state. */
#include <math.h>

#include "op/elementwise.h"
#include "op/wide.h"
#include "op/window.h"

sedge_status sg_infer_conv(sg_infer *c)
{
    const sg_type *x = c->in[0], *w = c->in[1];
    int64_t group = sg_get_int(c->attrs, SG_A_group);
    for (int k = 0; k < c->n_in; k++)
        SG_TRY(sg_want_same(c, k));
    if (x->rank < 0 || w->rank < 0)
        return sg_out_unknown(c, (sg_dtype)x->dtype);
    if (x->rank < 3 || w->rank != x->rank)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "input of rank %d with weights of rank %d", x->rank, w->rank);
    if (group < 1 || (!sg_dim_is_expr(w->dim[0]) && w->dim[0] % group))
        return SG_INFER_FAIL(c, SEDGE_E_VALUE, "group is %lld", (long long)group);
    if (!sg_d_equal(c, x->dim[1], sg_d_mul(c, w->dim[1], group)))
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "%lld input channels, but weights for %lld in %lld groups", (long long)x->dim[1],
                             (long long)w->dim[1], (long long)group);
    SG_TRY(sg_want_vector_type(c, 2, w->dim[0], "bias"));
    sg_window win;
    SG_TRY(sg_window_read(c->err, c->attrs, x->rank - 2, w->dim + 2, &win));
    c->exact = sg_d_numel(w) >= 0;
    sg_type *y = &c->out[0];
    y->dtype = x->dtype;
    y->rank = x->rank;
    y->dim[0] = x->dim[0];
    y->dim[1] = w->dim[0];
    for (int i = 0; i < win.n; i++)
        SG_TRY(sg_window_out(c, &win, i, x->dim[2 + i], false, &y->dim[2 + i]));
    const sg_type *sum = c->n_in > 3 ? c->in[3] : NULL;
    for (int i = 0; sum && i < y->rank; i++)
        if (sum->rank != y->rank || !sg_d_equal(c, sum->dim[i], y->dim[i]))
            return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "what is added has another shape than the result");
    return SEDGE_OK;
}

typedef struct conv {
    sg_window w;
    const int64_t *in, *out;          /* spatial dims */
    int64_t in_size, out_size, taps;  /* their products */
    int64_t icg, ocg;                 /* channels per group */
} conv;

/* acc[o] += sum over the innermost kernel axis, for one row of outputs. */
static void conv_row(const conv *v, const double *x, const double *w, double *acc)
{
    int last = v->w.n - 1;
    int64_t s = v->w.stride[last], in = v->in[last], lo, hi;
    for (int64_t k = 0; k < v->w.kernel[last]; k++) {
        sg_window_range(&v->w, last, k, in, v->out[last], &lo, &hi);
        int64_t at = k * v->w.dilation[last] - v->w.begin[last];
        double wk = w[k];
        if (s == 1)
            for (int64_t o = lo; o < hi; o++)
                acc[o] += wk * x[at + o];
        else
            for (int64_t o = lo; o < hi; o++)
                acc[o] += wk * x[at + o * s];
    }
}

/* One output channel of one image: x holds the group's input channels, w the channel's weights. */
static void conv_channel(const conv *v, const double *x, const double *w, double bias, double *y)
{
    int n = v->w.n - 1;
    int64_t row = v->out[n], o[SG_RANK_MAX] = {0}, off;
    do {
        for (int64_t i = 0; i < row; i++)
            y[i] = bias;
        for (int64_t ic = 0; ic < v->icg; ic++) {
            const double *wr = w + ic * v->taps;
            int64_t k[SG_RANK_MAX] = {0};
            do {
                if (sg_window_at(&v->w, n, v->in, o, k, &off))
                    conv_row(v, x + ic * v->in_size + off * v->in[n], wr, y);
                wr += v->w.kernel[n];
            } while (sg_index_next(k, v->w.kernel, n));
        }
        y += row;
    } while (sg_index_next(o, v->out, n));
}

static sedge_status conv_check(sg_exec *x, conv *v)
{
    const sg_tensor *in = x->in[0], *w = x->in[1], *out = x->out[0];
    int64_t group = sg_get_int(x->attrs, SG_A_group);
    if (in->rank < 3 || w->rank != in->rank || out->rank != in->rank)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "input of rank %d with weights of rank %d", in->rank, w->rank);
    if (group < 1 || w->dim[0] % group || sg_dim_apply(SG_DIM_MUL, w->dim[1], group) != in->dim[1])
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "%lld input and %lld output channels do not fit into %lld groups of %lld",
                            (long long)in->dim[1], (long long)w->dim[0], (long long)group, (long long)w->dim[1]);
    SG_TRY(sg_window_read(x->err, x->attrs, in->rank - 2, w->dim + 2, &v->w));
    v->in = in->dim + 2;
    v->out = out->dim + 2;
    sg_window_resolve(&v->w, v->in, v->out);
    v->in_size = sg_dim_span(in->dim, 2, in->rank);
    v->out_size = sg_dim_span(out->dim, 2, out->rank);
    v->taps = sg_dim_span(w->dim, 2, w->rank);
    v->icg = w->dim[1];
    v->ocg = w->dim[0] / group;
    const sg_tensor *sum = x->n_in > 3 ? x->in[3] : NULL;
    for (int i = 0; sum && i < out->rank; i++)
        if (sum->rank != out->rank || sum->dim[i] != out->dim[i])
            return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "what is added has another shape than the result");
    return sg_want_vector(x, x->n_in > 2 ? x->in[2] : NULL, w->dim[0], "bias");
}

void sg_conv_bounds(sg_attrs a, double *lo, double *hi)
{
    bool bounded = sg_get_int(a, SG_A_activation) == SG_ACT_BOUNDS;
    *lo = bounded ? sg_get_float(a, SG_A_low) : -HUGE_VAL;
    *hi = bounded ? sg_get_float(a, SG_A_high) : HUGE_VAL;
}

sedge_status sg_ref_conv(sg_exec *x)
{
    conv v;
    SG_TRY(conv_check(x, &v));
    const sg_tensor *in = x->in[0], *w = x->in[1], *b = x->n_in > 2 ? x->in[2] : NULL;
    const sg_tensor *sum = x->n_in > 3 ? x->in[3] : NULL; /* may be the bytes of the result */
    sg_tensor *out = x->out[0];
    sg_dtype t = (sg_dtype)in->dtype;
    double lo, hi;
    sg_fn_params p;
    int64_t act = sg_act_kind(x->attrs, &p);
    sg_conv_bounds(x->attrs, &lo, &hi);
    if (sg_numel(out) == 0)
        return SEDGE_OK;
    int64_t image = in->dim[1] * v.in_size;
    double *xs = sg_scratch_f64(x, image), *ws = sg_scratch_f64(x, v.icg * v.taps), *ys = sg_scratch_f64(x, v.out_size);
    if (!xs || !ws || !ys)
        return SEDGE_E_NOMEM;
    for (int64_t n = 0; n < in->dim[0]; n++) {
        sg_widen(t, in->data, n * image, image, xs);
        for (int64_t oc = 0; oc < w->dim[0]; oc++) {
            sg_widen((sg_dtype)w->dtype, w->data, oc * v.icg * v.taps, v.icg * v.taps, ws);
            double bias = b ? sg_load_f64((sg_dtype)b->dtype, b->data, (size_t)oc) : 0;
            conv_channel(&v, xs + oc / v.ocg * v.icg * v.in_size, ws, bias, ys);
            int64_t at = (n * w->dim[0] + oc) * v.out_size;
            for (int64_t i = 0; i < v.out_size; i++) {
                double y = ys[i] + (sum ? sg_load_f64(t, sum->data, (size_t)(at + i)) : 0);
                y = y < lo ? lo : y;
                y = y > hi ? hi : y;
                ys[i] = act < 0 ? y : sg_unary_f64((sg_unary_kind)act, y, &p);
            }
            sg_narrow(t, out->data, at, v.out_size, ys);
        }
    }
    return SEDGE_OK;
}

/* ---- causal depthwise convolution over time, with the last inputs as state ---- */

sedge_status sg_infer_causal_conv(sg_infer *c)
{
    const sg_type *x = c->in[0], *w = c->in[1];
    for (int k = 0; k < c->n_in; k++)
        SG_TRY(sg_want_same(c, k));
    if ((x->rank >= 0 && x->rank != 3) || (w->rank >= 0 && w->rank != 3))
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "input and weights must have rank 3");
    c->out[0] = *x;
    c->exact = true;
    if (c->n_out < 2)
        return SEDGE_OK;
    sg_type *state = &c->out[1];
    state->dtype = x->dtype;
    state->rank = x->rank < 0 || w->rank < 0 ? -1 : 3;
    if (state->rank < 0)
        return SEDGE_OK;
    if (!sg_d_equal(c, x->dim[1], w->dim[0]) || !sg_d_equal(c, w->dim[1], 1) || !sg_d_at_least(c, w->dim[2], 1))
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "weights must be [channels, 1, k]");
    state->dim[0] = x->dim[0];
    state->dim[1] = x->dim[1];
    state->dim[2] = sg_d_sub(c, w->dim[2], 1);
    return SEDGE_OK;
}

static sedge_status causal_check(sg_exec *x)
{
    const sg_tensor *in = x->in[0], *w = x->in[1], *past = x->n_in > 3 ? x->in[3] : NULL;
    if (in->rank != 3 || w->rank != 3 || w->dim[0] != in->dim[1] || w->dim[1] != 1 || w->dim[2] < 1)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "weights must be [channels, 1, k]");
    if (past && (past->rank != 3 || past->dim[0] != in->dim[0] || past->dim[1] != in->dim[1] || past->dim[2] != w->dim[2] - 1))
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "past_state must be [batch, channels, k - 1]");
    return sg_want_vector(x, x->n_in > 2 ? x->in[2] : NULL, w->dim[0], "bias");
}

sedge_status sg_ref_causal_conv(sg_exec *x)
{
    SG_TRY(causal_check(x));
    const sg_tensor *in = x->in[0], *w = x->in[1], *b = x->n_in > 2 ? x->in[2] : NULL, *past = x->n_in > 3 ? x->in[3] : NULL;
    sg_tensor *out = x->out[0], *state = x->n_out > 1 ? x->out[1] : NULL;
    sg_dtype t = (sg_dtype)in->dtype;
    int64_t len = in->dim[2], k = w->dim[2], rows = in->dim[0] * in->dim[1];
    bool silu = sg_get_int(x->attrs, SG_A_activation) != 0;
    double *xs = sg_scratch_f64(x, len + k), *ws = sg_scratch_f64(x, k), *ys = sg_scratch_f64(x, len);
    if (!xs || !ws || !ys)
        return SEDGE_E_NOMEM;
    for (int64_t r = 0; r < rows; r++) {
        int64_t ch = r % in->dim[1];
        for (int64_t i = 0; i < k - 1; i++)
            xs[i] = past ? sg_load_f64(t, past->data, (size_t)(r * (k - 1) + i)) : 0;
        sg_widen(t, in->data, r * len, len, xs + k - 1);
        sg_widen((sg_dtype)w->dtype, w->data, ch * k, k, ws);
        double bias = b ? sg_load_f64((sg_dtype)b->dtype, b->data, (size_t)ch) : 0;
        for (int64_t i = 0; i < len; i++) {
            double acc = bias;
            for (int64_t j = 0; j < k; j++)
                acc += xs[i + j] * ws[j];
            ys[i] = silu ? acc / (1 + exp(-acc)) : acc;
        }
        if (out)
            sg_narrow(t, out->data, r * len, len, ys);
        if (state)
            sg_narrow(t, state->data, r * (k - 1), k - 1, xs + len);
    }
    return SEDGE_OK;
}
