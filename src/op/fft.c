/* Discrete Fourier transforms: radix 2, and Bluestein's method for other lengths (L. I. Bluestein, "A linear
 * filtering approach to the computation of discrete Fourier transform", 1970). */
#include "op/fft.h"

#include <math.h>
#include <string.h>

#define PI         3.14159265358979323846
#define LENGTH_MAX ((int64_t)1 << 27)

/* Stage by stage over bit-reversed data; w holds exp(-2 pi i k / m). */
static void radix2(const sg_fft *f, double *a)
{
    int64_t m = f->m;
    for (int64_t i = 0; i < m; i++) {
        int64_t j = f->swap[i];
        if (i < j) {
            double re = a[2 * i], im = a[2 * i + 1];
            a[2 * i] = a[2 * j];
            a[2 * i + 1] = a[2 * j + 1];
            a[2 * j] = re;
            a[2 * j + 1] = im;
        }
    }
    for (int64_t half = 1; half < m; half *= 2) {
        int64_t step = m / (2 * half);
        for (int64_t at = 0; at < m; at += 2 * half) {
            double *lo = a + 2 * at, *hi = lo + 2 * half;
            for (int64_t k = 0; k < half; k++) {
                double wr = f->w[2 * k * step], wi = f->w[2 * k * step + 1];
                double re = hi[2 * k] * wr - hi[2 * k + 1] * wi, im = hi[2 * k] * wi + hi[2 * k + 1] * wr;
                hi[2 * k] = lo[2 * k] - re;
                hi[2 * k + 1] = lo[2 * k + 1] - im;
                lo[2 * k] += re;
                lo[2 * k + 1] += im;
            }
        }
    }
}

static void conjugate(double *a, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        a[2 * i + 1] = -a[2 * i + 1];
}

/* a[i] *= b[i] */
static void multiply(double *a, const double *b, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        double re = a[2 * i] * b[2 * i] - a[2 * i + 1] * b[2 * i + 1];
        a[2 * i + 1] = a[2 * i] * b[2 * i + 1] + a[2 * i + 1] * b[2 * i];
        a[2 * i] = re;
    }
}

/* The transform as a circular convolution with a chirp. */
static void bluestein(const sg_fft *f, double *a)
{
    size_t used = 2 * (size_t)f->n, all = 2 * (size_t)f->m;
    memcpy(f->tmp, a, used * sizeof *a);
    memset(f->tmp + used, 0, (all - used) * sizeof *a);
    multiply(f->tmp, f->chirp, f->n);
    radix2(f, f->tmp);
    multiply(f->tmp, f->kernel, f->m);
    conjugate(f->tmp, f->m); /* inverse transform = conjugate of the transform of the conjugate */
    radix2(f, f->tmp);
    conjugate(f->tmp, f->m);
    for (size_t i = 0; i < used; i++)
        a[i] = f->tmp[i] / (double)f->m;
    multiply(a, f->chirp, f->n);
}

void sg_fft_run(const sg_fft *f, double *a, bool inverse)
{
    if (f->n <= 1)
        return;
    if (inverse)
        conjugate(a, f->n);
    if (f->chirp)
        bluestein(f, a);
    else
        radix2(f, a);
    if (inverse)
        conjugate(a, f->n);
}

static void roots(sg_fft *f)
{
    int bits = 0;
    while (((int64_t)1 << bits) < f->m)
        bits++;
    for (int64_t k = 0; k < f->m / 2; k++) {
        f->w[2 * k] = cos(2 * PI * (double)k / (double)f->m);
        f->w[2 * k + 1] = -sin(2 * PI * (double)k / (double)f->m);
    }
    f->swap[0] = 0;
    for (int64_t i = 1; i < f->m; i++)
        f->swap[i] = (f->swap[i / 2] >> 1) | (uint32_t)((i & 1) << (bits - 1));
}

static sedge_status chirp_init(sg_exec *x, sg_fft *f)
{
    size_t all = 2 * (size_t)f->m * sizeof(double);
    f->chirp = sg_scratch(x, 2 * (size_t)f->n * sizeof(double));
    f->kernel = sg_scratch(x, all);
    f->tmp = sg_scratch(x, all);
    if (!f->chirp || !f->kernel || !f->tmp)
        return SEDGE_E_NOMEM;
    memset(f->kernel, 0, all);
    for (int64_t k = 0; k < f->n; k++) {
        double t = PI * (double)(k * k % (2 * f->n)) / (double)f->n;
        f->chirp[2 * k] = cos(t);
        f->chirp[2 * k + 1] = -sin(t);
        int64_t back = k ? f->m - k : 0;
        f->kernel[2 * k] = f->kernel[2 * back] = cos(t);
        f->kernel[2 * k + 1] = f->kernel[2 * back + 1] = sin(t);
    }
    radix2(f, f->kernel);
    return SEDGE_OK;
}

sedge_status sg_fft_init(sg_exec *x, sg_fft *f, int64_t n)
{
    memset(f, 0, sizeof *f);
    if (n < 1 || n > LENGTH_MAX)
        return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "length %lld of a Fourier transform is not in [1, %lld]", (long long)n,
                            (long long)LENGTH_MAX);
    bool power = (n & (n - 1)) == 0;
    f->n = n;
    f->m = 1;
    while (f->m < (power ? n : 2 * n - 1))
        f->m *= 2;
    f->w = sg_scratch(x, ((size_t)f->m + 1) * sizeof(double));
    f->swap = sg_scratch(x, (size_t)f->m * sizeof *f->swap);
    if (!f->w || !f->swap)
        return SEDGE_E_NOMEM;
    roots(f);
    return power ? SEDGE_OK : chirp_init(x, f);
}
