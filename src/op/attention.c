/* Attention: the shape rule and reading a call. */
#include "op/attention.h"

#include <math.h>
#include <string.h>

#include "op/widen.h"

/* [batch, heads, steps, size] of input k, which may be [batch, steps, heads * size]. False: rank not known. */
static sedge_status heads_split(sg_infer *c, int k, sg_attr_id heads, sg_dim *d, bool *known)
{
    const sg_type *t = c->in[k];
    *known = t->rank >= 0;
    if (t->rank < 0)
        return SEDGE_OK;
    if (t->rank != 3 && t->rank != 4)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "attention: input %d must have rank 3 or 4, has %d", k, t->rank);
    if (t->rank == 4) {
        memcpy(d, t->dim, 4 * sizeof *d);
        return SEDGE_OK;
    }
    int64_t h = sg_get_int(c->attrs, heads);
    if (h < 1 || !sg_d_equal(c, sg_d_mod(c, t->dim[2], h), 0))
        return SG_INFER_FAIL(c, SEDGE_E_VALUE, "attention: %lld heads do not divide the hidden size of input %d", (long long)h,
                             k);
    d[0] = t->dim[0];
    d[1] = h;
    d[2] = t->dim[1];
    d[3] = sg_d_div(c, t->dim[2], h);
    return SEDGE_OK;
}

static sedge_status types_check(sg_infer *c)
{
    for (int k = 0; k < 3; k++)
        SG_TRY(sg_infer_need_float(c, k));
    if (c->in[0]->dtype != c->in[1]->dtype)
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "attention: q and k are of different types");
    for (int k = 4; k < 6 && k < c->n_in; k++)
        if (c->in[k] && c->in[k]->dtype != c->in[k - 3]->dtype)
            return SG_INFER_FAIL(c, SEDGE_E_TYPE, "attention: past and new keys or values are of different types");
    if (c->n_in > 6 && c->in[6] && c->in[6]->dtype != SG_I64 && c->in[6]->dtype != SG_I32)
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "attention: nonpad_kv_seqlen must be integers");
    if (c->n_in > 3 && c->in[3] && (c->in[3]->dtype == SG_STR || sg_is_complex((sg_dtype)c->in[3]->dtype)))
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "attention: mask must be bool or numbers");
    return SEDGE_OK;
}

static void set4(sg_type *t, sg_dim a, sg_dim b, sg_dim c, sg_dim d)
{
    t->rank = 4;
    t->dim[0] = a;
    t->dim[1] = b;
    t->dim[2] = c;
    t->dim[3] = d;
}

sedge_status sg_infer_attention(sg_infer *c)
{
    sg_dim q[4], k[4], v[4];
    bool kq, kk, kv;
    c->exact = true;
    SG_TRY(types_check(c));
    for (int i = 0; i < c->n_out; i++) {
        c->out[i].dtype = c->in[i == 2 ? 2 : 0]->dtype;
        c->out[i].rank = -1;
    }
    SG_TRY(heads_split(c, 0, SG_A_q_num_heads, q, &kq));
    SG_TRY(heads_split(c, 1, SG_A_kv_num_heads, k, &kk));
    SG_TRY(heads_split(c, 2, SG_A_kv_num_heads, v, &kv));
    const sg_type *past = c->n_in > 4 ? c->in[4] : NULL;
    if (!kq || !kk || !kv || (past && past->rank < 0))
        return SEDGE_OK;
    if (past && past->rank != 4)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "attention: past_key must have rank 4");
    sg_dim total = past ? sg_d_add(c, past->dim[2], k[2]) : k[2];
    set4(&c->out[0], q[0], q[1], q[2], v[3]);
    if (c->in[0]->rank == 3) {
        c->out[0].rank = 3;
        c->out[0].dim[1] = q[2];
        c->out[0].dim[2] = sg_d_mul(c, q[1], v[3]);
    }
    if (c->n_out > 1)
        set4(&c->out[1], k[0], k[1], total, k[3]);
    if (c->n_out > 2)
        set4(&c->out[2], v[0], v[1], total, v[3]);
    if (c->n_out > 3)
        set4(&c->out[3], q[0], q[1], q[2], total);
    return SEDGE_OK;
}

/* Reads a 3-D or 4-D tensor as [batch, heads, steps, size] with its strides. */
static sedge_status view_of(const sg_exec *x, const sg_tensor *t, int64_t heads, int64_t d[4], sg_att_view *v)
{
    if (t->rank == 4) {
        memcpy(d, t->dim, 4 * sizeof *d);
        *v = (sg_att_view){d[1] * d[2] * d[3], d[2] * d[3], d[3]};
        return SEDGE_OK;
    }
    if (t->rank != 3 || heads < 1 || t->dim[2] % heads != 0)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "%s: an operand cannot be split into %lld heads", x->op->name, (long long)heads);
    d[0] = t->dim[0];
    d[1] = heads;
    d[2] = t->dim[1];
    d[3] = t->dim[2] / heads;
    *v = (sg_att_view){d[2] * t->dim[2], d[3], t->dim[2]};
    return SEDGE_OK;
}

static bool past_fits(const sg_tensor *t, const sg_att *a, int64_t size)
{
    return t->rank == 4 && t->dim[0] == a->batch && t->dim[1] == a->kv_heads && t->dim[3] == size && t->dim[2] == a->n_past;
}

