/* Score transforms, class labels and feature rows of the ml family. */
#include "op/ml.h"

#include <math.h>

static void softmax(double *v, int64_t n, bool keep_zero)
{
    double top = -INFINITY, sum = 0;
    for (int64_t i = 0; i < n; i++)
        top = v[i] > top ? v[i] : top;
    for (int64_t i = 0; i < n; i++) {
        bool zero = keep_zero && fabs(v[i]) <= 1e-7;
        sum += v[i] = zero ? v[i] * exp(-top) : exp(v[i] - top);
    }
    for (int64_t i = 0; i < n; i++)
        v[i] = sum != 0 ? v[i] / sum : 0.5;
}

/* Inverse of the normal distribution function, by Winitzki's approximation of the inverse error function (2008),
 * which is how ONNX's implementations define it. */
static double probit(double p)
{
    double x = 2 * p - 1, u = (1 - x) * (1 + x);
    if (!(u > 0))
        return 0;
    double l = log(u), v = 2 / (3.14159265358979323846 * 0.147) + 0.5 * l;
    double r = sqrt(-v + sqrt(v * v - l / 0.147));
    return 1.41421356 * (x < 0 ? -r : r);
}

void sg_ml_post(sg_post_kind kind, double *v, int64_t n)
{
    if (kind == SG_POST_SOFTMAX || kind == SG_POST_SOFTMAX_ZERO)
        softmax(v, n, kind == SG_POST_SOFTMAX_ZERO);
    for (int64_t i = 0; i < n; i++) {
        if (kind == SG_POST_LOGISTIC)
            v[i] = 1 / (1 + exp(-v[i]));
        else if (kind == SG_POST_PROBIT)
            v[i] = probit(v[i]);
    }
}

sedge_status sg_ml_want_rows(sg_infer *c)
{
    const sg_type *t = c->in[0];
    if (t->dtype != SG_NONE && !sg_is_float((sg_dtype)t->dtype) && !sg_is_int((sg_dtype)t->dtype))
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "%s: input must hold numbers", c->op->name);
    if (t->rank >= 0 && t->rank != 1 && t->rank != 2)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "%s: input must have rank 1 or 2, has %d", c->op->name, t->rank);
    return SEDGE_OK;
}

sg_dim sg_ml_row_count(sg_infer *c)
{
    const sg_type *t = c->in[0];
    return t->rank < 0 ? sg_d_fresh(c) : t->rank == 2 ? t->dim[0] : 1;
}

sg_dtype sg_ml_label_dtype(sg_attrs a, int *n)
{
    sg_get_strs(a, SG_A_classlabels_strings, n);
    if (*n)
        return SG_STR;
    sg_get_ints(a, SG_A_classlabels_int64s, n);
    return SG_I64;
}

void sg_ml_label_store(sg_attrs a, sg_tensor *t, int64_t i, int64_t at)
{
    int n;
    const sg_str *s = sg_get_strs(a, SG_A_classlabels_strings, &n);
    if (s) {
        ((sg_str *)t->data)[i] = at >= 0 && at < n ? s[at] : (sg_str){"", 0};
        return;
    }
    const int64_t *v = sg_get_ints(a, SG_A_classlabels_int64s, &n);
    sg_store_i64((sg_dtype)t->dtype, t->data, (size_t)i, at < 0 ? 0 : v && at < n ? v[at] : at);
}
