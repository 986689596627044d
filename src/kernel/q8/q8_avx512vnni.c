/* 8-bit products for AVX-512 with VNNI: four bytes of a column are multiplied and added by one instruction. */
#include "kernel/q8/q8.h"

#include <immintrin.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

/* Sums to 8 bits. Where a scaled sum may pass int32 it is clamped from above first; what converts below int32 saturates when it is
 * narrowed. */
typedef struct narrowing {
    __m512 max;
    __m512i zero; /* 16-bit */
    bool is_signed, small;
} narrowing;

INLINE narrowing narrowing_of(const sg_q8_out *o)
{
    return (narrowing){_mm512_set1_ps((float)(o->hi - o->zero)), _mm512_set1_epi16((short)o->zero), o->lo < 0, o->small};
}

INLINE __m512i scaled(__m512i acc, __m512 scale, const narrowing *n)
{
    __m512 v = _mm512_mul_ps(_mm512_cvtepi32_ps(acc), scale);
    if (!n->small)
        v = _mm512_min_ps(v, n->max);
    return _mm512_cvtps_epi32(v);
}

/* Four vectors to one of bytes: lane by lane, 4 bytes of each. */
INLINE __m512i narrow(__m512i a, __m512i b, __m512i c, __m512i d, const narrowing *n)
{
    __m512i lo = _mm512_adds_epi16(_mm512_packs_epi32(a, b), n->zero), hi = _mm512_adds_epi16(_mm512_packs_epi32(c, d), n->zero);
    return n->is_signed ? _mm512_packs_epi16(lo, hi) : _mm512_packus_epi16(lo, hi);
}

/* ---- products --------------------------------------------------------------------------------------------------- */

#define ROWS   8
#define PANELS 3

INLINE __m512i four(const uint8_t *at)
{
    int v;
    memcpy(&v, at, sizeof v);
    return _mm512_set1_epi32(v);
}

/* acc += four products of every column. Not the intrinsic: gcc 12 copies and spills its accumulators in tiles of this size. */
INLINE __m512i dot(__m512i acc, __m512i x, __m512i w)
{
    __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(x), "v"(w));
    return acc;
}

/* What the end of a tile needs. */
typedef struct ending {
    narrowing n;
    __m512i order;
    __m512 scale[PANELS];
    __mmask64 mask;
} ending;

INLINE void finish(const sg_q8_tile *t, const ending *e, int row, const int panels, __m512i a, __m512i b, __m512i c)
{
    uint8_t *y = t->y + row * t->y_pitch;
    a = scaled(a, e->scale[0], &e->n);
    b = panels > 1 ? scaled(b, e->scale[1], &e->n) : a;
    c = panels > 2 ? scaled(c, e->scale[2], &e->n) : b;
    _mm512_mask_storeu_epi8(y, e->mask, _mm512_permutexvar_epi32(e->order, narrow(a, b, c, c, &e->n)));
}

INLINE void finish_sums(const sg_q8_tile *t, int row, const int panels, __m512i a, __m512i b, __m512i c)
{
    uint8_t *y = t->y + row * t->y_pitch;
    const __m512i sum[PANELS] = {a, b, c};
#pragma GCC unroll 3
    for (int p = 0; p < panels; p++) {
        int left = t->columns - 16 * p;
        _mm512_mask_storeu_epi32(y + 64 * p, _cvtu32_mask16(0xffffu >> (left < 16 ? 16 - left : 0)), sum[p]);
    }
}

/* Accumulators are variables: gcc 12 keeps arrays of them in memory. a, b and c are a row's three panels. */
#define EACH_ROW(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7)

