/* Turning 8 x 8 elements by shuffles of AVX2; wider squares gain nothing on rows this short. */
#include <immintrin.h>
#include <stdint.h>

enum { SIDE = 8 };

static inline __m256 row_at(const uint32_t *x)
{
    return _mm256_loadu_ps((const float *)(const void *)x);
}

static inline void keep(uint32_t *y, __m256 v)
{
    _mm256_storeu_ps((float *)(void *)y, v);
}

/* Rows a to d of four columns each, as columns, two to a lane of 128 bits. */
typedef struct four {
    __m256 v[4];
} four;

static inline four turn_four(__m256 a, __m256 b, __m256 c, __m256 d)
{
    __m256 ab = _mm256_unpacklo_ps(a, b), cd = _mm256_unpacklo_ps(c, d);
    __m256 ab2 = _mm256_unpackhi_ps(a, b), cd2 = _mm256_unpackhi_ps(c, d);
    return (four){{_mm256_shuffle_ps(ab, cd, 0x44), _mm256_shuffle_ps(ab, cd, 0xee), _mm256_shuffle_ps(ab2, cd2, 0x44),
                   _mm256_shuffle_ps(ab2, cd2, 0xee)}};
}

static inline void turn_square(const uint32_t *x, int64_t x_row, uint32_t *y, int64_t y_row)
{
    four p = turn_four(row_at(x), row_at(x + x_row), row_at(x + 2 * x_row), row_at(x + 3 * x_row));
    four q = turn_four(row_at(x + 4 * x_row), row_at(x + 5 * x_row), row_at(x + 6 * x_row), row_at(x + 7 * x_row));
    for (int i = 0; i < 4; i++) {
        keep(y + i * y_row, _mm256_permute2f128_ps(p.v[i], q.v[i], 0x20));
        keep(y + (i + 4) * y_row, _mm256_permute2f128_ps(p.v[i], q.v[i], 0x31));
    }
}

#include "kernel/relayout/turn_impl.h"

const sg_turn_table sg_turn_avx2 = {turn_32};
