/* DFT and STFT: shape rules and references. */
#include <string.h>

#include "op/fft.h"
#include "op/widen.h"

/* Integer scalar input k as a dim; `def` when absent, fresh when not known now. */
static sg_dim scalar_dim(sg_infer *c, int k, sg_dim def)
{
    if (k >= c->n_in || !c->in[k])
        return def;
    int64_t n, v;
    const sg_dim *d = sg_in_content(c, k, &n);
    if (d && n == 1)
        return d[0];
    return sg_in_scalar_i64(c, k, &v) ? v : sg_d_fresh(c);
}

static sedge_status complex_last(sg_infer *c, const sg_type *t)
{
    sg_dim d = t->dim[t->rank - 1];
    if (!sg_dim_is_expr(d) && d != 1 && d != 2)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "%s: last dimension must be 1 (real) or 2 (complex), is %lld", c->op->name,
                             (long long)d);
    return SEDGE_OK;
}

sedge_status sg_infer_dft(sg_infer *c)
{
    const sg_type *t = c->in[0];
    bool inverse = sg_get_int(c->attrs, SG_A_inverse) != 0, onesided = sg_get_int(c->attrs, SG_A_onesided) != 0;
    SG_TRY(sg_infer_need_float(c, 0));
    c->out[0] = *t;
    if (t->rank < 0)
        return SEDGE_OK;
    if (t->rank < 2)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "dft: input needs at least 2 dimensions, has %d", t->rank);
    SG_TRY(complex_last(c, t));
    c->out[0].dim[t->rank - 1] = inverse && onesided ? 1 : 2;
    int64_t at = -2;
    if (c->n_in > 2 && c->in[2] && !sg_in_scalar_i64(c, 2, &at)) {
        for (int i = 0; i < t->rank - 1; i++)
            c->out[0].dim[i] = sg_d_fresh(c);
        return SEDGE_OK;
    }
    int axis = sg_axis(at, t->rank);
    if (axis < 0 || axis == t->rank - 1)
        return SG_INFER_FAIL(c, SEDGE_E_VALUE, "dft: axis %lld is not a signal axis of rank %d", (long long)at, t->rank);
    sg_dim whole = inverse && onesided ? sg_d_mul(c, 2, sg_d_sub(c, t->dim[axis], 1)) : t->dim[axis];
    sg_dim n = scalar_dim(c, 1, whole);
    if (!sg_dim_is_expr(n) && n < 0)
        return SG_INFER_FAIL(c, SEDGE_E_VALUE, "dft: length %lld is negative", (long long)n);
    c->out[0].dim[axis] = onesided && !inverse ? sg_d_add(c, sg_d_div(c, n, 2), 1) : n;
    return SEDGE_OK;
}

typedef struct line {
    const double *src; /* first element of the line */
    int64_t n_src;     /* points that there are */
    int64_t stride;    /* points between them */
    int parts;         /* 1 real, 2 complex */
} line;

/* n points from the line, with zeros behind its end. */
static void line_load(const line *l, double *a, int64_t n)
{
    int64_t have = l->n_src < n ? l->n_src : n;
    for (int64_t k = 0; k < have; k++) {
        a[2 * k] = l->src[k * l->stride * l->parts];
        a[2 * k + 1] = l->parts == 2 ? l->src[k * l->stride * l->parts + 1] : 0;
    }
    if (have < n)
        memset(a + 2 * have, 0, 2 * (size_t)(n - have) * sizeof *a);
}

/* Fills the second half of a spectrum from the first by conjugate symmetry. */
static void mirror(double *a, int64_t n)
{
    a[1] = 0;
    for (int64_t k = n / 2 + 1; k < n; k++) {
        a[2 * k] = a[2 * (n - k)];
        a[2 * k + 1] = -a[2 * (n - k) + 1];
    }
    if (n % 2 == 0)
        a[n + 1] = 0;
}

/* The numbers of one call. */
typedef struct dft_call {
    int64_t n, n_src, n_dst, outer, inner;
    int in_parts, out_parts;
    bool inverse, onesided;
} dft_call;

static sedge_status dft_setup(sg_exec *x, dft_call *d)
{
    const sg_tensor *t = x->in[0];
    const sg_tensor *y = x->out[0];
    int64_t at = x->n_in > 2 && x->in[2] ? sg_load_i64((sg_dtype)x->in[2]->dtype, x->in[2]->data, 0) : -2;
    int axis = sg_axis(at, t->rank);
    if (axis < 0 || axis >= t->rank - 1)
        return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "dft: axis %lld is not a signal axis", (long long)at);
    d->inverse = sg_get_int(x->attrs, SG_A_inverse) != 0;
    d->onesided = sg_get_int(x->attrs, SG_A_onesided) != 0;
    d->n_src = t->dim[axis];
    d->n_dst = y->dim[axis];
    d->outer = sg_dim_span(t->dim, 0, axis);
    d->inner = sg_dim_span(t->dim, axis + 1, t->rank - 1);
    d->in_parts = (int)t->dim[t->rank - 1];
    d->out_parts = (int)y->dim[y->rank - 1];
    if (x->n_in > 1 && x->in[1])
        d->n = sg_load_i64((sg_dtype)x->in[1]->dtype, x->in[1]->data, 0);
    else
        d->n = d->inverse && d->onesided ? 2 * (d->n_src - 1) : d->n_src;
    if (d->n < 1)
        return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "dft: length %lld is not positive", (long long)d->n);
    return SEDGE_OK;
}

