/* Convolutions, pools, products, normalizations. */
#include "import/kinds.h"
#include "import/tflite/tflite.h"

enum { PADDING_SAME, PADDING_VALID };
enum { AUTO_PAD_SAME_UPPER = 1, AUTO_PAD_VALID = 3 };

static int64_t auto_pad(const sg_ib *n)
{
    return sg_tf_int(n, SG_TF_PADDING) == PADDING_SAME ? AUTO_PAD_SAME_UPPER : AUTO_PAD_VALID;
}

/* ---- convolutions ---- */

sg_vid sg_tf_bias(sg_ib *n, int k, const sg_tf_tensor *x, const sg_tf_tensor *w)
{
    sg_vid b = sg_ib_in(n, k);
    if (!b || sg_ib_type(n, b)->dtype == SG_F32)
        return b;
    if (!sg_tf_is_quant(x) || !sg_tf_is_quant(w) || x->scale.n != 1)
        return sg_tf_unsupported(n, "an integer bias beside operands without scales"), SG_NONE_ID;
    int64_t count = (int64_t)w->scale.n;
    float *scale = sg_arena_array(n->arena, (size_t)count, sizeof *scale);
    for (int64_t i = 0; scale && i < count; i++)
        scale[i] = (float)(sg_load_f64(SG_F32, sg_fb_data(&x->scale), 0) * sg_load_f64(SG_F32, sg_fb_data(&w->scale), (size_t)i));
    sg_vid s = scale ? sg_const_new(n->g, SG_F32, count > 1, &count, scale, NULL) : SG_NONE_ID;
    if (!s)
        sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
    if (sg_ib_type(n, b)->dtype == SG_I32)
        return sg_ib_node(n, SG_OP_DEQUANTIZE, SG_INS(b, s), SG_SET({SG_A_axis, .i = 0}));
    return sg_ib_binary(n, SG_BINARY_MUL, sg_ib_cast(n, b, SG_F32), s);
}

/* Operand k turned by perm (its integers, which keep their scales along `axis`), as numbers. */
static sg_vid weights(sg_ib *n, int k, const int64_t *perm, int rank, int axis)
{
    const sg_tf_tensor *t = &sg_tf_here(n)->in[k];
    sg_vid w = sg_ib_in(n, k);
    if (!w || sg_ib_type(n, w)->rank != rank)
        return sg_tf_unsupported(n, "a kernel of this rank"), SG_NONE_ID;
    w = sg_ib_transpose(n, w, perm, rank);
    if (t->axis >= 0 && perm[axis] != t->axis)
        return sg_tf_unsupported(n, "a kernel with scales along this axis"), SG_NONE_ID;
    return sg_tf_is_quant(t) ? sg_tf_dequant(n, w, t, axis) : w;
}

/* Operand k with its channels second, as numbers. */
static sg_vid image(sg_ib *n, int k)
{
    const sg_tf_tensor *t = &sg_tf_here(n)->in[k];
    sg_vid x = sg_tf_to_first(n, sg_ib_in(n, k));
    return x && sg_tf_is_quant(t) ? sg_tf_dequant(n, x, t, 1) : x;
}

static sedge_status image_end(sg_ib *n, sg_vid y)
{
    return sg_ib_end(n, 0, sg_tf_to_last(n, sg_tf_result(n, 0, y)));
}

static sedge_status convolve(sg_ib *n, sg_vid x, sg_vid w, int64_t group, const int64_t *dilations, const int64_t *strides,
                             int spatial)
{
    const sg_tf_tensor *t = sg_tf_here(n)->in;
    sg_vid b = n->err->status == SEDGE_OK ? sg_tf_bias(n, 2, &t[0], &t[1]) : SG_NONE_ID;
    sg_vid y = sg_ib_node(n, SG_OP_CONV, SG_INS(x, w, b),
                          SG_SET({SG_A_auto_pad, .i = auto_pad(n)}, {SG_A_group, .i = group},
                                 {SG_A_dilations, .ints = dilations, .n = spatial},
                                 {SG_A_strides, .ints = strides, .n = spatial}));
    return image_end(n, y);
}

