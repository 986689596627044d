/* Which nodes can run on integers, told from the graph alone, and which values then have to be watched. */
#include <string.h>

#include "fit/quant.h"
#include "op/elementwise.h"
#include "op/pool.h"
#include "op/reduce.h"

static int64_t kind_of(const sg_graph *g, sg_nid n)
{
    return sg_get_int((sg_attrs){g->node[n].attr, g->node[n].n_attr}, SG_A_kind);
}

static bool is_const_f32(const sg_graph *g, sg_vid v)
{
    const sg_value *c = &g->value[v];
    return v && c->role == SG_CONST && c->data && c->type.kind == SG_TENSOR && c->type.dtype == SG_F32;
}

/* A constant f32 row of n numbers, or none. */
static bool is_bias(const sg_graph *g, sg_vid v, int64_t n)
{
    return !v || (is_const_f32(g, v) && g->value[v].type.rank == 1 && g->value[v].type.dim[0] == n);
}

static bool conv_fits(const sg_graph *g, sg_nid n)
{
    const sg_type *w = &g->value[sg_node_in(g, n, 1)].type;
    const sg_attrs a = {g->node[n].attr, g->node[n].n_attr};
    int64_t taps = 1;
    if (w->rank < 3 || sg_node_in(g, n, 3) || sg_get_int(a, SG_A_activation) || !is_bias(g, sg_node_in(g, n, 2), w->dim[0]))
        return false;
    for (int k = 1; k < w->rank; k++)
        taps *= w->dim[k];
    return taps * 255 * 127 < INT32_MAX / 2;
}

static bool product_fits(const sg_graph *g, sg_nid n)
{
    const sg_type *w = &g->value[sg_node_in(g, n, 1)].type;
    const sg_attrs a = {g->node[n].attr, g->node[n].n_attr};
    if (w->rank != 2)
        return false;
    if (g->node[n].op == SG_ROW(MATMUL))
        return w->dim[0] * 255 * 127 < INT32_MAX / 2 && g->value[sg_node_in(g, n, 0)].type.rank >= 2;
    const bool turned = sg_get_int(a, SG_A_transB) != 0;
    return sg_get_float(a, SG_A_alpha) == 1 && !sg_get_int(a, SG_A_transA) &&
           (sg_get_float(a, SG_A_beta) == 1 || !sg_node_in(g, n, 2)) && is_bias(g, sg_node_in(g, n, 2), w->dim[turned ? 0 : 1]) &&
           w->dim[turned ? 1 : 0] * 255 * 127 < INT32_MAX / 2;
}

/* A logarithm of what v becomes, with no weights between: powers of a spectrum, whose small values count as much as the large, so that no
 * even steps fit. */
static bool feeds_log(const sg_graph *g, sg_vid v, int depth)
{
    for (uint32_t u = depth > 0 ? g->value[v].uses : 0; u; u = g->operand[u].next) {
        const sg_nid n = g->operand[u].node;
        const sg_op *op = g->node[n].op;
        if (op == SG_ROW(UNARY) && kind_of(g, n) == SG_UNARY_LOG)
            return true;
        if ((op == SG_ROW(BINARY) || op == SG_ROW(CLIP) || op == SG_ROW(UNARY) || op == SG_ROW(RESHAPE) ||
             op == SG_ROW(TRANSPOSE)) &&
            feeds_log(g, g->node[n].out[0], depth - 1))
            return true;
    }
    return false;
}

bool sg_quant_has_weights(const sg_graph *g, sg_nid n)
{
    const sg_op *op = g->node[n].op;
    if (op != SG_ROW(CONV) && op != SG_ROW(GEMM) && op != SG_ROW(MATMUL))
        return false;
    return is_const_f32(g, sg_node_in(g, n, 1)) && g->value[sg_node_in(g, n, 0)].role != SG_CONST &&
           g->value[sg_node_in(g, n, 0)].type.dtype == SG_F32 && (op == SG_ROW(CONV) ? conv_fits(g, n) : product_fits(g, n)) &&
           !feeds_log(g, g->node[n].out[0], 6);
}

