/* From graph to steps: which values share bytes, which step kills what, where each storage stands. */
#include <string.h>

#include "base/cpu.h"
#include "base/threads.h"
#include "plan/plan.h"

typedef struct builder {
    sg_plan *p;
    const sg_graph *g;
    const sg_plan_args *args;
    sg_err *err;
    bool *exact;     /* per node: its shape rule need not run again while the guards hold */
    bool *late;      /* per expression: depends on a symbol that a step defines */
    uint32_t *last;  /* per slot: last step that reads it */
    uint32_t *birth; /* per slot: the step that makes it */
    uint32_t *twin;  /* per slot: its copy in the other memory, 0: none */
    sg_dim *at;      /* per operand: the byte of the whole where it stands, if it is cut out of one or joined to one */
    size_t n_dim;    /* how many expressions are marked */
} builder;

#define OOM(b) sg_fail((b)->err, SEDGE_E_NOMEM, "out of memory while planning")

static bool dim_late(const builder *b, sg_dim d)
{
    return sg_dim_is_expr(d) && b->late[sg_dim_expr(d)];
}

static sedge_status mark_dims(builder *b)
{
    const sg_dims *d = &b->g->dims;
    if (b->late && b->n_dim == d->n)
        return SEDGE_OK;
    b->n_dim = d->n;
    b->late = sg_arena_array(&b->p->arena, d->n + 1, sizeof *b->late);
    b->p->default_dim = sg_arena_array(&b->p->arena, d->n + 1, sizeof *b->p->default_dim);
    if (!b->late || !b->p->default_dim)
        return OOM(b);
    b->p->late = b->late;
    for (size_t i = 0; i < d->n; i++) {
        const sg_dim_node *n = &d->node[i];
        if (n->op == SG_DIM_SYM) {
            b->late[i] = n->owner != 0;
            b->p->default_dim[i] = n->bound ? n->bound : 1;
        } else {
            b->late[i] = dim_late(b, n->a) || dim_late(b, n->b);
            b->p->default_dim[i] = sg_dim_apply((sg_dim_op)n->op, sg_dim_value(n->a, b->p->default_dim),
                                                sg_dim_value(n->b, b->p->default_dim));
        }
    }
    return SEDGE_OK;
}

static void slot_init(builder *b, uint32_t i, const sg_value *v)
{
    sg_slot *s = &b->p->slot[i];
    s->type = v->type;
    s->name = v->name;
    s->storage = i;
    s->content = v->content;
    s->n_content = v->n_content;
    s->dynamic = v->type.kind != SG_TENSOR || v->type.rank < 0 || v->type.dtype == SG_NONE;
    for (int k = 0; k < v->type.rank; k++) {
        s->dynamic = s->dynamic || dim_late(b, v->type.dim[k]);
        s->symbolic = s->symbolic || sg_dim_is_expr(v->type.dim[k]);
    }
    if (v->role == SG_CONST) {
        s->base = SG_BASE_WEIGHTS;
        s->data = v->data;
    } else if (v->role == SG_INPUT || v->role == SG_STATE) {
        s->base = v->role == SG_STATE ? SG_BASE_STATE : SG_BASE_INPUT;
        s->dynamic = false; /* its shape is known when the run begins */
    } else {
        bool live = v->role == SG_COMPUTED && b->p->live[v->def]; /* passes leave the values of deleted nodes */
        s->base = !live ? SG_BASE_NONE : s->dynamic ? SG_BASE_POOL : SG_BASE_ARENA;
    }
}

