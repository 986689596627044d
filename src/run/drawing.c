/* Graphs as a drawing needs them: nodes in order, and where their operands come from. */
#include <stdio.h>
#include <string.h>

#include "run/api.h"

const sedge_graph *sedge_model_graph(const sedge_model *m)
{
    return (const sedge_graph *)m->graph;
}

const sedge_graph *sedge_plan_graph(const sedge_plan *p)
{
    return (const sedge_graph *)p->graph;
}

/* Node i in the order of execution; 0: there is none. */
static sg_nid nth_node(const sg_graph *g, int i)
{
    SG_EACH_NODE(g, n)
    if (i-- == 0)
        return n;
    return SG_NONE_ID;
}

static int order_of(const sg_graph *g, sg_nid id)
{
    int i = 0;
    SG_EACH_NODE(g, n)
    {
        if (n == id)
            return i;
        i++;
    }
    return -1;
}

int sedge_graph_node(const sedge_graph *graph, int i, sedge_graph_node_info *out)
{
    const sg_graph *g = (const sg_graph *)graph;
    sg_nid id = i < 0 ? SG_NONE_ID : nth_node(g, i);
    if (!id)
        return 0;
    const sg_node *n = &g->node[id];
    *out = (sedge_graph_node_info){n->op->name, n->source ? n->source : "", n->name ? n->name : "", n->n_in, n->n_out};
    return 1;
}

static void describe(const sg_graph *g, sg_vid v, sedge_graph_edge *out)
{
    const sg_value *value = &g->value[v];
    out->name = value->name ? value->name : "";
    sg_type_text(&value->type, &g->dims, out->type, sizeof out->type);
    if (value->role == SG_COMPUTED) {
        out->from = SEDGE_FROM_NODE;
        out->index = order_of(g, value->def);
        return;
    }
    out->from = value->role == SG_CONST ? SEDGE_FROM_CONSTANT : SEDGE_FROM_INPUT;
    for (size_t k = 0; out->from == SEDGE_FROM_INPUT && k < g->n_input; k++)
        if (g->input[k] == v)
            out->index = (int)k;
}

int sedge_graph_operand(const sedge_graph *graph, int i, int k, sedge_graph_edge *out)
{
    const sg_graph *g = (const sg_graph *)graph;
    sg_nid id = i < 0 ? SG_NONE_ID : nth_node(g, i);
    memset(out, 0, sizeof *out);
    if (!id || k < 0 || k >= g->node[id].n_in)
        return 0;
    sg_vid v = sg_node_in(g, id, k);
    if (v)
        describe(g, v, out);
    else
        out->from = SEDGE_FROM_NOWHERE;
    return 1;
}

int sedge_graph_result(const sedge_graph *graph, int k, sedge_graph_edge *out)
{
    const sg_graph *g = (const sg_graph *)graph;
    memset(out, 0, sizeof *out);
    if (k < 0 || (size_t)k >= g->n_output)
        return 0;
    describe(g, g->output[k], out);
    return 1;
}
