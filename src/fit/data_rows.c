/* Data sets of rows: arrays, tables, lines of text. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "fit/data.h"

/* ---- arrays ---- */

typedef struct arrays {
    sedge_tensor x, y;
    bool has_x, has_y;
} arrays;

/* Labels are the array y, labels or label; samples are the largest of the others. */
static sedge_status take(void *ctx, const sg_data *t, sg_err *err)
{
    (void)err;
    arrays *a = ctx;
    sedge_tensor v;
    memcpy(&v, &t->t, sizeof v);
    if (strcmp(t->name, "y") == 0 || strcmp(t->name, "labels") == 0 || strcmp(t->name, "label") == 0) {
        a->y = v;
        a->has_y = true;
    } else if (!a->has_x || sedge_tensor_bytes(&v) > sedge_tensor_bytes(&a->x)) {
        a->x = v;
        a->has_x = true;
    }
    return SEDGE_OK;
}

static sedge_status read_array(sedge_data *d, const char *path, int slot, sedge_tensor *out, sg_err *err)
{
    sg_data v;
    SG_TRY(sg_map_open(&d->map[slot], path, err));
    sedge_status st = sg_npy_read(&d->arena, d->map[slot].data, d->map[slot].size, &v, err);
    if (st != SEDGE_OK)
        sg_err_where(err, "%s", path);
    else
        memcpy(out, &v.t, sizeof *out);
    return st;
}

static sedge_status number_labels(sedge_data *d, const sedge_tensor *y, sg_err *err)
{
    char text[40];
    if (y->dtype == SEDGE_STR || y->rank < 1 || y->rank > 2 || (y->rank == 2 && y->dim[1] != 1))
        return sg_fail(err, SEDGE_E_TYPE, "%s: labels must be a number a sample", d->path);
    if ((size_t)y->dim[0] != d->n)
        return sg_fail(err, SEDGE_E_SHAPE, "%s: %zu samples and %lld labels", d->path, d->n, (long long)y->dim[0]);
    for (size_t i = 0; i < d->n; i++) {
        double v = sedge_tensor_f64(y, i);
        bool whole = v == floor(v) && fabs(v) < 1e15;
        int n = snprintf(text, sizeof text, whole ? "%.0f" : "%.9g", v);
        if ((d->entry[i].label = sg_data_word(d, text, (size_t)n)) < 0)
            return sg_data_no_memory(err);
    }
    d->truth = SG_TRUTH_LABEL;
    return SEDGE_OK;
}

/* A label a line, or the column label. */
static sedge_status read_label_lines(sedge_data *d, const char *csv, sg_csv *c, sg_err *err)
{
    bool more;
    size_t i = 0;
    SG_TRY(sg_csv_next(c, &more));
    int at = more ? sg_data_column(c, sg_label_names, SG_LABEL_NAMES) : -1;
    if (at < 0 && c->n > 1)
        return sg_fail(err, SEDGE_E_FORMAT, "%s: the first line names no column label", csv);
    if (at >= 0)
        SG_TRY(sg_csv_next(c, &more));
    size_t k = at < 0 ? 0 : (size_t)at;
    for (; more; i++) {
        if (k >= c->n)
            return sg_fail(err, SEDGE_E_FORMAT, "%s: line %zu has %zu columns", csv, c->line, c->n);
        if (i < d->n && (d->entry[i].label = sg_data_word(d, c->field[k].s, c->field[k].n)) < 0)
            return sg_data_no_memory(err);
        SG_TRY(sg_csv_next(c, &more));
    }
    d->truth = SG_TRUTH_LABEL;
    return i == d->n ? SEDGE_OK : sg_fail(err, SEDGE_E_SHAPE, "%s: %zu labels for %zu samples", csv, i, d->n);
}

sedge_status sg_data_label_lines(sedge_data *d, const char *csv, sg_err *err)
{
    sg_csv c;
    sg_map map;
    SG_TRY(sg_map_open(&map, csv, err));
    sg_csv_start(&c, (const char *)map.data, map.size, &d->mem, err);
    sedge_status st = read_label_lines(d, csv, &c, err);
    sg_free(&d->mem, c.field, c.cap * sizeof *c.field);
    sg_map_close(&map);
    return st;
}

