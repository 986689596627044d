/* Regions of interest: RoiAlign (He et al. 2017) and the older max pooling (Girshick 2015). */
#include <math.h>

#include "op/wide.h"
#include "op/window.h"

/* Output [rois, C, oh, ow]. */
static sedge_status infer_roi(sg_infer *c, int64_t oh, int64_t ow, int cols)
{
    const sg_type *x = c->in[0], *r = c->in[1];
    SG_TRY(sg_want_float(c, 0));
    SG_TRY(sg_want_float(c, 1));
    if (oh < 1 || ow < 1 || oh > SG_WINDOW_MAX || ow > SG_WINDOW_MAX)
        return SG_INFER_FAIL(c, SEDGE_E_VALUE, "an output of %lld x %lld", (long long)oh, (long long)ow);
    if ((x->rank >= 0 && x->rank != 4) || (r->rank >= 0 && (r->rank != 2 || !sg_d_equal(c, r->dim[1], cols))))
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "the input must have rank 4 and rois the shape [n, %d]", cols);
    sg_type *y = &c->out[0];
    y->dtype = x->dtype;
    y->rank = 4;
    y->dim[0] = r->rank == 2 ? r->dim[0] : sg_d_fresh(c);
    y->dim[1] = x->rank == 4 ? x->dim[1] : sg_d_fresh(c);
    y->dim[2] = oh;
    y->dim[3] = ow;
    return SEDGE_OK;
}

sedge_status sg_infer_roi_align(sg_infer *c)
{
    if (sg_get_int(c->attrs, SG_A_sampling_ratio) < 0 || sg_get_int(c->attrs, SG_A_sampling_ratio) > SG_WINDOW_MAX)
        return SG_INFER_FAIL(c, SEDGE_E_VALUE, "sampling_ratio is %lld", (long long)sg_get_int(c->attrs, SG_A_sampling_ratio));
    return infer_roi(c, sg_get_int(c->attrs, SG_A_output_height), sg_get_int(c->attrs, SG_A_output_width), 4);
}

/* A bilinear sample: four positions and their weights; all weights zero outside the image. */
typedef struct sample {
    int64_t at[4];
    double w[4];
} sample;

static sample sample_at(double y, double x, int64_t h, int64_t w)
{
    sample s = {{0}, {0}};
    if (!(y >= -1 && y <= (double)h && x >= -1 && x <= (double)w))
        return s;
    y = y > 0 ? y : 0;
    x = x > 0 ? x : 0;
    int64_t y0 = (int64_t)y, x0 = (int64_t)x, y1 = y0 + 1, x1 = x0 + 1;
    if (y0 >= h - 1) {
        y0 = y1 = h - 1;
        y = (double)y0;
    }
    if (x0 >= w - 1) {
        x0 = x1 = w - 1;
        x = (double)x0;
    }
    double ly = y - (double)y0, lx = x - (double)x0;
    s = (sample){{y0 * w + x0, y0 * w + x1, y1 * w + x0, y1 * w + x1},
                 {(1 - ly) * (1 - lx), (1 - ly) * lx, ly * (1 - lx), ly * lx}};
    return s;
}

typedef struct box {
    double y, x, bin_h, bin_w; /* start and size of a bin */
    int64_t gh, gw;            /* samples in a bin */
} box;

static double align_bin(const box *b, const double *img, int64_t h, int64_t w, int64_t ph, int64_t pw, bool max)
{
    double acc = 0;
    for (int64_t iy = 0; iy < b->gh; iy++)
        for (int64_t ix = 0; ix < b->gw; ix++) {
            double y = b->y + (double)ph * b->bin_h + ((double)iy + 0.5) * b->bin_h / (double)b->gh;
            double x = b->x + (double)pw * b->bin_w + ((double)ix + 0.5) * b->bin_w / (double)b->gw;
            sample s = sample_at(y, x, h, w);
            double v = s.w[0] * img[s.at[0]];
            for (int k = 1; k < 4; k++) {
                double e = s.w[k] * img[s.at[k]];
                v = max ? (e > v ? e : v) : v + e;
            }
            acc = !max ? acc + v : (iy == 0 && ix == 0) || v > acc ? v : acc;
        }
    int64_t count = b->gh * b->gw;
    return max || count == 0 ? acc : acc / (double)count;
}

static sedge_status read_box(sg_exec *x, int64_t r, box *b)
{
    const sg_tensor *rois = x->in[1], *out = x->out[0];
    double scale = sg_get_float(x->attrs, SG_A_spatial_scale), c[4];
    bool half = sg_get_int(x->attrs, SG_A_coordinate_transformation_mode) == 0;
    int64_t ratio = sg_get_int(x->attrs, SG_A_sampling_ratio);
    for (int k = 0; k < 4; k++) {
        c[k] = sg_load_f64((sg_dtype)rois->dtype, rois->data, (size_t)(r * 4 + k)) * scale - (half ? 0.5 : 0);
        if (!(fabs(c[k]) < 1e9))
            return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "roi %lld has a coordinate of %g", (long long)r, c[k]);
    }
    double rw = c[2] - c[0], rh = c[3] - c[1];
    if (!half) { /* the older definition widens empty boxes */
        rw = rw > 1 ? rw : 1;
        rh = rh > 1 ? rh : 1;
    }
    *b = (box){c[1], c[0], rh / (double)out->dim[2], rw / (double)out->dim[3], ratio, ratio};
    if (ratio == 0) {
        b->gh = b->bin_h > 0 ? (int64_t)ceil(b->bin_h) : 0;
        b->gw = b->bin_w > 0 ? (int64_t)ceil(b->bin_w) : 0;
    }
    if (b->gh > SG_WINDOW_MAX || b->gw > SG_WINDOW_MAX || b->gh * b->gw > SG_WINDOW_MAX)
        return SG_EXEC_FAIL(x, SEDGE_E_LIMIT, "roi %lld needs %lld x %lld samples a bin", (long long)r, (long long)b->gh,
                            (long long)b->gw);
    return SEDGE_OK;
}