/* Kernels [out, h, w, in]; fewer channels in than x has are groups. */
sedge_status sg_tf_conv(sg_ib *n)
{
    static const int64_t perm[] = {0, 3, 1, 2};
    const int64_t dilations[] = {sg_tf_int(n, SG_TF_CONV_DILATION_H), sg_tf_int(n, SG_TF_CONV_DILATION_W)};
    const int64_t strides[] = {sg_tf_int(n, SG_TF_STRIDE_H), sg_tf_int(n, SG_TF_STRIDE_W)};
    SG_TRY(sg_ib_need(n, 2));
    sg_vid x = image(n, 0), w = weights(n, 1, perm, 4, 0);
    if (!x || !w)
        return n->err->status;
    int64_t c = sg_ib_type(n, x)->dim[1], per = sg_ib_type(n, w)->dim[1];
    int64_t group = per > 0 && !sg_dim_is_expr(c) && c % per == 0 ? c / per : 1;
    return convolve(n, x, w, group, dilations, strides, 2);
}

/* Kernels [1, h, w, out]: each channel has its own. */
sedge_status sg_tf_depthwise(sg_ib *n)
{
    static const int64_t perm[] = {3, 0, 1, 2};
    const int64_t dilations[] = {sg_tf_int(n, SG_TF_DEPTHWISE_DILATION_H), sg_tf_int(n, SG_TF_DEPTHWISE_DILATION_W)};
    const int64_t strides[] = {sg_tf_int(n, SG_TF_STRIDE_H), sg_tf_int(n, SG_TF_STRIDE_W)};
    SG_TRY(sg_ib_need(n, 2));
    sg_vid x = image(n, 0), w = weights(n, 1, perm, 4, 0);
    if (!x || !w)
        return n->err->status;
    int64_t group = sg_ib_type(n, x)->dim[1];
    return convolve(n, x, w, sg_dim_is_expr(group) ? 1 : group, dilations, strides, 2);
}

/* What a transposed convolution gives, of `rank` sides `out`. The padding is that of the convolution from the result to x. */
typedef struct deconv {
    int x, w, bias; /* operands */
    int rank;
    int64_t out[3], strides[3], dilations[3];
    bool valid;
} deconv;

static sedge_status deconvolve(sg_ib *n, const deconv *d)
{
    static const int64_t flat[] = {3, 0, 1, 2}, deep[] = {4, 3, 0, 1, 2};
    const sg_tf_tensor *t = sg_tf_here(n)->in;
    int64_t pads[6], more[3];
    sg_vid w = weights(n, d->w, d->rank == 2 ? flat : deep, d->rank + 2, 1), x = image(n, d->x);
    if (!x || !w)
        return sg_ib_end(n, 0, SG_NONE_ID);
    for (int i = 0; i < d->rank; i++) {
        int64_t in = sg_ib_type(n, x)->dim[2 + i], full = sg_ib_type(n, w)->dim[2 + i], stride = d->strides[i], out = d->out[i];
        if (sg_dim_is_expr(in) || stride < 1 || in > INT32_MAX || stride > INT32_MAX || out > INT32_MAX ||
            d->dilations[i] > INT32_MAX)
            return sg_tf_unsupported(n, "an input whose sides are not known");
        full = (full - 1) * d->dilations[i] + 1;
        out = out ? out : d->valid ? (in - 1) * stride + full : in * stride;
        full += (in - 1) * stride - out; /* beyond the result */
        more[i] = full < 0 ? -full : 0;
        pads[i] = full < 0 || d->valid ? 0 : full / 2;
        pads[d->rank + i] = full < 0 ? 0 : full - pads[i];
    }
    sg_vid b = sg_ib_in(n, d->bias) ? sg_tf_bias(n, d->bias, &t[d->x], &t[d->w]) : SG_NONE_ID;
    return image_end(
        n, sg_ib_node(n, SG_OP_CONV_TRANSPOSE, SG_INS(x, w, b),
                      SG_SET({SG_A_pads, .ints = pads, .n = 2 * d->rank}, {SG_A_output_padding, .ints = more, .n = d->rank},
                             {SG_A_strides, .ints = d->strides, .n = d->rank},
                             {SG_A_dilations, .ints = d->dilations, .n = d->rank})));
}

