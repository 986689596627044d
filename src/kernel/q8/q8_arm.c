/* Which 8-bit kernels the levels of Arm processors give. */
#include "base/cpu.h"
#include "kernel/q8/q8.h"

#if SG_ARCH_NEON

void sg_q8_tile_neon(const sg_q8_tile *t);
void sg_q8_dw_neon(const sg_q8_dw *d);
void sg_q8_tile_dotprod(const sg_q8_tile *t);
void sg_q8_dw_dotprod(const sg_q8_dw *d);

void sg_q8_init_arm(sg_q8_table *t, uint32_t cpu)
{
    if (!(cpu & SG_CPU_NEON))
        return;
    *t = (sg_q8_table){
        .x_signed = true, .rows = 2, .panels = 1, .lanes = 1, .macs_us = 10000, .tile = sg_q8_tile_neon, .dw = sg_q8_dw_neon};
    if (!(cpu & SG_CPU_DOTPROD))
        return;
    *t = (sg_q8_table){.x_signed = true,
                       .rows = 4,
                       .panels = 1,
                       .lanes = 1,
                       .macs_us = 50000,
                       .tile = sg_q8_tile_dotprod,
                       .dw = sg_q8_dw_dotprod};
}

#endif
