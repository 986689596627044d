/* Data sets of files: folders of classes, folders with a CSV of labels or with masks, CSV of events. */
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fit/data.h"

#define PATH_BYTES 4096

bool sg_ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

/* ---- folders ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static sedge_status join(char path[PATH_BYTES], const char *folder, const char *name, sg_err *err)
{
    bool whole = name[0] == '/' || strcmp(folder, ".") == 0;
    int n = whole ? snprintf(path, PATH_BYTES, "%s", name) : snprintf(path, PATH_BYTES, "%s/%s", folder, name);
    return n < PATH_BYTES ? SEDGE_OK : sg_fail(err, SEDGE_E_LIMIT, "%.80s...: the path is too long", name);
}

sedge_status sg_data_list(sedge_data *d, const char *folder, bool folders, const char ***out, size_t *n_out, sg_err *err)
{
    DIR *dir = opendir(folder);
    const char **name = NULL;
    size_t n = 0, cap = 0;
    sedge_status st = dir ? SEDGE_OK : sg_fail(err, SEDGE_E_IO, "%s: %s", folder, strerror(errno));
    for (struct dirent *e; st == SEDGE_OK && (e = readdir(dir));) {
        char path[PATH_BYTES];
        struct stat s;
        if (e->d_name[0] == '.' || snprintf(path, sizeof path, "%s/%s", folder, e->d_name) >= (int)sizeof path ||
            stat(path, &s) != 0 || !(folders ? S_ISDIR(s.st_mode) : S_ISREG(s.st_mode)))
            continue;
        if (sg_grow(&d->mem, &name, &cap, n + 1, sizeof *name) != SEDGE_OK ||
            !(name[n++] = sg_arena_str(&d->arena, path, strlen(path))))
            st = sg_data_no_memory(err);
    }
    if (dir)
        closedir(dir);
    if (n)
        qsort(name, n, sizeof *name, by_name);
    *out = n ? sg_arena_dup(&d->arena, name, n * sizeof *name) : NULL;
    *n_out = n;
    if (st == SEDGE_OK && n && !*out)
        st = sg_data_no_memory(err);
    sg_free(&d->mem, name, cap * sizeof *name);
    return st;
}

static sedge_status add_file(sedge_data *d, const char *path, int32_t label, sg_err *err)
{
    sg_entry *e = sg_data_add(d);
    if (!e || (e->name = sg_data_word(d, path, strlen(path))) < 0)
        return sg_data_no_memory(err);
    e->label = label;
    return SEDGE_OK;
}

/* A folder below is a class. */
static sedge_status read_classes(sedge_data *d, const char **folder, size_t n, sg_err *err)
{
    for (size_t k = 0; k < n; k++) {
        const char **file, *slash = strrchr(folder[k], '/'), *name = slash ? slash + 1 : folder[k];
        size_t m;
        int32_t label = sg_data_word(d, name, strlen(name));
        if (label < 0)
            return sg_data_no_memory(err);
        SG_TRY(sg_data_list(d, folder[k], false, &file, &m, err));
        for (size_t i = 0; i < m; i++)
            SG_TRY(add_file(d, file[i], label, err));
    }
    d->truth = SG_TRUTH_LABEL;
    return d->n ? SEDGE_OK : sg_fail(err, SEDGE_E_FORMAT, "%s: its folders hold no files", d->path);
}

/* The mask of a picture is the PNG of its name. */
static sedge_status read_masks(sedge_data *d, const char **file, size_t n, const char *masks, sg_err *err)
{
    char path[PATH_BYTES];
    for (size_t k = 0; k < n; k++) {
        const char *slash = strrchr(file[k], '/'), *name = slash ? slash + 1 : file[k], *dot = strrchr(name, '.');
        int stem = (int)(dot ? (size_t)(dot - name) : strlen(name));
        if (snprintf(path, sizeof path, "%s/%.*s.png", masks, stem, name) >= (int)sizeof path)
            return sg_fail(err, SEDGE_E_LIMIT, "%s: the path is too long", name);
        int32_t label = sg_data_word(d, path, strlen(path));
        if (label < 0)
            return sg_data_no_memory(err);
        SG_TRY(add_file(d, file[k], label, err));
    }
    d->truth = SG_TRUTH_MASKS;
    return SEDGE_OK;
}

