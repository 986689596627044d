/* Dot products of rows of 16-bit integers, four by two at a time: what 8-bit convolutions and matrix products are made of. */
#ifndef SG_KERNEL_QCONV_QDOT_S8_H
#define SG_KERNEL_QCONV_QDOT_S8_H

#include <stdint.h>

/* Rows of weights come in fours and rows of inputs in twos; both are padded with zeros to a multiple of 8 elements. */
enum { SG_QDOT_W = 4, SG_QDOT_X = 2, SG_QDOT_K = 8 };

static inline int64_t sg_qdot_up(int64_t n, int64_t by)
{
    return (n + by - 1) / by * by;
}

/* acc[i * step_w + j * step_x] = row i of w times row j of x, for n_w x n_x rows of k elements. No sum may pass 32 bits. */
void sg_qdot(const int16_t *w, int64_t n_w, const int16_t *x, int64_t n_x, int64_t k, int32_t *acc, int64_t step_w,
             int64_t step_x);

/* Elements less their zero point; a sum may then be requantized to 8 bits: clamp in float, round half to even, add zero. */
typedef struct sg_q_out {
    int32_t zero, lo, hi;
} sg_q_out;

/* y = round((acc + bias) * scale), one scale and bias for all of n. */
void sg_q_store(const int32_t *acc, int64_t n, int32_t bias, float scale, const sg_q_out *o, uint8_t *y);

#endif
