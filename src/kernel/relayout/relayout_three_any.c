/* Three rows of bytes laid into one another, in plain C. */
#include "kernel/relayout/relayout.h"

void sg_relayout_three_any(const uint8_t *src, int64_t cols, int64_t from, int64_t to, uint8_t *dst)
{
    for (int64_t j = from; j < to; j++)
        for (int i = 0; i < 3; i++)
            dst[3 * j + i] = src[i * cols + j];
}
