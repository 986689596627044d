/* Quantized islands: Quantize(op(Dequantize(x), ...)) becomes the integer op of docs/integers.md.
 * A hand-written walker: whether an island fits depends on the numbers in its constants, which no pattern can state. */
#include "pass/qdq.h"

#include <math.h>

#include "op/elementwise.h"
#include "op/pool.h"
#include "op/reduce.h"

/* What an island is rewritten to: the row, its operands, and the node that gives it attributes and name. */
typedef struct island {
    sg_op_id row;
    sg_nid core, writer;
    sg_vid in[9];
    int n_in;
    int64_t kind;
    int squeeze; /* axes from 2 on that go after it, 0: none */
} island;

static sedge_status full(sg_err *err)
{
    return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
}

static sg_attrs attrs_of(const sg_graph *g, sg_nid n)
{
    return (sg_attrs){g->node[n].attr, g->node[n].n_attr};
}

static sg_nid maker(const sg_graph *g, sg_vid v)
{
    return g->value[v].role == SG_COMPUTED ? g->value[v].def : 0;
}

/* ---- what the quantizer's clamp does already ------------------------------------------------------------------- */

static int32_t quantized(const sg_graph *g, const sg_qdq *y, float v)
{
    int32_t lo, hi;
    sg_q_range(y->dtype, &lo, &hi);
    return sg_q_round(v / (float)sg_qdq_scale(g, y, 0), sg_qdq_zero(g, y, 0), lo, hi);
}

/* Bound k of a Clip quantizes to the end of the type's range, so that quantizing clips as well: both are monotone. */
static bool bound_implied(const sg_graph *g, sg_nid n, int k, const sg_qdq *y)
{
    int32_t lo, hi;
    sg_vid v = sg_node_in(g, n, k);
    if (!v)
        return true;
    const sg_value *b = &g->value[v];
    if (b->role != SG_CONST || !b->data || b->type.dtype != SG_F32 || sg_d_numel(&b->type) != 1)
        return false;
    float bound = (float)sg_load_f64(SG_F32, b->data, 0);
    sg_q_range(y->dtype, &lo, &hi);
    return !isnan(bound) && quantized(g, y, bound) == (k == 1 ? lo : hi);
}

static bool clamp_implied(const sg_graph *g, sg_nid n, const sg_qdq *y)
{
    int32_t lo, hi;
    sg_q_range(y->dtype, &lo, &hi);
    if (g->node[n].op == SG_ROW(UNARY))
        return sg_get_int(attrs_of(g, n), SG_A_kind) == SG_UNARY_RELU && quantized(g, y, 0) == lo;
    return g->node[n].op == SG_ROW(CLIP) && bound_implied(g, n, 1, y) && bound_implied(g, n, 2, y);
}

static void absorb_clamps(sg_graph *g, sg_nid writer, const sg_qdq *y, int *changed)
{
    for (;;) {
        sg_vid v = sg_node_in(g, writer, 0);
        sg_nid n = maker(g, v);
        if (!n || !sg_qdq_sole(g, v) || !clamp_implied(g, n, y) || g->value[sg_node_in(g, n, 0)].type.dtype != SG_F32)
            return;
        sg_node_set_in(g, writer, 0, sg_node_in(g, n, 0));
        sg_node_delete(g, n);
        ++*changed;
    }
}

/* ---- the accumulator -------------------------------------------------------------------------------------------- */

/* Largest |q - zero| over the type's range and all zero points. */
static double reach(const sg_graph *g, const sg_qdq *d)
{
    int32_t lo, hi;
    double most = 0;
    sg_q_range(d->dtype, &lo, &hi);
    for (int64_t i = 0; i < d->n; i++) {
        int32_t z = sg_qdq_zero(g, d, i);
        most = fmax(most, fmax(hi - z, z - lo));
    }
    return most;
}

