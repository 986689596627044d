/* Shapes and what only moves elements. Integers with a scale move as they are. */
#include <string.h>

#include "export/tflite/write.h"
#include "op/reduce.h"

/* A value made of x by moving: a tensor for it, of integers if x is such. *in: the operand. */
static int32_t moved(sg_tw_scope *sc, sg_vid x, sg_vid y, const int8_t *from, const int8_t *to, int32_t *in)
{
    bool ints = sg_tw_is_ints(sc, x);
    *in = sg_tw_operand(sc, x, from, ints);
    if (*in < 0)
        return SG_TW_BAD;
    return ints ? sg_tw_out_ints(sc, y, to, x, *in) : sg_tw_out(sc, y, to);
}

/* The place of an axis of the value in its tensor. */
static int place(const int8_t *order, int rank, int64_t axis)
{
    axis += axis < 0 ? rank : 0;
    for (int k = 0; k < rank; k++)
        if (order[k] == axis)
            return k;
    return 0;
}

/* Dims as a list of int32: with one unknown at most, which is -1. */
static int32_t shape_list(sg_tw_scope *sc, const sg_type *t, int *unknown)
{
    int64_t list[SG_RANK_MAX];
    *unknown = 0;
    for (int i = 0; i < t->rank; i++) {
        list[i] = sg_dim_is_expr(t->dim[i]) ? -1 : t->dim[i];
        *unknown += list[i] < 0;
    }
    return *unknown > 1 ? -1 : sg_tw_list32(sc, list, t->rank, 1);
}

/* Operand v, a list of integers, as int32. */
static int32_t list_operand(sg_tw_scope *sc, sg_vid v)
{
    int64_t n;
    const int64_t *known = sg_tw_ints(sc, v, &n);
    if (known)
        return sg_tw_list32(sc, known, (int)n, sg_tw_type(sc, v)->rank);
    int32_t t = sg_tw_need(sc, v, NULL);
    return t >= 0 && sc->sub->tensor[t].dtype == SG_I64 ? sg_tw_cast_to(sc, t, SG_I32, -1) : t;
}

/* ---- shapes ---- */

/* Complex numbers stay together: the shape without the last axis. */
static sedge_status reshape_complex(sg_tw_scope *sc, sg_nid n, sg_vid x, sg_vid y)
{
    sg_type t = *sg_tw_type(sc, y);
    int unknown;
    t.rank--;
    int32_t in = sc->val[x].t, list = shape_list(sc, &t, &unknown), out = sg_tw_like(sc, in, t.rank, t.dim);
    const sg_value *shape = &sc->g->value[sg_node_in(sc->g, n, 1)];
    if (list == -1 && shape->role == SG_COMPUTED && sc->g->node[shape->def].op == SG_ROW(CONCAT))
        list = list_operand(sc, sg_node_in(sc->g, shape->def, 0)); /* the last axis was joined to it */
    if (list == -1)
        return sg_tw_unsupported(sc, "a shape of which more than one dimension is unknown");
    sc->val[y] = sc->val[x];
    sc->val[y].t = out;
    return sg_tw_emit(sc, SG_TW_RESHAPE, (const int32_t[]){in, list}, 2, &out, 1, NULL, 0);
}

/* A zero in the shape is a size, as in the file, or there is none; ONNX may mean the size that the operand has. */
static bool zeros_are_zeros(sg_tw_scope *sc, sg_nid n)
{
    const sg_value *shape = &sc->g->value[sg_node_in(sc->g, n, 1)];
    bool none = shape->content != NULL;
    for (uint32_t i = 0; none && i < shape->n_content; i++)
        none = shape->content[i] != 0;
    return none || sg_get_int(sg_tw_attrs(sc, n), SG_A_allowzero);
}

