/* The limits of AVX2. */
#include "kernel/simd/f32_avx2.h"

#include "kernel/limits/limits_impl.h"

enum { DOTS = 6 };

/* Products of 16 bits, as 8-bit kernels use them: two products of widened bytes a lane. */
static int32_t dot_loop(int64_t rounds)
{
    __m256i sum[DOTS], b[DOTS], a = _mm256_set1_epi16(3), total = _mm256_setzero_si256();
    for (int i = 0; i < DOTS; i++)
        sum[i] = b[i] = _mm256_set1_epi32((int)rounds + i);
    for (int64_t r = 0; r < rounds; r++) {
        for (int i = 0; i < DOTS; i++)
            sum[i] = _mm256_add_epi32(sum[i], _mm256_madd_epi16(a, b[i]));
        a = _mm256_add_epi16(a, b[0]); /* so that no product is known beforehand */
    }
    for (int i = 0; i < DOTS; i++)
        total = _mm256_add_epi32(total, sum[i]);
    return _mm_cvtsi128_si32(_mm256_castsi256_si128(total));
}

const sg_limits sg_limits_avx2 = {.fma_ops = (int64_t)SUMS * V_LANES * 2,
                                  .dot_ops = (int64_t)DOTS * (256 / 16) * 2,
                                  .fma = fma_loop,
                                  .dot = dot_loop,
                                  .read = read_loop};
