/* Functions of one element, of two, comparisons, types. */
#include <math.h>

#include "import/kinds.h"
#include "import/tflite/tflite.h"

/* One node of the row, on all operands, of this kind. */
sedge_status sg_tf_kind(sg_ib *n)
{
    sg_vid y = sg_ib_node(n, sg_tf_row(n), n->in, n->n_in, SG_SET({SG_A_kind, .i = sg_tf_extra(n)}));
    return sg_ib_end(n, 0, y);
}

/* The same of a row without kinds. */
sedge_status sg_tf_plain(sg_ib *n)
{
    return sg_ib_end(n, 0, sg_ib_emit1(n, sg_tf_row(n), n->in, n->n_in));
}

sedge_status sg_tf_unary(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 1));
    return sg_ib_end(n, 0, sg_ib_unary(n, (int)sg_tf_extra(n), n->in[0], 1, 0));
}

sedge_status sg_tf_leaky_relu(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 1));
    return sg_ib_end(n, 0, sg_ib_unary(n, SG_UNARY_LEAKY_RELU, n->in[0], sg_tf_f32(n, SG_TF_ALPHA), 0));
}

sedge_status sg_tf_gelu(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 1));
    return sg_ib_end(n, 0, sg_ib_unary(n, sg_tf_int(n, SG_TF_APPROXIMATE) ? SG_UNARY_GELU_TANH : SG_UNARY_GELU, n->in[0], 0, 0));
}

sedge_status sg_tf_rsqrt(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 1));
    return sg_ib_end(n, 0, sg_ib_unary(n, SG_UNARY_RECIPROCAL, sg_ib_unary(n, SG_UNARY_SQRT, n->in[0], 0, 0), 0, 0));
}

sedge_status sg_tf_square(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 1));
    return sg_ib_end(n, 0, sg_ib_binary(n, SG_BINARY_MUL, n->in[0], n->in[0]));
}

sedge_status sg_tf_squared_difference(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 2));
    sg_vid d = sg_ib_binary(n, SG_BINARY_SUB, n->in[0], n->in[1]);
    return sg_ib_end(n, 0, sg_ib_binary(n, SG_BINARY_MUL, d, d));
}

/* Between bounds: -1 and 1, 0 and 6, 0 and 1 by `extra`. */
sedge_status sg_tf_clip(sg_ib *n)
{
    static const double bounds[][2] = {{-1, 1}, {0, 6}, {0, 1}};
    const double *b = bounds[sg_tf_extra(n)];
    SG_TRY(sg_ib_need(n, 1));
    sg_dtype t = (sg_dtype)sg_ib_type(n, n->in[0])->dtype;
    return sg_ib_end(n, 0, sg_ib_emit1(n, SG_OP_CLIP, SG_INS(n->in[0], sg_ib_scalar(n, t, b[0]), sg_ib_scalar(n, t, b[1]))));
}

/* Toward the lesser number; the remainder has the sign of the divisor. */
sedge_status sg_tf_floor_div(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 2));
    if (sg_is_float((sg_dtype)sg_ib_type(n, n->in[0])->dtype))
        return sg_ib_end(n, 0, sg_ib_unary(n, SG_UNARY_FLOOR, sg_ib_binary(n, SG_BINARY_DIV, n->in[0], n->in[1]), 0, 0));
    sg_vid rest = sg_ib_binary(n, SG_BINARY_MOD, n->in[0], n->in[1]);
    return sg_ib_end(n, 0, sg_ib_binary(n, SG_BINARY_DIV, sg_ib_binary(n, SG_BINARY_SUB, n->in[0], rest), n->in[1]));
}

sedge_status sg_tf_add_n(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 1));
    sg_vid sum = n->in[0];
    for (int k = 1; k < n->n_in; k++)
        sum = sg_ib_binary(n, SG_BINARY_ADD, sum, n->in[k]);
    return sg_ib_end(n, 0, sum);
}

sedge_status sg_tf_not_equal(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 2));
    return sg_ib_end(n, 0, sg_ib_unary(n, SG_UNARY_NOT, sg_ib_compare(n, SG_COMPARE_EQUAL, n->in[0], n->in[1]), 0, 0));
}