sedge_status sg_tw_reshape(sg_tw_scope *sc, sg_nid n)
{
    sg_vid x = sg_node_in(sc->g, n, 0), y = sg_node_out(sc->g, n, 0);
    const sg_type *ty = sg_tw_type(sc, y);
    bool ints = sg_tw_is_ints(sc, x);
    int unknown;
    if (sc->val[x].complex && ty->rank > 0 && ty->dim[ty->rank - 1] == 2)
        return reshape_complex(sc, n, x, y);
    int32_t in = sg_tw_need_flat(sc, x, ints), list = shape_list(sc, sg_tw_type(sc, y), &unknown), out;
    if (in < 0 || sg_tw_type(sc, y)->rank < 0)
        return sg_tw_unsupported(sc, "a result of unknown rank");
    out = ints ? sg_tw_out_ints(sc, y, NULL, x, in) : sg_tw_out(sc, y, NULL);
    if (list == -1 && sc->g->node[n].op == SG_ROW(RESHAPE) && zeros_are_zeros(sc, n))
        list = list_operand(sc, sg_node_in(sc->g, n, 1));
    if (list != -1)
        return sg_tw_emit(sc, SG_TW_RESHAPE, (const int32_t[]){in, list}, 2, &out, 1, NULL, 0);
    int64_t count;
    const int64_t *axes = sg_node_in(sc->g, n, 1) ? sg_tw_ints(sc, sg_node_in(sc->g, n, 1), &count) : NULL;
    in = sg_tw_operand(sc, x, NULL, ints);
    if (axes && sc->g->node[n].op == SG_ROW(UNSQUEEZE) && count == 1)
        return sg_tw_emit(sc, SG_TW_EXPAND_DIMS, (const int32_t[]){in, sg_tw_list32(sc, axes, 1, 1)}, 2, &out, 1, NULL, 0);
    if (axes && sc->g->node[n].op == SG_ROW(SQUEEZE))
        return sg_tw_emit(sc, SG_TW_SQUEEZE, &in, 1, &out, 1, &(const sg_tw_attr){SG_TF_NEW_SHAPE, .list = axes, .n = (int)count},
                          1);
    return sg_tw_unsupported(sc, "a shape of which more than one dimension is unknown");
}

/* Only the order of the axes changes. */
sedge_status sg_tw_transpose(sg_tw_scope *sc, sg_nid n)
{
    sg_vid x = sg_node_in(sc->g, n, 0), y = sg_node_out(sc->g, n, 0);
    int n_perm, rank = sg_tw_type(sc, x)->rank;
    const int64_t *perm = sg_get_ints(sg_tw_attrs(sc, n), SG_A_perm, &n_perm);
    const sg_tw_val *from = sg_tw_of(sc, x);
    if (rank < 0 || !from->there || from->complex || (perm && n_perm && n_perm != rank))
        return sg_tw_unsupported(sc, "an operand of this form");
    sg_tw_val *to = &sc->val[y];
    *to = *from;
    to->turned = -1;
    for (int k = 0; k < rank; k++)
        for (int i = 0; i < rank; i++)
            if ((perm && n_perm ? perm[i] : rank - 1 - i) == from->order[k])
                to->order[k] = (int8_t)i;
    if (to->t >= 0 && sc->g->value[y].name && !sc->sub->tensor[to->t].name)
        sc->sub->tensor[to->t].name = sc->g->value[y].name;
    return SEDGE_OK;
}

sedge_status sg_tw_shape(sg_tw_scope *sc, sg_nid n)
{
    sg_attrs a = sg_tw_attrs(sc, n);
    sg_vid x = sg_node_in(sc->g, n, 0), y = sg_node_out(sc->g, n, 0);
    int rank = sg_tw_type(sc, x)->rank;
    int64_t from = sg_get_int(a, SG_A_start), to = sg_get_int(a, SG_A_end);
    from += from < 0 ? rank : 0;
    to = to > rank ? rank : to < 0 ? to + rank : to;
    int32_t in = sg_tw_operand(sc, x, NULL, sg_tw_is_ints(sc, x)), out = sg_tw_out(sc, y, NULL);
    bool whole = from == 0 && to == rank;
    int32_t all = whole || out < 0 ? out : sg_tw_like(sc, out, 1, (const sg_dim[]){rank});
    SG_TRY(sg_tw_emit(sc, SG_TW_SHAPE, &in, 1, &all, 1, &(const sg_tw_attr){SG_TF_OUT_TYPE, .i = 4}, 1));
    if (whole)
        return SEDGE_OK;
    const int64_t size = to > from ? to - from : 0;
    const int32_t part[3] = {all, sg_tw_list32(sc, &from, 1, 1), sg_tw_list32(sc, &size, 1, 1)};
    return sg_tw_emit(sc, SG_TW_SLICE, part, 3, &out, 1, NULL, 0);
}

/* ---- moves ---- */

