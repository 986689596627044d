/* 8-bit products for AVX-512 with VNNI: four bytes of a column are multiplied and added by one instruction. */
#include "kernel/q8/q8.h"

#include <immintrin.h>
#include <string.h>

/* Sums to 8 bits. Only the upper clamp is needed: what converts below int32 saturates when it is narrowed. */
typedef struct narrowing {
    __m512 max;
    __m512i zero; /* 16-bit */
    bool is_signed;
} narrowing;

static inline narrowing narrowing_of(const sg_q8_out *o)
{
    return (narrowing){_mm512_set1_ps((float)(o->hi - o->zero)), _mm512_set1_epi16((short)o->zero), o->lo < 0};
}

static inline __m512i scaled(__m512i acc, __m512 scale, const narrowing *n)
{
    return _mm512_cvtps_epi32(_mm512_min_ps(_mm512_mul_ps(_mm512_cvtepi32_ps(acc), scale), n->max));
}

/* Four vectors to one of bytes: lane by lane, 4 bytes of each. */
static inline __m512i narrow(__m512i a, __m512i b, __m512i c, __m512i d, const narrowing *n)
{
    __m512i lo = _mm512_adds_epi16(_mm512_packs_epi32(a, b), n->zero), hi = _mm512_adds_epi16(_mm512_packs_epi32(c, d), n->zero);
    return n->is_signed ? _mm512_packs_epi16(lo, hi) : _mm512_packus_epi16(lo, hi);
}

/* ---- products --------------------------------------------------------------------------------------------------- */

#define ROWS   8
#define PANELS 3

static inline __m512i four(const uint8_t *at)
{
    int v;
    memcpy(&v, at, sizeof v);
    return _mm512_set1_epi32(v);
}

typedef __m512i sums[ROWS][PANELS];

/* to = from + `groups` fours of x times the panels w. Where all rows start from one row of sums, `next` is 0. */
typedef struct part {
    const uint8_t *x;
    int64_t pitch, groups;
    const int8_t *w;
    int64_t w_pitch;
    uint32_t flip;
    const int32_t *from;
    int next;
    __m512i (*to)[PANELS];
} part;

/* Accumulators are variables, and in functions that do nothing else: gcc 12 keeps arrays of them in memory, and variables too where
 * they live on past the block of the loop. a, b and c are a row's three panels. */
#define EACH_ROW(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7)

static inline __attribute__((always_inline)) void add(const part *p, const int rows, const int panels, const bool flips)
{
    const __m512i flip = _mm512_set1_epi32((int)p->flip);
    const int32_t *from = p->from;
    const int64_t pitch = p->pitch, w_pitch = p->w_pitch;
    const int next = p->next;
    const uint8_t *x = p->x;
    const int8_t *w = p->w;
#define START(r)                                                                                                             \
    __m512i a##r = _mm512_loadu_si512(from + next * r), b##r = panels > 1 ? _mm512_loadu_si512(from + next * r + 16) : a##r, \
            c##r = panels > 2 ? _mm512_loadu_si512(from + next * r + 32) : a##r;
#define SUM(r)                                       \
    if (rows > r) {                                  \
        __m512i v = four(x + r * pitch);             \
        if (flips)                                   \
            v = _mm512_xor_si512(v, flip);           \
        a##r = _mm512_dpbusd_epi32(a##r, v, u0);     \
        if (panels > 1)                              \
            b##r = _mm512_dpbusd_epi32(b##r, v, u1); \
        if (panels > 2)                              \
            c##r = _mm512_dpbusd_epi32(c##r, v, u2); \
    }
#define KEEP(r)                 \
    if (rows > r) {             \
        p->to[r][0] = a##r;     \
        if (panels > 1)         \
            p->to[r][1] = b##r; \
        if (panels > 2)         \
            p->to[r][2] = c##r; \
    }
    EACH_ROW(START)
    for (int64_t n = p->groups; n > 0; n--, x += 4, w += 64) {
        const __m512i u0 = _mm512_loadu_si512(w), u1 = panels > 1 ? _mm512_loadu_si512(w + w_pitch) : u0,
                      u2 = panels > 2 ? _mm512_loadu_si512(w + 2 * w_pitch) : u0;
        EACH_ROW(SUM)
    }
    EACH_ROW(KEEP)
}

#define ADD(rows, panels)                                      \
    static void add_##rows##x##panels(const part *p)           \
    {                                                          \
        add(p, rows, panels, false);                           \
    }                                                          \
    static void add_##rows##x##panels##_flipped(const part *p) \
    {                                                          \
        add(p, rows, panels, true);                            \
    }
#define ADDS(rows) ADD(rows, 1) ADD(rows, 2) ADD(rows, 3)
ADDS(1)
ADDS(2)
ADDS(3)
ADDS(4)
ADDS(5)
ADDS(6)
ADDS(7)
ADDS(8)

