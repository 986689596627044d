/* Turning 4 x 4 elements by NEON. */
#include <arm_neon.h>
#include <stdint.h>

enum { SIDE = 4 };

static inline void turn_square(const uint32_t *x, int64_t x_row, uint32_t *y, int64_t y_row)
{
    uint32x4x2_t p = vtrnq_u32(vld1q_u32(x), vld1q_u32(x + x_row));
    uint32x4x2_t q = vtrnq_u32(vld1q_u32(x + 2 * x_row), vld1q_u32(x + 3 * x_row));
    for (int i = 0; i < 2; i++) {
        vst1q_u32(y + i * y_row, vcombine_u32(vget_low_u32(p.val[i]), vget_low_u32(q.val[i])));
        vst1q_u32(y + (i + 2) * y_row, vcombine_u32(vget_high_u32(p.val[i]), vget_high_u32(q.val[i])));
    }
}

#include "kernel/relayout/turn_impl.h"

const sg_turn_table sg_turn_neon = {turn_32};
