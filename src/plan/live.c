/* Which nodes get steps. Integers that are known as expressions of the inputs' shapes are written when a run is prepared, so what
 * computes them, and what only that reads, need not run: the sums about shapes that exporters spell out. */
#include "plan/plan.h"

static bool has_numbers(const sg_graph *g, sg_nid id)
{
    for (int k = 0; k < g->node[id].n_in; k++) {
        sg_vid v = sg_node_in(g, id, k);
        if (v && sg_d_numel(&g->value[v].type) < 0)
            return false;
    }
    return true;
}

/* Rules of nodes whose operands have symbolic dims may rest on guards; only what Shape and Size say of them is taken for known. */
static bool known(const sg_plan *p, const sg_graph *g, const sg_value *v)
{
    const sg_op *op = v->role == SG_COMPUTED ? g->node[v->def].op : NULL;
    if (!op || op == SG_ROW(REQUIRE_EQUAL) || (op->flags & (SG_OPF_RANDOM | SG_OPF_DYN | SG_OPF_CONTROL | SG_OPF_BOXED)) ||
        v->type.kind != SG_TENSOR || !v->content || !sg_is_int((sg_dtype)v->type.dtype) || sg_dtypes[v->type.dtype].bits < 8 ||
        sg_d_numel(&v->type) != v->n_content || (op != SG_ROW(SHAPE) && op != SG_ROW(SIZE) && !has_numbers(g, v->def)))
        return false;
    for (uint32_t i = 0; i < v->n_content; i++)
        if (sg_dim_is_expr(v->content[i]) && p->late[sg_dim_expr(v->content[i])])
            return false;
    return true;
}

/* From the last node to the first: it runs if a result is read that is not known, or if nobody reads it, which is not for
 * a plan to judge. */
static void mark(const sg_plan *p, const sg_graph *g, const bool *out, bool *used)
{
    for (sg_nid n = g->node[0].prev; n; n = g->node[n].prev) {
        const sg_node *node = &g->node[n];
        bool read = false, live = (node->op->flags & SG_OPF_RANDOM) || node->n_region || p->target->plain;
        for (int k = 0; k < node->n_out; k++) {
            sg_vid o = node->out[k];
            read = read || (o && (g->value[o].n_uses || used[o]));
            live = live || (o && used[o] && (out[o] || !known(p, g, &g->value[o])));
        }
        p->live[n] = live = live || !read;
        for (int k = 0; k < node->n_in && live; k++)
            used[sg_node_in(g, n, k)] = true;
    }
}

sedge_status sg_plan_live(sg_plan *p, const sg_graph *g, sg_err *err)
{
    bool *used = sg_arena_array(&p->arena, g->n_value + 1, sizeof *used),
         *out = sg_arena_array(&p->arena, g->n_value + 1, sizeof *out);
    p->filled = sg_arena_array(&p->arena, g->n_value + 1, sizeof *p->filled);
    p->live = sg_arena_array(&p->arena, g->n_node, sizeof *p->live);
    if (!used || !out || !p->filled || !p->live)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory while planning");
    for (size_t k = 0; k < g->n_output; k++)
        out[g->output[k]] = used[g->output[k]] = true;
    mark(p, g, out, used);
    for (uint32_t v = 1; v < g->n_value; v++)
        if (used[v] && g->value[v].role == SG_COMPUTED && !p->live[g->value[v].def])
            p->filled[p->n_filled++] = v;
    return SEDGE_OK;
}
