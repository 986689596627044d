/* Repeating elements: expand (broadcast to a shape) and tile. */
#include "op/move.h"

sedge_status sg_infer_expand(sg_infer *c)
{
    const sg_type *a = c->in[0];
    sg_type *y = &c->out[0], want = {.dtype = a->dtype};
    int n = sg_move_dims(c, 1, want.dim, SG_RANK_MAX), count = sg_move_count(c, 1);
    c->exact = true;
    y->dtype = a->dtype;
    if (n == -2)
        return SEDGE_E_SHAPE;
    if (n < 0 || a->rank < 0) {
        sg_move_fresh(c, y, a->rank < 0 || count < 0 ? -1 : count > a->rank ? count : a->rank);
        return SEDGE_OK;
    }
    want.rank = (int8_t)n;
    for (int i = 0; i < n; i++)
        if (!sg_d_at_least(c, want.dim[i], 0))
            return SG_INFER_FAIL(c, SEDGE_E_VALUE, "dimension %lld in the shape", (long long)want.dim[i]);
    SG_TRY(sg_d_broadcast(c, a, &want, y));
    int64_t numel = sg_d_numel(y), len;
    const sg_dim *d = sg_in_content(c, 0, &len);
    if (d && len == 1 && numel >= 0 && numel <= SG_CONTENT_MAX) {
        for (int64_t i = 0; i < numel; i++)
            c->out_content[i] = d[0];
        c->n_out_content = (int)numel;
    }
    return SEDGE_OK;
}

sedge_status sg_ref_expand(sg_exec *x)
{
    const sg_tensor *a = x->in[0];
    sg_tensor *y = x->out[0];
    sg_move_view v = {.rank = y->rank};
    int64_t step = 1;
    sg_strides(y->dim, y->rank, v.ds);
    for (int i = y->rank - 1; i >= 0; i--) {
        int j = i - (y->rank - a->rank);
        int64_t d = j >= 0 ? a->dim[j] : 1;
        if (d != 1 && d != y->dim[i])
            return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "axis %d of %lld does not expand to %lld", j, (long long)d,
                                (long long)y->dim[i]);
        v.dim[i] = y->dim[i];
        v.ss[i] = d == 1 ? 0 : step;
        step *= d;
    }
    if (a->rank > y->rank)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "rank %d does not expand to rank %d", a->rank, y->rank);
    if (sg_dtypes[y->dtype].bits < 8)
        sg_move_zero(y);
    sg_move_strided((sg_dtype)a->dtype, y->data, a->data, &v);
    return SEDGE_OK;
}

sedge_status sg_infer_tile(sg_infer *c)
{
    const sg_type *a = c->in[0];
    sg_type *y = &c->out[0];
    sg_dim times[SG_RANK_MAX];
    int n = sg_move_dims(c, 1, times, SG_RANK_MAX);
    c->exact = true;
    *y = *a;
    if (n == -2)
        return SEDGE_E_SHAPE;
    if (n < 0 || a->rank < 0) {
        sg_move_fresh(c, y, a->rank);
        return SEDGE_OK;
    }
    if (n != a->rank)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "%d repeats for a tensor of rank %d", n, a->rank);
    for (int i = 0; i < n; i++) {
        if (!sg_d_at_least(c, times[i], 0))
            return SG_INFER_FAIL(c, SEDGE_E_VALUE, "axis %d is repeated %lld times", i, (long long)times[i]);
        y->dim[i] = sg_d_mul(c, a->dim[i], times[i]);
    }
    if (sg_d_numel(a) == 1 && sg_d_numel(y) == 1)
        sg_move_pass_content(c, 0);
    return SEDGE_OK;
}

sedge_status sg_ref_tile(sg_exec *x)
{
    const sg_tensor *a = x->in[0];
    sg_tensor *y = x->out[0];
    int64_t stride[SG_RANK_MAX], at = 0;
    for (int i = 0; i < y->rank; i++)
        if (a->rank != y->rank || (a->dim[i] ? y->dim[i] % a->dim[i] : y->dim[i]) != 0)
            return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "axis %d is not a whole number of repeats", i);
    if (sg_numel(y) == 0)
        return SEDGE_OK;
    if (sg_dtypes[y->dtype].bits < 8)
        sg_move_zero(y);
    int outer = y->rank ? y->rank - 1 : 0;
    int64_t run = y->rank ? a->dim[outer] : 1, n = y->rank ? y->dim[outer] : 1;
    sg_strides(a->dim, a->rank, stride);
    sg_walk w;
    sg_walk_init(&w, y->dim, outer);
    do {
        int64_t src = 0;
        for (int i = 0; i < outer; i++)
            src += w.idx[i] % a->dim[i] * stride[i];
        for (int64_t k = 0; k < n; k += run, at += run)
            sg_move_run((sg_dtype)y->dtype, y->data, at, a->data, src, run);
    } while (sg_walk_next(&w));
    return SEDGE_OK;
}
