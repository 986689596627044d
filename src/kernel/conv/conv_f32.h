/* Convolution of images in f32, portable C, without im2col. */
#ifndef SG_KERNEL_CONV_CONV_F32_H
#define SG_KERNEL_CONV_CONV_F32_H

#include <stdbool.h>
#include <stddef.h>

#include "kernel/conv/shape.h"

/* Bytes of scratch that sg_conv_f32 needs; false: the sizes are past what this kernel takes. */
bool sg_conv_f32_scratch(const sg_conv_shape *a, size_t *bytes);
/* One image, row-major. bias NULL: none. Touches no byte outside the tensors and the scratch. */
void sg_conv_f32(const sg_conv_shape *a, const float *x, const float *weight, const float *bias, float *y, void *scratch);

#endif
