/* Kinds of unary ops as functions of the kernels, for steps of their own and for what a convolution does with its tiles. */
#ifndef SG_BACKEND_CPU_BIND_UNARY_H
#define SG_BACKEND_CPU_BIND_UNARY_H

#include "kernel/unary/unary_f32.h"
#include "op/elementwise.h"

/* False: the kind has no kernel. */
bool sg_cpu_act(int64_t kind, sg_fn_params p, uint32_t cpu, sg_act_f32 *f);
/* What the attribute `activation` asks for beyond bounds (f->fn NULL: nothing). */
bool sg_cpu_act_of(sg_attrs a, uint32_t cpu, sg_act_f32 *f);

#endif
