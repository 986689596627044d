/* Shapes and what only moves elements. */
#include <string.h>

#include "import/kinds.h"
#include "import/tflite/tflite.h"

/* An int64 list, scalars too, of operand k. */
static sg_vid list_of(sg_ib *n, int k)
{
    sg_vid v = sg_tf_i64(n, k);
    return v && sg_ib_type(n, v)->rank != 1 ? sg_ib_reshape(n, v, (const int64_t[]){-1}, 1) : v;
}

/* The one number that constant operand k is. */
static sedge_status number(sg_ib *n, int k, int64_t *out)
{
    int64_t count;
    const int64_t *v = sg_ib_const_ints(n, k, &count);
    if (!v || count != 1)
        return sg_tf_unsupported(n, "an axis that is not a constant");
    *out = v[0];
    return SEDGE_OK;
}

static sedge_status axis_of(sg_ib *n, int64_t axis, int rank, int *out)
{
    *out = axis >= -rank && axis < rank ? (int)(axis < 0 ? axis + rank : axis) : -1;
    return *out < 0 ? sg_fail(n->err, SEDGE_E_VALUE, "axis %lld of a tensor of rank %d", (long long)axis, rank) : SEDGE_OK;
}

/* ---- shapes ---- */

/* The shape is operand 1, or an option in older files. */
sedge_status sg_tf_reshape(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 1));
    int64_t count, zeros = 0, rest = 0;
    const int64_t *v = sg_ib_in(n, 1) ? sg_ib_const_ints(n, 1, &count) : sg_tf_ints(n, SG_TF_NEW_SHAPE, &count);
    sg_vid shape = sg_ib_in(n, 1) ? list_of(n, 1) : v ? sg_ib_const_i64s(n, v, (int)count) : SG_NONE_ID;
    if (!shape && n->err->status == SEDGE_OK)
        return sg_fail(n->err, SEDGE_E_FORMAT, "the shape is missing");
    if (sg_tf_here(n)->in[0].dtype == SG_C64) /* lower_signal.c */
        shape = sg_ib_concat(n, shape, sg_ib_const_i64s(n, (const int64_t[]){2}, 1), 0);
    for (int64_t i = 0; v && i < count; i++) {
        zeros += v[i] == 0;
        rest += v[i] == -1;
    }
    return sg_ib_end(
        n, 0, sg_ib_node(n, SG_OP_RESHAPE, SG_INS(n->in[0], shape), SG_SET({SG_A_allowzero, .i = !v || (zeros && !rest)})));
}

sedge_status sg_tf_squeeze(sg_ib *n)
{
    int64_t count;
    SG_TRY(sg_ib_need(n, 1));
    const int64_t *axes = sg_tf_ints(n, SG_TF_NEW_SHAPE, &count);
    return sg_ib_end(
        n, 0, axes && count ? sg_ib_list(n, SG_OP_SQUEEZE, n->in[0], axes, (int)count) : sg_ib_emit1(n, SG_OP_SQUEEZE, n->in, 1));
}

sedge_status sg_tf_expand_dims(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 2));
    return sg_ib_end(n, 0, sg_ib_emit1(n, SG_OP_UNSQUEEZE, SG_INS(n->in[0], list_of(n, 1))));
}

/* Operand 1 is a shape or a list of numbers of the row. */
sedge_status sg_tf_by_list(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 2));
    return sg_ib_end(n, 0, sg_ib_emit1(n, sg_tf_row(n), SG_INS(n->in[0], list_of(n, 1))));
}

sedge_status sg_tf_shape(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 1));
    return sg_ib_end(n, 0, sg_ib_cast(n, sg_ib_emit1(n, SG_OP_SHAPE, n->in, 1), sg_tf_here(n)->out[0].dtype));
}

sedge_status sg_tf_rank(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 1));
    if (sg_ib_type(n, n->in[0])->rank < 0)
        return sg_tf_unsupported(n, "an operand of unknown rank");
    return sg_ib_end(n, 0, sg_ib_scalar(n, sg_tf_here(n)->out[0].dtype, sg_ib_type(n, n->in[0])->rank));
}

/* Operand 0: the shape. */
sedge_status sg_tf_fill(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 2));
    return sg_ib_end(n, 0, sg_ib_emit1(n, SG_OP_EXPAND, SG_INS(n->in[1], list_of(n, 0))));
}

