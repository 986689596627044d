/* Rows that ONNX has no single operator for, as several nodes of rows that it has. */
#include <string.h>

#include "export/onnx/write.h"
#include "import/kinds.h"

/* Without sizes and without a count, the results tell how many there are; ONNX wants the count said. */
static bool split_say(sg_graph *g, sg_nid id)
{
    const sg_node *n = &g->node[id];
    const sg_attr *count = sg_attr_find(n->attr, n->n_attr, SG_A_num_outputs);
    return sg_node_in(g, id, 1) || (count && count->set && count->u.i) || sg_set_int(g, id, SG_A_num_outputs, n->n_out);
}

static bool node_legalize(sg_graph *g, sg_nid id)
{
    const sg_op *op = g->node[id].op;
    if (op == SG_ROW(SPLIT))
        return split_say(g, id);
    return true;
}

sedge_status sg_ow_legalize(sg_graph *g, sg_err *err)
{
    SG_EACH_NODE(g, id)
    {
        if (!node_legalize(g, id))
            return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
        for (int k = 0; k < g->node[id].n_region; k++)
            if (g->node[id].region[k])
                SG_TRY(sg_ow_legalize(g->node[id].region[k], err));
    }
    return SEDGE_OK;
}
