/* Linear attention: a recurrent state instead of a softmax over all keys, with optional decay (Yang et al., "Gated
 * linear attention", 2023) and delta rule (Yang et al., "Parallelizing linear transformers with the delta rule", 2024). */
#include <math.h>
#include <string.h>

#include "op/widen.h"

enum { RULE_LINEAR, RULE_GATED, RULE_DELTA, RULE_GATED_DELTA };

static int rule_of(sg_attrs a)
{
    static const char *const name[] = {"linear", "gated", "delta", "gated_delta"};
    const char *s = sg_get_str(a, SG_A_update_rule);
    for (int i = 0; i < 4; i++)
        if (strcmp(s, name[i]) == 0)
            return i;
    return *s ? -1 : RULE_GATED_DELTA;
}

sedge_status sg_infer_linear_attention(sg_infer *c)
{
    int rule = rule_of(c->attrs);
    int64_t hq = sg_get_int(c->attrs, SG_A_q_num_heads), hkv = sg_get_int(c->attrs, SG_A_kv_num_heads);
    if (rule < 0 || hq < 1 || hkv < 1 || hq % hkv != 0)
        return SG_INFER_FAIL(c, SEDGE_E_VALUE, "linear_attention: unknown update rule or wrong number of heads");
    bool known = true;
    for (int k = 0; k < c->n_in; k++) {
        SG_TRY(sg_infer_need_float(c, k));
        int rank = k == 3 ? 4 : 3;
        if (c->in[k] && c->in[k]->rank >= 0 && c->in[k]->rank != rank)
            return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "linear_attention: input %d must have rank %d, has %d", k, rank,
                                 c->in[k]->rank);
        known = known && (k > 2 || c->in[k]->rank >= 0);
    }
    bool past = c->n_in > 3 && c->in[3];
    if (((rule & 1) && (c->n_in < 5 || !c->in[4])) || ((rule & 2) && (c->n_in < 6 || !c->in[5])))
        return SG_INFER_FAIL(c, SEDGE_E_FORMAT, "linear_attention: decay or beta is missing");
    const sg_type *q = c->in[0], *k = c->in[1], *v = c->in[2];
    for (int i = 0; i < c->n_out; i++) {
        c->out[i].dtype = i && past ? c->in[3]->dtype : q->dtype;
        c->out[i].rank = -1;
    }
    if (!known)
        return SEDGE_OK;
    sg_dim dv = sg_d_div(c, v->dim[2], hkv);
    c->out[0].rank = 3;
    c->out[0].dim[0] = q->dim[0];
    c->out[0].dim[1] = q->dim[1];
    c->out[0].dim[2] = sg_d_mul(c, dv, hq);
    if (c->n_out > 1) {
        c->out[1].rank = 4;
        c->out[1].dim[0] = q->dim[0];
        c->out[1].dim[1] = hkv;
        c->out[1].dim[2] = sg_d_div(c, k->dim[2], hkv);
        c->out[1].dim[3] = dv;
    }
    return SEDGE_OK;
}

typedef struct linear {
    int rule;
    int64_t batch, steps, hq, hkv, dk, dv, n_decay, n_beta; /* n_decay, n_beta: last dimensions of decay and beta */
    float scale;
    const float *q, *k, *v, *decay, *beta;
} linear;

static sedge_status shapes_read(sg_exec *x, linear *l)
{
    const sg_tensor *q = x->in[0], *k = x->in[1], *v = x->in[2];
    l->batch = q->dim[0], l->steps = q->dim[1];
    for (int i = 1; i < x->n_in; i++)
        if (x->in[i] &&
            (x->in[i]->rank != (i == 3 ? 4 : 3) || x->in[i]->dim[0] != l->batch || (i != 3 && x->in[i]->dim[1] != l->steps)))
            return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "linear_attention: input %d has another batch or length than q", i);
    l->dk = k->dim[2] / l->hkv;
    l->dv = v->dim[2] / l->hkv;
    if (k->dim[2] != l->dk * l->hkv || v->dim[2] != l->dv * l->hkv || q->dim[2] != l->dk * l->hq)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "linear_attention: hidden sizes do not fit the numbers of heads");
    const sg_tensor *past = x->n_in > 3 ? x->in[3] : NULL;
    if (past && (past->dim[1] != l->hkv || past->dim[2] != l->dk || past->dim[3] != l->dv))
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "linear_attention: past state does not fit");
    l->n_decay = l->rule & 1 ? x->in[4]->dim[2] : 0;
    l->n_beta = l->rule & 2 ? x->in[5]->dim[2] : 0;
    if ((l->rule & 1 && l->n_decay != l->hkv && l->n_decay != l->hkv * l->dk) ||
        (l->rule & 2 && l->n_beta != 1 && l->n_beta != l->hkv))
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "linear_attention: decay or beta does not fit");
    return SEDGE_OK;
}

