/* Convolution of images in f32, portable C, without im2col. */
#ifndef SG_KERNEL_CONV_CONV_F32_H
#define SG_KERNEL_CONV_CONV_F32_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One image: x [c, h, w], weights [oc, c / group, kh, kw], y [oc, oh, ow]. Pads may be negative only at the end. */
typedef struct sg_conv_f32_args {
    int64_t c, h, w, oc, oh, ow, group;
    int64_t kh, kw, stride_h, stride_w, dilation_h, dilation_w;
    int64_t pad_top, pad_left;
} sg_conv_f32_args;

/* Bytes of scratch that sg_conv_f32 needs; false: the sizes are past what this kernel takes. */
bool sg_conv_f32_scratch(const sg_conv_f32_args *a, size_t *bytes);
/* bias NULL: none. Touches no byte outside the tensors and the scratch. */
void sg_conv_f32(const sg_conv_f32_args *a, const float *x, const float *weight, const float *bias, float *y, void *scratch);

#endif
