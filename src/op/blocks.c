/* Moving blocks: depth to space and back, and columns to images. */
#include <string.h>

#include "op/wide.h"
#include "op/window.h"

/* ---- depth to space, space to depth ---- */

/* `deep` is the tensor with more channels: [N, C*b*b, H, W]; `wide` the other: [N, C, H*b, W*b]. */
static sedge_status infer_blocks(sg_infer *c, bool to_space)
{
    const sg_type *x = c->in[0];
    int64_t b = sg_get_int(c->attrs, SG_A_blocksize), mode = sg_get_int(c->attrs, SG_A_mode);
    if (b < 1 || b > SG_WINDOW_MAX)
        return SG_INFER_FAIL(c, SEDGE_E_VALUE, "blocksize is %lld", (long long)b);
    if (mode != 0 && mode != 1)
        return SG_INFER_FAIL(c, SEDGE_E_VALUE, "mode is %lld", (long long)mode);
    c->out[0] = *x;
    c->exact = true;
    if (x->rank < 0)
        return SEDGE_OK;
    if (x->rank != 4)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "the input has rank %d, needs 4", x->rank);
    for (int i = 1; i < 4; i++) {
        int64_t by = i == 1 ? b * b : b;
        bool divides = (i == 1) == to_space;
        if (divides && !sg_d_equal(c, sg_d_mod(c, x->dim[i], by), 0))
            return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "axis %d of size %lld does not split into blocks of %lld", i,
                                 (long long)x->dim[i], (long long)by);
        c->out[0].dim[i] = divides ? sg_d_div(c, x->dim[i], by) : sg_d_mul(c, x->dim[i], by);
    }
    return SEDGE_OK;
}

sedge_status sg_infer_depth_to_space(sg_infer *c)
{
    return infer_blocks(c, true);
}
sedge_status sg_infer_space_to_depth(sg_infer *c)
{
    return infer_blocks(c, false);
}

static sedge_status move_blocks(sg_exec *x, bool to_space)
{
    const sg_tensor *in = x->in[0];
    sg_tensor *out = x->out[0];
    int64_t b = sg_get_int(x->attrs, SG_A_blocksize);
    bool crd = sg_get_int(x->attrs, SG_A_mode) == 1;
    const int64_t *deep = to_space ? in->dim : out->dim, *wide = to_space ? out->dim : in->dim;
    if (in->rank != 4 || out->rank != 4 || b < 1 || b > SG_WINDOW_MAX || deep[1] != wide[1] * b * b || wide[2] != deep[2] * b ||
        wide[3] != deep[3] * b)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "the input does not split into blocks of %lld", (long long)b);
    int64_t channels = wide[1], at = 0, o[4] = {0};
    if (sg_numel(in) == 0)
        return SEDGE_OK;
    do { /* every element of the wide tensor in order */
        int64_t i = o[2] % b, j = o[3] % b;
        int64_t ch = crd ? (o[1] * b + i) * b + j : (i * b + j) * channels + o[1];
        int64_t d = ((o[0] * deep[1] + ch) * deep[2] + o[2] / b) * deep[3] + o[3] / b;
        sg_elem_copy((sg_dtype)in->dtype, out->data, (size_t)(to_space ? at : d), in->data, (size_t)(to_space ? d : at));
        at++;
    } while (sg_index_next(o, wide, 4));
    return SEDGE_OK;
}

sedge_status sg_ref_depth_to_space(sg_exec *x)
{
    return move_blocks(x, true);
}
sedge_status sg_ref_space_to_depth(sg_exec *x)
{
    return move_blocks(x, false);
}

/* ---- columns to image: the sum of overlapping blocks ---- */

