/* Bodies of If, Loop, Scan and their like as closed regions. */
#include "import/onnx/region.h"

#include <string.h>

#include "import/onnx/state.h"

static sedge_status nomem(sg_onnx_node *n)
{
    return sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
}

static const sg_onp_graph *body_find(const sg_onnx_node *n, const char *attr)
{
    const sg_onnx_at *at = sg_onnx_here(n);
    const sg_onp_attr *a = sg_onnx_attr(at->scope->frame, at->node, attr);
    return a ? a->graph : NULL;
}

static sedge_status body_get(sg_onnx_node *n, const char *attr, const sg_onp_graph **out)
{
    *out = body_find(n, attr);
    return *out ? SEDGE_OK : sg_fail(n->err, SEDGE_E_FORMAT, "attribute %s, a graph, is missing", attr);
}

void sg_on_body_arity(sg_onnx_node *n, const char *attr, int *n_in, int *n_out)
{
    const sg_onp_graph *b = body_find(n, attr);
    *n_in = b ? b->n_input : 0;
    *n_out = b ? b->n_output : 0;
}

sedge_status sg_on_captures(sg_onnx_node *n, const char *attr, const char ***names, sg_vid **vals, int *count)
{
    const sg_onp_graph *b;
    SG_TRY(body_get(n, attr, &b));
    *count = 0;
    *names = sg_arena_array(&sg_onnx_here(n)->imp->tmp, (size_t)b->n_free, sizeof **names);
    *vals = sg_arena_array(&sg_onnx_here(n)->imp->tmp, (size_t)b->n_free, sizeof **vals);
    if (!*names || !*vals)
        return nomem(n);
    for (int i = 0; i < b->n_free; i++) {
        sg_vid v;
        SG_TRY(sg_onnx_resolve(sg_onnx_here(n)->imp, sg_onnx_here(n)->scope, b->free_name[i], &v));
        if (!v || n->g->value[v].role == SG_CONST)
            continue;
        (*names)[*count] = b->free_name[i];
        (*vals)[*count] = v;
        ++*count;
    }
    return SEDGE_OK;
}

/* Expressions outside and the symbols that stand for them inside. */
typedef struct dim_map {
    sg_dim *pair;
    size_t n, cap; /* in dims: two a pair */
} dim_map;

static sedge_status dim_inside(sg_onnx_node *n, dim_map *m, sg_graph *r, sg_dim *d)
{
    if (!sg_dim_is_expr(*d))
        return SEDGE_OK;
    for (size_t i = 0; i < m->n; i += 2)
        if (m->pair[i] == *d)
            return *d = m->pair[i + 1], SEDGE_OK;
    if (sg_grow(sg_onnx_here(n)->imp->mem, &m->pair, &m->cap, m->n + 2, sizeof *m->pair) != SEDGE_OK)
        return nomem(n);
    sg_dim in = sg_dim_sym(&r->dims, NULL, 0);
    if (in == SG_DIM_BAD)
        return nomem(n);
    r->dims.node[sg_dim_expr(in)].bound = n->g->dims.node[sg_dim_expr(*d)].bound;
    m->pair[m->n++] = *d;
    m->pair[m->n++] = in;
    *d = in;
    return SEDGE_OK;
}

static sedge_status type_inside(sg_onnx_node *n, dim_map *m, sg_graph *r, sg_type *t)
{
    for (int i = 0; i < t->rank; i++)
        SG_TRY(dim_inside(n, m, r, &t->dim[i]));
    return SEDGE_OK;
}

