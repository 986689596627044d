/* Depthwise convolution: the part of q8_conv.h for one filter a channel. */
#ifndef SG_KERNEL_Q8_Q8_DWCONV_H
#define SG_KERNEL_Q8_Q8_DWCONV_H

#include "kernel/q8/q8_conv.h"

bool sg_q8_dwconv_packed(sg_q8_conv *a, const sg_q8_table *q, size_t *bytes, size_t *n);
void sg_q8_dwconv_pack(const sg_q8_conv *a, const sg_q8_table *q, const void *w, bool w_signed, const int32_t *w_zero,
                       const int32_t *bias, const float *scale, int32_t x_zero, int8_t *to, int32_t *to_bias, float *to_scale);
bool sg_q8_dwconv_cut(const sg_q8_conv *a, sg_q8_cut *cut);
void sg_q8_dwconv_begin(const sg_q8_conv *a, void *scratch);
void sg_q8_dwconv_job(const sg_q8_conv *a, const sg_q8_table *q, const sg_q8_cut *cut, int64_t job, const uint8_t *x, uint8_t *y,
                      void *scratch);

#endif
