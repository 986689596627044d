/* Operators of StableHLO that stand in files as they are, and composites, which are unfolded. */
#include "import/kinds.h"
#include "import/tflite/tflite.h"

/* List f of the options, which has to have `count` elements (-1: any). */
static const int64_t *list_of(sg_ib *n, sg_tf_field f, int64_t want, int64_t *count)
{
    const int64_t *v = sg_tf_ints(n, f, count);
    if (v && (want < 0 || *count == want) && *count <= SG_RANK_MAX)
        return v;
    sg_fail(n->err, SEDGE_E_FORMAT, "a list of the options has %lld elements", (long long)*count);
    return NULL;
}

/* The shape that the file gives the result; NULL: it is not known. */
static const int64_t *result_shape(sg_ib *n)
{
    const sg_tf_tensor *t = &sg_tf_here(n)->out[0];
    for (int i = 0; i < t->rank; i++)
        if (t->dim[i] < 0)
            return sg_tf_unsupported(n, "a result of unknown shape"), NULL;
    return n->n_out ? t->dim : NULL;
}

sedge_status sg_tf_hlo_reshape(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 1));
    const int64_t *shape = result_shape(n);
    return sg_ib_end(n, 0, shape ? sg_ib_reshape(n, n->in[0], shape, sg_tf_here(n)->out[0].rank) : SG_NONE_ID);
}

sedge_status sg_tf_hlo_clamp(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 3));
    return sg_ib_end(n, 0, sg_ib_binary(n, SG_BINARY_MIN, sg_ib_binary(n, SG_BINARY_MAX, n->in[1], n->in[0]), n->in[2]));
}

/* ---- elements between and around ---- */

/* v with list[i] - 1 elements `fill` between those of axis i. */
static sg_vid dilated(sg_ib *n, sg_vid v, const int64_t *list, sg_vid fill)
{
    for (int i = 0; v && i < sg_ib_type(n, v)->rank; i++) {
        sg_type t = *sg_ib_type(n, v);
        int64_t size = t.dim[i];
        if (list[i] == 1 || size == 0)
            continue;
        if (sg_dim_is_expr(size) || list[i] < 1 || list[i] > INT32_MAX || size > INT32_MAX || t.rank == SG_RANK_MAX)
            return sg_tf_unsupported(n, "a dilation of this shape"), SG_NONE_ID;
        int64_t more[SG_RANK_MAX], flat[SG_RANK_MAX];
        for (int k = 0; k <= t.rank; k++) {
            int64_t d = k == i + 1 ? list[i] - 1 : t.dim[k > i ? k - 1 : k];
            if (sg_dim_is_expr(d))
                return sg_tf_unsupported(n, "a dilation of an unknown shape"), SG_NONE_ID;
            more[k] = d;
        }
        for (int k = 0; k < t.rank; k++)
            flat[k] = k == i ? size * list[i] : t.dim[k];
        sg_vid gap = sg_ib_list(n, SG_OP_EXPAND, fill, more, t.rank + 1);
        v = sg_ib_reshape(n, sg_ib_concat(n, sg_ib_unsqueeze(n, v, i + 1), gap, i + 1), flat, t.rank);
        v = sg_ib_slice(n, v, i, 0, (size - 1) * list[i] + 1);
    }
    return v;
}

/* Operands: x, a dilation for each axis, what stands between. */
sedge_status sg_tf_dilate(sg_ib *n)
{
    int64_t count;
    SG_TRY(sg_ib_need(n, 3));
    const int64_t *list = sg_ib_const_ints(n, 1, &count);
    if (!list || count != sg_ib_type(n, n->in[0])->rank)
        return sg_tf_unsupported(n, "a dilation that is not constant");
    return sg_ib_end(n, 0, dilated(n, n->in[0], list, n->in[2]));
}

/* Elements between, before and after; a negative number of these takes away. */
sedge_status sg_tf_hlo_pad(sg_ib *n)
{
    int64_t count, by[SG_RANK_MAX], pads[2 * SG_RANK_MAX];
    SG_TRY(sg_ib_need(n, 2));
    int rank = sg_ib_type(n, n->in[0])->rank;
    const int64_t *low = list_of(n, SG_TF_HLO_LIST_0, rank, &count), *high = list_of(n, SG_TF_HLO_LIST_1, rank, &count);
    const int64_t *inner = list_of(n, SG_TF_HLO_LIST_2, rank, &count);
    if (!low || !high || !inner)
        return n->err->status;
    sg_vid fill = sg_ib_reshape(n, n->in[1], NULL, 0);
    for (int i = 0; i < rank; i++) {
        if (inner[i] < 0 || inner[i] > INT32_MAX)
            return sg_fail(n->err, SEDGE_E_VALUE, "%lld elements between", (long long)inner[i]);
        by[i] = inner[i] + 1;
        pads[i] = low[i];
        pads[rank + i] = high[i];
    }
    sg_vid x = dilated(n, n->in[0], by, fill);
    return sg_ib_end(n, 0, sg_ib_emit1(n, SG_OP_PAD, SG_INS(x, sg_ib_const_i64s(n, pads, 2 * rank), fill)));
}

