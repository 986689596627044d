/* Convolutions, pools, products, normalizations, resizing. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "export/tflite/write.h"
#include "op/elementwise.h"
#include "op/pool.h"
#include "op/resize.h"
#include "op/softmax.h"

enum { PADDING_SAME, PADDING_VALID };
enum { AUTO_NOTSET, AUTO_SAME_UPPER, AUTO_SAME_LOWER, AUTO_VALID };

/* ---- windows ---- */

/* A window over the axes behind the first two, as the attributes say it. */
typedef struct window {
    int n;
    int64_t kernel[3], stride[3], dilation[3], before[3], after[3];
    int padding; /* PADDING_*, or -1: pads of its own */
} window;

static int64_t listed(sg_attrs a, sg_attr_id id, int i)
{
    int n = 0;
    const int64_t *v = sg_attr_find(a.a, a.n, id) ? sg_get_ints(a, id, &n) : NULL;
    return v && i < n ? v[i] : 1;
}

static sedge_status window_read(sg_tw_scope *sc, sg_nid n, const sg_dim *kernel, int count, window *w)
{
    sg_attrs a = sg_tw_attrs(sc, n);
    const sg_type *x = sg_tw_type(sc, sg_node_in(sc->g, n, 0)), *y = sg_tw_type(sc, sg_node_out(sc->g, n, 0));
    int64_t how = sg_get_int(a, SG_A_auto_pad);
    int n_pads;
    const int64_t *pads = sg_get_ints(a, SG_A_pads, &n_pads);
    bool none = true, same = true;
    if (count > 3 || count < 1)
        return sg_tw_unsupported(sc, "a window of this rank");
    w->n = count;
    for (int i = 0; i < count; i++) {
        w->kernel[i] = kernel[i];
        w->stride[i] = listed(a, SG_A_strides, i);
        w->dilation[i] = listed(a, SG_A_dilations, i);
        w->before[i] = pads && n_pads == 2 * count ? pads[i] : 0;
        w->after[i] = pads && n_pads == 2 * count ? pads[count + i] : 0;
        if (w->stride[i] < 1 || w->stride[i] > INT32_MAX || w->dilation[i] < 1 || w->dilation[i] > INT32_MAX ||
            w->kernel[i] > INT32_MAX)
            return sg_tw_unsupported(sc, "a window of these sizes");
        int64_t full = (w->kernel[i] - 1) * w->dilation[i] + 1, in = x->dim[2 + i], out = y->dim[2 + i];
        none = none && !w->before[i] && !w->after[i];
        if (sg_dim_is_expr(in) || sg_dim_is_expr(out)) {
            same = same && w->stride[i] == 1 && w->before[i] == (full - 1) / 2 && w->before[i] + w->after[i] == full - 1;
            continue;
        }
        int64_t most = (in + w->stride[i] - 1) / w->stride[i], more = (most - 1) * w->stride[i] + full - in;
        more = more > 0 ? more : 0;
        same = same && out == most && w->before[i] == more / 2 && w->after[i] == more - more / 2;
        if (how == AUTO_SAME_LOWER) {
            w->before[i] = more - more / 2;
            w->after[i] = more / 2;
        }
    }
    w->padding = how == AUTO_SAME_UPPER ? PADDING_SAME
                 : how == AUTO_VALID    ? PADDING_VALID
                 : none && !how         ? PADDING_VALID
                 : same                 ? PADDING_SAME
                                        : -1;
    return SEDGE_OK;
}

/* x [N, .., C] with pads of the window's own put on; `least`: of what no maximum sees. */
static int32_t padded(sg_tw_scope *sc, int32_t x, window *w, bool least)
{
    if (w->padding >= 0 || x < 0)
        return x;
    sg_tw_tensor t = sc->sub->tensor[x];
    int32_t data[2 * (3 + 2)] = {0}, *copy;
    for (int i = 0; i < w->n; i++) {
        data[2 * (1 + i)] = (int32_t)w->before[i];
        data[2 * (1 + i) + 1] = (int32_t)w->after[i];
        t.dim[1 + i] = sg_dim_is_expr(t.dim[1 + i]) ? t.dim[1 + i] : t.dim[1 + i] + w->before[i] + w->after[i];
    }
    w->padding = PADDING_VALID;
    copy = sg_arena_dup(sc->w->arena, data, sizeof data);
    if (!copy)
        return sg_tw_nomem(sc->w), SG_TW_BAD;
    sg_tw_tensor list = {.name = "", .dtype = SG_I32, .rank = 2, .dim = {t.rank, 2}, .data = copy};
    int32_t in[3] = {x, sg_tw_tensor_new(sc, &list), -1}, y = sg_tw_like(sc, x, t.rank, t.dim);
    if (least) {
        double lowest = t.dtype == SG_F32 ? (double)-FLT_MAX : t.dtype == SG_U8 ? 0 : t.dtype == SG_I16 ? INT16_MIN : INT8_MIN;
        in[2] = sg_tw_number(sc, t.dtype, lowest, t.q.n ? &t.q : NULL);
    }
    return sg_tw_emit(sc, least ? SG_TW_PADV2 : SG_TW_PAD, in, least ? 3 : 2, &y, 1, NULL, 0) == SEDGE_OK ? y : SG_TW_BAD;
}

