/* Samples from arrays: one row at a time, so that the file may be larger than memory. */
#include "fit/samples.h"

#include <string.h>

#include "import/data/data.h"

static int input_named(const sedge_model *m, const char *name, size_t n)
{
    sedge_io io;
    for (int k = 0; sedge_model_input(m, k, &io); k++)
        if (strlen(io.name) == n && memcmp(io.name, name, n) == 0)
            return k;
    return -1;
}

/* The shape of one row as the input wants it: symbolic sizes are those of the array, a first axis that the rows took is 1. */
static sedge_status shape_row(sg_rows *r, int k, const sg_tensor *x, const sedge_io *io, sg_err *err)
{
    sedge_tensor *t = &r->row[k];
    const int spare = x->rank - io->rank; /* 0: the axis of the rows is the batch; 1: it stands before it */
    if (x->rank < 1 || io->rank < 0 || spare < 0 || spare > 1)
        return sg_fail(err, SEDGE_E_SHAPE, "input %s has %d axes, the array %d", io->name, io->rank, x->rank);
    *t = (sedge_tensor){.dtype = io->dtype, .rank = io->rank};
    r->elements[k] = 1;
    for (int d = 0; d < io->rank; d++) {
        t->dim[d] = d == 0 && spare == 0 ? 1 : x->dim[d + spare];
        if (io->dim[d] >= 0 && io->dim[d] != t->dim[d])
            return sg_fail(err, SEDGE_E_SHAPE, "input %s wants %lld elements on axis %d, a row of the array has %lld", io->name,
                           (long long)io->dim[d], d, (long long)t->dim[d]);
        r->elements[k] *= (size_t)t->dim[d];
    }
    if (!(t->data = sg_arena_alloc(&r->arena, sg_dtype_bytes((sg_dtype)io->dtype, r->elements[k]) + 64)))
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    return SEDGE_OK;
}

static sedge_status take(sg_rows *r, int k, const sg_tensor *x, sg_err *err)
{
    sedge_io io;
    sedge_model_input(r->model, k, &io);
    if (r->x[k].data)
        return sg_fail(err, SEDGE_E_ARG, "input %s is given twice", io.name);
    if (sg_dtypes[x->dtype].cls == 'S' || sg_dtypes[x->dtype].cls == 'C' || sg_dtypes[io.dtype].cls == 'S' ||
        io.kind != SEDGE_TENSOR)
        return sg_fail(err, SEDGE_E_TYPE, "input %s: rows are numbers", io.name);
    SG_TRY(shape_row(r, k, x, &io, err));
    memcpy(&r->x[k], x, sizeof *x);
    if (r->samples.n && r->samples.n != (size_t)x->dim[0])
        return sg_fail(err, SEDGE_E_SHAPE, "input %s has %lld rows, another %zu", io.name, (long long)x->dim[0], r->samples.n);
    r->samples.n = (size_t)x->dim[0];
    return SEDGE_OK;
}

static sedge_status each(void *ctx, const sg_data *d, sg_err *err)
{
    sg_rows *r = ctx;
    const int k = input_named(r->model, d->name, strlen(d->name));
    return k < 0 ? SEDGE_OK : take(r, k, &d->t, err); /* labels stand there too */
}

static sedge_status open_one(sg_rows *r, const char *path, sg_err *err)
{
    const char *eq = strchr(path, '=');
    const char *file = eq ? eq + 1 : path;
    const size_t n = strlen(file);
    const int k = eq ? input_named(r->model, path, (size_t)(eq - path)) : 0;
    if (k < 0)
        return sg_fail(err, SEDGE_E_NOT_FOUND, "%s: the model has no such input", path);
    if (r->n_map == SG_INPUTS_MAX)
        return sg_fail(err, SEDGE_E_LIMIT, "too many arrays");
    SG_TRY(sg_map_open(&r->map[r->n_map], file, err));
    const sg_map *m = &r->map[r->n_map++];
    if (n > 4 && strcmp(file + n - 4, ".npz") == 0)
        return sg_npz_read(&r->arena, m->data, m->size, each, r, err);
    sg_data d;
    SG_TRY(sg_npy_read(&r->arena, m->data, m->size, &d, err));
    return take(r, k, &d.t, err);
}

/* Row i of every input; numbers of another type are turned into the input's. */
static sedge_status get(void *ctx, size_t i, sedge_tensor *in, sg_err *err)
{
    sg_rows *r = ctx;
    if (i >= r->samples.n)
        return sg_fail(err, SEDGE_E_ARG, "there is no sample %zu", i);
    for (int k = 0; k < r->samples.n_in; k++) {
        const sg_dtype from = (sg_dtype)r->x[k].dtype, to = (sg_dtype)r->row[k].dtype;
        const size_t n = r->elements[k], at = i * n;
        if (from == to && sg_dtypes[from].bits >= 8)
            memcpy(r->row[k].data, (const char *)r->x[k].data + sg_dtype_bytes(from, at), sg_dtype_bytes(from, n));
        else
            for (size_t e = 0; e < n; e++)
                sg_store_f64(to, r->row[k].data, e, sg_load_f64(from, r->x[k].data, at + e));
        in[k] = r->row[k];
    }
    return SEDGE_OK;
}

sedge_status sg_rows_open(sg_rows *r, sg_mem *mem, const sedge_model *m, const char *const *path, int n, sg_err *err)
{
    *r = (sg_rows){.mem = mem, .model = m, .arena = {.mem = mem}};
    r->samples = (sg_samples){.n_in = sedge_model_inputs(m), .get = get, .ctx = r};
    if (r->samples.n_in > SG_INPUTS_MAX)
        return sg_fail(err, SEDGE_E_LIMIT, "more than %d inputs", SG_INPUTS_MAX);
    for (int i = 0; i < n; i++) {
        const sedge_status st = open_one(r, path[i], err);
        if (st != SEDGE_OK) {
            sg_err_where(err, "%s", path[i]);
            return st;
        }
    }
    for (int k = 0; k < r->samples.n_in; k++)
        if (!r->x[k].data) {
            sedge_io io;
            sedge_model_input(m, k, &io);
            return sg_fail(err, SEDGE_E_ARG, "no rows for input %s: --data %s=X.npy", io.name, io.name);
        }
    return r->samples.n ? SEDGE_OK : sg_fail(err, SEDGE_E_ARG, "the arrays have no rows");
}

sedge_status sg_rows_of(sg_rows *r, sg_mem *mem, const sedge_model *m, const sedge_tensor *x, sg_err *err)
{
    sg_tensor t;
    memcpy(&t, x, sizeof t);
    *r = (sg_rows){.mem = mem, .model = m, .arena = {.mem = mem}};
    r->samples = (sg_samples){.n_in = sedge_model_inputs(m), .get = get, .ctx = r};
    if (r->samples.n_in != 1)
        return sg_fail(err, SEDGE_E_ARG, "the model has %d inputs, the data one array: a card says what the others are",
                       r->samples.n_in);
    return take(r, 0, &t, err);
}

void sg_rows_close(sg_rows *r)
{
    for (int i = 0; i < r->n_map; i++)
        sg_map_close(&r->map[i]);
    sg_arena_free(&r->arena);
}