sedge_status sg_infer_col2im(sg_infer *c)
{
    const sg_type *x = c->in[0];
    int64_t n, m;
    const sg_dim *image = sg_in_content(c, 1, &n), *block = sg_in_content(c, 2, &m);
    if (!image && c->in[1]->rank == 1 && !sg_dim_is_expr(c->in[1]->dim[0]))
        n = c->in[1]->dim[0];
    if (x->rank < 0 || (!image && n == 0))
        return sg_out_unknown(c, (sg_dtype)x->dtype);
    if (x->rank != 3 || n < 1 || n > SG_RANK_MAX - 2 || (block && m != n))
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE,
                             "image_shape and block_shape must have one value a spatial axis, the input rank 3");
    sg_type *y = &c->out[0];
    y->dtype = x->dtype;
    y->rank = (int8_t)(n + 2);
    y->dim[0] = x->dim[0];
    sg_dim taps = 1;
    for (int i = 0; i < n; i++) {
        y->dim[2 + i] = image ? image[i] : sg_d_fresh(c);
        if (!sg_dim_is_expr(y->dim[2 + i]) && y->dim[2 + i] < 0)
            return SG_INFER_FAIL(c, SEDGE_E_VALUE, "image_shape holds %lld", (long long)y->dim[2 + i]);
        if (block && !sg_dim_is_expr(block[i]) && (block[i] < 1 || block[i] > SG_WINDOW_MAX))
            return SG_INFER_FAIL(c, SEDGE_E_VALUE, "block_shape holds %lld", (long long)block[i]);
        taps = block ? sg_d_mul(c, taps, block[i]) : 0;
    }
    if (block && !sg_dim_is_expr(taps) && !sg_dim_is_expr(x->dim[1]) && x->dim[1] % taps)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "%lld rows do not split into blocks of %lld", (long long)x->dim[1],
                             (long long)taps);
    y->dim[1] = block ? sg_d_div(c, x->dim[1], taps) : sg_d_fresh(c);
    return SEDGE_OK;
}

static sedge_status col2im_setup(sg_exec *x, sg_window *w, int64_t *cols, int64_t *taps)
{
    const sg_tensor *in = x->in[0], *out = x->out[0], *block = x->in[2];
    int n = out->rank - 2;
    int64_t kernel[SG_RANK_MAX], blocks = 1;
    if (in->rank != 3 || n < 1 || block->rank != 1 || block->dim[0] != n)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "block_shape must have one value a spatial axis");
    *taps = 1;
    for (int i = 0; i < n; i++) {
        kernel[i] = sg_load_i64((sg_dtype)block->dtype, block->data, (size_t)i);
        if (kernel[i] < 1 || kernel[i] > SG_WINDOW_MAX || *taps > SG_NUMEL_MAX / kernel[i])
            return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "block_shape holds %lld", (long long)kernel[i]);
        *taps *= kernel[i];
    }
    SG_TRY(sg_window_read(x->err, x->attrs, n, kernel, w));
    for (int i = 0; i < n; i++) {
        int64_t room = out->dim[2 + i] + w->begin[i] + w->end[i] - 1 - (kernel[i] - 1) * w->dilation[i];
        cols[i] = room < 0 ? 0 : room / w->stride[i] + 1;
        if (cols[i] && blocks > SG_NUMEL_MAX / cols[i])
            blocks = SG_NUMEL_MAX;
        else
            blocks *= cols[i];
    }
    if (blocks != in->dim[2] || out->dim[1] > SG_NUMEL_MAX / *taps || in->dim[1] != out->dim[1] * *taps)
        return SG_EXEC_FAIL(
            x, SEDGE_E_SHAPE, "the image needs %lld columns of %lld rows a channel, the input is [%lld,%lld,%lld]",
            (long long)blocks, (long long)*taps, (long long)in->dim[0], (long long)in->dim[1], (long long)in->dim[2]);
    return SEDGE_OK;
}

sedge_status sg_ref_col2im(sg_exec *x)
{
    const sg_tensor *in = x->in[0];
    sg_tensor *out = x->out[0];
    sg_window w;
    int64_t cols[SG_RANK_MAX], taps, len = in->dim[in->rank > 2 ? 2 : 0];
    SG_TRY(col2im_setup(x, &w, cols, &taps));
    int64_t plane = sg_dim_span(out->dim, 2, out->rank), n = out->dim[0] * out->dim[1];
    if (sg_numel(out) == 0)
        return SEDGE_OK;
    double *ys = sg_scratch_f64(x, plane);
    if (!ys)
        return SEDGE_E_NOMEM;
    for (int64_t p = 0; p < n; p++) {
        int64_t k[SG_RANK_MAX] = {0}, at = p * taps * len, off;
        memset(ys, 0, (size_t)plane * sizeof *ys);
        do {
            int64_t o[SG_RANK_MAX] = {0};
            if (len == 0)
                break;
            do {
                if (sg_window_at(&w, w.n, out->dim + 2, o, k, &off))
                    ys[off] += sg_load_f64((sg_dtype)in->dtype, in->data, (size_t)at);
                at++;
            } while (sg_index_next(o, cols, w.n));
        } while (sg_index_next(k, w.kernel, w.n));
        sg_narrow((sg_dtype)out->dtype, out->data, p * plane, plane, ys);
    }
    return SEDGE_OK;
}
