/* Lowering of the signal family. */
#include "import/onnx/lower.h"

/* Before opset 20 the axis is an attribute. */
sedge_status sg_lower_dft(sg_onnx_node *n)
{
    sg_vid ins[3] = {sg_on_in(n, 0), sg_on_in(n, 1), sg_on_in(n, 2)};
    if (n->opset < 20 || sg_on_has(n, "axis"))
        ins[2] = sg_on_const_i64(n, sg_on_int(n, "axis", 1));
    sg_nid node = sg_on_emit(n, SG_OP_DFT, ins, 3, 1);
    if (!node || !sg_set_int(n->g, node, SG_A_inverse, sg_on_int(n, "inverse", 0)) ||
        !sg_set_int(n->g, node, SG_A_onesided, sg_on_int(n, "onesided", 0)))
        return sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
    n->out[0] = sg_node_out(n->g, node, 0);
    return sg_on_done(n, node);
}

static sedge_status with_dtype(sg_onnx_node *n, sg_nid node)
{
    if (!node || !sg_set_int(n->g, node, SG_A_output_datatype, sg_on_dtype(n, "output_datatype", SG_F32)))
        return sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
    return sg_on_done(n, node);
}

sedge_status sg_lower_window(sg_onnx_node *n)
{
    sg_nid node = sg_on_start(n, SG_OP_WINDOW);
    if (!node || !sg_set_int(n->g, node, SG_A_kind, sg_on_extra(n)))
        return sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
    return with_dtype(n, node);
}

sedge_status sg_lower_mel_weight_matrix(sg_onnx_node *n)
{
    return with_dtype(n, sg_on_start(n, SG_OP_MEL_WEIGHT_MATRIX));
}
