/* Elements in another order or masked: transpose, reverse_sequence, trilu. */
#include "op/move.h"

/* The permutation, or reversed axes if there is none; false: not a permutation. */
static bool get_perm(sg_attrs attrs, int rank, int *perm)
{
    int n;
    uint32_t seen = 0;
    const int64_t *p = sg_get_ints(attrs, SG_A_perm, &n);
    if (p && n != rank)
        return false;
    for (int i = 0; i < rank; i++) {
        perm[i] = p ? sg_axis(p[i], rank) : rank - 1 - i;
        if (perm[i] < 0 || (seen >> perm[i] & 1))
            return false;
        seen |= 1u << perm[i];
    }
    return true;
}

sedge_status sg_infer_transpose(sg_infer *c)
{
    const sg_type *a = c->in[0];
    sg_type *y = &c->out[0];
    int perm[SG_RANK_MAX], n;
    c->exact = true;
    *y = *a;
    if (a->rank < 0) {
        if (sg_get_ints(c->attrs, SG_A_perm, &n) && n <= SG_RANK_MAX)
            sg_move_fresh(c, y, n);
        return SEDGE_OK;
    }
    if (!get_perm(c->attrs, a->rank, perm))
        return SG_INFER_FAIL(c, SEDGE_E_VALUE, "perm is no permutation of %d axes", a->rank);
    for (int i = 0; i < a->rank; i++)
        y->dim[i] = a->dim[perm[i]];
    if (a->rank <= 1)
        sg_move_pass_content(c, 0);
    return SEDGE_OK;
}

sedge_status sg_transpose_view(sg_exec *x, sg_move_view *v)
{
    const sg_tensor *a = x->in[0], *y = x->out[0];
    int perm[SG_RANK_MAX];
    int64_t stride[SG_RANK_MAX];
    if (!get_perm(x->attrs, a->rank, perm) || y->rank != a->rank)
        return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "perm is no permutation of %d axes", a->rank);
    *v = (sg_move_view){.rank = a->rank};
    sg_strides(a->dim, a->rank, stride);
    sg_strides(y->dim, y->rank, v->ds);
    for (int i = 0; i < a->rank; i++) {
        v->dim[i] = a->dim[perm[i]];
        v->ss[i] = stride[perm[i]];
        if (y->dim[i] != v->dim[i])
            return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "axis %d has %lld elements, not %lld", i, (long long)v->dim[i],
                                (long long)y->dim[i]);
    }
    return SEDGE_OK;
}

sedge_status sg_ref_transpose(sg_exec *x)
{
    sg_tensor *y = x->out[0];
    sg_move_view v;
    SG_TRY(sg_transpose_view(x, &v));
    if (sg_dtypes[y->dtype].bits < 8)
        sg_move_zero(y);
    sg_move_strided((sg_dtype)y->dtype, y->data, x->in[0]->data, &v);
    return SEDGE_OK;
}

sedge_status sg_infer_reverse_sequence(sg_infer *c)
{
    const sg_type *a = c->in[0], *len = c->in[1];
    c->exact = true;
    c->out[0] = *a;
    if (!sg_is_int((sg_dtype)len->dtype))
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "lengths must be integers, not %s", sg_dtypes[len->dtype].name);
    if (a->rank >= 0 && a->rank < 2)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "needs a batch and a time axis, got rank %d", a->rank);
    return SEDGE_OK;
}

sedge_status sg_ref_reverse_sequence(sg_exec *x)
{
    const sg_tensor *a = x->in[0], *len = x->in[1];
    sg_tensor *y = x->out[0];
    int batch, time;
    SG_TRY(sg_move_axis(x->err, sg_get_int(x->attrs, SG_A_batch_axis), a->rank, &batch));
    SG_TRY(sg_move_axis(x->err, sg_get_int(x->attrs, SG_A_time_axis), a->rank, &time));
    if (batch == time || sg_numel(len) != a->dim[batch])
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "%lld lengths for a batch of %lld", (long long)sg_numel(len),
                            (long long)a->dim[batch]);
    int64_t stride[SG_RANK_MAX];
    sg_move_view all = {.rank = a->rank};
    sg_strides(a->dim, a->rank, stride);
    for (int i = 0; i < a->rank; i++) {
        all.dim[i] = a->dim[i];
        all.ss[i] = all.ds[i] = stride[i];
    }
    if (sg_dtypes[y->dtype].bits < 8)
        sg_move_zero(y);
    all.dim[batch] = 1;
    for (int64_t b = 0; b < a->dim[batch]; b++) {
        int64_t n = sg_load_i64((sg_dtype)len->dtype, len->data, (size_t)b);
        if (n < 0 || n > a->dim[time])
            return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "length %lld of %lld steps", (long long)n, (long long)a->dim[time]);
        sg_move_view head = all, tail = all;
        head.dim[time] = n;
        head.ss[time] = -stride[time];
        head.soff = b * stride[batch] + (n ? n - 1 : 0) * stride[time];
        head.doff = b * stride[batch];
        tail.dim[time] = a->dim[time] - n;
        tail.soff = tail.doff = b * stride[batch] + n * stride[time];
        sg_move_strided((sg_dtype)a->dtype, y->data, a->data, &head);
        sg_move_strided((sg_dtype)a->dtype, y->data, a->data, &tail);
    }
    return SEDGE_OK;
}

sedge_status sg_infer_trilu(sg_infer *c)
{
    c->exact = true;
    c->out[0] = *c->in[0];
    if (c->in[0]->rank == 0 || c->in[0]->rank == 1)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "needs a matrix, got rank %d", c->in[0]->rank);
    return SEDGE_OK;
}

sedge_status sg_ref_trilu(sg_exec *x)
{
    const sg_tensor *a = x->in[0];
    sg_tensor *y = x->out[0];
    int64_t k = 0, numel = sg_numel(a);
    if (sg_move_args(x, 1, &k, 1) == -2 || a->rank < 2)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "needs a matrix and one diagonal");
    int64_t rows = a->dim[a->rank - 2], cols = a->dim[a->rank - 1];
    k = k > cols ? cols : k < -rows ? -rows : k;
    sg_move_zero(y);
    bool upper = sg_get_int(x->attrs, SG_A_upper) != 0;
    for (int64_t at = 0, i = 0; at < numel; at += cols, i = i + 1 < rows ? i + 1 : 0) {
        int64_t from = upper ? i + k : 0, to = upper ? cols : i + k + 1;
        from = from < 0 ? 0 : from;
        to = to > cols ? cols : to;
        sg_move_run((sg_dtype)a->dtype, y->data, at + from, a->data, at + from, to - from);
    }
    return SEDGE_OK;
}