/* Operands: shape of the result, kernels [out, h, w, in], x, bias. */
sedge_status sg_tf_transpose_conv(sg_ib *n)
{
    int64_t count;
    SG_TRY(sg_ib_need(n, 3));
    const int64_t *shape = sg_ib_const_ints(n, 0, &count);
    if (!shape || count != 4)
        return sg_tf_unsupported(n, "a shape that is not constant");
    const deconv d = {2,
                      1,
                      3,
                      2,
                      {shape[1], shape[2]},
                      {sg_tf_int(n, SG_TF_STRIDE_H), sg_tf_int(n, SG_TF_STRIDE_W)},
                      {1, 1},
                      sg_tf_int(n, SG_TF_PADDING) == PADDING_VALID};
    return deconvolve(n, &d);
}

/* The same with three sides; kernels [d, h, w, out, in]. */
sedge_status sg_tf_conv_3d_transpose(sg_ib *n)
{
    int64_t count;
    SG_TRY(sg_ib_need(n, 3));
    const int64_t *shape = sg_ib_const_ints(n, 0, &count);
    if (!shape || count != 5)
        return sg_tf_unsupported(n, "a shape that is not constant");
    const deconv d = {
        2,
        1,
        3,
        3,
        {shape[1], shape[2], shape[3]},
        {sg_tf_int(n, SG_TF_CONV3_STRIDE_D), sg_tf_int(n, SG_TF_CONV3_STRIDE_H), sg_tf_int(n, SG_TF_CONV3_STRIDE_W)},
        {sg_tf_int(n, SG_TF_CONV3_DILATION_D), sg_tf_int(n, SG_TF_CONV3_DILATION_H), sg_tf_int(n, SG_TF_CONV3_DILATION_W)},
        sg_tf_int(n, SG_TF_PADDING) == PADDING_VALID};
    return deconvolve(n, &d);
}

/* MediaPipe's: x, kernels, bias; the options are C's struct of padding (1 same, 2 valid) and strides. */
sedge_status sg_tf_transpose_conv_bias(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 2));
    int64_t padding = sg_tf_custom_i32(n, 0), w = sg_tf_custom_i32(n, 1), h = sg_tf_custom_i32(n, 2);
    const deconv d = {0, 1, 2, 2, {0, 0}, {h, w}, {1, 1}, padding == 2};
    return deconvolve(n, &d);
}

/* ---- pools ---- */

sedge_status sg_tf_pool(sg_ib *n)
{
    const int64_t kernel[] = {sg_tf_int(n, SG_TF_POOL_H), sg_tf_int(n, SG_TF_POOL_W)};
    const int64_t strides[] = {sg_tf_int(n, SG_TF_STRIDE_H), sg_tf_int(n, SG_TF_STRIDE_W)};
    SG_TRY(sg_ib_need(n, 1));
    sg_vid y = sg_ib_node(n, SG_OP_POOL, SG_INS(sg_tf_to_first(n, n->in[0])),
                          SG_SET({SG_A_kind, .i = sg_tf_extra(n)}, {SG_A_auto_pad, .i = auto_pad(n)},
                                 {SG_A_kernel_shape, .ints = kernel, .n = 2}, {SG_A_strides, .ints = strides, .n = 2}));
    return sg_ib_end(n, 0, sg_tf_to_last(n, y));
}

/* The root of the mean of squares. */
sedge_status sg_tf_l2_pool(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 1));
    n->in[0] = sg_ib_binary(n, SG_BINARY_MUL, n->in[0], n->in[0]);
    if (n->in[0])
        SG_TRY(sg_tf_pool(n));
    return sg_ib_end(n, 0, sg_ib_unary(n, SG_UNARY_SQRT, n->out[0], 0, 0));
}

/* ---- products ---- */

