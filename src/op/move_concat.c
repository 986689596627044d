/* Joining tensors along an axis and cutting them apart: concat, split. */
#include "op/move.h"

/* Merges dims of operand b into y: a number beats an expression, two numbers must agree. */
static sedge_status merge_dims(sg_infer *c, sg_type *y, const sg_type *b, int axis)
{
    for (int i = 0; i < y->rank; i++) {
        if (i == axis)
            y->dim[i] = sg_d_add(c, y->dim[i], b->dim[i]);
        else if (!sg_d_equal(c, y->dim[i], b->dim[i]))
            return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "operands differ in axis %d: %lld and %lld", i, (long long)y->dim[i],
                                 (long long)b->dim[i]);
        else if (sg_dim_is_expr(y->dim[i]))
            y->dim[i] = b->dim[i];
    }
    return SEDGE_OK;
}

static void concat_content(sg_infer *c)
{
    int at = 0;
    for (int k = 0; k < c->n_in; k++) {
        int64_t n;
        const sg_dim *d = sg_in_content(c, k, &n);
        if (!d || n > SG_CONTENT_MAX - at)
            return;
        for (int64_t i = 0; i < n; i++)
            c->out_content[at++] = d[i];
    }
    c->n_out_content = at;
}

sedge_status sg_infer_concat(sg_infer *c)
{
    sg_type *y = &c->out[0];
    bool all = true;
    int axis, known = -1;
    c->exact = true;
    y->dtype = c->in[0]->dtype;
    y->rank = -1;
    for (int k = 0; k < c->n_in; k++) {
        const sg_type *b = c->in[k];
        if (!b)
            return SG_INFER_FAIL(c, SEDGE_E_FORMAT, "input %d is missing", k);
        if (b->dtype != y->dtype)
            return SG_INFER_FAIL(c, SEDGE_E_TYPE, "operands of types %s and %s", sg_dtypes[y->dtype].name,
                                 sg_dtypes[b->dtype].name);
        if (b->rank < 0) {
            all = false;
            continue;
        }
        if (known >= 0 && b->rank != c->in[known]->rank)
            return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "operands of rank %d and %d", c->in[known]->rank, b->rank);
        if (known < 0)
            known = k;
    }
    if (known < 0)
        return SEDGE_OK;
    SG_TRY(sg_move_axis(c->err, sg_get_int(c->attrs, SG_A_axis), c->in[known]->rank, &axis));
    *y = *c->in[known];
    for (int k = known + 1; k < c->n_in; k++)
        if (c->in[k]->rank >= 0)
            SG_TRY(merge_dims(c, y, c->in[k], axis));
    if (!all)
        y->dim[axis] = sg_d_fresh(c);
    else if (y->rank == 1)
        concat_content(c);
    return SEDGE_OK;
}

/* Operand k of a concat must have the output's dims but for the axis. */
static bool fits(const sg_tensor *part, const sg_tensor *whole, int axis)
{
    if (part->rank != whole->rank || part->dtype != whole->dtype)
        return false;
    for (int i = 0; i < whole->rank; i++)
        if (i != axis && part->dim[i] != whole->dim[i])
            return false;
    return true;
}

/* Copies between a part and its place in the whole, `at` steps along the axis. */
static void copy_part(const sg_tensor *part, const sg_tensor *whole, int axis, int64_t at, bool join)
{
    int64_t outer = sg_dim_span(whole->dim, 0, axis), inner = sg_dim_span(whole->dim, axis + 1, whole->rank);
    int64_t run = part->dim[axis] * inner, step = whole->dim[axis] * inner;
    for (int64_t i = 0; i < outer; i++) {
        if (join)
            sg_move_run((sg_dtype)part->dtype, whole->data, i * step + at * inner, part->data, i * run, run);
        else
            sg_move_run((sg_dtype)part->dtype, part->data, i * run, whole->data, i * step + at * inner, run);
    }
}

sedge_status sg_ref_concat(sg_exec *x)
{
    sg_tensor *y = x->out[0];
    int axis;
    int64_t at = 0;
    SG_TRY(sg_move_axis(x->err, sg_get_int(x->attrs, SG_A_axis), y->rank, &axis));
    if (sg_dtypes[y->dtype].bits < 8)
        sg_move_zero(y);
    for (int k = 0; k < x->n_in; k++) {
        if (!fits(x->in[k], y, axis) || x->in[k]->dim[axis] > y->dim[axis] - at)
            return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "operand %d does not fit the others", k);
        copy_part(x->in[k], y, axis, at, true);
        at += x->in[k]->dim[axis];
    }
    return at == y->dim[axis] ? SEDGE_OK : SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "operands do not fill the output");
}

