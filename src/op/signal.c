/* Windows and the mel filter bank. */
#include "op/signal.h"

#include <math.h>
#include <string.h>

#include "op/op.h"

#define PI 3.14159265358979323846

/* Integer scalar k as a dim: known, symbolic or fresh. */
static sg_dim scalar_dim(sg_infer *c, int k)
{
    int64_t n, v;
    const sg_dim *d = sg_in_content(c, k, &n);
    if (d && n == 1)
        return d[0];
    return sg_in_scalar_i64(c, k, &v) ? v : sg_d_fresh(c);
}

static sedge_status out_dtype(sg_infer *c)
{
    int64_t t = sg_get_int(c->attrs, SG_A_output_datatype);
    if (t <= SG_NONE || t >= SG_DTYPE_COUNT || !(sg_is_float((sg_dtype)t) || sg_is_int((sg_dtype)t)))
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "%s: output type must be a number type", c->op->name);
    c->out[0].dtype = (uint8_t)t;
    return SEDGE_OK;
}

sedge_status sg_infer_window(sg_infer *c)
{
    SG_TRY(out_dtype(c));
    c->out[0].rank = 1;
    c->out[0].dim[0] = scalar_dim(c, 0);
    if (!sg_dim_is_expr(c->out[0].dim[0]) && c->out[0].dim[0] < 0)
        return SG_INFER_FAIL(c, SEDGE_E_VALUE, "window: size is negative");
    return SEDGE_OK;
}

static double window_at(int kind, int64_t i, int64_t period)
{
    if (period <= 0)
        return 1; /* a single point */
    double t = 2 * PI * (double)i / (double)period;
    if (kind == SG_WINDOW_HANN)
        return 0.5 - 0.5 * cos(t);
    if (kind == SG_WINDOW_HAMMING)
        return 25.0 / 46 - 21.0 / 46 * cos(t);
    return 0.42 - 0.5 * cos(t) + 0.08 * cos(2 * t);
}

sedge_status sg_ref_window(sg_exec *x)
{
    sg_tensor *y = x->out[0];
    int64_t n = sg_numel(y);
    int kind = (int)sg_get_int(x->attrs, SG_A_kind);
    int64_t period = sg_get_int(x->attrs, SG_A_periodic) ? n : n - 1;
    for (int64_t i = 0; i < n; i++)
        sg_store_f64((sg_dtype)y->dtype, y->data, (size_t)i, window_at(kind, i, period));
    return SEDGE_OK;
}

sedge_status sg_infer_mel_weight_matrix(sg_infer *c)
{
    SG_TRY(out_dtype(c));
    c->out[0].rank = 2;
    c->out[0].dim[0] = sg_d_add(c, sg_d_div(c, scalar_dim(c, 1), 2), 1);
    c->out[0].dim[1] = scalar_dim(c, 0);
    for (int i = 0; i < 2; i++)
        if (!sg_dim_is_expr(c->out[0].dim[i]) && c->out[0].dim[i] < 0)
            return SG_INFER_FAIL(c, SEDGE_E_VALUE, "mel_weight_matrix: a size is negative");
    return SEDGE_OK;
}

static double scalar_f64(const sg_tensor *t)
{
    return sg_numel(t) ? sg_load_f64((sg_dtype)t->dtype, t->data, 0) : 0;
}

/* Spectrum bin of mel point k of `points`, kept within [0, bins]. */
static int64_t mel_bin(sg_exec *x, int64_t k, int64_t points, int64_t bins)
{
    double length = scalar_f64(x->in[1]), rate = scalar_f64(x->in[2]);
    double low = 2595 * log1p(scalar_f64(x->in[3]) / 700) / log(10);
    double high = 2595 * log1p(scalar_f64(x->in[4]) / 700) / log(10);
    double mel = (double)k * ((high - low) / (double)points) + low;
    double at = floor((length + 1) * (700 * expm1(mel / 2595 * log(10))) / rate);
    if (!(at > 0))
        return 0;
    return at < (double)bins ? (int64_t)at : bins;
}

sedge_status sg_ref_mel_weight_matrix(sg_exec *x)
{
    sg_tensor *y = x->out[0];
    sg_dtype t = (sg_dtype)y->dtype;
    int64_t bins = y->dim[0], mels = y->dim[1];
    memset(y->data, 0, sg_tensor_bytes(y));
    for (int64_t i = 0; i < mels; i++) {
        int64_t lo = mel_bin(x, i, mels + 2, bins), mid = mel_bin(x, i + 1, mels + 2, bins),
                hi = mel_bin(x, i + 2, mels + 2, bins);
        if (lo == mid && mid < bins)
            sg_store_f64(t, y->data, (size_t)(mid * mels + i), 1);
        for (int64_t j = lo; lo < mid && j <= mid && j < bins; j++)
            sg_store_f64(t, y->data, (size_t)(j * mels + i), (double)(j - lo) / (double)(mid - lo));
        for (int64_t j = mid; j < hi; j++)
            sg_store_f64(t, y->data, (size_t)(j * mels + i), (double)(hi - j) / (double)(hi - mid));
    }
    return SEDGE_OK;
}
