/* Building blocks for lowerings that make several nodes. */
#include "import/onnx/build.h"

#include "op/elementwise.h"

static bool attr_set(sg_onnx_node *n, sg_nid node, const sg_ob_attr *a)
{
    const sg_attr *own = sg_attr_find(n->g->node[node].attr, n->g->node[node].n_attr, a->id);
    switch (own ? own->kind : SG_AK_INT) {
    case SG_AK_FLOAT: return sg_set_float(n->g, node, a->id, a->f);
    case SG_AK_INTS: return sg_set_ints(n->g, node, a->id, a->ints, (size_t)a->n);
    default: return sg_set_int(n->g, node, a->id, a->i);
    }
}

sg_nid sg_ob_make(sg_onnx_node *n, sg_op_id row, const sg_vid *ins, int n_in, int n_out, const sg_ob_attr *attr, int n_attr)
{
    while (n_in > sg_ops[row].min_in && !ins[n_in - 1])
        n_in--;
    sg_nid node = sg_on_emit(n, row, ins, n_in, n_out);
    for (int i = 0; node && i < n_attr; i++)
        if (!attr_set(n, node, &attr[i]))
            return sg_fail(n->err, SEDGE_E_NOMEM, "out of memory"), SG_NONE_ID;
    return sg_on_done(n, node) == SEDGE_OK ? node : SG_NONE_ID;
}

sg_vid sg_ob_node(sg_onnx_node *n, sg_op_id row, const sg_vid *ins, int n_in, const sg_ob_attr *attr, int n_attr)
{
    sg_nid node = sg_ob_make(n, row, ins, n_in, 1, attr, n_attr);
    return node ? sg_node_out(n->g, node, 0) : SG_NONE_ID;
}

bool sg_ob_set(sg_onnx_node *n, sg_nid node, sg_attr_id id, int64_t v)
{
    if (node && sg_set_int(n->g, node, id, v))
        return true;
    sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
    return false;
}

sg_vid sg_ob_unary(sg_onnx_node *n, int kind, sg_vid x, double alpha, double beta)
{
    return sg_ob_node(n, SG_OP_UNARY, SG_INS(x),
                      SG_SET({SG_A_kind, .i = kind}, {SG_A_alpha, .f = alpha}, {SG_A_beta, .f = beta}));
}

sg_vid sg_ob_binary(sg_onnx_node *n, int kind, sg_vid a, sg_vid b)
{
    return sg_ob_node(n, SG_OP_BINARY, SG_INS(a, b), SG_SET({SG_A_kind, .i = kind}));
}

sg_vid sg_ob_compare(sg_onnx_node *n, int kind, sg_vid a, sg_vid b)
{
    return sg_ob_node(n, SG_OP_COMPARE, SG_INS(a, b), SG_SET({SG_A_kind, .i = kind}));
}

sg_vid sg_ob_add_maybe(sg_onnx_node *n, sg_vid a, sg_vid b)
{
    return a && b ? sg_ob_binary(n, SG_BINARY_ADD, a, b) : a;
}

sg_vid sg_ob_scalar(sg_onnx_node *n, sg_dtype dtype, double v)
{
    sg_vid c = sg_const_f64(n->g, dtype, v);
    if (!c)
        sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
    return c;
}

sg_vid sg_ob_binary_scalar(sg_onnx_node *n, int kind, sg_vid x, double v)
{
    return x ? sg_ob_binary(n, kind, x, sg_ob_scalar(n, (sg_dtype)sg_ob_type(n, x)->dtype, v)) : SG_NONE_ID;
}

sg_vid sg_ob_cast(sg_onnx_node *n, sg_vid x, sg_dtype to)
{
    return x && sg_ob_type(n, x)->dtype == to ? x : sg_ob_node(n, SG_OP_CAST, SG_INS(x), SG_SET({SG_A_to, .i = to}));
}

sg_vid sg_ob_list(sg_onnx_node *n, sg_op_id row, sg_vid x, const int64_t *v, int count)
{
    return sg_on_emit1(n, row, SG_INS(x, sg_on_const_i64s(n, v, count)));
}

sg_vid sg_ob_reshape(sg_onnx_node *n, sg_vid x, const int64_t *dim, int rank)
{
    return sg_ob_list(n, SG_OP_RESHAPE, x, dim, rank);
}

sg_vid sg_ob_unsqueeze(sg_onnx_node *n, sg_vid x, int64_t axis)
{
    return sg_ob_list(n, SG_OP_UNSQUEEZE, x, &axis, 1);
}

