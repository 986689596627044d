/* Matching patterns and putting nodes in their place. */
#include "pass/match.h"

#include <math.h>
#include <string.h>

bool sg_is_output(const sg_graph *g, sg_vid v)
{
    for (size_t k = 0; k < g->n_output; k++)
        if (g->output[k] == v)
            return true;
    return false;
}

bool sg_const_number(const sg_graph *g, sg_vid id, double *out)
{
    const sg_value *v = &g->value[id];
    sg_dtype t = (sg_dtype)v->type.dtype;
    if (!id || v->role != SG_CONST || !v->data || v->type.kind != SG_TENSOR || v->type.rank < 0 || sg_d_numel(&v->type) != 1)
        return false;
    if (sg_is_float(t))
        *out = sg_load_f64(t, v->data, 0);
    else if (t == SG_I64 || t == SG_I32)
        *out = (double)sg_load_i64(t, v->data, 0);
    else
        return false;
    return true;
}

static const sg_attr *attr_of(const sg_graph *g, sg_nid n, sg_attr_id id)
{
    return sg_attr_find(g->node[n].attr, g->node[n].n_attr, id);
}

int64_t sg_node_int(const sg_graph *g, sg_nid n, sg_attr_id id)
{
    const sg_attr *a = attr_of(g, n, id);
    return a ? a->u.i : 0;
}

double sg_node_float(const sg_graph *g, sg_nid n, sg_attr_id id)
{
    const sg_attr *a = attr_of(g, n, id);
    return a ? a->u.f : 0;
}

const int64_t *sg_node_ints(const sg_graph *g, sg_nid n, sg_attr_id id, int *count)
{
    const sg_attr *a = attr_of(g, n, id);
    *count = a && a->set ? (int)a->n : 0;
    return *count ? a->u.ints : NULL;
}

/* ---- matching ---- */

/* Operands still to be matched. The list lives on the stack of the search, so that a choice that fails later is
 * taken back whole. */
typedef struct todo {
    const sg_pat_arg *arg;
    sg_vid value;
    const struct todo *rest;
} todo;

typedef struct search {
    const sg_graph *g;
    const sg_rule *r;
    sg_match *m;
} search;

static bool is_number(const sg_graph *g, sg_vid v, double want)
{
    double x, eps = g->value[v].type.dtype == SG_F16 ? 1e-3 : g->value[v].type.dtype == SG_BF16 ? 8e-3 : 1e-5;
    return sg_const_number(g, v, &x) && fabs(x - want) <= eps * fabs(want);
}

static uint32_t readers(const sg_rule *r, int at)
{
    uint32_t n = 0;
    for (int i = 0; i < r->n; i++)
        for (int k = 0; k < SG_PAT_INS; k++)
            n += r->node[i].in[k].what == SG_PAT_NODE && r->node[i].in[k].at == at;
    return n;
}

static bool fits(const search *s, int at, sg_nid n)
{
    const sg_pat_node *p = &s->r->node[at];
    const sg_node *node = &s->g->node[n];
    if (node->op != &sg_ops[p->op] || (p->kind >= 0 && sg_node_int(s->g, n, SG_A_kind) != p->kind))
        return false;
    for (int k = 1; k < node->n_out; k++)
        if (node->out[k] && (s->g->value[node->out[k]].n_uses || sg_is_output(s->g, node->out[k])))
            return false;
    sg_vid out = node->out[0];
    return out && (!at || (s->g->value[out].n_uses == readers(s->r, at) && !sg_is_output(s->g, out)));
}

static bool solve(search *s, const todo *t);

static bool solve_operands(search *s, int at, sg_nid n, bool swapped, const todo *rest)
{
    todo t[SG_PAT_INS];
    for (int k = SG_PAT_INS - 1; k >= 0; k--) {
        t[k] = (todo){&s->r->node[at].in[k], sg_node_in(s->g, n, swapped && k < 2 ? 1 - k : k), rest};
        rest = &t[k];
    }
    return solve(s, rest);
}

static bool solve_node(search *s, int at, sg_nid n, const todo *rest)
{
    if (s->m->node[at])
        return s->m->node[at] == n && solve(s, rest);
    if (!fits(s, at, n))
        return false;
    s->m->node[at] = n;
    if (solve_operands(s, at, n, false, rest) || (s->r->node[at].swap && solve_operands(s, at, n, true, rest)))
        return true;
    s->m->node[at] = 0;
    return false;
}