sedge_status sg_tw_concat(sg_tw_scope *sc, sg_nid n)
{
    const sg_node *node = &sc->g->node[n];
    int count = node->n_in, rank = sg_tw_type(sc, node->out[0])->rank;
    int32_t *in = sg_arena_array(sc->w->arena, (size_t)count, sizeof *in), out;
    const int8_t *order = NULL;
    bool ints = true;
    if (!in)
        return sg_tw_nomem(sc->w);
    sg_vid first = sg_node_in(sc->g, n, 0);
    for (int k = 0; k < count; k++) {
        sg_vid v = sg_node_in(sc->g, n, k);
        const sg_tw_val *val = sg_tw_of(sc, v);
        order = order || val->src ? order : val->order;
        ints = ints && sg_tw_is_ints(sc, v) && sg_tw_quant_same(&val->q, &sc->val[first].q);
    }
    int8_t own[SG_RANK_MAX];
    sg_tw_same(own);
    if (order)
        memcpy(own, order, sizeof own);
    for (int k = 0; k < count; k++)
        in[k] = sg_tw_operand(sc, sg_node_in(sc->g, n, k), own, ints);
    if (in[0] < 0)
        return sc->w->err->status;
    out = ints ? sg_tw_out_ints(sc, node->out[0], own, first, in[0]) : sg_tw_out(sc, node->out[0], own);
    return sg_tw_emit(sc, SG_TW_CONCATENATION, in, count, &out, 1,
                      &(const sg_tw_attr){SG_TF_AXIS, .i = place(own, rank, sg_get_int(sg_tw_attrs(sc, n), SG_A_axis))}, 1);
}

sedge_status sg_tw_split(sg_tw_scope *sc, sg_nid n)
{
    const sg_node *node = &sc->g->node[n];
    sg_vid x = sg_node_in(sc->g, n, 0);
    int rank = sg_tw_type(sc, x)->rank, count = node->n_out;
    int32_t *out = sg_arena_array(sc->w->arena, (size_t)count, sizeof *out), in = -1;
    int64_t *size = sg_arena_array(sc->w->arena, (size_t)count, sizeof *size);
    sg_tw_of(sc, x);
    int8_t order[SG_RANK_MAX];
    memcpy(order, sc->val[x].order, sizeof order);
    int64_t axis = place(order, rank, sg_get_int(sg_tw_attrs(sc, n), SG_A_axis));
    if (!out || !size)
        return sg_tw_nomem(sc->w);
    for (int k = 0; k < count; k++) {
        if (!node->out[k])
            return sg_tw_unsupported(sc, "a part that nobody wants");
        size[k] = sg_tw_type(sc, node->out[k])->dim[order[axis]];
        if (sg_dim_is_expr(size[k]))
            return sg_tw_unsupported(sc, "a part of unknown size");
        out[k] = moved(sc, x, node->out[k], order, order, &in);
    }
    const int32_t ins[3] = {in, sg_tw_list32(sc, size, count, 1), sg_tw_list32(sc, &axis, 1, 0)};
    return sg_tw_emit(sc, SG_TW_SPLIT_V, ins, 3, out, count, &(const sg_tw_attr){SG_TF_SPLITS, .i = count}, 1);
}

/* Bounds by axis of the value; masks say where there are none. */
typedef struct bounds {
    int64_t from[SG_RANK_MAX], to[SG_RANK_MAX], step[SG_RANK_MAX];
    int64_t from_mask, to_mask;
    bool plain; /* steps of 1, sizes known */
} bounds;

static bool bounds_read(sg_tw_scope *sc, sg_nid n, const int8_t *order, bounds *b)
{
    const sg_type *t = sg_tw_type(sc, sg_node_in(sc->g, n, 0));
    int64_t count[4];
    const int64_t *v[4];
    for (int k = 0; k < 4; k++)
        v[k] = sg_node_in(sc->g, n, 1 + k) ? sg_tw_ints(sc, sg_node_in(sc->g, n, 1 + k), &count[k]) : NULL;
    if (!v[0] || !v[1] || (sg_node_in(sc->g, n, 3) && !v[2]) || (sg_node_in(sc->g, n, 4) && !v[3]))
        return false;
    *b = (bounds){.from_mask = (1 << t->rank) - 1, .to_mask = (1 << t->rank) - 1, .plain = true};
    for (int k = 0; k < t->rank; k++)
        b->step[k] = 1;
    for (int64_t i = 0; i < count[0]; i++) {
        int k = place(order, t->rank, v[2] ? v[2][i] : i);
        int64_t from = v[0][i], to = v[1][i], step = v[3] ? v[3][i] : 1, dim = t->dim[order[k]];
        bool known = !sg_dim_is_expr(dim);
        b->step[k] = step;
        b->plain = b->plain && step == 1 && known;
        if (known) {
            from += from < 0 ? dim : 0;
            to += to < 0 && to >= -dim ? dim : 0;
            from = from < 0 ? 0 : from > dim ? dim : from;
            from = step < 0 && from == dim ? dim - 1 : from;
            to = to > dim ? dim : to < 0 ? -1 : to;
        }
        bool all_from = step > 0 ? from == 0 : from >= INT32_MAX || (known && from == dim - 1);
        bool all_to = step > 0 ? to >= INT32_MAX || (known && to == dim) : to < 0 && (known || to < INT32_MIN);
        b->from[k] = all_from ? 0 : from;
        b->to[k] = all_to ? 0 : to;
        if (!all_from)
            b->from_mask &= ~(1 << k);
        if (!all_to)
            b->to_mask &= ~(1 << k);
    }
    return true;
}

