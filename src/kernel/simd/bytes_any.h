/* Bytes to and from vectors of f32, for templates: plain C, with f32_any.h. */
#ifndef SG_KERNEL_SIMD_BYTES_ANY_H
#define SG_KERNEL_SIMD_BYTES_ANY_H

#include "kernel/simd/f32_any.h"

static inline v_f32 v_from_u8(const uint8_t *p)
{
    v_f32 r;
    for (int i = 0; i < V_LANES; i++)
        r.v[i] = (float)p[i];
    return r;
}

static inline v_f32 v_from_s8(const uint8_t *p)
{
    v_f32 r;
    for (int i = 0; i < V_LANES; i++)
        r.v[i] = (float)(int8_t)p[i];
    return r;
}

/* The low bytes of rne(v) + zero, |v| < 2^22: adding 1.5 * 2^23 rounds half to even and leaves the integer in the low bits. */
static inline void v_to_bytes(uint8_t *p, v_f32 v, int32_t zero)
{
    for (int i = 0; i < V_LANES; i++) {
        float t = v.v[i] + 12582912.0f;
        uint32_t bits;
        memcpy(&bits, &t, sizeof bits);
        p[i] = (uint8_t)(bits + (uint32_t)zero);
    }
}

#endif
