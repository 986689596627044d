/* Values for inputs: from .npy, .npz, .pb and .raw files, or from the seed. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

void values_init(values *v, uint64_t seed)
{
    memset(v, 0, sizeof *v);
    v->arena.mem = &v->mem;
    v->rng = seed;
}

void values_free(values *v)
{
    sg_arena_free(&v->arena);
    for (int i = 0; i < v->n_map; i++)
        sg_map_close(&v->map[i]);
    v->n_map = 0;
}

static void out_tensor(sedge_tensor *out, const sg_tensor *t)
{
    _Static_assert(sizeof *out == sizeof *t, "sedge_tensor and sg_tensor are one layout");
    memcpy(out, t, sizeof *out);
}

int input_find(const sedge_model *m, const char *name, size_t n)
{
    sedge_io io;
    for (int i = 0; sedge_model_input(m, i, &io); i++)
        if (strlen(io.name) == n && memcmp(io.name, name, n) == 0)
            return i;
    return -1;
}

static int64_t bound_of(const args *a, const char *name)
{
    for (int i = 0; name && i < a->n_dim; i++)
        if (strcmp(a->dim[i].name, name) == 0)
            return a->dim[i].value;
    return -1;
}

/* Every dimension as a number: constant, from --dim, or -1. Number of unknown ones. */
static int known_dims(const sedge_io *io, const args *a, int64_t *dim)
{
    int unknown = 0;
    for (int k = 0; k < io->rank; k++) {
        dim[k] = io->dim[k] >= 0 ? io->dim[k] : bound_of(a, io->dim_name[k]);
        unknown += dim[k] < 0;
    }
    return unknown;
}

static sedge_status tensor_alloc(values *v, const sedge_io *io, const int64_t *dim, int rank, sedge_tensor *out, sedge_error *err)
{
    int64_t n;
    memset(out, 0, sizeof *out);
    out->dtype = io->dtype;
    out->rank = (int8_t)rank;
    if (!sg_numel_checked(dim, rank, &n))
        return sg_fail(err, SEDGE_E_SHAPE, "input %s: its dimensions are too large", io->name);
    for (int k = 0; k < rank; k++)
        out->dim[k] = dim[k];
    out->data = sg_arena_alloc(&v->arena, sedge_tensor_bytes(out));
    if (!out->data)
        return sg_fail(err, SEDGE_E_NOMEM, "input %s: no memory for %zu bytes", io->name, sedge_tensor_bytes(out));
    return SEDGE_OK;
}

/* Bytes as they are; one unknown dimension follows from the length. */
static sedge_status read_raw(values *v, const sg_map *m, const sedge_io *io, const args *a, sedge_tensor *out, sedge_error *err)
{
    int64_t dim[SEDGE_RANK_MAX], rest = 1;
    unsigned bits = sedge_dtype_bits(io->dtype);
    if (io->kind != SEDGE_TENSOR || io->dtype == SEDGE_STR || !bits || io->rank < 0)
        return sg_fail(err, SEDGE_E_TYPE, "input %s: a .raw file fits numeric tensors of known rank only", io->name);
    int unknown = known_dims(io, a, dim);
    if (unknown > 1)
        return sg_fail(err, SEDGE_E_SHAPE, "input %s: %d dimensions are open: give --dim", io->name, unknown);
    for (int k = 0; k < io->rank; k++)
        if (dim[k] > 0 && rest > SG_NUMEL_MAX / dim[k])
            return sg_fail(err, SEDGE_E_SHAPE, "input %s: its dimensions are too large", io->name);
        else if (dim[k] >= 0)
            rest *= dim[k];
    for (int k = 0; k < io->rank; k++)
        if (dim[k] < 0)
            dim[k] = rest ? (int64_t)(m->size * 8 / bits) / rest : 0;
    SG_TRY(tensor_alloc(v, io, dim, io->rank, out, err));
    if (sedge_tensor_bytes(out) != m->size)
        return sg_fail(err, SEDGE_E_SHAPE, "input %s: the file has %zu bytes, %zu are expected", io->name, m->size,
                       sedge_tensor_bytes(out));
    if (m->size)
        memcpy(out->data, m->data, m->size);
    return SEDGE_OK;
}

