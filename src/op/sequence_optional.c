/* Optionals: a value that may be absent. A tensor or sequence counts as a present one. */
#include <string.h>

#include "op/op.h"

sedge_status sg_infer_optional(sg_infer *c)
{
    const sg_type *t = c->n_in ? c->in[0] : NULL;
    c->out[0].kind = SG_OPT;
    c->out[0].rank = -1;
    c->out[0].dtype = t ? t->dtype : (uint8_t)sg_get_int(c->attrs, SG_A_dtype);
    c->out[0].inner = t ? t->kind : SG_TENSOR;
    if (t && t->kind == SG_OPT)
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "an optional can't hold an optional");
    return SEDGE_OK;
}

sedge_status sg_ref_optional(sg_exec *x)
{
    const sg_tensor *t = x->n_in ? x->in[0] : NULL;
    sg_seq *s = sg_out_seq(x, 0, SG_OPT, t ? (sg_dtype)t->dtype : (sg_dtype)sg_get_int(x->attrs, SG_A_dtype), t ? 1 : 0);
    if (!s)
        return SEDGE_E_NOMEM;
    return !t || (s->item[0] = sg_box_copy(x, t)) ? SEDGE_OK : SEDGE_E_NOMEM;
}

sedge_status sg_infer_optional_has_element(sg_infer *c)
{
    c->out[0].dtype = SG_BOOL;
    return SEDGE_OK;
}

sedge_status sg_ref_optional_has_element(sg_exec *x)
{
    const sg_tensor *t = x->n_in ? x->in[0] : NULL;
    const sg_seq *s = t && t->kind == SG_OPT ? t->data : NULL;
    bool has = t && (t->kind != SG_OPT || (s && s->n));
    sg_tensor *out = sg_out(x, 0, SG_BOOL, 0, (int64_t[]){0});
    if (!out)
        return SEDGE_E_NOMEM;
    sg_store_i64(SG_BOOL, out->data, 0, has);
    return SEDGE_OK;
}

sedge_status sg_infer_optional_get_element(sg_infer *c)
{
    c->out[0] = *c->in[0];
    if (c->in[0]->kind != SG_OPT)
        return SEDGE_OK;
    c->out[0].kind = c->in[0]->inner;
    c->out[0].inner = 0;
    c->out[0].rank = -1;
    return SEDGE_OK;
}

sedge_status sg_ref_optional_get_element(sg_exec *x)
{
    const sg_tensor *t = x->in[0];
    if (t->kind != SG_OPT)
        return sg_out_copy(x, 0, t);
    const sg_seq *s = t->data;
    if (!s || !s->n)
        return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "the optional has no element");
    return sg_out_box(x, 0, s->item[0]);
}
