/* Convolution of 8-bit images with 8-bit weights, portable C. The answer is that of docs/integers.md. */
#ifndef SG_KERNEL_QCONV_QCONV_S8_H
#define SG_KERNEL_QCONV_QCONV_S8_H

#include <stdbool.h>
#include <stddef.h>

#include "kernel/conv/shape.h"
#include "kernel/qconv/qdot_s8.h"

/* One image, row-major. */
typedef struct sg_qconv_args {
    sg_conv_shape s;
    bool x_signed;
    int32_t x_zero;
    sg_q_out out;
    const int32_t *bias; /* [oc] */
    const float *scale;  /* [oc]: x scale * w scale / y scale */
} sg_qconv_args;

/* Few output channels read each input channel, through few taps: summed in float, where all is exact below 2^24. */
bool sg_qconv_is_depthwise(const sg_qconv_args *a);

/* Bytes of rewritten weights and of scratch; false: the sizes are past what this kernel takes. Of the weights' side, only
 * oc, c / group, kh, kw and group are read for the former. */
bool sg_qconv_packed(const sg_qconv_args *a, size_t *bytes);
/* Zero points: one for each output channel. */
void sg_qconv_pack(const sg_qconv_args *a, const void *w, bool w_signed, const int32_t *w_zero, void *packed);
bool sg_qconv_scratch(const sg_qconv_args *a, size_t *bytes);

/* Output channels [from, to) of one image; from is a multiple of sg_qconv_step. No sum may pass 32 bits. */
int64_t sg_qconv_step(const sg_qconv_args *a);
void sg_qconv(const sg_qconv_args *a, const void *x, const void *packed, int64_t from, int64_t to, uint8_t *y, void *scratch);

#endif
