/* Writing at indices: scatter_elements, scatter_nd, tensor_scatter. */
#include <string.h>

#include "op/index.h"

sedge_status sg_infer_scatter(sg_infer *c)
{
    c->exact = true;
    SG_TRY(sg_index_type(c, 1));
    c->out[0] = *c->in[0];
    if (c->in[2]->dtype != c->in[0]->dtype)
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "updates of %s for %s", sg_dtypes[c->in[2]->dtype].name,
                             sg_dtypes[c->in[0]->dtype].name);
    return SEDGE_OK;
}

static double reduce_f64(int how, double a, double b)
{
    switch (how) {
    case SG_SCATTER_ADD: return a + b;
    case SG_SCATTER_MUL: return a * b;
    case SG_SCATTER_MAX: return a != a || a > b ? a : b;
    case SG_SCATTER_MIN: return a != a || a < b ? a : b;
    default: return b;
    }
}

static int64_t reduce_i64(int how, int64_t a, int64_t b, bool is_unsigned)
{
    bool above = is_unsigned ? (uint64_t)a > (uint64_t)b : a > b;
    switch (how) {
    case SG_SCATTER_ADD: return (int64_t)((uint64_t)a + (uint64_t)b);
    case SG_SCATTER_MUL: return (int64_t)((uint64_t)a * (uint64_t)b);
    case SG_SCATTER_MAX: return above ? a : b;
    case SG_SCATTER_MIN: return above ? b : a;
    default: return b;
    }
}

/* n elements of u meet those of y. */
static void put(sg_tensor *y, int64_t at, const sg_tensor *u, int64_t from, int64_t n, int how)
{
    sg_dtype t = (sg_dtype)y->dtype;
    if (how == SG_SCATTER_NONE) {
        sg_move_run(t, y->data, at, u->data, from, n);
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        size_t iy = (size_t)(at + i), iu = (size_t)(from + i);
        if (sg_is_float(t))
            sg_store_f64(t, y->data, iy, reduce_f64(how, sg_load_f64(t, y->data, iy), sg_load_f64(t, u->data, iu)));
        else
            sg_store_i64(t, y->data, iy, reduce_i64(how, sg_load_i64(t, y->data, iy), sg_load_i64(t, u->data, iu), t == SG_U64));
    }
}

static sedge_status start(sg_exec *x, int how)
{
    const sg_tensor *a = x->in[0];
    sg_tensor *y = x->out[0];
    sg_dtype t = (sg_dtype)y->dtype;
    if (how != SG_SCATTER_NONE && (t == SG_STR || sg_is_complex(t)))
        return SG_EXEC_FAIL(x, SEDGE_E_TYPE, "no such reduction for %s", sg_dtypes[t].name);
    if (!sg_same_shape(a, y))
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "the output has not the shape of the input");
    size_t n = sg_tensor_bytes(a);
    if (n && a->data != y->data)
        memmove(y->data, a->data, n);
    return SEDGE_OK;
}

sedge_status sg_ref_scatter_elements(sg_exec *x)
{
    const sg_tensor *index = x->in[1], *u = x->in[2];
    sg_tensor *y = x->out[0];
    int axis, how = (int)sg_get_int(x->attrs, SG_A_reduction);
    int64_t stride[SG_RANK_MAX], n = sg_numel(index);
    SG_TRY(start(x, how));
    SG_TRY(sg_move_axis(x->err, sg_get_int(x->attrs, SG_A_axis), y->rank, &axis));
    if (!sg_same_shape(index, u) || index->rank != y->rank)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "indices and updates differ in shape");
    for (int i = 0; i < y->rank; i++)
        if (i != axis && index->dim[i] > y->dim[i])
            return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "more indices than elements on axis %d", i);
    sg_strides(y->dim, y->rank, stride);
    int64_t step = stride[axis];
    stride[axis] = 0;
    sg_walk w;
    sg_walk_init(&w, index->dim, index->rank);
    sg_walk_add(&w, stride);
    for (int64_t i = 0; i < n; i++, sg_walk_next(&w)) {
        int64_t at;
        SG_TRY(sg_index_at(x, index, i, y->dim[axis], &at));
        put(y, w.off[0] + at * step, u, i, 1, how);
    }
    return SEDGE_OK;
}

