/* Ops that only move elements, between a Dequantize and what reads them, work on the integers: the Dequantize comes after them.
 * Equal values give equal integers, so nothing changes but the bytes that are moved. */
#include <string.h>

#include "op/pool.h"
#include "pass/qdq.h"

static const sg_op_id movers[] = {SG_OP_RESHAPE,   SG_OP_FLATTEN, SG_OP_SQUEEZE,        SG_OP_UNSQUEEZE,
                                  SG_OP_TRANSPOSE, SG_OP_SLICE,   SG_OP_DEPTH_TO_SPACE, SG_OP_SPACE_TO_DEPTH};

/* Padding with 0 or with what is there: 0 is the zero point. */
static bool pads_zero(const sg_graph *g, sg_nid n, const sg_qdq *d)
{
    const char *mode = sg_get_str((sg_attrs){g->node[n].attr, g->node[n].n_attr}, SG_A_mode);
    sg_vid v = sg_node_in(g, n, 2);
    if (*mode && strcmp(mode, "constant") != 0)
        return !v;
    if (!v)
        return sg_qdq_zero(g, d, 0) == 0;
    return g->value[v].role == SG_CONST && g->value[v].data && g->value[v].type.dtype == SG_F32 &&
           sg_d_numel(&g->value[v].type) == 1 && sg_load_f64(SG_F32, g->value[v].data, 0) == 0;
}

/* Node n takes its elements from operand 0 alone. */
static bool moves(const sg_graph *g, sg_nid n, const sg_qdq *d)
{
    const sg_node *node = &g->node[n];
    for (size_t i = 0; i < sizeof movers / sizeof movers[0]; i++)
        if (node->op == &sg_ops[movers[i]])
            return true;
    if (node->op == SG_ROW(PAD))
        return pads_zero(g, n, d);
    /* the maximum of integers is the integer of the maximum: scales are positive */
    return node->op == SG_ROW(POOL) && sg_get_int((sg_attrs){node->attr, node->n_attr}, SG_A_kind) == SG_POOL_MAX &&
           (node->n_out < 2 || !node->out[1]);
}

static bool feeds_quantizers(const sg_graph *g, sg_vid v)
{
    for (uint32_t u = g->value[v].uses; u; u = g->operand[u].next)
        if (g->node[g->operand[u].node].op != SG_ROW(QUANTIZE))
            return false;
    for (size_t k = 0; k < g->n_output; k++)
        if (g->output[k] == v)
            return false;
    return true;
}

/* The integers of the operands that node n may work on; all with the meaning of *d. */
static bool matches(const sg_graph *g, sg_nid n, sg_qdq *d)
{
    const sg_node *node = &g->node[n];
    if (!node->n_in || !node->n_out || !node->out[0] || !sg_qdq_reader(g, sg_node_in(g, n, 0), d) || d->n != 1 ||
        !sg_q_is_8bit(d->dtype))
        return false;
    if (!sg_qdq_sole(g, sg_node_in(g, n, 0)) && !feeds_quantizers(g, node->out[0]))
        return false;
    if (node->op != SG_ROW(CONCAT))
        return moves(g, n, d);
    for (int k = 1; k < node->n_in; k++) {
        sg_qdq other;
        if (!sg_qdq_reader(g, sg_node_in(g, n, k), &other) || !sg_qdq_same(g, d, &other))
            return false;
    }
    return true;
}

static sedge_status swap(sg_graph *g, sg_nid n, const sg_qdq *d, sg_err *err)
{
    sg_vid out = sg_node_out(g, n, 0), in[3] = {out, d->scale, d->zero};
    const bool pad = g->node[n].op == SG_ROW(PAD) && sg_node_in(g, n, 2);
    sg_vid zero = pad ? sg_const_f64(g, d->dtype, sg_qdq_zero(g, d, 0)) : SG_NONE_ID;
    sg_nid after = sg_node_new(g, SG_ROW(DEQUANTIZE), in, d->zero ? 3 : 2, 1, g->node[n].next);
    if (!after || (pad && !zero))
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    sg_vid real = sg_node_out(g, after, 0);
    for (int k = 0; k < (g->node[n].op == SG_ROW(CONCAT) ? g->node[n].n_in : 1); k++) {
        sg_nid from = g->value[sg_node_in(g, n, k)].def;
        sg_node_set_in(g, n, k, sg_node_in(g, from, 0));
    }
    if (pad)
        sg_node_set_in(g, n, 2, zero);
    sg_value_replace(g, out, real);
    sg_node_set_in(g, after, 0, out);
    g->value[real].type = g->value[out].type;
    g->value[real].name = g->value[out].name;
    g->value[out].name = NULL;
    g->value[out].type.dtype = (uint8_t)d->dtype;
    g->node[after].name = g->node[d->node].name;
    g->node[after].source = g->node[d->node].source;
    return SEDGE_OK;
}

sedge_status sg_pass_qdq_move(sg_graph *g, int *changed, sg_err *err)
{
    SG_EACH_NODE(g, n)
    {
        sg_qdq d;
        if (!matches(g, n, &d))
            continue;
        SG_TRY(swap(g, n, &d, err));
        ++*changed;
    }
    return SEDGE_OK;
}
