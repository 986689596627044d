/* Integer convolutions: ConvInteger and QLinearConv, over any number of spatial axes. */
#include "op/quant.h"
#include "op/window.h"

#include <string.h>

/* ---- shape -------------------------------------------------------------------------------------------------- */

static bool known(sg_dim d)
{
    return !sg_dim_is_expr(d);
}

static sedge_status conv_rule(sg_infer *c, const sg_type *x, const sg_type *w, sg_type *y)
{
    int64_t group = sg_get_int(c->attrs, SG_A_group);
    sg_window win;
    y->rank = -1;
    if (x->rank < 0 || w->rank < 0)
        return SEDGE_OK;
    if (x->rank < 3 || w->rank != x->rank)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "input of rank %d with weights of rank %d", x->rank, w->rank);
    if (group < 1 || group > SG_WINDOW_MAX || (known(w->dim[0]) && w->dim[0] % group))
        return SG_INFER_FAIL(c, SEDGE_E_VALUE, "group is %lld", (long long)group);
    if (!sg_d_equal(c, x->dim[1], sg_d_mul(c, w->dim[1], group)))
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "%lld input channels, but weights for %lld in %lld groups", (long long)x->dim[1],
                             (long long)w->dim[1], (long long)group);
    SG_TRY(sg_window_read(c->err, c->attrs, x->rank - 2, w->dim + 2, &win));
    c->exact = sg_d_numel(w) >= 0;
    y->rank = x->rank;
    y->dim[0] = x->dim[0];
    y->dim[1] = w->dim[0];
    for (int i = 0; i < win.n; i++)
        SG_TRY(sg_window_out(c, &win, i, x->dim[2 + i], false, &y->dim[2 + i]));
    return SEDGE_OK;
}

sedge_status sg_infer_conv_integer(sg_infer *c)
{
    SG_TRY(sg_q_integer_types(c));
    return conv_rule(c, c->in[0], c->in[1], &c->out[0]);
}

sedge_status sg_infer_qlinear_conv(sg_infer *c)
{
    SG_TRY(sg_q_qlinear_types(c));
    return conv_rule(c, c->in[0], c->in[3], &c->out[0]);
}

/* ---- reference ------------------------------------------------------------------------------------------------ */

typedef struct conv {
    const sg_tensor *x, *w, *xz, *wz;
    const int64_t *in, *out;         /* spatial dims */
    int64_t in_size, out_size, taps; /* their products */
    int64_t ic, oc, icg, ocg;        /* channels, and those of a group */
    sg_window win;
    int32_t *image, *kernel; /* widened: one image, all weights */
    uint32_t *acc;           /* one output channel */
} conv;

static bool per_channel(const sg_tensor *t, int64_t oc)
{
    return !t || sg_numel(t) == 1 || sg_numel(t) == oc;
}

static sedge_status conv_init(sg_exec *x, conv *v)
{
    int n = v->x->rank - 2;
    int64_t group = sg_get_int(x->attrs, SG_A_group);
    SG_TRY(sg_window_read(x->err, x->attrs, n, v->w->dim + 2, &v->win));
    v->in = v->x->dim + 2;
    v->out = x->out[0]->dim + 2;
    sg_window_resolve(&v->win, v->in, v->out);
    v->in_size = sg_dim_span(v->in, 0, n);
    v->out_size = sg_dim_span(v->out, 0, n);
    v->taps = sg_dim_span(v->w->dim + 2, 0, n);
    v->ic = v->x->dim[1];
    v->oc = v->w->dim[0];
    v->icg = v->w->dim[1];
    v->ocg = v->oc / group;
    if (v->icg * group != v->ic || v->ocg * group != v->oc)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "channels do not fit the weights and groups");
    if ((v->xz && sg_numel(v->xz) != 1) || !per_channel(v->wz, v->oc))
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "a zero point has neither one element nor one per output channel");
    v->image = sg_scratch(x, (size_t)v->ic * (size_t)v->in_size * sizeof *v->image + 64);
    v->kernel = sg_scratch(x, (size_t)sg_numel(v->w) * sizeof *v->kernel + 64);
    v->acc = sg_scratch(x, (size_t)v->out_size * sizeof *v->acc + 64);
    if (!v->image || !v->kernel || !v->acc)
        return SEDGE_E_NOMEM;
    int64_t each = v->icg * v->taps;
    for (int64_t m = 0; m < v->oc; m++)
        sg_q_widen(v->w, m * each, each, sg_q_zero(v->wz, m), v->kernel + m * each);
    return SEDGE_OK;
}

