/* A small writer of JSON: objects, arrays, commas, escapes. */
#include "cli.h"

#include <math.h>
#include <string.h>

static void escaped(FILE *f, const char *s, size_t n)
{
    fputc('"', f);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c == '"' || c == '\\')
            fprintf(f, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            fprintf(f, "\\u%04x", c);
        else
            fputc(c, f);
    }
    fputc('"', f);
}

static void lead(json *j, const char *key)
{
    if (j->comma[j->depth])
        fputc(',', j->f);
    j->comma[j->depth] = true;
    if (j->depth && !j->line)
        fprintf(j->f, "\n%*s", 2 * j->depth, "");
    if (key) {
        escaped(j->f, key, strlen(key));
        fputs(j->line ? ":" : ": ", j->f);
    }
}

void json_open(json *j, const char *key, char bracket)
{
    lead(j, key);
    fputc(bracket, j->f);
    if (j->depth < 31)
        j->depth++;
    j->comma[j->depth] = false;
}

void json_close(json *j, char bracket)
{
    bool any = j->comma[j->depth];
    j->depth--;
    if (any && !j->line)
        fprintf(j->f, "\n%*s", 2 * j->depth, "");
    fputc(bracket, j->f);
    if (j->depth == 0)
        fputc('\n', j->f);
}

FILE *json_raw(json *j, const char *key)
{
    lead(j, key);
    return j->f;
}

/* Bytes that are no UTF-8 would make the whole document unreadable: they become '?'. */
void json_strn(json *j, const char *key, const char *s, size_t n)
{
    lead(j, key);
    char text[4096];
    size_t m = n < sizeof text ? n : sizeof text;
    for (size_t i = 0; i < m;) {
        unsigned char c = (unsigned char)s[i];
        size_t more = c < 0x80 ? 0 : c >= 0xc2 && c < 0xe0 ? 1 : c >= 0xe0 && c < 0xf0 ? 2 : c >= 0xf0 && c < 0xf5 ? 3 : 9;
        bool good = more < 9 && i + more < m;
        for (size_t k = 1; good && k <= more; k++)
            good = ((unsigned char)s[i + k] & 0xc0) == 0x80;
        if (!good) {
            text[i++] = '?';
            continue;
        }
        memcpy(text + i, s + i, more + 1);
        i += more + 1;
    }
    escaped(j->f, text, m);
}

void json_str(json *j, const char *key, const char *s)
{
    json_strn(j, key, s, strlen(s));
}

void json_int(json *j, const char *key, int64_t v)
{
    lead(j, key);
    fprintf(j->f, "%lld", (long long)v);
}

void json_num(json *j, const char *key, double v)
{
    lead(j, key);
    if (isfinite(v))
        fprintf(j->f, "%.9g", v);
    else
        fputs("null", j->f);
}

void json_bool(json *j, const char *key, bool v)
{
    lead(j, key);
    fputs(v ? "true" : "false", j->f);
}
