/* Transposes in tiles that stay in the first cache. */
#include "kernel/relayout/relayout.h"

enum { TILE = 16 };

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

#define TURN(name, type)                                                                        \
    void name(const void *src, int64_t rows, int64_t cols, int64_t from, int64_t to, void *dst) \
    {                                                                                           \
        const type *a = src;                                                                    \
        type *y = dst;                                                                          \
        for (int64_t j0 = from; j0 < to; j0 += TILE)                                            \
            for (int64_t i0 = 0; i0 < rows; i0 += TILE)                                         \
                for (int64_t j = j0; j < least(j0 + TILE, to); j++)                             \
                    for (int64_t i = i0; i < least(i0 + TILE, rows); i++)                       \
                        y[j * rows + i] = a[i * cols + j];                                      \
    }

TURN(sg_relayout_8, uint8_t)
TURN(sg_relayout_32, uint32_t)
