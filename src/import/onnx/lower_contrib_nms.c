/* TensorRT's non-maximum suppression plug-ins, which detectors are exported with: NonMaxSuppression, then the chosen
 * boxes of each image in order of score, in rows of fixed length. */
#include <string.h>

#include "import/onnx/lower.h"
#include "op/elementwise.h"
#include "op/reduce.h"

typedef struct nms {
    int64_t most;       /* boxes an image */
    double iou, score;  /* thresholds */
    bool agnostic;      /* a box has one class */
    sg_vid boxes;       /* [B,N,4] corners */
    sg_vid scores;      /* [B,C,N] */
    sg_vid best;        /* agnostic: [B,1,N] the class of each box */
    sg_vid batch;       /* B, a scalar */
    sg_vid sel;         /* [M,3] image, class and box of each choice, by falling score */
    sg_vid value;       /* [M] its score */
    sg_vid place;       /* [M,2] its image and place in the image's row; place `most`: no room */
    sg_vid member;      /* [M,B] 1 where a choice is of an image */
} nms;

static sg_vid column(sg_onnx_node *n, sg_vid x, int i)
{
    return sg_ib_slice(n, x, 1, i, i + 1);
}

/* Centre and size to corners. */
static sg_vid corners(sg_onnx_node *n, sg_vid boxes)
{
    sg_vid centre = sg_ib_slice(n, boxes, 2, 0, 2),
           half = sg_ib_binary_scalar(n, SG_BINARY_MUL, sg_ib_slice(n, boxes, 2, 2, 4), 0.5);
    return sg_ib_concat(n, sg_ib_binary(n, SG_BINARY_SUB, centre, half), sg_ib_binary(n, SG_BINARY_ADD, centre, half), 2);
}

/* Boxes as [B,N,4], scores as [B,C,N]. */
static sedge_status operands(sg_onnx_node *n, nms *s, bool centred, bool sigmoid)
{
    static const int64_t shape[] = {0, -1, 4};
    SG_TRY(sg_ib_need(n, 2));
    const sg_type *t = sg_ib_in_type(n, 0);
    if (t->rank != 3 && (t->rank != 4 || t->dim[2] != 1))
        return sg_fail(n->err, SEDGE_E_UNSUPPORTED, "boxes that differ from class to class");
    s->boxes = t->rank == 4 ? sg_ib_reshape(n, n->in[0], shape, 3) : n->in[0];
    if (centred)
        s->boxes = corners(n, s->boxes);
    s->scores = sg_ib_swap_last(n, sigmoid ? sg_ib_unary(n, SG_UNARY_SIGMOID, n->in[1], 1, 1) : n->in[1]);
    if (s->agnostic && s->scores) {
        s->best = sg_ib_node(n, SG_OP_ARG_REDUCE, SG_INS(s->scores), SG_SET({SG_A_axis, .i = 1}));
        s->scores = sg_ib_reduce(n, SG_REDUCE_MAX, s->scores, 1, true);
    }
    s->batch = sg_ib_dim(n, s->boxes, 0);
    return s->scores && s->batch ? SEDGE_OK : sg_ib_end(n, 0, SG_NONE_ID);
}

/* The choices and their scores, highest first. */
static sedge_status choose(sg_onnx_node *n, nms *s)
{
    static const int64_t one[] = {1};
    sg_vid in[5] = {s->boxes, s->scores, sg_ib_const_i64(n, s->most), sg_ib_scalar(n, SG_F32, s->iou),
                    sg_ib_scalar(n, SG_F32, s->score)};
    sg_vid sel = sg_ib_emit1(n, SG_OP_NON_MAX_SUPPRESSION, in, 5);
    sg_vid score = sg_ib_emit1(n, SG_OP_GATHER_ND, SG_INS(s->scores, sel));
    sg_vid count = sg_ib_reshape(n, sg_ib_dim(n, sel, 0), one, 1);
    sg_nid node = sg_ib_make(n, SG_OP_TOP_K, SG_INS(score, count), 2, NULL, 0);
    if (!node)
        return sg_ib_end(n, 0, SG_NONE_ID);
    s->value = sg_node_out(n->g, node, 0);
    s->sel = sg_ib_gather(n, sel, sg_node_out(n->g, node, 1), 0);
    return s->sel ? SEDGE_OK : sg_ib_end(n, 0, SG_NONE_ID);
}

/* The place of each choice in its image: how many of the image come before it. */
static sedge_status places(sg_onnx_node *n, nms *s)
{
    sg_vid image = column(n, s->sel, 0);
    s->member = sg_ib_cast(n, sg_ib_compare(n, SG_COMPARE_EQUAL, image, sg_ib_iota(n, s->batch)), SG_I64);
    sg_vid before = sg_ib_emit1(n, SG_OP_CUM, SG_INS(s->member, sg_ib_const_i64(n, 0)));
    sg_vid count = sg_ib_node(n, SG_OP_GATHER_ELEMENTS, SG_INS(before, image), SG_SET({SG_A_axis, .i = 1}));
    sg_vid place = sg_ib_binary_scalar(n, SG_BINARY_SUB, count, 1);
    s->place = sg_ib_concat(n, image, sg_ib_binary_scalar(n, SG_BINARY_MIN, place, (double)s->most), 1);
    return s->place ? SEDGE_OK : sg_ib_end(n, 0, SG_NONE_ID);
}

