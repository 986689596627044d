/* An ONNX operator that is a row of the op table: its operands and attributes are carried over by forms.def. */
#include <string.h>

#include "import/onnx/forms.h"
#include "import/onnx/state.h"

#define ANY 0
const sg_onnx_form sg_onnx_forms[] = {
#define WORDS(id, name, words)    {.what = SG_FORM_WORDS, .row = id, .attr = name, .text = words},
#define TYPE(name)                {.what = SG_FORM_TYPE, .row = -1, .attr = name},
#define NAME(operator, name, own) {.what = SG_FORM_NAME, .op = operator, .row = - 1, .attr = name, .text = own},
#define VALUE(operator, opset, name, v) \
    {.what = SG_FORM_VALUE, .op = operator, .row = - 1, .before = opset, .attr = name, .value = v},
#define LIST(id, operand, name)     {.what = SG_FORM_LIST, .row = id, .k = operand, .attr = name},
#define ONE(id, operand, name)      {.what = SG_FORM_ONE, .row = id, .k = operand, .attr = name},
#define LIKE(id, operand, name)     {.what = SG_FORM_LIKE, .row = id, .k = operand, .attr = name},
#define ZERO(id, operand, other)    {.what = SG_FORM_ZERO, .row = id, .k = operand, .like = other},
#define ONLY(operator, name, v)     {.what = SG_FORM_ONLY, .op = operator, .row = - 1, .attr = name, .value = v},
#define GONE(operator, opset, name) {.what = SG_FORM_GONE, .op = operator, .row = - 1, .before = opset, .attr = name},
#include "import/onnx/forms.def"
    {.what = SG_FORM_NONE}};

static bool applies(const sg_onnx_form *f, const sg_onnx_node *n, sg_op_id row, sg_onnx_form_kind what)
{
    return f->what == what && (f->row < 0 || f->row == (int)row) && (!f->op || strcmp(f->op, n->op_type) == 0) &&
           (f->before == ANY || (!*n->domain && n->opset < f->before));
}

static const sg_onnx_form *form_find(const sg_onnx_node *n, sg_op_id row, sg_onnx_form_kind what, const char *attr)
{
    for (const sg_onnx_form *f = sg_onnx_forms; f->what != SG_FORM_NONE; f++)
        if (applies(f, n, row, what) && strcmp(f->attr, attr) == 0)
            return f;
    return NULL;
}

/* What the row calls an attribute of the node; NULL: it has none of that name. */
static const sg_attr_decl *decl_find(const sg_onnx_node *n, sg_op_id row, const char *attr)
{
    const sg_op *op = &sg_ops[row];
    const sg_onnx_form *f = form_find(n, row, SG_FORM_NAME, attr);
    for (int i = 0; i < op->n_attr; i++)
        if (strcmp(sg_attr_names[op->attrs[i].id], f ? f->text : attr) == 0)
            return &op->attrs[i];
    return NULL;
}

/* A kind that an attribute tells counts from that of the table entry. */
static int64_t int_of(sg_onnx_node *n, sg_op_id row, const sg_attr_decl *d, const char *attr)
{
    const sg_onnx_form *words = form_find(n, row, SG_FORM_WORDS, attr);
    int64_t v = words                                   ? sg_on_word(n, attr, words->text, (int)d->i)
                : form_find(n, row, SG_FORM_TYPE, attr) ? (int64_t)sg_on_dtype(n, attr, (sg_dtype)d->i)
                                                        : sg_on_int(n, attr, d->i);
    return d->id == SG_A_kind ? v + sg_on_extra(n) : v;
}

