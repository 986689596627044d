/* Tensors made from a rule: ranges, identity matrices, constants of a shape. */
#include "op/elementwise.h"

#include <math.h>
#include <string.h>

/* ---- range ------------------------------------------------------------------------------------------------ */

/* ceil((limit - start) / delta), at least 0; -1 if it is no size. */
static int64_t range_count_i64(int64_t start, int64_t limit, int64_t delta)
{
    if (delta == 0)
        return -1;
    if (delta > 0 ? start >= limit : start <= limit)
        return 0;
    uint64_t span = delta > 0 ? (uint64_t)limit - (uint64_t)start : (uint64_t)start - (uint64_t)limit;
    uint64_t step = delta > 0 ? (uint64_t)delta : 0 - (uint64_t)delta;
    uint64_t n = (span - 1) / step + 1;
    return n > (uint64_t)SG_NUMEL_MAX ? -1 : (int64_t)n;
}

static int64_t range_count(const sg_tensor *s, const sg_tensor *l, const sg_tensor *d)
{
    sg_dtype t = (sg_dtype)s->dtype;
    if (sg_numel(s) != 1 || sg_numel(l) != 1 || sg_numel(d) != 1)
        return -1;
    if (sg_is_int(t))
        return range_count_i64(sg_load_i64(t, s->data, 0), sg_load_i64(t, l->data, 0), sg_load_i64(t, d->data, 0));
    double delta = sg_load_f64(t, d->data, 0), n = ceil((sg_load_f64(t, l->data, 0) - sg_load_f64(t, s->data, 0)) / delta);
    if (!(n <= (double)SG_NUMEL_MAX) || delta == 0)
        return -1;
    return n > 0 ? (int64_t)n : 0;
}

/* Integer operands known as dims. */
static sg_dim range_dim(sg_infer *c, sg_dim s, sg_dim l, sg_dim d)
{
    if (sg_dim_is_expr(d))
        return sg_d_fresh(c);
    if (!sg_dim_is_expr(s) && !sg_dim_is_expr(l))
        return range_count_i64(s, l, d);
    if (d == 0)
        return -1;
    if (s == 0 && d == 1 && sg_d_nonneg(c, l))
        return l;
    return sg_d_max(c, 0, sg_d_sub(c, 0, sg_d_div(c, sg_d_sub(c, s, l), d)));
}

sedge_status sg_infer_range(sg_infer *c)
{
    const sg_tensor *t[3];
    const sg_dim *v[3];
    bool data = true, content = true;
    c->exact = true;
    for (int k = 0; k < 3; k++) {
        int64_t n;
        if (c->in[k]->dtype != c->in[0]->dtype && c->in[k]->dtype != SG_NONE && c->in[0]->dtype != SG_NONE)
            return SG_INFER_FAIL(c, SEDGE_E_TYPE, "operands differ in type");
        t[k] = sg_in_data(c, k);
        v[k] = sg_in_content(c, k, &n);
        data = data && t[k];
        content = content && v[k] && n == 1;
    }
    c->out[0].dtype = c->in[0]->dtype;
    if (c->out[0].dtype == SG_STR || c->out[0].dtype == SG_BOOL || sg_is_complex((sg_dtype)c->out[0].dtype))
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "does not take %s", sg_dtypes[c->out[0].dtype].name);
    c->out[0].rank = 1;
    sg_dim n = data ? range_count(t[0], t[1], t[2]) : content ? range_dim(c, v[0][0], v[1][0], v[2][0]) : sg_d_fresh(c);
    if (n < 0 && !sg_dim_is_expr(n))
        return SG_INFER_FAIL(c, SEDGE_E_VALUE, "start, limit and delta give no size");
    c->out[0].dim[0] = n;
    if (content && n >= 0 && n <= SG_CONTENT_MAX) {
        for (int64_t i = 0; i < n; i++)
            c->out_content[i] = sg_d_add(c, v[0][0], sg_d_mul(c, i, v[2][0]));
        c->n_out_content = (int)n;
    }
    return SEDGE_OK;
}

