/* Lowering of the index family. */
#include "import/onnx/lower_list.h"

#include <string.h>

#include "op/index.h"

sedge_status sg_lower_scatter(sg_onnx_node *n)
{
    static const char *const how[] = {"none", "add", "mul", "max", "min", NULL};
    bool nd = strcmp(n->op_type, "ScatterND") == 0;
    int reduction = sg_on_enum(n, "reduction", how, SG_SCATTER_NONE);
    sg_nid node = sg_on_emit(n, nd ? SG_OP_SCATTER_ND : SG_OP_SCATTER_ELEMENTS, n->in, n->n_in, 1);
    if (!node || (!nd && !sg_set_int(n->g, node, SG_A_axis, sg_on_int(n, "axis", 0))))
        return sg_on_done(n, 0);
    n->out[0] = sg_node_out(n->g, node, 0);
    return sg_lower_finish(n, node, SG_A_reduction, reduction);
}

sedge_status sg_lower_tensor_scatter(sg_onnx_node *n)
{
    static const char *const modes[] = {"linear", "circular", NULL};
    int mode = sg_on_enum(n, "mode", modes, SG_TENSOR_SCATTER_LINEAR);
    sg_nid node = sg_on_emit(n, SG_OP_TENSOR_SCATTER, n->in, n->n_in, 1);
    if (!node || !sg_set_int(n->g, node, SG_A_axis, sg_on_int(n, "axis", -2)))
        return sg_on_done(n, 0);
    n->out[0] = sg_node_out(n->g, node, 0);
    return sg_lower_finish(n, node, SG_A_mode, mode);
}

/* Before opset 10 k is an attribute. */
sedge_status sg_lower_top_k(sg_onnx_node *n)
{
    sg_vid ins[2] = {sg_on_in(n, 0), sg_on_in(n, 1)};
    if (!ins[1])
        ins[1] = sg_on_const_i64(n, sg_on_int(n, "k", 0));
    return sg_on_done(n, sg_lower_start(n, SG_OP_TOP_K, ins, 2));
}

sedge_status sg_lower_arg_reduce(sg_onnx_node *n)
{
    return sg_lower_finish(n, sg_on_start(n, SG_OP_ARG_REDUCE), SG_A_kind, sg_on_extra(n));
}
