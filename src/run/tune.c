/* Choosing kernels by measurement: a node that several can serve is planned and run alone, on one thread, with each. */
#include <stdio.h>
#include <string.h>

#include "run/api.h"

/* The rule's choice stays unless another is faster than this share of its time: less is noise. */
#define GAIN 0.97
enum { RUNS_MIN = 3, RUNS_MAX = 200, CHOICES_MAX = 8 };

/* One node with one choice, ready to run. */
typedef struct trial {
    sg_arena arena;
    sg_graph *graph;
    sg_plan *plan;
    sg_run run;
    sg_frame *frame;
    double best; /* seconds */
} trial;

static void close_trial(trial *t)
{
    sg_frame_close(t->frame);
    sg_pool_close(&t->run.pool);
    if (t->run.mem)
        sg_free(t->run.mem, t->run.scratch, t->run.cap_scratch * sizeof *t->run.scratch);
    sg_plan_free(t->plan);
    sg_graph_free(t->graph);
    sg_arena_free(&t->arena);
    memset(t, 0, sizeof *t);
}

/* Values as they may come, of any type. */
static void fill(sg_tensor *t)
{
    size_t bytes = sg_tensor_bytes(t);
    for (size_t i = 0; t->dtype == SG_F32 && i < bytes / 4; i++)
        ((float *)t->data)[i] = (float)((int)(i * 7919 % 2001) - 1000) / 1000;
    for (size_t i = 0; t->dtype != SG_F32 && i < bytes; i++)
        ((unsigned char *)t->data)[i] = (unsigned char)(i * 31 & 63);
}

static sedge_status bind_inputs(trial *t, sg_err *err)
{
    for (uint32_t k = 0; k < t->plan->n_input; k++) {
        sg_tensor *in = &t->frame->val[t->plan->input[k]];
        const sg_type *type = &t->plan->slot[t->plan->input[k]].type;
        memcpy(in->dim, type->dim, sizeof in->dim);
        in->data = sg_arena_alloc(&t->arena, sg_tensor_bytes(in) + SG_ALIGN);
        if (!in->data)
            return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
        in->data = (char *)in->data + (SG_ALIGN - (uintptr_t)in->data % SG_ALIGN) % SG_ALIGN;
        fill(in);
    }
    return SEDGE_OK;
}

static sedge_status open_trial(trial *t, const sg_graph *g, sg_nid n, int choice, const sg_target *target, sg_mem *mem,
                               sg_err *err)
{
    const sg_plan_args args = {.target = target, .alloc = mem->fn, .alloc_ctx = mem->ctx};
    memset(t, 0, sizeof *t);
    t->arena.mem = mem;
    t->run = (sg_run){.mem = mem, .pool = {.mem = mem}, .threads = 1};
    t->best = -1;
    t->graph = sg_graph_new(&t->arena);
    if (!t->graph)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    SG_TRY(sg_lone_node(t->graph, g, n, err));
    t->graph->node[t->graph->node[0].next].choice = (uint8_t)choice;
    SG_TRY(sg_plan_build(&t->plan, t->graph, &args, err));
    SG_TRY(sg_frame_open(&t->frame, t->plan, &t->run, err));
    return bind_inputs(t, err);
}

/* The runs of all go by turns, so that what else the machine does meets all. */
static sedge_status race(trial *t, int n, double seconds, sg_err *err)
{
    double end = sg_now() + seconds * n;
    for (int run = 0; run < RUNS_MIN || (run < RUNS_MAX && sg_now() < end); run++)
        for (int k = 0; k < n; k++) {
            double start = sg_now();
            SG_TRY(sg_frame_run(t[k].frame, err));
            double s = sg_now() - start;
            if (run == 1 || s < t[k].best) /* the first warms up */
                t[k].best = s;
        }
    return SEDGE_OK;
}

static bool is_fixed(const sg_graph *g, sg_vid v)
{
    const sg_type *t = &g->value[v].type;
    return !v || (t->kind == SG_TENSOR && t->dtype != SG_STR && t->dtype != SG_NONE && sg_d_numel(t) >= 0);
}

static bool can_tune(const sg_graph *g, sg_nid id)
{
    const sg_node *n = &g->node[id];
    bool fixed = !n->n_region && n->n_out > 0 && !(n->op->flags & SG_OPF_DYN);
    for (int k = 0; k < n->n_in; k++)
        fixed = fixed && is_fixed(g, sg_node_in(g, id, k));
    for (int k = 0; k < n->n_out; k++)
        fixed = fixed && is_fixed(g, n->out[k]);
    return fixed;
}