/* Operands from k on, an integer for each axis, as a list. */
static sg_vid starts(sg_ib *n, int k)
{
    sg_vid list = SG_NONE_ID;
    for (; k < n->n_in; k++) {
        sg_vid one = sg_ib_reshape(n, sg_tf_i64(n, k), (const int64_t[]){1}, 1);
        list = list ? sg_ib_concat(n, list, one, 0) : one;
    }
    return list;
}

/* Where it begins is moved so that the part lies within. */
sedge_status sg_tf_hlo_dynamic_slice(sg_ib *n)
{
    int64_t count, most[SG_RANK_MAX];
    SG_TRY(sg_ib_need(n, 2));
    const sg_type t = *sg_ib_type(n, n->in[0]);
    const int64_t *size = list_of(n, SG_TF_HLO_LIST_0, t.rank, &count);
    for (int i = 0; size && i < t.rank; i++) {
        if (sg_dim_is_expr(t.dim[i]) || size[i] < 0 || size[i] > t.dim[i])
            return sg_tf_unsupported(n, "a part of this size");
        most[i] = t.dim[i] - size[i];
    }
    sg_vid from = size && n->n_in == t.rank + 1 ? starts(n, 1) : SG_NONE_ID;
    if (!from)
        return sg_ib_end(n, 0, from);
    from = sg_ib_binary(n, SG_BINARY_MIN, sg_ib_binary(n, SG_BINARY_MAX, from, sg_ib_const_i64(n, 0)),
                        sg_ib_const_i64s(n, most, t.rank));
    sg_vid to = sg_ib_binary(n, SG_BINARY_ADD, from, sg_ib_const_i64s(n, size, t.rank));
    sg_vid y = sg_ib_emit1(n, SG_OP_SLICE, SG_INS(n->in[0], from, to));
    return sg_ib_end(n, 0, y ? sg_ib_reshape(n, y, size, t.rank) : y);
}

sedge_status sg_tf_hlo_dynamic_update_slice(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 3));
    sg_vid from = starts(n, 2);
    if (!from)
        return sg_ib_end(n, 0, from);
    n->in[2] = from;
    n->n_in = 3;
    return sg_tf_dynamic_update_slice(n);
}

/* The root of the absolute value, with the sign. */
sedge_status sg_tf_hlo_cbrt(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 1));
    sg_vid y = sg_ib_binary_scalar(n, SG_BINARY_POW, sg_ib_unary(n, SG_UNARY_ABS, n->in[0], 0, 0), 1.0 / 3);
    return sg_ib_end(n, 0, sg_ib_binary(n, SG_BINARY_MUL, y, sg_ib_unary(n, SG_UNARY_SIGN, n->in[0], 0, 0)));
}

sedge_status sg_tf_hlo_concat(sg_ib *n)
{
    return sg_ib_end(n, 0, sg_ib_node(n, SG_OP_CONCAT, n->in, n->n_in, SG_SET({SG_A_axis, .i = sg_tf_int(n, SG_TF_HLO_AXIS)})));
}

/* Axis i of the operand becomes axis list[i] of the result. */
sedge_status sg_tf_hlo_broadcast(sg_ib *n)
{
    int64_t count, shape[SG_RANK_MAX];
    SG_TRY(sg_ib_need(n, 1));
    const sg_type t = *sg_ib_type(n, n->in[0]);
    int rank = sg_tf_here(n)->out[0].rank;
    const int64_t *to = list_of(n, SG_TF_HLO_LIST_0, t.rank, &count), *out = to ? result_shape(n) : NULL;
    if (!out)
        return sg_ib_end(n, 0, SG_NONE_ID);
    for (int i = 0; i < rank; i++)
        shape[i] = 1;
    for (int64_t i = 0; i < count; i++) {
        if (to[i] < 0 || to[i] >= rank || (i && to[i] <= to[i - 1]) || sg_dim_is_expr(t.dim[i]))
            return sg_tf_unsupported(n, "this order of axes");
        shape[to[i]] = t.dim[i];
    }
    return sg_ib_end(n, 0, sg_ib_list(n, SG_OP_EXPAND, sg_ib_reshape(n, n->in[0], shape, rank), out, rank));
}

