/* Normalization with learned scale: over the batch, over groups of channels, over trailing axes. */
#include <math.h>

#include "op/wide.h"

/* ---- batch normalization ---- */

sedge_status sg_infer_batch_norm(sg_infer *c)
{
    const sg_type *x = c->in[0];
    c->exact = true;
    SG_TRY(sg_want_float(c, 0));
    for (int k = 1; k < 5; k++) {
        SG_TRY(sg_want_float(c, k));
        if (x->rank > 0)
            SG_TRY(sg_want_vector_type(c, k, x->rank > 1 ? x->dim[1] : 1, "a parameter"));
    }
    c->out[0] = *x;
    for (int k = 1; k < c->n_out; k++) {
        c->out[k] = *c->in[k + 2];
        if (!sg_get_int(c->attrs, SG_A_training_mode))
            return SG_INFER_FAIL(c, SEDGE_E_VALUE, "running statistics are outputs in training mode only");
    }
    return SEDGE_OK;
}

/* Mean and variance of channel ch over the batch and all positions. */
static void channel_stats(const sg_tensor *in, int64_t channels, int64_t inner, int64_t ch, double *line, double *mean,
                          double *var)
{
    double sum = 0, sq = 0;
    int64_t count = in->dim[0] * inner;
    for (int64_t n = 0; n < in->dim[0]; n++) {
        sg_widen((sg_dtype)in->dtype, in->data, (n * channels + ch) * inner, inner, line);
        for (int64_t i = 0; i < inner; i++)
            sum += line[i];
    }
    *mean = count ? sum / (double)count : 0;
    for (int64_t n = 0; n < in->dim[0]; n++) {
        sg_widen((sg_dtype)in->dtype, in->data, (n * channels + ch) * inner, inner, line);
        for (int64_t i = 0; i < inner; i++)
            sq += (line[i] - *mean) * (line[i] - *mean);
    }
    *var = count ? sq / (double)count : 0;
}

sedge_status sg_ref_batch_norm(sg_exec *x)
{
    const sg_tensor *in = x->in[0];
    sg_tensor *out = x->out[0];
    double eps = sg_get_float(x->attrs, SG_A_epsilon), momentum = sg_get_float(x->attrs, SG_A_momentum);
    bool training = sg_get_int(x->attrs, SG_A_training_mode) != 0;
    if (in->rank < 1)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "the input is a scalar");
    int64_t channels = in->rank > 1 ? in->dim[1] : 1, inner = sg_dim_span(in->dim, 2, in->rank);
    for (int k = 1; k < 5; k++)
        SG_TRY(sg_want_vector(x, x->in[k], channels, "a parameter"));
    double *line = sg_scratch_f64(x, inner);
    if (!line)
        return SEDGE_E_NOMEM;
    for (int64_t ch = 0; ch < channels; ch++) {
        double p[4], mean, var;
        for (int k = 0; k < 4; k++)
            p[k] = sg_load_f64((sg_dtype)x->in[k + 1]->dtype, x->in[k + 1]->data, (size_t)ch);
        mean = p[2];
        var = p[3];
        if (training) {
            channel_stats(in, channels, inner, ch, line, &mean, &var);
            const double run[2] = {p[2] * momentum + mean * (1 - momentum), p[3] * momentum + var * (1 - momentum)};
            for (int k = 0; k < 2; k++)
                if (k + 1 < x->n_out && x->out[k + 1])
                    sg_store_f64((sg_dtype)x->out[k + 1]->dtype, x->out[k + 1]->data, (size_t)ch, run[k]);
        }
        double scale = p[0] / sqrt(var + eps);
        for (int64_t n = 0; n < in->dim[0] && out; n++) {
            int64_t at = (n * channels + ch) * inner;
            sg_widen((sg_dtype)in->dtype, in->data, at, inner, line);
            for (int64_t i = 0; i < inner; i++)
                line[i] = (line[i] - mean) * scale + p[1];
            sg_narrow((sg_dtype)out->dtype, out->data, at, inner, line);
        }
    }
    return SEDGE_OK;
}

/* ---- one run of values ---- */

