/* The parser of regular expressions: RE2's syntax (github.com/google/re2/wiki/Syntax) but for Unicode classes. */
#include <string.h>

#include "text/regex_tree.h"
#include "op/utf8.h"

#define DEPTH_MAX  200
#define REPEAT_MAX 1000

typedef struct parser {
    sg_exec *x;
    sg_re_tree *t;
    const char *p, *begin, *end;
    bool fold, all, multi; /* flags i, s, m */
    int depth;
} parser;

static sedge_status bad(parser *s, const char *what)
{
    return SG_EXEC_FAIL(s->x, SEDGE_E_VALUE, "pattern: %s at byte %d", what, (int)(s->p - s->begin));
}

static bool more(const parser *s)
{
    return s->p < s->end;
}
static bool looking_at(const parser *s, const char *text)
{
    size_t n = strlen(text);
    return (size_t)(s->end - s->p) >= n && memcmp(s->p, text, n) == 0;
}

static bool accept(parser *s, const char *text)
{
    if (!looking_at(s, text))
        return false;
    s->p += strlen(text);
    return true;
}

static uint32_t next_char(parser *s)
{
    unsigned len;
    uint32_t c = sg_utf8_read(s->p, (uint64_t)(s->end - s->p), &len);
    s->p += len;
    return c;
}

static sedge_status node_new(parser *s, sg_re_kind kind, uint32_t *out)
{
    sg_re_tree *t = s->t;
    if (t->n_node == t->cap_node)
        return bad(s, "too long");
    *out = t->n_node++;
    memset(&t->node[*out], 0, sizeof t->node[*out]);
    t->node[*out].kind = (uint8_t)kind;
    t->node[*out].fold = s->fold;
    t->node[*out].all = s->all;
    return SEDGE_OK;
}

static sedge_status range_add(parser *s, uint32_t from, uint32_t to)
{
    sg_re_tree *t = s->t;
    if (t->n_range == t->cap_range)
        return bad(s, "too long");
    t->range[t->n_range++] = (sg_re_range){from, to};
    return SEDGE_OK;
}

/* Named sets of ASCII, ranges in order as pairs of characters. */
static const struct {
    char letter;
    const char *name, *pairs;
} sets[] = {
    {'d', "digit", "09"}, {'w', "word", "09AZ__az"}, {'s', "", "\t\n\f\r  "}, {0, "alnum", "09AZaz"}, {0, "alpha", "AZaz"},
    {0, "ascii", NULL},   {0, "blank", "\t\t  "},    {0, "cntrl", NULL},      {0, "graph", "!~"},     {0, "lower", "az"},
    {0, "print", " ~"},   {0, "punct", "!/:@[`{~"},  {0, "space", "\t\r  "},  {0, "upper", "AZ"},     {0, "xdigit", "09AFaf"},
};
#define N_SETS (sizeof sets / sizeof sets[0])

/* Adds named set k, or all but it. */
static sedge_status set_add(parser *s, size_t k, bool negated)
{
    uint32_t pair[8] = {0, 0x7F}, n = 2, from = 0;
    if (sets[k].pairs)
        for (n = 0; sets[k].pairs[n]; n++)
            pair[n] = (unsigned char)sets[k].pairs[n];
    else if (sets[k].name[0] == 'c')
        pair[1] = 0x1F, pair[2] = pair[3] = 0x7F, n = 4;
    for (uint32_t i = 0; i < n; i += 2) {
        if (!negated)
            SG_TRY(range_add(s, pair[i], pair[i + 1]));
        else if (pair[i] > from)
            SG_TRY(range_add(s, from, pair[i] - 1));
        from = pair[i + 1] + 1;
    }
    return negated ? range_add(s, from, 0x10FFFF) : SEDGE_OK;
}

/* \d \D \w ...: the number of the set of escape letter c, -1 for others. */
static int perl_set(uint32_t c, bool *negated)
{
    *negated = c == 'D' || c == 'W' || c == 'S';
    for (size_t k = 0; k < 3; k++)
        if (c == (unsigned char)sets[k].letter || (*negated && c + 32 == (unsigned char)sets[k].letter))
            return (int)k;
    return -1;
}

