/* Softmax in eight lanes that never mix before the end, so that compilers vectorise and answers stay. */
#include "kernel/softmax/softmax_f32.h"

#include <math.h>
#include <string.h>

#include "tensor/exp.h"

enum { LANES = 8 };

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
        v[i] = sg_exp_neg(v[i] - top);
    float sum = sum_of(v, n);
    for (int64_t i = 0; i < n; i++)
        v[i] /= sum;
}
