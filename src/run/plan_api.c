/* Plans behind the public handle: copy the graph, bind dims, run the passes, build. */
#include <stdio.h>
#include <string.h>

#include "base/cpu.h"
#include "pass/layout.h"
#include "run/api.h"

void sedge_plan_opts_init(sedge_plan_opts *opts)
{
    memset(opts, 0, sizeof *opts);
    opts->optimize = 1;
}

void sedge_plan_close(sedge_plan **plan)
{
    sedge_plan *p = plan ? *plan : NULL;
    if (!p)
        return;
    sg_plan_free(p->plan);
    sg_free(&p->mem, p->rooms.v, p->rooms.cap * sizeof *p->rooms.v);
    sg_graph_free(p->graph);
    sg_arena_free(&p->arena);
    sedge_model_close(&p->cached);
    sg_mem mem = p->mem;
    sg_free(&mem, p, sizeof *p);
    *plan = NULL;
}

/* Bounds go to the symbols; fixed values replace them in the inputs' types. */
static sedge_status bind_dims(sg_graph *g, const sedge_plan_opts *o, sg_err *err)
{
    for (int i = 0; i < o->n_bound; i++) {
        const sedge_bound *b = &o->bound[i];
        bool found = false;
        if (b->value < 0)
            return sg_fail(err, SEDGE_E_VALUE, "dimension %s: %lld is negative", b->name, (long long)b->value);
        for (size_t e = 0; e < g->dims.n; e++) {
            sg_dim_node *n = &g->dims.node[e];
            if (n->op != SG_DIM_SYM || n->owner || !n->name || strcmp(n->name, b->name) != 0)
                continue;
            found = true;
            n->bound = b->value;
            for (size_t k = 0; b->fixed && k < g->n_input; k++) {
                sg_type *t = &g->value[g->input[k]].type;
                for (int d = 0; d < t->rank; d++)
                    if (sg_dim_is_expr(t->dim[d]) && sg_dim_expr(t->dim[d]) == e)
                        t->dim[d] = b->value;
            }
        }
        if (!found)
            return sg_fail(err, SEDGE_E_NOT_FOUND, "the model has no dimension named %s", b->name);
    }
    return SEDGE_OK;
}

static sedge_status find_link(const sedge_model *m, const sedge_link *l, int *in, int *out, sg_err *err)
{
    const sg_graph *g = m->graph;
    *in = (int)g->n_input - 1;
    *out = (int)g->n_output - 1;
    while (*in >= 0 && (!g->value[g->input[*in]].name || strcmp(g->value[g->input[*in]].name, l->in) != 0))
        --*in;
    while (*out >= 0 && (!m->output_name[*out] || strcmp(m->output_name[*out], l->out) != 0))
        --*out;
    if (*in < 0 || *out < 0)
        return sg_fail(err, SEDGE_E_NOT_FOUND, "link: the model has no %s named %s", *in < 0 ? "input" : "output",
                       *in < 0 ? l->in : l->out);
    const sg_type *a = &g->value[g->input[*in]].type, *b = &g->value[g->output[*out]].type;
    if (a->kind != SG_TENSOR || b->kind != SG_TENSOR || a->dtype != b->dtype || a->dtype == SG_STR)
        return sg_fail(err, SEDGE_E_TYPE, "link: output %s and input %s are not tensors of one type", l->out, l->in);
    return SEDGE_OK;
}

/* Linked inputs are state. A saved plan has the links that it was compiled with. */
static sedge_status mark_states(sedge_plan *p, const sedge_plan_opts *o, sg_err *err)
{
    int in, out;
    for (int i = 0; i < o->n_link; i++) {
        SG_TRY(find_link(p->model, &o->link[i], &in, &out, err));
        p->graph->value[p->graph->input[in]].role = SG_STATE;
    }
    for (int k = 1; k <= p->model->info.n_state; k++) /* the model's own */
        p->graph->value[p->graph->input[p->graph->n_input - (size_t)k]].role = SG_STATE;
    return SEDGE_OK;
}

