/* Vectors of f32 for templates: 4 lanes of NEON. */
#ifndef SG_KERNEL_SIMD_F32_NEON_H
#define SG_KERNEL_SIMD_F32_NEON_H

#include <arm_neon.h>
#include <stdint.h>

#define V_LANES 4
typedef float32x4_t v_f32;

static inline v_f32 v_load(const float *p)
{
    return vld1q_f32(p);
}

/* The first n lanes, zeros behind them; touches nothing else. */
static inline v_f32 v_load_n(const float *p, int64_t n)
{
    float lane[V_LANES] = {0};
    for (int64_t i = 0; i < n; i++)
        lane[i] = p[i];
    return vld1q_f32(lane);
}

static inline void v_store(float *p, v_f32 v)
{
    vst1q_f32(p, v);
}

static inline void v_store_n(float *p, v_f32 v, int64_t n)
{
    float lane[V_LANES];
    vst1q_f32(lane, v);
    for (int64_t i = 0; i < n; i++)
        p[i] = lane[i];
}

static inline v_f32 v_set(float x)
{
    return vdupq_n_f32(x);
}

static inline v_f32 v_add(v_f32 a, v_f32 b)
{
    return vaddq_f32(a, b);
}

static inline v_f32 v_sub(v_f32 a, v_f32 b)
{
    return vsubq_f32(a, b);
}

static inline v_f32 v_mul(v_f32 a, v_f32 b)
{
    return vmulq_f32(a, b);
}

static inline v_f32 v_div(v_f32 a, v_f32 b)
{
    return vdivq_f32(a, b);
}

/* a b + c, rounded once. */
static inline v_f32 v_fma(v_f32 a, v_f32 b, v_f32 c)
{
    return vfmaq_f32(c, a, b);
}

/* Where x is no number, no number. */
static inline v_f32 v_at_least(v_f32 lo, v_f32 x)
{
    return vmaxq_f32(lo, x);
}

static inline v_f32 v_at_most(v_f32 hi, v_f32 x)
{
    return vminq_f32(hi, x);
}

#endif
