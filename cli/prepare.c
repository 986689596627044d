/* What new input shapes cost before the first step of a run: symbols bound, sizes checked, memory placed. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

/* Alternations; the fastest counts. */
#define ROUNDS 200

/* True if axis d takes any size: symbolic, and not fixed by --dim. */
static bool varies(const sedge_io *io, int d, const args *a)
{
    for (int i = 0; i < a->n_dim && io->dim_name[d]; i++)
        if (strcmp(a->dim[i].name, io->dim_name[d]) == 0)
            return false;
    return io->dim[d] < 0;
}

/* Nothing reads the inputs: the runs are cancelled before their first step. */
static sedge_status alternate(sedge_session *s, const sedge_model *m, const sedge_tensor *base, const args *a, double *best,
                              sedge_error *err)
{
    const int cancel = 1;
    sedge_run_opts ro;
    sedge_run_opts_init(&ro);
    ro.cancel = &cancel;
    for (int round = 0; round < 2 * ROUNDS; round++) {
        sedge_io io;
        for (int i = 0; sedge_model_input(m, i, &io); i++) {
            sedge_tensor t = base[i];
            for (int d = 0; d < io.rank; d++)
                t.dim[d] *= varies(&io, d, a) && round % 2 ? 2 : 1;
            SG_TRY(sedge_session_set_input(s, i, &t, err));
        }
        double start = sg_now();
        sedge_status st = sedge_session_run(s, &ro, err);
        double took = sg_now() - start;
        if (st != SEDGE_E_CANCELLED)
            return st;
        *best = took < *best ? took : *best;
    }
    return SEDGE_OK;
}

double prepare_ns(const opened *o, values *v, const args *a)
{
    sedge_error err = {0};
    sedge_plan_info info;
    sedge_session *s = NULL;
    sedge_io io;
    double best = 1e9;
    int n = sedge_model_inputs(o->model);
    bool symbolic = false;
    sedge_tensor *base = calloc((size_t)n + 1, sizeof *base);
    sedge_status st = base ? sedge_session_open(&s, o->plan, NULL, &err) : SEDGE_E_NOMEM;
    for (int i = 0; st == SEDGE_OK && sedge_model_input(o->model, i, &io); i++) {
        st = io.kind == SEDGE_TENSOR ? values_fill(v, &io, a, &base[i], &err) : SEDGE_E_TYPE;
        for (int d = 0; d < io.rank; d++)
            symbolic = symbolic || varies(&io, d, a);
    }
    if (st == SEDGE_OK && symbolic)
        st = alternate(s, o->model, base, a, &best, &err);
    sedge_session_close(&s);
    free(base);
    sedge_plan_get_info(o->plan, &info);
    return st == SEDGE_OK && symbolic && info.steps ? 1e9 * best / info.steps : -1;
}
