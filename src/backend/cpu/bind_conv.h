/* Bindings of convolution to its f32 kernel. */
#ifndef SG_BACKEND_CPU_BIND_CONV_H
#define SG_BACKEND_CPU_BIND_CONV_H

#include "backend/cpu/bind.h"

/* Takes f32 convolutions over one or two spatial axes without negative pads. */
bool sg_cpu_bind_conv_f32(sg_plan *p, sg_step *s);
/* The same that stand channels last, with constant weights. */
bool sg_cpu_bind_conv_last(sg_plan *p, sg_step *s);
/* Whether there are more than portable tiles for convolutions channels last. */
bool sg_cpu_tiles_gain(uint32_t cpu);

#endif