sedge_status sg_tw_slice(sg_tw_scope *sc, sg_nid n)
{
    sg_vid x = sg_node_in(sc->g, n, 0), y = sg_node_out(sc->g, n, 0);
    int rank = sg_tw_type(sc, x)->rank;
    bounds b;
    int8_t order[SG_RANK_MAX];
    sg_tw_of(sc, x);
    memcpy(order, sc->val[x].order, sizeof order);
    if (rank < 1 || !bounds_read(sc, n, order, &b))
        return sg_tw_unsupported(sc, "a slice whose bounds are computed");
    int32_t in, out = moved(sc, x, y, order, order, &in);
    if (b.plain) {
        int64_t size[SG_RANK_MAX];
        for (int k = 0; k < rank; k++)
            size[k] = b.to_mask >> k & 1 ? -1 : b.to[k] < b.from[k] ? 0 : b.to[k] - b.from[k];
        const int32_t ins[3] = {in, sg_tw_list32(sc, b.from, rank, 1), sg_tw_list32(sc, size, rank, 1)};
        return sg_tw_emit(sc, SG_TW_SLICE, ins, 3, &out, 1, NULL, 0);
    }
    const int32_t ins[4] = {in, sg_tw_list32(sc, b.from, rank, 1), sg_tw_list32(sc, b.to, rank, 1),
                            sg_tw_list32(sc, b.step, rank, 1)};
    const sg_tw_attr attr[] = {{SG_TF_BEGIN_MASK, .i = b.from_mask}, {SG_TF_END_MASK, .i = b.to_mask}};
    return sg_tw_emit(sc, SG_TW_STRIDED_SLICE, ins, 4, &out, 1, attr, 2);
}

/* What PAD fills with by itself: zero, as a number or as the zero point of the integers. */
static bool fills_zero(sg_tw_scope *sc, sg_vid x, sg_vid fill, bool ints, double *v)
{
    const sg_tw_quant *q = &sc->quant[x];
    *v = 0;
    if (fill && !sg_tw_scalar(sc, fill, v))
        return false;
    return ints || q->n != 1 ? *v == 0 : fill && *v == (double)q->zero[0];
}

sedge_status sg_tw_pad(sg_tw_scope *sc, sg_nid n)
{
    sg_vid x = sg_node_in(sc->g, n, 0), y = sg_node_out(sc->g, n, 0), fill = sg_node_in(sc->g, n, 2);
    const char *mode = sg_get_str(sg_tw_attrs(sc, n), SG_A_mode);
    int rank = sg_tw_type(sc, x)->rank;
    int64_t count, n_axes = 0;
    const int64_t *pads = sg_tw_ints(sc, sg_node_in(sc->g, n, 1), &count);
    const int64_t *axes = sg_node_in(sc->g, n, 3) ? sg_tw_ints(sc, sg_node_in(sc->g, n, 3), &n_axes) : NULL;
    int32_t *list = sg_arena_array(sc->w->arena, 2 * SG_RANK_MAX, sizeof *list);
    bool ints = sg_tw_is_ints(sc, x), mirror = strcmp(mode, "reflect") == 0 || strcmp(mode, "symmetric") == 0;
    int8_t order[SG_RANK_MAX];
    double v = 0;
    if (!pads || !list || (!mirror && *mode && strcmp(mode, "constant") != 0) || (sg_node_in(sc->g, n, 3) && !axes) ||
        count != 2 * (axes ? n_axes : rank))
        return sg_tw_unsupported(sc, "padding of this form");
    memcpy(order, sc->val[x].order, sizeof order);
    for (int64_t i = 0; i < count / 2; i++) {
        int k = place(order, rank, axes ? axes[i] : i);
        if (pads[i] < 0 || pads[count / 2 + i] < 0 || pads[i] > INT32_MAX || pads[count / 2 + i] > INT32_MAX)
            return sg_tw_unsupported(sc, "padding that takes away");
        list[2 * k] = (int32_t)pads[i];
        list[2 * k + 1] = (int32_t)pads[count / 2 + i];
    }
    bool zero = mirror || fills_zero(sc, x, fill, ints, &v);
    if (ints && !zero)
        ints = false;
    int32_t in[3] = {sg_tw_operand(sc, x, order, ints), -1, -1}, out;
    if (in[0] < 0)
        return sc->w->err->status;
    in[1] = sg_tw_tensor_new(sc, &(sg_tw_tensor){.name = "", .dtype = SG_I32, .rank = 2, .dim = {rank, 2}, .data = list});
    out = ints ? sg_tw_out_ints(sc, y, order, x, in[0]) : sg_tw_out(sc, y, order);
    if (!zero) {
        const sg_tw_tensor *t = &sc->sub->tensor[in[0]];
        if (t->q.n == 1 && sg_tw_type(sc, x)->dtype == SG_U8 && t->dtype == SG_I8)
            v -= 128;
        sg_tw_quant q = t->q;
        in[2] = sg_tw_number(sc, t->dtype, v, q.n ? &q : NULL);
    }
    return sg_tw_emit(sc,
                      mirror ? SG_TW_MIRROR_PAD
                      : zero ? SG_TW_PAD
                             : SG_TW_PADV2,
                      in, zero ? 2 : 3, &out, 1, &(const sg_tw_attr){SG_TF_MIRROR_MODE, .i = strcmp(mode, "symmetric") == 0},
                      mirror);
}

