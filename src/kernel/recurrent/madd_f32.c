/* Which function a processor gets. */
#include "kernel/recurrent/madd_f32.h"

#include "kernel/simd/level.h"

const sg_madd_f32_table *sg_madd_f32_of(uint32_t cpu)
{
    return SG_LEVEL_OF(cpu, sg_madd_f32);
}
