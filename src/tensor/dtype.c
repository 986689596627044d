/* Element types: the table, and one element to and from a wide value. Freestanding: no libm, no stdio. */
#include "tensor/dtype.h"

#include <string.h>

const sg_dtype_info sg_dtypes[SG_DTYPE_COUNT] = {
#define DTYPE(id, text, bits, cls, onnx, npy) {text, bits, cls, onnx, npy},
#include "sedge/dtype.def"
#undef DTYPE
};

sg_dtype sg_dtype_from_onnx(int code)
{
    for (int t = 1; t < SG_DTYPE_COUNT; t++)
        if (sg_dtypes[t].onnx == code)
            return (sg_dtype)t;
    return SG_NONE;
}

sg_dtype sg_dtype_from_name(const char *name)
{
    for (int t = 1; t < SG_DTYPE_COUNT; t++)
        if (strcmp(sg_dtypes[t].name, name) == 0)
            return (sg_dtype)t;
    return SG_NONE;
}

/* ---- small floats: sign, exponent, mantissa in the low bits of a code ---------------------------- */

/* IEEE 754-2019 for f16; bf16 is the upper half of f32; OCP 8-bit Floating Point 1.0 for e4m3 and e5m2, OCP
 * Microscaling 1.0 for e2m1; the FNUZ kinds have no infinity, no minus zero, and one NaN at the place of minus zero. */
typedef struct small_float {
    uint8_t bits, mant;
    int16_t bias;
    uint16_t max; /* code of the largest finite magnitude */
    uint16_t inf; /* 0: none */
    uint16_t nan; /* 0: none */
    bool fnuz, wide; /* wide: overflow gives infinity even when saturating */
} small_float;

static const small_float F16 = {16, 10, 15, 0x7bff, 0x7c00, 0x7e00, false, true};
static const small_float BF16 = {16, 7, 127, 0x7f7f, 0x7f80, 0x7fc0, false, true};
static const small_float E4M3FN = {8, 3, 7, 0x7e, 0, 0x7f, false, false};
static const small_float E4M3FNUZ = {8, 3, 8, 0x7f, 0, 0x80, true, false};
static const small_float E5M2 = {8, 2, 15, 0x7b, 0x7c, 0x7e, false, false};
static const small_float E5M2FNUZ = {8, 2, 16, 0x7f, 0, 0x80, true, false};
static const small_float E2M1 = {4, 1, 1, 0x7, 0, 0, false, false};

static const small_float *small(sg_dtype t)
{
    switch (t) {
    case SG_F16: return &F16;
    case SG_BF16: return &BF16;
    case SG_F8E4M3FN: return &E4M3FN;
    case SG_F8E4M3FNUZ: return &E4M3FNUZ;
    case SG_F8E5M2: return &E5M2;
    case SG_F8E5M2FNUZ: return &E5M2FNUZ;
    case SG_F4E2M1: return &E2M1;
    default: return NULL;
    }
}

static uint64_t bits_of(double v)
{
    uint64_t u;
    memcpy(&u, &v, sizeof u);
    return u;
}

static double from_bits(uint64_t u)
{
    double v;
    memcpy(&v, &u, sizeof v);
    return v;
}

/* 2^e for e in [-1022, 1023]. */
static double pow2(int e)
{
    return from_bits((uint64_t)(e + 1023) << 52);
}

static double small_decode(const small_float *f, unsigned code)
{
    unsigned sign = code >> (f->bits - 1), mag = code & ((1u << (f->bits - 1)) - 1u);
    double v;
    if (f->fnuz && code == f->nan)
        return from_bits(0x7ff8000000000000u);
    if (mag > f->max && mag == f->inf)
        v = from_bits(0x7ff0000000000000u);
    else if (mag > f->max)
        v = from_bits(0x7ff8000000000000u);
    else {
        unsigned e = mag >> f->mant, m = mag & ((1u << f->mant) - 1u);
        v = e ? (double)(m | 1u << f->mant) * pow2((int)e - f->bias - f->mant) : (double)m * pow2(1 - f->bias - f->mant);
    }
    return sign ? -v : v;
}

/* m / 2^shift rounded to nearest, ties to even; shift in [1, 63]. */
static uint64_t shift_rne(uint64_t m, unsigned shift)
{
    uint64_t q = m >> shift, rest = m & (((uint64_t)1 << shift) - 1), half = (uint64_t)1 << (shift - 1);
    return q + (rest > half || (rest == half && (q & 1)));
}

