/* One hostile model: opened, planned, run shortly. What the fuzzers of models and the damaged models share. */
#ifndef SG_TESTS_HOSTILE_MODEL_H
#define SG_TESTS_HOSTILE_MODEL_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sedge/sedge.h"

typedef struct model_limits {
    size_t model, run; /* bytes that the library may take */
    double input;      /* bytes of one input; a larger one is not fed, and nothing is run */
    int64_t symbolic;  /* what dims are that the model leaves open */
    double seconds;    /* of the run */
} model_limits;

/* Zeros as the input wants them, or NULL. */
static void *make_input(const sedge_io *io, const model_limits *l, sedge_tensor *t)
{
    memset(t, 0, sizeof *t);
    t->kind = io->kind;
    t->dtype = io->dtype;
    t->rank = io->rank < 0 ? 1 : io->rank;
    double bytes = sedge_dtype_bits(t->dtype) / 8.0;
    for (int i = 0; i < t->rank; i++)
        bytes *= (double)(t->dim[i] = io->rank < 0 || io->dim[i] < 0 ? l->symbolic : io->dim[i]);
    return io->kind == SEDGE_TENSOR && io->dtype != SEDGE_NONE && bytes <= l->input ? calloc(1, sedge_tensor_bytes(t) + 16)
                                                                                    : NULL;
}

static void run_once(sedge_session *s, const sedge_model *m, const model_limits *l)
{
    sedge_error err = {0};
    void *data[32] = {0};
    int n = sedge_model_inputs(m), ok = n <= 32;
    for (int i = 0; ok && i < n; i++) {
        sedge_io io;
        sedge_tensor t;
        sedge_model_input(m, i, &io);
        data[i] = t.data = make_input(&io, l, &t);
        ok = t.data && sedge_session_set_input(s, i, &t, &err) == SEDGE_OK;
    }
    sedge_run_opts ro;
    sedge_run_opts_init(&ro);
    ro.deadline_s = l->seconds;
    if (ok && sedge_session_run(s, &ro, &err) == SEDGE_OK)
        for (int i = 0; i < sedge_model_outputs(m); i++) {
            sedge_tensor out;
            sedge_session_get_output(s, i, &out, &err);
        }
    for (int i = 0; i < 32; i++)
        free(data[i]);
}

/* 0: handled. Otherwise a refusal without one line of explanation, which is printed. */
static int try_model(const unsigned char *bytes, size_t size, const model_limits *l)
{
    sedge_model *m = NULL;
    sedge_plan *p = NULL;
    sedge_session *s = NULL;
    sedge_error err = {0};
    sedge_model_opts mo;
    sedge_session_opts so;
    sedge_model_opts_init(&mo);
    sedge_session_opts_init(&so);
    mo.memory_limit = l->model;
    so.memory_limit = l->run;
    sedge_status st = sedge_model_open_memory(&m, bytes, size, &mo, &err);
    if (st == SEDGE_OK)
        st = sedge_plan_make(&p, m, NULL, &err);
    if (st == SEDGE_OK)
        st = sedge_session_open(&s, p, &so, &err);
    if (st == SEDGE_OK)
        run_once(s, m, l);
    int bad = st != SEDGE_OK && (!err.msg[0] || strchr(err.msg, '\n') || st == SEDGE_E_BUG);
    if (bad)
        printf("status %d, message: %s\n", (int)st, err.msg);
    sedge_session_close(&s);
    sedge_plan_close(&p);
    sedge_model_close(&m);
    return bad;
}

#endif
