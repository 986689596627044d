/* What the NEON files of 8-bit products share. All static: each is compiled for another processor. */
#ifndef SG_KERNEL_Q8_Q8_NEON_H
#define SG_KERNEL_Q8_Q8_NEON_H

#include <arm_neon.h>
#include <string.h>

#include "kernel/q8/q8.h"

#define INLINE static inline __attribute__((always_inline))

INLINE int8x16_t flip_of(uint32_t flip)
{
    return vreinterpretq_s8_u32(vdupq_n_u32(flip));
}

INLINE int32x4_t scaled(int32x4_t acc, const float *scale)
{
    return vcvtnq_s32_f32(vmulq_f32(vcvtq_f32_s32(acc), vld1q_f32(scale))); /* half to even, and it saturates */
}

/* Sixteen sums to `count` bytes. */
INLINE void store(const int32x4_t s[4], const float *scale, const sg_q8_out *o, int count, uint8_t *y)
{
    const int16x8_t zero = vdupq_n_s16((int16_t)o->zero);
    int16x8_t lo = vcombine_s16(vqmovn_s32(scaled(s[0], scale)), vqmovn_s32(scaled(s[1], scale + 4)));
    int16x8_t hi = vcombine_s16(vqmovn_s32(scaled(s[2], scale + 8)), vqmovn_s32(scaled(s[3], scale + 12)));
    lo = vqaddq_s16(lo, zero);
    hi = vqaddq_s16(hi, zero);
    uint8x16_t q = o->lo < 0 ? vreinterpretq_u8_s8(vcombine_s8(vqmovn_s16(lo), vqmovn_s16(hi)))
                             : vcombine_u8(vqmovun_s16(lo), vqmovun_s16(hi));
    uint8_t some[16];
    if (count == 16) {
        vst1q_u8(y, q);
        return;
    }
    vst1q_u8(some, q);
    memcpy(y, some, (size_t)count);
}

/* Row r of a tile of one panel. */
INLINE void store_row(const sg_q8_tile *t, int r, const int32x4_t s[4])
{
    uint8_t *y = t->y + r * t->y_pitch;
    if (t->scale) {
        store(s, t->scale, &t->out, t->columns, y);
        return;
    }
    int32_t sum[16];
    for (int i = 0; i < 4; i++)
        vst1q_s32(sum + 4 * i, s[i]);
    memcpy(y, sum, (size_t)t->columns * sizeof *sum);
}

/* Four bytes of x, over and over. */
INLINE int8x16_t four(const uint8_t *x, int8x16_t flip)
{
    uint32_t v;
    memcpy(&v, x, sizeof v);
    return veorq_s8(vreinterpretq_s8_u32(vdupq_n_u32(v)), flip);
}

/* A tap of `count` channels. */
INLINE int8x16_t channels(const uint8_t *x, int count, int8x16_t flip)
{
    uint8_t some[16] = {0};
    if (count == 16)
        return veorq_s8(vreinterpretq_s8_u8(vld1q_u8(x)), flip);
    memcpy(some, x, (size_t)count);
    return veorq_s8(vreinterpretq_s8_u8(vld1q_u8(some)), flip);
}

#endif
