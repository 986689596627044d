/* Sampling an image of any rank at the points of a grid, and making affine grids (Jaderberg et al. 2015). */
#include <math.h>

#include "op/wide.h"

enum { MODE_LINEAR, MODE_NEAREST, MODE_CUBIC };
enum { PAD_ZEROS, PAD_BORDER, PAD_REFLECTION };
#define TAPS_MAX 4

sedge_status sg_infer_grid_sample(sg_infer *c)
{
    const sg_type *x = c->in[0], *g = c->in[1];
    int64_t mode = sg_get_int(c->attrs, SG_A_mode), pad = sg_get_int(c->attrs, SG_A_padding_mode);
    SG_TRY(sg_want_float(c, 1));
    if (mode < MODE_LINEAR || mode > MODE_CUBIC || pad < PAD_ZEROS || pad > PAD_REFLECTION)
        return SG_INFER_FAIL(c, SEDGE_E_VALUE, "mode %lld with padding_mode %lld", (long long)mode, (long long)pad);
    if (mode != MODE_NEAREST && (x->dtype == SG_STR || sg_is_complex((sg_dtype)x->dtype)))
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "%s can be sampled by mode nearest only", sg_dtypes[x->dtype].name);
    if (x->rank < 0 || g->rank < 0)
        return sg_out_unknown(c, (sg_dtype)x->dtype);
    if (x->rank < 3 || g->rank != x->rank || !sg_d_equal(c, g->dim[g->rank - 1], x->rank - 2) ||
        !sg_d_equal(c, g->dim[0], x->dim[0]))
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "the grid must be [N, ..., %d] for an input of rank %d", x->rank - 2, x->rank);
    c->out[0] = *x;
    for (int i = 2; i < x->rank; i++)
        c->out[0].dim[i] = g->dim[i - 1];
    return SEDGE_OK;
}

/* Reflects v at lo and hi until it lies between them. */
static float reflect(float v, float lo, float hi)
{
    float range = hi - lo, d = v < lo ? lo - v : v > hi ? v - hi : 0;
    if (d == 0)
        return v;
    if (range <= 0)
        return lo;
    float turns = truncf(d / range), r = d - turns * range;
    bool even = fmodf(turns, 2) == 0;
    return (v < lo) == even ? lo + r : hi - r;
}

typedef struct axis {
    int64_t n;
    int mode, pad;
    float lo, hi; /* the borders */
} axis;

/* Index of tap i in [0, n), or -1 for a zero. */
static int64_t tap_index(const axis *a, int64_t i)
{
    if (i >= 0 && i < a->n)
        return i;
    if (a->pad == PAD_ZEROS)
        return -1;
    if (a->pad == PAD_BORDER)
        return i < 0 ? 0 : a->n - 1;
    int64_t r = (int64_t)reflect((float)i, a->lo, a->hi);
    return r < 0 ? 0 : r >= a->n ? a->n - 1 : r;
}

/* Cubic convolution weights, Keys 1981, with a = -0.75. */
static void cubic(float x, float *w)
{
    const float a = -0.75f;
    float y = 1 - x;
    w[0] = ((a * (x + 1) - 5 * a) * (x + 1) + 8 * a) * (x + 1) - 4 * a;
    w[1] = ((a + 2) * x - (a + 3)) * x * x + 1;
    w[2] = ((a + 2) * y - (a + 3)) * y * y + 1;
    w[3] = ((a * (y + 1) - 5 * a) * (y + 1) + 8 * a) * (y + 1) - 4 * a;
}

/* Taps of a normalized coordinate along one axis; returns their number. In float, as ONNX and PyTorch define it, since
 * ties of nearest depend on it. */
