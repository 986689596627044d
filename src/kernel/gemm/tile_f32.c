/* Which tiles a processor gets. */
#include "kernel/gemm/tile_f32.h"

#include "kernel/simd/level.h"

void sg_tile_f32_init(sg_tile_f32_table *t, uint32_t cpu)
{
    *t = *SG_LEVEL_OF(cpu, sg_tile_f32);
}
