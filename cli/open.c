/* From a path to a session, as the options say. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#include "sedge/media.h"

/* SEDGE_TRACE=pass,plan,kernel,memory: lines that begin with one of the names; "1" or "all": every line. */
static void trace(void *ctx, const char *line)
{
    const char *want = ctx;
    size_t n = strcspn(line, ": ");
    bool all = strcmp(want, "1") == 0 || strcmp(want, "all") == 0;
    for (const char *p = want; !all && *p; p += strcspn(p, ","), p += *p == ',')
        all = strcspn(p, ",") == n && strncmp(p, line, n) == 0;
    if (all)
        fprintf(stderr, "%s\n", line);
}

sedge_status opened_open(opened *o, const char *path, const args *a, bool session, sedge_error *err)
{
    memset(o, 0, sizeof *o);
    sedge_model_opts mo;
    sedge_model_opts_init(&mo);
    mo.functions = a->functions;
    mo.op = sedge_media_ops(&mo.n_op);
    SG_TRY(sedge_model_open(&o->model, path, &mo, err));

    sedge_plan_opts po;
    sedge_plan_opts_init(&po);
    if (a->target)
        po.target = a->target;
    po.bound = a->dim;
    po.n_bound = a->n_dim;
    po.optimize = !a->no_optimize;
    po.tune = a->tune;
    po.allow_fallback = a->allow_fallback;
    const char *want = getenv("SEDGE_TRACE");
    if (want && *want) {
        po.trace = trace;
        po.trace_ctx = (void *)(uintptr_t)want;
    }
    SG_TRY(sedge_plan_make(&o->plan, o->model, &po, err));
    if (!session)
        return SEDGE_OK;

    sedge_session_opts so;
    sedge_session_opts_init(&so);
    so.threads = a->threads;
    so.seed = a->seed;
    so.log = po.trace;
    so.log_ctx = po.trace_ctx;
    return sedge_session_open(&o->session, o->plan, &so, err);
}

void opened_close(opened *o)
{
    sedge_session_close(&o->session);
    sedge_plan_close(&o->plan);
    sedge_model_close(&o->model);
}