/* The bias b (0: none) counts in units of x scale times w scale, one for each of n columns. *most: its largest size. */
static bool bias_fits(const sg_graph *g, sg_vid b, const sg_qdq *x, const sg_qdq *w, int64_t n, sg_qdq *d, double *most)
{
    *most = 0;
    if (!b)
        return true;
    if (!sg_qdq_reader(g, b, d) || d->dtype != SG_I32)
        return false;
    const sg_value *v = &g->value[d->q];
    const sg_type *t = &v->type;
    if (v->role != SG_CONST || !v->data || t->rank < 1 || t->dim[t->rank - 1] != n || sg_d_numel(t) != n ||
        (d->n != 1 && d->n != n))
        return false;
    for (int64_t i = 0; i < n; i++) {
        double want = sg_qdq_scale(g, x, 0) * sg_qdq_scale(g, w, i);
        if (!(fabs(sg_qdq_scale(g, d, i) - want) <= want * 0x1p-20) || sg_qdq_zero(g, d, i) != 0)
            return false;
        *most = fmax(*most, fabs((double)sg_load_i64(SG_I32, v->data, (size_t)i)));
    }
    return true;
}

/* Scales that the integer ops take, and no sum of k products past 32 bits: the float op would not wrap. */
static bool sums_fit(const sg_graph *g, const sg_qdq *x, const sg_qdq *w, const sg_qdq *y, int64_t k, double bias)
{
    sg_err own = {0};
    float scale;
    for (int64_t i = 0; i < w->n; i++)
        if (sg_q_scale(&own, sg_qdq_scale(g, x, 0), sg_qdq_scale(g, w, i), sg_qdq_scale(g, y, 0), &scale) != SEDGE_OK)
            return false;
    return (double)k * reach(g, x) * reach(g, w) + bias <= INT32_MAX;
}

static bool reads_8bit(const sg_graph *g, sg_vid v, sg_qdq *d)
{
    return v && sg_qdq_reader(g, v, d) && sg_q_is_8bit(d->dtype);
}

/* Product of dims [from, to); -1 if one is not a number, or past what a 32-bit sum could take anyway. */
static int64_t span(const sg_type *t, int from, int to)
{
    int64_t n = 1;
    for (int i = from; i < to; i++) {
        if (sg_dim_is_expr(t->dim[i]) || t->dim[i] > INT32_MAX || n > INT32_MAX)
            return -1;
        n *= t->dim[i];
    }
    return n;
}

/* ---- the islands ------------------------------------------------------------------------------------------------- */

/* The operands (a, scale, zero, b, scale, zero, y scale, zero, bias). */
static sedge_status operands(sg_graph *g, island *s, const sg_qdq *a, const sg_qdq *b, const sg_qdq *y, sg_vid bias, sg_err *err)
{
    const sg_vid in[9] = {
        a->q, a->scale, sg_qdq_zero_value(g, a), b->q, b->scale, sg_qdq_zero_value(g, b), y->scale, sg_qdq_zero_value(g, y),
        bias};
    s->n_in = bias ? 9 : 8;
    for (int k = 0; k < s->n_in; k++)
        if (!(s->in[k] = in[k]))
            return full(err);
    return SEDGE_OK;
}

static sedge_status conv(sg_graph *g, island *s, const sg_qdq *y, sg_err *err)
{
    sg_qdq x, w, b = {0};
    double most;
    sg_vid bias = sg_node_in(g, s->core, 2);
    if (!reads_8bit(g, sg_node_in(g, s->core, 0), &x) || x.n != 1 || !reads_8bit(g, sg_node_in(g, s->core, 1), &w))
        return SEDGE_OK;
    const sg_type *t = &g->value[w.q].type;
    if (t->rank < 3 || (w.n > 1 && w.axis != 0) || span(t, 0, 1) < 0 || span(t, 1, t->rank) < 0 ||
        !bias_fits(g, bias, &x, &w, t->dim[0], &b, &most) || !sums_fit(g, &x, &w, y, span(t, 1, t->rank), most))
        return SEDGE_OK;
    s->row = SG_OP_QLINEAR_CONV;
    return operands(g, s, &x, &w, y, bias ? b.q : SG_NONE_ID, err);
}