/* Between three axes and four, an image of one row. */
static int32_t as_image(sg_tw_scope *sc, int32_t t)
{
    if (t < 0)
        return t;
    const sg_tw_tensor *from = &sc->sub->tensor[t];
    sg_dim dim[4] = {from->dim[0], 1, from->dim[1], from->dim[2]};
    int64_t list[4];
    for (int i = 0; i < 4; i++)
        list[i] = sg_dim_is_expr(dim[i]) ? -1 : dim[i];
    if (from->data) {
        sg_tw_tensor own = *from;
        own.rank = 4;
        memcpy(own.dim, dim, sizeof dim);
        own.q.axis += own.q.n > 1 && own.q.axis > 0;
        return sg_tw_tensor_new(sc, &own);
    }
    int32_t y = sg_tw_like(sc, t, 4, dim), in[2] = {t, sg_tw_list32(sc, list, 4, 1)};
    return sg_tw_emit(sc, SG_TW_RESHAPE, in, 2, &y, 1, NULL, 0) == SEDGE_OK ? y : SG_TW_BAD;
}

/* The result tensor of an operator on images: for three axes one of four, which as_line brings to the value. */
static int32_t image_out(sg_tw_scope *sc, int32_t y)
{
    if (y < 0 || sc->sub->tensor[y].rank != 3)
        return y;
    const sg_tw_tensor *t = &sc->sub->tensor[y];
    return sg_tw_like(sc, y, 4, (const sg_dim[]){t->dim[0], 1, t->dim[1], t->dim[2]});
}

static sedge_status as_line(sg_tw_scope *sc, int32_t from, int32_t y)
{
    int64_t list[3];
    if (from == y || from < 0 || y < 0)
        return sc->w->err->status;
    for (int i = 0; i < 3; i++)
        list[i] = sg_dim_is_expr(sc->sub->tensor[y].dim[i]) ? -1 : sc->sub->tensor[y].dim[i];
    return sg_tw_emit(sc, SG_TW_RESHAPE, (const int32_t[]){from, sg_tw_list32(sc, list, 3, 1)}, 2, &y, 1, NULL, 0);
}

/* ---- biases ---- */

/* Integers in units of x scale times weight scale, from integers of that scale or from numbers. */
static int32_t bias_ints(sg_tw_scope *sc, sg_vid b, const sg_tw_quant *x, const sg_tw_quant *w, int64_t n, bool wide)
{
    const sg_tensor *real = b ? sg_tw_const(sc, b) : NULL;
    sg_arena *a = sc->w->arena;
    float *scale = sg_arena_array(a, (size_t)w->n, sizeof *scale);
    int64_t *zero = sg_arena_array(a, (size_t)w->n, sizeof *zero);
    sg_dtype t = wide ? SG_I64 : SG_I32;
    uint8_t *data = sg_arena_array(a, (size_t)n + 1, 8);
    int64_t count = real ? sg_d_numel(sg_tw_type(sc, b)) : n;
    if ((b && !real) || (count != n && count != 1) || !scale || !zero || !data)
        return sg_tw_unsupported(sc, "a bias that is no constant beside integers"), SG_TW_BAD;
    for (int64_t i = 0; i < w->n; i++)
        scale[i] = (float)((double)x->scale[0] * (double)w->scale[i]);
    for (int64_t i = 0; i < n; i++) {
        double v = real ? sg_load_f64((sg_dtype)real->dtype, real->data, (size_t)(count == 1 ? 0 : i)) : 0;
        v = nearbyint(v / (double)scale[w->n == 1 ? 0 : i]);
        double most = wide ? 9007199254740992.0 : INT32_MAX;
        sg_store_i64(t, data, (size_t)i, (int64_t)fmin(fmax(v, -most), most));
    }
    sg_tw_tensor own = {.name = "", .dtype = t, .rank = 1, .dim = {n}, .q = {scale, zero, w->n, 0}, .data = data};
    return sg_tw_tensor_new(sc, &own);
}

/* ---- convolutions ---- */

static int32_t zeros(sg_tw_scope *sc, sg_dtype t, int64_t n)
{
    const double *data = sg_arena_array(sc->w->arena, (size_t)n + 1, sizeof *data);
    if (!data)
        return sg_tw_nomem(sc->w), SG_TW_BAD;
    return sg_tw_tensor_new(sc, &(sg_tw_tensor){.name = "", .dtype = t, .rank = 1, .dim = {n}, .data = data});
}

/* needed: kernels do not go without. */
static int32_t bias(sg_tw_scope *sc, sg_nid n, int k, const sg_tw_tail *t, int64_t count, bool needed)
{
    sg_vid b = sg_node_in(sc->g, n, k);
    if (!b && !needed)
        return -1;
    if (!b && !t->ints)
        return zeros(sc, (sg_dtype)sg_tw_type(sc, t->out)->dtype, count);
    if (!t->ints)
        return sg_tw_need(sc, b, NULL);
    const sg_tw_quant *x = &sc->val[sg_node_in(sc->g, n, 0)].q, *w = &sc->val[sg_node_in(sc->g, n, 1)].q;
    return bias_ints(sc, b, x, w, count, sg_tw_type(sc, t->out)->dtype == SG_I16);
}

