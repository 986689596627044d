/* Batch normalization, outside training, after a node with weights goes into them. */
#include "pass/affine.h"

#include <math.h>

static bool is_vector(const sg_graph *g, sg_vid v, int64_t n)
{
    return sg_is_float((sg_dtype)g->value[v].type.dtype) && g->value[v].type.rank == 1 && g->value[v].type.dim[0] == n;
}

static double at(const sg_graph *g, sg_vid v, int64_t i)
{
    return sg_load_f64((sg_dtype)g->value[v].type.dtype, g->value[v].data, (size_t)i);
}

static sedge_status make(sg_graph *g, const sg_match *m, int arg, sg_nid *by, sg_err *err)
{
    enum { SCALE = 1, BIAS, MEAN, VAR };
    int64_t n = sg_affine_channels(g, m->node[1]);
    sg_vid mean = sg_node_in(g, m->node[0], MEAN), var = sg_node_in(g, m->node[0], VAR);
    (void)arg;
    if (n < 0 || sg_node_int(g, m->node[0], SG_A_training_mode) || !is_vector(g, m->cap[SCALE], n) ||
        !is_vector(g, m->cap[BIAS], n))
        return SEDGE_OK;
    for (int k = MEAN; k <= VAR; k++) {
        sg_vid v = sg_node_in(g, m->node[0], k);
        if (!v || g->value[v].role != SG_CONST || !g->value[v].data || !is_vector(g, v, n))
            return SEDGE_OK;
    }
    double *scale = sg_calloc(g->mem, 2 * (size_t)n + 1, sizeof *scale), *shift = scale ? scale + n : NULL;
    if (!scale)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    for (int64_t c = 0; c < n; c++) {
        scale[c] = at(g, m->cap[SCALE], c) / sqrt(at(g, var, c) + sg_node_float(g, m->node[0], SG_A_epsilon));
        shift[c] = at(g, m->cap[BIAS], c) - at(g, mean, c) * scale[c];
    }
    sedge_status st = sg_affine_into(g, m->node[0], m->node[1], scale, shift, by, err);
    sg_free(g->mem, scale, (2 * (size_t)n + 1) * sizeof *scale);
    return st;
}

#define AFTER(id) \
    SG_RULE(make, 0, SG_P_OP(BATCH_NORM, SG_P_NODE(1), SG_P_CONST(1), SG_P_CONST(2)), SG_P_OP(id, SG_P_ANY(0), SG_P_CONST(3)))

static const sg_rule rules[] = {AFTER(CONV), AFTER(CONV_TRANSPOSE), AFTER(GEMM)};

sedge_status sg_pass_bn(sg_graph *g, int *changed, sg_err *err)
{
    return sg_rewrite(g, rules, (int)(sizeof rules / sizeof rules[0]), changed, err);
}
