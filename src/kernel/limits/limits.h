/* Loops that keep one core at a limit of it, to measure: multiply-adds in f32, dot products of 8 bits, bytes read. */
#ifndef SG_KERNEL_LIMITS_LIMITS_H
#define SG_KERNEL_LIMITS_LIMITS_H

#include <stdint.h>

/* What is computed goes back, so that it is computed. */
typedef struct sg_limits {
    int64_t fma_ops, dot_ops; /* operations of a round: two of each multiply-add */
    float (*fma)(int64_t rounds);
    int32_t (*dot)(int64_t rounds); /* by the instruction that is exact on all bytes */
    float (*read)(const float *p, int64_t n); /* n a multiple of SG_LIMITS_BLOCK */
} sg_limits;

#define SG_LIMITS_BLOCK 256

void sg_limits_init(sg_limits *l, uint32_t cpu);
extern const sg_limits sg_limits_any, sg_limits_avx2, sg_limits_avx512, sg_limits_neon;
/* Dot products of one instruction. */
extern const int64_t sg_limits_dot_ops_avx512vnni;
int32_t sg_limits_dot_avx512vnni(int64_t rounds);

#endif
