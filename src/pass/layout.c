/* The layout pass. Which nodes work channels last is the cheapest cut: a convolution pays its multiply-adds for staying
 * row-major, a value pays its elements once if those that make and read it are not all on one side. It walks by hand because it looks
 * at the whole graph at once. */
#include "pass/layout.h"

#include <stdio.h>

#include "op/macs.h"
#include "pass/cut.h"
#include "tensor/layout.h"

/* Multiply-adds that a convolution row-major costs as much as moving one element. */
#define MACS_PER_MOVE 16

typedef struct layouts {
    sg_graph *g;
    sg_layout_has *has;
    uint32_t cpu;
    sg_err *err;
    bool *takes;    /* per node: it may work channels last */
    bool *side;     /* of the network */
    sg_vid *moved;  /* per value: the same in the other layout, 0: none */
    size_t n_value, n_node; /* before the pass */
    int *sums;      /* nodes, moves */
} layouts;

enum { NODES, MOVES, SUMS };

#define OOM(p) sg_fail((p)->err, SEDGE_E_NOMEM, "out of memory")

static bool works_last(const layouts *p, sg_nid n)
{
    return n < p->n_node && p->takes[n] && p->side[SG_CUT_NODES + n];
}

/* ---- the network ---- */

static int64_t bounded(double v)
{
    double most = (double)((int64_t)1 << 36);
    return (int64_t)(v < most ? v : most);
}

/* Dims that are not known count as one: positions weigh alike on both sides. */
static int64_t elements(const sg_type *t)
{
    double n = 1;
    for (int i = 0; i < t->rank; i++)
        n *= sg_dim_is_expr(t->dim[i]) ? 1.0 : (double)t->dim[i];
    return bounded(n) + 1;
}

static int64_t gain(const sg_graph *g, sg_nid n)
{
    const sg_node *node = &g->node[n];
    const sg_type *in[4] = {NULL};
    int n_in = node->n_in < 4 ? node->n_in : 4;
    if (node->op != SG_ROW(CONV) && node->op != SG_ROW(QLINEAR_CONV))
        return 0;
    for (int k = 0; k < n_in; k++)
        in[k] = sg_node_in(g, n, k) ? &g->value[sg_node_in(g, n, k)].type : NULL;
    double macs = sg_op_macs(node->op, (sg_attrs){node->attr, node->n_attr}, in, n_in, &g->value[node->out[0]].type);
    return bounded(macs / MACS_PER_MOVE) + 1;
}

/* An end of a value that is as well in either order. */
#define EITHER UINT32_MAX

/* The node of the network that reads operand slot u; the sink if it wants rows whatever happens. */
static uint32_t reader(const layouts *p, uint32_t u)
{
    sg_nid n = p->g->operand[u].node;
    if (sg_channel_turn(p->g, n) < 0)
        return EITHER;
    int k = (int)(u - p->g->node[n].in0);
    return p->takes[n] && sg_layout_reads(p->g, n, k) ? SG_CUT_NODES + n : SG_CUT_SINK;
}

static uint32_t maker(const layouts *p, sg_vid v)
{
    const sg_value *t = &p->g->value[v];
    if (t->role == SG_COMPUTED && sg_channel_turn(p->g, t->def) > 0)
        return EITHER;
    return t->role == SG_COMPUTED && p->takes[t->def] ? SG_CUT_NODES + t->def : SG_CUT_SINK;
}

static bool is_output(const sg_graph *g, sg_vid v)
{
    for (size_t k = 0; k < g->n_output; k++)
        if (g->output[k] == v)
            return true;
    return false;
}

/* One end of value v: it draws `all` to the source's side, or `none` to the sink's. */
static sedge_status pin(sg_cut *c, uint32_t end, uint32_t all, uint32_t none)
{
    if (end == EITHER)
        return SEDGE_OK;
    if (end != SG_CUT_SINK)
        SG_TRY(sg_cut_arc(c, end, all, SG_CUT_NEVER));
    return sg_cut_arc(c, none, end, SG_CUT_NEVER);
}

/* Cut once if the ends of v are not all on one side. */
static sedge_status add_value(const layouts *p, sg_cut *c, sg_vid v)
{
    const sg_value *t = &p->g->value[v];
    if (t->role == SG_CONST || t->type.kind != SG_TENSOR || sg_layout_free(t->type.dim, t->type.rank) ||
        (!t->uses && t->role != SG_COMPUTED))
        return SEDGE_OK;
    uint32_t all = SG_CUT_NODES + (uint32_t)(p->n_node + 2 * v), none = all + 1;
    bool any = maker(p, v) < EITHER && maker(p, v) != SG_CUT_SINK;
    for (uint32_t u = t->uses; u; u = p->g->operand[u].next)
        any = any || (reader(p, u) < EITHER && reader(p, u) != SG_CUT_SINK);
    if (!any)
        return SEDGE_OK;
    SG_TRY(sg_cut_arc(c, all, none, elements(&t->type)));
    SG_TRY(pin(c, maker(p, v), all, none));
    for (uint32_t u = t->uses; u; u = p->g->operand[u].next)
        SG_TRY(pin(c, reader(p, u), all, none));
    return is_output(p->g, v) ? pin(c, SG_CUT_SINK, all, none) : SEDGE_OK;
}

