/* Records, numbers and times of CSV text. Nothing here depends on the locale. */
#include "media/csv.h"

#include <math.h>
#include <string.h>

#define FIELDS_MAX 65536

void sg_csv_start(sg_csv *c, const char *text, size_t size, sg_mem *mem, sg_err *err)
{
    size_t at = size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    *c = (sg_csv){.text = text, .size = size, .at = at, .next_line = 1, .separator = ',', .mem = mem, .err = err};
    /* A tab or semicolon in the first line separates even where commas stand too. */
    bool quoted = false;
    for (; at < size && (quoted || text[at] != '\n'); at++) {
        quoted = quoted != (text[at] == '"');
        if (!quoted && (text[at] == '\t' || (text[at] == ';' && c->separator != '\t')))
            c->separator = text[at];
    }
}

static bool at_end(const sg_csv *c)
{
    return c->at == c->size || c->text[c->at] == c->separator || c->text[c->at] == '\n' ||
           (c->text[c->at] == '\r' && (c->at + 1 == c->size || c->text[c->at + 1] == '\n'));
}

static sedge_status read_quoted(sg_csv *c, sg_csv_field *f)
{
    size_t from = ++c->at;
    for (; c->at < c->size; c->at++) {
        c->next_line += c->text[c->at] == '\n';
        if (c->text[c->at] != '"')
            continue;
        if (c->at + 1 == c->size || c->text[c->at + 1] != '"') {
            *f = (sg_csv_field){c->text + from, c->at - from, true};
            c->at++;
            if (!at_end(c))
                return sg_fail(c->err, SEDGE_E_FORMAT, "csv: line %zu, column %zu: text behind a closing quote", c->next_line,
                               c->n);
            return SEDGE_OK;
        }
        c->at++;
    }
    return sg_fail(c->err, SEDGE_E_FORMAT, "csv: line %zu, column %zu: a quote without end", c->line, c->n);
}

static sedge_status read_field(sg_csv *c)
{
    if (c->n == FIELDS_MAX)
        return sg_fail(c->err, SEDGE_E_LIMIT, "csv: line %zu: more than %d columns", c->line, FIELDS_MAX);
    if (sg_grow(c->mem, &c->field, &c->cap, c->n + 1, sizeof *c->field) != SEDGE_OK)
        return sg_fail(c->err, SEDGE_E_NOMEM, "csv: line %zu: no memory for its columns", c->line);
    sg_csv_field *f = &c->field[c->n];
    while (!at_end(c) && c->text[c->at] == ' ')
        c->at++;
    if (c->at < c->size && c->text[c->at] == '"') {
        SG_TRY(read_quoted(c, f));
    } else {
        size_t from = c->at;
        while (!at_end(c))
            c->at++;
        *f = (sg_csv_field){c->text + from, c->at - from, false};
        while (f->n && f->s[f->n - 1] == ' ')
            f->n--;
    }
    c->n++;
    return SEDGE_OK;
}

static sedge_status read_record(sg_csv *c)
{
    c->n = 0;
    c->line = c->next_line;
    for (;;) {
        SG_TRY(read_field(c));
        if (c->at == c->size || c->text[c->at] != c->separator)
            break;
        c->at++;
    }
    if (c->at < c->size && c->text[c->at] == '\r')
        c->at++;
    if (c->at < c->size) {
        c->at++;
        c->next_line++;
    }
    return SEDGE_OK;
}

sedge_status sg_csv_next(sg_csv *c, bool *more)
{
    do {
        *more = c->at < c->size;
        if (!*more)
            return SEDGE_OK;
        SG_TRY(read_record(c));
    } while (c->n == 1 && c->field[0].n == 0 && !c->field[0].quoted);
    return SEDGE_OK;
}

bool sg_csv_is(const sg_csv_field *f, const char *name)
{
    size_t i = 0;
    for (; i < f->n && *name; i++, name++) {
        if (f->s[i] != *name)
            return false;
        if (f->s[i] == '"' && i + 1 < f->n && f->s[i + 1] == '"')
            i++;
    }
    return i == f->n && !*name;
}

/* ---- numbers ---- */

static bool is_word(const sg_csv_field *f, const char *word)
{
    size_t i = 0;
    while (i < f->n && word[i] && (f->s[i] | 32) == word[i])
        i++;
    return i == f->n && !word[i];
}

/* Digits at *i; the first 18 count, the rest is a power of ten. Their number. */
static int digits(const sg_csv_field *f, size_t *i, int64_t *v, int *dropped)
{
    int n = 0;
    for (; *i < f->n && f->s[*i] >= '0' && f->s[*i] <= '9'; ++*i, n++) {
        if (*v < 100000000000000000)
            *v = *v * 10 + (f->s[*i] - '0');
        else
            ++*dropped;
        if (n > 100000)
            return 0;
    }
    return n;
}

