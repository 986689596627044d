/* Losses: negative log likelihood, and softmax with cross entropy. */
#include <math.h>
#include <string.h>

#include "op/widen.h"

/* "none", "sum" or "mean" (the default); -1: unknown. */
enum { REDUCE_NONE, REDUCE_SUM, REDUCE_MEAN };

static int reduction_of(sg_attrs a)
{
    const char *s = sg_get_str(a, SG_A_reduction);
    if (!*s || strcmp(s, "mean") == 0)
        return REDUCE_MEAN;
    return strcmp(s, "sum") == 0 ? REDUCE_SUM : strcmp(s, "none") == 0 ? REDUCE_NONE : -1;
}

sedge_status sg_infer_loss(sg_infer *c)
{
    const sg_type *t = c->in[0], *target = c->in[1], *weight = c->n_in > 2 ? c->in[2] : NULL;
    int reduction = reduction_of(c->attrs);
    SG_TRY(sg_infer_need_float(c, 0));
    if (reduction < 0)
        return SG_INFER_FAIL(c, SEDGE_E_VALUE, "%s: reduction must be none, sum or mean", c->op->name);
    if (!sg_is_int((sg_dtype)target->dtype) || (weight && weight->dtype != t->dtype))
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "%s: target must be integers, weight of the type of the scores", c->op->name);
    if (t->rank >= 0 && (t->rank < 2 || (target->rank >= 0 && target->rank != t->rank - 1)))
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "%s: scores must be [N,C,...] and the target [N,...]", c->op->name);
    if (weight && weight->rank >= 0 && weight->rank != 1)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "%s: weight must have rank 1", c->op->name);
    if (c->n_out > 1)
        c->out[1] = *t;
    c->out[0].dtype = t->dtype;
    c->out[0].rank = reduction == REDUCE_NONE ? target->rank : 0;
    if (reduction != REDUCE_NONE || target->rank < 0)
        return SEDGE_OK;
    memcpy(c->out[0].dim, target->dim, sizeof target->dim);
    return SEDGE_OK;
}

/* log(softmax) over the classes of [n, classes, inner]. */
static void log_softmax(double *out, const double *v, int64_t n, int64_t classes, int64_t inner)
{
    for (int64_t i = 0; i < n * inner; i++) {
        const double *from = v + i / inner * classes * inner + i % inner;
        double *to = out + (from - v), top = -INFINITY, sum = 0;
        for (int64_t k = 0; k < classes; k++)
            top = from[k * inner] > top ? from[k * inner] : top;
        for (int64_t k = 0; k < classes; k++)
            sum += exp(from[k * inner] - top);
        for (int64_t k = 0; k < classes; k++)
            to[k * inner] = from[k * inner] - top - log(sum);
    }
}

typedef struct loss {
    int64_t n, classes, inner, ignore;
    bool ignores;
    const double *weight;
    double total, mass; /* sums of losses and of weights */
} loss;

/* The loss of one target, weighted; fails when it names no class. */
static sedge_status one(sg_exec *x, loss *l, const double *logp, int64_t at, double *out)
{
    const sg_tensor *target = x->in[1];
    int64_t k = sg_load_i64((sg_dtype)target->dtype, target->data, (size_t)at);
    *out = 0;
    if (l->ignores && k == l->ignore)
        return SEDGE_OK;
    if (k < 0 || k >= l->classes)
        return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "%s: target %lld is not one of %lld classes", x->op->name, (long long)k,
                            (long long)l->classes);
    double w = l->weight ? l->weight[k] : 1;
    *out = -w * logp[(at / l->inner * l->classes + k) * l->inner + at % l->inner];
    l->total += *out;
    l->mass += w;
    return SEDGE_OK;
}

static sedge_status shapes_check(sg_exec *x)
{
    const sg_tensor *t = x->in[0], *target = x->in[1], *weight = x->n_in > 2 ? x->in[2] : NULL;
    bool ok = t->rank >= 2 && target->rank == t->rank - 1 && target->dim[0] == t->dim[0] &&
              (!weight || sg_numel(weight) == t->dim[1]);
    for (int i = 2; ok && i < t->rank; i++)
        ok = target->dim[i - 1] == t->dim[i];
    return ok ? SEDGE_OK : SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "%s: shapes of scores, target and weight do not fit", x->op->name);
}

sedge_status sg_ref_loss(sg_exec *x)
{
    SG_TRY(shapes_check(x));
    const sg_tensor *t = x->in[0], *weight = x->n_in > 2 ? x->in[2] : NULL;
    sg_tensor *y = x->out[0], *prob = x->n_out > 1 ? x->out[1] : NULL;
    int reduction = reduction_of(x->attrs);
    loss l = {.n = t->dim[0], .classes = t->dim[1], .inner = sg_dim_span(t->dim, 2, t->rank)};
    l.ignores = sg_attr_is_set(x->attrs, SG_A_ignore_index);
    l.ignore = sg_get_int(x->attrs, SG_A_ignore_index);
    const double *v = sg_widen_f64(x, t);
    l.weight = weight ? sg_widen_f64(x, weight) : NULL;
    if (!v || (weight && !l.weight))
        return SEDGE_E_NOMEM;
    if (x->op == SG_ROW(SOFTMAX_LOSS)) {
        double *p = prob ? sg_narrow_room_f64(x, prob) : sg_scratch(x, ((size_t)sg_numel(t) + 1) * sizeof *p);
        if (!p)
            return SEDGE_E_NOMEM;
        log_softmax(p, v, l.n, l.classes, l.inner);
        if (prob)
            sg_narrow_f64(prob, p);
        v = p;
    }
    for (int64_t i = 0; i < l.n * l.inner; i++) {
        double e;
        SG_TRY(one(x, &l, v, i, &e));
        if (y && reduction == REDUCE_NONE)
            sg_store_f64((sg_dtype)y->dtype, y->data, (size_t)i, e);
    }
    if (y && reduction != REDUCE_NONE)
        sg_store_f64((sg_dtype)y->dtype, y->data, 0, reduction == REDUCE_SUM ? l.total : l.total / l.mass);
    return SEDGE_OK;
}
