/* The check between passes. A graph that fails it is our own bug, never the model's. */
#include "pass/layout.h"

static sedge_status check_node(const sg_graph *g, sg_nid id, const bool *done, sg_err *err)
{
    const sg_node *n = &g->node[id];
    for (int k = 0; k < n->n_in; k++) {
        sg_vid v = sg_node_in(g, id, k);
        if (v >= g->n_value)
            return sg_fail(err, SEDGE_E_BUG, "node %u reads value %u of %zu", id, v, g->n_value);
        if (g->operand[n->in0 + (uint32_t)k].node != id)
            return sg_fail(err, SEDGE_E_BUG, "operand %d of node %u belongs to another", k, id);
        if (v && g->value[v].role == SG_COMPUTED && !done[g->value[v].def])
            return sg_fail(err, SEDGE_E_BUG, "node %u (%s) reads a value before it is made", id, n->op->name);
    }
    for (int k = 0; k < n->n_out; k++) {
        sg_vid v = n->out[k];
        if (v && (v >= g->n_value || g->value[v].def != id || g->value[v].out_index != k))
            return sg_fail(err, SEDGE_E_BUG, "output %d of node %u (%s) is defined elsewhere", k, id, n->op->name);
    }
    return SEDGE_OK;
}

static sedge_status check_uses(const sg_graph *g, sg_err *err)
{
    for (size_t v = 1; v < g->n_value; v++) {
        uint32_t n = 0;
        for (uint32_t u = g->value[v].uses; u; u = g->operand[u].next) {
            if (g->operand[u].value != v || ++n > g->value[v].n_uses)
                return sg_fail(err, SEDGE_E_BUG, "use list of value %zu is broken", v);
        }
        if (n != g->value[v].n_uses)
            return sg_fail(err, SEDGE_E_BUG, "value %zu has %u uses, not %u", v, n, g->value[v].n_uses);
    }
    return SEDGE_OK;
}

sedge_status sg_verify(const sg_graph *g, sg_err *err)
{
    bool *done = sg_calloc(g->mem, g->n_node, sizeof *done);
    if (!done)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    sedge_status st = SEDGE_OK;
    SG_EACH_NODE(g, n)
    {
        if (st == SEDGE_OK)
            st = check_node(g, n, done, err);
        done[n] = true;
    }
    for (size_t k = 0; st == SEDGE_OK && k < g->n_output; k++) {
        const sg_value *v = &g->value[g->output[k]];
        if (!g->output[k] || (v->role == SG_COMPUTED && !done[v->def]))
            st = sg_fail(err, SEDGE_E_BUG, "graph output %zu is not made by any node", k);
    }
    if (st == SEDGE_OK)
        st = check_uses(g, err);
    if (st == SEDGE_OK)
        st = sg_layout_verify(g, err);
    sg_free(g->mem, done, g->n_node * sizeof *done);
    return st;
}
