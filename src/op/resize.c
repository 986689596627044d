/* Resize: the shape rule, and the reference, which works one axis after the other. Operands: x, roi, scales, sizes. */
#include "op/resize.h"

#include <math.h>

#include "op/wide.h"
#include "op/window.h"

/* The axes that scales, sizes and roi speak of; all by default. */
static sedge_status read_axes(sg_err *err, sg_attrs a, int rank, int *axes, int *count)
{
    int n;
    const int64_t *v = sg_get_ints(a, SG_A_axes, &n);
    bool seen[SG_RANK_MAX] = {false};
    *count = n ? n : rank;
    if (*count > rank)
        return sg_fail(err, SEDGE_E_VALUE, "%d axes of a tensor of rank %d", n, rank);
    for (int i = 0; i < *count; i++) {
        axes[i] = n ? sg_axis(v[i], rank) : i;
        if (axes[i] < 0 || seen[axes[i]])
            return sg_fail(err, SEDGE_E_VALUE, "axis %lld of a tensor of rank %d", (long long)v[i], rank);
        seen[axes[i]] = true;
    }
    return SEDGE_OK;
}

static bool present(sg_infer *c, int k)
{
    return k < c->n_in && c->in[k] && sg_d_numel(c->in[k]) != 0;
}

/* floor(d * s): exact for symbols too if s is a fraction with a small denominator. */
static sg_dim scaled(sg_infer *c, sg_dim d, double s)
{
    if (!sg_dim_is_expr(d)) {
        double r = floor((double)d * s);
        return r >= 0 && r < (double)SG_NUMEL_MAX ? (int64_t)r : -1;
    }
    sg_d_at_least(c, (int64_t)1 << 29, d); /* d * s is exact in double: s has 24 bits */
    for (int q = 1; q <= 64 && s * q < 1e9; q++)
        if (s * q == floor(s * q))
            return sg_d_div(c, sg_d_mul(c, d, (int64_t)(s * q)), q);
    return sg_d_fresh(c);
}

static sedge_status dims_from_scales(sg_infer *c, const int *axes, int n, sg_dim *dim)
{
    const sg_tensor *t = sg_in_data(c, 2);
    if (c->in[2]->dtype != SG_F32 && c->in[2]->dtype != SG_F64)
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "scales must be f32");
    if (t && sg_numel(t) != n)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "%lld scales for %d axes", (long long)sg_numel(t), n);
    c->exact = t && t->dtype == SG_F32;
    for (int i = 0; i < n; i++) {
        double s = t ? sg_load_f64((sg_dtype)t->dtype, t->data, (size_t)i) : 1;
        if (!(s > 0) || s > 1e9)
            return SG_INFER_FAIL(c, SEDGE_E_VALUE, "a scale of %g", s);
        dim[axes[i]] = t ? scaled(c, dim[axes[i]], s) : sg_d_fresh(c);
        if (dim[axes[i]] == -1)
            return SG_INFER_FAIL(c, SEDGE_E_VALUE, "a scale of %g is too large", s);
    }
    return SEDGE_OK;
}

/* The common factor that a keep_aspect_ratio_policy gives; 0 if a size is not usable. */
static double common_scale(const int64_t *in, const int64_t *sizes, const int *axes, int n, int64_t policy)
{
    double best = 0;
    for (int i = 0; i < n; i++) {
        double s = in[axes[i]] > 0 ? (double)sizes[i] / (double)in[axes[i]] : 0;
        if (i == 0 || (policy == SG_ASPECT_NOT_LARGER ? s < best : s > best))
            best = s;
    }
    return best;
}

static sedge_status dims_from_sizes(sg_infer *c, const int *axes, int n, sg_dim *dim)
{
    int64_t count, policy = sg_get_int(c->attrs, SG_A_keep_aspect_ratio_policy);
    const sg_dim *v = sg_in_content(c, 3, &count);
    bool known = v != NULL;
    c->exact = known && policy == SG_ASPECT_STRETCH;
    if (v && count != n)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "%lld sizes for %d axes", (long long)count, n);
    for (int i = 0; i < n; i++) {
        if (v && (!sg_d_at_least(c, v[i], 0) || !sg_d_at_least(c, SG_NUMEL_MAX, v[i])))
            return SG_INFER_FAIL(c, SEDGE_E_VALUE, "a size of %lld", (long long)v[i]);
        known = known && !sg_dim_is_expr(v[i]) && !sg_dim_is_expr(dim[axes[i]]);
    }
    double s = policy != SG_ASPECT_STRETCH && known ? common_scale(dim, v, axes, n, policy) : 0;
    for (int i = 0; i < n; i++) {
        if (policy == SG_ASPECT_STRETCH)
            dim[axes[i]] = v ? v[i] : sg_d_fresh(c);
        else if (known)
            dim[axes[i]] = (int64_t)fmin(s * (double)dim[axes[i]] + 0.5, (double)SG_NUMEL_MAX);
        else
            dim[axes[i]] = sg_d_fresh(c);
    }
    return SEDGE_OK;
}

