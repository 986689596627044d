/* Padding: constant, edge, reflect, wrap; negative pads cut. */
#include <string.h>

#include "op/move.h"

/* Pads by axis, [0]: before, [1]: after. -1: not known now; -2: error; else 0. */
static int pads_by_axis(sg_err *err, int rank, const int64_t *pads, int n, const int64_t *axes, int n_axes, int64_t (*by)[2])
{
    uint32_t mask;
    int count = axes ? n_axes : rank;
    if (n != 2 * count) {
        sg_fail(err, SEDGE_E_SHAPE, "%d pads for %d axes", n, count);
        return -2;
    }
    if (axes && sg_move_axes(err, axes, n_axes, rank, &mask) != SEDGE_OK)
        return -2;
    for (int i = 0; i < rank; i++)
        by[i][0] = by[i][1] = 0;
    for (int i = 0; i < count; i++) {
        int a = axes ? sg_axis(axes[i], rank) : i;
        by[a][0] = pads[i];
        by[a][1] = pads[i + count];
    }
    return 0;
}

sedge_status sg_infer_pad(sg_infer *c)
{
    const sg_type *a = c->in[0];
    sg_type *y = &c->out[0];
    sg_dim pads[2 * SG_RANK_MAX];
    int64_t axes[SG_RANK_MAX], by[SG_RANK_MAX][2];
    c->exact = true;
    *y = *a;
    if (c->n_in > 2 && c->in[2] && c->in[2]->dtype != a->dtype)
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "pads %s with %s", sg_dtypes[a->dtype].name, sg_dtypes[c->in[2]->dtype].name);
    if (a->rank < 0)
        return SEDGE_OK;
    bool listed = c->n_in > 3 && c->in[3];
    int n = sg_move_dims(c, 1, pads, 2 * SG_RANK_MAX), na = listed ? sg_move_nums(c, 3, axes, SG_RANK_MAX) : a->rank;
    if (n == -2 || na == -2)
        return SEDGE_E_SHAPE;
    if (n < 0 || na < 0) {
        sg_move_fresh(c, y, a->rank);
        return SEDGE_OK;
    }
    if (pads_by_axis(c->err, a->rank, pads, n, listed ? axes : NULL, na, by) < 0)
        return SEDGE_E_SHAPE;
    for (int i = 0; i < a->rank; i++)
        y->dim[i] = sg_d_add(c, sg_d_add(c, a->dim[i], by[i][0]), by[i][1]);
    return SEDGE_OK;
}

enum { CONSTANT, EDGE, REFLECT, WRAP, SYMMETRIC };

static int pad_mode(const char *s)
{
    static const char *const name[] = {"constant", "edge", "reflect", "wrap", "symmetric"};
    for (int i = 0; i < 5; i++)
        if (strcmp(s, name[i]) == 0)
            return i;
    return *s ? -1 : CONSTANT;
}

/* Element j of an axis of m elements that goes on to both sides; -1: the constant. */
static int64_t source_of(int64_t j, int64_t m, int mode)
{
    if (j >= 0 && j < m)
        return j;
    if (mode == CONSTANT || m == 0)
        return -1;
    if (mode == EDGE || m == 1)
        return j < 0 ? 0 : m - 1;
    int64_t period = mode == WRAP ? m : mode == SYMMETRIC ? 2 * m : 2 * (m - 1);
    j %= period;
    if (j < 0)
        j += period;
    return j < m ? j : period - j - (mode == SYMMETRIC);
}

/* For every axis and index of y: the index in the input, or -1. */
static sedge_status fill_table(sg_exec *x, const sg_tensor *a, const sg_tensor *y, int64_t (*by)[2], int mode, int64_t **table)
{
    for (int i = 0; i < y->rank; i++) {
        int64_t b = by[i][0], e = by[i][1], d = a->dim[i];
        if (b < -d || e < -d || b > SG_NUMEL_MAX || e > SG_NUMEL_MAX || y->dim[i] != d + b + e)
            return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "pads %lld and %lld on an axis of %lld", (long long)b, (long long)e,
                                (long long)d);
        int64_t cut = b < 0 ? -b : 0, m = d - cut + (e < 0 ? e : 0);
        if (mode != CONSTANT && m <= 0 && y->dim[i] > 0)
            return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "nothing to pad from on axis %d", i);
        table[i] = sg_scratch(x, ((size_t)y->dim[i] + 1) * sizeof(int64_t));
        if (!table[i])
            return SEDGE_E_NOMEM;
        for (int64_t k = 0; k < y->dim[i]; k++) {
            int64_t s = source_of(k - (b > 0 ? b : 0), m, mode);
            table[i][k] = s < 0 ? -1 : s + cut;
        }
    }
    return SEDGE_OK;
}

/* One line of the last axis: stretches of consecutive sources are copied as runs. */
static void pad_line(sg_tensor *y, int64_t at, const sg_tensor *a, int64_t base, const int64_t *index, int64_t n,
                     const sg_tensor *fill)
{
    sg_dtype t = (sg_dtype)y->dtype;
    for (int64_t i = 0; i < n;) {
        int64_t len = 1;
        if (base < 0 || index[i] < 0) {
            if (fill)
                sg_elem_copy(t, y->data, (size_t)(at + i), fill->data, 0);
        } else {
            while (i + len < n && index[i + len] == index[i] + len)
                len++;
            sg_move_run(t, y->data, at + i, a->data, base + index[i], len);
        }
        i += len;
    }
}

static void pad_all(const sg_tensor *a, sg_tensor *y, int64_t *const *table, const sg_tensor *fill)
{
    int64_t stride[SG_RANK_MAX], at = 0, n = y->rank ? y->dim[y->rank - 1] : 1;
    static const int64_t one = 0;
    sg_strides(a->dim, a->rank, stride);
    sg_walk w;
    sg_walk_init(&w, y->dim, y->rank ? y->rank - 1 : 0);
    do {
        int64_t base = 0;
        for (int i = 0; i < w.rank && base >= 0; i++) {
            int64_t s = table[i][w.idx[i]];
            base = s < 0 ? -1 : base + s * stride[i];
        }
        pad_line(y, at, a, base, y->rank ? table[y->rank - 1] : &one, n, fill);
        at += n;
    } while (sg_walk_next(&w));
}

sedge_status sg_ref_pad(sg_exec *x)
{
    const sg_tensor *a = x->in[0], *fill = x->n_in > 2 ? x->in[2] : NULL;
    sg_tensor *y = x->out[0];
    int64_t pads[2 * SG_RANK_MAX], axes[SG_RANK_MAX], by[SG_RANK_MAX][2], *table[SG_RANK_MAX] = {NULL};
    int n = sg_move_args(x, 1, pads, 2 * SG_RANK_MAX), na = sg_move_args(x, 3, axes, SG_RANK_MAX);
    int mode = pad_mode(sg_get_str(x->attrs, SG_A_mode));
    if (n < 0 || na == -2 || pads_by_axis(x->err, a->rank, pads, n, na >= 0 ? axes : NULL, na, by) < 0)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "bad pads");
    if (mode < 0 || y->rank != a->rank)
        return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "mode is none of constant, edge, reflect, wrap, symmetric");
    if (fill && sg_numel(fill) != 1)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "the constant to pad with has %lld elements", (long long)sg_numel(fill));
    SG_TRY(fill_table(x, a, y, by, mode, table));
    if (sg_numel(y) == 0)
        return SEDGE_OK;
    if (!fill || sg_dtypes[y->dtype].bits < 8)
        sg_move_zero(y);
    pad_all(a, y, table, fill);
    return SEDGE_OK;
}
