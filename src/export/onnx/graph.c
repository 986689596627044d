/* Graphs, values and tensors as messages; the bodies of nodes, closed in the graph, see the names around them again. */
#include <stdio.h>
#include <string.h>

#include "export/onnx/write.h"

/* ---- types ---- */

static void shape_write(sg_ow *w, const sg_type *t, const sg_dims *dims)
{
    sg_pbw_mark shape = sg_pbw_open(&w->out, SG_PF_TYPE_TENSOR_SHAPE);
    for (int i = 0; i < t->rank; i++) {
        sg_pbw_mark dim = sg_pbw_open(&w->out, SG_PF_SHAPE_DIM);
        const sg_dim_node *n = sg_dim_is_expr(t->dim[i]) ? &dims->node[sg_dim_expr(t->dim[i])] : NULL;
        if (!n)
            sg_pbw_int(&w->out, SG_PF_DIM_VALUE, t->dim[i]);
        else if (n->op == SG_DIM_SYM && n->name)
            sg_pbw_str(&w->out, SG_PF_DIM_PARAM, n->name);
        sg_pbw_close(&w->out, dim);
    }
    sg_pbw_close(&w->out, shape);
}

static void tensor_type(sg_ow *w, uint8_t dtype)
{
    sg_pbw_mark t = sg_pbw_open(&w->out, SG_PF_TYPE_TENSOR);
    sg_pbw_int(&w->out, SG_PF_TYPE_TENSOR_ELEM, sg_dtypes[dtype].onnx);
    sg_pbw_close(&w->out, t);
}

/* The fields of a TypeProto. inner: what is inside of an optional or a sequence. */
static void type_write(sg_ow *w, uint8_t kind, uint8_t inner, const sg_type *t)
{
    if (kind == SG_TENSOR) {
        tensor_type(w, t->dtype);
        return;
    }
    bool map = kind == SG_MAP;
    sg_pbw_mark box = sg_pbw_open(&w->out, map ? SG_PF_TYPE_MAP : kind == SG_SEQ ? SG_PF_TYPE_SEQUENCE : SG_PF_TYPE_OPTIONAL);
    if (map)
        sg_pbw_int(&w->out, SG_PF_TYPE_MAP_KEY, sg_dtypes[t->key].onnx);
    sg_pbw_mark elem = sg_pbw_open(&w->out, map ? SG_PF_TYPE_MAP_VALUE : SG_PF_TYPE_LIST_ELEM);
    type_write(w, map ? SG_TENSOR : inner, SG_TENSOR, t);
    sg_pbw_close(&w->out, elem);
    sg_pbw_close(&w->out, box);
}

void sg_ow_value(sg_ow *w, uint32_t field, const char *name, const sg_type *t, const sg_dims *dims, bool shape)
{
    sg_pbw_mark value = sg_pbw_open(&w->out, field);
    sg_pbw_str(&w->out, SG_PF_VALUE_NAME, name);
    if (t->dtype != SG_NONE) {
        sg_pbw_mark type = sg_pbw_open(&w->out, SG_PF_VALUE_TYPE);
        if (shape && t->kind == SG_TENSOR && t->rank >= 0) {
            sg_pbw_mark tensor = sg_pbw_open(&w->out, SG_PF_TYPE_TENSOR);
            sg_pbw_int(&w->out, SG_PF_TYPE_TENSOR_ELEM, sg_dtypes[t->dtype].onnx);
            shape_write(w, t, dims);
            sg_pbw_close(&w->out, tensor);
        } else {
            type_write(w, t->kind, t->inner, t);
        }
        sg_pbw_close(&w->out, type);
    }
    sg_pbw_close(&w->out, value);
}

static sg_pbw_mark tensor_open(sg_ow *w, uint32_t field, const sg_tensor *t, const char *name)
{
    sg_pbw_mark tensor = sg_pbw_open(&w->out, field);
    for (int i = 0; i < t->rank; i++)
        sg_pbw_int(&w->out, SG_PF_TENSOR_DIMS, t->dim[i]);
    sg_pbw_int(&w->out, SG_PF_TENSOR_DATA_TYPE, sg_dtypes[t->dtype].onnx);
    if (name)
        sg_pbw_str(&w->out, SG_PF_TENSOR_NAME, name);
    return tensor;
}

/* Elements stand in the graph as they do in raw_data: packed, lowest byte first. */
void sg_ow_tensor(sg_ow *w, uint32_t field, const sg_tensor *t, const char *name)
{
    sg_pbw_mark tensor = tensor_open(w, field, t, name);
    int64_t n = sg_numel(t);
    const sg_str *s = t->data;
    if (t->dtype != SG_STR)
        sg_pbw_borrow(&w->out, SG_PF_TENSOR_RAW_DATA, t->data, sg_tensor_bytes(t));
    for (int64_t i = 0; t->dtype == SG_STR && i < n; i++) {
        sg_str one;
        memcpy(&one, &s[i], sizeof one);
        sg_pbw_borrow(&w->out, SG_PF_TENSOR_STRING_DATA, one.p, one.n);
    }
    sg_pbw_close(&w->out, tensor);
}

