/* Labelled data: a folder of classes, a folder of files with a CSV of labels, arrays, tables. */
#include "cli.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "media/csv.h"

/* Decoded pictures are kept, since many cards look at each. */
#define KEEP_BYTES ((size_t)512 << 20)

typedef struct kept {
    sedge_frame frame;
    void *pixels;
} kept;

struct labelled {
    sg_mem mem;
    sg_arena arena;
    sources files; /* or: */
    sedge_tensor x;
    sg_csv_field *cell; /* [n, columns] of a table, and its head */
    size_t n_column, label_column, cap_cell;
    const char **column;
    const char **label;
    size_t n, cap;
    kept *kept;
    size_t kept_bytes;
    sedge_image *image;
    sg_map map[2], item; /* DATA and labels; the file of the sample read last */
    void *buf;           /* of a sample that had to be made */
    size_t cap_buf;
    sedge_series series;
    sg_csv csv;
};

static sedge_status no_memory(sedge_error *err)
{
    return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
}

static sedge_status add(labelled *l, const char *label, size_t n, sedge_error *err)
{
    if (sg_grow(&l->mem, &l->label, &l->cap, l->n + 1, sizeof *l->label) != SEDGE_OK ||
        !(l->label[l->n] = sg_arena_str(&l->arena, label, n)))
        return no_memory(err);
    l->n++;
    return SEDGE_OK;
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

/* ---- folders -------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static sedge_status add_class(labelled *l, const char *folder, const char *name, sedge_error *err)
{
    char path[4096];
    size_t first = l->files.n;
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
        return sg_fail(err, SEDGE_E_LIMIT, "%s/%s: the path is too long", folder, name);
    if (sources_add(&l->files, path) != EXIT_OK)
        return sg_fail(err, SEDGE_E_IO, "%s cannot be read", path);
    for (size_t k = first; k < l->files.n; k++)
        SG_TRY(add(l, name, strlen(name), err));
    return SEDGE_OK;
}

/* A folder below is a class. */
static sedge_status read_classes(labelled *l, const char *folder, sedge_error *err)
{
    DIR *d = opendir(folder);
    char **name = NULL;
    size_t n = 0, cap = 0;
    sedge_status st = d ? SEDGE_OK : sg_fail(err, SEDGE_E_IO, "%s: %s", folder, strerror(errno));
    for (struct dirent *e; st == SEDGE_OK && (e = readdir(d));) {
        char path[4096];
        struct stat s;
        if (e->d_name[0] == '.' || snprintf(path, sizeof path, "%s/%s", folder, e->d_name) >= (int)sizeof path ||
            stat(path, &s) != 0 || !S_ISDIR(s.st_mode))
            continue;
        if (sg_grow(&l->mem, &name, &cap, n + 1, sizeof *name) != SEDGE_OK ||
            !(name[n++] = sg_arena_str(&l->arena, e->d_name, strlen(e->d_name))))
            st = no_memory(err);
    }
    if (d)
        closedir(d);
    if (st == SEDGE_OK && n == 0)
        st = sg_fail(err, SEDGE_E_FORMAT, "%s: neither folders of classes nor labels.csv: give --labels F.csv (file,label)",
                     folder);
    if (n)
        qsort(name, n, sizeof *name, by_name);
    for (size_t k = 0; st == SEDGE_OK && k < n; k++)
        st = add_class(l, folder, name[k], err);
    sg_free(&l->mem, name, cap * sizeof *name);
    return st;
}

static const char *text_of(labelled *l, const sg_csv_field *f)
{
    return sg_arena_str(&l->arena, f->s, f->n);
}

static int column_of(const sg_csv *c, const char *const *name, int n)
{
    for (int k = 0; k < n; k++)
        for (size_t i = 0; i < c->n; i++)
            if (sg_csv_is(&c->field[i], name[k]))
                return (int)i;
    return -1;
}

static const char *const label_names[] = {"label", "class", "target", "y"};

/* file,label: of two columns the second is the label whatever it is called, and a first line that names no file is a head. */
static sedge_status read_file_labels(labelled *l, const char *folder, const char *csv, sedge_error *err)
{
    static const char *const file_names[] = {"file", "filename", "path", "name"};
    sg_csv *c = &l->csv;
    bool more;
    char path[4096];
    struct stat s;
    SG_TRY(sg_map_open(&l->map[1], csv, err));
    sg_csv_start(c, (const char *)l->map[1].data, l->map[1].size, &l->mem, err);
    SG_TRY(sg_csv_next(c, &more));
    int file = more ? column_of(c, file_names, 4) : -1, label = more ? column_of(c, label_names, 4) : -1;
    bool head = file >= 0 || label >= 0;
    if (c->n == 2)
        label = file == 1 ? 0 : 1, file = !label;
    if (more && (file < 0 || label < 0))
        return sg_fail(err, SEDGE_E_FORMAT, "%s: the first line names no columns file and label", csv);
    if (head)
        SG_TRY(sg_csv_next(c, &more));
    while (more) {
        if ((size_t)file >= c->n || (size_t)label >= c->n)
            return sg_fail(err, SEDGE_E_FORMAT, "%s: line %zu has %zu columns", csv, c->line, c->n);
        const char *name = text_of(l, &c->field[file]);
        if (!name || snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
            return no_memory(err);
        if (stat(path, &s) != 0)
            return sg_fail(err, SEDGE_E_NOT_FOUND, "%s: line %zu: %s: %s", csv, c->line, path, strerror(errno));
        if (sources_add(&l->files, path) != EXIT_OK)
            return sg_fail(err, SEDGE_E_IO, "%s cannot be read", path);
        SG_TRY(add(l, c->field[label].s, c->field[label].n, err));
        SG_TRY(sg_csv_next(c, &more));
    }
    return l->n ? SEDGE_OK : sg_fail(err, SEDGE_E_FORMAT, "%s: no labels", csv);
}

/* ---- arrays --------------------------------------------------------------------------------- */

typedef struct arrays {
    labelled *l;
    sg_tensor x, y;
    bool has_x, has_y;
} arrays;

/* Labels are the array y, labels or label; samples are the largest of the others. */
static sedge_status take(void *ctx, const sg_data *d, sg_err *err)
{
    (void)err;
    arrays *a = ctx;
    const char *n = d->name;
    if (strcmp(n, "y") == 0 || strcmp(n, "labels") == 0 || strcmp(n, "label") == 0) {
        a->y = d->t;
        a->has_y = true;
    } else if (!a->has_x || sedge_tensor_bytes((const sedge_tensor *)(const void *)&d->t) >
                                sedge_tensor_bytes((const sedge_tensor *)(const void *)&a->x)) {
        a->x = d->t;
        a->has_x = true;
    }
    return SEDGE_OK;
}

static sedge_status read_array(labelled *l, const char *path, int slot, sg_tensor *out, sedge_error *err)
{
    sg_data d;
    SG_TRY(sg_map_open(&l->map[slot], path, err));
    SG_TRY(sg_npy_read(&l->arena, l->map[slot].data, l->map[slot].size, &d, err));
    *out = d.t;
    return SEDGE_OK;
}

static sedge_status number_labels(labelled *l, const sedge_tensor *y, sedge_error *err)
{
    char text[32];
    if (y->dtype == SEDGE_STR || y->rank < 1)
        return sg_fail(err, SEDGE_E_TYPE, "labels must be whole numbers");
    for (int64_t i = 0; i < y->dim[0]; i++) {
        double v = sedge_tensor_f64(y, (size_t)i);
        snprintf(text, sizeof text, "%lld", (long long)v);
        SG_TRY(add(l, text, strlen(text), err));
    }
    return SEDGE_OK;
}

/* A label a line, or the column label. */
static sedge_status list_labels(labelled *l, const char *csv, sedge_error *err)
{
    sg_csv *c = &l->csv;
    bool more;
    SG_TRY(sg_map_open(&l->map[1], csv, err));
    sg_csv_start(c, (const char *)l->map[1].data, l->map[1].size, &l->mem, err);
    SG_TRY(sg_csv_next(c, &more));
    int at = more ? column_of(c, label_names, 4) : -1;
    if (at < 0 && c->n > 1)
        return sg_fail(err, SEDGE_E_FORMAT, "%s: the first line names no column label", csv);
    if (at >= 0)
        SG_TRY(sg_csv_next(c, &more));
    size_t k = at < 0 ? 0 : (size_t)at;
    while (more) {
        if (k >= c->n)
            return sg_fail(err, SEDGE_E_FORMAT, "%s: line %zu has %zu columns", csv, c->line, c->n);
        SG_TRY(add(l, c->field[k].s, c->field[k].n, err));
        SG_TRY(sg_csv_next(c, &more));
    }
    return SEDGE_OK;
}

static sedge_status read_arrays(labelled *l, const char *path, const char *labels, sedge_error *err)
{
    arrays a = {.l = l};
    if (ends_with(path, ".npy")) {
        SG_TRY(read_array(l, path, 0, &a.x, err));
        a.has_x = true;
    } else {
        SG_TRY(sg_map_open(&l->map[0], path, err));
        SG_TRY(sg_npz_read(&l->arena, l->map[0].data, l->map[0].size, take, &a, err));
    }
    if (labels && ends_with(labels, ".npy")) {
        SG_TRY(read_array(l, labels, 1, &a.y, err));
        a.has_y = true;
    }
    if (!a.has_x)
        return sg_fail(err, SEDGE_E_FORMAT, "%s: no array of samples", path);
    memcpy(&l->x, &a.x, sizeof l->x);
    if (labels && !ends_with(labels, ".npy"))
        SG_TRY(list_labels(l, labels, err));
    else if (a.has_y)
        SG_TRY(number_labels(l, (const sedge_tensor *)(const void *)&a.y, err));
    else
        return sg_fail(err, SEDGE_E_NOT_FOUND, "%s: no array y of labels: give --labels F.npy or F.csv", path);
    if (l->x.rank < 2 || (size_t)l->x.dim[0] != l->n)
        return sg_fail(err, SEDGE_E_SHAPE, "%s: %lld samples and %zu labels", path, l->x.rank ? (long long)l->x.dim[0] : 0LL,
                       l->n);
    return SEDGE_OK;
}

/* ---- tables --------------------------------------------------------------------------------- */

/* A row is a sample; the column label is its label. */
static sedge_status read_table(labelled *l, const char *path, sedge_error *err)
{
    sg_csv *c = &l->csv;
    bool more;
    SG_TRY(sg_map_open(&l->map[0], path, err));
    sg_csv_start(c, (const char *)l->map[0].data, l->map[0].size, &l->mem, err);
    SG_TRY(sg_csv_next(c, &more));
    int at = more ? column_of(c, label_names, 4) : -1;
    if (at < 0)
        return sg_fail(err, SEDGE_E_FORMAT, "%s: the first line names no column label", path);
    l->n_column = c->n;
    l->label_column = (size_t)at;
    if (!(l->column = sg_arena_array(&l->arena, c->n, sizeof *l->column)))
        return no_memory(err);
    for (size_t k = 0; k < c->n; k++)
        if (!(l->column[k] = text_of(l, &c->field[k])))
            return no_memory(err);
    SG_TRY(sg_csv_next(c, &more));
    while (more) {
        if (c->n != l->n_column)
            return sg_fail(err, SEDGE_E_FORMAT, "%s: line %zu has %zu columns, the first %zu", path, c->line, c->n, l->n_column);
        SG_TRY(sg_grow(&l->mem, &l->cell, &l->cap_cell, (l->n + 1) * c->n, sizeof *l->cell));
        memcpy(l->cell + l->n * c->n, c->field, c->n * sizeof *c->field);
        SG_TRY(add(l, c->field[at].s, c->field[at].n, err));
        SG_TRY(sg_csv_next(c, &more));
    }
    return l->n ? SEDGE_OK : sg_fail(err, SEDGE_E_FORMAT, "%s: no rows", path);
}

sedge_status labelled_open(labelled **out, const char *data, const char *labels, sedge_error *err)
{
    struct stat s;
    char beside[4096];
    labelled *l = calloc(1, sizeof *l);
    *out = l;
    if (!l)
        return no_memory(err);
    l->arena.mem = &l->mem;
    if (stat(data, &s) != 0)
        return sg_fail(err, SEDGE_E_IO, "%s: %s", data, strerror(errno));
    if (!S_ISDIR(s.st_mode)) {
        if (ends_with(data, ".npy") || ends_with(data, ".npz"))
            return read_arrays(l, data, labels, err);
        if (ends_with(data, ".csv") || ends_with(data, ".tsv"))
            return read_table(l, data, err);
        return sg_fail(err, SEDGE_E_FORMAT, "%s: neither a folder nor .npz, .npy, .csv or .tsv", data);
    }
    if (!labels && snprintf(beside, sizeof beside, "%s/labels.csv", data) < (int)sizeof beside && stat(beside, &s) == 0)
        labels = beside;
    return labels ? read_file_labels(l, data, labels, err) : read_classes(l, data, err);
}

/* ---- files with tensors ---------------------------------------------------------------------- */

typedef struct named {
    labelled *l;
    sources all;
    sedge_tensor *tensor;
    const char **name;
    size_t n, cap, cap_name;
} named;

static sedge_status take_named(void *ctx, const sg_data *d, sg_err *err)
{
    named *s = ctx;
    if (sg_grow(&s->l->mem, &s->tensor, &s->cap, s->n + 1, sizeof *s->tensor) != SEDGE_OK ||
        sg_grow(&s->l->mem, &s->name, &s->cap_name, s->n + 1, sizeof *s->name) != SEDGE_OK ||
        !(s->name[s->n] = sg_arena_str(&s->l->arena, d->name, strlen(d->name))))
        return no_memory(err);
    memcpy(&s->tensor[s->n++], &d->t, sizeof *s->tensor);
    return SEDGE_OK;
}

/* The file of that name, its suffix in the name or not. */
static const char *file_named(const named *s, const char *name)
{
    size_t n = strlen(name);
    for (size_t k = 0; k < s->all.n; k++) {
        const char *slash = strrchr(s->all.path[k], '/'), *base = slash ? slash + 1 : s->all.path[k];
        if (strcmp(s->all.path[k], name) == 0 || strcmp(base, name) == 0 || (strncmp(base, name, n) == 0 && base[n] == '.'))
            return s->all.path[k];
    }
    return s->n == 1 && s->all.n == 1 ? s->all.path[0] : NULL;
}

static sedge_status match_files(labelled *l, named *s, const char *files, const char *npz, sedge_error *err)
{
    SG_TRY(sg_map_open(&l->map[0], npz, err));
    SG_TRY(sg_npz_read(&l->arena, l->map[0].data, l->map[0].size, take_named, s, err));
    if (sources_add(&s->all, files) != EXIT_OK)
        return sg_fail(err, SEDGE_E_IO, "%s cannot be read", files);
    for (size_t k = 0; k < s->n; k++) {
        const char *file = file_named(s, s->name[k]);
        if (!file)
            return sg_fail(err, SEDGE_E_NOT_FOUND, "%s: array %s: no file of %s has this name", npz, s->name[k], files);
        if (sources_add(&l->files, file) != EXIT_OK)
            return sg_fail(err, SEDGE_E_IO, "%s cannot be read", file);
        SG_TRY(add(l, "", 0, err));
    }
    return s->n ? SEDGE_OK : sg_fail(err, SEDGE_E_FORMAT, "%s: no arrays", npz);
}

sedge_status labelled_files(labelled **out, const char *files, const char *npz, const sedge_tensor **want, sedge_error *err)
{
    labelled *l = calloc(1, sizeof *l);
    *out = l;
    if (!l)
        return no_memory(err);
    l->arena.mem = &l->mem;
    named s = {.l = l};
    sedge_status st = match_files(l, &s, files, npz, err);
    if (st == SEDGE_OK && !(*want = sg_arena_dup(&l->arena, s.tensor, s.n * sizeof *s.tensor)))
        st = no_memory(err);
    sources_free(&s.all);
    sg_free(&l->mem, s.tensor, s.cap * sizeof *s.tensor);
    sg_free(&l->mem, s.name, s.cap_name * sizeof *s.name);
    return st;
}

/* ---- samples -------------------------------------------------------------------------------- */

static sedge_status grow_buf(labelled *l, size_t n, sedge_error *err)
{
    return sg_grow(&l->mem, &l->buf, &l->cap_buf, n, 1) == SEDGE_OK ? SEDGE_OK : no_memory(err);
}

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
static void keep_frame(labelled *l, size_t i, const sedge_frame *f)
{
    size_t row = pixel_bytes(f) * (size_t)f->width, size = row * (size_t)f->height;
    if (!l->kept)
        l->kept = calloc(l->n, sizeof *l->kept);
    if (!l->kept || l->kept[i].pixels || !size || l->kept_bytes + size > KEEP_BYTES || !(l->kept[i].pixels = malloc(size)))
        return;
    for (int32_t y = 0; y < f->height; y++)
        memcpy((char *)l->kept[i].pixels + (size_t)y * row, (const char *)f->plane[0] + y * f->stride[0], row);
    l->kept[i].frame = *f;
    l->kept[i].frame.plane[0] = l->kept[i].pixels;
    l->kept[i].frame.stride[0] = (int64_t)row;
    l->kept_bytes += size;
}

static sedge_status file_frame(labelled *l, size_t i, sedge_frame *out, sedge_error *err)
{
    if (l->kept && l->kept[i].pixels) {
        *out = l->kept[i].frame;
        return SEDGE_OK;
    }
    if (!l->image)
        SG_TRY(sedge_image_new(&l->image, NULL, err));
    SG_TRY(sedge_image_decode(l->image, l->item.data, l->item.size, out, err));
    keep_frame(l, i, out);
    return SEDGE_OK;
}

static sedge_status file_sample(labelled *l, const sedge_task_info *about, size_t i, sedge_try_sample *out, sedge_error *err)
{
    sedge_series_opts o;
    if (!(about->source == SEDGE_SOURCE_IMAGE && l->kept && l->kept[i].pixels)) {
        sg_map_close(&l->item);
        SG_TRY(sg_map_open(&l->item, l->files.path[i], err));
    }
    switch (about->source) {
    case SEDGE_SOURCE_IMAGE: return file_frame(l, i, &out->frame, err);
    case SEDGE_SOURCE_AUDIO: return sedge_audio_wav(&out->audio, l->item.data, l->item.size, err);
    case SEDGE_SOURCE_SERIES:
        sedge_series_opts_init(&o);
        o.column = about->column;
        o.n_column = about->columns;
        o.rate = about->rate;
        sedge_series_free(&l->series);
        SG_TRY(sedge_series_csv(&l->series, (const char *)l->item.data, l->item.size, &o, NULL, err));
        out->row = l->series.data;
        out->rows = l->series.rows;
        out->columns = l->series.columns;
        return SEDGE_OK;
    default:
        out->text = (const char *)l->item.data;
        out->text_size = l->item.size;
        return SEDGE_OK;
    }
}

/* [h, w], [h, w, 3] or [3, h, w] bytes. */
static sedge_status array_frame(labelled *l, size_t i, size_t each, sedge_frame *out, sedge_error *err)
{
    const sedge_tensor *x = &l->x;
    bool gray = x->rank == 3 || (x->rank == 4 && (x->dim[1] == 1 || x->dim[3] == 1)), last = x->rank == 4 && x->dim[3] == 3;
    bool first = x->rank == 4 && x->dim[1] == 3 && !last;
    if (x->dtype != SEDGE_U8 || (!gray && !last && !first))
        return sg_fail(err, SEDGE_E_TYPE, "pictures must be u8 [n, h, w], [n, h, w, 3] or [n, 3, h, w]");
    int h = (int)x->dim[first || (x->rank == 4 && gray && x->dim[1] == 1) ? 2 : 1];
    int w = (int)(each / (size_t)(h ? h : 1) / (gray ? 1 : 3));
    const uint8_t *p = (const uint8_t *)x->data + i * each;
    if (first) {
        SG_TRY(grow_buf(l, each, err));
        uint8_t *q = l->buf;
        for (size_t k = 0; k < each; k++)
            q[k] = p[k % 3 * (each / 3) + k / 3];
        p = q;
    }
    return sedge_frame_raw(out, gray ? SEDGE_PIXEL_GRAY8 : SEDGE_PIXEL_RGB8, w, h, p, each, err);
}

static sedge_status array_sample(labelled *l, const sedge_task_info *about, size_t i, sedge_try_sample *out, sedge_error *err)
{
    size_t each = 1;
    for (int k = 1; k < l->x.rank; k++)
        each *= (size_t)l->x.dim[k];
    if (about->source == SEDGE_SOURCE_IMAGE)
        return array_frame(l, i, each, &out->frame, err);
    if (about->source == SEDGE_SOURCE_TEXT || l->x.dtype == SEDGE_STR || each == 0)
        return sg_fail(err, SEDGE_E_TYPE, "arrays of numbers are pictures, sound or series; the card takes text");
    SG_TRY(grow_buf(l, each * sizeof(float), err));
    float *v = l->buf;
    for (size_t k = 0; k < each; k++)
        v[k] = (float)(sedge_tensor_f64(&l->x, i * each + k) /
                       (l->x.dtype == SEDGE_I16 && about->source == SEDGE_SOURCE_AUDIO ? 32768 : 1));
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

static size_t find_column(const labelled *l, const char *name)
{
    size_t k = 0;
    while (k < l->n_column && strcmp(l->column[k], name) != 0)
        k++;
    return k;
}

static sedge_status table_text(labelled *l, size_t i, sedge_try_sample *out, sedge_error *err)
{
    static const char *const names[] = {"text", "sentence", "content", "review"};
    size_t at = l->n_column, n = 0;
    for (int k = 0; k < 4 && at == l->n_column; k++)
        at = find_column(l, names[k]);
    if (at == l->n_column && l->n_column == 2)
        at = 1 - l->label_column;
    if (at == l->n_column)
        return sg_fail(err, SEDGE_E_NOT_FOUND, "the table has no column text");
    const sg_csv_field *f = &l->cell[i * l->n_column + at];
    SG_TRY(grow_buf(l, f->n + 1, err));
    char *s = l->buf;
    for (size_t k = 0; k < f->n; k++) {
        s[n++] = f->s[k];
        k += f->quoted && f->s[k] == '"'; /* quotes inside are double */
    }
    out->text = s;
    out->text_size = n;
    return SEDGE_OK;
}

static sedge_status table_sample(labelled *l, const sedge_task_info *about, size_t i, sedge_try_sample *out, sedge_error *err)
{
    if (about->source == SEDGE_SOURCE_TEXT)
        return table_text(l, i, out, err);
    if (about->source != SEDGE_SOURCE_SERIES)
        return sg_fail(err, SEDGE_E_TYPE, "the rows of a table are series or text; the card takes neither");
    size_t n = (size_t)about->columns;
    SG_TRY(grow_buf(l, n * sizeof(float), err));
    float *v = l->buf;
    for (size_t k = 0; k < n; k++) {
        size_t at = about->column ? find_column(l, about->column[k]) : k + (k >= l->label_column);
        double x;
        if (at >= l->n_column)
            return sg_fail(err, SEDGE_E_NOT_FOUND, "the table lacks column %s", about->column ? about->column[k] : "of the card");
        if (sg_csv_number(&l->cell[i * l->n_column + at], &x) != SG_CSV_NUMBER)
            return sg_fail(err, SEDGE_E_VALUE, "row %zu, column %s: no number", i + 1, l->column[at]);
        v[k] = (float)x;
    }
    out->row = v;
    out->rows = 1;
    out->columns = about->columns;
    return SEDGE_OK;
}

sedge_status labelled_sample(void *ctx, const sedge_task_info *about, size_t i, sedge_try_sample *out, sedge_error *err)
{
    labelled *l = ctx;
    sedge_status st = l->files.n ? file_sample(l, about, i, out, err)
                      : l->cell  ? table_sample(l, about, i, out, err)
                                 : array_sample(l, about, i, out, err);
    if (st != SEDGE_OK && l->files.n)
        sg_err_where(err, "%s", l->files.path[i]);
    return st;
}

size_t labelled_count(const labelled *l)
{
    return l->n;
}

const char *const *labelled_labels(const labelled *l)
{
    return l->label;
}

void labelled_close(labelled **data)
{
    labelled *l = *data;
    if (!l)
        return;
    for (size_t k = 0; l->kept && k < l->n; k++)
        free(l->kept[k].pixels);
    free(l->kept);
    sedge_image_free(&l->image);
    sedge_series_free(&l->series);
    sg_map_close(&l->item);
    sg_map_close(&l->map[0]);
    sg_map_close(&l->map[1]);
    sources_free(&l->files);
    sg_free(&l->mem, l->label, l->cap * sizeof *l->label);
    sg_free(&l->mem, l->cell, l->cap_cell * sizeof *l->cell);
    sg_free(&l->mem, l->buf, l->cap_buf);
    sg_free(&l->mem, l->csv.field, l->csv.cap * sizeof *l->csv.field);
    sg_arena_free(&l->arena);
    free(l);
    *data = NULL;
}
