/* The limit of AVX-512 VNNI: four products of bytes a lane. */
#include <immintrin.h>

#include "kernel/limits/limits.h"

enum { DOTS = 12 };

int32_t sg_limits_dot_avx512vnni(int64_t rounds)
{
    __m512i sum[DOTS], a = _mm512_set1_epi8(3), b = _mm512_set1_epi8((char)(rounds & 7));
    __m512i total = _mm512_setzero_si512();
    for (int i = 0; i < DOTS; i++)
        sum[i] = _mm512_set1_epi32(i);
    for (int64_t r = 0; r < rounds; r++)
        for (int i = 0; i < DOTS; i++)
            sum[i] = _mm512_dpbusd_epi32(sum[i], a, b);
    for (int i = 0; i < DOTS; i++)
        total = _mm512_add_epi32(total, sum[i]);
    return _mm_cvtsi128_si32(_mm512_castsi512_si128(total));
}

const int64_t sg_limits_dot_ops_avx512vnni = (int64_t)DOTS * 64 * 2;
