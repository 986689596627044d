/* Ops that find positions: arg_reduce, top_k, one_hot. */
#include "op/index.h"

sedge_status sg_infer_arg_reduce(sg_infer *c)
{
    const sg_type *a = c->in[0];
    sg_type *y = &c->out[0];
    int axis;
    bool keep = sg_get_int(c->attrs, SG_A_keepdims) != 0;
    c->exact = true;
    y->dtype = SG_I64;
    y->rank = -1;
    if (a->rank < 0)
        return SEDGE_OK;
    if (a->dtype == SG_STR || sg_is_complex((sg_dtype)a->dtype))
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "%s has no order", sg_dtypes[a->dtype].name);
    SG_TRY(sg_move_axis(c->err, sg_get_int(c->attrs, SG_A_axis), a->rank, &axis));
    y->rank = 0;
    for (int i = 0; i < a->rank; i++)
        if (i != axis || keep)
            y->dim[y->rank++] = i == axis ? 1 : a->dim[i];
    return SEDGE_OK;
}

/* Order of elements for a search of the largest (or least) that stands first: NaN beats all, as in NumPy. */
static int rank_of(const sg_tensor *t, int64_t i, int64_t j, bool largest)
{
    int r = sg_index_compare(t, i, j);
    if (largest || !sg_is_float((sg_dtype)t->dtype))
        return largest ? r : -r;
    double a = sg_load_f64((sg_dtype)t->dtype, t->data, (size_t)i), b = sg_load_f64((sg_dtype)t->dtype, t->data, (size_t)j);
    return a != a || b != b ? r : -r;
}

/* Position of the extreme element of a line. The float line is the hot one. */
static int64_t best_of(const sg_tensor *a, int64_t base, int64_t step, int64_t d, bool largest, bool last)
{
    int64_t best = 0;
    if (a->dtype != SG_F32) {
        for (int64_t k = 1; k < d; k++) {
            int r = rank_of(a, base + k * step, base + best * step, largest);
            if (r > 0 || (last && r == 0))
                best = k;
        }
        return best;
    }
    const float *p = (const float *)a->data + base;
    for (int64_t k = 1; k < d; k++) {
        float v = p[k * step], b = p[best * step];
        bool above = largest ? v > b : v < b, nan = v != v;
        if ((above || nan || (last && v == b)) && (b == b || (last && nan)))
            best = k;
    }
    return best;
}

sedge_status sg_ref_arg_reduce(sg_exec *x)
{
    const sg_tensor *a = x->in[0];
    int axis;
    bool largest = sg_get_int(x->attrs, SG_A_kind) == SG_ARG_MAX, last = sg_get_int(x->attrs, SG_A_select_last_index) != 0;
    SG_TRY(sg_move_axis(x->err, sg_get_int(x->attrs, SG_A_axis), a->rank, &axis));
    int64_t outer = sg_dim_span(a->dim, 0, axis), inner = sg_dim_span(a->dim, axis + 1, a->rank), d = a->dim[axis];
    if (sg_numel(x->out[0]) != outer * inner)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "the output does not fit the input");
    if (d == 0 && outer * inner > 0)
        return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "no elements to choose from on axis %d", axis);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < inner; i++) {
            int64_t best = best_of(a, o * d * inner + i, inner, d, largest, last);
            sg_store_i64(SG_I64, x->out[0]->data, (size_t)(o * inner + i), best);
        }
    return SEDGE_OK;
}

sedge_status sg_infer_top_k(sg_infer *c)
{
    const sg_type *a = c->in[0];
    int axis;
    sg_dim k;
    int n = sg_move_dims(c, 1, &k, 1);
    c->exact = true;
    if (n == -2)
        return SEDGE_E_SHAPE;
    if (a->dtype == SG_STR || sg_is_complex((sg_dtype)a->dtype))
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "%s has no order", sg_dtypes[a->dtype].name);
    for (int i = 0; i < c->n_out; i++)
        c->out[i] = *a;
    if (c->n_out > 1)
        c->out[1].dtype = SG_I64;
    if (a->rank < 0)
        return SEDGE_OK;
    SG_TRY(sg_move_axis(c->err, sg_get_int(c->attrs, SG_A_axis), a->rank, &axis));
    if (n != 1)
        k = sg_d_fresh(c);
    else if (!sg_d_at_least(c, k, 0) || !sg_d_at_least(c, a->dim[axis], k))
        return SG_INFER_FAIL(c, SEDGE_E_VALUE, "the first %lld elements of an axis of %lld", (long long)k,
                             sg_dim_is_expr(a->dim[axis]) ? 0LL : (long long)a->dim[axis]);
    for (int i = 0; i < c->n_out; i++)
        c->out[i].dim[axis] = k;
    return SEDGE_OK;
}