sedge_status sg_data_array(sedge_data *d, const char *path, const char *labels, sg_err *err)
{
    arrays a = {.has_x = false};
    d->form = SG_FORM_ARRAY;
    if (sg_ends_with(path, ".npy")) {
        SG_TRY(read_array(d, path, 0, &a.x, err));
        a.has_x = true;
    } else {
        SG_TRY(sg_map_open(&d->map[0], path, err));
        sedge_status st = sg_npz_read(&d->arena, d->map[0].data, d->map[0].size, take, &a, err);
        if (st != SEDGE_OK) {
            sg_err_where(err, "%s", path);
            return st;
        }
    }
    if (!a.has_x || a.x.rank < 2 || a.x.dtype == SEDGE_STR)
        return sg_fail(err, SEDGE_E_FORMAT, "%s: no array of numbers with a row a sample", path);
    d->x = a.x;
    for (int64_t i = 0; i < a.x.dim[0]; i++) {
        sg_entry *e = sg_data_add(d);
        if (!e)
            return sg_data_no_memory(err);
        e->at = (size_t)i;
    }
    if (labels && sg_ends_with(labels, ".npy")) {
        SG_TRY(read_array(d, labels, 1, &a.y, err));
        a.has_y = true;
    } else if (labels) {
        return sg_data_label_lines(d, labels, err);
    }
    return a.has_y ? number_labels(d, &a.y, err) : SEDGE_OK;
}

/* ---- tables ---- */

typedef struct rows {
    sg_csv csv;
    int32_t *label; /* of every row */
    size_t n_row, cap_label;
    int group, slice;
} rows;

static sedge_status table_head(sedge_data *d, const char *path, const char *slice, rows *r, sg_err *err)
{
    sg_csv *c = &r->csv;
    static const char *const group[] = {"group"};
    bool more;
    SG_TRY(sg_csv_next(c, &more));
    if (!more)
        return sg_fail(err, SEDGE_E_FORMAT, "%s: the table is empty", path);
    int label = sg_data_column(c, sg_label_names, SG_LABEL_NAMES);
    d->n_column = c->n;
    d->label_column = label < 0 ? c->n : (size_t)label;
    d->separator = c->separator;
    r->group = sg_data_column(c, group, 1);
    r->slice = slice ? sg_data_column(c, &slice, 1) : -1;
    if (slice && r->slice < 0)
        return sg_fail(err, SEDGE_E_NOT_FOUND, "%s: the first line names no column %s", path, slice);
    if (!(d->column = sg_arena_array(&d->arena, c->n, sizeof *d->column)))
        return sg_data_no_memory(err);
    for (size_t k = 0; k < c->n; k++)
        if (!(d->column[k] = sg_arena_str(&d->arena, c->field[k].s, c->field[k].n)))
            return sg_data_no_memory(err);
    return SEDGE_OK;
}

static sedge_status optional(sedge_data *d, const sg_csv *c, int at, int32_t *word, sg_err *err)
{
    if (at >= 0 && (*word = sg_data_word(d, c->field[at].s, c->field[at].n)) < 0)
        return sg_data_no_memory(err);
    return SEDGE_OK;
}

/* A row; every `hop` rows one begins a sample. */
static sedge_status take_row(sedge_data *d, const char *path, rows *r, size_t at, size_t hop, sg_err *err)
{
    const sg_csv *c = &r->csv;
    if (c->n != d->n_column)
        return sg_fail(err, SEDGE_E_FORMAT, "%s: line %zu has %zu columns, the first %zu", path, c->line, c->n, d->n_column);
    if (r->n_row % hop == 0) {
        sg_entry *e = sg_data_add(d);
        if (!e)
            return sg_data_no_memory(err);
        e->at = at;
        e->line = c->line;
        SG_TRY(optional(d, c, r->group, &e->group, err));
        SG_TRY(optional(d, c, r->slice, &e->slice, err));
    }
    if (sg_grow(&d->mem, &r->label, &r->cap_label, r->n_row + 1, sizeof *r->label) != SEDGE_OK)
        return sg_data_no_memory(err);
    r->label[r->n_row] = -1;
    if (d->label_column < d->n_column)
        SG_TRY(optional(d, c, (int)d->label_column, &r->label[r->n_row], err));
    r->n_row++;
    return SEDGE_OK;
}

