/* Whole arrays widened to double and back, and the operand checks that neural-network rules share. */
#include "op/wide.h"

void sg_widen(sg_dtype t, const void *src, int64_t at, int64_t n, double *dst)
{
    if (t == SG_F32) {
        const float *s = (const float *)src + at;
        for (int64_t i = 0; i < n; i++)
            dst[i] = (double)s[i];
        return;
    }
    for (int64_t i = 0; i < n; i++)
        dst[i] = sg_load_f64(t, src, (size_t)(at + i));
}

void sg_narrow(sg_dtype t, void *dst, int64_t at, int64_t n, const double *src)
{
    if (t == SG_F32) {
        float *d = (float *)dst + at;
        for (int64_t i = 0; i < n; i++)
            d[i] = (float)src[i];
        return;
    }
    for (int64_t i = 0; i < n; i++)
        sg_store_f64(t, dst, (size_t)(at + i), src[i]);
}

double *sg_scratch_f64(sg_exec *x, int64_t n)
{
    if (n < 0 || n > SG_NUMEL_MAX) {
        SG_EXEC_FAIL(x, SEDGE_E_LIMIT, "scratch of %lld elements", (long long)n);
        return NULL;
    }
    return sg_scratch(x, (size_t)(n ? n : 1) * sizeof(double));
}

double *sg_widen_in(sg_exec *x, int k, int64_t n)
{
    double *d = sg_scratch_f64(x, n);
    if (d)
        sg_widen((sg_dtype)x->in[k]->dtype, x->in[k]->data, 0, n, d);
    return d;
}

sedge_status sg_want_float(sg_infer *c, int k)
{
    const sg_type *t = k < c->n_in ? c->in[k] : NULL;
    if (!t || t->dtype == SG_NONE)
        return SEDGE_OK;
    if (t->kind != SG_TENSOR || !sg_is_float((sg_dtype)t->dtype))
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "operand %d must be a float tensor, not %s", k, sg_dtypes[t->dtype].name);
    return SEDGE_OK;
}

sedge_status sg_want_same(sg_infer *c, int k)
{
    SG_TRY(sg_want_float(c, k));
    const sg_type *t = k < c->n_in ? c->in[k] : NULL;
    if (t && t->dtype != c->in[0]->dtype && t->dtype != SG_NONE && c->in[0]->dtype != SG_NONE)
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "operand %d is %s but operand 0 is %s", k, sg_dtypes[t->dtype].name,
                             sg_dtypes[c->in[0]->dtype].name);
    return SEDGE_OK;
}

sedge_status sg_out_unknown(sg_infer *c, sg_dtype t)
{
    for (int k = 0; k < c->n_out; k++) {
        c->out[k].dtype = (uint8_t)t;
        c->out[k].rank = -1;
    }
    return SEDGE_OK;
}

sedge_status sg_want_vector(sg_exec *x, const sg_tensor *t, int64_t n, const char *what)
{
    if (t && (t->rank != 1 || t->dim[0] != n))
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "%s must be a vector of %lld elements", what, (long long)n);
    return SEDGE_OK;
}

sedge_status sg_want_vector_type(sg_infer *c, int k, sg_dim n, const char *what)
{
    const sg_type *t = k < c->n_in ? c->in[k] : NULL;
    if (!t || t->rank < 0)
        return SEDGE_OK;
    if (t->rank != 1 || !sg_d_equal(c, t->dim[0], n)) {
        char text[96];
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "%s must be a vector with one element per channel, not %s", what,
                             sg_type_text(t, c->dims, text, sizeof text));
    }
    return SEDGE_OK;
}

bool sg_index_next(int64_t *idx, const int64_t *dim, int n)
{
    for (int i = n - 1; i >= 0; i--) {
        if (++idx[i] < dim[i])
            return true;
        idx[i] = 0;
    }
    return false;
}
