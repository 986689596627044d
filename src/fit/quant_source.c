/* The graph that is quantized: what a tensor's range is measured on is what will be integers. */
#include "fit/quant.h"
#include "pass/match.h"
#include "op/elementwise.h"
#include "run/api.h"

/* Those of the passes that stay within what exporters can write and quantization knows. */
static sg_pass_fn *const passes[] = {sg_pass_identity,  sg_pass_dce, sg_pass_cse,   sg_pass_sink,
                                     sg_pass_transpose, sg_pass_bn,  sg_pass_scale, sg_pass_dce};

/* MatMul of two axes plus a row is Gemm, whose bias goes into the accumulator. */
static sedge_status make_gemm(sg_graph *g, const sg_match *m, int arg, sg_nid *by, sg_err *err)
{
    const sg_type *w = sg_vtype(g, m->cap[1]), *b = sg_vtype(g, m->cap[2]), *x = sg_vtype(g, m->cap[0]);
    const sg_vid in[3] = {m->cap[0], m->cap[1], m->cap[2]};
    (void)arg;
    if (x->rank != 2 || w->rank != 2 || w->dtype != SG_F32 || b->rank != 1 || b->dim[0] != w->dim[1])
        return SEDGE_OK;
    return sg_make(g, m->node[0], SG_ROW(GEMM), in, 3, by, err);
}

static const sg_rule rules[] = {
    SG_RULE(make_gemm, 0, SG_P_EITHER(ADD, SG_P_NODE(1), SG_P_CONST(2)), SG_P_OP(MATMUL, SG_P_ANY(0), SG_P_CONST(1))),
};

sedge_status sg_quant_source(sg_graph **out, const sedge_model *m, sg_arena *arena, sg_err *err)
{
    *out = NULL;
    if (m->saved)
        return sg_fail(err, SEDGE_E_ARG, "a compiled plan cannot be changed: give the model that it was made of");
    sg_graph *g = sg_graph_clone(m->graph, arena);
    if (!g)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    sedge_status st = SEDGE_OK;
    int changed = 0;
    for (int round = 0; st == SEDGE_OK && round < 2; round++) {
        for (size_t i = 0; st == SEDGE_OK && i < sizeof passes / sizeof passes[0]; i++) {
            st = passes[i](g, &changed, err);
            if (st == SEDGE_OK)
                st = sg_verify(g, err);
        }
        if (st == SEDGE_OK && round == 0)
            st = sg_fold(g, arena->mem, &changed, err);
    }
    if (st == SEDGE_OK)
        st = sg_rewrite(g, rules, 1, &changed, err);
    if (st == SEDGE_OK)
        st = sg_infer_graph(g, err);
    if (st != SEDGE_OK) {
        sg_graph_free(g);
        return st;
    }
    *out = g;
    return SEDGE_OK;
}