static void place_write(sg_ow *w, const char *key, const char *value)
{
    sg_pbw_mark m = sg_pbw_open(&w->out, SG_PF_TENSOR_EXTERNAL_DATA);
    sg_pbw_str(&w->out, SG_PF_ENTRY_KEY, key);
    sg_pbw_str(&w->out, SG_PF_ENTRY_VALUE, value);
    sg_pbw_close(&w->out, m);
}

void sg_ow_weight(sg_ow *w, const sg_tensor *t, const char *name)
{
    enum { SMALL = 1024, ALIGN = 64 }; /* small ones are shapes and the like, which readers want in the model's file */
    size_t bytes = sg_tensor_bytes(t), gap = (size_t)(-w->far_size & (ALIGN - 1));
    char number[24];
    if (!w->beside || t->dtype == SG_STR || bytes < SMALL) {
        sg_ow_tensor(w, SG_PF_GRAPH_INITIALIZER, t, name);
        return;
    }
    if (sg_grow(w->mem, &w->far, &w->cap_far, w->n_far + 2, sizeof *w->far) != SEDGE_OK) {
        sg_ow_nomem(w);
        return;
    }
    if (gap)
        w->far[w->n_far++] = (sg_file_part){NULL, gap};
    w->far[w->n_far++] = (sg_file_part){t->data, bytes};
    w->far_size += gap;
    sg_pbw_mark tensor = tensor_open(w, SG_PF_GRAPH_INITIALIZER, t, name);
    place_write(w, "location", w->beside);
    snprintf(number, sizeof number, "%llu", (unsigned long long)w->far_size);
    place_write(w, "offset", number);
    snprintf(number, sizeof number, "%zu", bytes);
    place_write(w, "length", number);
    sg_pbw_int(&w->out, SG_PF_TENSOR_DATA_LOCATION, 1);
    sg_pbw_close(&w->out, tensor);
    w->far_size += bytes;
}

/* ---- graphs ---- */

sedge_status sg_ow_blame(const sg_graph *g, sg_nid id, sg_err *err)
{
    const sg_node *n = &g->node[id];
    if (strncmp(err->msg, "node ", 5) != 0)
        sg_err_where(err, "node %.80s (%.80s)", n->name && *n->name ? n->name : "unnamed", n->source ? n->source : n->op->name);
    return err->status;
}

sedge_status sg_ow_nodes(sg_ow *w, sg_ow_scope *sc)
{
    SG_EACH_NODE(sc->g, id)
    {
        sedge_status st = sg_ow_node(w, sc, id);
        if (st != SEDGE_OK)
            return sg_ow_blame(sc->g, id, w->err);
    }
    return w->out.lost ? sg_ow_nomem(w) : SEDGE_OK;
}

/* What a body gives back must be made in it, and once. */
static const char *body_output(sg_ow *w, sg_ow_scope *sc, size_t k)
{
    sg_vid v = sc->g->output[k];
    bool again = sc->g->value[v].role != SG_COMPUTED;
    for (size_t i = 0; i < k; i++)
        again = again || sc->g->output[i] == v;
    const char *name = sg_ow_name(w, sc, v);
    if (!again)
        return name;
    const char *copy = sg_ow_unique(w, name);
    sg_ow_identity(w, name, copy);
    return copy;
}

sedge_status sg_ow_graph(sg_ow *w, sg_ow_scope *sc, size_t n_in, bool body)
{
    const sg_graph *g = sc->g;
    const char **out = sg_arena_array(w->arena, g->n_output + 1, sizeof *out);
    if (!out)
        return sg_ow_nomem(w);
    for (size_t k = 0; k < n_in; k++)
        sg_ow_name(w, sc, g->input[k]);
    SG_TRY(sg_ow_nodes(w, sc));
    for (size_t k = 0; k < g->n_output; k++)
        out[k] = body ? body_output(w, sc, k) : sg_ow_name(w, sc, g->output[k]);
    sg_pbw_str(&w->out, SG_PF_GRAPH_NAME, g->name && *g->name ? g->name : "graph");
    for (size_t k = 0; k < n_in; k++) {
        const sg_type *t = &g->value[g->input[k]].type;
        sg_ow_value(w, SG_PF_GRAPH_INPUT, sg_ow_name(w, sc, g->input[k]), t, &g->dims, !body || t->rank == 0);
    }
    for (size_t k = 0; k < g->n_output; k++)
        sg_ow_value(w, SG_PF_GRAPH_OUTPUT, out[k], &g->value[g->output[k]].type, &g->dims, !body);
    return w->out.lost ? sg_ow_nomem(w) : SEDGE_OK;
}
