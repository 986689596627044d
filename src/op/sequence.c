/* Sequences: lists of tensors that share their items by reference. */
#include <string.h>

#include "op/op.h"

static sedge_status want_seq(sg_infer *c, int k)
{
    if (c->in[k]->kind != SG_SEQ)
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "input %d must be a sequence", k);
    return SEDGE_OK;
}

static sedge_status want_index(sg_infer *c, int k)
{
    if (k < c->n_in && c->in[k] && (c->in[k]->kind != SG_TENSOR || !sg_is_int((sg_dtype)c->in[k]->dtype)))
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "input %d must be an integer tensor", k);
    return SEDGE_OK;
}

static void give_seq(sg_infer *c, int dtype)
{
    c->out[0].kind = SG_SEQ;
    c->out[0].dtype = (uint8_t)dtype;
    c->out[0].rank = -1;
}

static uint32_t seq_len(const sg_tensor *t)
{
    const sg_seq *s = t->data;
    return s ? s->n : 0;
}

/* Position in operand k of a list of n; `past` admits n itself. */
static sedge_status position(sg_exec *x, int k, uint32_t n, bool past, int64_t def, uint32_t *at)
{
    int64_t i = def;
    if (k < x->n_in && x->in[k]) {
        if (sg_numel(x->in[k]) != 1)
            return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "the position must be one number");
        i = sg_load_i64((sg_dtype)x->in[k]->dtype, x->in[k]->data, 0);
    }
    int64_t v = i < 0 ? i + (int64_t)n : i;
    if (v < 0 || v > (int64_t)n - (past ? 0 : 1))
        return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "position %lld is outside the sequence of %u", (long long)i, n);
    *at = (uint32_t)v;
    return SEDGE_OK;
}

static sg_box *shared(sg_box *b)
{
    sg_box_ref(b);
    return b;
}

sedge_status sg_infer_sequence_empty(sg_infer *c)
{
    give_seq(c, (int)sg_get_int(c->attrs, SG_A_dtype));
    return SEDGE_OK;
}

sedge_status sg_ref_sequence_empty(sg_exec *x)
{
    return sg_out_seq(x, 0, SG_SEQ, (sg_dtype)sg_get_int(x->attrs, SG_A_dtype), 0) ? SEDGE_OK : SEDGE_E_NOMEM;
}

sedge_status sg_infer_sequence_construct(sg_infer *c)
{
    for (int k = 0; k < c->n_in; k++)
        if (!c->in[k] || c->in[k]->kind == SG_SEQ || c->in[k]->kind == SG_OPT || c->in[k]->dtype != c->in[0]->dtype)
            return SG_INFER_FAIL(c, SEDGE_E_TYPE, "items must be tensors of one type; item %d is not", k);
    give_seq(c, c->in[0]->dtype);
    return SEDGE_OK;
}

sedge_status sg_ref_sequence_construct(sg_exec *x)
{
    sg_seq *s = sg_out_seq(x, 0, SG_SEQ, (sg_dtype)x->in[0]->dtype, (uint32_t)x->n_in);
    if (!s)
        return SEDGE_E_NOMEM;
    for (int k = 0; k < x->n_in; k++)
        if (!(s->item[k] = sg_box_copy(x, x->in[k])))
            return SEDGE_E_NOMEM;
    return SEDGE_OK;
}

sedge_status sg_infer_sequence_insert(sg_infer *c)
{
    SG_TRY(want_seq(c, 0));
    SG_TRY(want_index(c, 2));
    if (c->in[0]->dtype && c->in[1]->dtype && c->in[0]->dtype != c->in[1]->dtype)
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "a %s item can't go into a sequence of %s", sg_dtypes[c->in[1]->dtype].name,
                             sg_dtypes[c->in[0]->dtype].name);
    c->out[0] = *c->in[0];
    if (!c->out[0].dtype)
        c->out[0].dtype = c->in[1]->dtype;
    return SEDGE_OK;
}

sedge_status sg_ref_sequence_insert(sg_exec *x)
{
    uint32_t n = seq_len(x->in[0]), at;
    SG_TRY(position(x, 2, n, true, n, &at));
    if (n == UINT32_MAX)
        return SG_EXEC_FAIL(x, SEDGE_E_LIMIT, "the sequence is too long");
    const sg_seq *in = x->in[0]->data;
    sg_box *item = sg_box_copy(x, x->in[1]);
    sg_seq *s = item ? sg_out_seq(x, 0, SG_SEQ, (sg_dtype)x->in[1]->dtype, n + 1) : NULL;
    if (!s) {
        if (item)
            sg_box_unref(x, item);
        return SEDGE_E_NOMEM;
    }
    for (uint32_t i = 0; i < n; i++)
        s->item[i < at ? i : i + 1] = shared(in->item[i]);
    s->item[at] = item;
    return SEDGE_OK;
}

sedge_status sg_infer_sequence_erase(sg_infer *c)
{
    SG_TRY(want_seq(c, 0));
    SG_TRY(want_index(c, 1));
    c->out[0] = *c->in[0];
    return SEDGE_OK;
}

sedge_status sg_ref_sequence_erase(sg_exec *x)
{
    uint32_t n = seq_len(x->in[0]), at;
    SG_TRY(position(x, 1, n, false, -1, &at));
    const sg_seq *in = x->in[0]->data;
    sg_seq *s = sg_out_seq(x, 0, SG_SEQ, (sg_dtype)x->in[0]->dtype, n - 1);
    if (!s)
        return SEDGE_E_NOMEM;
    for (uint32_t i = 0; i < n - 1; i++)
        s->item[i] = shared(in->item[i < at ? i : i + 1]);
    return SEDGE_OK;
}

sedge_status sg_infer_sequence_at(sg_infer *c)
{
    SG_TRY(want_seq(c, 0));
    SG_TRY(want_index(c, 1));
    c->out[0].kind = c->in[0]->inner == SG_MAP ? SG_MAP : SG_TENSOR;
    c->out[0].dtype = c->in[0]->dtype;
    c->out[0].key = c->in[0]->key;
    c->out[0].rank = -1;
    return SEDGE_OK;
}

sedge_status sg_ref_sequence_at(sg_exec *x)
{
    uint32_t at;
    SG_TRY(position(x, 1, seq_len(x->in[0]), false, 0, &at));
    const sg_seq *in = x->in[0]->data;
    return sg_out_box(x, 0, in->item[at]);
}

sedge_status sg_infer_sequence_length(sg_infer *c)
{
    SG_TRY(want_seq(c, 0));
    c->out[0].dtype = SG_I64;
    return SEDGE_OK;
}

sedge_status sg_ref_sequence_length(sg_exec *x)
{
    int64_t n = seq_len(x->in[0]);
    sg_tensor *out = sg_out(x, 0, SG_I64, 0, &n);
    if (!out)
        return SEDGE_E_NOMEM;
    memcpy(out->data, &n, sizeof n);
    return SEDGE_OK;
}
