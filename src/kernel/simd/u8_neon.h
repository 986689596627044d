/* Vectors of bytes for templates: 16 lanes of NEON. */
#ifndef SG_KERNEL_SIMD_U8_NEON_H
#define SG_KERNEL_SIMD_U8_NEON_H

#include <arm_neon.h>
#include <stdint.h>

#define V8_LANES 16
typedef uint8x16_t v_u8;

static inline v_u8 v8_load(const uint8_t *p)
{
    return vld1q_u8(p);
}

static inline void v8_store(uint8_t *p, v_u8 v)
{
    vst1q_u8(p, v);
}

static inline v_u8 v8_max_u8(v_u8 a, v_u8 b)
{
    return vmaxq_u8(a, b);
}

static inline v_u8 v8_max_s8(v_u8 a, v_u8 b)
{
    return vreinterpretq_u8_s8(vmaxq_s8(vreinterpretq_s8_u8(a), vreinterpretq_s8_u8(b)));
}

#endif
