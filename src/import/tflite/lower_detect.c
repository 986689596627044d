/* Boxes: decoding and choosing what detectors found. */
#include <math.h>

#include "import/kinds.h"
#include "import/tflite/tflite.h"

static sg_vid pair(sg_ib *n, double a, double b)
{
    static const int64_t two = 2;
    float v[2] = {(float)a, (float)b}, *p = sg_arena_dup(n->arena, v, sizeof v);
    sg_vid c = p ? sg_const_new(n->g, SG_F32, 1, &two, p, NULL) : SG_NONE_ID;
    if (!c)
        sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
    return c;
}

static sg_vid real(sg_ib *n, int k)
{
    const sg_tf_tensor *t = &sg_tf_here(n)->in[k];
    return sg_tf_is_quant(t) ? sg_tf_dequant(n, n->in[k], t, t->axis) : n->in[k];
}

/* Centers and sides relative to anchors, as the corners y0 x0 y1 x1. */
static sg_vid corners(sg_ib *n)
{
    sg_vid e = real(n, 0), a = real(n, 2);
    sg_vid size = sg_ib_slice(n, a, 1, 2, 4);
    sg_vid by = pair(n, sg_tf_custom_number(n, "y_scale", 10), sg_tf_custom_number(n, "x_scale", 10));
    sg_vid side_by = pair(n, sg_tf_custom_number(n, "h_scale", 5), sg_tf_custom_number(n, "w_scale", 5));
    sg_vid center = sg_ib_binary(n, SG_BINARY_DIV, sg_ib_slice(n, e, 2, 0, 2), by);
    center = sg_ib_binary(n, SG_BINARY_ADD, sg_ib_binary(n, SG_BINARY_MUL, center, size), sg_ib_slice(n, a, 1, 0, 2));
    sg_vid half = sg_ib_unary(n, SG_UNARY_EXP, sg_ib_binary(n, SG_BINARY_DIV, sg_ib_slice(n, e, 2, 2, 4), side_by), 0, 0);
    half = sg_ib_binary_scalar(n, SG_BINARY_MUL, sg_ib_binary(n, SG_BINARY_MUL, half, size), 0.5);
    return sg_ib_concat(n, sg_ib_binary(n, SG_BINARY_SUB, center, half), sg_ib_binary(n, SG_BINARY_ADD, center, half), 2);
}

/* Boxes with scores [1, classes, boxes] that stand out, as rows batch, class, box. */
static sg_vid chosen(sg_ib *n, sg_vid boxes, sg_vid scores, int64_t each)
{
    double iou = sg_tf_custom_number(n, "nms_iou_threshold", 0.5), least = sg_tf_custom_number(n, "nms_score_threshold", 0);
    sg_vid in[5] = {boxes, scores, sg_ib_const_i64(n, each), sg_ib_scalar(n, SG_F32, iou),
                    sg_ib_scalar(n, SG_F32, nextafterf((float)least, -INFINITY))}; /* the threshold itself is enough */
    return sg_ib_emit1(n, SG_OP_NON_MAX_SUPPRESSION, in, 5);
}

static sg_vid column(sg_ib *n, sg_vid rows, int64_t k)
{
    return sg_ib_gather(n, rows, sg_ib_const_i64(n, k), 1);
}

/* The first `most` of list v, with zeros where it is shorter. */
static sg_vid filled(sg_ib *n, sg_vid v, int64_t most)
{
    sg_vid zero = v ? sg_ib_scalar(n, (sg_dtype)sg_ib_type(n, v)->dtype, 0) : SG_NONE_ID;
    sg_vid more = sg_ib_emit1(n, SG_OP_EXPAND, SG_INS(zero, sg_ib_const_i64s(n, &most, 1)));
    return sg_ib_slice(n, sg_ib_concat(n, v, more, 0), 0, 0, most);
}

/* Result k is `v` of the boxes found, zero past their number, with a first axis for the batch. */
static sedge_status found(sg_ib *n, int k, sg_vid v, sg_vid there)
{
    sg_vid zero = sg_ib_scalar(n, SG_F32, 0);
    return sg_ib_end(n, k, sg_ib_unsqueeze(n, sg_ib_emit1(n, SG_OP_WHERE, SG_INS(there, v, zero)), 0));
}

