/* A window of samples and its real Fourier transform, by kissfft in memory of an arena. */
#ifndef SG_MEDIA_SPECTRUM_H
#define SG_MEDIA_SPECTRUM_H

#include <kiss_fftr.h>

#include "media/audio.h"

#define SG_PI 3.14159265358979323846

typedef struct sg_spectrum {
    int fft, window;
    float *taper;     /* [window] */
    float *samples;   /* [fft]: filled by the user, tapered by sg_spectrum_power */
    float *bin;       /* [fft / 2 + 1] */
    kiss_fft_cpx *at; /* the same, complex */
    kiss_fftr_cfg plan;
} sg_spectrum;

/* The taper is periodic over `period` samples (window - 1: symmetric). */
sedge_status sg_spectrum_make(sg_spectrum *s, sg_arena *arena, int fft, int window, int taper, int period, sg_err *err);
/* Tapers samples[at, at + window) and leaves the squared magnitudes of its transform in bin. */
void sg_spectrum_power(sg_spectrum *s, int at);

#endif