sedge_status sg_ref_range(sg_exec *x)
{
    const sg_tensor *s = x->in[0], *d = x->in[2];
    sg_tensor *out = x->out[0];
    sg_dtype t = (sg_dtype)out->dtype;
    int64_t n = sg_numel(out);
    if (sg_is_int(t)) {
        uint64_t start = (uint64_t)sg_load_i64(t, s->data, 0), delta = (uint64_t)sg_load_i64(t, d->data, 0);
        for (int64_t i = 0; i < n; i++)
            sg_store_i64(t, out->data, (size_t)i, (int64_t)(start + (uint64_t)i * delta));
        return SEDGE_OK;
    }
    double start = sg_load_f64(t, s->data, 0), delta = sg_load_f64(t, d->data, 0);
    for (int64_t i = 0; i < n; i++)
        sg_store_f64(t, out->data, (size_t)i, start + (double)i * delta);
    return SEDGE_OK;
}

/* ---- eye like ------------------------------------------------------------------------------------------------ */

sedge_status sg_infer_eye_like(sg_infer *c)
{
    int64_t dtype = sg_get_int(c->attrs, SG_A_dtype);
    c->exact = true;
    if (dtype < 0 || dtype >= SG_DTYPE_COUNT || dtype == SG_STR)
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "unknown element type %lld", (long long)dtype);
    if (c->in[0]->rank >= 0 && c->in[0]->rank != 2)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "the input has rank %d, not 2", c->in[0]->rank);
    c->out[0] = *c->in[0];
    if (dtype)
        c->out[0].dtype = (uint8_t)dtype;
    if (c->out[0].dtype == SG_STR)
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "does not give strings");
    return SEDGE_OK;
}

sedge_status sg_ref_eye_like(sg_exec *x)
{
    sg_tensor *out = x->out[0];
    int64_t k = sg_get_int(x->attrs, SG_A_k);
    if (sg_numel(out))
        memset(out->data, 0, sg_tensor_bytes(out));
    for (int64_t i = 0; i < out->dim[0]; i++) {
        if (k > out->dim[1] || k < -out->dim[0])
            break;
        int64_t j = i + k;
        if (j >= 0 && j < out->dim[1])
            sg_store_f64((sg_dtype)out->dtype, out->data, (size_t)(i * out->dim[1] + j), 1);
    }
    return SEDGE_OK;
}

/* ---- constant of shape ------------------------------------------------------------------------------------------ */

static void constant_content(sg_infer *c, const sg_tensor *value)
{
    int64_t n = sg_d_numel(&c->out[0]);
    if (!value || !sg_is_int((sg_dtype)value->dtype) || n < 0 || n > SG_CONTENT_MAX)
        return;
    sg_dim v = sg_load_i64((sg_dtype)value->dtype, value->data, 0);
    if (sg_dim_is_expr(v))
        return;
    for (int64_t i = 0; i < n; i++)
        c->out_content[i] = v;
    c->n_out_content = (int)n;
}

sedge_status sg_infer_constant_of_shape(sg_infer *c)
{
    const sg_tensor *value = sg_get_tensor(c->attrs, SG_A_value);
    const sg_type *in = c->in[0];
    sg_type *t = &c->out[0];
    int64_t n;
    const sg_dim *d = sg_in_content(c, 0, &n);
    c->exact = true;
    if (value && sg_numel(value) != 1)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "value has %lld elements, not 1", (long long)sg_numel(value));
    if (in->dtype != SG_NONE && !sg_is_int((sg_dtype)in->dtype))
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "a shape cannot be %s", sg_dtypes[in->dtype].name);
    t->dtype = value ? value->dtype : SG_F32;
    t->rank = -1;
    if (!d && in->rank == 1 && !sg_dim_is_expr(in->dim[0]))
        n = in->dim[0];
    else if (!d && in->rank != 0)
        return SEDGE_OK;
    if (n > SG_RANK_MAX)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "rank %lld is above %d", (long long)n, SG_RANK_MAX);
    t->rank = (int8_t)n;
    for (int i = 0; i < n; i++) {
        t->dim[i] = d ? d[i] : sg_d_fresh(c);
        if (!sg_d_at_least(c, t->dim[i], 0))
            return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "negative size %lld in the shape", (long long)t->dim[i]);
    }
    constant_content(c, value);
    return SEDGE_OK;
}

sedge_status sg_ref_constant_of_shape(sg_exec *x)
{
    const sg_tensor *value = sg_get_tensor(x->attrs, SG_A_value);
    sg_tensor *out = x->out[0];
    int64_t n = sg_numel(out);
    if (!value && n)
        memset(out->data, 0, sg_tensor_bytes(out));
    for (int64_t i = 0; value && i < n; i++)
        sg_elem_copy((sg_dtype)out->dtype, out->data, (size_t)i, value->data, 0);
    return SEDGE_OK;
}
