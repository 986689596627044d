/* Tokenizers of text: bytes, words between matches of a regular expression (PCRE2, with limits on its work), WordPiece. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>
#include <utf8proc.h>

#include "media/tokens.h"

#define MATCH_LIMIT 1000000 /* steps of one match */
#define HEAP_LIMIT  (16 * 1024) /* KiB of one match */

struct sg_tokenizer {
    sg_mem *mem;
    sg_arena arena;
    sg_token_spec spec;
    sg_vocab vocab;
    int64_t unknown, begin, end, pad; /* -1: none */
    pcre2_general_context *general;
    pcre2_compile_context *compile;
    pcre2_match_context *limits;
    pcre2_match_data *match;
    pcre2_code *split;
    char *text; /* folded */
    size_t cap;
};

/* ---- PCRE2's memory is accounted; sg_free wants sizes, which stand in front of blocks ---- */

typedef union head {
    size_t size;
    max_align_t align;
} head;

static void *counted_alloc(size_t size, void *mem)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    head *h = sg_alloc(mem, sizeof *h + size);
    if (!h)
        return NULL;
    h->size = sizeof *h + size;
    return h + 1;
}

static void counted_free(void *p, void *mem)
{
    if (p)
        sg_free(mem, (head *)p - 1, ((head *)p - 1)->size);
}

/* ---- making one ---- */

static sedge_status special(const sg_tokenizer *t, const char *name, const char *what, int64_t *id, sg_err *err)
{
    *id = -1;
    if (!name || !name[0])
        return SEDGE_OK;
    *id = sg_vocab_find(&t->vocab, name, strlen(name));
    if (*id < 0)
        return sg_fail(err, SEDGE_E_NOT_FOUND, "text: the %s token \"%s\" is not in the vocabulary", what, name);
    return SEDGE_OK;
}

static sedge_status make_split(sg_tokenizer *t, const char *pattern, sg_err *err)
{
    int code = 0;
    PCRE2_SIZE at = 0;
    t->general = pcre2_general_context_create(counted_alloc, counted_free, t->mem);
    t->compile = t->general ? pcre2_compile_context_create(t->general) : NULL;
    t->limits = t->general ? pcre2_match_context_create(t->general) : NULL;
    if (!t->compile || !t->limits)
        return sg_fail(err, SEDGE_E_NOMEM, "text: no memory for split");
    pcre2_set_match_limit(t->limits, MATCH_LIMIT);
    pcre2_set_heap_limit(t->limits, HEAP_LIMIT);
    t->split = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &code,
                             &at, t->compile);
    if (!t->split && code == PCRE2_ERROR_HEAP_FAILED)
        return sg_fail(err, SEDGE_E_NOMEM, "text: no memory for split");
    if (!t->split) {
        PCRE2_UCHAR why[120];
        pcre2_get_error_message(code, why, sizeof why);
        return sg_fail(err, SEDGE_E_FORMAT, "text: split, at byte %zu: %s", (size_t)at, (const char *)why);
    }
    t->match = pcre2_match_data_create(1, t->general);
    return t->match ? SEDGE_OK : sg_fail(err, SEDGE_E_NOMEM, "text: no memory for split");
}

static sedge_status make(sg_tokenizer *t, sg_err *err)
{
    const sg_token_spec *s = &t->spec;
    bool bytes = s->kind == SG_TOKENS_BYTES, pieces = s->kind == SG_TOKENS_WORDPIECE;
    if (s->kind > SG_TOKENS_WORDPIECE)
        return sg_fail(err, SEDGE_E_ARG, "text: tokenizer %d is unknown", s->kind);
    if (!bytes && !s->vocab)
        return sg_fail(err, SEDGE_E_ARG, "text: words need a vocabulary");
    if (bytes && (s->lower || s->strip_accents))
        return sg_fail(err, SEDGE_E_ARG, "text: bytes stay as they are, large letters and accents too");
    if (s->vocab)
        SG_TRY(sg_vocab_make(&t->vocab, &t->arena, s->vocab, s->vocab_size, err));
    SG_TRY(special(t, s->unknown ? s->unknown : pieces ? "[UNK]" : NULL, "unknown", &t->unknown, err));
    SG_TRY(special(t, s->begin ? s->begin : pieces ? "[CLS]" : NULL, "begin", &t->begin, err));
    SG_TRY(special(t, s->end ? s->end : pieces ? "[SEP]" : NULL, "end", &t->end, err));
    SG_TRY(special(t, s->pad ? s->pad : pieces ? "[PAD]" : NULL, "pad", &t->pad, err));
    if (pieces && t->unknown < 0)
        return sg_fail(err, SEDGE_E_ARG, "text: WordPiece needs an unknown token");
    return s->kind == SG_TOKENS_WORDS ? make_split(t, s->split ? s->split : "\\s+", err) : SEDGE_OK;
}

