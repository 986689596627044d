/* Sums and products of two 8-bit tensors of one shape. The answer is that of docs/integers.md. */
#ifndef SG_KERNEL_QCONV_QBINARY_S8_H
#define SG_KERNEL_QCONV_QBINARY_S8_H

#include <stdbool.h>

#include "kernel/qconv/qdot_s8.h"

typedef struct sg_qbinary_args {
    bool a_signed, b_signed;
    int32_t a_zero, b_zero;
    float a_scale, b_scale; /* a sum: of each, over y's; a product: that of both, over y's, in a_scale */
    sg_q_out out;
} sg_qbinary_args;

void sg_qbinary_add(const sg_qbinary_args *p, const void *a, const void *b, int64_t n, uint8_t *y);
void sg_qbinary_mul(const sg_qbinary_args *p, const void *a, const void *b, int64_t n, uint8_t *y);

#endif