/* Weights that integer kernels take: integers of a constant, per channel without zero points. */
static bool weights_fit(sg_tw_scope *sc, sg_vid w)
{
    const sg_tw_val *val = sg_tw_of(sc, w);
    sg_dtype t = val->src ? (sg_dtype)sc->g->value[val->src].type.dtype : SG_NONE;
    bool zeros = true;
    for (int64_t i = 0; i < val->q.n; i++)
        zeros = zeros && !val->q.zero[i];
    return val->there && val->lazy && val->src && (t == SG_I8 || t == SG_U8 || t == SG_I4) && (t == SG_U8 || zeros);
}

static sg_tw_rule product_rule(sg_tw_scope *sc, sg_nid n, int k_bias)
{
    sg_vid b = sg_node_in(sc->g, n, k_bias);
    return weights_fit(sc, sg_node_in(sc->g, n, 1)) && (!b || sg_tw_const(sc, b)) ? SG_TW_ANY : SG_TW_NEVER;
}

static int conv_attrs(const window *w, bool deep, int act, int64_t per, sg_tw_attr *a)
{
    int n = 0;
    a[n++] = (sg_tw_attr){SG_TF_PADDING, .i = w->padding};
    if (w->n == 3) {
        a[n++] = (sg_tw_attr){SG_TF_CONV3_STRIDE_D, .i = w->stride[0]};
        a[n++] = (sg_tw_attr){SG_TF_CONV3_STRIDE_H, .i = w->stride[1]};
        a[n++] = (sg_tw_attr){SG_TF_CONV3_STRIDE_W, .i = w->stride[2]};
        a[n++] = (sg_tw_attr){SG_TF_CONV3_DILATION_D, .i = w->dilation[0]};
        a[n++] = (sg_tw_attr){SG_TF_CONV3_DILATION_H, .i = w->dilation[1]};
        a[n++] = (sg_tw_attr){SG_TF_CONV3_DILATION_W, .i = w->dilation[2]};
        a[n++] = (sg_tw_attr){SG_TF_ACT_4, .i = act};
        return n;
    }
    int h = w->n == 1 ? -1 : 0, last = w->n - 1;
    a[n++] = (sg_tw_attr){SG_TF_STRIDE_W, .i = w->stride[last]};
    a[n++] = (sg_tw_attr){SG_TF_STRIDE_H, .i = h < 0 ? 1 : w->stride[0]};
    a[n++] = (sg_tw_attr){deep ? SG_TF_DEPTHWISE_DILATION_W : SG_TF_CONV_DILATION_W, .i = w->dilation[last]};
    a[n++] = (sg_tw_attr){deep ? SG_TF_DEPTHWISE_DILATION_H : SG_TF_CONV_DILATION_H, .i = h < 0 ? 1 : w->dilation[0]};
    a[n++] = (sg_tw_attr){deep ? SG_TF_ACT_4 : SG_TF_ACT_3, .i = act};
    if (deep)
        a[n++] = (sg_tw_attr){SG_TF_DEPTH_MULTIPLIER, .i = per};
    return n;
}

sedge_status sg_tw_conv(sg_tw_scope *sc, sg_nid n)
{
    sg_vid x = sg_node_in(sc->g, n, 0), k = sg_node_in(sc->g, n, 1);
    const sg_type *tx = sg_tw_type(sc, x), *tk = sg_tw_type(sc, k);
    int64_t group = sg_get_int(sg_tw_attrs(sc, n), SG_A_group), out = tk->dim[0];
    window w;
    int8_t last[SG_RANK_MAX], order[SG_RANK_MAX];
    sg_tw_attr attr[10];
    if (sg_get_int(sg_tw_attrs(sc, n), SG_A_activation) || sg_node_in(sc->g, n, 3) || tk->rank < 3 || sg_d_numel(tk) < 0 ||
        tx->dtype != SG_F32)
        return sg_tw_unsupported(sc, "a convolution of this form");
    SG_TRY(window_read(sc, n, tk->dim + 2, tk->rank - 2, &w));
    bool deep = group > 1 && group == tx->dim[1] && w.n < 3;
    sg_tw_tail t = sg_tw_tail_of(sc, n, 1, w.n < 3 ? product_rule(sc, n, 2) : SG_TW_NEVER, 0, 0, true);
    sg_tw_last(last, tx->rank);
    sg_tw_last(order, tk->rank); /* [out, .., in] */
    if (deep)                    /* [1, .., out] */
        for (int i = 0; i < tk->rank; i++)
            order[i] = (int8_t)(i == tk->rank - 1 ? 0 : i + 1);
    if (w.n == 3) { /* [.., in, out] */
        for (int i = 0; i < 3; i++)
            order[i] = (int8_t)(2 + i);
        order[3] = 1;
        order[4] = 0;
    }
    int32_t in[3] = {sg_tw_operand(sc, x, last, t.ints), sg_tw_operand(sc, k, order, t.ints), bias(sc, n, 2, &t, out, w.n < 3)};
    in[0] = padded(sc, in[0], &w, false);
    if (w.n == 1) {
        in[0] = as_image(sc, in[0]);
        in[1] = as_image(sc, in[1]);
    }
    int32_t y = sg_tw_out(sc, t.out, last), to = w.n == 1 ? image_out(sc, y) : y;
    int n_attr = conv_attrs(&w, deep, t.act, deep ? out / group : 1, attr);
    SG_TRY(sg_tw_emit(sc,
                      w.n == 3 ? SG_TW_CONV_3D
                      : deep   ? SG_TW_DEPTHWISE_CONV_2D
                               : SG_TW_CONV_2D,
                      in, in[2] == -1 ? 2 : 3, &to, 1, attr, n_attr));
    return as_line(sc, to, y);
}