sg_vid sg_ob_reduce(sg_onnx_node *n, int kind, sg_vid x, int64_t axis, bool keep)
{
    return sg_ob_node(n, SG_OP_REDUCE, SG_INS(x, sg_on_const_i64s(n, &axis, 1)),
                      SG_SET({SG_A_kind, .i = kind}, {SG_A_keepdims, .i = keep}));
}

sg_vid sg_ob_matmul(sg_onnx_node *n, sg_vid a, sg_vid b)
{
    return sg_on_emit1(n, SG_OP_MATMUL, SG_INS(a, b));
}

sg_vid sg_ob_transpose(sg_onnx_node *n, sg_vid x, const int64_t *perm, int rank)
{
    return sg_ob_node(n, SG_OP_TRANSPOSE, SG_INS(x), SG_SET({SG_A_perm, .ints = perm, .n = rank}));
}

sg_vid sg_ob_swap_last(sg_onnx_node *n, sg_vid x)
{
    int rank = x ? sg_ob_type(n, x)->rank : 0;
    if (rank < 0)
        sg_fail(n->err, SEDGE_E_UNSUPPORTED, "needs a known rank");
    if (rank < 2)
        return rank < 0 ? SG_NONE_ID : x;
    int64_t perm[SG_RANK_MAX];
    for (int i = 0; i < rank; i++)
        perm[i] = i;
    perm[rank - 2] = rank - 1;
    perm[rank - 1] = rank - 2;
    return sg_ob_transpose(n, x, perm, rank);
}

sg_vid sg_ob_slice(sg_onnx_node *n, sg_vid x, int axis, int64_t from, int64_t to)
{
    int64_t a = axis;
    sg_vid in[4] = {x, sg_on_const_i64s(n, &from, 1), sg_on_const_i64s(n, &to, 1), sg_on_const_i64s(n, &a, 1)};
    return sg_on_emit1(n, SG_OP_SLICE, in, 4);
}

sg_vid sg_ob_concat(sg_onnx_node *n, sg_vid a, sg_vid b, int axis)
{
    return sg_ob_node(n, SG_OP_CONCAT, SG_INS(a, b), SG_SET({SG_A_axis, .i = axis}));
}

sg_vid sg_ob_gather(sg_onnx_node *n, sg_vid x, sg_vid index, int axis)
{
    return sg_ob_node(n, SG_OP_GATHER, SG_INS(x, index), SG_SET({SG_A_axis, .i = axis}));
}

sg_vid sg_ob_row(sg_onnx_node *n, sg_vid x, int64_t i)
{
    return sg_ob_gather(n, x, sg_on_const_i64(n, i), 0);
}

sg_vid sg_ob_dim(sg_onnx_node *n, sg_vid x, int axis)
{
    return sg_ob_gather(n, sg_on_emit1(n, SG_OP_SHAPE, &x, 1), sg_on_const_i64(n, axis), 0);
}

sg_vid sg_ob_iota(sg_onnx_node *n, sg_vid count)
{
    return sg_on_emit1(n, SG_OP_RANGE, SG_INS(sg_on_const_i64(n, 0), count, sg_on_const_i64(n, 1)));
}

sedge_status sg_ob_need(sg_onnx_node *n, int count)
{
    for (int k = 0; k < count; k++)
        if (!sg_on_in(n, k))
            return sg_fail(n->err, SEDGE_E_FORMAT, "input %d is missing", k);
    return SEDGE_OK;
}

sedge_status sg_ob_attend(sg_onnx_node *n, const sg_ob_attention *a, sg_vid out[3])
{
    sg_nid node = sg_on_emit(n, SG_OP_ATTENTION, (sg_vid[]){a->q, a->k, a->v, a->mask, a->past_k, a->past_v},
                             a->past_k ? 6
                             : a->mask ? 4
                                       : 3,
                             3);
    if (!node)
        return n->err->status;
    bool set = sg_set_int(n->g, node, SG_A_is_causal, a->causal) && sg_set_int(n->g, node, SG_A_left_window_size, a->window) &&
               sg_set_float(n->g, node, SG_A_softcap, a->softcap);
    if (set && sg_ob_type(n, a->q)->rank != 4)
        set = sg_set_int(n->g, node, SG_A_q_num_heads, a->q_heads) && sg_set_int(n->g, node, SG_A_kv_num_heads, a->kv_heads);
    if (set && a->scale > 0)
        set = sg_set_float(n->g, node, SG_A_scale, a->scale);
    for (int k = 0; k < 3; k++)
        out[k] = sg_node_out(n->g, node, k);
    return set ? sg_on_done(n, node) : sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
}
