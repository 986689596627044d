/* Building blocks for lowerings: nodes and constants, one at a time, shape rules run at once. */
#include "import/build.h"

#include "op/elementwise.h"

sg_nid sg_ib_emit_op(sg_ib *n, const sg_op *op, const sg_vid *ins, int n_in, int n_out)
{
    if (n->err && n->err->status != SEDGE_OK)
        return 0;
    sg_nid id = sg_node_new(n->g, op, ins, n_in, n_out, n->before);
    if (!id) {
        sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
        return 0;
    }
    n->g->node[id].name = n->name;
    n->g->node[id].source = n->source;
    return id;
}

sg_nid sg_ib_emit(sg_ib *n, sg_op_id row, const sg_vid *ins, int n_in, int n_out)
{
    return sg_ib_emit_op(n, &sg_ops[row], ins, n_in, n_out);
}

sedge_status sg_ib_done(sg_ib *n, sg_nid node)
{
    if (!node)
        return n->err && n->err->status != SEDGE_OK ? n->err->status : sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
    if (n->err && n->err->status != SEDGE_OK)
        return n->err->status;
    return sg_infer_node(n->g, node, n->err);
}

sg_vid sg_ib_emit1(sg_ib *n, sg_op_id row, const sg_vid *ins, int n_in)
{
    sg_nid id = sg_ib_emit(n, row, ins, n_in, 1);
    if (!id || sg_ib_done(n, id) != SEDGE_OK)
        return SG_NONE_ID;
    return sg_node_out(n->g, id, 0);
}

sedge_status sg_ib_end(sg_ib *n, int k, sg_vid v)
{
    if (!v)
        return n->err->status != SEDGE_OK ? n->err->status : sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
    if (k < n->n_out)
        n->out[k] = v;
    return SEDGE_OK;
}

/* ---- constants ---- */

static sg_vid made(sg_ib *n, sg_vid v)
{
    if (!v)
        sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
    return v;
}

sg_vid sg_ib_const_i64s(sg_ib *n, const int64_t *v, int count)
{
    static const int64_t none = 0;
    return made(n, sg_const_i64(n->g, v ? v : &none, count, 1));
}

sg_vid sg_ib_const_i64(sg_ib *n, int64_t v)
{
    return made(n, sg_const_i64(n->g, &v, 1, 0));
}

sg_vid sg_ib_const_like(sg_ib *n, int k, double v)
{
    const sg_type *t = sg_ib_in_type(n, k);
    if (!t || t->dtype == SG_NONE || t->dtype == SG_STR) {
        sg_fail(n->err, SEDGE_E_TYPE, "input %d has no numeric type", k);
        return SG_NONE_ID;
    }
    return made(n, sg_const_f64(n->g, (sg_dtype)t->dtype, v));
}

/* Contents known to the shape rules serve as well as a constant. */
static const int64_t *known_ints(sg_ib *n, const sg_value *v, int64_t *count)
{
    for (uint32_t i = 0; i < v->n_content; i++)
        if (sg_dim_is_expr(v->content[i]))
            return NULL;
    *count = v->n_content;
    int64_t *p = sg_arena_dup(n->arena, v->content, v->n_content * sizeof *p);
    return made(n, p != NULL) ? p : NULL;
}

const int64_t *sg_ib_const_ints(sg_ib *n, int k, int64_t *count)
{
    *count = 0;
    sg_vid id = sg_ib_in(n, k);
    if (!id)
        return NULL;
    const sg_value *v = &n->g->value[id];
    int64_t numel = sg_d_numel(&v->type);
    if (v->role != SG_CONST || numel < 0 || !v->data)
        return v->content ? known_ints(n, v, count) : NULL;
    if (v->type.dtype == SG_STR || v->type.dtype == SG_NONE)
        return NULL;
    int64_t *p = sg_arena_array(n->arena, (size_t)numel, sizeof *p);
    if (!made(n, p != NULL) || !p)
        return NULL;
    for (int64_t i = 0; i < numel; i++)
        p[i] = sg_load_i64((sg_dtype)v->type.dtype, v->data, (size_t)i);
    *count = numel;
    return p;
}

/* ---- nodes with attributes ---- */

static bool attr_set(sg_ib *n, sg_nid node, const sg_ib_attr *a)
{
    const sg_attr *own = sg_attr_find(n->g->node[node].attr, n->g->node[node].n_attr, a->id);
    switch (own ? own->kind : SG_AK_INT) {
    case SG_AK_FLOAT: return sg_set_float(n->g, node, a->id, a->f);
    case SG_AK_INTS: return sg_set_ints(n->g, node, a->id, a->ints, (size_t)a->n);
    default: return sg_set_int(n->g, node, a->id, a->i);
    }
}