/* The k-th of n even pieces of d elements: all alike but the last ones, which get the rest. */
static sg_dim even_piece(sg_infer *c, sg_dim d, int n, int k)
{
    if (n == 1)
        return d;
    sg_dim chunk = sg_d_div(c, sg_d_add(c, d, n - 1), n);
    if (k == 0)
        return chunk;
    return sg_d_max(c, sg_d_min(c, sg_d_sub(c, d, sg_d_mul(c, chunk, k)), chunk), 0);
}

/* whole: any expression if not known. */
static sedge_status check_sizes(sg_infer *c, const sg_dim *size, int n, const sg_dim *whole)
{
    if (n != c->n_out)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "%d sizes for %d outputs", n, c->n_out);
    sg_dim sum = 0;
    for (int k = 0; k < n; k++) {
        if (!sg_d_at_least(c, size[k], 0))
            return SG_INFER_FAIL(c, SEDGE_E_VALUE, "size %lld", (long long)size[k]);
        sum = sg_d_add(c, sum, size[k]);
    }
    if (whole && !sg_d_equal(c, sum, *whole))
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "sizes sum to %lld, the axis has %lld elements", (long long)sum,
                             (long long)*whole);
    return SEDGE_OK;
}

sedge_status sg_infer_split(sg_infer *c)
{
    const sg_type *a = c->in[0];
    bool sized = c->n_in > 1 && c->in[1];
    sg_dim size[256];
    int axis = 0, n = sized ? sg_move_dims(c, 1, size, 255) : -1;
    int64_t pieces = sg_get_int(c->attrs, SG_A_num_outputs);
    c->exact = true;
    if (n == -2)
        return SEDGE_E_SHAPE;
    if (pieces && pieces != c->n_out)
        return SG_INFER_FAIL(c, SEDGE_E_VALUE, "num_outputs is %lld, but there are %d", (long long)pieces, c->n_out);
    if (a->rank >= 0)
        SG_TRY(sg_move_axis(c->err, sg_get_int(c->attrs, SG_A_axis), a->rank, &axis));
    if (n >= 0)
        SG_TRY(check_sizes(c, size, n, a->rank < 0 ? NULL : &a->dim[axis]));
    for (int k = 0; k < c->n_out; k++) {
        sg_type *y = &c->out[k];
        *y = *a;
        if (a->rank >= 0)
            y->dim[axis] = n >= 0 ? size[k] : sized ? sg_d_fresh(c) : even_piece(c, a->dim[axis], c->n_out, k);
    }
    int64_t len;
    const sg_dim *d = sg_in_content(c, 0, &len);
    if (d && a->rank == 1 && !sg_dim_is_expr(c->out[0].dim[0]) && c->out[0].dim[0] <= len) {
        sg_move_pass_content(c, 0);
        c->n_out_content = (int)c->out[0].dim[0]; /* the first piece is a prefix */
    }
    return SEDGE_OK;
}

sedge_status sg_ref_split(sg_exec *x)
{
    const sg_tensor *a = x->in[0];
    int axis;
    int64_t at = 0, size[256];
    SG_TRY(sg_move_axis(x->err, sg_get_int(x->attrs, SG_A_axis), a->rank, &axis));
    int n = x->n_in > 1 && x->in[1] ? sg_move_args(x, 1, size, 255) : -1;
    if (n == -2 || (n >= 0 && n != x->n_out))
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "%d sizes for %d outputs", n, x->n_out);
    int64_t chunk = (a->dim[axis] + x->n_out - 1) / x->n_out;
    for (int k = 0; k < x->n_out; k++) {
        int64_t left = a->dim[axis] - at, len = n >= 0 ? size[k] : chunk < left ? chunk : left;
        sg_tensor *y = x->out[k];
        if (len < 0 || len > left || (y && (!fits(y, a, axis) || y->dim[axis] != len)))
            return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "piece %d does not fit the input", k);
        if (y) {
            if (sg_dtypes[y->dtype].bits < 8)
                sg_move_zero(y);
            copy_part(y, a, axis, at, false);
        }
        at += len;
    }
    return SEDGE_OK;
}
