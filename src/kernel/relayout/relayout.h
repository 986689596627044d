/* Turning matrices of 1- and 4-byte elements: what stands in rows stands in columns. */
#ifndef SG_KERNEL_RELAYOUT_RELAYOUT_H
#define SG_KERNEL_RELAYOUT_RELAYOUT_H

#include <stdint.h>

/* y[j * y_row + i] = x[i * x_row + j], i below rows, j below cols. */
typedef void sg_turn_8_fn(const uint8_t *x, int64_t x_row, int64_t rows, int64_t cols, uint8_t *y, int64_t y_row);
typedef void sg_turn_32_fn(const uint32_t *x, int64_t x_row, int64_t rows, int64_t cols, uint32_t *y, int64_t y_row);

sg_turn_8_fn sg_turn_8;

/* Functions of one level of the processor. */
typedef struct sg_turn_table {
    sg_turn_32_fn *by_32;
} sg_turn_table;

const sg_turn_table *sg_turn_of(uint32_t cpu);
extern const sg_turn_table sg_turn_any, sg_turn_avx2, sg_turn_neon;

/* Columns [from, to) of three rows of bytes, the colors of a picture: rows [from, to) of the result. */
typedef void sg_relayout_three_fn(const uint8_t *src, int64_t cols, int64_t from, int64_t to, uint8_t *dst);
sg_relayout_three_fn sg_relayout_three_any, sg_relayout_three_avx2, sg_relayout_three_neon;
sg_relayout_three_fn *sg_relayout_three_of(uint32_t cpu);

#endif
