/* Pooling (max, average, lp) over windows or, without a kernel_shape, over all spatial axes; and the inverse of max pooling. */
#include "op/pool.h"

#include <math.h>
#include <string.h>

#include "op/quant.h"
#include "op/wide.h"
#include "op/window.h"

static bool is_global(sg_attrs a)
{
    int n;
    sg_get_ints(a, SG_A_kernel_shape, &n);
    return n == 0;
}

/* The shape of output 0. */
static sedge_status pool_shape(sg_infer *c)
{
    const sg_type *x = c->in[0];
    sg_type *y = &c->out[0];
    sg_window w;
    bool ceil = sg_get_int(c->attrs, SG_A_ceil_mode) != 0, global = is_global(c->attrs);
    if (x->rank < 0)
        return SEDGE_OK;
    if (x->rank < 3)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "pooling needs spatial axes, the input has rank %d", x->rank);
    *y = *x;
    if (!global)
        SG_TRY(sg_window_read(c->err, c->attrs, x->rank - 2, NULL, &w));
    for (int i = 0; i < x->rank - 2; i++) {
        y->dim[2 + i] = 1;
        if (!global)
            SG_TRY(sg_window_out(c, &w, i, x->dim[2 + i], ceil, &y->dim[2 + i]));
    }
    return SEDGE_OK;
}

sedge_status sg_infer_pool(sg_infer *c)
{
    int64_t kind = sg_get_int(c->attrs, SG_A_kind);
    c->exact = true;
    if (kind < SG_POOL_MAX || kind > SG_POOL_LP)
        return SG_INFER_FAIL(c, SEDGE_E_VALUE, "pool of kind %lld", (long long)kind);
    if (kind == SG_POOL_LP && sg_get_int(c->attrs, SG_A_p) < 1)
        return SG_INFER_FAIL(c, SEDGE_E_VALUE, "p must be positive");
    if (kind == SG_POOL_LP || (kind == SG_POOL_AVERAGE && !sg_q_is_8bit((sg_dtype)c->in[0]->dtype)))
        SG_TRY(sg_want_float(c, 0));
    SG_TRY(sg_out_unknown(c, (sg_dtype)c->in[0]->dtype));
    SG_TRY(pool_shape(c));
    if (c->n_out > 1) {
        c->out[1] = c->out[0];
        c->out[1].dtype = SG_I64;
    }
    return SEDGE_OK;
}

sedge_status sg_infer_qlinear_pool(sg_infer *c)
{
    c->exact = true;
    for (int k = 0; k < 5; k++)
        SG_TRY(k == 1 || k == 3 ? sg_q_want_scale(c, k) : sg_q_want_8bit(c, k));
    SG_TRY(sg_q_want_like(c, 2, 0));
    SG_TRY(sg_out_unknown(c, (sg_dtype)c->in[0]->dtype));
    SG_TRY(pool_shape(c));
    c->out[0].dtype = c->in[4]->dtype;
    return SEDGE_OK;
}

typedef struct pool {
    sg_window all, w; /* w: without the taps that are always outside */
    int kind;
    double p;
    bool count_pad;
    const int64_t *in, *out;
    int64_t column[SG_RANK_MAX]; /* strides of the index that MaxPool reports */
    bool whole;                  /* an average of integers: the nearest, ties away from zero */
    double ratio;                /* one of quantized integers: x scale / y scale; else 0 */
    int32_t zy, lo, hi;
} pool;

/* Taps of one window that count in the average's divisor when padding counts: those before the end of the padding. */
static double padded_taps(const pool *v, const int64_t *o)
{
    double count = 1;
    for (int i = 0; i < v->all.n; i++) {
        int64_t room = v->in[i] + v->all.end[i] - 1 - (o[i] * v->all.stride[i] - v->all.begin[i]);
        int64_t taps = room < 0 ? 0 : room / v->all.dilation[i] + 1;
        count *= (double)(taps < v->all.kernel[i] ? taps : v->all.kernel[i]);
    }
    return count;
}

/* The maximum of one window and where it stands (-1: the window is empty). */
static double max_one(const pool *v, const double *x, const int64_t *o, int64_t *where)
{
    double max = 0;
    int64_t best = -1, k[SG_RANK_MAX] = {0}, off, n_in = v->in[v->w.n - 1];
    int last = v->w.n - 1;
    do {
        if (!sg_window_at(&v->w, last, v->in, o, k, &off))
            continue;
        int64_t p = o[last] * v->w.stride[last] - v->w.begin[last];
        for (int64_t j = 0; j < v->w.kernel[last]; j++, p += v->w.dilation[last]) {
            if (p < 0 || p >= n_in)
                continue;
            double e = x[off * n_in + p];
            if (best < 0 || e > max || (isnan(e) && !isnan(max))) {
                max = e;
                best = off * n_in + p;
            }
        }
    } while (sg_index_next(k, v->w.kernel, last));
    *where = best;
    return max;
}

