/* Integer matrix products: MatMulInteger and QLinearMatMul. */
#include "op/quant.h"

#include <string.h>

/* ---- shape -------------------------------------------------------------------------------------------------- */

/* Shape of numpy.matmul. */
static sedge_status product_rule(sg_infer *c, const sg_type *a, const sg_type *b, sg_type *y)
{
    if (a->rank < 0 || b->rank < 0) {
        y->rank = -1;
        return SEDGE_OK;
    }
    if (a->rank == 0 || b->rank == 0)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "a scalar has no matrix product");
    sg_type ta = *a, tb = *b, batch = {0};
    c->exact = true;
    if (!sg_d_equal(c, a->dim[a->rank - 1], b->dim[b->rank > 1 ? b->rank - 2 : 0]))
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "inner sizes differ: %lld and %lld", (long long)a->dim[a->rank - 1],
                             (long long)b->dim[b->rank > 1 ? b->rank - 2 : 0]);
    ta.rank = (int8_t)(a->rank > 2 ? a->rank - 2 : 0);
    tb.rank = (int8_t)(b->rank > 2 ? b->rank - 2 : 0);
    SG_TRY(sg_d_broadcast(c, &ta, &tb, &batch));
    for (int i = 0; i < batch.rank; i++)
        y->dim[i] = batch.dim[i];
    y->rank = batch.rank;
    if (a->rank > 1)
        y->dim[y->rank++] = a->dim[a->rank - 2];
    if (b->rank > 1)
        y->dim[y->rank++] = b->dim[b->rank - 1];
    return SEDGE_OK;
}

sedge_status sg_infer_matmul_integer(sg_infer *c)
{
    SG_TRY(sg_q_integer_types(c));
    return product_rule(c, c->in[0], c->in[1], &c->out[0]);
}

sedge_status sg_infer_qlinear_matmul(sg_infer *c)
{
    SG_TRY(sg_q_qlinear_types(c));
    return product_rule(c, c->in[0], c->in[3], &c->out[0]);
}

/* ---- reference ------------------------------------------------------------------------------------------------ */

typedef struct product {
    const sg_tensor *a, *b, *az, *bz;
    int64_t m, n, k;
    sg_walk walk;      /* over the batch: operand 0 is a, 1 is b, in matrices */
    int64_t batches;
    int32_t *row, *mat; /* widened: a row of a, all of b */
    uint32_t *acc;      /* a row of results */
} product;

/* A scale or zero point per row of a (per column of b): how many there are must fit. */
static bool fits(const sg_tensor *t, int64_t count, int64_t all)
{
    return !t || sg_numel(t) == 1 || sg_numel(t) == count || (all > 0 && sg_numel(t) == all);
}

/* The batch axes of operand t (rank cut to them) repeat or fill those of the result. */
static bool spreads(const sg_tensor *t, const int64_t *dim, int batch)
{
    for (int i = 0; i < t->rank; i++)
        if (t->dim[i] != 1 && t->dim[i] != dim[batch - t->rank + i])
            return false;
    return true;
}

/* Which of them belongs to row r of matrix i. */
static int64_t which(const sg_tensor *t, int64_t i, int64_t count, int64_t r)
{
    return t && sg_numel(t) == count ? r : i * count + r;
}

static sedge_status product_init(sg_exec *x, product *p)
{
    const sg_tensor *a = p->a, *b = p->b, *y = x->out[0];
    sg_tensor ta = *a, tb = *b;
    p->m = a->rank > 1 ? a->dim[a->rank - 2] : 1;
    p->k = a->dim[a->rank - 1];
    p->n = b->rank > 1 ? b->dim[b->rank - 1] : 1;
    if (p->k != b->dim[b->rank > 1 ? b->rank - 2 : 0])
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "inner sizes differ");
    if (!fits(p->az, p->m, sg_numel(a) / (p->k ? p->k : 1)) || !fits(p->bz, p->n, sg_numel(b) / (p->k ? p->k : 1)))
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "a zero point has neither one element nor one per row or column");
    ta.rank = (int8_t)(a->rank > 2 ? a->rank - 2 : 0);
    tb.rank = (int8_t)(b->rank > 2 ? b->rank - 2 : 0);
    int batch = ta.rank > tb.rank ? ta.rank : tb.rank;
    if (!spreads(&ta, y->dim, batch) || !spreads(&tb, y->dim, batch))
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "batch axes do not broadcast");
    sg_walk_init(&p->walk, y->dim, batch);
    sg_walk_add_bcast(&p->walk, &ta);
    sg_walk_add_bcast(&p->walk, &tb);
    p->batches = sg_dim_span(y->dim, 0, batch);
    p->row = sg_scratch(x, (size_t)p->k * sizeof *p->row + 64);
    p->mat = sg_scratch(x, (size_t)p->k * (size_t)p->n * sizeof *p->mat + 64);
    p->acc = sg_scratch(x, (size_t)p->n * sizeof *p->acc + 64);
    return p->row && p->mat && p->acc ? SEDGE_OK : SEDGE_E_NOMEM;
}

/* Widens matrix i of b. */
static void load_b(product *p, int64_t i)
{
    for (int64_t k = 0; k < p->k; k++) {
        int32_t *row = p->mat + k * p->n;
        sg_q_widen(p->b, (i * p->k + k) * p->n, p->n, p->bz && sg_numel(p->bz) > 1 ? 0 : sg_q_zero(p->bz, 0), row);
        for (int64_t j = 0; p->bz && sg_numel(p->bz) > 1 && j < p->n; j++)
            row[j] -= sg_q_zero(p->bz, which(p->bz, i, p->n, j));
    }
}

