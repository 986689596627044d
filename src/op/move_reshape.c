/* Ops that give the same bytes another shape: reshape, flatten, squeeze, unsqueeze. */
#include <string.h>

#include "op/move.h"

sedge_status sg_ref_view(sg_exec *x)
{
    const sg_tensor *a = x->in[0];
    sg_tensor *y = x->out[0];
    if (sg_numel(a) != sg_numel(y))
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "%lld elements do not fill a shape of %lld", (long long)sg_numel(a),
                            (long long)sg_numel(y));
    size_t n = sg_tensor_bytes(a);
    if (n && a->data != y->data)
        memmove(y->data, a->data, n);
    return SEDGE_OK;
}

/* A product of dims, kept as a number times an expression so that common factors cancel. */
typedef struct product {
    int64_t num;
    sg_dim sym; /* 1 if none */
} product;

static void product_mul(sg_infer *c, product *p, sg_dim d)
{
    if (sg_dim_is_expr(d))
        p->sym = sg_d_mul(c, p->sym, d);
    else
        p->num = sg_dim_apply(SG_DIM_MUL, p->num, d);
}

/* The dim that -1 stands for: all elements of `in` over those of the other dims of `out`. Equal dims on both
 * sides cancel, which keeps symbolic shapes short and [0, -1] of an empty batch meaningful. */
static sedge_status infer_rest(sg_infer *c, const sg_type *in, const sg_type *out, int hole, sg_dim *d)
{
    bool used[SG_RANK_MAX] = {false};
    product all = {1, 1}, rest = {1, 1};
    for (int i = 0; i < out->rank; i++) {
        int j = 0;
        while (j < in->rank && (used[j] || in->dim[j] != out->dim[i]))
            j++;
        if (i == hole)
            continue;
        if (j < in->rank)
            used[j] = true;
        else
            product_mul(c, &rest, out->dim[i]);
    }
    for (int j = 0; j < in->rank; j++)
        if (!used[j])
            product_mul(c, &all, in->dim[j]);
    if (rest.num != 0 && all.num % rest.num == 0) {
        all.num /= rest.num;
        rest.num = 1;
    }
    bool numbers = all.sym == 1 && rest.sym == 1;
    if (rest.num == 0 || (numbers && rest.num != 1)) {
        c->exact = false;
        if (rest.num == 0 && all.num == 0)
            return *d = 0, SEDGE_OK;
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "no dimension for -1 makes the number of elements equal");
    }
    sg_dim whole = sg_d_mul(c, all.sym, all.num), part = sg_d_mul(c, rest.sym, rest.num);
    *d = sg_d_div(c, whole, part);
    sg_d_at_least(c, part, 1);
    sg_d_equal(c, sg_d_mul(c, *d, part), whole); /* it divides */
    return SEDGE_OK;
}

static sedge_status check_numel(sg_infer *c, const sg_type *a, const sg_type *y)
{
    if (a->rank < 0)
        return SEDGE_OK;
    sg_dim na = sg_d_span(c, a, 0, a->rank), ny = sg_d_span(c, y, 0, y->rank);
    if (!sg_d_equal(c, na, ny))
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "cannot reshape %lld elements to %lld", (long long)na, (long long)ny);
    return SEDGE_OK;
}

sedge_status sg_infer_reshape(sg_infer *c)
{
    const sg_type *a = c->in[0];
    sg_type *y = &c->out[0];
    sg_dim want[SG_RANK_MAX];
    int n = sg_move_dims(c, 1, want, SG_RANK_MAX), hole = -1;
    bool zero_copies = sg_get_int(c->attrs, SG_A_allowzero) == 0;
    c->exact = true;
    y->dtype = a->dtype;
    if (n == -2)
        return SEDGE_E_SHAPE;
    if (n == -1) {
        sg_move_fresh(c, y, sg_move_count(c, 1));
        sg_move_pass_content(c, 0);
        return SEDGE_OK;
    }
    y->rank = (int8_t)n;
    for (int i = 0; i < n; i++) {
        y->dim[i] = want[i];
        if (want[i] == -1 && hole >= 0)
            return SG_INFER_FAIL(c, SEDGE_E_VALUE, "more than one -1 in the shape");
        if (want[i] == -1)
            hole = i;
        else if (sg_dim_is_expr(want[i])) /* neither 0 nor -1, which mean something */
            sg_d_at_least(c, want[i], 1);
        else if (want[i] < 0)
            return SG_INFER_FAIL(c, SEDGE_E_VALUE, "dimension %lld in the shape", (long long)want[i]);
        else if (want[i] == 0 && zero_copies && a->rank >= 0) {
            if (i >= a->rank)
                return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "dimension %d of the shape is 0, but the input has rank %d", i, a->rank);
            y->dim[i] = a->dim[i];
        } else if (want[i] == 0 && zero_copies)
            y->dim[i] = sg_d_fresh(c);
    }
    if (hole >= 0 && a->rank < 0)
        y->dim[hole] = sg_d_fresh(c);
    else if (hole >= 0)
        SG_TRY(infer_rest(c, a, y, hole, &y->dim[hole]));
    sg_move_pass_content(c, 0);
    return hole >= 0 ? SEDGE_OK : check_numel(c, a, y);
}

