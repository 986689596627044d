/* Mel energies and cepstral coefficients, as three well-known front ends compute them:
 *   librosa  frames centred, zeros around; filters triangular in Hz, of unit area (Slaney's mel scale); dB, at most 80 below the
 *            greatest; DCT-II orthonormal
 *   tf       frames from the first sample; filters triangular in HTK's mel scale, without the bin of 0 Hz; log(x + eps);
 *            DCT-II times sqrt(2 / mels)
 *   htk      the same (S. Young et al., The HTK Book, 5.4), with a symmetric taper and log(max(x, eps)); c0 comes first */
#include <math.h>
#include <string.h>

#include "media/spectrum.h"

#define MELS_MAX 1024
#define RANGE_DB 80

typedef struct filter {
    int first, n;
    const float *weight;
} filter;

struct sg_mel {
    sg_arena arena;
    sg_mel_spec spec;
    sg_spectrum s;
    filter *filter;
    float *energy; /* of one frame */
    float *dct;    /* [mfcc, mels] */
};

static const char *const like_name[] = {"librosa", "tf", "htk"};

int sg_mel_like_find(const char *name)
{
    for (int i = 0; i < (int)(sizeof like_name / sizeof *like_name); i++)
        if (strcmp(name, like_name[i]) == 0)
            return i;
    return -1;
}

/* ---- mel scales ---- */

#define SLANEY_HZ  (200.0 / 3) /* a mel below 1000 Hz; above it, 27 mels are a factor of 6.4 */
#define SLANEY_MEL (1000 / SLANEY_HZ)

static double to_mel(int like, double hz)
{
    if (like != SG_MEL_LIBROSA)
        return 1127 * log(1 + hz / 700);
    return hz < 1000 ? hz / SLANEY_HZ : SLANEY_MEL + 27 * log(hz / 1000) / log(6.4);
}

static double slaney_to_hz(double mel)
{
    return mel < SLANEY_MEL ? mel * SLANEY_HZ : 1000 * exp((mel - SLANEY_MEL) * log(6.4) / 27);
}

/* ---- tables ---- */

/* Edge i of mels + 2, on the axis that filters are triangular in. */
static double edge(const sg_mel_spec *p, int i)
{
    double low = to_mel(p->like, p->low), high = to_mel(p->like, p->high);
    double mel = low + (high - low) * i / (p->mels + 1);
    return p->like == SG_MEL_LIBROSA ? slaney_to_hz(mel) : mel;
}

static double weight(const sg_mel_spec *p, const double *e, int bin)
{
    if (bin == 0 && p->like != SG_MEL_LIBROSA)
        return 0;
    double hz = (double)bin * p->rate / p->fft, f = p->like == SG_MEL_LIBROSA ? hz : to_mel(p->like, hz);
    double w = fmax(0, fmin((f - e[0]) / (e[1] - e[0]), (e[2] - f) / (e[2] - e[1])));
    return p->like == SG_MEL_LIBROSA ? w * 2 / (e[2] - e[0]) : w;
}

static sedge_status make_filters(sg_mel *m, sg_err *err)
{
    const sg_mel_spec *p = &m->spec;
    int bins = p->fft / 2 + 1;
    for (int i = 0; i < p->mels; i++) {
        double e[3] = {edge(p, i), edge(p, i + 1), edge(p, i + 2)};
        int first = 0, last = bins - 1;
        while (first < bins && weight(p, e, first) == 0)
            first++;
        while (last >= first && weight(p, e, last) == 0)
            last--;
        float *w = sg_arena_array(&m->arena, (size_t)(last - first + 1), sizeof *w);
        if (!w)
            return sg_fail(err, SEDGE_E_NOMEM, "mel: no memory for filters");
        for (int k = first; k <= last; k++)
            w[k - first] = (float)weight(p, e, k);
        m->filter[i] = (filter){first, last - first + 1, w};
    }
    return SEDGE_OK;
}

static void make_dct(sg_mel *m)
{
    const sg_mel_spec *p = &m->spec;
    for (int k = 0; k < p->mfcc; k++)
        for (int i = 0; i < p->mels; i++) {
            double scale = sqrt((k == 0 && p->like == SG_MEL_LIBROSA ? 1.0 : 2.0) / p->mels);
            m->dct[k * p->mels + i] = (float)(scale * cos(SG_PI * k * (2 * i + 1) / (2 * p->mels)));
        }
}

static sedge_status check(const sg_mel_spec *p, sg_err *err)
{
    if (p->like > SG_MEL_HTK)
        return sg_fail(err, SEDGE_E_ARG, "mel: like %d is unknown", p->like);
    if (p->mels < 1 || p->mels > MELS_MAX || p->mfcc < 0 || p->mfcc > p->mels)
        return sg_fail(err, SEDGE_E_ARG, "mel: %d energies, %d coefficients: 1 to %d, and no more coefficients than energies",
                       p->mels, p->mfcc, MELS_MAX);
    if (p->hop < 1 || p->rate < 1)
        return sg_fail(err, SEDGE_E_ARG, "mel: a hop of %d at rate %lu", p->hop, (unsigned long)p->rate);
    if (!(p->low >= 0 && p->low < p->high && p->high <= p->rate / 2.0))
        return sg_fail(err, SEDGE_E_ARG, "mel: %g to %g Hz at %lu samples per second", p->low, p->high, (unsigned long)p->rate);
    if (!(p->power > 0 && p->power <= 16))
        return sg_fail(err, SEDGE_E_ARG, "mel: power %g: above 0, at most 16", p->power);
    if (p->log && !(p->log_eps > 0 && p->log_eps < INFINITY))
        return sg_fail(err, SEDGE_E_ARG, "mel: the log needs an eps above 0, not %g", p->log_eps);
    return SEDGE_OK;
}

