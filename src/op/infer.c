/* Running shape rules over a graph, and the dim arithmetic that the rules use. */
#include <stdio.h>
#include <string.h>

#include "op/elementwise.h"
#include "op/op.h"

static sg_dim make(sg_infer *c, sg_dim_op op, sg_dim a, sg_dim b)
{
    return c->dims ? sg_dim_make(c->dims, op, a, b) : sg_dim_apply(op, a, b);
}

sg_dim sg_d_add(sg_infer *c, sg_dim a, sg_dim b)
{
    return make(c, SG_DIM_ADD, a, b);
}
sg_dim sg_d_sub(sg_infer *c, sg_dim a, sg_dim b)
{
    return make(c, SG_DIM_SUB, a, b);
}
sg_dim sg_d_mul(sg_infer *c, sg_dim a, sg_dim b)
{
    return make(c, SG_DIM_MUL, a, b);
}
sg_dim sg_d_div(sg_infer *c, sg_dim a, sg_dim b)
{
    return make(c, SG_DIM_DIV, a, b);
}
sg_dim sg_d_mod(sg_infer *c, sg_dim a, sg_dim b)
{
    return make(c, SG_DIM_MOD, a, b);
}
sg_dim sg_d_min(sg_infer *c, sg_dim a, sg_dim b)
{
    return make(c, SG_DIM_MIN, a, b);
}
sg_dim sg_d_max(sg_infer *c, sg_dim a, sg_dim b)
{
    return make(c, SG_DIM_MAX, a, b);
}

/* Nothing is noted where a rule runs on numbers. */
static void guard(sg_infer *c, sg_guard_kind kind, sg_dim a, sg_dim b)
{
    if (c->guards)
        sg_guard_add(c->guards, kind, a, b);
}

bool sg_d_equal(sg_infer *c, sg_dim a, sg_dim b)
{
    if (a == b || (!sg_dim_is_expr(a) && !sg_dim_is_expr(b)))
        return a == b;
    guard(c, SG_GUARD_EQUAL, a, b);
    return true;
}

bool sg_d_at_least(sg_infer *c, sg_dim a, sg_dim b)
{
    if (a == b || (!sg_dim_is_expr(a) && !sg_dim_is_expr(b)))
        return a >= b;
    if ((b == 0 && sg_d_nonneg(c, a)) || a >= INT64_MAX / 2)
        return true;
    guard(c, SG_GUARD_AT_LEAST, a, b);
    return true;
}

sg_dim sg_d_fresh(sg_infer *c)
{
    return c->dims ? sg_dim_sym(c->dims, NULL, c->owner) : SG_DIM_BAD;
}

sg_dim sg_d_span(sg_infer *c, const sg_type *t, int from, int to)
{
    sg_dim n = 1;
    for (int i = from; i < to; i++)
        n = sg_d_mul(c, n, t->dim[i]);
    return n;
}

int64_t sg_d_numel(const sg_type *t)
{
    if (t->kind != SG_TENSOR || t->rank < 0)
        return -1;
    for (int i = 0; i < t->rank; i++)
        if (sg_dim_is_expr(t->dim[i]))
            return -1;
    int64_t n;
    return sg_numel_checked(t->dim, t->rank, &n) ? n : -1;
}

static const char *dim_text(sg_dim d, const sg_dims *dims, char *buf, size_t size)
{
    if (!sg_dim_is_expr(d)) {
        snprintf(buf, size, "%lld", (long long)d);
    } else {
        const sg_dim_node *n = dims && sg_dim_expr(d) < dims->n ? &dims->node[sg_dim_expr(d)] : NULL;
        if (n && n->op == SG_DIM_SYM && n->name)
            snprintf(buf, size, "%.24s", n->name);
        else
            snprintf(buf, size, "?");
    }
    return buf;
}

const char *sg_type_text(const sg_type *t, const sg_dims *dims, char *buf, size_t size)
{
    static const char *const kind[] = {"", "sequence of ", "optional ", "map of "};
    int n = snprintf(buf, size, "%s%s", kind[t->kind & 3], sg_dtypes[t->dtype].name);
    if (t->kind != SG_TENSOR)
        return buf;
    size_t at = n < 0 ? 0 : (size_t)n;
    if (t->rank < 0) {
        if (at < size)
            snprintf(buf + at, size - at, " [...]");
        return buf;
    }
    char one[32];
    for (int i = 0; i < t->rank && at + 1 < size; i++)
        at += (size_t)snprintf(buf + at, size - at, "%s%s", i ? "," : " [", dim_text(t->dim[i], dims, one, sizeof one));
    if (at + 1 < size)
        snprintf(buf + at, size - at, "%s%s", t->rank ? "]" : " []", t->layout == SG_LAYOUT_LAST ? " channels last" : "");
    return buf;
}