/* Looks in an archive for the array of a name, or the only one. */
typedef struct npz_want {
    const char *name;
    sg_tensor t, only;
    int found, count;
} npz_want;

static sedge_status npz_each(void *ctx, const sg_data *d, sg_err *err)
{
    (void)err;
    npz_want *w = ctx;
    w->only = d->t;
    w->count++;
    if (strcmp(d->name, w->name) == 0) {
        w->t = d->t;
        w->found = 1;
    }
    return SEDGE_OK;
}

static sedge_status read_npz(values *v, const sg_map *m, const sedge_io *io, sedge_tensor *out, sedge_error *err)
{
    npz_want w = {.name = io->name};
    SG_TRY(sg_npz_read(&v->arena, m->data, m->size, npz_each, &w, err));
    if (!w.found && w.count != 1)
        return sg_fail(err, SEDGE_E_NOT_FOUND, "the archive has no array named %s", io->name);
    out_tensor(out, w.found ? &w.t : &w.only);
    return SEDGE_OK;
}

static bool ends(const char *path, const char *end)
{
    size_t n = strlen(path), m = strlen(end);
    return n >= m && strcmp(path + n - m, end) == 0;
}

sedge_status values_read(values *v, const char *path, const sedge_io *io, const args *a, sedge_tensor *out, sedge_error *err)
{
    if (v->n_map == ARGS_MAX)
        return sg_fail(err, SEDGE_E_ARG, "more than %d input files", ARGS_MAX);
    sg_map *m = &v->map[v->n_map];
    sg_data d = {0};
    SG_TRY(sg_map_open(m, path, err));
    v->n_map++;
    sedge_status st;
    if (ends(path, ".npz"))
        st = read_npz(v, m, io, out, err);
    else if (ends(path, ".raw") || ends(path, ".bin"))
        st = read_raw(v, m, io, a, out, err);
    else if (ends(path, ".npy")) {
        st = sg_npy_read(&v->arena, m->data, m->size, &d, err);
        out_tensor(out, &d.t);
    } else if (ends(path, ".pb")) {
        st = sg_pb_read(&v->arena, m->data, m->size, (sg_kind)io->kind, &d, err);
        out_tensor(out, &d.t);
    } else {
        return sg_fail(err, SEDGE_E_ARG, "%s: unknown kind of file: .npy, .npz, .pb and .raw are read", path);
    }
    if (st != SEDGE_OK)
        sg_err_where(err, "%s", path);
    return st;
}

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Floats in [0, 1); bytes over their range; wider integers 0 or 1, because they are often indices. */
static void fill(values *v, sedge_tensor *t)
{
    sg_dtype d = (sg_dtype)t->dtype;
    sg_tensor st;
    memcpy(&st, t, sizeof st);
    size_t n = (size_t)sg_numel(&st);
    bool parts = sg_is_complex(d);
    if (parts) {
        d = d == SG_C64 ? SG_F32 : SG_F64;
        n *= 2;
    }
    for (size_t i = 0; i < n; i++) {
        uint64_t r = next(&v->rng);
        if (sg_is_float(d))
            sg_store_f64(d, t->data, i, (double)(r >> 40) / 16777216.0);
        else if (d == SG_U8 || d == SG_I8)
            sg_store_i64(d, t->data, i, (int64_t)(r >> 56));
        else
            sg_store_i64(d, t->data, i, (int64_t)(r >> 63));
    }
}

sedge_status values_fill(values *v, const sedge_io *io, const args *a, sedge_tensor *out, sedge_error *err)
{
    int64_t dim[SEDGE_RANK_MAX];
    if (io->kind != SEDGE_TENSOR) { /* an empty sequence, an absent optional */
        memset(out, 0, sizeof *out);
        out->kind = io->kind;
        out->dtype = io->dtype;
        out->rank = 1;
        return SEDGE_OK;
    }
    int rank = io->rank < 0 ? 1 : io->rank;
    if (io->rank < 0)
        dim[0] = 1;
    else
        known_dims(io, a, dim);
    for (int k = 0; k < rank; k++)
        if (dim[k] < 0) {
            dim[k] = 1;
            if (v->open_input)
                continue;
            v->open_input = io->name;
            v->open_dim = io->rank < 0 ? NULL : io->dim_name[k];
        }
    SG_TRY(tensor_alloc(v, io, dim, rank, out, err));
    if (io->dtype != SEDGE_STR)
        fill(v, out);
    return SEDGE_OK;
}

