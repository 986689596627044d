/* Layer normalization written out (Ba, Kiros, Hinton, 2016), in the dialects of exporters, becomes one node.
 * Where an exporter computes x - mean twice, the pass cse has made it one before. */
#include "op/elementwise.h"
#include "op/reduce.h"
#include "pass/match.h"

enum { X, GAMMA, BETA, EPS, AXES_VAR, AXES_MEAN };

/* Axes that are the last k, kept: k; else 0. */
static int trailing(const sg_graph *g, sg_nid reduce, int rank)
{
    sg_vid v = sg_node_in(g, reduce, 1);
    const sg_type *t = sg_vtype(g, v);
    unsigned seen = 0;
    if (sg_node_int(g, reduce, SG_A_kind) != SG_REDUCE_MEAN || !sg_node_int(g, reduce, SG_A_keepdims))
        return 0;
    int64_t n = sg_d_numel(t);
    if (t->dtype != SG_I64 || n < 1 || n > rank)
        return 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t a = sg_load_i64(SG_I64, g->value[v].data, (size_t)i);
        a += a < 0 ? rank : 0;
        if (a < 0 || a >= rank)
            return 0;
        seen |= 1u << a;
    }
    return seen == ((1u << n) - 1u) << (rank - (int)n) ? (int)n : 0;
}

/* Is v no larger than the normalized axes, and all of them known not to broadcast x? */
static bool is_parameter(const sg_graph *g, sg_vid v, const sg_type *x, int count)
{
    const sg_type *t = sg_vtype(g, v);
    if (t->dtype != x->dtype || t->rank != count)
        return false;
    for (int i = 0; i < count; i++)
        if (t->dim[i] != x->dim[x->rank - count + i])
            return false;
    return true;
}

/* The nodes of both means of a match: the last node of every pattern, and the one whose index the rule's arg is. */
static sedge_status make(sg_graph *g, const sg_match *m, int arg, sg_nid *by, sg_err *err)
{
    const sg_type *x = sg_vtype(g, m->cap[X]);
    int last = SG_PAT_NODES - 1;
    double eps;
    while (!m->node[last])
        last--;
    int count = x->rank > 0 ? trailing(g, m->node[last], x->rank) : 0;
    if (!count || trailing(g, m->node[arg], x->rank) != count || !sg_const_number(g, m->cap[EPS], &eps) ||
        !is_parameter(g, m->cap[GAMMA], x, count) || !is_parameter(g, m->cap[BETA], x, count))
        return SEDGE_OK;
    const sg_vid in[3] = {m->cap[X], m->cap[GAMMA], m->cap[BETA]};
    SG_TRY(sg_make(g, m->node[0], SG_ROW(LAYER_NORM), in, 3, by, err));
    sg_set_int(g, *by, SG_A_axis, -count);
    sg_set_float(g, *by, SG_A_epsilon, eps);
    return SEDGE_OK;
}

#define SCALE_SHIFT   SG_P_EITHER(ADD, SG_P_NODE(1), SG_P_ANY(BETA)), SG_P_EITHER(MUL, SG_P_NODE(2), SG_P_ANY(GAMMA))
#define VAR_EPS(next) SG_P_EITHER(ADD, SG_P_NODE(next), SG_P_NUMBER(EPS))
#define MEAN_OF(x, axes)                     \
    {                                        \
        SG_OP_REDUCE, SG_REDUCE_MEAN, false, \
        {                                    \
            x, SG_P_CONST(axes)              \
        }                                    \
    }
#define CENTER(mean)  SG_P_BINARY(SUB, SG_P_ANY(X), SG_P_NODE(mean))
#define SQUARE_POW(d) SG_P_BINARY(POW, SG_P_NODE(d), SG_P_IS(2))
#define SQUARE_MUL(d) SG_P_BINARY(MUL, SG_P_NODE(d), SG_P_NODE(d))

/* (x - mean) / sqrt(mean of squares + eps): nodes 3 root, 4 sum, 5 variance, 6 square, 7 difference, 8 mean */
#define DIVIDED(root, square)                                                                     \
    SG_RULE(make, 5, SCALE_SHIFT, SG_P_BINARY(DIV, SG_P_NODE(7), SG_P_NODE(3)), root, VAR_EPS(5), \
            MEAN_OF(SG_P_NODE(6), AXES_VAR), square(7), CENTER(8), MEAN_OF(SG_P_ANY(X), AXES_MEAN))
/* The same by a reciprocal: nodes 3 reciprocal, 4 root, 5 sum, ... 9 mean */
#define MULTIPLIED(square)                                                                                            \
    SG_RULE(make, 6, SCALE_SHIFT, SG_P_EITHER(MUL, SG_P_NODE(8), SG_P_NODE(3)), SG_P_UNARY(RECIPROCAL, SG_P_NODE(4)), \
            SG_P_UNARY(SQRT, SG_P_NODE(5)), VAR_EPS(6), MEAN_OF(SG_P_NODE(7), AXES_VAR), square(8), CENTER(9),        \
            MEAN_OF(SG_P_ANY(X), AXES_MEAN))
#define POWERED(square)                                                                                                        \
    SG_RULE(make, 5, SCALE_SHIFT, SG_P_EITHER(MUL, SG_P_NODE(7), SG_P_NODE(3)), SG_P_BINARY(POW, SG_P_NODE(4), SG_P_IS(-0.5)), \
            VAR_EPS(5), MEAN_OF(SG_P_NODE(6), AXES_VAR), square(7), CENTER(8), MEAN_OF(SG_P_ANY(X), AXES_MEAN))
/* TensorFlow's: r = gamma / sqrt(..); x r + (beta - mean r) */
#define FACTORED(square)                                                                                         \
    SG_RULE(make, 8, SG_P_EITHER(ADD, SG_P_NODE(1), SG_P_NODE(2)), SG_P_EITHER(MUL, SG_P_ANY(X), SG_P_NODE(4)),  \
            SG_P_BINARY(SUB, SG_P_ANY(BETA), SG_P_NODE(3)), SG_P_EITHER(MUL, SG_P_NODE(11), SG_P_NODE(4)),       \
            SG_P_EITHER(MUL, SG_P_NODE(5), SG_P_ANY(GAMMA)), SG_P_UNARY(RECIPROCAL, SG_P_NODE(6)),               \
            SG_P_UNARY(SQRT, SG_P_NODE(7)), VAR_EPS(8), MEAN_OF(SG_P_NODE(9), AXES_VAR), square(10), CENTER(11), \
            MEAN_OF(SG_P_ANY(X), AXES_MEAN))

#define ROOT     SG_P_UNARY(SQRT, SG_P_NODE(4))
#define ROOT_POW SG_P_BINARY(POW, SG_P_NODE(4), SG_P_IS(0.5))

static const sg_rule rules[] = {
    DIVIDED(ROOT, SQUARE_POW), DIVIDED(ROOT, SQUARE_MUL), DIVIDED(ROOT_POW, SQUARE_POW), DIVIDED(ROOT_POW, SQUARE_MUL),
    MULTIPLIED(SQUARE_POW),    MULTIPLIED(SQUARE_MUL),    POWERED(SQUARE_POW),           POWERED(SQUARE_MUL),
    FACTORED(SQUARE_POW),      FACTORED(SQUARE_MUL),
};

sedge_status sg_pass_layer_norm(sg_graph *g, int *changed, sg_err *err)
{
    return sg_rewrite(g, rules, (int)(sizeof rules / sizeof rules[0]), changed, err);
}