/* The integers of b as a [k, n] matrix. */
static sedge_status turn(sg_graph *g, island *s, sg_qdq *b, sg_err *err)
{
    static const int64_t perm[] = {1, 0};
    sg_nid n = sg_node_new(g, SG_ROW(TRANSPOSE), &b->q, 1, 1, s->writer);
    if (!n || !sg_set_ints(g, n, SG_A_perm, perm, 2))
        return full(err);
    g->node[n].name = g->node[s->core].name;
    g->node[n].source = g->node[s->core].source;
    b->q = sg_node_out(g, n, 0);
    return sg_infer_node(g, n, err);
}

static bool plain_gemm(const sg_graph *g, sg_nid n)
{
    sg_attrs a = attrs_of(g, n);
    return sg_get_float(a, SG_A_alpha) == 1 && sg_get_int(a, SG_A_transA) == 0 &&
           (sg_get_float(a, SG_A_beta) == 1 || !sg_node_in(g, n, 2));
}

static sedge_status product(sg_graph *g, island *s, const sg_qdq *y, sg_err *err)
{
    sg_qdq a, b, c = {0};
    double most;
    bool gemm = g->node[s->core].op == SG_ROW(GEMM), flip = gemm && sg_get_int(attrs_of(g, s->core), SG_A_transB);
    sg_vid bias = gemm ? sg_node_in(g, s->core, 2) : SG_NONE_ID;
    if ((gemm && !plain_gemm(g, s->core)) || !reads_8bit(g, sg_node_in(g, s->core, 0), &a) || a.n != 1 ||
        !reads_8bit(g, sg_node_in(g, s->core, 1), &b))
        return SEDGE_OK;
    const sg_type *t = &g->value[b.q].type;
    if (t->rank < 2 || (t->rank > 2 && b.n > 1))
        return SEDGE_OK;
    int row = t->rank - (flip ? 1 : 2), column = t->rank - (flip ? 2 : 1);
    if ((b.n > 1 && b.axis != column) || span(t, row, row + 1) < 0 || (bias && span(t, column, column + 1) < 0) ||
        !bias_fits(g, bias, &a, &b, t->dim[column], &c, &most) || !sums_fit(g, &a, &b, y, t->dim[row], most))
        return SEDGE_OK;
    if (flip)
        SG_TRY(turn(g, s, &b, err));
    s->row = SG_OP_QLINEAR_MATMUL;
    return operands(g, s, &a, &b, y, bias ? c.q : SG_NONE_ID, err);
}

static sedge_status binary(sg_graph *g, island *s, const sg_qdq *y, sg_err *err)
{
    sg_qdq a, b;
    sg_err own = {0};
    float scale;
    int64_t kind = sg_get_int(attrs_of(g, s->core), SG_A_kind);
    if ((kind != SG_BINARY_ADD && kind != SG_BINARY_MUL) || !reads_8bit(g, sg_node_in(g, s->core, 0), &a) || a.n != 1 ||
        !reads_8bit(g, sg_node_in(g, s->core, 1), &b) || b.n != 1 || a.dtype != y->dtype)
        return SEDGE_OK;
    double sa = sg_qdq_scale(g, &a, 0), sb = sg_qdq_scale(g, &b, 0), sy = sg_qdq_scale(g, y, 0);
    if (sg_q_scale(&own, sa, kind == SG_BINARY_MUL ? sb : 1, sy, &scale) != SEDGE_OK ||
        sg_q_scale(&own, sb, 1, sy, &scale) != SEDGE_OK)
        return SEDGE_OK;
    s->row = SG_OP_QLINEAR_BINARY;
    s->kind = kind == SG_BINARY_ADD ? SG_QBINARY_ADD : SG_QBINARY_MUL;
    return operands(g, s, &a, &b, y, SG_NONE_ID, err);
}