sedge_status sg_d_broadcast(sg_infer *c, const sg_type *a, const sg_type *b, sg_type *out)
{
    sg_type r = *out;
    if (a->rank < 0 || b->rank < 0) {
        out->rank = -1;
        return SEDGE_OK;
    }
    int rank = a->rank > b->rank ? a->rank : b->rank;
    r.rank = (int8_t)rank;
    for (int i = 0; i < rank; i++) {
        int ia = i - (rank - a->rank), ib = i - (rank - b->rank);
        sg_dim da = ia < 0 ? 1 : a->dim[ia], db = ib < 0 ? 1 : b->dim[ib];
        if (da == db || db == 1)
            r.dim[i] = da;
        else if (da == 1)
            r.dim[i] = db;
        else if (!sg_dim_is_expr(da) && !sg_dim_is_expr(db)) {
            char ta[96], tb[96];
            return sg_fail(c->err, SEDGE_E_SHAPE, "shapes do not broadcast: %s and %s", sg_type_text(a, c->dims, ta, sizeof ta),
                           sg_type_text(b, c->dims, tb, sizeof tb));
        } else {
            guard(c, SG_GUARD_BCAST, da, db);
            r.dim[i] = !sg_dim_is_expr(da) ? da : !sg_dim_is_expr(db) ? db : make(c, SG_DIM_BCAST, da, db);
        }
    }
    *out = r;
    return SEDGE_OK;
}

const sg_dim *sg_in_content(sg_infer *c, int k, int64_t *n)
{
    *n = 0;
    if (k >= c->n_in || !c->in[k] || !c->content[k])
        return NULL;
    int64_t numel = sg_d_numel(c->in[k]);
    if (numel < 0)
        return NULL;
    *n = numel;
    return c->content[k];
}

const sg_tensor *sg_in_data(sg_infer *c, int k)
{
    return k < c->n_in && c->in[k] ? c->data[k] : NULL;
}

bool sg_in_scalar_i64(sg_infer *c, int k, int64_t *v)
{
    int64_t n;
    const sg_dim *d = sg_in_content(c, k, &n);
    if (d && n == 1 && !sg_dim_is_expr(d[0]))
        return *v = d[0], true;
    const sg_tensor *t = sg_in_data(c, k);
    if (t && sg_numel(t) == 1 && t->dtype != SG_STR)
        return *v = sg_load_i64((sg_dtype)t->dtype, t->data, 0), true;
    return false;
}

sedge_status sg_infer_same(sg_infer *c)
{
    for (int k = 0; k < c->n_out; k++)
        c->out[k] = *c->in[0];
    c->exact = true;
    return SEDGE_OK;
}

sedge_status sg_infer_broadcast(sg_infer *c)
{
    sg_type t = *c->in[0];
    for (int k = 1; k < c->n_in; k++)
        if (c->in[k])
            SG_TRY(sg_d_broadcast(c, &t, c->in[k], &t));
    t.dtype = c->in[0]->dtype;
    for (int k = 0; k < c->n_out; k++)
        c->out[k] = t;
    c->exact = true;
    return SEDGE_OK;
}

sedge_status sg_infer_unknown(sg_infer *c)
{
    for (int k = 0; k < c->n_out; k++) {
        c->out[k].rank = -1;
        c->out[k].dtype = c->n_in && c->in[0] ? c->in[0]->dtype : SG_NONE;
    }
    return SEDGE_OK;
}

void sg_type_of(const sg_tensor *t, sg_type *out)
{
    memset(out, 0, sizeof *out);
    out->kind = t->kind;
    out->dtype = t->dtype;
    out->rank = t->rank;
    for (int i = 0; i < t->rank; i++)
        out->dim[i] = t->dim[i];
}

/* One rule may look at this many operands; longer lists are refused at import. */
#define IN_MAX 1024

