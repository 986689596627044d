/* ONNX's neural-network operators that are not a row as they stand. */
#include "import/onnx/lower.h"
#include "op/softmax.h"

/* The row takes more than ONNX's Conv has: what is added, and bounds. */
sedge_status sg_lower_conv(sg_onnx_node *n)
{
    if (n->n_in > 3)
        return sg_fail(n->err, SEDGE_E_FORMAT, "has %d inputs, Conv takes 2 to 3", n->n_in);
    if (sg_on_has(n, "activation") || sg_on_has(n, "low") || sg_on_has(n, "high"))
        return sg_fail(n->err, SEDGE_E_UNSUPPORTED, "bounds are no attributes of Conv");
    return sg_lower_direct(n);
}

sedge_status sg_lower_pool(sg_onnx_node *n)
{
    int count;
    if (!sg_on_ints(n, "kernel_shape", &count) || count == 0)
        return sg_fail(n->err, SEDGE_E_FORMAT, "kernel_shape is missing");
    return sg_on_row(n, SG_OP_POOL);
}

/* Until opset 14 training shows in the number of outputs (opset 6: also in is_test), and outputs 3 and 4 are statistics
 * of the batch that nothing at inference reads. */
sedge_status sg_lower_batch_norm(sg_onnx_node *n)
{
    bool training = n->opset >= 14 ? sg_on_int(n, "training_mode", 0) != 0
                                   : (sg_on_wants(n, 1) || sg_on_wants(n, 2)) && sg_on_int(n, "is_test", 0) == 0;
    if (n->opset < 9 && sg_on_int(n, "spatial", 1) != 1)
        return sg_fail(n->err, SEDGE_E_UNSUPPORTED, "batch normalization with one mean for each position (spatial = 0)");
    if (sg_on_wants(n, 3) || sg_on_wants(n, 4))
        return sg_fail(n->err, SEDGE_E_UNSUPPORTED, "the saved statistics of batch normalization before opset 14");
    sg_nid node = sg_on_start(n, SG_OP_BATCH_NORM);
    return sg_ib_set(n, node, SG_A_training_mode, training) ? sg_ib_done(n, node) : n->err->status;
}

sedge_status sg_lower_group_norm(sg_onnx_node *n)
{
    if (sg_on_int(n, "num_groups", 0) < 1)
        return sg_fail(n->err, SEDGE_E_FORMAT, "num_groups is missing or not positive");
    return sg_on_row(n, SG_OP_GROUP_NORM);
}

/* ---- softmax ---- */

static sg_vid softmax(sg_onnx_node *n, sg_vid x, int64_t axis)
{
    return sg_ib_node(n, SG_OP_SOFTMAX, SG_INS(x), SG_SET({SG_A_axis, .i = axis}, {SG_A_kind, .i = sg_on_extra(n)}));
}

/* Before opset 13 all axes from `axis` on count as one. Axes before it may stay: shape [0, 0, ..., -1] copies them. */
static sedge_status softmax_coerced(sg_onnx_node *n)
{
    const sg_type *t = sg_ib_in_type(n, 0);
    int64_t axis = sg_on_int(n, "axis", 1), shape[SG_RANK_MAX];
    int rank = t->rank;
    if (rank >= 0 && axis < 0)
        axis += rank;
    if (axis < 0 || axis >= (rank < 0 ? SG_RANK_MAX : rank + (rank == 0)))
        return sg_fail(n->err, SEDGE_E_VALUE, "axis %lld of a tensor of rank %d", (long long)axis, rank);
    if (rank >= 0 && axis >= rank - 1)
        return sg_ib_end(n, 0, softmax(n, n->in[0], axis));
    for (int i = 0; i < axis; i++)
        shape[i] = 0;
    shape[axis] = -1;
    sg_vid own = sg_ib_emit1(n, SG_OP_SHAPE, n->in, 1);
    sg_vid flat = sg_ib_reshape(n, n->in[0], shape, (int)axis + 1);
    return sg_ib_end(n, 0, sg_ib_emit1(n, SG_OP_RESHAPE, SG_INS(softmax(n, flat, -1), own)));
}

sedge_status sg_lower_softmax(sg_onnx_node *n)
{
    SG_TRY(sg_ib_need(n, 1));
    return n->opset < 13 ? softmax_coerced(n) : sg_on_row(n, SG_OP_SOFTMAX);
}