/* What the taps' sum or maximum becomes. */
static double pool_value(const pool *v, double acc, int64_t seen, const int64_t *o)
{
    double count = v->kind == SG_POOL_AVERAGE ? (v->count_pad ? padded_taps(v, o) : (double)seen) : 1;
    if (v->ratio > 0)
        return sg_q_requant((int32_t)acc, (float)(v->ratio / count), v->zy, v->lo, v->hi);
    if (v->kind == SG_POOL_AVERAGE && v->whole)
        return (double)(((int64_t)acc + (acc > 0 ? (int64_t)count / 2 : -((int64_t)count / 2))) / (int64_t)count);
    if (v->kind == SG_POOL_AVERAGE)
        return acc / count;
    if (v->kind == SG_POOL_LP)
        return v->p == 2 ? sqrt(acc) : v->p == 1 ? acc : pow(acc, 1 / v->p);
    return acc;
}

/* One tap of the innermost axis over a row of windows. */
static void pool_tap(const pool *v, const double *x, int64_t step, int64_t n, double *acc)
{
    for (int64_t i = 0; i < n; i++) {
        double e = x[i * step];
        switch (v->kind) {
        case SG_POOL_AVERAGE: acc[i] += e; break;
        case SG_POOL_LP: acc[i] += v->p == 2 ? e * e : v->p == 1 ? fabs(e) : pow(fabs(e), v->p); break;
        default: acc[i] = e > acc[i] || e != e ? e : acc[i]; break;
        }
    }
}

/* The windows of one row together, tap by tap: what max_one gives, where nobody asks for the index, and the other kinds. */
static void pool_row(const pool *v, const double *x, const int64_t *o, int64_t *seen, double *acc)
{
    int last = v->w.n - 1;
    int64_t k[SG_RANK_MAX] = {0}, off, lo, hi, n = v->out[last], step = v->w.stride[last];
    for (int64_t i = 0; i < n; i++) {
        seen[i] = 0;
        acc[i] = v->kind == SG_POOL_MAX ? -INFINITY : 0;
    }
    do {
        if (!sg_window_at(&v->w, last, v->in, o, k, &off))
            continue;
        for (int64_t j = 0; j < v->w.kernel[last]; j++) {
            sg_window_range(&v->w, last, j, v->in[last], n, &lo, &hi);
            if (lo >= hi)
                continue;
            for (int64_t i = lo; i < hi; i++)
                seen[i]++;
            int64_t at = off * v->in[last] + lo * step + j * v->w.dilation[last] - v->w.begin[last];
            pool_tap(v, x + at, step, hi - lo, acc + lo);
        }
    } while (sg_index_next(k, v->w.kernel, last));
    int64_t pos[SG_RANK_MAX];
    for (int i = 0; i < last; i++)
        pos[i] = o[i];
    for (int64_t i = 0; i < n; i++) {
        pos[last] = i;
        acc[i] = seen[i] ? pool_value(v, acc[i], seen[i], pos) : v->zy;
    }
}

/* The index in column-major order of the spatial axes, which storage_order 1 asks for. */
static int64_t column_index(const pool *v, int64_t at)
{
    int64_t r = 0;
    for (int i = v->w.n - 1; i >= 0; i--) {
        r += at % v->in[i] * v->column[i];
        at /= v->in[i];
    }
    return r;
}

static sedge_status pool_setup(sg_exec *x, pool *v)
{
    const sg_tensor *in = x->in[0], *out = x->out[0] ? x->out[0] : x->out[1];
    int n = in->rank - 2;
    v->kind = (int)sg_get_int(x->attrs, SG_A_kind);
    v->whole = sg_is_int((sg_dtype)in->dtype);
    v->p = (double)sg_get_int(x->attrs, SG_A_p);
    v->count_pad = sg_get_int(x->attrs, SG_A_count_include_pad) != 0;
    if (n < 1 || out->rank != in->rank)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "pooling needs spatial axes, the input has rank %d", in->rank);
    v->in = in->dim + 2;
    v->out = out->dim + 2;
    int64_t column = 1;
    for (int i = 0; i < n; i++) {
        v->column[i] = column;
        column *= v->in[i];
    }
    if (!is_global(x->attrs)) {
        SG_TRY(sg_window_read(x->err, x->attrs, n, NULL, &v->w));
        sg_window_resolve(&v->w, v->in, v->out);
        v->all = v->w;
        for (int i = 0; i < n && sg_numel(in) > 0; i++)
            sg_window_trim(&v->w, i, v->in[i], v->out[i]);
        return SEDGE_OK;
    }
    v->w = (sg_window){.n = n};
    for (int i = 0; i < n; i++) {
        v->w.kernel[i] = v->in[i];
        v->w.stride[i] = v->w.dilation[i] = 1;
    }
    v->all = v->w;
    return SEDGE_OK;
}

