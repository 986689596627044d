/* Pairs of pixels with AVX2, eight at a time: the same bits as the portable loops. */
#include "media/pairs.h"

#include <immintrin.h>

static inline __m256i two16(int low, int high)
{
    return _mm256_set1_epi32((int)((unsigned)low & 0xffff) | (int)((unsigned)high << 16));
}

static inline __m256i load(const int32_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

/* The lowest byte of each lane of y, and byte `at` of each lane of c in the high half. */
static inline __m256i beside(__m256i y, __m256i c, int at)
{
    const __m256i pick = _mm256_setr_epi8(-1, -1, (char)at, -1, -1, -1, (char)(at + 4), -1, -1, -1, (char)(at + 8), -1, -1, -1,
                                          (char)(at + 12), -1, -1, -1, (char)at, -1, -1, -1, (char)(at + 4), -1, -1, -1,
                                          (char)(at + 8), -1, -1, -1, (char)(at + 12), -1);
    return _mm256_or_si256(y, _mm256_shuffle_epi8(c, pick));
}

/* What a conversion multiplies by, in pairs of 16 bits: (Y, Cr) and (Y, Cb). */
typedef struct factors {
    __m256i black, less, red, green, green_v, blue, half;
} factors;

static inline void convert(const factors *k, __m256i y, __m256i c, __m256i rgb[3])
{
    y = _mm256_max_epi16(y, k->black);
    __m256i yu = _mm256_sub_epi16(beside(y, c, 0), k->less), yv = _mm256_sub_epi16(beside(y, c, 1), k->less);
    __m256i r = _mm256_madd_epi16(yv, k->red), b = _mm256_madd_epi16(yu, k->blue);
    __m256i g = _mm256_add_epi32(_mm256_madd_epi16(yu, k->green), _mm256_madd_epi16(yv, k->green_v));
    rgb[0] = _mm256_srai_epi32(_mm256_add_epi32(r, k->half), 13);
    rgb[1] = _mm256_srai_epi32(_mm256_add_epi32(g, k->half), 13);
    rgb[2] = _mm256_srai_epi32(_mm256_add_epi32(b, k->half), 13);
}

static inline void weigh(__m256i first, __m256i second, __m256i weight, int32_t *to)
{
    __m256i both = _mm256_blend_epi16(first, _mm256_slli_epi32(second, 16), 0xaa);
    both = _mm256_min_epi16(_mm256_max_epi16(both, _mm256_setzero_si256()), _mm256_set1_epi16(255));
    _mm256_storeu_si256((__m256i *)(void *)to, _mm256_madd_epi16(both, weight));
}

void sg_pairs_nv12_avx2(const sg_pairs *p, const sg_yuv *m, const uint8_t *luma, const uint8_t *chroma, int32_t *red,
                        int32_t *green, int32_t *blue)
{
    const factors k = {two16(m->black, 0), two16(m->black, 128), two16(m->y, m->rv),     two16(m->y, m->gu),
                       two16(0, m->gv),    two16(m->y, m->bu),   _mm256_set1_epi32(4096)};
    const __m256i byte = _mm256_set1_epi32(255);
    for (int32_t i = 0; i < p->n; i += 8) {
        __m256i at = load(p->at + i), weight = load(p->weight + i), first[3], second[3];
        __m256i y = _mm256_i32gather_epi32((const int *)(const void *)luma, at, 1);
        __m256i c = _mm256_i32gather_epi32((const int *)(const void *)chroma, _mm256_andnot_si256(_mm256_set1_epi32(1), at), 1);
        y = _mm256_srlv_epi32(y, load(p->luma_shift + i));
        convert(&k, _mm256_and_si256(y, byte), _mm256_srlv_epi32(c, load(p->shift[0] + i)), first);
        convert(&k, _mm256_and_si256(_mm256_srli_epi32(y, 8), byte), _mm256_srlv_epi32(c, load(p->shift[1] + i)), second);
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
