/* One streaming pass of a float graph over samples: each watched tensor is counted the moment its step has made it. */
#include <math.h>
#include <string.h>

#include "base/cpu.h"
#include "fit/calib.h"
#include "pass/layout.h"
#include "run/api.h"

/* Of a tensor this many elements at most go into the bins in one run; its bounds are those of all. */
#define COUNT_MAX 65536

typedef struct watch {
    sg_calib *c;
    const uint8_t *watch;
    const sedge_session *session;
    uint32_t *of; /* by value of the plan: which value of the graph it is */
    size_t n_of;
    size_t sample;
    bool lost; /* memory has ended */
} watch;

static sg_seen *seen_of(sg_calib *c, uint32_t v)
{
    if (!c->seen[v] && (c->seen[v] = sg_calloc(c->mem, 1, sizeof **c->seen))) {
        sg_hist_init(&c->seen[v]->hist);
        for (int k = 0; k < SG_CALIB_FOLDS; k++)
            c->seen[v]->fold_min[k] = HUGE_VALF, c->seen[v]->fold_max[k] = -HUGE_VALF;
    }
    return c->seen[v];
}

/* Adds `n` rows of `channels` values, one behind the other, to the sums. */
static void sum_rows(double *sum, const float *x, int64_t n, int64_t channels)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < channels; k++)
            sum[k] += (double)x[i * channels + k];
}

static bool sum_channels(sg_calib *c, sg_seen *s, const sg_tensor *t, int axis)
{
    const int64_t channels = axis < t->rank ? t->dim[axis] : 0, n = sg_numel(t);
    if (channels < 1 || (s->sum && s->channels != channels))
        return true; /* another size than before: no mean is kept */
    if (!s->sum && !(s->sum = sg_calloc(c->mem, (size_t)channels, sizeof *s->sum)))
        return false;
    s->channels = channels;
    s->count += (uint64_t)(n / channels);
    if (t->layout == SG_LAYOUT_LAST || axis == t->rank - 1) {
        sum_rows(s->sum, t->data, n / channels, channels);
        return true;
    }
    const int64_t inner = sg_dim_span(t->dim, axis + 1, t->rank), outer = sg_dim_span(t->dim, 0, axis);
    const float *x = t->data;
    for (int64_t o = 0; o < outer; o++)
        for (int64_t k = 0; k < channels; k++) {
            float sum = 0;
            for (int64_t i = 0; i < inner; i++)
                sum += *x++;
            s->sum[k] += (double)sum;
        }
    return true;
}

static void look(watch *w, uint32_t v, const sg_tensor *t)
{
    v = v < w->n_of ? w->of[v] : 0;
    if (!v || !w->watch[v] || !t || t->kind != SG_TENSOR || t->dtype != SG_F32 || !t->data)
        return;
    sg_seen *s = seen_of(w->c, v);
    if (!s) {
        w->lost = true;
        return;
    }
    const size_t n = (size_t)sg_numel(t);
    float *lo = &s->fold_min[w->sample % SG_CALIB_FOLDS], *hi = &s->fold_max[w->sample % SG_CALIB_FOLDS];
    const float min = s->hist.min, max = s->hist.max;
    s->hist.min = *lo;
    s->hist.max = *hi;
    /* an odd step walks over all channels */
    sg_hist_add(&s->hist, t->data, n, n <= COUNT_MAX ? 1 : ((n + COUNT_MAX - 1) / COUNT_MAX) | 1);
    *lo = s->hist.min;
    *hi = s->hist.max;
    s->hist.min = fminf(min, *lo);
    s->hist.max = fmaxf(max, *hi);
    if (w->watch[v] > 1 && !sum_channels(w->c, s, t, w->watch[v] - 2))
        w->lost = true;
}

static void on_step(void *ctx, int step, double seconds)
{
    watch *w = ctx;
    const sg_frame *f = w->session->frame;
    const sg_step *s = &f->plan->step[step];
    (void)seconds;
    for (uint32_t k = 0; k < s->n_out; k++) {
        const uint32_t v = f->plan->operand[s->operand + s->n_in + k];
        if (v)
            look(w, v, &f->val[v]);
    }
}

/* Where the layout pass has put another node in the place of one (a transpose becomes another reading of the same bytes), its readers tell
 * which value stands for which. */