/* The label that most rows of a window have, the later one of equals. */
static int32_t most(const int32_t *label, size_t n)
{
    int32_t best = -1;
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        size_t same = 0;
        if (i && label[i] == label[i - 1])
            continue;
        for (size_t k = 0; k < n; k++)
            same += label[k] == label[i];
        if (same >= count) {
            best = label[i];
            count = same;
        }
    }
    return best;
}

/* Samples that lack rows at the end fall away; windows that share rows are of one group. */
static sedge_status make_windows(sedge_data *d, const rows *r, size_t window, size_t hop, sg_err *err)
{
    size_t n = r->n_row < window ? 0 : (r->n_row - window) / hop + 1;
    d->n = d->n < n ? d->n : n;
    d->window = window;
    d->by_time = window > hop && r->group < 0;
    for (size_t i = 0; i < d->n; i++) {
        d->entry[i].label = most(r->label + i * hop, window);
        if (window > hop && r->group < 0) {
            char text[32];
            int len = snprintf(text, sizeof text, "rows %zu", i * hop / (10 * window) * (10 * window));
            if ((d->entry[i].group = sg_data_word(d, text, (size_t)len)) < 0)
                return sg_data_no_memory(err);
        }
    }
    return SEDGE_OK;
}

static sedge_status read_rows(sedge_data *d, const char *path, const sedge_data_opts *o, rows *r, sg_err *err)
{
    size_t window = o->window ? o->window : 1, hop = o->hop ? o->hop : window;
    bool more = true;
    SG_TRY(table_head(d, path, o->slice, r, err));
    for (;;) {
        size_t at = r->csv.at;
        SG_TRY(sg_csv_next(&r->csv, &more));
        if (!more)
            break;
        SG_TRY(take_row(d, path, r, at, hop, err));
    }
    if (r->n_row < window)
        return sg_fail(err, SEDGE_E_FORMAT, "%s: %zu rows, a sample has %zu", path, r->n_row, window);
    return make_windows(d, r, window, hop, err);
}

sedge_status sg_data_table(sedge_data *d, const char *path, const sedge_data_opts *o, sg_err *err)
{
    rows r = {.group = -1, .slice = -1};
    d->form = SG_FORM_TABLE;
    SG_TRY(sg_map_open(&d->map[0], path, err));
    sg_csv_start(&r.csv, (const char *)d->map[0].data, d->map[0].size, &d->mem, err);
    sedge_status st = read_rows(d, path, o, &r, err);
    if (st != SEDGE_OK && err && !strstr(err->msg, path))
        sg_err_where(err, "%s", path);
    d->truth = d->label_column < d->n_column ? SG_TRUTH_LABEL : SG_TRUTH_NONE;
    sg_free(&d->mem, r.csv.field, r.csv.cap * sizeof *r.csv.field);
    sg_free(&d->mem, r.label, r.cap_label * sizeof *r.label);
    return st;
}

/* ---- lines of text ---- */

sedge_status sg_data_lines(sedge_data *d, const char *path, const char *labels, sg_err *err)
{
    d->form = SG_FORM_LINES;
    SG_TRY(sg_map_open(&d->map[0], path, err));
    const char *text = (const char *)d->map[0].data;
    size_t size = d->map[0].size, line = 1;
    for (size_t at = 0; at < size; line++) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t n = end ? (size_t)(end - text) - at : size - at;
        if (n && !(n == 1 && text[at] == '\r')) {
            sg_entry *e = sg_data_add(d);
            if (!e)
                return sg_data_no_memory(err);
            e->at = at;
            e->line = line;
        }
        at += n + 1;
    }
    return labels ? sg_data_label_lines(d, labels, err) : SEDGE_OK;
}
