/* Samples as f32, and spectra of audio and series: what front ends outside a model compute. */
#ifndef SG_MEDIA_AUDIO_H
#define SG_MEDIA_AUDIO_H

#include <stdbool.h>

#include "base/err.h"
#include "base/mem.h"
#include "sedge/media.h"

/* ---- samples ---- */

/* Bytes of a sample of that sedge_sample; 0: unknown. */
size_t sg_sample_bytes(int sample);
/* Refuses audio that is not described well. */
sedge_status sg_audio_check(const sedge_audio *a, sg_err *err);
/* Frames [first, first + n) as f32 of one channel, the mean of all. */
void sg_audio_mono(const sedge_audio *a, size_t first, size_t n, float *out);

/* ---- spectra ---- */

/* LIKE decides padding, mel scale, filter normalization and log: librosa (slaney mel, centred, power to dB), tf (tf.signal: HTK mel,
 * not centred, log(x + eps)), htk (HTK mel, log of energies, natural). */
typedef enum sg_mel_like { SG_MEL_LIBROSA, SG_MEL_TF, SG_MEL_HTK } sg_mel_like;
typedef enum sg_taper { SG_TAPER_HANN, SG_TAPER_HAMMING, SG_TAPER_BLACKMAN, SG_TAPER_RECT } sg_taper;
int sg_mel_like_find(const char *name); /* -1: unknown */
int sg_taper_find(const char *name);

typedef struct sg_mel_spec {
    uint32_t rate;
    int fft, window, hop; /* samples; window <= fft; fft an even product of 2, 3 and 5 */
    int mels, mfcc; /* mfcc 0: mel energies */
    double low, high; /* Hz; high 0: rate / 2 */
    double power; /* of magnitudes: 1 magnitude, 2 power */
    double log_eps; /* added before the log (tf), floor (librosa, htk) */
    uint8_t like, taper; /* sg_mel_like, sg_taper */
    bool log;
} sg_mel_spec;

/* Tables for one spec; used by one thread at a time. */
typedef struct sg_mel sg_mel;
sedge_status sg_mel_new(sg_mel **out, const sg_mel_spec *spec, sg_mem *mem, sg_err *err);
void sg_mel_free(sg_mel *m);
/* Frames that n samples give. */
int64_t sg_mel_frames(const sg_mel *m, int64_t n);
/* x [n] -> y [frames, mels or mfcc]; allocates nothing. */
void sg_mel_run(sg_mel *m, const float *x, int64_t n, float *y);

/* Power spectral density by Welch's method (segments of fft, overlapping by `overlap` of it, averaged): x [n] -> y [fft / 2 + 1],
 * one-sided, per Hz; log: natural. x lies `stride` apart; fewer than fft samples are one segment with zeros behind it. */
typedef struct sg_psd sg_psd;
sedge_status sg_psd_new(sg_psd **out, int fft, int taper, double overlap, bool log, double rate, sg_mem *mem, sg_err *err);
void sg_psd_free(sg_psd *p);
void sg_psd_run(sg_psd *p, const float *x, int64_t n, int64_t stride, float *y);

#endif
