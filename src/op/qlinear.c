/* Elementwise ops on 8-bit quantized tensors: sums, products, and functions by table. */
#include "op/elementwise.h"
#include "op/quant.h"

/* Inputs in `set` (bits) hold one element each. */
static sedge_status want_scalars(sg_exec *x, unsigned set)
{
    for (int k = 0; k < x->n_in; k++)
        if (set >> k & 1u && sg_numel(x->in[k]) != 1)
            return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "input %d has %lld elements, not 1", k, (long long)sg_numel(x->in[k]));
    return SEDGE_OK;
}

/* ---- binary ------------------------------------------------------------------------------------------------ */

sedge_status sg_infer_qlinear_binary(sg_infer *c)
{
    int64_t kind = sg_get_int(c->attrs, SG_A_kind);
    c->exact = true;
    if (kind != SG_QBINARY_ADD && kind != SG_QBINARY_MUL)
        return SG_INFER_FAIL(c, SEDGE_E_FORMAT, "unknown kind %lld", (long long)kind);
    for (int k = 0; k < 8; k++)
        SG_TRY(k == 1 || k == 4 || k == 6 ? sg_q_want_scale(c, k) : sg_q_want_8bit(c, k));
    c->out[0].dtype = c->in[0]->dtype;
    return sg_d_broadcast(c, c->in[0], c->in[3], &c->out[0]);
}

typedef struct pair {
    int64_t kind;
    float ra, rb; /* sa / sy and sb / sy; a product has sa * sb / sy in ra */
    int32_t za, zb, zy, lo, hi;
} pair;

static sedge_status pair_init(sg_exec *x, pair *p)
{
    double sa = sg_q_factor(x->in[1], 0), sb = sg_q_factor(x->in[4], 0), sy = sg_q_factor(x->in[6], 0);
    p->kind = sg_get_int(x->attrs, SG_A_kind);
    p->rb = 0;
    if (p->kind == SG_QBINARY_MUL) {
        SG_TRY(sg_q_scale(x->err, sa, sb, sy, &p->ra));
    } else {
        SG_TRY(sg_q_scale(x->err, sa, 1, sy, &p->ra));
        SG_TRY(sg_q_scale(x->err, sb, 1, sy, &p->rb));
    }
    p->za = sg_q_zero(x->in[2], 0);
    p->zb = sg_q_zero(x->in[5], 0);
    p->zy = sg_q_zero(x->in[7], 0);
    sg_q_range((sg_dtype)x->out[0]->dtype, &p->lo, &p->hi);
    return SEDGE_OK;
}

static int32_t pair_one(const pair *p, int32_t a, int32_t b)
{
    if (p->kind == SG_QBINARY_MUL)
        return sg_q_requant(a * b, p->ra, p->zy, p->lo, p->hi);
    float u = (float)a * p->ra, v = (float)b * p->rb;
    return sg_q_round(u + v, p->zy, p->lo, p->hi);
}

sedge_status sg_ref_qlinear_binary(sg_exec *x)
{
    const sg_tensor *in[2] = {x->in[0], x->in[3]};
    uint8_t *y = x->out[0]->data;
    sg_bcast w;
    pair p;
    SG_TRY(want_scalars(x, 0xf6));
    SG_TRY(pair_init(x, &p));
    SG_TRY(sg_bcast_init(x, &w, x->out[0], in, 2));
    for (int64_t o = 0; o < w.outer; o++, sg_bcast_next(&w))
        for (int64_t i = 0; i < w.inner; i++) {
            int32_t a, b;
            sg_q_widen(in[0], w.off[0] + i * w.step[0], 1, p.za, &a);
            sg_q_widen(in[1], w.off[1] + i * w.step[1], 1, p.zb, &b);
            *y++ = (uint8_t)pair_one(&p, a, b);
        }
    return SEDGE_OK;
}

/* ---- unary: a table of 256 --------------------------------------------------------------------------------- */

sedge_status sg_infer_qlinear_unary(sg_infer *c)
{
    int64_t kind = sg_get_int(c->attrs, SG_A_kind);
    c->exact = true;
    if (kind != SG_QUNARY_SIGMOID && kind != SG_QUNARY_LEAKY_RELU)
        return SG_INFER_FAIL(c, SEDGE_E_FORMAT, "unknown kind %lld", (long long)kind);
    for (int k = 0; k < 5; k++)
        SG_TRY(k == 1 || k == 3 ? sg_q_want_scale(c, k) : sg_q_want_8bit(c, k));
    c->out[0] = *c->in[0];
    return SEDGE_OK;
}

static double function(int64_t kind, double v, double alpha)
{
    if (kind == SG_QUNARY_SIGMOID)
        return 1 / (1 + sg_q_exp(-v));
    return v < 0 ? v * alpha : v;
}

sedge_status sg_ref_qlinear_unary(sg_exec *x)
{
    SG_TRY(want_scalars(x, 0x1e));
    const sg_tensor *in = x->in[0];
    double sx = sg_q_factor(x->in[1], 0), sy = sg_q_factor(x->in[3], 0), alpha = sg_get_float(x->attrs, SG_A_alpha);
    int64_t kind = sg_get_int(x->attrs, SG_A_kind), n = sg_numel(in);
    int32_t zx = sg_q_zero(x->in[2], 0), zy = sg_q_zero(x->in[4], 0), lo, hi;
    const uint8_t *q = in->data;
    uint8_t table[256], *y = x->out[0]->data;
    float check;
    SG_TRY(sg_q_scale(x->err, sx, 1, sy, &check));
    sg_q_range((sg_dtype)in->dtype, &lo, &hi);
    for (int i = 0; i < 256; i++) {
        int32_t v = (in->dtype == SG_I8 && i > 127 ? i - 256 : i) - zx;
        table[i] = (uint8_t)sg_q_round((float)(function(kind, (double)v * sx, alpha) / sy), zy, lo, hi);
    }
    for (int64_t i = 0; i < n; i++)
        y[i] = table[q[i]];
    return SEDGE_OK;
}