sedge_status sg_ref_roi_align(sg_exec *x)
{
    const sg_tensor *in = x->in[0], *rois = x->in[1], *batch = x->in[2];
    sg_tensor *out = x->out[0];
    bool max = sg_get_int(x->attrs, SG_A_mode) == 1;
    if (in->rank != 4 || rois->rank != 2 || rois->dim[1] != 4 || rois->dim[0] != out->dim[0])
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "the input must have rank 4 and rois the shape [n, 4]");
    SG_TRY(sg_want_vector(x, batch, rois->dim[0], "batch_indices"));
    if (sg_numel(out) == 0)
        return SEDGE_OK;
    int64_t h = in->dim[2], w = in->dim[3], channels = in->dim[1], at = 0;
    if (h == 0 || w == 0)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "the image is empty");
    double *img = sg_widen_in(x, 0, sg_numel(in));
    if (!img)
        return SEDGE_E_NOMEM;
    for (int64_t r = 0; r < out->dim[0]; r++) {
        int64_t n = sg_load_i64((sg_dtype)batch->dtype, batch->data, (size_t)r);
        box b;
        if (n < 0 || n >= in->dim[0])
            return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "batch index %lld of %lld images", (long long)n, (long long)in->dim[0]);
        SG_TRY(read_box(x, r, &b));
        for (int64_t c = 0; c < channels; c++)
            for (int64_t ph = 0; ph < out->dim[2]; ph++)
                for (int64_t pw = 0; pw < out->dim[3]; pw++)
                    sg_store_f64((sg_dtype)out->dtype, out->data, (size_t)at++,
                                 align_bin(&b, img + (n * channels + c) * h * w, h, w, ph, pw, max));
    }
    return SEDGE_OK;
}

/* ---- max pooling of whole bins ---- */

sedge_status sg_infer_max_roi_pool(sg_infer *c)
{
    int n;
    const int64_t *shape = sg_get_ints(c->attrs, SG_A_pooled_shape, &n);
    if (n != 2)
        return SG_INFER_FAIL(c, SEDGE_E_VALUE, "pooled_shape has %d values, needs 2", n);
    return infer_roi(c, shape[0], shape[1], 5);
}

/* First and last-plus-one pixel of bin p of [start, start + bins * size), clipped to [0, limit). */
static void bin_range(int64_t p, double size, int64_t start, int64_t limit, int64_t *lo, int64_t *hi)
{
    *lo = (int64_t)floor((double)p * size) + start;
    *hi = (int64_t)ceil((double)(p + 1) * size) + start;
    *lo = *lo < 0 ? 0 : *lo > limit ? limit : *lo;
    *hi = *hi < 0 ? 0 : *hi > limit ? limit : *hi;
}

sedge_status sg_ref_max_roi_pool(sg_exec *x)
{
    const sg_tensor *in = x->in[0], *rois = x->in[1];
    sg_tensor *out = x->out[0];
    sg_dtype t = (sg_dtype)in->dtype;
    double scale = sg_get_float(x->attrs, SG_A_spatial_scale);
    if (in->rank != 4 || rois->rank != 2 || rois->dim[1] != 5 || rois->dim[0] != out->dim[0])
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "the input must have rank 4 and rois the shape [n, 5]");
    int64_t at = 0, oh = out->dim[2], ow = out->dim[3];
    for (int64_t r = 0; r < rois->dim[0]; r++) {
        double v[5];
        for (int k = 0; k < 5; k++) {
            v[k] = round(sg_load_f64((sg_dtype)rois->dtype, rois->data, (size_t)(r * 5 + k)) * (k ? scale : 1));
            if (!(fabs(v[k]) < 1e9) || (k == 0 && (v[0] < 0 || v[0] >= (double)in->dim[0])))
                return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "roi %lld holds %g", (long long)r, v[k]);
        }
        double rh = fmax(v[4] - v[2] + 1, 1) / (double)oh, rw = fmax(v[3] - v[1] + 1, 1) / (double)ow;
        for (int64_t c = 0; c < in->dim[1]; c++)
            for (int64_t p = 0; p < oh * ow; p++) {
                int64_t y0, y1, x0, x1, base = ((int64_t)v[0] * in->dim[1] + c) * in->dim[2];
                bin_range(p / ow, rh, (int64_t)v[2], in->dim[2], &y0, &y1);
                bin_range(p % ow, rw, (int64_t)v[1], in->dim[3], &x0, &x1);
                double best = y1 > y0 && x1 > x0 ? -INFINITY : 0;
                for (int64_t y = y0; y < y1; y++)
                    for (int64_t i = x0; i < x1; i++) {
                        double e = sg_load_f64(t, in->data, (size_t)((base + y) * in->dim[3] + i));
                        best = e > best ? e : best;
                    }
                sg_store_f64(t, out->data, (size_t)at++, best);
            }
    }
    return SEDGE_OK;
}
