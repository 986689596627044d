/* Which maxima of bytes a processor gets. */
#include "kernel/pool/pool_max8.h"

#include "base/cpu.h"

const sg_pool_max8 *sg_pool_max8_of(uint32_t cpu)
{
#if SG_ARCH_X86
    if (cpu & SG_CPU_AVX2)
        return &sg_pool_max8_avx2;
#endif
#if SG_ARCH_NEON
    if (cpu & SG_CPU_NEON)
        return &sg_pool_max8_neon;
#endif
    (void)cpu;
    return &sg_pool_max8_any;
}
