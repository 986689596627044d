/* Scaled dot-product attention written out (Vaswani et al., 2017) becomes one node: softmax(s q k^T [+ mask]) v with
 * q, k, v of [batch, heads, steps, size]. Other ranks stay, as does a mask that the attention op would read otherwise:
 * to it a mask with fewer columns than keys hides the rest, where addition would broadcast it. */
#include "op/elementwise.h"
#include "op/softmax.h"
#include "pass/match.h"

#include <math.h>
#include <string.h>

enum { Q, K, V, SCALE, MASK };
enum { PLAIN, TIMES, OVER }; /* what is done to the scores with capture SCALE */

/* Keys of [batch, heads, steps, size] from what is transposed to [batch, heads, size, steps]. */
static bool keys_type(const sg_graph *g, sg_nid n, int64_t *perm, sg_dim *k)
{
    const sg_type *t = sg_vtype(g, sg_node_in(g, n, 0));
    int count;
    const int64_t *p = sg_node_ints(g, n, SG_A_perm, &count);
    if (t->rank != 4 || count != 4)
        return false;
    const int64_t order[4] = {p[0], p[1], p[3], p[2]};
    memcpy(perm, order, sizeof order);
    for (int i = 0; i < 4; i++) {
        if (perm[i] < 0 || perm[i] > 3)
            return false;
        k[i] = t->dim[perm[i]];
    }
    return true;
}

static bool mask_fits(const sg_graph *g, sg_vid mask, const sg_dim want[4], uint8_t dtype)
{
    const sg_type *t = sg_vtype(g, mask);
    if (!mask)
        return true;
    if (t->rank < 1 || t->rank > 4 || t->dtype != dtype || t->dim[t->rank - 1] != want[3])
        return false;
    for (int i = 0; i < t->rank; i++)
        if (t->dim[i] != 1 && t->dim[i] != want[4 - t->rank + i])
            return false;
    return true;
}

static bool fits(const sg_graph *g, const sg_match *m, const sg_dim *k)
{
    const sg_type *q = sg_vtype(g, m->cap[Q]), *v = sg_vtype(g, m->cap[V]);
    int64_t axis = sg_node_int(g, m->node[1], SG_A_axis);
    if (q->rank != 4 || v->rank != 4 || (axis != -1 && axis != 3) || (q->dtype != SG_F32 && q->dtype != SG_F64))
        return false;
    for (int i = 0; i < 2; i++)
        if (q->dim[i] != k[i] || v->dim[i] != k[i])
            return false;
    const sg_dim scores[4] = {k[0], k[1], q->dim[2], k[2]};
    return q->dim[3] == k[3] && v->dim[2] == k[2] && mask_fits(g, m->cap[MASK], scores, q->dtype);
}

static sedge_status keys(sg_graph *g, sg_nid root, sg_vid from, const int64_t *perm, sg_vid *k, sg_err *err)
{
    sg_nid n;
    *k = from;
    if (perm[0] == 0 && perm[1] == 1 && perm[2] == 2)
        return SEDGE_OK;
    SG_TRY(sg_make(g, root, SG_ROW(TRANSPOSE), &from, 1, &n, err));
    if (!sg_set_ints(g, n, SG_A_perm, perm, 4))
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    *k = g->node[n].out[0];
    return sg_infer_node(g, n, err);
}

static sedge_status make(sg_graph *g, const sg_match *m, int how, sg_nid *by, sg_err *err)
{
    int64_t perm[4];
    sg_dim k[4];
    int last = SG_PAT_NODES - 1;
    double scale = 1;
    while (!m->node[last]) /* the transpose of the keys ends every pattern */
        last--;
    if (!keys_type(g, m->node[last], perm, k) || !fits(g, m, k) || (how != PLAIN && !sg_const_number(g, m->cap[SCALE], &scale)))
        return SEDGE_OK;
    scale = how == OVER ? 1 / scale : scale;
    if (!isfinite(scale))
        return SEDGE_OK;
    sg_vid in[4] = {m->cap[Q], 0, m->cap[V], m->cap[MASK]};
    SG_TRY(keys(g, m->node[0], m->cap[K], perm, &in[1], err));
    SG_TRY(sg_make(g, m->node[0], SG_ROW(ATTENTION), in, in[3] ? 4 : 3, by, err));
    sg_set_float(g, *by, SG_A_scale, scale);
    return SEDGE_OK;
}

#define SOFTMAX_V                               \
    SG_P_OP(MATMUL, SG_P_NODE(1), SG_P_ANY(V)), \
    {                                           \
        SG_OP_SOFTMAX, SG_SOFTMAX_PLAIN, false, \
        {                                       \
            SG_P_NODE(2)                        \
        }                                       \
    }
#define MASKED    SOFTMAX_V, SG_P_EITHER(ADD, SG_P_NODE(3), SG_P_ANY(MASK))
#define Q_K(next) SG_P_OP(MATMUL, SG_P_ANY(Q), SG_P_NODE(next)), SG_P_OP(TRANSPOSE, SG_P_ANY(K))

static const sg_rule rules[] = {
    SG_RULE(make, OVER, MASKED, SG_P_BINARY(DIV, SG_P_NODE(4), SG_P_NUMBER(SCALE)), Q_K(5)),
    SG_RULE(make, TIMES, MASKED, SG_P_EITHER(MUL, SG_P_NODE(4), SG_P_NUMBER(SCALE)), Q_K(5)),
    SG_RULE(make, PLAIN, MASKED, Q_K(4)),
    SG_RULE(make, OVER, SOFTMAX_V, SG_P_BINARY(DIV, SG_P_NODE(3), SG_P_NUMBER(SCALE)), Q_K(4)),
    SG_RULE(make, TIMES, SOFTMAX_V, SG_P_EITHER(MUL, SG_P_NODE(3), SG_P_NUMBER(SCALE)), Q_K(4)),
    SG_RULE(make, PLAIN, SOFTMAX_V, Q_K(3)),
};

sedge_status sg_pass_attention(sg_graph *g, int *changed, sg_err *err)
{
    return sg_rewrite(g, rules, (int)(sizeof rules / sizeof rules[0]), changed, err);
}
