/* Optimizers: one update of any number of tensors. Momentum (Nesterov 1983 too), Adagrad (Duchi et al. 2011), Adam
 * (Kingma and Ba 2014). */
#include <math.h>
#include <string.h>

#include "op/op.h"

/* Tensors of one group beside x: gradient and states. */
static int states_of(const sg_op *op)
{
    return op == SG_ROW(ADAM) ? 2 : 1;
}

sedge_status sg_infer_optimizer(sg_infer *c)
{
    int states = states_of(c->op), n = (c->n_in - 2) / (2 + states);
    if (n < 1 || c->n_in != 2 + n * (2 + states) || c->n_out > n * (1 + states))
        return SG_INFER_FAIL(c, SEDGE_E_FORMAT, "%s: %d inputs and %d outputs do not fit", c->op->name, c->n_in, c->n_out);
    for (int k = 0; k < c->n_in; k++)
        if (!c->in[k])
            return SG_INFER_FAIL(c, SEDGE_E_FORMAT, "%s: input %d is missing", c->op->name, k);
    for (int i = 0; i < n; i++)
        for (int s = 0; s <= states; s++) {
            const sg_type *from = c->in[2 + (s ? s + 1 : 0) * n + i];
            if (!sg_is_float((sg_dtype)from->dtype) && from->dtype != SG_NONE)
                return SG_INFER_FAIL(c, SEDGE_E_TYPE, "%s: tensors must be of a float type", c->op->name);
            if (s * n + i < c->n_out)
                c->out[s * n + i] = *from;
        }
    return SEDGE_OK;
}

typedef struct step {
    const sg_op *op;
    double rate, alpha, beta, epsilon, norm, post;
    double grad_scale; /* of the gradient in momentum */
    bool nesterov;
} step;

/* One element: x and states are replaced. */
static void update(const step *s, double *x, double g, double *m, double *h)
{
    g += s->norm * *x;
    if (s->op == SG_ROW(MOMENTUM)) {
        *m = s->alpha * *m + s->grad_scale * g;
        *x -= s->rate * (s->nesterov ? g + s->alpha * *m : *m);
    } else if (s->op == SG_ROW(ADAGRAD)) {
        *m += g * g;
        *x -= s->rate * g / (sqrt(*m) + s->epsilon);
    } else {
        *m = s->alpha * *m + (1 - s->alpha) * g;
        *h = s->beta * *h + (1 - s->beta) * g * g;
        *x -= s->rate * (*m / (sqrt(*h) + s->epsilon));
        *x *= 1 - s->post;
    }
}

static sedge_status step_read(sg_exec *x, step *s)
{
    if (sg_numel(x->in[0]) != 1 || sg_numel(x->in[1]) != 1)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "%s: rate and step count must be scalars", x->op->name);
    double rate = sg_load_f64((sg_dtype)x->in[0]->dtype, x->in[0]->data, 0);
    double t = sg_load_f64((sg_dtype)x->in[1]->dtype, x->in[1]->data, 0);
    *s = (step){.op = x->op, .rate = rate};
    s->alpha = sg_get_float(x->attrs, SG_A_alpha);
    s->beta = sg_get_float(x->attrs, SG_A_beta);
    s->epsilon = sg_get_float(x->attrs, SG_A_epsilon);
    s->norm = sg_get_float(x->attrs, SG_A_norm_coefficient);
    s->post = sg_get_float(x->attrs, SG_A_norm_coefficient_post);
    s->nesterov = strcmp(sg_get_str(x->attrs, SG_A_mode), "nesterov") == 0;
    s->grad_scale = t > 0 ? s->beta : 1;
    if (x->op == SG_ROW(ADAGRAD))
        s->rate = rate / (1 + t * sg_get_float(x->attrs, SG_A_decay_factor));
    if (x->op == SG_ROW(ADAM) && t > 0)
        s->rate = rate * sqrt(1 - pow(s->beta, t)) / (1 - pow(s->alpha, t));
    return SEDGE_OK;
}

static double load(const sg_tensor *t, int64_t i)
{
    return sg_load_f64((sg_dtype)t->dtype, t->data, (size_t)i);
}

/* Element i of output k, which may not be wanted. */
static void store(const sg_exec *x, int k, int64_t i, double v)
{
    sg_tensor *t = k < x->n_out ? x->out[k] : NULL;
    if (t)
        sg_store_f64((sg_dtype)t->dtype, t->data, (size_t)i, v);
}

sedge_status sg_ref_optimizer(sg_exec *x)
{
    step s;
    SG_TRY(step_read(x, &s));
    int states = states_of(x->op), n = (x->n_in - 2) / (2 + states);
    for (int k = 0; k < n; k++) {
        const sg_tensor *v = x->in[2 + k], *g = x->in[2 + n + k], *m = x->in[2 + 2 * n + k],
                        *h = states == 2 ? x->in[2 + 3 * n + k] : NULL;
        if (!sg_same_shape(v, g) || !sg_same_shape(v, m) || (h && !sg_same_shape(v, h)))
            return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "%s: tensors of group %d are of different shapes", x->op->name, k);
        int64_t count = sg_numel(v);
        for (int64_t i = 0; i < count; i++) {
            double ev = load(v, i), em = load(m, i), eh = h ? load(h, i) : 0;
            update(&s, &ev, load(g, i), &em, &eh);
            store(x, k, i, ev);
            store(x, n + k, i, em);
            if (h)
                store(x, 2 * n + k, i, eh);
        }
    }
    return SEDGE_OK;
}
