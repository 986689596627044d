/* Ops whose output is as long as what they find: nonzero, compress, unique. */
#include "op/index.h"

#include <string.h>

sedge_status sg_infer_nonzero(sg_infer *c)
{
    sg_type *y = &c->out[0];
    sg_move_fresh(c, y, 2);
    y->dtype = SG_I64;
    if (c->in[0]->rank >= 0)
        y->dim[0] = c->in[0]->rank;
    return SEDGE_OK;
}

static bool is_set(const sg_tensor *t, int64_t i)
{
    sg_dtype type = (sg_dtype)t->dtype;
    if (type == SG_STR) {
        sg_str s;
        memcpy(&s, (const char *)t->data + (size_t)i * sizeof s, sizeof s);
        return s.n > 0;
    }
    return sg_is_float(type) ? sg_load_f64(type, t->data, (size_t)i) != 0 : sg_load_i64(type, t->data, (size_t)i) != 0;
}

sedge_status sg_ref_nonzero(sg_exec *x)
{
    const sg_tensor *a = x->in[0];
    int64_t n = sg_numel(a), found = 0, at = 0;
    for (int64_t i = 0; i < n; i++)
        found += is_set(a, i);
    sg_tensor *y = sg_out(x, 0, SG_I64, 2, (int64_t[]){a->rank, found});
    if (!y)
        return SEDGE_E_NOMEM;
    sg_walk w;
    sg_walk_init(&w, a->dim, a->rank);
    for (int64_t i = 0; i < n; i++, sg_walk_next(&w)) {
        if (!is_set(a, i))
            continue;
        for (int k = 0; k < a->rank; k++)
            sg_store_i64(SG_I64, y->data, (size_t)(k * found + at), w.idx[k]);
        at++;
    }
    return SEDGE_OK;
}

sedge_status sg_infer_compress(sg_infer *c)
{
    const sg_type *a = c->in[0];
    sg_type *y = &c->out[0];
    int axis;
    y->dtype = a->dtype;
    if (c->in[1]->dtype != SG_BOOL)
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "the condition must be bool, not %s", sg_dtypes[c->in[1]->dtype].name);
    if (!sg_attr_is_set(c->attrs, SG_A_axis)) {
        sg_move_fresh(c, y, 1);
        return SEDGE_OK;
    }
    y->rank = -1;
    if (a->rank < 0)
        return SEDGE_OK;
    SG_TRY(sg_move_axis(c->err, sg_get_int(c->attrs, SG_A_axis), a->rank, &axis));
    *y = *a;
    y->dim[axis] = sg_d_fresh(c);
    return SEDGE_OK;
}

sedge_status sg_ref_compress(sg_exec *x)
{
    const sg_tensor *a = x->in[0], *cond = x->in[1];
    bool flat = !sg_attr_is_set(x->attrs, SG_A_axis);
    int axis = 0;
    if (!flat)
        SG_TRY(sg_move_axis(x->err, sg_get_int(x->attrs, SG_A_axis), a->rank, &axis));
    int64_t outer = flat ? 1 : sg_dim_span(a->dim, 0, axis), inner = flat ? 1 : sg_dim_span(a->dim, axis + 1, a->rank);
    int64_t d = flat ? sg_numel(a) : a->dim[axis], n = sg_numel(cond), kept = 0, at = 0, dim[SG_RANK_MAX];
    n = n < d ? n : d; /* elements past the condition are left out */
    for (int64_t i = 0; i < n; i++)
        kept += is_set(cond, i);
    memcpy(dim, a->dim, sizeof dim);
    dim[axis] = kept;
    sg_tensor *y = sg_out(x, 0, (sg_dtype)a->dtype, flat ? 1 : a->rank, dim);
    if (!y)
        return SEDGE_E_NOMEM;
    if (sg_dtypes[y->dtype].bits < 8)
        sg_move_zero(y);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < n; i++)
            if (is_set(cond, i))
                sg_move_run((sg_dtype)a->dtype, y->data, inner * at++, a->data, (o * d + i) * inner, inner);
    return SEDGE_OK;
}

sedge_status sg_infer_unique(sg_infer *c)
{
    const sg_type *a = c->in[0];
    int axis;
    sg_dim n = sg_d_fresh(c);
    for (int k = 0; k < c->n_out; k++) {
        c->out[k].dtype = k ? SG_I64 : a->dtype;
        c->out[k].rank = 1;
        c->out[k].dim[0] = k == 2 ? sg_d_fresh(c) : n;
    }
    if (sg_is_complex((sg_dtype)a->dtype))
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "%s has no order", sg_dtypes[a->dtype].name);
    if (!sg_attr_is_set(c->attrs, SG_A_axis))
        return SEDGE_OK;
    c->out[0].rank = a->rank;
    if (a->rank < 0)
        return SEDGE_OK;
    SG_TRY(sg_move_axis(c->err, sg_get_int(c->attrs, SG_A_axis), a->rank, &axis));
    for (int i = 0; i < a->rank; i++)
        c->out[0].dim[i] = i == axis ? n : a->dim[i];
    return SEDGE_OK;
}

