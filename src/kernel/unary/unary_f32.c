/* Which functions a processor gets. */
#include "kernel/unary/unary_f32.h"

#include "kernel/simd/level.h"

const sg_unary_f32_table *sg_unary_f32_of(uint32_t cpu)
{
    return SG_LEVEL_OF(cpu, sg_unary_f32);
}
