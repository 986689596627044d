/* A split: made once, written as a manifest of digests, and found again by them. */
#include "fit/split.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/threads.h"

#define HEAD "sedge.split/1"

struct sedge_split {
    sg_mem mem;
    sg_arena arena;
    sg_mark *mark;
    uint8_t *part;
    size_t *sample[SG_PARTS], count[SG_PARTS];
    size_t n, unknown;
};

/* ---- marks of all, on many threads ---- */

enum { LANES = 32 };

typedef struct marking {
    const sedge_data *d;
    sedge_split *s;
    bool picture;
    size_t from;
    sg_lane lane[LANES];
    sg_err err[LANES];
    bool unreadable[LANES];
} marking;

static void mark_one(void *ctx, int64_t k)
{
    marking *m = ctx;
    size_t i = m->from + (size_t)k;
    m->err[k] = (sg_err){.status = SEDGE_OK};
    m->unreadable[k] = sg_mark_of(m->d, &m->lane[k], m->picture, i, &m->s->mark[i], &m->err[k]) != SEDGE_OK;
}

/* What cannot be read has the digest of nothing: evaluation will name it. */
static sedge_status mark_all(sedge_split *s, const sedge_data *d, bool picture, sg_err *err)
{
    marking *m = sg_calloc(&s->mem, 1, sizeof *m);
    sedge_status st = m ? SEDGE_OK : sg_data_no_memory(err);
    if (m) {
        m->d = d;
        m->s = s;
        m->picture = picture;
    }
    for (size_t i = 0; st == SEDGE_OK && i < d->n; i += LANES) {
        size_t n = d->n - i < LANES ? d->n - i : LANES;
        m->from = i;
        sg_parallel(sg_cpu_count(), (int64_t)n, mark_one, m);
        for (size_t k = 0; k < n; k++)
            if (m->unreadable[k] && m->err[k].status == SEDGE_E_NOMEM)
                st = sg_fail(err, SEDGE_E_NOMEM, "%s", m->err[k].msg);
    }
    for (int k = 0; m && k < LANES; k++)
        sg_lane_free(&m->lane[k]);
    sg_free(&s->mem, m, sizeof *m);
    return st;
}

/* ---- the manifest ---- */

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

typedef struct line {
    uint8_t digest[SG_SHA256_BYTES];
    uint8_t part;
} line;

static int by_digest(const void *a, const void *b)
{
    return memcmp(((const line *)a)->digest, ((const line *)b)->digest, SG_SHA256_BYTES);
}

/* "DIGEST part name" */
static bool parse_line(const char *p, size_t n, line *out)
{
    const size_t hex = 2 * SG_SHA256_BYTES;
    if (n < hex + 2 || p[hex] != ' ')
        return false;
    for (size_t i = 0; i < SG_SHA256_BYTES; i++) {
        int a = digit(p[2 * i]), b = digit(p[2 * i + 1]);
        if (a < 0 || b < 0)
            return false;
        out->digest[i] = (uint8_t)(16 * a + b);
    }
    const char *word = p + hex + 1, *end = memchr(word, ' ', n - hex - 1);
    size_t len = end ? (size_t)(end - word) : n - hex - 1;
    for (int k = 0; k <= SG_PARTS; k++) {
        const char *name = k < SG_PARTS ? sg_part_names[k] : "dropped";
        if (strlen(name) == len && memcmp(name, word, len) == 0) {
            out->part = (uint8_t)k;
            return true;
        }
    }
    return false;
}

static sedge_status parse(sedge_split *s, const char *path, const sg_map *map, line **out, size_t *n, sg_err *err)
{
    const char *text = (const char *)map->data;
    size_t at = 0, number = 0, lines = 0;
    for (size_t i = 0; i < map->size; i++)
        lines += text[i] == '\n';
    if (!(*out = sg_arena_array(&s->arena, lines + 2, sizeof **out)))
        return sg_data_no_memory(err);
    for (*n = 0; at < map->size; number++) {
        const char *end = memchr(text + at, '\n', map->size - at);
        size_t len = end ? (size_t)(end - text) - at : map->size - at;
        if (number == 0 && (len < strlen(HEAD) || memcmp(text + at, HEAD, strlen(HEAD)) != 0))
            return sg_fail(err, SEDGE_E_FORMAT, "%s: no manifest of a split: the first line is not %s", path, HEAD);
        if (number && len && !parse_line(text + at, len, &(*out)[(*n)++]))
            return sg_fail(err, SEDGE_E_FORMAT, "%s: line %zu is not \"digest part name\"", path, number + 1);
        at += len + 1;
    }
    if (number == 0)
        return sg_fail(err, SEDGE_E_FORMAT, "%s: the manifest is empty", path);
    qsort(*out, *n, sizeof **out, by_digest);
    for (size_t i = 1; i < *n; i++)
        if (by_digest(&(*out)[i], &(*out)[i - 1]) == 0 && (*out)[i].part != (*out)[i - 1].part)
            return sg_fail(err, SEDGE_E_FORMAT, "%s: one digest is in two parts", path);
    return SEDGE_OK;
}

