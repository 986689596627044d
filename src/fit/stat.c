/* Statistics of proportions, means and pairs. */
#include "fit/stat.h"

#include <math.h>
#include <stdlib.h>

/* ---- the normal distribution ---- */

double sg_normal_cdf(double z)
{
    return 0.5 * erfc(-z / sqrt(2));
}

static double polynomial(const double *c, int n, double x)
{
    double y = 0;
    for (int i = n - 1; i >= 0; i--)
        y = y * x + c[i];
    return y;
}

double sg_normal_quantile(double p)
{
    static const double a[] = {3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
                               1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
                               3.3430575583588128105e4, 2.5090809287301226727e3};
    static const double b[] = {1.0,
                               4.2313330701600911252e1,
                               6.8718700749205790830e2,
                               5.3941960214247511077e3,
                               2.1213794301586595867e4,
                               3.9307895800092710610e4,
                               2.8729085735721942674e4,
                               5.2264952788528545610e3};
    static const double c[] = {1.42343711074968357734e0,  4.63033784615654529590e0, 5.76949722146069140550e0,
                               3.64784832476320460504e0,  1.27045825245236838258e0, 2.41780725177450611770e-1,
                               2.27238449892691845833e-2, 7.74545014278341407640e-4};
    static const double d[] = {1.0,
                               2.05319162663775882187e0,
                               1.67638483018380384940e0,
                               6.89767334985100004550e-1,
                               1.48103976427480074590e-1,
                               1.51986665636164571966e-2,
                               5.47593808499534494600e-4,
                               1.05075007164441684324e-9};
    static const double e[] = {6.65790464350110377720e0,  5.46378491116411436990e0,  1.78482653991729133580e0,
                               2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                               2.71155556874348757815e-5, 2.01033439929228813265e-7};
    static const double f[] = {1.0,
                               5.99832206555887937690e-1,
                               1.36929880922735805310e-1,
                               1.48753612908506148525e-2,
                               7.86869131145613259100e-4,
                               1.84631831751005468180e-5,
                               1.42151175831644588870e-7,
                               2.04426310338993978564e-15};
    double q = p - 0.5;
    if (fabs(q) <= 0.425) {
        double r = 0.180625 - q * q;
        return q * polynomial(a, 8, r) / polynomial(b, 8, r);
    }
    double r = sqrt(-log(q < 0 ? p : 1 - p)), z;
    if (r <= 5)
        z = polynomial(c, 8, r - 1.6) / polynomial(d, 8, r - 1.6);
    else
        z = polynomial(e, 8, r - 5) / polynomial(f, 8, r - 5);
    return q < 0 ? -z : z;
}

/* ---- proportions ---- */

sg_interval sg_wilson(double right, double n, double confidence)
{
    if (!(n > 0))
        return (sg_interval){0, 1};
    double z = sg_normal_quantile(0.5 + confidence / 2), p = right / n, z2 = z * z / n;
    double middle = (p + z2 / 2) / (1 + z2), half = z / (1 + z2) * sqrt(p * (1 - p) / n + z2 / (4 * n));
    return (sg_interval){right <= 0 ? 0 : middle - half, right >= n ? 1 : middle + half};
}

/* log of n over k, times 2^-n. */
static double log_binomial_half(double n, double k)
{
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) - n * log(2);
}

double sg_mcnemar(uint64_t b, uint64_t c)
{
    double n = (double)b + (double)c, k = b < c ? (double)b : (double)c, p = 0;
    for (double i = k; i >= 0; i--) {
        double term = exp(log_binomial_half(n, i));
        p += term;
        if (term < 1e-18 * p)
            break;
    }
    p *= 2;
    return n == 0 || p > 1 ? 1 : p;
}

/* ---- pairs ---- */

/* Tango's statistic that the difference is `delta`: how many standard errors the data are above it. */
static double score(double b, double c, double n, double delta)
{
    double qa = 2 * n, qb = -b - c + (2 * n - b + c) * delta, qc = -c * delta * (1 - delta);
    double root = qb * qb - 4 * qa * qc;
    double q = (sqrt(root > 0 ? root : 0) - qb) / (2 * qa); /* the most likely share of c, given delta */
    double variance = n * (2 * q + delta * (1 - delta)), above = b - c - n * delta;
    if (variance <= 0)
        return above > 0 ? HUGE_VAL : above < 0 ? -HUGE_VAL : 0;
    return above / sqrt(variance);
}