sedge_status sg_data_folder(sedge_data *d, const char *folder, const char *labels, const char *slice, sg_err *err)
{
    char beside[PATH_BYTES];
    struct stat s;
    const char **below;
    size_t n;
    bool is;
    if (!labels && snprintf(beside, sizeof beside, "%s/labels.csv", folder) < (int)sizeof beside && stat(beside, &s) == 0)
        labels = beside;
    if (labels && sg_ends_with(labels, ".json"))
        return sg_data_coco(d, folder, labels, err);
    if (labels && (stat(labels, &s) != 0 || !S_ISDIR(s.st_mode))) {
        SG_TRY(sg_data_csv(d, folder, labels, slice, true, &is, err));
        return is ? SEDGE_OK : sg_fail(err, SEDGE_E_FORMAT, "%s: the first line names no column file", labels);
    }
    if (!labels) {
        SG_TRY(sg_data_list(d, folder, true, &below, &n, err));
        if (n)
            return read_classes(d, below, n, err);
    }
    SG_TRY(sg_data_list(d, folder, false, &below, &n, err));
    if (labels)
        return read_masks(d, below, n, labels, err);
    for (size_t k = 0; k < n; k++)
        SG_TRY(add_file(d, below[k], -1, err));
    return SEDGE_OK;
}

/* ---- CSV ---- */

enum { FILE_AT, LABEL_AT, GROUP_AT, SLICE_AT, START_AT, END_AT, COLUMNS };

typedef struct head {
    int at[COLUMNS];
    size_t n;
} head;

/* Whether the first line is a head of columns, or already names a file and a label (two columns). of_files: it is known that files are
 * named, so that of two columns the one that is not the label is the file. */
static bool read_head(const sg_csv *c, const char *slice, bool of_files, head *h, bool *first_is_data)
{
    static const char *const file[] = {"file", "filename", "path", "name", "image"}, *const group[] = {"group"},
                             *const start[] = {"start", "t0"}, *const end[] = {"end", "t1"};
    h->n = c->n;
    h->at[FILE_AT] = sg_data_column(c, file, 5);
    h->at[LABEL_AT] = sg_data_column(c, sg_label_names, SG_LABEL_NAMES);
    h->at[GROUP_AT] = sg_data_column(c, group, 1);
    h->at[SLICE_AT] = sg_data_column(c, &slice, 1);
    h->at[START_AT] = sg_data_column(c, start, 2);
    h->at[END_AT] = sg_data_column(c, end, 2);
    *first_is_data = false;
    if (c->n == 2 && h->at[FILE_AT] >= 0 && h->at[LABEL_AT] < 0)
        h->at[LABEL_AT] = !h->at[FILE_AT];
    if (h->at[FILE_AT] >= 0 || !of_files || c->n != 2)
        return h->at[FILE_AT] >= 0;
    *first_is_data = h->at[LABEL_AT] < 0;
    h->at[LABEL_AT] = *first_is_data ? 1 : h->at[LABEL_AT];
    h->at[FILE_AT] = !h->at[LABEL_AT];
    return true;
}

static sedge_status word_at(sedge_data *d, const sg_csv *c, int at, int32_t *word, sg_err *err)
{
    *word = -1;
    if (at < 0 || (size_t)at >= c->n || c->field[at].n == 0)
        return SEDGE_OK;
    *word = sg_data_word(d, c->field[at].s, c->field[at].n);
    return *word >= 0 ? SEDGE_OK : sg_data_no_memory(err);
}

/* An event of the file; lines without times say that the file has none. */
static sedge_status add_event(sedge_data *d, sg_entry *e, const sg_csv *c, const head *h, const char *csv, sg_err *err)
{
    double t0, t1;
    if ((size_t)h->at[START_AT] >= c->n || (size_t)h->at[END_AT] >= c->n)
        return SEDGE_OK;
    const sg_csv_field *a = &c->field[h->at[START_AT]], *b = &c->field[h->at[END_AT]];
    if (a->n == 0 && b->n == 0)
        return SEDGE_OK;
    if (!sg_csv_time(a, &t0) || !sg_csv_time(b, &t1) || !(t0 <= t1) || !isfinite(t1 - t0))
        return sg_fail(err, SEDGE_E_VALUE, "%s: line %zu: start and end are no times in order", csv, c->line);
    if (e->n_thing && e->first_thing + e->n_thing != d->n_thing)
        return sg_fail(err, SEDGE_E_FORMAT, "%s: line %zu: the lines of a file do not stand together", csv, c->line);
    sg_thing *t = sg_data_add_thing(d);
    if (!t)
        return sg_data_no_memory(err);
    if (!e->n_thing++)
        e->first_thing = d->n_thing - 1;
    t->t0 = t0;
    t->t1 = t1;
    t->label = e->label;
    return word_at(d, c, h->at[LABEL_AT], &t->label, err);
}