/* The result is made with pads as the file can say them; more of it than wanted is cut off. */
sedge_status sg_tw_conv_transpose(sg_tw_scope *sc, sg_nid n)
{
    sg_vid x = sg_node_in(sc->g, n, 0), k = sg_node_in(sc->g, n, 1);
    const sg_type *tx = sg_tw_type(sc, x), *tk = sg_tw_type(sc, k), *ty = sg_tw_type(sc, sg_node_out(sc->g, n, 0));
    sg_attrs a = sg_tw_attrs(sc, n);
    int8_t last[SG_RANK_MAX], order[SG_RANK_MAX] = {1, 2, 3, 0};
    int64_t full[2], cut[2] = {0}, stride[2];
    bool valid = true, same = true;
    int n_pads;
    const int64_t *pads = sg_get_ints(a, SG_A_pads, &n_pads);
    if (tx->dtype != SG_F32 || tk->rank != 4 || sg_get_int(a, SG_A_group) != 1 || sg_get_int(a, SG_A_auto_pad) ||
        sg_d_numel(tx) < 0 || listed(a, SG_A_dilations, 0) != 1 || listed(a, SG_A_dilations, 1) != 1)
        return sg_tw_unsupported(sc, "a transposed convolution of this form");
    for (int i = 0; i < 2; i++) {
        int64_t before = pads && n_pads == 4 ? pads[i] : 0, out = ty->dim[2 + i];
        stride[i] = listed(a, SG_A_strides, i);
        int64_t all = (tx->dim[2 + i] - 1) * stride[i] + tk->dim[2 + i], over = all - out;
        valid = valid && before == 0;
        same = same && (over > 0 ? over : 0) / 2 == before && out == tx->dim[2 + i] * stride[i];
        full[i] = all > before + out ? all : before + out;
        cut[i] = before;
    }
    bool whole = valid || same;
    for (int i = 0; i < 2 && whole; i++)
        full[i] = ty->dim[2 + i];
    sg_tw_tail t = sg_tw_tail_of(sc, n, 1, whole ? product_rule(sc, n, 2) : SG_TW_NEVER, 0, 0, whole);
    sg_tw_last(last, 4);
    int64_t shape[4] = {tx->dim[0], full[0], full[1], tk->dim[1]};
    int32_t in[4] = {sg_tw_list32(sc, shape, 4, 1), sg_tw_operand(sc, k, order, t.ints), sg_tw_operand(sc, x, last, t.ints),
                     bias(sc, n, 2, &t, tk->dim[1], false)};
    int32_t y = sg_tw_out(sc, t.out, last), to = whole ? y : sg_tw_like(sc, y, 4, shape);
    const sg_tw_attr attr[] = {{SG_TF_PADDING, .i = valid || !whole ? PADDING_VALID : PADDING_SAME},
                               {SG_TF_STRIDE_W, .i = stride[1]},
                               {SG_TF_STRIDE_H, .i = stride[0]},
                               {SG_TF_ACT_3, .i = t.act}};
    SG_TRY(sg_tw_emit(sc, SG_TW_TRANSPOSE_CONV, in, in[3] == -1 ? 3 : 4, &to, 1, attr, 4));
    if (whole)
        return SEDGE_OK;
    const int64_t from[4] = {0, cut[0], cut[1], 0}, size[4] = {tx->dim[0], ty->dim[2], ty->dim[3], tk->dim[1]};
    const int32_t part[3] = {to, sg_tw_list32(sc, from, 4, 1), sg_tw_list32(sc, size, 4, 1)};
    return sg_tw_emit(sc, SG_TW_SLICE, part, 3, &y, 1, NULL, 0);
}

/* ---- pools ---- */

