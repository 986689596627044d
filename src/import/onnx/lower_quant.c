/* Quantized operators of ONNX and com.microsoft to rows. */
#include "import/onnx/lower.h"
#include "op/elementwise.h"
#include "op/quant.h"

static sedge_status full(sg_onnx_node *n)
{
    return sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
}

/* Output k of a finished node; 0 when it failed. */
static sg_vid finish(sg_onnx_node *n, sg_nid node)
{
    return node && sg_on_done(n, node) == SEDGE_OK ? sg_node_out(n->g, node, 0) : SG_NONE_ID;
}

static sedge_status yield(sg_onnx_node *n, sg_vid v)
{
    n->out[0] = v;
    return v ? SEDGE_OK : full(n);
}

static bool set_dtype(sg_onnx_node *n, sg_nid node, const char *attr, sg_attr_id id)
{
    return node && sg_set_int(n->g, node, id, sg_on_dtype(n, attr, SG_NONE));
}

static bool set_int(sg_onnx_node *n, sg_nid node, const char *attr, sg_attr_id id, int64_t def)
{
    return node && sg_set_int(n->g, node, id, sg_on_int(n, attr, def));
}

/* ---- ai.onnx ------------------------------------------------------------------------------------------------- */

sedge_status sg_lower_quantize(sg_onnx_node *n)
{
    sg_nid node = sg_on_emit(n, SG_OP_QUANTIZE, n->in, n->n_in, 1);
    if (!set_int(n, node, "axis", SG_A_axis, 1) || !set_int(n, node, "block_size", SG_A_block_size, 0) ||
        !set_int(n, node, "saturate", SG_A_saturate, 1) || !set_dtype(n, node, "output_dtype", SG_A_output_dtype) ||
        !set_dtype(n, node, "precision", SG_A_precision))
        return full(n);
    return yield(n, finish(n, node));
}

sedge_status sg_lower_dequantize(sg_onnx_node *n)
{
    sg_nid node = sg_on_emit(n, SG_OP_DEQUANTIZE, n->in, n->n_in, 1);
    if (!set_int(n, node, "axis", SG_A_axis, 1) || !set_int(n, node, "block_size", SG_A_block_size, 0) ||
        !set_dtype(n, node, "output_dtype", SG_A_output_dtype))
        return full(n);
    return yield(n, finish(n, node));
}

static bool copy_ints(sg_onnx_node *n, sg_nid node, const char *attr, sg_attr_id id)
{
    int count;
    const int64_t *v = sg_on_ints(n, attr, &count);
    return !v || sg_set_ints(n->g, node, id, v, (size_t)count);
}

