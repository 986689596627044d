/* Preparing features: Binarizer, Scaler, Normalizer, Imputer, ArrayFeatureExtractor, FeatureVectorizer. */
#include <math.h>
#include <string.h>

#include "op/ml.h"

static double load(const sg_tensor *t, int64_t i)
{
    return sg_load_f64((sg_dtype)t->dtype, t->data, (size_t)i);
}

sedge_status sg_ref_binarizer(sg_exec *x)
{
    const sg_tensor *t = x->in[0];
    double limit = sg_get_float(x->attrs, SG_A_threshold);
    int64_t n = sg_numel(t);
    if (t->dtype == SG_STR)
        return SG_EXEC_FAIL(x, SEDGE_E_TYPE, "binarizer: input must hold numbers");
    for (int64_t i = 0; i < n; i++)
        sg_store_f64((sg_dtype)t->dtype, x->out[0]->data, (size_t)i, load(t, i) > limit);
    return SEDGE_OK;
}

/* Any shape of numbers to f32. */
sedge_status sg_infer_scaler(sg_infer *c)
{
    const sg_type *t = c->in[0];
    if (t->dtype != SG_NONE && !sg_is_float((sg_dtype)t->dtype) && !sg_is_int((sg_dtype)t->dtype))
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "%s: input must hold numbers", c->op->name);
    c->out[0] = *t;
    c->out[0].dtype = SG_F32;
    return SEDGE_OK;
}

/* A list that has one element or one for each feature. */
static sedge_status per_feature(sg_exec *x, int n, int64_t features)
{
    if (n != 1 && n != features)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "%s: a list has %d numbers for %lld features", x->op->name, n, (long long)features);
    return SEDGE_OK;
}

sedge_status sg_ref_scaler(sg_exec *x)
{
    int n_off, n_scale;
    int64_t rows, features;
    const double *off = sg_get_floats(x->attrs, SG_A_offset, &n_off), *scale = sg_get_floats(x->attrs, SG_A_scale, &n_scale);
    sg_ml_rows(x->in[0], &rows, &features);
    if (off)
        SG_TRY(per_feature(x, n_off, features));
    if (scale)
        SG_TRY(per_feature(x, n_scale, features));
    float *y = x->out[0]->data;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t f = 0; f < features; f++) {
            double o = off ? off[n_off == 1 ? 0 : f] : 0, s = scale ? scale[n_scale == 1 ? 0 : f] : 1;
            y[r * features + f] = (float)((load(x->in[0], r * features + f) - o) * s);
        }
    return SEDGE_OK;
}

sedge_status sg_ref_normalizer(sg_exec *x)
{
    const char *norm = sg_get_str(x->attrs, SG_A_norm);
    char kind = *norm ? norm[1] : 'A'; /* MAX, L1, L2 */
    if (*norm && strcmp(norm, "MAX") != 0 && strcmp(norm, "L1") != 0 && strcmp(norm, "L2") != 0)
        return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "normalizer: norm must be MAX, L1 or L2");
    int64_t rows, features;
    sg_ml_rows(x->in[0], &rows, &features);
    float *y = x->out[0]->data;
    for (int64_t r = 0; r < rows; r++) {
        double sum = 0;
        for (int64_t f = 0; f < features; f++) {
            double v = fabs(load(x->in[0], r * features + f));
            sum = kind == 'A' ? (v > sum ? v : sum) : sum + (kind == '1' ? v : v * v);
        }
        sum = kind == '2' ? sqrt(sum) : sum;
        for (int64_t f = 0; f < features; f++)
            y[r * features + f] = (float)(load(x->in[0], r * features + f) / (sum > 0 ? sum : 1));
    }
    return SEDGE_OK;
}

static sedge_status impute_ints(sg_exec *x, const int64_t *v, int n)
{
    sg_dtype t = (sg_dtype)x->in[0]->dtype;
    int64_t rows, features, old = sg_get_int(x->attrs, SG_A_replaced_value_int64);
    sg_ml_rows(x->in[0], &rows, &features);
    SG_TRY(per_feature(x, n, features));
    for (int64_t i = 0; i < rows * features; i++) {
        int64_t e = sg_load_i64(t, x->in[0]->data, (size_t)i);
        sg_store_i64(t, x->out[0]->data, (size_t)i, e == old ? v[n == 1 ? 0 : i % features] : e);
    }
    return SEDGE_OK;
}