/* One window over all: a reduction. */
static sedge_status pool_all(sg_tw_scope *sc, sg_nid n, bool average)
{
    sg_vid x = sg_node_in(sc->g, n, 0);
    int rank = sg_tw_type(sc, x)->rank;
    int64_t axes[SG_RANK_MAX];
    int8_t last[SG_RANK_MAX];
    sg_tw_tail t = sg_tw_tail_of(sc, n, 1, average ? SG_TW_ANY : SG_TW_ALIKE, 0, 0, false);
    sg_tw_last(last, rank);
    for (int i = 0; i < rank - 2; i++)
        axes[i] = 1 + i;
    int32_t in[2] = {sg_tw_operand(sc, x, last, t.ints), sg_tw_list32(sc, axes, rank - 2, 1)}, y = sg_tw_out(sc, t.out, last);
    return sg_tw_emit(sc, average ? SG_TW_MEAN : SG_TW_REDUCE_MAX, in, 2, &y, 1, &(const sg_tw_attr){SG_TF_KEEP_DIMS, .i = 1}, 1);
}

/* The window is the whole image. */
static bool covers(const sg_type *x, const sg_type *y, const window *w)
{
    bool all = w->padding == PADDING_VALID;
    for (int i = 0; i < w->n; i++)
        all = all && w->kernel[i] == x->dim[2 + i] && y->dim[2 + i] == 1;
    return all;
}

sedge_status sg_tw_pool(sg_tw_scope *sc, sg_nid n)
{
    sg_attrs a = sg_tw_attrs(sc, n);
    sg_vid x = sg_node_in(sc->g, n, 0);
    int64_t kind = sg_get_int(a, SG_A_kind);
    int n_kernel, rank = sg_tw_type(sc, x)->rank;
    const int64_t *kernel = sg_get_ints(a, SG_A_kernel_shape, &n_kernel);
    int8_t last[SG_RANK_MAX];
    window w;
    if (kind == SG_POOL_LP || (sc->g->node[n].n_out > 1 && sc->g->node[n].out[1]))
        return sg_tw_unsupported(sc, "a pool of this kind");
    if (!kernel || !n_kernel)
        return pool_all(sc, n, kind == SG_POOL_AVERAGE);
    SG_TRY(window_read(sc, n, kernel, n_kernel, &w));
    if (kind == SG_POOL_AVERAGE && sg_tw_is_ints(sc, x) &&
        covers(sg_tw_type(sc, x), sg_tw_type(sc, sg_node_out(sc->g, n, 0)), &w))
        return pool_all(sc, n, true); /* which may change the scale */
    bool own = w.padding < 0;
    if (w.n > 2 || w.dilation[0] != 1 || w.dilation[w.n - 1] != 1 || sg_get_int(a, SG_A_ceil_mode) ||
        (own && kind == SG_POOL_AVERAGE && !sg_get_int(a, SG_A_count_include_pad)))
        return sg_tw_unsupported(sc, "a pool with this window");
    if (kind == SG_POOL_AVERAGE && sg_get_int(a, SG_A_count_include_pad) && w.padding == PADDING_SAME)
        w.padding = -1; /* what is put on counts */
    sg_tw_tail t = sg_tw_tail_of(sc, n, 1, SG_TW_ALIKE, 0, 0, true);
    sg_tw_last(last, rank);
    int32_t in = padded(sc, sg_tw_operand(sc, x, last, t.ints), &w, kind == SG_POOL_MAX);
    int32_t y = sg_tw_out(sc, t.out, last), to = w.n == 1 ? image_out(sc, y) : y;
    in = w.n == 1 ? as_image(sc, in) : in;
    const sg_tw_attr attr[] = {{SG_TF_PADDING, .i = w.padding},
                               {SG_TF_STRIDE_W, .i = w.stride[w.n - 1]},
                               {SG_TF_STRIDE_H, .i = w.n == 1 ? 1 : w.stride[0]},
                               {SG_TF_POOL_W, .i = w.kernel[w.n - 1]},
                               {SG_TF_POOL_H, .i = w.n == 1 ? 1 : w.kernel[0]},
                               {SG_TF_ACT_5, .i = t.act}};
    SG_TRY(sg_tw_emit(sc, kind == SG_POOL_MAX ? SG_TW_MAX_POOL_2D : SG_TW_AVERAGE_POOL_2D, &in, 1, &to, 1, attr, 6));
    return as_line(sc, to, y);
}

/* ---- products ---- */

/* x times constant weights, of which axis `in` is summed over. */
static sedge_status fully_connected(sg_tw_scope *sc, sg_nid n, const sg_tw_tail *t, const int8_t order[2], bool keep)
{
    sg_vid w = sg_node_in(sc->g, n, 1);
    int8_t turned[SG_RANK_MAX] = {order[0], order[1]};
    int32_t in[3] = {sg_tw_operand(sc, sg_node_in(sc->g, n, 0), NULL, t->ints), sg_tw_operand(sc, w, turned, t->ints),
                     bias(sc, n, 2, t, sg_tw_type(sc, w)->dim[order[0]], false)};
    int32_t y = sg_tw_out(sc, t->out, NULL);
    const sg_tw_attr attr[] = {{SG_TF_ACT_0, .i = t->act}, {SG_TF_FC_KEEP_DIMS, .i = keep}};
    return sg_tw_emit(sc, SG_TW_FULLY_CONNECTED, in, 3, &y, 1, attr, 2);
}