static sedge_status formals(sg_onnx_node *n, const sg_onp_graph *b, sg_onnx_scope *sc, dim_map *m, const sg_type *types,
                            int n_formal)
{
    if (types && n_formal != b->n_input)
        return sg_fail(n->err, SEDGE_E_FORMAT, "a body takes %d inputs, not %d", b->n_input, n_formal);
    for (int i = 0; i < b->n_input; i++) {
        sg_type t;
        if (types)
            t = types[i];
        else
            SG_TRY(sg_onp_type_read(sg_onnx_here(n)->imp, b->input[i], sc->g, &t));
        if (types)
            SG_TRY(type_inside(n, m, sc->g, &t));
        sg_vid v = sg_input_new(sc->g, &t, b->input_name[i]);
        if (!v)
            return nomem(n);
        const sg_onnx_slot *slot = sg_onnx_slot_find(&sc->table, b->input_name[i]);
        if (slot && !(slot->flags & SG_SLOT_WEAK))
            return sg_fail(n->err, SEDGE_E_FORMAT, "the name %.100s is defined twice", b->input_name[i]);
        SG_TRY(sg_onnx_bind(sg_onnx_here(n)->imp, sc, b->input_name[i], v, 0));
    }
    return SEDGE_OK;
}

/* A capture never changes while its node runs, so known contents stay known inside, if they are numbers. */
static void content_inside(const sg_value *from, sg_value *to)
{
    for (uint32_t i = 0; i < from->n_content; i++)
        if (sg_dim_is_expr(from->content[i]))
            return;
    to->content = from->content;
    to->n_content = from->n_content;
}

static sedge_status captured(sg_onnx_node *n, sg_onnx_scope *sc, dim_map *m, const char **names, const sg_vid *vals, int count)
{
    for (int i = 0; i < count; i++) {
        const sg_value *from = &n->g->value[vals[i]];
        sg_type t = from->type;
        SG_TRY(type_inside(n, m, sc->g, &t));
        sg_vid v = sg_input_new(sc->g, &t, names[i]);
        if (!v)
            return nomem(n);
        content_inside(from, &sc->g->value[v]);
        if (!sg_onnx_slot_find(&sc->table, names[i]))
            SG_TRY(sg_onnx_bind(sg_onnx_here(n)->imp, sc, names[i], v, SG_SLOT_WEAK));
    }
    return SEDGE_OK;
}

static sedge_status build(sg_onnx_node *n, const sg_onp_graph *b, sg_onnx_scope *sc)
{
    SG_TRY(sg_onnx_bind_consts(sg_onnx_here(n)->imp, sc, b));
    SG_TRY(sg_onnx_lower_all(sg_onnx_here(n)->imp, sc, b->node, b->n_node, b->output, b->n_output));
    for (int i = 0; i < b->n_output; i++) {
        sg_vid v;
        SG_TRY(sg_onnx_resolve(sg_onnx_here(n)->imp, sc, b->output[i], &v));
        if (!v)
            return sg_fail(n->err, SEDGE_E_FORMAT, "output %d of a body is absent", i);
        if (sg_output_add(sc->g, v) != SEDGE_OK)
            return nomem(n);
    }
    return SEDGE_OK;
}

sedge_status sg_on_region(sg_onnx_node *n, const char *attr, sg_nid node, int k, const sg_type *formal_types, int n_formal,
                          const char **captures, const sg_vid *capture_vals, int n_captures)
{
    const sg_onp_graph *b;
    SG_TRY(body_get(n, attr, &b));
    if (sg_onnx_here(n)->imp->depth >= SG_ONNX_DEPTH_MAX)
        return sg_fail(n->err, SEDGE_E_LIMIT, "functions and bodies are nested deeper than %d", SG_ONNX_DEPTH_MAX);
    sg_graph *r = sg_node_region(n->g, node, k);
    if (!r)
        return nomem(n);
    r->name = b->name;
    sg_onnx_scope sc = {.outer = sg_onnx_here(n)->scope,
                        .g = r,
                        .frame = sg_onnx_here(n)->scope->frame,
                        .table = {.mem = sg_onnx_here(n)->imp->mem}};
    dim_map m = {NULL, 0, 0};
    sg_onnx_here(n)->imp->depth++;
    sedge_status st = formals(n, b, &sc, &m, formal_types, n_formal);
    if (st == SEDGE_OK)
        st = captured(n, &sc, &m, captures, capture_vals, n_captures);
    if (st == SEDGE_OK)
        st = build(n, b, &sc);
    sg_onnx_here(n)->imp->depth--;
    sg_free(sg_onnx_here(n)->imp->mem, m.pair, m.cap * sizeof *m.pair);
    sg_onnx_table_free(&sc.table);
    return st;
}
