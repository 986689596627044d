/* Reading at indices: gather, gather_elements, gather_nd. */
#include "op/index.h"

static void gather_content(sg_infer *c)
{
    int64_t nd, ni;
    const sg_dim *d = sg_in_content(c, 0, &nd), *at = sg_in_content(c, 1, &ni);
    if (!d || !at || c->in[0]->rank != 1 || ni > SG_CONTENT_MAX)
        return;
    for (int64_t i = 0; i < ni; i++) {
        if (sg_dim_is_expr(at[i]) || at[i] < -nd || at[i] >= nd)
            return;
        c->out_content[i] = d[at[i] < 0 ? at[i] + nd : at[i]];
    }
    c->n_out_content = (int)ni;
}

sedge_status sg_infer_gather(sg_infer *c)
{
    const sg_type *a = c->in[0], *index = c->in[1];
    sg_type *y = &c->out[0];
    int axis;
    c->exact = true;
    SG_TRY(sg_index_type(c, 1));
    y->dtype = a->dtype;
    y->rank = -1;
    if (a->rank < 0 || index->rank < 0)
        return SEDGE_OK;
    SG_TRY(sg_move_axis(c->err, sg_get_int(c->attrs, SG_A_axis), a->rank, &axis));
    int rank = a->rank - 1 + index->rank;
    if (rank > SG_RANK_MAX)
        return SG_INFER_FAIL(c, SEDGE_E_UNSUPPORTED, "rank %d, at most %d is supported", rank, SG_RANK_MAX);
    y->rank = (int8_t)rank;
    for (int i = 0; i < rank; i++)
        y->dim[i] = i < axis ? a->dim[i] : i < axis + index->rank ? index->dim[i - axis] : a->dim[i - index->rank + 1];
    gather_content(c);
    return SEDGE_OK;
}

sedge_status sg_ref_gather(sg_exec *x)
{
    const sg_tensor *a = x->in[0], *index = x->in[1];
    sg_tensor *y = x->out[0];
    int axis;
    SG_TRY(sg_move_axis(x->err, sg_get_int(x->attrs, SG_A_axis), a->rank, &axis));
    int64_t outer = sg_dim_span(a->dim, 0, axis), inner = sg_dim_span(a->dim, axis + 1, a->rank), n = sg_numel(index),
            d = a->dim[axis];
    if (sg_numel(y) != outer * n * inner)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "the output does not fit the indices");
    if (sg_dtypes[y->dtype].bits < 8)
        sg_move_zero(y);
    for (int64_t j = 0; j < n && sg_numel(y); j++) {
        int64_t at;
        SG_TRY(sg_index_at(x, index, j, d, &at));
        for (int64_t o = 0; o < outer; o++)
            sg_move_run((sg_dtype)a->dtype, y->data, (o * n + j) * inner, a->data, (o * d + at) * inner, inner);
    }
    return SEDGE_OK;
}

sedge_status sg_infer_gather_elements(sg_infer *c)
{
    const sg_type *a = c->in[0], *index = c->in[1];
    int axis;
    c->exact = true;
    SG_TRY(sg_index_type(c, 1));
    c->out[0] = *index;
    c->out[0].dtype = a->dtype;
    if (a->rank < 0 || index->rank < 0)
        return SEDGE_OK;
    if (a->rank != index->rank)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "indices of rank %d for a tensor of rank %d", index->rank, a->rank);
    return sg_move_axis(c->err, sg_get_int(c->attrs, SG_A_axis), a->rank, &axis);
}

