/* com.microsoft's quantized operators that are not a row as they stand. */
#include "import/onnx/lower.h"
#include "op/elementwise.h"

/* ---- dequantize, a float op, quantize ------------------------------------------------------------------------ */

static sg_vid dequantized(sg_onnx_node *n, sg_vid x, sg_vid scale, sg_vid zero)
{
    return sg_ib_node(n, SG_OP_DEQUANTIZE, SG_INS(x, scale, zero), NULL, 0);
}

static sedge_status quantized(sg_onnx_node *n, sg_vid v, sg_vid scale, sg_vid zero)
{
    return sg_ib_end(n, 0, sg_ib_node(n, SG_OP_QUANTIZE, SG_INS(v, scale, zero), NULL, 0));
}

/* Inputs x, scale, zero, y scale, y zero around the lowering of a float operator. */
static sedge_status around(sg_onnx_node *n, sg_onnx_lower_fn *lower, int64_t opset)
{
    SG_TRY(sg_ib_need(n, 4));
    if (sg_on_int(n, "channels_last", 0))
        return sg_fail(n->err, SEDGE_E_UNSUPPORTED, "channels_last is not supported");
    sg_vid scale = n->in[3], zero = sg_ib_in(n, 4) ? n->in[4] : sg_ib_const_like(n, 0, 0);
    n->in[0] = dequantized(n, n->in[0], n->in[1], n->in[2]);
    n->n_in = 1;
    n->opset = opset;
    SG_TRY(lower(n));
    return quantized(n, n->out[0], scale, zero);
}

sedge_status sg_lower_qlinear_pool(sg_onnx_node *n)
{
    return around(n, sg_lower_pool, 22);
}

static sedge_status whole(sg_onnx_node *n)
{
    return sg_on_row(n, SG_OP_POOL);
}

sedge_status sg_lower_qlinear_global_pool(sg_onnx_node *n)
{
    return around(n, whole, 22);
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
    for (int i = 0; i < parts; i++)
        part[i] = dequantized(n, n->in[2 + 3 * i], n->in[3 + 3 * i], n->in[4 + 3 * i]);
    sg_vid all = sg_ib_node(n, SG_OP_CONCAT, part, parts, SG_SET({SG_A_axis, .i = sg_on_int(n, "axis", 0)}));
    return quantized(n, all, n->in[0], n->in[1]);
}

/* ---- integer products with float results ------------------------------------------------------------------------ */

/* (a - az)(b - bz) + c, times as * bs, plus bias. */
typedef struct scaled {
    sg_vid a, b, as, bs, az, bz, c, bias;
} scaled;

static sedge_status product(sg_onnx_node *n, const scaled *s)
{
    sg_vid acc = sg_ib_node(n, SG_OP_MATMUL_INTEGER, SG_INS(s->a, s->b, s->az, s->bz), NULL, 0);
    sg_vid scale = sg_ib_binary(n, SG_BINARY_MUL, s->as, s->bs);
    sg_vid y = sg_ib_binary(n, SG_BINARY_MUL, sg_ib_cast(n, sg_ib_add_maybe(n, acc, s->c), SG_F32), scale);
    return sg_ib_end(n, 0, sg_ib_add_maybe(n, y, s->bias));
}

sedge_status sg_lower_matmul_integer_to_float(sg_onnx_node *n)
{
    scaled s = {sg_ib_in(n, 0), sg_ib_in(n, 1), sg_ib_in(n, 2), sg_ib_in(n, 3), sg_ib_in(n, 4), sg_ib_in(n, 5), 0,
                sg_ib_in(n, 6)};
    return product(n, &s);
}

sedge_status sg_lower_dynamic_quantize_matmul(sg_onnx_node *n)
{
    sg_nid q = sg_ib_make(n, SG_OP_DYNAMIC_QUANTIZE, n->in, 1, 3, NULL, 0);
    if (!q)
        return n->err->status;
    const sg_vid *x = n->g->node[q].out;
    scaled s = {x[0], sg_ib_in(n, 1), x[1], sg_ib_in(n, 2), x[2], sg_ib_in(n, 3), 0, sg_ib_in(n, 4)};
    return product(n, &s);
}

/* An absent zero point becomes a zero of the type of input `like`. */
static sg_vid zero_point(sg_onnx_node *n, int k, int like)
{
    return sg_ib_in(n, k) ? sg_ib_in(n, k) : sg_ib_const_like(n, like, 0);
}

sedge_status sg_lower_qgemm(sg_onnx_node *n)
{
    SG_TRY(sg_ib_need(n, 2));
    double alpha = sg_on_float(n, "alpha", 1);
    sg_vid a = n->in[0], b = sg_ib_in(n, 3), as = n->in[1];
    a = sg_on_int(n, "transA", 0) ? sg_ib_swap_last(n, a) : a;
    b = sg_on_int(n, "transB", 0) ? sg_ib_swap_last(n, b) : b;
    if (sg_ib_in(n, 7)) {
        sg_vid in[9] = {
            a, as, zero_point(n, 2, 0), b, sg_ib_in(n, 4), zero_point(n, 5, 3), n->in[7], zero_point(n, 8, 0), sg_ib_in(n, 6)};
        return sg_ib_end(n, 0, sg_ib_node(n, SG_OP_QLINEAR_MATMUL, in, 9, SG_SET({SG_A_alpha, .f = alpha})));
    }
    if (alpha != 1)
        as = sg_ib_binary(n, SG_BINARY_MUL, as, sg_ib_const_like(n, 1, alpha));
    scaled s = {a, b, as, sg_ib_in(n, 4), sg_ib_in(n, 2), sg_ib_in(n, 5), sg_ib_in(n, 6), 0};
    return product(n, &s);
}
