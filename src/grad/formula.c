/* Derivatives as op/fn.def writes them, read into nodes: one table says a function to C and to graphs. A reader by
 * precedence; numbers are computed at once, what is truth counts as 0 or 1 where a number is needed. */
#include "grad/rule.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A number (v 0), or a value. */
typedef struct term {
    sg_vid v;
    double k;
} term;

typedef struct reader {
    sg_grad *c;
    const sg_formula *f;
    const char *p;
    sg_vid like; /* of the type in which is computed */
} reader;

static const char *const fn_name[SG_UNARY_COUNT] = {
#define UNARY(id, name, formula, derivative) name,
#include "op/fn.def"
#undef UNARY
};

static bool is_number(term t, double k)
{
    return !t.v && t.k == k;
}

/* t as a value of the type in which is computed. */
static sg_vid real(const reader *r, term t)
{
    return t.v ? sg_ib_cast(&r->c->b, t.v, (sg_dtype)type_of(r->c, r->like).dtype) : number(r->c, r->like, t.k);
}

static term value(sg_vid v)
{
    return (term){v, NAN}; /* a failure is no number either: it has left its error */
}

static term arithmetic(const reader *r, int kind, term a, term b)
{
    if (!a.v && !b.v)
        return (term){0, sg_binary_f64((sg_binary_kind)kind, a.k, b.k)};
    if ((kind == SG_BINARY_MUL || kind == SG_BINARY_DIV) && is_number(a, 0))
        return a;
    if (kind == SG_BINARY_MUL && (is_number(b, 0) || is_number(a, 1)))
        return b;
    if ((kind == SG_BINARY_MUL || kind == SG_BINARY_DIV) && is_number(b, 1))
        return a;
    if ((kind == SG_BINARY_ADD || kind == SG_BINARY_SUB) && is_number(b, 0))
        return a;
    return value(sg_ib_binary(&r->c->b, kind, real(r, a), real(r, b)));
}

static void skip(reader *r)
{
    while (*r->p == ' ')
        r->p++;
}

static bool take(reader *r, const char *text)
{
    skip(r);
    size_t n = strlen(text);
    if (strncmp(r->p, text, n) != 0)
        return false;
    r->p += n;
    return true;
}

static term choice(reader *r);

static term fail(reader *r)
{
    if (r->c->b.err->status == SEDGE_OK)
        sg_fail(r->c->b.err, SEDGE_E_FORMAT, "derivative %s: cannot be read at %s", r->f->text, r->p);
    r->p = "";
    return value(0);
}

/* A function of this table by its name in C, or pow. */
static term call(reader *r, const char *name, size_t n)
{
    term a = choice(r);
    if (n == 3 && strncmp(name, "pow", 3) == 0) {
        if (!take(r, ","))
            return fail(r);
        return arithmetic(r, SG_BINARY_POW, a, choice(r));
    }
    if (*name == 'f' && strncmp(name, "fabs", n) == 0) {
        name++;
        n--;
    }
    for (int k = 0; k < SG_UNARY_COUNT; k++)
        if (strncmp(fn_name[k], name, n) == 0 && !fn_name[k][n])
            return value(unary(r->c, k, real(r, a)));
    return fail(r);
}

static term name_or_number(reader *r)
{
    const char *start = r->p;
    if (isdigit((unsigned char)*start) || *start == '.') {
        char *end;
        double k = strtod(start, &end);
        r->p = end;
        return (term){0, k};
    }
    while (isalnum((unsigned char)*r->p) || *r->p == '_')
        r->p++;
    size_t n = (size_t)(r->p - start);
    if (n > 1 && take(r, "(")) {
        term t = call(r, start, n);
        return take(r, ")") ? t : fail(r);
    }
    switch (n == 1 ? *start : 0) {
    case 'x': return value(r->f->x);
    case 'y': return value(r->f->y);
    case 'z': return value(r->f->z);
    case 'a': return (term){0, r->f->p.alpha};
    case 'b': return (term){0, r->f->p.beta};
    case 'g': return (term){0, r->f->p.gamma};
    default: return fail(r);
    }
}

static term primary(reader *r)
{
    if (take(r, "-")) {
        term t = primary(r);
        return t.v ? value(unary(r->c, SG_UNARY_NEG, real(r, t))) : (term){0, -t.k};
    }
    if (!take(r, "("))
        return name_or_number(r);
    term t = choice(r);
    return take(r, ")") ? t : fail(r);
}

/* Operators from the loosest; a longer one stands before those that begin it. */
static const struct {
    const char *text;
    int level;
    bool compares;
    int kind;
} operators[] = {{"||", 0, false, SG_BINARY_OR},         {"&&", 1, false, SG_BINARY_AND},
                 {"<=", 2, true, SG_COMPARE_LESS_EQUAL}, {">=", 2, true, SG_COMPARE_GREATER_EQUAL},
                 {"<", 2, true, SG_COMPARE_LESS},        {">", 2, true, SG_COMPARE_GREATER},
                 {"+", 3, false, SG_BINARY_ADD},         {"-", 3, false, SG_BINARY_SUB},
                 {"*", 4, false, SG_BINARY_MUL},         {"/", 4, false, SG_BINARY_DIV}};
enum { LEVELS = 5, OPERATORS = sizeof operators / sizeof operators[0] };

static term level(reader *r, int at)
{
    term a = at < LEVELS ? level(r, at + 1) : primary(r);
    for (int i = 0; at < LEVELS && i < OPERATORS; i++) {
        if (operators[i].level != at || !take(r, operators[i].text))
            continue;
        term b = level(r, at + 1);
        if (operators[i].compares)
            a = value(sg_ib_compare(&r->c->b, operators[i].kind, real(r, a), real(r, b)));
        else if (at < 2)
            a = value(sg_ib_binary(&r->c->b, operators[i].kind, a.v, b.v));
        else
            a = arithmetic(r, operators[i].kind, a, b);
        i = -1;
    }
    return a;
}

/* condition ? a : b */
static term choice(reader *r)
{
    term c = level(r, 0);
    if (!take(r, "?"))
        return c;
    term a = choice(r);
    if (!take(r, ":"))
        return fail(r);
    term b = choice(r);
    return value(where(r->c, c.v, real(r, a), real(r, b)));
}

sg_vid sg_grad_formula(sg_grad *c, const sg_formula *f, sg_vid v)
{
    reader r = {c, f, f->text, v};
    term d = choice(&r);
    skip(&r);
    if (*r.p)
        d = fail(&r);
    if (!d.v)
        return d.k == 0 || d.k != d.k ? SG_NONE_ID : times(c, v, d.k);
    if (type_of(c, d.v).dtype == SG_BOOL)
        return where(c, d.v, v, number(c, v, 0));
    return mul(c, v, d.v);
}
