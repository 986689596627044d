/* Conversions between element types, by value and by bits, and Identity. */
#include "op/elementwise.h"
#include "op/cast_text.h"
#include "op/chunk.h"

#include <string.h>

static bool cast_content(sg_infer *c, const sg_dim *v, sg_dim *out)
{
    sg_dtype to = (sg_dtype)sg_get_int(c->attrs, SG_A_to);
    if (sg_dim_is_expr(v[0]))
        return *out = v[0], sg_dtypes[to].bits >= 32;
    uint64_t cell = 0;
    sg_store_i64(to, &cell, 0, v[0]);
    *out = sg_load_i64(to, &cell, 0);
    return !sg_dim_is_expr(*out);
}

static bool known_dtype(int64_t t)
{
    return t > SG_NONE && t < SG_DTYPE_COUNT;
}

sedge_status sg_infer_cast(sg_infer *c)
{
    int64_t to = sg_get_int(c->attrs, SG_A_to);
    c->exact = true;
    if (!known_dtype(to))
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "the target element type (%lld) is not known", (long long)to);
    if (sg_is_complex((sg_dtype)to) != sg_is_complex((sg_dtype)c->in[0]->dtype) && c->in[0]->dtype != SG_NONE)
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "complex numbers are not cast to or from real ones");
    c->out[0] = *c->in[0];
    c->out[0].dtype = (uint8_t)to;
    if (sg_is_int((sg_dtype)to) && sg_is_int((sg_dtype)c->in[0]->dtype))
        sg_content_map(c, 1, cast_content);
    return SEDGE_OK;
}

/* An E8M0 is the exponent field of an f32: rounded by the fraction below it. The largest stays when saturating. */
static uint8_t e8m0(float v, sg_round_mode mode, bool sat)
{
    uint32_t u;
    memcpy(&u, &v, sizeof u);
    uint32_t e = u >> 23 & 255u, frac = u & 0x7fffffu;
    if (e == 255)
        return sat && !frac && !(u >> 31) ? 254 : 255;
    bool up = mode == SG_ROUND_UP        ? frac != 0
              : mode == SG_ROUND_NEAREST ? frac > 0x400000u || (frac == 0x400000u && e > 0)
                                         : false;
    if (up && !(sat && e == 254))
        e++;
    return (uint8_t)e;
}

static void cast_e8m0(sg_exec *x, const sg_tensor *in, sg_tensor *out)
{
    sg_round_mode mode = (sg_round_mode)sg_get_int(x->attrs, SG_A_round_mode);
    bool sat = sg_get_int(x->attrs, SG_A_saturate) != 0;
    int64_t n = sg_numel(in);
    for (int64_t i = 0; i < n; i++)
        ((uint8_t *)out->data)[i] = e8m0((float)sg_load_f64((sg_dtype)in->dtype, in->data, (size_t)i), mode, sat);
}

/* u64 goes to f32 in one rounding; the chunks see it as signed. */
static void u64_to_f32(const sg_tensor *in, sg_tensor *out)
{
    int64_t n = sg_numel(in);
    for (int64_t i = 0; i < n; i++)
        ((float *)out->data)[i] = (float)(uint64_t)sg_load_i64(SG_U64, in->data, (size_t)i);
}

static void cast_numbers(const sg_tensor *in, sg_tensor *out, bool sat)
{
    sg_dtype t = (sg_dtype)in->dtype, u = (sg_dtype)out->dtype;
    bool exact = !sg_is_float(t) && (!sg_is_float(u) || u == SG_F32);
    int64_t total = sg_numel(in), whole[SG_CHUNK];
    double real[SG_CHUNK];
    if (t == SG_U64 && u == SG_F32) {
        u64_to_f32(in, out);
        return;
    }
    for (int64_t at = 0; at < total; at += SG_CHUNK) {
        int64_t n = total - at < SG_CHUNK ? total - at : SG_CHUNK;
        if (exact) {
            sg_chunk_load_i64(t, in->data, at, n, whole);
            sg_chunk_store_i64(u, out->data, at, n, whole);
        } else {
            sg_chunk_load_f64(t, in->data, at, n, real);
            sg_chunk_store_f64(u, out->data, at, n, real, sat);
        }
    }
}

static void cast_complex(const sg_tensor *in, sg_tensor *out)
{
    sg_dtype t = in->dtype == SG_C64 ? SG_F32 : SG_F64, u = out->dtype == SG_C64 ? SG_F32 : SG_F64;
    int64_t n = 2 * sg_numel(in);
    for (int64_t i = 0; i < n; i++)
        sg_store_f64(u, out->data, (size_t)i, sg_load_f64(t, in->data, (size_t)i));
}

sedge_status sg_ref_cast(sg_exec *x)
{
    const sg_tensor *in = x->in[0];
    sg_tensor *out = x->out[0];
    if (in->dtype == out->dtype) {
        if (in->data != out->data && sg_numel(in))
            memmove(out->data, in->data, sg_tensor_bytes(in));
        return SEDGE_OK;
    }
    if (out->dtype == SG_STR)
        return sg_cast_to_text(x, in, out);
    if (in->dtype == SG_STR)
        return sg_cast_from_text(x, in, out);
    if (sg_is_complex((sg_dtype)in->dtype))
        cast_complex(in, out);
    else if (out->dtype == SG_F8E8M0)
        cast_e8m0(x, in, out);
    else
        cast_numbers(in, out, sg_get_int(x->attrs, SG_A_saturate) != 0);
    return SEDGE_OK;
}

/* ---- bits ------------------------------------------------------------------------------------------------ */

sedge_status sg_infer_bitcast(sg_infer *c)
{
    int64_t to = sg_get_int(c->attrs, SG_A_to);
    sg_dtype t = (sg_dtype)c->in[0]->dtype;
    c->exact = true;
    if (!known_dtype(to))
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "the target element type (%lld) is not known", (long long)to);
    if (t != SG_NONE && (t == SG_STR || to == SG_STR || sg_dtypes[t].bits != sg_dtypes[to].bits))
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "%s and %s do not have the same number of bits", sg_dtypes[t].name,
                             sg_dtypes[to].name);
    c->out[0] = *c->in[0];
    c->out[0].dtype = (uint8_t)to;
    return SEDGE_OK;
}

sedge_status sg_ref_bitcast(sg_exec *x)
{
    const sg_tensor *in = x->in[0];
    if (in->data != x->out[0]->data && sg_numel(in))
        memmove(x->out[0]->data, in->data, sg_tensor_bytes(in));
    return SEDGE_OK;
}

/* ---- identity --------------------------------------------------------------------------------------------- */

static bool same_content(sg_infer *c, const sg_dim *v, sg_dim *out)
{
    (void)c;
    *out = v[0];
    return true;
}

sedge_status sg_infer_identity(sg_infer *c)
{
    c->exact = true;
    c->out[0] = *c->in[0];
    if (c->in[0]->kind == SG_TENSOR && c->in[0]->rank >= 0)
        sg_content_map(c, 1, same_content);
    return SEDGE_OK;
}

sedge_status sg_ref_identity(sg_exec *x)
{
    return x->in[0]->kind == SG_TENSOR && x->out[0]->data ? sg_ref_bitcast(x) : sg_out_copy(x, 0, x->in[0]);
}
