/* What may work channels last: the table, its conditions, and the check that graphs keep to it. */
#include "op/pool.h"
#include "op/reduce.h"
#include "op/resize.h"
#include "op/window.h"
#include "pass/layout.h"
#include "tensor/layout.h"

static const sg_type *in_type(const sg_graph *g, sg_nid n, int k)
{
    sg_vid v = sg_node_in(g, n, k);
    return v ? &g->value[v].type : NULL;
}

static int64_t int_attr(const sg_graph *g, sg_nid n, sg_attr_id id)
{
    return sg_get_int((sg_attrs){g->node[n].attr, g->node[n].n_attr}, id);
}

static bool is_8bit(const sg_type *t)
{
    return t->dtype == SG_U8 || t->dtype == SG_I8;
}

/* Kernels take one or two spatial axes, constant weights and no negative padding. */
static bool takes_conv(const sg_graph *g, sg_nid n)
{
    bool f32 = g->node[n].op == SG_ROW(CONV);
    const sg_type *x = in_type(g, n, 0);
    sg_vid w = sg_node_in(g, n, f32 ? 1 : 3);
    int count;
    const int64_t *pads = sg_get_ints((sg_attrs){g->node[n].attr, g->node[n].n_attr}, SG_A_pads, &count);
    for (int i = 0; i < count; i++)
        if (pads[i] < 0)
            return false;
    return (x->rank == 3 || x->rank == 4) && (f32 ? x->dtype == SG_F32 : is_8bit(x)) && w && g->value[w].role == SG_CONST &&
           g->value[w].type.rank == x->rank && sg_d_numel(&g->value[w].type) > 0;
}

/* Transposed: windows side by side, constant weights. */
static bool takes_tiles(const sg_graph *g, sg_nid n)
{
    const sg_value *w = &g->value[sg_node_in(g, n, 1)];
    sg_attrs a = {g->node[n].attr, g->node[n].n_attr};
    sg_window win;
    sg_err own = {0};
    return in_type(g, n, 0)->rank == 4 && in_type(g, n, 0)->dtype == SG_F32 && w->role == SG_CONST && w->type.rank == 4 &&
           sg_d_numel(&w->type) > 0 && sg_window_read(&own, a, 2, w->type.dim + 2, &win) == SEDGE_OK && sg_window_tiles(&win, a);
}

static bool takes_pool(const sg_graph *g, sg_nid n)
{
    const sg_type *x = in_type(g, n, 0);
    return (x->dtype == SG_F32 || is_8bit(x)) && x->rank <= 4 && !sg_node_out(g, n, 1) && int_attr(g, n, SG_A_kind) != SG_POOL_LP;
}

static bool takes_qpool(const sg_graph *g, sg_nid n)
{
    return in_type(g, n, 0)->rank <= 4;
}

/* Images of which only the sides change. */
static bool takes_resize(const sg_graph *g, sg_nid n)
{
    const sg_type *x = in_type(g, n, 0), *y = &g->value[sg_node_out(g, n, 0)].type;
    int64_t mode = int_attr(g, n, SG_A_mode);
    return x->rank == 4 && y->rank == 4 && x->dim[0] == y->dim[0] && x->dim[1] == y->dim[1] &&
           (x->dtype == SG_F32 || (is_8bit(x) && mode == SG_RESIZE_NEAREST)) && mode != SG_RESIZE_CUBIC &&
           !int_attr(g, n, SG_A_antialias) && int_attr(g, n, SG_A_coordinate_transformation_mode) != SG_COORD_TF_CROP;
}

/* The mean of every channel. */
static bool takes_reduce(const sg_graph *g, sg_nid n)
{
    const sg_type *x = in_type(g, n, 0);
    sg_vid axes = sg_node_in(g, n, 1);
    const sg_value *a = axes ? &g->value[axes] : NULL;
    if (int_attr(g, n, SG_A_kind) != SG_REDUCE_MEAN || x->dtype != SG_F32 || !a || a->role != SG_CONST || !a->data ||
        sg_d_numel(&a->type) != x->rank - 2)
        return false;
    uint32_t seen = 0;
    for (int i = 0; i < x->rank - 2; i++) {
        int axis = sg_axis(sg_load_i64((sg_dtype)a->type.dtype, a->data, (size_t)i), x->rank);
        seen |= axis < 2 ? 0 : 1u << axis;
    }
    return seen == (1u << x->rank) - 4;
}

/* Known statistics. */
static bool takes_norm(const sg_graph *g, sg_nid n)
{
    for (int k = 1; k < 5; k++)
        if (g->value[sg_node_in(g, n, k)].role != SG_CONST)
            return false;
    return g->node[n].n_out == 1 && in_type(g, n, 0)->dtype == SG_F32 && !int_attr(g, n, SG_A_training_mode);
}

static bool takes_one_axis(const sg_graph *g, sg_nid n)
{
    return int_attr(g, n, SG_A_block_size) == 0;
}

#define NATIVE SG_LAYOUT_NATIVE
#define ORDER  SG_LAYOUT_ORDER
#define AXIS   SG_LAYOUT_AXIS
#define ALL    UINT64_MAX
#define BIT(k) (uint64_t)1 << (k)

static const struct {
    sg_op_id op;
    sg_layout_row row;
    bool (*takes)(const sg_graph *g, sg_nid n);
} rows[] = {
#define LAYOUT(op, how, operands, takes) {SG_OP_##op, {how, operands}, takes},
#include "pass/layout.def"
#undef LAYOUT
};

static int row_of(const sg_op *op)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (&sg_ops[rows[i].op] == op)
            return (int)i;
    return -1;
}

