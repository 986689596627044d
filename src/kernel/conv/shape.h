/* The sizes of a convolution of images, as every kernel of one takes them. */
#ifndef SG_KERNEL_CONV_SHAPE_H
#define SG_KERNEL_CONV_SHAPE_H

#include <stdint.h>

/* x [n, c, h, w], weights [oc, c / group, kh, kw], y [n, oc, oh, ow], in whatever order they stand in memory. An image of one axis has
 * h = oh = kh = 1. Pads at the end follow from the sizes and may be negative. */
typedef struct sg_conv_shape {
    int64_t n, c, h, w, oc, oh, ow, group;
    int64_t kh, kw, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
} sg_conv_shape;

/* A product of matrices, `rows` x c by c x oc: a window of 1x1 on a row of pixels. */
static inline sg_conv_shape sg_conv_shape_product(int64_t rows, int64_t c, int64_t oc)
{
    return (sg_conv_shape){.n = 1,
                           .c = c,
                           .h = 1,
                           .w = rows,
                           .oc = oc,
                           .oh = 1,
                           .ow = rows,
                           .group = 1,
                           .kh = 1,
                           .kw = 1,
                           .stride_h = 1,
                           .stride_w = 1,
                           .dilation_h = 1,
                           .dilation_w = 1};
}

#endif
