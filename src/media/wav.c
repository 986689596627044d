/* RIFF/WAVE and RF64 (EBU Tech 3306) files: where the samples lie and what they are. Every size is checked against the file;
 * a file that lacks a part of its samples is refused, not cut. */
#include <string.h>

#include "media/audio.h"
#include "media/decode.h"

enum { TAG_PCM = 1, TAG_FLOAT = 3, TAG_EXTENSIBLE = 0xfffe };
#define SIZE_IN_DS64 0xffffffffu

typedef struct wav {
    const uint8_t *data;
    size_t size, at;
    uint64_t data_size; /* RF64: from the ds64 chunk */
    bool rf64, has_ds64, has_format;
    unsigned block; /* bytes of a frame */
    sg_err *err;
} wav;

typedef struct chunk {
    char id[5]; /* for messages */
    const uint8_t *body;
    uint64_t size;
} chunk;

static uint64_t le64(const uint8_t *p)
{
    return sg_le32(p) | (uint64_t)sg_le32(p + 4) << 32;
}

static sedge_status next_chunk(wav *w, chunk *c)
{
    if (w->size - w->at < 8)
        return sg_fail(w->err, SEDGE_E_FORMAT, "wav: no chunk \"%s\" in %zu bytes", w->has_format ? "data" : "fmt ", w->size);
    const uint8_t *p = w->data + w->at;
    for (int i = 0; i < 4; i++)
        c->id[i] = (char)(p[i] >= ' ' && p[i] < 127 ? p[i] : '?');
    c->id[4] = 0;
    c->size = sg_le32(p + 4);
    c->body = p + 8;
    w->at += 8;
    if (w->rf64 && w->has_ds64 && c->size == SIZE_IN_DS64 && memcmp(p, "data", 4) == 0)
        c->size = w->data_size;
    if (c->size > w->size - w->at)
        return sg_fail(w->err, SEDGE_E_FORMAT, "wav: chunk \"%s\" at byte %zu: %llu bytes, the file has %zu more", c->id,
                       w->at - 8, (unsigned long long)c->size, w->size - w->at);
    w->at += (size_t)c->size;
    w->at += (c->size & 1) && w->at < w->size; /* chunks start at even bytes; some writers forget the last one */
    return SEDGE_OK;
}

/* The tag of an extensible format is the head of a GUID whose tail is fixed. */
static sedge_status extensible(wav *w, const chunk *c, unsigned bits, unsigned *tag)
{
    static const uint8_t tail[14] = {0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71};
    if (c->size < 40)
        return sg_fail(w->err, SEDGE_E_FORMAT, "wav: chunk \"fmt \": %llu bytes, an extensible format has 40",
                       (unsigned long long)c->size);
    unsigned valid = sg_le16(c->body + 18);
    if (valid > bits)
        return sg_fail(w->err, SEDGE_E_FORMAT, "wav: chunk \"fmt \": %u valid bits of %u", valid, bits);
    if (memcmp(c->body + 26, tail, sizeof tail) != 0)
        return sg_fail(w->err, SEDGE_E_UNSUPPORTED, "wav: chunk \"fmt \": this extensible format is unknown");
    *tag = sg_le16(c->body + 24);
    return SEDGE_OK;
}

static int sample_type(unsigned tag, unsigned bits)
{
    if (tag == TAG_FLOAT && bits == 32)
        return SEDGE_PCM_F32;
    if (tag != TAG_PCM)
        return -1;
    return bits == 8 ? SEDGE_PCM_U8 : bits == 16 ? SEDGE_PCM_S16 : bits == 24 ? SEDGE_PCM_S24 : bits == 32 ? SEDGE_PCM_S32 : -1;
}

static sedge_status read_format(wav *w, const chunk *c, sedge_audio *out)
{
    if (c->size < 16)
        return sg_fail(w->err, SEDGE_E_FORMAT, "wav: chunk \"fmt \": %llu bytes, at least 16 are needed",
                       (unsigned long long)c->size);
    unsigned tag = sg_le16(c->body), channels = sg_le16(c->body + 2), bits = sg_le16(c->body + 14);
    uint32_t rate = sg_le32(c->body + 4);
    w->block = sg_le16(c->body + 12);
    if (tag == TAG_EXTENSIBLE)
        SG_TRY(extensible(w, c, bits, &tag));
    int sample = sample_type(tag, bits);
    if (sample < 0)
        return sg_fail(w->err, SEDGE_E_UNSUPPORTED,
                       "wav: chunk \"fmt \": format %u with %u bits is not PCM of 8, 16, 24, 32 bits or "
                       "float of 32",
                       tag, bits);
    if (channels < 1 || channels > 8)
        return sg_fail(w->err, SEDGE_E_UNSUPPORTED, "wav: chunk \"fmt \": %u channels, 1 to 8 are possible", channels);
    if (w->block != channels * sg_sample_bytes(sample))
        return sg_fail(w->err, SEDGE_E_FORMAT, "wav: chunk \"fmt \": %u channels of %u bits in frames of %u bytes", channels,
                       bits, w->block);
    if (rate == 0)
        return sg_fail(w->err, SEDGE_E_FORMAT, "wav: chunk \"fmt \": a rate of 0");
    out->sample = (uint8_t)sample;
    out->channels = (uint8_t)channels;
    out->rate = rate;
    w->has_format = true;
    return SEDGE_OK;
}

static sedge_status read_chunks(wav *w, sedge_audio *out)
{
    for (;;) {
        chunk c;
        SG_TRY(next_chunk(w, &c));
        if (strcmp(c.id, "ds64") == 0) {
            if (c.size < 28)
                return sg_fail(w->err, SEDGE_E_FORMAT, "wav: chunk \"ds64\": %llu bytes, at least 28 are needed",
                               (unsigned long long)c.size);
            w->data_size = le64(c.body + 8);
            w->has_ds64 = true;
        } else if (strcmp(c.id, "fmt ") == 0) {
            SG_TRY(read_format(w, &c, out));
        } else if (strcmp(c.id, "data") == 0) {
            if (!w->has_format)
                return sg_fail(w->err, SEDGE_E_FORMAT, "wav: chunk \"data\" stands before \"fmt \"");
            if (c.size % w->block)
                return sg_fail(w->err, SEDGE_E_FORMAT, "wav: chunk \"data\": %llu bytes are no whole frames of %u",
                               (unsigned long long)c.size, w->block);
            out->data = c.body;
            out->frames = (size_t)c.size / w->block;
            return SEDGE_OK;
        }
    }
}

sedge_status sedge_audio_wav(sedge_audio *out, const void *bytes, size_t size, sedge_error *err)
{
    memset(out, 0, sizeof *out);
    wav w = {.data = bytes, .size = size, .at = 12, .err = err};
    if (size < 12 || memcmp(w.data + 8, "WAVE", 4) != 0 || (memcmp(w.data, "RIFF", 4) != 0 && memcmp(w.data, "RF64", 4) != 0))
        return sg_fail(err, SEDGE_E_FORMAT, "wav: no RIFF/WAVE or RF64 header in the first 12 of %zu bytes", size);
    w.rf64 = w.data[1] == 'F';
    sedge_audio a = {0};
    SG_TRY(read_chunks(&w, &a));
    *out = a;
    return SEDGE_OK;
}