static sedge_status attr_set(sg_onnx_node *n, sg_nid id, sg_op_id row, const sg_attr_decl *d, const char *name)
{
    sg_attr_id a = (sg_attr_id)d->id;
    int count = 0;
    bool ok = true;
    const void *p;
    sg_tensor t;
    switch ((sg_attr_kind)d->kind) {
    case SG_AK_INT: ok = sg_set_int(n->g, id, a, int_of(n, row, d, name)); break;
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

/* Gives the node the operands that it has as attributes, or that it may leave out. */
static void operands_make(sg_onnx_node *n, sg_op_id row)
{
    for (const sg_onnx_form *f = sg_onnx_forms; f->what != SG_FORM_NONE; f++) {
        int count;
        sg_vid v = SG_NONE_ID;
        if (f->row != (int)row || sg_ib_in(n, f->k) || (f->attr && !sg_on_has(n, f->attr)))
            continue;
        if (f->what == SG_FORM_LIST) {
            const int64_t *list = sg_on_ints(n, f->attr, &count);
            v = sg_ib_const_i64s(n, list, count);
        } else if (f->what == SG_FORM_ONE) {
            v = sg_ib_const_i64(n, sg_on_int(n, f->attr, 0));
        } else if (f->what == SG_FORM_LIKE) {
            v = sg_ib_const_like(n, 0, sg_on_float(n, f->attr, 0));
        } else if (f->what == SG_FORM_ZERO && sg_ib_in(n, f->like)) {
            v = sg_ib_const_like(n, f->like, 0);
        }
        if (v)
            sg_ib_in_set(n, f->k, v);
    }
}

/* What the table entry says of the kind, and what ONNX means by absent attributes. */
static bool defaults_set(sg_onnx_node *n, sg_nid id, sg_op_id row)
{
    bool ok = !sg_on_extra(n) || !decl_find(n, row, "kind") || sg_set_int(n->g, id, SG_A_kind, sg_on_extra(n));
    for (const sg_onnx_form *f = sg_onnx_forms; f->what != SG_FORM_NONE && ok; f++) {
        if (!applies(f, n, row, SG_FORM_VALUE))
            continue;
        const sg_attr_decl *d = decl_find(n, row, f->attr);
        if (d && d->kind == SG_AK_INT)
            ok = sg_set_int(n->g, id, (sg_attr_id)d->id, (int64_t)f->value);
        else if (d)
            ok = sg_set_float(n->g, id, (sg_attr_id)d->id, f->value);
    }
    return ok;
}

/* Fitted to the row: trailing inputs that are absent and trailing outputs that nobody reads are left off, except where
 * their number says something. */
sg_nid sg_on_start(sg_onnx_node *n, sg_op_id row)
{
    const sg_onp_node *node = sg_onnx_here(n)->node;
    const sg_op *op = &sg_ops[row];
    operands_make(n, row);
    int n_in = n->n_in, n_out = n->n_out, least = op->min_out ? op->min_out : 1;
    while (n_in > op->min_in && !n->in[n_in - 1])
        n_in--;
    while (op->max_out != 255 && n_out > least && !sg_on_wants(n, n_out - 1))
        n_out--;
    sg_nid id = sg_ib_emit(n, row, n->in, n_in, n_out < op->min_out ? op->min_out : n_out);
    if (!id)
        return 0;
    for (int k = 0; k < n_out; k++)
        n->out[k] = sg_node_out(n->g, id, k);
    if (!defaults_set(n, id, row))
        return sg_fail(n->err, SEDGE_E_NOMEM, "out of memory"), SG_NONE_ID;
    for (int i = 0; i < node->n_attr; i++) {
        const sg_attr_decl *d = decl_find(n, row, node->attr[i].name);
        if (d && sg_on_has(n, node->attr[i].name) && attr_set(n, id, row, d, node->attr[i].name) != SEDGE_OK)
            return 0;
    }
    return id;
}

sedge_status sg_on_row(sg_onnx_node *n, sg_op_id row)
{
    return sg_ib_done(n, sg_on_start(n, row));
}

/* True for an attribute that the row, an operand of it or nobody needs. */
static bool known(sg_onnx_node *n, sg_op_id row, const char *attr)
{
    const sg_onnx_form *only = form_find(n, row, SG_FORM_ONLY, attr);
    if (only)
        return sg_on_int(n, attr, 0) == (int64_t)only->value;
    return decl_find(n, row, attr) || form_find(n, row, SG_FORM_LIST, attr) || form_find(n, row, SG_FORM_ONE, attr) ||
           form_find(n, row, SG_FORM_LIKE, attr) || form_find(n, row, SG_FORM_GONE, attr);
}

sedge_status sg_lower_direct(sg_onnx_node *n)
{
    const sg_onp_node *node = sg_onnx_here(n)->node;
    const sg_onnx_op *e = sg_onnx_here(n)->entry;
    if (!e || e->row < 0)
        return sg_fail(n->err, SEDGE_E_BUG, "a table entry lacks its row");
    for (int i = 0; i < node->n_attr; i++)
        if (!known(n, (sg_op_id)e->row, node->attr[i].name))
            return sg_fail(n->err, SEDGE_E_UNSUPPORTED, "attribute %s is not supported", node->attr[i].name);
    return sg_on_row(n, (sg_op_id)e->row);
}
