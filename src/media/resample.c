/* Samples at one rate to another, by speexdsp's windowed sinc. Its answer to a sample depends on the samples around it alone, not on
 * how they are cut, so pieces of any length are passed on at once; a test holds it to that, bit for bit. The filter's delay is taken
 * off at the start and made up with silence at the end: n samples give ceil(n * to / from). */
#include <speex/speex_resampler.h>
#include <string.h>

#include "media/audio.h"
#include "media/decode.h"

#define RATE_MAX  768000u
#define RATIO_MAX 256u
#define QUALITY   SPEEX_RESAMPLER_QUALITY_MAX
#define BLOCK     256u /* samples converted at a time */

struct sedge_resampler {
    sg_mem mem;
    uint32_t from, to;
    SpeexResamplerState *speex; /* NULL: from == to */
    uint64_t taken, given; /* samples since the start */
    float in[BLOCK];
};

sedge_status sedge_resampler_new(sedge_resampler **out, uint32_t from, uint32_t to, const sedge_media_opts *opts,
                                 sedge_error *err)
{
    *out = NULL;
    if (from == 0 || to == 0 || from > RATE_MAX || to > RATE_MAX || from / to >= RATIO_MAX || to / from >= RATIO_MAX)
        return sg_fail(err, SEDGE_E_ARG,
                       "audio: from %lu to %lu samples per second: rates are 1 to %u, less than %u times each other",
                       (unsigned long)from, (unsigned long)to, RATE_MAX, RATIO_MAX);
    sg_mem mem = {0};
    if (opts)
        mem = (sg_mem){.fn = opts->alloc, .ctx = opts->alloc_ctx, .limit = opts->memory_limit};
    sedge_resampler *r = sg_calloc(&mem, 1, sizeof *r);
    if (!r)
        return sg_fail(err, SEDGE_E_NOMEM, "audio: no memory for a resampler");
    r->mem = mem;
    r->from = from;
    r->to = to;
    if (from != to) {
        int bad = 0;
        r->speex = speex_resampler_init(1, from, to, QUALITY, &bad);
        if (!r->speex || bad) {
            sedge_resampler_free(&r);
            return sg_fail(err, SEDGE_E_NOMEM, "audio: no memory for a resampler");
        }
    }
    sedge_resampler_reset(r);
    *out = r;
    return SEDGE_OK;
}

void sedge_resampler_free(sedge_resampler **r)
{
    if (!*r)
        return;
    if ((*r)->speex)
        speex_resampler_destroy((*r)->speex);
    sg_mem mem = (*r)->mem;
    sg_free(&mem, *r, sizeof **r);
    *r = NULL;
}

void sedge_resampler_reset(sedge_resampler *r)
{
    r->taken = r->given = 0;
    if (!r->speex)
        return;
    speex_resampler_reset_mem(r->speex);
    speex_resampler_skip_zeros(r->speex);
}

/* Samples that `taken` samples give in all. */
static uint64_t due(const sedge_resampler *r, uint64_t taken)
{
    uint64_t whole = taken / r->from * r->to, rest = taken % r->from * r->to;
    return whole + (rest + r->from - 1) / r->from;
}

size_t sedge_resampler_room(const sedge_resampler *r, size_t frames)
{
    uint64_t n = due(r, r->taken + frames) - r->given, most = due(r, frames) + 1;
    n = frames && n > most ? most : n; /* what lies in the filter stays there until the end */
    return n > SIZE_MAX ? SIZE_MAX : (size_t)n;
}

/* n samples of r->in through the filter; out ends where the samples that are due end. */
static void filter(sedge_resampler *r, uint32_t n, float *out, size_t room, size_t *written)
{
    uint32_t at = 0;
    while (at < n && *written < room) {
        size_t left = room - *written;
        spx_uint32_t in_n = n - at, out_n = left > BLOCK ? BLOCK : (spx_uint32_t)left;
        speex_resampler_process_float(r->speex, 0, r->in + at, &in_n, out + *written, &out_n);
        at += in_n;
        *written += out_n;
    }
}

static void push_samples(sedge_resampler *r, const sedge_audio *in, float *out, size_t room, size_t *written)
{
    for (size_t at = 0; at < in->frames;) {
        uint32_t n = in->frames - at > BLOCK ? BLOCK : (uint32_t)(in->frames - at);
        sg_audio_mono(in, at, n, r->in);
        filter(r, n, out, room, written);
        at += n;
    }
}

static void push_silence(sedge_resampler *r, float *out, size_t room, size_t *written)
{
    memset(r->in, 0, sizeof r->in);
    while (*written < room)
        filter(r, BLOCK, out, room, written);
}

sedge_status sedge_resampler_push(sedge_resampler *r, const sedge_audio *in, float *out, size_t room, size_t *written,
                                  sedge_error *err)
{
    *written = 0;
    if (in) {
        SG_TRY(sg_audio_check(in, err));
        if (in->rate != r->from)
            return sg_fail(err, SEDGE_E_ARG, "audio: %lu samples per second, the resampler takes %lu", (unsigned long)in->rate,
                           (unsigned long)r->from);
    }
    size_t frames = in ? in->frames : 0, most = sedge_resampler_room(r, frames);
    if (most > room)
        return sg_fail(err, SEDGE_E_SHAPE, "audio: room for %zu resampled samples, %zu may come", room, most);
    if (!in && r->speex) {
        push_silence(r, out, most, written);
    } else if (in && r->speex) {
        push_samples(r, in, out, most, written);
    } else if (in) {
        sg_audio_mono(in, 0, frames, out);
        *written = frames;
    }
    r->taken += frames;
    r->given += *written;
    return SEDGE_OK;
}
