/* Transposes between channels first and last sink below ops that treat all axes alike (pass/layout.def says which), below reductions
 * and padding, where they meet others and cancel. A hand-written walker: every operand has to come by a transpose, however many there are. */
#include <string.h>

#include "pass/layout.h"
#include "pass/match.h"

typedef struct turn {
    int64_t perm[SG_RANK_MAX];
    int rank; /* 0: none yet */
} turn;

static bool treats_alike(const sg_graph *g, sg_nid n)
{
    sg_layout_how how = sg_layout_of(g->node[n].op).how;
    return how == SG_LAYOUT_ORDER || how == SG_LAYOUT_AXIS;
}

static bool turns(const sg_graph *g, sg_nid n, turn *t)
{
    int count;
    if (!sg_channel_turn(g, n))
        return false;
    const int64_t *p = sg_node_ints(g, n, SG_A_perm, &count);
    t->rank = count;
    memcpy(t->perm, p, (size_t)count * sizeof *p);
    return true;
}

static sg_nid maker(const sg_graph *g, sg_vid v)
{
    return v && g->value[v].role == SG_COMPUTED ? g->value[v].def : 0;
}

/* Nothing but what a transpose can sink below, or another transpose, reads v, and so on for what those make: `more` steps down. */
static bool read_by_such(const sg_graph *g, sg_vid v, int more)
{
    if (sg_is_output(g, v) || !g->value[v].uses)
        return false;
    for (uint32_t u = g->value[v].uses; u; u = g->operand[u].next) {
        sg_nid n = g->operand[u].node;
        const sg_op *op = g->node[n].op;
        if (!treats_alike(g, n) && op != SG_ROW(TRANSPOSE) && op != SG_ROW(REDUCE) && op != SG_ROW(PAD))
            return false;
        for (int k = 0; more && treats_alike(g, n) && k < g->node[n].n_out; k++)
            if (g->node[n].out[k] && !read_by_such(g, g->node[n].out[k], more - 1))
                return false;
    }
    return true;
}

/* ---- ops that treat all axes alike ---- */

/* All operands that count come by the same turn, or are constants; one of them at least by a turn. */
static bool all_turned(const sg_graph *g, sg_nid n, turn *t)
{
    sg_layout_row row = sg_layout_of(g->node[n].op);
    t->rank = 0;
    for (int k = 0; k < g->node[n].n_in; k++) {
        sg_vid v = sg_node_in(g, n, k);
        turn own;
        if (!v || !sg_layout_operand(row, k) || g->value[v].role == SG_CONST)
            continue;
        if (!turns(g, maker(g, v), &own) || !read_by_such(g, v, 0) || (t->rank && own.rank != t->rank))
            return false;
        for (int i = 0; t->rank && i < own.rank; i++)
            if (own.perm[i] != t->perm[i])
                return false;
        *t = own;
    }
    for (int k = 0; k < g->node[n].n_out; k++)
        if (g->node[n].out[k] && (sg_vtype(g, g->node[n].out[k])->rank != t->rank || !read_by_such(g, g->node[n].out[k], 1)))
            return false;
    return t->rank > 0;
}

static sg_vid full(sg_err *err)
{
    sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    return SG_NONE_ID;
}

/* Constant v as it stands beside operands that have not turned yet. */
static sg_vid turned_back(sg_graph *g, sg_nid root, sg_vid v, const turn *t, sg_err *err)
{
    int64_t shape[SG_RANK_MAX], back[SG_RANK_MAX];
    const sg_type c = *sg_vtype(g, v);
    int lead = t->rank - c.rank;
    if (sg_d_numel(&c) == 1)
        return v;
    for (int i = 0; i < t->rank; i++) {
        shape[i] = i < lead ? 1 : c.dim[i - lead];
        back[t->perm[i]] = i;
    }
    sg_vid in[2] = {v, sg_const_i64(g, shape, t->rank, 1)};
    sg_nid n;
    if (!in[1])
        return full(err);
    if (lead > 0) {
        if (sg_make(g, root, SG_ROW(RESHAPE), in, 2, &n, err) != SEDGE_OK || sg_infer_node(g, n, err) != SEDGE_OK)
            return SG_NONE_ID;
        in[0] = sg_node_out(g, n, 0);
    }
    if (sg_make(g, root, SG_ROW(TRANSPOSE), in, 1, &n, err) != SEDGE_OK)
        return SG_NONE_ID;
    if (!sg_set_ints(g, n, SG_A_perm, back, (size_t)t->rank))
        return full(err);
    return sg_infer_node(g, n, err) == SEDGE_OK ? sg_node_out(g, n, 0) : SG_NONE_ID;
}

/* Value v before the turn goes where it was read after it. */
static sedge_status turn_after(sg_graph *g, sg_nid n, sg_vid old, const turn *t, sg_err *err)
{
    sg_vid v = old;
    sg_nid after = sg_node_new(g, SG_ROW(TRANSPOSE), &v, 1, 1, g->node[n].next);
    if (!after || !sg_set_ints(g, after, SG_A_perm, t->perm, (size_t)t->rank))
        return full(err), SEDGE_E_NOMEM;
    g->node[after].name = g->node[n].name;
    g->node[after].source = g->node[n].source;
    sg_value_replace(g, old, sg_node_out(g, after, 0));
    sg_node_set_in(g, after, 0, old);
    return sg_infer_node(g, after, err);
}

