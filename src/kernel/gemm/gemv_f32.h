/* Matrix times vector in f32, portable C: fully connected layers of one sample. */
#ifndef SG_KERNEL_GEMM_GEMV_F32_H
#define SG_KERNEL_GEMM_GEMV_F32_H

#include <stdint.h>

/* y[i] = alpha * (row i of w . x) + (bias ? beta * bias[i] : 0), w [n, k] dense. Each row is summed in 16 lanes that are then
 * added in one order, so rows may be cut among threads. Touches no byte outside the operands. */
void sg_gemv_f32(int64_t n, int64_t k, const float *w, const float *x, float alpha, float beta, const float *bias, float *y);

#endif
