/* Running sums and products along an axis. */
#include "op/move.h"
#include "op/reduce.h"

sedge_status sg_infer_cum(sg_infer *c)
{
    const sg_type *a = c->in[0];
    int64_t axis;
    int at;
    c->out[0] = *a;
    if (a->dtype == SG_STR || a->dtype == SG_BOOL || sg_is_complex((sg_dtype)a->dtype))
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "%s cannot be summed", sg_dtypes[a->dtype].name);
    if (a->rank >= 0 && sg_in_scalar_i64(c, 1, &axis))
        return sg_move_axis(c->err, axis, a->rank, &at);
    return SEDGE_OK;
}

/* One line, from `at` by `step`: each result is stored before (exclusive) or after its element is taken in. */
static void line_f64(sg_dtype t, void *y, const void *a, int64_t at, int64_t step, int64_t n, bool prod, bool exclusive)
{
    double acc = prod ? 1 : 0;
    for (int64_t i = 0; i < n; i++, at += step) {
        double v = sg_load_f64(t, a, (size_t)at), next = prod ? acc * v : acc + v;
        sg_store_f64(t, y, (size_t)at, exclusive ? acc : next);
        acc = next;
    }
}

static void line_i64(sg_dtype t, void *y, const void *a, int64_t at, int64_t step, int64_t n, bool prod, bool exclusive)
{
    uint64_t acc = prod;
    for (int64_t i = 0; i < n; i++, at += step) {
        uint64_t v = (uint64_t)sg_load_i64(t, a, (size_t)at), next = prod ? acc * v : acc + v;
        sg_store_i64(t, y, (size_t)at, (int64_t)(exclusive ? acc : next));
        acc = next;
    }
}

sedge_status sg_ref_cum(sg_exec *x)
{
    const sg_tensor *a = x->in[0];
    sg_tensor *y = x->out[0];
    sg_dtype t = (sg_dtype)a->dtype;
    int64_t at;
    int axis;
    if (sg_move_args(x, 1, &at, 1) != 1)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "the axis must be one integer");
    SG_TRY(sg_move_axis(x->err, at, a->rank, &axis));
    if (!sg_same_shape(a, y))
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "the output has not the shape of the input");
    bool prod = sg_get_int(x->attrs, SG_A_kind) == SG_CUM_PROD, exclusive = sg_get_int(x->attrs, SG_A_exclusive) != 0;
    bool reverse = sg_get_int(x->attrs, SG_A_reverse) != 0;
    int64_t d = a->dim[axis], inner = sg_dim_span(a->dim, axis + 1, a->rank), lines = d ? sg_numel(a) / d : 0;
    for (int64_t i = 0; i < lines; i++) {
        int64_t from = i / inner * d * inner + i % inner + (reverse ? (d - 1) * inner : 0);
        if (sg_is_float(t))
            line_f64(t, y->data, a->data, from, reverse ? -inner : inner, d, prod, exclusive);
        else
            line_i64(t, y->data, a->data, from, reverse ? -inner : inner, d, prod, exclusive);
    }
    return SEDGE_OK;
}