/* acc = row r of matrix i of a times mat, modulo 2^32. */
static void multiply_row(product *p, int64_t i, int64_t r)
{
    sg_q_widen(p->a, (i * p->m + r) * p->k, p->k, sg_q_zero(p->az, which(p->az, i, p->m, r)), p->row);
    for (int64_t k = 0; k < p->k; k++) {
        uint32_t v = (uint32_t)p->row[k], *acc = p->acc;
        const int32_t *b = p->mat + k * p->n;
        for (int64_t j = 0; v && j < p->n; j++)
            acc[j] += v * (uint32_t)b[j];
    }
}

sedge_status sg_ref_matmul_integer(sg_exec *x)
{
    product p = {.a = x->in[0], .b = x->in[1], .az = x->n_in > 2 ? x->in[2] : NULL, .bz = x->n_in > 3 ? x->in[3] : NULL};
    SG_TRY(product_init(x, &p));
    uint32_t *y = x->out[0]->data;
    for (int64_t g = 0; g < p.batches; g++, sg_walk_next(&p.walk)) {
        load_b(&p, p.walk.off[1]);
        for (int64_t r = 0; r < p.m && p.n; r++, y += p.n) {
            memset(p.acc, 0, (size_t)p.n * sizeof *p.acc);
            multiply_row(&p, p.walk.off[0], r);
            memcpy(y, p.acc, (size_t)p.n * sizeof *y);
        }
    }
    return SEDGE_OK;
}

/* Where row r of the result starts in the bias. */
static int64_t bias_at(const sg_tensor *bias, const product *p, int64_t r)
{
    return bias && sg_numel(bias) == p->m * p->n && bias->rank > 1 ? r * p->n : 0;
}

static void start_row(const sg_tensor *bias, product *p, int64_t r)
{
    for (int64_t j = 0; j < p->n; j++)
        p->acc[j] = bias ? (uint32_t)sg_load_i64(SG_I32, bias->data, (size_t)(sg_numel(bias) == 1 ? 0 : bias_at(bias, p, r) + j))
                         : 0;
}

/* Scales of one row's columns. */
static sedge_status row_scales(sg_exec *x, const product *p, int64_t r, float *scale)
{
    const sg_tensor *as = x->in[1], *bs = x->in[4], *ys = x->in[6];
    double alpha = sg_get_float(x->attrs, SG_A_alpha);
    double sa = alpha * sg_q_factor(as, which(as, p->walk.off[0], p->m, r)), sy = sg_q_factor(ys, 0);
    for (int64_t j = 0; j < p->n; j++)
        SG_TRY(sg_q_scale(x->err, sa, sg_q_factor(bs, which(bs, p->walk.off[1], p->n, j)), sy, &scale[j]));
    return SEDGE_OK;
}

static sedge_status check_qlinear(sg_exec *x, const product *p)
{
    const sg_tensor *bias = x->n_in > 8 ? x->in[8] : NULL;
    int64_t k = p->k ? p->k : 1;
    if (!fits(x->in[1], p->m, sg_numel(p->a) / k) || !fits(x->in[4], p->n, sg_numel(p->b) / k) || sg_numel(x->in[6]) != 1 ||
        (x->in[7] && sg_numel(x->in[7]) != 1))
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "a scale has neither one element nor one per row or column");
    bool columns = !bias || sg_numel(bias) == 1 || (bias->rank > 0 && bias->dim[bias->rank - 1] == p->n);
    if (!columns || !fits(bias, p->n, p->m * p->n))
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "the bias has %lld elements for %lld columns",
                            (long long)(bias ? sg_numel(bias) : 0), (long long)p->n);
    return SEDGE_OK;
}

sedge_status sg_ref_qlinear_matmul(sg_exec *x)
{
    product p = {.a = x->in[0], .b = x->in[3], .az = x->in[2], .bz = x->in[5]};
    const sg_tensor *bias = x->n_in > 8 ? x->in[8] : NULL;
    SG_TRY(product_init(x, &p));
    SG_TRY(check_qlinear(x, &p));
    float *scale = sg_scratch(x, (size_t)p.n * sizeof *scale + 64);
    if (!scale)
        return SEDGE_E_NOMEM;
    int32_t lo, hi, zero = sg_q_zero(x->in[7], 0);
    sg_q_range((sg_dtype)x->out[0]->dtype, &lo, &hi);
    uint8_t *y = x->out[0]->data;
    for (int64_t g = 0; g < p.batches; g++, sg_walk_next(&p.walk)) {
        load_b(&p, p.walk.off[1]);
        for (int64_t r = 0; r < p.m; r++, y += p.n) {
            if (r == 0 || sg_numel(x->in[1]) > 1)
                SG_TRY(row_scales(x, &p, r, scale));
            start_row(bias, &p, r);
            multiply_row(&p, p.walk.off[0], r);
            for (int64_t j = 0; j < p.n; j++)
                y[j] = (uint8_t)sg_q_requant((int32_t)p.acc[j], scale[j], zero, lo, hi);
        }
    }
    return SEDGE_OK;
}