/* A line of the tensor being sorted. */
typedef struct line {
    const sg_tensor *t;
    int64_t base, step;
    bool largest;
} line;

static bool before(const void *ctx, int64_t i, int64_t j)
{
    const line *l = ctx;
    return rank_of(l->t, l->base + i * l->step, l->base + j * l->step, l->largest) > 0;
}

sedge_status sg_ref_top_k(sg_exec *x)
{
    const sg_tensor *a = x->in[0];
    sg_tensor *y = x->out[0], *index = x->n_out > 1 ? x->out[1] : NULL;
    int axis;
    int64_t k;
    SG_TRY(sg_move_axis(x->err, sg_get_int(x->attrs, SG_A_axis), a->rank, &axis));
    int64_t d = a->dim[axis], inner = sg_dim_span(a->dim, axis + 1, a->rank), outer = sg_dim_span(a->dim, 0, axis);
    if (sg_move_args(x, 1, &k, 1) != 1 || k < 0 || k > d)
        return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "as many elements are not on an axis of %lld", (long long)d);
    if ((y && sg_numel(y) != outer * k * inner) || (index && sg_numel(index) != outer * k * inner))
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "the output does not fit the input");
    int64_t *order = sg_scratch(x, ((size_t)d + 1) * sizeof *order), *tmp = sg_scratch(x, ((size_t)d + 1) * sizeof *tmp);
    if (!order || !tmp)
        return SEDGE_E_NOMEM;
    line l = {a, 0, inner, sg_get_int(x->attrs, SG_A_largest) != 0};
    for (int64_t o = 0; o < outer * inner; o++) {
        l.base = o / inner * d * inner + o % inner;
        for (int64_t i = 0; i < d; i++)
            order[i] = i;
        sg_index_sort(order, tmp, d, before, &l);
        for (int64_t i = 0; i < k; i++) {
            size_t at = (size_t)((o / inner * k + i) * inner + o % inner);
            if (y)
                sg_elem_copy((sg_dtype)a->dtype, y->data, at, a->data, (size_t)(l.base + order[i] * inner));
            if (index)
                sg_store_i64(SG_I64, index->data, at, order[i]);
        }
    }
    return SEDGE_OK;
}

sedge_status sg_infer_one_hot(sg_infer *c)
{
    const sg_type *index = c->in[0];
    sg_type *y = &c->out[0];
    int axis;
    int64_t n;
    const sg_dim *depth = sg_in_content(c, 1, &n);
    c->exact = true;
    y->dtype = c->in[2]->dtype;
    y->rank = -1;
    if (index->rank < 0)
        return SEDGE_OK;
    if (index->rank + 1 > SG_RANK_MAX || index->dtype == SG_STR || c->in[1]->dtype == SG_STR)
        return SG_INFER_FAIL(c, SEDGE_E_UNSUPPORTED, "indices of rank %d and type %s", index->rank, sg_dtypes[index->dtype].name);
    SG_TRY(sg_move_axis(c->err, sg_get_int(c->attrs, SG_A_axis), index->rank + 1, &axis));
    y->rank = (int8_t)(index->rank + 1);
    for (int i = 0; i < y->rank; i++)
        y->dim[i] = i < axis ? index->dim[i] : i > axis ? index->dim[i - 1] : 0;
    int64_t v;
    if (depth && n == 1)
        y->dim[axis] = depth[0];
    else
        y->dim[axis] = sg_in_scalar_i64(c, 1, &v) ? v : sg_d_fresh(c);
    return SEDGE_OK;
}

sedge_status sg_ref_one_hot(sg_exec *x)
{
    const sg_tensor *index = x->in[0], *values = x->in[2];
    sg_tensor *y = x->out[0];
    int axis;
    SG_TRY(sg_move_axis(x->err, sg_get_int(x->attrs, SG_A_axis), y->rank, &axis));
    if (sg_numel(values) != 2 || index->rank + 1 != y->rank)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "needs two values, off and on");
    int64_t d = y->dim[axis], inner = sg_dim_span(y->dim, axis + 1, y->rank), n = sg_numel(index);
    if (n * d != sg_numel(y))
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "the output does not fit the indices");
    if (sg_dtypes[y->dtype].bits < 8)
        sg_move_zero(y);
    for (int64_t i = 0; i < n * d; i++)
        sg_elem_copy((sg_dtype)y->dtype, y->data, (size_t)i, values->data, 0);
    for (int64_t i = 0; i < n; i++) {
        int64_t at = sg_load_i64((sg_dtype)index->dtype, index->data, (size_t)i);
        if (at < -d || at >= d)
            continue; /* out of range is off everywhere */
        at = at < 0 ? at + d : at;
        sg_elem_copy((sg_dtype)y->dtype, y->data, (size_t)((i / inner * d + at) * inner + i % inner), values->data, 1);
    }
    return SEDGE_OK;
}