/* Operand 1 is a list. */
static sedge_status by_list(sg_tw_scope *sc, sg_nid n, sg_tw_code op, bool whole_shape)
{
    sg_vid x = sg_node_in(sc->g, n, 0), y = sg_node_out(sc->g, n, 0);
    int32_t in[2], out = moved(sc, x, y, NULL, NULL, &in[0]);
    int unknown = 1;
    in[1] = whole_shape ? shape_list(sc, sg_tw_type(sc, y), &unknown) : -1;
    in[1] = unknown ? list_operand(sc, sg_node_in(sc->g, n, 1)) : in[1];
    return sg_tw_emit(sc, op, in, 2, &out, 1, NULL, 0);
}

sedge_status sg_tw_expand(sg_tw_scope *sc, sg_nid n)
{
    return by_list(sc, n, SG_TW_BROADCAST_TO, true);
}

sedge_status sg_tw_tile(sg_tw_scope *sc, sg_nid n)
{
    return by_list(sc, n, SG_TW_TILE, false);
}

sedge_status sg_tw_reverse_sequence(sg_tw_scope *sc, sg_nid n)
{
    sg_attrs a = sg_tw_attrs(sc, n);
    int32_t in[2], out = moved(sc, sg_node_in(sc->g, n, 0), sg_node_out(sc->g, n, 0), NULL, NULL, &in[0]);
    in[1] = sg_tw_need(sc, sg_node_in(sc->g, n, 1), NULL);
    const sg_tw_attr attr[] = {{SG_TF_AXIS, .i = sg_get_int(a, SG_A_time_axis)},
                               {SG_TF_PACK_AXIS, .i = sg_get_int(a, SG_A_batch_axis)}};
    return sg_tw_emit(sc, SG_TW_REVERSE_SEQUENCE, in, 2, &out, 1, attr, 2);
}

sedge_status sg_tw_range(sg_tw_scope *sc, sg_nid n)
{
    int32_t in[3], out;
    for (int k = 0; k < 3; k++)
        in[k] = sg_tw_need(sc, sg_node_in(sc->g, n, k), NULL);
    out = sg_tw_out(sc, sg_node_out(sc->g, n, 0), NULL);
    return sg_tw_emit(sc, SG_TW_RANGE, in, 3, &out, 1, NULL, 0);
}

sedge_status sg_tw_constant_of_shape(sg_tw_scope *sc, sg_nid n)
{
    const sg_tensor *v = sg_get_tensor(sg_tw_attrs(sc, n), SG_A_value);
    sg_dtype t = (sg_dtype)sg_tw_type(sc, sg_node_out(sc->g, n, 0))->dtype;
    int32_t in[2] = {list_operand(sc, sg_node_in(sc->g, n, 0)),
                     sg_tw_number(sc, t, v ? sg_load_f64((sg_dtype)v->dtype, v->data, 0) : 0, NULL)};
    int32_t out = sg_tw_out(sc, sg_node_out(sc->g, n, 0), NULL);
    return sg_tw_emit(sc, SG_TW_FILL, in, 2, &out, 1, NULL, 0);
}

/* ---- reductions ---- */

/* The order of what is left when axes go. */
static void without(const int8_t *order, int rank, const bool *gone, int8_t out[SG_RANK_MAX])
{
    int at = 0;
    sg_tw_same(out);
    for (int k = 0; k < rank; k++) {
        int before = 0;
        for (int i = 0; i < order[k]; i++)
            before += gone[i];
        if (!gone[order[k]])
            out[at++] = (int8_t)(order[k] - before);
    }
}