/* v = (v - mean) / sqrt(var + eps); without `center` the mean stays. */
static void standardize(double *v, int64_t n, double eps, bool center, double *mean_out, double *inv_out)
{
    double sum = 0, sq = 0, mean = 0;
    for (int64_t i = 0; center && i < n; i++)
        sum += v[i];
    if (center && n)
        mean = sum / (double)n;
    for (int64_t i = 0; i < n; i++)
        sq += (v[i] - mean) * (v[i] - mean);
    double inv = 1 / sqrt((n ? sq / (double)n : 0) + eps);
    for (int64_t i = 0; i < n; i++)
        v[i] = (v[i] - mean) * inv;
    *mean_out = mean;
    *inv_out = inv;
}

/* ---- group normalization; num_groups 0 gives each channel its own group (instance normalization) ---- */

static sedge_status group_count(sg_err *err, sg_attrs a, int64_t channels, int64_t *groups)
{
    *groups = sg_get_int(a, SG_A_num_groups);
    if (*groups == 0)
        *groups = channels;
    if (*groups < 0 || (*groups > 0 && channels % *groups) || (*groups == 0 && channels))
        return sg_fail(err, SEDGE_E_VALUE, "%lld channels do not split into %lld groups", (long long)channels,
                       (long long)*groups);
    return SEDGE_OK;
}

sedge_status sg_infer_group_norm(sg_infer *c)
{
    const sg_type *x = c->in[0];
    int64_t groups;
    for (int k = 0; k < 3; k++)
        SG_TRY(sg_want_float(c, k));
    if (x->rank >= 0 && x->rank < 2)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "the input has rank %d", x->rank);
    if (x->rank >= 2 && !sg_dim_is_expr(x->dim[1]))
        SG_TRY(group_count(c->err, c->attrs, x->dim[1], &groups));
    SG_TRY(sg_infer_same(c));
    c->exact = x->rank < 2 || !sg_dim_is_expr(x->dim[1]);
    return SEDGE_OK;
}

sedge_status sg_ref_group_norm(sg_exec *x)
{
    const sg_tensor *in = x->in[0], *scale = x->in[1], *bias = x->in[2];
    sg_tensor *out = x->out[0];
    int64_t groups, channels = in->rank > 1 ? in->dim[1] : 0;
    if (in->rank < 2)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "the input has rank %d", in->rank);
    SG_TRY(group_count(x->err, x->attrs, channels, &groups));
    /* opset 18 has one scale a group, later ones one a channel */
    bool per_group = scale->rank == 1 && scale->dim[0] == groups && groups != channels;
    SG_TRY(sg_want_vector(x, scale, per_group ? groups : channels, "scale"));
    SG_TRY(sg_want_vector(x, bias, per_group ? groups : channels, "bias"));
    if (sg_numel(in) == 0)
        return SEDGE_OK;
    int64_t inner = sg_dim_span(in->dim, 2, in->rank), cg = channels / groups, run = cg * inner;
    double *v = sg_scratch_f64(x, run), eps = sg_get_float(x->attrs, SG_A_epsilon), mean, inv;
    if (!v)
        return SEDGE_E_NOMEM;
    for (int64_t g = 0; g < in->dim[0] * groups; g++) {
        sg_widen((sg_dtype)in->dtype, in->data, g * run, run, v);
        standardize(v, run, eps, true, &mean, &inv);
        for (int64_t k = 0; k < cg; k++) {
            size_t at = (size_t)(per_group ? g % groups : g % groups * cg + k);
            double s = sg_load_f64((sg_dtype)scale->dtype, scale->data, at),
                   b = sg_load_f64((sg_dtype)bias->dtype, bias->data, at);
            for (int64_t i = k * inner; i < (k + 1) * inner; i++)
                v[i] = v[i] * s + b;
        }
        sg_narrow((sg_dtype)out->dtype, out->data, g * run, run, v);
    }
    return SEDGE_OK;
}

/* ---- layer and root-mean-square normalization over axes [axis, rank) ---- */

