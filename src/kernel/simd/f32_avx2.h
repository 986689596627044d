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

#endif