static int hex_digit(uint32_t c)
{
    return c >= '0' && c <= '9'   ? (int)c - '0'
           : c >= 'a' && c <= 'f' ? (int)c - 'a' + 10
           : c >= 'A' && c <= 'F' ? (int)c - 'A' + 10
                                  : -1;
}

static sedge_status hex(parser *s, uint32_t *c)
{
    bool braces = accept(s, "{");
    int digits = 0;
    for (*c = 0; more(s) && hex_digit((unsigned char)*s->p) >= 0 && (braces || digits < 2); digits++, s->p++) {
        *c = *c * 16 + (uint32_t)hex_digit((unsigned char)*s->p);
        if (*c > 0x10FFFF)
            return bad(s, "character out of range");
    }
    if (!digits || (braces && !accept(s, "}")) || (!braces && digits != 2))
        return bad(s, "bad hexadecimal escape");
    return SEDGE_OK;
}

/* The character of an escape whose letter c was read. */
static sedge_status escape_char(parser *s, uint32_t c, uint32_t *out)
{
    static const char from[] = "aftnrv", to[] = "\a\f\t\n\r\v";
    const char *at = c && c < 0x80 ? strchr(from, (int)c) : NULL;
    *out = c;
    if (at) {
        *out = (unsigned char)to[at - from];
        return SEDGE_OK;
    }
    if (c == 'x')
        return hex(s, out);
    if (c == '0') {
        *out = 0;
        for (int i = 0; i < 2 && more(s) && *s->p >= '0' && *s->p <= '7'; i++)
            *out = *out * 8 + (uint32_t)(*s->p++ - '0');
        return SEDGE_OK;
    }
    if (c == 'p' || c == 'P')
        return SG_EXEC_FAIL(s->x, SEDGE_E_UNSUPPORTED, "pattern: Unicode classes are not known");
    bool word = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return word || c >= 0x80 ? bad(s, "unknown escape") : SEDGE_OK;
}

/* [:name:] inside brackets; *done tells whether it was one. */
static sedge_status posix_set(parser *s, bool *done)
{
    *done = accept(s, "[:");
    if (!*done)
        return SEDGE_OK;
    bool negated = accept(s, "^");
    for (size_t k = 0; k < N_SETS; k++) {
        const char *at = s->p;
        if (sets[k].name[0] && accept(s, sets[k].name) && accept(s, ":]"))
            return set_add(s, k, negated);
        s->p = at;
    }
    return bad(s, "unknown class");
}

/* One character of brackets; *set: it was a class like \d instead. */
static sedge_status bracket_char(parser *s, uint32_t *c, bool *set)
{
    *set = false;
    if (!more(s))
        return bad(s, "missing ]");
    *c = next_char(s);
    if (*c != '\\')
        return SEDGE_OK;
    if (!more(s))
        return bad(s, "trailing backslash");
    *c = next_char(s);
    bool negated;
    int k = perl_set(*c, &negated);
    *set = k >= 0;
    return *set ? set_add(s, (size_t)k, negated) : escape_char(s, *c, c);
}

static sedge_status brackets(parser *s, uint32_t *out)
{
    SG_TRY(node_new(s, SG_RE_SET, out));
    sg_re_node *n = &s->t->node[*out];
    n->negated = accept(s, "^");
    n->first = s->t->n_range;
    for (bool first = true; first || !looking_at(s, "]"); first = false) {
        uint32_t from, to;
        bool set;
        SG_TRY(posix_set(s, &set));
        if (set)
            continue;
        SG_TRY(bracket_char(s, &from, &set));
        if (set)
            continue;
        to = from;
        if (looking_at(s, "-") && s->end - s->p > 1 && s->p[1] != ']') {
            s->p++;
            SG_TRY(bracket_char(s, &to, &set));
            if (set || to < from)
                return bad(s, "bad range");
        }
        SG_TRY(range_add(s, from, to));
    }
    s->p++;
    n->count = s->t->n_range - n->first;
    return SEDGE_OK;
}

