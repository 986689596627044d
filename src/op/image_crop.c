/* Cropping and padding around the centre. */
#include <string.h>

#include "op/wide.h"

/* Axes that the operand shape speaks of. */
static sedge_status read_axes(sg_err *err, sg_attrs a, int rank, int64_t want, int *axes)
{
    int n;
    const int64_t *v = sg_get_ints(a, SG_A_axes, &n);
    if (want > rank || (n ? n : rank) != want)
        return sg_fail(err, SEDGE_E_SHAPE, "shape has %lld values for %d axes", (long long)want, n ? n : rank);
    for (int i = 0; i < want; i++) {
        axes[i] = n ? sg_axis(v[i], rank) : i;
        if (axes[i] < 0)
            return sg_fail(err, SEDGE_E_VALUE, "axis %lld of a tensor of rank %d", (long long)v[i], rank);
    }
    return SEDGE_OK;
}

sedge_status sg_infer_center_crop_pad(sg_infer *c)
{
    const sg_type *x = c->in[0];
    int64_t n;
    int axes[SG_RANK_MAX], count;
    c->out[0] = *x;
    if (x->rank < 0)
        return SEDGE_OK;
    const sg_dim *shape = sg_in_content(c, 1, &n);
    if (!shape) {
        sg_get_ints(c->attrs, SG_A_axes, &count);
        n = count ? count : x->rank;
    }
    SG_TRY(read_axes(c->err, c->attrs, x->rank, n, axes));
    for (int i = 0; i < n; i++) {
        sg_dim d = shape ? shape[i] : sg_d_fresh(c);
        if (!sg_dim_is_expr(d) && d < 0)
            return SG_INFER_FAIL(c, SEDGE_E_VALUE, "shape holds %lld", (long long)d);
        c->out[0].dim[axes[i]] = d;
    }
    return SEDGE_OK;
}

/* Zeros of any type: strings become empty. */
static void clear(sg_tensor *t)
{
    if (t->dtype != SG_STR) {
        memset(t->data, 0, sg_tensor_bytes(t));
        return;
    }
    sg_str *s = t->data;
    for (int64_t i = 0; i < sg_numel(t); i++)
        s[i] = (sg_str){"", 0};
}

sedge_status sg_ref_center_crop_pad(sg_exec *x)
{
    const sg_tensor *in = x->in[0];
    sg_tensor *out = x->out[0];
    int64_t from[SG_RANK_MAX], to[SG_RANK_MAX], n[SG_RANK_MAX], idx[SG_RANK_MAX] = {0}, total = 1;
    if (out->rank != in->rank)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "the output has rank %d", out->rank);
    if (sg_numel(out) == 0)
        return SEDGE_OK;
    clear(out);
    for (int i = 0; i < in->rank; i++) {
        int64_t d = in->dim[i], o = out->dim[i];
        n[i] = d < o ? d : o;
        from[i] = d > o ? (d - o) / 2 : 0;
        to[i] = o > d ? (o - d) / 2 : 0;
        total = n[i] ? total : 0;
    }
    if (total == 0)
        return SEDGE_OK;
    do {
        int64_t src = 0, dst = 0;
        for (int i = 0; i < in->rank; i++) {
            src = src * in->dim[i] + from[i] + idx[i];
            dst = dst * out->dim[i] + to[i] + idx[i];
        }
        sg_elem_copy((sg_dtype)in->dtype, out->data, (size_t)dst, in->data, (size_t)src);
    } while (sg_index_next(idx, n, in->rank));
    return SEDGE_OK;
}
