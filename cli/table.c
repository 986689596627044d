/* A table whose columns line up, and sizes for people. */
#include "cli.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void table_init(table *t, int n, const char *const *title)
{
    memset(t, 0, sizeof *t);
    t->n_column = n;
    for (int i = 0; i < n; i++) {
        t->right[i] = title[i][0] == '>';
        t->title[i] = title[i] + t->right[i];
    }
}

void table_cell(table *t, const char *fmt, ...)
{
    if (t->n_cell == t->cap_cell) {
        size_t cap = t->cap_cell ? 2 * t->cap_cell : 64;
        char **p = realloc(t->cell, cap * sizeof *p);
        if (!p)
            return;
        t->cell = p;
        t->cap_cell = cap;
    }
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    for (char *p = text; *p; p++)
        if ((unsigned char)*p < ' ')
            *p = '?';
    char *copy = malloc(strlen(text) + 1);
    if (copy)
        t->cell[t->n_cell++] = strcpy(copy, text);
}

/* Columns on a terminal: bytes of UTF-8 that begin a character. */
static size_t width(const char *s)
{
    size_t n = 0;
    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

static void put(FILE *f, const char *s, size_t w, bool right, bool last)
{
    size_t n = width(s);
    size_t pad = w > n ? w - n : 0;
    if (right)
        fprintf(f, "%*s%s", (int)pad, "", s);
    else
        fprintf(f, "%s%*s", s, last ? 0 : (int)pad, "");
    fputs(last ? "\n" : "  ", f);
}

void table_print(table *t, FILE *f)
{
    size_t w[TABLE_COLUMNS] = {0};
    size_t n = (size_t)t->n_column;
    for (size_t c = 0; c < n; c++)
        w[c] = width(t->title[c]);
    for (size_t i = 0; i < t->n_cell; i++)
        if (width(t->cell[i]) > w[i % n])
            w[i % n] = width(t->cell[i]);
    for (size_t c = 0; c < n; c++)
        put(f, t->title[c], w[c], t->right[c], c + 1 == n);
    for (size_t i = 0; i < t->n_cell; i++) {
        put(f, t->cell[i], w[i % n], t->right[i % n], i % n + 1 == n);
        free(t->cell[i]);
    }
    free(t->cell);
    t->cell = NULL;
    t->n_cell = t->cap_cell = 0;
}

const char *bytes_text(double bytes, char text[32])
{
    static const char *const unit[] = {"B", "kB", "MB", "GB", "TB"};
    int u = 0;
    while (bytes >= 1000 && u < 4) {
        bytes /= 1000;
        u++;
    }
    snprintf(text, 32, u && bytes < 100 ? "%.1f %s" : "%.0f %s", bytes, unit[u]);
    return text;
}
