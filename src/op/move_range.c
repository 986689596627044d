/* Ranges: which parts of a tensor, as nodes cut or join them, stand in one piece in the whole. */
#include "op/move.h"
#include "tensor/layout.h"

/* The part begins at start[] of the whole. It is one piece if every axis that stands in memory before one that is cut is
 * one step long. */
static bool one_piece(sg_dims *d, const sg_type *whole, const sg_type *part, const sg_dim *start, sg_dim *at)
{
    sg_dim stride = 1;
    bool cut = false;
    *at = 0;
    for (int m = whole->rank; m-- > 0;) {
        bool turned = whole->layout == SG_LAYOUT_LAST && whole->rank > 2 && m > 0;
        int i = !turned ? m : m == whole->rank - 1 ? 1 : m + 1;
        if (cut && part->dim[i] != 1)
            return false;
        *at = sg_dim_make(d, SG_DIM_ADD, *at, sg_dim_make(d, SG_DIM_MUL, start[i], stride));
        stride = sg_dim_make(d, SG_DIM_MUL, stride, whole->dim[i]);
        cut = cut || whole->dim[i] != part->dim[i];
    }
    return *at != SG_DIM_BAD;
}

static const sg_value *value_in(const sg_graph *g, sg_nid n, int k)
{
    sg_vid v = k < g->node[n].n_in ? sg_node_in(g, n, k) : SG_NONE_ID;
    return v ? &g->value[v] : NULL;
}

/* First step of piece k of a split along an axis of d steps. */
static bool split_start(sg_graph *g, sg_nid n, int k, sg_dim d, sg_dim *start)
{
    const sg_value *size = value_in(g, n, 1);
    int pieces = g->node[n].n_out;
    *start = 0;
    if (!size) {
        sg_dim chunk = sg_dim_make(&g->dims, SG_DIM_DIV, sg_dim_make(&g->dims, SG_DIM_ADD, d, pieces - 1), pieces);
        *start = sg_dim_make(&g->dims, SG_DIM_MIN, sg_dim_make(&g->dims, SG_DIM_MUL, chunk, k), d);
        return true;
    }
    if (!size->content || size->n_content != (uint32_t)pieces)
        return false;
    for (int j = 0; j < k; j++)
        *start = sg_dim_make(&g->dims, SG_DIM_ADD, *start, size->content[j]);
    return true;
}

/* First step of operand k of a concat. */
static sg_dim concat_start(sg_graph *g, sg_nid n, int k, int axis)
{
    sg_dim start = 0;
    for (int j = 0; j < k; j++) {
        const sg_value *v = value_in(g, n, j);
        start = v && v->type.rank > axis ? sg_dim_make(&g->dims, SG_DIM_ADD, start, v->type.dim[axis]) : SG_DIM_BAD;
    }
    return start;
}

/* The step that a gather of one index takes. */
static bool gather_start(sg_graph *g, sg_nid n, sg_dim d, sg_dim *start)
{
    const sg_value *index = value_in(g, n, 1);
    if (!index || !index->content || index->n_content != 1 || sg_d_numel(&index->type) != 1 || sg_dim_is_expr(index->content[0]))
        return false;
    *start = index->content[0] < 0 ? sg_dim_make(&g->dims, SG_DIM_ADD, d, index->content[0]) : index->content[0];
    return sg_dim_is_expr(d) || (*start >= 0 && *start < d);
}

static bool starts_of(sg_graph *g, sg_nid n, int k, const sg_type *whole, sg_type *part, sg_dim *start)
{
    const sg_op *op = g->node[n].op;
    if (op == SG_ROW(SLICE))
        return sg_slice_starts(g, n, start);
    int axis = sg_axis(sg_get_int((sg_attrs){g->node[n].attr, g->node[n].n_attr}, SG_A_axis), whole->rank);
    if (axis < 0)
        return false;
    if (op == SG_ROW(SPLIT))
        return split_start(g, n, k, whole->dim[axis], &start[axis]);
    if (op == SG_ROW(CONCAT))
        return (start[axis] = concat_start(g, n, k, axis)) != SG_DIM_BAD;
    *part = *whole; /* but for ones among the dims */
    part->dim[axis] = 1;
    return whole->layout == SG_LAYOUT_ROW && gather_start(g, n, whole->dim[axis], &start[axis]);
}

bool sg_op_range(sg_graph *g, sg_nid n, int k, sg_dim *at)
{
    const sg_op *op = g->node[n].op;
    if (!(op->flags & SG_OPF_RANGE))
        return false;
    bool join = op == SG_ROW(CONCAT);
    sg_vid in = sg_node_in(g, n, join ? k : 0), out = sg_node_out(g, n, join ? 0 : k);
    if (!in || !out)
        return false;
    sg_type whole = g->value[join ? out : in].type, part = g->value[join ? in : out].type;
    sg_dim start[SG_RANK_MAX] = {0};
    if (whole.kind != SG_TENSOR || part.kind != SG_TENSOR || whole.rank < 1 || part.rank < 0 || whole.dtype != part.dtype ||
        sg_dtypes[whole.dtype].bits < 8 || (part.layout != whole.layout && !sg_layout_free(part.dim, part.rank)))
        return false;
    return starts_of(g, n, k, &whole, &part, start) && part.rank == whole.rank && one_piece(&g->dims, &whole, &part, start, at);
}
