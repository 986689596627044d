/* Which tiles a processor gets. */
#include "kernel/gemm/tile_f32.h"

#include "base/cpu.h"

#if SG_ARCH_X86
static void init_x86(sg_tile_f32_table *t, uint32_t cpu)
{
    if (!(cpu & SG_CPU_AVX2))
        return;
    *t = sg_tile_f32_avx2;

    if (!(cpu & SG_CPU_AVX512))
        return;
    *t = sg_tile_f32_avx512;
}
#endif

#if SG_ARCH_NEON
static void init_arm(sg_tile_f32_table *t, uint32_t cpu)
{
    if (cpu & SG_CPU_NEON)
        *t = sg_tile_f32_neon;
}
#endif

void sg_tile_f32_init(sg_tile_f32_table *t, uint32_t cpu)
{
    (void)cpu;
    *t = sg_tile_f32_any;
#if SG_ARCH_X86
    init_x86(t, cpu);
#endif
#if SG_ARCH_NEON
    init_arm(t, cpu);
#endif
}