/* Room for every step: at most one transfer per operand and one scratch per node besides the nodes. */
static sedge_status make_room(builder *b)
{
    sg_plan *p = b->p;
    const sg_graph *g = b->g;
    size_t n_node = 0, n_opr = 0, n_in_all = 0;
    SG_EACH_NODE(g, n)
    {
        n_node++;
        n_in_all += g->node[n].n_in;
        n_opr += (size_t)g->node[n].n_in + g->node[n].n_out;
    }
    bool device = b->args->target->device != NULL;
    size_t extra = device ? n_in_all + g->n_output : 0;
    size_t n_slot = g->n_value + n_node + extra, n_step = n_node + extra;
    if (n_slot > UINT32_MAX / 4 || n_step > UINT32_MAX / 4)
        return sg_fail(b->err, SEDGE_E_LIMIT, "graph is too large");
    p->slot = sg_arena_array(&p->arena, n_slot, sizeof *p->slot);
    p->step = sg_arena_array(&p->arena, n_step + 1, sizeof *p->step);
    p->operand = sg_arena_array(&p->arena, n_opr + 2 * extra + 1, sizeof *p->operand);
    b->last = sg_arena_array(&p->arena, n_slot, sizeof *b->last);
    b->birth = sg_arena_array(&p->arena, n_slot, sizeof *b->birth);
    b->twin = sg_arena_array(&p->arena, n_slot, sizeof *b->twin);
    b->at = sg_arena_array(&p->arena, n_opr + 2 * extra + 1, sizeof *b->at);
    if (!p->slot || !p->step || !p->operand || !b->last || !b->birth || !b->twin || !b->at)
        return OOM(b);
    for (size_t i = 0; i < n_opr + 2 * extra + 1; i++)
        b->at[i] = SG_DIM_BAD;
    p->n_slot = (uint32_t)g->n_value;
    for (uint32_t i = 1; i < p->n_slot; i++)
        slot_init(b, i, &g->value[i]);
    for (uint32_t i = 0; i < p->n_filled; i++)
        p->slot[p->filled[i]].base = SG_BASE_FILLED;
    return SEDGE_OK;
}

/* The slot that holds value v in a memory, by a transfer step if it is not there yet. */
static uint32_t slot_in_space(builder *b, uint32_t v, uint8_t space)
{
    sg_plan *p = b->p;
    if (!v || p->slot[v].space == space)
        return v;
    if (b->twin[v])
        return b->twin[v];
    uint32_t t = p->n_slot++;
    p->slot[t] = p->slot[v];
    p->slot[t].storage = t;
    p->slot[t].space = space;
    p->slot[t].base = p->slot[v].base == SG_BASE_WEIGHTS ? SG_BASE_WEIGHTS : SG_BASE_ARENA;
    b->twin[v] = t;
    if (p->slot[t].base == SG_BASE_WEIGHTS)
        return t; /* uploaded once, when the session opens */
    sg_step *s = &p->step[p->n_step];
    s->kernel.name = "transfer";
    s->operand = p->n_operand;
    s->n_in = s->n_out = 1;
    p->operand[p->n_operand++] = v;
    p->operand[p->n_operand++] = t;
    b->birth[t] = p->n_step++;
    p->n_copy++;
    return t;
}

/* Sizes that a body's inputs have at the default dims of this plan, where it is known whence they come. */
static void body_bounds(const builder *b, const sg_step *s, sg_graph *body, int region)
{
    const sg_plan *p = b->p;
    for (size_t k = 0; k < body->n_input; k++) {
        int from = sg_region_operand(s->op, s->attrs, region, (int)k);
        const sg_type *in = &body->value[body->input[k]].type;
        const sg_type *t = from >= 0 && from < s->n_in ? &p->slot[p->operand[s->operand + (uint32_t)from]].type : in;
        for (int i = 0; i < in->rank && t != in && t->rank == in->rank; i++) {
            sg_dim_node *n = sg_dim_is_expr(in->dim[i]) ? &body->dims.node[sg_dim_expr(in->dim[i])] : NULL;
            if (n && n->op == SG_DIM_SYM && !n->bound && !dim_late(b, t->dim[i]))
                n->bound = sg_dim_value(t->dim[i], p->default_dim);
        }
    }
}

