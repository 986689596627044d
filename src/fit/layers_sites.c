/* Which tensors of two graphs are the same, and graphs that are cut at them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fit/layers.h"
#include "op/elementwise.h"
#include "op/op.h"
#include "pass/match.h"
#include "run/api.h"

static sedge_status no_memory(sg_err *err)
{
    return sg_fail(err, SEDGE_E_NOMEM, "compare: out of memory");
}

/* ---- a model that names its layers ---- */

sedge_status sg_layers_model(sedge_model **out, const sedge_model *m, sg_err *err)
{
    int changed = 0;
    *out = NULL;
    if (m->saved)
        return sg_fail(err, SEDGE_E_ARG, "compare: a compiled plan has no layers left: give the model that it was made of");
    /* What the passes make lives in the new model's arena: they run on its graph. */
    SG_TRY(sg_model_of_graph(out, m->graph, m, err));
    sg_graph *g = (*out)->graph;
    sedge_status st = sg_pass_identity(g, &changed, err);
    if (st == SEDGE_OK)
        st = sg_fold(g, &(*out)->mem, &changed, err);
    if (st == SEDGE_OK)
        st = sg_pass_dce(g, &changed, err);
    if (st != SEDGE_OK)
        sedge_model_close(out);
    return st;
}

/* ---- the same tensors ---- */

/* What is computed of constants alone is weights, no layer. */
static bool *constant_values(const sg_graph *g, sg_mem *mem)
{
    bool *is = sg_calloc(mem, g->n_value + 1, sizeof *is);
    for (size_t v = 1; is && v < g->n_value; v++)
        is[v] = g->value[v].role == SG_CONST;
    if (is)
        SG_EACH_NODE(g, n)
        {
            bool all = true;
            for (int k = 0; k < g->node[n].n_in; k++)
                all = all && (!sg_node_in(g, n, k) || is[sg_node_in(g, n, k)]);
            for (int k = 0; k < g->node[n].n_out; k++)
                if (sg_node_out(g, n, k))
                    is[sg_node_out(g, n, k)] = all && g->node[n].n_in > 0;
        }
    return is;
}

/* The node of a row that reads v; 0: none. */
static sg_nid reader(const sg_graph *g, sg_vid v, const sg_op *row)
{
    for (uint32_t u = g->value[v].uses; u; u = g->operand[u].next)
        if (g->node[g->operand[u].node].op == row && sg_node_in(g, g->operand[u].node, 0) == v)
            return g->operand[u].node;
    return 0;
}

static sg_site site_of(const sg_graph *g, sg_vid v)
{
    sg_site s = {v, v, 0};
    const sg_value *val = &g->value[v];
    bool made_so = val->role == SG_COMPUTED && g->node[val->def].op == SG_ROW(QUANTIZE);
    s.quantize = made_so ? val->def : reader(g, v, SG_ROW(QUANTIZE));
    sg_vid q = s.quantize ? sg_node_out(g, s.quantize, 0) : 0;
    sg_nid back = q ? reader(g, q, SG_ROW(DEQUANTIZE)) : 0, cast = q && !back ? reader(g, q, SG_ROW(CAST)) : 0;
    if (cast) /* some exporters turn the type there and back */
        back = reader(g, sg_node_out(g, cast, 0), SG_ROW(DEQUANTIZE));
    if (back)
        s.seen = sg_node_out(g, back, 0);
    else
        s.quantize = 0;
    return s;
}

typedef struct named {
    const char *name;
    sg_vid v;
} named;

static int by_name(const void *a, const void *b)
{
    return strcmp(((const named *)a)->name, ((const named *)b)->name);
}

static bool layer_value(const sg_graph *g, const bool *constant, sg_vid v)
{
    const sg_value *val = &g->value[v];
    if (val->type.kind != SG_TENSOR || constant[v] || (val->role != SG_COMPUTED && val->role != SG_INPUT))
        return false;
    return val->role == SG_INPUT || g->node[val->def].op != SG_ROW(DEQUANTIZE);
}

static sedge_status names_of(const sg_graph *g, const bool *constant, sg_mem *mem, named **out, size_t *n, sg_err *err)
{
    *n = 0;
    if (!(*out = sg_calloc(mem, g->n_value + 1, sizeof **out)))
        return no_memory(err);
    for (sg_vid v = 1; v < g->n_value; v++)
        if (g->value[v].name && g->value[v].name[0] && layer_value(g, constant, v))
            (*out)[(*n)++] = (named){g->value[v].name, v};
    qsort(*out, *n, sizeof **out, by_name);
    return SEDGE_OK;
}