static sedge_status look_up(sedge_split *s, const char *path, const sg_map *map, sg_err *err)
{
    line *all;
    size_t n;
    SG_TRY(parse(s, path, map, &all, &n, err));
    for (size_t i = 0; i < s->n; i++) {
        line key;
        memcpy(key.digest, s->mark[i].digest, sizeof key.digest);
        const line *got = n ? bsearch(&key, all, n, sizeof *all, by_digest) : NULL;
        s->part[i] = got ? got->part : SG_DROPPED;
        s->unknown += !got;
    }
    return s->unknown < s->n ? SEDGE_OK
                             : sg_fail(err, SEDGE_E_VALUE, "%s: none of the data's %zu samples is in the manifest", path, s->n);
}

static sedge_status write(const sedge_split *s, const sedge_data *d, const char *path, uint64_t seed, sg_err *err)
{
    char head[128], hex[2 * SG_SHA256_BYTES + 1], name[64];
    sg_file f;
    size_t cap = 0, n = 0;
    char *text = NULL;
    sg_mem mem = {.fn = NULL};
    int len = snprintf(head, sizeof head, HEAD " seed %llu; digest part name\n", (unsigned long long)seed);
    sedge_status st = sg_grow(&mem, &text, &cap, (size_t)len, 1);
    if (st == SEDGE_OK)
        memcpy(text, head, n = (size_t)len);
    for (size_t i = 0; st == SEDGE_OK && i < d->n; i++) {
        const char *who = sg_data_name(d, i, name), *part = s->part[i] < SG_PARTS ? sg_part_names[s->part[i]] : "dropped";
        sg_sha256_text(s->mark[i].digest, hex);
        st = sg_grow(&mem, &text, &cap, n + strlen(who) + strlen(part) + sizeof hex + 4, 1);
        if (st == SEDGE_OK) {
            n += (size_t)sprintf(text + n, "%s %s ", hex, part);
            for (const char *p = who; *p; p++)
                text[n++] = *p == '\n' ? ' ' : *p;
            text[n++] = '\n';
        }
    }
    st = st == SEDGE_OK ? sg_file_begin(&f, path, &(sg_file_part){text, n}, 1, err) : sg_data_no_memory(err);
    if (st == SEDGE_OK)
        st = sg_file_end(&f, true, err);
    sg_free(&mem, text, cap);
    return st;
}

/* ---- all ---- */

static sedge_status list_parts(sedge_split *s, sg_err *err)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->part[i] < SG_PARTS)
            s->count[s->part[i]]++;
    for (int p = 0; p < SG_PARTS; p++) {
        size_t n = 0;
        if (!(s->sample[p] = sg_arena_array(&s->arena, s->count[p] + 1, sizeof **s->sample)))
            return sg_data_no_memory(err);
        for (size_t i = 0; i < s->n; i++)
            if (s->part[i] == p)
                s->sample[p][n++] = i;
    }
    return SEDGE_OK;
}

static sedge_status open_split(sedge_split *s, const sedge_data *d, bool picture, const char *path, uint64_t seed, int *made,
                               sg_err *err)
{
    struct stat st;
    sg_map map;
    *made = !path || stat(path, &st) != 0;
    s->n = d->n;
    s->mark = sg_arena_array(&s->arena, d->n + 1, sizeof *s->mark);
    s->part = sg_arena_array(&s->arena, d->n + 1, 1);
    if (!s->mark || !s->part)
        return sg_data_no_memory(err);
    SG_TRY(mark_all(s, d, picture && *made, err));
    if (*made) {
        SG_TRY(sg_split_assign(d, s->mark, seed, s->part, &s->mem, err));
        if (path)
            SG_TRY(write(s, d, path, seed, err));
    } else {
        SG_TRY(sg_map_open(&map, path, err));
        sedge_status got = look_up(s, path, &map, err);
        sg_map_close(&map);
        SG_TRY(got);
    }
    return list_parts(s, err);
}

sedge_status sedge_split_open(sedge_split **out, const sedge_data *data, int picture, const char *path, uint64_t seed, int *made,
                              sedge_error *err)
{
    *out = NULL;
    sedge_split *s = calloc(1, sizeof *s);
    if (!s)
        return sg_data_no_memory(err);
    s->arena.mem = &s->mem;
    sedge_status st = open_split(s, data, picture != 0, path, seed, made, err);
    if (st == SEDGE_OK)
        *out = s;
    else
        sedge_split_close(&s);
    return st;
}

size_t sedge_split_part(const sedge_split *s, const char *part, const size_t **sample)
{
    for (int p = 0; p < SG_PARTS; p++)
        if (strcmp(part, sg_part_names[p]) == 0) {
            *sample = s->sample[p];
            return s->count[p];
        }
    *sample = NULL;
    return 0;
}

size_t sedge_split_unknown(const sedge_split *s)
{
    return s->unknown;
}

void sedge_split_close(sedge_split **split)
{
    sedge_split *s = *split;
    if (!s)
        return;
    sg_arena_free(&s->arena);
    free(s);
    *split = NULL;
}
