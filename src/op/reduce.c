/* Reductions over axes: sums, norms, extremes, products. */
#include "op/reduce.h"

#include <math.h>
#include <string.h>

#include "op/move.h"
#include "op/wide.h"

/* Axes to reduce from their list: none listed means all, or none with noop_with_empty_axes. */
static sedge_status axes_mask(sg_err *err, sg_attrs attrs, const int64_t *axes, int n, int rank, uint32_t *mask)
{
    if (n > 0)
        return sg_move_axes(err, axes, n, rank, mask);
    *mask = sg_get_int(attrs, SG_A_noop_with_empty_axes) ? 0 : (1u << rank) - 1;
    return SEDGE_OK;
}

/* Sums and products of known elements are known: shape arithmetic in graphs uses them. */
static void reduce_content(sg_infer *c, int kind)
{
    int64_t n;
    const sg_dim *d = sg_in_content(c, 0, &n);
    if (!d || n == 0)
        return;
    sg_dim r = d[0];
    for (int64_t i = 1; i < n; i++)
        switch (kind) {
        case SG_REDUCE_SUM: r = sg_d_add(c, r, d[i]); break;
        case SG_REDUCE_PROD: r = sg_d_mul(c, r, d[i]); break;
        case SG_REDUCE_MAX: r = sg_d_max(c, r, d[i]); break;
        case SG_REDUCE_MIN: r = sg_d_min(c, r, d[i]); break;
        default: return;
        }
    if (kind != SG_REDUCE_SUM && kind != SG_REDUCE_PROD && kind != SG_REDUCE_MAX && kind != SG_REDUCE_MIN)
        return;
    c->out_content[0] = r;
    c->n_out_content = 1;
}

sedge_status sg_infer_reduce(sg_infer *c)
{
    const sg_type *a = c->in[0];
    sg_type *y = &c->out[0];
    int64_t axes[SG_RANK_MAX];
    uint32_t mask;
    bool listed = c->n_in > 1 && c->in[1], keep = sg_get_int(c->attrs, SG_A_keepdims) != 0;
    int n = listed ? sg_move_nums(c, 1, axes, SG_RANK_MAX) : 0;
    c->exact = true;
    y->dtype = a->dtype;
    y->rank = -1;
    if (n == -2)
        return SEDGE_E_SHAPE;
    if (a->dtype == SG_STR || sg_is_complex((sg_dtype)a->dtype))
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "%s cannot be reduced", sg_dtypes[a->dtype].name);
    if (a->rank < 0)
        return SEDGE_OK;
    if (n < 0) {
        int count = sg_move_count(c, 1);
        if (keep || (count > 0 && count <= a->rank))
            sg_move_fresh(c, y, keep ? a->rank : a->rank - count);
        return SEDGE_OK;
    }
    SG_TRY(axes_mask(c->err, c->attrs, axes, n, a->rank, &mask));
    y->rank = 0;
    for (int i = 0; i < a->rank; i++) {
        bool gone = mask >> i & 1;
        if (!gone || keep)
            y->dim[y->rank++] = gone ? 1 : a->dim[i];
    }
    if (a->rank == 1 && mask == 1)
        reduce_content(c, (int)sg_get_int(c->attrs, SG_A_kind));
    return SEDGE_OK;
}

#define RUN 256 /* elements widened at a time */

/* A sum in eight interleaved parts: vectors, and an order that depends on n only. */
static double sum_run(const double *v, int n)
{
    double p[8] = {0};
    int i = 0;
    for (; i + 8 <= n; i += 8)
        for (int j = 0; j < 8; j++)
            p[j] += v[i + j];
    for (; i < n; i++)
        p[i & 7] += v[i];
    return ((p[0] + p[4]) + (p[2] + p[6])) + ((p[1] + p[5]) + (p[3] + p[7]));
}

/* acc[i * step] takes in v[i]: step 0 folds a run into one, step 1 folds it into a row. */
static void fold_run(int kind, double *acc, int64_t step, const double *v, int n)
{
    switch (kind) {
    case SG_REDUCE_MAX:
        for (int i = 0; i < n; i++)
            acc[i * step] = v[i] > acc[i * step] || v[i] != v[i] ? v[i] : acc[i * step];
        break;
    case SG_REDUCE_MIN:
        for (int i = 0; i < n; i++)
            acc[i * step] = v[i] < acc[i * step] || v[i] != v[i] ? v[i] : acc[i * step];
        break;
    case SG_REDUCE_PROD:
        for (int i = 0; i < n; i++)
            acc[i * step] *= v[i];
        break;
    default:
        if (step == 0)
            acc[0] += sum_run(v, n);
        else
            for (int i = 0; i < n; i++)
                acc[i] += v[i];
    }
}

