/* Which tiles a processor gets. */
#include "kernel/gemm/tile_f32.h"

#include "base/cpu.h"

void sg_tile_f32_init(sg_tile_f32_table *t, uint32_t cpu)
{
    (void)cpu;
    *t = sg_tile_f32_any;
#define LEVEL(id, suffix)  \
    if (cpu & SG_CPU_##id) \
        *t = sg_tile_f32_##suffix;
#include "kernel/simd/levels.def"
#undef LEVEL
}
