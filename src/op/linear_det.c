/* Determinants, by elimination with partial pivoting. */
#include <math.h>

#include "op/op.h"

sedge_status sg_infer_det(sg_infer *c)
{
    const sg_type *a = c->in[0];
    sg_type *y = &c->out[0];
    *y = *a;
    if (!sg_is_float((sg_dtype)a->dtype))
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "determinant of %s", sg_dtypes[a->dtype].name);
    if (a->rank < 0)
        return SEDGE_OK;
    if (a->rank < 2)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "needs a matrix, got rank %d", a->rank);
    sg_dim m = a->dim[a->rank - 2], n = a->dim[a->rank - 1];
    if (m != n && !sg_dim_is_expr(m) && !sg_dim_is_expr(n))
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "a matrix of %lld x %lld is not square", (long long)m, (long long)n);
    y->rank = (int8_t)(a->rank - 2);
    return SEDGE_OK;
}

/* Destroys v. */
static double det(double *v, int64_t n)
{
    double d = 1;
    for (int64_t k = 0; k < n; k++) {
        int64_t p = k;
        for (int64_t i = k + 1; i < n; i++)
            if (fabs(v[i * n + k]) > fabs(v[p * n + k]))
                p = i;
        if (v[p * n + k] == 0)
            return 0;
        if (p != k)
            d = -d;
        for (int64_t j = k; p != k && j < n; j++) {
            double t = v[p * n + j];
            v[p * n + j] = v[k * n + j];
            v[k * n + j] = t;
        }
        d *= v[k * n + k];
        for (int64_t i = k + 1; i < n; i++) {
            double f = v[i * n + k] / v[k * n + k];
            for (int64_t j = k; j < n; j++)
                v[i * n + j] -= f * v[k * n + j];
        }
    }
    return d;
}

sedge_status sg_ref_det(sg_exec *x)
{
    const sg_tensor *a = x->in[0];
    sg_tensor *y = x->out[0];
    int64_t n = a->rank >= 2 ? a->dim[a->rank - 1] : 0, count = sg_numel(y);
    if (a->rank < 2 || a->dim[a->rank - 2] != n || count * n * n != sg_numel(a))
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "the matrices are not square");
    double *v = sg_scratch(x, (size_t)(n * n) * sizeof *v + 1);
    if (!v)
        return SEDGE_E_NOMEM;
    for (int64_t b = 0; b < count; b++) {
        for (int64_t i = 0; i < n * n; i++)
            v[i] = sg_load_f64((sg_dtype)a->dtype, a->data, (size_t)(b * n * n + i));
        sg_store_f64((sg_dtype)y->dtype, y->data, (size_t)b, det(v, n));
    }
    return SEDGE_OK;
}
