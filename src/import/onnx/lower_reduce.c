/* Lowering of the reduce family: axes were attributes once. */
#include "import/onnx/lower_list.h"

sedge_status sg_lower_reduce(sg_onnx_node *n)
{
    sg_vid ins[2] = {sg_on_in(n, 0), sg_lower_list(n, 1, "axes")};
    return sg_lower_finish(n, sg_lower_start(n, SG_OP_REDUCE, ins, 2), SG_A_kind, sg_on_extra(n));
}

sedge_status sg_lower_cum(sg_onnx_node *n)
{
    return sg_lower_finish(n, sg_on_start(n, SG_OP_CUM), SG_A_kind, sg_on_extra(n));
}
