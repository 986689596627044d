/* Products of matrices: matmul (batched, NumPy's rules) and gemm. */
#include <string.h>

#include "op/move.h"

static sedge_status check_types(sg_infer *c)
{
    const sg_type *a = c->in[0], *b = c->in[1];
    if (a->dtype != b->dtype || a->dtype == SG_STR || a->dtype == SG_BOOL || sg_is_complex((sg_dtype)a->dtype))
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "product of %s and %s", sg_dtypes[a->dtype].name, sg_dtypes[b->dtype].name);
    return SEDGE_OK;
}

static sedge_status check_inner(sg_infer *c, sg_dim ka, sg_dim kb)
{
    if (sg_d_equal(c, ka, kb))
        return SEDGE_OK;
    char ta[96], tb[96];
    return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "inner dimensions %lld and %lld differ: %s times %s", (long long)ka, (long long)kb,
                         sg_type_text(c->in[0], c->dims, ta, sizeof ta), sg_type_text(c->in[1], c->dims, tb, sizeof tb));
}

sedge_status sg_infer_matmul(sg_infer *c)
{
    const sg_type *a = c->in[0], *b = c->in[1];
    sg_type *y = &c->out[0];
    c->exact = true;
    SG_TRY(check_types(c));
    y->dtype = a->dtype;
    y->rank = -1;
    if (a->rank < 0 || b->rank < 0)
        return SEDGE_OK;
    if (a->rank == 0 || b->rank == 0)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "a scalar is no matrix");
    SG_TRY(check_inner(c, a->dim[a->rank - 1], b->dim[b->rank > 1 ? b->rank - 2 : 0]));
    sg_type ba = *a, bb = *b;
    ba.rank = (int8_t)(a->rank > 2 ? a->rank - 2 : 0);
    bb.rank = (int8_t)(b->rank > 2 ? b->rank - 2 : 0);
    SG_TRY(sg_d_broadcast(c, &ba, &bb, y));
    y->dtype = a->dtype;
    if (a->rank > 1)
        y->dim[y->rank++] = a->dim[a->rank - 2];
    if (b->rank > 1)
        y->dim[y->rank++] = b->dim[b->rank - 1];
    return SEDGE_OK;
}

/* y[m,n] = a[m,k] b[k,n]; strides of rows and columns in elements, y is dense. */
typedef struct product {
    int64_t m, n, k;
    int64_t a_at, a_row, a_col, b_at, b_row, b_col, y_at;
} product;

/* Four rows of b at a time: a quarter of the loads and stores of y, in the same order of additions. */
static void row_f32(float *restrict y, const float *a, int64_t a_col, const float *restrict b, int64_t b_row, int64_t n,
                    int64_t k)
{
    int64_t p = 0;
    for (; p + 4 <= k; p += 4, b += 4 * b_row) {
        float a0 = a[p * a_col], a1 = a[(p + 1) * a_col], a2 = a[(p + 2) * a_col], a3 = a[(p + 3) * a_col];
        const float *b1 = b + b_row, *b2 = b1 + b_row, *b3 = b2 + b_row;
        for (int64_t j = 0; j < n; j++)
            y[j] = (((y[j] + a0 * b[j]) + a1 * b1[j]) + a2 * b2[j]) + a3 * b3[j];
    }
    for (; p < k; p++, b += b_row)
        for (int64_t j = 0; j < n; j++)
            y[j] += a[p * a_col] * b[j];
}

/* Blocks of b that stay in cache while all rows of a pass. Along k the order is always the same. */
static void product_f32(const product *p, const float *a, const float *b, float *y)
{
    enum { NB = 512, KB = 128 };
    for (int64_t i = 0; i < p->m * p->n; i++)
        y[i] = 0;
    for (int64_t j = 0; j < p->n; j += NB)
        for (int64_t k = 0; k < p->k; k += KB)
            for (int64_t i = 0; i < p->m; i++)
                row_f32(y + i * p->n + j, a + i * p->a_row + k * p->a_col, p->a_col, b + k * p->b_row + j, p->b_row,
                        p->n - j < NB ? p->n - j : NB, p->k - k < KB ? p->k - k : KB);
}

