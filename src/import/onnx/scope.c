/* Scopes: names of a graph, body or call bound to values, and lowering its nodes in order. */
#include <string.h>

#include "import/onnx/state.h"
#include "import/onnx/tensor.h"

static sedge_status nomem(sg_onnx *s)
{
    return sg_fail(s->err, SEDGE_E_NOMEM, "out of memory");
}

sedge_status sg_onnx_bind(sg_onnx *s, sg_onnx_scope *sc, const char *name, sg_vid v, uint8_t flags)
{
    bool fresh;
    sg_onnx_slot *slot = sg_onnx_slot_add(&sc->table, name, &fresh);
    if (!slot)
        return nomem(s);
    slot->v = v;
    slot->flags |= (uint8_t)(SG_SLOT_BOUND | flags);
    return SEDGE_OK;
}

/* A name may have one definition; what came from outside gives way. */
static sedge_status define(sg_onnx *s, sg_onnx_scope *sc, const char *name, int32_t producer)
{
    bool fresh;
    sg_onnx_slot *slot = sg_onnx_slot_add(&sc->table, name, &fresh);
    if (!slot)
        return nomem(s);
    if (!fresh && !(slot->flags & SG_SLOT_WEAK))
        return sg_fail(s->err, SEDGE_E_FORMAT, "the name %.100s is defined twice", name);
    *slot = (sg_onnx_slot){.name = name, .producer = producer};
    return SEDGE_OK;
}

static sedge_status const_bind(sg_onnx *s, sg_onnx_scope *sc, const char *name, const sg_tensor *t)
{
    if (!*name)
        return sg_fail(s->err, SEDGE_E_FORMAT, "an initializer has no name");
    sg_vid v = sg_const_new(sc->g, (sg_dtype)t->dtype, t->rank, t->dim, t->data, name);
    if (!v)
        return nomem(s);
    SG_TRY(define(s, sc, name, -1));
    return sg_onnx_bind(s, sc, name, v, 0);
}

sedge_status sg_onnx_bind_consts(sg_onnx *s, sg_onnx_scope *sc, const sg_onp_graph *g)
{
    sg_onnx_files files = {s->arena, s->path, &s->info->file};
    sg_tensor t;
    for (int i = 0; i < g->n_init + g->n_sparse; i++) {
        bool dense = i < g->n_init;
        const char *name = dense ? g->init_name[i] : g->sparse_name[i - g->n_init];
        sedge_status st = dense ? sg_onnx_tensor_read(s->arena, g->init[i], &files, &t, NULL, s->err)
                                : sg_onnx_sparse_read(s->arena, g->sparse[i - g->n_init], &files, &s->dense, &t, NULL, s->err);
        if (st != SEDGE_OK) {
            sg_err_where(s->err, "initializer %.100s", name);
            return st;
        }
        SG_TRY(const_bind(s, sc, name, &t));
    }
    return SEDGE_OK;
}

/* The slot of a name in the scopes around sc. */
static const sg_onnx_slot *outer_find(const sg_onnx_scope *sc, const char *name, const sg_onnx_scope **where)
{
    for (const sg_onnx_scope *o = sc->outer; o; o = o->outer) {
        const sg_onnx_slot *slot = sg_onnx_slot_find(&o->table, name);
        if (slot && slot->flags & SG_SLOT_BOUND)
            return *where = o, slot;
    }
    return NULL;
}

sedge_status sg_onnx_resolve(sg_onnx *s, sg_onnx_scope *sc, const char *name, sg_vid *out)
{
    const sg_onnx_slot *slot = sg_onnx_slot_find(&sc->table, name);
    if (slot && slot->flags & SG_SLOT_BOUND)
        return *out = slot->v, SEDGE_OK;
    const sg_onnx_scope *o;
    slot = outer_find(sc, name, &o);
    if (!slot)
        return sg_fail(s->err, SEDGE_E_FORMAT, "the name %.100s is not defined", name);
    *out = SG_NONE_ID;
    if (slot->v) {
        sg_value v = o->g->value[slot->v];
        if (v.role != SG_CONST)
            return sg_fail(s->err, SEDGE_E_BUG, "%.100s was not captured", name);
        *out = sg_const_new(sc->g, (sg_dtype)v.type.dtype, v.type.rank, v.type.dim, v.data, v.name);
        if (!*out)
            return nomem(s);
    }
    return sg_onnx_bind(s, sc, name, *out, SG_SLOT_WEAK | SG_SLOT_USED);
}