sg_nid sg_ib_make(sg_ib *n, sg_op_id row, const sg_vid *ins, int n_in, int n_out, const sg_ib_attr *attr, int n_attr)
{
    while (n_in > sg_ops[row].min_in && !ins[n_in - 1])
        n_in--;
    sg_nid node = sg_ib_emit(n, row, ins, n_in, n_out);
    for (int i = 0; node && i < n_attr; i++)
        if (!attr_set(n, node, &attr[i]))
            return sg_fail(n->err, SEDGE_E_NOMEM, "out of memory"), SG_NONE_ID;
    return sg_ib_done(n, node) == SEDGE_OK ? node : SG_NONE_ID;
}

sg_vid sg_ib_node(sg_ib *n, sg_op_id row, const sg_vid *ins, int n_in, const sg_ib_attr *attr, int n_attr)
{
    sg_nid node = sg_ib_make(n, row, ins, n_in, 1, attr, n_attr);
    return node ? sg_node_out(n->g, node, 0) : SG_NONE_ID;
}

bool sg_ib_set(sg_ib *n, sg_nid node, sg_attr_id id, int64_t v)
{
    if (node && sg_set_int(n->g, node, id, v))
        return true;
    sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
    return false;
}

/* What is set is written by exporters, so a function that has no parameters gets none. */
static bool has_parameters(int kind)
{
    switch (kind) {
    case SG_UNARY_IS_INF:
    case SG_UNARY_LEAKY_RELU:
    case SG_UNARY_ELU:
    case SG_UNARY_SELU:
    case SG_UNARY_CELU:
    case SG_UNARY_THRESHOLDED_RELU:
    case SG_UNARY_SHRINK:
    case SG_UNARY_HARD_SIGMOID:
    case SG_UNARY_SWISH:
    case SG_UNARY_LINEAR:
    case SG_UNARY_SCALED_TANH: return true;
    default: return false;
    }
}

sg_vid sg_ib_unary(sg_ib *n, int kind, sg_vid x, double alpha, double beta)
{
    if (!has_parameters(kind))
        return sg_ib_node(n, SG_OP_UNARY, SG_INS(x), SG_SET({SG_A_kind, .i = kind}));
    return sg_ib_node(n, SG_OP_UNARY, SG_INS(x),
                      SG_SET({SG_A_kind, .i = kind}, {SG_A_alpha, .f = alpha}, {SG_A_beta, .f = beta}));
}

sg_vid sg_ib_binary(sg_ib *n, int kind, sg_vid a, sg_vid b)
{
    return sg_ib_node(n, SG_OP_BINARY, SG_INS(a, b), SG_SET({SG_A_kind, .i = kind}));
}

sg_vid sg_ib_compare(sg_ib *n, int kind, sg_vid a, sg_vid b)
{
    return sg_ib_node(n, SG_OP_COMPARE, SG_INS(a, b), SG_SET({SG_A_kind, .i = kind}));
}

sg_vid sg_ib_add_maybe(sg_ib *n, sg_vid a, sg_vid b)
{
    return a && b ? sg_ib_binary(n, SG_BINARY_ADD, a, b) : a;
}

sg_vid sg_ib_scalar(sg_ib *n, sg_dtype dtype, double v)
{
    sg_vid c = sg_const_f64(n->g, dtype, v);
    if (!c)
        sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
    return c;
}

sg_vid sg_ib_binary_scalar(sg_ib *n, int kind, sg_vid x, double v)
{
    return x ? sg_ib_binary(n, kind, x, sg_ib_scalar(n, (sg_dtype)sg_ib_type(n, x)->dtype, v)) : SG_NONE_ID;
}

sg_vid sg_ib_cast(sg_ib *n, sg_vid x, sg_dtype to)
{
    return x && sg_ib_type(n, x)->dtype == to ? x : sg_ib_node(n, SG_OP_CAST, SG_INS(x), SG_SET({SG_A_to, .i = to}));
}

sg_vid sg_ib_list(sg_ib *n, sg_op_id row, sg_vid x, const int64_t *v, int count)
{
    return sg_ib_emit1(n, row, SG_INS(x, sg_ib_const_i64s(n, v, count)));
}

sg_vid sg_ib_reshape(sg_ib *n, sg_vid x, const int64_t *dim, int rank)
{
    return sg_ib_list(n, SG_OP_RESHAPE, x, dim, rank);
}

sg_vid sg_ib_unsqueeze(sg_ib *n, sg_vid x, int64_t axis)
{
    return sg_ib_list(n, SG_OP_UNSQUEEZE, x, &axis, 1);
}