static sedge_status step_regions(builder *b, sg_step *s, const sg_node *n)
{
    s->n_region = n->n_region;
    if (!n->n_region)
        return SEDGE_OK;
    s->region = sg_arena_array(&b->p->arena, n->n_region, sizeof *s->region);
    sg_plan_args args = *b->args;
    sg_target *host = sg_arena_dup(&b->p->arena, args.target, sizeof *host);
    if (!s->region || !host)
        return OOM(b);
    host->device = NULL; /* a node with bodies runs on the CPU, and they with it */
    args.target = host;
    for (int k = 0; k < n->n_region; k++) {
        if (!n->region[k])
            return sg_fail(b->err, SEDGE_E_FORMAT, "node %s has no body %d", n->name ? n->name : "", k);
        body_bounds(b, s, n->region[k], k);
        SG_TRY(sg_plan_build(&s->region[k], n->region[k], &args, b->err));
    }
    return SEDGE_OK;
}

static int node_backend(builder *b, sg_nid id)
{
    const sg_target *t = b->args->target;
    if (!t->device)
        return 0;
    int be = t->backend(t, b->g, id);
    return be < 0 && b->args->allow_fallback ? 0 : be;
}

static sedge_status make_step(builder *b, sg_nid id)
{
    sg_plan *p = b->p;
    const sg_node *n = &b->g->node[id];
    int be = node_backend(b, id);
    if (be < 0)
        return sg_fail(b->err, SEDGE_E_UNSUPPORTED, "node %s (%s) cannot run on %s; allow fallback to run it on the CPU",
                       n->name ? n->name : "unnamed", n->source ? n->source : n->op->name, b->args->target->name);
    uint32_t in[UINT8_MAX + 1];
    if (be && n->n_in > UINT8_MAX)
        return sg_fail(b->err, SEDGE_E_LIMIT, "too many operands for a device");
    for (int k = 0; k < n->n_in && b->args->target->device; k++)
        in[k] = slot_in_space(b, sg_node_in(b->g, id, k), be ? SG_SPACE_DEVICE : SG_SPACE_HOST);
    p->n_copy += (n->op->flags & SG_OPF_MOVE) != 0;
    uint32_t at = p->n_step++;
    sg_step *s = &p->step[at];
    s->op = n->op;
    s->attrs = (sg_attrs){n->attr, n->n_attr};
    s->name = n->name;
    s->source = n->source;
    s->backend = (uint8_t)be;
    s->choice = n->choice;
    s->operand = p->n_operand;
    s->n_in = n->n_in;
    s->n_out = n->n_out;
    s->exact = b->exact[id];
    if (s->n_in > p->max_in)
        p->max_in = s->n_in;
    if (s->n_out > p->max_out)
        p->max_out = s->n_out;
    for (int k = 0; k < n->n_in; k++)
        p->operand[p->n_operand++] = b->args->target->device ? in[k] : sg_node_in(b->g, id, k);
    for (int k = 0; k < n->n_out; k++) {
        uint32_t o = n->out[k];
        p->operand[p->n_operand++] = o;
        if (!o)
            continue;
        b->birth[o] = at;
        p->slot[o].space = be ? SG_SPACE_DEVICE : SG_SPACE_HOST;
        s->shape_at_run = s->shape_at_run || p->slot[o].dynamic;
        p->n_dynamic += p->slot[o].dynamic;
    }
    for (int k = 0; k < n->n_in; k++) {
        const sg_slot *in_slot = &p->slot[p->operand[s->operand + (uint32_t)k]];
        s->shape_at_run = s->shape_at_run || in_slot->dynamic || in_slot->type.rank < 0;
    }
    if (n->op->flags & SG_OPF_DYN) /* it looks for itself */
        s->shape_at_run = false;
    return step_regions(b, s, n);
}