sedge_status sg_tf_zeros_like(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 1));
    sg_vid zero = sg_ib_scalar(n, (sg_dtype)sg_ib_type(n, n->in[0])->dtype, 0);
    return sg_ib_end(n, 0, sg_ib_emit1(n, SG_OP_EXPAND, SG_INS(zero, sg_ib_emit1(n, SG_OP_SHAPE, n->in, 1))));
}

/* The shape that two shapes broadcast to: of two dims the one that is not 1. */
sedge_status sg_tf_broadcast_args(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 2));
    sg_vid s[2] = {list_of(n, 0), list_of(n, 1)};
    if (!s[0] || !s[1] || sg_dim_is_expr(sg_ib_type(n, s[0])->dim[0]) || sg_dim_is_expr(sg_ib_type(n, s[1])->dim[0]))
        return sg_tf_unsupported(n, "a shape of unknown rank");
    int64_t len[2] = {sg_ib_type(n, s[0])->dim[0], sg_ib_type(n, s[1])->dim[0]};
    for (int k = 0; k < 2; k++)
        for (; len[k] < len[1 - k] && s[k]; len[k]++)
            s[k] = sg_ib_concat(n, sg_ib_const_i64s(n, (const int64_t[]){1}, 1), s[k], 0);
    sg_vid one = sg_ib_compare(n, SG_COMPARE_EQUAL, s[0], sg_ib_const_i64(n, 1));
    sg_vid y = sg_ib_emit1(n, SG_OP_WHERE, SG_INS(one, s[1], s[0]));
    return sg_ib_end(n, 0, sg_ib_cast(n, y, sg_tf_here(n)->out[0].dtype));
}

sedge_status sg_tf_range(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 3));
    return sg_ib_end(n, 0, sg_ib_emit1(n, SG_OP_RANGE, n->in, 3));
}

/* ---- moves ---- */

sedge_status sg_tf_transpose(sg_ib *n)
{
    int64_t count;
    SG_TRY(sg_ib_need(n, 2));
    const int64_t *perm = sg_ib_const_ints(n, 1, &count);
    if (!perm || count > SG_RANK_MAX)
        return sg_tf_unsupported(n, "a permutation that is not a constant");
    return sg_ib_end(n, 0, sg_ib_transpose(n, n->in[0], perm, (int)count));
}

sedge_status sg_tf_concat(sg_ib *n)
{
    return sg_ib_end(n, 0, sg_ib_node(n, SG_OP_CONCAT, n->in, n->n_in, SG_SET({SG_A_axis, .i = sg_tf_int(n, SG_TF_AXIS)})));
}

sedge_status sg_tf_pack(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, n->n_in));
    int64_t axis = sg_tf_int(n, SG_TF_PACK_AXIS);
    for (int k = 0; k < n->n_in; k++)
        if (!(n->in[k] = sg_ib_unsqueeze(n, n->in[k], axis)))
            return n->err->status;
    return sg_ib_end(n, 0, sg_ib_node(n, SG_OP_CONCAT, n->in, n->n_in, SG_SET({SG_A_axis, .i = axis})));
}

/* x in as many parts as there are results: equal ones, or of the sizes given. */
static sedge_status split(sg_ib *n, sg_vid x, sg_vid sizes, int64_t axis)
{
    sg_nid node = sg_ib_make(n, SG_OP_SPLIT, SG_INS(x, sizes), n->n_out,
                             SG_SET({SG_A_axis, .i = axis}, {SG_A_num_outputs, .i = sizes ? 0 : n->n_out}));
    for (int k = 0; node && k < n->n_out; k++)
        n->out[k] = sg_node_out(n->g, node, k);
    return node ? SEDGE_OK : n->err->status;
}

sedge_status sg_tf_unpack(sg_ib *n)
{
    int64_t axis = sg_tf_int(n, SG_TF_PACK_AXIS);
    SG_TRY(sg_ib_need(n, 1));
    SG_TRY(split(n, n->in[0], SG_NONE_ID, axis));
    for (int k = 0; k < n->n_out; k++)
        SG_TRY(sg_ib_end(n, k, sg_ib_list(n, SG_OP_SQUEEZE, n->out[k], &axis, 1)));
    return SEDGE_OK;
}