/* ---- what stands between ------------------------------------------------------------------------------------------ */

static bool same_dims(const sg_graph *g, sg_vid a, sg_vid b)
{
    const sg_type *x = &g->value[a].type, *y = &g->value[b].type;
    return x->rank > 0 && x->rank == y->rank && memcmp(x->dim, y->dim, (size_t)x->rank * sizeof *x->dim) == 0;
}

static bool is_clamp(const sg_graph *g, sg_nid n)
{
    if (g->node[n].op == SG_ROW(CLIP))
        return (!sg_node_in(g, n, 1) || is_const_f32(g, sg_node_in(g, n, 1))) &&
               (!sg_node_in(g, n, 2) || is_const_f32(g, sg_node_in(g, n, 2)));
    return g->node[n].op == SG_ROW(UNARY) && kind_of(g, n) == SG_UNARY_RELU;
}

/* The mean over all axes but the first two, which are images. */
static bool spatial_mean(const sg_graph *g, sg_nid n)
{
    const sg_value *axes = &g->value[sg_node_in(g, n, 1)];
    const int rank = g->value[sg_node_in(g, n, 0)].type.rank;
    unsigned mask = 0;
    if (kind_of(g, n) != SG_REDUCE_MEAN || rank < 3 || axes->role != SG_CONST || !axes->data)
        return false;
    for (int64_t i = 0; i < sg_d_numel(&axes->type); i++) {
        const int axis = sg_axis(sg_load_i64((sg_dtype)axes->type.dtype, axes->data, (size_t)i), rank);
        mask |= axis < 2 ? 1u : 1u << axis;
    }
    return mask == (1u << rank) - 4;
}

/* An op with a row of its own on integers. Means, gates and sums of recurrent state, softmax, norms and exp are none of these. */
static bool meets(const sg_graph *g, sg_nid n)
{
    const sg_op *op = g->node[n].op;
    const int64_t kind = op == SG_ROW(BINARY) || op == SG_ROW(UNARY) || op == SG_ROW(POOL) || op == SG_ROW(REDUCE) ? kind_of(g, n)
                                                                                                                   : -1;
    if (op == SG_ROW(BINARY))
        return (kind == SG_BINARY_ADD || kind == SG_BINARY_MUL) && same_dims(g, sg_node_in(g, n, 0), sg_node_in(g, n, 1));
    if (op == SG_ROW(UNARY))
        return kind == SG_UNARY_SIGMOID;
    if (op == SG_ROW(POOL))
        return kind == SG_POOL_AVERAGE;
    return op == SG_ROW(REDUCE) && spatial_mean(g, n);
}

static bool pads_zero(const sg_graph *g, sg_nid n)
{
    const char *mode = sg_get_str((sg_attrs){g->node[n].attr, g->node[n].n_attr}, SG_A_mode);
    const sg_vid v = sg_node_in(g, n, 2);
    if (*mode && strcmp(mode, "constant") != 0)
        return !v;
    return !v || (is_const_f32(g, v) && sg_d_numel(&g->value[v].type) == 1 && sg_load_f64(SG_F32, g->value[v].data, 0) == 0);
}

static bool moves(const sg_graph *g, sg_nid n)
{
    static const sg_op_id movers[] = {SG_OP_RESHAPE, SG_OP_FLATTEN,        SG_OP_SQUEEZE,        SG_OP_UNSQUEEZE, SG_OP_TRANSPOSE,
                                      SG_OP_SLICE,   SG_OP_DEPTH_TO_SPACE, SG_OP_SPACE_TO_DEPTH, SG_OP_CONCAT};
    for (size_t i = 0; i < sizeof movers / sizeof movers[0]; i++)
        if (g->node[n].op == &sg_ops[movers[i]])
            return true;
    if (g->node[n].op == SG_ROW(PAD))
        return pads_zero(g, n);
    return g->node[n].op == SG_ROW(POOL) && kind_of(g, n) == SG_POOL_MAX && (g->node[n].n_out < 2 || !g->node[n].out[1]);
}

