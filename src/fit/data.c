/* Data sets: the index, and which form a path has. */
#include "fit/data.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SAMPLES_MAX ((size_t)1 << 31)

sedge_status sg_data_no_memory(sg_err *err)
{
    return sg_fail(err, SEDGE_E_NOMEM, "data: out of memory");
}

/* ---- words ---- */

/* FNV-1a (Fowler, Noll, Vo). */
static uint64_t hash(const char *s, size_t n)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ (uint8_t)s[i]) * 0x100000001b3u;
    return h ^ (h >> 29);
}

static size_t place(const sg_words *w, const char *s, size_t n)
{
    size_t k = hash(s, n) & (w->n_slot - 1);
    for (; w->slot[k]; k = (k + 1) & (w->n_slot - 1)) {
        const char *have = w->word[w->slot[k] - 1];
        if (strlen(have) == n && memcmp(have, s, n) == 0)
            break;
    }
    return k;
}

static bool more_slots(sedge_data *d)
{
    sg_words *w = &d->words;
    size_t n = w->n_slot ? 2 * w->n_slot : 256, old = w->n_slot;
    uint32_t *slot = sg_calloc(&d->mem, n, sizeof *slot);
    if (!slot)
        return false;
    sg_free(&d->mem, w->slot, old * sizeof *slot);
    w->slot = slot;
    w->n_slot = n;
    for (size_t i = 0; i < w->n; i++)
        slot[place(w, w->word[i], strlen(w->word[i]))] = (uint32_t)i + 1;
    return true;
}

const char *const sg_label_names[SG_LABEL_NAMES] = {"label", "class", "target", "y"};

int sg_data_column(const sg_csv *c, const char *const *name, int n)
{
    for (int k = 0; k < n; k++)
        for (size_t i = 0; i < c->n; i++)
            if (sg_csv_is(&c->field[i], name[k]))
                return (int)i;
    return -1;
}

int32_t sg_data_word(sedge_data *d, const char *s, size_t n)
{
    sg_words *w = &d->words;
    const char *end = n ? memchr(s, 0, n) : NULL;
    n = end ? (size_t)(end - s) : n; /* a NUL ends a word */
    if (2 * (w->n + 1) > w->n_slot && !more_slots(d))
        return -1;
    size_t k = place(w, s, n);
    if (w->slot[k])
        return (int32_t)w->slot[k] - 1;
    if (w->n >= INT32_MAX || sg_grow(&d->mem, &w->word, &w->cap, w->n + 1, sizeof *w->word) != SEDGE_OK ||
        !(w->word[w->n] = sg_arena_str(&d->arena, s, n)))
        return -1;
    w->slot[k] = (uint32_t)++w->n;
    return (int32_t)w->n - 1;
}

/* ---- the index ---- */

sg_entry *sg_data_add(sedge_data *d)
{
    if (d->n >= SAMPLES_MAX || sg_grow(&d->mem, &d->entry, &d->cap, d->n + 1, sizeof *d->entry) != SEDGE_OK)
        return NULL;
    sg_entry *e = &d->entry[d->n++];
    *e = (sg_entry){.name = -1, .label = -1, .group = -1, .slice = -1};
    return e;
}

sg_thing *sg_data_add_thing(sedge_data *d)
{
    if (sg_grow(&d->mem, &d->thing, &d->cap_thing, d->n_thing + 1, sizeof *d->thing) != SEDGE_OK)
        return NULL;
    sg_thing *t = &d->thing[d->n_thing++];
    memset(t, 0, sizeof *t);
    t->label = -1;
    return t;
}

const char *sg_data_name(const sedge_data *d, size_t i, char text[64])
{
    const sg_entry *e = &d->entry[i];
    if (e->name >= 0)
        return sg_data_text(d, e->name);
    const char *slash = strrchr(d->path, '/');
    if (d->form == SG_FORM_ARRAY)
        snprintf(text, 64, "row %zu of %.40s", e->at, slash ? slash + 1 : d->path);
    else
        snprintf(text, 64, "line %zu of %.40s", e->line, slash ? slash + 1 : d->path);
    return text;
}