sedge_status sg_tf_hlo_slice(sg_ib *n)
{
    int64_t count, axes[SG_RANK_MAX];
    SG_TRY(sg_ib_need(n, 1));
    int rank = sg_ib_type(n, n->in[0])->rank;
    const int64_t *from = list_of(n, SG_TF_HLO_LIST_0, rank, &count), *to = list_of(n, SG_TF_HLO_LIST_1, rank, &count);
    const int64_t *step = list_of(n, SG_TF_HLO_LIST_2, rank, &count);
    if (!from || !to || !step)
        return n->err->status;
    for (int i = 0; i < rank; i++)
        axes[i] = i;
    return sg_ib_end(n, 0,
                     sg_ib_emit1(n, SG_OP_SLICE,
                                 SG_INS(n->in[0], sg_ib_const_i64s(n, from, rank), sg_ib_const_i64s(n, to, rank),
                                        sg_ib_const_i64s(n, axes, rank), sg_ib_const_i64s(n, step, rank))));
}

sedge_status sg_tf_hlo_transpose(sg_ib *n)
{
    int64_t count;
    SG_TRY(sg_ib_need(n, 1));
    const int64_t *perm = list_of(n, SG_TF_HLO_LIST_0, sg_ib_type(n, n->in[0])->rank, &count);
    return sg_ib_end(n, 0, perm ? sg_ib_transpose(n, n->in[0], perm, (int)count) : SG_NONE_ID);
}

/* Of truth values, or of the bits of integers. */
sedge_status sg_tf_hlo_logic(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 2));
    bool bits = sg_ib_type(n, n->in[0])->dtype != SG_BOOL, both = sg_tf_extra(n) == SG_BINARY_AND;
    int kind = !bits ? (int)sg_tf_extra(n) : both ? SG_BINARY_BIT_AND : SG_BINARY_BIT_OR;
    return sg_ib_end(n, 0, sg_ib_binary(n, kind, n->in[0], n->in[1]));
}

sedge_status sg_tf_hlo_compare(sg_ib *n)
{
    static const int kinds[] = {SG_COMPARE_EQUAL,   SG_COMPARE_EQUAL,      SG_COMPARE_GREATER_EQUAL,
                                SG_COMPARE_GREATER, SG_COMPARE_LESS_EQUAL, SG_COMPARE_LESS};
    int64_t k = sg_tf_int(n, SG_TF_HLO_DIRECTION);
    SG_TRY(sg_ib_need(n, 2));
    if (k < 0 || k > 5)
        return sg_fail(n->err, SEDGE_E_FORMAT, "comparison %lld", (long long)k);
    sg_vid y = sg_ib_compare(n, kinds[k], n->in[0], n->in[1]);
    return sg_ib_end(n, 0, k == 1 ? sg_ib_unary(n, SG_UNARY_NOT, y, 0, 0) : y);
}

/* 0, 1, 2 ... along one axis. */
sedge_status sg_tf_hlo_iota(sg_ib *n)
{
    const sg_tf_tensor *t = &sg_tf_here(n)->out[0];
    int64_t axis = sg_tf_int(n, SG_TF_HLO_AXIS), shape[SG_RANK_MAX];
    const int64_t *out = result_shape(n);
    if (!out || axis < 0 || axis >= t->rank)
        return out ? sg_fail(n->err, SEDGE_E_VALUE, "axis %lld", (long long)axis) : n->err->status;
    for (int i = 0; i < t->rank; i++)
        shape[i] = i == axis ? out[i] : 1;
    sg_vid v = sg_ib_cast(n, sg_ib_iota(n, sg_ib_const_i64(n, out[axis])), t->dtype);
    return sg_ib_end(n, 0, sg_ib_list(n, SG_OP_EXPAND, sg_ib_reshape(n, v, shape, t->rank), out, t->rank));
}

/* The subgraph that says what a composite is. */
sedge_status sg_tf_hlo_composite(sg_ib *n)
{
    const sg_tf_at *at = sg_tf_here(n);
    return sg_tf_unfold(at->sc->s, n->g, sg_tf_int(n, SG_TF_COMPOSITE_SUBGRAPH),
                        &(sg_tf_args){at->sc, &at->in_id, n->in, 0, n->n_in}, n->out, n->n_out);
}
