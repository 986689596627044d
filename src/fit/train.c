/* The graph of a training step: gradients, then a row of the optimizer for each parameter, whose results are the state of the next run. */
#include "fit/train.h"

#include <string.h>

#include "grad/gradient.h"
#include "import/build.h"
#include "op/elementwise.h"
#include "run/api.h"

/* States in their order: all parameters, then all of each thing that the optimizer keeps of them, then the number of the step. */
typedef struct maker {
    sg_ib b;
    const sg_train_how *how;
    int n, kept; /* parameters; tensors that are kept of each */
    sg_vid *state; /* [n * (1 + kept) + 1] */
    sg_vid *next;
    sg_vid *grad; /* [n] */
    sg_vid rate, step;
} maker;

static size_t states(const maker *m)
{
    return (size_t)m->n * (size_t)(1 + m->kept) + 1;
}

static sg_vid input(maker *m, const sg_type *like, const char *name)
{
    const sg_type t = {.kind = SG_TENSOR, .dtype = like->dtype, .rank = like->rank};
    sg_vid v = sg_input_new(m->b.g, &t, name);
    if (v)
        memcpy(m->b.g->value[v].type.dim, like->dim, sizeof like->dim);
    else
        sg_fail(m->b.err, SEDGE_E_NOMEM, "out of memory");
    return v;
}

/* Constants become inputs in the places of states. */
static sedge_status take_params(maker *m, const sg_vid *param)
{
    const sg_type number = {.dtype = SG_F32}, count = {.dtype = SG_I64};
    m->rate = input(m, &number, "rate");
    for (int k = 0; k < m->n * (1 + m->kept); k++) {
        const sg_value *v = &m->b.g->value[param[k % m->n]];
        const sg_type t = v->type;
        if (v->role != SG_CONST || t.dtype != SG_F32)
            return sg_fail(m->b.err, SEDGE_E_TYPE, "parameter %s is no constant of f32", v->name ? v->name : "");
        m->state[k] = input(m, &t, k < m->n ? v->name : NULL);
        if (m->b.err->status != SEDGE_OK)
            return m->b.err->status;
        if (k < m->n)
            sg_value_replace(m->b.g, param[k], m->state[k]);
    }
    m->step = m->state[states(m) - 1] = input(m, &count, NULL);
    return m->b.err->status;
}

static sg_vid scaled(maker *m, sg_vid v, double k)
{
    return sg_ib_binary_scalar(&m->b, SG_BINARY_MUL, v, k);
}

static sg_vid binary(maker *m, int kind, sg_vid a, sg_vid b)
{
    return sg_ib_binary(&m->b, kind, a, b);
}

/* 1 - beta^steps: what a mean that began at 0 lacks. In doubles, for the first steps take the small difference of two near numbers. */
static sg_vid lacks(maker *m, double beta, sg_vid steps)
{
    sg_vid power = binary(m, SG_BINARY_POW, sg_ib_scalar(&m->b, SG_F64, beta), sg_ib_cast(&m->b, steps, SG_F64));
    return sg_ib_cast(&m->b, binary(m, SG_BINARY_SUB, sg_ib_scalar(&m->b, SG_F64, 1), power), SG_F32);
}

/* k a + (1 - k) b */
static sg_vid blend(maker *m, double k, sg_vid a, sg_vid b)
{
    return binary(m, SG_BINARY_ADD, scaled(m, a, k), scaled(m, b, 1 - k));
}

/* Not by the row adam, which is ONNX's: there epsilon is not corrected as the rest is, which tells where gradients are small. */
static void adam(maker *m, int k, sg_vid steps)
{
    const sg_train_how *h = m->how;
    sg_vid x = m->state[k], g = m->grad[k];
    if (h->decay != 0)
        g = binary(m, SG_BINARY_ADD, g, scaled(m, x, h->decay));
    sg_vid mean = blend(m, h->beta1, m->state[m->n + k], g),
           square = blend(m, h->beta2, m->state[2 * m->n + k], binary(m, SG_BINARY_MUL, g, g));
    sg_vid size = sg_ib_unary(&m->b, SG_UNARY_SQRT, binary(m, SG_BINARY_DIV, square, lacks(m, h->beta2, steps)), 1, 1);
    sg_vid rate = binary(m, SG_BINARY_DIV, m->rate, lacks(m, h->beta1, steps));
    sg_vid by = binary(m, SG_BINARY_DIV, mean, sg_ib_binary_scalar(&m->b, SG_BINARY_ADD, size, h->epsilon));
    m->next[k] = binary(m, SG_BINARY_SUB, x, binary(m, SG_BINARY_MUL, rate, by));
    m->next[m->n + k] = mean;
    m->next[2 * m->n + k] = square;
}

