/* What the weights of a layer meet: means and covariances of windows (convolutions) or rows (products), by one pass over samples. */
#include <string.h>

#include "fit/adaround.h"
#include "op/window.h"
#include "run/api.h"

/* A layer's windows: element i of one stands at channel i / taps of its group, tap i % taps. */
typedef struct layer {
    sg_nid node;
    sg_vid x;
    bool conv;
    sg_window w;
    int64_t taps, group_channels;
} layer;

/* A graph that ends at the operand of the layer, ready to run. */
typedef struct prefix {
    sedge_model *model;
    sedge_plan *plan;
    sedge_session *session;
    sedge_tensor x;
} prefix;

static void close_prefix(prefix *p)
{
    sedge_session_close(&p->session);
    sedge_plan_close(&p->plan);
    sedge_model_close(&p->model);
}

static sedge_status open_prefix(prefix *p, const sg_graph *g, const sedge_model *like, sg_vid x, sg_err *err)
{
    SG_TRY(sg_model_of_graph(&p->model, g, like, err));
    sg_graph *own = p->model->graph;
    own->n_output = 0;
    if (sg_output_add(own, x) != SEDGE_OK)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    SG_TRY(sedge_plan_make(&p->plan, p->model, NULL, err));
    return sedge_session_open(&p->session, p->plan, NULL, err);
}

static sedge_status run_prefix(prefix *p, const sedge_tensor *in, int n_in, sg_err *err)
{
    for (int k = 0; k < n_in; k++)
        SG_TRY(sedge_session_set_input(p->session, k, &in[k], err));
    SG_TRY(sedge_session_run(p->session, NULL, err));
    return sedge_session_get_output(p->session, 0, &p->x, err);
}

/* ---- windows ---- */

static sedge_status read_layer(layer *l, sg_covariance *m, const sg_graph *g, sg_nid n, sg_err *err)
{
    const sg_node *node = &g->node[n];
    const sg_attrs a = {node->attr, node->n_attr};
    const sg_type *w = &g->value[sg_node_in(g, n, 1)].type;
    *l = (layer){.node = n, .x = sg_node_in(g, n, 0), .conv = node->op == SG_ROW(CONV), .taps = 1};
    if (!l->conv) {
        const int64_t turned = node->op == SG_ROW(GEMM) ? sg_get_int(a, SG_A_transB) : 0;
        m->groups = 1;
        m->k = w->dim[turned ? 1 : 0];
        m->rows = w->dim[turned ? 0 : 1];
        return SEDGE_OK;
    }
    SG_TRY(sg_window_read(err, a, w->rank - 2, w->dim + 2, &l->w));
    for (int i = 0; i < l->w.n; i++)
        l->taps *= w->dim[2 + i];
    l->group_channels = w->dim[1];
    m->groups = sg_get_int(a, SG_A_group);
    m->rows = w->dim[0] / m->groups;
    m->k = w->dim[1] * l->taps;
    return SEDGE_OK;
}

static int64_t windows_of(layer *l, const sg_covariance *m, const sedge_tensor *x, int64_t *out)
{
    int64_t all = 1;
    if (!l->conv) {
        for (int i = 0; i < x->rank; i++)
            all *= x->dim[i];
        return all / m->k;
    }
    for (int i = 0; i < l->w.n; i++) {
        const int64_t reach = (l->w.kernel[i] - 1) * l->w.dilation[i] + 1, in = x->dim[2 + i];
        const bool same = l->w.auto_pad == SG_PAD_SAME_UPPER || l->w.auto_pad == SG_PAD_SAME_LOWER;
        out[i] = same ? (in + l->w.stride[i] - 1) / l->w.stride[i]
                      : (in + l->w.begin[i] + l->w.end[i] - reach) / l->w.stride[i] + 1;
        all *= out[i];
    }
    sg_window_resolve(&l->w, x->dim + 2, out);
    return all * x->dim[0];
}

/* Window `at` of group g as k values; padding is 0. */
static void window(const layer *l, const sg_covariance *m, const sedge_tensor *x, const int64_t *out, int64_t at, int64_t g,
                   double *v)
{
    const float *data = x->data;
    if (!l->conv) {
        for (int64_t i = 0; i < m->k; i++)
            v[i] = (double)data[at * m->k + i];
        return;
    }
    int64_t o[SG_RANK_MAX], inner = 1;
    for (int i = l->w.n - 1; i >= 0; i--) {
        o[i] = at % out[i];
        at /= out[i];
        inner *= x->dim[2 + i];
    }
    data += (at * x->dim[1] + g * l->group_channels) * inner;
    for (int64_t tap = 0; tap < l->taps; tap++) {
        int64_t k[SG_RANK_MAX], rest = tap, off;
        for (int i = l->w.n - 1; i >= 0; i--) {
            k[i] = rest % l->w.kernel[i];
            rest /= l->w.kernel[i];
        }
        const bool inside = sg_window_at(&l->w, l->w.n, x->dim + 2, o, k, &off);
        for (int64_t c = 0; c < l->group_channels; c++)
            v[c * l->taps + tap] = inside ? (double)data[c * inner + off] : 0;
    }
}

/* ---- sums ---- */

