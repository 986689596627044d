/* Softmax in eight lanes that never mix before the end, so that compilers vectorise and answers stay. */
#include "kernel/softmax/softmax_f32.h"

#include <math.h>
#include <string.h>

enum { LANES = 8 };

/* exp of x <= 0: x = n ln 2 + r with |r| <= ln 2 / 2, then a polynomial in r (coefficients from Cephes' expf, Moshier). The
 * number 1.5 * 2^23 rounds to an integer, and leaves it in the low bits. */
static inline float exp_neg(float x)
{
    const float magic = 12582912.0f;
    float t = x * 1.44269504088896341f + magic, n = t - magic;
    float r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = (p * r) * r + r + 1;
    uint32_t bits;
    memcpy(&bits, &t, sizeof bits);
    bits = (bits + 127u) << 23; /* 2^n: magic's own low bits are zeros */
    float scale;
    memcpy(&scale, &bits, sizeof scale);
    return x < -87.0f ? 0 : p * scale;
}

static float largest(const float *v, int64_t n)
{
    float m[LANES], top = -INFINITY;
    int64_t i = 0;
    for (int k = 0; k < LANES; k++)
        m[k] = -INFINITY;
    for (; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++)
            m[k] = v[i + k] > m[k] ? v[i + k] : m[k];
    for (; i < n; i++)
        top = v[i] > top ? v[i] : top;
    for (int k = 0; k < LANES; k++)
        top = m[k] > top ? m[k] : top;
    return top;
}

static float sum_of(const float *v, int64_t n)
{
    float s[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++)
            s[k] += v[i + k];
    for (; i < n; i++)
        s[0] += v[i];
    return ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
}

static bool any_nan(const float *v, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (v[i] != v[i])
            return true;
    return false;
}

void sg_softmax_f32(float *v, const float *bias, int64_t n)
{
    for (int64_t i = 0; bias && i < n; i++)
        v[i] += bias[i];
    float top = largest(v, n);
    if (top == -INFINITY && !any_nan(v, n)) {
        memset(v, 0, (size_t)n * sizeof *v);
        return;
    }
    for (int64_t i = 0; i < n; i++)
        v[i] = exp_neg(v[i] - top);
    float sum = sum_of(v, n);
    for (int64_t i = 0; i < n; i++)
        v[i] /= sum;
}
