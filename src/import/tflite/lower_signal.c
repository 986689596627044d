/* Spectra. A complex tensor is one of f32 with an axis of two behind: the operators here are all that make and take them. */
#include "import/kinds.h"
#include "import/tflite/tflite.h"

/* Real numbers over the last two axes, of the lengths in operand 1: cut, or filled with zeros. */
sedge_status sg_tf_rfft2d(sg_ib *n)
{
    int64_t count;
    SG_TRY(sg_ib_need(n, 2));
    const int64_t *length = sg_ib_const_ints(n, 1, &count);
    int rank = sg_ib_type(n, n->in[0])->rank;
    if (!length || count != 2 || rank < 2)
        return sg_tf_unsupported(n, "a length that is not constant");
    sg_vid x = sg_ib_unsqueeze(n, n->in[0], rank);
    sg_vid y = sg_ib_node(n, SG_OP_DFT, SG_INS(x, sg_ib_const_i64(n, length[1]), sg_ib_const_i64(n, rank - 1)),
                          SG_SET({SG_A_onesided, .i = 1}));
    return sg_ib_end(n, 0,
                     sg_ib_node(n, SG_OP_DFT, SG_INS(y, sg_ib_const_i64(n, length[0]), sg_ib_const_i64(n, rank - 2)), NULL, 0));
}

/* extra 0: the real part, 1: the imaginary one. */
sedge_status sg_tf_complex_part(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 1));
    int axis = sg_ib_type(n, n->in[0])->rank - 1;
    if (sg_tf_here(n)->in[0].dtype != SG_C64 || axis < 0)
        return sg_tf_unsupported(n, "a complex number of this size");
    return sg_ib_end(n, 0, sg_ib_gather(n, n->in[0], sg_ib_const_i64(n, sg_tf_extra(n)), axis));
}

sedge_status sg_tf_complex_abs(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 1));
    if (sg_tf_here(n)->in[0].dtype != SG_C64)
        return sg_tf_unsupported(n, "a complex number of this size");
    return sg_ib_end(n, 0, sg_ib_reduce(n, SG_REDUCE_L2, n->in[0], -1, false));
}