static sedge_status cut(layouts *p, bool *any)
{
    sg_cut c;
    size_t n = SG_CUT_NODES + p->n_node + 2 * p->n_value;
    if (n > UINT32_MAX / 8)
        return sg_fail(p->err, SEDGE_E_LIMIT, "graph is too large");
    sedge_status st = sg_cut_open(&c, p->g->mem, (uint32_t)n);
    SG_EACH_NODE(p->g, id)
    {
        p->takes[id] = sg_layout_takes(p->g, id) &&
                       (sg_layout_of(p->g->node[id].op).how != SG_LAYOUT_NATIVE || p->has(p->g->node[id].op, p->cpu));
        int64_t worth = p->takes[id] ? gain(p->g, id) : 0;
        *any = *any || worth;
        if (st == SEDGE_OK && worth)
            st = sg_cut_arc(&c, SG_CUT_SOURCE, SG_CUT_NODES + id, worth);
    }
    for (sg_vid v = 1; st == SEDGE_OK && *any && v < p->n_value; v++)
        st = add_value(p, &c, v);
    if (st == SEDGE_OK && *any)
        *any = sg_cut_solve(&c, p->side);
    sg_cut_close(&c);
    return st == SEDGE_OK ? st : OOM(p);
}

/* ---- the moves ---- */

/* A constant as it stands channels last beside tensors of that rank. */
static sg_vid const_last(layouts *p, sg_vid v, int rank)
{
    sg_graph *g = p->g;
    const sg_type t = g->value[v].type;
    if (p->moved[v] && g->value[p->moved[v]].type.rank == rank)
        return p->moved[v];
    sg_tensor from = {.data = (void *)(uintptr_t)g->value[v].data, .dtype = t.dtype, .rank = (int8_t)rank}, to;
    for (int i = 0; i < rank; i++)
        from.dim[i] = i < rank - t.rank ? 1 : t.dim[i - (rank - t.rank)];
    to = from;
    to.layout = SG_LAYOUT_LAST;
    to.data = sg_arena_alloc(g->arena, sg_tensor_bytes(&to));
    sg_vid c = to.data ? sg_const_new(g, (sg_dtype)t.dtype, rank, from.dim, to.data, g->value[v].name) : SG_NONE_ID;
    if (!c)
        return SG_NONE_ID;
    sg_layout_copy(&from, &to);
    g->value[c].type.layout = SG_LAYOUT_LAST;
    return p->moved[v] = c;
}

/* The value in the other layout, by a relayout before a node (0: at the end) if there is none yet. */
static sg_vid other(layouts *p, sg_vid v, sg_nid before)
{
    sg_graph *g = p->g;
    if (p->moved[v])
        return p->moved[v];
    int64_t layout = g->value[v].type.layout == SG_LAYOUT_ROW ? SG_LAYOUT_LAST : SG_LAYOUT_ROW;
    sg_nid n = sg_node_new(g, SG_ROW(RELAYOUT), &v, 1, 1, before);
    sg_vid y = n ? sg_node_out(g, n, 0) : SG_NONE_ID;
    if (!y || !sg_set_int(g, n, SG_A_layout, layout))
        return SG_NONE_ID;
    g->value[y].type.layout = (uint8_t)layout;
    if (sg_infer_node(g, n, p->err) != SEDGE_OK)
        return SG_NONE_ID;
    p->sums[MOVES]++;
    return p->moved[v] = y;
}

/* Operand k of node n as the node reads it. */
static sg_vid as_read(layouts *p, sg_nid n, int k)
{
    const sg_graph *g = p->g;
    sg_vid v = sg_node_in(g, n, k);
    const sg_type *t = &g->value[v].type;
    bool last = works_last(p, n) && sg_layout_reads(g, n, k);
    if (!v || t->kind != SG_TENSOR || t->rank < 0)
        return v;
    if (g->value[v].role == SG_CONST) {
        int rank = last && sg_layout_of(g->node[n].op).how != SG_LAYOUT_NATIVE ? g->value[g->node[n].out[0]].type.rank : t->rank;
        return !last || sg_layout_fits(t, rank) ? v : const_last(p, v, rank);
    }
    bool fits = sg_layout_free(t->dim, t->rank) || t->layout == (last ? SG_LAYOUT_LAST : SG_LAYOUT_ROW);
    return fits ? v : other(p, v, n);
}

static sedge_status move_node(layouts *p, sg_nid n)
{
    sg_graph *g = p->g;
    for (int k = 0; k < g->node[n].n_in; k++) {
        sg_vid v = sg_node_in(g, n, k), by = v ? as_read(p, n, k) : v;
        if (by == v)
            continue;
        if (!by)
            return OOM(p);
        sg_node_set_in(g, n, k, by);
    }
    if (!works_last(p, n))
        return SEDGE_OK;
    for (int k = 0; k < g->node[n].n_out; k++)
        if (g->node[n].out[k])
            g->value[g->node[n].out[k]].type.layout = SG_LAYOUT_LAST;
    p->sums[NODES]++;
    return SEDGE_OK;
}