/* x [..., k] times weights [out, k], plus bias. */
sedge_status sg_tf_fully_connected(sg_ib *n)
{
    const sg_tf_tensor *t = sg_tf_here(n)->in;
    SG_TRY(sg_ib_need(n, 2));
    if (sg_tf_int(n, SG_TF_FC_FORMAT))
        return sg_tf_unsupported(n, "shuffled weights");
    sg_vid x = n->in[0], w = n->in[1];
    const sg_type tx = *sg_ib_type(n, x), tw = *sg_ib_type(n, w);
    if (tw.rank != 2 || sg_dim_is_expr(tw.dim[1]) || tx.rank < 1)
        return sg_tf_unsupported(n, "weights of this rank");
    bool keep = sg_tf_int(n, SG_TF_FC_KEEP_DIMS) && tx.rank > 2;
    if (tx.rank != 2 || tx.dim[1] != tw.dim[1])
        x = sg_ib_reshape(n, x, (const int64_t[]){-1, tw.dim[1]}, 2);
    x = sg_tf_is_quant(&t[0]) ? sg_tf_dequant(n, x, &t[0], 1) : x;
    w = sg_tf_is_quant(&t[1]) ? sg_tf_dequant(n, w, &t[1], 0) : w;
    sg_vid b = sg_ib_in(n, 2) ? sg_tf_bias(n, 2, &t[0], &t[1]) : SG_NONE_ID;
    if (!x || !w || n->err->status != SEDGE_OK)
        return sg_ib_end(n, 0, SG_NONE_ID);
    sg_vid y = sg_tf_result(n, 0, sg_ib_node(n, SG_OP_GEMM, SG_INS(x, w, b), SG_SET({SG_A_transB, .i = 1})));
    int64_t shape[SG_RANK_MAX], unknown = 0;
    for (int i = 0; keep && i < tx.rank - 1; i++) {
        shape[i] = sg_dim_is_expr(tx.dim[i]) ? -1 : tx.dim[i];
        unknown += shape[i] < 0;
    }
    if (keep && unknown > 1)
        return sg_tf_unsupported(n, "more than one unknown dimension");
    shape[keep ? tx.rank - 1 : 0] = tw.dim[0];
    return sg_ib_end(n, 0, keep && y ? sg_ib_reshape(n, y, shape, tx.rank) : y);
}

sedge_status sg_tf_batch_matmul(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 2));
    sg_vid a = sg_tf_int(n, SG_TF_ADJ_X) ? sg_ib_swap_last(n, n->in[0]) : n->in[0];
    sg_vid b = sg_tf_int(n, SG_TF_ADJ_Y) ? sg_ib_swap_last(n, n->in[1]) : n->in[1];
    return sg_ib_end(n, 0, sg_ib_matmul(n, a, b));
}

/* ---- normalizations ---- */

/* The largest value does not change, so beta may be applied first. */
sedge_status sg_tf_softmax(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 1));
    double beta = sg_tf_extra(n) == SG_SOFTMAX_PLAIN ? sg_tf_f32(n, SG_TF_BETA) : 1;
    sg_vid x = beta != 1 ? sg_ib_binary_scalar(n, SG_BINARY_MUL, n->in[0], beta) : n->in[0];
    return sg_ib_end(n, 0,
                     sg_ib_node(n, SG_OP_SOFTMAX, SG_INS(x), SG_SET({SG_A_axis, .i = -1}, {SG_A_kind, .i = sg_tf_extra(n)})));
}

/* x over the root of the sum of squares along the last axis. */
sedge_status sg_tf_l2_norm(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 1));
    sg_vid sum = sg_ib_reduce(n, SG_REDUCE_SUM_SQUARE, n->in[0], -1, true);
    sg_vid root = sg_ib_unary(n, SG_UNARY_SQRT, sg_ib_binary(n, SG_BINARY_MAX, sum, sg_ib_scalar(n, SG_F32, 1e-6)), 0, 0);
    return sg_ib_end(n, 0, sg_ib_binary(n, SG_BINARY_DIV, n->in[0], root));
}

