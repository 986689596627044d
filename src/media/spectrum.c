/* Tapers and transforms that mel energies and power densities share. */
#include "media/spectrum.h"

#include <math.h>
#include <string.h>

#define FFT_MAX 65536

static const char *const taper_name[] = {"hann", "hamming", "blackman", "rect"};

int sg_taper_find(const char *name)
{
    for (int i = 0; i < (int)(sizeof taper_name / sizeof *taper_name); i++)
        if (strcmp(name, taper_name[i]) == 0)
            return i;
    return -1;
}

static double taper_at(int taper, double phase)
{
    switch (taper) {
    case SG_TAPER_HANN: return 0.5 - 0.5 * cos(phase);
    case SG_TAPER_HAMMING: return 0.54 - 0.46 * cos(phase);
    case SG_TAPER_BLACKMAN: return 0.42 - 0.5 * cos(phase) + 0.08 * cos(2 * phase);
    default: return 1;
    }
}

/* kissfft takes memory in a run for other factors. */
static bool smooth(int n)
{
    for (int p = 2; p <= 5; p++)
        while (n % p == 0)
            n /= p;
    return n == 1;
}

sedge_status sg_spectrum_make(sg_spectrum *s, sg_arena *arena, int fft, int window, int taper, int period, sg_err *err)
{
    if (fft < 2 || fft > FFT_MAX || fft % 2 || !smooth(fft))
        return sg_fail(err, SEDGE_E_ARG,
                       "spectrum: a transform of %d points: an even product of 2, 3 and 5, at most %d, is possible", fft,
                       FFT_MAX);
    if (window < 1 || window > fft)
        return sg_fail(err, SEDGE_E_ARG, "spectrum: a window of %d samples in a transform of %d", window, fft);
    if (taper < 0 || taper > SG_TAPER_RECT)
        return sg_fail(err, SEDGE_E_ARG, "spectrum: taper %d is unknown", taper);
    size_t bins = (size_t)fft / 2 + 1, plan = 0;
    kiss_fftr_alloc(fft, 0, NULL, &plan);
    *s = (sg_spectrum){.fft = fft, .window = window};
    s->taper = sg_arena_array(arena, (size_t)window, sizeof *s->taper);
    s->samples = sg_arena_array(arena, (size_t)fft, sizeof *s->samples);
    s->bin = sg_arena_array(arena, bins, sizeof *s->bin);
    s->at = sg_arena_array(arena, bins, sizeof *s->at);
    void *memory = sg_arena_alloc(arena, plan);
    s->plan = memory ? kiss_fftr_alloc(fft, 0, memory, &plan) : NULL;
    if (!s->taper || !s->samples || !s->bin || !s->at || !s->plan)
        return sg_fail(err, SEDGE_E_NOMEM, "spectrum: no memory for a transform of %d points", fft);
    for (int i = 0; i < window; i++)
        s->taper[i] = (float)(period > 0 ? taper_at(taper, 2 * SG_PI * i / period) : 1);
    return SEDGE_OK;
}

void sg_spectrum_power(sg_spectrum *s, int at)
{
    for (int i = 0; i < s->window; i++)
        s->samples[at + i] *= s->taper[i];
    kiss_fftr(s->plan, s->samples, s->at);
    for (int i = 0; i <= s->fft / 2; i++)
        s->bin[i] = s->at[i].r * s->at[i].r + s->at[i].i * s->at[i].i;
}
