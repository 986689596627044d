/* com.microsoft: fused products, activations and normalizations. */
#include <string.h>

#include "import/onnx/lower.h"
#include "op/elementwise.h"
#include "op/reduce.h"

/* The activation that fused operators name, with its parameters. */
static sg_vid activation(sg_onnx_node *n, sg_vid x, const double *p, int n_p)
{
    static const int kind[] = {
        0, SG_UNARY_RELU,       SG_UNARY_TANH, SG_UNARY_SIGMOID, SG_UNARY_LEAKY_RELU, SG_UNARY_HARD_SIGMOID,
        0, SG_UNARY_HARD_SWISH, SG_UNARY_GELU};
    static const char words[] = "Relu Tanh Sigmoid LeakyRelu HardSigmoid Clip HardSwish Gelu";
    int k = *sg_on_str(n, "activation", "") ? 1 + sg_on_word(n, "activation", words, -1) : 0;
    double a = n_p > 0 ? p[0] : k == 4 ? 0.01 : 0.2, b = n_p > 1 ? p[1] : 0.5;
    if (k == 0 || !x)
        return x;
    if (k != 6)
        return sg_ib_unary(n, kind[k], x, a, b);
    sg_dtype t = (sg_dtype)sg_ib_type(n, x)->dtype;
    sg_vid in[3] = {x, n_p > 0 ? sg_ib_scalar(n, t, a) : SG_NONE_ID, n_p > 1 ? sg_ib_scalar(n, t, b) : SG_NONE_ID};
    return sg_ib_emit1(n, SG_OP_CLIP, in, 3);
}

/* Input 3 is added before the activation. */
sedge_status sg_lower_fused_conv(sg_onnx_node *n)
{
    int n_p;
    const double *p = sg_on_floats(n, "activation_params", &n_p);
    SG_TRY(sg_ib_need(n, 2));
    sg_vid sum = sg_ib_in(n, 3);
    n->n_in = n->n_in < 3 ? n->n_in : 3;
    SG_TRY(sg_on_row(n, SG_OP_CONV));
    return sg_ib_end(n, 0, activation(n, sg_ib_add_maybe(n, n->out[0], sum), p, n_p));
}

sedge_status sg_lower_fused_gemm(sg_onnx_node *n)
{
    double p[3] = {sg_on_float(n, "activation_alpha", 0), sg_on_float(n, "activation_beta", 0)};
    int n_p = sg_on_has(n, "activation_beta") ? 2 : sg_on_has(n, "activation_alpha") ? 1 : 0;
    SG_TRY(sg_on_row(n, SG_OP_GEMM));
    return sg_ib_end(n, 0, activation(n, n->out[0], p, n_p));
}

sedge_status sg_lower_fused_matmul(sg_onnx_node *n)
{
    SG_TRY(sg_ib_need(n, 2));
    if (sg_on_int(n, "transBatchA", 0) || sg_on_int(n, "transBatchB", 0))
        return sg_fail(n->err, SEDGE_E_UNSUPPORTED, "transBatchA and transBatchB");
    sg_vid a = sg_on_int(n, "transA", 0) ? sg_ib_swap_last(n, n->in[0]) : n->in[0];
    sg_vid b = sg_on_int(n, "transB", 0) ? sg_ib_swap_last(n, n->in[1]) : n->in[1];
    sg_vid y = sg_ib_matmul(n, a, b);
    double alpha = sg_on_float(n, "alpha", 1);
    return sg_ib_end(n, 0, alpha != 1 ? sg_ib_binary_scalar(n, SG_BINARY_MUL, y, alpha) : y);
}

/* An activation of x, or of x + bias. */
sedge_status sg_lower_bias_unary(sg_onnx_node *n)
{
    SG_TRY(sg_ib_need(n, 1));
    double alpha = sg_on_float(n, "alpha", 1.702);
    return sg_ib_end(n, 0, sg_ib_unary(n, (int)sg_on_extra(n), sg_ib_add_maybe(n, n->in[0], sg_ib_in(n, 1)), alpha, 1));
}

/* x + bias + skip: dropout does nothing when not training. */
sedge_status sg_lower_bias_dropout(sg_onnx_node *n)
{
    SG_TRY(sg_ib_need(n, 2));
    return sg_ib_end(n, 0, sg_ib_add_maybe(n, sg_ib_add_maybe(n, n->in[0], n->in[1]), sg_ib_in(n, 2)));
}

sedge_status sg_lower_bias_softmax(sg_onnx_node *n)
{
    SG_TRY(sg_ib_need(n, 2));
    sg_vid y = sg_ib_add_maybe(n, n->in[0], n->in[1]);
    int64_t axis = sg_on_int(n, "axis", 1);
    int rank = y ? sg_ib_type(n, y)->rank : 0;
    if (y && (rank < 0 || sg_axis(axis, rank) != rank - 1))
        return sg_fail(n->err, SEDGE_E_UNSUPPORTED, "a softmax over more than the last axis");
    return sg_ib_end(n, 0, sg_ib_node(n, SG_OP_SOFTMAX, SG_INS(y), SG_SET({SG_A_axis, .i = -1})));
}