static sedge_status bind_links(sedge_plan *p, const sedge_plan_opts *o, sg_err *err)
{
    int in, out;
    for (int i = 0; i < o->n_link; i++) {
        SG_TRY(find_link(p->model, &o->link[i], &in, &out, err));
        p->plan->link[in] = out;
    }
    for (uint32_t k = 1; k <= (uint32_t)p->model->info.n_state; k++)
        p->plan->link[p->plan->n_input - k] = (int32_t)(p->plan->n_output - k);
    return SEDGE_OK;
}

static sedge_status prepare_graph(sedge_plan *p, const sg_target *target, const sedge_plan_opts *o, sg_err *err)
{
    sg_trace trace = {o->trace, o->trace_ctx};
    p->graph = sg_graph_clone(p->model->graph, &p->arena);
    if (!p->graph)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    SG_TRY(mark_states(p, o, err));
    if (p->model->saved)
        return SEDGE_OK;
    if (o->n_bound) {
        SG_TRY(bind_dims(p->graph, o, err));
        SG_TRY(sg_infer_graph(p->graph, err));
    }
    if (!o->optimize)
        return SEDGE_OK;
    int folded = 0;
    SG_TRY(sg_passes(p->graph, &trace, err)); /* what is dead or does nothing is not folded either */
    SG_TRY(sg_fold(p->graph, &p->mem, &folded, err));
    SG_TRY(sg_passes(p->graph, &trace, err));
    SG_TRY(sg_passes_once(p->graph, &trace, err));
    if (target->has_last)
        SG_TRY(sg_pass_layout(p->graph, target->has_last, sg_cpu(), &trace, err));
    const double seconds = o->tune == SEDGE_TUNE_FULL ? 0.2 : 0.02;
    return o->tune && target->choices ? sg_tune(p->graph, target, &p->mem, seconds, &trace, err) : SEDGE_OK;
}

/* What the plan holds, and the kernel of each step. */
static void tell(const sedge_plan *p, const sedge_plan_opts *o)
{
    char line[256];
    const char *op, *node, *kernel;
    const sg_plan *plan = p->plan;
    if (!o->trace)
        return;
    snprintf(line, sizeof line, "plan: %u steps in %u segments, %u of them copies; arena %lld bytes (at least %lld), packed %zu",
             plan->n_step, plan->n_segment, plan->n_copy, (long long)plan->arena_bytes, (long long)plan->arena_bound,
             plan->packed_bytes);
    o->trace(o->trace_ctx, line);
    for (int i = 0; sedge_plan_step(p, i, &op, &node, &kernel); i++) {
        snprintf(line, sizeof line, "kernel: step %d %.40s %.120s: %s", i, op, node, kernel);
        o->trace(o->trace_ctx, line);
    }
}

/* Steps, kernels and places for the graph of p. */
static sedge_status build(sedge_plan *p, const sedge_plan_opts *o, sg_err *err)
{
    const sg_saved *saved = p->model->saved;
    const sg_target *target = sg_target_find(o->target);
    if (!target)
        return sg_fail(err, SEDGE_E_NOT_FOUND, "no target named %s: there are cpu, reference, loopback", o->target);
    const sg_plan_args args = {.target = target,
                               .alloc = p->mem.fn,
                               .alloc_ctx = p->mem.ctx,
                               .allow_fallback = o->allow_fallback != 0,
                               .rooms = &p->rooms};
    SG_TRY(prepare_graph(p, target, o, err));
    SG_TRY(sg_plan_build(&p->plan, p->graph, &args, err));
    SG_TRY(bind_links(p, o, err));
    if (saved && (p->rooms.n != saved->n_room || !sg_saved_whole(saved, p->plan)))
        return sg_fail(err, SEDGE_E_FORMAT, "damaged: the weights are not those of the graph");
    if (!saved && sg_weights_drop(p->model, &p->mem, p->plan) != SEDGE_OK)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    return SEDGE_OK;
}