static sedge_status lay_out(watch *w, sg_graph *g, sg_err *err)
{
    const sg_trace quiet = {0};
    const size_t n = w->c->n_value;
    uint32_t *use = sg_calloc(w->c->mem, n, sizeof *use);
    if (!use)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    for (size_t v = 1; v < n; v++)
        use[v] = g->value[v].uses;
    sedge_status st = sg_pass_layout(g, sg_target_find("cpu")->has_last, sg_cpu(), &quiet, err);
    w->n_of = g->n_value;
    if (st == SEDGE_OK && !(w->of = sg_calloc(w->c->mem, w->n_of, sizeof *w->of)))
        st = sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    for (uint32_t v = 1; st == SEDGE_OK && v < n; v++) {
        const sg_value *val = &g->value[v];
        const bool gone = val->role == SG_COMPUTED && !g->node[val->def].op;
        w->of[gone && use[v] ? g->operand[use[v]].value : v] = v;
    }
    sg_free(w->c->mem, use, n * sizeof *use);
    return st;
}

/* The graph as it is, but for the order of axes: nothing is fused, so every value is made. */
static sedge_status plan_whole(watch *w, sedge_plan **plan, sedge_model **model, const sg_graph *g, const sedge_model *like,
                               sg_err *err)
{
    sedge_plan_opts po;
    sedge_plan_opts_init(&po);
    po.optimize = 0;
    SG_TRY(sg_model_of_graph(model, g, like, err));
    SG_TRY(lay_out(w, (*model)->graph, err));
    return sedge_plan_make(plan, *model, &po, err);
}

static sedge_status run_all(watch *w, const sg_samples *s, size_t from, size_t to, sg_part_fn *part, void *part_ctx, sg_err *err)
{
    sedge_tensor in[SG_INPUTS_MAX];
    sedge_session *session = (sedge_session *)w->session;
    if (s->n_in > SG_INPUTS_MAX)
        return sg_fail(err, SEDGE_E_LIMIT, "a model of more than 64 inputs cannot be calibrated");
    for (size_t i = from; i < to; i++) {
        SG_TRY(s->get(s->ctx, i, in, err));
        w->sample = i;
        for (int k = 0; k < s->n_in; k++) {
            SG_TRY(sedge_session_set_input(session, k, &in[k], err));
            sg_tensor t;
            memcpy(&t, &in[k], sizeof t);
            t.layout = SG_LAYOUT_ROW;
            look(w, session->plan->plan->input[k], &t);
        }
        SG_TRY(sedge_session_run(session, NULL, err));
        if (w->lost)
            return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
        w->c->samples++;
        if (part)
            part(part_ctx, (double)(i + 1 - from) / (double)(to - from));
    }
    return SEDGE_OK;
}

sedge_status sg_calib_run(sg_calib *c, const sg_graph *g, const sedge_model *like, const uint8_t *watched, const sg_samples *s,
                          size_t from, size_t to, sg_part_fn *part, void *part_ctx, sg_err *err)
{
    sedge_model *model = NULL;
    sedge_plan *plan = NULL;
    sedge_session *session = NULL;
    watch w = {.c = c, .watch = watched};
    sedge_session_opts so;
    if (!c->seen) {
        c->n_value = g->n_value;
        if (!(c->seen = sg_calloc(c->mem, g->n_value, sizeof(sg_seen *))))
            return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    }
    sedge_session_opts_init(&so);
    so.on_step = on_step;
    so.on_step_ctx = &w;
    sedge_status st = plan_whole(&w, &plan, &model, g, like, err);
    if (st == SEDGE_OK)
        st = sedge_session_open(&session, plan, &so, err);
    w.session = session;
    if (st == SEDGE_OK)
        st = run_all(&w, s, from, to, part, part_ctx, err);
    sedge_session_close(&session);
    sedge_plan_close(&plan);
    sedge_model_close(&model);
    sg_free(c->mem, w.of, w.n_of * sizeof *w.of);
    return st;
}

void sg_calib_free(sg_calib *c)
{
    for (size_t v = 0; c->seen && v < c->n_value; v++)
        if (c->seen[v]) {
            sg_free(c->mem, c->seen[v]->sum, (size_t)c->seen[v]->channels * sizeof(double));
            sg_free(c->mem, c->seen[v], sizeof **c->seen);
        }
    sg_free(c->mem, c->seen, c->n_value * sizeof(sg_seen *));
    c->seen = NULL;
}

double sg_seen_spread(const sg_seen *s)
{
    double least = HUGE_VAL, most = 0;
    for (int k = 0; k < SG_CALIB_FOLDS; k++) {
        if (s->fold_min[k] > s->fold_max[k])
            continue;
        const double span = fmax(s->fold_max[k], 0) - fmin(s->fold_min[k], 0);
        least = fmin(least, span);
        most = fmax(most, span);
    }
    return least > 0 && isfinite(least) ? most / least : 1;
}
