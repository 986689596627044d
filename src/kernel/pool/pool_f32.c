/* Which functions a processor gets. */
#include "kernel/pool/pool_f32.h"

#include "kernel/simd/level.h"

const sg_pool_f32_table *sg_pool_f32_of(uint32_t cpu)
{
    return SG_LEVEL_OF(cpu, sg_pool_f32);
}
