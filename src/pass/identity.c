/* Nodes that give back what they take: Identity, a Cast to the same type, Dropout outside training. */
#include "pass/pass.h"

static bool same_type(const sg_type *a, const sg_type *b)
{
    bool same = a->kind == b->kind && a->dtype == b->dtype && a->rank == b->rank;
    for (int i = 0; same && i < a->rank; i++)
        same = a->dim[i] == b->dim[i];
    return same;
}

static bool is_identity(const sg_graph *g, sg_nid id)
{
    const sg_node *n = &g->node[id];
    if (n->op == SG_ROW(IDENTITY))
        return true;
    sg_vid in = sg_node_in(g, id, 0);
    if (n->op == SG_ROW(CAST))
        return in && n->out[0] && g->value[in].type.dtype == g->value[n->out[0]].type.dtype && g->value[in].type.dtype != SG_NONE;
    if (n->op != SG_ROW(DROPOUT) || (n->n_out > 1 && n->out[1] && g->value[n->out[1]].n_uses))
        return false;
    for (size_t k = 0; k < g->n_output; k++) /* its mask may be asked for */
        if (n->n_out > 1 && g->output[k] == n->out[1])
            return false;
    sg_vid mode = sg_node_in(g, id, 2);
    const sg_value *m = mode ? &g->value[mode] : NULL;
    return !m || (m->role == SG_CONST && m->data && sg_load_i64((sg_dtype)m->type.dtype, m->data, 0) == 0);
}

sedge_status sg_pass_identity(sg_graph *g, int *changed, sg_err *err)
{
    (void)err;
    for (sg_nid n = g->node[0].next; n;) {
        sg_nid next = g->node[n].next;
        sg_vid in = sg_node_in(g, n, 0), out = sg_node_out(g, n, 0);
        if (is_identity(g, n) && in && out && same_type(&g->value[in].type, &g->value[out].type)) {
            if (!g->value[in].name)
                g->value[in].name = g->value[out].name;
            sg_value_replace(g, out, in);
            sg_node_delete(g, n);
            ++*changed;
        }
        n = next;
    }
    return SEDGE_OK;
}