/* The period of the taper; tf.signal's is symmetric for odd lengths. */
static int period(const sg_mel_spec *p)
{
    bool symmetric = p->like == SG_MEL_HTK || (p->like == SG_MEL_TF && p->window % 2);
    return p->window - (symmetric ? 1 : 0);
}

static sedge_status make(sg_mel *m, sg_err *err)
{
    const sg_mel_spec *p = &m->spec;
    SG_TRY(sg_spectrum_make(&m->s, &m->arena, p->fft, p->window, p->taper, period(p), err));
    m->filter = sg_arena_array(&m->arena, (size_t)p->mels, sizeof *m->filter);
    m->energy = sg_arena_array(&m->arena, (size_t)p->mels, sizeof *m->energy);
    m->dct = sg_arena_array(&m->arena, (size_t)p->mfcc * (size_t)p->mels, sizeof *m->dct);
    if (!m->filter || !m->energy || !m->dct)
        return sg_fail(err, SEDGE_E_NOMEM, "mel: out of memory");
    SG_TRY(make_filters(m, err));
    make_dct(m);
    return SEDGE_OK;
}

sedge_status sg_mel_new(sg_mel **out, const sg_mel_spec *spec, sg_mem *mem, sg_err *err)
{
    *out = NULL;
    sg_mel *m = sg_calloc(mem, 1, sizeof *m);
    if (!m)
        return sg_fail(err, SEDGE_E_NOMEM, "mel: out of memory");
    m->arena.mem = mem;
    m->spec = *spec;
    m->spec.high = spec->high > 0 ? spec->high : spec->rate / 2.0;
    sedge_status st = check(&m->spec, err);
    if (st == SEDGE_OK)
        st = make(m, err);
    if (st == SEDGE_OK)
        *out = m;
    else
        sg_mel_free(m);
    return st;
}

void sg_mel_free(sg_mel *m)
{
    if (!m)
        return;
    sg_mem *mem = m->arena.mem;
    sg_arena_free(&m->arena);
    sg_free(mem, m, sizeof *m);
}

/* ---- the run ---- */

int64_t sg_mel_frames(const sg_mel *m, int64_t n)
{
    if (m->spec.like == SG_MEL_LIBROSA)
        return n > 0 ? 1 + n / m->spec.hop : 0;
    return n >= m->spec.window ? 1 + (n - m->spec.window) / m->spec.hop : 0;
}

/* The samples of a frame into the spectrum; where the window begins in them. */
static int gather(sg_mel *m, const float *x, int64_t n, int64_t frame)
{
    const sg_mel_spec *p = &m->spec;
    bool centred = p->like == SG_MEL_LIBROSA;
    int at = centred ? (p->fft - p->window) / 2 : 0;
    int64_t from = frame * p->hop - (centred ? p->fft / 2 : 0);
    memset(m->s.samples, 0, (size_t)p->fft * sizeof *m->s.samples);
    for (int i = at; i < at + p->window; i++)
        if (from + i >= 0 && from + i < n)
            m->s.samples[i] = x[from + i];
    return at;
}

static float compressed(const sg_mel_spec *p, float v)
{
    if (!p->log)
        return v;
    if (p->like == SG_MEL_TF)
        return (float)log((double)v + p->log_eps);
    double floored = fmax((double)v, p->log_eps);
    return (float)(p->like == SG_MEL_LIBROSA ? 10 * log10(floored) : log(floored));
}

static void energies(sg_mel *m, const float *x, int64_t n, int64_t frame)
{
    const sg_mel_spec *p = &m->spec;
    sg_spectrum_power(&m->s, gather(m, x, n, frame));
    for (int k = 0; p->power != 2 && k <= p->fft / 2; k++)
        m->s.bin[k] = p->power == 1 ? sqrtf(m->s.bin[k]) : powf(m->s.bin[k], (float)p->power / 2);
    for (int i = 0; i < p->mels; i++) {
        const filter *f = &m->filter[i];
        float sum = 0;
        for (int k = 0; k < f->n; k++)
            sum += f->weight[k] * m->s.bin[f->first + k];
        m->energy[i] = compressed(p, sum);
    }
}

/* What librosa raises lower energies to: it needs all frames before the first is known, so they are made twice. */
static float lowest(sg_mel *m, const float *x, int64_t n)
{
    if (m->spec.like != SG_MEL_LIBROSA || !m->spec.log)
        return -INFINITY;
    float most = -INFINITY;
    for (int64_t t = 0; t < sg_mel_frames(m, n); t++) {
        energies(m, x, n, t);
        for (int i = 0; i < m->spec.mels; i++)
            most = fmaxf(most, m->energy[i]);
    }
    return most - RANGE_DB;
}

void sg_mel_run(sg_mel *m, const float *x, int64_t n, float *y)
{
    int mels = m->spec.mels, mfcc = m->spec.mfcc;
    float low = lowest(m, x, n);
    for (int64_t t = 0; t < sg_mel_frames(m, n); t++) {
        energies(m, x, n, t);
        for (int i = 0; i < mels; i++)
            m->energy[i] = m->energy[i] < low ? low : m->energy[i];
        for (int i = 0; !mfcc && i < mels; i++)
            *y++ = m->energy[i];
        for (int k = 0; k < mfcc; k++) {
            float sum = 0;
            for (int i = 0; i < mels; i++)
                sum += m->dct[k * mels + i] * m->energy[i];
            *y++ = sum;
        }
    }
}
