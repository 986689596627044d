/* The order of the passes, and the check between them. */
#include "pass/pass.h"

#include <stdio.h>

static const struct {
    const char *name;
    sg_pass_fn *run;
    bool once;
} passes[] = {
#define PASS(name) {#name, sg_pass_##name, false},
#define ONCE(name) {#name, sg_pass_##name, true},
#include "pass/passes.def"
#undef PASS
#undef ONCE
};

static sedge_status run(sg_graph *g, bool once, const sg_trace *trace, sg_err *err);

static sedge_status each_region(sg_graph *g, bool once, const sg_trace *trace, sg_err *err)
{
    SG_EACH_NODE(g, n)
    for (int k = 0; k < g->node[n].n_region; k++)
        SG_TRY(run(g->node[n].region[k], once, trace, err));
    return SEDGE_OK;
}

static sedge_status run(sg_graph *g, bool once, const sg_trace *trace, sg_err *err)
{
    for (size_t i = 0; i < sizeof passes / sizeof passes[0]; i++) {
        int changed = 0;
        if (passes[i].once != once)
            continue;
        sedge_status st = passes[i].run(g, &changed, err);
        if (st == SEDGE_OK)
            st = sg_verify(g, err);
        if (st != SEDGE_OK) {
            sg_fail(err, st, "failed");
            sg_err_where(err, "pass %s", passes[i].name);
            return st;
        }
        if (changed && trace && trace->line) {
            char text[80];
            snprintf(text, sizeof text, "pass %s: %d", passes[i].name, changed);
            trace->line(trace->ctx, text);
        }
    }
    return each_region(g, once, trace, err);
}

sedge_status sg_passes(sg_graph *g, const sg_trace *trace, sg_err *err)
{
    return run(g, false, trace, err);
}

sedge_status sg_passes_once(sg_graph *g, const sg_trace *trace, sg_err *err)
{
    return run(g, true, trace, err);
}