static int taps_at(const axis *a, float norm, bool align, int64_t *at, float *w)
{
    float x = align ? (norm + 1) / 2 * (float)(a->n - 1) : ((norm + 1) * (float)a->n - 1) / 2;
    if (!(fabsf(x) < 1e9f))
        x = x > 0 ? 1e9f : -1e9f;
    if (a->mode == MODE_NEAREST)
        x = rintf(x);
    if (x < a->lo || x > a->hi) {
        if (a->pad == PAD_BORDER)
            x = x < 0 ? 0 : fminf(x, (float)(a->n - 1));
        else if (a->pad == PAD_REFLECTION)
            x = reflect(x, a->lo, a->hi);
    }
    if (a->mode == MODE_NEAREST) {
        at[0] = tap_index(a, (int64_t)x);
        w[0] = 1;
        return 1;
    }
    int n = a->mode == MODE_CUBIC ? 4 : 2;
    int64_t first = (int64_t)floorf(x);
    float f = x - floorf(x);
    w[0] = 1 - f;
    w[1] = f;
    if (n == 4)
        cubic(f, w);
    for (int k = 0; k < n; k++)
        at[k] = tap_index(a, first + k - (n == 4));
    return n;
}

/* Taps of a point: flattened positions (-1: zero) and weights. */
typedef struct point {
    int64_t *at;
    double *w;
    int n;
} point;

static void point_taps(const sg_tensor *grid, int64_t p, const axis *ax, int rank, bool align, point *pt)
{
    pt->n = 1;
    pt->at[0] = 0;
    pt->w[0] = 1;
    for (int i = 0; i < rank; i++) { /* the grid lists axes innermost first */
        float norm = (float)sg_load_f64((sg_dtype)grid->dtype, grid->data, (size_t)(p * rank + rank - 1 - i)), w[TAPS_MAX];
        int64_t at[TAPS_MAX];
        int n = taps_at(&ax[i], norm, align, at, w);
        for (int j = pt->n - 1; j >= 0; j--) /* from the back, so that the product grows in place */
            for (int k = n - 1; k >= 0; k--) {
                int64_t base = pt->at[j];
                double bw = pt->w[j];
                pt->at[j * n + k] = base < 0 || at[k] < 0 ? -1 : base * ax[i].n + at[k];
                pt->w[j * n + k] = bw * (double)w[k];
            }
        pt->n *= n;
    }
}

static void sample_channels(const sg_exec *x, const point *pt, int64_t n, int64_t p, int64_t plane_in, int64_t plane_out)
{
    const sg_tensor *in = x->in[0];
    sg_tensor *out = x->out[0];
    sg_dtype t = (sg_dtype)in->dtype;
    for (int64_t c = 0; c < in->dim[1]; c++) {
        int64_t base = (n * in->dim[1] + c) * plane_in;
        size_t to = (size_t)((n * in->dim[1] + c) * plane_out + p);
        if (pt->n == 1 && pt->at[0] >= 0) {
            sg_elem_copy(t, out->data, to, in->data, (size_t)(base + pt->at[0]));
            continue;
        }
        double acc = 0;
        for (int k = 0; k < pt->n; k++)
            if (pt->at[k] >= 0)
                acc += pt->w[k] * sg_load_f64(t, in->data, (size_t)(base + pt->at[k]));
        sg_store_f64(t, out->data, to, acc);
    }
}

sedge_status sg_ref_grid_sample(sg_exec *x)
{
    const sg_tensor *in = x->in[0], *grid = x->in[1];
    sg_tensor *out = x->out[0];
    int rank = in->rank - 2;
    bool align = sg_get_int(x->attrs, SG_A_align_corners) != 0;
    if (rank < 1 || grid->rank != in->rank || out->rank != in->rank || grid->dim[grid->rank - 1] != rank ||
        grid->dim[0] != in->dim[0])
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "the grid does not fit the input");
    if (sg_numel(out) == 0)
        return SEDGE_OK;
    axis ax[SG_RANK_MAX];
    int taps = 1, mode = (int)sg_get_int(x->attrs, SG_A_mode);
    for (int i = 0; i < rank; i++) {
        int64_t n = in->dim[2 + i];
        if (n < 1)
            return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "the image is empty");
        ax[i] = (axis){n, mode, (int)sg_get_int(x->attrs, SG_A_padding_mode), align ? 0 : -0.5f, (float)n - (align ? 1 : 0.5f)};
        taps *= TAPS_MAX;
    }
    point pt = {sg_scratch(x, (size_t)taps * sizeof *pt.at), sg_scratch_f64(x, taps), 0};
    if (!pt.at || !pt.w)
        return SEDGE_E_NOMEM;
    int64_t plane_in = sg_dim_span(in->dim, 2, in->rank), plane_out = sg_dim_span(out->dim, 2, out->rank);
    for (int64_t n = 0; n < in->dim[0]; n++)
        for (int64_t p = 0; p < plane_out; p++) {
            point_taps(grid, n * plane_out + p, ax, rank, align, &pt);
            sample_channels(x, &pt, n, p, plane_in, plane_out);
        }
    return SEDGE_OK;
}