sedge_status sg_infer_flatten(sg_infer *c)
{
    const sg_type *a = c->in[0];
    sg_type *y = &c->out[0];
    int64_t axis = sg_get_int(c->attrs, SG_A_axis);
    c->exact = true;
    y->dtype = a->dtype;
    if (a->rank < 0) {
        sg_move_fresh(c, y, 2);
        return SEDGE_OK;
    }
    if (axis < -a->rank || axis > a->rank)
        return SG_INFER_FAIL(c, SEDGE_E_VALUE, "axis %lld is outside a tensor of rank %d", (long long)axis, a->rank);
    int at = (int)(axis < 0 ? axis + a->rank : axis);
    y->rank = 2;
    y->dim[0] = sg_d_span(c, a, 0, at);
    y->dim[1] = sg_d_span(c, a, at, a->rank);
    sg_move_pass_content(c, 0);
    return SEDGE_OK;
}

static sedge_status squeeze_mask(sg_infer *c, uint32_t mask)
{
    const sg_type *a = c->in[0];
    sg_type *y = &c->out[0];
    y->rank = 0;
    for (int i = 0; i < a->rank; i++) {
        if (!(mask >> i & 1))
            y->dim[y->rank++] = a->dim[i];
        else if (!sg_d_equal(c, a->dim[i], 1))
            return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "axis %d has %lld elements, so it cannot be squeezed", i,
                                 (long long)a->dim[i]);
    }
    sg_move_pass_content(c, 0);
    return SEDGE_OK;
}

sedge_status sg_infer_squeeze(sg_infer *c)
{
    const sg_type *a = c->in[0];
    sg_type *y = &c->out[0];
    uint32_t mask = 0;
    c->exact = true;
    y->dtype = a->dtype;
    y->rank = -1;
    if (c->n_in > 1 && c->in[1]) {
        int64_t axes[SG_RANK_MAX];
        int n = sg_move_nums(c, 1, axes, SG_RANK_MAX), count = sg_move_count(c, 1);
        if (n == -2)
            return SEDGE_E_SHAPE;
        if (n < 0 && count >= 0 && a->rank >= count)
            sg_move_fresh(c, y, a->rank - count);
        if (n < 0 || a->rank < 0)
            return SEDGE_OK;
        SG_TRY(sg_move_axes(c->err, axes, n, a->rank, &mask));
        return squeeze_mask(c, mask);
    }
    for (int i = 0; i < a->rank; i++) {
        if (sg_dim_is_expr(a->dim[i]))
            return SEDGE_OK; /* it may be 1 or not: the rank is known at run time */
        mask |= (uint32_t)(a->dim[i] == 1) << i;
    }
    return a->rank < 0 ? SEDGE_OK : squeeze_mask(c, mask);
}

sedge_status sg_infer_unsqueeze(sg_infer *c)
{
    const sg_type *a = c->in[0];
    sg_type *y = &c->out[0];
    int64_t axes[SG_RANK_MAX];
    uint32_t mask;
    int n = sg_move_nums(c, 1, axes, SG_RANK_MAX), count = n < 0 ? sg_move_count(c, 1) : n;
    c->exact = true;
    y->dtype = a->dtype;
    y->rank = -1;
    if (n == -2)
        return SEDGE_E_SHAPE;
    if (a->rank < 0 || count < 0)
        return SEDGE_OK;
    if (a->rank + count > SG_RANK_MAX)
        return SG_INFER_FAIL(c, SEDGE_E_UNSUPPORTED, "rank %d, at most %d is supported", a->rank + count, SG_RANK_MAX);
    if (n < 0) {
        sg_move_fresh(c, y, a->rank + count);
        return SEDGE_OK;
    }
    SG_TRY(sg_move_axes(c->err, axes, n, a->rank + n, &mask));
    y->rank = (int8_t)(a->rank + n);
    for (int i = 0, j = 0; i < y->rank; i++)
        y->dim[i] = mask >> i & 1 ? 1 : a->dim[j++];
    sg_move_pass_content(c, 0);
    return SEDGE_OK;
}
