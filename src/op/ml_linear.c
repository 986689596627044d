/* Linear models, and picking a class from scores. */
#include <string.h>

#include "op/ml.h"

/* Number of scores of a row. */
static int64_t targets_of(sg_attrs a)
{
    return sg_get_int(a, SG_A_targets);
}

sedge_status sg_infer_linear_model(sg_infer *c)
{
    int n, n_add;
    const double *w = sg_get_floats(c->attrs, SG_A_coefficients, &n);
    sg_get_floats(c->attrs, SG_A_intercepts, &n_add);
    int64_t targets = targets_of(c->attrs);
    SG_TRY(sg_ml_want_rows(c));
    if (!w || n < 1 || targets < 1 || n % targets != 0 || (n_add && n_add != targets))
        return SG_INFER_FAIL(c, SEDGE_E_FORMAT, "linear_model: %d coefficients and %d intercepts for %lld targets", n, n_add,
                             (long long)targets);
    c->out[0].dtype = SG_F32;
    c->out[0].rank = 2;
    c->out[0].dim[0] = sg_ml_row_count(c);
    c->out[0].dim[1] = targets;
    return SEDGE_OK;
}

sedge_status sg_ref_linear_model(sg_exec *x)
{
    int n, n_add;
    const double *w = sg_get_floats(x->attrs, SG_A_coefficients, &n), *add = sg_get_floats(x->attrs, SG_A_intercepts, &n_add);
    int64_t rows, features, targets = targets_of(x->attrs);
    sg_ml_rows(x->in[0], &rows, &features);
    if (features * targets != n)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "linear_model: %d coefficients for %lld features", n, (long long)features);
    double *v = sg_scratch(x, ((size_t)features + (size_t)targets) * sizeof *v), *s = v + features;
    if (!v)
        return SEDGE_E_NOMEM;
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t f = 0; f < features; f++)
            v[f] = sg_load_f64((sg_dtype)x->in[0]->dtype, x->in[0]->data, (size_t)(r * features + f));
        for (int64_t k = 0; k < targets; k++) {
            s[k] = add ? add[k] : 0;
            for (int64_t f = 0; f < features; f++)
                s[k] += v[f] * w[k * features + f];
        }
        sg_ml_post((sg_post_kind)sg_get_int(x->attrs, SG_A_post_transform), s, targets);
        for (int64_t k = 0; k < targets; k++)
            ((float *)x->out[0]->data)[r * targets + k] = (float)s[k];
    }
    return SEDGE_OK;
}

/* Scores out of a row of n scores: a single one stands for two classes, if there are two. */
static sg_dim scores_out(sg_attrs a, sg_dim n)
{
    int labels;
    sg_ml_label_dtype(a, &labels);
    return n == 1 && (labels == 2 || sg_get_int(a, SG_A_kind) != SG_PICK_PLAIN) ? 2 : n;
}

sedge_status sg_infer_class_pick(sg_infer *c)
{
    int labels;
    const sg_type *t = c->in[0];
    c->out[0].dtype = (uint8_t)sg_ml_label_dtype(c->attrs, &labels);
    c->out[0].rank = 1;
    if (t->rank >= 0 && t->rank != 2)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "class_pick: scores must have rank 2");
    c->out[0].dim[0] = t->rank < 0 ? sg_d_fresh(c) : t->dim[0];
    if (c->n_out < 2)
        return SEDGE_OK;
    c->out[1].dtype = SG_F32;
    c->out[1].rank = 2;
    c->out[1].dim[0] = c->out[0].dim[0];
    c->out[1].dim[1] = t->rank < 0 || sg_dim_is_expr(t->dim[1]) ? sg_d_fresh(c) : scores_out(c->attrs, t->dim[1]);
    return SEDGE_OK;
}

/* The class of n scores, which become the scores to give. */
static int64_t pick(sg_attrs a, double *s, int64_t n, int64_t n_out)
{
    int64_t kind = sg_get_int(a, SG_A_kind), best = 0;
    sg_post_kind post = (sg_post_kind)sg_get_int(a, SG_A_post_transform);
    if (n == 1) {
        best = s[0] > (kind == SG_PICK_SHARE ? 0.5 : 0);
        if (n_out == 2) {
            s[1] = s[0];
            s[0] = kind == SG_PICK_SHARE ? 1 - s[0] : -s[0];
        }
    }
    for (int64_t k = 1; n > 1 && k < n; k++)
        best = s[k] > s[best] ? k : best;
    if (kind != SG_PICK_SHARE || n != 1 || post == SG_POST_PROBIT)
        sg_ml_post(post, s, n_out);
    return best;
}

sedge_status sg_ref_class_pick(sg_exec *x)
{
    const sg_tensor *t = x->in[0];
    int64_t n = t->dim[1], n_out = scores_out(x->attrs, n);
    double *s = sg_scratch(x, ((size_t)n + 2) * sizeof *s);
    if (!s)
        return SEDGE_E_NOMEM;
    if (n < 1)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "class_pick: there are no scores");
    int labels;
    sg_ml_label_dtype(x->attrs, &labels);
    for (int64_t r = 0; r < t->dim[0]; r++) {
        for (int64_t k = 0; k < n; k++)
            s[k] = sg_load_f64((sg_dtype)t->dtype, t->data, (size_t)(r * n + k));
        int64_t best = pick(x->attrs, s, n, n_out);
        if (x->out[0]) /* a single label: that one or none */
            sg_ml_label_store(x->attrs, x->out[0], r, n == 1 && labels == 1 ? best - 1 : best);
        for (int64_t k = 0; x->n_out > 1 && x->out[1] && k < n_out; k++)
            ((float *)x->out[1]->data)[r * n_out + k] = (float)s[k];
    }
    return SEDGE_OK;
}
