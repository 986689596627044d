/* Which functions a processor gets. */
#include "kernel/norm/norm_f32.h"

#include "kernel/simd/level.h"

const sg_norm_f32_table *sg_norm_f32_of(uint32_t cpu)
{
    return SG_LEVEL_OF(cpu, sg_norm_f32);
}
