/* What fuzzers of models share: open, plan, one short run. */
#ifndef SG_TESTS_FUZZ_MODEL_H
#define SG_TESTS_FUZZ_MODEL_H

#include <stdlib.h>
#include <string.h>

#include "sedge/sedge.h"

enum { MODEL_LIMIT = 256 << 20, RUN_LIMIT = 64 << 20 };

/* Zeros of the input's type, symbolic dims at 2; NULL when it would be large. */
static void *make_input(const sedge_io *io, sedge_tensor *t)
{
    memset(t, 0, sizeof *t);
    t->kind = io->kind;
    t->dtype = io->dtype;
    t->rank = io->rank < 0 ? 1 : io->rank;
    int64_t n = 1;
    for (int i = 0; i < t->rank; i++) {
        t->dim[i] = io->rank < 0 || io->dim[i] < 0 ? 2 : io->dim[i];
        if (t->dim[i] > 1 << 20 || (n *= t->dim[i]) > 1 << 20)
            return NULL;
    }
    if (io->kind != SEDGE_TENSOR || io->dtype == SEDGE_NONE)
        return NULL;
    return calloc(1, sedge_tensor_bytes(t) + 16);
}

static void run_once(sedge_session *s, const sedge_model *m)
{
    sedge_error err = {0};
    void *data[16] = {0};
    int n = sedge_model_inputs(m);
    int ok = n <= 16;
    for (int i = 0; ok && i < n; i++) {
        sedge_io io;
        sedge_tensor t;
        sedge_model_input(m, i, &io);
        data[i] = t.data = make_input(&io, &t);
        ok = t.data && sedge_session_set_input(s, i, &t, &err) == SEDGE_OK;
    }
    sedge_run_opts ro;
    sedge_run_opts_init(&ro);
    ro.deadline_s = 0.5;
    if (ok && sedge_session_run(s, &ro, &err) == SEDGE_OK)
        for (int i = 0; i < sedge_model_outputs(m); i++) {
            sedge_tensor out;
            sedge_session_get_output(s, i, &out, &err);
        }
    for (int i = 0; i < 16; i++)
        free(data[i]);
}

static int fuzz_model(const uint8_t *bytes, size_t size)
{
    sedge_model *m = NULL;
    sedge_plan *p = NULL;
    sedge_session *s = NULL;
    sedge_error err = {0};
    sedge_model_opts mo;
    sedge_session_opts so;
    sedge_model_opts_init(&mo);
    sedge_session_opts_init(&so);
    mo.memory_limit = MODEL_LIMIT;
    so.memory_limit = RUN_LIMIT;
    sedge_status st = sedge_model_open_memory(&m, bytes, size, &mo, &err);
    if (st == SEDGE_OK)
        st = sedge_plan_make(&p, m, NULL, &err);
    if (st == SEDGE_OK)
        st = sedge_session_open(&s, p, &so, &err);
    if (st == SEDGE_OK)
        run_once(s, m);
    else if (!err.msg[0] || strchr(err.msg, '\n'))
        abort(); /* every failure has one line of explanation */
    sedge_session_close(&s);
    sedge_plan_close(&p);
    sedge_model_close(&m);
    return 0;
}

#endif
