/* Dead code: nodes whose outputs nobody reads. Outputs that nobody reads of living nodes are dropped too. */
#include "pass/pass.h"

static bool is_output(const sg_graph *g, sg_vid v)
{
    for (size_t k = 0; k < g->n_output; k++)
        if (g->output[k] == v)
            return true;
    return false;
}

sedge_status sg_pass_dce(sg_graph *g, int *changed, sg_err *err)
{
    (void)err;
    for (sg_nid n = g->node[0].prev; n;) {
        sg_node *node = &g->node[n];
        sg_nid prev = node->prev;
        bool live = false;
        for (int k = 0; k < node->n_out; k++) {
            sg_vid v = node->out[k];
            bool read = v && (g->value[v].n_uses || is_output(g, v));
            live = live || read;
        }
        if (!live) {
            sg_node_delete(g, n);
            ++*changed;
        }
        n = prev;
    }
    return SEDGE_OK;
}