/* Values of the choices, [M] or [M,4], to rows [B,most] or [B,most,4] that end in zeros. */
static sg_vid rows(sg_onnx_node *n, const nms *s, sg_vid values, bool quads)
{
    static const int64_t one[] = {1};
    int64_t tail[2] = {s->most + 1, 4};
    sg_vid shape = sg_ib_concat(n, sg_ib_reshape(n, s->batch, one, 1), sg_ib_const_i64s(n, tail, quads ? 2 : 1), 0);
    sg_vid zeros = sg_ib_emit1(n, SG_OP_CONSTANT_OF_SHAPE, SG_INS(shape));
    sg_vid y = sg_ib_emit1(n, SG_OP_SCATTER_ND, SG_INS(zeros, s->place, sg_ib_cast(n, values, SG_F32)));
    return sg_ib_slice(n, y, 1, 0, s->most);
}

/* Outputs: number of boxes, boxes, scores and classes. */
static sedge_status finish(sg_onnx_node *n, const nms *s, bool clip, sg_dtype class_type)
{
    static const int64_t flat[] = {-1}, tall[] = {-1, 1};
    sg_vid image = column(n, s->sel, 0), cls = column(n, s->sel, 1), box = column(n, s->sel, 2);
    sg_vid quads = sg_ib_emit1(n, SG_OP_GATHER_ND, SG_INS(s->boxes, sg_ib_concat(n, image, box, 1)));
    if (clip && quads) {
        sg_vid in[3] = {quads, sg_ib_scalar(n, (sg_dtype)sg_ib_type(n, quads)->dtype, 0),
                        sg_ib_scalar(n, (sg_dtype)sg_ib_type(n, quads)->dtype, 1)};
        quads = sg_ib_emit1(n, SG_OP_CLIP, in, 3);
    }
    if (s->agnostic)
        cls = sg_ib_emit1(n, SG_OP_GATHER_ND, SG_INS(s->best, s->sel));
    sg_vid count = sg_ib_binary_scalar(n, SG_BINARY_MIN, sg_ib_reduce(n, SG_REDUCE_SUM, s->member, 0, false), (double)s->most);
    SG_TRY(sg_ib_end(n, 0, sg_ib_cast(n, sg_ib_reshape(n, count, tall, 2), SG_I32)));
    SG_TRY(sg_ib_end(n, 1, rows(n, s, quads, true)));
    SG_TRY(sg_ib_end(n, 2, rows(n, s, s->value, false)));
    return sg_ib_end(n, 3, sg_ib_cast(n, rows(n, s, sg_ib_reshape(n, cls, flat, 1), false), class_type));
}

static sedge_status run(sg_onnx_node *n, nms *s, bool centred, bool sigmoid, bool clip, sg_dtype class_type)
{
    if (s->most < 1 || s->most > 1 << 20)
        return sg_fail(n->err, SEDGE_E_FORMAT, "the number of boxes to keep is %lld", (long long)s->most);
    SG_TRY(operands(n, s, centred, sigmoid));
    SG_TRY(choose(n, s));
    SG_TRY(places(n, s));
    return finish(n, s, clip, class_type);
}

sedge_status sg_lower_efficient_nms(sg_onnx_node *n)
{
    nms s = {.most = sg_on_int(n, "max_output_boxes", 100),
             .iou = sg_on_float(n, "iou_threshold", 0.5),
             .score = sg_on_float(n, "score_threshold", 0.25),
             .agnostic = sg_on_int(n, "class_agnostic", 0) != 0};
    if (sg_on_int(n, "background_class", -1) >= 0 || sg_ib_in(n, 2))
        return sg_fail(n->err, SEDGE_E_UNSUPPORTED, "a background class or anchors");
    return run(n, &s, sg_on_int(n, "box_coding", 0) == 1, sg_on_int(n, "score_activation", 0) != 0, false, SG_I32);
}

sedge_status sg_lower_batched_nms(sg_onnx_node *n)
{
    nms s = {.most = sg_on_int(n, "keepTopK", 100),
             .iou = sg_on_float(n, "iouThreshold", 0.5),
             .score = sg_on_float(n, "scoreThreshold", 0.25)};
    if (sg_on_int(n, "backgroundLabelId", -1) >= 0)
        return sg_fail(n->err, SEDGE_E_UNSUPPORTED, "a background class");
    return run(n, &s, false, false, sg_on_int(n, "clipBoxes", 1) != 0, SG_F32);
}