sedge_status sg_ref_imputer(sg_exec *x)
{
    int n, n_int;
    sg_dtype t = (sg_dtype)x->in[0]->dtype;
    const double *v = sg_get_floats(x->attrs, SG_A_imputed_value_floats, &n);
    const int64_t *vi = sg_get_ints(x->attrs, SG_A_imputed_value_int64s, &n_int);
    if (sg_is_int(t) && vi)
        return impute_ints(x, vi, n_int);
    if (!sg_is_float(t) || !v)
        return SG_EXEC_FAIL(x, SEDGE_E_TYPE, "imputer: there are no values of the type of the input");
    double old = sg_get_float(x->attrs, SG_A_replaced_value_float);
    int64_t rows, features;
    sg_ml_rows(x->in[0], &rows, &features);
    SG_TRY(per_feature(x, n, features));
    for (int64_t i = 0; i < rows * features; i++) {
        double e = load(x->in[0], i);
        bool hit = old != old ? e != e : e == old;
        sg_store_f64(t, x->out[0]->data, (size_t)i, hit ? v[n == 1 ? 0 : i % features] : e);
    }
    return SEDGE_OK;
}

sedge_status sg_infer_array_feature_extractor(sg_infer *c)
{
    const sg_type *t = c->in[0], *at = c->in[1];
    if (!sg_is_int((sg_dtype)at->dtype) && at->dtype != SG_NONE)
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "array_feature_extractor: indices must be integers");
    c->out[0] = *t;
    if (t->rank < 0 || at->rank < 0) {
        c->out[0].rank = -1;
        return SEDGE_OK;
    }
    if (t->rank < 1)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "array_feature_extractor: input is a scalar");
    if (t->rank == 1) { /* one row */
        c->out[0].rank = 2;
        c->out[0].dim[0] = 1;
    }
    c->out[0].dim[c->out[0].rank - 1] = sg_d_span(c, at, 0, at->rank);
    return SEDGE_OK;
}

sedge_status sg_ref_array_feature_extractor(sg_exec *x)
{
    const sg_tensor *t = x->in[0], *at = x->in[1];
    int64_t rows, features, n = sg_numel(at);
    sg_ml_rows(t, &rows, &features);
    for (int64_t k = 0; k < n; k++) {
        int64_t f = sg_load_i64((sg_dtype)at->dtype, at->data, (size_t)k);
        if (f < 0 || f >= features)
            return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "array_feature_extractor: index %lld is not in [0, %lld)", (long long)f,
                                (long long)features);
        for (int64_t r = 0; r < rows; r++)
            sg_elem_copy((sg_dtype)t->dtype, x->out[0]->data, (size_t)(r * n + k), t->data, (size_t)(r * features + f));
    }
    return SEDGE_OK;
}

sedge_status sg_infer_feature_vectorizer(sg_infer *c)
{
    int n;
    sg_dim total = 0;
    const int64_t *size = sg_get_ints(c->attrs, SG_A_inputdimensions, &n);
    bool known = true;
    for (int k = 0; k < c->n_in; k++) {
        const sg_type *t = c->in[k];
        if (!t || (size && (k >= n || size[k] < 0)))
            return SG_INFER_FAIL(c, SEDGE_E_FORMAT, "feature_vectorizer: input %d or its size is missing", k);
        if (t->rank > 2 || t->rank == 0 || t->dtype == SG_STR)
            return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "feature_vectorizer: input %d must be numbers of rank 1 or 2", k);
        known = known && t->rank > 0;
        total = known ? sg_d_add(c, total, size ? size[k] : t->rank == 2 ? t->dim[1] : 1) : 0;
    }
    c->out[0].dtype = SG_F32;
    c->out[0].rank = known ? 2 : -1;
    c->out[0].dim[0] = c->in[0]->dim[0];
    c->out[0].dim[1] = total;
    return SEDGE_OK;
}

sedge_status sg_ref_feature_vectorizer(sg_exec *x)
{
    int n;
    const int64_t *size = sg_get_ints(x->attrs, SG_A_inputdimensions, &n);
    sg_tensor *y = x->out[0];
    int64_t at = 0;
    memset(y->data, 0, sg_tensor_bytes(y));
    for (int k = 0; k < x->n_in; k++) {
        const sg_tensor *t = x->in[k];
        int64_t have = t->rank == 2 ? t->dim[1] : 1, want = size ? size[k] : have;
        if (t->dim[0] != y->dim[0])
            return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "feature_vectorizer: input %d has another number of rows", k);
        for (int64_t r = 0; r < t->dim[0]; r++)
            for (int64_t f = 0; f < have && f < want; f++)
                ((float *)y->data)[r * y->dim[1] + at + f] = (float)load(t, r * have + f);
        at += want;
    }
    return SEDGE_OK;
}
