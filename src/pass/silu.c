/* A value times a gate of itself: silu and swish, hard swish, mish. */
#include "op/elementwise.h"
#include "pass/match.h"

#include <math.h>

static sedge_status make(sg_graph *g, const sg_match *m, int kind, sg_nid *by, sg_err *err)
{
    SG_TRY(sg_make(g, m->node[0], SG_ROW(UNARY), &m->cap[0], 1, by, err));
    sg_set_int(g, *by, SG_A_kind, kind);
    return SEDGE_OK;
}

/* x sigmoid(a x), a is capture 1. */
static sedge_status make_swish(sg_graph *g, const sg_match *m, int kind, sg_nid *by, sg_err *err)
{
    double a = 1;
    if (!sg_const_number(g, m->cap[1], &a) || !isfinite(a))
        return SEDGE_OK;
    SG_TRY(make(g, m, kind, by, err));
    sg_set_float(g, *by, SG_A_alpha, a);
    return SEDGE_OK;
}

/* x hard_sigmoid(x) is hard swish only with the parameters 1/6 and 1/2. */
static sedge_status make_hard(sg_graph *g, const sg_match *m, int kind, sg_nid *by, sg_err *err)
{
    sg_nid gate = m->node[1];
    if (fabs(sg_node_float(g, gate, SG_A_alpha) - 1.0 / 6) > 1e-6 || fabs(sg_node_float(g, gate, SG_A_beta) - 0.5) > 1e-6)
        return SEDGE_OK;
    return make(g, m, kind, by, err);
}

/* clip(x + 3, 0, 6) as nodes i and i + 1. */
#define GATE(next) SG_P_OP(CLIP, SG_P_NODE(next), SG_P_IS(0), SG_P_IS(6)), SG_P_EITHER(ADD, SG_P_ANY(0), SG_P_IS(3))

static const sg_rule rules[] = {
    SG_RULE(make, SG_UNARY_SWISH, SG_P_EITHER(MUL, SG_P_ANY(0), SG_P_NODE(1)), SG_P_UNARY(SIGMOID, SG_P_ANY(0))),
    SG_RULE(make_swish, SG_UNARY_SWISH, SG_P_EITHER(MUL, SG_P_ANY(0), SG_P_NODE(1)), SG_P_UNARY(SIGMOID, SG_P_NODE(2)),
            SG_P_EITHER(MUL, SG_P_ANY(0), SG_P_NUMBER(1))),
    SG_RULE(make_hard, SG_UNARY_HARD_SWISH, SG_P_EITHER(MUL, SG_P_ANY(0), SG_P_NODE(1)), SG_P_UNARY(HARD_SIGMOID, SG_P_ANY(0))),
    SG_RULE(make, SG_UNARY_HARD_SWISH, SG_P_BINARY(DIV, SG_P_NODE(1), SG_P_IS(6)), SG_P_EITHER(MUL, SG_P_ANY(0), SG_P_NODE(2)),
            GATE(3)),
    SG_RULE(make, SG_UNARY_HARD_SWISH, SG_P_EITHER(MUL, SG_P_NODE(1), SG_P_IS(1.0 / 6)),
            SG_P_EITHER(MUL, SG_P_ANY(0), SG_P_NODE(2)), GATE(3)),
    SG_RULE(make, SG_UNARY_HARD_SWISH, SG_P_EITHER(MUL, SG_P_ANY(0), SG_P_NODE(1)), SG_P_BINARY(DIV, SG_P_NODE(2), SG_P_IS(6)),
            GATE(3)),
    SG_RULE(make, SG_UNARY_HARD_SWISH, SG_P_EITHER(MUL, SG_P_ANY(0), SG_P_NODE(1)),
            SG_P_EITHER(MUL, SG_P_NODE(2), SG_P_IS(1.0 / 6)), GATE(3)),
    SG_RULE(make, SG_UNARY_MISH, SG_P_EITHER(MUL, SG_P_ANY(0), SG_P_NODE(1)), SG_P_UNARY(TANH, SG_P_NODE(2)),
            SG_P_UNARY(SOFTPLUS, SG_P_ANY(0))),
};

sedge_status sg_pass_silu(sg_graph *g, int *changed, sg_err *err)
{
    return sg_rewrite(g, rules, (int)(sizeof rules / sizeof rules[0]), changed, err);
}
