/* A task on a small model, by a card, with an allocator that can refuse. */
#ifndef SG_TESTS_TASK_RIG_H
#define SG_TESTS_TASK_RIG_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "failing.h"
#include "sedge/task.h"
#include "tiny_onnx.h"

typedef struct rig {
    sedge_model *model;
    sedge_task *task;
    failing memory;
    sedge_error err;
    pb bytes; /* the model borrows them */
} rig;

/* Files of the card's folder, gone with it. */
typedef struct rig_folder {
    char path[32];
    const char *file[8];
    int n;
} rig_folder;

static inline void rig_folder_make(rig_folder *f)
{
    *f = (rig_folder){.path = "/tmp/sedge-test-XXXXXX"};
    assert_non_null(mkdtemp(f->path));
}

static inline void rig_path(const rig_folder *f, const char *name, char path[96])
{
    snprintf(path, 96, "%s/%s", f->path, name);
}

static inline void rig_file(rig_folder *f, const char *name, const void *data, size_t n)
{
    char path[96];
    rig_path(f, name, path);
    f->file[f->n++] = name;
    FILE *to = fopen(path, "wb");
    assert_non_null(to);
    assert_int_equal(fwrite(data, 1, n, to), n);
    fclose(to);
}

static inline void rig_folder_remove(rig_folder *f)
{
    for (int i = 0; i < f->n; i++) {
        char path[96];
        rig_path(f, f->file[i], path);
        unlink(path);
    }
    rmdir(f->path);
}

/* A table of floats as .npy. */
static inline void rig_npy(rig_folder *f, const char *name, const float *v, int rows, int cols)
{
    char b[4096] = "\x93NUMPY\x01\0\x76";
    memset(b + 10, ' ', 118);
    int n = snprintf(b + 10, 118, "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", rows, cols);
    b[10 + n] = ' ';
    b[127] = '\n';
    memcpy(b + 128, v, (size_t)(rows * cols) * sizeof *v);
    rig_file(f, name, b, 128 + (size_t)(rows * cols) * sizeof *v);
}

static inline sedge_status rig_try(rig *r, const char *card, const char *folder)
{
    sedge_task_opts opts;
    sedge_task_opts_init(&opts);
    r->task = NULL;
    r->memory = (failing){.left = 1000000};
    r->err = (sedge_error){.status = SEDGE_OK};
    opts.card_text = card;
    opts.folder = folder;
    opts.session.threads = 1;
    opts.session.alloc = failing_alloc;
    opts.session.alloc_ctx = &r->memory;
    return sedge_task_open(&r->task, r->model, NULL, &opts, &r->err);
}

static inline void rig_model(rig *r, pb *graph)
{
    sedge_error err = {.status = SEDGE_OK};
    r->model = NULL;
    pb_str(graph, 2, "g");
    onnx_model(&r->bytes, graph, 17);
    if (sedge_model_open_memory(&r->model, r->bytes.b, r->bytes.n, NULL, &err) != SEDGE_OK)
        fail_msg("%s", err.msg);
}

/* A model that passes its input on. */
static inline void rig_identity(rig *r, const int64_t *dim, int rank)
{
    pb graph = {.n = 0};
    onnx_node(&graph, "Identity", "x", NULL, "y");
    onnx_io(&graph, 11, "x", 1, dim, rank);
    onnx_io(&graph, 12, "y", 1, dim, rank);
    rig_model(r, &graph);
}

static inline void rig_open(rig *r, const int64_t *dim, int rank, const char *card, const char *folder)
{
    rig_identity(r, dim, rank);
    if (rig_try(r, card, folder) != SEDGE_OK)
        fail_msg("%s", r->err.msg);
}

static inline void rig_close(rig *r)
{
    sedge_task_close(&r->task);
    sedge_model_close(&r->model);
    assert_int_equal(r->memory.held, 0);
}

/* Twice: the second run asks for no memory. */
static inline void rig_frame(rig *r, const sedge_frame *f, sedge_answers *out)
{
    for (int i = 0; i < 2; i++) {
        sedge_status st = sedge_task_run_frame(r->task, f, out, &r->err);
        if (st != SEDGE_OK)
            fail_msg("run %d: %s", i, r->err.msg);
        r->memory.left = 0;
    }
    r->memory.left = 1000000;
}

static inline void rig_picture(rig *r, const char *pixel, int w, int h, const uint8_t *p, sedge_answers *out)
{
    sedge_frame f;
    size_t n = (size_t)w * (size_t)h * (strcmp(pixel, "rgb") == 0 ? 3 : 1);
    assert_int_equal(sedge_frame_raw(&f, sedge_pixel_find(pixel), w, h, p, n, &r->err), SEDGE_OK);
    rig_frame(r, &f, out);
}

#endif