/* One plane with indices, which count from the start of the tensor: the plane starts at base. */
static void plane_with_index(const pool *v, const double *xs, int64_t base, bool columns, double *ys, int64_t *index)
{
    int64_t o[SG_RANK_MAX] = {0}, where;
    do {
        *ys++ = max_one(v, xs, o, &where);
        *index++ = base + (columns && where >= 0 ? column_index(v, where) : where);
    } while (sg_index_next(o, v->out, v->w.n));
}

static double whole_plane(const pool *v, const double *xs, int64_t n)
{
    const int64_t o[SG_RANK_MAX] = {0};
    double acc = v->kind == SG_POOL_MAX ? -INFINITY : 0;
    for (int64_t i = 0; i < n; i++)
        pool_tap(v, xs + i, 1, 1, &acc);
    return pool_value(v, acc, n, o);
}

static void plane_by_rows(const pool *v, const double *xs, int64_t *seen, double *ys)
{
    int64_t o[SG_RANK_MAX] = {0};
    do {
        pool_row(v, xs, o, seen, ys);
        ys += v->out[v->w.n - 1];
    } while (sg_index_next(o, v->out, v->w.n - 1));
}

sedge_status sg_ref_pool(sg_exec *x)
{
    pool v = {0};
    const sg_tensor *in = x->in[0];
    sg_tensor *out = x->out[0], *index = x->n_out > 1 ? x->out[1] : NULL, *any = out ? out : index;
    if (!any)
        return SEDGE_OK;
    SG_TRY(pool_setup(x, &v));
    int64_t is = sg_dim_span(in->dim, 2, in->rank), os = sg_dim_span(any->dim, 2, any->rank), planes = in->dim[0] * in->dim[1];
    if (sg_numel(any) == 0)
        return SEDGE_OK;
    if (index && v.kind != SG_POOL_MAX)
        return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "only max pooling has indices");
    double *xs = sg_scratch_f64(x, is), *ys = sg_scratch_f64(x, os);
    int64_t *at = sg_scratch(x, (size_t)os * sizeof *at);
    bool columns = sg_get_int(x->attrs, SG_A_storage_order) != 0, global = is_global(x->attrs);
    if (!xs || !ys || !at)
        return SEDGE_E_NOMEM;
    for (int64_t p = 0; p < planes; p++) {
        sg_widen((sg_dtype)in->dtype, in->data, p * is, is, xs);
        if (is == 0) {
            for (int64_t i = 0; i < os; i++) {
                ys[i] = 0;
                at[i] = -1;
            }
        } else if (index) {
            plane_with_index(&v, xs, p * is, columns, ys, at);
        } else if (global) {
            ys[0] = whole_plane(&v, xs, is);
        } else {
            plane_by_rows(&v, xs, at, ys);
        }
        if (index)
            memcpy((int64_t *)index->data + p * os, at, (size_t)os * sizeof *at);
        if (out)
            sg_narrow((sg_dtype)out->dtype, out->data, p * os, os, ys);
    }
    return SEDGE_OK;
}