static sedge_status multiply_f32(sg_exec *x, const product *p, const sg_tensor *a, const sg_tensor *b, float *y)
{
    product q = *p;
    const float *bp = (const float *)b->data + p->b_at;
    if (p->b_col != 1) {
        float *packed = sg_scratch(x, (size_t)(p->k * p->n) * sizeof *packed + 1);
        if (!packed)
            return SEDGE_E_NOMEM;
        for (int64_t j = 0; j < p->n; j++)
            for (int64_t k = 0; k < p->k; k++)
                packed[k * p->n + j] = bp[k * p->b_row + j * p->b_col];
        q.b_row = p->n;
        bp = packed;
    }
    product_f32(&q, (const float *)a->data + p->a_at, bp, y + p->y_at);
    return SEDGE_OK;
}

/* The other types, widened: floats to double, integers to 64 bits that wrap. */
#define WIDE(name, type, load, store, conv)                                                                              \
    static void name(sg_dtype t, const product *p, const sg_tensor *a, const sg_tensor *b, void *y, type *bw, type *row) \
    {                                                                                                                    \
        for (int64_t k = 0; k < p->k; k++)                                                                               \
            for (int64_t j = 0; j < p->n; j++)                                                                           \
                bw[k * p->n + j] = (type)load(t, b->data, (size_t)(p->b_at + k * p->b_row + j * p->b_col));              \
        for (int64_t i = 0; i < p->m; i++) {                                                                             \
            for (int64_t j = 0; j < p->n; j++)                                                                           \
                row[j] = 0;                                                                                              \
            for (int64_t k = 0; k < p->k; k++) {                                                                         \
                type v = (type)load(t, a->data, (size_t)(p->a_at + i * p->a_row + k * p->a_col));                        \
                for (int64_t j = 0; j < p->n; j++)                                                                       \
                    row[j] += v * bw[k * p->n + j];                                                                      \
            }                                                                                                            \
            for (int64_t j = 0; j < p->n; j++)                                                                           \
                store(t, y, (size_t)(p->y_at + i * p->n + j), (conv)row[j]);                                             \
        }                                                                                                                \
    }
WIDE(wide_f64, double, sg_load_f64, sg_store_f64, double)
WIDE(wide_i64, uint64_t, sg_load_i64, sg_store_i64, int64_t)

static sedge_status multiply(sg_exec *x, const product *p, const sg_tensor *a, const sg_tensor *b, sg_tensor *y)
{
    sg_dtype t = (sg_dtype)a->dtype;
    if (t == SG_F32)
        return multiply_f32(x, p, a, b, y->data);
    void *bw = sg_scratch(x, (size_t)(p->k * p->n) * 8 + 1), *row = sg_scratch(x, (size_t)p->n * 8 + 1);
    if (!bw || !row)
        return SEDGE_E_NOMEM;
    if (sg_is_float(t))
        wide_f64(t, p, a, b, y->data, bw, row);
    else
        wide_i64(t, p, a, b, y->data, bw, row);
    return SEDGE_OK;
}

/* The leading dims of a or b as a tensor without its matrix, for broadcasting; strides in matrices. */
static sg_tensor batch_of(const sg_tensor *t)
{
    sg_tensor b = *t;
    b.rank = (int8_t)(t->rank > 2 ? t->rank - 2 : 0);
    return b;
}

static bool batch_fits(const sg_tensor *part, const sg_walk *w)
{
    for (int i = 0; i < part->rank; i++) {
        int j = i + w->rank - part->rank;
        if (j < 0 || (part->dim[i] != 1 && part->dim[i] != w->dim[j]))
            return false;
    }
    return true;
}

sedge_status sg_ref_matmul(sg_exec *x)
{
    const sg_tensor *a = x->in[0], *b = x->in[1];
    sg_tensor *y = x->out[0];
    if (a->rank < 1 || b->rank < 1)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "a scalar is no matrix");
    product p = {
        .m = a->rank > 1 ? a->dim[a->rank - 2] : 1, .k = a->dim[a->rank - 1], .n = b->rank > 1 ? b->dim[b->rank - 1] : 1};
    p.a_row = p.k;
    p.a_col = p.b_col = 1;
    p.b_row = p.n;
    if (b->dim[b->rank > 1 ? b->rank - 2 : 0] != p.k)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "inner dimensions differ");
    sg_tensor ba = batch_of(a), bb = batch_of(b);
    int batch = y->rank - (a->rank > 1) - (b->rank > 1);
    if (batch < 0)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "the output does not fit the operands");
    sg_walk w;
    sg_walk_init(&w, y->dim, batch);
    if (!batch_fits(&ba, &w) || !batch_fits(&bb, &w) || sg_numel(y) != sg_dim_span(y->dim, 0, batch) * p.m * p.n)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "the output does not fit the operands");
    if (sg_numel(y) == 0)
        return SEDGE_OK;
    sg_walk_add_bcast(&w, &ba);
    sg_walk_add_bcast(&w, &bb);
    bool more = true;
    for (; more; more = sg_walk_next(&w), p.y_at += p.m * p.n) {
        p.a_at = w.off[0] * p.m * p.k;
        p.b_at = w.off[1] * p.k * p.n;
        SG_TRY(multiply(x, &p, a, b, y));
    }
    return SEDGE_OK;
}