static void mark_uses(builder *b)
{
    sg_plan *p = b->p;
    for (uint32_t i = 0; i < p->n_slot; i++)
        b->last[i] = b->birth[i];
    for (uint32_t t = 0; t < p->n_step; t++) {
        sg_step *s = &p->step[t];
        for (uint32_t k = 0; k < s->n_in; k++) {
            uint32_t v = p->operand[s->operand + k];
            b->last[v] = t;
        }
        for (uint32_t k = 0; k < (uint32_t)s->n_in + s->n_out; k++)
            s->check_shape = s->check_shape || p->slot[p->operand[s->operand + k]].symbolic;
    }
    for (uint32_t k = 0; k < p->n_output; k++)
        b->last[p->output[k]] = p->n_step;
    for (uint32_t i = 1; i < p->n_slot; i++)
        p->slot[i].death = b->last[i];
}

/* Storages with a graph output in them outlive the run; device outputs come home by a transfer. */
static void mark_outputs(builder *b)
{
    sg_plan *p = b->p;
    for (uint32_t k = 0; k < p->n_output; k++) {
        uint32_t root = p->slot[p->output[k]].storage;
        if (p->slot[root].base == SG_BASE_ARENA)
            p->slot[root].base = SG_BASE_OUTPUT;
    }
    for (uint32_t i = 1; i < p->n_slot; i++)
        p->slot[i].base = p->slot[p->slot[i].storage].base;
}

static sedge_status make_kills(builder *b)
{
    sg_plan *p = b->p;
    uint32_t *count = sg_arena_array(&p->arena, (size_t)p->n_step + 1, sizeof *count);
    p->kill = sg_arena_array(&p->arena, p->n_slot, sizeof *p->kill);
    if (!count || !p->kill)
        return OOM(b);
    for (uint32_t i = 1; i < p->n_slot; i++)
        if (p->slot[i].storage == i && p->slot[i].base == SG_BASE_POOL && p->slot[i].death < p->n_step)
            count[p->slot[i].death]++;
    for (uint32_t t = 0; t < p->n_step; t++) {
        p->step[t].kill = p->n_kill;
        p->n_kill += count[t];
    }
    for (uint32_t i = 1; i < p->n_slot; i++)
        if (p->slot[i].storage == i && p->slot[i].base == SG_BASE_POOL && p->slot[i].death < p->n_step) {
            sg_step *s = &p->step[p->slot[i].death];
            p->kill[s->kill + s->n_kill++] = i;
        }
    return SEDGE_OK;
}

static sedge_status make_segments(builder *b)
{
    sg_plan *p = b->p;
    p->segment = sg_arena_array(&p->arena, (size_t)p->n_step + 1, sizeof *p->segment);
    if (!p->segment)
        return OOM(b);
    for (uint32_t t = 0; t < p->n_step; t++) {
        sg_segment *last = p->n_segment ? &p->segment[p->n_segment - 1] : NULL;
        if (!last || last->backend != p->step[t].backend)
            p->segment[p->n_segment++] = (sg_segment){t, 1, p->step[t].backend};
        else
            last->count++;
    }
    return SEDGE_OK;
}

/* Graph outputs must end in host memory. */
static sedge_status outputs_home(builder *b)
{
    sg_plan *p = b->p;
    uint32_t *out = sg_arena_array(&p->arena, b->g->n_output, sizeof *out);
    if (!out)
        return OOM(b);
    for (uint32_t k = 0; k < b->g->n_output; k++)
        out[k] = slot_in_space(b, b->g->output[k], SG_SPACE_HOST);
    p->output = out;
    p->n_output = (uint32_t)b->g->n_output;
    return SEDGE_OK;
}

/* Where parts stand in their wholes; makes expressions. */
static void find_parts(builder *b, sg_graph *g)
{
    const sg_plan *p = b->p;
    uint32_t t = 0;
    SG_EACH_NODE(g, n)
    {
        if (!p->live[n])
            continue;
        while (!p->step[t].op) /* transfers */
            t++;
        const sg_step *s = &p->step[t++];
        bool join = s->op == SG_ROW(CONCAT);
        if (!(s->op->flags & SG_OPF_RANGE) || s->shape_at_run)
            continue;
        for (int k = 0; k < (join ? s->n_in : s->n_out); k++) {
            uint32_t operand = s->operand + (uint32_t)k + (join ? 0u : s->n_in);
            sg_dim at;
            if (p->operand[operand] && sg_op_range(g, n, k, &at))
                b->at[operand] = sg_dim_make(&g->dims, SG_DIM_MUL, at,
                                             sg_dtypes[p->slot[p->operand[operand]].type.dtype].bits / 8);
        }
    }
}

