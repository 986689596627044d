/* Slicing, with any steps: the same numbers as NumPy's a[start:end:step]. */
#include "op/move.h"

/* One axis of a slice on numbers: first element and how many. */
typedef struct cut {
    int64_t start, step, len;
} cut;

static int64_t clamp(int64_t v, int64_t lo, int64_t hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

static cut cut_axis(int64_t d, int64_t start, int64_t end, int64_t step)
{
    int64_t lo = step < 0 ? -1 : 0, hi = step < 0 ? d - 1 : d;
    cut r = {clamp(start < 0 ? start + d : start, lo, hi), step, 0};
    end = clamp(end < 0 ? end + d : end, lo, hi);
    if (step > 0 && end > r.start)
        r.len = (end - r.start - 1) / step + 1;
    else if (step < 0 && end < r.start)
        r.len = (r.start - end - 1) / -(step == INT64_MIN ? -INT64_MAX : step) + 1;
    if (r.len <= 1)
        r.step = 1; /* it is never taken, and may be huge */
    return r;
}

/* True if an expression cannot be negative: symbols are sizes. Looks only a few levels deep. */
static bool not_negative(const sg_infer *c, sg_dim d, int depth)
{
    if (!sg_dim_is_expr(d))
        return d >= 0;
    if (!c->dims || depth == 0)
        return false;
    const sg_dim_node *n = &c->dims->node[sg_dim_expr(d)];
    bool a = n->op != SG_DIM_SYM && not_negative(c, n->a, depth - 1);
    bool b = n->op != SG_DIM_SYM && not_negative(c, n->b, depth - 1);
    switch ((sg_dim_op)n->op) {
    case SG_DIM_SYM: return true;
    case SG_DIM_SUB: return false;
    case SG_DIM_MAX: return a || b;
    case SG_DIM_MOD: return b;
    default: return a && b;
    }
}

/* A bound of a slice of step 1 as a dim in [0, d]; false if its sign is not known. */
static bool bound(sg_infer *c, sg_dim v, sg_dim d, sg_dim *out)
{
    if (!sg_dim_is_expr(v) && v >= INT32_MAX && sg_d_at_least(c, v, d))
        *out = d; /* how exporters write "to the end" */
    else if (!sg_dim_is_expr(v) && v <= -INT32_MAX && sg_d_at_least(c, -v, d))
        *out = 0;
    else if (v == d)
        *out = d;
    else if (not_negative(c, v, 6))
        *out = v == 0 ? 0 : sg_d_min(c, v, d);
    else if (!sg_dim_is_expr(v))
        *out = sg_d_max(c, sg_d_add(c, d, v), 0);
    else
        return false;
    return true;
}

static sg_dim symbolic_len(sg_infer *c, sg_dim d, sg_dim start, sg_dim end, sg_dim step)
{
    sg_dim s, e;
    if (sg_dim_is_expr(step))
        return sg_d_fresh(c);
    if (step == -1 && !sg_dim_is_expr(start) && (start == -1 || start >= INT32_MAX) && !sg_dim_is_expr(end) && end <= -INT32_MAX)
        return d;
    if (step < 0 || !bound(c, start, d, &s) || !bound(c, end, d, &e))
        return sg_d_fresh(c);
    sg_dim len = s == 0                                          ? e
                 : e == d && !sg_dim_is_expr(start) && start > 0 ? sg_d_max(c, sg_d_sub(c, d, start), 0)
                 : e == d && !sg_dim_is_expr(start)              ? sg_d_min(c, d, -start)
                                                                 : sg_d_max(c, sg_d_sub(c, e, s), 0);
    return step == 1 ? len : sg_d_div(c, sg_d_add(c, len, step - 1), step);
}

/* A vector whose elements are known stays known. */
static void slice_content(sg_infer *c, cut k)
{
    int64_t n;
    const sg_dim *d = sg_in_content(c, 0, &n);
    if (!d || k.len > SG_CONTENT_MAX)
        return;
    for (int64_t i = 0; i < k.len; i++)
        c->out_content[i] = d[k.start + i * k.step];
    c->n_out_content = (int)k.len;
}

static sedge_status slice_axis(sg_infer *c, int axis, sg_dim start, sg_dim end, sg_dim step)
{
    sg_dim *d = &c->out[0].dim[axis];
    if (step == 0)
        return SG_INFER_FAIL(c, SEDGE_E_VALUE, "step 0 on axis %d", axis);
    if (sg_dim_is_expr(*d) || sg_dim_is_expr(start) || sg_dim_is_expr(end) || sg_dim_is_expr(step)) {
        *d = symbolic_len(c, *d, start, end, step);
        return SEDGE_OK;
    }
    cut k = cut_axis(*d, start, end, step);
    if (c->in[0]->rank == 1)
        slice_content(c, k);
    *d = k.len;
    return SEDGE_OK;
}

/* Axes of a slice: input 3, or the first ones. -1: not known now; -2: error. */
static int slice_axes(sg_infer *c, int n, int64_t *axes)
{
    if (c->n_in > 3 && c->in[3])
        return sg_move_nums(c, 3, axes, SG_RANK_MAX);
    for (int i = 0; i < SG_RANK_MAX; i++)
        axes[i] = i;
    return n;
}

sedge_status sg_infer_slice(sg_infer *c)
{
    const sg_type *a = c->in[0];
    sg_type *y = &c->out[0];
    sg_dim start[SG_RANK_MAX], end[SG_RANK_MAX], step[SG_RANK_MAX];
    int64_t axes[SG_RANK_MAX];
    uint32_t mask = (1u << SG_RANK_MAX) - 1;
    c->exact = true;
    *y = *a;
    if (a->rank < 0)
        return SEDGE_OK;
    int n = sg_move_dims(c, 1, start, SG_RANK_MAX), ne = sg_move_dims(c, 2, end, SG_RANK_MAX);
    int n_axes = slice_axes(c, n >= 0 ? n : ne >= 0 ? ne : sg_move_count(c, 1), axes);
    bool stepped = c->n_in > 4 && c->in[4];
    int ns = stepped ? sg_move_dims(c, 4, step, SG_RANK_MAX) : n;
    if (n == -2 || ne == -2 || n_axes == -2 || ns == -2)
        return SEDGE_E_SHAPE;
    if (n_axes >= 0)
        SG_TRY(sg_move_axes(c->err, axes, n_axes, a->rank, &mask));
    if (n < 0 || ne < 0 || n_axes < 0 || ns < 0) {
        c->exact = false;
        for (int i = 0; i < a->rank; i++)
            if (mask >> i & 1)
                y->dim[i] = sg_d_fresh(c);
        return SEDGE_OK;
    }
    if (ne != n || n_axes != n || ns != n)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "%d starts, %d ends, %d axes, %d steps", n, ne, n_axes, ns);
    for (int i = 0; i < n; i++)
        SG_TRY(slice_axis(c, sg_axis(axes[i], a->rank), start[i], end[i], stepped ? step[i] : 1));
    if (n == 0)
        sg_move_pass_content(c, 0);
    return SEDGE_OK;
}

