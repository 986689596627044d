/* Bytes to and from vectors of f32, for templates: AVX-512, with f32_avx512.h. */
#ifndef SG_KERNEL_SIMD_BYTES_AVX512_H
#define SG_KERNEL_SIMD_BYTES_AVX512_H

#include "kernel/simd/f32_avx512.h"

static inline v_f32 v_from_u8(const uint8_t *p)
{
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p)));
}

static inline v_f32 v_from_s8(const uint8_t *p)
{
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p)));
}

/* The low bytes of rne(v) + zero. */
static inline void v_to_bytes(uint8_t *p, v_f32 v, int32_t zero)
{
    __m512i q = _mm512_add_epi32(_mm512_cvtps_epi32(v), _mm512_set1_epi32(zero));
    _mm_storeu_si128((__m128i *)(void *)p, _mm512_cvtepi32_epi8(q));
}

#endif