/* Updates must have the leading dims of the indices, then the inner dims of the output. */
static bool nd_fits(const sg_tensor *index, const sg_tensor *u, const sg_tensor *y)
{
    if (index->rank < 1 || index->dim[index->rank - 1] < 1 || index->dim[index->rank - 1] > y->rank)
        return false;
    int lead = index->rank - 1, depth = (int)index->dim[lead];
    if (u->rank != lead + y->rank - depth)
        return false;
    for (int i = 0; i < u->rank; i++)
        if (u->dim[i] != (i < lead ? index->dim[i] : y->dim[depth + i - lead]))
            return false;
    return true;
}

sedge_status sg_ref_scatter_nd(sg_exec *x)
{
    const sg_tensor *index = x->in[1], *u = x->in[2];
    sg_tensor *y = x->out[0];
    int how = (int)sg_get_int(x->attrs, SG_A_reduction);
    SG_TRY(start(x, how));
    if (!nd_fits(index, u, y))
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "updates do not fit the indices and the input");
    int depth = (int)index->dim[index->rank - 1];
    int64_t stride[SG_RANK_MAX], run = sg_dim_span(y->dim, depth, y->rank), n = sg_numel(index) / depth;
    sg_strides(y->dim, y->rank, stride);
    for (int64_t i = 0; i < n && run; i++) {
        int64_t at, to = 0;
        for (int k = 0; k < depth; k++) {
            SG_TRY(sg_index_at(x, index, i * depth + k, y->dim[k], &at));
            to += at * stride[k];
        }
        put(y, to, u, i * run, run, how);
    }
    return SEDGE_OK;
}

sedge_status sg_infer_tensor_scatter(sg_infer *c)
{
    const sg_type *a = c->in[0], *u = c->in[1];
    c->exact = true;
    c->out[0] = *a;
    if (u->dtype != a->dtype)
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "updates of %s for %s", sg_dtypes[u->dtype].name, sg_dtypes[a->dtype].name);
    if (a->rank >= 0 && u->rank >= 0 && a->rank != u->rank)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "update of rank %d for a cache of rank %d", u->rank, a->rank);
    return c->n_in > 2 && c->in[2] ? sg_index_type(c, 2) : SEDGE_OK;
}

static sedge_status cache_check(sg_exec *x, int axis)
{
    const sg_tensor *a = x->in[0], *u = x->in[1], *at = x->n_in > 2 ? x->in[2] : NULL;
    if (axis == 0 || u->rank != a->rank || (at && sg_numel(at) != a->dim[0]))
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "needs a batch axis before the axis, and one index for each batch");
    for (int i = 0; i < a->rank; i++)
        if (i == axis ? u->dim[i] > a->dim[i] : u->dim[i] != a->dim[i])
            return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "the update does not fit the cache on axis %d", i);
    return SEDGE_OK;
}

sedge_status sg_ref_tensor_scatter(sg_exec *x)
{
    const sg_tensor *a = x->in[0], *u = x->in[1], *index = x->n_in > 2 ? x->in[2] : NULL;
    sg_tensor *y = x->out[0];
    int axis;
    bool circular = sg_get_int(x->attrs, SG_A_mode) == SG_TENSOR_SCATTER_CIRCULAR;
    SG_TRY(sg_move_axis(x->err, sg_get_int(x->attrs, SG_A_axis), a->rank, &axis));
    SG_TRY(cache_check(x, axis));
    SG_TRY(start(x, SG_SCATTER_NONE));
    int64_t d = a->dim[axis], n = u->dim[axis], inner = sg_dim_span(a->dim, axis + 1, a->rank);
    int64_t outer = sg_dim_span(a->dim, 0, axis), per = sg_dim_span(a->dim, 1, axis);
    for (int64_t o = 0; o < outer && n; o++) {
        int64_t at = index ? sg_load_i64((sg_dtype)index->dtype, index->data, (size_t)(o / per)) : 0;
        if (at < 0 || at >= d || (!circular && at > d - n))
            return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "write index %lld with %lld steps in a cache of %lld", (long long)at,
                                (long long)n, (long long)d);
        for (int64_t s = 0; s < n; s++)
            put(y, (o * d + (at + s) % d) * inner, u, (o * n + s) * inner, inner, SG_SCATTER_NONE);
    }
    return SEDGE_OK;
}