/* The operands (x, scale, zero, y scale, zero) of a function of one tensor; leaves n_in 0 if the scales do not fit. */
static sedge_status one_operand(sg_graph *g, island *s, const sg_qdq *y, bool alike, sg_err *err)
{
    sg_qdq x;
    sg_err own = {0};
    float scale;
    if (!reads_8bit(g, sg_node_in(g, s->core, 0), &x) || x.n != 1 || (alike && x.dtype != y->dtype) ||
        sg_q_scale(&own, sg_qdq_scale(g, &x, 0), 1, sg_qdq_scale(g, y, 0), &scale) != SEDGE_OK)
        return SEDGE_OK;
    s->n_in = 5;
    s->in[0] = x.q;
    s->in[1] = x.scale;
    s->in[2] = sg_qdq_zero_value(g, &x);
    s->in[3] = y->scale;
    s->in[4] = sg_qdq_zero_value(g, y);
    return s->in[2] && s->in[4] ? SEDGE_OK : full(err);
}

static sedge_status unary(sg_graph *g, island *s, const sg_qdq *y, sg_err *err)
{
    int64_t kind = sg_get_int(attrs_of(g, s->core), SG_A_kind);
    if (kind != SG_UNARY_SIGMOID && kind != SG_UNARY_LEAKY_RELU)
        return SEDGE_OK;
    s->row = SG_OP_QLINEAR_UNARY;
    s->kind = kind == SG_UNARY_SIGMOID ? SG_QUNARY_SIGMOID : SG_QUNARY_LEAKY_RELU;
    return one_operand(g, s, y, true, err);
}

/* Sums of so many integers that they are exact. */
static bool averages(const sg_graph *g, const island *s)
{
    const sg_type *t = &g->value[sg_node_in(g, s->core, 0)].type;
    int64_t n = t->rank < 3 ? -1 : span(t, 2, t->rank);
    return n >= 0 && n < 1 << 22;
}

static sedge_status pool(sg_graph *g, island *s, const sg_qdq *y, sg_err *err)
{
    if (sg_get_int(attrs_of(g, s->core), SG_A_kind) != SG_POOL_AVERAGE || !averages(g, s))
        return SEDGE_OK;
    s->row = SG_OP_QLINEAR_POOL;
    return one_operand(g, s, y, false, err);
}

/* The mean over all axes but the first two. */
static sedge_status mean(sg_graph *g, island *s, const sg_qdq *y, sg_err *err)
{
    sg_vid axes = sg_node_in(g, s->core, 1);
    const sg_value *a = axes ? &g->value[axes] : NULL;
    int rank = g->value[sg_node_in(g, s->core, 0)].type.rank;
    uint32_t seen = 0;
    if (sg_get_int(attrs_of(g, s->core), SG_A_kind) != SG_REDUCE_MEAN || !a || a->role != SG_CONST || !a->data ||
        !averages(g, s) || sg_d_numel(&a->type) != rank - 2)
        return SEDGE_OK;
    for (int i = 0; i < rank - 2; i++) {
        int axis = sg_axis(sg_load_i64((sg_dtype)a->type.dtype, a->data, (size_t)i), rank);
        seen |= axis < 2 ? 0 : 1u << axis;
    }
    if (seen != (1u << rank) - 4)
        return SEDGE_OK;
    s->row = SG_OP_QLINEAR_POOL;
    s->squeeze = sg_get_int(attrs_of(g, s->core), SG_A_keepdims) ? 0 : rank - 2;
    return one_operand(g, s, y, false, err);
}

/* ---- the rewrite ------------------------------------------------------------------------------------------------- */

/* Attributes that both rows have. */
static void take_attrs(sg_graph *g, sg_nid to, sg_nid from)
{
    const sg_node *f = &g->node[from];
    sg_node *t = &g->node[to];
    for (int i = 0; i < t->n_attr; i++) {
        const sg_attr *a = sg_attr_find(f->attr, f->n_attr, (sg_attr_id)t->attr[i].id);
        if (a)
            t->attr[i] = *a;
    }
}

static void take_place(sg_graph *g, sg_nid writer, sg_vid by)
{
    sg_vid out = sg_node_out(g, writer, 0);
    if (!g->value[by].name)
        g->value[by].name = g->value[out].name;
    sg_value_replace(g, out, by);
    sg_node_delete(g, writer);
}