static sedge_status reduce_by(sg_tw_scope *sc, sg_nid n, sg_tw_code op, sg_tw_rule rule, const int64_t *axes, int count,
                              bool keep)
{
    sg_vid x = sg_node_in(sc->g, n, 0);
    int rank = sg_tw_type(sc, x)->rank;
    bool gone[SG_RANK_MAX] = {false};
    int64_t list[SG_RANK_MAX];
    int8_t order[SG_RANK_MAX], to[SG_RANK_MAX];
    sg_tw_of(sc, x);
    memcpy(order, sc->val[x].order, sizeof order);
    for (int i = 0; i < count; i++) {
        list[i] = place(order, rank, axes[i]);
        gone[order[list[i]]] = true;
    }
    if (keep)
        memcpy(to, order, sizeof to);
    else
        without(order, rank, gone, to);
    sg_tw_tail t = sg_tw_tail_of(sc, n, 1, rule, 0, 0, false);
    int32_t in[2] = {sg_tw_operand(sc, x, order, t.ints), sg_tw_list32(sc, list, count, 1)}, y = sg_tw_out(sc, t.out, to);
    return sg_tw_emit(sc, op, in, 2, &y, 1, &(const sg_tw_attr){SG_TF_KEEP_DIMS, .i = keep}, 1);
}

/* A function of each element, the sum, a function of that. */
static sedge_status reduce_composed(sg_tw_scope *sc, sg_nid n, int64_t kind, const int64_t *axes, int count, bool keep)
{
    sg_vid x = sg_node_in(sc->g, n, 0), y = sg_node_out(sc->g, n, 0);
    int32_t t = sg_tw_need(sc, x, NULL), sum;
    int rank = sg_tw_type(sc, x)->rank;
    int64_t list[SG_RANK_MAX];
    for (int i = 0; i < count; i++)
        list[i] = axes[i] < 0 ? axes[i] + rank : axes[i];
    if (kind == SG_REDUCE_L1)
        t = sg_tw_then(sc, SG_TW_ABS, t, -1);
    else if (kind == SG_REDUCE_L2 || kind == SG_REDUCE_SUM_SQUARE)
        t = sg_tw_then(sc, SG_TW_MUL, t, t);
    else if (kind != SG_REDUCE_LOG_SUM || sg_tw_type(sc, x)->dtype != SG_F32)
        return sg_tw_unsupported(sc, "a reduction of this kind");
    int32_t out = sg_tw_out(sc, y, NULL);
    bool last = kind == SG_REDUCE_L1 || kind == SG_REDUCE_SUM_SQUARE;
    sum = last || out < 0 ? out : sg_tw_like(sc, out, sc->sub->tensor[out].rank, sc->sub->tensor[out].dim);
    SG_TRY(sg_tw_emit(sc, SG_TW_SUM, (const int32_t[]){t, sg_tw_list32(sc, list, count, 1)}, 2, &sum, 1,
                      &(const sg_tw_attr){SG_TF_KEEP_DIMS, .i = keep}, 1));
    return last ? SEDGE_OK : sg_tw_emit(sc, kind == SG_REDUCE_L2 ? SG_TW_SQRT : SG_TW_LOG, &sum, 1, &out, 1, NULL, 0);
}

