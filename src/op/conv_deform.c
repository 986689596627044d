/* Deformable convolution over images (Dai et al. 2017; with masks, Zhu et al. 2019): every tap has its own offset. */
#include <math.h>

#include "op/wide.h"
#include "op/window.h"

static sedge_status deform_check(sg_err *err, sg_attrs a, const sg_dim *x, const sg_dim *w)
{
    int64_t group = sg_get_int(a, SG_A_group), og = sg_get_int(a, SG_A_offset_group);
    bool known = !sg_dim_is_expr(x[1]) && !sg_dim_is_expr(w[0]) && !sg_dim_is_expr(w[1]);
    if (group < 1 || og < 1)
        return sg_fail(err, SEDGE_E_VALUE, "group is %lld, offset_group %lld", (long long)group, (long long)og);
    if (known && (w[0] % group || w[1] > SG_NUMEL_MAX || group > SG_NUMEL_MAX >> 24 ||
                  x[1] != sg_dim_apply(SG_DIM_MUL, w[1], group) || x[1] % og))
        return sg_fail(err, SEDGE_E_SHAPE, "%lld input and %lld output channels do not fit %lld groups and %lld offset groups",
                       (long long)x[1], (long long)w[0], (long long)group, (long long)og);
    return SEDGE_OK;
}

sedge_status sg_infer_deform_conv(sg_infer *c)
{
    const sg_type *x = c->in[0], *w = c->in[1];
    for (int k = 0; k < c->n_in; k++)
        SG_TRY(sg_want_float(c, k));
    if (x->rank < 0 || w->rank < 0)
        return sg_out_unknown(c, (sg_dtype)x->dtype);
    if (x->rank != 4 || w->rank != 4)
        return SG_INFER_FAIL(c, SEDGE_E_UNSUPPORTED, "deformable convolution of rank %d, only images are known", x->rank);
    SG_TRY(deform_check(c->err, c->attrs, x->dim, w->dim));
    sg_window win;
    SG_TRY(sg_window_read(c->err, c->attrs, 2, w->dim + 2, &win));
    sg_type *y = &c->out[0];
    y->dtype = x->dtype;
    y->rank = 4;
    y->dim[0] = x->dim[0];
    y->dim[1] = w->dim[0];
    for (int i = 0; i < 2; i++)
        SG_TRY(sg_window_out(c, &win, i, x->dim[2 + i], false, &y->dim[2 + i]));
    return SEDGE_OK;
}

/* Bilinear value with zeros outside. */
static double value_at(const double *img, int64_t h, int64_t w, double y, double x)
{
    if (!(y > -1 && y < (double)h && x > -1 && x < (double)w))
        return 0;
    double fy = floor(y), fx = floor(x), acc = 0;
    int64_t y0 = (int64_t)fy, x0 = (int64_t)fx;
    for (int i = 0; i < 4; i++) {
        int64_t py = y0 + i / 2, px = x0 + i % 2;
        double wy = i / 2 ? y - fy : 1 - (y - fy), wx = i % 2 ? x - fx : 1 - (x - fx);
        if (py >= 0 && py < h && px >= 0 && px < w)
            acc += wy * wx * img[py * w + px];
    }
    return acc;
}

