/* Shared by the moving families: operand lists, axes, runs and strided copies. */
#include "op/move.h"

#include <string.h>

int sg_move_dims(sg_infer *c, int k, sg_dim *v, int max)
{
    if (k >= c->n_in || !c->in[k])
        return -1;
    if (c->in[k]->dtype != SG_NONE && !sg_is_int((sg_dtype)c->in[k]->dtype)) {
        SG_INFER_FAIL(c, SEDGE_E_TYPE, "input %d must be of integers, not %s", k, sg_dtypes[c->in[k]->dtype].name);
        return -2;
    }
    int64_t n;
    const sg_dim *d = sg_in_content(c, k, &n);
    const sg_tensor *t = sg_in_data(c, k);
    if (!d && t)
        n = sg_numel(t);
    if (!d && !t)
        return -1;
    if (n > max) {
        SG_INFER_FAIL(c, SEDGE_E_SHAPE, "input %d has %lld elements, at most %d make sense", k, (long long)n, max);
        return -2;
    }
    for (int64_t i = 0; i < n; i++) {
        v[i] = d ? d[i] : sg_load_i64((sg_dtype)t->dtype, t->data, (size_t)i);
        if (!d && sg_dim_is_expr(v[i]))
            v[i] = INT64_MIN / 2; /* as good as minus infinity, and not an expression */
    }
    return (int)n;
}

int sg_move_nums(sg_infer *c, int k, int64_t *v, int max)
{
    int n = sg_move_dims(c, k, v, max);
    for (int i = 0; i < n; i++)
        if (sg_dim_is_expr(v[i]))
            return -1;
    return n;
}

int sg_move_args(sg_exec *x, int k, int64_t *v, int max)
{
    if (k >= x->n_in || !x->in[k])
        return -1;
    const sg_tensor *t = x->in[k];
    int64_t n = sg_numel(t);
    if (!sg_is_int((sg_dtype)t->dtype) || n > max) {
        SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "input %d must hold at most %d integers", k, max);
        return -2;
    }
    for (int64_t i = 0; i < n; i++)
        v[i] = sg_load_i64((sg_dtype)t->dtype, t->data, (size_t)i);
    return (int)n;
}

int sg_move_count(const sg_infer *c, int k)
{
    if (k >= c->n_in || !c->in[k])
        return -1;
    int64_t n = sg_d_numel(c->in[k]);
    return n >= 0 && n <= SG_RANK_MAX ? (int)n : -1;
}

sedge_status sg_move_axes(sg_err *err, const int64_t *axes, int n, int rank, uint32_t *mask)
{
    *mask = 0;
    for (int i = 0; i < n; i++) {
        int a;
        SG_TRY(sg_move_axis(err, axes[i], rank, &a));
        if (*mask >> a & 1)
            return sg_fail(err, SEDGE_E_VALUE, "axis %lld is named twice", (long long)axes[i]);
        *mask |= 1u << a;
    }
    return SEDGE_OK;
}

sedge_status sg_move_axis(sg_err *err, int64_t axis, int rank, int *out)
{
    *out = sg_axis(axis, rank);
    if (*out < 0)
        return sg_fail(err, SEDGE_E_VALUE, "axis %lld is outside a tensor of rank %d", (long long)axis, rank);
    return SEDGE_OK;
}

void sg_move_pass_content(sg_infer *c, int k)
{
    int64_t n;
    const sg_dim *d = sg_in_content(c, k, &n);
    if (!d || n > SG_CONTENT_MAX)
        return;
    memcpy(c->out_content, d, (size_t)n * sizeof *d);
    c->n_out_content = (int)n;
}

void sg_move_fresh(sg_infer *c, sg_type *t, int rank)
{
    c->exact = false; /* a scalar has no dim that tells so */
    t->rank = (int8_t)rank;
    for (int i = 0; i < rank; i++)
        t->dim[i] = sg_d_fresh(c);
}

void sg_move_run(sg_dtype t, void *dst, int64_t di, const void *src, int64_t si, int64_t n)
{
    if (n <= 0)
        return;
    int64_t size = sg_dtypes[t].bits / 8;
    if (size && (char *)dst + di * size == (const char *)src + si * size)
        return; /* a view of the whole: it is there already */
    if (size)
        memcpy((char *)dst + di * size, (const char *)src + si * size, (size_t)(n * size));
    else
        for (int64_t i = 0; i < n; i++)
            sg_elem_copy(t, dst, (size_t)(di + i), src, (size_t)(si + i));
}