static sedge_status plan_new(sedge_plan **out, const sedge_model *model, sedge_plan_opts o, sedge_error *err)
{
    *out = NULL;
    sg_mem mem = {.fn = model->mem.fn, .ctx = model->mem.ctx, .limit = model->mem.limit};
    sedge_plan *p = sg_calloc(&mem, 1, sizeof *p);
    if (!p)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    p->mem = mem;
    p->arena.mem = p->rooms.mem = &p->mem;
    p->model = model;
    *out = p;
    sedge_status st = model->saved ? sg_saved_opts(p, &o, err) : SEDGE_OK;
    if (st == SEDGE_OK)
        st = build(p, &o, err);
    if (st == SEDGE_OK) {
        tell(p, &o);
        return st;
    }
    sg_fail(err, st, "planning failed");
    sedge_plan_close(out);
    return st;
}

static void say(const sedge_plan_opts *o, const char *what, const char *path)
{
    char line[SG_ERR_MAX + 256];
    snprintf(line, sizeof line, "cache: %s %.200s", what, path);
    if (o->trace)
        o->trace(o->trace_ctx, line);
}

/* The plan as the cache has it. What cannot be read is made again. */
static sedge_status plan_cached(sedge_plan **out, const sedge_model *model, const sedge_plan_opts *o, const char *path)
{
    sedge_model_opts mo;
    sedge_plan_opts po;
    sedge_error own = {0};
    sedge_model *m = NULL;
    sedge_model_opts_init(&mo);
    mo.alloc = model->mem.fn;
    mo.alloc_ctx = model->mem.ctx;
    mo.memory_limit = model->mem.limit;
    mo.op = model->op;
    mo.n_op = model->n_custom;
    sedge_plan_opts_init(&po);
    po.allow_fallback = o->allow_fallback;
    po.trace = o->trace;
    po.trace_ctx = o->trace_ctx;
    sedge_status st = sedge_model_open(&m, path, &mo, &own);
    if (st == SEDGE_OK && (st = plan_new(out, m, po, &own)) == SEDGE_OK)
        (*out)->cached = m;
    else
        sedge_model_close(&m);
    say(o,
        st == SEDGE_OK            ? "taken from"
        : st == SEDGE_E_NOT_FOUND ? "not in"
                                  : own.msg,
        st == SEDGE_OK || !own.msg[0] ? path : "");
    return st;
}

sedge_status sedge_plan_make(sedge_plan **out, const sedge_model *model, const sedge_plan_opts *opts, sedge_error *err)
{
    sedge_plan_opts def;
    sedge_error own = {0}, lost = {0};
    char path[4096];
    err = err ? err : &own;
    sedge_plan_opts_init(&def);
    opts = opts ? opts : &def;
    *out = NULL;
    if (!opts->cache || model->saved || !model->data)
        return plan_new(out, model, *opts, err);
    SG_TRY(sg_cache_path(model, opts, path, sizeof path, err));
    if (plan_cached(out, model, opts, path) == SEDGE_OK)
        return SEDGE_OK;
    SG_TRY(plan_new(out, model, *opts, err));
    if (sedge_plan_save(*out, path, &lost) == SEDGE_OK)
        say(opts, "saved to", path);
    else
        say(opts, lost.msg, ""); /* the plan is good all the same */
    return SEDGE_OK;
}

void sedge_plan_get_info(const sedge_plan *plan, sedge_plan_info *out)
{
    const sg_plan *p = plan->plan;
    *out = (sedge_plan_info){.steps = (int)p->n_step,
                             .segments = (int)p->n_segment,
                             .copies = (int)p->n_copy,
                             .arena_bytes = p->arena_bytes,
                             .arena_bound = p->arena_bound,
                             .packed_bytes = (int64_t)p->packed_bytes,
                             .dynamic_values = (int)p->n_dynamic};
}

int sedge_plan_step(const sedge_plan *plan, int i, const char **op, const char **node, const char **kernel)
{
    const sg_plan *p = plan->plan;
    if (i < 0 || (uint32_t)i >= p->n_step)
        return 0;
    const sg_step *s = &p->step[i];
    *op = s->op ? s->op->name : "transfer";
    *node = s->name ? s->name : "";
    *kernel = s->backend ? p->target->device->name : s->kernel.name;
    return 1;
}
