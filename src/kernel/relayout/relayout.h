/* Turning runs of channels: every matrix [rows, cols] of a batch becomes [cols, rows]. */
#ifndef SG_KERNEL_RELAYOUT_RELAYOUT_H
#define SG_KERNEL_RELAYOUT_RELAYOUT_H

#include "tensor/tensor.h"

/* Columns [from, to) of one matrix of 1- or 4-byte elements: rows [from, to) of the result. */
void sg_relayout_8(const void *src, int64_t rows, int64_t cols, int64_t from, int64_t to, void *dst);
void sg_relayout_32(const void *src, int64_t rows, int64_t cols, int64_t from, int64_t to, void *dst);
/* The same for three rows of bytes: the colors of a picture. */
typedef void sg_relayout_three_fn(const uint8_t *src, int64_t cols, int64_t from, int64_t to, uint8_t *dst);
sg_relayout_three_fn sg_relayout_three_any, sg_relayout_three_avx2, sg_relayout_three_neon;
sg_relayout_three_fn *sg_relayout_three_of(uint32_t cpu);

#endif