static bool same_type(const sg_graph *g, sg_vid a, sg_vid b)
{
    const sg_type *s = &g->value[a].type, *t = &g->value[b].type;
    if (!a || !b)
        return a == b;
    return (g->value[a].role == SG_CONST) == (g->value[b].role == SG_CONST) && s->dtype == t->dtype && s->rank == t->rank &&
           s->layout == t->layout && memcmp(s->dim, t->dim, (size_t)s->rank * sizeof *s->dim) == 0;
}

/* What was measured counts for every node of the same op, attributes and shapes. */
static bool same_work(const sg_graph *g, sg_nid a, sg_nid b)
{
    const sg_node *x = &g->node[a], *y = &g->node[b];
    bool same = x->op == y->op && x->n_in == y->n_in && x->n_out == y->n_out;
    for (int k = 0; same && k < x->n_in; k++)
        same = same_type(g, sg_node_in(g, a, k), sg_node_in(g, b, k));
    for (int k = 0; same && k < x->n_out; k++)
        same = same_type(g, x->out[k], y->out[k]);
    for (int k = 0; same && k < x->n_attr; k++)
        same = sg_attr_same(&x->attr[k], &y->attr[k]);
    return same;
}

/* The kernel that was taken, then the rule's and all others with their times. */
static void tell(const sg_trace *trace, const sg_node *n, const trial *t, int count, int best)
{
    char line[256];
    if (!trace->line)
        return;
    int at = snprintf(line, sizeof line, "tune: %.40s %.60s: %s of", n->op->name, n->name ? n->name : "",
                      t[best].plan->step[0].kernel.name);
    for (int k = 0; k < count && at >= 0 && (size_t)at < sizeof line; k++)
        at += snprintf(line + at, sizeof line - (size_t)at, " %s %.1f us", t[k].plan->step[0].kernel.name, 1e6 * t[k].best);
    trace->line(trace->ctx, line);
}

/* Trial 0 is the rule's; then every kernel that the rule did not take. */
static sedge_status tune_node(sg_graph *g, sg_nid id, int choices, const sg_target *target, sg_mem *mem, double seconds,
                              const sg_trace *trace, sg_err *err)
{
    trial t[CHOICES_MAX + 1];
    int choice[CHOICES_MAX + 1] = {0}, n = 0, best = 0;
    sedge_status st = open_trial(&t[n++], g, id, 0, target, mem, err);
    for (int k = 1; st == SEDGE_OK && k <= choices && k <= CHOICES_MAX; k++) {
        st = open_trial(&t[n], g, id, k, target, mem, err);
        choice[n++] = k;
        if (st != SEDGE_OK)
            break;
        const char *name = t[n - 1].plan->step[0].kernel.name;
        if (strcmp(name, "ref") == 0 || strcmp(name, t[0].plan->step[0].kernel.name) == 0)
            close_trial(&t[--n]);
    }
    if (st == SEDGE_OK && n > 1) {
        st = race(t, n, seconds, err);
        for (int k = 1; k < n; k++)
            if (t[k].best < (best ? t[best].best : GAIN * t[0].best))
                best = k;
        if (st == SEDGE_OK)
            tell(trace, &g->node[id], t, n, best);
    }
    g->node[id].choice = (uint8_t)choice[best];
    while (n > 0)
        close_trial(&t[--n]);
    return st;
}

sedge_status sg_tune(sg_graph *g, const sg_target *target, sg_mem *mem, double s, const sg_trace *trace, sg_err *err)
{
    SG_EACH_NODE(g, n)
    {
        for (int k = 0; k < g->node[n].n_region; k++)
            SG_TRY(sg_tune(g->node[n].region[k], target, mem, s, trace, err));
        int choices = target->choices(g, n);
        if (choices < 2 || !can_tune(g, n))
            continue;
        sg_nid twin = g->node[0].next;
        while (twin != n && !same_work(g, twin, n))
            twin = g->node[twin].next;
        if (twin != n)
            g->node[n].choice = g->node[twin].choice;
        else
            SG_TRY(tune_node(g, n, choices, target, mem, s, trace, err));
    }
    return SEDGE_OK;
}