static inline void store_sums(const sg_q8_tile *t, const __m512i *s, uint8_t *y)
{
    for (int from = 0; from < t->columns; from += 16, s++) {
        int left = t->columns - from;
        _mm512_mask_storeu_epi32(y + 4 * from, _cvtu32_mask16(0xffffu >> (left < 16 ? 16 - left : 0)), *s);
    }
}

static void store(const sg_q8_tile *t, sums s)
{
    const narrowing n = narrowing_of(&t->out);
    const __mmask64 mask = _cvtu64_mask64(UINT64_MAX >> (64 - t->columns));
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const int b = t->columns > 16, c = t->columns > 32 ? 2 : b; /* a panel that is not there is one that is */
    for (int r = 0; r < t->rows; r++) {
        uint8_t *y = t->y + r * t->y_pitch;
        if (!t->scale) {
            store_sums(t, s[r], y);
            continue;
        }
        __m512i u = scaled(s[r][0], _mm512_loadu_ps(t->scale), &n), v = scaled(s[r][b], _mm512_loadu_ps(t->scale + 16 * b), &n);
        __m512i w = scaled(s[r][c], _mm512_loadu_ps(t->scale + 16 * c), &n);
        _mm512_mask_storeu_epi8(y, mask, _mm512_permutexvar_epi32(order, narrow(u, v, w, w, &n)));
    }
}

void sg_q8_tile_avx512vnni(const sg_q8_tile *t)
{
#define BOTH(rows, panels) {add_##rows##x##panels, add_##rows##x##panels##_flipped}
#define ROW(rows)          {BOTH(rows, 1), BOTH(rows, 2), BOTH(rows, 3)}
    static void (*const adds[ROWS][PANELS][2])(const part *p) = {ROW(1), ROW(2), ROW(3), ROW(4), ROW(5), ROW(6), ROW(7), ROW(8)};
    void (*const to_sums)(const part *p) = adds[t->rows - 1][(t->columns - 1) / 16][t->flip != 0];
    const int64_t whole = t->k & ~(int64_t)3, tail = t->k - whole;
    uint8_t few[ROWS * 4] = {0};
    sums s;
    part p = {.w = t->w, .w_pitch = t->w_pitch, .flip = t->flip, .from = t->bias, .to = s};
    for (int r = 0; tail && r < t->rows; r++)
        memcpy(few + 4 * r, t->x + r * t->x_pitch + whole, (size_t)tail);
    for (int half = 0; half < 2 * t->layers; half++) { /* of a layer: what is whole, then the tail */
        p.x = half % 2 ? few : t->x;
        p.pitch = half % 2 ? 4 : t->x_pitch;
        p.groups = half % 2 ? tail > 0 : whole / 4;
        if (half && !p.groups)
            continue;
        to_sums(&p);
        p.w += p.groups * SG_Q8_N * SG_Q8_K;
        p.from = (const int32_t *)s;
        p.next = 16 * PANELS;
    }
    store(t, s);
}

/* ---- depthwise -------------------------------------------------------------------------------------------------- */

/* Four taps of 64 channels, interleaved: lanes hold 16 channels, vector v the v-th four of each. */
static inline __attribute__((always_inline)) void interleave(const __m512i x[4], __m512i to[4])
{
    __m512i a = _mm512_unpacklo_epi8(x[0], x[1]), b = _mm512_unpackhi_epi8(x[0], x[1]);
    __m512i c = _mm512_unpacklo_epi8(x[2], x[3]), d = _mm512_unpackhi_epi8(x[2], x[3]);
    to[0] = _mm512_unpacklo_epi16(a, c);
    to[1] = _mm512_unpackhi_epi16(a, c);
    to[2] = _mm512_unpacklo_epi16(b, d);
    to[3] = _mm512_unpackhi_epi16(b, d);
}

/* Channels [from, from + channels) of output i: a block of `lanes` lanes; `mask` has those that are there. Vectors hold one lane of
 * 16 bytes for each, the rest of the register is not looked at. */
static inline __attribute__((always_inline)) void dw_block(const sg_q8_dw *d, int64_t from, const int lanes, __mmask64 mask)
{
    const narrowing n = narrowing_of(&d->out);
    const __m512i flip = _mm512_set1_epi32((int)d->flip);
    const __mmask64 here = lanes == 4 ? _cvtu64_mask64(UINT64_MAX) : _cvtu64_mask64(((uint64_t)1 << (16 * lanes)) - 1);
    const int8_t *w0 = d->w + from * d->taps;
    for (int64_t i = 0; i < d->n; i++) {
        const int8_t *w = w0;
        __m512i acc[4], x[4], u[4];
#pragma GCC unroll 4
        for (int v = 0; v < 4; v++)
            acc[v] = _mm512_maskz_loadu_epi8(here, d->bias + from + 4 * lanes * v);
        for (int t = 0; t < d->taps; t += 4, w += 64 * lanes) {
#pragma GCC unroll 4
            for (int j = 0; j < 4; j++)
                x[j] = _mm512_xor_si512(_mm512_maskz_loadu_epi8(mask, d->tap[t + j] + i * d->step[t + j] + from), flip);
            interleave(x, u);
#pragma GCC unroll 4
            for (int v = 0; v < 4; v++)
                acc[v] = _mm512_dpbusd_epi32(acc[v], u[v], _mm512_maskz_loadu_epi8(here, w + 16 * lanes * v));
        }
#pragma GCC unroll 4
        for (int v = 0; v < 4; v++)
            acc[v] = scaled(acc[v], _mm512_castsi512_ps(_mm512_maskz_loadu_epi8(here, d->scale + from + 4 * lanes * v)), &n);
        _mm512_mask_storeu_epi8(d->y + i * d->y_pitch + from, mask, narrow(acc[0], acc[1], acc[2], acc[3], &n));
    }
}

