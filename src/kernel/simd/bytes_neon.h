/* Bytes to and from vectors of f32, for templates: NEON, with f32_neon.h. */
#ifndef SG_KERNEL_SIMD_BYTES_NEON_H
#define SG_KERNEL_SIMD_BYTES_NEON_H

#include <string.h>

#include "kernel/simd/f32_neon.h"

static inline v_f32 v_from_u8(const uint8_t *p)
{
    uint32_t four;
    memcpy(&four, p, sizeof four);
    return vcvtq_f32_u32(vmovl_u16(vget_low_u16(vmovl_u8(vreinterpret_u8_u32(vdup_n_u32(four))))));
}

static inline v_f32 v_from_s8(const uint8_t *p)
{
    uint32_t four;
    memcpy(&four, p, sizeof four);
    return vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(vreinterpret_s8_u32(vdup_n_u32(four))))));
}

/* The low bytes of rne(v) + zero, |v| < 2^22: adding 1.5 * 2^23 rounds half to even and leaves the integer in the low bits. */
static inline void v_to_bytes(uint8_t *p, v_f32 v, int32_t zero)
{
    uint32x4_t q = vaddq_u32(vreinterpretq_u32_f32(vaddq_f32(v, vdupq_n_f32(12582912.0f))), vdupq_n_u32((uint32_t)zero));
    uint16x4_t half = vmovn_u32(q);
    uint32_t four = vget_lane_u32(vreinterpret_u32_u8(vmovn_u16(vcombine_u16(half, half))), 0);
    memcpy(p, &four, sizeof four);
}

#endif