/* Operand 0 is the axis. */
sedge_status sg_tf_split(sg_ib *n)
{
    int64_t axis;
    SG_TRY(sg_ib_need(n, 2));
    SG_TRY(number(n, 0, &axis));
    return split(n, n->in[1], SG_NONE_ID, axis);
}

/* One size may be -1: what is left. */
sedge_status sg_tf_split_v(sg_ib *n)
{
    int64_t given, count, sum = 0, rest = -1;
    int axis;
    SG_TRY(sg_ib_need(n, 3));
    SG_TRY(number(n, 2, &given));
    const int64_t *v = sg_ib_const_ints(n, 1, &count);
    const sg_type *t = sg_ib_type(n, n->in[0]);
    if (!v || t->rank < 0 || count != n->n_out)
        return sg_tf_unsupported(n, "sizes that are not constant, one for each result");
    SG_TRY(axis_of(n, given, t->rank, &axis));
    int64_t *sizes = sg_arena_dup(n->arena, v, (size_t)count * sizeof *sizes);
    for (int64_t i = 0; sizes && i < count; i++)
        if (v[i] < 0)
            rest = i;
        else
            sum += v[i] > INT32_MAX ? INT32_MAX : v[i];
    if (sizes && rest >= 0 && sg_dim_is_expr(t->dim[axis]))
        return sg_tf_unsupported(n, "a size of -1 of an axis that is not known");
    if (sizes && rest >= 0)
        sizes[rest] = t->dim[axis] - sum;
    return split(n, n->in[0], sizes ? sg_ib_const_i64s(n, sizes, (int)count) : SG_NONE_ID, axis);
}

/* Paddings are pairs, one a row. Quantized zeros are the zero point. */
sedge_status sg_tf_pad(sg_ib *n)
{
    static const char *const mirror[] = {"reflect", "symmetric"};
    const sg_tf_tensor *t = &sg_tf_here(n)->in[0];
    int64_t count;
    SG_TRY(sg_ib_need(n, 2));
    const int64_t *p = sg_ib_const_ints(n, 1, &count);
    int64_t *pads = p ? sg_arena_array(n->arena, (size_t)count + 1, sizeof *pads) : NULL;
    for (int64_t i = 0; pads && i < count; i++)
        pads[i / 2 + i % 2 * (count / 2)] = p[i];
    sg_vid list = pads ? sg_ib_const_i64s(n, pads, (int)count)
                       : sg_ib_reshape(n, sg_ib_swap_last(n, sg_tf_i64(n, 1)), (const int64_t[]){-1}, 1),
           value = sg_ib_in(n, 2);
    if (!value && sg_tf_is_quant(t) && sg_ib_type(n, n->in[0])->dtype == t->dtype)
        value = sg_ib_scalar(n, t->dtype, sg_tf_zero(t));
    if (sg_tf_extra(n) < 0)
        return sg_ib_end(n, 0, sg_ib_emit1(n, SG_OP_PAD, (const sg_vid[]){n->in[0], list, value}, value ? 3 : 2));
    const char *mode = mirror[sg_tf_int(n, SG_TF_MIRROR_MODE) & 1];
    sg_nid node = sg_ib_emit(n, SG_OP_PAD, SG_INS(n->in[0], list), 1);
    if (node && !sg_set_str(n->g, node, SG_A_mode, mode, strlen(mode)))
        return sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
    SG_TRY(sg_ib_done(n, node));
    return sg_ib_end(n, 0, sg_node_out(n->g, node, 0));
}

/* ---- slices ---- */

/* Operands: x, where it begins, how many (-1: all that follow). */
sedge_status sg_tf_slice(sg_ib *n)
{
    int64_t n_size, n_from;
    SG_TRY(sg_ib_need(n, 3));
    const int64_t *from = sg_ib_const_ints(n, 1, &n_from), *size = sg_ib_const_ints(n, 2, &n_size);
    sg_vid start = list_of(n, 1), end;
    if (from && size && n_from == n_size) {
        int64_t *to = sg_arena_array(n->arena, (size_t)n_size + 1, sizeof *to);
        for (int64_t i = 0; to && i < n_size; i++)
            to[i] = size[i] < 0 || from[i] > INT64_MAX - size[i] ? INT64_MAX : from[i] + size[i];
        end = sg_ib_const_i64s(n, to, to ? (int)n_size : 0);
    } else {
        sg_vid many = list_of(n, 2), all = sg_ib_compare(n, SG_COMPARE_LESS, many, sg_ib_const_i64(n, 0));
        end = sg_ib_emit1(n, SG_OP_WHERE,
                          SG_INS(all, sg_ib_const_i64(n, INT64_MAX), sg_ib_binary(n, SG_BINARY_ADD, start, many)));
    }
    return sg_ib_end(n, 0, sg_ib_emit1(n, SG_OP_SLICE, SG_INS(n->in[0], start, end)));
}