/* `limit` samples, evenly over all. */
static void thin(sedge_data *d, size_t limit)
{
    if (!limit || d->n <= limit)
        return;
    for (size_t k = 0; k < limit; k++)
        d->entry[k] = d->entry[(size_t)((double)k * (double)d->n / (double)limit)];
    d->n = limit;
}

/* ---- opening ---- */

void sedge_data_opts_init(sedge_data_opts *opts)
{
    memset(opts, 0, sizeof *opts);
}

static const char *folder_of(sedge_data *d, const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? sg_arena_str(&d->arena, path, (size_t)(slash - path)) : ".";
}

/* A picture or a sound by itself. */
static bool one_file(const char *path)
{
    uint8_t head[32] = {0};
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(head, 1, sizeof head, f) : 0;
    if (f)
        fclose(f);
    bool wave = n >= 12 && memcmp(head + 8, "WAVE", 4) == 0;
    return wave || sedge_image_format(head, n);
}

static sedge_status add_file(sedge_data *d, const char *path, sg_err *err)
{
    sg_entry *e = sg_data_add(d);
    if (!e || (e->name = sg_data_word(d, path, strlen(path))) < 0)
        return sg_data_no_memory(err);
    return SEDGE_OK;
}

static sedge_status open_file(sedge_data *d, const char *path, const sedge_data_opts *o, sg_err *err)
{
    const char *folder = folder_of(d, path);
    bool is = false;
    if (!folder)
        return sg_data_no_memory(err);
    if (sg_ends_with(path, ".npy") || sg_ends_with(path, ".npz"))
        return sg_data_array(d, path, o->labels, err);
    if (sg_ends_with(path, ".json"))
        return sg_data_coco(d, folder, path, err);
    if (sg_ends_with(path, ".txt"))
        return sg_data_lines(d, path, o->labels, err);
    if (one_file(path))
        return add_file(d, path, err);
    if (!sg_ends_with(path, ".csv") && !sg_ends_with(path, ".tsv"))
        return sg_fail(err, SEDGE_E_FORMAT, "%s: neither a folder nor .npz, .npy, .csv, .tsv, .json or .txt", path);
    SG_TRY(sg_data_csv(d, folder, path, o->slice, false, &is, err));
    if (is)
        return SEDGE_OK;
    SG_TRY(sg_data_table(d, path, o, err));
    return o->labels ? sg_data_label_lines(d, o->labels, err) : SEDGE_OK;
}

static sedge_status open_path(sedge_data *d, const char *path, const sedge_data_opts *o, sg_err *err)
{
    struct stat s;
    if (stat(path, &s) != 0)
        return sg_fail(err, SEDGE_E_IO, "%s: %s", path, strerror(errno));
    SG_TRY(S_ISDIR(s.st_mode) ? sg_data_folder(d, path, o->labels, o->slice, err) : open_file(d, path, o, err));
    if (d->n == 0)
        return sg_fail(err, SEDGE_E_FORMAT, "%s: no samples", path);
    thin(d, o->limit);
    return SEDGE_OK;
}

static sedge_data *new_data(const char *path)
{
    sedge_data *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->arena.mem = &d->mem;
    if (!(d->path = sg_arena_str(&d->arena, path, strlen(path))))
        sedge_data_close(&d);
    return d;
}

sedge_status sedge_data_open(sedge_data **out, const char *path, const sedge_data_opts *opts, sedge_error *err)
{
    sedge_data_opts none;
    sedge_data_opts_init(&none);
    *out = NULL;
    sedge_data *d = new_data(path);
    if (!d)
        return sg_data_no_memory(err);
    sedge_status st = open_path(d, path, opts ? opts : &none, err);
    if (st == SEDGE_OK)
        *out = d;
    else
        sedge_data_close(&d);
    return st;
}

