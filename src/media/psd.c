/* Power spectral density: P. Welch, The use of fast Fourier transform for the estimation of power spectra, 1967. One-sided, per Hz, the
 * mean of each segment taken off first: what scipy.signal.welch gives by default. */
#include <math.h>
#include <string.h>

#include "media/spectrum.h"

#define LOG_FLOOR 1e-20 /* below it the log stays where it is */

struct sg_psd {
    sg_arena arena;
    sg_spectrum s;
    double *sum;
    double scale;
    int step;
    bool log;
};

sedge_status sg_psd_new(sg_psd **out, int fft, int taper, double overlap, bool log, double rate, sg_mem *mem, sg_err *err)
{
    *out = NULL;
    if (!(overlap >= 0 && overlap < 1) || !(rate > 0 && rate < INFINITY))
        return sg_fail(err, SEDGE_E_ARG, "psd: overlap %g, rate %g: overlap is 0 to 1 without 1, the rate above 0", overlap,
                       rate);
    sg_psd *p = sg_calloc(mem, 1, sizeof *p);
    if (!p)
        return sg_fail(err, SEDGE_E_NOMEM, "psd: out of memory");
    p->arena.mem = mem;
    p->log = log;
    sedge_status st = sg_spectrum_make(&p->s, &p->arena, fft, fft, taper, fft, err);
    if (st == SEDGE_OK && !(p->sum = sg_arena_array(&p->arena, (size_t)fft / 2 + 1, sizeof *p->sum)))
        st = sg_fail(err, SEDGE_E_NOMEM, "psd: out of memory");
    if (st != SEDGE_OK) {
        sg_psd_free(p);
        return st;
    }
    double squares = 0;
    for (int i = 0; i < fft; i++)
        squares += (double)p->s.taper[i] * (double)p->s.taper[i];
    p->scale = 1 / (rate * squares);
    p->step = fft - (int)(fft * overlap);
    *out = p;
    return SEDGE_OK;
}

void sg_psd_free(sg_psd *p)
{
    if (!p)
        return;
    sg_mem *mem = p->arena.mem;
    sg_arena_free(&p->arena);
    sg_free(mem, p, sizeof *p);
}

static void add_segment(sg_psd *p, const float *x, int n, int64_t stride)
{
    double mean = 0;
    for (int i = 0; i < n; i++)
        mean += (double)x[i * stride];
    mean = n ? mean / n : 0;
    for (int i = 0; i < p->s.fft; i++)
        p->s.samples[i] = i < n ? (float)((double)x[i * stride] - mean) : 0;
    sg_spectrum_power(&p->s, 0);
    for (int k = 0; k <= p->s.fft / 2; k++)
        p->sum[k] += (double)p->s.bin[k];
}

void sg_psd_run(sg_psd *p, const float *x, int64_t n, int64_t stride, float *y)
{
    int fft = p->s.fft;
    int64_t segments = 0;
    memset(p->sum, 0, ((size_t)fft / 2 + 1) * sizeof *p->sum);
    for (int64_t at = 0; at == 0 || at + fft <= n; at += p->step, segments++)
        add_segment(p, x + at * stride, n - at < fft ? (int)(n - at) : fft, stride);
    for (int k = 0; k <= fft / 2; k++) {
        double v = p->sum[k] * p->scale / (double)segments * (k == 0 || k == fft / 2 ? 1 : 2);
        y[k] = (float)(p->log ? log(fmax(v, LOG_FLOOR)) : v);
    }
}
