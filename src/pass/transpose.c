/* Transposes: two in a row are one, one that moves nothing is none, and one before a function of one element goes
 * after it, where it may meet another. */
#include "pass/match.h"

/* The permutation of a transpose of known rank. */
static bool perm_of(const sg_graph *g, sg_nid n, int64_t *perm, int *rank)
{
    int count;
    const int64_t *p = sg_node_ints(g, n, SG_A_perm, &count);
    *rank = sg_vtype(g, sg_node_in(g, n, 0))->rank;
    if (*rank < 0 || (count && count != *rank))
        return false;
    for (int i = 0; i < *rank; i++) {
        perm[i] = count ? p[i] : *rank - 1 - i;
        perm[i] += perm[i] < 0 ? *rank : 0;
        if (perm[i] < 0 || perm[i] >= *rank)
            return false;
    }
    return true;
}

static sedge_status make_merged(sg_graph *g, const sg_match *m, int arg, sg_nid *by, sg_err *err)
{
    int64_t outer[SG_RANK_MAX], inner[SG_RANK_MAX], perm[SG_RANK_MAX];
    int rank, same;
    (void)arg;
    if (!perm_of(g, m->node[0], outer, &rank) || !perm_of(g, m->node[1], inner, &same) || rank != same)
        return SEDGE_OK;
    for (int i = 0; i < rank; i++)
        perm[i] = inner[outer[i]];
    SG_TRY(sg_make(g, m->node[0], SG_ROW(TRANSPOSE), &m->cap[0], 1, by, err));
    return sg_set_ints(g, *by, SG_A_perm, perm, (size_t)rank) ? SEDGE_OK : sg_fail(err, SEDGE_E_NOMEM, "out of memory");
}

static sedge_status make_sunk(sg_graph *g, const sg_match *m, int arg, sg_nid *by, sg_err *err)
{
    sg_nid first;
    (void)arg;
    SG_TRY(sg_make_like(g, m->node[0], m->node[0], &m->cap[0], 1, &first, err));
    SG_TRY(sg_infer_node(g, first, err));
    return sg_make_like(g, m->node[0], m->node[1], &g->node[first].out[0], 1, by, err);
}

static const sg_rule rules[] = {
    SG_RULE(make_merged, 0, SG_P_OP(TRANSPOSE, SG_P_NODE(1)), SG_P_OP(TRANSPOSE, SG_P_ANY(0))),
    SG_RULE(make_sunk, 0, SG_P_OP(UNARY, SG_P_NODE(1)), SG_P_OP(TRANSPOSE, SG_P_ANY(0))),
};

/* A permutation that keeps the axes, other than those of one element, in their order moves no byte, but only the
 * identity also keeps the shape. */
static bool moves_nothing(const sg_graph *g, sg_nid n)
{
    int64_t perm[SG_RANK_MAX];
    int rank;
    if (g->node[n].op != SG_ROW(TRANSPOSE) || !perm_of(g, n, perm, &rank))
        return false;
    for (int i = 0; i < rank; i++)
        if (perm[i] != i)
            return false;
    return true;
}

sedge_status sg_pass_transpose(sg_graph *g, int *changed, sg_err *err)
{
    SG_TRY(sg_rewrite(g, rules, (int)(sizeof rules / sizeof rules[0]), changed, err));
    for (sg_nid n = g->node[0].next; n;) {
        sg_nid next = g->node[n].next;
        if (moves_nothing(g, n)) {
            sg_value_replace(g, g->node[n].out[0], sg_node_in(g, n, 0));
            sg_node_delete(g, n);
            ++*changed;
        }
        n = next;
    }
    return SEDGE_OK;
}