sg_vid sg_ib_reduce(sg_ib *n, int kind, sg_vid x, int64_t axis, bool keep)
{
    return sg_ib_node(n, SG_OP_REDUCE, SG_INS(x, sg_ib_const_i64s(n, &axis, 1)),
                      SG_SET({SG_A_kind, .i = kind}, {SG_A_keepdims, .i = keep}));
}

sg_vid sg_ib_matmul(sg_ib *n, sg_vid a, sg_vid b)
{
    return sg_ib_emit1(n, SG_OP_MATMUL, SG_INS(a, b));
}

sg_vid sg_ib_transpose(sg_ib *n, sg_vid x, const int64_t *perm, int rank)
{
    return sg_ib_node(n, SG_OP_TRANSPOSE, SG_INS(x), SG_SET({SG_A_perm, .ints = perm, .n = rank}));
}

sg_vid sg_ib_swap_last(sg_ib *n, sg_vid x)
{
    int rank = x ? sg_ib_type(n, x)->rank : 0;
    if (rank < 0)
        sg_fail(n->err, SEDGE_E_UNSUPPORTED, "needs a known rank");
    if (rank < 2)
        return rank < 0 ? SG_NONE_ID : x;
    int64_t perm[SG_RANK_MAX];
    for (int i = 0; i < rank; i++)
        perm[i] = i;
    perm[rank - 2] = rank - 1;
    perm[rank - 1] = rank - 2;
    return sg_ib_transpose(n, x, perm, rank);
}

sg_vid sg_ib_slice(sg_ib *n, sg_vid x, int axis, int64_t from, int64_t to)
{
    int64_t a = axis;
    sg_vid in[4] = {x, sg_ib_const_i64s(n, &from, 1), sg_ib_const_i64s(n, &to, 1), sg_ib_const_i64s(n, &a, 1)};
    return sg_ib_emit1(n, SG_OP_SLICE, in, 4);
}

sg_vid sg_ib_concat(sg_ib *n, sg_vid a, sg_vid b, int axis)
{
    return sg_ib_node(n, SG_OP_CONCAT, SG_INS(a, b), SG_SET({SG_A_axis, .i = axis}));
}

sg_vid sg_ib_gather(sg_ib *n, sg_vid x, sg_vid index, int axis)
{
    return sg_ib_node(n, SG_OP_GATHER, SG_INS(x, index), SG_SET({SG_A_axis, .i = axis}));
}

sg_vid sg_ib_row(sg_ib *n, sg_vid x, int64_t i)
{
    return sg_ib_gather(n, x, sg_ib_const_i64(n, i), 0);
}

sg_vid sg_ib_dim(sg_ib *n, sg_vid x, int axis)
{
    return sg_ib_gather(n, sg_ib_emit1(n, SG_OP_SHAPE, &x, 1), sg_ib_const_i64(n, axis), 0);
}

sg_vid sg_ib_iota(sg_ib *n, sg_vid count)
{
    return sg_ib_emit1(n, SG_OP_RANGE, SG_INS(sg_ib_const_i64(n, 0), count, sg_ib_const_i64(n, 1)));
}

sedge_status sg_ib_need(sg_ib *n, int count)
{
    for (int k = 0; k < count; k++)
        if (!sg_ib_in(n, k))
            return sg_fail(n->err, SEDGE_E_FORMAT, "input %d is missing", k);
    return SEDGE_OK;
}

sedge_status sg_ib_attend(sg_ib *n, const sg_ib_attention *a, sg_vid out[3])
{
    sg_nid node = sg_ib_emit(n, SG_OP_ATTENTION, (sg_vid[]){a->q, a->k, a->v, a->mask, a->past_k, a->past_v},
                             a->past_k ? 6
                             : a->mask ? 4
                                       : 3,
                             3);
    if (!node)
        return n->err->status;
    bool set = sg_set_int(n->g, node, SG_A_is_causal, a->causal) && sg_set_int(n->g, node, SG_A_left_window_size, a->window) &&
               sg_set_float(n->g, node, SG_A_softcap, a->softcap);
    if (set && sg_ib_type(n, a->q)->rank != 4)
        set = sg_set_int(n->g, node, SG_A_q_num_heads, a->q_heads) && sg_set_int(n->g, node, SG_A_kv_num_heads, a->kv_heads);
    if (set && a->scale > 0)
        set = sg_set_float(n->g, node, SG_A_scale, a->scale);
    for (int k = 0; k < 3; k++)
        out[k] = sg_node_out(n->g, node, k);
    return set ? sg_ib_done(n, node) : sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
}
