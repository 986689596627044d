/* Quantize, dequantize, and what the integer ops share. */
#include "op/quant.h"

#include <math.h>
#include <string.h>

sedge_status sg_q_scale(sg_err *err, double sx, double sw, double sy, float *out)
{
    double s = sx * sw / sy;
    *out = (float)s;
    if (!(sx > 0 && sw > 0 && sy > 0) || !(*out > 0) || !isfinite(*out))
        return sg_fail(err, SEDGE_E_VALUE, "scale %g * %g / %g is not finite and above 0", sx, sw, sy);
    return SEDGE_OK;
}

void sg_q_widen(const sg_tensor *t, int64_t from, int64_t n, int32_t zero, int32_t *out)
{
    const uint8_t *u = (const uint8_t *)t->data + from;
    const int8_t *s = (const int8_t *)t->data + from;
    if (t->dtype == SG_U8)
        for (int64_t i = 0; i < n; i++)
            out[i] = (int32_t)u[i] - zero;
    else
        for (int64_t i = 0; i < n; i++)
            out[i] = (int32_t)s[i] - zero;
}

sedge_status sg_q_want_8bit(sg_infer *c, int k)
{
    sg_dtype t = k < c->n_in && c->in[k] ? (sg_dtype)c->in[k]->dtype : SG_NONE;
    return t == SG_NONE || sg_q_is_8bit(t) ? SEDGE_OK
                                           : SG_INFER_FAIL(c, SEDGE_E_TYPE, "input %d is %s, not u8 or i8", k, sg_dtypes[t].name);
}

sedge_status sg_q_want_scale(sg_infer *c, int k)
{
    sg_dtype t = k < c->n_in && c->in[k] ? (sg_dtype)c->in[k]->dtype : SG_NONE;
    return t == SG_NONE || sg_is_float(t) ? SEDGE_OK : SG_INFER_FAIL(c, SEDGE_E_TYPE, "scale %d is %s", k, sg_dtypes[t].name);
}

sedge_status sg_q_want_like(sg_infer *c, int k, int like)
{
    if (k >= c->n_in || !c->in[k] || !c->in[like] || c->in[k]->dtype == SG_NONE || c->in[like]->dtype == SG_NONE)
        return SEDGE_OK;
    if (c->in[k]->dtype == c->in[like]->dtype)
        return SEDGE_OK;
    return SG_INFER_FAIL(c, SEDGE_E_TYPE, "input %d is %s, input %d %s", k, sg_dtypes[c->in[k]->dtype].name, like,
                         sg_dtypes[c->in[like]->dtype].name);
}

/* Cody and Waite's reduction x = k ln 2 + r, then Taylor's series of degree 14 on |r| <= ln 2 / 2. */
double sg_q_exp(double x)
{
    if (x != x)
        return x;
    if (x > 700)
        x = 700;
    if (x < -700)
        return 0;
    double k = sg_q_rne(x * 1.4426950408889634), r = (x - k * 0.693147180369123816490) - k * 1.90821492927058770002e-10;
    double s = 1;
    for (int i = 14; i >= 1; i--)
        s = 1 + s * (r / i);
    uint64_t bits = (uint64_t)((int64_t)k + 1023) << 52;
    double p;
    memcpy(&p, &bits, sizeof p);
    return s * p;
}

/* ---- granularity: which scale an element has ------------------------------------------------------------------ */

/* Elements are [outer][d][inner]; the scale of (o, d, i) stands at o * per_outer + d / block * per_d + i * per_inner. */
typedef struct grain {
    int64_t outer, d, inner, block;
    int64_t per_outer, per_d, per_inner;
} grain;

static sedge_status grain_axis(sg_exec *x, const sg_tensor *t, const sg_tensor *s, int axis, grain *g)
{
    g->outer = sg_dim_span(t->dim, 0, axis);
    g->d = t->dim[axis];
    g->inner = sg_dim_span(t->dim, axis + 1, t->rank);
    int64_t block = sg_get_int(x->attrs, SG_A_block_size);
    if (block == 0) {
        if (s->rank != 1 || s->dim[0] != g->d)
            return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "the scale does not have one element for each of %lld along axis %d",
                                (long long)g->d, axis);
        g->per_d = 1;
        return SEDGE_OK;
    }
    bool fits = s->rank == t->rank && s->dim[axis] == (g->d ? (g->d - 1) / block + 1 : 0);
    for (int i = 0; fits && i < t->rank; i++)
        fits = i == axis || s->dim[i] == t->dim[i];
    if (!fits)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "the scale does not have one element for each block of %lld along axis %d",
                            (long long)block, axis);
    g->block = block;
    g->per_inner = 1;
    g->per_d = g->inner;
    g->per_outer = s->dim[axis] * g->inner;
    return SEDGE_OK;
}