/* Sizes that are numbers in both agree; the others show in the run. */
static bool same_shape(const sg_type *x, const sg_type *y)
{
    bool same = x->rank == y->rank && x->rank >= 0;
    for (int k = 0; same && k < x->rank; k++)
        same = x->dim[k] == y->dim[k] || sg_dim_is_expr(x->dim[k]) || sg_dim_is_expr(y->dim[k]);
    return same;
}

static sedge_status add(sg_sites *s, sg_mem *mem, const sg_graph *a, sg_vid va, const sg_graph *b, sg_vid vb, const char *op,
                        sg_err *err)
{
    sg_site x = site_of(a, va), y = site_of(b, vb);
    if (a->value[x.seen].type.dtype != SG_F32 || b->value[y.seen].type.dtype != SG_F32 ||
        !same_shape(&a->value[x.seen].type, &b->value[y.seen].type))
        return SEDGE_OK;
    for (size_t k = 0; k < s->n; k++)
        if (s->a[k].seen == x.seen || s->b[k].seen == y.seen)
            return SEDGE_OK;
    if (sg_grow(mem, &s->a, &s->cap_a, s->n + 1, sizeof *s->a) != SEDGE_OK ||
        sg_grow(mem, &s->b, &s->cap_b, s->n + 1, sizeof *s->b) != SEDGE_OK ||
        sg_grow(mem, &s->name, &s->cap_name, s->n + 1, sizeof *s->name) != SEDGE_OK ||
        sg_grow(mem, &s->op, &s->cap_op, s->n + 1, sizeof *s->op) != SEDGE_OK)
        return no_memory(err);
    const sg_value *val = &b->value[vb];
    const sg_node *def = val->role == SG_COMPUTED ? &b->node[val->def] : NULL;
    if (def && def->op == SG_ROW(QUANTIZE) && b->value[sg_node_in(b, val->def, 0)].role == SG_COMPUTED)
        def = &b->node[b->value[sg_node_in(b, val->def, 0)].def];
    s->name[s->n] = b->value[vb].name ? b->value[vb].name : def && def->name ? def->name : "without name";
    s->op[s->n] = op ? op : def ? def->op->name : "input";
    s->a[s->n] = x;
    s->b[s->n++] = y;
    return SEDGE_OK;
}

/* Nothing but what convolutions have fused: the other operand, where there is one, is constant. */
static bool is_activation(const sg_graph *g, const bool *constant, sg_nid n)
{
    const sg_node *node = &g->node[n];
    const sg_attr *kind = sg_attr_find(node->attr, node->n_attr, SG_A_kind);
    if (node->op == SG_ROW(CLIP) || node->op == SG_ROW(BATCH_NORM))
        return true;
    if (node->op == SG_ROW(UNARY))
        return kind && kind->u.i == SG_UNARY_RELU;
    return node->op == SG_ROW(BINARY) && kind &&
           (kind->u.i == SG_BINARY_MAX || kind->u.i == SG_BINARY_MIN || kind->u.i == SG_BINARY_ADD) &&
           (constant[sg_node_in(g, n, 0)] || constant[sg_node_in(g, n, 1)]);
}

/* The only node that reads v; 0: there are more, or none. */
static sg_nid only_reader(const sg_graph *g, sg_vid v)
{
    uint32_t u = g->value[v].uses;
    return u && !g->operand[u].next && !sg_is_output(g, v) ? g->operand[u].node : 0;
}

/* Behind bias, normalization and activation, which one model has fused and the other has not. */
static sg_vid behind(const sg_graph *g, const bool *constant, sg_vid v)
{
    for (;;) {
        sg_nid n = only_reader(g, site_of(g, v).seen);
        if (!n || !is_activation(g, constant, n))
            return v;
        v = sg_node_out(g, n, 0);
    }
}

/* ---- by the order of nodes with weights ---- */

static bool has_weights(const sg_graph *g, const bool *constant, sg_nid n)
{
    const sg_op *op = g->node[n].op;
    bool product = op == SG_ROW(CONV) || op == SG_ROW(CONV_TRANSPOSE) || op == SG_ROW(MATMUL) || op == SG_ROW(GEMM);
    return product && sg_node_in(g, n, 1) && constant[sg_node_in(g, n, 1)] && !constant[sg_node_in(g, n, 0)];
}

static sg_nid next_weights(const sg_graph *g, const bool *constant, sg_nid n)
{
    do
        n = g->node[n].next;
    while (n && !has_weights(g, constant, n));
    return n;
}

