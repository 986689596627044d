/* Emitting nodes and constants for a lowering: the other sg_on_ helpers of lower.h. */
#include <string.h>

#include "import/onnx/state.h"

int64_t sg_on_extra(const sg_onnx_node *n)
{
    const sg_onnx_op *e = sg_onnx_here(n)->entry;
    return e ? e->extra : 0;
}

bool sg_on_wants(const sg_onnx_node *n, int k)
{
    const sg_onnx_at *at = sg_onnx_here(n);
    if (k < 0 || k >= at->node->n_out || !*at->node->out[k])
        return false;
    const sg_onnx_slot *slot = sg_onnx_slot_find(&at->scope->table, at->node->out[k]);
    return slot && slot->flags & SG_SLOT_USED;
}

/* "domain.Op", or "Op" for ONNX's own. */
static const char *source_of(sg_onnx_node *n)
{
    if (!*n->domain)
        return n->op_type;
    size_t a = strlen(n->domain), b = strlen(n->op_type);
    char *s = sg_arena_alloc(n->imp->arena, a + b + 2);
    if (!s)
        return n->op_type;
    memcpy(s, n->domain, a);
    s[a] = '.';
    memcpy(s + a + 1, n->op_type, b);
    return s;
}

sg_nid sg_on_emit_op(sg_onnx_node *n, const sg_op *op, const sg_vid *ins, int n_in, int n_out)
{
    if (n->err && n->err->status != SEDGE_OK)
        return 0;
    sg_nid id = sg_node_new(n->g, op, ins, n_in, n_out, 0);
    if (!id) {
        sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
        return 0;
    }
    n->g->node[id].name = n->name;
    n->g->node[id].source = source_of(n);
    return id;
}

sg_nid sg_on_emit(sg_onnx_node *n, sg_op_id row, const sg_vid *ins, int n_in, int n_out)
{
    return sg_on_emit_op(n, &sg_ops[row], ins, n_in, n_out);
}

sedge_status sg_on_done(sg_onnx_node *n, sg_nid node)
{
    if (!node)
        return n->err && n->err->status != SEDGE_OK ? n->err->status : sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
    if (n->err && n->err->status != SEDGE_OK)
        return n->err->status;
    return sg_infer_node(n->g, node, n->err);
}

sg_vid sg_on_emit1(sg_onnx_node *n, sg_op_id row, const sg_vid *ins, int n_in)
{
    sg_nid id = sg_on_emit(n, row, ins, n_in, 1);
    if (!id || sg_on_done(n, id) != SEDGE_OK)
        return SG_NONE_ID;
    return sg_node_out(n->g, id, 0);
}

sedge_status sg_on_end(sg_onnx_node *n, int k, sg_vid v)
{
    if (!v)
        return n->err->status != SEDGE_OK ? n->err->status : sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
    if (k < n->n_out)
        n->out[k] = v;
    return SEDGE_OK;
}

/* ---- constants ---------------------------------------------------------------------------------- */

static sg_vid made(sg_onnx_node *n, sg_vid v)
{
    if (!v)
        sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
    return v;
}

sg_vid sg_on_const_i64s(sg_onnx_node *n, const int64_t *v, int count)
{
    static const int64_t none = 0;
    return made(n, sg_const_i64(n->g, v ? v : &none, count, 1));
}

sg_vid sg_on_const_i64(sg_onnx_node *n, int64_t v)
{
    return made(n, sg_const_i64(n->g, &v, 1, 0));
}

sg_vid sg_on_const_like(sg_onnx_node *n, int k, double v)
{
    const sg_type *t = sg_on_type(n, k);
    if (!t || t->dtype == SG_NONE || t->dtype == SG_STR) {
        sg_fail(n->err, SEDGE_E_TYPE, "input %d has no numeric type", k);
        return SG_NONE_ID;
    }
    return made(n, sg_const_f64(n->g, (sg_dtype)t->dtype, v));
}

/* Contents known to the shape rules serve as well as a constant. */
static const int64_t *known_ints(sg_onnx_node *n, const sg_value *v, int64_t *count)
{
    for (uint32_t i = 0; i < v->n_content; i++)
        if (sg_dim_is_expr(v->content[i]))
            return NULL;
    *count = v->n_content;
    int64_t *p = sg_arena_dup(n->imp->arena, v->content, v->n_content * sizeof *p);
    return made(n, p != NULL) ? p : NULL;
}

const int64_t *sg_on_const_ints(sg_onnx_node *n, int k, int64_t *count)
{
    *count = 0;
    sg_vid id = sg_on_in(n, k);
    if (!id)
        return NULL;
    const sg_value *v = &n->g->value[id];
    int64_t numel = sg_d_numel(&v->type);
    if (v->role != SG_CONST || numel < 0 || !v->data)
        return v->content ? known_ints(n, v, count) : NULL;
    if (v->type.dtype == SG_STR || v->type.dtype == SG_NONE)
        return NULL;
    int64_t *p = sg_arena_array(n->imp->arena, (size_t)numel, sizeof *p);
    if (!made(n, p != NULL) || !p)
        return NULL;
    for (int64_t i = 0; i < numel; i++)
        p[i] = sg_load_i64((sg_dtype)v->type.dtype, v->data, (size_t)i);
    *count = numel;
    return p;
}
