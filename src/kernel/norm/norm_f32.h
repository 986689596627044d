/* Sums of rows and columns of f32, and what is made of them: softmax, layer and root-mean-square normalization. A sum is cut by its length
 * alone. */
#ifndef SG_KERNEL_NORM_NORM_F32_H
#define SG_KERNEL_NORM_NORM_F32_H

#include <stdbool.h>
#include <stdint.h>

typedef struct sg_norm_row {
    const float *x, *scale, *bias; /* [n]; bias NULL: none */
    float *y; /* may be x */
    int64_t n;
    float eps;
    bool center; /* take the mean off */
    float mean, inv; /* out: the mean (0 without center), and 1 / sqrt(variance + eps) */
} sg_norm_row;

/* Functions of one level of the processor. */
typedef struct sg_norm_f32_table {
    double (*sum)(const float *x, int64_t n);
    /* Sum of (x - mean)^2. */
    double (*sum_square)(const float *x, float mean, int64_t n);
    /* y[i] = scale times the sum over `rows` rows of x[i], i below n; rows at x_row. */
    void (*sum_rows)(const float *x, int64_t rows, int64_t x_row, int64_t n, float scale, float *y);
    void (*row)(sg_norm_row *r);
    /* Softmax of `rows` rows of n, or its logarithm; y may be x. */
    void (*softmax)(const float *x, int64_t rows, int64_t n, bool log, float *y);
    /* The same of n numbers at steps of `step`, for `cols` neighbours. */
    void (*softmax_cols)(const float *x, int64_t n, int64_t step, int64_t cols, bool log, float *y);
} sg_norm_f32_table;

const sg_norm_f32_table *sg_norm_f32_of(uint32_t cpu);
extern const sg_norm_f32_table sg_norm_f32_any, sg_norm_f32_avx2, sg_norm_f32_avx512, sg_norm_f32_neon;

#endif
