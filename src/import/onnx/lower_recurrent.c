/* Lowering of the recurrent family: the rows are ONNX's own, but some attributes of old opsets are dropped. */
#include "import/onnx/lower.h"

sedge_status sg_lower_recurrent(sg_onnx_node *n)
{
    static const sg_op_id row[] = {SG_OP_RNN, SG_OP_GRU, SG_OP_LSTM};
    int k = n->op_type[0] == 'R' ? 0 : n->op_type[0] == 'G' ? 1 : 2;
    sg_nid node = sg_on_start(n, row[k]); /* output_sequence of opset 6 and below does not matter */
    return node ? sg_on_done(n, node) : sg_fail(n->err, SEDGE_E_FORMAT, "cannot make the node");
}
