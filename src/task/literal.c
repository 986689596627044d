/* Literals of Python, as exporters write them into metadata: numbers, strings, lists, tuples, dictionaries. Bounded in size and
 * depth; nothing is evaluated. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "task/native.h"

#define DEPTH_MAX 8

typedef struct reader {
    const char *p, *end;
    char *text; /* a string without its escapes, as long as the whole at most */
} reader;

static json_t *value(reader *r, int depth);

static void space(reader *r)
{
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\n' || *r->p == '\t' || *r->p == '\r'))
        r->p++;
}

static bool sign(reader *r, char c)
{
    space(r);
    if (r->p >= r->end || *r->p != c)
        return false;
    r->p++;
    return true;
}

static size_t utf8(uint32_t v, char out[4])
{
    if (v < 0x80) {
        out[0] = (char)v;
        return 1;
    }
    size_t n = v < 0x800 ? 2 : v < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, v >>= 6)
        out[i] = (char)(0x80 | (v & 0x3f));
    out[0] = (char)((n == 2 ? 0xc0 : n == 3 ? 0xe0 : 0xf0) | v);
    return n;
}

/* Behind a backslash; 0: not known. */
static size_t escape(reader *r, char out[4])
{
    static const char from[] = "\\'\"nrt", to[] = "\\'\"\n\r\t";
    char c = r->p < r->end ? *r->p++ : 0;
    const char *at = c ? strchr(from, c) : NULL;
    if (at) {
        out[0] = to[at - from];
        return 1;
    }
    int digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    uint32_t v = 0;
    for (int i = 0; i < digits; i++) {
        char d = r->p < r->end ? *r->p++ : 0;
        const char *hex = "0123456789abcdef", *k = d ? strchr(hex, d >= 'A' && d <= 'F' ? d + 32 : d) : NULL;
        if (!k)
            return 0;
        v = v << 4 | (uint32_t)(k - hex);
    }
    return digits && v > 0 && v < 0x110000 && (v < 0xd800 || v > 0xdfff) ? utf8(v, out) : 0;
}

/* The text lies in r->text. */
static bool string(reader *r, size_t *n)
{
    char quote = *r->p++;
    for (*n = 0; r->p < r->end && *r->p != quote;) {
        char c = *r->p++, out[4];
        size_t len = c == '\\' ? escape(r, out) : (out[0] = c, (size_t)1);
        if (len == 0 || c == 0)
            return false;
        memcpy(r->text + *n, out, len);
        *n += len;
    }
    return r->p < r->end && *r->p++ == quote;
}

static json_t *number(reader *r)
{
    char s[64];
    size_t n = 0;
    while (r->p < r->end && n < sizeof s - 1 && strchr("+-.0123456789eE", *r->p) && *r->p)
        s[n++] = *r->p++;
    s[n] = 0;
    char *end;
    errno = 0;
    if (n && !strpbrk(s, ".eE")) {
        long long v = strtoll(s, &end, 10);
        return *end || errno ? NULL : json_integer(v);
    }
    double v = n ? strtod(s, &end) : 0;
    return !n || *end || errno ? NULL : json_real(v);
}

static json_t *word(reader *r)
{
    static const char *const words[] = {"True", "False", "None"};
    for (int i = 0; i < 3; i++) {
        size_t n = strlen(words[i]);
        if ((size_t)(r->end - r->p) >= n && memcmp(r->p, words[i], n) == 0) {
            r->p += n;
            return i == 0 ? json_true() : i == 1 ? json_false() : json_null();
        }
    }
    return number(r);
}

static json_t *list(reader *r, char close, int depth)
{
    json_t *a = json_array();
    r->p++;
    while (a && !sign(r, close)) {
        json_t *v = value(r, depth - 1);
        if (!v || json_array_append_new(a, v) != 0 || (!sign(r, ',') && (space(r), r->p >= r->end || *r->p != close))) {
            json_decref(a);
            return NULL;
        }
    }
    return a;
}

/* Keys are strings or whole numbers, which become their text. */
static bool pair(reader *r, json_t *o, int depth)
{
    json_t *k = value(r, depth - 1), *v = k && sign(r, ':') ? value(r, depth - 1) : NULL;
    char s[32];
    const char *key = json_string_value(k);
    if (json_is_integer(k)) {
        snprintf(s, sizeof s, "%lld", (long long)json_integer_value(k));
        key = s;
    }
    bool good = v && key && !json_object_get(o, key) && json_object_set(o, key, v) == 0;
    json_decref(k);
    json_decref(v);
    return good;
}

static json_t *dictionary(reader *r, int depth)
{
    json_t *o = json_object();
    r->p++;
    while (o && !sign(r, '}')) {
        if (!pair(r, o, depth) || (!sign(r, ',') && (space(r), r->p >= r->end || *r->p != '}'))) {
            json_decref(o);
            return NULL;
        }
    }
    return o;
}

static json_t *value(reader *r, int depth)
{
    space(r);
    if (depth == 0 || r->p >= r->end)
        return NULL;
    size_t n;
    switch (*r->p) {
    case '{': return dictionary(r, depth);
    case '[': return list(r, ']', depth);
    case '(': return list(r, ')', depth);
    case '\'':
    case '"': return string(r, &n) ? json_stringn(r->text, n) : NULL;
    default: return word(r);
    }
}

sedge_status sg_literal_parse(sg_arena *a, json_t **out, const char *text, const char *what, sg_err *err)
{
    size_t n = strlen(text);
    *out = NULL;
    if (n > SG_LITERAL_BYTES_MAX)
        return sg_fail(err, SEDGE_E_LIMIT, "%s: larger than %zu bytes", what, (size_t)SG_LITERAL_BYTES_MAX);
    reader r = {text, text + n, sg_arena_alloc(a, n + 4)};
    if (!r.text)
        return sg_fail(err, SEDGE_E_NOMEM, "%s: out of memory", what);
    *out = value(&r, DEPTH_MAX);
    space(&r);
    if (*out && r.p == r.end)
        return SEDGE_OK;
    json_decref(*out);
    *out = NULL;
    return sg_fail(err, SEDGE_E_FORMAT, "%s: cannot be read at byte %zu", what, (size_t)(r.p - text));
}