/* How many of a node's operands are its data, from the first. */
static int data_operands(const sg_graph *g, sg_nid n)
{
    return g->node[n].op == SG_ROW(CONCAT) ? g->node[n].n_in : g->node[n].op == SG_ROW(BINARY) ? 2 : 1;
}

/* ---- the walk ------------------------------------------------------------------------------------------------------- */

/* Whether a path leads from a node to one with weights: what does not is the tail, which stays float: a head joins boxes and scores,
 * which no one scale fits. */
static void find_ahead(const sg_graph *g, uint8_t *ahead)
{
    for (sg_nid n = g->node[0].prev; n; n = g->node[n].prev)
        for (int k = 0; k < g->node[n].n_out; k++)
            for (uint32_t u = g->node[n].out[k] ? g->value[g->node[n].out[k]].uses : 0; u; u = g->operand[u].next) {
                const sg_nid reader = g->operand[u].node;
                ahead[n] |= ahead[reader] || sg_quant_has_weights(g, reader);
            }
}

static bool comes_as_integers(const sg_graph *g, const sg_quant_sites *s, sg_nid n)
{
    for (int k = 0; k < data_operands(g, n); k++) {
        const sg_value *v = &g->value[sg_node_in(g, n, k)];
        if (v->role != SG_COMPUTED || s->role[v->def] == SG_QUANT_FLOAT || v->type.dtype != SG_F32)
            return false;
    }
    return true;
}

static sg_quant_role role_of(const sg_graph *g, const sg_quant_sites *s, sg_nid n, bool ahead)
{
    if (sg_quant_has_weights(g, n))
        return SG_QUANT_WEIGHT;
    if (!g->node[n].n_out || !sg_node_in(g, n, 0) || !comes_as_integers(g, s, n))
        return SG_QUANT_FLOAT;
    if (is_clamp(g, n))
        return SG_QUANT_CLAMP;
    if (!ahead)
        return SG_QUANT_FLOAT;
    return meets(g, n) ? SG_QUANT_MEET : moves(g, n) ? SG_QUANT_MOVE : SG_QUANT_FLOAT;
}

static void watch_value(sg_quant_sites *s, sg_vid v)
{
    if (!s->watch[v])
        s->watch[v] = 1;
}

static void watch_node(const sg_graph *g, sg_quant_sites *s, sg_nid n)
{
    for (int k = 0; k < data_operands(g, n); k++)
        watch_value(s, sg_node_in(g, n, k));
    watch_value(s, g->node[n].out[0]);
    if (s->role[n] != SG_QUANT_WEIGHT)
        return;
    const sg_vid x = sg_node_in(g, n, 0);
    const int axis = g->node[n].op == SG_ROW(CONV) ? 1 : g->value[x].type.rank - 1;
    s->watch[x] = (uint8_t)(2 + axis);
    s->n_weight++;
}

sedge_status sg_quant_find(sg_quant_sites *s, sg_graph *g, sg_err *err)
{
    *s = (sg_quant_sites){.n_node = g->n_node, .n_value = g->n_value};
    uint8_t *ahead = sg_arena_alloc(g->arena, g->n_node);
    s->role = sg_arena_alloc(g->arena, g->n_node);
    s->watch = sg_arena_alloc(g->arena, g->n_value);
    if (!ahead || !s->role || !s->watch)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    find_ahead(g, ahead);
    SG_EACH_NODE(g, n)
    {
        s->role[n] = (uint8_t)role_of(g, s, n, ahead[n]);
        if (s->role[n] != SG_QUANT_FLOAT)
            watch_node(g, s, n);
    }
    return SEDGE_OK;
}
