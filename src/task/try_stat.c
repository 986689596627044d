/* Statistics of the detective: intervals of shares, tests of paired answers. */
#include <math.h>

#include "task/try.h"

#define FLIPS 10000

void sg_try_wilson(size_t right, size_t n, double *low, double *high)
{
    if (n == 0) {
        *low = 0;
        *high = 1;
        return;
    }
    double z = 1.959963984540054, m = (double)n, p = (double)right / m, d = 1 + z * z / m;
    double middle = (p + z * z / (2 * m)) / d, half = z / d * sqrt(p * (1 - p) / m + z * z / (4 * m * m));
    *low = right == 0 ? 0 : middle - half;
    *high = right == n ? 1 : middle + half;
}

double sg_try_mcnemar(size_t b, size_t c)
{
    size_t n = b + c, least = b < c ? b : c;
    double term = -(double)n * log(2), sum = 0; /* logarithm of C(n, k) / 2^n: n may be thousands */
    for (size_t k = 0; k <= least; k++) {
        sum += exp(term);
        term += log((double)(n - k)) - log((double)k + 1);
    }
    return n == 0 || 2 * sum > 1 ? 1 : 2 * sum;
}

double sg_sign_flips(const float *d, size_t n)
{
    double seen = 0;
    size_t beyond = 0;
    uint64_t x = 0x9e3779b97f4a7c15u;
    for (size_t i = 0; i < n; i++)
        seen += (double)d[i];
    seen = fabs(seen);
    if (n == 0 || !(seen > 0))
        return 1;
    for (int k = 0; k < FLIPS; k++) {
        double sum = 0;
        uint64_t bits = 0;
        for (size_t i = 0; i < n; i++) {
            if (i % 64 == 0) { /* xorshift64 (Marsaglia 2003) */
                x ^= x << 13;
                x ^= x >> 7;
                x ^= x << 17;
                bits = x;
            }
            sum += bits & 1 ? (double)d[i] : -(double)d[i];
            bits >>= 1;
        }
        beyond += fabs(sum) >= seen * (1 - 1e-12);
    }
    return (double)(beyond + 1) / (FLIPS + 1);
}