static sedge_status use(sg_onnx *s, sg_onnx_scope *sc, const char *name)
{
    const sg_onnx_scope *o;
    sg_onnx_slot *slot = sg_onnx_slot_find(&sc->table, name);
    if (slot)
        slot->flags |= SG_SLOT_USED;
    else if (!outer_find(sc, name, &o))
        return sg_fail(s->err, SEDGE_E_FORMAT, "the name %.100s is not defined", name);
    return SEDGE_OK;
}

/* Models exist that define a constant twice under one name; other runtimes take the last one for all its uses. */
static bool const_again(sg_onnx_scope *sc, const sg_onp_node *node, int i)
{
    sg_onnx_slot *slot = node[i].n_out == 1 && sg_onnx_is_constant(&node[i]) ? sg_onnx_slot_find(&sc->table, node[i].out[0])
                                                                             : NULL;
    if (!slot || slot->producer < 0 || !sg_onnx_is_constant(&node[slot->producer]))
        return false;
    slot->producer = i;
    return true;
}

static bool overruled(const sg_onnx_scope *sc, const sg_onp_node *node, int i)
{
    const sg_onnx_slot *slot = node[i].n_out == 1 && sg_onnx_is_constant(&node[i]) ? sg_onnx_slot_find(&sc->table, node[i].out[0])
                                                                                   : NULL;
    return slot && slot->producer != i;
}

static sedge_status define_all(sg_onnx *s, sg_onnx_scope *sc, const sg_onp_node *node, int n)
{
    for (int i = 0; i < n; i++)
        for (int k = 0; k < node[i].n_out; k++)
            if (*node[i].out[k] && !const_again(sc, node, i))
                SG_TRY(define(s, sc, node[i].out[k], i));
    return SEDGE_OK;
}

static sedge_status use_all(sg_onnx *s, sg_onnx_scope *sc, const sg_onp_node *node, int n, const char *const *output,
                            int n_output)
{
    for (int i = 0; i < n; i++)
        for (int k = 0; k < node[i].n_reads; k++)
            if (*node[i].reads[k] && use(s, sc, node[i].reads[k]) != SEDGE_OK) {
                sg_err_where(s->err, "node %.60s (%.60s), input %d", *node[i].name ? node[i].name : "unnamed", node[i].op_type,
                             k);
                return s->err ? s->err->status : SEDGE_E_FORMAT;
            }
    for (int i = 0; i < n_output; i++)
        if (use(s, sc, output[i]) != SEDGE_OK) {
            sg_err_where(s->err, "output %d of the graph", i);
            return s->err ? s->err->status : SEDGE_E_FORMAT;
        }
    return SEDGE_OK;
}

sedge_status sg_onnx_lower_all(sg_onnx *s, sg_onnx_scope *sc, const sg_onp_node *node, int n, const char *const *output,
                               int n_output)
{
    SG_TRY(define_all(s, sc, node, n));
    SG_TRY(use_all(s, sc, node, n, output, n_output));
    size_t room = (size_t)n + 1;
    int32_t *order = sg_calloc(s->mem, room, sizeof *order);
    if (!order)
        return nomem(s);
    sedge_status st = sg_onnx_sort(s, sc, node, n, order);
    for (int i = 0; i < n && st == SEDGE_OK; i++)
        st = overruled(sc, node, order[i]) ? SEDGE_OK : sg_onnx_node_lower(s, sc, &node[order[i]]);
    sg_free(s->mem, order, room * sizeof *order);
    return st;
}