/* The delta at which the statistic is z: it falls as delta rises. */
static double solve(double b, double c, double n, double z, double low, double high)
{
    for (int i = 0; i < 200 && high - low > 1e-15; i++) {
        double middle = (low + high) / 2;
        if (score(b, c, n, middle) > z)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}

sg_interval sg_paired_difference(uint64_t b, uint64_t c, uint64_t n, double confidence)
{
    if (n == 0)
        return (sg_interval){-1, 1};
    double z = sg_normal_quantile(0.5 + confidence / 2), nb = (double)b, nc = (double)c, nn = (double)n, d = (nb - nc) / nn;
    return (sg_interval){b == 0 && c == n ? -1 : solve(nb, nc, nn, z, -1, d), c == 0 && b == n ? 1 : solve(nb, nc, nn, -z, d, 1)};
}

sg_non_inferiority sg_non_inferior(uint64_t lost, uint64_t gained, uint64_t n, double margin)
{
    sg_non_inferiority r = {.verdict = SG_NOT_SHOWN, .bound = sg_paired_difference(lost, gained, n, 0.9)};
    r.drop = n ? ((double)lost - (double)gained) / (double)n : 0;
    if (n && r.bound.high <= margin)
        r.verdict = SG_PASS;
    else if (n && r.bound.low > margin)
        r.verdict = SG_FAIL;
    else if (n) {
        /* Widths shrink with the root of n. */
        double away = fabs(margin - r.drop), half = r.drop <= margin ? r.bound.high - r.drop : r.drop - r.bound.low;
        r.needed = away > 0 ? ceil((double)n * (half / away) * (half / away)) : HUGE_VAL;
    }
    return r;
}

/* ---- resampling ---- */

uint64_t sg_random_next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t sg_random_below(uint64_t *state, uint64_t n)
{
    for (uint64_t most = UINT64_MAX - UINT64_MAX % n;;) {
        uint64_t r = sg_random_next(state);
        if (r < most)
            return r % n;
    }
}

#define FLIPS 10000

double sg_sign_flips(const float *d, size_t n)
{
    double seen = 0;
    size_t beyond = 0;
    uint64_t state = 0;
    for (size_t i = 0; i < n; i++)
        seen += (double)d[i];
    seen = fabs(seen);
    if (n == 0 || !(seen > 0))
        return 1;
    for (int k = 0; k < FLIPS; k++) {
        double sum = 0;
        uint64_t bits = 0;
        for (size_t i = 0; i < n; i++) {
            bits = i % 64 ? bits >> 1 : sg_random_next(&state);
            sum += bits & 1 ? (double)d[i] : -(double)d[i];
        }
        beyond += fabs(sum) >= seen * (1 - 1e-12);
    }
    return (double)(beyond + 1) / (FLIPS + 1);
}

int sg_by_double(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double sg_quantile(const double *sorted, size_t n, double q)
{
    double where = q * (double)(n - 1);
    size_t i = (size_t)where;
    return i + 1 < n ? sorted[i] + (where - (double)i) * (sorted[i + 1] - sorted[i]) : sorted[n - 1];
}

sedge_status sg_bootstrap_ratio(sg_mem *m, const double *value, const double *weight, const uint32_t *group, size_t n,
                                size_t groups, double confidence, int rounds, uint64_t seed, sg_interval *out)
{
    if (!group)
        groups = n;
    *out = (sg_interval){0, 0};
    if (!groups || rounds < 1)
        return SEDGE_OK;
    double *sum = sg_calloc(m, groups, 2 * sizeof *sum), *ratio = sg_calloc(m, (size_t)rounds, sizeof *ratio);
    sedge_status st = sum && ratio ? SEDGE_OK : SEDGE_E_NOMEM;
    for (size_t i = 0; st == SEDGE_OK && i < n; i++) {
        sum[2 * (group ? group[i] : i)] += value[i];
        sum[2 * (group ? group[i] : i) + 1] += weight ? weight[i] : 1;
    }
    for (int r = 0; st == SEDGE_OK && r < rounds; r++) {
        double v = 0, w = 0;
        for (size_t g = 0; g < groups; g++) {
            uint64_t pick = sg_random_below(&seed, groups);
            v += sum[2 * pick];
            w += sum[2 * pick + 1];
        }
        ratio[r] = w > 0 ? v / w : 0;
    }
    if (st == SEDGE_OK) {
        qsort(ratio, (size_t)rounds, sizeof *ratio, sg_by_double);
        *out = (sg_interval){sg_quantile(ratio, (size_t)rounds, (1 - confidence) / 2),
                             sg_quantile(ratio, (size_t)rounds, (1 + confidence) / 2)};
    }
    sg_free(m, sum, groups * 2 * sizeof *sum);
    sg_free(m, ratio, (size_t)rounds * sizeof *ratio);
    return st;
}
