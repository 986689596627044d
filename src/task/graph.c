/* Other models that a card names: steps before the model, and the head behind it. What else than the flow a graph takes comes from
 * outputs of the same name: of the model (head), and of the graphs of steps before it. */
#include "task/run.h"

#include "tensor/dtype.h"

typedef struct sg_more {
    const sedge_session *from;
    int in, out;
} sg_more;

int sg_output_named(const sedge_model *m, const char *name)
{
    sedge_io io;
    for (int i = 0; i < sedge_model_outputs(m); i++)
        if (sedge_model_output(m, i, &io) && strcmp(io.name, name) == 0)
            return i;
    return -1;
}

static bool is_state(const sg_graph *g, int input)
{
    for (size_t i = 0; i < json_array_size(g->state); i++)
        if (sg_find_io(g->model, sg_get(json_array_get(g->state, i), "in"), false) == input)
            return true;
    return false;
}

static sedge_status find_more(sedge_task *t, sg_graph *g, size_t steps, bool behind, const char *file, sg_err *err)
{
    int n = sedge_model_inputs(g->model);
    if (!(g->more = sg_arena_array(&t->card.arena, (size_t)n + 1, sizeof *g->more)))
        return sg_fail(err, SEDGE_E_NOMEM, "task: out of memory");
    for (int i = 0; i < n; i++) {
        sedge_io io;
        sg_more *o = &g->more[g->n_more];
        if (i == g->in || is_state(g, i) || !sedge_model_input(g->model, i, &io))
            continue;
        *o = (sg_more){NULL, i, behind ? sg_output_named(t->model, io.name) : -1};
        o->from = o->out >= 0 ? t->session : NULL;
        for (size_t k = 0; k < steps && o->out < 0; k++)
            if (t->front[k].graph && (o->out = sg_output_named(t->front[k].graph->model, io.name)) >= 0)
                o->from = t->front[k].graph->session;
        if (o->out < 0)
            return sg_fail(err, SEDGE_E_NOT_FOUND, "card: %s: no output before it has the name of its input %s", file, io.name);
        g->n_more++;
    }
    return SEDGE_OK;
}

/* f: the fields of the step, or of the head (then `behind`); steps: how many come before it. */
sedge_status sg_graph_open(sedge_task *t, sg_graph **out, const json_t *f, size_t steps, bool behind, sg_err *err)
{
    const char *file = sg_text(f, "file"), *path = t->card.folder ? sg_card_path(&t->card, file) : NULL;
    sg_graph *g = *out = sg_calloc(&t->mem, 1, sizeof *g);
    if (!t->card.folder)
        return sg_fail(err, SEDGE_E_NOT_FOUND, "card: %s: the card has no folder", file);
    if (!g || !path)
        return sg_fail(err, SEDGE_E_NOMEM, "task: out of memory");
    sedge_model_opts mo;
    sedge_model_opts_init(&mo);
    mo.alloc = t->opts.session.alloc;
    mo.alloc_ctx = t->opts.session.alloc_ctx;
    mo.op = sedge_media_ops(&mo.n_op);
    SG_TRY(sedge_model_open(&g->model, path, &mo, err));
    g->state = json_object_get(f, "state");
    g->in = behind ? -1 : sg_find_io(g->model, sg_get(f, "in"), false);
    g->out = behind ? -1 : sg_find_io(g->model, sg_get(f, "out"), true);
    if (!behind && (g->in < 0 || g->out < 0))
        return sg_fail(err, SEDGE_E_NOT_FOUND, "card: %s has no such input or output as the step says", file);
    SG_TRY(sg_plan_make(t, g->model, g->state, NULL, &g->plan, &g->session, err));
    SG_TRY(sg_graph_reset(t, g, err));
    return find_more(t, g, steps, behind, file, err);
}

void sg_graph_close(sedge_task *t, sg_graph **graph)
{
    sg_graph *g = *graph;
    if (!g)
        return;
    sedge_session_close(&g->session);
    sedge_plan_close(&g->plan);
    sedge_model_close(&g->model);
    sg_free(&t->mem, g->data.p, g->data.cap);
    sg_free(&t->mem, g, sizeof *g);
    *graph = NULL;
}

sedge_status sg_graph_reset(sedge_task *t, sg_graph *g, sg_err *err)
{
    return sg_links_zero(t, g->model, g->session, g->state, err);
}

sedge_status sg_graph_run(sg_graph *g, const sedge_tensor *x, sg_reals *out, sg_err *err)
{
    if (x)
        SG_TRY(sedge_session_set_input(g->session, g->in, x, err));
    for (int i = 0; i < g->n_more; i++) {
        sedge_tensor y;
        SG_TRY(sedge_session_get_output((sedge_session *)(uintptr_t)g->more[i].from, g->more[i].out, &y, err));
        SG_TRY(sedge_session_set_input(g->session, g->more[i].in, &y, err));
    }
    SG_TRY(sedge_session_run(g->session, NULL, err));
    return out ? sg_numbers_of(g->model, g->session, g->out, "step graph", out, err) : SEDGE_OK;
}

/* [rows, cols] of the signal through a graph: what comes out is taken as rows of its last axis. */
sedge_status sg_graph_signal(sedge_task *t, sg_graph *g, size_t *rows, size_t *cols, sg_err *err)
{
    sedge_io io;
    sg_reals y;
    sedge_model_input(g->model, g->in, &io);
    SG_TRY(sg_shape_of(&io, (int64_t)*rows, (int64_t)*cols, &g->x, err));
    SG_TRY(sg_store_numbers(t, &io, &g->x, &g->data, t->signal.p, 1, *rows * *cols, err));
    SG_TRY(sg_graph_run(g, &g->x, &y, err));
    size_t n = y.n;
    if (n == 0)
        return sg_fail(err, SEDGE_E_SHAPE, "card: step graph: nothing comes out for %zu rows of %zu values", *rows, *cols);
    SG_TRY(sg_keep_room(t, &t->signal, n, sizeof(float), err));
    for (size_t i = 0; i < n; i++)
        ((float *)t->signal.p)[i] = (float)sg_real(&y, i);
    *cols = y.t.rank ? (size_t)y.t.dim[y.t.rank - 1] : 1;
    *rows = n / *cols;
    return SEDGE_OK;
}

const sg_graph *sg_graph_of_picture(const sedge_task *t)
{
    size_t n = json_array_size(t->steps);
    return n ? t->front[n - 1].graph : NULL;
}