/* Operands: boxes [1, n, 4], scores [1, n, classes, maybe with one for the background first], anchors [n, 4]. */
sedge_status sg_tf_detection(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 3));
    int64_t most = (int64_t)sg_tf_custom_number(n, "max_detections", 0),
            classes = (int64_t)sg_tf_custom_number(n, "num_classes", 0);
    int64_t each = (int64_t)sg_tf_custom_number(n, "detections_per_class", 100);
    bool regular = sg_tf_custom_number(n, "use_regular_nms", 0) != 0;
    const sg_type *t = sg_ib_type(n, n->in[1]);
    if (most < 1 || most > 1 << 20 || classes < 1 || t->rank != 3 || t->dim[0] != 1 || sg_dim_is_expr(t->dim[2]) ||
        t->dim[2] < classes)
        return sg_fail(n->err, SEDGE_E_SHAPE, "scores do not fit %lld classes", (long long)classes);
    if (!regular && sg_tf_custom_number(n, "max_classes_per_detection", 1) != 1)
        return sg_tf_unsupported(n, "more than one class a box");
    int64_t all = t->dim[2];
    sg_vid boxes = corners(n), scores = sg_ib_slice(n, real(n, 1), 2, all - classes, all);
    sg_vid by_class = regular ? sg_ib_swap_last(n, scores)
                              : sg_ib_unsqueeze(n, sg_ib_reduce(n, SG_REDUCE_MAX, scores, 2, false), 1);
    sg_vid rows = chosen(n, boxes, by_class, regular ? each : most);
    sg_vid count = sg_ib_binary(n, SG_BINARY_MIN, sg_ib_dim(n, rows, 0), sg_ib_const_i64(n, most));
    sg_vid score = sg_ib_emit1(n, SG_OP_GATHER_ND, SG_INS(by_class, rows));
    sg_vid label = column(n, rows, 1), box = column(n, rows, 2);
    if (regular) { /* the best of all classes */
        sg_nid top = sg_ib_make(n, SG_OP_TOP_K, SG_INS(score, sg_ib_reshape(n, count, (const int64_t[]){1}, 1)), 2, NULL, 0);
        sg_vid order = top ? sg_node_out(n->g, top, 1) : SG_NONE_ID;
        score = top ? sg_node_out(n->g, top, 0) : SG_NONE_ID;
        label = sg_ib_gather(n, label, order, 0);
        box = sg_ib_gather(n, box, order, 0);
    }
    box = filled(n, box, most);
    sg_vid there = sg_ib_compare(n, SG_COMPARE_LESS, sg_ib_iota(n, sg_ib_const_i64(n, most)), count);
    sg_vid flat = sg_ib_reshape(n, boxes, (const int64_t[]){-1, 4}, 2);
    if (!regular)
        label = sg_ib_gather(
            n,
            sg_ib_reshape(n,
                          sg_ib_node(n, SG_OP_ARG_REDUCE, SG_INS(scores), SG_SET({SG_A_axis, .i = 2}, {SG_A_keepdims, .i = 0})),
                          (const int64_t[]){-1}, 1),
            box, 0);
    else
        label = filled(n, label, most);
    SG_TRY(found(n, 0, sg_ib_gather(n, flat, box, 0), sg_ib_unsqueeze(n, there, 1)));
    SG_TRY(found(n, 1, sg_ib_cast(n, label, SG_F32), there));
    SG_TRY(found(n, 2, filled(n, score, most), there));
    return sg_ib_end(n, 3, sg_ib_reshape(n, sg_ib_cast(n, count, SG_F32), (const int64_t[]){1}, 1));
}

/* Boxes of corners y0 x0 y1 x1 and a score each: the places of those that stay, zero past their number, and the number. Version 5 has the
 * scores between, and weights that fall with the overlap, which must be none here. */
sedge_status sg_tf_nms(sg_ib *n)
{
    bool scored = sg_tf_extra(n) == 5;
    int64_t count;
    SG_TRY(sg_ib_need(n, scored ? 6 : 5));
    const int64_t *most = sg_ib_const_ints(n, 2, &count);
    const sg_value *soft = scored ? &n->g->value[n->in[5]] : NULL;
    if (!most || count != 1 || *most < 0 || *most > 1 << 20)
        return sg_tf_unsupported(n, "a number of boxes that is not constant");
    if (soft && (soft->role != SG_CONST || soft->type.dtype != SG_F32 || sg_load_f64(SG_F32, soft->data, 0) != 0))
        return sg_tf_unsupported(n, "a suppression by weights");
    sg_vid in[5] = {sg_ib_unsqueeze(n, n->in[0], 0), sg_ib_list(n, SG_OP_UNSQUEEZE, n->in[1], (const int64_t[]){0, 1}, 2),
                    sg_ib_const_i64(n, *most), n->in[3], n->in[4]};
    sg_vid rows = sg_ib_emit1(n, SG_OP_NON_MAX_SUPPRESSION, in, 5);
    sg_vid box = column(n, rows, 2), number = sg_ib_cast(n, sg_ib_dim(n, rows, 0), SG_I32);
    SG_TRY(sg_ib_end(n, 0, sg_ib_cast(n, filled(n, box, *most), SG_I32)));
    if (scored)
        SG_TRY(sg_ib_end(n, 1, filled(n, sg_ib_gather(n, n->in[1], box, 0), *most)));
    return sg_ib_end(n, scored ? 2 : 1, number);
}
