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

/* ---- attribute by attribute ------------------------------------------------------------------- */

static sedge_status attr_set(sg_onnx_node *n, sg_nid id, const sg_attr_decl *d, const char *name)
{
    sg_attr_id a = (sg_attr_id)d->id;
    int count = 0;
    bool ok = true;
    const void *p;
    sg_tensor t;
    switch ((sg_attr_kind)d->kind) {
    case SG_AK_INT: ok = sg_set_int(n->g, id, a, sg_on_int(n, name, d->i)); break;
    case SG_AK_FLOAT: ok = sg_set_float(n->g, id, a, sg_on_float(n, name, d->f)); break;
    case SG_AK_STR:
        p = sg_on_str(n, name, NULL);
        ok = !p || sg_set_str(n->g, id, a, p, sg_onnx_attr(sg_onnx_here(n)->scope->frame, sg_onnx_here(n)->node, name)->s.n);
        break;
    case SG_AK_INTS:
        p = sg_on_ints(n, name, &count);
        ok = !p || sg_set_ints(n->g, id, a, p, (size_t)count);
        break;
    case SG_AK_FLOATS:
        p = sg_on_floats(n, name, &count);
        ok = !p || sg_set_floats(n->g, id, a, p, (size_t)count);
        break;
    case SG_AK_STRS:
        p = sg_on_strs(n, name, &count);
        ok = !p || sg_set_strs(n->g, id, a, p, (size_t)count);
        break;
    case SG_AK_TENSOR: ok = !sg_on_tensor(n, name, &t) || sg_set_tensor(n->g, id, a, &t); break;
    }
    if (n->err && n->err->status != SEDGE_OK)
        return n->err->status;
    return ok ? SEDGE_OK : sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
}

static const sg_attr_decl *decl_find(const sg_op *op, const char *name)
{
    for (int i = 0; i < op->n_attr; i++)
        if (strcmp(sg_attr_names[op->attrs[i].id], name) == 0)
            return &op->attrs[i];
    return NULL;
}

/* Fitted to the row: trailing inputs that are absent and trailing outputs that nobody reads are left off. */
sg_nid sg_on_start(sg_onnx_node *n, sg_op_id row)
{
    const sg_onp_node *node = sg_onnx_here(n)->node;
    const sg_op *op = &sg_ops[row];
    int n_in = n->n_in, n_out = n->n_out, least = op->min_out ? op->min_out : 1;
    while (n_in > op->min_in && !n->in[n_in - 1])
        n_in--;
    while (n_out > least && !sg_on_wants(n, n_out - 1))
        n_out--;
    sg_nid id = sg_on_emit(n, row, n->in, n_in, n_out < op->min_out ? op->min_out : n_out);
    if (!id)
        return 0;
    for (int k = 0; k < n_out; k++)
        n->out[k] = sg_node_out(n->g, id, k);
    for (int i = 0; i < node->n_attr; i++) {
        const sg_attr_decl *d = decl_find(op, node->attr[i].name);
        if (d && sg_on_has(n, node->attr[i].name) && attr_set(n, id, d, node->attr[i].name) != SEDGE_OK)
            return 0;
    }
    return id;
}

sedge_status sg_on_direct(sg_onnx_node *n, sg_op_id row)
{
    const sg_onp_node *node = sg_onnx_here(n)->node;
    for (int i = 0; i < node->n_attr; i++)
        if (!decl_find(&sg_ops[row], node->attr[i].name) && !(n->opset < 6 && strcmp(node->attr[i].name, "consumed_inputs") == 0))
            return sg_fail(n->err, SEDGE_E_UNSUPPORTED, "attribute %s is not supported", node->attr[i].name);
    return sg_on_done(n, sg_on_start(n, row));
}

sedge_status sg_lower_direct(sg_onnx_node *n)
{
    const sg_onnx_op *e = sg_onnx_here(n)->entry;
    if (!e || e->row < 0)
        return sg_fail(n->err, SEDGE_E_BUG, "a table entry lacks its row");
    return sg_on_direct(n, (sg_op_id)e->row);
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
