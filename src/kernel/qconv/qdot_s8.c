/* Dot products of rows of 16-bit integers. The loop is one that compilers turn into multiply-add-pairs instructions. */
#include "kernel/qconv/qdot_s8.h"

#include <string.h>

static void tile(const int16_t *restrict w, const int16_t *restrict x, int64_t k, int32_t out[SG_QDOT_W][SG_QDOT_X])
{
    const int16_t *w0 = w, *w1 = w + k, *w2 = w + 2 * k, *w3 = w + 3 * k, *x0 = x, *x1 = x + k;
    int32_t s00 = 0, s01 = 0, s10 = 0, s11 = 0, s20 = 0, s21 = 0, s30 = 0, s31 = 0;
    k &= ~(int64_t)(SG_QDOT_K - 1); /* it is one already: no tail */
    for (int64_t i = 0; i < k; i++) {
        s00 += w0[i] * x0[i];
        s01 += w0[i] * x1[i];
        s10 += w1[i] * x0[i];
        s11 += w1[i] * x1[i];
        s20 += w2[i] * x0[i];
        s21 += w2[i] * x1[i];
        s30 += w3[i] * x0[i];
        s31 += w3[i] * x1[i];
    }
    out[0][0] = s00;
    out[0][1] = s01;
    out[1][0] = s10;
    out[1][1] = s11;
    out[2][0] = s20;
    out[2][1] = s21;
    out[3][0] = s30;
    out[3][1] = s31;
}

void sg_qdot(const int16_t *w, int64_t n_w, const int16_t *x, int64_t n_x, int64_t k, int32_t *acc, int64_t step_w,
             int64_t step_x)
{
    for (int64_t i = 0; i < n_w; i += SG_QDOT_W)
        for (int64_t j = 0; j < n_x; j += SG_QDOT_X) {
            int32_t t[SG_QDOT_W][SG_QDOT_X];
            tile(w + i * k, x + j * k, k, t);
            for (int64_t a = 0; a < SG_QDOT_W; a++)
                for (int64_t b = 0; b < SG_QDOT_X; b++)
                    acc[(i + a) * step_w + (j + b) * step_x] = t[a][b];
        }
}

/* |t| < 2^22 after the clamp, so that adding 1.5 * 2^23 rounds half to even, and leaves the integer in the low bits. */
static inline uint8_t requant(int32_t acc, int32_t bias, float scale, float min, float max, int32_t zero)
{
    float t = (float)(int32_t)((uint32_t)acc + (uint32_t)bias) * scale;
    uint32_t bits;
    t = t > min ? t : min;
    t = t < max ? t : max;
    t += 12582912.0f;
    memcpy(&bits, &t, sizeof bits);
    return (uint8_t)(bits + (uint32_t)zero);
}

void sg_q_store(const int32_t *acc, int64_t n, int32_t bias, float scale, const sg_q_out *o, uint8_t *restrict y)
{
    const float min = (float)(o->lo - o->zero), max = (float)(o->hi - o->zero);
    const int32_t zero = o->zero;
    for (int64_t i = 0; i < n; i++)
        y[i] = requant(acc[i], bias, scale, min, max, zero);
}