static sedge_status replace(sg_graph *g, const island *s, sg_err *err)
{
    sg_nid n = sg_node_new(g, &sg_ops[s->row], s->in, s->n_in, 1, s->writer);
    if (!n)
        return full(err);
    take_attrs(g, n, s->core);
    if ((s->row == SG_OP_QLINEAR_BINARY || s->row == SG_OP_QLINEAR_UNARY) && !sg_set_int(g, n, SG_A_kind, s->kind))
        return full(err);
    g->node[n].name = g->node[s->core].name;
    g->node[n].source = g->node[s->core].source;
    SG_TRY(sg_infer_node(g, n, err));
    if (s->squeeze) {
        int64_t axes[SG_RANK_MAX];
        for (int i = 0; i < s->squeeze; i++)
            axes[i] = 2 + i;
        sg_vid in[2] = {sg_node_out(g, n, 0), sg_const_i64(g, axes, s->squeeze, 1)};
        n = in[1] ? sg_node_new(g, SG_ROW(SQUEEZE), in, 2, 1, s->writer) : 0;
        if (!n)
            return full(err);
        g->node[n].name = g->node[s->core].name;
        g->node[n].source = g->node[s->core].source;
        SG_TRY(sg_infer_node(g, n, err));
    }
    take_place(g, s->writer, sg_node_out(g, n, 0));
    return SEDGE_OK;
}

/* ---- products that go on in float ------------------------------------------------------------------------------ */

/* What becomes of v in the end is quantized, so that the writer there has the say. */
static bool quantized_later(const sg_graph *g, sg_vid v)
{
    while (sg_qdq_sole(g, v)) {
        const sg_nid n = g->operand[g->value[v].uses].node;
        if (g->node[n].op == SG_ROW(QUANTIZE))
            return true;
        if (g->node[n].op != SG_ROW(CLIP) && g->node[n].op != SG_ROW(UNARY))
            return false;
        v = sg_node_out(g, n, 0);
    }
    return false;
}

/* A node before s->writer, which is the core, under its name. */
static sedge_status next_to(sg_graph *g, const island *s, sg_op_id row, sg_vid a, sg_vid b, sg_vid *out, sg_err *err)
{
    const sg_vid in[2] = {a, b};
    sg_nid n = a ? sg_node_new(g, &sg_ops[row], in, b ? 2 : 1, 1, s->writer) : 0;
    if (!n)
        return full(err);
    g->node[n].name = g->node[s->core].name;
    g->node[n].source = g->node[s->core].source;
    if (row == SG_OP_CAST && !sg_set_int(g, n, SG_A_to, SG_F32))
        return full(err);
    *out = sg_node_out(g, n, 0);
    return SEDGE_OK;
}

/* Scales of the columns, or one for all. */
static sg_vid factors(sg_graph *g, const sg_qdq *a, const sg_qdq *b)
{
    float *m = sg_arena_array(g->arena, (size_t)b->n, sizeof *m);
    for (int64_t i = 0; m && i < b->n; i++)
        m[i] = (float)(sg_qdq_scale(g, a, 0) * sg_qdq_scale(g, b, i));
    return m ? sg_const_new(g, SG_F32, b->n > 1, &b->n, m, NULL) : SG_NONE_ID;
}

