/* Fuzzes what reads sound, series and text: the first byte picks WAV, CSV, or a tokenizer whose vocabulary and text the input is. */
#include <stdlib.h>
#include <string.h>

#include "media/audio.h"
#include "media/text.h"

static void wav(const uint8_t *bytes, size_t size)
{
    sedge_audio a;
    sedge_error err = {0};
    float mono[64];
    if (sedge_audio_wav(&a, bytes, size, &err) != SEDGE_OK) {
        if (!err.msg[0])
            abort();
        return;
    }
    for (size_t at = 0; at < a.frames; at += 64)
        sg_audio_mono(&a, at, a.frames - at < 64 ? a.frames - at : 64, mono);
}

static void csv(const uint8_t *bytes, size_t size, unsigned pick)
{
    static const char *const column[] = {"a", "1"};
    sedge_series_opts o;
    sedge_media_opts m = {.memory_limit = 16 << 20};
    sedge_series s;
    sedge_error err = {0};
    sedge_series_opts_init(&o);
    o.column = pick & 64 ? NULL : column;
    o.n_column = pick & 1 ? 2 : 0;
    o.time = pick & 2 ? "0" : NULL;
    o.missing = pick >> 2 & 3;
    o.source_rate = pick & 16 ? 3 : 0;
    if (sedge_series_csv(&s, (const char *)bytes, size, &o, &m, &err) != SEDGE_OK && !err.msg[0])
        abort();
    sedge_series_free(&s);
}

/* Up to the first zero: the vocabulary (and the pattern of words); behind it: the text. */
static void tokens(const uint8_t *bytes, size_t size, int kind)
{
    const uint8_t *zero = memchr(bytes, 0, size);
    size_t vocab = zero ? (size_t)(zero - bytes) : size, text = zero ? vocab + 1 : vocab;
    sg_token_spec s = {.kind = (uint8_t)kind,
                       .lower = true,
                       .strip_accents = true,
                       .vocab = (const char *)bytes,
                       .vocab_size = vocab,
                       .begin = "",
                       .end = "",
                       .pad = "",
                       .split = zero && vocab < 200 ? (const char *)bytes : NULL};
    if (kind == SG_TOKENS_WORDPIECE)
        s.unknown = "a";
    sg_mem mem = {.limit = 64 << 20};
    sg_err err = {0};
    sg_tokenizer *t;
    int64_t id[16];
    size_t total;
    sedge_status st = sg_tokenizer_new(&t, &s, &mem, &err);
    if (st == SEDGE_OK)
        st = sg_tokenize(t, (const char *)bytes + text, size - text < 2000 ? size - text : 2000, id, 16, &total, &err);
    if (st != SEDGE_OK && !err.msg[0])
        abort();
    sg_tokenizer_free(t);
    if (mem.used)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size < 2)
        return 0;
    switch (bytes[0] % 4) {
    case 0: wav(bytes + 1, size - 1); break;
    case 1: csv(bytes + 2, size - 2, bytes[1]); break;
    case 2: tokens(bytes + 1, size - 1, SG_TOKENS_WORDPIECE); break;
    default: tokens(bytes + 1, size - 1, SG_TOKENS_WORDS); break;
    }
    return 0;
}
