/* Which functions a processor gets. */
#include "kernel/binary/binary_f32.h"

#include "kernel/simd/level.h"

const sg_binary_f32_table *sg_binary_f32_of(uint32_t cpu)
{
    return SG_LEVEL_OF(cpu, sg_binary_f32);
}
