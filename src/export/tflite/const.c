/* What is constant: tensors of the graph, and what simple rows make of them, by their own references. */
#include <string.h>

#include "export/tflite/write.h"

#define DEPTH_MAX 16

/* Rows whose references need nothing but their operands. */
static bool simple(const sg_op *op)
{
    static const sg_op_id rows[] = {SG_OP_DEQUANTIZE, SG_OP_CAST,      SG_OP_BINARY, SG_OP_UNARY,  SG_OP_RESHAPE, SG_OP_SQUEEZE,
                                    SG_OP_UNSQUEEZE,  SG_OP_TRANSPOSE, SG_OP_CONCAT, SG_OP_GATHER, SG_OP_EXPAND,  SG_OP_FLATTEN};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (op == &sg_ops[rows[i]])
            return true;
    return false;
}

static sg_tensor *tensor_of(sg_arena *a, const sg_type *type, const void *data)
{
    sg_tensor *t = sg_arena_alloc(a, sizeof *t);
    int64_t n = sg_d_numel(type);
    if (!t || n < 0 || type->dtype == SG_STR || type->dtype == SG_NONE)
        return NULL;
    *t = (sg_tensor){.dtype = type->dtype, .rank = type->rank};
    memcpy(t->dim, type->dim, sizeof t->dim);
    t->data = data ? (void *)(uintptr_t)data : sg_arena_alloc(a, sg_dtype_bytes((sg_dtype)type->dtype, (size_t)n) + 16);
    return t->data ? t : NULL;
}

static sg_tensor *value(sg_tw_scope *sc, sg_vid v, int depth)
{
    const sg_value *val = &sc->g->value[v];
    const sg_node *n = val->role == SG_COMPUTED ? &sc->g->node[val->def] : NULL;
    sg_arena *a = sc->w->arena;
    sg_err err = {0};
    if (val->role == SG_CONST && val->data)
        return tensor_of(a, &val->type, val->data);
    if (!n || depth > DEPTH_MAX || !simple(n->op) || val->out_index)
        return NULL;
    sg_tensor **in = sg_arena_array(a, (size_t)n->n_in + 1, sizeof *in), *out = in ? tensor_of(a, &val->type, NULL) : NULL;
    for (int k = 0; out && k < n->n_in; k++) {
        sg_vid x = sg_node_in(sc->g, val->def, k);
        if (x && !(in[k] = value(sc, x, depth + 1)))
            return NULL;
    }
    sg_exec x = {.op = n->op, .attrs = {n->attr, n->n_attr}, .n_in = n->n_in, .n_out = 1, .in = in, .out = &out, .err = &err};
    return out && n->op->ref(&x) == SEDGE_OK ? out : NULL;
}

const sg_tensor *sg_tw_const(sg_tw_scope *sc, sg_vid v)
{
    return v ? value(sc, v, 0) : NULL;
}

const int64_t *sg_tw_ints(sg_tw_scope *sc, sg_vid v, int64_t *n)
{
    const sg_value *val = &sc->g->value[v];
    const sg_tensor *t = NULL;
    *n = val->content ? (int64_t)val->n_content : -1;
    for (int64_t i = 0; i < *n; i++)
        if (sg_dim_is_expr(val->content[i]))
            *n = -1;
    if (*n >= 0)
        return val->content;
    t = sg_tw_const(sc, v);
    *n = t ? sg_d_numel(sg_tw_type(sc, v)) : 0;
    int64_t *list = t ? sg_arena_array(sc->w->arena, (size_t)*n + 1, sizeof *list) : NULL;
    for (int64_t i = 0; list && i < *n; i++)
        list[i] = sg_load_i64((sg_dtype)t->dtype, t->data, (size_t)i);
    return list;
}

bool sg_tw_scalar(sg_tw_scope *sc, sg_vid v, double *out)
{
    const sg_tensor *t = sg_tw_const(sc, v);
    if (!t || sg_d_numel(sg_tw_type(sc, v)) != 1)
        return false;
    *out = sg_load_f64((sg_dtype)t->dtype, t->data, 0);
    return true;
}