sedge_status sg_tw_gemm(sg_tw_scope *sc, sg_nid n)
{
    sg_attrs a = sg_tw_attrs(sc, n);
    sg_vid b = sg_node_in(sc->g, n, 2), w = sg_node_in(sc->g, n, 1);
    bool turned = sg_get_int(a, SG_A_transB) != 0;
    int8_t order[2] = {turned ? 0 : 1, turned ? 1 : 0};
    const sg_type *tb = b ? sg_tw_type(sc, b) : NULL;
    if (sg_get_int(a, SG_A_transA) || sg_get_float(a, SG_A_alpha) != 1 || (b && sg_get_float(a, SG_A_beta) != 1) ||
        (b && (sg_d_numel(tb) != sg_tw_type(sc, w)->dim[order[0]] || tb->rank > 2)))
        return sg_tw_unsupported(sc, "a product of this form");
    sg_tw_tail t = sg_tw_tail_of(sc, n, 1, product_rule(sc, n, 2), 0, 0, true);
    return fully_connected(sc, n, &t, order, false);
}

sedge_status sg_tw_matmul(sg_tw_scope *sc, sg_nid n)
{
    sg_vid x = sg_node_in(sc->g, n, 0), w = sg_node_in(sc->g, n, 1), y = sg_node_out(sc->g, n, 0);
    const sg_tw_val *val = sg_tw_of(sc, w);
    if (sg_tw_type(sc, w)->rank == 2 && sg_tw_type(sc, x)->rank > 1 && val->there && val->src) {
        sg_tw_tail t = sg_tw_tail_of(sc, n, 1, product_rule(sc, n, 2), 0, 0, true);
        return fully_connected(sc, n, &t, (const int8_t[]){1, 0}, sg_tw_type(sc, x)->rank > 2);
    }
    if (sg_tw_type(sc, x)->rank < 2 || sg_tw_type(sc, w)->rank < 2)
        return sg_tw_unsupported(sc, "a product of this form");
    sg_tw_tail t = sg_tw_tail_of(sc, n, 2, SG_TW_ANY, 0, 0, false);
    int32_t in[2] = {sg_tw_operand(sc, x, NULL, t.ints), sg_tw_operand(sc, w, NULL, t.ints)};
    int32_t out = sg_tw_out(sc, t.ints ? t.out : y, NULL);
    return sg_tw_emit(sc, SG_TW_BATCH_MATMUL, in, 2, &out, 1, NULL, 0);
}

/* ---- normalizations ---- */

/* The order of axes of v with `axis` last, the others as they are. */
static void axis_last(sg_tw_scope *sc, sg_vid v, int axis, int8_t order[SG_RANK_MAX])
{
    int rank = sg_tw_type(sc, v)->rank, at = 0;
    const sg_tw_val *val = sg_tw_of(sc, v);
    sg_tw_same(order);
    for (int k = 0; k < rank; k++)
        if (val->order[k] != axis)
            order[at++] = val->order[k];
    order[rank - 1] = (int8_t)axis;
}

sedge_status sg_tw_softmax(sg_tw_scope *sc, sg_nid n)
{
    sg_attrs a = sg_tw_attrs(sc, n);
    sg_vid x = sg_node_in(sc->g, n, 0);
    int64_t kind = sg_get_int(a, SG_A_kind), axis = sg_get_int(a, SG_A_axis);
    int8_t order[SG_RANK_MAX];
    if (kind == SG_SOFTMAX_HARD)
        return sg_tw_unsupported(sc, "this kind");
    axis_last(sc, x, (int)(axis < 0 ? axis + sg_tw_type(sc, x)->rank : axis), order);
    sg_tw_tail t = kind == SG_SOFTMAX_PLAIN ? sg_tw_tail_of(sc, n, 1, SG_TW_FIXED, 1.0 / 256, -128, false)
                                            : sg_tw_tail_of(sc, n, 1, SG_TW_FIXED, 16.0 / 256, 127, false);
    int32_t in = sg_tw_operand(sc, x, order, t.ints), y = sg_tw_out(sc, t.out, order);
    return sg_tw_emit(sc, kind == SG_SOFTMAX_PLAIN ? SG_TW_SOFTMAX : SG_TW_LOG_SOFTMAX, &in, 1, &y, 1,
                      &(const sg_tw_attr){SG_TF_BETA, .real = 1}, kind == SG_SOFTMAX_PLAIN);
}

