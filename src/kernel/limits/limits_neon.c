/* The limits of NEON. */
#include <arm_neon.h>

#include "kernel/simd/f32_neon.h"

#include "kernel/limits/limits_impl.h"

enum { DOTS = 12 };

/* Eight products of bytes into 16 bits, then pairs into 32. */
static int32_t dot_loop(int64_t rounds)
{
    int32x4_t sum[DOTS];
    int32_t total = 0;
    int8x8_t a = vdup_n_s8(3), b = vdup_n_s8((int8_t)(rounds & 7));
    for (int i = 0; i < DOTS; i++)
        sum[i] = vdupq_n_s32(i);
    for (int64_t r = 0; r < rounds; r++)
        for (int i = 0; i < DOTS; i++)
            sum[i] = vpadalq_s16(sum[i], vmull_s8(veor_s8(a, vreinterpret_s8_s32(vget_low_s32(sum[i]))), b));
    for (int i = 0; i < DOTS; i++)
        total += vgetq_lane_s32(sum[i], 0);
    return total;
}

const sg_limits sg_limits_neon = {
    .fma_ops = SUMS * V_LANES * 2, .dot_ops = (int64_t)DOTS * 8 * 2, .fma = fma_loop, .dot = dot_loop, .read = read_loop};
