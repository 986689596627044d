/* Samples of any type, at any alignment, to f32 of one channel. */
#include <string.h>

#include "media/audio.h"
#include "media/decode.h"

#define CHANNELS_MAX 8

size_t sg_sample_bytes(int sample)
{
    switch (sample) {
    case SEDGE_PCM_U8: return 1;
    case SEDGE_PCM_S16: return 2;
    case SEDGE_PCM_S24: return 3;
    case SEDGE_PCM_F32:
    case SEDGE_PCM_S32: return 4;
    default: return 0;
    }
}

sedge_status sg_audio_check(const sedge_audio *a, sg_err *err)
{
    size_t one = sg_sample_bytes(a->sample);
    if (!one)
        return sg_fail(err, SEDGE_E_TYPE, "audio: sample type %d is unknown", a->sample);
    if (a->channels < 1 || a->channels > CHANNELS_MAX)
        return sg_fail(err, SEDGE_E_SHAPE, "audio: %d channels, 1 to %d are possible", a->channels, CHANNELS_MAX);
    if (a->frames > SIZE_MAX / (one * a->channels) || (a->frames && !a->data))
        return sg_fail(err, SEDGE_E_ARG, "audio: %zu frames without so much memory", a->frames);
    return SEDGE_OK;
}

static double sample(const uint8_t *p, int type)
{
    float f;
    switch (type) {
    case SEDGE_PCM_U8: return (p[0] - 128) / 128.0;
    case SEDGE_PCM_S16: return (int16_t)sg_le16(p) / 32768.0;
    case SEDGE_PCM_S24: return (int32_t)((uint32_t)p[0] << 8 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 24) / 2147483648.0;
    case SEDGE_PCM_S32: return (int32_t)sg_le32(p) / 2147483648.0;
    default: break;
    }
    uint32_t bits = sg_le32(p);
    memcpy(&f, &bits, sizeof f);
    return (double)f;
}

void sg_audio_mono(const sedge_audio *a, size_t first, size_t n, float *out)
{
    size_t one = sg_sample_bytes(a->sample), channels = a->channels;
    const uint8_t *p = (const uint8_t *)a->data + first * one * channels;
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t c = 0; c < channels; c++, p += one)
            sum += sample(p, a->sample);
        out[i] = (float)(channels == 1 ? sum : sum / (double)channels);
    }
}