/* ConvInteger and QLinearConv: the row is that of the table entry. */
static sedge_status conv(sg_onnx_node *n, sg_op_id row, const sg_vid *ins, int n_in)
{
    static const char *const pads[] = {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID", NULL};
    sg_nid node = sg_on_emit(n, row, ins, n_in, 1);
    if (!node || !sg_set_int(n->g, node, SG_A_auto_pad, sg_on_enum(n, "auto_pad", pads, 0)) ||
        !set_int(n, node, "group", SG_A_group, 1) || !copy_ints(n, node, "dilations", SG_A_dilations) ||
        !copy_ints(n, node, "kernel_shape", SG_A_kernel_shape) || !copy_ints(n, node, "pads", SG_A_pads) ||
        !copy_ints(n, node, "strides", SG_A_strides))
        return full(n);
    return yield(n, finish(n, node));
}

sedge_status sg_lower_conv_integer(sg_onnx_node *n)
{
    return conv(n, SG_OP_CONV_INTEGER, n->in, n->n_in);
}

/* An absent zero point becomes a zero of the type of input `like`. */
static sg_vid zero_point(sg_onnx_node *n, int k, int like)
{
    return sg_on_in(n, k) ? sg_on_in(n, k) : sg_on_in(n, like) ? sg_on_const_like(n, like, 0) : SG_NONE_ID;
}

/* The operands (a, scale, zero, b, scale, zero, y scale, zero, rest), zero points made where absent. */
static int eight(sg_onnx_node *n, sg_vid in[9])
{
    for (int k = 0; k < 9; k++)
        in[k] = sg_on_in(n, k);
    in[2] = zero_point(n, 2, 0);
    in[5] = zero_point(n, 5, 3);
    in[7] = zero_point(n, 7, 0);
    return in[8] ? 9 : 8;
}

sedge_status sg_lower_qlinear_conv(sg_onnx_node *n)
{
    sg_vid in[9];
    if (n->domain[0] && sg_on_int(n, "channels_last", 0))
        return sg_fail(n->err, SEDGE_E_UNSUPPORTED, "channels_last is not supported");
    return conv(n, SG_OP_QLINEAR_CONV, in, eight(n, in));
}

sedge_status sg_lower_qlinear_matmul(sg_onnx_node *n)
{
    sg_vid in[9];
    eight(n, in);
    return yield(n, finish(n, sg_on_emit(n, SG_OP_QLINEAR_MATMUL, in, 8, 1)));
}

/* ---- com.microsoft: rows --------------------------------------------------------------------------------------- */

/* extra: sg_qbinary_kind */
sedge_status sg_lower_qlinear_binary(sg_onnx_node *n)
{
    sg_vid in[9];
    eight(n, in);
    sg_nid node = sg_on_emit(n, SG_OP_QLINEAR_BINARY, in, 8, 1);
    if (!node || !sg_set_int(n->g, node, SG_A_kind, sg_on_extra(n)))
        return full(n);
    return yield(n, finish(n, node));
}

/* extra: sg_qunary_kind */
sedge_status sg_lower_qlinear_unary(sg_onnx_node *n)
{
    sg_vid in[5] = {sg_on_in(n, 0), sg_on_in(n, 1), zero_point(n, 2, 0), sg_on_in(n, 3), zero_point(n, 4, 0)};
    sg_nid node = sg_on_emit(n, SG_OP_QLINEAR_UNARY, in, 5, 1);
    if (!node || !sg_set_int(n->g, node, SG_A_kind, sg_on_extra(n)) ||
        !sg_set_float(n->g, node, SG_A_alpha, sg_on_float(n, "alpha", 0.01f)))
        return full(n);
    return yield(n, finish(n, node));
}

/* ---- com.microsoft: dequantize, a float op, quantize ------------------------------------------------------------- */

static sg_vid dequantized(sg_onnx_node *n, sg_vid x, sg_vid scale, sg_vid zero)
{
    sg_vid in[3] = {x, scale, zero};
    return x && scale ? sg_on_emit1(n, SG_OP_DEQUANTIZE, in, zero ? 3 : 2) : SG_NONE_ID;
}

static sedge_status quantized(sg_onnx_node *n, sg_vid v, sg_vid scale, sg_vid zero)
{
    sg_vid in[3] = {v, scale, zero};
    if (!v || !scale)
        return sg_fail(n->err, SEDGE_E_FORMAT, "an input is missing");
    return yield(n, sg_on_emit1(n, SG_OP_QUANTIZE, in, zero ? 3 : 2));
}

/* Inputs x, scale, zero, y scale, y zero around the lowering of a float operator. */
static sedge_status around(sg_onnx_node *n, sg_onnx_lower_fn *lower, int64_t opset)
{
    sg_vid v = dequantized(n, sg_on_in(n, 0), sg_on_in(n, 1), sg_on_in(n, 2)), out[2] = {0, 0};
    sg_onnx_node inner = *n;
    if (!v)
        return sg_fail(n->err, SEDGE_E_FORMAT, "an input is missing");
    if (sg_on_int(n, "channels_last", 0))
        return sg_fail(n->err, SEDGE_E_UNSUPPORTED, "channels_last is not supported");
    inner.in = &v;
    inner.out = out;
    inner.n_in = inner.n_out = 1;
    inner.domain = "";
    inner.opset = opset;
    SG_TRY(lower(&inner));
    return quantized(n, out[0], sg_on_in(n, 3), zero_point(n, 4, 0));
}

sedge_status sg_lower_qlinear_average_pool(sg_onnx_node *n)
{
    return around(n, sg_lower_average_pool, 22);
}
sedge_status sg_lower_qlinear_global_pool(sg_onnx_node *n)
{
    return around(n, sg_lower_global_average_pool, 22);
}
sedge_status sg_lower_qlinear_softmax(sg_onnx_node *n)
{
    return around(n, sg_lower_softmax, sg_on_int(n, "opset", 13));
}

/* Inputs y scale, y zero, then x, scale, zero of each part. */
sedge_status sg_lower_qlinear_concat(sg_onnx_node *n)
{
    enum { PARTS_MAX = 256 };
    sg_vid part[PARTS_MAX];
    int parts = (n->n_in - 2) / 3;
    if (parts < 1 || parts > PARTS_MAX || n->n_in != 2 + 3 * parts)
        return sg_fail(n->err, SEDGE_E_FORMAT, "takes 2 inputs and 3 for each part, not %d", n->n_in);
    for (int i = 0; i < parts; i++) {
        part[i] = dequantized(n, n->in[2 + 3 * i], n->in[3 + 3 * i], n->in[4 + 3 * i]);
        if (!part[i])
            return sg_fail(n->err, SEDGE_E_FORMAT, "part %d is missing", i);
    }
    sg_nid node = sg_on_emit(n, SG_OP_CONCAT, part, parts, 1);
    if (!set_int(n, node, "axis", SG_A_axis, 0))
        return full(n);
    return quantized(n, finish(n, node), n->in[0], n->in[1]);
}

/* ---- com.microsoft: integer products with float results ------------------------------------------------------------ */

static sg_vid binary(sg_onnx_node *n, sg_binary_kind kind, sg_vid a, sg_vid b)
{
    sg_nid node = a && b ? sg_on_emit(n, SG_OP_BINARY, (sg_vid[]){a, b}, 2, 1) : SG_NONE_ID;
    return node && sg_set_int(n->g, node, SG_A_kind, kind) ? finish(n, node) : SG_NONE_ID;
}

static sg_vid to_f32(sg_onnx_node *n, sg_vid v)
{
    sg_nid node = v ? sg_on_emit(n, SG_OP_CAST, &v, 1, 1) : SG_NONE_ID;
    return node && sg_set_int(n->g, node, SG_A_to, SG_F32) ? finish(n, node) : SG_NONE_ID;
}

/* (a - az)(b - bz) + c, times as * bs, plus bias. */
typedef struct scaled {
    sg_vid a, b, as, bs, az, bz, c, bias;
} scaled;

static sedge_status product(sg_onnx_node *n, const scaled *s)
{
    sg_vid acc = s->a && s->b ? sg_on_emit1(n, SG_OP_MATMUL_INTEGER, (sg_vid[]){s->a, s->b, s->az, s->bz}, 4) : SG_NONE_ID;
    if (s->c)
        acc = binary(n, SG_BINARY_ADD, acc, s->c);
    sg_vid y = binary(n, SG_BINARY_MUL, to_f32(n, acc), binary(n, SG_BINARY_MUL, s->as, s->bs));
    if (s->bias)
        y = binary(n, SG_BINARY_ADD, y, s->bias);
    n->out[0] = y;
    return y ? SEDGE_OK : sg_fail(n->err, SEDGE_E_FORMAT, "an input is missing");
}

sedge_status sg_lower_matmul_integer_to_float(sg_onnx_node *n)
{
    scaled s = {sg_on_in(n, 0), sg_on_in(n, 1), sg_on_in(n, 2), sg_on_in(n, 3), sg_on_in(n, 4), sg_on_in(n, 5), 0,
                sg_on_in(n, 6)};
    return product(n, &s);
}

sedge_status sg_lower_dynamic_quantize_matmul(sg_onnx_node *n)
{
    sg_vid x = sg_on_in(n, 0);
    sg_nid q = x ? sg_on_emit(n, SG_OP_DYNAMIC_QUANTIZE, &x, 1, 3) : SG_NONE_ID;
    if (!finish(n, q))
        return sg_fail(n->err, SEDGE_E_FORMAT, "an input is missing");
    scaled s = {sg_node_out(n->g, q, 0),
                sg_on_in(n, 1),
                sg_node_out(n->g, q, 1),
                sg_on_in(n, 2),
                sg_node_out(n->g, q, 2),
                sg_on_in(n, 3),
                0,
                sg_on_in(n, 4)};
    return product(n, &s);
}

/* v, transposed when asked for. */
static sg_vid turned(sg_onnx_node *n, sg_vid v, const char *attr)
{
    static const int64_t perm[] = {1, 0};
    if (!v || !sg_on_int(n, attr, 0))
        return v;
    sg_nid node = sg_on_emit(n, SG_OP_TRANSPOSE, &v, 1, 1);
    return node && sg_set_ints(n->g, node, SG_A_perm, perm, 2) ? finish(n, node) : SG_NONE_ID;
}

sedge_status sg_lower_qgemm(sg_onnx_node *n)
{
    double alpha = sg_on_float(n, "alpha", 1);
    sg_vid a = turned(n, sg_on_in(n, 0), "transA"), b = turned(n, sg_on_in(n, 3), "transB");
    if (sg_on_in(n, 7)) {
        sg_vid in[9] = {a,
                        sg_on_in(n, 1),
                        zero_point(n, 2, 0),
                        b,
                        sg_on_in(n, 4),
                        zero_point(n, 5, 3),
                        sg_on_in(n, 7),
                        zero_point(n, 8, 0),
                        sg_on_in(n, 6)};
        sg_nid node = sg_on_emit(n, SG_OP_QLINEAR_MATMUL, in, in[8] ? 9 : 8, 1);
        if (!node || !sg_set_float(n->g, node, SG_A_alpha, alpha))
            return full(n);
        return yield(n, finish(n, node));
    }
    sg_vid as = sg_on_in(n, 1);
    if (alpha != 1 && as)
        as = binary(n, SG_BINARY_MUL, as, sg_on_const_like(n, 1, alpha));
    scaled s = {a, b, as, sg_on_in(n, 4), sg_on_in(n, 2), sg_on_in(n, 5), sg_on_in(n, 6), 0};
    return product(n, &s);
}
