/* Rows of dot products. */
#include "kernel/gemm/gemv_f32.h"

enum { LANES = 16 };

static float dot(int64_t k, const float *restrict a, const float *restrict b)
{
    float acc[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= k; i += LANES)
        for (int l = 0; l < LANES; l++)
            acc[l] += a[i + l] * b[i + l];
    for (int l = 0; i < k; i++, l++)
        acc[l] += a[i] * b[i];
    for (int step = LANES / 2; step; step /= 2)
        for (int l = 0; l < step; l++)
            acc[l] += acc[l + step];
    return acc[0];
}

void sg_gemv_f32(int64_t n, int64_t k, const float *w, const float *x, float alpha, float beta, const float *bias, float *y)
{
    for (int64_t i = 0; i < n; i++) {
        float v = alpha * dot(k, w + i * k, x);
        y[i] = bias ? v + beta * bias[i] : v;
    }
}