sedge_status sg_infer_resize(sg_infer *c)
{
    const sg_type *x = c->in[0];
    int axes[SG_RANK_MAX], n;
    int64_t mode = sg_get_int(c->attrs, SG_A_mode);
    if (mode < SG_RESIZE_NEAREST || mode > SG_RESIZE_CUBIC)
        return SG_INFER_FAIL(c, SEDGE_E_VALUE, "mode is %lld", (long long)mode);
    if (mode != SG_RESIZE_NEAREST && (x->dtype == SG_STR || sg_is_complex((sg_dtype)x->dtype)))
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "%s can be resized by mode nearest only", sg_dtypes[x->dtype].name);
    c->out[0] = *x;
    if (x->rank < 0)
        return SEDGE_OK;
    SG_TRY(read_axes(c->err, c->attrs, x->rank, axes, &n));
    if (present(c, 3))
        return dims_from_sizes(c, axes, n, c->out[0].dim);
    if (present(c, 2))
        return dims_from_scales(c, axes, n, c->out[0].dim);
    return n == 0 ? SEDGE_OK : SG_INFER_FAIL(c, SEDGE_E_VALUE, "neither scales nor sizes are given");
}

/* ---- reference ---- */

static const sg_tensor *operand(sg_exec *x, int k)
{
    return k < x->n_in && x->in[k] && sg_numel(x->in[k]) > 0 ? x->in[k] : NULL;
}

/* Scales of the axes: as given, or what the sizes imply. */
static sedge_status read_scales(sg_exec *x, sg_resize *r, const int *axes, int n)
{
    const sg_tensor *scales = operand(x, 2), *sizes = operand(x, 3), *use = sizes ? sizes : scales;
    int64_t policy = sg_get_int(x->attrs, SG_A_keep_aspect_ratio_policy), want[SG_RANK_MAX];
    if (!use || use->rank != 1 || use->dim[0] != n)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "needs %d scales or sizes", n);
    for (int i = 0; i < n; i++) {
        sg_axis_map *m = &r->map[axes[i]];
        want[i] = sizes ? sg_load_i64((sg_dtype)use->dtype, use->data, (size_t)i) : 0;
        m->scale = sizes ? (m->in ? (double)want[i] / (double)m->in : 1)
                         : sg_load_f64((sg_dtype)use->dtype, use->data, (size_t)i);
        if ((!(m->scale > 0) && m->out > 0) || m->scale > 1e12)
            return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "a scale of %g", m->scale);
    }
    for (int i = 0; sizes && policy != SG_ASPECT_STRETCH && i < n; i++)
        r->map[axes[i]].scale = common_scale(x->in[0]->dim, want, axes, n, policy);
    return SEDGE_OK;
}

static sedge_status read_roi(sg_exec *x, sg_resize *r, const int *axes, int n)
{
    const sg_tensor *roi = operand(x, 1);
    if (sg_get_int(x->attrs, SG_A_coordinate_transformation_mode) != SG_COORD_TF_CROP)
        return SEDGE_OK;
    if (!roi || sg_numel(roi) != 2 * n)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "roi needs %d values", 2 * n);
    for (int i = 0; i < n; i++) {
        r->map[axes[i]].roi0 = sg_load_f64((sg_dtype)roi->dtype, roi->data, (size_t)i);
        r->map[axes[i]].roi1 = sg_load_f64((sg_dtype)roi->dtype, roi->data, (size_t)(n + i));
    }
    return SEDGE_OK;
}

sedge_status sg_resize_read(sg_exec *x, sg_resize *r)
{
    const sg_tensor *in = x->in[0], *out = x->out[0];
    int axes[SG_RANK_MAX], n;
    if (out->rank != in->rank)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "the output has rank %d", out->rank);
    SG_TRY(read_axes(x->err, x->attrs, in->rank, axes, &n));
    *r = (sg_resize){.rank = in->rank, .outside = sg_get_float(x->attrs, SG_A_extrapolation_value)};
    for (int i = 0; i < in->rank; i++)
        r->map[i] = (sg_axis_map){.in = in->dim[i],
                                  .out = out->dim[i],
                                  .scale = 1,
                                  .roi1 = 1,
                                  .mode = (int)sg_get_int(x->attrs, SG_A_mode),
                                  .coord = (int)sg_get_int(x->attrs, SG_A_coordinate_transformation_mode),
                                  .round = (int)sg_get_int(x->attrs, SG_A_nearest_mode),
                                  .antialias = sg_get_int(x->attrs, SG_A_antialias) != 0,
                                  .exclude = sg_get_int(x->attrs, SG_A_exclude_outside) != 0,
                                  .cubic_a = sg_get_float(x->attrs, SG_A_cubic_coeff_a)};
    SG_TRY(read_scales(x, r, axes, n));
    SG_TRY(read_roi(x, r, axes, n));
    for (int i = 0; i < n; i++) {
        const sg_axis_map *m = &r->map[axes[i]];
        r->active[axes[i]] = m->in != m->out || fabs(m->scale - 1) > 1e-9 || m->roi0 != 0 || m->roi1 != 1;
    }
    return SEDGE_OK;
}