static void descend(maker *m, int k)
{
    sg_nid n = sg_ib_make(
        &m->b, SG_OP_MOMENTUM, SG_INS(m->rate, m->step, m->state[k], m->grad[k], m->state[m->n + k]), 2,
        SG_SET({SG_A_alpha, .f = m->how->momentum}, {SG_A_beta, .f = 1}, {SG_A_norm_coefficient, .f = m->how->decay}));
    for (int i = 0; n && i < 2; i++)
        m->next[i * m->n + k] = sg_node_out(m->b.g, n, i);
}

static sedge_status add_updates(maker *m, sg_vid *loss)
{
    SG_TRY(sg_gradient(m->b.g, loss, m->state, m->n, m->grad, m->b.err));
    sg_vid steps = sg_ib_binary_scalar(&m->b, SG_BINARY_ADD, m->step, 1);
    m->next[states(m) - 1] = steps;
    for (int k = 0; k < m->n; k++) {
        const char *name = m->b.g->value[m->state[k]].name;
        if (!m->grad[k])
            return sg_fail(m->b.err, SEDGE_E_VALUE, "the loss does not depend on parameter %s", name ? name : "");
        if (m->how->adam)
            adam(m, k, steps);
        else
            descend(m, k);
    }
    return m->b.err->status;
}

static sedge_status add_outputs(maker *m, sg_vid loss)
{
    sedge_status st = sg_output_add(m->b.g, loss);
    for (size_t k = 0; st == SEDGE_OK && k < states(m); k++)
        st = sg_output_add(m->b.g, m->next[k]);
    return st == SEDGE_OK ? sg_verify(m->b.g, m->b.err) : sg_fail(m->b.err, st, "out of memory");
}

/* A model whose own states are those of training. */
static sedge_status make_model(sg_trainer *t, const maker *m, const sedge_model *like, const sg_vid *param)
{
    const void **first = sg_arena_array(m->b.arena, states(m), sizeof *first);
    if (!first)
        return sg_fail(m->b.err, SEDGE_E_NOMEM, "out of memory");
    for (int k = 0; k < m->n; k++)
        first[k] = m->b.g->value[param[k]].data;
    SG_TRY(sg_model_of_graph(&t->model, m->b.g, like, m->b.err));
    t->model->info.n_state = (int)states(m);
    t->model->info.state = first;
    sedge_plan_opts po;
    sedge_plan_opts_init(&po);
    SG_TRY(sedge_plan_make(&t->plan, t->model, &po, m->b.err));
    return sedge_session_open(&t->session, t->plan, NULL, m->b.err);
}

sedge_status sg_trainer_open(sg_trainer *t, sg_graph *g, const sedge_model *like, sg_vid loss, const sg_vid *param, int n,
                             const sg_train_how *how, sg_err *err)
{
    maker m = {.b = {.g = g, .err = err, .arena = g->arena}, .how = how, .n = n, .kept = how->adam ? 2 : 1};
    *t = (sg_trainer){.n_in = (int)g->n_input, .n_param = n, .loss = (int)g->n_output};
    if (like->info.n_state)
        return sg_fail(err, SEDGE_E_UNSUPPORTED, "models with variables of their own are not trained");
    m.state = sg_arena_array(g->arena, 2 * states(&m), sizeof *m.state);
    m.grad = sg_arena_array(g->arena, (size_t)n + 1, sizeof *m.grad);
    if (!m.state || !m.grad)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    m.next = m.state + states(&m);
    SG_TRY(take_params(&m, param));
    SG_TRY(add_updates(&m, &loss));
    SG_TRY(add_outputs(&m, loss));
    return make_model(t, &m, like, param);
}

void sg_trainer_close(sg_trainer *t)
{
    sedge_session_close(&t->session);
    sedge_plan_close(&t->plan);
    sedge_model_close(&t->model);
}

sedge_status sg_trainer_step(sg_trainer *t, const sedge_tensor *in, double rate, double *loss, sg_err *err)
{
    float r = (float)rate;
    const sedge_tensor number = {.dtype = SEDGE_F32, .data = &r};
    for (int k = 0; k < t->n_in; k++)
        SG_TRY(sedge_session_set_input(t->session, k, &in[k], err));
    SG_TRY(sedge_session_set_input(t->session, t->n_in, &number, err));
    SG_TRY(sedge_session_run(t->session, NULL, err));
    sedge_tensor out;
    SG_TRY(sedge_session_get_output(t->session, t->loss, &out, err));
    *loss = sedge_tensor_f64(&out, 0);
    return SEDGE_OK;
}

sedge_status sg_trainer_param(sg_trainer *t, int k, sedge_tensor *out, sg_err *err)
{
    if (k < 0 || k >= t->n_param)
        return sg_fail(err, SEDGE_E_ARG, "there is no parameter %d", k);
    return sedge_session_state_get(t->session, k, out, err);
}
