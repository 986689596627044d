/* Vectors of f32 for templates: 4 lanes in plain C. */
#ifndef SG_KERNEL_SIMD_F32_ANY_H
#define SG_KERNEL_SIMD_F32_ANY_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define V_LANES 4
typedef struct v_f32 {
    float v[V_LANES];
} v_f32;

/* The first n lanes, zeros behind them; touches nothing else. */
static inline v_f32 v_load_n(const float *p, int64_t n)
{
    v_f32 r = {{0}};
    for (int64_t i = 0; i < n; i++)
        r.v[i] = p[i];
    return r;
}

static inline v_f32 v_load(const float *p)
{
    return v_load_n(p, V_LANES);
}

static inline void v_store_n(float *p, v_f32 v, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        p[i] = v.v[i];
}

static inline void v_store(float *p, v_f32 v)
{
    v_store_n(p, v, V_LANES);
}

#define V_EACH(name, formula)                  \
    static inline v_f32 name(v_f32 a, v_f32 b) \
    {                                          \
        v_f32 r;                               \
        for (int i = 0; i < V_LANES; i++) {    \
            float x = a.v[i], y = b.v[i];      \
            r.v[i] = formula;                  \
        }                                      \
        return r;                              \
    }
V_EACH(v_add, x + y)
V_EACH(v_sub, x - y)
V_EACH(v_mul, x *y)
V_EACH(v_div, x / y)
V_EACH(v_at_least, y < x ? x : y)
V_EACH(v_at_most, y > x ? x : y)
#undef V_EACH

static inline v_f32 v_set(float x)
{
    return (v_f32){{x, x, x, x}};
}

/* a b + c, rounded twice. */
static inline v_f32 v_fma(v_f32 a, v_f32 b, v_f32 c)
{
    return v_add(v_mul(a, b), c);
}

typedef struct v_mask {
    bool v[V_LANES];
} v_mask;

static inline v_mask v_less(v_f32 a, v_f32 b)
{
    v_mask m;
    for (int i = 0; i < V_LANES; i++)
        m.v[i] = a.v[i] < b.v[i];
    return m;
}

/* Where a is no number. */
static inline v_mask v_nan(v_f32 a)
{
    v_mask m;
    for (int i = 0; i < V_LANES; i++)
        m.v[i] = a.v[i] != a.v[i];
    return m;
}

/* a where m, else b. */
static inline v_f32 v_pick(v_mask m, v_f32 a, v_f32 b)
{
    for (int i = 0; i < V_LANES; i++)
        b.v[i] = m.v[i] ? a.v[i] : b.v[i];
    return b;
}

#define V_LANE(name, formula)             \
    static inline v_f32 name(v_f32 a)     \
    {                                     \
        for (int i = 0; i < V_LANES; i++) \
            a.v[i] = formula(a.v[i]);     \
        return a;                         \
    }
V_LANE(v_abs, fabsf)
V_LANE(v_sqrt, sqrtf)
V_LANE(v_floor, floorf)
V_LANE(v_ceil, ceilf)
#undef V_LANE

/* To the nearest whole number, halves to the even one; numbers past 2^23 are whole. */
static inline v_f32 v_round(v_f32 a)
{
    for (int i = 0; i < V_LANES; i++) {
        float big = copysignf(8388608.0f, a.v[i]);
        a.v[i] = fabsf(a.v[i]) < 8388608.0f ? copysignf((a.v[i] + big) - big, a.v[i]) : a.v[i];
    }
    return a;
}

/* |a| with the sign of s. */
static inline v_f32 v_sign(v_f32 a, v_f32 s)
{
    for (int i = 0; i < V_LANES; i++)
        a.v[i] = copysignf(a.v[i], s.v[i]);
    return a;
}

static inline float v_power(int32_t n)
{
    uint32_t bits = (uint32_t)(n + 127) << 23;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* a 2^n, n whole and in [-252, 254], rounded once at most. */
static inline v_f32 v_scale(v_f32 a, v_f32 n)
{
    for (int i = 0; i < V_LANES; i++) {
        int32_t k = n.v[i] == n.v[i] ? (int32_t)n.v[i] : 0, half = k >> 1;
        a.v[i] = a.v[i] * v_power(half) * v_power(k - half);
    }
    return a;
}

/* A normal number is *m 2^e, *m in [sqrt(1/2), sqrt(2)): gives e. */
static inline v_f32 v_split(v_f32 a, v_f32 *m)
{
    v_f32 e;
    for (int i = 0; i < V_LANES; i++) {
        uint32_t bits;
        memcpy(&bits, &a.v[i], sizeof bits);
        uint32_t k = (bits - 0x3f3504f3u + 0x3f800000u) >> 23;
        bits -= (k - 127) << 23;
        memcpy(&m->v[i], &bits, sizeof bits);
        e.v[i] = (float)(int32_t)(k - 127);
    }
    return e;
}

static inline float v_sum(v_f32 a)
{
    return (a.v[0] + a.v[2]) + (a.v[1] + a.v[3]);
}

/* The largest lane; with lanes that are no numbers, any of them. */
static inline float v_largest(v_f32 a)
{
    float m = a.v[0];
    for (int i = 1; i < V_LANES; i++)
        m = a.v[i] > m ? a.v[i] : m;
    return m;
}

#endif
