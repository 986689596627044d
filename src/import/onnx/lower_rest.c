/* Operators of small families that are not a row as they stand. */
#include "import/onnx/lower.h"

/* Before opset 20 the axis is an attribute, and another one is the default. */
sedge_status sg_lower_dft(sg_onnx_node *n)
{
    if (n->opset < 20 && !sg_on_has(n, "axis"))
        sg_ib_in_set(n, 2, sg_ib_const_i64(n, 1));
    return sg_on_row(n, SG_OP_DFT);
}

sedge_status sg_lower_cast_map(sg_onnx_node *n)
{
    static const sg_dtype dtype[] = {SG_F32, SG_STR, SG_I64};
    sg_nid node = sg_on_start(n, SG_OP_CAST_MAP);
    int to = sg_on_word(n, "cast_to", "TO_FLOAT TO_STRING TO_INT64", 0);
    return sg_ib_set(n, node, SG_A_dtype, dtype[to]) ? sg_ib_done(n, node) : n->err->status;
}
