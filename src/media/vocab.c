/* Vocabularies: a token a line, or a token and its id a line. */
#include <string.h>

#include "media/tokens.h"

struct sg_vocab_slot {
    const char *token; /* NULL: free */
    size_t n;
    int64_t id;
};

/* FNV-1a. */
static uint64_t hash(const char *s, size_t n)
{
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)s[i]) * 1099511628211u;
    return h ^ h >> 32;
}

static struct sg_vocab_slot *slot_of(const sg_vocab *v, const char *token, size_t n)
{
    size_t i = hash(token, n) & (v->slots - 1);
    while (v->slot[i].token && (v->slot[i].n != n || memcmp(v->slot[i].token, token, n) != 0))
        i = (i + 1) & (v->slots - 1);
    return &v->slot[i];
}

int64_t sg_vocab_find(const sg_vocab *v, const char *token, size_t n)
{
    const struct sg_vocab_slot *s = v->slots && n ? slot_of(v, token, n) : NULL;
    return s && s->token ? s->id : -1;
}

/* The line at *at without its end; *at moves to the next. */
static size_t line(const char *text, size_t size, size_t *at)
{
    const char *end = memchr(text + *at, '\n', size - *at);
    size_t n = end ? (size_t)(end - (text + *at)) : size - *at, next = *at + n + (end ? 1 : 0);
    if (n && text[*at + n - 1] == '\r')
        n--;
    *at = next;
    return n;
}

/* Bytes of the token when the line is a token, a blank and a number; 0: it is not. */
static size_t numbered(const char *s, size_t n, int64_t *id)
{
    size_t i = n;
    int64_t value = 0, place = 1;
    while (i && s[i - 1] >= '0' && s[i - 1] <= '9') {
        if (n - i >= 10)
            return 0;
        value += (s[--i] - '0') * place;
        place *= 10;
    }
    if (i == n || i < 2 || (s[i - 1] != ' ' && s[i - 1] != '\t'))
        return 0;
    *id = value;
    return i - 1;
}

static bool all_numbered(const char *text, size_t size, size_t *lines)
{
    bool all = true;
    int64_t id;
    *lines = 0;
    for (size_t at = 0; at < size; ++*lines) {
        size_t from = at, n = line(text, size, &at);
        all = all && (n == 0 || numbered(text + from, n, &id));
    }
    return all;
}

sedge_status sg_vocab_make(sg_vocab *v, sg_arena *arena, const char *text, size_t size, sg_err *err)
{
    size_t lines;
    bool with_ids = all_numbered(text, size, &lines);
    v->slots = 16;
    while (v->slots < 2 * lines)
        v->slots *= 2;
    v->slot = sg_arena_array(arena, v->slots, sizeof *v->slot);
    const char *copy = sg_arena_str(arena, text, size);
    if (!v->slot || !copy)
        return sg_fail(err, SEDGE_E_NOMEM, "vocabulary: no memory for %zu tokens", lines);
    size_t at = 0;
    for (size_t k = 0; k < lines; k++) {
        const char *token = copy + at;
        size_t n = line(copy, size, &at);
        int64_t id = (int64_t)k;
        n = with_ids && n ? numbered(token, n, &id) : n;
        if (n == 0)
            continue;
        struct sg_vocab_slot *s = slot_of(v, token, n);
        if (s->token)
            return sg_fail(err, SEDGE_E_FORMAT, "vocabulary: line %zu: this token has id %lld already", k + 1, (long long)s->id);
        *s = (struct sg_vocab_slot){token, n, id};
        v->longest = n > v->longest ? n : v->longest;
    }
    return SEDGE_OK;
}
