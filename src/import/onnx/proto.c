/* Messages to plain structs: graphs, nodes, attributes, functions. */
#include <string.h>

#include "import/onnx/state.h"

sedge_status sg_onnx_bad(sg_onnx *s, const char *what)
{
    return sg_fail(s->err, SEDGE_E_FORMAT, "malformed %s", what);
}

static sedge_status nomem(sg_onnx *s)
{
    return sg_fail(s->err, SEDGE_E_NOMEM, "out of memory");
}

size_t sg_onp_count(sg_pb msg, uint32_t field)
{
    size_t n = 0;
    sg_pb_field f;
    while (sg_pb_next(&msg, &f))
        n += f.num == field;
    return msg.bad || n > INT32_MAX ? SIZE_MAX : n;
}

/* Room for the occurrences of a field, in *arr, with room for one more. */
static sedge_status room(sg_onnx *s, sg_pb msg, uint32_t field, size_t size, void *arr, const char *what)
{
    size_t n = sg_onp_count(msg, field);
    if (n == SIZE_MAX)
        return sg_onnx_bad(s, what);
    void *p = sg_arena_array(&s->tmp, n + 1, size);
    if (!p)
        return nomem(s);
    memcpy(arr, &p, sizeof p);
    return SEDGE_OK;
}

static sedge_status name_read(sg_onnx *s, const sg_pb_field *f, const char **out)
{
    if (f->wire != SG_PB_LEN)
        return sg_onnx_bad(s, "string");
    *out = sg_onnx_intern(s, f->b);
    return *out ? SEDGE_OK : s->err ? s->err->status : SEDGE_E_FORMAT;
}

/* "ai.onnx" is spelt "". */
static sedge_status domain_read(sg_onnx *s, const sg_pb_field *f, const char **out)
{
    SG_TRY(name_read(s, f, out));
    if (strcmp(*out, "ai.onnx") == 0)
        *out = "";
    return SEDGE_OK;
}

sedge_status sg_onp_opset_read(sg_onnx *s, sg_pb msg, sg_import_opset *out)
{
    sg_pb_field f;
    *out = (sg_import_opset){"", 1};
    while (sg_pb_next(&msg, &f)) {
        if (f.num == SG_PF_OPSET_DOMAIN)
            SG_TRY(domain_read(s, &f, &out->domain));
        else if (f.num == SG_PF_OPSET_VERSION)
            out->version = (int64_t)f.v;
    }
    return msg.bad ? sg_onnx_bad(s, "opset_import") : SEDGE_OK;
}

/* Files of IR versions 1 and 2 leave the type out. */
static int type_guess(uint32_t num)
{
    switch (num) {
    case SG_PF_ATTR_F: return SG_AT_FLOAT;
    case SG_PF_ATTR_I: return SG_AT_INT;
    case SG_PF_ATTR_S: return SG_AT_STRING;
    case SG_PF_ATTR_T: return SG_AT_TENSOR;
    case SG_PF_ATTR_G: return SG_AT_GRAPH;
    case SG_PF_ATTR_FLOATS: return SG_AT_FLOATS;
    case SG_PF_ATTR_INTS: return SG_AT_INTS;
    case SG_PF_ATTR_STRINGS: return SG_AT_STRINGS;
    case SG_PF_ATTR_SPARSE: return SG_AT_SPARSE;
    case SG_PF_ATTR_TP: return SG_AT_TYPE;
    default: return SG_AT_NONE;
    }
}

sedge_status sg_onp_attr_read(sg_onnx *s, sg_pb msg, sg_onp_attr *out)
{
    sg_pb_field f;
    int guess = SG_AT_NONE;
    memset(out, 0, sizeof *out);
    out->name = "";
    out->msg = msg;
    while (sg_pb_next(&msg, &f)) {
        if (!guess)
            guess = type_guess(f.num);
        switch (f.num) {
        case SG_PF_ATTR_NAME: SG_TRY(name_read(s, &f, &out->name)); break;
        case SG_PF_ATTR_REF: SG_TRY(name_read(s, &f, &out->ref)); break;
        case SG_PF_ATTR_TYPE: out->type = f.v < SG_AT_COUNT ? (int)f.v : SG_AT_COUNT; break;
        case SG_PF_ATTR_I: out->i = (int64_t)f.v; break;
        case SG_PF_ATTR_F: out->f = sg_pb_f32(f.v); break;
        case SG_PF_ATTR_S: out->s = f.b; break;
        case SG_PF_ATTR_T: out->t = f.b; break;
        case SG_PF_ATTR_SPARSE: out->sparse = f.b; break;
        case SG_PF_ATTR_G:
            if (out->graph)
                return sg_onnx_bad(s, "attribute");
            SG_TRY(sg_onp_graph_read(s, sg_pb_sub(&msg, &f), &out->graph));
            break;
        default: break;
        }
    }
    if (out->type == SG_AT_NONE)
        out->type = guess;
    if (out->ref && !*out->ref)
        out->ref = NULL;
    if (out->type == SG_AT_GRAPH && !out->graph && !out->ref)
        return sg_onnx_bad(s, "attribute");
    return msg.bad ? sg_onnx_bad(s, "attribute") : SEDGE_OK;
}

