/* Pooling of images that stand channels last, a row of windows at a time, along the channels. */
#ifndef SG_KERNEL_POOL_POOL_LAST_H
#define SG_KERNEL_POOL_POOL_LAST_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/pool/pool_f32.h"
#include "kernel/pool/pool_max8.h"

/* One image: x [h, w, c], y [oh, ow, c]. The last windows may hang over the end. */
typedef struct sg_pool_last_args {
    int64_t c, h, w, oh, ow;
    int64_t kh, kw, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left, pad_bottom, pad_right;
    bool count_pad; /* the divisor of an average counts taps in the padding */
    sg_pool_max8_fn *max8; /* maxima of bytes */
    const sg_pool_f32_table *f32;
    /* averages of bytes: x scale / y scale, and what round() of docs/integers.md takes; ratio 0: the nearest, ties away from zero */
    double ratio;
    int32_t x_zero, y_zero, lo, hi;
    bool x_signed;
} sg_pool_last_args;

/* Row oy of y. A window without a tap inside gives 0; a NaN is the maximum. */
void sg_pool_last_max_f32(const sg_pool_last_args *a, const void *x, int64_t oy, void *y);
void sg_pool_last_max_8(const sg_pool_last_args *a, const void *x, int64_t oy, void *y);
void sg_pool_last_average_f32(const sg_pool_last_args *a, const void *x, int64_t oy, void *y);

/* Bytes, by docs/integers.md; at most 2^22 taps. */
void sg_pool_last_average_8(const sg_pool_last_args *a, const void *x, int64_t oy, void *y);

#endif
