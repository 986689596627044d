/* RNN, GRU and LSTM: the shape rule, and reading a call's attributes and shapes. */
#include "op/recurrent.h"

#include <string.h>

#include "op/widen.h"

static const int gates_of[] = {1, 3, 4}, acts_of[] = {1, 2, 3};

static sg_rec_kind kind_of(const sg_op *op)
{
    return op == SG_ROW(RNN) ? SG_REC_RNN : op == SG_ROW(GRU) ? SG_REC_GRU : SG_REC_LSTM;
}

/* 1 or 2; 0: unknown direction. */
static int dirs_of(sg_attrs a, bool *reverse)
{
    const char *s = sg_get_str(a, SG_A_direction);
    *reverse = strcmp(s, "reverse") == 0;
    if (strcmp(s, "bidirectional") == 0)
        return 2;
    return *reverse || !*s || strcmp(s, "forward") == 0 ? 1 : 0;
}

sedge_status sg_infer_recurrent(sg_infer *c)
{
    static const int8_t rank[8] = {3, 3, 3, 2, 1, 3, 3, 2};
    bool reverse;
    int dirs = dirs_of(c->attrs, &reverse);
    c->exact = true;
    if (!dirs)
        return SG_INFER_FAIL(c, SEDGE_E_VALUE, "%s: unknown direction", c->op->name);
    SG_TRY(sg_infer_need_float(c, 0));
    bool known = true;
    for (int k = 0; k < c->n_in; k++) {
        if (!c->in[k])
            continue;
        if (k != 4 && c->in[k]->dtype != c->in[0]->dtype)
            return SG_INFER_FAIL(c, SEDGE_E_TYPE, "%s: input %d is of another type than input 0", c->op->name, k);
        if (k == 4 && c->in[k]->dtype != SG_I32)
            return SG_INFER_FAIL(c, SEDGE_E_TYPE, "%s: sequence_lens must be i32", c->op->name);
        if (c->in[k]->rank >= 0 && c->in[k]->rank != rank[k])
            return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "%s: input %d must have rank %d, has %d", c->op->name, k, rank[k],
                                 c->in[k]->rank);
        known = known && (k == 1 || c->in[k]->rank >= 0);
    }
    for (int k = 0; k < c->n_out; k++) {
        c->out[k].dtype = c->in[0]->dtype;
        c->out[k].rank = -1;
    }
    if (!known)
        return SEDGE_OK;
    bool batch_first = sg_get_int(c->attrs, SG_A_layout) != 0;
    sg_dim steps = c->in[0]->dim[batch_first], batch = c->in[0]->dim[!batch_first], hidden = c->in[2]->dim[2];
    for (int k = 0; k < c->n_out; k++) {
        sg_dim full[4] = {steps, dirs, batch, hidden}, full_b[4] = {batch, steps, dirs, hidden};
        sg_dim last[3] = {dirs, batch, hidden}, last_b[3] = {batch, dirs, hidden};
        c->out[k].rank = k ? 3 : 4;
        const sg_dim *from = k ? (batch_first ? last_b : last) : (batch_first ? full_b : full);
        memcpy(c->out[k].dim, from, (size_t)c->out[k].rank * sizeof *from);
    }
    return SEDGE_OK;
}

typedef struct act_info {
    const char *name;
    bool has_alpha, has_beta;
    double alpha, beta;
} act_info;

static const act_info acts[SG_REC_ACTS] = {
    {"tanh", false, false, 0, 0},     {"sigmoid", false, false, 0, 0},       {"relu", false, false, 0, 0},
    {"affine", true, true, 1, 0},     {"leakyrelu", true, false, 0.01, 0},   {"thresholdedrelu", true, false, 1, 0},
    {"scaledtanh", true, true, 1, 1}, {"hardsigmoid", true, true, 0.2, 0.5}, {"elu", true, false, 1, 0},
    {"softsign", false, false, 0, 0}, {"softplus", false, false, 0, 0},
};

static bool same_name(sg_str s, const char *name)
{
    if (s.n != strlen(name))
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if ((c >= 'A' && c <= 'Z' ? (char)(c + 32) : c) != name[i])
            return false;
    }
    return true;
}

