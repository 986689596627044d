/* Which way of laying three rows of bytes into one another a processor gets. */
#include "base/cpu.h"
#include "kernel/relayout/relayout.h"

sg_relayout_three_fn *sg_relayout_three_of(uint32_t cpu)
{
#if SG_ARCH_X86
    if (cpu & SG_CPU_AVX2)
        return sg_relayout_three_avx2;
#endif
#if SG_ARCH_NEON
    if (cpu & SG_CPU_NEON)
        return sg_relayout_three_neon;
#endif
    (void)cpu;
    return sg_relayout_three_any;
}