sedge_status sg_tw_reduce(sg_tw_scope *sc, sg_nid n)
{
    static const struct {
        bool said;
        sg_tw_code op;
        sg_tw_rule rule;
    } ops[SG_REDUCE_COUNT] = {[SG_REDUCE_SUM] = {true, SG_TW_SUM, SG_TW_NEVER},
                              [SG_REDUCE_MEAN] = {true, SG_TW_MEAN, SG_TW_ANY},
                              [SG_REDUCE_MAX] = {true, SG_TW_REDUCE_MAX, SG_TW_ALIKE},
                              [SG_REDUCE_MIN] = {true, SG_TW_REDUCE_MIN, SG_TW_ALIKE},
                              [SG_REDUCE_PROD] = {true, SG_TW_REDUCE_PROD, SG_TW_NEVER}};
    sg_attrs a = sg_tw_attrs(sc, n);
    sg_vid x = sg_node_in(sc->g, n, 0), ax = sg_node_in(sc->g, n, 1);
    int64_t kind = sg_get_int(a, SG_A_kind), all[SG_RANK_MAX], count = 0;
    int rank = sg_tw_type(sc, x)->rank;
    const int64_t *axes = ax ? sg_tw_ints(sc, ax, &count) : NULL;
    const sg_tw_val *val = sg_tw_of(sc, x);
    bool keep = sg_get_int(a, SG_A_keepdims) != 0;
    if (val->complex && kind == SG_REDUCE_L2 && axes && count == 1 && (axes[0] == -1 || axes[0] == rank - 1) && !keep) {
        int32_t y = sg_tw_out(sc, sg_node_out(sc->g, n, 0), NULL);
        return sg_tw_emit(sc, SG_TW_COMPLEX_ABS, &val->t, 1, &y, 1, NULL, 0);
    }
    if ((ax && !axes) || rank < 0)
        return sg_tw_unsupported(sc, "a reduction by what is no constant");
    for (int i = 0; i < rank; i++)
        all[i] = i;
    bool noop = !count && sg_get_int(a, SG_A_noop_with_empty_axes);
    if (!ops[kind].said && !noop)
        return reduce_composed(sc, n, kind, count ? axes : all, count ? (int)count : rank, keep);
    if (noop)
        return ops[kind].said ? sg_tw_identity(sc, n) : sg_tw_unsupported(sc, "a reduction of nothing");
    return reduce_by(sc, n, ops[kind].op, ops[kind].rule, count ? axes : all, count ? (int)count : rank, keep);
}

sedge_status sg_tw_arg_reduce(sg_tw_scope *sc, sg_nid n)
{
    sg_attrs a = sg_tw_attrs(sc, n);
    sg_vid x = sg_node_in(sc->g, n, 0), y = sg_node_out(sc->g, n, 0);
    int64_t axis = sg_get_int(a, SG_A_axis);
    int rank = sg_tw_type(sc, x)->rank;
    axis += axis < 0 ? rank : 0;
    sg_dim dim[SG_RANK_MAX];
    if (sg_get_int(a, SG_A_select_last_index))
        return sg_tw_unsupported(sc, "the last of several");
    bool keep = sg_get_int(a, SG_A_keepdims) != 0;
    for (int i = 0, k = 0; i < rank; i++)
        if (i != axis)
            dim[k++] = sg_tw_type(sc, x)->dim[i];
    int32_t in[2] = {sg_tw_operand(sc, x, NULL, sg_tw_is_ints(sc, x)), sg_tw_list32(sc, &axis, 1, 0)};
    int32_t out = sg_tw_out(sc, y, NULL), flat = keep && out >= 0 ? sg_tw_like(sc, out, rank - 1, dim) : out;
    SG_TRY(sg_tw_emit(sc, sg_get_int(a, SG_A_kind) ? SG_TW_ARG_MIN : SG_TW_ARG_MAX, in, 2, &flat, 1,
                      &(const sg_tw_attr){SG_TF_OUT_TYPE, .i = 4}, 1));
    int unknown;
    return keep ? sg_tw_emit(sc, SG_TW_RESHAPE, (const int32_t[]){flat, shape_list(sc, sg_tw_type(sc, y), &unknown)}, 2, &out, 1,
                             NULL, 0)
                : SEDGE_OK;
}

/* ---- by index ---- */

sedge_status sg_tw_cum(sg_tw_scope *sc, sg_nid n)
{
    sg_attrs a = sg_tw_attrs(sc, n);
    int32_t in[2] = {sg_tw_need(sc, sg_node_in(sc->g, n, 0), NULL), list_operand(sc, sg_node_in(sc->g, n, 1))};
    int32_t out = sg_tw_out(sc, sg_node_out(sc->g, n, 0), NULL);
    const sg_tw_attr attr[] = {{SG_TF_ADJ_X, .i = sg_get_int(a, SG_A_exclusive)},
                               {SG_TF_ADJ_Y, .i = sg_get_int(a, SG_A_reverse)}};
    if (sg_get_int(a, SG_A_kind))
        return sg_tw_unsupported(sc, "a product that grows");
    return sg_tw_emit(sc, SG_TW_CUMSUM, in, 2, &out, 1, attr, 2);
}

