/* The maximum and the mean of one window of f32 pixels whose channels stand together. */
#ifndef SG_KERNEL_POOL_POOL_F32_H
#define SG_KERNEL_POOL_POOL_F32_H

#include <stdint.h>

typedef struct sg_pool_window_f32 {
    const float *x;
    int64_t rows, columns;  /* at least one of each */
    int64_t line, pixel, n; /* floats from one row and column to the next; channels */
    float by;               /* what a sum is divided by */
    float *y;
} sg_pool_window_f32;

/* Functions of one level of the processor. Sums go by rows, in f32; a NaN is the maximum. */
typedef struct sg_pool_f32_table {
    void (*max)(const sg_pool_window_f32 *w);
    void (*mean)(const sg_pool_window_f32 *w);
} sg_pool_f32_table;

const sg_pool_f32_table *sg_pool_f32_of(uint32_t cpu);
extern const sg_pool_f32_table sg_pool_f32_any, sg_pool_f32_avx2, sg_pool_f32_avx512, sg_pool_f32_neon;

#endif
