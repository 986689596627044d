/* Turning runs of channels: every matrix [rows, cols] of a batch becomes [cols, rows]. */
#ifndef SG_KERNEL_RELAYOUT_RELAYOUT_H
#define SG_KERNEL_RELAYOUT_RELAYOUT_H

#include "tensor/tensor.h"

/* Columns [from, to) of one matrix of 1- or 4-byte elements: rows [from, to) of the result. */
void sg_relayout_8(const void *src, int64_t rows, int64_t cols, int64_t from, int64_t to, void *dst);
void sg_relayout_32(const void *src, int64_t rows, int64_t cols, int64_t from, int64_t to, void *dst);

#endif