sg_layout_row sg_layout_of(const sg_op *op)
{
    int i = row_of(op);
    return i < 0 ? (sg_layout_row){SG_LAYOUT_NEVER, 0} : rows[i].row;
}

bool sg_layout_fits(const sg_type *t, int rank)
{
    int64_t dim[SG_RANK_MAX];
    int lead = rank - t->rank;
    if (lead < 0)
        return false;
    for (int i = 0; i < rank; i++)
        dim[i] = i < lead ? 1 : t->dim[i - lead];
    return sg_layout_free(dim, rank);
}

/* Operand k of an op that treats all axes alike: of the rank of the result, or one that lines up with it as it is, or constant. */
static bool lines_up(const sg_graph *g, sg_vid v, int rank)
{
    const sg_type *t = &g->value[v].type;
    return t->rank == rank || (t->rank < rank && (g->value[v].role == SG_CONST || sg_layout_fits(t, rank)));
}

bool sg_layout_takes(const sg_graph *g, sg_nid n)
{
    const sg_node *node = &g->node[n];
    int i = row_of(node->op);
    sg_vid first = sg_node_out(g, n, 0);
    if (i < 0 || !first)
        return false;
    bool native = rows[i].row.how == SG_LAYOUT_NATIVE;
    int rank = g->value[first].type.rank;
    for (int k = 0; k < node->n_out; k++) {
        const sg_type *t = node->out[k] ? &g->value[node->out[k]].type : NULL;
        if (t && (t->kind != SG_TENSOR || t->rank != rank || rank < (native ? 0 : 3)))
            return false;
    }
    for (int k = 0; k < node->n_in; k++) {
        sg_vid v = sg_node_in(g, n, k);
        if (!v || !sg_layout_operand(rows[i].row, k))
            continue;
        const sg_type *t = &g->value[v].type;
        if (t->kind != SG_TENSOR || (native ? t->rank < 3 : t->rank < 0 || !lines_up(g, v, rank)))
            return false;
    }
    return !rows[i].takes || rows[i].takes(g, n);
}

bool sg_layout_reads(const sg_graph *g, sg_nid n, int k)
{
    sg_layout_row r = sg_layout_of(g->node[n].op);
    sg_vid v = sg_node_in(g, n, k), y = sg_node_out(g, n, 0);
    if (!v || !y || !sg_layout_operand(r, k))
        return false;
    return r.how == SG_LAYOUT_NATIVE || g->value[v].type.rank == g->value[y].type.rank || g->value[v].role == SG_CONST;
}

int sg_channel_turn(const sg_graph *g, sg_nid n)
{
    const sg_node *node = &g->node[n];
    if (!n || node->op != SG_ROW(TRANSPOSE))
        return 0;
    int count, rank = in_type(g, n, 0)->rank;
    const int64_t *p = sg_get_ints((sg_attrs){node->attr, node->n_attr}, SG_A_perm, &count);
    bool first = rank > 2 && count == rank && p[0] == 0, last = first;
    for (int i = 1; i < rank && (first || last); i++) {
        first = first && p[i] == (i == 1 ? rank - 1 : i - 1);
        last = last && p[i] == (i == rank - 1 ? 1 : i + 1);
    }
    return first ? 1 : last ? -1 : 0;
}

/* ---- the check ---- */

static bool is_last(const sg_graph *g, sg_vid v)
{
    const sg_type *t = &g->value[v].type;
    return v && t->layout == SG_LAYOUT_LAST && !sg_layout_free(t->dim, t->rank);
}

static sedge_status check_node(const sg_graph *g, sg_nid n, sg_err *err)
{
    const sg_node *node = &g->node[n];
    sg_vid y = sg_node_out(g, n, 0);
    bool last = y && g->value[y].type.layout == SG_LAYOUT_LAST, moves = node->op == SG_ROW(RELAYOUT) || node->op == SG_ROW(TURN);
    if (moves && (int64_t)g->value[y].type.layout != int_attr(g, n, SG_A_layout))
        return sg_fail(err, SEDGE_E_BUG, "node %u moves to another layout than its result's", n);
    if (moves)
        return SEDGE_OK;
    if (last && !sg_layout_takes(g, n))
        return sg_fail(err, SEDGE_E_BUG, "node %u (%s) cannot work channels last", n, node->op->name);
    for (int k = 0; k < node->n_in; k++) {
        sg_vid v = sg_node_in(g, n, k);
        bool reads = last && sg_layout_reads(g, n, k);
        int rank = reads && sg_layout_of(node->op).how != SG_LAYOUT_NATIVE ? g->value[y].type.rank : g->value[v].type.rank;
        if (v && g->value[v].type.rank >= 0 && is_last(g, v) != reads && !sg_layout_fits(&g->value[v].type, rank))
            return sg_fail(err, SEDGE_E_BUG, "operand %d of node %u (%s) is in the wrong layout", k, n, node->op->name);
    }
    for (int k = 0; k < node->n_out; k++)
        if (node->out[k] && is_last(g, node->out[k]) && !last)
            return sg_fail(err, SEDGE_E_BUG, "output %d of node %u (%s) is in the wrong layout", k, n, node->op->name);
    return SEDGE_OK;
}

sedge_status sg_layout_verify(const sg_graph *g, sg_err *err)
{
    SG_EACH_NODE(g, n)
    SG_TRY(check_node(g, n, err));
    for (size_t k = 0; k < g->n_input; k++)
        if (is_last(g, g->input[k]))
            return sg_fail(err, SEDGE_E_BUG, "graph input %zu is not row-major", k);
    for (size_t k = 0; k < g->n_output; k++)
        if (is_last(g, g->output[k]))
            return sg_fail(err, SEDGE_E_BUG, "graph output %zu is not row-major", k);
    return SEDGE_OK;
}