static sedge_status grain_of(sg_exec *x, grain *g)
{
    const sg_tensor *t = x->in[0], *s = x->in[1], *z = x->n_in > 2 ? x->in[2] : NULL;
    memset(g, 0, sizeof *g);
    g->block = g->outer = g->d = 1;
    g->inner = sg_numel(t);
    if (z && sg_numel(z) != sg_numel(s))
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "scale and zero point differ in shape");
    if (sg_numel(s) == 1)
        return SEDGE_OK;
    int axis = sg_axis(sg_get_int(x->attrs, SG_A_axis), t->rank);
    if (axis < 0)
        return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "axis %lld is outside of rank %d", (long long)sg_get_int(x->attrs, SG_A_axis),
                            t->rank);
    return grain_axis(x, t, s, axis, g);
}

static sedge_status grain_rule(sg_infer *c)
{
    int64_t block = sg_get_int(c->attrs, SG_A_block_size), axis = sg_get_int(c->attrs, SG_A_axis);
    const sg_type *t = c->in[0], *s = c->in[1];
    SG_TRY(sg_q_want_scale(c, 1));
    if (block < 0)
        return SG_INFER_FAIL(c, SEDGE_E_VALUE, "block_size is %lld", (long long)block);
    if (t->rank >= 0 && s->rank > 0 && sg_d_numel(s) != 1 && sg_axis(axis, t->rank) < 0)
        return SG_INFER_FAIL(c, SEDGE_E_VALUE, "axis %lld is outside of rank %d", (long long)axis, t->rank);
    return SEDGE_OK;
}

static bool quantized(sg_dtype t)
{
    return (sg_is_int(t) && sg_dtypes[t].bits <= 16) || (sg_is_float(t) && sg_dtypes[t].bits <= 8 && t != SG_F8E8M0);
}

/* ---- quantize --------------------------------------------------------------------------------------------------- */

sedge_status sg_infer_quantize(sg_infer *c)
{
    int64_t to = sg_get_int(c->attrs, SG_A_output_dtype), prec = sg_get_int(c->attrs, SG_A_precision);
    const sg_type *z = c->n_in > 2 ? c->in[2] : NULL;
    sg_dtype t = (sg_dtype)c->in[0]->dtype;
    c->exact = true;
    SG_TRY(grain_rule(c));
    if (z && z->dtype != SG_NONE && to && to != z->dtype)
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "output_dtype is not the type of the zero point");
    if (to == 0)
        to = z ? z->dtype : SG_U8;
    if (to < 0 || to >= SG_DTYPE_COUNT || (to != SG_NONE && !quantized((sg_dtype)to)))
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "does not quantize to %s",
                             to > 0 && to < SG_DTYPE_COUNT ? sg_dtypes[to].name : "that type");
    if (t != SG_NONE && !sg_is_float(t) && t != SG_I32)
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "does not take %s", sg_dtypes[t].name);
    if (prec && (prec < 0 || prec >= SG_DTYPE_COUNT || !sg_is_float((sg_dtype)prec)))
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "precision is no float type");
    c->out[0] = *c->in[0];
    c->out[0].dtype = (uint8_t)to;
    return SEDGE_OK;
}

/* v as element type t holds it; types of 8 bits and fewer serve as float. */
static double rounded(sg_dtype t, double v)
{
    uint64_t cell = 0;
    if (t == SG_F64)
        return v;
    if (t != SG_F16 && t != SG_BF16)
        return (double)(float)v;
    sg_store_f64(t, &cell, 0, v);
    return sg_load_f64(t, &cell, 0);
}

typedef struct quantizer {
    const sg_tensor *x, *s, *z;
    sg_tensor *y;
    sg_dtype prec;
    bool sat;
    int32_t lo, hi;
} quantizer;

static void quantize_one(const quantizer *q, int64_t at, int64_t is)
{
    double s = rounded(q->prec, sg_load_f64((sg_dtype)q->s->dtype, q->s->data, (size_t)is));
    double v = rounded(q->prec, sg_load_f64((sg_dtype)q->x->dtype, q->x->data, (size_t)at));
    sg_dtype t = (sg_dtype)q->y->dtype;
    v = rounded(q->prec, v / s);
    if (sg_is_float(t)) {
        double z = q->z ? sg_load_f64((sg_dtype)q->z->dtype, q->z->data, (size_t)is) : 0;
        sg_store_f64_sat(t, q->y->data, (size_t)at, z != 0 ? v + z : v, q->sat);
        return;
    }
    int32_t z = q->z ? (int32_t)sg_load_i64((sg_dtype)q->z->dtype, q->z->data, (size_t)is) : 0;
    double min = (double)(q->lo - z), max = (double)(q->hi - z);
    v = v > min ? v : min;
    v = v < max ? v : max;
    sg_store_i64(t, q->y->data, (size_t)at, (int64_t)sg_q_rne(v) + z);
}

