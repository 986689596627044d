/* Bindings of the 8-bit products: what they share is reading constant parameters. */
#ifndef SG_BACKEND_CPU_BIND_QCONV_H
#define SG_BACKEND_CPU_BIND_QCONV_H

#include "backend/cpu/bind.h"
#include "kernel/qconv/qdot_s8.h"

/* The parameters of a product as its kernel takes them, in the plan's arena. */
typedef struct sg_qbound {
    int32_t x_zero;
    sg_q_out out;
    int32_t *w_zero;   /* [n]: one for each output channel or column */
    int32_t *bias;     /* [n] */
    float *scale;      /* [n] */
    bool wraps;        /* a sum may pass 32 bits */
} sg_qbound;

/* Operand k as a tensor. False: it is no constant. */
bool sg_step_constant(const sg_plan *p, const sg_step *s, int k, sg_tensor *t);
/* Reads operands (x, scale, zero, w, scale, zero, y scale, zero, bias?) for n channels with sums of k products. NULL: some
 * are no constants or do not fit; then the reference has the say. */
sg_qbound *sg_qbound_read(sg_plan *p, const sg_step *s, int64_t n, int64_t k, double alpha);

/* QLINEAR_CONV over one or two spatial axes; QLINEAR_MATMUL and MATMUL_INTEGER with one matrix on the right; QLINEAR_BINARY without
 * broadcasting. */
/* Whether there are more than portable kernels of q8. */
bool sg_cpu_q8_gains(uint32_t cpu);
bool sg_cpu_bind_q8_conv(sg_plan *p, sg_step *s);
bool sg_cpu_bind_qconv(sg_plan *p, sg_step *s);
bool sg_cpu_bind_q8_matmul_integer(sg_plan *p, sg_step *s);
bool sg_cpu_bind_q8_matmul(sg_plan *p, sg_step *s);
bool sg_cpu_bind_qbinary(sg_plan *p, sg_step *s);
/* f32 to 8 bits and back, with one constant scale. */
bool sg_cpu_bind_quantize(sg_plan *p, sg_step *s);
bool sg_cpu_bind_dequantize(sg_plan *p, sg_step *s);

#endif
