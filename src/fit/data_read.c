/* One sample of a data set as a card takes it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fit/data.h"

/* sedge_data_item keeps so many bytes of decoded pictures. */
#define KEEP_BYTES ((size_t)512 << 20)

static sedge_status room(sg_lane *l, size_t n, sg_err *err)
{
    return sg_grow(&l->mem, &l->buf, &l->cap_buf, n, 1) == SEDGE_OK ? SEDGE_OK : sg_data_no_memory(err);
}

/* ---- files ---- */

static sedge_status read_series(sg_lane *l, const sedge_task_info *about, sedge_item *out, sg_err *err)
{
    sedge_series_opts o;
    sedge_series_opts_init(&o);
    o.column = about->column;
    o.n_column = about->columns;
    o.rate = about->rate;
    sedge_series_free(&l->series);
    SG_TRY(sedge_series_csv(&l->series, (const char *)l->file.data, l->file.size, &o, NULL, err));
    out->row = l->series.data;
    out->rows = l->series.rows;
    out->columns = l->series.columns;
    return SEDGE_OK;
}

static sedge_status read_file(const sedge_data *d, sg_lane *l, const sedge_task_info *about, size_t i, sedge_item *out,
                              sg_err *err)
{
    sg_map_close(&l->file);
    SG_TRY(sg_map_open(&l->file, sg_data_text(d, d->entry[i].name), err));
    switch (about->source) {
    case SEDGE_SOURCE_IMAGE:
        if (!l->image)
            SG_TRY(sedge_image_new(&l->image, NULL, err));
        return sedge_image_decode(l->image, l->file.data, l->file.size, &out->frame, err);
    case SEDGE_SOURCE_AUDIO: return sedge_audio_wav(&out->audio, l->file.data, l->file.size, err);
    case SEDGE_SOURCE_SERIES: return read_series(l, about, out, err);
    default:
        out->text = (const char *)l->file.data;
        out->text_size = l->file.size;
        return SEDGE_OK;
    }
}

/* ---- arrays ---- */

/* [h, w], [h, w, 1], [1, h, w], [h, w, 3] or [3, h, w] bytes. */
static sedge_status array_frame(const sedge_data *d, sg_lane *l, size_t row, size_t each, sedge_frame *out, sg_err *err)
{
    const sedge_tensor *x = &d->x;
    bool gray = x->rank == 3 || (x->rank == 4 && (x->dim[1] == 1 || x->dim[3] == 1)), last = x->rank == 4 && x->dim[3] == 3;
    bool first = x->rank == 4 && x->dim[1] == 3 && !last;
    if (x->dtype != SEDGE_U8 || (!gray && !last && !first))
        return sg_fail(err, SEDGE_E_TYPE, "pictures must be u8 [n, h, w], [n, h, w, 3] or [n, 3, h, w]");
    int h = (int)x->dim[first || (x->rank == 4 && gray && x->dim[1] == 1) ? 2 : 1];
    int w = (int)(each / (size_t)(h ? h : 1) / (gray ? 1 : 3));
    const uint8_t *p = (const uint8_t *)x->data + row * each;
    if (first) {
        SG_TRY(room(l, each, err));
        uint8_t *q = l->buf;
        for (size_t k = 0; k < each; k++)
            q[k] = p[k % 3 * (each / 3) + k / 3];
        p = q;
    }
    return sedge_frame_raw(out, gray ? SEDGE_PIXEL_GRAY8 : SEDGE_PIXEL_RGB8, w, h, p, each, err);
}

static sedge_status read_array(const sedge_data *d, sg_lane *l, const sedge_task_info *about, size_t i, sedge_item *out,
                               sg_err *err)
{
    const sedge_tensor *x = &d->x;
    size_t each = 1, row = d->entry[i].at;
    for (int k = 1; k < x->rank; k++)
        each *= (size_t)x->dim[k];
    if (about->source == SEDGE_SOURCE_IMAGE)
        return array_frame(d, l, row, each, &out->frame, err);
    if (about->source == SEDGE_SOURCE_TEXT || each == 0)
        return sg_fail(err, SEDGE_E_TYPE, "arrays of numbers are pictures, sound or series; the card takes text");
    SG_TRY(room(l, each * sizeof(float), err));
    float *v = l->buf;
    float scale = x->dtype == SEDGE_I16 && about->source == SEDGE_SOURCE_AUDIO ? 32768 : 1;
    for (size_t k = 0; k < each; k++) {
        v[k] = (float)sedge_tensor_f64(x, row * each + k) / scale;
        if (!isfinite(v[k]))
            return sg_fail(err, SEDGE_E_VALUE, "number %zu of the row is %s", k, isnan(v[k]) ? "NaN" : "infinite");
    }
    if (about->source == SEDGE_SOURCE_AUDIO) {
        out->audio = (sedge_audio){.sample = SEDGE_PCM_F32, .channels = 1, .rate = about->rate, .frames = each, .data = v};
        return SEDGE_OK;
    }
    out->row = v;
    out->columns = about->columns;
    out->rows = each / (size_t)about->columns;
    return each % (size_t)about->columns == 0
               ? SEDGE_OK
               : sg_fail(err, SEDGE_E_SHAPE, "a sample has %zu numbers, the card takes rows of %d", each, about->columns);
}

