/* The operator Constant in all its forms: a constant of the graph, no node. */
#include <string.h>

#include "import/onnx/state.h"

static sedge_status value_of(sg_onnx_node *n, sg_tensor *t)
{
    int count = 0;
    if (sg_on_tensor(n, "value", t) || sg_on_tensor(n, "sparse_value", t))
        return SEDGE_OK;
    t->rank = 1;
    if (sg_on_has(n, "value_int") || sg_on_has(n, "value_ints")) {
        t->dtype = SG_I64;
        const int64_t *list = sg_on_ints(n, "value_ints", &count);
        int64_t one = sg_on_int(n, "value_int", 0);
        t->data = list ? (void *)(uintptr_t)list : sg_arena_dup(n->arena, &one, sizeof one);
        t->rank = list ? 1 : 0;
    } else if (sg_on_has(n, "value_float") || sg_on_has(n, "value_floats")) {
        t->dtype = SG_F32;
        const double *list = sg_on_floats(n, "value_floats", &count);
        float *p = sg_arena_array(n->arena, (size_t)count + 1, sizeof *p);
        for (int i = 0; p && i < count; i++)
            p[i] = (float)list[i];
        if (p && !list)
            p[0] = (float)sg_on_float(n, "value_float", 0);
        t->data = p;
        t->rank = list ? 1 : 0;
    } else if (sg_on_has(n, "value_string") || sg_on_has(n, "value_strings")) {
        t->dtype = SG_STR;
        const sg_str *list = sg_on_strs(n, "value_strings", &count);
        const sg_onp_attr *a = sg_onnx_attr(sg_onnx_here(n)->scope->frame, sg_onnx_here(n)->node, "value_string");
        sg_str one = a ? (sg_str){(const char *)a->s.p, a->s.n} : (sg_str){"", 0};
        t->data = list ? (void *)(uintptr_t)list : sg_arena_dup(n->arena, &one, sizeof one);
        t->rank = list ? 1 : 0;
    } else {
        return sg_fail(n->err, SEDGE_E_FORMAT, "a Constant has no value");
    }
    t->dim[0] = count;
    return t->data ? SEDGE_OK : sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
}

sedge_status sg_onnx_constant(sg_onnx_at *at)
{
    sg_onnx_node *n = &at->n;
    sg_tensor t;
    if (n->n_out < 1)
        return SEDGE_OK;
    SG_TRY(value_of(n, &t));
    if (n->err->status != SEDGE_OK)
        return n->err->status;
    n->out[0] = sg_const_new(n->g, (sg_dtype)t.dtype, t.rank, t.dim, t.data, NULL);
    return n->out[0] ? SEDGE_OK : sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
}