/* What the sums add up. shift: the largest element that each result sees, for log_sum_exp. */
static void map_run(int kind, double *v, int n, const double *shift, int64_t step)
{
    if (kind == SG_REDUCE_L1)
        for (int i = 0; i < n; i++)
            v[i] = fabs(v[i]);
    else if (kind == SG_REDUCE_L2 || kind == SG_REDUCE_SUM_SQUARE)
        for (int i = 0; i < n; i++)
            v[i] *= v[i];
    else if (kind == SG_REDUCE_LOG_SUM_EXP)
        for (int i = 0; i < n; i++)
            v[i] = exp(v[i] - shift[i * step]);
}

/* Strides that lead from an element of a to its result: 0 on reduced axes. */
static void result_strides(const sg_tensor *a, uint32_t mask, int64_t *stride)
{
    int64_t s = 1;
    for (int i = a->rank - 1; i >= 0; i--) {
        stride[i] = mask >> i & 1 ? 0 : s;
        s *= mask >> i & 1 ? 1 : a->dim[i];
    }
}

/* Runs through a in order of memory and folds it into acc. */
static void fold_f64(const sg_tensor *a, uint32_t mask, int kind, double *acc, const double *shift)
{
    int64_t stride[SG_RANK_MAX], at = 0;
    int outer = a->rank ? a->rank - 1 : 0;
    int64_t line = a->rank ? a->dim[outer] : 1;
    double v[RUN];
    result_strides(a, mask, stride);
    int64_t step = a->rank ? stride[outer] : 0;
    sg_walk w;
    sg_walk_init(&w, a->dim, outer);
    sg_walk_add(&w, stride);
    do {
        for (int64_t i = 0; i < line; i += RUN) {
            int n = (int)(line - i < RUN ? line - i : RUN);
            int64_t to = w.off[0] + i * step;
            sg_widen((sg_dtype)a->dtype, a->data, at + i, n, v);
            map_run(kind, v, n, shift ? shift + to : NULL, step);
            fold_run(kind, acc + to, step, v, n);
        }
        at += line;
    } while (sg_walk_next(&w));
}

static double finish(int kind, double acc, double count)
{
    switch (kind) {
    case SG_REDUCE_MEAN: return acc / count;
    case SG_REDUCE_L2: return sqrt(acc);
    case SG_REDUCE_LOG_SUM:
    case SG_REDUCE_LOG_SUM_EXP: return log(acc);
    default: return acc;
    }
}

static double identity(int kind)
{
    return kind == SG_REDUCE_MAX ? -HUGE_VAL : kind == SG_REDUCE_MIN ? HUGE_VAL : kind == SG_REDUCE_PROD ? 1 : 0;
}

static sedge_status reduce_f64(sg_exec *x, uint32_t mask, int kind, int64_t count)
{
    const sg_tensor *a = x->in[0];
    sg_tensor *y = x->out[0];
    int64_t n = sg_numel(y);
    bool shifted = kind == SG_REDUCE_LOG_SUM_EXP;
    double *acc = sg_scratch(x, (size_t)n * sizeof *acc + 1),
           *shift = shifted ? sg_scratch(x, (size_t)n * sizeof *shift + 1) : NULL;
    if (!acc || (shifted && !shift))
        return SEDGE_E_NOMEM;
    for (int64_t i = 0; i < n; i++)
        acc[i] = identity(kind);
    for (int64_t i = 0; shifted && i < n; i++)
        shift[i] = identity(SG_REDUCE_MAX);
    if (sg_numel(a) && shifted) {
        fold_f64(a, mask, SG_REDUCE_MAX, shift, NULL);
        for (int64_t i = 0; i < n; i++)
            shift[i] = isfinite(shift[i]) ? shift[i] : 0;
    }
    if (sg_numel(a))
        fold_f64(a, mask, kind, acc, shift);
    for (int64_t i = 0; i < n; i++) {
        double v = finish(kind, acc[i], (double)count);
        sg_store_f64((sg_dtype)y->dtype, y->data, (size_t)i, shifted && isfinite(shift[i]) ? v + shift[i] : v);
    }
    return SEDGE_OK;
}

