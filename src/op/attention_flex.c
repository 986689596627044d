/* FlexAttention: attention whose scores and probabilities pass through regions. */
#include "op/attention.h"
#include "op/widen.h"

/* Type of the softmax: as asked for, else at least f32. */
static sg_dtype softmax_type(sg_attrs a, int q)
{
    int64_t t = sg_get_int(a, SG_A_softmax_precision);
    if (t > SG_NONE && t < SG_DTYPE_COUNT)
        return (sg_dtype)t;
    return q == SG_F64 ? SG_F64 : SG_F32;
}

sedge_status sg_infer_flex_attention(sg_infer *c)
{
    const sg_type *q = c->in[0], *v = c->in[2];
    c->exact = true;
    for (int k = 0; k < 3; k++) {
        SG_TRY(sg_infer_need_float(c, k));
        if (c->in[k]->dtype != q->dtype)
            return SG_INFER_FAIL(c, SEDGE_E_TYPE, "flex_attention: q, k and v are of different types");
        if (c->in[k]->rank >= 0 && c->in[k]->rank != 4)
            return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "flex_attention: input %d must have rank 4, has %d", k, c->in[k]->rank);
    }
    sg_dtype t = softmax_type(c->attrs, q->dtype);
    if (t != SG_F32 && t != SG_F64 && t != SG_F16 && t != SG_BF16)
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "flex_attention: softmax precision must be a float type");
    c->out[0] = *q;
    if (q->rank == 4 && v->rank == 4)
        c->out[0].dim[3] = v->dim[3];
    else
        c->out[0].rank = -1;
    return SEDGE_OK;
}

sedge_status sg_ref_flex_attention(sg_exec *x)
{
    sg_att a;
    for (int k = 0; k < 3; k++)
        if (x->in[k]->rank != 4)
            return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "flex_attention: input %d must have rank 4", k);
    SG_TRY(sg_att_init(x, &a));
    int64_t n_then = sg_get_int(x->attrs, SG_A_n_then);
    if (n_then < 0 || n_then > x->n_in - 3)
        return SG_EXEC_FAIL(x, SEDGE_E_FORMAT, "flex_attention: captures are missing");
    sg_dtype t = softmax_type(x->attrs, x->in[0]->dtype);
    a.softmax_round = t == SG_F16 || t == SG_BF16 ? t : SG_NONE;
    int64_t dim[4] = {a.batch, a.q_heads, a.n_q, a.v_size};
    sg_tensor *out = sg_out(x, 0, (sg_dtype)x->in[0]->dtype, 4, dim);
    if (!out)
        return SEDGE_E_NOMEM;
    bool wide = x->in[0]->dtype == SG_F64 || t == SG_F64;
    return wide ? sg_flex_run_f64(x, &a, t, out) : sg_flex_run_f32(x, &a, t, out);
}
