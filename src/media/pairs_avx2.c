/* Pairs of pixels with AVX2, eight at a time: the same bits as the portable loops. */
#include "media/pairs.h"

#include <immintrin.h>

static inline __m256i two16(int low, int high)
{
    return _mm256_set1_epi32((int)((unsigned)low & 0xffff) | (int)((unsigned)high << 16));
}

static inline __m256i load(const void *p)
{
    return _mm256_loadu_si256(p);
}

/* Of four windows two outputs each: those of the first and third side by side, then of the second and fourth. */
static inline __m256i pick(const uint8_t *row, const int32_t *window, const uint8_t *what)
{
    __m256i even = _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const void *)(row + window[0]))),
                                           _mm_loadu_si128((const void *)(row + window[2])), 1);
    __m256i odd = _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const void *)(row + window[1]))),
                                          _mm_loadu_si128((const void *)(row + window[3])), 1);
    return _mm256_or_si256(_mm256_shuffle_epi8(even, load(what)), _mm256_shuffle_epi8(odd, load(what + 32)));
}

/* What a conversion multiplies pairs of 16 bits by: (U, V), and the brightness of x and of x + 1. `more`: a half, without black. */
typedef struct factors {
    __m256i red, green, blue, y[2], more;
} factors;

static inline void convert(const factors *k, __m256i y, __m256i uv, __m256i rgb[3])
{
    uv = _mm256_sub_epi16(uv, _mm256_set1_epi16(128));
    y = _mm256_add_epi32(y, k->more);
    rgb[0] = _mm256_add_epi32(_mm256_madd_epi16(uv, k->red), y);
    rgb[1] = _mm256_add_epi32(_mm256_madd_epi16(uv, k->green), y);
    rgb[2] = _mm256_add_epi32(_mm256_madd_epi16(uv, k->blue), y);
}

/* Numbers of 13 more bits: those of the second pixel stand in the high halves once three bits are added. */
static inline void weigh(__m256i first, __m256i second, __m256i weight, int32_t *to)
{
    __m256i both = _mm256_blend_epi16(_mm256_srai_epi32(first, 13), _mm256_slli_epi32(second, 3), 0xaa);
    both = _mm256_min_epi16(_mm256_max_epi16(both, _mm256_setzero_si256()), _mm256_set1_epi16(255));
    _mm256_storeu_si256((__m256i *)(void *)to, _mm256_madd_epi16(both, weight));
}

/* Bytes at and at + 1 of each four, as 16 bits each. */
static inline __m256i widened(int at)
{
    int k[4];
    for (int i = 0; i < 4; i++)
        k[i] = (int)(0x80008000u | (unsigned)(4 * i + at + 1) << 16 | (unsigned)(4 * i + at));
    return _mm256_broadcastsi128_si256(_mm_setr_epi32(k[0], k[1], k[2], k[3]));
}

void sg_pairs_nv12_avx2(const sg_pairs *p, const sg_yuv *m, const uint8_t *luma, const uint8_t *chroma, int32_t *red,
                        int32_t *green, int32_t *blue)
{
    const factors k = {two16(0, m->rv),
                       two16(m->gu, m->gv),
                       two16(m->bu, 0),
                       {two16(m->y, 0), two16(0, m->y)},
                       _mm256_set1_epi32(4096 - m->black * m->y)};
    const __m256i here = widened(0), next = widened(2), black = _mm256_set1_epi16((short)m->black);
    for (int32_t i = 0; i < p->n; i += 8) {
        __m256i weight = load(p->weight + i), first[3], second[3];
        __m256i y = _mm256_max_epi16(pick(luma, p->window + i / 2, p->luma + (size_t)i * 8), black);
        __m256i c = pick(chroma, p->window + i / 2, p->chroma + (size_t)i * 8);
        convert(&k, _mm256_madd_epi16(y, k.y[0]), _mm256_shuffle_epi8(c, here), first);
        convert(&k, _mm256_madd_epi16(y, k.y[1]), _mm256_shuffle_epi8(c, next), second);
        weigh(first[0], second[0], weight, red + i);
        weigh(first[1], second[1], weight, green + i);
        weigh(first[2], second[2], weight, blue + i);
    }
}

/* Sums are below 2^19: four bits less are 15, and the high half of a product is what the portable loop shifts to. */
static inline __m256i part(const int32_t *p, __m256i weight)
{
    __m256i v = _mm256_packs_epi32(_mm256_srai_epi32(load(p), 4), _mm256_srai_epi32(load(p + 8), 4));
    return _mm256_mulhi_epi16(v, weight);
}

void sg_pairs_down_avx2(const int32_t *a, const int32_t *b, int32_t w0, int32_t w1, int32_t n, uint8_t *to)
{
    const __m256i first = _mm256_set1_epi16((short)w0), second = _mm256_set1_epi16((short)w1), two = _mm256_set1_epi16(2);
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    int32_t i = 0;
    for (; i + 32 <= n; i += 32) {
        __m256i low = _mm256_add_epi16(part(a + i, first), part(b + i, second));
        __m256i high = _mm256_add_epi16(part(a + i + 16, first), part(b + i + 16, second));
        low = _mm256_srai_epi16(_mm256_add_epi16(low, two), 2);
        high = _mm256_srai_epi16(_mm256_add_epi16(high, two), 2);
        /* Two packs leave fours of bytes in the order 0 2 4 6, 1 3 5 7. */
        __m256i bytes = _mm256_permutevar8x32_epi32(_mm256_packus_epi16(low, high), order);
        _mm256_storeu_si256((__m256i *)(void *)(to + i), bytes);
    }
    for (; i < n; i++)
        to[i] = (uint8_t)(((((a[i] >> 4) * w0) >> 16) + (((b[i] >> 4) * w1) >> 16) + 2) >> 2);
}
