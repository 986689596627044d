/* WordPiece as BERT's tokenizer does it (J. Devlin et al., 2018): text is cleaned and cut at blanks, at punctuation and around
 * ideographs; each word is the longest tokens of the vocabulary from the left, those inside a word marked "##". Tokens in brackets
 * are not looked for in the text. */
#include <string.h>
#include <utf8proc.h>

#include "media/tokens.h"

#define WORD_MAX 100 /* code points; longer words are unknown */

typedef struct word {
    char text[WORD_MAX * 4];
    size_t start[WORD_MAX + 1]; /* of each code point */
    size_t n;                   /* of code points; WORD_MAX + 1: too long */
} word;

typedef struct pieces {
    const sg_vocab *vocab;
    int64_t unknown;
    word w;
    sg_ids *out;
} pieces;

/* ---- code points ---- */

int32_t sg_utf8_next(const char *text, size_t n, size_t *at)
{
    utf8proc_int32_t point;
    size_t left = n - *at > 4 ? 4 : n - *at;
    utf8proc_ssize_t took = utf8proc_iterate((const utf8proc_uint8_t *)text + *at, (utf8proc_ssize_t)left, &point);
    *at += took > 0 ? (size_t)took : 1;
    return took > 0 ? point : 0xfffd;
}

int sg_text_fold(int32_t point, bool lower, bool strip_accents, int32_t *to)
{
    to[0] = lower ? utf8proc_tolower(point) : point;
    if (!strip_accents)
        return 1;
    utf8proc_int32_t part[SG_FOLD_MAX];
    int bound = 0, kept = 0;
    utf8proc_ssize_t n = utf8proc_decompose_char(to[0], part, SG_FOLD_MAX, UTF8PROC_DECOMPOSE, &bound);
    if (n < 0 || n > SG_FOLD_MAX)
        return 1;
    for (int i = 0; i < n; i++)
        if (utf8proc_category(part[i]) != UTF8PROC_CATEGORY_MN)
            to[kept++] = part[i];
    return kept;
}

static bool is_blank(int32_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || utf8proc_category(c) == UTF8PROC_CATEGORY_ZS;
}

/* Control characters, formats and what is private; what is not assigned stays. (The first implementation kept private ones too.) */
static bool is_dropped(int32_t c)
{
    utf8proc_category_t k = utf8proc_category(c);
    return c == 0 || c == 0xfffd || k == UTF8PROC_CATEGORY_CC || k == UTF8PROC_CATEGORY_CF || k == UTF8PROC_CATEGORY_CO;
}

static bool is_punctuation(int32_t c)
{
    if ((c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) || (c >= 123 && c <= 126))
        return true;
    utf8proc_category_t k = utf8proc_category(c);
    return k >= UTF8PROC_CATEGORY_PC && k <= UTF8PROC_CATEGORY_PO;
}

/* The blocks of CJK ideographs, not of kana or hangul, which stand in words. */
static bool is_ideograph(int32_t c)
{
    return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) || (c >= 0x20000 && c <= 0x2a6df) ||
           (c >= 0x2a700 && c <= 0x2b73f) || (c >= 0x2b740 && c <= 0x2b81f) || (c >= 0x2b820 && c <= 0x2ceaf) ||
           (c >= 0xf900 && c <= 0xfaff) || (c >= 0x2f800 && c <= 0x2fa1f);
}

/* ---- words ---- */

/* The longest token at code point `at` of the word; *end: where it ends. -1: none. */
static int64_t longest(const pieces *p, size_t at, size_t *end)
{
    char key[2 + sizeof p->w.text] = "##";
    size_t mark = at ? 2 : 0, from = p->w.start[at];
    memcpy(key + mark, p->w.text + from, p->w.start[p->w.n] - from);
    for (size_t e = p->w.n; e > at; e--) {
        size_t n = mark + p->w.start[e] - from;
        int64_t id = n <= p->vocab->longest ? sg_vocab_find(p->vocab, key, n) : -1;
        if (id >= 0) {
            *end = e;
            return id;
        }
    }
    return -1;
}

static void end_word(pieces *p)
{
    size_t n = p->w.n, k = 0;
    int64_t id[WORD_MAX];
    bool known = n <= WORD_MAX;
    for (size_t at = 0; known && at < n; k++) {
        id[k] = longest(p, at, &at);
        known = id[k] >= 0;
    }
    if (!known)
        sg_ids_add(p->out, p->unknown);
    for (size_t i = 0; known && i < k; i++)
        sg_ids_add(p->out, id[i]);
    p->w.n = 0;
}

static void add(pieces *p, int32_t c)
{
    word *w = &p->w;
    if (w->n >= WORD_MAX) {
        w->n = WORD_MAX + 1;
        return;
    }
    size_t from = w->n ? w->start[w->n] : 0;
    w->start[w->n++] = from;
    w->start[w->n] = from + (size_t)utf8proc_encode_char(c, (utf8proc_uint8_t *)w->text + from);
}

static void point(pieces *p, int32_t c)
{
    bool alone = is_punctuation(c) || is_ideograph(c);
    if (p->w.n && (alone || is_blank(c)))
        end_word(p);
    if (!is_blank(c))
        add(p, c);
    if (alone)
        end_word(p);
}

void sg_wordpiece(const sg_vocab *v, const sg_token_spec *spec, int64_t unknown, const char *text, size_t n, sg_ids *out)
{
    pieces p = {.vocab = v, .unknown = unknown, .out = out};
    for (size_t at = 0; at < n;) {
        int32_t c = sg_utf8_next(text, n, &at), to[SG_FOLD_MAX];
        if (!is_blank(c) && is_dropped(c))
            continue;
        int k = sg_text_fold(c, spec->lower, spec->strip_accents, to);
        for (int i = 0; i < k; i++)
            point(&p, to[i]);
    }
    if (p.w.n)
        end_word(&p);
}
