/* Products of 8-bit matrices with a constant right side, portable C. The answer is that of docs/integers.md. */
#ifndef SG_KERNEL_QCONV_QGEMM_S8_H
#define SG_KERNEL_QCONV_QGEMM_S8_H

#include <stdbool.h>
#include <stddef.h>

#include "kernel/qconv/qdot_s8.h"

/* y [m, n] = a [m, k] b [k, n]; columns have biases and scales of their own. */
typedef struct sg_qgemm_args {
    int64_t m, n, k;
    bool a_signed;
    int32_t a_zero;
    sg_q_out out;
    const int32_t *bias; /* [n] */
    const float *scale;  /* [n]: a scale * b scale / y scale */
} sg_qgemm_args;

/* Bytes of b rewritten, and of scratch; m is not read for the former. False: too large. */
bool sg_qgemm_packed(const sg_qgemm_args *a, size_t *bytes);
void sg_qgemm_pack(const sg_qgemm_args *a, const void *b, bool b_signed, const int32_t *b_zero, void *packed);
bool sg_qgemm_scratch(const sg_qgemm_args *a, size_t *bytes);
/* No sum may pass 32 bits. */
void sg_qgemm(const sg_qgemm_args *a, const void *x, const void *packed, uint8_t *y, void *scratch);

#endif