sedge_status sg_tw_top_k(sg_tw_scope *sc, sg_nid n)
{
    sg_attrs a = sg_tw_attrs(sc, n);
    const sg_node *node = &sc->g->node[n];
    sg_vid x = sg_node_in(sc->g, n, 0), k = sg_node_in(sc->g, n, 1);
    int64_t axis = sg_get_int(a, SG_A_axis), count;
    int rank = sg_tw_type(sc, x)->rank;
    const int64_t *known = sg_tw_ints(sc, k, &count);
    if (!sg_get_int(a, SG_A_largest) || (axis != -1 && axis != rank - 1))
        return sg_tw_unsupported(sc, "the least, or another axis than the last,");
    int32_t in[2], out[2], index;
    out[0] = moved(sc, x, node->out[0], NULL, NULL, &in[0]);
    in[1] = known ? sg_tw_list32(sc, known, 1, 0) : sg_tw_cast_to(sc, sg_tw_need(sc, k, NULL), SG_I32, -1);
    if (!known && in[1] >= 0) { /* a scalar */
        int32_t scalar = sg_tw_like(sc, in[1], 0, NULL);
        SG_TRY(sg_tw_emit(sc, SG_TW_RESHAPE, (const int32_t[]){in[1], sg_tw_list32(sc, NULL, 0, 1)}, 2, &scalar, 1, NULL, 0));
        in[1] = scalar;
    }
    sg_vid yi = node->n_out > 1 ? node->out[1] : 0;
    if (out[0] < 0)
        return sc->w->err->status;
    sg_tw_tensor t = sc->sub->tensor[out[0]];
    t.dtype = SG_I32;
    t.q.n = 0;
    t.name = "";
    out[1] = index = sg_tw_tensor_new(sc, &t);
    SG_TRY(sg_tw_emit(sc, SG_TW_TOPK_V2, in, 2, out, 2, NULL, 0));
    if (yi && sg_tw_cast_to(sc, index, (sg_dtype)sg_tw_type(sc, yi)->dtype, sg_tw_out(sc, yi, NULL)) == SG_TW_BAD)
        return sc->w->err->status;
    return SEDGE_OK;
}

sedge_status sg_tw_gather(sg_tw_scope *sc, sg_nid n)
{
    sg_vid x = sg_node_in(sc->g, n, 0), i = sg_node_in(sc->g, n, 1), y = sg_node_out(sc->g, n, 0);
    int rank = sg_tw_type(sc, x)->rank;
    int64_t axis = sg_get_int(sg_tw_attrs(sc, n), SG_A_axis), count;
    const int64_t *index = sg_tw_ints(sc, i, &count);
    const sg_tw_val *val = sg_tw_of(sc, x);
    axis += axis < 0 ? rank : 0;
    if (val->complex && axis == rank - 1 && index && count == 1 && sg_tw_type(sc, i)->rank == 0) {
        int32_t part = sg_tw_out(sc, y, NULL);
        return sg_tw_emit(sc, index[0] ? SG_TW_IMAG : SG_TW_REAL, &val->t, 1, &part, 1, NULL, 0);
    }
    int64_t *up = index ? sg_arena_dup(sc->w->arena, index, (size_t)(count + 1) * sizeof *up) : NULL;
    for (int64_t k = 0; up && k < count; k++)
        up[k] += up[k] < 0 && !sg_dim_is_expr(sg_tw_type(sc, x)->dim[axis]) ? sg_tw_type(sc, x)->dim[axis] : 0;
    int32_t in[2], out = moved(sc, x, y, NULL, NULL, &in[0]);
    in[1] = sg_tw_need(sc, i, NULL);
    if (up && in[1] >= 0) {
        sg_tw_tensor t = sc->sub->tensor[in[1]];
        t.dtype = SG_I64;
        t.data = up;
        in[1] = sg_tw_tensor_new(sc, &t);
    }
    return sg_tw_emit(sc, SG_TW_GATHER, in, 2, &out, 1, &(const sg_tw_attr){SG_TF_AXIS, .i = axis}, 1);
}

sedge_status sg_tw_gather_nd(sg_tw_scope *sc, sg_nid n)
{
    int32_t in[2], out = moved(sc, sg_node_in(sc->g, n, 0), sg_node_out(sc->g, n, 0), NULL, NULL, &in[0]);
    in[1] = sg_tw_need(sc, sg_node_in(sc->g, n, 1), NULL);
    if (sg_get_int(sg_tw_attrs(sc, n), SG_A_batch_dims))
        return sg_tw_unsupported(sc, "an index by batch");
    return sg_tw_emit(sc, SG_TW_GATHER_ND, in, 2, &out, 1, NULL, 0);
}

/* The file has one place a row. */
sedge_status sg_tw_nonzero(sg_tw_scope *sc, sg_nid n)
{
    const int8_t turned[SG_RANK_MAX] = {1, 0};
    int32_t in = sg_tw_need(sc, sg_node_in(sc->g, n, 0), NULL), out = sg_tw_out(sc, sg_node_out(sc->g, n, 0), turned);
    return sg_tw_emit(sc, SG_TW_WHERE, &in, 1, &out, 1, NULL, 0);
}