sedge_status sg_tokenizer_new(sg_tokenizer **out, const sg_token_spec *spec, sg_mem *mem, sg_err *err)
{
    *out = NULL;
    sg_tokenizer *t = sg_calloc(mem, 1, sizeof *t);
    if (!t)
        return sg_fail(err, SEDGE_E_NOMEM, "text: out of memory");
    t->mem = t->arena.mem = mem;
    t->spec = *spec;
    sedge_status st = make(t, err);
    /* What the caller owns is not looked at again. */
    t->spec.split = t->spec.vocab = t->spec.unknown = t->spec.begin = t->spec.end = t->spec.pad = NULL;
    if (st == SEDGE_OK)
        *out = t;
    else
        sg_tokenizer_free(t);
    return st;
}

void sg_tokenizer_free(sg_tokenizer *t)
{
    if (!t)
        return;
    pcre2_match_data_free(t->match);
    pcre2_code_free(t->split);
    pcre2_match_context_free(t->limits);
    pcre2_compile_context_free(t->compile);
    pcre2_general_context_free(t->general);
    sg_mem *mem = t->mem;
    sg_free(mem, t->text, t->cap);
    sg_arena_free(&t->arena);
    sg_free(mem, t, sizeof *t);
}

int64_t sg_token_pad(const sg_tokenizer *t)
{
    return t->pad < 0 ? 0 : t->pad;
}

/* ---- words ---- */

/* The text as valid UTF-8, folded, into t->text. */
static sedge_status fold(sg_tokenizer *t, const char *text, size_t n, size_t *folded, sg_err *err)
{
    size_t m = 0;
    for (size_t at = 0; at < n;) {
        int32_t to[SG_FOLD_MAX];
        int k = sg_text_fold(sg_utf8_next(text, n, &at), t->spec.lower, t->spec.strip_accents, to);
        if (sg_grow(t->mem, &t->text, &t->cap, m + 4 * SG_FOLD_MAX, 1) != SEDGE_OK)
            return sg_fail(err, SEDGE_E_NOMEM, "text: no memory for %zu bytes", n);
        for (int i = 0; i < k; i++)
            m += (size_t)utf8proc_encode_char(to[i], (utf8proc_uint8_t *)t->text + m);
    }
    *folded = m;
    return SEDGE_OK;
}

static sedge_status add_word(sg_tokenizer *t, size_t from, size_t to, sg_ids *out, sg_err *err)
{
    if (from == to)
        return SEDGE_OK;
    int64_t id = sg_vocab_find(&t->vocab, t->text + from, to - from);
    id = id < 0 ? t->unknown : id;
    if (id < 0)
        return sg_fail(err, SEDGE_E_NOT_FOUND,
                       "text: the word at byte %zu is not in the vocabulary, and there is no unknown token", from);
    sg_ids_add(out, id);
    return SEDGE_OK;
}

static sedge_status words(sg_tokenizer *t, const char *text, size_t n, sg_ids *out, sg_err *err)
{
    SG_TRY(fold(t, text, n, &n, err));
    for (size_t at = 0; at < n;) {
        int found = pcre2_match(t->split, (PCRE2_SPTR)t->text, n, at, PCRE2_NO_UTF_CHECK | PCRE2_NOTEMPTY, t->match, t->limits);
        if (found == PCRE2_ERROR_NOMATCH)
            return add_word(t, at, n, out, err);
        if (found == PCRE2_ERROR_NOMEMORY)
            return sg_fail(err, SEDGE_E_NOMEM, "text: no memory for split");
        if (found < 0)
            return sg_fail(err, SEDGE_E_LIMIT, "text: split takes too long at byte %zu", at);
        const PCRE2_SIZE *range = pcre2_get_ovector_pointer(t->match);
        if (range[0] < at || range[1] <= range[0])
            return sg_fail(err, SEDGE_E_VALUE, "text: split matches backwards at byte %zu", at);
        SG_TRY(add_word(t, at, range[0], out, err));
        at = range[1];
    }
    return SEDGE_OK;
}

sedge_status sg_tokenize(sg_tokenizer *t, const char *text, size_t n, int64_t *id, size_t room, size_t *total, sg_err *err)
{
    sg_ids out = {id, room, 0};
    *total = 0;
    if (t->begin >= 0)
        sg_ids_add(&out, t->begin);
    if (t->spec.kind == SG_TOKENS_WORDS)
        SG_TRY(words(t, text, n, &out, err));
    else if (t->spec.kind == SG_TOKENS_WORDPIECE)
        sg_wordpiece(&t->vocab, &t->spec, t->unknown, text, n, &out);
    for (size_t i = 0; t->spec.kind == SG_TOKENS_BYTES && i < n; i++)
        sg_ids_add(&out, (unsigned char)text[i] + t->spec.offset);
    if (t->end >= 0) {
        if (room && out.total >= room)
            id[room - 1] = t->end;
        sg_ids_add(&out, t->end);
    }
    *total = out.total;
    return SEDGE_OK;
}