sedge_status sg_lower_expand_dims(sg_onnx_node *n)
{
    SG_TRY(sg_ib_need(n, 2));
    static const int64_t one[] = {-1};
    sg_vid axis = sg_ib_reshape(n, sg_ib_cast(n, n->in[1], SG_I64), one, 1);
    return sg_ib_end(n, 0, sg_ib_emit1(n, SG_OP_UNSQUEEZE, SG_INS(n->in[0], axis)));
}

/* Normalization of x over its last axis; out: y and, for layer_norm, mean and inverse deviation. */
static sedge_status norm(sg_onnx_node *n, bool rms, sg_vid x, sg_vid gamma, sg_vid beta, double epsilon, sg_vid out[3])
{
    sg_nid node = sg_ib_make(n, rms ? SG_OP_RMS_NORM : SG_OP_LAYER_NORM, SG_INS(x, gamma, beta), rms ? 1 : 3,
                             SG_SET({SG_A_epsilon, .f = epsilon}));
    for (int k = 0; node && k < 3; k++)
        out[k] = sg_node_out(n->g, node, k);
    return node ? SEDGE_OK : n->err->status;
}

/* The norm of input + skip (+ bias), which is output 3. */
sedge_status sg_lower_skip_norm(sg_onnx_node *n)
{
    bool rms = sg_on_extra(n) == 1;
    sg_vid out[3];
    SG_TRY(sg_ib_need(n, 3));
    sg_vid sum = sg_ib_add_maybe(n, sg_ib_add_maybe(n, n->in[0], n->in[1]), sg_ib_in(n, rms ? 3 : 4));
    SG_TRY(norm(n, rms, sum, n->in[2], rms ? SG_NONE_ID : sg_ib_in(n, 3), sg_on_float(n, "epsilon", 1e-12), out));
    for (int k = 0; k < 3 && k < n->n_out; k++)
        n->out[k] = out[k];
    return sg_ib_end(n, 3, sum);
}

/* Word, position and segment rows summed and normalized. */
sedge_status sg_lower_embed_norm(sg_onnx_node *n)
{
    SG_TRY(sg_ib_need(n, 1));
    if (!sg_ib_in(n, 2) || !sg_ib_in(n, 3) || !sg_ib_in(n, 5))
        return sg_fail(n->err, SEDGE_E_FORMAT, "an embedding or gamma is missing");
    sg_vid ids = n->in[0], where = sg_ib_in(n, 8), out[3];
    if (!where)
        where = sg_ib_iota(n, sg_ib_dim(n, ids, 1));
    sg_vid sum = sg_ib_binary(n, SG_BINARY_ADD, sg_ib_gather(n, n->in[2], ids, 0), sg_ib_gather(n, n->in[3], where, 0));
    if (sg_ib_in(n, 1) && sg_ib_in(n, 4))
        sum = sg_ib_binary(n, SG_BINARY_ADD, sum, sg_ib_gather(n, n->in[4], n->in[1], 0));
    SG_TRY(norm(n, false, sum, n->in[5], sg_ib_in(n, 6), sg_on_float(n, "epsilon", 1e-12), out));
    SG_TRY(sg_ib_end(n, 0, out[0]));
    SG_TRY(sg_ib_end(n, 2, sum));
    if (!sg_on_wants(n, 1))
        return SEDGE_OK;
    sg_vid mask = sg_ib_in(n, 7) ? n->in[7] : sg_ib_binary_scalar(n, SG_BINARY_MUL, ids, 0);
    return sg_ib_end(n, 1, sg_ib_cast(n, sg_ib_reduce(n, SG_REDUCE_SUM, mask, 1, false), SG_I32));
}

/* The pool of an image whose channels come last. */
sedge_status sg_lower_nhwc_max_pool(sg_onnx_node *n)
{
    SG_TRY(sg_ib_need(n, 1));
    int rank = sg_ib_in_type(n, 0)->rank;
    int64_t to[SG_RANK_MAX] = {0}, from[SG_RANK_MAX] = {0};
    if (rank < 3)
        return sg_fail(n->err, SEDGE_E_UNSUPPORTED, "an input of rank %d", rank);
    for (int i = 1; i < rank; i++) {
        to[i] = i == 1 ? rank - 1 : i - 1;
        from[i] = i == rank - 1 ? 1 : i + 1;
    }
    sg_vid x = n->in[0];
    n->in[0] = sg_ib_transpose(n, x, to, rank);
    sedge_status st = n->in[0] ? sg_lower_pool(n) : sg_ib_end(n, 0, SG_NONE_ID);
    n->in[0] = x;
    return st == SEDGE_OK ? sg_ib_end(n, 0, sg_ib_transpose(n, n->out[0], from, rank)) : st;
}