/* One row of outputs: the taps of the innermost axis, modulo 2^32. */
static void conv_row(const conv *v, const int32_t *x, const int32_t *w, uint32_t *acc)
{
    int last = v->win.n - 1;
    int64_t s = v->win.stride[last], in = v->in[last], lo, hi;
    for (int64_t k = 0; k < v->win.kernel[last]; k++) {
        sg_window_range(&v->win, last, k, in, v->out[last], &lo, &hi);
        int64_t at = k * v->win.dilation[last] - v->win.begin[last];
        uint32_t wk = (uint32_t)w[k];
        if (s == 1)
            for (int64_t o = lo; o < hi; o++)
                acc[o] += wk * (uint32_t)x[at + o];
        else
            for (int64_t o = lo; o < hi; o++)
                acc[o] += wk * (uint32_t)x[at + o * s];
    }
}

/* acc += input channel x with kernel w, over all rows and outer taps. */
static void conv_plane(const conv *v, const int32_t *x, const int32_t *w)
{
    int n = v->win.n - 1;
    sg_walk o, k;
    int64_t rows = sg_dim_span(v->out, 0, n), taps = sg_dim_span(v->w->dim + 2, 0, n), at;
    sg_walk_init(&o, v->out, n);
    for (int64_t r = 0; r < rows; r++, sg_walk_next(&o)) {
        sg_walk_init(&k, v->w->dim + 2, n);
        for (int64_t t = 0; t < taps; t++, sg_walk_next(&k))
            if (sg_window_at(&v->win, n, v->in, o.idx, k.idx, &at))
                conv_row(v, x + at * v->in[n], w + t * v->win.kernel[n], v->acc + r * v->out[n]);
    }
}

/* acc = bias + output channel m of the image. */
static void conv_channel(const conv *v, int64_t m, uint32_t bias)
{
    int64_t first = m / v->ocg * v->icg;
    for (int64_t i = 0; i < v->out_size; i++)
        v->acc[i] = bias;
    for (int64_t c = 0; c < v->icg; c++)
        conv_plane(v, v->image + (first + c) * v->in_size, v->kernel + (m * v->icg + c) * v->taps);
}

static void load_image(const conv *v, int64_t b)
{
    sg_q_widen(v->x, b * v->ic * v->in_size, v->ic * v->in_size, sg_q_zero(v->xz, 0), v->image);
}

sedge_status sg_ref_conv_integer(sg_exec *x)
{
    conv v = {.x = x->in[0], .w = x->in[1], .xz = x->n_in > 2 ? x->in[2] : NULL, .wz = x->n_in > 3 ? x->in[3] : NULL};
    if (sg_numel(x->out[0]) == 0)
        return SEDGE_OK;
    SG_TRY(conv_init(x, &v));
    uint32_t *y = x->out[0]->data;
    for (int64_t b = 0; b < v.x->dim[0]; b++) {
        load_image(&v, b);
        for (int64_t m = 0; m < v.oc; m++, y += v.out_size) {
            conv_channel(&v, m, 0);
            memcpy(y, v.acc, (size_t)v.out_size * sizeof *y);
        }
    }
    return SEDGE_OK;
}

sedge_status sg_ref_qlinear_conv(sg_exec *x)
{
    conv v = {.x = x->in[0], .w = x->in[3], .xz = x->in[2], .wz = x->in[5]};
    const sg_tensor *xs = x->in[1], *ws = x->in[4], *ys = x->in[6], *bias = x->n_in > 8 ? x->in[8] : NULL;
    if (sg_numel(x->out[0]) == 0)
        return SEDGE_OK;
    SG_TRY(conv_init(x, &v));
    if (sg_numel(xs) != 1 || !per_channel(ws, v.oc) || sg_numel(ys) != 1 || sg_numel(x->in[7]) != 1 ||
        (bias && sg_numel(bias) != v.oc))
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "a scale or the bias has a wrong number of elements");
    int32_t lo, hi, zero = sg_q_zero(x->in[7], 0);
    sg_q_range((sg_dtype)x->out[0]->dtype, &lo, &hi);
    uint8_t *y = x->out[0]->data;
    for (int64_t b = 0; b < v.x->dim[0]; b++) {
        load_image(&v, b);
        for (int64_t m = 0; m < v.oc; m++, y += v.out_size) {
            float scale;
            SG_TRY(sg_q_scale(x->err, sg_q_factor(xs, 0), sg_q_factor(ws, m), sg_q_factor(ys, 0), &scale));
            conv_channel(&v, m, bias ? (uint32_t)sg_load_i64(SG_I32, bias->data, (size_t)m) : 0);
            for (int64_t i = 0; i < v.out_size; i++)
                y[i] = (uint8_t)sg_q_requant((int32_t)v.acc[i], scale, zero, lo, hi);
        }
    }
    return SEDGE_OK;
}