/* A strided slice as the lists of SLICE, with what becomes of the axes before and after it. */
typedef struct strided {
    int64_t axes[SG_RANK_MAX], step[SG_RANK_MAX];
    int from[SG_RANK_MAX]; /* place in the lists of the operator */
    int n;
    int64_t fresh[SG_RANK_MAX], gone[SG_RANK_MAX]; /* new axes, axes of one element that go, both of the result before they do */
    int n_fresh, n_gone;
} strided;

static sedge_status strided_read(sg_ib *n, const int64_t *step, int64_t count, int rank, strided *s)
{
    int64_t ellipsis = sg_tf_int(n, SG_TF_ELLIPSIS_MASK), fresh = sg_tf_int(n, SG_TF_NEW_AXIS_MASK);
    int64_t gone = sg_tf_int(n, SG_TF_SHRINK_MASK);
    int axis = 0, made = 0, used = 0;
    if (count > 2 * SG_RANK_MAX)
        return sg_fail(n->err, SEDGE_E_LIMIT, "%lld axes", (long long)count);
    for (int i = 0; i < count; i++)
        used += !(ellipsis >> i & 1) && !(fresh >> i & 1);
    if (used > rank)
        return sg_fail(n->err, SEDGE_E_SHAPE, "takes %d axes of a tensor of rank %d", used, rank);
    for (int i = 0; i < count; i++) {
        if (ellipsis >> i & 1) {
            axis += rank - used;
            made += rank - used;
        } else if (fresh >> i & 1) {
            if (s->n_fresh == SG_RANK_MAX - rank)
                return sg_fail(n->err, SEDGE_E_LIMIT, "too many new axes");
            s->fresh[s->n_fresh++] = made++;
        } else {
            if (gone >> i & 1)
                s->gone[s->n_gone++] = made;
            s->axes[s->n] = axis++;
            s->step[s->n] = gone >> i & 1 ? 1 : step[i];
            s->from[s->n++] = i;
            made++;
        }
    }
    return SEDGE_OK;
}

/* Bounds of the axes that are sliced, each from place `from` of operand k, or the end that a mask says. */
static sg_vid strided_bound(sg_ib *n, const strided *s, int k)
{
    int64_t mask = sg_tf_int(n, k == 1 ? SG_TF_BEGIN_MASK : SG_TF_END_MASK), gone = sg_tf_int(n, SG_TF_SHRINK_MASK), count,
            n_from;
    bool offset = k == 2 && sg_tf_int(n, SG_TF_SLICE_OFFSET);
    const int64_t *v = sg_ib_const_ints(n, k, &count), *from = sg_ib_const_ints(n, 1, &n_from);
    int64_t list[SG_RANK_MAX], place[SG_RANK_MAX], far[SG_RANK_MAX], by_mask[SG_RANK_MAX], one[SG_RANK_MAX];
    bool known = v && (k == 1 || from);
    for (int i = 0; i < s->n; i++) {
        int at = s->from[i];
        bool single = gone >> at & 1, up = s->step[i] > 0;
        place[i] = at;
        one[i] = k == 2 && single;
        far[i] = (k == 1) == up ? (k == 1 ? 0 : INT64_MIN) : INT64_MAX;
        if (k == 2)
            far[i] = up ? INT64_MAX : INT64_MIN;
        by_mask[i] = !single && (mask >> at & 1);
        if (known && (at >= count || (k == 2 && at >= n_from))) {
            sg_fail(n->err, SEDGE_E_SHAPE, "a bound of axis %d is missing", at);
            return SG_NONE_ID;
        }
        if (known)
            list[i] = by_mask[i] ? far[i]
                      : one[i]   ? (from[at] == -1 ? INT64_MAX : from[at] + 1)
                                 : v[at] + (offset ? from[at] : 0);
    }
    if (known)
        return sg_ib_const_i64s(n, list, s->n);
    sg_vid where = sg_ib_const_i64s(n, place, s->n), start = sg_ib_gather(n, list_of(n, 1), where, 0);
    sg_vid x = sg_ib_gather(n, list_of(n, k), where, 0), ones = sg_ib_cast(n, sg_ib_const_i64s(n, one, s->n), SG_BOOL);
    if (offset)
        x = sg_ib_binary(n, SG_BINARY_ADD, x, start);
    if (k == 2) {
        sg_vid next = sg_ib_binary_scalar(n, SG_BINARY_ADD, start, 1), end = sg_ib_const_i64(n, INT64_MAX);
        next = sg_ib_emit1(n, SG_OP_WHERE, SG_INS(sg_ib_compare(n, SG_COMPARE_EQUAL, next, sg_ib_const_i64(n, 0)), end, next));
        x = sg_ib_emit1(n, SG_OP_WHERE, SG_INS(ones, next, x));
    }
    sg_vid masked = sg_ib_cast(n, sg_ib_const_i64s(n, by_mask, s->n), SG_BOOL);
    return sg_ib_emit1(n, SG_OP_WHERE, SG_INS(masked, sg_ib_const_i64s(n, far, s->n), x));
}