/* ---- tables ---- */

static size_t find_column(const sedge_data *d, const char *name)
{
    size_t k = 0;
    while (k < d->n_column && strcmp(d->column[k], name) != 0)
        k++;
    return k;
}

static sedge_status table_text(const sedge_data *d, sg_lane *l, sedge_item *out, sg_err *err)
{
    static const char *const names[] = {"text", "sentence", "content", "review"};
    size_t at = d->n_column, n = 0;
    for (int k = 0; k < 4 && at == d->n_column; k++)
        at = find_column(d, names[k]);
    if (at == d->n_column && d->n_column == 2 && d->label_column < 2)
        at = 1 - d->label_column;
    if (at == d->n_column && d->n_column == 1)
        at = 0;
    if (at == d->n_column)
        return sg_fail(err, SEDGE_E_NOT_FOUND, "the table has no column text");
    const sg_csv_field *f = &l->csv.field[at];
    SG_TRY(room(l, f->n + 1, err));
    char *s = l->buf;
    for (size_t k = 0; k < f->n; k++) {
        s[n++] = f->s[k];
        k += f->quoted && f->s[k] == '"'; /* quotes inside are double */
    }
    out->text = s;
    out->text_size = n;
    return SEDGE_OK;
}

static sedge_status table_row(const sedge_data *d, const sg_csv *c, const sedge_task_info *about, float *v, sg_err *err)
{
    for (size_t k = 0; k < (size_t)about->columns; k++) {
        size_t at = about->column ? find_column(d, about->column[k]) : k + (k >= d->label_column);
        double x;
        if (at >= d->n_column)
            return sg_fail(err, SEDGE_E_NOT_FOUND, "the table lacks column %s", about->column ? about->column[k] : "of the card");
        sg_csv_kind kind = sg_csv_number(&c->field[at], &x);
        bool gap = kind == SG_CSV_MISSING && d->window > 1; /* the card says what fills it */
        if (kind != SG_CSV_NUMBER && !gap)
            return sg_fail(err, SEDGE_E_VALUE, "line %zu, column %s: no number", c->line, d->column[at]);
        v[k] = gap ? NAN : (float)x;
    }
    return SEDGE_OK;
}

static sedge_status read_table(const sedge_data *d, sg_lane *l, const sedge_task_info *about, size_t i, sedge_item *out,
                               sg_err *err)
{
    const sg_entry *e = &d->entry[i];
    sg_csv *c = &l->csv;
    bool more;
    c->text = (const char *)d->map[0].data;
    c->size = d->map[0].size;
    c->at = e->at;
    c->next_line = e->line;
    c->separator = d->separator;
    c->mem = &l->mem;
    c->err = err;
    if (about->source != SEDGE_SOURCE_TEXT && about->source != SEDGE_SOURCE_SERIES)
        return sg_fail(err, SEDGE_E_TYPE, "the rows of a table are series or text; the card takes neither");
    size_t n = (size_t)about->columns, rows = about->source == SEDGE_SOURCE_TEXT ? 1 : d->window;
    SG_TRY(room(l, rows * n * sizeof(float), err));
    for (size_t r = 0; r < rows; r++) {
        SG_TRY(sg_csv_next(c, &more));
        if (!more || c->n != d->n_column)
            return sg_fail(err, SEDGE_E_FORMAT, "line %zu is not as it was", c->line);
        if (about->source == SEDGE_SOURCE_TEXT)
            return table_text(d, l, out, err);
        SG_TRY(table_row(d, c, about, (float *)l->buf + r * n, err));
    }
    out->row = l->buf;
    out->rows = rows;
    out->columns = about->columns;
    return SEDGE_OK;
}

static sedge_status read_line(const sedge_data *d, const sedge_task_info *about, size_t i, sedge_item *out, sg_err *err)
{
    const char *text = (const char *)d->map[0].data + d->entry[i].at;
    size_t left = d->map[0].size - d->entry[i].at;
    const char *end = memchr(text, '\n', left);
    if (about->source != SEDGE_SOURCE_TEXT)
        return sg_fail(err, SEDGE_E_TYPE, "lines are texts; the card takes none");
    out->text = text;
    out->text_size = end ? (size_t)(end - text) : left;
    out->text_size -= out->text_size && text[out->text_size - 1] == '\r';
    return SEDGE_OK;
}

