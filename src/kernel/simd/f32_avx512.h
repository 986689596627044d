/* Vectors of f32 for templates: 16 lanes of AVX-512. */
#ifndef SG_KERNEL_SIMD_F32_AVX512_H
#define SG_KERNEL_SIMD_F32_AVX512_H

#include <immintrin.h>
#include <stdint.h>

#define V_LANES 16
typedef __m512 v_f32;

static inline v_f32 v_load(const float *p)
{
    return _mm512_loadu_ps(p);
}

static inline __mmask16 v_first(int64_t n)
{
    return (__mmask16)((1u << n) - 1);
}

/* The first n lanes, zeros behind them; touches nothing else. */
static inline v_f32 v_load_n(const float *p, int64_t n)
{
    return _mm512_maskz_loadu_ps(v_first(n), p);
}

static inline void v_store(float *p, v_f32 v)
{
    _mm512_storeu_ps(p, v);
}

static inline void v_store_n(float *p, v_f32 v, int64_t n)
{
    _mm512_mask_storeu_ps(p, v_first(n), v);
}

static inline v_f32 v_set(float x)
{
    return _mm512_set1_ps(x);
}

static inline v_f32 v_add(v_f32 a, v_f32 b)
{
    return _mm512_add_ps(a, b);
}

static inline v_f32 v_sub(v_f32 a, v_f32 b)
{
    return _mm512_sub_ps(a, b);
}

static inline v_f32 v_mul(v_f32 a, v_f32 b)
{
    return _mm512_mul_ps(a, b);
}

static inline v_f32 v_div(v_f32 a, v_f32 b)
{
    return _mm512_div_ps(a, b);
}

/* a b + c, rounded once. */
static inline v_f32 v_fma(v_f32 a, v_f32 b, v_f32 c)
{
    return _mm512_fmadd_ps(a, b, c);
}

/* Where x is no number, x: the instruction gives back its second operand then. */
static inline v_f32 v_at_least(v_f32 lo, v_f32 x)
{
    return _mm512_max_ps(lo, x);
}

static inline v_f32 v_at_most(v_f32 hi, v_f32 x)
{
    return _mm512_min_ps(hi, x);
}

typedef __mmask16 v_mask;

static inline v_mask v_less(v_f32 a, v_f32 b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}

/* Where a is no number. */
static inline v_mask v_nan(v_f32 a)
{
    return _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q);
}

/* a where m, else b. */
static inline v_f32 v_pick(v_mask m, v_f32 a, v_f32 b)
{
    return _mm512_mask_blend_ps(m, b, a);
}

static inline v_f32 v_abs(v_f32 a)
{
    return _mm512_abs_ps(a);
}

static inline v_f32 v_sqrt(v_f32 a)
{
    return _mm512_sqrt_ps(a);
}

static inline v_f32 v_floor(v_f32 a)
{
    return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
}

static inline v_f32 v_ceil(v_f32 a)
{
    return _mm512_roundscale_ps(a, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC);
}

static inline v_f32 v_round(v_f32 a)
{
    return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

/* |a| with the sign of s. */
static inline v_f32 v_sign(v_f32 a, v_f32 s)
{
    const __m512 sign = _mm512_set1_ps(-0.0f);
    return _mm512_or_ps(_mm512_andnot_ps(sign, a), _mm512_and_ps(sign, s));
}

/* a 2^n, n whole and in [-252, 254], rounded once at most. */
static inline v_f32 v_scale(v_f32 a, v_f32 n)
{
    return _mm512_scalef_ps(a, n);
}

/* A normal number is *m 2^e, *m in [sqrt(1/2), sqrt(2)): gives e. */
static inline v_f32 v_split(v_f32 a, v_f32 *m)
{
    __m512i bits = _mm512_castps_si512(a);
    __m512i e = _mm512_srai_epi32(_mm512_sub_epi32(bits, _mm512_set1_epi32(0x3f3504f3)), 23);
    *m = _mm512_castsi512_ps(_mm512_sub_epi32(bits, _mm512_slli_epi32(e, 23)));
    return _mm512_cvtepi32_ps(e);
}

static inline float v_sum(v_f32 a)
{
    return _mm512_reduce_add_ps(a);
}

/* The largest lane; with lanes that are no numbers, any of them. */
static inline float v_largest(v_f32 a)
{
    return _mm512_reduce_max_ps(a);
}

#endif
