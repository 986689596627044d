/* Gelu written out, with erf or with tanh (Hendrycks and Gimpel, 2016), becomes one function of one element. */
#include "op/elementwise.h"
#include "pass/match.h"

static sedge_status make(sg_graph *g, const sg_match *m, int kind, sg_nid *by, sg_err *err)
{
    SG_TRY(sg_make(g, m->node[0], SG_ROW(UNARY), &m->cap[0], 1, by, err));
    sg_set_int(g, *by, SG_A_kind, kind);
    return SEDGE_OK;
}

/* x * 0.5 * (1 + f), in the three orders of its products; f is node 3. */
#define GELU(kind, ...)                                                                                                \
    SG_RULE(make, kind, SG_P_EITHER(MUL, SG_P_NODE(1), SG_P_NODE(2)), SG_P_EITHER(MUL, SG_P_ANY(0), SG_P_IS(0.5)),     \
            SG_P_EITHER(ADD, SG_P_NODE(3), SG_P_IS(1)), __VA_ARGS__),                                                  \
        SG_RULE(make, kind, SG_P_EITHER(MUL, SG_P_ANY(0), SG_P_NODE(1)), SG_P_EITHER(MUL, SG_P_NODE(2), SG_P_IS(0.5)), \
                SG_P_EITHER(ADD, SG_P_NODE(3), SG_P_IS(1)), __VA_ARGS__),                                              \
        SG_RULE(make, kind, SG_P_EITHER(MUL, SG_P_NODE(1), SG_P_IS(0.5)), SG_P_EITHER(MUL, SG_P_ANY(0), SG_P_NODE(2)), \
                SG_P_EITHER(ADD, SG_P_NODE(3), SG_P_IS(1)), __VA_ARGS__)

#define SQRT_2    1.4142135623730951
#define SQRT_HALF 0.70710678118654752
#define SQRT_2_PI 0.79788456080286536
#define CUBIC     0.044715

static const sg_rule rules[] = {
    GELU(SG_UNARY_GELU, SG_P_UNARY(ERF, SG_P_NODE(4)), SG_P_BINARY(DIV, SG_P_ANY(0), SG_P_IS(SQRT_2))),
    GELU(SG_UNARY_GELU, SG_P_UNARY(ERF, SG_P_NODE(4)), SG_P_EITHER(MUL, SG_P_ANY(0), SG_P_IS(SQRT_HALF))),
    /* tanh(c (x + d x^3)) */
    GELU(SG_UNARY_GELU_TANH, SG_P_UNARY(TANH, SG_P_NODE(4)), SG_P_EITHER(MUL, SG_P_NODE(5), SG_P_IS(SQRT_2_PI)),
         SG_P_EITHER(ADD, SG_P_ANY(0), SG_P_NODE(6)), SG_P_EITHER(MUL, SG_P_NODE(7), SG_P_IS(CUBIC)),
         SG_P_BINARY(POW, SG_P_ANY(0), SG_P_IS(3))),
    GELU(SG_UNARY_GELU_TANH, SG_P_UNARY(TANH, SG_P_NODE(4)), SG_P_EITHER(MUL, SG_P_NODE(5), SG_P_IS(SQRT_2_PI)),
         SG_P_EITHER(ADD, SG_P_ANY(0), SG_P_NODE(6)), SG_P_EITHER(MUL, SG_P_NODE(7), SG_P_IS(CUBIC)),
         SG_P_EITHER(MUL, SG_P_NODE(8), SG_P_ANY(0)), SG_P_BINARY(MUL, SG_P_ANY(0), SG_P_ANY(0))),
    GELU(SG_UNARY_GELU_TANH, SG_P_UNARY(TANH, SG_P_NODE(4)), SG_P_EITHER(MUL, SG_P_NODE(5), SG_P_IS(SQRT_2_PI)),
         SG_P_EITHER(ADD, SG_P_ANY(0), SG_P_NODE(6)), SG_P_EITHER(MUL, SG_P_NODE(7), SG_P_ANY(0)),
         SG_P_EITHER(MUL, SG_P_NODE(8), SG_P_ANY(0)), SG_P_EITHER(MUL, SG_P_ANY(0), SG_P_IS(CUBIC))),
    /* tanh(c x (1 + d x x)) */
    GELU(SG_UNARY_GELU_TANH, SG_P_UNARY(TANH, SG_P_NODE(4)), SG_P_EITHER(MUL, SG_P_NODE(5), SG_P_NODE(6)),
         SG_P_EITHER(MUL, SG_P_ANY(0), SG_P_IS(SQRT_2_PI)), SG_P_EITHER(ADD, SG_P_NODE(7), SG_P_IS(1)),
         SG_P_EITHER(MUL, SG_P_NODE(8), SG_P_ANY(0)), SG_P_EITHER(MUL, SG_P_ANY(0), SG_P_IS(CUBIC))),
};

sedge_status sg_pass_gelu(sg_graph *g, int *changed, sg_err *err)
{
    return sg_rewrite(g, rules, (int)(sizeof rules / sizeof rules[0]), changed, err);
}