/* Code of the magnitude in `u` (no sign, not a NaN), as if exponents had no upper end. */
static uint64_t small_round(const small_float *f, uint64_t u)
{
    int e = (int)(u >> 52) - 1023;
    uint64_t frac = u & 0xfffffffffffffu;
    if (e >= 1 - f->bias)
        return shift_rne((uint64_t)(e + f->bias) << 52 | frac, 52u - f->mant);
    int shift = 52 - f->mant + (1 - f->bias - e);
    return shift > 60 ? 0 : shift_rne(frac | (uint64_t)1 << 52, (unsigned)shift);
}

static unsigned small_encode(const small_float *f, double v, bool sat)
{
    uint64_t u = bits_of(v);
    unsigned sign = (unsigned)(u >> 63) << (f->bits - 1), top = 1u << (f->bits - 1);
    u &= 0x7fffffffffffffffu;
    if (u > 0x7ff0000000000000u) {
        if (f->fnuz)
            return f->nan;
        return f->nan ? sign | f->nan : sign ^ top; /* e2m1 has no NaN: a zero of the other sign, as ml_dtypes has it */
    }
    uint64_t code = small_round(f, u);
    if (code > f->max) {
        if (f->wide)
            return sign | f->inf;
        if (sat || !f->nan)
            return sign | f->max;
        return f->fnuz ? f->nan : sign | (f->inf ? f->inf : f->nan);
    }
    if (f->fnuz && code == 0)
        return 0;
    return sign | (unsigned)code;
}

float sg_f16_to_f32(uint16_t h)
{
    return (float)small_decode(&F16, h);
}
uint16_t sg_f32_to_f16(float f)
{
    return (uint16_t)small_encode(&F16, (double)f, true);
}