/* Pairs them, if all have their like; *alike: how many of the values behind them bear the same name. */
static sedge_status match_order(sg_sites *s, sg_mem *mem, const sg_graph *a, const bool *ca, const sg_graph *b, const bool *cb,
                                size_t *alike, sg_err *err)
{
    sg_nid x = next_weights(a, ca, 0), y = next_weights(b, cb, 0);
    *alike = 0;
    for (; x && y; x = next_weights(a, ca, x), y = next_weights(b, cb, y)) {
        sg_vid vx = behind(a, ca, sg_node_out(a, x, 0)), vy = behind(b, cb, sg_node_out(b, y, 0));
        bool products = a->node[x].op != SG_ROW(CONV) && b->node[y].op != SG_ROW(CONV); /* Gemm is MatMul and a bias */
        if ((a->node[x].op != b->node[y].op && !products) || !same_shape(sg_vtype(a, vx), sg_vtype(b, vy)))
            break;
        *alike += a->value[vx].name && b->value[vy].name && strcmp(a->value[vx].name, b->value[vy].name) == 0;
        SG_TRY(add(s, mem, a, vx, b, vy, b->node[y].op->name, err));
    }
    if (x || y)
        s->n = 0;
    return SEDGE_OK;
}

/* ---- by name ---- */

static sedge_status match_name(sg_sites *s, sg_mem *mem, const sg_graph *a, const bool *ca, sg_vid v, const sg_graph *b,
                               const named *nb, size_t n, sg_err *err)
{
    const named key = {v ? a->value[v].name : NULL, 0}, *got = key.name && n ? bsearch(&key, nb, n, sizeof *nb, by_name) : NULL;
    if (!got || !layer_value(a, ca, v) || behind(a, ca, v) != v)
        return SEDGE_OK;
    return add(s, mem, a, v, b, got->v, NULL, err);
}

static sedge_status match_names(sg_sites *s, sg_mem *mem, const sg_graph *a, const bool *ca, const sg_graph *b, const bool *cb,
                                sg_err *err)
{
    named *nb = NULL;
    size_t n = 0;
    sedge_status st = names_of(b, cb, mem, &nb, &n, err);
    for (size_t k = 0; st == SEDGE_OK && k < a->n_input; k++)
        st = match_name(s, mem, a, ca, a->input[k], b, nb, n, err);
    SG_EACH_NODE(a, node)
    for (int k = 0; st == SEDGE_OK && k < a->node[node].n_out; k++)
        st = match_name(s, mem, a, ca, sg_node_out(a, node, k), b, nb, n, err);
    sg_free(mem, nb, (b->n_value + 1) * sizeof *nb);
    return st;
}

/* Sites in the order in which the first model makes them. */
static void sort_sites(sg_sites *s, const sg_graph *a, size_t *rank)
{
    size_t at = a->n_value;
    for (size_t k = 0; k < s->n; k++)
        rank[s->a[k].seen] = 0;
    SG_EACH_NODE(a, n)
    for (int k = 0; k < a->node[n].n_out; k++)
        if (sg_node_out(a, n, k))
            rank[sg_node_out(a, n, k)] = at++;
    for (size_t i = 1; i < s->n; i++) /* few, and nearly in order */
        for (size_t k = i; k > 0 && rank[s->a[k - 1].seen] > rank[s->a[k].seen]; k--) {
            sg_site x = s->a[k], y = s->b[k];
            const char *name = s->name[k], *op = s->op[k];
            s->a[k] = s->a[k - 1], s->b[k] = s->b[k - 1], s->name[k] = s->name[k - 1], s->op[k] = s->op[k - 1];
            s->a[k - 1] = x, s->b[k - 1] = y, s->name[k - 1] = name, s->op[k - 1] = op;
        }
}

sedge_status sg_sites_find(sg_sites *s, sg_mem *mem, const sg_graph *a, const sg_graph *b, sg_err *err)
{
    bool *ca = constant_values(a, mem), *cb = constant_values(b, mem);
    size_t alike = 0, *rank = sg_calloc(mem, a->n_value + 1, sizeof *rank);
    sedge_status st = ca && cb && rank ? match_order(s, mem, a, ca, b, cb, &alike, err) : no_memory(err);
    if (st == SEDGE_OK && 2 * alike >= s->n) /* names that tell the same tell of the other tensors too; counted ones may lie */
        st = match_names(s, mem, a, ca, b, cb, err);
    if (st == SEDGE_OK)
        sort_sites(s, a, rank);
    if (st == SEDGE_OK && s->n == 0)
        st = sg_fail(err, SEDGE_E_NOT_FOUND,
                     "compare: the models share no names of tensors, and no nodes with weights in one order");
    sg_free(mem, ca, (a->n_value + 1) * sizeof *ca);
    sg_free(mem, cb, (b->n_value + 1) * sizeof *cb);
    sg_free(mem, rank, (a->n_value + 1) * sizeof *rank);
    return st;
}

