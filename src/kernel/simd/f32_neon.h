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

typedef uint32x4_t v_mask;

static inline v_mask v_less(v_f32 a, v_f32 b)
{
    return vcltq_f32(a, b);
}

/* Where a is no number. */
static inline v_mask v_nan(v_f32 a)
{
    return vmvnq_u32(vceqq_f32(a, a));
}

/* a where m, else b. */
static inline v_f32 v_pick(v_mask m, v_f32 a, v_f32 b)
{
    return vbslq_f32(m, a, b);
}

static inline v_f32 v_abs(v_f32 a)
{
    return vabsq_f32(a);
}

static inline v_f32 v_sqrt(v_f32 a)
{
    return vsqrtq_f32(a);
}

static inline v_f32 v_floor(v_f32 a)
{
    return vrndmq_f32(a);
}

static inline v_f32 v_ceil(v_f32 a)
{
    return vrndpq_f32(a);
}

static inline v_f32 v_round(v_f32 a)
{
    return vrndnq_f32(a);
}

/* |a| with the sign of s. */
static inline v_f32 v_sign(v_f32 a, v_f32 s)
{
    return vbslq_f32(vdupq_n_u32(0x80000000u), s, a);
}

/* a 2^n, n whole and in [-252, 254], rounded once at most. */
static inline v_f32 v_scale(v_f32 a, v_f32 n)
{
    const int32x4_t one = vdupq_n_s32(127);
    int32x4_t k = vcvtq_s32_f32(n), half = vshrq_n_s32(k, 1);
    float32x4_t rest = vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(vsubq_s32(k, half), one), 23));
    return vmulq_f32(vmulq_f32(a, vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(half, one), 23))), rest);
}

/* A normal number is *m 2^e, *m in [sqrt(1/2), sqrt(2)): gives e. */
static inline v_f32 v_split(v_f32 a, v_f32 *m)
{
    int32x4_t bits = vreinterpretq_s32_f32(a), e = vshrq_n_s32(vsubq_s32(bits, vdupq_n_s32(0x3f3504f3)), 23);
    *m = vreinterpretq_f32_s32(vsubq_s32(bits, vshlq_n_s32(e, 23)));
    return vcvtq_f32_s32(e);
}

static inline float v_sum(v_f32 a)
{
    return vaddvq_f32(a);
}

/* The largest lane; with lanes that are no numbers, any of them. */
static inline float v_largest(v_f32 a)
{
    return vmaxvq_f32(a);
}

#endif
