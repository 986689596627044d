/* Building blocks for lowering com.microsoft's operators. */
#include "import/onnx/contrib.h"

#include "op/elementwise.h"

static sg_vid finish(sg_onnx_node *n, sg_nid node, bool set)
{
    if (node && !set)
        sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
    if (!node || sg_on_done(n, node) != SEDGE_OK)
        return SG_NONE_ID;
    return sg_node_out(n->g, node, 0);
}

sg_vid sg_cb_emit_int(sg_onnx_node *n, sg_op_id row, const sg_vid *ins, int n_in, sg_attr_id id, int64_t v)
{
    if (!ins[0])
        return SG_NONE_ID;
    sg_nid node = sg_on_emit(n, row, ins, n_in, 1);
    return finish(n, node, node && sg_set_int(n->g, node, id, v));
}

sg_vid sg_cb_unary(sg_onnx_node *n, int kind, sg_vid x, double alpha, double beta)
{
    if (!x)
        return SG_NONE_ID;
    sg_nid node = sg_on_emit(n, SG_OP_UNARY, &x, 1, 1);
    bool set = node && sg_set_int(n->g, node, SG_A_kind, kind) && sg_set_float(n->g, node, SG_A_alpha, alpha) &&
               sg_set_float(n->g, node, SG_A_beta, beta);
    return finish(n, node, set);
}

sg_vid sg_cb_binary(sg_onnx_node *n, int kind, sg_vid a, sg_vid b)
{
    sg_vid in[2] = {a, b};
    return b ? sg_cb_emit_int(n, SG_OP_BINARY, in, 2, SG_A_kind, kind) : SG_NONE_ID;
}

sg_vid sg_cb_add_maybe(sg_onnx_node *n, sg_vid a, sg_vid b)
{
    return a && b ? sg_cb_binary(n, SG_BINARY_ADD, a, b) : a;
}

sg_vid sg_cb_scalar(sg_onnx_node *n, sg_dtype dtype, double v)
{
    sg_vid c = sg_const_f64(n->g, dtype, v);
    if (!c)
        sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
    return c;
}

sg_vid sg_cb_binary_scalar(sg_onnx_node *n, int kind, sg_vid x, double v)
{
    return x ? sg_cb_binary(n, kind, x, sg_cb_scalar(n, (sg_dtype)sg_cb_type(n, x)->dtype, v)) : SG_NONE_ID;
}

sg_vid sg_cb_cast(sg_onnx_node *n, sg_vid x, sg_dtype to)
{
    return x && sg_cb_type(n, x)->dtype == to ? x : sg_cb_emit_int(n, SG_OP_CAST, &x, 1, SG_A_to, to);
}

static sg_vid with_list(sg_onnx_node *n, sg_op_id row, sg_vid x, const int64_t *v, int count)
{
    sg_vid in[2] = {x, sg_on_const_i64s(n, v, count)};
    return in[0] && in[1] ? sg_on_emit1(n, row, in, 2) : SG_NONE_ID;
}

sg_vid sg_cb_reshape(sg_onnx_node *n, sg_vid x, const int64_t *dim, int rank)
{
    return with_list(n, SG_OP_RESHAPE, x, dim, rank);
}

sg_vid sg_cb_unsqueeze(sg_onnx_node *n, sg_vid x, int64_t axis)
{
    return with_list(n, SG_OP_UNSQUEEZE, x, &axis, 1);
}

sg_vid sg_cb_transpose(sg_onnx_node *n, sg_vid x, const int64_t *perm, int rank)
{
    if (!x)
        return SG_NONE_ID;
    sg_nid node = sg_on_emit(n, SG_OP_TRANSPOSE, &x, 1, 1);
    return finish(n, node, node && sg_set_ints(n->g, node, SG_A_perm, perm, (size_t)rank));
}

sg_vid sg_cb_swap_last(sg_onnx_node *n, sg_vid x)
{
    int rank = x ? sg_cb_type(n, x)->rank : 0;
    if (rank < 0)
        sg_fail(n->err, SEDGE_E_UNSUPPORTED, "needs a known rank");
    if (rank < 2)
        return rank < 0 ? SG_NONE_ID : x;
    int64_t perm[SG_RANK_MAX];
    for (int i = 0; i < rank; i++)
        perm[i] = i;
    perm[rank - 2] = rank - 1;
    perm[rank - 1] = rank - 2;
    return sg_cb_transpose(n, x, perm, rank);
}