sedge_status sg_tw_lrn(sg_tw_scope *sc, sg_nid n)
{
    sg_attrs a = sg_tw_attrs(sc, n);
    sg_vid x = sg_node_in(sc->g, n, 0);
    int64_t size = sg_get_int(a, SG_A_size);
    int8_t last[SG_RANK_MAX];
    if (size < 1 || size % 2 == 0 || sg_tw_type(sc, x)->rank != 4)
        return sg_tw_unsupported(sc, "a window of this size");
    sg_tw_last(last, 4);
    int32_t in = sg_tw_need(sc, x, last), y = sg_tw_out(sc, sg_node_out(sc->g, n, 0), last);
    const sg_tw_attr attr[] = {{SG_TF_LRN_RADIUS, .i = size / 2},
                               {SG_TF_LRN_BIAS, .real = sg_get_float(a, SG_A_bias)},
                               {SG_TF_LRN_ALPHA, .real = sg_get_float(a, SG_A_alpha) / (double)size},
                               {SG_TF_LRN_BETA, .real = sg_get_float(a, SG_A_beta)}};
    return sg_tw_emit(sc, SG_TW_LOCAL_RESPONSE_NORMALIZATION, &in, 1, &y, 1, attr, 4);
}

/* x by g / root(variance + epsilon), plus what is left: two operators with constants by channel. */
sedge_status sg_tw_batch_norm(sg_tw_scope *sc, sg_nid n)
{
    sg_vid x = sg_node_in(sc->g, n, 0), out = sg_node_out(sc->g, n, 0);
    int rank = sg_tw_type(sc, x)->rank;
    int64_t count = sg_d_numel(sg_tw_type(sc, sg_node_in(sc->g, n, 1)));
    const sg_tensor *p[4];
    float *gain = count > 0 ? sg_arena_array(sc->w->arena, 2 * (size_t)count, sizeof *gain) : NULL,
          *plus = gain ? gain + count : NULL;
    double eps = sg_get_float(sg_tw_attrs(sc, n), SG_A_epsilon);
    int8_t last[SG_RANK_MAX];
    for (int k = 0; k < 4; k++)
        if (!(p[k] = sg_tw_const(sc, sg_node_in(sc->g, n, 1 + k))))
            return sg_tw_unsupported(sc, "a normalization by what is no constant");
    for (int64_t i = 0; gain && i < count; i++) {
        double v[4];
        for (int k = 0; k < 4; k++)
            v[k] = sg_load_f64((sg_dtype)p[k]->dtype, p[k]->data, (size_t)i);
        double s = v[0] / sqrt(v[3] + eps);
        gain[i] = (float)s;
        plus[i] = (float)(v[1] - v[2] * s);
    }
    if (!gain || sg_get_int(sg_tw_attrs(sc, n), SG_A_training_mode) || rank < 2)
        return sg_tw_unsupported(sc, "a normalization of this form");
    sg_tw_last(last, rank);
    sg_tw_tensor c = {.name = "", .dtype = SG_F32, .rank = 1, .dim = {count}, .data = gain}, d = c;
    d.data = plus;
    int32_t in = sg_tw_need(sc, x, last), a = sg_tw_tensor_new(sc, &c), b = sg_tw_tensor_new(sc, &d);
    sg_tw_tail t = sg_tw_tail_of(sc, n, 1, SG_TW_NEVER, 0, 0, true);
    int32_t y = sg_tw_out(sc, t.out, last), mid = y < 0 ? y : sg_tw_like(sc, y, rank, sc->sub->tensor[y].dim);
    (void)out;
    SG_TRY(sg_tw_emit(sc, SG_TW_MUL, (const int32_t[]){in, a}, 2, &mid, 1, NULL, 0));
    return sg_tw_emit(sc, SG_TW_ADD, (const int32_t[]){mid, b}, 2, &y, 1, &(const sg_tw_attr){SG_TF_ACT_0, .i = t.act}, 1);
}

static int32_t mean_of(sg_tw_scope *sc, int32_t t, const int64_t *axes, int n)
{
    if (t < 0)
        return t;
    sg_tw_tensor own = sc->sub->tensor[t];
    for (int i = 0; i < n; i++)
        own.dim[axes[i]] = 1;
    int32_t y = sg_tw_like(sc, t, own.rank, own.dim), in[2] = {t, sg_tw_list32(sc, axes, n, 1)};
    return sg_tw_emit(sc, SG_TW_MEAN, in, 2, &y, 1, &(const sg_tw_attr){SG_TF_KEEP_DIMS, .i = 1}, 1) == SEDGE_OK ? y : SG_TW_BAD;
}