static sedge_status char_node(parser *s, uint32_t c, uint32_t *out)
{
    SG_TRY(node_new(s, SG_RE_CHAR, out));
    s->t->node[*out].c = s->fold ? sg_utf8_lower(c) : c;
    return SEDGE_OK;
}

/* \Q...\E: characters as they are. */
static sedge_status quoted(parser *s, uint32_t *out)
{
    SG_TRY(node_new(s, SG_RE_CAT, out));
    uint32_t *tail = &s->t->node[*out].child;
    while (more(s) && !accept(s, "\\E")) {
        SG_TRY(char_node(s, next_char(s), tail));
        tail = &s->t->node[*tail].next;
    }
    return SEDGE_OK;
}

static sedge_status escape(parser *s, uint32_t *out)
{
    static const char letters[] = "AzbB";
    static const sg_re_kind kinds[] = {SG_RE_TEXT_BEGIN, SG_RE_TEXT_END, SG_RE_WORD, SG_RE_NO_WORD};
    if (!more(s))
        return bad(s, "trailing backslash");
    uint32_t c = next_char(s);
    bool negated;
    int k = perl_set(c, &negated);
    if (k >= 0) {
        SG_TRY(node_new(s, SG_RE_SET, out));
        s->t->node[*out].first = s->t->n_range;
        SG_TRY(set_add(s, (size_t)k, negated));
        s->t->node[*out].count = s->t->n_range - s->t->node[*out].first;
        return SEDGE_OK;
    }
    const char *at = c && c < 0x80 ? strchr(letters, (int)c) : NULL;
    if (at)
        return node_new(s, kinds[at - letters], out);
    if (c == 'Q')
        return quoted(s, out);
    SG_TRY(escape_char(s, c, &c));
    return char_node(s, c, out);
}

static sedge_status alternatives(parser *s, uint32_t *out);

/* Flags after "(?": up to ':' (a group of their own) or ')' (they hold to the end of this one). */
static sedge_status flags(parser *s, bool *group)
{
    bool on = true;
    while (more(s)) {
        char c = *s->p++;
        if (c == '-' && on)
            on = false;
        else if (c == 'i')
            s->fold = on;
        else if (c == 's')
            s->all = on;
        else if (c == 'm')
            s->multi = on;
        else if (c == ':' || c == ')')
            return *group = c == ':', SEDGE_OK;
        else if (c != 'U') /* greed does not change what matches in full */
            break;
    }
    return bad(s, "bad group");
}

static sedge_status group_open(parser *s, bool *group)
{
    *group = true;
    if (!accept(s, "?"))
        return SEDGE_OK;
    if (!accept(s, "P<") && !accept(s, "<"))
        return flags(s, group);
    const char *name = s->p;
    while (more(s) && *s->p != '>' &&
           (*s->p == '_' || hex_digit((unsigned char)*s->p) >= 0 || (*s->p >= 'A' && *s->p <= 'Z') ||
            (*s->p >= 'a' && *s->p <= 'z')))
        s->p++;
    return s->p > name && accept(s, ">") ? SEDGE_OK : bad(s, "bad group name");
}

static sedge_status group(parser *s, uint32_t *out)
{
    parser was = *s;
    bool inside;
    if (s->depth >= DEPTH_MAX)
        return bad(s, "groups are nested too deeply");
    SG_TRY(group_open(s, &inside));
    if (!inside)
        return node_new(s, SG_RE_EMPTY, out);
    s->depth++;
    SG_TRY(alternatives(s, out));
    if (!accept(s, ")"))
        return bad(s, "missing )");
    s->depth--;
    s->fold = was.fold;
    s->all = was.all;
    s->multi = was.multi;
    return SEDGE_OK;
}

