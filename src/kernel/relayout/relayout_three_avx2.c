/* Three rows of bytes laid into one another, 16 columns at a time, by byte shuffles. */
#include <immintrin.h>

#include "kernel/relayout/relayout.h"

/* Part p of the 48 bytes takes byte k of row i where 16 p + its place is 3 k + i. */
static __m128i picks(int part, int row)
{
    int8_t at[16];
    for (int i = 0; i < 16; i++)
        at[i] = (int8_t)((16 * part + i) % 3 == row ? (16 * part + i) / 3 : -1);
    return _mm_loadu_si128((const __m128i *)(const void *)at);
}

void sg_relayout_three_avx2(const uint8_t *src, int64_t cols, int64_t from, int64_t to, uint8_t *dst)
{
    __m128i pick[3][3];
    for (int i = 0; i < 9; i++)
        pick[i / 3][i % 3] = picks(i / 3, i % 3);
    int64_t j = from;
    for (; j + 16 <= to; j += 16) {
        const __m128i a = _mm_loadu_si128((const __m128i *)(const void *)(src + j));
        const __m128i b = _mm_loadu_si128((const __m128i *)(const void *)(src + cols + j));
        const __m128i c = _mm_loadu_si128((const __m128i *)(const void *)(src + 2 * cols + j));
        for (int p = 0; p < 3; p++) {
            __m128i v = _mm_or_si128(_mm_shuffle_epi8(a, pick[p][0]), _mm_shuffle_epi8(b, pick[p][1]));
            v = _mm_or_si128(v, _mm_shuffle_epi8(c, pick[p][2]));
            _mm_storeu_si128((__m128i *)(void *)(dst + 3 * j + 16 * p), v);
        }
    }
    for (; j < to; j++)
        for (int i = 0; i < 3; i++)
            dst[3 * j + i] = src[i * cols + j];
}
