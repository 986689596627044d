/* Depthwise convolution with dot products of four bytes: a template for one width of vectors of AVX-512. What includes it has defined
 * W(name), the name with the width; V(op), the intrinsic; V_INT, V_FLOAT and V_MASK; LANES, of 16 bytes in a vector. */

typedef struct W(narrowing) {
    V_FLOAT max;
    V_INT zero; /* 16-bit */
    bool is_signed, small;
} W(narrowing);

INLINE W(narrowing) W(narrowing_of)(const sg_q8_out *o)
{
    return (W(narrowing)){V(set1_ps)((float)(o->hi - o->zero)), V(set1_epi16)((short)o->zero), o->lo < 0, o->small};
}

/* acc += four products of every channel. Not the intrinsic: gcc 12 copies and spills its accumulators. */
INLINE V_INT W(dot)(V_INT acc, V_INT x, V_INT w)
{
    __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(x), "vm"(w));
    return acc;
}

INLINE V_INT W(load)(const void *p)
{
    return V(loadu_epi32)(p);
}

INLINE V_INT W(scaled)(V_INT acc, const float *scale, const W(narrowing) * n)
{
    V_FLOAT v = V(mul_ps)(V(cvtepi32_ps)(acc), V(loadu_ps)(scale));
    if (!n->small)
        v = V(min_ps)(v, n->max);
    return V(cvtps_epi32)(v);
}

/* Four vectors of sums, as interleaving orders them, to bytes in the order of the channels. */
INLINE void W(put)(uint8_t *y, V_MASK mask, const V_INT acc[4], const float *scale, const W(narrowing) * n)
{
    V_INT a = W(scaled)(acc[0], scale, n), b = W(scaled)(acc[1], scale + 4 * LANES, n);
    V_INT c = W(scaled)(acc[2], scale + 8 * LANES, n), d = W(scaled)(acc[3], scale + 12 * LANES, n);
    a = V(adds_epi16)(V(packs_epi32)(a, b), n->zero);
    c = V(adds_epi16)(V(packs_epi32)(c, d), n->zero);
    V(mask_storeu_epi8)(y, mask, n->is_signed ? V(packs_epi16)(a, c) : V(packus_epi16)(a, c));
}

/* Four taps of 16 LANES channels, interleaved: lanes hold 16 channels, vector v the v-th four of each. */
INLINE void W(interleave)(const V_INT x[4], V_INT to[4])
{
    V_INT a = V(unpacklo_epi8)(x[0], x[1]), b = V(unpackhi_epi8)(x[0], x[1]);
    V_INT c = V(unpacklo_epi8)(x[2], x[3]), d = V(unpackhi_epi8)(x[2], x[3]);
    to[0] = V(unpacklo_epi16)(a, c);
    to[1] = V(unpackhi_epi16)(a, c);
    to[2] = V(unpacklo_epi16)(b, d);
    to[3] = V(unpackhi_epi16)(b, d);
}

INLINE V_INT W(channels)(const uint8_t *x, V_MASK mask, V_INT flip)
{
    return V(xor_epi32)(V(maskz_loadu_epi8)(mask, x), flip);
}

/* Any taps, channels from `from` on. */
static void W(dw_any)(const sg_q8_dw *d, int64_t from, V_MASK mask)
{
    const W(narrowing) n = W(narrowing_of)(&d->out);
    const V_INT flip = V(set1_epi32)((int)d->flip);
    const int32_t *bias = d->bias + from;
    const uint8_t *x = d->x + from;
    uint8_t *y = d->y + from;
    for (int64_t i = 0; i < d->n; i++, x += d->step, y += d->y_pitch) {
        const int8_t *w = d->w + from * d->taps;
        V_INT acc[4] = {W(load)(bias), W(load)(bias + 4 * LANES), W(load)(bias + 8 * LANES), W(load)(bias + 12 * LANES)};
        for (int t = 0; t < d->taps; t += 4, w += 64 * LANES) {
            const V_INT u[4] = {W(channels)(x + d->tap[t], mask, flip), W(channels)(x + d->tap[t + 1], mask, flip),
                                W(channels)(x + d->tap[t + 2], mask, flip), W(channels)(x + d->tap[t + 3], mask, flip)};
            V_INT v[4];
            W(interleave)(u, v);
            acc[0] = W(dot)(acc[0], v[0], W(load)(w));
            acc[1] = W(dot)(acc[1], v[1], W(load)(w + 16 * LANES));
            acc[2] = W(dot)(acc[2], v[2], W(load)(w + 32 * LANES));
            acc[3] = W(dot)(acc[3], v[3], W(load)(w + 48 * LANES));
        }
        W(put)(y, mask, acc, d->scale + from, &n);
    }
}