static int64_t fold_i64(int kind, int64_t acc, int64_t v, bool is_unsigned)
{
    uint64_t u = (uint64_t)v;
    bool above = is_unsigned ? u > (uint64_t)acc : v > acc;
    switch (kind) {
    case SG_REDUCE_MAX: return above ? v : acc;
    case SG_REDUCE_MIN: return above ? acc : v;
    case SG_REDUCE_PROD: return (int64_t)((uint64_t)acc * u);
    case SG_REDUCE_SUM_SQUARE: return (int64_t)((uint64_t)acc + u * u);
    case SG_REDUCE_L1: return (int64_t)((uint64_t)acc + (v < 0 && !is_unsigned ? 0 - u : u));
    default: return (int64_t)((uint64_t)acc + u);
    }
}

/* The least or largest value of an integer type, for empty sets. */
static int64_t extreme(sg_dtype t, bool least)
{
    unsigned bits = sg_dtypes[t].bits;
    if (t == SG_BOOL)
        return least ? 0 : 1;
    if (sg_is_signed(t))
        return least ? -INT64_MAX / ((int64_t)1 << (64 - bits)) - 1 : INT64_MAX >> (64 - bits);
    return least ? 0 : (int64_t)(UINT64_MAX >> (64 - bits));
}

static sedge_status reduce_i64(sg_exec *x, uint32_t mask, int kind, int64_t count)
{
    const sg_tensor *a = x->in[0];
    sg_tensor *y = x->out[0];
    sg_dtype t = (sg_dtype)a->dtype;
    int64_t n = sg_numel(y), numel = sg_numel(a), stride[SG_RANK_MAX];
    int64_t *acc = sg_scratch(x, (size_t)n * sizeof *acc + 1);
    if (!acc)
        return SEDGE_E_NOMEM;
    for (int64_t i = 0; i < n; i++)
        acc[i] = kind == SG_REDUCE_MAX || kind == SG_REDUCE_MIN ? extreme(t, kind == SG_REDUCE_MAX) : kind == SG_REDUCE_PROD;
    result_strides(a, mask, stride);
    sg_walk w;
    sg_walk_init(&w, a->dim, a->rank);
    sg_walk_add(&w, stride);
    for (int64_t i = 0; i < numel; i++, sg_walk_next(&w))
        acc[w.off[0]] = fold_i64(kind, acc[w.off[0]], sg_load_i64(t, a->data, (size_t)i), t == SG_U64);
    for (int64_t i = 0; i < n; i++) {
        int64_t v = acc[i];
        if (kind == SG_REDUCE_MEAN)
            v = count == 0 ? 0 : t == SG_U64 ? (int64_t)((uint64_t)v / (uint64_t)count) : v / count;
        sg_store_i64(t, y->data, (size_t)i, v);
    }
    return SEDGE_OK;
}

sedge_status sg_reduce_axes(sg_exec *x, uint32_t *mask)
{
    int64_t axes[SG_RANK_MAX];
    int n = sg_move_args(x, 1, axes, SG_RANK_MAX);
    return n == -2 ? SEDGE_E_SHAPE : axes_mask(x->err, x->attrs, axes, n, x->in[0]->rank, mask);
}

sedge_status sg_ref_reduce(sg_exec *x)
{
    const sg_tensor *a = x->in[0];
    sg_tensor *y = x->out[0];
    int64_t kept = 1, count = 1;
    int kind = (int)sg_get_int(x->attrs, SG_A_kind);
    uint32_t mask;
    SG_TRY(sg_reduce_axes(x, &mask));
    for (int i = 0; i < a->rank; i++) {
        if (mask >> i & 1)
            count *= a->dim[i];
        else
            kept *= a->dim[i];
    }
    if (sg_numel(y) != kept)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "the output does not fit the axes");
    if (sg_dtypes[y->dtype].bits < 8)
        sg_move_zero(y);
    bool by_f64 = sg_is_float((sg_dtype)a->dtype) || kind == SG_REDUCE_L2 || kind == SG_REDUCE_LOG_SUM ||
                  kind == SG_REDUCE_LOG_SUM_EXP;
    return by_f64 ? reduce_f64(x, mask, kind, count) : reduce_i64(x, mask, kind, count);
}