static void add_products(double *to, const double *a, const double *b, int64_t k)
{
    for (int64_t i = 0; i < k; i++) {
        const double f = a[i];
        double *row = to + i * k;
        if (f != 0)
            for (int64_t j = 0; j < k; j++)
                row[j] += f * b[j];
    }
}

static void add_window(sg_covariance *m, int64_t g, const double *x, const double *now, bool apart)
{
    const int64_t k = m->k;
    for (int64_t i = 0; i < k; i++) {
        m->mean_x[g * k + i] += x[i];
        m->mean[g * k + i] += now[i];
    }
    add_products(m->cov + g * k * k, now, now, k);
    if (apart)
        add_products(m->lag + g * k * k, now, x, k);
}

/* Sums become means and covariances. A little is added to the variances: inputs that never moved do not leave their weights free. */
static void finish(sg_covariance *m, bool apart)
{
    const int64_t k = m->k;
    for (int64_t i = 0; i < m->groups * k; i++) {
        m->mean[i] /= m->n;
        m->mean_x[i] /= m->n;
    }
    for (int64_t g = 0; g < m->groups; g++) {
        const double *mean = m->mean + g * k, *mean_x = m->mean_x + g * k;
        double *cov = m->cov + g * k * k, *lag = m->lag + g * k * k, all = 0;
        for (int64_t i = 0; i < k * k; i++) {
            cov[i] = cov[i] / m->n - mean[i / k] * mean[i % k];
            lag[i] = apart ? cov[i] - (lag[i] / m->n - mean[i / k] * mean_x[i % k]) : 0;
        }
        for (int64_t i = 0; i < k; i++)
            all += cov[i * (k + 1)];
        for (int64_t i = 0; i < k; i++)
            cov[i * (k + 1)] += 1e-3 * all / (double)k;
    }
}

static sedge_status look(sg_covariance *m, layer *l, const prefix p[2], bool apart, int64_t windows, double *v, sg_err *err)
{
    int64_t out[SG_RANK_MAX], all = windows_of(l, m, &p[0].x, out), step = all > windows ? all / windows : 1;
    if (p[0].x.dtype != SEDGE_F32 || (apart && p[1].x.dtype != SEDGE_F32))
        return sg_fail(err, SEDGE_E_TYPE, "a layer whose operand is not f32 has no learned rounding");
    /* not the same places in every sample */
    for (int64_t at = (int64_t)m->n * 7919 % step; at < all; at += step) {
        for (int64_t g = 0; g < m->groups; g++) {
            window(l, m, &p[0].x, out, at, g, v);
            if (apart)
                window(l, m, &p[1].x, out, at, g, v + m->k);
            add_window(m, g, v, apart ? v + m->k : v, apart);
        }
        m->n++;
    }
    return SEDGE_OK;
}

static sedge_status look_all(sg_covariance *m, layer *l, prefix p[2], bool apart, const sg_samples *s, size_t from, size_t to,
                             int64_t windows, double *v, sg_err *err)
{
    sedge_tensor in[64];
    if (s->n_in > 64)
        return sg_fail(err, SEDGE_E_LIMIT, "a model of more than 64 inputs cannot be calibrated");
    for (size_t i = from; i < to; i++) {
        SG_TRY(s->get(s->ctx, i, in, err));
        for (int k = 0; k <= apart; k++)
            SG_TRY(run_prefix(&p[k], in, s->n_in, err));
        SG_TRY(look(m, l, p, apart, windows, v, err));
    }
    if (m->n < 2)
        return sg_fail(err, SEDGE_E_VALUE, "no samples to learn roundings from");
    finish(m, apart);
    return SEDGE_OK;
}

sedge_status sg_covariance_look(sg_covariance *m, sg_nid n, const sg_graph *g, const sg_graph *now, const sedge_model *like,
                                const sg_samples *s, size_t from, size_t to, int64_t windows, sg_arena *arena, sg_err *err)
{
    prefix p[2] = {{0}};
    layer l;
    const bool apart = now != g;
    *m = (sg_covariance){0};
    SG_TRY(read_layer(&l, m, g, n, err));
    const size_t k = (size_t)m->k, groups = (size_t)m->groups;
    m->mean = sg_arena_array(arena, groups * k, sizeof *m->mean);
    m->mean_x = sg_arena_array(arena, groups * k, sizeof *m->mean_x);
    m->cov = sg_arena_array(arena, groups * k * k, sizeof *m->cov);
    m->lag = sg_arena_array(arena, groups * k * k, sizeof *m->lag);
    double *v = sg_arena_array(arena, 2 * k, sizeof *v);
    if (!m->mean || !m->mean_x || !m->cov || !m->lag || !v)
        return sg_fail(err, SEDGE_E_NOMEM, "no memory for the covariance of %zu inputs", k);
    sedge_status st = open_prefix(&p[0], g, like, l.x, err);
    if (st == SEDGE_OK && apart)
        st = open_prefix(&p[1], now, like, sg_node_in(now, n, 0), err);
    if (st == SEDGE_OK)
        st = look_all(m, &l, p, apart, s, from, to, windows, v, err);
    close_prefix(&p[0]);
    close_prefix(&p[1]);
    return st;
}
