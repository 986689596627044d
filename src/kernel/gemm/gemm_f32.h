/* Matrix product in f32 of matrices that are known only in the run: portable C, or by the tiles of a processor. */
#ifndef SG_KERNEL_GEMM_GEMM_F32_H
#define SG_KERNEL_GEMM_GEMM_F32_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/gemm/tile_f32.h"

/* C = alpha A B + beta C + bias, A [m, k], B [k, n], C [m, n]. Strides are in elements; any order of A and B is fine, rows
 * of C are contiguous. beta 0: C is not read. Touches no byte outside the matrices. */
typedef struct sg_gemm_f32_args {
    int64_t m, n, k;
    const float *a;
    int64_t a_row, a_col;
    const float *b;
    int64_t b_row, b_col;
    float *c;
    int64_t c_row;
    float alpha, beta;
    const float *bias; /* NULL: none; element [i * bias_row + j * bias_col] */
    int64_t bias_row, bias_col;
    float *pack;       /* SG_GEMM_F32_PACK floats, 64-byte aligned for tiles */
    const sg_tile_f32_table *tile; /* NULL: none. Wants a_col 1, beta 0 and no bias */
} sg_gemm_f32_args;

/* Sides of the packed blocks and of the tile that stays in registers (16 of 4 floats on plain x86-64). */
enum { SG_GEMM_F32_MR = 4, SG_GEMM_F32_NR = 8, SG_GEMM_F32_KC = 256, SG_GEMM_F32_NC = 256 };
#define SG_GEMM_F32_PACK ((size_t)SG_GEMM_F32_KC * (SG_GEMM_F32_NC + SG_GEMM_F32_MR))

/* With tiles the order of the sums is that of the tiles. */
void sg_gemm_f32(const sg_gemm_f32_args *g);

/* out[MR][NR] = the product of packed panels a [k][MR] and b [k][NR]. */
void sg_gemm_f32_tile(int64_t k, const float *a, const float *b, float *out);

#endif
