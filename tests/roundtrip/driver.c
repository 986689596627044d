/* Models written as ONNX or TensorFlow Lite, by the end of OUT, and read again: the same inputs and outputs, and the same answers to the bit.
 * usage: driver MODEL OUT... (pairs): a line each, "equal", "refused: why" (exit 0) or "WRONG: why" (exit 1).
 * With the word `write` in front: only the writing. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export/export.h"
#include "run/api.h"

typedef struct opened {
    sedge_model *model;
    sedge_plan *plan;
    sedge_session *session;
} opened;

static sedge_status open_all(opened *o, const char *path, sedge_error *err)
{
    SG_TRY(sedge_model_open(&o->model, path, NULL, err));
    SG_TRY(sedge_plan_make(&o->plan, o->model, NULL, err));
    return sedge_session_open(&o->session, o->plan, NULL, err);
}

static void close_all(opened *o)
{
    sedge_session_close(&o->session);
    sedge_plan_close(&o->plan);
    sedge_model_close(&o->model);
}

static bool io_differ(const char *what, int i, const sedge_io *a, const sedge_io *b)
{
    bool same = strcmp(a->name, b->name) == 0 && a->kind == b->kind && a->dtype == b->dtype && a->rank == b->rank;
    for (int k = 0; same && k < a->rank; k++)
        same = a->dim[k] == b->dim[k] && (!a->dim_name[k] == !b->dim_name[k]) &&
               (!a->dim_name[k] || strcmp(a->dim_name[k], b->dim_name[k]) == 0);
    if (!same)
        printf("WRONG: %s %d (%s) has another name or type: %s\n", what, i, a->name, b->name);
    return !same;
}

static bool interface_differs(const opened *a, const opened *b)
{
    sedge_io x, y;
    for (int i = 0;; i++) {
        bool more = sedge_model_input(a->model, i, &x), other = sedge_model_input(b->model, i, &y);
        if (more != other)
            return printf("WRONG: another number of inputs\n"), true;
        if (!more)
            break;
        if (io_differ("input", i, &x, &y))
            return true;
    }
    for (int i = 0;; i++) {
        bool more = sedge_model_output(a->model, i, &x), other = sedge_model_output(b->model, i, &y);
        if (more != other)
            return printf("WRONG: another number of outputs\n"), true;
        if (!more)
            return false;
        if (io_differ("output", i, &x, &y))
            return true;
    }
}

/* Values that any model takes: small whole numbers are indices, floats stand around zero. */
static void fill(sg_tensor *t, uint32_t *seed)
{
    static const sg_str word[] = {{"gnu", 3}, {"", 0}, {"a longer one", 12}};
    sg_dtype d = (sg_dtype)t->dtype;
    size_t n = (size_t)sg_numel(t);
    t->data = calloc(sg_tensor_bytes(t) + 16, 1);
    for (size_t i = 0; t->data && i < n; i++) {
        *seed = *seed * 1664525u + 1013904223u;
        if (d == SG_STR)
            ((sg_str *)t->data)[i] = word[*seed % 3];
        else if (sg_is_float(d))
            sg_store_f64(d, t->data, i, (double)(int32_t)*seed * 0x1p-30);
        else
            sg_store_i64(d, t->data, i, d == SG_BOOL ? *seed >> 31 : *seed >> (sg_dtypes[d].bits > 16 ? 30 : 24));
    }
}

static sedge_status run(opened *o, int size, uint32_t seed, sedge_error *err)
{
    sedge_io io;
    for (int i = 0; sedge_model_input(o->model, i, &io); i++) {
        sedge_tensor t = {.dtype = (uint8_t)io.dtype, .rank = (int8_t)(io.rank < 0 ? 1 : io.rank)};
        for (int k = 0; k < t.rank; k++)
            t.dim[k] = io.rank < 0 || io.dim[k] < 0 ? size : io.dim[k];
        if (io.kind != SEDGE_TENSOR)
            return sg_fail(err, SEDGE_E_ARG, "an input that is no tensor");
        fill((sg_tensor *)(void *)&t, &seed);
        sedge_status st = sedge_session_set_input(o->session, i, &t, err);
        if (st != SEDGE_OK)
            return st;
    }
    return sedge_session_run(o->session, NULL, err);
}

