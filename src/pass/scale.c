/* Arithmetic with one constant per channel after a node with weights goes into them. */
#include "op/elementwise.h"
#include "pass/affine.h"

#include <math.h>

/* Constant v as a factor per channel of a value of type y: one number, or shape [n, 1, ...] from axis 1 on. */
static bool is_per_channel(const sg_graph *g, sg_vid v, const sg_type *y, int64_t n)
{
    const sg_type *t = sg_vtype(g, v);
    if (t->dtype != SG_F32 || t->rank < 0 || t->rank > y->rank)
        return false;
    for (int i = 0; i < t->rank; i++) {
        int axis = y->rank - t->rank + i;
        if (t->dim[i] != 1 && (axis != 1 || t->dim[i] != n))
            return false;
    }
    return true;
}

static sedge_status make(sg_graph *g, const sg_match *m, int kind, sg_nid *by, sg_err *err)
{
    int64_t n = sg_affine_channels(g, m->node[1]);
    const sg_type *y = sg_vtype(g, g->node[m->node[1]].out[0]);
    const sg_value *v = &g->value[m->cap[1]];
    if (n < 0 || y->rank < 2 || !is_per_channel(g, m->cap[1], y, n))
        return SEDGE_OK;
    bool one = sg_d_numel(&v->type) == 1;
    double *scale = sg_calloc(g->mem, 2 * (size_t)n + 1, sizeof *scale), *shift = scale ? scale + n : NULL;
    if (!scale)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    for (int64_t c = 0; c < n; c++) {
        double k = sg_load_f64(SG_F32, v->data, one ? 0 : (size_t)c);
        scale[c] = kind == SG_BINARY_MUL ? k : kind == SG_BINARY_DIV ? 1 / k : 1;
        shift[c] = kind == SG_BINARY_ADD ? k : kind == SG_BINARY_SUB ? -k : 0;
    }
    sedge_status st = sg_affine_into(g, m->node[0], m->node[1], scale, shift, by, err);
    sg_free(g->mem, scale, (2 * (size_t)n + 1) * sizeof *scale);
    return st;
}

#define AFTER(id)                                                                                                             \
    SG_RULE(make, SG_BINARY_MUL, SG_P_EITHER(MUL, SG_P_NODE(1), SG_P_CONST(1)), SG_P_OP(id, SG_P_ANY(0), SG_P_CONST(2))),     \
        SG_RULE(make, SG_BINARY_ADD, SG_P_EITHER(ADD, SG_P_NODE(1), SG_P_CONST(1)), SG_P_OP(id, SG_P_ANY(0), SG_P_CONST(2))), \
        SG_RULE(make, SG_BINARY_SUB, SG_P_BINARY(SUB, SG_P_NODE(1), SG_P_CONST(1)), SG_P_OP(id, SG_P_ANY(0), SG_P_CONST(2))), \
        SG_RULE(make, SG_BINARY_DIV, SG_P_BINARY(DIV, SG_P_NODE(1), SG_P_CONST(1)), SG_P_OP(id, SG_P_ANY(0), SG_P_CONST(2)))

static const sg_rule rules[] = {AFTER(CONV), AFTER(CONV_TRANSPOSE), AFTER(GEMM)};

sedge_status sg_pass_scale(sg_graph *g, int *changed, sg_err *err)
{
    return sg_rewrite(g, rules, (int)(sizeof rules / sizeof rules[0]), changed, err);
}