INLINE void tile(const sg_q8_tile *t, const int rows, const int panels, const bool flips)
{
    const __m512i flip = _mm512_set1_epi32((int)t->flip);
    const int64_t pitch = t->x_pitch, w_pitch = t->w_pitch;
    const __m512i a = _mm512_loadu_si512(t->bias), b = panels > 1 ? _mm512_loadu_si512(t->bias + 16) : a,
                  c = panels > 2 ? _mm512_loadu_si512(t->bias + 32) : a;
    const int8_t *w = t->w;
#define START(r) __m512i a##r = a, b##r = b, c##r = c;
#define SUM(r)                             \
    if (rows > r) {                        \
        __m512i v = four(x + r * pitch);   \
        if (flips)                         \
            v = _mm512_xor_si512(v, flip); \
        a##r = dot(a##r, v, u0);           \
        if (panels > 1)                    \
            b##r = dot(b##r, v, u1);       \
        if (panels > 2)                    \
            c##r = dot(c##r, v, u2);       \
    }
    EACH_ROW(START)
    for (int64_t r = 0; r < t->runs; r++) {
        const uint8_t *x = t->x + t->run[r];
        for (int64_t n = t->fours; n > 0; n--, x += 4, w += 64) {
            const __m512i u0 = _mm512_loadu_si512(w), u1 = panels > 1 ? _mm512_loadu_si512(w + w_pitch) : u0,
                          u2 = panels > 2 ? _mm512_loadu_si512(w + 2 * w_pitch) : u0;
            EACH_ROW(SUM)
        }
    }
    if (!t->scale) {
#define SUMS(r)   \
    if (rows > r) \
        finish_sums(t, r, panels, a##r, b##r, c##r);
        EACH_ROW(SUMS)
        return;
    }
    const float *s = t->scale;
    const ending e = {
        .n = narrowing_of(&t->out),
        .order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15),
        .scale = {_mm512_loadu_ps(s), _mm512_loadu_ps(panels > 1 ? s + 16 : s), _mm512_loadu_ps(panels > 2 ? s + 32 : s)},
        .mask = _cvtu64_mask64(UINT64_MAX >> (64 - t->columns))};
#define FINISH(r) \
    if (rows > r) \
        finish(t, &e, r, panels, a##r, b##r, c##r);
    EACH_ROW(FINISH)
}

#define TILE(rows, panels)                                            \
    static void tile_##rows##x##panels(const sg_q8_tile *t)           \
    {                                                                 \
        tile(t, rows, panels, false);                                 \
    }                                                                 \
    static void tile_##rows##x##panels##_flipped(const sg_q8_tile *t) \
    {                                                                 \
        tile(t, rows, panels, true);                                  \
    }
#define TILES(rows) TILE(rows, 1) TILE(rows, 2) TILE(rows, 3)
TILES(1)
TILES(2)
TILES(3)
TILES(4)
TILES(5)
TILES(6)
TILES(7)
TILES(8)

void sg_q8_tile_avx512vnni(const sg_q8_tile *t)
{
#define BOTH(rows, panels) {tile_##rows##x##panels, tile_##rows##x##panels##_flipped}
#define ROW(rows)          {BOTH(rows, 1), BOTH(rows, 2), BOTH(rows, 3)}
    static void (*const tiles[ROWS][PANELS][2])(const sg_q8_tile *t) = {ROW(1), ROW(2), ROW(3), ROW(4),
                                                                        ROW(5), ROW(6), ROW(7), ROW(8)};
    tiles[t->rows - 1][(t->columns - 1) / 16][t->flip != 0](t);
}

/* ---- one row ---------------------------------------------------------------------------------------------------- */

/* A panel of weights is read from end to end, as fast as it comes; four sums of every column hide the time that adding takes. */
INLINE __m512i row_sums(const sg_q8_tile *t, const int8_t *w, const int32_t *bias, const bool flips)
{
    const __m512i flip = _mm512_set1_epi32((int)t->flip);
    __m512i a = _mm512_loadu_si512(bias), b = _mm512_setzero_si512(), c = b, d = b;
#define ADD(acc, i)                                          \
    {                                                        \
        __m512i v = four(x + 4 * (i));                       \
        if (flips)                                           \
            v = _mm512_xor_si512(v, flip);                   \
        acc = dot(acc, v, _mm512_loadu_si512(w + 64 * (i))); \
    }
    for (int64_t r = 0; r < t->runs; r++) {
        const uint8_t *x = t->x + t->run[r];
        int64_t n = t->fours;
        for (; n >= 4; n -= 4, x += 16, w += 256) {
            ADD(a, 0)
            ADD(b, 1)
            ADD(c, 2)
            ADD(d, 3)
        }
        for (; n > 0; n--, x += 4, w += 64)
            ADD(a, 0)
    }
    return _mm512_add_epi32(_mm512_add_epi32(a, b), _mm512_add_epi32(c, d));
}

INLINE void row(const sg_q8_tile *t, const bool flips)
{
    const narrowing n = narrowing_of(&t->out);
    const int8_t *w = t->w;
    for (int at = 0; at < t->columns; at += 16, w += t->w_pitch) {
        const __mmask16 here = _cvtu32_mask16(0xffffu >> (t->columns - at < 16 ? 16 - (t->columns - at) : 0));
        __m512i a = row_sums(t, w, t->bias + at, flips);
        if (!t->scale) {
            _mm512_mask_storeu_epi32(t->y + 4 * at, here, a);
            continue;
        }
        a = scaled(a, _mm512_loadu_ps(t->scale + at), &n);
        a = _mm512_permutexvar_epi32(_mm512_setr_epi32(0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12),
                                     narrow(a, a, a, a, &n));
        _mm_mask_storeu_epi8(t->y + at, here, _mm512_castsi512_si128(a));
    }
}

void sg_q8_row_avx512vnni(const sg_q8_tile *t)
{
    if (t->flip)
        row(t, true);
    else
        row(t, false);
}
