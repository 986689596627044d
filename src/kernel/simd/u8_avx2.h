/* Vectors of bytes for templates: 32 lanes of AVX2. */
#ifndef SG_KERNEL_SIMD_U8_AVX2_H
#define SG_KERNEL_SIMD_U8_AVX2_H

#include <immintrin.h>
#include <stdint.h>

#define V8_LANES 32
typedef __m256i v_u8;

static inline v_u8 v8_load(const uint8_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

static inline void v8_store(uint8_t *p, v_u8 v)
{
    _mm256_storeu_si256((__m256i *)(void *)p, v);
}

static inline v_u8 v8_max_u8(v_u8 a, v_u8 b)
{
    return _mm256_max_epu8(a, b);
}

static inline v_u8 v8_max_s8(v_u8 a, v_u8 b)
{
    return _mm256_max_epi8(a, b);
}

#endif