/* A run of f32 with one scale to 8 bits: sg_q_round for results so small that rounding may be done in float, where adding
 * 1.5 * 2^23 leaves the integer in the low bits. */
static void quantize_run(const quantizer *q, int64_t at, int64_t n, int64_t is)
{
    const float *restrict x = (const float *)q->x->data + at;
    uint8_t *restrict y = (uint8_t *)q->y->data + at;
    const float s = (float)sg_load_f64((sg_dtype)q->s->dtype, q->s->data, (size_t)is);
    const int32_t z = q->z ? (int32_t)sg_load_i64((sg_dtype)q->z->dtype, q->z->data, (size_t)is) : 0;
    const float min = (float)(q->lo - z), max = (float)(q->hi - z);
    for (int64_t i = 0; i < n; i++) {
        float t = x[i] / s;
        uint32_t bits;
        t = t > min ? t : min;
        t = t < max ? t : max;
        t += 12582912.0f;
        memcpy(&bits, &t, sizeof bits);
        y[i] = (uint8_t)(bits + (uint32_t)z);
    }
}

sedge_status sg_ref_quantize(sg_exec *x)
{
    quantizer q = {.x = x->in[0], .s = x->in[1], .z = x->n_in > 2 ? x->in[2] : NULL, .y = x->out[0]};
    int64_t prec = sg_get_int(x->attrs, SG_A_precision);
    grain g;
    SG_TRY(grain_of(x, &g));
    q.prec = (sg_dtype)(prec ? prec : q.s->dtype);
    q.sat = sg_get_int(x->attrs, SG_A_saturate) != 0;
    if (sg_is_int((sg_dtype)q.y->dtype))
        sg_q_range((sg_dtype)q.y->dtype, &q.lo, &q.hi);
    bool fast = q.x->dtype == SG_F32 && q.prec == SG_F32 && sg_q_is_8bit((sg_dtype)q.y->dtype) && !g.per_inner;
    for (int64_t o = 0; o < g.outer; o++)
        for (int64_t d = 0; d < g.d; d++) {
            int64_t at = (o * g.d + d) * g.inner, is = o * g.per_outer + d / g.block * g.per_d;
            if (fast)
                quantize_run(&q, at, g.inner, is);
            else
                for (int64_t i = 0; i < g.inner; i++)
                    quantize_one(&q, at + i, is + i * g.per_inner);
        }
    return SEDGE_OK;
}

/* ---- dequantize -------------------------------------------------------------------------------------------------- */

sedge_status sg_infer_dequantize(sg_infer *c)
{
    int64_t to = sg_get_int(c->attrs, SG_A_output_dtype);
    sg_dtype t = (sg_dtype)c->in[0]->dtype;
    c->exact = true;
    SG_TRY(grain_rule(c));
    if (t != SG_NONE && !quantized(t) && t != SG_I32)
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "does not take %s", sg_dtypes[t].name);
    if (!sg_is_float(t))
        SG_TRY(sg_q_want_like(c, 2, 0));
    if (to && (to < 0 || to >= SG_DTYPE_COUNT || !sg_is_float((sg_dtype)to)))
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "output_dtype is no float type");
    c->out[0] = *c->in[0];
    c->out[0].dtype = (uint8_t)(to ? to : c->in[1]->dtype);
    return SEDGE_OK;
}

/* y = fl(fl(x - zero) * scale): the difference is exact but for i32. */
static void dequantize_run(const sg_exec *x, const grain *g, int64_t at, int64_t is)
{
    const sg_tensor *t = x->in[0], *s = x->in[1], *z = x->n_in > 2 ? x->in[2] : NULL;
    sg_tensor *y = x->out[0];
    bool real = sg_is_float((sg_dtype)t->dtype);
    double scale = 0, zero = 0;
    for (int64_t i = 0; i < g->inner; i++) {
        if (i == 0 || g->per_inner) {
            size_t k = (size_t)(is + i * g->per_inner);
            scale = sg_load_f64((sg_dtype)s->dtype, s->data, k);
            zero = z ? sg_load_f64((sg_dtype)z->dtype, z->data, k) : 0;
        }
        double v = sg_load_f64((sg_dtype)t->dtype, t->data, (size_t)(at + i));
        if (!real)
            v = (double)(float)(v - zero);
        sg_store_f64((sg_dtype)y->dtype, y->data, (size_t)(at + i), v * scale);
    }
}