sg_vid sg_cb_slice(sg_onnx_node *n, sg_vid x, int axis, int64_t from, int64_t to)
{
    int64_t a = axis;
    sg_vid in[4] = {x, sg_on_const_i64s(n, &from, 1), sg_on_const_i64s(n, &to, 1), sg_on_const_i64s(n, &a, 1)};
    return x && in[1] && in[2] && in[3] ? sg_on_emit1(n, SG_OP_SLICE, in, 4) : SG_NONE_ID;
}

sg_vid sg_cb_concat(sg_onnx_node *n, sg_vid a, sg_vid b, int axis)
{
    sg_vid in[2] = {a, b};
    return b ? sg_cb_emit_int(n, SG_OP_CONCAT, in, 2, SG_A_axis, axis) : SG_NONE_ID;
}

sg_vid sg_cb_gather(sg_onnx_node *n, sg_vid x, sg_vid index, int axis)
{
    sg_vid in[2] = {x, index};
    return index ? sg_cb_emit_int(n, SG_OP_GATHER, in, 2, SG_A_axis, axis) : SG_NONE_ID;
}

sg_vid sg_cb_row(sg_onnx_node *n, sg_vid x, int64_t i)
{
    return sg_cb_gather(n, x, sg_on_const_i64(n, i), 0);
}

sg_vid sg_cb_dim(sg_onnx_node *n, sg_vid x, int axis)
{
    sg_vid shape = x ? sg_on_emit1(n, SG_OP_SHAPE, &x, 1) : SG_NONE_ID;
    return sg_cb_gather(n, shape, sg_on_const_i64(n, axis), 0);
}

sg_vid sg_cb_iota(sg_onnx_node *n, sg_vid count)
{
    sg_vid in[3] = {sg_on_const_i64(n, 0), count, sg_on_const_i64(n, 1)};
    return in[0] && count && in[2] ? sg_on_emit1(n, SG_OP_RANGE, in, 3) : SG_NONE_ID;
}

sedge_status sg_cb_need(sg_onnx_node *n, int count)
{
    for (int k = 0; k < count; k++)
        if (!sg_on_in(n, k))
            return sg_fail(n->err, SEDGE_E_FORMAT, "input %d is missing", k);
    return SEDGE_OK;
}

sedge_status sg_cb_end(sg_onnx_node *n, int k, sg_vid v)
{
    if (!v)
        return n->err->status != SEDGE_OK ? n->err->status : sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
    if (k < n->n_out)
        n->out[k] = v;
    return SEDGE_OK;
}

sedge_status sg_cb_attend(sg_onnx_node *n, const sg_cb_attention *a, sg_vid out[3])
{
    sg_vid in[6] = {a->q, a->k, a->v, a->mask, a->past_k, a->past_v};
    if (!a->q || !a->k || !a->v)
        return sg_cb_end(n, 0, SG_NONE_ID);
    int n_in = a->past_k ? 6 : a->mask ? 4 : 3;
    sg_nid node = sg_on_emit(n, SG_OP_ATTENTION, in, n_in, 3);
    if (!node)
        return n->err->status;
    bool set = sg_set_int(n->g, node, SG_A_is_causal, a->causal) && sg_set_int(n->g, node, SG_A_left_window_size, a->window) &&
               sg_set_float(n->g, node, SG_A_softcap, a->softcap);
    if (set && sg_cb_type(n, a->q)->rank != 4)
        set = sg_set_int(n->g, node, SG_A_q_num_heads, a->q_heads) && sg_set_int(n->g, node, SG_A_kv_num_heads, a->kv_heads);
    if (set && a->scale > 0)
        set = sg_set_float(n->g, node, SG_A_scale, a->scale);
    for (int k = 0; k < 3; k++)
        out[k] = sg_node_out(n->g, node, k);
    return set ? sg_on_done(n, node) : sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
}