static inline __attribute__((always_inline)) __m512i tap_of(const sg_q8_dw *d, int tap, int64_t i, int64_t from, __mmask64 mask)
{
    return _mm512_xor_si512(_mm512_maskz_loadu_epi8(mask, d->tap[tap] + i * d->step[tap] + from),
                            _mm512_set1_epi32((int)d->flip));
}

/* A column of three taps of output i; the fourth has no weight, and repeats the third. */
static inline __attribute__((always_inline)) void column(const sg_q8_dw *d, int tap, int64_t i, int64_t from, __mmask64 mask,
                                                         __m512i to[4])
{
    __m512i x2 = tap_of(d, tap + 2, i, from, mask);
    const __m512i x[4] = {tap_of(d, tap, i, from, mask), tap_of(d, tap + 1, i, from, mask), x2, x2};
    interleave(x, to);
}

/* As dw_block where columns of one output are columns of the next: every column is read once, and weights stay in registers. */
static inline __attribute__((always_inline)) void dw_slide(const sg_q8_dw *d, int64_t from, const int lanes, __mmask64 mask,
                                                           const int stride)
{
    const narrowing n = narrowing_of(&d->out);
    const __mmask64 here = lanes == 4 ? _cvtu64_mask64(UINT64_MAX) : _cvtu64_mask64(((uint64_t)1 << (16 * lanes)) - 1);
    __m512i w[12], a[4], b[4], c[4], acc[4];
#pragma GCC unroll 12
    for (int v = 0; v < 12; v++)
        w[v] = _mm512_maskz_loadu_epi8(here, d->w + from * 12 + 16 * lanes * v);
    column(d, 0, 0, from, mask, stride == 1 ? b : c);
    if (stride == 1)
        column(d, 4, 0, from, mask, c);
    for (int64_t i = 0; i < d->n; i++) {
#pragma GCC unroll 4
        for (int v = 0; v < 4; v++) {
            a[v] = stride == 1 ? b[v] : c[v];
            b[v] = c[v];
        }
        if (stride == 2)
            column(d, 4, i, from, mask, b);
        column(d, 8, i, from, mask, c);
#pragma GCC unroll 4
        for (int v = 0; v < 4; v++) {
            acc[v] = _mm512_dpbusd_epi32(_mm512_maskz_loadu_epi8(here, d->bias + from + 4 * lanes * v), a[v], w[v]);
            acc[v] = _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(acc[v], b[v], w[4 + v]), c[v], w[8 + v]);
            acc[v] = scaled(acc[v], _mm512_castsi512_ps(_mm512_maskz_loadu_epi8(here, d->scale + from + 4 * lanes * v)), &n);
        }
        _mm512_mask_storeu_epi8(d->y + i * d->y_pitch + from, mask, narrow(acc[0], acc[1], acc[2], acc[3], &n));
    }
}

#define DW(lanes)                                                                    \
    static void dw_##lanes(const sg_q8_dw *d, int64_t from, __mmask64 mask)          \
    {                                                                                \
        dw_block(d, from, lanes, mask);                                              \
    }                                                                                \
    static void dw_##lanes##_by_one(const sg_q8_dw *d, int64_t from, __mmask64 mask) \
    {                                                                                \
        dw_slide(d, from, lanes, mask, 1);                                           \
    }                                                                                \
    static void dw_##lanes##_by_two(const sg_q8_dw *d, int64_t from, __mmask64 mask) \
    {                                                                                \
        dw_slide(d, from, lanes, mask, 2);                                           \
    }
DW(1)
DW(2)
DW(4)

void sg_q8_dw_avx512vnni(const sg_q8_dw *d)
{
    static void (*const blocks[3][3])(const sg_q8_dw *d, int64_t from, __mmask64 mask) = {
        {dw_1, dw_1_by_one, dw_1_by_two}, {dw_2, dw_2_by_one, dw_2_by_two}, {dw_4, dw_4_by_one, dw_4_by_two}};
    for (int64_t c = 0; c < d->channels;) {
        int64_t left = d->channels - c;
        int lanes = sg_q8_dw_lanes(left, 4);
        __mmask64 mask = _cvtu64_mask64(UINT64_MAX >> (64 - (left < 16 * lanes ? left : 16 * lanes)));
        blocks[lanes / 2][d->slides](d, c, mask);
        c += 16 * lanes;
    }
}