/* Drops axes of one element and joins neighbours that are evenly spaced on both sides. */
static void coalesce(sg_move_view *v)
{
    int r = 0;
    for (int i = 0; i < v->rank; i++) {
        if (v->dim[i] == 1)
            continue;
        bool joins = r && v->ss[r - 1] == v->ss[i] * v->dim[i] && v->ds[r - 1] == v->ds[i] * v->dim[i];
        if (joins) {
            v->dim[r - 1] *= v->dim[i];
        } else {
            v->dim[r++] = v->dim[i];
        }
        v->ss[r - 1] = v->ss[i];
        v->ds[r - 1] = v->ds[i];
    }
    v->rank = r;
}

#define COPY_LOOP(size)             \
    for (int64_t i = 0; i < n; i++) \
    memcpy(dst + i * ds * (size), src + i * ss * (size), (size))

static void copy_line(sg_dtype t, char *dst, int64_t di, int64_t ds, const char *src, int64_t si, int64_t ss, int64_t n)
{
    if (ds == 1 && ss == 1) {
        sg_move_run(t, dst, di, src, si, n);
        return;
    }
    int64_t size = sg_dtypes[t].bits / 8;
    if (size == 0) {
        for (int64_t i = 0; i < n; i++)
            sg_elem_copy(t, dst, (size_t)(di + i * ds), src, (size_t)(si + i * ss));
        return;
    }
    dst += di * size;
    src += si * size;
    switch (size) {
    case 1: COPY_LOOP(1); break;
    case 2: COPY_LOOP(2); break;
    case 4: COPY_LOOP(4); break;
    case 8: COPY_LOOP(8); break;
    default: COPY_LOOP(16); break;
    }
}

/* Moves the axis that is dense in the source, if it isn't the last one already, to the last place but one. */
static bool find_turned(sg_move_view *v)
{
    int last = v->rank - 1;
    if (last < 1 || v->ss[last] == 1)
        return false;
    for (int i = 0; i < last; i++) {
        if (v->ss[i] != 1)
            continue;
        sg_move_view o = *v;
        for (int k = i; k < last; k++) {
            int from = k + 1 < last ? k + 1 : i;
            v->dim[k] = o.dim[from];
            v->ss[k] = o.ss[from];
            v->ds[k] = o.ds[from];
        }
        return true;
    }
    return false;
}

#define TILE 32 /* elements: lines of both sides stay in cache for the whole tile */

/* A transposed plane, tile by tile. */
static void copy_turned(sg_dtype t, char *dst, int64_t di, const char *src, int64_t si, const sg_move_view *v)
{
    int a = v->rank - 2, b = v->rank - 1;
    for (int64_t i = 0; i < v->dim[a]; i += TILE)
        for (int64_t j = 0; j < v->dim[b]; j += TILE) {
            int64_t ni = v->dim[a] - i < TILE ? v->dim[a] - i : TILE, nj = v->dim[b] - j < TILE ? v->dim[b] - j : TILE;
            for (int64_t k = i; k < i + ni; k++)
                copy_line(t, dst, di + k * v->ds[a] + j * v->ds[b], v->ds[b], src, si + k * v->ss[a] + j * v->ss[b], v->ss[b],
                          nj);
        }
}

void sg_move_strided(sg_dtype t, void *dst, const void *src, const sg_move_view *view)
{
    for (int i = 0; i < view->rank; i++)
        if (view->dim[i] <= 0)
            return;
    sg_move_view v = *view;
    coalesce(&v);
    bool turned = find_turned(&v);
    int last = v.rank > 0 ? v.rank - 1 : 0;
    int64_t n = v.rank ? v.dim[last] : 1, ss = v.rank ? v.ss[last] : 1, ds = v.rank ? v.ds[last] : 1;
    sg_walk w;
    sg_walk_init(&w, v.dim, turned ? last - 1 : last);
    sg_walk_add(&w, v.ss);
    sg_walk_add(&w, v.ds);
    do {
        if (turned)
            copy_turned(t, dst, v.doff + w.off[1], src, v.soff + w.off[0], &v);
        else
            copy_line(t, dst, v.doff + w.off[1], ds, src, v.soff + w.off[0], ss, n);
    } while (sg_walk_next(&w));
}

void sg_move_zero(sg_tensor *t)
{
    size_t n = sg_tensor_bytes(t);
    if (n)
        memset(t->data, 0, n);
}