static sedge_status shapes_read(const sg_exec *x, sg_att *a)
{
    int64_t q[4], k[4], v[4];
    SG_TRY(view_of(x, x->in[0], sg_get_int(x->attrs, SG_A_q_num_heads), q, &a->q));
    SG_TRY(view_of(x, x->in[1], sg_get_int(x->attrs, SG_A_kv_num_heads), k, &a->k));
    SG_TRY(view_of(x, x->in[2], sg_get_int(x->attrs, SG_A_kv_num_heads), v, &a->v));
    if (q[0] != k[0] || k[0] != v[0] || k[1] != v[1] || k[2] != v[2] || q[3] != k[3])
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "%s: shapes of q, k and v do not fit", x->op->name);
    if (k[1] < 1 || q[1] % k[1] != 0)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "%s: %lld query heads cannot share %lld key heads", x->op->name, (long long)q[1],
                            (long long)k[1]);
    a->batch = q[0];
    a->q_heads = q[1];
    a->n_q = q[2];
    a->size = q[3];
    a->kv_heads = k[1];
    a->n_new = k[2];
    a->v_size = v[3];
    if (x->in[0]->rank == 4)
        a->y = (sg_att_view){a->q_heads * a->n_q * a->v_size, a->n_q * a->v_size, a->v_size};
    else
        a->y = (sg_att_view){a->n_q * a->q_heads * a->v_size, a->v_size, a->q_heads * a->v_size};
    return SEDGE_OK;
}

static const sg_tensor *optional_in(const sg_exec *x, int k)
{
    return k < x->n_in ? x->in[k] : NULL;
}

static sedge_status extras_read(const sg_exec *x, sg_att *a)
{
    a->mask = optional_in(x, 3);
    a->past_k = optional_in(x, 4);
    a->past_v = optional_in(x, 5);
    a->nonpad = optional_in(x, 6);
    if (!a->past_k != !a->past_v || (a->past_k && a->nonpad))
        return SG_EXEC_FAIL(x, SEDGE_E_FORMAT, "attention: past_key and past_value go together, and without nonpad_kv_seqlen");
    if (a->past_k) {
        a->n_past = a->past_k->rank == 4 ? a->past_k->dim[2] : 0;
        if (!past_fits(a->past_k, a, a->size) || !past_fits(a->past_v, a, a->v_size))
            return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "attention: past key or value does not fit");
    }
    a->n_kv = a->n_past + a->n_new;
    if (a->nonpad && sg_numel(a->nonpad) != a->batch)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "attention: nonpad_kv_seqlen must have one number per batch item");
    if (!a->mask)
        return SEDGE_OK;
    int64_t want[4] = {a->batch, a->q_heads, a->n_q, a->n_kv};
    if (a->mask->rank < 1 || a->mask->rank > 4)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "attention: mask has rank %d", a->mask->rank);
    for (int i = 0; i < a->mask->rank; i++) {
        int64_t d = a->mask->dim[i], w = want[4 - a->mask->rank + i];
        bool last = i == a->mask->rank - 1;
        if (last ? d > w : d != 1 && d != w)
            return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "attention: mask dimension %d is %lld, not %lld", i, (long long)d,
                                (long long)w);
    }
    return SEDGE_OK;
}

sedge_status sg_att_init(const sg_exec *x, sg_att *a)
{
    memset(a, 0, sizeof *a);
    SG_TRY(shapes_read(x, a));
    a->left = a->right = -1;
    a->scale = sg_get_float(x->attrs, SG_A_scale);
    if (!sg_attr_is_set(x->attrs, SG_A_scale))
        a->scale = a->size ? 1 / sqrt((double)a->size) : 1;
    sg_dtype t = (sg_dtype)x->in[0]->dtype;
    a->round = t == SG_F16 || t == SG_BF16 ? t : SG_NONE;
    /* The definition of flex_attention multiplies bf16 matrices to f32. */
    a->score_round = t == SG_BF16 && x->op == SG_ROW(FLEX_ATTENTION) ? SG_NONE : a->round;
    sg_dtype soft = (sg_dtype)sg_get_int(x->attrs, SG_A_softmax_precision);
    soft = soft == SG_NONE ? a->score_round : soft;
    a->softmax_round = soft == SG_F16 || soft == SG_BF16 ? soft : SG_NONE;
    a->n_kv = a->n_new;
    if (x->op != SG_ROW(ATTENTION))
        return SEDGE_OK;
    a->causal = sg_get_int(x->attrs, SG_A_is_causal) != 0;
    a->softcap = sg_get_float(x->attrs, SG_A_softcap);
    a->left = sg_get_int(x->attrs, SG_A_left_window_size);
    a->right = sg_get_int(x->attrs, SG_A_right_window_size);
    a->mode = (int)sg_get_int(x->attrs, SG_A_qk_matmul_output_mode);
    if (a->left < -1 || a->right < -1 || a->mode < 0 || a->mode > 3)
        return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "attention: a window or the output mode is out of range");
    return extras_read(x, a);
}

sedge_status sg_ref_attention(sg_exec *x)
{
    sg_att a;
    SG_TRY(sg_att_init(x, &a));
    bool wide = x->in[0]->dtype == SG_F64 || sg_get_int(x->attrs, SG_A_softmax_precision) == SG_F64;
    return wide ? sg_att_run_f64(x, &a) : sg_att_run_f32(x, &a);
}