/* A condition of rank 1 chooses rows where the operands have more axes and extra is 1. */
sedge_status sg_tf_select(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 3));
    sg_vid c = n->in[0];
    int rank = sg_ib_type(n, n->in[1])->rank;
    for (int i = 1; sg_tf_extra(n) && sg_ib_type(n, n->in[0])->rank == 1 && i < rank; i++)
        c = c ? sg_ib_unsqueeze(n, c, i) : c;
    return sg_ib_end(n, 0, sg_ib_emit1(n, SG_OP_WHERE, SG_INS(c, n->in[1], n->in[2])));
}

sedge_status sg_tf_cast(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 1));
    return sg_ib_end(n, 0, sg_ib_cast(n, n->in[0], sg_tf_here(n)->out[0].dtype));
}

/* Numbers to integers, or integers to others. */
sedge_status sg_tf_quantize(sg_ib *n)
{
    const sg_tf_at *at = sg_tf_here(n);
    SG_TRY(sg_ib_need(n, 1));
    if (n->n_out < 1 || !sg_tf_is_quant(&at->out[0]))
        return sg_tf_unsupported(n, "a result without a scale");
    sg_vid x = sg_tf_is_quant(&at->in[0]) ? sg_tf_dequant(n, n->in[0], &at->in[0], at->in[0].axis) : n->in[0];
    return sg_ib_end(n, 0, x ? sg_tf_requant(n, x, &at->out[0]) : x);
}

sedge_status sg_tf_dequantize(sg_ib *n)
{
    const sg_tf_at *at = sg_tf_here(n);
    SG_TRY(sg_ib_need(n, 1));
    if (sg_tf_is_quant(&at->in[0]))
        return sg_ib_end(n, 0, sg_tf_dequant(n, n->in[0], &at->in[0], at->in[0].axis));
    return sg_ib_end(n, 0, sg_ib_cast(n, n->in[0], SG_F32));
}

/* Numbers as a quantizer of these bounds would keep them; the bounds move so that 0 is one of its values. */
sedge_status sg_tf_fake_quant(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 1));
    int64_t bits = sg_tf_int(n, SG_TF_FAKE_BITS);
    float lo = (float)sg_tf_f32(n, SG_TF_FAKE_MIN), hi = (float)sg_tf_f32(n, SG_TF_FAKE_MAX),
          least = sg_tf_int(n, SG_TF_FAKE_NARROW) ? 1 : 0;
    if (bits < 2 || bits > 16 || !(hi > lo))
        return sg_fail(n->err, SEDGE_E_VALUE, "bounds %g and %g, %lld bits", (double)lo, (double)hi, (long long)bits);
    float most = (float)((1 << bits) - 1), scale = (hi - lo) / (most - least), zero = least - lo / scale;
    zero = zero < least ? least : zero > most ? most : roundf(zero);
    lo = (least - zero) * scale;
    hi = (most - zero) * scale;
    sg_vid x = sg_ib_emit1(n, SG_OP_CLIP, SG_INS(n->in[0], sg_ib_scalar(n, SG_F32, lo), sg_ib_scalar(n, SG_F32, hi)));
    x = sg_ib_binary_scalar(n, SG_BINARY_MUL, sg_ib_binary_scalar(n, SG_BINARY_SUB, x, lo), 1.0f / scale);
    x = sg_ib_unary(n, SG_UNARY_FLOOR, sg_ib_binary_scalar(n, SG_BINARY_ADD, x, 0.5), 0, 0);
    return sg_ib_end(n, 0, sg_ib_binary_scalar(n, SG_BINARY_ADD, sg_ib_binary_scalar(n, SG_BINARY_MUL, x, scale), lo));
}

sedge_status sg_tf_bitcast(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 1));
    return sg_ib_end(n, 0, sg_ib_node(n, SG_OP_BITCAST, SG_INS(n->in[0]), SG_SET({SG_A_to, .i = sg_tf_here(n)->out[0].dtype})));
}

sedge_status sg_tf_missing(sg_ib *n)
{
    return sg_tf_unsupported(n, "the operator");
}