/* Fills col[ic][tap] for one output position. */
static void gather(const sg_exec *x, const sg_window *w, const double *img, int64_t n, int64_t oy, int64_t ox, double *col)
{
    const sg_tensor *in = x->in[0], *off = x->in[2], *mask = x->n_in > 4 ? x->in[4] : NULL, *out = x->out[0];
    int64_t og = sg_get_int(x->attrs, SG_A_offset_group), per = in->dim[1] / og, taps = w->kernel[0] * w->kernel[1];
    int64_t plane = out->dim[2] * out->dim[3], pos = oy * out->dim[3] + ox;
    for (int64_t g = 0; g < og; g++)
        for (int64_t t = 0; t < taps; t++) {
            int64_t at = ((n * og + g) * taps + t) * 2 * plane + pos;
            double dy = sg_load_f64((sg_dtype)off->dtype, off->data, (size_t)at);
            double dx = sg_load_f64((sg_dtype)off->dtype, off->data, (size_t)(at + plane));
            double m = mask ? sg_load_f64((sg_dtype)mask->dtype, mask->data, (size_t)(((n * og + g) * taps + t) * plane + pos))
                            : 1;
            double y = (double)(oy * w->stride[0] - w->begin[0] + t / w->kernel[1] * w->dilation[0]) + dy;
            double px = (double)(ox * w->stride[1] - w->begin[1] + t % w->kernel[1] * w->dilation[1]) + dx;
            for (int64_t c = g * per; c < (g + 1) * per; c++)
                col[c * taps + t] = m * value_at(img + c * in->dim[2] * in->dim[3], in->dim[2], in->dim[3], y, px);
        }
}

static sedge_status deform_setup(sg_exec *x, sg_window *w)
{
    const sg_tensor *in = x->in[0], *wt = x->in[1], *off = x->in[2], *mask = x->n_in > 4 ? x->in[4] : NULL, *out = x->out[0];
    if (in->rank != 4 || wt->rank != 4 || out->rank != 4)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "input and weights must have rank 4");
    SG_TRY(deform_check(x->err, x->attrs, in->dim, wt->dim));
    SG_TRY(sg_window_read(x->err, x->attrs, 2, wt->dim + 2, w));
    SG_TRY(sg_want_vector(x, x->n_in > 3 ? x->in[3] : NULL, wt->dim[0], "bias"));
    int64_t taps = w->kernel[0] * w->kernel[1], og = sg_get_int(x->attrs, SG_A_offset_group);
    int64_t want[4] = {in->dim[0], sg_dim_apply(SG_DIM_MUL, taps, og), out->dim[2], out->dim[3]};
    for (int i = 0; i < 4; i++)
        if (off->rank != 4 || off->dim[i] != (i == 1 ? sg_dim_apply(SG_DIM_MUL, want[1], 2) : want[i]) ||
            (mask && (mask->rank != 4 || mask->dim[i] != want[i])))
            return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "offset and mask do not fit the output and the kernel");
    return SEDGE_OK;
}

sedge_status sg_ref_deform_conv(sg_exec *x)
{
    const sg_tensor *in = x->in[0], *wt = x->in[1], *b = x->n_in > 3 ? x->in[3] : NULL;
    sg_tensor *out = x->out[0];
    sg_window w;
    SG_TRY(deform_setup(x, &w));
    if (sg_numel(out) == 0)
        return SEDGE_OK;
    int64_t taps = w.kernel[0] * w.kernel[1], image = in->dim[1] * in->dim[2] * in->dim[3], plane = out->dim[2] * out->dim[3];
    int64_t group = sg_get_int(x->attrs, SG_A_group), ocg = wt->dim[0] / group, run = wt->dim[1] * taps;
    double *img = sg_scratch_f64(x, image), *col = sg_scratch_f64(x, in->dim[1] * taps), *ws = sg_widen_in(x, 1, sg_numel(wt));
    if (!img || !col || !ws)
        return SEDGE_E_NOMEM;
    for (int64_t n = 0; n < in->dim[0]; n++) {
        sg_widen((sg_dtype)in->dtype, in->data, n * image, image, img);
        for (int64_t p = 0; p < plane; p++) {
            gather(x, &w, img, n, p / out->dim[3], p % out->dim[3], col);
            for (int64_t oc = 0; oc < wt->dim[0]; oc++) {
                double acc = b ? sg_load_f64((sg_dtype)b->dtype, b->data, (size_t)oc) : 0;
                for (int64_t i = 0; i < run; i++)
                    acc += ws[oc * run + i] * col[oc / ocg * run + i];
                sg_store_f64((sg_dtype)out->dtype, out->data, (size_t)((n * wt->dim[0] + oc) * plane + p), acc);
            }
        }
    }
    return SEDGE_OK;
}