/* x less its mean (a layer's, not by root mean squares), over the root of the mean square plus epsilon, scaled and shifted. */
sedge_status sg_tw_row_norm(sg_tw_scope *sc, sg_nid n)
{
    const sg_node *node = &sc->g->node[n];
    sg_vid x = sg_node_in(sc->g, n, 0), scale = sg_node_in(sc->g, n, 1), shift = sg_node_in(sc->g, n, 2);
    int rank = sg_tw_type(sc, x)->rank, count = 0;
    int64_t axes[SG_RANK_MAX], first = sg_get_int(sg_tw_attrs(sc, n), SG_A_axis);
    for (int64_t i = first < 0 ? first + rank : first; i < rank; i++)
        axes[count++] = i;
    if (sg_tw_type(sc, x)->dtype != SG_F32 || rank < 1 || count < 1 ||
        (node->n_out > 1 && (node->out[1] || (node->n_out > 2 && node->out[2]))))
        return sg_tw_unsupported(sc, "a normalization of this form");
    int32_t t = sg_tw_need(sc, x, NULL);
    if (node->op == SG_ROW(LAYER_NORM))
        t = sg_tw_then(sc, SG_TW_SUB, t, mean_of(sc, t, axes, count));
    int32_t v = mean_of(sc, sg_tw_then(sc, SG_TW_MUL, t, t), axes, count);
    v = sg_tw_then(sc, SG_TW_ADD, v, sg_tw_number(sc, SG_F32, sg_get_float(sg_tw_attrs(sc, n), SG_A_epsilon), NULL));
    t = sg_tw_then(sc, SG_TW_MUL, t, sg_tw_then(sc, SG_TW_RSQRT, v, -1));
    int32_t g = sg_tw_need(sc, scale, NULL), y;
    if (shift)
        t = sg_tw_then(sc, SG_TW_MUL, t, g);
    const int32_t in[2] = {t, shift ? sg_tw_need(sc, shift, NULL) : g};
    y = sg_tw_out(sc, node->out[0], NULL);
    return sg_tw_emit(sc, shift ? SG_TW_ADD : SG_TW_MUL, in, 2, &y, 1, NULL, 0);
}

/* ---- images ---- */

sedge_status sg_tw_resize(sg_tw_scope *sc, sg_nid n)
{
    sg_attrs a = sg_tw_attrs(sc, n);
    sg_vid x = sg_node_in(sc->g, n, 0);
    const sg_type *ty = sg_tw_type(sc, sg_node_out(sc->g, n, 0)), *tx = sg_tw_type(sc, x);
    int64_t mode = sg_get_int(a, SG_A_mode), coord = sg_get_int(a, SG_A_coordinate_transformation_mode);
    int64_t round = sg_get_int(a, SG_A_nearest_mode);
    bool linear = mode == SG_RESIZE_LINEAR, corners = coord == SG_COORD_ALIGN_CORNERS;
    bool half = linear ? coord == SG_COORD_HALF_PIXEL || coord == SG_COORD_PYTORCH_HALF_PIXEL : coord == SG_COORD_TF_NEAREST;
    int8_t last[SG_RANK_MAX];
    if (tx->rank != 4 || tx->dim[0] != ty->dim[0] || tx->dim[1] != ty->dim[1] || sg_dim_is_expr(ty->dim[2]) ||
        sg_dim_is_expr(ty->dim[3]) || mode == SG_RESIZE_CUBIC || sg_get_int(a, SG_A_antialias))
        return sg_tw_unsupported(sc, "a resizing of this form");
    if (tx->dim[2] < 1 || tx->dim[3] < 1)
        return sg_tw_unsupported(sc, "resizing of nothing");
    bool whole = ty->dim[2] % tx->dim[2] == 0 && ty->dim[3] % tx->dim[3] == 0;
    if (!corners && !half && coord != SG_COORD_ASYMMETRIC && !(whole && !linear && coord == SG_COORD_HALF_PIXEL))
        return sg_tw_unsupported(sc, "these coordinates");
    if (!linear && !(whole && !corners) && round != (corners ? SG_ROUND_PREFER_CEIL : SG_ROUND_FLOOR))
        return sg_tw_unsupported(sc, "this way of rounding");
    sg_tw_tail t = sg_tw_tail_of(sc, n, 1, SG_TW_ALIKE, 0, 0, false);
    sg_tw_last(last, 4);
    int32_t in[2] = {sg_tw_operand(sc, x, last, t.ints), sg_tw_list32(sc, ty->dim + 2, 2, 1)}, y = sg_tw_out(sc, t.out, last);
    const sg_tw_attr attr[] = {{linear ? SG_TF_RESIZE_CORNERS : SG_TF_NEAREST_CORNERS, .i = corners},
                               {linear ? SG_TF_RESIZE_HALF : SG_TF_NEAREST_HALF, .i = half}};
    return sg_tw_emit(sc, linear ? SG_TW_RESIZE_BILINEAR : SG_TW_RESIZE_NEAREST_NEIGHBOR, in, 2, &y, 1, attr, 2);
}

sedge_status sg_tw_blocks(sg_tw_scope *sc, sg_nid n)
{
    sg_attrs a = sg_tw_attrs(sc, n);
    int8_t last[SG_RANK_MAX];
    if (sg_get_int(a, SG_A_mode))
        return sg_tw_unsupported(sc, "blocks in this order");
    sg_tw_tail t = sg_tw_tail_of(sc, n, 1, SG_TW_ALIKE, 0, 0, false);
    sg_tw_last(last, 4);
    int32_t in = sg_tw_operand(sc, sg_node_in(sc->g, n, 0), last, t.ints), y = sg_tw_out(sc, t.out, last);
    return sg_tw_emit(sc, sc->g->node[n].op == SG_ROW(DEPTH_TO_SPACE) ? SG_TW_DEPTH_TO_SPACE : SG_TW_SPACE_TO_DEPTH, &in, 1, &y,
                      1, &(const sg_tw_attr){SG_TF_BLOCK, .i = sg_get_int(a, SG_A_blocksize)}, 1);
}