/* reads = inputs and what the bodies capture. */
static sedge_status reads_collect(sg_onnx *s, sg_onp_node *n)
{
    size_t count = (size_t)n->n_in;
    for (int i = 0; i < n->n_attr; i++)
        count += n->attr[i].graph ? (size_t)n->attr[i].graph->n_free : 0;
    n->reads = n->in;
    n->n_reads = n->n_in;
    if (count == (size_t)n->n_in)
        return SEDGE_OK;
    if (count > INT32_MAX)
        return nomem(s);
    n->reads = sg_arena_array(&s->tmp, count, sizeof *n->reads);
    if (!n->reads)
        return nomem(s);
    if (n->n_in)
        memcpy(n->reads, n->in, (size_t)n->n_in * sizeof *n->in);
    for (int i = 0; i < n->n_attr; i++)
        for (int k = 0; n->attr[i].graph && k < n->attr[i].graph->n_free; k++)
            n->reads[n->n_reads++] = n->attr[i].graph->free_name[k];
    return SEDGE_OK;
}

sedge_status sg_onp_node_read(sg_onnx *s, sg_pb msg, sg_onp_node *out)
{
    sg_pb_field f;
    memset(out, 0, sizeof *out);
    out->name = out->op_type = out->domain = out->overload = "";
    SG_TRY(room(s, msg, SG_PF_NODE_INPUT, sizeof *out->in, &out->in, "node"));
    SG_TRY(room(s, msg, SG_PF_NODE_OUTPUT, sizeof *out->out, &out->out, "node"));
    SG_TRY(room(s, msg, SG_PF_NODE_ATTRIBUTE, sizeof *out->attr, &out->attr, "node"));
    while (sg_pb_next(&msg, &f)) {
        switch (f.num) {
        case SG_PF_NODE_INPUT: SG_TRY(name_read(s, &f, &out->in[out->n_in++])); break;
        case SG_PF_NODE_OUTPUT: SG_TRY(name_read(s, &f, &out->out[out->n_out++])); break;
        case SG_PF_NODE_NAME: SG_TRY(name_read(s, &f, &out->name)); break;
        case SG_PF_NODE_OP_TYPE: SG_TRY(name_read(s, &f, &out->op_type)); break;
        case SG_PF_NODE_DOMAIN: SG_TRY(domain_read(s, &f, &out->domain)); break;
        case SG_PF_NODE_OVERLOAD: SG_TRY(name_read(s, &f, &out->overload)); break;
        case SG_PF_NODE_ATTRIBUTE: SG_TRY(sg_onp_attr_read(s, sg_pb_sub(&msg, &f), &out->attr[out->n_attr++])); break;
        default: break;
        }
    }
    if (msg.bad)
        return sg_onnx_bad(s, "node");
    return reads_collect(s, out);
}

/* The name of a ValueInfoProto (field 1) or TensorProto (field 8). */
static sedge_status message_name(sg_onnx *s, sg_pb msg, uint32_t field, const char **out)
{
    sg_pb_field f;
    *out = "";
    while (sg_pb_next(&msg, &f))
        if (f.num == field)
            SG_TRY(name_read(s, &f, out));
    return msg.bad ? sg_onnx_bad(s, "name") : SEDGE_OK;
}

static sedge_status sparse_name(sg_onnx *s, sg_pb msg, const char **out)
{
    sg_pb_field f;
    *out = "";
    while (sg_pb_next(&msg, &f))
        if (f.num == SG_PF_SPARSE_VALUES)
            SG_TRY(message_name(s, sg_pb_sub(&msg, &f), SG_PF_TENSOR_NAME, out));
    return msg.bad ? sg_onnx_bad(s, "sparse initializer") : SEDGE_OK;
}

