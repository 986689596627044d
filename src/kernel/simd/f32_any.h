/* Vectors of f32 for templates: 4 lanes in plain C. */
#ifndef SG_KERNEL_SIMD_F32_ANY_H
#define SG_KERNEL_SIMD_F32_ANY_H

#include <stdint.h>

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

#endif