sedge_status sg_tf_strided_slice(sg_ib *n)
{
    strided s = {.n = 0};
    int64_t count;
    SG_TRY(sg_ib_need(n, 4));
    const int64_t *step = sg_ib_const_ints(n, 3, &count);
    int rank = sg_ib_type(n, n->in[0])->rank;
    if (!step || rank < 0)
        return sg_tf_unsupported(n, "a step that is not constant");
    SG_TRY(strided_read(n, step, count, rank, &s));
    sg_vid from = strided_bound(n, &s, 1), to = strided_bound(n, &s, 2);
    sg_vid y = sg_ib_emit1(n, SG_OP_SLICE,
                           SG_INS(n->in[0], from, to, sg_ib_const_i64s(n, s.axes, s.n), sg_ib_const_i64s(n, s.step, s.n)));
    if (s.n_fresh)
        y = sg_ib_list(n, SG_OP_UNSQUEEZE, y, s.fresh, s.n_fresh);
    return sg_ib_end(n, 0, s.n_gone ? sg_ib_list(n, SG_OP_SQUEEZE, y, s.gone, s.n_gone) : y);
}

/* Axes in operand 1. */
sedge_status sg_tf_reverse(sg_ib *n)
{
    int64_t count, last[SG_RANK_MAX], end[SG_RANK_MAX];
    SG_TRY(sg_ib_need(n, 2));
    const int64_t *axes = sg_ib_const_ints(n, 1, &count);
    if (!axes || count > SG_RANK_MAX)
        return sg_tf_unsupported(n, "axes that are not constant");
    for (int64_t i = 0; i < count; i++) {
        last[i] = -1;
        end[i] = INT64_MIN;
    }
    sg_vid minus = sg_ib_const_i64s(n, last, (int)count);
    return sg_ib_end(
        n, 0,
        sg_ib_emit1(n, SG_OP_SLICE,
                    SG_INS(n->in[0], minus, sg_ib_const_i64s(n, end, (int)count), sg_ib_const_i64s(n, axes, (int)count), minus)));
}

sedge_status sg_tf_reverse_sequence(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 2));
    return sg_ib_end(n, 0,
                     sg_ib_node(n, SG_OP_REVERSE_SEQUENCE, SG_INS(n->in[0], sg_tf_i64(n, 1)),
                                SG_SET({SG_A_time_axis, .i = sg_tf_int(n, SG_TF_AXIS)},
                                       {SG_A_batch_axis, .i = sg_tf_int(n, SG_TF_PACK_AXIS)})));
}

/* ---- reductions ---- */

