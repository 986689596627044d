/* Which functions a processor gets, and the copies of mode nearest. */
#include "kernel/resize/resize.h"

#include <string.h>

#include "kernel/simd/level.h"

const sg_resize_f32_table *sg_resize_f32_of(uint32_t cpu)
{
    return SG_LEVEL_OF(cpu, sg_resize_f32);
}

#define COPY(type)                      \
    {                                   \
        const type *from = x;           \
        type *to = y;                   \
        for (int64_t i = 0; i < n; i++) \
            to[i] = from[at[i]];        \
        return;                         \
    }

void sg_resize_copy(const void *x, const int32_t *at, int64_t n, int64_t size, void *y)
{
    if (size == 1)
        COPY(uint8_t)
    if (size == 4)
        COPY(uint32_t)
    for (int64_t i = 0; i < n; i++)
        memcpy((char *)y + i * size, (const char *)x + at[i] * size, (size_t)size);
}