/* Nearest moves elements of any type: one source index a position of each axis, -1 where extrapolated. */
static sedge_status resize_nearest(sg_exec *x, const sg_resize *r)
{
    const sg_tensor *in = x->in[0];
    sg_tensor *out = x->out[0];
    int64_t *at[SG_RANK_MAX], o[SG_RANK_MAX] = {0}, pos = 0;
    for (int a = 0; a < r->rank; a++) {
        at[a] = sg_scratch(x, (size_t)r->map[a].out * sizeof **at);
        if (!at[a])
            return SEDGE_E_NOMEM;
        for (int64_t i = 0; i < r->map[a].out; i++) {
            double w;
            at[a][i] = i;
            if (r->active[a] && !sg_axis_sample(&r->map[a], i, 1, &at[a][i], &w))
                at[a][i] = -1;
        }
    }
    do {
        int64_t src = 0;
        bool inside = true;
        for (int a = 0; a < r->rank; a++) {
            inside = inside && at[a][o[a]] >= 0;
            src = src * in->dim[a] + at[a][o[a]];
        }
        if (inside)
            sg_elem_copy((sg_dtype)in->dtype, out->data, (size_t)pos, in->data, (size_t)src);
        else
            sg_store_f64((sg_dtype)in->dtype, out->data, (size_t)pos, r->outside);
        pos++;
    } while (sg_index_next(o, out->dim, r->rank));
    return SEDGE_OK;
}

/* dst = src [outer, in, inner] with its middle axis resized. */
static sedge_status resize_axis(sg_exec *x, const sg_axis_map *m, double fill, int64_t outer, int64_t inner, const double *src,
                                double *dst)
{
    int64_t taps = sg_axis_taps(m);
    if (taps < 0)
        return SG_EXEC_FAIL(x, SEDGE_E_LIMIT, "a scale of %g needs too many taps", m->scale);
    int64_t *at = sg_scratch(x, (size_t)taps * sizeof *at);
    double *weight = sg_scratch_f64(x, taps);
    if (!at || !weight)
        return SEDGE_E_NOMEM;
    for (int64_t o = 0; o < m->out; o++) {
        bool inside = sg_axis_sample(m, o, taps, at, weight);
        for (int64_t p = 0; p < outer; p++) {
            double *d = dst + (p * m->out + o) * inner;
            for (int64_t i = 0; i < inner; i++)
                d[i] = inside ? 0 : fill;
            for (int64_t k = 0; inside && k < taps; k++) {
                const double *s = src + (p * m->in + at[k]) * inner;
                for (int64_t i = 0; i < inner; i++)
                    d[i] += weight[k] * s[i];
            }
        }
    }
    return SEDGE_OK;
}

/* Integers round to nearest even and saturate: cubic weights reach beyond the range of the input. */
static void store(sg_dtype t, void *dst, int64_t n, const double *v)
{
    if (!sg_is_int(t)) {
        sg_narrow(t, dst, 0, n, v);
        return;
    }
    int bits = sg_dtypes[t].bits - sg_is_signed(t);
    bits = bits < 63 ? bits : 63; /* what a conversion through int64 can hold */
    double hi = ldexp(1, bits) - (bits < 53 ? 1 : ldexp(1, bits - 53)), lo = sg_is_signed(t) ? -ldexp(1, bits) : 0;
    for (int64_t i = 0; i < n; i++)
        sg_store_f64(t, dst, (size_t)i, fmin(fmax(rint(v[i]), lo), hi));
}

sedge_status sg_ref_resize(sg_exec *x)
{
    const sg_tensor *in = x->in[0];
    sg_tensor *out = x->out[0];
    sg_resize r;
    SG_TRY(sg_resize_read(x, &r));
    if (sg_numel(out) == 0)
        return SEDGE_OK;
    if (sg_numel(in) == 0)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "an empty tensor cannot grow");
    if (sg_get_int(x->attrs, SG_A_mode) == SG_RESIZE_NEAREST)
        return resize_nearest(x, &r);
    int64_t dim[SG_RANK_MAX], n;
    for (int a = 0; a < r.rank; a++)
        dim[a] = in->dim[a];
    double *cur = sg_widen_in(x, 0, sg_numel(in));
    if (!cur)
        return SEDGE_E_NOMEM;
    for (int a = 0; a < r.rank; a++) {
        if (!r.active[a])
            continue;
        int64_t outer = sg_dim_span(dim, 0, a), inner = sg_dim_span(dim, a + 1, r.rank);
        dim[a] = r.map[a].out;
        double *next = sg_numel_checked(dim, r.rank, &n) ? sg_scratch_f64(x, n) : NULL;
        if (!next)
            return SG_EXEC_FAIL(x, SEDGE_E_NOMEM, "no room for the resized tensor");
        SG_TRY(resize_axis(x, &r.map[a], r.outside, outer, inner, cur, next));
        cur = next;
    }
    store((sg_dtype)out->dtype, out->data, sg_numel(out), cur);
    return SEDGE_OK;
}