static sedge_status choose_kernels(builder *b)
{
    sg_plan *p = b->p;
    SG_TRY(sg_plan_kernels(p, b->err));
    if (p->arena.lost || (p->rooms && p->rooms->lost)) /* a binding that had no memory left the step to others */
        return OOM(b);
    if (p->rooms && p->rooms->differs)
        return sg_fail(b->err, SEDGE_E_FORMAT, "the packed weights are not those of the graph");
    SG_TRY(sg_plan_scratch(p, b->err));
    for (uint32_t t = 0; t < p->n_step; t++)
        b->birth[p->step[t].scratch] = t;
    return SEDGE_OK;
}

static sedge_status build(builder *b, sg_graph *graph)
{
    sg_plan *p = b->p;
    const sg_graph *g = b->g;
    b->exact = sg_arena_array(&p->arena, g->n_node, sizeof *b->exact);
    if (!b->exact)
        return OOM(b);
    SG_TRY(sg_plan_guards(p, graph, b->exact, b->err));
    SG_TRY(mark_dims(b));
    SG_TRY(sg_plan_live(p, g, b->err));
    SG_TRY(make_room(b));
    SG_EACH_NODE(g, n)
    if (p->live[n])
        SG_TRY(make_step(b, n));
    SG_TRY(outputs_home(b));
    p->input = g->input;
    p->n_input = (uint32_t)g->n_input;
    p->link = sg_arena_array(&p->arena, g->n_input, sizeof *p->link);
    if (!p->link)
        return OOM(b);
    for (uint32_t k = 0; k < p->n_input; k++)
        p->link[k] = -1;
    mark_uses(b);
    SG_TRY(choose_kernels(b));
    if (!p->target->plain)
        find_parts(b, graph);
    SG_TRY(mark_dims(b));
    SG_TRY(sg_plan_share(p, b->last, b->birth, b->at, &graph->dims, b->err));
    SG_TRY(mark_dims(b));
    mark_outputs(b);
    SG_TRY(sg_plan_watch(p, b->err));
    SG_TRY(make_kills(b));
    SG_TRY(make_segments(b));
    return sg_plan_layout(p, b->birth, b->err);
}

sedge_status sg_plan_build(sg_plan **out, sg_graph *g, const sg_plan_args *args, sg_err *err)
{
    *out = NULL;
    sg_mem mem = {.fn = args->alloc, .ctx = args->alloc_ctx};
    sg_plan *p = sg_calloc(&mem, 1, sizeof *p);
    if (!p)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    p->mem = mem;
    p->arena.mem = &p->mem;
    p->graph = g;
    p->dims = &g->dims;
    p->target = args->target;
    p->cpu = sg_cpu();
    p->rooms = args->rooms;
    p->pack_threads = args->rooms && !args->rooms->saved ? sg_cpu_count() : 1; /* not for small plans in between */
    builder b = {.p = p, .g = g, .args = args, .err = err};
    sedge_status st = build(&b, g);
    if (st != SEDGE_OK) {
        sg_plan_free(p);
        return st;
    }
    p->rooms = NULL;
    *out = p;
    return SEDGE_OK;
}

void sg_plan_free(sg_plan *p)
{
    if (!p)
        return;
    for (uint32_t t = 0; p->step && t < p->n_step; t++)
        for (int k = 0; p->step[t].region && k < p->step[t].n_region; k++)
            sg_plan_free(p->step[t].region[k]);
    sg_plan_free_straight(p);
    sg_arena_free(&p->arena);
    sg_mem mem = p->mem;
    sg_free(&mem, p, sizeof *p);
}