/* state: [dk, dv] of key head h; v: the value, changed by the delta rule. */
static void update(const linear *l, int64_t row, int64_t h, float *state, float *v)
{
    const float *k = l->k + (row * l->hkv + h) * l->dk;
    memcpy(v, l->v + (row * l->hkv + h) * l->dv, (size_t)l->dv * sizeof *v);
    for (int64_t i = 0; l->rule & 1 && i < l->dk; i++) {
        float g = expf(l->decay[row * l->n_decay + (l->n_decay == l->hkv ? h : h * l->dk + i)]);
        for (int64_t j = 0; j < l->dv; j++)
            state[i * l->dv + j] *= g;
    }
    if (l->rule & 2) {
        float beta = l->beta[row * l->n_beta + (l->n_beta == 1 ? 0 : h)];
        for (int64_t i = 0; i < l->dk; i++)
            for (int64_t j = 0; j < l->dv; j++)
                v[j] -= state[i * l->dv + j] * k[i];
        for (int64_t j = 0; j < l->dv; j++)
            v[j] *= beta;
    }
    for (int64_t i = 0; i < l->dk; i++)
        for (int64_t j = 0; j < l->dv; j++)
            state[i * l->dv + j] += k[i] * v[j];
}

static void read_out(const linear *l, const float *q, const float *state, float *y)
{
    memset(y, 0, (size_t)l->dv * sizeof *y);
    for (int64_t i = 0; i < l->dk; i++)
        for (int64_t j = 0; j < l->dv; j++)
            y[j] += l->scale * q[i] * state[i * l->dv + j];
}

static void run(const linear *l, float *state, float *v, float *y)
{
    int64_t group = l->hq / l->hkv;
    for (int64_t b = 0; b < l->batch; b++)
        for (int64_t h = 0; h < l->hkv; h++) {
            float *s = state + (b * l->hkv + h) * l->dk * l->dv;
            for (int64_t t = 0; t < l->steps; t++) {
                int64_t row = b * l->steps + t;
                update(l, row, h, s, v);
                for (int64_t g = h * group; g < (h + 1) * group; g++)
                    read_out(l, l->q + (row * l->hq + g) * l->dk, s, y + (row * l->hq + g) * l->dv);
            }
        }
}

sedge_status sg_ref_linear_attention(sg_exec *x)
{
    linear l = {
        .rule = rule_of(x->attrs), .hq = sg_get_int(x->attrs, SG_A_q_num_heads), .hkv = sg_get_int(x->attrs, SG_A_kv_num_heads)};
    SG_TRY(shapes_read(x, &l));
    double scale = sg_get_float(x->attrs, SG_A_scale);
    l.scale = (float)(scale != 0 ? scale : l.dk ? 1 / sqrt((double)l.dk) : 1);
    const sg_tensor *past = x->n_in > 3 ? x->in[3] : NULL;
    const float *init = past ? sg_widen_f32(x, past) : NULL;
    l.q = sg_widen_f32(x, x->in[0]);
    l.k = sg_widen_f32(x, x->in[1]);
    l.v = sg_widen_f32(x, x->in[2]);
    l.decay = l.rule & 1 ? sg_widen_f32(x, x->in[4]) : NULL;
    l.beta = l.rule & 2 ? sg_widen_f32(x, x->in[5]) : NULL;
    size_t n = (size_t)(l.batch * l.hkv * l.dk * l.dv);
    bool keep = x->n_out > 1 && x->out[1];
    float *state = keep ? sg_narrow_room_f32(x, x->out[1]) : sg_scratch(x, (n + 1) * sizeof *state);
    float *y = sg_narrow_room_f32(x, x->out[0]), *v = sg_scratch(x, ((size_t)l.dv + 1) * sizeof *v);
    if (!l.q || !l.k || !l.v || (l.rule & 1 && !l.decay) || (l.rule & 2 && !l.beta) || !state || !y || !v || (past && !init))
        return SEDGE_E_NOMEM;
    if (init)
        memcpy(state, init, n * sizeof *state);
    else
        memset(state, 0, n * sizeof *state);
    run(&l, state, v, y);
    sg_narrow_f32(x->out[0], y);
    if (keep)
        sg_narrow_f32(x->out[1], state);
    return SEDGE_OK;
}