static sedge_status atom(parser *s, uint32_t *out)
{
    uint32_t c = next_char(s);
    switch (c) {
    case '(': return group(s, out);
    case '[': return brackets(s, out);
    case '\\': return escape(s, out);
    case '.': return node_new(s, SG_RE_ANY, out);
    case '^': return node_new(s, s->multi ? SG_RE_LINE_BEGIN : SG_RE_TEXT_BEGIN, out);
    case '$': return node_new(s, s->multi ? SG_RE_LINE_END : SG_RE_TEXT_END, out);
    case '*':
    case '+':
    case '?': return bad(s, "nothing to repeat");
    default: return char_node(s, c, out);
    }
}

static bool number(const char **p, const char *end, int32_t *v)
{
    const char *at = *p;
    for (*v = 0; *p < end && **p >= '0' && **p <= '9'; (*p)++)
        *v = *v <= REPEAT_MAX ? *v * 10 + (**p - '0') : *v;
    return *p > at;
}

/* {n}, {n,} or {n,m}; anything else is plain text. */
static bool counts(parser *s, int32_t *lo, int32_t *hi)
{
    const char *p = s->p + 1;
    if (!looking_at(s, "{") || !number(&p, s->end, lo))
        return false;
    *hi = *lo;
    if (p < s->end && *p == ',') {
        p++;
        if (!number(&p, s->end, hi))
            *hi = -1;
    }
    if (p == s->end || *p != '}')
        return false;
    s->p = p + 1;
    return true;
}

static bool repeat_op(parser *s, int32_t *lo, int32_t *hi)
{
    *lo = 0;
    *hi = -1;
    if (accept(s, "*"))
        return true;
    if (accept(s, "+"))
        return *lo = 1, true;
    if (accept(s, "?"))
        return *hi = 1, true;
    return counts(s, lo, hi);
}

static sedge_status repeated(parser *s, uint32_t *out)
{
    int32_t lo, hi;
    SG_TRY(atom(s, out));
    if (!repeat_op(s, &lo, &hi))
        return SEDGE_OK;
    accept(s, "?"); /* lazy: the same for a full match */
    if (lo > REPEAT_MAX || hi > REPEAT_MAX || (hi >= 0 && hi < lo))
        return bad(s, "bad repetition count");
    uint32_t child = *out;
    SG_TRY(node_new(s, SG_RE_REPEAT, out));
    s->t->node[*out].child = child;
    s->t->node[*out].lo = lo;
    s->t->node[*out].hi = hi;
    return repeat_op(s, &lo, &hi) ? bad(s, "nothing to repeat") : SEDGE_OK;
}

static sedge_status sequence(parser *s, uint32_t *out)
{
    SG_TRY(node_new(s, SG_RE_CAT, out));
    uint32_t *tail = &s->t->node[*out].child;
    while (more(s) && *s->p != '|' && *s->p != ')') {
        uint32_t one;
        SG_TRY(repeated(s, &one));
        *tail = one;
        tail = &s->t->node[one].next;
    }
    return SEDGE_OK;
}

static sedge_status alternatives(parser *s, uint32_t *out)
{
    SG_TRY(node_new(s, SG_RE_ALT, out));
    uint32_t *tail = &s->t->node[*out].child;
    do {
        uint32_t one;
        SG_TRY(sequence(s, &one));
        *tail = one;
        tail = &s->t->node[one].next;
    } while (accept(s, "|"));
    return SEDGE_OK;
}

sedge_status sg_regex_parse(sg_exec *x, const char *pattern, size_t n, sg_re_tree *t)
{
    if (n > 1u << 20)
        return SG_EXEC_FAIL(x, SEDGE_E_LIMIT, "the pattern is too long");
    memset(t, 0, sizeof *t);
    t->cap_node = (uint32_t)n * 3 + 16;
    t->cap_range = (uint32_t)n * 4 + 16;
    t->node = sg_scratch(x, t->cap_node * sizeof *t->node);
    t->range = sg_scratch(x, t->cap_range * sizeof *t->range);
    if (!t->node || !t->range)
        return SEDGE_E_NOMEM;
    t->n_node = 1;
    parser s = {.x = x, .t = t, .p = pattern, .begin = pattern, .end = pattern + n};
    SG_TRY(alternatives(&s, &t->root));
    return more(&s) ? bad(&s, "unexpected )") : SEDGE_OK;
}