sedge_status sg_ref_dft(sg_exec *x)
{
    if (sg_numel(x->out[0]) == 0)
        return SEDGE_OK;
    dft_call d;
    sg_fft f;
    SG_TRY(dft_setup(x, &d));
    SG_TRY(sg_fft_init(x, &f, d.n));
    const double *src = sg_widen_f64(x, x->in[0]);
    double *dst = sg_narrow_room_f64(x, x->out[0]);
    double *a = sg_scratch(x, 2 * (size_t)d.n * sizeof *a);
    if (!src || !dst || !a)
        return SEDGE_E_NOMEM;
    double scale = d.inverse ? 1 / (double)d.n : 1;
    for (int64_t o = 0; o < d.outer; o++)
        for (int64_t i = 0; i < d.inner; i++) {
            line l = {src + (o * d.n_src * d.inner + i) * d.in_parts, d.n_src, d.inner, d.in_parts};
            line_load(&l, a, d.n);
            if (d.inverse && d.onesided)
                mirror(a, d.n);
            sg_fft_run(&f, a, d.inverse);
            for (int64_t k = 0; k < d.n_dst && k < d.n; k++)
                for (int p = 0; p < d.out_parts; p++)
                    dst[((o * d.n_dst + k) * d.inner + i) * d.out_parts + p] = a[2 * k + p] * scale;
        }
    sg_narrow_f64(x->out[0], dst);
    return SEDGE_OK;
}

sedge_status sg_infer_stft(sg_infer *c)
{
    const sg_type *t = c->in[0];
    SG_TRY(sg_infer_need_float(c, 0));
    c->out[0].dtype = t->dtype;
    c->out[0].rank = -1;
    const sg_type *window = c->n_in > 2 ? c->in[2] : NULL;
    if (t->rank < 0 || (window && window->rank < 0))
        return SEDGE_OK;
    if (t->rank != 2 && t->rank != 3)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "stft: signal must be [batch, length, 1 or 2], has rank %d", t->rank);
    if (t->rank == 3)
        SG_TRY(complex_last(c, t));
    if (window && window->rank != 1)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "stft: window must have rank 1, has %d", window->rank);
    sg_dim n = scalar_dim(c, 3, window ? window->dim[0] : t->dim[1]);
    sg_dim step = scalar_dim(c, 1, 1);
    if ((!sg_dim_is_expr(n) && n < 1) || (!sg_dim_is_expr(step) && step < 1))
        return SG_INFER_FAIL(c, SEDGE_E_VALUE, "stft: frame length and step must be positive");
    c->out[0].rank = 4;
    c->out[0].dim[0] = t->dim[0];
    c->out[0].dim[1] = sg_d_max(c, 0, sg_d_add(c, sg_d_div(c, sg_d_sub(c, t->dim[1], n), step), 1));
    c->out[0].dim[2] = sg_get_int(c->attrs, SG_A_onesided) ? sg_d_add(c, sg_d_div(c, n, 2), 1) : n;
    c->out[0].dim[3] = 2;
    return SEDGE_OK;
}

static int64_t frame_length(const sg_exec *x)
{
    if (x->n_in > 3 && x->in[3])
        return sg_load_i64((sg_dtype)x->in[3]->dtype, x->in[3]->data, 0);
    return x->n_in > 2 && x->in[2] ? x->in[2]->dim[0] : x->in[0]->dim[1];
}

sedge_status sg_ref_stft(sg_exec *x)
{
    const sg_tensor *t = x->in[0];
    sg_tensor *y = x->out[0];
    if (sg_numel(y) == 0)
        return SEDGE_OK;
    int parts = t->rank == 3 ? (int)t->dim[2] : 1;
    int64_t n = frame_length(x), step = sg_load_i64((sg_dtype)x->in[1]->dtype, x->in[1]->data, 0);
    int64_t frames = y->dim[1], bins = y->dim[2];
    const sg_tensor *window = x->n_in > 2 ? x->in[2] : NULL;
    if (window && window->dim[0] != n)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "stft: window has %lld points, frames have %lld", (long long)window->dim[0],
                            (long long)n);
    sg_fft f;
    SG_TRY(sg_fft_init(x, &f, n));
    const double *src = sg_widen_f64(x, t), *win = window ? sg_widen_f64(x, window) : NULL;
    double *a = sg_scratch(x, 2 * (size_t)n * sizeof *a), *dst = sg_narrow_room_f64(x, y);
    if (!src || !a || !dst || (window && !win))
        return SEDGE_E_NOMEM;
    for (int64_t b = 0; b < t->dim[0]; b++)
        for (int64_t k = 0; k < frames; k++) {
            line l = {src + (b * t->dim[1] + k * step) * parts, t->dim[1] - k * step, 1, parts};
            line_load(&l, a, n);
            for (int64_t i = 0; win && i < n; i++) {
                a[2 * i] *= win[i];
                a[2 * i + 1] *= win[i];
            }
            sg_fft_run(&f, a, false);
            memcpy(dst + (b * frames + k) * bins * 2, a, 2 * (size_t)bins * sizeof *a);
        }
    sg_narrow_f64(y, dst);
    return SEDGE_OK;
}
