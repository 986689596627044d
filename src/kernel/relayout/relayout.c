/* Which functions a processor gets, and the turning of bytes. */
#include "kernel/relayout/relayout.h"

#include "kernel/simd/level.h"

const sg_turn_table *sg_turn_of(uint32_t cpu)
{
#if SG_ARCH_X86
    return cpu & SG_CPU_AVX2 ? &sg_turn_avx2 : &sg_turn_any;
#else
    return SG_LEVEL_OF(cpu, sg_turn);
#endif
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

void sg_turn_8(const uint8_t *x, int64_t x_row, int64_t rows, int64_t cols, uint8_t *y, int64_t y_row)
{
    enum { TILE = 16 };
    for (int64_t j0 = 0; j0 < cols; j0 += TILE)
        for (int64_t i0 = 0; i0 < rows; i0 += TILE)
            for (int64_t j = j0; j < least(j0 + TILE, cols); j++)
                for (int64_t i = i0; i < least(i0 + TILE, rows); i++)
                    y[j * y_row + i] = x[i * x_row + j];
}