sedge_status sg_ref_gather_elements(sg_exec *x)
{
    const sg_tensor *a = x->in[0], *index = x->in[1];
    sg_tensor *y = x->out[0];
    int axis;
    SG_TRY(sg_move_axis(x->err, sg_get_int(x->attrs, SG_A_axis), a->rank, &axis));
    if (!sg_same_shape(y, index) || a->rank != y->rank)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "indices and input differ in rank");
    int64_t stride[SG_RANK_MAX], n = sg_numel(y);
    sg_strides(a->dim, a->rank, stride);
    int64_t step = stride[axis];
    stride[axis] = 0;
    for (int i = 0; i < a->rank; i++)
        if (i != axis && index->dim[i] > a->dim[i])
            return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "more indices than elements on axis %d", i);
    if (sg_dtypes[y->dtype].bits < 8)
        sg_move_zero(y);
    sg_walk w;
    sg_walk_init(&w, y->dim, y->rank);
    sg_walk_add(&w, stride);
    for (int64_t i = 0; i < n; i++, sg_walk_next(&w)) {
        int64_t at;
        SG_TRY(sg_index_at(x, index, i, a->dim[axis], &at));
        sg_elem_copy((sg_dtype)a->dtype, y->data, (size_t)i, a->data, (size_t)(w.off[0] + at * step));
    }
    return SEDGE_OK;
}

sedge_status sg_infer_gather_nd(sg_infer *c)
{
    const sg_type *a = c->in[0], *index = c->in[1];
    sg_type *y = &c->out[0];
    int64_t b = sg_get_int(c->attrs, SG_A_batch_dims);
    c->exact = true;
    SG_TRY(sg_index_type(c, 1));
    y->dtype = a->dtype;
    y->rank = -1;
    if (a->rank < 0 || index->rank < 0)
        return SEDGE_OK;
    if (b < 0 || b >= a->rank || b >= index->rank)
        return SG_INFER_FAIL(c, SEDGE_E_VALUE, "%lld batch dimensions for ranks %d and %d", (long long)b, a->rank, index->rank);
    sg_dim depth = index->dim[index->rank - 1];
    if (sg_dim_is_expr(depth))
        return SEDGE_OK;
    if (depth < 1 || depth > a->rank - b)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "indices of %lld axes for a tensor of rank %d", (long long)depth, a->rank);
    int lead = index->rank - 1, from = (int)(b + depth), rank = lead + a->rank - from;
    if (rank > SG_RANK_MAX)
        return SG_INFER_FAIL(c, SEDGE_E_UNSUPPORTED, "rank %d, at most %d is supported", rank, SG_RANK_MAX);
    y->rank = (int8_t)rank;
    for (int i = 0; i < rank; i++)
        y->dim[i] = i < lead ? index->dim[i] : a->dim[from + i - lead];
    return SEDGE_OK;
}

sedge_status sg_ref_gather_nd(sg_exec *x)
{
    const sg_tensor *a = x->in[0], *index = x->in[1];
    sg_tensor *y = x->out[0];
    int b = (int)sg_get_int(x->attrs, SG_A_batch_dims);
    if (b < 0 || index->rank < 1 || b >= a->rank || b >= index->rank || index->dim[index->rank - 1] < 1 ||
        index->dim[index->rank - 1] > a->rank - b)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "indices do not fit the input");
    int depth = (int)index->dim[index->rank - 1];
    for (int i = 0; i < b; i++)
        if (a->dim[i] != index->dim[i])
            return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "batches of %lld and %lld", (long long)a->dim[i], (long long)index->dim[i]);
    int64_t stride[SG_RANK_MAX], run = sg_dim_span(a->dim, b + depth, a->rank), n = sg_numel(index) / depth;
    int64_t batch = sg_dim_span(a->dim, b, a->rank), per = sg_dim_span(index->dim, b, index->rank - 1);
    sg_strides(a->dim, a->rank, stride);
    if (sg_numel(y) != n * run)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "the output does not fit the indices");
    if (sg_dtypes[y->dtype].bits < 8)
        sg_move_zero(y);
    for (int64_t i = 0; i < n && run; i++) {
        int64_t src = i / per * batch, at;
        for (int k = 0; k < depth; k++) {
            SG_TRY(sg_index_at(x, index, i * depth + k, a->dim[b + k], &at));
            src += at * stride[b + k];
        }
        sg_move_run((sg_dtype)a->dtype, y->data, i * run, a->data, src, run);
    }
    return SEDGE_OK;
}