/* A column of three taps, or of four for two rows; the fourth of three has no weight, and repeats the third. */
INLINE void W(column)(const uint8_t *x, int64_t line, V_MASK mask, V_INT flip, const int lines, V_INT to[4])
{
    const V_INT x2 = W(channels)(x + 2 * line, mask, flip);
    const V_INT u[4] = {W(channels)(x, mask, flip), W(channels)(x + line, mask, flip), x2,
                        lines == 4 ? W(channels)(x + 3 * line, mask, flip) : x2};
    W(interleave)(u, to);
}

INLINE void W(add_columns)(V_INT acc[4], const V_INT a[4], const V_INT b[4], const V_INT c[4], const V_INT w[12])
{
#pragma GCC unroll 4
    for (int v = 0; v < 4; v++)
        acc[v] = W(dot)(W(dot)(W(dot)(acc[v], a[v], w[v]), b[v], w[4 + v]), c[v], w[8 + v]);
}

/* 3 x 3 taps where columns of one output are columns of the next: each is read once. Two rows of outputs share four lines: the weights
 * of the second are those of the first, one line on. */
INLINE void W(dw_slide)(const sg_q8_dw *d, int64_t from, V_MASK mask, const int stride, const int rows)
{
    const W(narrowing) n = W(narrowing_of)(&d->out);
    const V_INT flip = V(set1_epi32)((int)d->flip);
    const int64_t line = d->tap[1] - d->tap[0], pixel = d->tap[4] - d->tap[0], y_pitch = d->y_pitch, y_line = d->y_line;
    const int32_t *bias = d->bias + from;
    const float *scale = d->scale + from;
    const uint8_t *x = d->x + from;
    uint8_t *y = d->y + from;
    V_INT w[12], w1[12], a[4], b[4], c[4], acc[4];
#pragma GCC unroll 12
    for (int v = 0; v < 12; v++) {
        w[v] = W(load)(d->w + from * 12 + 16 * LANES * v);
        w1[v] = V(slli_epi32)(w[v], 8);
    }
    W(column)(x, line, mask, flip, rows + 2, stride == 1 ? b : c);
    if (stride == 1)
        W(column)(x + pixel, line, mask, flip, rows + 2, c);
    x += stride * pixel;
    for (int64_t i = d->n; i > 0; i--, x += stride * pixel, y += y_pitch) {
#pragma GCC unroll 4
        for (int v = 0; v < 4; v++) {
            a[v] = stride == 1 ? b[v] : c[v];
            b[v] = c[v];
        }
        if (stride == 2)
            W(column)(x - pixel, line, mask, flip, rows + 2, b);
        W(column)(x + (stride == 1 ? pixel : 0), line, mask, flip, rows + 2, c);
#pragma GCC unroll 4
        for (int v = 0; v < 4; v++)
            acc[v] = W(load)(bias + 4 * LANES * v);
        W(add_columns)(acc, a, b, c, w);
        W(put)(y, mask, acc, scale, &n);
        if (rows == 1)
            continue;
#pragma GCC unroll 4
        for (int v = 0; v < 4; v++)
            acc[v] = W(load)(bias + 4 * LANES * v);
        W(add_columns)(acc, a, b, c, w1);
        W(put)(y + y_line, mask, acc, scale, &n);
    }
}

static void W(dw_by_one)(const sg_q8_dw *d, int64_t from, V_MASK mask)
{
    W(dw_slide)(d, from, mask, 1, 1);
}

static void W(dw_by_two)(const sg_q8_dw *d, int64_t from, V_MASK mask)
{
    W(dw_slide)(d, from, mask, 2, 1);
}

static void W(dw_pair)(const sg_q8_dw *d, int64_t from, V_MASK mask)
{
    W(dw_slide)(d, from, mask, 1, 2);
}

/* The channels [from, from + 16 LANES) that are there. */
static void W(dw)(const sg_q8_dw *d, int64_t from)
{
    int64_t left = d->channels - from;
    V_MASK mask = (V_MASK)(UINT64_MAX >> (64 - (left < 16 * LANES ? left : 16 * LANES)));
    (d->rows == 2 ? W(dw_pair) : d->slides == 1 ? W(dw_by_one) : d->slides == 2 ? W(dw_by_two) : W(dw_any))(d, from, mask);
}