static bool tensors_differ(const sg_tensor *a, const sg_tensor *b)
{
    if (a->kind != b->kind || a->dtype != b->dtype || a->rank != b->rank || !sg_same_shape(a, b))
        return true;
    if (a->kind != SG_TENSOR)
        return false; /* the node tests look into them */
    const sg_str *x = a->data, *y = b->data;
    for (int64_t i = 0; a->dtype == SG_STR && i < sg_numel(a); i++)
        if (x[i].n != y[i].n || memcmp(x[i].p, y[i].p, (size_t)x[i].n) != 0)
            return true;
    size_t whole = a->dtype == SG_STR ? 0 : (size_t)sg_numel(a) * sg_dtypes[a->dtype].bits / 8; /* behind it: parts of a byte */
    return whole && memcmp(a->data, b->data, whole) != 0;
}

/* Two runs each, for models with state. Models that no such input suits are compared by their refusals. */
static bool answers_differ(opened *a, opened *b)
{
    sedge_io io;
    sedge_error ea = {0}, eb = {0};
    sedge_status st = SEDGE_OK;
    int size = 1;
    for (; size <= 512 && run(a, size, 1, memset(&ea, 0, sizeof ea)) != SEDGE_OK; size *= 2)
        ;
    for (uint32_t seed = 1; seed <= 2; seed++) {
        st = run(a, size, seed, memset(&ea, 0, sizeof ea));
        if (seed == 1)
            run(b, size, seed, memset(&eb, 0, sizeof eb)); /* as often as the other */
        if (run(b, size, seed, memset(&eb, 0, sizeof eb)) != st)
            return printf("WRONG: the one says %s, the other %s\n", ea.msg, eb.msg), true;
        for (int i = 0; st == SEDGE_OK && sedge_model_output(a->model, i, &io); i++) {
            sedge_tensor x, y;
            if (sedge_session_get_output(a->session, i, &x, &ea) != SEDGE_OK ||
                sedge_session_get_output(b->session, i, &y, &eb) != SEDGE_OK ||
                tensors_differ((const sg_tensor *)(const void *)&x, (const sg_tensor *)(const void *)&y))
                return printf("WRONG: output %s has other values\n", io.name), true;
        }
    }
    printf(st == SEDGE_OK ? "equal\n" : "equal (both refuse: %s)\n", ea.msg);
    return false;
}

static bool one(const char *from, const char *to, bool only_write)
{
    opened a = {0}, b = {0};
    sedge_error err = {0};
    bool bad = true;
    printf("%s: ", from);
    if ((only_write ? sedge_model_open(&a.model, from, NULL, &err) : open_all(&a, from, &err)) != SEDGE_OK) {
        printf("refused by the reader: %s\n", err.msg);
        close_all(&a);
        return false;
    }
    const sg_export_opts opts = {.info = &a.model->info};
    size_t n = strlen(to);
    bool lite = n > 7 && strcmp(to + n - 7, ".tflite") == 0;
    if ((lite ? sg_export_tflite : sg_export_onnx)(a.model->graph, &opts, to, &err) != SEDGE_OK) {
        printf("refused: %s\n", err.msg);
        bad = err.status != SEDGE_E_UNSUPPORTED;
    } else if (only_write) {
        puts("written");
        bad = false;
    } else if (open_all(&b, to, &err) != SEDGE_OK) {
        printf("WRONG: %s\n", err.msg);
    } else {
        bad = interface_differs(&a, &b) || answers_differ(&a, &b);
    }
    close_all(&a);
    close_all(&b);
    fflush(stdout);
    return bad;
}

int main(int argc, char **argv)
{
    bool bad = false, only_write = argc > 1 && strcmp(argv[1], "write") == 0;
    for (int i = 1 + only_write; i + 1 < argc; i += 2)
        bad = one(argv[i], argv[i + 1], only_write) || bad;
    return bad;
}