/* The product of dequantized x and constant w that is not quantized: exact sums of integers, times their scales, plus the bias. */
static sedge_status float_product(sg_graph *g, sg_nid core, int *changed, sg_err *err)
{
    sg_qdq a, b;
    island s = {.core = core, .writer = core};
    const bool gemm = g->node[core].op == SG_ROW(GEMM), flip = gemm && sg_get_int(attrs_of(g, core), SG_A_transB);
    const sg_vid out = sg_node_out(g, core, 0), bias = gemm ? sg_node_in(g, core, 2) : SG_NONE_ID;
    if ((gemm && !plain_gemm(g, core)) || !reads_8bit(g, sg_node_in(g, core, 0), &a) || a.n != 1 ||
        !reads_8bit(g, sg_node_in(g, core, 1), &b) || g->value[b.q].role != SG_CONST || quantized_later(g, out))
        return SEDGE_OK;
    const sg_type *t = &g->value[b.q].type;
    const int row = flip ? 1 : 0;
    if (t->rank != 2 || (b.n > 1 && b.axis != 1 - row) || span(t, row, row + 1) < 0 ||
        (double)t->dim[row] * reach(g, &a) * reach(g, &b) > INT32_MAX)
        return SEDGE_OK;
    for (int64_t i = 0; i < b.n; i++) {
        const float m = (float)(sg_qdq_scale(g, &a, 0) * sg_qdq_scale(g, &b, i));
        if (!isfinite(m) || m <= 0)
            return SEDGE_OK;
    }
    if (flip)
        SG_TRY(turn(g, &s, &b, err));
    const sg_vid in[4] = {a.q, b.q, sg_qdq_zero_value(g, &a), sg_qdq_zero_value(g, &b)}, m = factors(g, &a, &b);
    sg_nid n = in[2] && in[3] && m ? sg_node_new(g, SG_ROW(MATMUL_INTEGER), in, 4, 1, core) : 0;
    if (!n)
        return full(err);
    g->node[n].name = g->node[core].name;
    g->node[n].source = g->node[core].source;
    sg_vid v = sg_node_out(g, n, 0);
    SG_TRY(next_to(g, &s, SG_OP_CAST, v, SG_NONE_ID, &v, err));
    SG_TRY(next_to(g, &s, SG_OP_BINARY, v, m, &v, err));
    sg_set_int(g, g->value[v].def, SG_A_kind, SG_BINARY_MUL);
    if (bias) {
        SG_TRY(next_to(g, &s, SG_OP_BINARY, v, bias, &v, err));
        sg_set_int(g, g->value[v].def, SG_A_kind, SG_BINARY_ADD);
    }
    take_place(g, core, v);
    ++*changed;
    return SEDGE_OK;
}

static const struct {
    sg_op_id op;
    sedge_status (*match)(sg_graph *g, island *s, const sg_qdq *y, sg_err *err); /* leaves n_in 0 if it does not fit */
} cores[] = {
    {SG_OP_CONV, conv},   {SG_OP_MATMUL, product}, {SG_OP_GEMM, product}, {SG_OP_BINARY, binary},
    {SG_OP_UNARY, unary}, {SG_OP_POOL, pool},      {SG_OP_REDUCE, mean},
};

static sedge_status rewrite(sg_graph *g, sg_nid writer, int *changed, sg_err *err)
{
    sg_qdq y, x;
    if (!sg_qdq_writer(g, writer, &y))
        return SEDGE_OK;
    absorb_clamps(g, writer, &y, changed);
    sg_vid v = sg_node_in(g, writer, 0);
    if (reads_8bit(g, v, &x) && sg_qdq_same(g, &x, &y)) { /* n * s / s is n, for all n of 8 bits */
        take_place(g, writer, x.q);
        ++*changed;
        return SEDGE_OK;
    }
    island s = {.core = maker(g, v), .writer = writer};
    for (size_t i = 0; s.core && sg_qdq_sole(g, v) && i < sizeof cores / sizeof cores[0]; i++) {
        if (g->node[s.core].op != &sg_ops[cores[i].op])
            continue;
        SG_TRY(cores[i].match(g, &s, &y, err));
        if (s.n_in) {
            SG_TRY(replace(g, &s, err));
            ++*changed;
        }
        break;
    }
    return SEDGE_OK;
}

sedge_status sg_pass_qdq(sg_graph *g, int *changed, sg_err *err)
{
    int before = *changed;
    for (sg_nid n = g->node[0].next; n;) {
        sg_nid next = g->node[n].next;
        if (g->node[n].op == SG_ROW(GEMM) || g->node[n].op == SG_ROW(MATMUL))
            SG_TRY(float_product(g, n, changed, err));
        else
            SG_TRY(rewrite(g, n, changed, err));
        n = next;
    }
    return *changed == before ? SEDGE_OK : sg_infer_graph(g, err);
}