typedef struct rule_io {
    const sg_type *in[IN_MAX];
    const sg_tensor *data[IN_MAX];
    const sg_dim *content[IN_MAX];
} rule_io;

static bool const_tensor(const sg_value *v, sg_tensor *t)
{
    if (v->role != SG_CONST || !v->data)
        return false;
    memset(t, 0, sizeof *t);
    t->data = (void *)(uintptr_t)v->data;
    t->dtype = v->type.dtype;
    t->rank = v->type.rank;
    t->layout = v->type.layout;
    for (int i = 0; i < t->rank; i++)
        t->dim[i] = v->type.dim[i];
    return true;
}

/* Small integer constants are known content. */
static sedge_status const_content(sg_graph *g, sg_value *v, const sg_tensor *t)
{
    int64_t n = sg_numel(t);
    if (v->content || n > SG_CONTENT_MAX || !sg_is_int((sg_dtype)t->dtype))
        return SEDGE_OK;
    sg_dim *d = sg_arena_array(g->arena, (size_t)n, sizeof *d);
    if (!d)
        return SEDGE_E_NOMEM;
    for (int64_t i = 0; i < n; i++) {
        d[i] = sg_load_i64((sg_dtype)t->dtype, t->data, (size_t)i);
        if (sg_dim_is_expr(d[i]))
            d[i] = INT64_MIN / 2; /* as good as minus infinity, and not an expression */
    }
    v->content = d;
    v->n_content = (uint32_t)n;
    return SEDGE_OK;
}

static sedge_status outputs_write(sg_graph *g, sg_nid id, sg_infer *c)
{
    sg_node *n = &g->node[id];
    for (int k = 0; k < n->n_out; k++) {
        if (!n->out[k])
            continue;
        sg_value *v = &g->value[n->out[k]];
        for (int i = 0; i < c->out[k].rank; i++) {
            sg_dim d = c->out[k].dim[i];
            if (d == SG_DIM_BAD)
                return sg_fail(c->err, SEDGE_E_NOMEM, "out of memory");
            if (d < 0 && !sg_dim_is_expr(d))
                return sg_fail(c->err, SEDGE_E_SHAPE, "output %d would have a negative dimension (axis %d: %lld)", k, i,
                               (long long)d);
        }
        int64_t numel;
        if (sg_d_numel(&c->out[k]) < 0 && c->out[k].kind == SG_TENSOR && c->out[k].rank > 0) {
            bool all = true;
            for (int i = 0; i < c->out[k].rank; i++)
                all = all && !sg_dim_is_expr(c->out[k].dim[i]);
            if (all && !sg_numel_checked(c->out[k].dim, c->out[k].rank, &numel))
                return sg_fail(c->err, SEDGE_E_SHAPE, "output %d is too large", k);
        }
        uint8_t layout = v->type.layout; /* the layout pass's, not the rule's */
        v->type = c->out[k];
        v->type.layout = layout;
        v->content = NULL;
        v->n_content = 0;
        if (k == 0 && c->n_out_content >= 0) {
            v->content = sg_arena_dup(g->arena, c->out_content, (size_t)c->n_out_content * sizeof(sg_dim));
            if (!v->content)
                return sg_fail(c->err, SEDGE_E_NOMEM, "out of memory");
            v->n_content = (uint32_t)c->n_out_content;
        }
    }
    return SEDGE_OK;
}

/* Whether the rule gave the types that the outputs have, and they are whole. */
static bool outputs_same(const sg_graph *g, sg_nid id, const sg_infer *c)
{
    const sg_node *n = &g->node[id];
    for (int k = 0; k < n->n_out; k++) {
        const sg_type *a = n->out[k] ? &g->value[n->out[k]].type : NULL, *b = &c->out[k];
        if (a && (a->kind != b->kind || a->dtype != b->dtype || a->rank != b->rank || a->rank < 0 ||
                  memcmp(a->dim, b->dim, (size_t)a->rank * sizeof *a->dim) != 0))
            return false;
    }
    return true;
}