static bool decimal(const sg_csv_field *f, double *v)
{
    size_t i = f->n && (f->s[0] == '-' || f->s[0] == '+') ? 1 : 0;
    int64_t m = 0, e = 0;
    int dropped = 0, before = digits(f, &i, &m, &dropped), after = 0, power = dropped;
    if (i < f->n && f->s[i] == '.') {
        i++;
        dropped = 0;
        after = digits(f, &i, &m, &dropped);
        power -= after - dropped;
    }
    if (before + after == 0)
        return false;
    if (i < f->n && (f->s[i] == 'e' || f->s[i] == 'E')) {
        bool minus = ++i < f->n && f->s[i] == '-';
        i += i < f->n && (f->s[i] == '-' || f->s[i] == '+');
        size_t first = i;
        for (; i < f->n && f->s[i] >= '0' && f->s[i] <= '9'; i++)
            e = e < 100000 ? e * 10 + (f->s[i] - '0') : e;
        if (i == first)
            return false;
        power += (int)(minus ? -e : e);
    }
    double x = (double)m, scale = pow(10, fabs((double)power));
    x = m == 0 ? 0 : power < 0 ? x / scale : x * scale;
    *v = f->s[0] == '-' ? -x : x;
    return i == f->n;
}

sg_csv_kind sg_csv_number(const sg_csv_field *f, double *v)
{
    *v = NAN;
    if (f->n == 0 || is_word(f, "nan") || is_word(f, "na") || is_word(f, "n/a") || is_word(f, "null"))
        return SG_CSV_MISSING;
    return decimal(f, v) ? SG_CSV_NUMBER : SG_CSV_TEXT;
}

/* ---- times ---- */

/* `count` digits at *i. */
static bool part(const sg_csv_field *f, size_t *i, int count, int low, int high, int *v)
{
    *v = 0;
    for (int k = 0; k < count; k++, ++*i) {
        if (*i >= f->n || f->s[*i] < '0' || f->s[*i] > '9')
            return false;
        *v = *v * 10 + (f->s[*i] - '0');
    }
    return *v >= low && *v <= high;
}

static bool skip(const sg_csv_field *f, size_t *i, const char *any)
{
    if (*i >= f->n || !strchr(any, f->s[*i]) || !f->s[*i])
        return false;
    ++*i;
    return true;
}

/* Days from 1970-01-01, by counting the leap days of whole years before March. */
static int64_t days(int year, int month, int day)
{
    static const int before[] = {306, 337, 0, 31, 61, 92, 122, 153, 184, 214, 245, 275}; /* from the first of March */
    int64_t y = month <= 2 ? year - 1 : year;
    return 365 * y + y / 4 - y / 100 + y / 400 + before[month - 1] + day - 1 - 719468;
}

static bool zone(const sg_csv_field *f, size_t *i, double *seconds)
{
    int h, m = 0;
    if (*i == f->n || skip(f, i, "Zz"))
        return *i == f->n;
    double sign = f->s[*i] == '-' ? 1 : -1;
    if (!skip(f, i, "+-") || !part(f, i, 2, 0, 23, &h))
        return false;
    if (*i < f->n) {
        skip(f, i, ":");
        if (!part(f, i, 2, 0, 59, &m))
            return false;
    }
    *seconds += sign * (h * 3600 + m * 60);
    return *i == f->n;
}

static bool iso(const sg_csv_field *f, double *seconds)
{
    static const int length[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    size_t i = 0;
    int year, month, day, h = 0, m = 0, s = 0;
    if (!part(f, &i, 4, 1, 9999, &year) || !skip(f, &i, "-") || !part(f, &i, 2, 1, 12, &month) || !skip(f, &i, "-") ||
        !part(f, &i, 2, 1, 31, &day))
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (day > length[month - 1] + (leap && month == 2 ? 1 : 0))
        return false;
    *seconds = (double)days(year, month, day) * 86400;
    if (i == f->n)
        return true;
    if (!skip(f, &i, "Tt ") || !part(f, &i, 2, 0, 23, &h) || !skip(f, &i, ":") || !part(f, &i, 2, 0, 59, &m))
        return false;
    if (skip(f, &i, ":") && !part(f, &i, 2, 0, 60, &s))
        return false;
    double fraction = 0, place = 1;
    if (skip(f, &i, ".,"))
        for (; i < f->n && f->s[i] >= '0' && f->s[i] <= '9' && place < 1e15; i++)
            fraction += (f->s[i] - '0') / (place *= 10);
    *seconds += h * 3600 + m * 60 + s + fraction;
    return zone(f, &i, seconds);
}

bool sg_csv_time(const sg_csv_field *f, double *seconds)
{
    return sg_csv_number(f, seconds) == SG_CSV_NUMBER ? *seconds > -1e15 && *seconds < 1e15 : iso(f, seconds);
}
