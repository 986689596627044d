/* Sums and products of two 8-bit tensors, a block at a time: widened, combined in float, rounded. */
#include "kernel/qconv/qbinary_s8.h"

#include <string.h>

enum { BLOCK = 256 };

static void widen(const void *p, int64_t at, int64_t n, bool is_signed, int32_t zero, int32_t *to)
{
    const int8_t *s = (const int8_t *)p + at;
    const uint8_t *u = (const uint8_t *)p + at;
    if (is_signed)
        for (int64_t i = 0; i < n; i++)
            to[i] = s[i] - zero;
    else
        for (int64_t i = 0; i < n; i++)
            to[i] = u[i] - zero;
}

/* Clamp, round half to even by adding 1.5 * 2^23, which leaves the integer in the low bits. */
static void store(const float *v, int64_t n, const sg_q_out *o, uint8_t *y)
{
    const float min = (float)(o->lo - o->zero), max = (float)(o->hi - o->zero);
    const uint32_t zero = (uint32_t)o->zero;
    for (int64_t i = 0; i < n; i++) {
        float t = v[i];
        uint32_t bits;
        t = t > min ? t : min;
        t = t < max ? t : max;
        t += 12582912.0f;
        memcpy(&bits, &t, sizeof bits);
        y[i] = (uint8_t)(bits + zero);
    }
}

void sg_qbinary_add(const sg_qbinary_args *p, const void *a, const void *b, int64_t n, uint8_t *y)
{
    int32_t u[BLOCK], v[BLOCK];
    float t[BLOCK];
    for (int64_t at = 0; at < n; at += BLOCK) {
        int64_t m = n - at < BLOCK ? n - at : BLOCK;
        widen(a, at, m, p->a_signed, p->a_zero, u);
        widen(b, at, m, p->b_signed, p->b_zero, v);
        for (int64_t i = 0; i < m; i++)
            t[i] = (float)u[i] * p->a_scale + (float)v[i] * p->b_scale;
        store(t, m, &p->out, y + at);
    }
}

void sg_qbinary_mul(const sg_qbinary_args *p, const void *a, const void *b, int64_t n, uint8_t *y)
{
    int32_t u[BLOCK], v[BLOCK];
    float t[BLOCK];
    for (int64_t at = 0; at < n; at += BLOCK) {
        int64_t m = n - at < BLOCK ? n - at : BLOCK;
        widen(a, at, m, p->a_signed, p->a_zero, u);
        widen(b, at, m, p->b_signed, p->b_zero, v);
        for (int64_t i = 0; i < m; i++)
            t[i] = (float)(u[i] * v[i]) * p->a_scale;
        store(t, m, &p->out, y + at);
    }
}
