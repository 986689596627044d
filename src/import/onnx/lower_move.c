/* Lowering of the move family: lists that were attributes once become operands. */
#include "import/onnx/lower_list.h"

#include <string.h>

sg_vid sg_lower_list(sg_onnx_node *n, int k, const char *attr)
{
    int count;
    if (sg_on_in(n, k))
        return sg_on_in(n, k);
    if (!sg_on_has(n, attr))
        return SG_NONE_ID;
    const int64_t *v = sg_on_ints(n, attr, &count);
    return sg_on_const_i64s(n, v, count);
}

sg_nid sg_lower_start(sg_onnx_node *n, sg_op_id row, const sg_vid *ins, int n_in)
{
    sg_vid *own = n->in, copy[8];
    int n_own = n->n_in;
    memcpy(copy, ins, (size_t)n_in * sizeof *ins);
    n->in = copy;
    n->n_in = n_in;
    sg_nid node = sg_on_start(n, row);
    n->in = own;
    n->n_in = n_own;
    return node;
}

sedge_status sg_lower_finish(sg_onnx_node *n, sg_nid node, sg_attr_id attr, int64_t v)
{
    if (node && !sg_set_int(n->g, node, attr, v))
        return sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
    return sg_on_done(n, node);
}

sedge_status sg_lower_reshape(sg_onnx_node *n)
{
    sg_vid ins[2] = {sg_on_in(n, 0), sg_lower_list(n, 1, "shape")};
    return sg_on_done(n, sg_lower_start(n, SG_OP_RESHAPE, ins, 2));
}

sedge_status sg_lower_squeeze(sg_onnx_node *n)
{
    sg_vid ins[2] = {sg_on_in(n, 0), sg_lower_list(n, 1, "axes")};
    return sg_on_done(n, sg_lower_start(n, strcmp(n->op_type, "Squeeze") == 0 ? SG_OP_SQUEEZE : SG_OP_UNSQUEEZE, ins, 2));
}

sedge_status sg_lower_concat(sg_onnx_node *n)
{
    sg_nid node = sg_on_start(n, SG_OP_CONCAT);
    return sg_lower_finish(n, node, SG_A_axis, sg_on_int(n, "axis", n->opset < 4 ? 1 : 0));
}

/* All outputs stay, read or not: their number says how the axis is cut. */
sedge_status sg_lower_split(sg_onnx_node *n)
{
    sg_vid ins[2] = {sg_on_in(n, 0), sg_lower_list(n, 1, "split")};
    sg_nid node = sg_on_emit(n, SG_OP_SPLIT, ins, ins[1] ? 2 : 1, n->n_out);
    if (!node || !sg_set_int(n->g, node, SG_A_axis, sg_on_int(n, "axis", 0)))
        return sg_on_done(n, 0);
    for (int k = 0; k < n->n_out; k++)
        n->out[k] = sg_node_out(n->g, node, k);
    return sg_lower_finish(n, node, SG_A_num_outputs, sg_on_int(n, "num_outputs", 0));
}

sedge_status sg_lower_slice(sg_onnx_node *n)
{
    sg_vid ins[5] = {sg_on_in(n, 0), sg_lower_list(n, 1, "starts"), sg_lower_list(n, 2, "ends"), sg_lower_list(n, 3, "axes"),
                     sg_on_in(n, 4)};
    return sg_on_done(n, sg_lower_start(n, SG_OP_SLICE, ins, 5));
}

sedge_status sg_lower_pad(sg_onnx_node *n)
{
    sg_vid ins[4] = {sg_on_in(n, 0), sg_lower_list(n, 1, sg_on_has(n, "paddings") ? "paddings" : "pads"), sg_on_in(n, 2),
                     sg_on_in(n, 3)};
    if (!ins[2] && sg_on_has(n, "value"))
        ins[2] = sg_on_const_like(n, 0, sg_on_float(n, "value", 0));
    return sg_on_done(n, sg_lower_start(n, SG_OP_PAD, ins, 4));
}
