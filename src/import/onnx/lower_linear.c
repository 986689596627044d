/* Lowering of the linear family. */
#include "import/onnx/lower.h"

/* Opset 6 and before also say `broadcast`, which is always so since. */
sedge_status sg_lower_gemm(sg_onnx_node *n)
{
    return sg_on_done(n, sg_on_start(n, SG_OP_GEMM));
}
