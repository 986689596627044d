/* What tells samples apart: a digest of their bytes, and the look of pictures. */
#include <string.h>

#include "fit/split.h"

enum { ROWS = 8, COLUMNS = 9 };

static int pixel(const sedge_frame *f, int x, int y)
{
    const uint8_t *row = (const uint8_t *)f->plane[0] + y * f->stride[0];
    switch (f->pixel) {
    case SEDGE_PIXEL_GRAY8: return row[x];
    case SEDGE_PIXEL_GRAY16: return row[2 * x + 1];
    case SEDGE_PIXEL_RGB8: return (row[3 * x] + 2 * row[3 * x + 1] + row[3 * x + 2]) / 4;
    case SEDGE_PIXEL_RGBA8: return (row[4 * x] + 2 * row[4 * x + 1] + row[4 * x + 2]) / 4;
    case SEDGE_PIXEL_RGB16: return (row[6 * x + 1] + 2 * row[6 * x + 3] + row[6 * x + 5]) / 4;
    default: return 0;
    }
}

/* Means of 9 x 8 places; a bit where the next one is brighter (a difference hash). */
static uint64_t look_of(const sedge_frame *f)
{
    uint64_t look = 0;
    if (f->width < COLUMNS || f->height < ROWS)
        return 0;
    for (int r = 0; r < ROWS; r++) {
        double before = 0;
        int y0 = (int)((int64_t)r * f->height / ROWS), y1 = (int)((int64_t)(r + 1) * f->height / ROWS);
        for (int c = 0; c < COLUMNS; c++) {
            int x0 = (int)((int64_t)c * f->width / COLUMNS), x1 = (int)((int64_t)(c + 1) * f->width / COLUMNS);
            int sy = (y1 - y0 + 15) / 16, sx = (x1 - x0 + 15) / 16; /* 256 pixels of a place say enough */
            double sum = 0, n = 0;
            for (int y = y0; y < y1; y += sy)
                for (int x = x0; x < x1; x += sx, n++)
                    sum += pixel(f, x, y);
            double mean = sum / n;
            look = c ? look << 1 | (mean > before + 0.5) : look;
            before = mean;
        }
    }
    return look;
}

static sedge_status add_rows(const sedge_data *d, sg_lane *l, size_t i, sg_sha256 *s, sg_err *err)
{
    sg_csv *c = &l->csv;
    bool more;
    c->text = (const char *)d->map[0].data;
    c->size = d->map[0].size;
    c->at = d->entry[i].at;
    c->next_line = d->entry[i].line;
    c->separator = d->separator;
    c->mem = &l->mem;
    c->err = err;
    for (size_t r = 0; r < d->window; r++)
        SG_TRY(sg_csv_next(c, &more));
    sg_sha256_add(s, c->text + d->entry[i].at, c->at - d->entry[i].at);
    return SEDGE_OK;
}

static sedge_status add_file(const sedge_data *d, sg_lane *l, bool picture, size_t i, sg_sha256 *s, uint64_t *look, sg_err *err)
{
    sedge_frame f;
    sg_map_close(&l->file);
    SG_TRY(sg_map_open(&l->file, sg_data_text(d, d->entry[i].name), err));
    sg_sha256_add(s, l->file.data, l->file.size);
    if (!picture)
        return SEDGE_OK;
    if (!l->image)
        SG_TRY(sedge_image_new(&l->image, NULL, err));
    if (sedge_image_decode(l->image, l->file.data, l->file.size, &f, NULL) == SEDGE_OK) /* else it has a digest only */
        *look = look_of(&f);
    return SEDGE_OK;
}

sedge_status sg_mark_of(const sedge_data *d, sg_lane *l, bool picture, size_t i, sg_mark *out, sg_err *err)
{
    sg_sha256 s;
    const sg_entry *e = &d->entry[i];
    sedge_status st = SEDGE_OK;
    sg_sha256_init(&s);
    out->look = 0;
    if (d->form == SG_FORM_FILES) {
        st = add_file(d, l, picture, i, &s, &out->look, err);
    } else if (d->form == SG_FORM_ARRAY) {
        size_t each = d->x.dim[0] ? sedge_tensor_bytes(&d->x) / (size_t)d->x.dim[0] : 0;
        sg_sha256_add(&s, (const uint8_t *)d->x.data + e->at * each, each);
    } else if (d->form == SG_FORM_TABLE) {
        st = add_rows(d, l, i, &s, err);
    } else {
        const char *text = (const char *)d->map[0].data + e->at;
        const char *end = memchr(text, '\n', d->map[0].size - e->at);
        sg_sha256_add(&s, text, end ? (size_t)(end - text) : d->map[0].size - e->at);
    }
    sg_sha256_end(&s, out->digest);
    return st;
}