sedge_status sg_infer_gemm(sg_infer *c)
{
    const sg_type *a = c->in[0], *b = c->in[1], *add = c->n_in > 2 ? c->in[2] : NULL;
    sg_type *y = &c->out[0], both;
    int ta = sg_get_int(c->attrs, SG_A_transA) != 0, tb = sg_get_int(c->attrs, SG_A_transB) != 0;
    c->exact = true;
    SG_TRY(check_types(c));
    if (add && add->dtype != a->dtype)
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "adds %s to %s", sg_dtypes[add->dtype].name, sg_dtypes[a->dtype].name);
    y->dtype = a->dtype;
    if (a->rank < 0 || b->rank < 0) {
        sg_move_fresh(c, y, 2);
        return SEDGE_OK;
    }
    if (a->rank != 2 || b->rank != 2)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "operands of rank %d and %d, not matrices", a->rank, b->rank);
    SG_TRY(check_inner(c, a->dim[1 - ta], b->dim[tb]));
    y->rank = 2;
    y->dim[0] = a->dim[ta];
    y->dim[1] = b->dim[1 - tb];
    if (!add || add->rank < 0)
        return SEDGE_OK;
    memset(&both, 0, sizeof both);
    SG_TRY(sg_d_broadcast(c, y, add, &both));
    for (int i = 0; i < 2; i++)
        if (both.rank != 2 || !sg_d_equal(c, both.dim[i], y->dim[i]))
            return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "C does not broadcast to the product");
    return SEDGE_OK;
}

/* y = alpha * y + beta * c, c broadcast. */
static void scale_add(sg_exec *x, sg_tensor *y, const sg_tensor *add)
{
    double alpha = sg_get_float(x->attrs, SG_A_alpha), beta = sg_get_float(x->attrs, SG_A_beta);
    sg_dtype t = (sg_dtype)y->dtype;
    bool exact = !sg_is_float(t) && alpha == 1 && beta == 1;
    if (alpha == 1 && (!add || beta == 0))
        return;
    sg_walk w;
    sg_walk_init(&w, y->dim, y->rank);
    if (add)
        sg_walk_add_bcast(&w, add);
    for (int64_t i = 0, n = sg_numel(y); i < n; i++, sg_walk_next(&w)) {
        size_t at = (size_t)i, from = add ? (size_t)w.off[0] : 0;
        if (exact) {
            uint64_t v = (uint64_t)sg_load_i64(t, y->data, at) + (add ? (uint64_t)sg_load_i64(t, add->data, from) : 0);
            sg_store_i64(t, y->data, at, (int64_t)v);
        } else {
            double v = alpha * sg_load_f64(t, y->data, at);
            sg_store_f64(t, y->data, at, add && beta != 0 ? v + beta * sg_load_f64(t, add->data, from) : v);
        }
    }
}

sedge_status sg_ref_gemm(sg_exec *x)
{
    const sg_tensor *a = x->in[0], *b = x->in[1], *add = x->n_in > 2 ? x->in[2] : NULL;
    sg_tensor *y = x->out[0];
    int ta = sg_get_int(x->attrs, SG_A_transA) != 0, tb = sg_get_int(x->attrs, SG_A_transB) != 0;
    if (a->rank != 2 || b->rank != 2 || y->rank != 2)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "operands are not matrices");
    product p = {.m = a->dim[ta], .k = a->dim[1 - ta], .n = b->dim[1 - tb]};
    p.a_row = ta ? 1 : a->dim[1];
    p.a_col = ta ? a->dim[1] : 1;
    p.b_row = tb ? 1 : b->dim[1];
    p.b_col = tb ? b->dim[1] : 1;
    if (b->dim[tb] != p.k || y->dim[0] != p.m || y->dim[1] != p.n)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "dimensions of the product differ");
    sg_walk w;
    sg_walk_init(&w, y->dim, 2);
    if (add && !batch_fits(add, &w))
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "C does not broadcast to the product");
    SG_TRY(multiply(x, &p, a, b, y));
    scale_add(x, y, add);
    return SEDGE_OK;
}
