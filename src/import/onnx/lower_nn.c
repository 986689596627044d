/* ONNX's neural-network operators to rows of the nn family. */
#include <string.h>

#include "import/onnx/lower_copy.h"
#include "op/pool.h"
#include "op/softmax.h"
#include "op/window.h"

static const char *const auto_pads[] = {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID", NULL};

/* A node of the row on the first n_in inputs, its outputs bound; 0: failed. */
static sg_nid begin(sg_onnx_node *n, sg_op_id row, int n_in, int n_out)
{
    sg_nid node = sg_on_emit(n, row, n->in, n_in < n->n_in ? n_in : n->n_in, n_out < n->n_out ? n_out : n->n_out);
    for (int k = 0; node && k < n_out && k < n->n_out; k++)
        n->out[k] = sg_node_out(n->g, node, k);
    return node;
}

/* The attributes of a sliding window, those that the row has. */
static bool copy_window(sg_onnx_node *n, sg_nid node, bool auto_pad, bool dilations)
{
    return (!auto_pad || copy_enum(n, node, SG_A_auto_pad, auto_pads, SG_PAD_EXPLICIT)) &&
           (!dilations || copy_ints(n, node, SG_A_dilations)) && copy_ints(n, node, SG_A_kernel_shape) &&
           copy_ints(n, node, SG_A_pads) && copy_ints(n, node, SG_A_strides);
}

sedge_status sg_lower_conv(sg_onnx_node *n)
{
    sg_nid node = begin(n, SG_OP_CONV, 3, 1);
    return finish(n, node, node && copy_window(n, node, true, true) && copy_int(n, node, SG_A_group, 1));
}

sedge_status sg_lower_conv_transpose(sg_onnx_node *n)
{
    sg_nid node = begin(n, SG_OP_CONV_TRANSPOSE, 3, 1);
    return finish(n, node,
                  node && copy_window(n, node, true, true) && copy_int(n, node, SG_A_group, 1) &&
                      copy_ints(n, node, SG_A_output_padding) && copy_ints(n, node, SG_A_output_shape));
}

sedge_status sg_lower_causal_conv(sg_onnx_node *n)
{
    static const char *const names[] = {"none", "silu", "swish", NULL};
    sg_nid node = begin(n, SG_OP_CAUSAL_CONV_WITH_STATE, 4, 2);
    return finish(n, node, node && copy_enum(n, node, SG_A_activation, names, 0));
}

sedge_status sg_lower_deform_conv(sg_onnx_node *n)
{
    sg_nid node = begin(n, SG_OP_DEFORM_CONV, 5, 1);
    return finish(n, node,
                  node && copy_window(n, node, false, true) && copy_int(n, node, SG_A_group, 1) &&
                      copy_int(n, node, SG_A_offset_group, 1));
}

static sedge_status pool(sg_onnx_node *n, int kind)
{
    int count;
    if (!sg_on_ints(n, "kernel_shape", &count) || count == 0)
        return sg_fail(n->err, SEDGE_E_FORMAT, "kernel_shape is missing");
    sg_nid node = begin(n, SG_OP_POOL, 1, 2);
    return finish(n, node,
                  node && copy_window(n, node, true, true) && sg_set_int(n->g, node, SG_A_kind, kind) &&
                      copy_int(n, node, SG_A_ceil_mode, 0) && copy_int(n, node, SG_A_count_include_pad, 0) &&
                      copy_int(n, node, SG_A_p, 2) && copy_int(n, node, SG_A_storage_order, 0));
}

static sedge_status global_pool(sg_onnx_node *n, int kind)
{
    sg_nid node = begin(n, SG_OP_POOL, 1, 1);
    return finish(n, node, node && sg_set_int(n->g, node, SG_A_kind, kind) && copy_int(n, node, SG_A_p, 2));
}

sedge_status sg_lower_average_pool(sg_onnx_node *n)
{
    return pool(n, SG_POOL_AVERAGE);
}
sedge_status sg_lower_lp_pool(sg_onnx_node *n)
{
    return pool(n, SG_POOL_LP);
}
sedge_status sg_lower_max_pool(sg_onnx_node *n)
{
    return pool(n, SG_POOL_MAX);
}
sedge_status sg_lower_global_average_pool(sg_onnx_node *n)
{
    return global_pool(n, SG_POOL_AVERAGE);
}
sedge_status sg_lower_global_lp_pool(sg_onnx_node *n)
{
    return global_pool(n, SG_POOL_LP);
}
sedge_status sg_lower_global_max_pool(sg_onnx_node *n)
{
    return global_pool(n, SG_POOL_MAX);
}

sedge_status sg_lower_max_unpool(sg_onnx_node *n)
{
    sg_nid node = begin(n, SG_OP_MAX_UNPOOL, 3, 1);
    return finish(n, node, node && copy_window(n, node, false, false));
}

sedge_status sg_lower_max_roi_pool(sg_onnx_node *n)
{
    sg_nid node = begin(n, SG_OP_MAX_ROI_POOL, 2, 1);
    return finish(n, node, node && copy_ints(n, node, SG_A_pooled_shape) && copy_float(n, node, SG_A_spatial_scale, 1));
}

sedge_status sg_lower_roi_align(sg_onnx_node *n)
{
    static const char *const coords[] = {"half_pixel", "output_half_pixel", NULL}, *const modes[] = {"avg", "max", NULL};
    sg_nid node = begin(n, SG_OP_ROI_ALIGN, 3, 1);
    /* before opset 16 there was no shift by half a pixel */
    return finish(n, node,
                  node && copy_enum(n, node, SG_A_coordinate_transformation_mode, coords, n->opset < 16) &&
                      copy_enum(n, node, SG_A_mode, modes, 0) && copy_int(n, node, SG_A_output_height, 1) &&
                      copy_int(n, node, SG_A_output_width, 1) && copy_int(n, node, SG_A_sampling_ratio, 0) &&
                      copy_float(n, node, SG_A_spatial_scale, 1));
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
    if (n->n_in < 5)
        return sg_fail(n->err, SEDGE_E_FORMAT, "%d inputs, needs 5", n->n_in);
    sg_nid node = begin(n, SG_OP_BATCH_NORM, 5, training ? 3 : 1);
    return finish(n, node,
                  node && copy_float(n, node, SG_A_epsilon, 1e-5) && copy_float(n, node, SG_A_momentum, 0.9) &&
                      sg_set_int(n->g, node, SG_A_training_mode, training));
}

sedge_status sg_lower_group_norm(sg_onnx_node *n)
{
    bool instance = sg_on_extra(n) != 0;
    if (!instance && sg_on_int(n, "num_groups", 0) < 1)
        return sg_fail(n->err, SEDGE_E_FORMAT, "num_groups is missing or not positive");
    sg_nid node = begin(n, SG_OP_GROUP_NORM, 3, 1);
    return finish(n, node,
                  node && copy_float(n, node, SG_A_epsilon, 1e-5) && (instance || copy_int(n, node, SG_A_num_groups, 0)) &&
                      copy_int(n, node, SG_A_stash_type, 1));
}

/* LayerNormalization and RMSNormalization. */
sedge_status sg_lower_row_norm(sg_onnx_node *n)
{
    sg_nid node = begin(n, (sg_op_id)sg_on_extra(n), 3, 3);
    return finish(n, node,
                  node && copy_int(n, node, SG_A_axis, -1) && copy_float(n, node, SG_A_epsilon, 1e-5) &&
                      copy_int(n, node, SG_A_stash_type, 1));
}

sedge_status sg_lower_lp_norm(sg_onnx_node *n)
{
    sg_nid node = begin(n, SG_OP_LP_NORM, 1, 1);
    return finish(n, node, node && copy_int(n, node, SG_A_axis, -1) && copy_int(n, node, SG_A_p, 2));
}

sedge_status sg_lower_mvn(sg_onnx_node *n)
{
    sg_nid node = begin(n, SG_OP_MVN, 1, 1);
    return finish(n, node, node && copy_ints(n, node, SG_A_axes));
}

sedge_status sg_lower_lrn(sg_onnx_node *n)
{
    sg_nid node = begin(n, SG_OP_LRN, 1, 1);
    return finish(n, node,
                  node && copy_float(n, node, SG_A_alpha, 1e-4) && copy_float(n, node, SG_A_beta, 0.75) &&
                      copy_float(n, node, SG_A_bias, 1) && copy_int(n, node, SG_A_size, 0));
}

sedge_status sg_lower_col2im(sg_onnx_node *n)
{
    sg_nid node = begin(n, SG_OP_COL2IM, 3, 1);
    return finish(
        n, node, node && copy_ints(n, node, SG_A_dilations) && copy_ints(n, node, SG_A_pads) && copy_ints(n, node, SG_A_strides));
}

/* DepthToSpace and SpaceToDepth. */
sedge_status sg_lower_blocks(sg_onnx_node *n)
{
    static const char *const modes[] = {"DCR", "CRD", NULL};
    sg_nid node = begin(n, (sg_op_id)sg_on_extra(n), 1, 1);
    return finish(n, node, node && copy_int(n, node, SG_A_blocksize, 0) && copy_enum(n, node, SG_A_mode, modes, 0));
}

/* ---- softmax ---- */

static sg_vid softmax(sg_onnx_node *n, sg_vid x, int64_t axis, int kind)
{
    sg_nid node = sg_on_emit(n, SG_OP_SOFTMAX, &x, 1, 1);
    bool ok = node && sg_set_int(n->g, node, SG_A_axis, axis) && sg_set_int(n->g, node, SG_A_kind, kind);
    return finish(n, node, ok) == SEDGE_OK ? sg_node_out(n->g, node, 0) : SG_NONE_ID;
}

/* Before opset 13 all axes from `axis` on count as one. Axes before it may stay: shape [0, 0, ..., -1] copies them. */
static sedge_status softmax_coerced(sg_onnx_node *n, int kind)
{
    const sg_type *t = sg_on_type(n, 0);
    int64_t axis = sg_on_int(n, "axis", 1), shape[SG_RANK_MAX];
    int rank = t ? t->rank : -1;
    if (rank >= 0 && axis < 0)
        axis += rank;
    if (axis < 0 || axis >= (rank < 0 ? SG_RANK_MAX : rank + (rank == 0)))
        return sg_fail(n->err, SEDGE_E_VALUE, "axis %lld of a tensor of rank %d", (long long)axis, rank);
    if (rank >= 0 && axis >= rank - 1) {
        n->out[0] = softmax(n, n->in[0], axis, kind);
        return n->out[0] ? SEDGE_OK : n->err->status;
    }
    for (int i = 0; i < axis; i++)
        shape[i] = 0;
    shape[axis] = -1;
    sg_vid flat = sg_on_const_i64s(n, shape, (int)axis + 1), own = sg_on_emit1(n, SG_OP_SHAPE, n->in, 1);
    sg_vid to_flat[2] = {n->in[0], flat};
    sg_vid v = flat && own ? sg_on_emit1(n, SG_OP_RESHAPE, to_flat, 2) : SG_NONE_ID;
    v = v ? softmax(n, v, -1, kind) : SG_NONE_ID;
    sg_vid back[2] = {v, own};
    n->out[0] = v ? sg_on_emit1(n, SG_OP_RESHAPE, back, 2) : SG_NONE_ID;
    if (!n->out[0])
        return sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
    return SEDGE_OK;
}

static sedge_status softmax_any(sg_onnx_node *n, int kind)
{
    if (n->n_in < 1 || !n->in[0])
        return sg_fail(n->err, SEDGE_E_FORMAT, "the input is missing");
    if (n->opset < 13)
        return softmax_coerced(n, kind);
    n->out[0] = softmax(n, n->in[0], sg_on_int(n, "axis", -1), kind);
    return n->out[0] ? SEDGE_OK : n->err->status;
}

sedge_status sg_lower_softmax(sg_onnx_node *n)
{
    return softmax_any(n, SG_SOFTMAX_PLAIN);
}
sedge_status sg_lower_log_softmax(sg_onnx_node *n)
{
    return softmax_any(n, SG_SOFTMAX_LOG);
}
sedge_status sg_lower_hardmax(sg_onnx_node *n)
{
    return softmax_any(n, SG_SOFTMAX_HARD);
}