static sedge_status move_outputs(layouts *p)
{
    sg_graph *g = p->g;
    for (size_t k = 0; k < g->n_output; k++) {
        const sg_type *t = &g->value[g->output[k]].type;
        if (t->layout == SG_LAYOUT_ROW || sg_layout_free(t->dim, t->rank))
            continue;
        sg_vid row = other(p, g->output[k], 0);
        if (!row)
            return OOM(p);
        g->value[row].name = g->value[g->output[k]].name;
        g->output[k] = row;
    }
    return SEDGE_OK;
}

/* Node n, which has v's bytes in the other order of axes as its result, becomes another name for them. */
static sedge_status turn_instead(layouts *p, sg_nid n, sg_vid v)
{
    sg_graph *g = p->g;
    sg_vid old = sg_node_out(g, n, 0);
    sg_nid t = sg_node_new(g, SG_ROW(TURN), &v, 1, 1, n);
    if (!t || !sg_set_int(g, t, SG_A_layout, g->value[old].type.layout))
        return OOM(p);
    sg_vid y = sg_node_out(g, t, 0);
    g->value[y].type.layout = g->value[old].type.layout;
    g->value[y].name = g->value[old].name;
    g->node[t].name = g->node[n].name;
    g->node[t].source = g->node[n].source;
    sg_value_replace(g, old, y);
    sg_node_delete(g, n);
    return sg_infer_node(g, t, p->err);
}

static void drop_unread(sg_graph *g, sg_nid n)
{
    sg_vid y = sg_node_out(g, n, 0);
    if (!g->value[y].uses && !is_output(g, y))
        sg_node_delete(g, n);
}

/* A move that undoes a transpose of the channels, or is undone by one, moves nothing. */
static sedge_status turn_moves(layouts *p)
{
    sg_graph *g = p->g;
    for (sg_nid n = g->node[0].next, next; n; n = next) {
        next = g->node[n].next;
        sg_vid x = g->node[n].n_in ? sg_node_in(g, n, 0) : SG_NONE_ID;
        sg_nid from = x && g->value[x].role == SG_COMPUTED ? g->value[x].def : 0;
        bool moves = g->node[n].op == SG_ROW(RELAYOUT), last = moves && g->value[g->node[n].out[0]].type.layout == SG_LAYOUT_LAST;
        bool back = sg_channel_turn(g, n) < 0 && from && g->node[from].op == SG_ROW(RELAYOUT) &&
                    g->value[x].type.layout == SG_LAYOUT_ROW;
        if (!(last && sg_channel_turn(g, from) > 0) && !back)
            continue;
        p->sums[MOVES] -= last;
        SG_TRY(turn_instead(p, n, sg_node_in(g, from, 0)));
        drop_unread(g, from);
    }
    return SEDGE_OK;
}

static sedge_status apply(layouts *p)
{
    SG_EACH_NODE(p->g, n)
    SG_TRY(move_node(p, n));
    SG_TRY(move_outputs(p));
    return turn_moves(p);
}

static sedge_status one_graph(sg_graph *g, sg_layout_has *has, uint32_t cpu, int *sums, sg_err *err)
{
    layouts p = {.g = g, .has = has, .cpu = cpu, .err = err, .sums = sums, .n_value = g->n_value, .n_node = g->n_node};
    size_t n_side = SG_CUT_NODES + p.n_node + 2 * p.n_value;
    p.takes = sg_calloc(g->mem, p.n_node, sizeof *p.takes);
    p.side = sg_calloc(g->mem, n_side, sizeof *p.side);
    p.moved = sg_calloc(g->mem, p.n_value, sizeof *p.moved);
    bool any = false;
    sedge_status st = p.takes && p.side && p.moved ? cut(&p, &any) : OOM(&p);
    if (st == SEDGE_OK && any)
        st = apply(&p);
    sg_free(g->mem, p.takes, p.n_node * sizeof *p.takes);
    sg_free(g->mem, p.side, n_side * sizeof *p.side);
    sg_free(g->mem, p.moved, p.n_value * sizeof *p.moved);
    SG_EACH_NODE(g, n)
    for (int k = 0; k < g->node[n].n_region && st == SEDGE_OK; k++)
        st = one_graph(g->node[n].region[k], has, cpu, sums, err);
    return st == SEDGE_OK ? sg_verify(g, err) : st;
}

sedge_status sg_pass_layout(sg_graph *g, sg_layout_has *has, uint32_t cpu, const sg_trace *trace, sg_err *err)
{
    int sums[SUMS] = {0};
    sedge_status st = one_graph(g, has, cpu, sums, err);
    if (st != SEDGE_OK) {
        sg_fail(err, st, "failed");
        sg_err_where(err, "pass layout");
        return st;
    }
    if (sums[NODES] && trace && trace->line) {
        char text[96];
        snprintf(text, sizeof text, "pass layout: %d nodes, %d moves", sums[NODES], sums[MOVES]);
        trace->line(trace->ctx, text);
    }
    return SEDGE_OK;
}