static sedge_status define(sg_onnx *s, sg_onnx_table *t, const char *name)
{
    bool fresh;
    return *name && !sg_onnx_slot_add(t, name, &fresh) ? nomem(s) : SEDGE_OK;
}

static sedge_status free_add(sg_onnx *s, sg_onnx_table *t, sg_onp_graph *g, size_t *cap, const char *name)
{
    bool fresh = false;
    if (*name && !sg_onnx_slot_add(t, name, &fresh))
        return nomem(s);
    if (!fresh)
        return SEDGE_OK;
    if ((size_t)g->n_free == *cap) {
        size_t more = *cap ? *cap * 2 : 8;
        const char **p = sg_arena_array(&s->tmp, more, sizeof *p);
        if (!p || more > INT32_MAX)
            return nomem(s);
        if (g->n_free)
            memcpy(p, g->free_name, (size_t)g->n_free * sizeof *p);
        g->free_name = p;
        *cap = more;
    }
    g->free_name[g->n_free++] = name;
    return SEDGE_OK;
}

/* Names that the graph reads and does not define, each once. */
static sedge_status free_collect(sg_onnx *s, sg_onp_graph *g, sg_onnx_table *t)
{
    size_t cap = 0;
    for (int i = 0; i < g->n_input; i++)
        SG_TRY(define(s, t, g->input_name[i]));
    for (int i = 0; i < g->n_init; i++)
        SG_TRY(define(s, t, g->init_name[i]));
    for (int i = 0; i < g->n_sparse; i++)
        SG_TRY(define(s, t, g->sparse_name[i]));
    for (int i = 0; i < g->n_node; i++)
        for (int k = 0; k < g->node[i].n_out; k++)
            SG_TRY(define(s, t, g->node[i].out[k]));
    for (int i = 0; i < g->n_node; i++)
        for (int k = 0; k < g->node[i].n_reads; k++)
            SG_TRY(free_add(s, t, g, &cap, g->node[i].reads[k]));
    for (int i = 0; i < g->n_output; i++)
        SG_TRY(free_add(s, t, g, &cap, g->output[i]));
    return SEDGE_OK;
}

static sedge_status graph_rooms(sg_onnx *s, sg_pb msg, sg_onp_graph *g)
{
    SG_TRY(room(s, msg, SG_PF_GRAPH_NODE, sizeof *g->node, &g->node, "graph"));
    SG_TRY(room(s, msg, SG_PF_GRAPH_INITIALIZER, sizeof *g->init, &g->init, "graph"));
    SG_TRY(room(s, msg, SG_PF_GRAPH_INITIALIZER, sizeof *g->init_name, &g->init_name, "graph"));
    SG_TRY(room(s, msg, SG_PF_GRAPH_SPARSE_INITIALIZER, sizeof *g->sparse, &g->sparse, "graph"));
    SG_TRY(room(s, msg, SG_PF_GRAPH_SPARSE_INITIALIZER, sizeof *g->sparse_name, &g->sparse_name, "graph"));
    SG_TRY(room(s, msg, SG_PF_GRAPH_INPUT, sizeof *g->input, &g->input, "graph"));
    SG_TRY(room(s, msg, SG_PF_GRAPH_INPUT, sizeof *g->input_name, &g->input_name, "graph"));
    return room(s, msg, SG_PF_GRAPH_OUTPUT, sizeof *g->output, &g->output, "graph");
}

