/* Bytes to and from vectors of f32, for templates: AVX2, with f32_avx2.h. */
#ifndef SG_KERNEL_SIMD_BYTES_AVX2_H
#define SG_KERNEL_SIMD_BYTES_AVX2_H

#include "kernel/simd/f32_avx2.h"

static inline v_f32 v_from_u8(const uint8_t *p)
{
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p)));
}

static inline v_f32 v_from_s8(const uint8_t *p)
{
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p)));
}

/* The low bytes of rne(v) + zero. */
static inline void v_to_bytes(uint8_t *p, v_f32 v, int32_t zero)
{
    const __m256i low = _mm256_set1_epi32(0x0c080400);
    __m256i q = _mm256_add_epi32(_mm256_cvtps_epi32(v), _mm256_set1_epi32(zero));
    q = _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(q, low), _mm256_setr_epi32(0, 4, 0, 4, 0, 4, 0, 4));
    _mm_storel_epi64((__m128i *)(void *)p, _mm256_castsi256_si128(q));
}

#endif