static sedge_status add_line(sedge_data *d, const sg_csv *c, const head *h, const char *folder, const char *csv, sg_err *err)
{
    char path[PATH_BYTES], name[PATH_BYTES];
    size_t at = (size_t)h->at[FILE_AT];
    if (c->n != h->n)
        return sg_fail(err, SEDGE_E_FORMAT, "%s: line %zu has %zu columns, the first %zu", csv, c->line, c->n, h->n);
    if (c->field[at].n == 0 || c->field[at].n >= sizeof name)
        return sg_fail(err, SEDGE_E_FORMAT, "%s: line %zu: no name of a file", csv, c->line);
    snprintf(name, sizeof name, "%.*s", (int)c->field[at].n, c->field[at].s);
    SG_TRY(join(path, folder, name, err));
    int32_t word = sg_data_word(d, path, strlen(path));
    if (word < 0)
        return sg_data_no_memory(err);
    bool events = h->at[START_AT] >= 0 && h->at[END_AT] >= 0;
    sg_entry *e = events && d->n && d->entry[d->n - 1].name == word ? &d->entry[d->n - 1] : sg_data_add(d);
    if (!e)
        return sg_data_no_memory(err);
    e->name = word;
    e->line = c->line;
    SG_TRY(word_at(d, c, h->at[GROUP_AT], &e->group, err));
    SG_TRY(word_at(d, c, h->at[SLICE_AT], &e->slice, err));
    if (events)
        return add_event(d, e, c, h, csv, err);
    return word_at(d, c, h->at[LABEL_AT], &e->label, err);
}

/* What was given as labels has a column of them. */
static sedge_status no_label(const sg_csv *c, const char *csv, sg_err *err)
{
    char names[200] = "";
    size_t n = 0;
    for (size_t i = 0; i < c->n && n < sizeof names; i++)
        n += (size_t)snprintf(names + n, sizeof names - n, "%s%.*s", i ? ", " : "", (int)c->field[i].n, c->field[i].s);
    return sg_fail(err, SEDGE_E_NOT_FOUND, "%s: no column is named label, class, target or y; there are: %s", csv, names);
}

sedge_status sg_data_csv(sedge_data *d, const char *folder, const char *csv, const char *slice, bool of_files, bool *is,
                         sg_err *err)
{
    sg_csv c = {.text = NULL};
    head h;
    sg_map map;
    bool more, data;
    SG_TRY(sg_map_open(&map, csv, err));
    sg_csv_start(&c, (const char *)map.data, map.size, &d->mem, err);
    sedge_status st = sg_csv_next(&c, &more);
    *is = st == SEDGE_OK && more && read_head(&c, slice ? slice : "slice", of_files, &h, &data);
    if (*is && slice && h.at[SLICE_AT] < 0)
        st = sg_fail(err, SEDGE_E_NOT_FOUND, "%s: the first line names no column %s", csv, slice);
    if (*is && st == SEDGE_OK && of_files && h.at[LABEL_AT] < 0 && h.at[START_AT] < 0)
        st = no_label(&c, csv, err);
    if (*is && st == SEDGE_OK && !data)
        st = sg_csv_next(&c, &more);
    while (*is && st == SEDGE_OK && more) {
        st = add_line(d, &c, &h, folder, csv, err);
        if (st == SEDGE_OK)
            st = sg_csv_next(&c, &more);
    }
    if (*is && st == SEDGE_OK && d->n == 0)
        st = sg_fail(err, SEDGE_E_FORMAT, "%s: no labels", csv);
    if (*is)
        d->truth = h.at[START_AT] >= 0 && h.at[END_AT] >= 0 ? SG_TRUTH_EVENTS
                   : h.at[LABEL_AT] >= 0                    ? SG_TRUTH_LABEL
                                                            : SG_TRUTH_NONE;
    if (st != SEDGE_OK && err && !strstr(err->msg, csv))
        sg_err_where(err, "%s", csv);
    sg_free(&d->mem, c.field, c.cap * sizeof *c.field);
    sg_map_close(&map);
    return st;
}
