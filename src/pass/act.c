/* What is added to a convolution that nobody else reads becomes its operand, and a clip, relu or gate of it its activation: both are computed
 * while a tile is in registers or the first cache. Runs once, last: passes before it look for convolutions without any. */
#include "op/elementwise.h"
#include "pass/match.h"

#include <math.h>
#include <string.h>

static bool is_bare(const sg_graph *g, sg_nid conv)
{
    return sg_vtype(g, g->node[conv].out[0])->dtype == SG_F32 && !sg_node_int(g, conv, SG_A_activation);
}

static bool same_shape(const sg_type *a, const sg_type *b)
{
    return a->rank > 0 && a->rank == b->rank && memcmp(a->dim, b->dim, (size_t)a->rank * sizeof *a->dim) == 0;
}

/* The convolution of a match with these operands, under its own name. */
static sedge_status remake(sg_graph *g, const sg_match *m, const sg_vid *in, int n, sg_nid *by, sg_err *err)
{
    SG_TRY(sg_make_like(g, m->node[0], m->node[1], in, n, by, err));
    g->node[*by].name = g->node[m->node[1]].name;
    g->node[*by].source = g->node[m->node[1]].source;
    return SEDGE_OK;
}

static sedge_status make_sum(sg_graph *g, const sg_match *m, int arg, sg_nid *by, sg_err *err)
{
    (void)arg;
    sg_nid conv = m->node[1];
    sg_vid in[4] = {sg_node_in(g, conv, 0), sg_node_in(g, conv, 1), sg_node_in(g, conv, 2), m->cap[2]};
    if (!is_bare(g, conv) || in[3] == SG_NONE_ID || sg_node_in(g, conv, 3) ||
        !same_shape(sg_vtype(g, in[3]), sg_vtype(g, g->node[conv].out[0])))
        return SEDGE_OK;
    return remake(g, m, in, 4, by, err);
}

/* The convolution with an activation, or *by 0. */
static sedge_status activated(sg_graph *g, const sg_match *m, int64_t act, sg_nid *by, sg_err *err)
{
    sg_nid conv = m->node[1];
    sg_vid in[4] = {0};
    int n = g->node[conv].n_in;
    if (!is_bare(g, conv))
        return SEDGE_OK;
    for (int k = 0; k < n; k++)
        in[k] = sg_node_in(g, conv, k);
    SG_TRY(remake(g, m, in, n, by, err));
    return sg_set_int(g, *by, SG_A_activation, act) ? SEDGE_OK : sg_fail(err, SEDGE_E_NOMEM, "out of memory");
}

static sedge_status bounded(sg_graph *g, const sg_match *m, double lo, double hi, sg_nid *by, sg_err *err)
{
    if (isnan(lo) || isnan(hi))
        return SEDGE_OK;
    SG_TRY(activated(g, m, SG_ACT_BOUNDS, by, err));
    if (*by) {
        sg_set_float(g, *by, SG_A_low, lo);
        sg_set_float(g, *by, SG_A_high, hi);
    }
    return SEDGE_OK;
}

static sedge_status make_relu(sg_graph *g, const sg_match *m, int arg, sg_nid *by, sg_err *err)
{
    (void)arg;
    return bounded(g, m, 0, HUGE_VAL, by, err);
}

/* Bounds that are absent are none; others must be constant. */
static sedge_status make_clip(sg_graph *g, const sg_match *m, int arg, sg_nid *by, sg_err *err)
{
    (void)arg;
    double bound[2] = {-HUGE_VAL, HUGE_VAL};
    for (int k = 0; k < 2; k++) {
        sg_vid v = sg_node_in(g, m->node[0], k + 1);
        if (v && !sg_const_number(g, v, &bound[k]))
            return SEDGE_OK;
    }
    return bounded(g, m, bound[0], bound[1], by, err);
}

static sedge_status make_fn(sg_graph *g, const sg_match *m, int kind, sg_nid *by, sg_err *err)
{
    static const sg_attr_id param[] = {SG_A_alpha, SG_A_beta, SG_A_gamma};
    SG_TRY(activated(g, m, SG_ACT_FN + kind, by, err));
    for (size_t i = 0; *by && i < sizeof param / sizeof param[0]; i++)
        sg_set_float(g, *by, param[i], sg_node_float(g, m->node[0], param[i]));
    return SEDGE_OK;
}

#define OF_CONV SG_P_OP(CONV, SG_P_ANY(0), SG_P_ANY(1))

#define FN(k) SG_RULE(make_fn, SG_UNARY_##k, SG_P_UNARY(k, SG_P_NODE(1)), OF_CONV)

static const sg_rule rules[] = {
    SG_RULE(make_sum, 0, SG_P_BINARY(ADD, SG_P_NODE(1), SG_P_ANY(2)), OF_CONV),
    SG_RULE(make_sum, 0, SG_P_BINARY(ADD, SG_P_ANY(2), SG_P_NODE(1)), OF_CONV),
    SG_RULE(make_relu, 0, SG_P_UNARY(RELU, SG_P_NODE(1)), OF_CONV),
    SG_RULE(make_clip, 0, SG_P_OP(CLIP, SG_P_NODE(1)), OF_CONV),
    FN(SWISH),
    FN(HARD_SWISH),
    FN(SIGMOID),
    FN(HARD_SIGMOID),
    FN(LEAKY_RELU),
    FN(TANH),
    FN(GELU),
    FN(GELU_TANH),
    FN(MISH),
    FN(ELU),
    FN(SOFTPLUS),
};

sedge_status sg_pass_act(sg_graph *g, int *changed, sg_err *err)
{
    return sg_rewrite(g, rules, (int)(sizeof rules / sizeof rules[0]), changed, err);
}