/* Along the axes in operand 1. */
sedge_status sg_tf_reduce(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 2));
    sg_vid x = n->in[0];
    bool truth = sg_ib_type(n, x)->dtype == SG_BOOL;
    x = truth ? sg_ib_cast(n, x, SG_U8) : x;
    sg_vid y = sg_ib_node(n, SG_OP_REDUCE, SG_INS(x, list_of(n, 1)),
                          SG_SET({SG_A_kind, .i = sg_tf_extra(n)}, {SG_A_keepdims, .i = sg_tf_int(n, SG_TF_KEEP_DIMS) != 0},
                                 {SG_A_noop_with_empty_axes, .i = 1}));
    return sg_ib_end(n, 0, truth ? sg_ib_cast(n, y, SG_BOOL) : y);
}

/* The place of the largest or least element along the axis in operand 1. */
sedge_status sg_tf_arg(sg_ib *n)
{
    int64_t axis;
    SG_TRY(sg_ib_need(n, 2));
    SG_TRY(number(n, 1, &axis));
    sg_vid y = sg_ib_node(n, SG_OP_ARG_REDUCE, SG_INS(n->in[0]),
                          SG_SET({SG_A_kind, .i = sg_tf_extra(n)}, {SG_A_axis, .i = axis}, {SG_A_keepdims, .i = 0}));
    return sg_ib_end(n, 0, sg_ib_cast(n, y, sg_tf_here(n)->out[0].dtype));
}

/* ---- by index ---- */

/* With batch dims b: the axis comes to place b, rows are gathered, and what stood before it goes back to its place. */
static sg_vid gather_batched(sg_ib *n, int axis, int b)
{
    int64_t to[SG_RANK_MAX], back[SG_RANK_MAX];
    int rank = sg_ib_type(n, n->in[0])->rank, n_index = sg_ib_type(n, n->in[1])->rank - b, at = 0, skip = axis - b;
    if (rank < 0 || n_index < 0 || b > axis || rank + n_index - 1 > SG_RANK_MAX) {
        sg_tf_unsupported(n, "an index of this rank");
        return SG_NONE_ID;
    }
    for (int i = 0; i < rank; i++)
        to[i] = i < b ? i : i == b ? axis : i <= axis ? i - 1 : i;
    for (int i = 0; i < b; i++)
        back[at++] = i;
    for (int i = 0; i < skip; i++)
        back[at++] = b + n_index + i;
    for (int i = 0; i < n_index; i++)
        back[at++] = b + i;
    for (int i = axis + 1; i < rank; i++)
        back[at++] = n_index + i - 1;
    sg_vid y = sg_ib_node(n, SG_OP_GATHER_ND,
                          SG_INS(sg_ib_transpose(n, n->in[0], to, rank), sg_ib_unsqueeze(n, sg_tf_i64(n, 1), -1)),
                          SG_SET({SG_A_batch_dims, .i = b}));
    return sg_ib_transpose(n, y, back, at);
}

sedge_status sg_tf_gather(sg_ib *n)
{
    int64_t b = sg_tf_int(n, SG_TF_BATCH_DIMS);
    int axis;
    SG_TRY(sg_ib_need(n, 2));
    int rank = sg_ib_type(n, n->in[0])->rank, n_index = sg_ib_type(n, n->in[1])->rank;
    SG_TRY(axis_of(n, sg_tf_int(n, SG_TF_AXIS), rank, &axis));
    b += b < 0 ? n_index : 0;
    if (b < 0 || b > n_index)
        return sg_fail(n->err, SEDGE_E_VALUE, "%lld batch dimensions", (long long)b);
    return sg_ib_end(n, 0, b ? gather_batched(n, axis, (int)b) : sg_ib_gather(n, n->in[0], n->in[1], axis));
}

sedge_status sg_tf_gather_nd(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 2));
    return sg_ib_end(n, 0, sg_ib_emit1(n, SG_OP_GATHER_ND, SG_INS(n->in[0], sg_tf_i64(n, 1))));
}

/* Rows of operand 1, which may be integers with a scale. */
sedge_status sg_tf_embedding_lookup(sg_ib *n)
{
    const sg_tf_tensor *t = &sg_tf_here(n)->in[1];
    SG_TRY(sg_ib_need(n, 2));
    sg_vid y = sg_ib_gather(n, n->in[1], n->in[0], 0);
    return sg_ib_end(n, 0, y && sg_tf_is_quant(t) && t->scale.n == 1 ? sg_tf_dequant(n, y, t, 0) : y);
}