/* A run of 8 bits with one scale to f32. */
static void dequantize_bytes(const sg_exec *x, int64_t at, int64_t n, int64_t is)
{
    const sg_tensor *t = x->in[0], *s = x->in[1], *z = x->n_in > 2 ? x->in[2] : NULL;
    const uint8_t *u = (const uint8_t *)t->data + at;
    const int8_t *v = (const int8_t *)t->data + at;
    float *y = (float *)x->out[0]->data + at, scale = (float)sg_load_f64((sg_dtype)s->dtype, s->data, (size_t)is);
    int32_t zero = z ? (int32_t)sg_load_i64((sg_dtype)z->dtype, z->data, (size_t)is) : 0;
    if (t->dtype == SG_U8)
        for (int64_t i = 0; i < n; i++)
            y[i] = (float)((int32_t)u[i] - zero) * scale;
    else
        for (int64_t i = 0; i < n; i++)
            y[i] = (float)((int32_t)v[i] - zero) * scale;
}

sedge_status sg_ref_dequantize(sg_exec *x)
{
    grain g;
    SG_TRY(grain_of(x, &g));
    sg_dtype s = (sg_dtype)x->in[1]->dtype;
    bool fast = sg_q_is_8bit((sg_dtype)x->in[0]->dtype) && x->out[0]->dtype == SG_F32 && s != SG_F64 && !g.per_inner;
    for (int64_t o = 0; o < g.outer; o++)
        for (int64_t d = 0; d < g.d; d++) {
            int64_t at = (o * g.d + d) * g.inner, is = o * g.per_outer + d / g.block * g.per_d;
            if (fast)
                dequantize_bytes(x, at, g.inner, is);
            else
                dequantize_run(x, &g, at, is);
        }
    return SEDGE_OK;
}

/* ---- dynamic quantize ---------------------------------------------------------------------------------------------- */

sedge_status sg_infer_dynamic_quantize(sg_infer *c)
{
    c->exact = true;
    if (c->in[0]->dtype != SG_F32 && c->in[0]->dtype != SG_NONE)
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "does not take %s", sg_dtypes[c->in[0]->dtype].name);
    c->out[0] = *c->in[0];
    c->out[0].dtype = SG_U8;
    c->out[1].dtype = SG_F32;
    c->out[2].dtype = SG_U8;
    return SEDGE_OK;
}

sedge_status sg_ref_dynamic_quantize(sg_exec *x)
{
    const float *in = x->in[0]->data;
    int64_t n = sg_numel(x->in[0]);
    float min = 0, max = 0;
    for (int64_t i = 0; i < n; i++) {
        min = in[i] < min ? in[i] : min;
        max = in[i] > max ? in[i] : max;
    }
    float scale = max == min ? 1.0f : (max - min) / 255.0f;
    if (!isfinite(scale) || !(scale > 0))
        scale = 1.0f;
    int32_t zero = sg_q_round(-min / scale, 0, 0, 255);
    if (x->out[0])
        for (int64_t i = 0; i < n; i++)
            ((uint8_t *)x->out[0]->data)[i] = (uint8_t)sg_q_round(in[i] / scale, zero, 0, 255);
    if (x->out[1])
        *(float *)x->out[1]->data = scale;
    if (x->out[2])
        *(uint8_t *)x->out[2]->data = (uint8_t)zero;
    return SEDGE_OK;
}

sedge_status sg_q_integer_types(sg_infer *c)
{
    for (int k = 0; k < 4; k++)
        SG_TRY(sg_q_want_8bit(c, k));
    SG_TRY(sg_q_want_like(c, 2, 0));
    SG_TRY(sg_q_want_like(c, 3, 1));
    c->out[0].dtype = SG_I32;
    return SEDGE_OK;
}

sedge_status sg_q_qlinear_types(sg_infer *c)
{
    for (int k = 0; k < 8; k++)
        SG_TRY(k == 1 || k == 4 || k == 6 ? sg_q_want_scale(c, k) : sg_q_want_8bit(c, k));
    SG_TRY(sg_q_want_like(c, 2, 0));
    SG_TRY(sg_q_want_like(c, 5, 3));
    if (c->n_in > 8 && c->in[8] && c->in[8]->dtype != SG_I32 && c->in[8]->dtype != SG_NONE)
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "the bias is %s, not i32", sg_dtypes[c->in[8]->dtype].name);
    c->out[0].dtype = c->in[7]->dtype;
    return SEDGE_OK;
}
