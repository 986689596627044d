/* The exponential in float, as a polynomial that compilers vectorise. */
#ifndef SG_TENSOR_EXP_H
#define SG_TENSOR_EXP_H

#include <stdint.h>
#include <string.h>

/* exp of x <= 0: x = n ln 2 + r with |r| <= ln 2 / 2, then a polynomial in r (coefficients from Cephes' expf, Moshier). The
 * number 1.5 * 2^23 rounds to an integer, and leaves it in the low bits. */
static inline float sg_exp_neg(float x)
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

#endif
