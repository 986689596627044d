/* What a tensor's shape is, as numbers: shape, size. */
#include "op/move.h"

static int64_t clamp_axis(int64_t v, int rank)
{
    if (v < 0)
        v += rank;
    return v < 0 ? 0 : v > rank ? rank : v;
}

sedge_status sg_infer_shape(sg_infer *c)
{
    const sg_type *a = c->in[0];
    sg_type *y = &c->out[0];
    c->exact = true;
    y->dtype = SG_I64;
    if (a->rank < 0) {
        sg_move_fresh(c, y, 1);
        return SEDGE_OK;
    }
    int64_t from = clamp_axis(sg_get_int(c->attrs, SG_A_start), a->rank),
            to = clamp_axis(sg_get_int(c->attrs, SG_A_end), a->rank);
    int n = to > from ? (int)(to - from) : 0;
    y->rank = 1;
    y->dim[0] = n;
    for (int i = 0; i < n; i++)
        c->out_content[i] = a->dim[from + i];
    c->n_out_content = n;
    return SEDGE_OK;
}

sedge_status sg_ref_shape(sg_exec *x)
{
    const sg_tensor *a = x->in[0];
    sg_tensor *y = x->out[0];
    int64_t from = clamp_axis(sg_get_int(x->attrs, SG_A_start), a->rank),
            to = clamp_axis(sg_get_int(x->attrs, SG_A_end), a->rank);
    if (sg_numel(y) != (to > from ? to - from : 0))
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "the shape has %lld dimensions", (long long)(to - from));
    for (int64_t i = from; i < to; i++)
        sg_store_i64(SG_I64, y->data, (size_t)(i - from), a->dim[i]);
    return SEDGE_OK;
}

sedge_status sg_infer_size(sg_infer *c)
{
    const sg_type *a = c->in[0];
    c->exact = true;
    c->out[0].dtype = SG_I64;
    if (a->rank < 0)
        return SEDGE_OK;
    c->out_content[0] = sg_d_span(c, a, 0, a->rank);
    c->n_out_content = 1;
    return SEDGE_OK;
}

sedge_status sg_ref_size(sg_exec *x)
{
    sg_store_i64(SG_I64, x->out[0]->data, 0, sg_numel(x->in[0]));
    return SEDGE_OK;
}