/* The sum of integers without their zero point, exact, times the ratio of the scales over their number. */
sedge_status sg_ref_qlinear_pool(sg_exec *x)
{
    pool v = {0};
    const sg_tensor *in = x->in[0];
    sg_tensor *out = x->out[0];
    float scale;
    SG_TRY(pool_setup(x, &v));
    int64_t is = sg_dim_span(in->dim, 2, in->rank), os = sg_dim_span(out->dim, 2, out->rank), planes = in->dim[0] * in->dim[1];
    for (int k = 1; k < 5; k++)
        if (sg_numel(x->in[k]) != 1)
            return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "input %d has %lld elements, not 1", k, (long long)sg_numel(x->in[k]));
    SG_TRY(sg_q_scale(x->err, sg_q_factor(x->in[1], 0), 1, sg_q_factor(x->in[3], 0), &scale));
    v.kind = SG_POOL_AVERAGE;
    v.ratio = sg_q_factor(x->in[1], 0) / sg_q_factor(x->in[3], 0);
    v.zy = sg_q_zero(x->in[4], 0);
    sg_q_range((sg_dtype)out->dtype, &v.lo, &v.hi);
    double zx = sg_q_zero(x->in[2], 0), *xs = sg_scratch_f64(x, is), *ys = sg_scratch_f64(x, os);
    int64_t *seen = sg_scratch(x, (size_t)os * sizeof *seen);
    if (!xs || !ys || !seen)
        return SEDGE_E_NOMEM;
    for (int64_t p = 0; p < planes && os; p++) {
        sg_widen((sg_dtype)in->dtype, in->data, p * is, is, xs);
        for (int64_t i = 0; i < is; i++)
            xs[i] -= zx;
        plane_by_rows(&v, xs, seen, ys);
        sg_narrow((sg_dtype)out->dtype, out->data, p * os, os, ys);
    }
    return SEDGE_OK;
}

/* ---- max unpool ---- */

sedge_status sg_infer_max_unpool(sg_infer *c)
{
    const sg_type *x = c->in[0];
    SG_TRY(sg_want_float(c, 0));
    if (c->n_in > 1 && c->in[1]->dtype != SG_I64 && c->in[1]->dtype != SG_NONE)
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "indices must be i64");
    if (x->rank < 0)
        return sg_out_unknown(c, (sg_dtype)x->dtype);
    sg_window w;
    SG_TRY(sg_window_read(c->err, c->attrs, x->rank - 2, NULL, &w));
    c->out[0] = *x;
    if (c->n_in > 2 && c->in[2]) {
        int64_t n;
        const sg_dim *shape = sg_in_content(c, 2, &n);
        if (shape && n != x->rank)
            return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "output_shape has %lld values, needs %d", (long long)n, x->rank);
        for (int i = 0; i < x->rank; i++) {
            c->out[0].dim[i] = shape ? shape[i] : sg_d_fresh(c);
            if (!sg_dim_is_expr(c->out[0].dim[i]) && c->out[0].dim[i] < 0)
                return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "output_shape holds %lld", (long long)c->out[0].dim[i]);
        }
        return SEDGE_OK;
    }
    for (int i = 0; i < w.n; i++) {
        sg_dim d = sg_d_mul(c, sg_d_sub(c, x->dim[2 + i], 1), w.stride[i]);
        d = sg_d_add(c, sg_d_sub(c, d, w.begin[i] + w.end[i]), w.kernel[i]);
        if (!sg_dim_is_expr(d) && d < 0)
            return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "spatial axis %d would have %lld elements", i, (long long)d);
        c->out[0].dim[2 + i] = d;
    }
    return SEDGE_OK;
}

/* Indices count in the shape that the windows imply; a larger output_shape has zeros after it on each axis. */
sedge_status sg_ref_max_unpool(sg_exec *x)
{
    const sg_tensor *in = x->in[0], *idx = x->in[1];
    sg_tensor *out = x->out[0];
    int64_t own[SG_RANK_MAX], numel;
    sg_window w;
    if (in->rank < 3 || out->rank != in->rank || !sg_same_shape(in, idx))
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "indices must have the shape of the input");
    SG_TRY(sg_window_read(x->err, x->attrs, in->rank - 2, NULL, &w));
    for (int i = 0; i < in->rank; i++) {
        own[i] = in->dim[i];
        if (i >= 2)
            own[i] = (in->dim[i] - 1) * w.stride[i - 2] - w.begin[i - 2] - w.end[i - 2] + w.kernel[i - 2];
    }
    if (!sg_numel_checked(own, in->rank, &numel))
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "the windows imply no shape");
    memset(out->data, 0, sg_tensor_bytes(out));
    int64_t n = sg_numel(in);
    for (int64_t e = 0; e < n; e++) {
        int64_t at = sg_load_i64(SG_I64, idx->data, (size_t)e), to = 0, step = 1;
        if (at < 0 || at >= numel)
            return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "index %lld is outside [0, %lld)", (long long)at, (long long)numel);
        bool inside = true;
        for (int i = in->rank - 1; i >= 0; i--) {
            inside = inside && at % own[i] < out->dim[i];
            to += at % own[i] * step;
            at /= own[i];
            step *= out->dim[i];
        }
        if (inside)
            sg_elem_copy((sg_dtype)in->dtype, out->data, (size_t)to, in->data, (size_t)e);
    }
    return SEDGE_OK;
}
