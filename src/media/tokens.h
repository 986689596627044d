/* What the kinds of tokenizers share: the vocabulary, reading of UTF-8, the place that ids go to. */
#ifndef SG_MEDIA_TOKENS_H
#define SG_MEDIA_TOKENS_H

#include "media/text.h"

/* Tokens by name. All text is a copy in the arena. */
typedef struct sg_vocab {
    struct sg_vocab_slot *slot;
    size_t slots; /* a power of 2 */
    size_t longest;
} sg_vocab;

sedge_status sg_vocab_make(sg_vocab *v, sg_arena *arena, const char *text, size_t size, sg_err *err);
/* Its id; -1: unknown. */
int64_t sg_vocab_find(const sg_vocab *v, const char *token, size_t n);

typedef struct sg_ids {
    int64_t *id;
    size_t room, total;
} sg_ids;

static inline void sg_ids_add(sg_ids *o, int64_t id)
{
    if (o->total < o->room)
        o->id[o->total] = id;
    o->total++;
}

/* The code point at *at, which moves behind it; a byte that is not UTF-8 is U+FFFD. */
int32_t sg_utf8_next(const char *text, size_t n, size_t *at);

/* What becomes of a code point: small, its accents dropped, both or neither; up to SG_FOLD_MAX of them. */
#define SG_FOLD_MAX 32
int sg_text_fold(int32_t point, bool lower, bool strip_accents, int32_t *to);

void sg_wordpiece(const sg_vocab *v, const sg_token_spec *spec, int64_t unknown, const char *text, size_t n, sg_ids *out);

#endif