/* The activations of both directions. Parameter lists hold values only for the functions that take them. */
static sedge_status acts_read(sg_exec *x, sg_rec *r)
{
    static const sg_rec_act_kind def[3][3] = {{SG_REC_TANH, SG_REC_TANH, SG_REC_TANH},
                                              {SG_REC_SIGMOID, SG_REC_TANH, SG_REC_TANH},
                                              {SG_REC_SIGMOID, SG_REC_TANH, SG_REC_TANH}};
    int n, n_alpha, n_beta, i_alpha = 0, i_beta = 0;
    const sg_str *name = sg_get_strs(x->attrs, SG_A_activations, &n);
    const double *alpha = sg_get_floats(x->attrs, SG_A_activation_alpha, &n_alpha);
    const double *beta = sg_get_floats(x->attrs, SG_A_activation_beta, &n_beta);
    for (int d = 0; d < r->dirs; d++)
        for (int k = 0; k < r->acts; k++) {
            sg_rec_act *a = &r->act[d][k];
            int at = d * r->acts + k, kind = (int)def[r->kind][k];
            if (n && at >= n)
                return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "%s: %d activations are too few", x->op->name, n);
            for (kind = n ? 0 : kind; n && kind < SG_REC_ACTS && !same_name(name[at], acts[kind].name);)
                kind++;
            if (kind == SG_REC_ACTS)
                return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "%s: unknown activation %.*s", x->op->name,
                                    name[at].n < 40 ? (int)name[at].n : 40, name[at].p);
            a->kind = (sg_rec_act_kind)kind;
            a->alpha = acts[kind].has_alpha && i_alpha < n_alpha ? alpha[i_alpha++] : acts[kind].alpha;
            a->beta = acts[kind].has_beta && i_beta < n_beta ? beta[i_beta++] : acts[kind].beta;
        }
    return SEDGE_OK;
}

static sedge_status shape_is(sg_exec *x, int k, const int64_t *dim, int rank)
{
    const sg_tensor *t = k < x->n_in ? x->in[k] : NULL;
    bool same = !t || t->rank == rank;
    for (int i = 0; t && same && i < rank; i++)
        same = t->dim[i] == dim[i];
    return same ? SEDGE_OK
                : SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "%s: input %d does not have the shape that x, w and r ask for", x->op->name, k);
}

static sedge_status shapes_check(sg_exec *x, const sg_rec *r)
{
    int64_t d = r->dirs, g = r->gates, h = r->hidden, b = r->batch;
    int64_t w[3] = {d, g * h, r->n_in}, rr[3] = {d, g * h, h}, bias[2] = {d, 2 * g * h}, len[1] = {b}, p[2] = {d, 3 * h};
    int64_t state[3] = {r->batch_first ? b : d, r->batch_first ? d : b, h};
    SG_TRY(shape_is(x, 1, w, 3));
    SG_TRY(shape_is(x, 2, rr, 3));
    SG_TRY(shape_is(x, 3, bias, 2));
    SG_TRY(shape_is(x, 4, len, 1));
    SG_TRY(shape_is(x, 5, state, 3));
    SG_TRY(shape_is(x, 6, state, 3));
    return shape_is(x, 7, p, 2);
}

static sedge_status lengths_read(sg_exec *x, sg_rec *r)
{
    const sg_tensor *t = x->n_in > 4 ? x->in[4] : NULL;
    if (!t)
        return SEDGE_OK;
    int32_t *v = sg_scratch(x, ((size_t)r->batch + 1) * sizeof *v);
    if (!v)
        return SEDGE_E_NOMEM;
    for (int64_t b = 0; b < r->batch; b++) {
        int64_t n = sg_load_i64((sg_dtype)t->dtype, t->data, (size_t)b);
        if (n < 0 || n > r->steps)
            return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "%s: sequence length %lld is not in [0, %lld]", x->op->name, (long long)n,
                                (long long)r->steps);
        v[b] = (int32_t)n;
    }
    r->length = v;
    return SEDGE_OK;
}

sedge_status sg_rec_init(sg_exec *x, sg_rec *r)
{
    memset(r, 0, sizeof *r);
    r->kind = kind_of(x->op);
    r->gates = gates_of[r->kind];
    r->acts = acts_of[r->kind];
    r->dirs = dirs_of(x->attrs, &r->reverse);
    r->batch_first = sg_get_int(x->attrs, SG_A_layout) != 0;
    r->couple = sg_get_int(x->attrs, SG_A_input_forget) != 0;
    r->linear_before_reset = sg_get_int(x->attrs, SG_A_linear_before_reset) != 0;
    r->clip = sg_get_float(x->attrs, SG_A_clip);
    r->cell_clip = r->kind == SG_REC_LSTM ? sg_get_float(x->attrs, SG_A_cell_clip) : 0;
    const sg_tensor *in = x->in[0];
    int64_t d = r->dirs, h = x->in[2]->dim[2];
    r->steps = in->dim[r->batch_first];
    r->batch = in->dim[!r->batch_first];
    r->n_in = in->dim[2];
    r->hidden = h;
    r->x_step = r->batch_first ? r->n_in : r->batch * r->n_in;
    r->x_batch = r->batch_first ? r->steps * r->n_in : r->n_in;
    r->y_step = r->batch_first ? d * h : d * r->batch * h;
    r->y_dir = r->batch_first ? h : r->batch * h;
    r->y_batch = r->batch_first ? r->steps * d * h : h;
    r->s_dir = r->batch_first ? h : r->batch * h;
    r->s_batch = r->batch_first ? d * h : h;
    SG_TRY(shapes_check(x, r));
    SG_TRY(lengths_read(x, r));
    return acts_read(x, r);
}

sedge_status sg_ref_recurrent(sg_exec *x)
{
    sg_rec r;
    SG_TRY(sg_rec_init(x, &r));
    return x->in[0]->dtype == SG_F64 ? sg_rec_run_f64(x, &r) : sg_rec_run_f32(x, &r);
}