float sg_bf16_to_f32(uint16_t h)
{
    uint32_t u = (uint32_t)h << 16;
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

uint16_t sg_f32_to_bf16(float f)
{
    return (uint16_t)small_encode(&BF16, (double)f, true);
}

/* E8M0 (OCP Microscaling 1.0) is a power of two: an exponent alone, 255 is NaN. Ties go up. */
static double e8m0_decode(unsigned code)
{
    return code == 255 ? from_bits(0x7ff8000000000000u) : pow2((int)code - 127);
}

static uint8_t e8m0_encode(double v, bool sat)
{
    uint64_t u = bits_of(v) & 0x7fffffffffffffffu;
    if (u > 0x7ff0000000000000u)
        return 255;
    int e = (int)(u >> 52) - 1023 + 127 + (int)(u >> 51 & 1);
    if (e < 0)
        e = 0;
    if (e > 254)
        e = sat ? 254 : 255;
    return (uint8_t)e;
}

/* ---- integers ------------------------------------------------------------------------------------- */

/* Low `bits` bits of element i of a packed array. */
static unsigned packed_get(const void *base, size_t i, unsigned bits)
{
    size_t at = i * bits;
    return (unsigned)((const uint8_t *)base)[at >> 3] >> (at & 7u) & ((1u << bits) - 1u);
}

static void packed_put(void *base, size_t i, unsigned bits, unsigned v)
{
    size_t at = i * bits;
    unsigned mask = ((1u << bits) - 1u) << (at & 7u);
    uint8_t *p = (uint8_t *)base + (at >> 3);
    *p = (uint8_t)((*p & ~mask) | (v << (at & 7u) & mask));
}

static uint64_t word_get(const void *base, size_t i, unsigned bytes)
{
    const uint8_t *p = (const uint8_t *)base + i * bytes;
    switch (bytes) {
    case 1: return *p;
    case 2: {
        uint16_t v;
        memcpy(&v, p, 2);
        return v;
    }
    case 4: {
        uint32_t v;
        memcpy(&v, p, 4);
        return v;
    }
    default: {
        uint64_t v;
        memcpy(&v, p, 8);
        return v;
    }
    }
}

static void word_put(void *base, size_t i, unsigned bytes, uint64_t v)
{
    uint8_t *p = (uint8_t *)base + i * bytes;
    uint16_t h = (uint16_t)v;
    uint32_t w = (uint32_t)v;
    if (bytes == 1)
        *p = (uint8_t)v;
    else if (bytes == 2)
        memcpy(p, &h, 2);
    else if (bytes == 4)
        memcpy(p, &w, 4);
    else
        memcpy(p, &v, 8);
}

static uint64_t raw_get(sg_dtype t, const void *base, size_t i)
{
    unsigned bits = sg_dtypes[t].bits;
    return bits < 8 ? packed_get(base, i, bits) : word_get(base, i, bits / 8u);
}

static void raw_put(sg_dtype t, void *base, size_t i, uint64_t v)
{
    unsigned bits = sg_dtypes[t].bits;
    if (bits < 8)
        packed_put(base, i, bits, (unsigned)v & 15u);
    else
        word_put(base, i, bits / 8u, v);
}

static int64_t sign_extend(uint64_t u, unsigned bits)
{
    if (bits < 64) {
        uint64_t top = (uint64_t)1 << (bits - 1);
        u = (u ^ top) - top;
    }
    int64_t v;
    memcpy(&v, &u, sizeof v);
    return v;
}

/* Toward zero, saturating; NaN gives 0. */
static int64_t trunc_i64(double v)
{
    if (v != v)
        return 0;
    if (v >= 9223372036854775808.0)
        return INT64_MAX;
    if (v <= -9223372036854775808.0)
        return INT64_MIN;
    return (int64_t)v;
}

/* ---- the four accessors ------------------------------------------------------------------------------ */

static double load_float(sg_dtype t, const void *base, size_t i)
{
    float f;
    double d;
    switch (t) {
    case SG_F32: memcpy(&f, (const char *)base + i * 4, 4); return (double)f;
    case SG_F64: memcpy(&d, (const char *)base + i * 8, 8); return d;
    case SG_F8E8M0: return e8m0_decode(((const uint8_t *)base)[i]);
    default: {
        const small_float *s = small(t);
        return s ? small_decode(s, (unsigned)raw_get(t, base, i)) : 0;
    }
    }
}

double sg_load_f64(sg_dtype t, const void *base, size_t i)
{
    switch (sg_dtypes[t].cls) {
    case 'F': return load_float(t, base, i);
    case 'I': return (double)sign_extend(raw_get(t, base, i), sg_dtypes[t].bits);
    case 'U': return (double)raw_get(t, base, i);
    case 'B': return ((const uint8_t *)base)[i] != 0;
    case 'C': return t == SG_C64 ? load_float(SG_F32, base, 2 * i) : load_float(SG_F64, base, 2 * i);
    default: return 0;
    }
}

int64_t sg_load_i64(sg_dtype t, const void *base, size_t i)
{
    switch (sg_dtypes[t].cls) {
    case 'I': return sign_extend(raw_get(t, base, i), sg_dtypes[t].bits);
    case 'U': return sign_extend(raw_get(t, base, i), 64);
    case 'B': return ((const uint8_t *)base)[i] != 0;
    default: return trunc_i64(sg_load_f64(t, base, i));
    }
}

static void store_float(sg_dtype t, void *base, size_t i, double v, bool sat)
{
    float f = (float)v;
    const small_float *s = small(t);
    if (t == SG_F32)
        memcpy((char *)base + i * 4, &f, 4);
    else if (t == SG_F64)
        memcpy((char *)base + i * 8, &v, 8);
    else if (t == SG_F8E8M0)
        ((uint8_t *)base)[i] = e8m0_encode(v, sat);
    else if (s)
        raw_put(t, base, i, small_encode(s, v, sat));
}

void sg_store_f64_sat(sg_dtype t, void *base, size_t i, double v, bool sat)
{
    switch (sg_dtypes[t].cls) {
    case 'F': store_float(t, base, i, v, sat); break;
    case 'I': raw_put(t, base, i, (uint64_t)trunc_i64(v)); break;
    case 'U':
        if (t == SG_U64 && v >= 9223372036854775808.0)
            raw_put(t, base, i, v >= 18446744073709551616.0 ? UINT64_MAX : (uint64_t)v);
        else
            raw_put(t, base, i, (uint64_t)trunc_i64(v));
        break;
    case 'B': ((uint8_t *)base)[i] = v != 0; break;
    case 'C':
        store_float(t == SG_C64 ? SG_F32 : SG_F64, base, 2 * i, v, sat);
        store_float(t == SG_C64 ? SG_F32 : SG_F64, base, 2 * i + 1, 0, sat);
        break;
    default: break;
    }
}

void sg_store_f64(sg_dtype t, void *base, size_t i, double v)
{
    sg_store_f64_sat(t, base, i, v, true);
}

void sg_store_i64(sg_dtype t, void *base, size_t i, int64_t v)
{
    char cls = sg_dtypes[t].cls;
    if (cls == 'I' || cls == 'U')
        raw_put(t, base, i, (uint64_t)v);
    else if (cls == 'B')
        ((uint8_t *)base)[i] = v != 0;
    else
        sg_store_f64(t, base, i, (double)v);
}

void sg_elem_copy(sg_dtype t, void *dst, size_t di, const void *src, size_t si)
{
    unsigned bits = sg_dtypes[t].bits, bytes = bits / 8u;
    if (bits < 8)
        packed_put(dst, di, bits, packed_get(src, si, bits));
    else
        memcpy((char *)dst + di * bytes, (const char *)src + si * bytes, bytes);
}
