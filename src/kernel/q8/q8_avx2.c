/* 8-bit products for AVX2: widened to 16 bits, where pairs are multiplied and added exactly. */
#include "kernel/q8/q8.h"

#include <immintrin.h>
#include <string.h>

/* Eight sums of a pair each belong to four columns: columns 0 1 | 2 3 of a and of b become 0 .. 7 in order. */
static inline __m256i fold(__m256i a, __m256i b)
{
    return _mm256_permute4x64_epi64(_mm256_hadd_epi32(a, b), 0xd8);
}

static inline __m256i scaled(__m256i acc, __m256 scale, __m256 max)
{
    return _mm256_cvtps_epi32(_mm256_min_ps(_mm256_mul_ps(_mm256_cvtepi32_ps(acc), scale), max));
}

/* Sixteen sums to bytes. Only the upper clamp is needed: what converts below int32 saturates when it is narrowed. */
static void store(__m256i a, __m256i b, const float *scale, const sg_q8_out *o, int count, uint8_t *y)
{
    const __m256 max = _mm256_set1_ps((float)(o->hi - o->zero));
    a = scaled(a, _mm256_loadu_ps(scale), max);
    b = scaled(b, _mm256_loadu_ps(scale + 8), max);
    __m256i v = _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), 0xd8);
    v = _mm256_adds_epi16(v, _mm256_set1_epi16((short)o->zero));
    __m128i lo = _mm256_castsi256_si128(v), hi = _mm256_extracti128_si256(v, 1);
    __m128i q = o->lo < 0 ? _mm_packs_epi16(lo, hi) : _mm_packus_epi16(lo, hi);
    uint8_t out[16];
    if (count == 16) {
        _mm_storeu_si128((__m128i *)y, q);
        return;
    }
    _mm_storeu_si128((__m128i *)out, q);
    memcpy(y, out, (size_t)count);
}

static inline __m256i bias_of(const int32_t *bias, int v)
{
    return _mm256_loadu_si256((const __m256i *)(bias + 8 * v));
}

/* Four bytes of x as 16-bit integers, four times over. */
static inline __m256i four(const uint8_t *x, __m128i flip)
{
    int v;
    memcpy(&v, x, sizeof v);
    return _mm256_cvtepu8_epi16(_mm_xor_si128(_mm_set1_epi32(v), flip));
}

static inline __m256i wide(const int8_t *w)
{
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)w));
}

typedef struct sums {
    __m256i a[4], b[4]; /* of two rows: four columns each, in two parts */
} sums;

/* s += groups of four bytes of rows x and y times the panel w. */
static inline const int8_t *add(sums *s, const uint8_t *x, const uint8_t *y, int64_t groups, const int8_t *w, __m128i flip)
{
    sums t = *s;
    for (; groups > 0; groups--, x += 4, y += 4, w += 64) {
        const __m256i u = four(x, flip), v = four(y, flip);
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++) {
            const __m256i c = wide(w + 16 * i);
            t.a[i] = _mm256_add_epi32(t.a[i], _mm256_madd_epi16(u, c));
            t.b[i] = _mm256_add_epi32(t.b[i], _mm256_madd_epi16(v, c));
        }
    }
    *s = t;
    return w;
}

static void store_row(const sg_q8_tile *t, const __m256i a[4], uint8_t *y)
{
    __m256i lo = _mm256_add_epi32(fold(a[0], a[1]), bias_of(t->bias, 0));
    __m256i hi = _mm256_add_epi32(fold(a[2], a[3]), bias_of(t->bias, 1));
    if (t->scale) {
        store(lo, hi, t->scale, &t->out, t->columns, y);
    } else {
        int32_t sum[16];
        _mm256_storeu_si256((__m256i *)sum, lo);
        _mm256_storeu_si256((__m256i *)(sum + 8), hi);
        memcpy(y, sum, (size_t)t->columns * sizeof *sum);
    }
}

void sg_q8_tile_avx2(const sg_q8_tile *t)
{
    const __m128i flip = _mm_set1_epi32((int)t->flip);
    const uint8_t *x = t->x, *y = t->x + (t->rows > 1 ? t->x_pitch : 0);
    const int8_t *w = t->w;
    sums s;
    for (int i = 0; i < 4; i++)
        s.a[i] = s.b[i] = _mm256_setzero_si256();
    for (int64_t r = 0; r < t->runs; r++)
        w = add(&s, x + t->run[r], y + t->run[r], t->fours, w, flip);
    store_row(t, s.a, t->y);
    if (t->rows > 1)
        store_row(t, s.b, t->y + t->y_pitch);
}

/* ---- depthwise -------------------------------------------------------------------------------------------------- */

static inline __m128i channels(const uint8_t *x, int count, __m128i flip)
{
    uint8_t some[16] = {0};
    if (count == 16)
        return _mm_xor_si128(_mm_loadu_si128((const __m128i *)x), flip);
    memcpy(some, x, (size_t)count);
    return _mm_xor_si128(_mm_loadu_si128((const __m128i *)some), flip);
}

/* Four interleaved taps of four channels, against their weights. */
static inline __m256i times(__m256i acc, __m128i x, const int8_t *w)
{
    return _mm256_add_epi32(acc, _mm256_madd_epi16(_mm256_cvtepu8_epi16(x), wide(w)));
}

static void dw_block(const sg_q8_dw *d, int64_t i, int64_t from, int count)
{
    const __m128i flip = _mm_set1_epi32((int)d->flip);
    const int8_t *w = d->w + from * d->taps;
    __m256i a0 = _mm256_setzero_si256(), a1 = a0, a2 = a0, a3 = a0;
    for (int t = 0; t < d->taps; t += 4, w += 64) {
        const uint8_t *x = d->x + i * d->step + from;
        const int64_t *tap = d->tap + t;
        __m128i x0 = channels(x + tap[0], count, flip), x1 = channels(x + tap[1], count, flip);
        __m128i x2 = channels(x + tap[2], count, flip), x3 = channels(x + tap[3], count, flip);
        __m128i p = _mm_unpacklo_epi8(x0, x1), q = _mm_unpackhi_epi8(x0, x1);
        __m128i r = _mm_unpacklo_epi8(x2, x3), s = _mm_unpackhi_epi8(x2, x3);
        a0 = times(a0, _mm_unpacklo_epi16(p, r), w);
        a1 = times(a1, _mm_unpackhi_epi16(p, r), w + 16);
        a2 = times(a2, _mm_unpacklo_epi16(q, s), w + 32);
        a3 = times(a3, _mm_unpackhi_epi16(q, s), w + 48);
    }
    store(_mm256_add_epi32(fold(a0, a1), bias_of(d->bias + from, 0)), _mm256_add_epi32(fold(a2, a3), bias_of(d->bias + from, 1)),
          d->scale + from, &d->out, count, d->y + i * d->y_pitch + from);
}

void sg_q8_dw_avx2(const sg_q8_dw *d)
{
    for (int64_t c = 0; c < d->channels; c += 16)
        for (int64_t i = 0; i < d->n; i++)
            dw_block(d, i, c, d->channels - c < 16 ? (int)(d->channels - c) : 16);
}
