/* Bindings of convolution to its f32 kernel. */
#ifndef SG_BACKEND_CPU_BIND_CONV_H
#define SG_BACKEND_CPU_BIND_CONV_H

#include "backend/cpu/bind.h"
#include "backend/cpu/bind_unary.h"
#include "kernel/conv/conv_last_f32.h"
#include "op/window.h"

/* What the bindings of convolutions over one or two spatial axes keep: all that weights and attributes say. */
typedef struct sg_conv_bound {
    sg_conv_shape shape; /* n, h, w, oh and ow are those of a run; so are pads, where the window resolves them */
    sg_window window;
    sg_act_f32 act; /* of f32 convolutions, set by those that bind them */
} sg_conv_bound;

/* Reads step s with weights [oc, c / group, side...] at operand w. False: sizes that are not known yet, do not fit together or
 * are past SG_WINDOW_MAX, or negative pads; the reference takes those. */
bool sg_conv_bound_read(const sg_plan *p, const sg_step *s, int w, sg_conv_bound *b);
/* The sizes of a run from operand 0 and result 0. False: they are not what was bound, or there is nothing to compute. */
bool sg_conv_bound_sizes(const sg_conv_bound *b, const sg_exec *x, sg_conv_shape *shape);

/* Takes f32 convolutions over one or two spatial axes without negative pads. */
bool sg_cpu_bind_conv_f32(sg_plan *p, sg_step *s);
/* The same that stand channels last, with constant weights. */
bool sg_cpu_bind_conv_last(sg_plan *p, sg_step *s);
/* Packs weights for a product of panels, in parts at the same time. */
void sg_cpu_pack_last(const sg_plan *p, const sg_conv_last *v, const sg_conv_last_weights *w, float *to);
/* Whether there are more than portable tiles for convolutions channels last. */
bool sg_cpu_tiles_gain(uint32_t cpu);

#endif
