/* Text to token ids: bytes, words by a regular expression and a vocabulary, WordPiece. */
#ifndef SG_MEDIA_TEXT_H
#define SG_MEDIA_TEXT_H

#include <stdbool.h>

#include "base/err.h"
#include "base/mem.h"

typedef enum sg_token_kind { SG_TOKENS_BYTES, SG_TOKENS_WORDS, SG_TOKENS_WORDPIECE } sg_token_kind;

typedef struct sg_token_spec {
    uint8_t kind;
    bool lower, strip_accents;
    const char *split;     /* WORDS: regular expression of what lies between words */
    const char *vocab;     /* text of the vocabulary: a token a line, its id the line's number; or "token id" a line */
    size_t vocab_size;
    const char *unknown, *begin, *end, *pad; /* tokens, or NULL: WordPiece's [UNK] [CLS] [SEP] [PAD] */
    int64_t offset;        /* BYTES: added to each byte */
} sg_token_spec;

typedef struct sg_tokenizer sg_tokenizer;
sedge_status sg_tokenizer_new(sg_tokenizer **out, const sg_token_spec *spec, sg_mem *mem, sg_err *err);
void sg_tokenizer_free(sg_tokenizer *t);
/* Ids of text into id[0, room), begin and end tokens with them; *total is how many there are, more than room when it was cut (the end
 * token is kept). Invalid UTF-8 is read as U+FFFD. */
sedge_status sg_tokenize(sg_tokenizer *t, const char *text, size_t n, int64_t *id, size_t room, size_t *total, sg_err *err);
int64_t sg_token_pad(const sg_tokenizer *t);

#endif
