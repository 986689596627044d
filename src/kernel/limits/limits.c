/* The loops in plain C, and which a processor gets. */
#include "kernel/limits/limits.h"

#include "kernel/simd/level.h"
#include "kernel/simd/f32_any.h"

#include "kernel/limits/limits_impl.h"

enum { TERMS = 512 };

/* A sum of products of 16 bits: compilers know that one. */
static int32_t dot_loop(int64_t rounds)
{
    int16_t a[TERMS], b[TERMS];
    uint32_t total = 0;
    for (int i = 0; i < TERMS; i++) {
        a[i] = (int16_t)(i & 127);
        b[i] = (int16_t)((rounds + i) & 127);
    }
    for (int64_t r = 0; r < rounds; r++) {
        int32_t sum = 0;
        for (int i = 0; i < TERMS; i++)
            sum += a[i] * b[i];
        a[r % TERMS] ^= 1; /* so that no sum is known beforehand */
        total += (uint32_t)sum;
    }
    return (int32_t)total;
}

const sg_limits sg_limits_any = {
    .fma_ops = (int64_t)SUMS * V_LANES * 2, .dot_ops = TERMS * 2, .fma = fma_loop, .dot = dot_loop, .read = read_loop};

void sg_limits_init(sg_limits *l, uint32_t cpu)
{
    *l = *SG_LEVEL_OF(cpu, sg_limits);
#if SG_ARCH_X86
    if (cpu & SG_CPU_AVX512VNNI) {
        l->dot = sg_limits_dot_avx512vnni;
        l->dot_ops = sg_limits_dot_ops_avx512vnni;
    }
#endif
}