static sedge_status sink(sg_graph *g, sg_nid n, const turn *t, sg_err *err)
{
    sg_layout_row row = sg_layout_of(g->node[n].op);
    for (int k = 0; k < g->node[n].n_in; k++) {
        sg_vid v = sg_node_in(g, n, k);
        if (!v || !sg_layout_operand(row, k))
            continue;
        sg_vid by = g->value[v].role == SG_CONST ? turned_back(g, n, v, t, err) : sg_node_in(g, maker(g, v), 0);
        if (!by)
            return err->status;
        sg_node_set_in(g, n, k, by);
    }
    if (row.how == SG_LAYOUT_AXIS) {
        int axis = sg_axis(sg_node_int(g, n, SG_A_axis), t->rank);
        if (axis >= 0 && !sg_set_int(g, n, SG_A_axis, t->perm[axis]))
            return full(err), SEDGE_E_NOMEM;
    }
    SG_TRY(sg_infer_node(g, n, err));
    for (int k = 0; k < g->node[n].n_out; k++)
        if (g->node[n].out[k])
            SG_TRY(turn_after(g, n, g->node[n].out[k], t, err));
    return SEDGE_OK;
}

/* ---- padding and reductions: a list of axes, or by axis ---- */

static bool listed(const sg_graph *g, sg_nid n, int64_t *list, int64_t *count)
{
    sg_vid v = sg_node_in(g, n, 1);
    *count = v && g->value[v].role == SG_CONST && g->value[v].data ? sg_d_numel(sg_vtype(g, v)) : -1;
    if (*count < 1 || *count > 2 * SG_RANK_MAX)
        return false;
    for (int64_t i = 0; i < *count; i++)
        list[i] = sg_load_i64((sg_dtype)sg_vtype(g, v)->dtype, g->value[v].data, (size_t)i);
    return true;
}

/* Axes of a reduction before the turn; *rest: the turn is still needed after it. */
static bool reduced(const sg_graph *g, sg_nid n, const turn *t, int64_t *list, int64_t count, bool *rest)
{
    bool gone[SG_RANK_MAX] = {false};
    int64_t above = -1;
    for (int64_t i = 0; i < count; i++) {
        int axis = sg_axis(list[i], t->rank);
        if (axis < 0 || t->perm[axis] == (t->perm[1] == 2 ? 1 : t->rank - 1)) /* over channels: part of a normalization */
            return false;
        gone[axis] = true;
        list[i] = t->perm[axis];
    }
    *rest = sg_node_int(g, n, SG_A_keepdims) != 0;
    for (int i = 0; i < t->rank && !*rest; i++) {
        if (!gone[i] && t->perm[i] < above)
            return false;
        above = gone[i] ? above : t->perm[i];
    }
    return true;
}

static bool padded(const sg_graph *g, sg_nid n, const turn *t, int64_t *list, int64_t count, bool *rest)
{
    int64_t own[2 * SG_RANK_MAX];
    int channel = t->perm[1] == 2 ? t->rank - 1 : 1; /* more channels are made best where they stand last */
    if (count != 2 * t->rank || sg_node_in(g, n, 3) || list[channel] || list[t->rank + channel])
        return false;
    for (int64_t i = 0; i < count; i++)
        own[t->perm[i % t->rank] + i / t->rank * t->rank] = list[i];
    for (int64_t i = 0; i < count; i++)
        list[i] = own[i];
    return *rest = true;
}

static sedge_status sink_by_list(sg_graph *g, sg_nid n,
                                 bool (*before)(const sg_graph *, sg_nid, const turn *, int64_t *, int64_t, bool *), int *changed,
                                 sg_err *err)
{
    turn t;
    int64_t list[2 * SG_RANK_MAX], count;
    bool rest;
    sg_vid x = sg_node_in(g, n, 0), y = sg_node_out(g, n, 0);
    if (!x || !y || !turns(g, maker(g, x), &t) || !read_by_such(g, x, 0) || !listed(g, n, list, &count) ||
        !before(g, n, &t, list, count, &rest) || (rest && !read_by_such(g, y, 1)))
        return SEDGE_OK;
    sg_vid by = sg_const_i64(g, list, count, 1);
    if (!by)
        return full(err), SEDGE_E_NOMEM;
    sg_node_set_in(g, n, 0, sg_node_in(g, maker(g, x), 0));
    sg_node_set_in(g, n, 1, by);
    ++*changed;
    SG_TRY(sg_infer_node(g, n, err));
    return rest ? turn_after(g, n, y, &t, err) : SEDGE_OK;
}

sedge_status sg_pass_sink(sg_graph *g, int *changed, sg_err *err)
{
    for (sg_nid n = g->node[0].next; n; n = g->node[n].next) {
        turn t;
        if (g->node[n].op == SG_ROW(REDUCE))
            SG_TRY(sink_by_list(g, n, reduced, changed, err));
        else if (g->node[n].op == SG_ROW(PAD))
            SG_TRY(sink_by_list(g, n, padded, changed, err));
        else if (treats_alike(g, n) && all_turned(g, n, &t)) {
            SG_TRY(sink(g, n, &t, err));
            ++*changed;
        }
    }
    return SEDGE_OK;
}
