/* Fails each allocation of load, plan, session and first run in turn: a status, no leak, no crash.
 * usage: alloc MODEL... */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sedge/sedge.h"
#include "../unit/failing.h"

static sedge_status feed(sedge_session *s, const sedge_model *m, void **data, sedge_error *err)
{
    sedge_io io;
    for (int i = 0; i < 16 && sedge_model_input(m, i, &io); i++) {
        sedge_tensor t = {.dtype = io.dtype, .rank = io.rank < 0 ? 1 : io.rank};
        for (int k = 0; k < t.rank; k++)
            t.dim[k] = io.rank < 0 || io.dim[k] < 0 ? 1 : io.dim[k];
        if (!data[i])
            data[i] = calloc(1, sedge_tensor_bytes(&t) + 16);
        t.data = data[i];
        sedge_status st = sedge_session_set_input(s, i, &t, err);
        if (st != SEDGE_OK)
            return st;
    }
    return sedge_session_run(s, NULL, err);
}

/* The n-th allocation fails: 0 handled, 1 all succeeded, -1 wrong. */
static int attempt(const char *path, long n, void **data)
{
    failing f = {n, 0};
    sedge_model *m = NULL;
    sedge_plan *p = NULL;
    sedge_session *s = NULL;
    sedge_error err = {0};
    sedge_model_opts mo;
    sedge_session_opts so;
    sedge_model_opts_init(&mo);
    sedge_session_opts_init(&so);
    mo.alloc = so.alloc = failing_alloc;
    mo.alloc_ctx = so.alloc_ctx = &f;
    sedge_status st = sedge_model_open(&m, path, &mo, &err);
    if (st == SEDGE_OK)
        st = sedge_plan_make(&p, m, NULL, &err);
    if (st == SEDGE_OK)
        st = sedge_session_open(&s, p, &so, &err);
    if (st == SEDGE_OK)
        st = feed(s, m, data, &err);
    sedge_session_close(&s);
    sedge_plan_close(&p);
    sedge_model_close(&m);
    if (f.held || (st != SEDGE_OK && (st != SEDGE_E_NOMEM || !err.msg[0]))) {
        printf("FAIL %s: allocation %ld: %s (%s), %zu bytes leaked\n", path, n, sedge_status_text(st), err.msg, f.held);
        return -1;
    }
    return st == SEDGE_OK;
}

int main(int argc, char **argv)
{
    int passed = 0, failed = 0;
    for (int i = 1; i < argc; i++) {
        void *data[16] = {0};
        int r = 0;
        long n = 0;
        while ((r = attempt(argv[i], n, data)) == 0)
            n++;
        passed += r > 0;
        failed += r < 0;
        if (r > 0)
            printf("ok   %s: %ld allocations\n", argv[i], n);
        for (int k = 0; k < 16; k++)
            free(data[k]);
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed > 0;
}
