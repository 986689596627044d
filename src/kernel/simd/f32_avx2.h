/* Vectors of f32 for templates: 8 lanes of AVX2 and FMA. */
#ifndef SG_KERNEL_SIMD_F32_AVX2_H
#define SG_KERNEL_SIMD_F32_AVX2_H

#include <immintrin.h>
#include <stdint.h>

#define V_LANES 8
typedef __m256 v_f32;

static inline v_f32 v_load(const float *p)
{
    return _mm256_loadu_ps(p);
}

static inline __m256i v_first(int64_t n)
{
    static const int32_t ones[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
    return _mm256_loadu_si256((const __m256i *)(const void *)(ones + 8 - n));
}

/* The first n lanes, zeros behind them; touches nothing else. */
static inline v_f32 v_load_n(const float *p, int64_t n)
{
    return _mm256_maskload_ps(p, v_first(n));
}

static inline void v_store(float *p, v_f32 v)
{
    _mm256_storeu_ps(p, v);
}

/* Not by a masked store, which some processors do lane by lane in microcode. */
static inline void v_store_n(float *p, v_f32 v, int64_t n)
{
    float lane[V_LANES];
    _mm256_storeu_ps(lane, v);
    for (int64_t i = 0; i < n; i++)
        p[i] = lane[i];
}

static inline v_f32 v_set(float x)
{
    return _mm256_set1_ps(x);
}

static inline v_f32 v_add(v_f32 a, v_f32 b)
{
    return _mm256_add_ps(a, b);
}

static inline v_f32 v_sub(v_f32 a, v_f32 b)
{
    return _mm256_sub_ps(a, b);
}

static inline v_f32 v_mul(v_f32 a, v_f32 b)
{
    return _mm256_mul_ps(a, b);
}

static inline v_f32 v_div(v_f32 a, v_f32 b)
{
    return _mm256_div_ps(a, b);
}

/* a b + c, rounded once. */
static inline v_f32 v_fma(v_f32 a, v_f32 b, v_f32 c)
{
    return _mm256_fmadd_ps(a, b, c);
}

/* Where x is no number, x: the instruction gives back its second operand then. */
static inline v_f32 v_at_least(v_f32 lo, v_f32 x)
{
    return _mm256_max_ps(lo, x);
}

static inline v_f32 v_at_most(v_f32 hi, v_f32 x)
{
    return _mm256_min_ps(hi, x);
}

typedef __m256 v_mask;

static inline v_mask v_less(v_f32 a, v_f32 b)
{
    return _mm256_cmp_ps(a, b, _CMP_LT_OQ);
}

/* Where a is no number. */
static inline v_mask v_nan(v_f32 a)
{
    return _mm256_cmp_ps(a, a, _CMP_UNORD_Q);
}

/* a where m, else b. */
static inline v_f32 v_pick(v_mask m, v_f32 a, v_f32 b)
{
    return _mm256_blendv_ps(b, a, m);
}

static inline v_f32 v_abs(v_f32 a)
{
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a);
}

static inline v_f32 v_sqrt(v_f32 a)
{
    return _mm256_sqrt_ps(a);
}

static inline v_f32 v_floor(v_f32 a)
{
    return _mm256_round_ps(a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
}

static inline v_f32 v_ceil(v_f32 a)
{
    return _mm256_round_ps(a, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC);
}

static inline v_f32 v_round(v_f32 a)
{
    return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

/* |a| with the sign of s. */
static inline v_f32 v_sign(v_f32 a, v_f32 s)
{
    const __m256 sign = _mm256_set1_ps(-0.0f);
    return _mm256_or_ps(_mm256_andnot_ps(sign, a), _mm256_and_ps(sign, s));
}

/* a 2^n, n whole and in [-252, 254], rounded once at most. */
static inline v_f32 v_scale(v_f32 a, v_f32 n)
{
    const __m256i one = _mm256_set1_epi32(127);
    __m256i k = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(k, 1);
    __m256i rest = _mm256_slli_epi32(_mm256_add_epi32(_mm256_sub_epi32(k, half), one), 23);
    half = _mm256_slli_epi32(_mm256_add_epi32(half, one), 23);
    return _mm256_mul_ps(_mm256_mul_ps(a, _mm256_castsi256_ps(half)), _mm256_castsi256_ps(rest));
}

/* A normal number is *m 2^e, *m in [sqrt(1/2), sqrt(2)): gives e. */
static inline v_f32 v_split(v_f32 a, v_f32 *m)
{
    __m256i bits = _mm256_castps_si256(a);
    __m256i e = _mm256_srai_epi32(_mm256_sub_epi32(bits, _mm256_set1_epi32(0x3f3504f3)), 23);
    *m = _mm256_castsi256_ps(_mm256_sub_epi32(bits, _mm256_slli_epi32(e, 23)));
    return _mm256_cvtepi32_ps(e);
}

static inline float v_sum(v_f32 a)
{
    __m128 h = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    h = _mm_add_ps(h, _mm_movehl_ps(h, h));
    return _mm_cvtss_f32(_mm_add_ss(h, _mm_shuffle_ps(h, h, 1)));
}

/* The largest lane; with lanes that are no numbers, any of them. */
static inline float v_largest(v_f32 a)
{
    __m128 h = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    h = _mm_max_ps(h, _mm_movehl_ps(h, h));
    return _mm_cvtss_f32(_mm_max_ss(h, _mm_shuffle_ps(h, h, 1)));
}

#endif
