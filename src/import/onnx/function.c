/* Functions of a model: their bodies are lowered in place of each call. */
#include <string.h>

#include "import/onnx/state.h"

const sg_onp_fn *sg_onnx_fn_find(const sg_onnx *s, const sg_onp_node *node, bool library)
{
    const sg_onnx_slot *slot = sg_onnx_slot_find(&s->fn_name, node->op_type);
    for (int i = slot ? slot->producer + 1 : 0; i; i = s->fn[i - 1].next) {
        const sg_onp_fn *fn = &s->fn[i - 1];
        if (fn->library == library && fn->domain == node->domain && fn->overload == node->overload) /* names are interned */
            return fn;
    }
    return NULL;
}

/* Later functions go to the front of their chain, so walk from the end: the first of equals wins. */
sedge_status sg_onnx_fn_index(sg_onnx *s)
{
    s->fn_name.mem = s->mem;
    for (int i = s->n_fn - 1; i >= 0; i--) {
        bool fresh;
        sg_onnx_slot *slot = sg_onnx_slot_add(&s->fn_name, s->fn[i].name, &fresh);
        if (!slot)
            return sg_fail(s->err, SEDGE_E_NOMEM, "out of memory");
        s->fn[i].next = slot->producer + 1;
        slot->producer = i;
    }
    return SEDGE_OK;
}

static const sg_onp_attr *call_attr(const sg_onnx_at *at, const char *name)
{
    return sg_onnx_attr(at->scope->frame, at->node, name);
}

/* The call's attributes, then the defaults of those that it leaves out. */
static sedge_status args_open(sg_onnx_at *at, const sg_onp_fn *fn, sg_onnx_frame *f)
{
    struct sg_onnx *s = at->imp;
    size_t room = (size_t)at->node->n_attr + (size_t)fn->n_attr;
    f->arg = sg_arena_array(&s->tmp, room, sizeof *f->arg);
    if (!f->arg)
        return sg_fail(s->err, SEDGE_E_NOMEM, "out of memory");
    for (int i = 0; i < at->node->n_attr; i++) {
        const sg_onp_attr *a = sg_onnx_attr_resolve(at->scope->frame, &at->node->attr[i]);
        if (!a)
            continue;
        if (a->graph)
            return sg_fail(s->err, SEDGE_E_UNSUPPORTED, "attribute %s: graphs as arguments of functions are not supported",
                           a->name);
        f->arg[f->n_arg++] = (sg_onnx_arg){at->node->attr[i].name, a};
    }
    for (int i = 0; i < fn->n_attr; i++)
        if (!call_attr(at, fn->attr[i].name) && !fn->attr[i].ref)
            f->arg[f->n_arg++] = (sg_onnx_arg){fn->attr[i].name, &fn->attr[i]};
    return SEDGE_OK;
}

static sedge_status body(sg_onnx_at *at, const sg_onp_fn *fn, sg_onnx_scope *sc)
{
    struct sg_onnx *s = at->imp;
    if (at->n.n_in > fn->n_in || at->n.n_out > fn->n_out)
        return sg_fail(s->err, SEDGE_E_FORMAT, "the call has %d inputs and %d outputs, the function %d and %d", at->n.n_in,
                       at->n.n_out, fn->n_in, fn->n_out);
    for (int i = 0; i < fn->n_in; i++) {
        if (sg_onnx_slot_find(&sc->table, fn->in[i]))
            return sg_fail(s->err, SEDGE_E_FORMAT, "the name %.100s is defined twice", fn->in[i]);
        SG_TRY(sg_onnx_bind(s, sc, fn->in[i], sg_ib_in(&at->n, i), 0));
    }
    SG_TRY(sg_onnx_lower_all(s, sc, fn->node, fn->n_node, fn->out, at->n.n_out));
    for (int i = 0; i < at->n.n_out; i++)
        SG_TRY(sg_onnx_resolve(s, sc, fn->out[i], &at->n.out[i]));
    return SEDGE_OK;
}

sedge_status sg_onnx_call(sg_onnx_at *at, const sg_onp_fn *fn)
{
    struct sg_onnx *s = at->imp;
    for (const sg_onnx_frame *f = at->scope->frame; f; f = f->caller)
        if (f->fn == fn)
            return sg_fail(s->err, SEDGE_E_FORMAT, "the function %.100s calls itself", fn->name);
    if (s->depth >= SG_ONNX_DEPTH_MAX)
        return sg_fail(s->err, SEDGE_E_LIMIT, "functions and bodies are nested deeper than %d", SG_ONNX_DEPTH_MAX);
    sg_onnx_frame f = {.caller = at->scope->frame,
                       .fn = fn,
                       .opset = fn->opset,
                       .n_opset = fn->n_opset,
                       .prefix = *at->n.name ? at->n.name : fn->name};
    SG_TRY(args_open(at, fn, &f));
    sg_onnx_scope sc = {.g = at->n.g, .frame = &f, .table = {.mem = s->mem}};
    s->depth++;
    sedge_status st = body(at, fn, &sc);
    s->depth--;
    sg_onnx_table_free(&sc.table);
    return st;
}