void sg_sites_free(sg_sites *s, sg_mem *mem)
{
    sg_free(mem, s->a, s->cap_a * sizeof *s->a);
    sg_free(mem, s->b, s->cap_b * sizeof *s->b);
    sg_free(mem, s->name, s->cap_name * sizeof *s->name);
    sg_free(mem, s->op, s->cap_op * sizeof *s->op);
    *s = (sg_sites){.n = 0};
}

/* ---- cut graphs ---- */

/* Readers of v, but the node that quantizes it, read `by` instead. */
static void turn_readers(sg_graph *g, sg_vid v, sg_nid but, sg_vid by)
{
    for (uint32_t u = g->value[v].uses, next; u; u = next) {
        sg_nid n = g->operand[u].node;
        next = g->operand[u].next;
        if (n == but)
            continue;
        sg_node_set_in(g, n, (int)(u - g->node[n].in0), by);
    }
}

static sedge_status cut_site(sg_graph *g, const sg_site *s, size_t k, bool outputs, sg_err *err)
{
    char name[48];
    int n = snprintf(name, sizeof name, "site %zu of a cut", k);
    sg_type type = g->value[s->seen].type;
    char *kept = sg_arena_str(g->arena, name, (size_t)n);
    sg_vid in = kept ? sg_input_new(g, &type, kept) : 0;
    if (!in)
        return no_memory(err);
    turn_readers(g, s->seen, 0, in);
    if (s->seen != s->value)
        turn_readers(g, s->value, s->quantize, in);
    for (size_t o = 0; outputs && o < g->n_output; o++)
        if (g->output[o] == s->seen || g->output[o] == s->value)
            g->output[o] = in;
    return SEDGE_OK;
}

/* Names of outputs that are shown twice would be the same. */
static sedge_status show_sites(sg_graph *g, const sg_site *site, size_t n, sg_err *err)
{
    for (size_t k = 0; k < n; k++)
        if (sg_output_add(g, site[k].seen) != SEDGE_OK)
            return no_memory(err);
    return SEDGE_OK;
}

static sedge_status make_cut(sg_patch *c, const sedge_model *m, const sg_site *site, size_t n, const bool *cut, bool show,
                             sg_err *err)
{
    sg_graph *g = sg_graph_clone(m->graph, &c->arena);
    sedge_plan_opts po;
    sedge_plan_opts_init(&po);
    po.optimize = 0;
    int next = c->n_own;
    sedge_status st = g ? SEDGE_OK : no_memory(err);
    for (size_t k = 0; st == SEDGE_OK && k < n; k++) {
        c->in[k] = -1;
        if (cut && cut[k]) {
            st = cut_site(g, &site[k], k, !show, err);
            c->in[k] = next++;
        }
    }
    if (st == SEDGE_OK && show)
        st = show_sites(g, site, n, err);
    if (st == SEDGE_OK)
        st = sg_model_of_graph(&c->model, g, m, err);
    if (g)
        sg_graph_free(g);
    if (st == SEDGE_OK)
        st = sedge_plan_make(&c->plan, c->model, &po, err);
    return st == SEDGE_OK ? sedge_session_open(&c->session, c->plan, NULL, err) : st;
}

sedge_status sg_patch_open(sg_patch *c, sg_mem *mem, const sedge_model *m, const sg_site *site, size_t n, const bool *cut,
                           bool show, sg_err *err)
{
    *c = (sg_patch){.mem = mem, .n = n, .n_own = sedge_model_inputs(m), .n_out = sedge_model_outputs(m)};
    c->arena.mem = mem;
    if (!(c->in = sg_calloc(mem, n + 1, sizeof *c->in)))
        return no_memory(err);
    return make_cut(c, m, site, n, cut, show, err);
}

void sg_patch_close(sg_patch *c)
{
    sedge_session_close(&c->session);
    sedge_plan_close(&c->plan);
    sedge_model_close(&c->model);
    if (c->mem)
        sg_free(c->mem, c->in, (c->n + 1) * sizeof *c->in);
    sg_arena_free(&c->arena);
    *c = (sg_patch){.mem = NULL};
}

sedge_status sg_patch_run(sg_patch *c, const sedge_tensor *own, const sedge_tensor *fed, sg_err *err)
{
    for (int k = 0; k < c->n_own; k++)
        SG_TRY(sedge_session_set_input(c->session, k, &own[k], err));
    for (size_t k = 0; fed && k < c->n; k++)
        if (c->in[k] >= 0)
            SG_TRY(sedge_session_set_input(c->session, c->in[k], &fed[k], err));
    return sedge_session_run(c->session, NULL, err);
}

sedge_status sg_patch_site(sg_patch *c, size_t k, sedge_tensor *out, sg_err *err)
{
    return sedge_session_get_output(c->session, c->n_out + (int)k, out, err);
}
