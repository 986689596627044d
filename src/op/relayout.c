/* Between the layouts: the op that moves elements, and references for operands that stand channels last. */
#include "op/op.h"
#include "tensor/layout.h"

sedge_status sg_infer_relayout(sg_infer *c)
{
    int64_t layout = sg_get_int(c->attrs, SG_A_layout);
    if (layout != SG_LAYOUT_ROW && layout != SG_LAYOUT_LAST)
        return SG_INFER_FAIL(c, SEDGE_E_VALUE, "layout %lld", (long long)layout);
    return sg_infer_same(c);
}

sedge_status sg_infer_turn(sg_infer *c)
{
    bool last = sg_get_int(c->attrs, SG_A_layout) == SG_LAYOUT_LAST;
    const sg_type *x = c->in[0];
    if (x->rank < 3)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "takes no tensor of rank %d", x->rank);
    c->exact = true;
    c->out[0] = *x;
    for (int i = 1; i < x->rank; i++)
        c->out[0].dim[i] = x->dim[last ? (i == 1 ? x->rank - 1 : i - 1) : (i == x->rank - 1 ? 1 : i + 1)];
    return SEDGE_OK;
}

sedge_status sg_ref_relayout(sg_exec *x)
{
    sg_layout_copy(x->in[0], x->out[0]);
    return SEDGE_OK;
}

static bool is_row(const sg_tensor *t)
{
    return !t || t->layout == SG_LAYOUT_ROW || sg_layout_free(t->dim, t->rank);
}

/* The tensor itself, or room for it in row-major order. */
static sg_tensor *in_rows(sg_exec *x, sg_tensor *t, sg_tensor *own)
{
    if (is_row(t))
        return t;
    *own = *t;
    own->layout = SG_LAYOUT_ROW;
    own->data = sg_scratch(x, sg_tensor_bytes(t));
    return own->data ? own : NULL;
}

sedge_status sg_op_ref(sg_exec *x)
{
    int n = x->n_in + x->n_out, k = 0;
    while (k < n && is_row(k < x->n_in ? x->in[k] : x->out[k - x->n_in]))
        k++;
    if (k == n || x->op == SG_ROW(RELAYOUT) || x->op == SG_ROW(TURN))
        return x->op->ref(x);
    sg_tensor *own = sg_scratch(x, (size_t)n * sizeof *own), **at = sg_scratch(x, (size_t)n * sizeof *at);
    if (!own || !at)
        return SEDGE_E_NOMEM;
    for (k = 0; k < n; k++) {
        sg_tensor *t = k < x->n_in ? x->in[k] : x->out[k - x->n_in];
        at[k] = in_rows(x, t, &own[k]);
        if (t && !at[k])
            return SEDGE_E_NOMEM;
        if (k < x->n_in && at[k] != t)
            sg_layout_copy(t, at[k]);
    }
    sg_exec y = *x;
    y.in = at;
    y.out = at + x->n_in;
    SG_TRY(x->op->ref(&y));
    for (k = 0; k < x->n_out; k++)
        if (at[x->n_in + k] != x->out[k])
            sg_layout_copy(at[x->n_in + k], x->out[k]);
    return SEDGE_OK;
}