/* Writes the outputs' types; with `guards` only compares, and *exact tells whether the guards are the whole truth. */
static sedge_status infer_node(sg_graph *g, sg_nid id, rule_io *io, sg_guards *guards, bool *exact, sg_err *err)
{
    sg_node *n = &g->node[id];
    const sg_op *op = n->op;
    if (n->n_in < op->min_in || (op->max_in != 255 && n->n_in > op->max_in) || n->n_in > IN_MAX)
        return sg_fail(err, SEDGE_E_FORMAT, "has %d inputs, %s takes %d to %d", n->n_in, op->name, op->min_in, op->max_in);
    if (n->n_out < op->min_out || (op->max_out != 255 && n->n_out > op->max_out))
        return sg_fail(err, SEDGE_E_FORMAT, "has %d outputs, %s gives %d to %d", n->n_out, op->name, op->min_out, op->max_out);
    sg_tensor *t = sg_calloc(g->mem, (size_t)n->n_in + 1, sizeof *t);
    sg_type *out = sg_calloc(g->mem, (size_t)n->n_out + 1, sizeof *out);
    sg_dim known[SG_CONTENT_MAX];
    sedge_status st = t && out ? SEDGE_OK : sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    for (int k = 0; k < n->n_in && st == SEDGE_OK; k++) {
        sg_vid vid = sg_node_in(g, id, k);
        io->in[k] = NULL;
        io->data[k] = NULL;
        io->content[k] = NULL;
        if (!vid) {
            if (k < op->min_in)
                st = sg_fail(err, SEDGE_E_FORMAT, "input %d is missing", k);
            continue;
        }
        sg_value *v = &g->value[vid];
        io->in[k] = &v->type;
        if (v->type.kind != SG_TENSOR && !(op->flags & (SG_OPF_BOXED | SG_OPF_CONTROL)))
            st = sg_fail(err, SEDGE_E_TYPE, "input %d is a sequence, optional or map; %s takes tensors", k, op->name);
        if (const_tensor(v, &t[k])) {
            io->data[k] = &t[k];
            if (const_content(g, v, &t[k]) != SEDGE_OK)
                st = sg_fail(err, SEDGE_E_NOMEM, "out of memory");
        }
        io->content[k] = v->content;
    }
    if (st == SEDGE_OK) {
        sg_infer c = {.op = op,
                      .attrs = {n->attr, n->n_attr},
                      .dims = &g->dims,
                      .owner = id + 1,
                      .n_in = n->n_in,
                      .n_out = n->n_out,
                      .in = io->in,
                      .data = io->data,
                      .content = io->content,
                      .out = out,
                      .out_content = known,
                      .n_out_content = -1,
                      .region = n->region,
                      .n_region = n->n_region,
                      .guards = guards,
                      .err = err};
        st = op->infer(&c);
        if (st != SEDGE_OK)
            sg_fail(err, st, "shape rule failed");
        else if (!guards)
            st = outputs_write(g, id, &c);
        else if (guards->lost)
            st = sg_fail(err, SEDGE_E_NOMEM, "out of memory");
        else
            *exact = c.exact && outputs_same(g, id, &c);
    }
    sg_free(g->mem, t, ((size_t)n->n_in + 1) * sizeof *t);
    sg_free(g->mem, out, ((size_t)n->n_out + 1) * sizeof *out);
    return st;
}

static sedge_status named(sg_graph *g, sg_nid id, sg_guards *guards, bool *exact, sg_err *err)
{
    rule_io *io = sg_alloc(g->mem, sizeof *io);
    if (!io)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    sedge_status st = infer_node(g, id, io, guards, exact, err);
    sg_free(g->mem, io, sizeof *io);
    if (st != SEDGE_OK) {
        const sg_node *n = &g->node[id];
        sg_err_where(err, "node %s (%s)", n->name && *n->name ? n->name : "unnamed", n->source ? n->source : n->op->name);
    }
    return st;
}

sedge_status sg_infer_node(sg_graph *g, sg_nid id, sg_err *err)
{
    return named(g, id, NULL, NULL, err);
}

sedge_status sg_infer_guards(sg_graph *g, sg_nid id, sg_guards *guards, bool *exact, sg_err *err)
{
    size_t n_guard = guards->n, n_dim = g->dims.n;
    *exact = false;
    SG_TRY(named(g, id, guards, exact, err));
    if (!*exact) { /* neither its guards nor its fresh symbols are of use */
        guards->n = n_guard;
        g->dims.n = n_dim;
    }
    return SEDGE_OK;
}

sedge_status sg_infer_graph(sg_graph *g, sg_err *err)
{
    SG_EACH_NODE(g, n)
    SG_TRY(sg_infer_node(g, n, err));
    return SEDGE_OK;
}
