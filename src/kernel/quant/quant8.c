/* Which conversions of 8 bits a processor gets. */
#include "kernel/quant/quant8.h"

#include "kernel/simd/level.h"

const sg_quant8 *sg_quant8_of(uint32_t cpu)
{
    return SG_LEVEL_OF(cpu, sg_quant8);
}