sedge_status sg_infer_row_norm(sg_infer *c)
{
    const sg_type *x = c->in[0];
    int64_t axis = sg_get_int(c->attrs, SG_A_axis);
    c->exact = true;
    for (int k = 0; k < c->n_in; k++)
        SG_TRY(sg_want_float(c, k));
    c->out[0] = *x;
    int a = x->rank < 0 ? 0 : sg_axis(axis, x->rank);
    if (a < 0)
        return SG_INFER_FAIL(c, SEDGE_E_VALUE, "axis %lld of a tensor of rank %d", (long long)axis, x->rank);
    int64_t stash = sg_get_int(c->attrs, SG_A_stash_type); /* ONNX's code of the dtype of the statistics */
    sg_dtype stat = stash > 0 && stash < 64 ? sg_dtype_from_onnx((int)stash) : SG_NONE;
    if (!sg_is_float(stat))
        return SG_INFER_FAIL(c, SEDGE_E_VALUE, "stash_type is %lld", (long long)stash);
    for (int k = 1; k < c->n_out; k++) {
        c->out[k] = *x;
        c->out[k].dtype = (uint8_t)stat;
        for (int i = a; i < x->rank; i++)
            c->out[k].dim[i] = 1;
    }
    for (int k = 1; k < c->n_in; k++)
        if (c->in[k] && x->rank >= 0 && c->in[k]->rank > x->rank)
            return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "scale and bias must broadcast to the input");
    return SEDGE_OK;
}

/* Strides of operand t broadcast to the dims of `in`; false if it does not fit. */
static bool operand_strides(const sg_tensor *in, const sg_tensor *t, int64_t *stride)
{
    int64_t own[SG_RANK_MAX];
    if (t->rank > in->rank)
        return false;
    sg_strides(t->dim, t->rank, own);
    for (int i = 0; i < in->rank; i++) {
        int k = i - (in->rank - t->rank);
        stride[i] = k < 0 || t->dim[k] == 1 ? 0 : own[k];
        if (k >= 0 && t->dim[k] != 1 && t->dim[k] != in->dim[i])
            return false;
    }
    return true;
}

sedge_status sg_ref_row_norm(sg_exec *x)
{
    const sg_tensor *in = x->in[0], *par[2] = {x->in[1], x->n_in > 2 ? x->in[2] : NULL};
    sg_tensor *out = x->out[0];
    double *ps[2] = {NULL, NULL}, eps = sg_get_float(x->attrs, SG_A_epsilon), stat[2];
    int64_t want = sg_get_int(x->attrs, SG_A_axis), stride[SG_RANK_MAX];
    int axis = sg_axis(want, in->rank);
    if (axis < 0)
        return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "axis %lld of a tensor of rank %d", (long long)want, in->rank);
    int64_t rows = sg_dim_span(in->dim, 0, axis), n = sg_dim_span(in->dim, axis, in->rank);
    sg_walk w;
    sg_walk_init(&w, in->dim, in->rank);
    for (int k = 0; k < 2; k++) {
        if (!par[k])
            continue;
        if (!operand_strides(in, par[k], stride))
            return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "scale and bias must broadcast to the input");
        ps[k] = sg_widen_in(x, k + 1, sg_numel(par[k]));
        if (!ps[k])
            return SEDGE_E_NOMEM;
        sg_walk_add(&w, stride);
    }
    double *v = sg_scratch_f64(x, n);
    if (!v)
        return SEDGE_E_NOMEM;
    for (int64_t r = 0; r < rows; r++) {
        sg_widen((sg_dtype)in->dtype, in->data, r * n, n, v);
        standardize(v, n, eps, x->op == SG_ROW(LAYER_NORM), &stat[0], &stat[1]);
        for (int k = 1; k < x->n_out; k++)
            if (x->out[k])
                sg_store_f64((sg_dtype)x->out[k]->dtype, x->out[k]->data, (size_t)r, stat[k - 1]);
        for (int64_t i = 0; i < n; i++, sg_walk_next(&w))
            v[i] = v[i] * ps[0][w.off[0]] + (ps[1] ? ps[1][w.off[1]] : 0);
        if (out)
            sg_narrow((sg_dtype)out->dtype, out->data, r * n, n, v);
    }
    return SEDGE_OK;
}