/* ---- affine grids ---- */

sedge_status sg_infer_affine_grid(sg_infer *c)
{
    const sg_type *theta = c->in[0];
    int64_t n;
    const sg_dim *size = sg_in_content(c, 1, &n);
    SG_TRY(sg_want_float(c, 0));
    if (!size && c->in[1]->rank == 1 && !sg_dim_is_expr(c->in[1]->dim[0]))
        n = c->in[1]->dim[0];
    if (!size && n == 0)
        return sg_out_unknown(c, (sg_dtype)theta->dtype);
    if (n != 4 && n != 5)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "size has %lld values, needs 4 or 5", (long long)n);
    if (theta->rank >= 0 && (theta->rank != 3 || !sg_d_equal(c, theta->dim[1], n - 2) || !sg_d_equal(c, theta->dim[2], n - 1) ||
                             (size && !sg_d_equal(c, theta->dim[0], size[0]))))
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "theta must be [N, %lld, %lld]", (long long)n - 2, (long long)n - 1);
    sg_type *y = &c->out[0];
    y->dtype = theta->dtype;
    y->rank = (int8_t)n;
    y->dim[0] = theta->rank == 3 ? theta->dim[0] : size ? size[0] : sg_d_fresh(c);
    for (int i = 1; i < n - 1; i++) {
        y->dim[i] = size ? size[i + 1] : sg_d_fresh(c);
        if (!sg_dim_is_expr(y->dim[i]) && y->dim[i] < 0)
            return SG_INFER_FAIL(c, SEDGE_E_VALUE, "size holds %lld", (long long)y->dim[i]);
    }
    y->dim[n - 1] = n - 2;
    return SEDGE_OK;
}

sedge_status sg_ref_affine_grid(sg_exec *x)
{
    const sg_tensor *theta = x->in[0];
    sg_tensor *out = x->out[0];
    int rank = out->rank - 2;
    bool align = sg_get_int(x->attrs, SG_A_align_corners) != 0;
    if ((rank != 2 && rank != 3) || theta->rank != 3 || theta->dim[0] != out->dim[0] || theta->dim[1] != rank ||
        theta->dim[2] != rank + 1)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "theta does not fit size");
    if (sg_numel(out) == 0)
        return SEDGE_OK;
    int64_t o[SG_RANK_MAX] = {0}, at = 0;
    do {
        double p[4];
        for (int i = 0; i < rank; i++) { /* coordinates innermost first */
            int64_t n = out->dim[rank - i], k = o[rank - i];
            p[i] = !align ? (2 * (double)k + 1) / (double)n - 1 : n > 1 ? 2 * (double)k / (double)(n - 1) - 1 : -1;
        }
        for (int r = 0; r < rank; r++) {
            int64_t row = (o[0] * rank + r) * (rank + 1);
            double acc = sg_load_f64((sg_dtype)theta->dtype, theta->data, (size_t)(row + rank));
            for (int i = 0; i < rank; i++)
                acc += p[i] * sg_load_f64((sg_dtype)theta->dtype, theta->data, (size_t)(row + i));
            sg_store_f64((sg_dtype)out->dtype, out->data, (size_t)at++, acc);
        }
    } while (sg_index_next(o, out->dim, rank + 1));
    return SEDGE_OK;
}