bool sg_slice_starts(sg_graph *g, sg_nid n, sg_dim *start)
{
    const sg_type *in[5] = {NULL};
    const sg_tensor *none[5] = {NULL};
    const sg_dim *content[5] = {NULL};
    for (int k = 0; k < g->node[n].n_in; k++) {
        sg_vid v = sg_node_in(g, n, k);
        in[k] = v ? &g->value[v].type : NULL;
        content[k] = v ? g->value[v].content : NULL;
    }
    sg_err own = {0};
    sg_infer c = {.dims = &g->dims, .n_in = g->node[n].n_in, .in = in, .data = none, .content = content, .err = &own};
    sg_dim from[SG_RANK_MAX], step[SG_RANK_MAX];
    int64_t axes[SG_RANK_MAX];
    int count = sg_move_dims(&c, 1, from, SG_RANK_MAX), ns = sg_move_dims(&c, 4, step, SG_RANK_MAX);
    if (count < 0 || slice_axes(&c, count, axes) != count || (ns != count && c.n_in > 4 && in[4]))
        return false;
    for (int i = 0; i < count; i++) {
        int axis = sg_axis(axes[i], in[0]->rank);
        if (axis < 0 || (ns > 0 && step[i] != 1) || !bound(&c, from[i], in[0]->dim[axis], &start[axis]))
            return false;
    }
    return true;
}

sedge_status sg_ref_slice(sg_exec *x)
{
    const sg_tensor *a = x->in[0];
    sg_tensor *y = x->out[0];
    int64_t start[SG_RANK_MAX], end[SG_RANK_MAX], step[SG_RANK_MAX], axes[SG_RANK_MAX];
    uint32_t mask;
    int n = sg_move_args(x, 1, start, SG_RANK_MAX), ne = sg_move_args(x, 2, end, SG_RANK_MAX);
    int na = sg_move_args(x, 3, axes, SG_RANK_MAX), ns = sg_move_args(x, 4, step, SG_RANK_MAX);
    for (int i = 0; na == -1 && i < n; i++)
        axes[i] = i;
    for (int i = 0; ns == -1 && i < n; i++)
        step[i] = 1;
    if (n < 0 || ne != n || (na != -1 && na != n) || (ns != -1 && ns != n) || y->rank != a->rank)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "starts, ends, axes and steps differ in length");
    SG_TRY(sg_move_axes(x->err, axes, n, a->rank, &mask));
    sg_move_view v = {.rank = a->rank};
    sg_strides(a->dim, a->rank, v.ss);
    sg_strides(y->dim, y->rank, v.ds);
    for (int i = 0; i < a->rank; i++)
        v.dim[i] = a->dim[i];
    for (int i = 0; i < n; i++) {
        int k = sg_axis(axes[i], a->rank);
        if (step[i] == 0)
            return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "step 0 on axis %d", k);
        cut one = cut_axis(a->dim[k], start[i], end[i], step[i]);
        v.dim[k] = one.len;
        v.soff += one.len ? one.start * v.ss[k] : 0;
        v.ss[k] *= one.step;
    }
    for (int i = 0; i < a->rank; i++)
        if (v.dim[i] != y->dim[i])
            return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "axis %d gives %lld elements, not %lld", i, (long long)v.dim[i],
                                (long long)y->dim[i]);
    if (sg_dtypes[y->dtype].bits < 8)
        sg_move_zero(y);
    sg_move_strided((sg_dtype)a->dtype, y->data, a->data, &v);
    return SEDGE_OK;
}