/* A window of 2 radius + 1 channels; the row divides alpha by its size. */
sedge_status sg_tf_lrn(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 1));
    int64_t size = 2 * sg_tf_int(n, SG_TF_LRN_RADIUS) + 1;
    sg_vid y = sg_ib_node(n, SG_OP_LRN, SG_INS(sg_tf_to_first(n, n->in[0])),
                          SG_SET({SG_A_size, .i = size}, {SG_A_alpha, .f = sg_tf_f32(n, SG_TF_LRN_ALPHA) * (double)size},
                                 {SG_A_beta, .f = sg_tf_f32(n, SG_TF_LRN_BETA)}, {SG_A_bias, .f = sg_tf_f32(n, SG_TF_LRN_BIAS)}));
    return sg_ib_end(n, 0, sg_tf_to_last(n, y));
}

/* Kernels [d, h, w, in, out]. */
sedge_status sg_tf_conv_3d(sg_ib *n)
{
    static const int64_t perm[] = {4, 3, 0, 1, 2};
    const int64_t dilations[] = {sg_tf_int(n, SG_TF_CONV3_DILATION_D), sg_tf_int(n, SG_TF_CONV3_DILATION_H),
                                 sg_tf_int(n, SG_TF_CONV3_DILATION_W)};
    const int64_t strides[] = {sg_tf_int(n, SG_TF_CONV3_STRIDE_D), sg_tf_int(n, SG_TF_CONV3_STRIDE_H),
                               sg_tf_int(n, SG_TF_CONV3_STRIDE_W)};
    SG_TRY(sg_ib_need(n, 2));
    sg_vid x = sg_tf_to_first(n, n->in[0]), w = sg_ib_transpose(n, n->in[1], perm, 5);
    sg_vid y = sg_ib_node(n, SG_OP_CONV, (const sg_vid[]){x, w, sg_ib_in(n, 2)}, 3,
                          SG_SET({SG_A_auto_pad, .i = auto_pad(n)}, {SG_A_dilations, .ints = dilations, .n = 3},
                                 {SG_A_strides, .ints = strides, .n = 3}));
    return sg_ib_end(n, 0, sg_tf_to_last(n, y));
}

/* ---- images ---- */

/* Operand 1: the sides of the result. */
sedge_status sg_tf_resize(sg_ib *n)
{
    bool linear = sg_tf_extra(n) == SG_RESIZE_LINEAR;
    bool corners = sg_tf_int(n, linear ? SG_TF_RESIZE_CORNERS : SG_TF_NEAREST_CORNERS) != 0;
    bool half = sg_tf_int(n, linear ? SG_TF_RESIZE_HALF : SG_TF_NEAREST_HALF) != 0;
    int64_t coord = corners ? SG_COORD_ALIGN_CORNERS
                    : half  ? (linear ? SG_COORD_HALF_PIXEL : SG_COORD_TF_NEAREST)
                            : SG_COORD_ASYMMETRIC;
    static const int64_t axes[] = {2, 3};
    SG_TRY(sg_ib_need(n, 2));
    sg_vid x = sg_tf_to_first(n, n->in[0]), sizes = sg_tf_i64(n, 1);
    sg_vid y = sg_ib_node(n, SG_OP_RESIZE, (const sg_vid[]){x, 0, 0, sizes}, 4,
                          SG_SET({SG_A_mode, .i = sg_tf_extra(n)}, {SG_A_coordinate_transformation_mode, .i = coord},
                                 {SG_A_nearest_mode, .i = corners ? SG_ROUND_PREFER_CEIL : SG_ROUND_FLOOR},
                                 {SG_A_axes, .ints = axes, .n = 2}));
    return sg_ib_end(n, 0, sg_tf_to_last(n, y));
}

/* Channels first, with blocks in the order depth, row, column. */
sedge_status sg_tf_blocks(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 1));
    sg_vid y = sg_ib_node(n, sg_tf_row(n), SG_INS(sg_tf_to_first(n, n->in[0])),
                          SG_SET({SG_A_blocksize, .i = sg_tf_int(n, SG_TF_BLOCK)}));
    return sg_ib_end(n, 0, sg_tf_to_last(n, y));
}
