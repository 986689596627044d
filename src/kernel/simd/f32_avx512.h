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

#endif