/* ---- files with tensors ---- */

typedef struct named {
    sedge_data *d;
    const char **file;
    size_t n_file;
    sedge_tensor *tensor;
    size_t n, cap;
} named;

/* The file of that name, its suffix in the name or not. */
static const char *file_named(const named *s, const char *name)
{
    size_t n = strlen(name);
    for (size_t k = 0; k < s->n_file; k++) {
        const char *slash = strrchr(s->file[k], '/'), *base = slash ? slash + 1 : s->file[k];
        if (strcmp(s->file[k], name) == 0 || strcmp(base, name) == 0 || (strncmp(base, name, n) == 0 && base[n] == '.'))
            return s->file[k];
    }
    return NULL;
}

static sedge_status take_named(void *ctx, const sg_data *t, sg_err *err)
{
    named *s = ctx;
    const char *file = file_named(s, t->name);
    file = file ? file : s->n_file == 1 && s->n == 0 ? s->file[0] : NULL;
    if (!file)
        return sg_fail(err, SEDGE_E_NOT_FOUND, "array %s: no file has this name", t->name);
    sg_entry *e = sg_data_add(s->d);
    if (!e || (e->name = sg_data_word(s->d, file, strlen(file))) < 0 ||
        sg_grow(&s->d->mem, &s->tensor, &s->cap, s->n + 1, sizeof *s->tensor) != SEDGE_OK)
        return sg_data_no_memory(err);
    memcpy(&s->tensor[s->n++], &t->t, sizeof *s->tensor);
    return SEDGE_OK;
}

static sedge_status match_files(named *s, const char *files, const char *npz, const sedge_tensor **want, sg_err *err)
{
    sedge_data *d = s->d;
    struct stat st;
    if (stat(files, &st) != 0)
        return sg_fail(err, SEDGE_E_IO, "%s: %s", files, strerror(errno));
    if (S_ISDIR(st.st_mode)) {
        SG_TRY(sg_data_list(d, files, false, &s->file, &s->n_file, err));
    } else {
        s->file = &d->path;
        s->n_file = 1;
    }
    SG_TRY(sg_map_open(&d->map[0], npz, err));
    sedge_status got = sg_npz_read(&d->arena, d->map[0].data, d->map[0].size, take_named, s, err);
    if (got != SEDGE_OK) {
        sg_err_where(err, "%s", npz);
        return got;
    }
    *want = sg_arena_dup(&d->arena, s->tensor, s->n * sizeof *s->tensor);
    return s->n == 0 ? sg_fail(err, SEDGE_E_FORMAT, "%s: no arrays", npz) : *want ? SEDGE_OK : sg_data_no_memory(err);
}

sedge_status sedge_data_tensors(sedge_data **out, const char *files, const char *npz, const sedge_tensor **want, sedge_error *err)
{
    named s = {.d = new_data(files)};
    *out = NULL;
    if (!s.d)
        return sg_data_no_memory(err);
    sedge_status st = match_files(&s, files, npz, want, err);
    sg_free(&s.d->mem, s.tensor, s.cap * sizeof *s.tensor);
    if (st == SEDGE_OK)
        *out = s.d;
    else
        sedge_data_close(&s.d);
    return st;
}

/* ---- asking ---- */

const char *sedge_data_name(const sedge_data *d, size_t i, char text[64])
{
    return i < d->n ? sg_data_name(d, i, text) : "none";
}

size_t sedge_data_count(const sedge_data *d)
{
    return d->n;
}

int sedge_data_labelled(const sedge_data *d)
{
    return d->truth != SG_TRUTH_NONE;
}

const char *const *sedge_data_labels(sedge_data *d)
{
    if (!d->label && (d->label = sg_arena_array(&d->arena, d->n + 1, sizeof *d->label)))
        for (size_t i = 0; i < d->n; i++)
            d->label[i] = sg_data_text(d, d->entry[i].label);
    return d->label;
}
