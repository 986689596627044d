/* Whole tensors as float or double arrays. */
#include "op/widen.h"

/* One element more than needed, so that empty tensors have an address too. */
static void *room(sg_exec *x, const sg_tensor *t, size_t elem)
{
    return sg_scratch(x, ((size_t)sg_numel(t) + 1) * elem);
}

const float *sg_widen_f32(sg_exec *x, const sg_tensor *t)
{
    if (t->dtype == SG_F32 && t->data)
        return t->data;
    int64_t n = sg_numel(t);
    float *v = room(x, t, sizeof *v);
    for (int64_t i = 0; v && i < n; i++)
        v[i] = (float)sg_load_f64((sg_dtype)t->dtype, t->data, (size_t)i);
    return v;
}

const double *sg_widen_f64(sg_exec *x, const sg_tensor *t)
{
    if (t->dtype == SG_F64 && t->data && ((uintptr_t)t->data & 7u) == 0)
        return t->data;
    int64_t n = sg_numel(t);
    double *v = room(x, t, sizeof *v);
    for (int64_t i = 0; v && i < n; i++)
        v[i] = sg_load_f64((sg_dtype)t->dtype, t->data, (size_t)i);
    return v;
}

float *sg_narrow_room_f32(sg_exec *x, const sg_tensor *t)
{
    return t->dtype == SG_F32 && t->data ? t->data : room(x, t, sizeof(float));
}

double *sg_narrow_room_f64(sg_exec *x, const sg_tensor *t)
{
    return t->dtype == SG_F64 && t->data ? t->data : room(x, t, sizeof(double));
}

void sg_narrow_f32(const sg_tensor *t, const float *v)
{
    if (t->data == v)
        return;
    int64_t n = sg_numel(t);
    for (int64_t i = 0; i < n; i++)
        sg_store_f64((sg_dtype)t->dtype, t->data, (size_t)i, v[i]);
}

void sg_narrow_f64(const sg_tensor *t, const double *v)
{
    if (t->data == v)
        return;
    int64_t n = sg_numel(t);
    for (int64_t i = 0; i < n; i++)
        sg_store_f64((sg_dtype)t->dtype, t->data, (size_t)i, v[i]);
}

sedge_status sg_infer_need_float(sg_infer *c, int k)
{
    if (k >= c->n_in || !c->in[k])
        return SEDGE_OK;
    int t = c->in[k]->dtype;
    if (t == SG_F32 || t == SG_F64 || t == SG_F16 || t == SG_BF16 || t == SG_NONE)
        return SEDGE_OK;
    return SG_INFER_FAIL(c, SEDGE_E_TYPE, "%s: input %d must be of a float type, is %s", c->op->name, k, sg_dtypes[t].name);
}
