/* A copy of a graph that passes may change; constants and attribute lists stay shared with the source. */
#include <string.h>

#include "ir/graph.h"

static sedge_status copy(sg_mem *m, void *dst_ptr, size_t *cap, const void *src, size_t n, size_t size)
{
    SG_TRY(sg_grow(m, dst_ptr, cap, n ? n : 1, size));
    void *dst;
    memcpy(&dst, dst_ptr, sizeof dst);
    if (n)
        memcpy(dst, src, n * size);
    return SEDGE_OK;
}

static sedge_status clone_node(sg_graph *g, sg_node *n, const sg_node *src)
{
    n->region = NULL;
    n->n_region = 0;
    if (!src->op)
        return SEDGE_OK;
    n->out = sg_arena_dup(g->arena, src->out, src->n_out * sizeof *src->out);
    n->attr = sg_arena_dup(g->arena, src->attr, src->n_attr * sizeof *src->attr);
    if (!n->out || !n->attr)
        return SEDGE_E_NOMEM;
    if (!src->n_region)
        return SEDGE_OK;
    n->region = sg_arena_array(g->arena, src->n_region, sizeof *n->region);
    if (!n->region)
        return SEDGE_E_NOMEM;
    for (int k = 0; k < src->n_region; k++) {
        n->n_region = (uint16_t)(k + 1);
        if (src->region[k] && !(n->region[k] = sg_graph_clone(src->region[k], g->arena)))
            return SEDGE_E_NOMEM;
    }
    return SEDGE_OK;
}

sg_graph *sg_graph_clone(const sg_graph *src, sg_arena *arena)
{
    sg_graph *g = sg_arena_alloc(arena, sizeof *g);
    if (!g)
        return NULL;
    g->arena = arena;
    g->mem = g->dims.mem = arena->mem;
    g->name = src->name;
    sedge_status st = copy(g->mem, &g->value, &g->cap_value, src->value, src->n_value, sizeof *g->value);
    if (st == SEDGE_OK)
        st = copy(g->mem, &g->operand, &g->cap_operand, src->operand, src->n_operand, sizeof *g->operand);
    if (st == SEDGE_OK)
        st = copy(g->mem, &g->quant, &g->cap_quant, src->quant, src->n_quant, sizeof *g->quant);
    if (st == SEDGE_OK)
        st = copy(g->mem, &g->dims.node, &g->dims.cap, src->dims.node, src->dims.n, sizeof *g->dims.node);
    if (st == SEDGE_OK)
        st = copy(g->mem, &g->input, &g->cap_input, src->input, src->n_input, sizeof *g->input);
    if (st == SEDGE_OK)
        st = copy(g->mem, &g->output, &g->cap_output, src->output, src->n_output, sizeof *g->output);
    if (st == SEDGE_OK)
        st = sg_grow(g->mem, &g->node, &g->cap_node, src->n_node, sizeof *g->node);
    g->n_value = src->n_value;
    g->n_operand = src->n_operand;
    g->n_quant = src->n_quant;
    g->dims.n = src->dims.n;
    g->n_input = src->n_input;
    g->n_output = src->n_output;
    for (size_t i = 0; st == SEDGE_OK && i < src->n_node; i++) {
        g->node[i] = src->node[i];
        g->n_node = i + 1;
        st = clone_node(g, &g->node[i], &src->node[i]);
    }
    if (st != SEDGE_OK) {
        sg_graph_free(g);
        return NULL;
    }
    return g;
}
