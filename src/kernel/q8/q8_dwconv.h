/* Depthwise convolution: the part of q8_conv.h for one filter a channel. */
#ifndef SG_KERNEL_Q8_Q8_DWCONV_H
#define SG_KERNEL_Q8_Q8_DWCONV_H

#include "kernel/q8/q8_conv.h"

bool sg_q8_dwconv_packed(sg_q8_conv *a, const sg_q8_table *q, size_t *bytes, size_t *n);
void sg_q8_dwconv_pack(const sg_q8_conv *a, const sg_q8_table *q, const void *w, bool w_signed, const int32_t *w_zero,
                       const int32_t *bias, const float *scale, int32_t x_zero, int8_t *to, int32_t *to_bias, float *to_scale);
/* Taps of all layers, and where they stand from the first. */
int64_t sg_q8_dwconv_taps(const sg_q8_conv *a);
void sg_q8_dwconv_place(const sg_q8_conv *a, const sg_q8_cut *cut, int64_t *tap);
/* `rows` rows of `width` outputs; x stands at the first tap of the first. */
void sg_q8_dwconv_rows(const sg_q8_conv *a, const sg_q8_table *q, const sg_q8_cut *cut, const uint8_t *x, int64_t rows,
                       int64_t width, const int64_t *tap, uint8_t *y);

#endif
