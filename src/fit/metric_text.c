/* Text: edit distance by words or code points (Wagner and Fischer 1974, one row at a time). */
#include <string.h>

#include "fit/metric.h"

/* A unit of text: bytes from p. */
typedef struct unit {
    const char *p;
    size_t n;
} unit;

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The unit at *p, which moves behind it; false at the end. */
static bool take(const char **p, bool words, unit *u)
{
    const char *q = *p;
    while (words && is_space(*q))
        q++;
    if (!*q)
        return false;
    u->p = q++;
    while (*q && (words ? !is_space(*q) : ((unsigned char)*q & 0xc0) == 0x80))
        q++;
    u->n = (size_t)(q - u->p);
    *p = q;
    return true;
}

static size_t count(const char *text, bool words)
{
    size_t n = 0;
    for (unit u; take(&text, words, &u);)
        n++;
    return n;
}

int64_t sg_edits(sg_mem *m, const char *truth, const char *said, bool words, size_t *length)
{
    size_t n = count(said, words);
    int64_t *row = sg_calloc(m, n + 1, sizeof *row);
    *length = count(truth, words);
    if (!row)
        return -1;
    for (size_t i = 0; i <= n; i++)
        row[i] = (int64_t)i;
    for (unit t; take(&truth, words, &t);) {
        const char *p = said;
        int64_t corner = row[0]++;
        unit u;
        for (size_t i = 1; i <= n && take(&p, words, &u); i++) {
            int64_t changed = corner + !(u.n == t.n && memcmp(u.p, t.p, u.n) == 0);
            int64_t least = row[i] < row[i - 1] ? row[i] + 1 : row[i - 1] + 1;
            corner = row[i];
            row[i] = changed < least ? changed : least;
        }
    }
    int64_t edits = row[n];
    sg_free(m, row, (n + 1) * sizeof *row);
    return edits;
}
