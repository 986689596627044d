/* Common subexpressions: a node that computes what an earlier one has computed. It stands without patterns because it
 * compares any two nodes: a table of the nodes so far, by what they are. */
#include "pass/match.h"

#include <string.h>

/* Constants of at most this many bytes are alike when their bytes are. */
#define SMALL_CONST 64

static bool is_candidate(const sg_graph *g, sg_nid n)
{
    const sg_node *node = &g->node[n];
    return !(node->op->flags & (SG_OPF_RANDOM | SG_OPF_DYN | SG_OPF_CONTROL | SG_OPF_BOXED)) && !node->n_region && node->n_out;
}

static size_t small_bytes(const sg_graph *g, sg_vid v)
{
    const sg_value *x = &g->value[v];
    int64_t n = v && x->role == SG_CONST && x->data && x->type.kind == SG_TENSOR && x->type.dtype != SG_STR ? sg_d_numel(&x->type)
                                                                                                            : -1;
    size_t size = n < 0 || n > SMALL_CONST * 8 ? 0 : sg_dtype_bytes((sg_dtype)x->type.dtype, (size_t)n);
    return size <= SMALL_CONST ? size : 0;
}

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

static uint64_t hash_node(const sg_graph *g, sg_nid n)
{
    const sg_node *node = &g->node[n];
    uint64_t h = mix(node->n_in, (uint64_t)(node->op - sg_ops));
    for (int k = 0; k < node->n_in; k++) {
        sg_vid v = sg_node_in(g, n, k);
        size_t size = small_bytes(g, v);
        const unsigned char *p = g->value[v].data;
        for (size_t i = 0; i < size; i++)
            h = mix(h, p[i]);
        h = mix(h, size ? size : v);
    }
    return h;
}

static bool same_value(const sg_graph *g, sg_vid a, sg_vid b)
{
    size_t size = small_bytes(g, a);
    if (a == b)
        return true;
    if (!size || size != small_bytes(g, b))
        return false;
    const sg_type *s = sg_vtype(g, a), *t = sg_vtype(g, b);
    return s->dtype == t->dtype && s->rank == t->rank && s->layout == t->layout && s->quant == t->quant &&
           memcmp(s->dim, t->dim, (size_t)s->rank * sizeof *s->dim) == 0 && memcmp(g->value[a].data, g->value[b].data, size) == 0;
}

static bool same_strs(const sg_attr *a, const sg_attr *b)
{
    for (uint32_t i = 0; i < a->n; i++)
        if (a->u.strs[i].n != b->u.strs[i].n || memcmp(a->u.strs[i].p, b->u.strs[i].p, (size_t)a->u.strs[i].n) != 0)
            return false;
    return true;
}

static bool same_tensor(const sg_tensor *a, const sg_tensor *b)
{
    size_t size = a && b ? sg_tensor_bytes(a) : 0;
    if (a == b)
        return true;
    return a && b && a->dtype == b->dtype && a->dtype != SG_STR && a->rank == b->rank &&
           memcmp(a->dim, b->dim, (size_t)a->rank * sizeof *a->dim) == 0 && memcmp(a->data, b->data, size) == 0;
}

bool sg_attr_same(const sg_attr *a, const sg_attr *b)
{
    if (a->set != b->set || a->n != b->n)
        return false;
    switch ((sg_attr_kind)a->kind) {
    case SG_AK_INT: return a->u.i == b->u.i;
    case SG_AK_FLOAT: return memcmp(&a->u.f, &b->u.f, sizeof a->u.f) == 0;
    case SG_AK_STR: return !a->n || memcmp(a->u.s, b->u.s, a->n) == 0;
    case SG_AK_INTS: return !a->n || memcmp(a->u.ints, b->u.ints, a->n * sizeof *a->u.ints) == 0;
    case SG_AK_FLOATS: return !a->n || memcmp(a->u.floats, b->u.floats, a->n * sizeof *a->u.floats) == 0;
    case SG_AK_STRS: return same_strs(a, b);
    case SG_AK_TENSOR: return same_tensor(a->u.t, b->u.t);
    }
    return false;
}

static bool same_node(const sg_graph *g, sg_nid a, sg_nid b)
{
    const sg_node *x = &g->node[a], *y = &g->node[b];
    bool same = x->op == y->op && x->n_in == y->n_in && x->n_out == y->n_out && x->backend == y->backend;
    for (int k = 0; same && k < x->n_in; k++)
        same = same_value(g, sg_node_in(g, a, k), sg_node_in(g, b, k));
    for (int k = 0; same && k < x->n_attr; k++)
        same = sg_attr_same(&x->attr[k], &y->attr[k]);
    for (int k = 0; same && k < x->n_out; k++) /* outputs of the model keep nodes of their own */
        same = !y->out[k] || (x->out[k] && !sg_is_output(g, y->out[k]));
    return same;
}

static void merge(sg_graph *g, sg_nid first, sg_nid n)
{
    for (int k = 0; k < g->node[n].n_out; k++)
        if (g->node[n].out[k])
            sg_value_replace(g, g->node[n].out[k], g->node[first].out[k]);
    sg_node_delete(g, n);
}

sedge_status sg_pass_cse(sg_graph *g, int *changed, sg_err *err)
{
    size_t size = 16;
    while (size < 2 * g->n_node)
        size *= 2;
    sg_nid *table = sg_calloc(g->mem, size, sizeof *table);
    if (!table)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    for (sg_nid n = g->node[0].next; n;) {
        sg_nid next = g->node[n].next;
        if (is_candidate(g, n)) {
            size_t at = (size_t)hash_node(g, n) & (size - 1);
            while (table[at] && !same_node(g, table[at], n))
                at = (at + 1) & (size - 1);
            if (table[at]) {
                merge(g, table[at], n);
                ++*changed;
            } else {
                table[at] = n;
            }
        }
        n = next;
    }
    sg_free(g->mem, table, size * sizeof *table);
    return SEDGE_OK;
}