void values_blame(const values *v, sedge_error *err)
{
    size_t n = strlen(err->msg);
    if (err->status != SEDGE_E_SHAPE || !v->open_input)
        return;
    snprintf(err->msg + n, sizeof err->msg - n, "; open sizes of input %s were taken as 1: --in %s=FILE%s%s%s gives others",
             v->open_input, v->open_input, v->open_dim ? " or --dim " : "", v->open_dim ? v->open_dim : "",
             v->open_dim ? "=N" : "");
}

/* --in names this input, by its own name or by that of a signature: where the file stands in the word; NULL: it does not. */
static const char *named(const opened *o, const char *word, const char *name)
{
    sedge_model_info info;
    size_t n = strlen(name);
    const char *eq = strchr(word, '='), *as;
    if (strncmp(word, name, n) == 0 && word[n] == '=')
        return word + n + 1;
    sedge_model_get_info(o->model, &info);
    for (int i = 0; eq && i < info.n_metadata; i++) {
        const char *key = info.metadata_key[i];
        if (strncmp(key, "signature.", 10) == 0 && strcmp(info.metadata_value[i], name) == 0 && (as = strstr(key, ".input.")) &&
            strlen(as + 7) == (size_t)(eq - word) && strncmp(as + 7, word, (size_t)(eq - word)) == 0)
            return eq + 1;
    }
    return NULL;
}

/* Which file --in gives input i, NULL if none: "NAME=FILE", or "FILE" where the model has one input
 * or the file is an archive. */
static const char *file_for(const opened *o, const args *a, const sedge_io *io)
{
    const char *file;
    for (int k = a->n_in - 1; k >= 0; k--)
        if ((file = named(o, a->in[k], io->name)))
            return file;
    for (int k = a->n_in - 1; k >= 0; k--)
        if (ends(a->in[k], ".npz") || sedge_model_inputs(o->model) == 1)
            return a->in[k];
    return NULL;
}

/* Every --in must go somewhere: a name that the model lacks is an error, not a filled input. */
static sedge_status check_names(const opened *o, const args *a, sedge_error *err)
{
    for (int k = 0; k < a->n_in; k++) {
        bool good = false;
        sedge_io io;
        for (int i = 0; sedge_model_input(o->model, i, &io) && !good; i++)
            good = named(o, a->in[k], io.name) != NULL;
        const char *eq = strchr(a->in[k], '=');
        if (good || (!eq && (sedge_model_inputs(o->model) == 1 || ends(a->in[k], ".npz"))))
            continue;
        char names[256] = "";
        for (int i = 0; sedge_model_input(o->model, i, &io); i++)
            snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", i ? ", " : "", io.name);
        if (!eq)
            return sg_fail(err, SEDGE_E_ARG, "--in %s: which input? NAME=FILE, NAME one of: %s", a->in[k], names);
        return sg_fail(err, SEDGE_E_NOT_FOUND, "--in %s: the model has no such input; it has: %s", a->in[k], names);
    }
    return SEDGE_OK;
}

sedge_status values_bind(values *v, const opened *o, const args *a, bool *filled, sedge_error *err)
{
    sedge_io io;
    SG_TRY(check_names(o, a, err));
    for (int i = 0; sedge_model_input(o->model, i, &io); i++) {
        sedge_tensor t;
        const char *file = file_for(o, a, &io);
        filled[i] = !file;
        if (file)
            SG_TRY(values_read(v, file, &io, a, &t, err));
        else
            SG_TRY(values_fill(v, &io, a, &t, err));
        SG_TRY(sedge_session_set_input(o->session, i, &t, err));
    }
    return SEDGE_OK;
}

void shape_text(char *text, size_t size, const sedge_tensor *t)
{
    size_t at = 0;
    text[0] = 0;
    for (int k = 0; k < t->rank && at < size; k++)
        at += (size_t)snprintf(text + at, size - at, "%s%lld", k ? "x" : "", (long long)t->dim[k]);
    if (t->rank == 0)
        snprintf(text, size, "scalar");
}