static sedge_status graph_field(sg_onnx *s, sg_pb *msg, const sg_pb_field *f, sg_onp_graph *g)
{
    switch (f->num) {
    case SG_PF_GRAPH_NODE: return sg_onp_node_read(s, sg_pb_sub(msg, f), &g->node[g->n_node++]);
    case SG_PF_GRAPH_NAME: return name_read(s, f, &g->name);
    case SG_PF_GRAPH_INITIALIZER:
        g->init[g->n_init] = sg_pb_sub(msg, f);
        SG_TRY(message_name(s, g->init[g->n_init], SG_PF_TENSOR_NAME, &g->init_name[g->n_init]));
        g->n_init++;
        return SEDGE_OK;
    case SG_PF_GRAPH_SPARSE_INITIALIZER:
        g->sparse[g->n_sparse] = sg_pb_sub(msg, f);
        SG_TRY(sparse_name(s, g->sparse[g->n_sparse], &g->sparse_name[g->n_sparse]));
        g->n_sparse++;
        return SEDGE_OK;
    case SG_PF_GRAPH_INPUT:
        g->input[g->n_input] = sg_pb_sub(msg, f);
        SG_TRY(message_name(s, g->input[g->n_input], SG_PF_VALUE_NAME, &g->input_name[g->n_input]));
        g->n_input++;
        return SEDGE_OK;
    case SG_PF_GRAPH_OUTPUT: return message_name(s, sg_pb_sub(msg, f), SG_PF_VALUE_NAME, &g->output[g->n_output++]);
    default: return SEDGE_OK;
    }
}

sedge_status sg_onp_graph_read(sg_onnx *s, sg_pb msg, sg_onp_graph **out)
{
    if (msg.depth + 3 > SG_PB_DEPTH_MAX) /* a graph, its nodes, their attributes */
        return sg_fail(s->err, SEDGE_E_LIMIT, "graphs are nested too deeply");
    sg_onp_graph *g = sg_arena_alloc(&s->tmp, sizeof *g);
    if (!g)
        return nomem(s);
    g->name = "";
    SG_TRY(graph_rooms(s, msg, g));
    sg_pb_field f;
    while (sg_pb_next(&msg, &f))
        SG_TRY(graph_field(s, &msg, &f, g));
    if (msg.bad)
        return sg_onnx_bad(s, "graph");
    sg_onnx_table t = {.mem = s->mem};
    sedge_status st = free_collect(s, g, &t);
    sg_onnx_table_free(&t);
    *out = g;
    return st;
}

static sedge_status fn_rooms(sg_onnx *s, sg_pb msg, sg_onp_fn *fn)
{
    SG_TRY(room(s, msg, SG_PF_FUNCTION_INPUT, sizeof *fn->in, &fn->in, "function"));
    SG_TRY(room(s, msg, SG_PF_FUNCTION_OUTPUT, sizeof *fn->out, &fn->out, "function"));
    SG_TRY(room(s, msg, SG_PF_FUNCTION_NODE, sizeof *fn->node, &fn->node, "function"));
    SG_TRY(room(s, msg, SG_PF_FUNCTION_ATTRIBUTE_PROTO, sizeof *fn->attr, &fn->attr, "function"));
    return room(s, msg, SG_PF_FUNCTION_OPSET_IMPORT, sizeof *fn->opset, &fn->opset, "function");
}

sedge_status sg_onp_fn_read(sg_onnx *s, sg_pb msg, sg_onp_fn *fn)
{
    sg_pb_field f;
    memset(fn, 0, sizeof *fn);
    fn->name = fn->domain = fn->overload = "";
    SG_TRY(fn_rooms(s, msg, fn));
    while (sg_pb_next(&msg, &f)) {
        switch (f.num) {
        case SG_PF_FUNCTION_NAME: SG_TRY(name_read(s, &f, &fn->name)); break;
        case SG_PF_FUNCTION_DOMAIN: SG_TRY(domain_read(s, &f, &fn->domain)); break;
        case SG_PF_FUNCTION_OVERLOAD: SG_TRY(name_read(s, &f, &fn->overload)); break;
        case SG_PF_FUNCTION_INPUT: SG_TRY(name_read(s, &f, &fn->in[fn->n_in++])); break;
        case SG_PF_FUNCTION_OUTPUT: SG_TRY(name_read(s, &f, &fn->out[fn->n_out++])); break;
        case SG_PF_FUNCTION_NODE: SG_TRY(sg_onp_node_read(s, sg_pb_sub(&msg, &f), &fn->node[fn->n_node++])); break;
        case SG_PF_FUNCTION_ATTRIBUTE_PROTO: SG_TRY(sg_onp_attr_read(s, sg_pb_sub(&msg, &f), &fn->attr[fn->n_attr++])); break;
        case SG_PF_FUNCTION_OPSET_IMPORT: SG_TRY(sg_onp_opset_read(s, sg_pb_sub(&msg, &f), &fn->opset[fn->n_opset++])); break;
        default: break;
        }
    }
    return msg.bad ? sg_onnx_bad(s, "function") : SEDGE_OK;
}
