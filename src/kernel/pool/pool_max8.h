/* Maxima of windows of bytes, channels last: a function for each level of the processor. */
#ifndef SG_KERNEL_POOL_POOL_MAX8_H
#define SG_KERNEL_POOL_POOL_MAX8_H

#include <stdint.h>

/* y[i] = the largest of x[ky * line + kx * pixel + i] for ky < rows, kx < columns; i < n. rows and columns are above 0. */
typedef struct sg_pool_span {
    const uint8_t *x;
    int64_t rows, columns, line, pixel, n;
    uint8_t *y;
} sg_pool_span;

typedef void sg_pool_max8_fn(const sg_pool_span *s);

typedef struct sg_pool_max8 {
    sg_pool_max8_fn *u8, *s8;
} sg_pool_max8;

extern const sg_pool_max8 sg_pool_max8_any, sg_pool_max8_avx2, sg_pool_max8_neon;

const sg_pool_max8 *sg_pool_max8_of(uint32_t cpu);

#endif
