/* Three rows of bytes laid into one another, 16 columns at a time. */
#include <arm_neon.h>

#include "kernel/relayout/relayout.h"

void sg_relayout_three_neon(const uint8_t *src, int64_t cols, int64_t from, int64_t to, uint8_t *dst)
{
    int64_t j = from;
    for (; j + 16 <= to; j += 16) {
        const uint8x16x3_t v = {{vld1q_u8(src + j), vld1q_u8(src + cols + j), vld1q_u8(src + 2 * cols + j)}};
        vst3q_u8(dst + 3 * j, v);
    }
    for (; j < to; j++)
        for (int i = 0; i < 3; i++)
            dst[3 * j + i] = src[i * cols + j];
}