/* ---- any ---- */

sedge_status sg_data_read(const sedge_data *d, sg_lane *l, const sedge_task_info *about, size_t i, sedge_item *out, sg_err *err)
{
    const sg_entry *e = &d->entry[i];
    memset(out, 0, sizeof *out);
    out->name = sg_data_name(d, i, l->name);
    out->label = sg_data_text(d, e->label);
    out->group = sg_data_text(d, e->group);
    out->slice = sg_data_text(d, e->slice);
    sedge_status st = SEDGE_OK;
    switch (d->form) {
    case SG_FORM_FILES: st = read_file(d, l, about, i, out, err); break;
    case SG_FORM_ARRAY: st = read_array(d, l, about, i, out, err); break;
    case SG_FORM_TABLE: st = read_table(d, l, about, i, out, err); break;
    default: st = read_line(d, about, i, out, err);
    }
    if (st != SEDGE_OK && err && !strstr(err->msg, out->name))
        sg_err_where(err, "%s", out->name);
    return st;
}

void sg_lane_free(sg_lane *l)
{
    sedge_image_free(&l->image);
    sedge_series_free(&l->series);
    sg_map_close(&l->file);
    sg_free(&l->mem, l->buf, l->cap_buf);
    sg_free(&l->mem, l->csv.field, l->csv.cap * sizeof *l->csv.field);
    memset(l, 0, sizeof *l);
}

/* ---- for callers who look at samples again and again ---- */

typedef struct sg_kept {
    sedge_frame frame;
    void *pixels;
} sg_kept;

static size_t pixel_bytes(const sedge_frame *f)
{
    static const uint8_t bytes[SEDGE_PIXEL_COUNT] = {[SEDGE_PIXEL_GRAY8] = 1,
                                                     [SEDGE_PIXEL_GRAY16] = 2,
                                                     [SEDGE_PIXEL_RGB8] = 3,
                                                     [SEDGE_PIXEL_RGBA8] = 4,
                                                     [SEDGE_PIXEL_RGB16] = 6};
    return bytes[f->pixel];
}

/* The decoder's memory is for the next picture: a copy is kept while there is room. */
static void keep_frame(sedge_data *d, size_t i, const sedge_frame *f)
{
    size_t row = pixel_bytes(f) * (size_t)f->width, size = row * (size_t)f->height;
    if (!d->kept)
        d->kept = calloc(d->n, sizeof *d->kept);
    if (!d->kept || d->kept[i].pixels || !size || d->kept_bytes + size > KEEP_BYTES || !(d->kept[i].pixels = malloc(size)))
        return;
    for (int32_t y = 0; y < f->height; y++)
        memcpy((char *)d->kept[i].pixels + (size_t)y * row, (const char *)f->plane[0] + y * f->stride[0], row);
    d->kept[i].frame = *f;
    d->kept[i].frame.plane[0] = d->kept[i].pixels;
    d->kept[i].frame.stride[0] = (int64_t)row;
    d->kept_bytes += size;
}

sedge_status sedge_data_item(void *ctx, const sedge_task_info *about, size_t i, sedge_item *out, sedge_error *err)
{
    sedge_data *d = ctx;
    bool picture = d->form == SG_FORM_FILES && about->source == SEDGE_SOURCE_IMAGE;
    if (i >= d->n)
        return sg_fail(err, SEDGE_E_ARG, "data: there is no sample %zu", i);
    if (picture && d->kept && d->kept[i].pixels) {
        memset(out, 0, sizeof *out);
        out->name = sg_data_name(d, i, d->lane.name);
        out->label = sg_data_text(d, d->entry[i].label);
        out->frame = d->kept[i].frame;
        return SEDGE_OK;
    }
    SG_TRY(sg_data_read(d, &d->lane, about, i, out, err));
    if (picture)
        keep_frame(d, i, &out->frame);
    return SEDGE_OK;
}

void sedge_data_close(sedge_data **data)
{
    sedge_data *d = *data;
    if (!d)
        return;
    for (size_t k = 0; d->kept && k < d->n; k++)
        free(d->kept[k].pixels);
    free(d->kept);
    sg_lane_free(&d->lane);
    sg_map_close(&d->map[0]);
    sg_map_close(&d->map[1]);
    sg_free(&d->mem, d->entry, d->cap * sizeof *d->entry);
    sg_free(&d->mem, d->thing, d->cap_thing * sizeof *d->thing);
    sg_free(&d->mem, d->point, d->cap_point * sizeof *d->point);
    sg_free(&d->mem, d->words.word, d->words.cap * sizeof *d->words.word);
    sg_free(&d->mem, d->words.slot, d->words.n_slot * sizeof *d->words.slot);
    sg_arena_free(&d->arena);
    free(d);
    *data = NULL;
}
