/* Which 8-bit kernels the levels of x86 processors give. */
#include "base/cpu.h"
#include "kernel/q8/q8.h"

#if defined(__x86_64__)

void sg_q8_tile_avx2(const sg_q8_tile *t);
void sg_q8_dw_avx2(const sg_q8_dw *d);
void sg_q8_tile_avx512vnni(const sg_q8_tile *t);
void sg_q8_row_avx512vnni(const sg_q8_tile *t);
void sg_q8_dw_avx512vnni(const sg_q8_dw *d);

void sg_q8_init_x86(sg_q8_table *t, uint32_t cpu)
{
    if (!(cpu & SG_CPU_AVX2))
        return;
    *t = (sg_q8_table){.rows = 2, .panels = 1, .lanes = 1, .macs_us = 40000, .tile = sg_q8_tile_avx2, .dw = sg_q8_dw_avx2};
    if (!(cpu & SG_CPU_AVX512VNNI))
        return;
    *t = (sg_q8_table){.rows = 8,
                       .panels = 3,
                       .lanes = 4,
                       .pairs = true,
                       .macs_us = 150000,
                       .tile = sg_q8_tile_avx512vnni,
                       .row = sg_q8_row_avx512vnni,
                       .dw = sg_q8_dw_avx512vnni};
}

#endif