/* The items of unique: slices along an axis, or elements. */
typedef struct items {
    const sg_tensor *t;
    int64_t n, outer, inner;
} items;

static int item_compare(const items *s, int64_t i, int64_t j)
{
    for (int64_t o = 0; o < s->outer; o++)
        for (int64_t k = 0; k < s->inner; k++) {
            int r = sg_index_compare(s->t, (o * s->n + i) * s->inner + k, (o * s->n + j) * s->inner + k);
            if (r)
                return r;
        }
    return 0;
}

static bool item_less(const void *ctx, int64_t i, int64_t j)
{
    return item_compare(ctx, i, j) < 0;
}

static bool number_less(const void *ctx, int64_t i, int64_t j)
{
    const int64_t *key = ctx;
    return key[i] < key[j];
}

/* Groups of equal items: first item of each, group of each item, size of each. Returns their number. */
static int64_t group(const items *s, const int64_t *order, int64_t *first, int64_t *member, int64_t *count)
{
    int64_t g = -1;
    for (int64_t i = 0; i < s->n; i++) {
        if (i == 0 || item_compare(s, order[i - 1], order[i]) != 0) {
            first[++g] = order[i]; /* the sort is stable, so this is the first one */
            count[g] = 0;
        }
        member[order[i]] = g;
        count[g]++;
    }
    return g + 1;
}

static sedge_status put_list(sg_exec *x, int k, const int64_t *v, int64_t n)
{
    if (k >= x->n_out)
        return SEDGE_OK;
    sg_tensor *y = sg_out(x, k, SG_I64, 1, &n);
    if (!y)
        return SEDGE_E_NOMEM;
    if (n)
        memcpy(y->data, v, (size_t)n * sizeof *v);
    return SEDGE_OK;
}

/* Writes the groups in the order `turn`; spare and place are scratch. */
static sedge_status put_groups(sg_exec *x, const items *s, int axis, bool flat, int64_t n, const int64_t *const v[4],
                               int64_t *spare, int64_t *place)
{
    const int64_t *turn = v[0], *first = v[1], *member = v[2], *count = v[3];
    int64_t dim[SG_RANK_MAX];
    memcpy(dim, s->t->dim, sizeof dim);
    dim[axis] = n;
    sg_tensor *y = sg_out(x, 0, (sg_dtype)s->t->dtype, flat ? 1 : s->t->rank, dim);
    if (!y)
        return SEDGE_E_NOMEM;
    if (sg_dtypes[y->dtype].bits < 8)
        sg_move_zero(y);
    for (int64_t o = 0; o < s->outer; o++)
        for (int64_t g = 0; g < n; g++)
            sg_move_run((sg_dtype)y->dtype, y->data, (o * n + g) * s->inner, s->t->data, (o * s->n + first[turn[g]]) * s->inner,
                        s->inner);
    for (int64_t g = 0; g < n; g++) {
        spare[g] = first[turn[g]];
        place[turn[g]] = g;
    }
    SG_TRY(put_list(x, 1, spare, n));
    for (int64_t i = 0; i < s->n; i++)
        spare[i] = place[member[i]];
    SG_TRY(put_list(x, 2, spare, s->n));
    for (int64_t g = 0; g < n; g++)
        spare[g] = count[turn[g]];
    return put_list(x, 3, spare, n);
}

sedge_status sg_ref_unique(sg_exec *x)
{
    const sg_tensor *a = x->in[0];
    bool flat = !sg_attr_is_set(x->attrs, SG_A_axis);
    int axis = 0;
    items s = {a, sg_numel(a), 1, 1};
    if (!flat) {
        SG_TRY(sg_move_axis(x->err, sg_get_int(x->attrs, SG_A_axis), a->rank, &axis));
        s = (items){a, a->dim[axis], sg_dim_span(a->dim, 0, axis), sg_dim_span(a->dim, axis + 1, a->rank)};
    }
    int64_t *v[7];
    for (int i = 0; i < 7; i++)
        if (!(v[i] = sg_scratch(x, ((size_t)s.n + 1) * sizeof **v)))
            return SEDGE_E_NOMEM;
    for (int64_t i = 0; i < s.n; i++)
        v[0][i] = i;
    sg_index_sort(v[0], v[1], s.n, item_less, &s);
    int64_t n = group(&s, v[0], v[2], v[3], v[4]);
    for (int64_t g = 0; g < n; g++)
        v[0][g] = g;
    if (!sg_get_int(x->attrs, SG_A_sorted))
        sg_index_sort(v[0], v[1], n, number_less, v[2]);
    const int64_t *const lists[4] = {v[0], v[2], v[3], v[4]};
    return put_groups(x, &s, axis, flat, n, lists, v[5], v[6]);
}
