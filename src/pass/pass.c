/* The order of the passes, and the check between them. */
#include "pass/pass.h"

#include <stdio.h>

static const struct {
    const char *name;
    sg_pass_fn *run;
} passes[] = {
#define PASS(name) {#name, sg_pass_##name},
#include "pass/passes.def"
#undef PASS
};

static sedge_status each_region(sg_graph *g, const sg_trace *trace, sg_err *err)
{
    SG_EACH_NODE(g, n)
    for (int k = 0; k < g->node[n].n_region; k++)
        SG_TRY(sg_passes(g->node[n].region[k], trace, err));
    return SEDGE_OK;
}

sedge_status sg_passes(sg_graph *g, const sg_trace *trace, sg_err *err)
{
    for (size_t i = 0; i < sizeof passes / sizeof passes[0]; i++) {
        int changed = 0;
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
    return each_region(g, trace, err);
}