static bool solve_capture(search *s, int at, sg_vid v, const todo *rest)
{
    if (s->m->cap[at])
        return s->m->cap[at] == v && solve(s, rest);
    s->m->cap[at] = v;
    if (solve(s, rest))
        return true;
    s->m->cap[at] = SG_NONE_ID;
    return false;
}

static bool solve(search *s, const todo *t)
{
    double x;
    if (!t)
        return true;
    if (t->arg->what == SG_PAT_FREE)
        return solve(s, t->rest);
    if (!t->value)
        return false;
    const sg_value *v = &s->g->value[t->value];
    switch (t->arg->what) {
    case SG_PAT_NODE: return v->role == SG_COMPUTED && !v->out_index && solve_node(s, t->arg->at, v->def, t->rest);
    case SG_PAT_CONST: return v->role == SG_CONST && v->data && solve_capture(s, t->arg->at, t->value, t->rest);
    case SG_PAT_NUMBER: return sg_const_number(s->g, t->value, &x) && solve_capture(s, t->arg->at, t->value, t->rest);
    case SG_PAT_IS: return is_number(s->g, t->value, t->arg->v) && solve(s, t->rest);
    default: return solve_capture(s, t->arg->at, t->value, t->rest);
    }
}

bool sg_match_at(const sg_graph *g, const sg_rule *r, sg_nid root, sg_match *m)
{
    search s = {g, r, m};
    memset(m, 0, sizeof *m);
    return solve_node(&s, 0, root, NULL);
}

/* ---- rewriting ---- */

sedge_status sg_make_like(sg_graph *g, sg_nid root, sg_nid like, const sg_vid *in, int n_in, sg_nid *out, sg_err *err)
{
    SG_TRY(sg_make(g, root, g->node[like].op, in, n_in, out, err));
    memcpy(g->node[*out].attr, g->node[like].attr, g->node[like].n_attr * sizeof *g->node[like].attr);
    return SEDGE_OK;
}

sedge_status sg_make(sg_graph *g, sg_nid root, const sg_op *op, const sg_vid *in, int n_in, sg_nid *out, sg_err *err)
{
    *out = sg_node_new(g, op, in, n_in, 1, root);
    if (!*out)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    g->node[*out].name = g->node[root].name;
    g->node[*out].source = g->node[root].source;
    g->node[*out].backend = g->node[root].backend;
    return SEDGE_OK;
}

static bool same_type(const sg_type *a, const sg_type *b)
{
    bool same = a->kind == b->kind && a->dtype == b->dtype && a->rank == b->rank && a->layout == b->layout &&
                a->quant == b->quant;
    for (int i = 0; same && i < a->rank; i++)
        same = a->dim[i] == b->dim[i];
    return same;
}

static bool is_dead(const sg_graph *g, sg_nid n)
{
    for (int k = 0; k < g->node[n].n_out; k++) {
        sg_vid v = g->node[n].out[k];
        if (v && (g->value[v].n_uses || sg_is_output(g, v)))
            return false;
    }
    return true;
}

static sedge_status put(sg_graph *g, const sg_rule *r, const sg_match *m, sg_nid by, bool *done, sg_err *err)
{
    sg_vid old = g->node[m->node[0]].out[0], new = g->node[by].out[0];
    SG_TRY(sg_infer_node(g, by, err));
    *done = same_type(sg_vtype(g, old), sg_vtype(g, new));
    if (!*done) {
        sg_node_delete(g, by);
        return SEDGE_OK;
    }
    g->value[new].name = g->value[old].name;
    sg_value_replace(g, old, new);
    for (int i = 0; i < r->n; i++)
        if (m->node[i] && g->node[m->node[i]].op && is_dead(g, m->node[i]))
            sg_node_delete(g, m->node[i]);
    return SEDGE_OK;
}

sedge_status sg_rewrite(sg_graph *g, const sg_rule *rule, int n, int *changed, sg_err *err)
{
    for (sg_nid root = g->node[0].next; root;) {
        sg_nid next = g->node[root].next;
        bool done = false;
        for (int i = 0; i < n && !done; i++) {
            sg_match m;
            sg_nid by = 0;
            if (!sg_match_at(g, &rule[i], root, &m))
                continue;
            SG_TRY(rule[i].make(g, &m, rule[i].arg, &by, err));
            if (by)
                SG_TRY(put(g, &rule[i], &m, by, &done, err));
        }
        *changed += done;
        root = next;
    }
    return SEDGE_OK;
}
