/* Functions of one element and of two, comparisons, types, quantizing. */
#include <math.h>
#include <string.h>

#include "export/tflite/write.h"
#include "op/elementwise.h"

#define NO_OP SG_TW_COUNT

/* How each kind of unary is said. */
static const struct {
    sg_tw_code op;
    sg_tw_rule rule;
    double unit; /* the scale of SG_TW_FIXED */
    int zero;
} unary[SG_UNARY_COUNT] = {
    [SG_UNARY_ABS] = {SG_TW_ABS, SG_TW_NEVER, 0, 0},         [SG_UNARY_NEG] = {SG_TW_NEG, SG_TW_NEVER, 0, 0},
    [SG_UNARY_CEIL] = {SG_TW_CEIL, SG_TW_NEVER, 0, 0},       [SG_UNARY_FLOOR] = {SG_TW_FLOOR, SG_TW_NEVER, 0, 0},
    [SG_UNARY_ROUND] = {SG_TW_ROUND, SG_TW_NEVER, 0, 0},     [SG_UNARY_SQRT] = {SG_TW_SQRT, SG_TW_NEVER, 0, 0},
    [SG_UNARY_EXP] = {SG_TW_EXP, SG_TW_ANY, 0, 0},           [SG_UNARY_LOG] = {SG_TW_LOG, SG_TW_NEVER, 0, 0},
    [SG_UNARY_SIN] = {SG_TW_SIN, SG_TW_NEVER, 0, 0},         [SG_UNARY_COS] = {SG_TW_COS, SG_TW_NEVER, 0, 0},
    [SG_UNARY_RELU] = {SG_TW_RELU, SG_TW_ANY, 0, 0},         [SG_UNARY_TANH] = {SG_TW_TANH, SG_TW_FIXED, 1.0 / 128, 0},
    [SG_UNARY_NOT] = {SG_TW_LOGICAL_NOT, SG_TW_NEVER, 0, 0}, [SG_UNARY_SIGMOID] = {SG_TW_LOGISTIC, SG_TW_FIXED, 1.0 / 256, -128},
    [SG_UNARY_SIGN] = {SG_TW_SIGN, SG_TW_NEVER, 0, 0},       [SG_UNARY_LEAKY_RELU] = {SG_TW_LEAKY_RELU, SG_TW_ANY, 0, 0},
    [SG_UNARY_ELU] = {SG_TW_ELU, SG_TW_NEVER, 0, 0},         [SG_UNARY_HARD_SWISH] = {SG_TW_HARD_SWISH, SG_TW_ANY, 0, 0},
    [SG_UNARY_GELU] = {SG_TW_GELU, SG_TW_ANY, 0, 0},         [SG_UNARY_GELU_TANH] = {SG_TW_GELU, SG_TW_ANY, 0, 0},
};

int32_t sg_tw_then(sg_tw_scope *sc, sg_tw_code op, int32_t a, int32_t b)
{
    if (a < 0)
        return SG_TW_BAD;
    const sg_tw_tensor *t = &sc->sub->tensor[a];
    int32_t y = sg_tw_like(sc, a, t->rank, t->dim);
    return sg_tw_emit(sc, op, (const int32_t[]){a, b}, b == -1 ? 1 : 2, &y, 1, NULL, 0) == SEDGE_OK ? y : SG_TW_BAD;
}

/* The last operator of several, with the value as its result. */
static sedge_status finally(sg_tw_scope *sc, sg_nid n, sg_tw_code op, int32_t a, int32_t b, const int8_t *order)
{
    int32_t y = sg_tw_out(sc, sg_node_out(sc->g, n, 0), order);
    return sg_tw_emit(sc, op, (const int32_t[]){a, b}, b == -1 ? 1 : 2, &y, 1, NULL, 0);
}

static int32_t real(sg_tw_scope *sc, double v)
{
    return sg_tw_number(sc, SG_F32, v, NULL);
}

/* log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)) */
static int32_t softplus(sg_tw_scope *sc, int32_t x)
{
    int32_t e = sg_tw_then(sc, SG_TW_EXP, sg_tw_then(sc, SG_TW_NEG, sg_tw_then(sc, SG_TW_ABS, x, -1), -1), -1);
    return sg_tw_then(sc, SG_TW_ADD, sg_tw_then(sc, SG_TW_RELU, x, -1),
                      sg_tw_then(sc, SG_TW_LOG, sg_tw_then(sc, SG_TW_ADD, e, real(sc, 1)), -1));
}

/* Kinds that take several operators. */
static sedge_status composed(sg_tw_scope *sc, sg_nid n, int kind, int32_t x, const int8_t *order)
{
    sg_fn_params p = sg_fn_params_of(sg_tw_attrs(sc, n));
    switch (kind) {
    case SG_UNARY_RECIPROCAL: return finally(sc, n, SG_TW_DIV, real(sc, 1), x, order);
    case SG_UNARY_SWISH: {
        int32_t by = p.alpha == 1 ? x : sg_tw_then(sc, SG_TW_MUL, x, real(sc, p.alpha));
        return finally(sc, n, SG_TW_MUL, x, sg_tw_then(sc, SG_TW_LOGISTIC, by, -1), order);
    }
    case SG_UNARY_LINEAR:
        return finally(sc, n, SG_TW_ADD, sg_tw_then(sc, SG_TW_MUL, x, real(sc, p.alpha)), real(sc, p.beta), order);
    case SG_UNARY_HARD_SIGMOID:
        return finally(sc, n, SG_TW_RELU_0_TO_1,
                       sg_tw_then(sc, SG_TW_ADD, sg_tw_then(sc, SG_TW_MUL, x, real(sc, p.alpha)), real(sc, p.beta)), -1, order);
    case SG_UNARY_SOFTPLUS: return finally(sc, n, SG_TW_ADD, softplus(sc, x), real(sc, 0), order);
    case SG_UNARY_MISH: return finally(sc, n, SG_TW_MUL, x, sg_tw_then(sc, SG_TW_TANH, softplus(sc, x), -1), order);
    case SG_UNARY_TAN:
        return finally(sc, n, SG_TW_DIV, sg_tw_then(sc, SG_TW_SIN, x, -1), sg_tw_then(sc, SG_TW_COS, x, -1), order);
    case SG_UNARY_SOFTSIGN:
        return finally(sc, n, SG_TW_DIV, x, sg_tw_then(sc, SG_TW_ADD, sg_tw_then(sc, SG_TW_ABS, x, -1), real(sc, 1)), order);
    default: return sg_tw_unsupported(sc, "a function of this kind");
    }
}

/* The reciprocal alone reads this root. */
static sg_nid reciprocal_after(const sg_tw_scope *sc, sg_nid n)
{
    sg_vid v = sc->g->node[n].out[0];
    sg_nid next = sc->g->value[v].n_uses == 1 && !sc->is_out[v] ? sc->g->operand[sc->g->value[v].uses].node : 0;
    return next && sc->g->node[next].op == SG_ROW(UNARY) && sg_get_int(sg_tw_attrs(sc, next), SG_A_kind) == SG_UNARY_RECIPROCAL
               ? next
               : 0;
}

sedge_status sg_tw_unary(sg_tw_scope *sc, sg_nid n)
{
    int kind = (int)sg_get_int(sg_tw_attrs(sc, n), SG_A_kind);
    sg_vid x = sg_node_in(sc->g, n, 0);
    sg_tw_of(sc, x);
    const int8_t *order = sc->val[x].order;
    bool plain = unary[kind].op != SG_TW_ADD && (kind != SG_UNARY_ELU || sg_get_float(sg_tw_attrs(sc, n), SG_A_alpha) == 1);
    sg_nid next = kind == SG_UNARY_SQRT ? reciprocal_after(sc, n) : 0;
    if (next) {
        sc->done[next] = true;
        return finally(sc, next, SG_TW_RSQRT, sg_tw_need(sc, x, order), -1, order);
    }
    if (!plain)
        return composed(sc, n, kind, sg_tw_need(sc, x, order), order);
    sg_tw_tail t = sg_tw_tail_of(sc, n, 1, unary[kind].rule, unary[kind].unit, unary[kind].zero, false);
    int32_t in = sg_tw_operand(sc, x, order, t.ints), out = sg_tw_out(sc, t.out, order);
    const sg_tw_attr leaky = {SG_TF_ALPHA, .real = sg_get_float(sg_tw_attrs(sc, n), SG_A_alpha)},
                     gelu = {SG_TF_APPROXIMATE, .i = kind == SG_UNARY_GELU_TANH};
    int n_attr = kind == SG_UNARY_LEAKY_RELU || unary[kind].op == SG_TW_GELU;
    return sg_tw_emit(sc, unary[kind].op, &in, 1, &out, 1, kind == SG_UNARY_LEAKY_RELU ? &leaky : &gelu, n_attr);
}

/* ---- two operands ---- */

/* The order in which operands meet: that of the first of full rank that is no constant. */
static const int8_t *meeting(sg_tw_scope *sc, sg_nid n, int n_x)
{
    int rank = sg_tw_type(sc, sg_node_out(sc->g, n, 0))->rank;
    const int8_t *order = NULL;
    for (int pass = 0; pass < 2 && !order; pass++)
        for (int k = 0; k < n_x && !order; k++) {
            sg_vid v = sg_node_in(sc->g, n, k);
            const sg_tw_val *val = v ? sg_tw_of(sc, v) : NULL;
            if (val && val->there && sg_tw_type(sc, v)->rank == rank && (pass || !val->src))
                order = val->order;
        }
    return order;
}

/* Operand v of a broadcast, in the order of a result of `rank` axes: constants of fewer axes get ones in front. */
int32_t sg_tw_broadcast(sg_tw_scope *sc, sg_vid v, int rank, const int8_t *order, bool ints)
{
    const sg_type *type = sg_tw_type(sc, v);
    bool plain = true;
    for (int k = 0; order && k < rank; k++)
        plain = plain && order[k] == k;
    if (type->rank == rank || plain || sg_d_numel(type) == 1)
        return sg_tw_operand(sc, v, type->rank == rank ? order : NULL, ints);
    int32_t t = sg_tw_operand(sc, v, NULL, ints), list;
    sg_dim dim[SG_RANK_MAX];
    int64_t perm[SG_RANK_MAX], shape[SG_RANK_MAX];
    if (t < 0)
        return t;
    for (int k = 0; k < rank; k++) {
        int i = order[k] - (rank - type->rank);
        perm[k] = order[k];
        dim[k] = i < 0 ? 1 : type->dim[i];
        shape[k] = sg_dim_is_expr(dim[k]) ? -1 : dim[k];
    }
    /* Where all that moves has one element, it is a reshape; it is as well where the operand has one axis that is not 1. */
    int wide = 0;
    for (int i = 0; i < type->rank; i++)
        wide += type->dim[i] != 1;
    if (wide > 1) {
        sg_tw_unsupported(sc, "an operand of fewer axes in this order");
        return SG_TW_BAD;
    }
    (void)perm;
    if (sc->sub->tensor[t].data) {
        sg_tw_tensor own = sc->sub->tensor[t];
        own.rank = rank;
        memcpy(own.dim, dim, sizeof dim);
        return sg_tw_tensor_new(sc, &own);
    }
    int32_t y = sg_tw_like(sc, t, rank, dim);
    list = sg_tw_list32(sc, shape, rank, 1);
    return sg_tw_emit(sc, SG_TW_RESHAPE, (const int32_t[]){t, list}, 2, &y, 1, NULL, 0) == SEDGE_OK ? y : SG_TW_BAD;
}

static const struct {
    bool said;
    sg_tw_code op;
    sg_tw_rule rule;
    bool act;
} binary[SG_BINARY_COUNT] = {
    [SG_BINARY_ADD] = {true, SG_TW_ADD, SG_TW_ANY, true},
    [SG_BINARY_SUB] = {true, SG_TW_SUB, SG_TW_ANY, true},
    [SG_BINARY_MUL] = {true, SG_TW_MUL, SG_TW_ANY, true},
    [SG_BINARY_DIV] = {true, SG_TW_DIV, SG_TW_NEVER, true},
    [SG_BINARY_POW] = {true, SG_TW_POW, SG_TW_NEVER, false},
    [SG_BINARY_MIN] = {true, SG_TW_MINIMUM, SG_TW_ALIKE, false},
    [SG_BINARY_MAX] = {true, SG_TW_MAXIMUM, SG_TW_ALIKE, false},
    [SG_BINARY_MOD] = {true, SG_TW_FLOOR_MOD, SG_TW_NEVER, false},
    [SG_BINARY_AND] = {true, SG_TW_LOGICAL_AND, SG_TW_NEVER, false},
    [SG_BINARY_OR] = {true, SG_TW_LOGICAL_OR, SG_TW_NEVER, false},
    [SG_BINARY_BIT_XOR] = {true, SG_TW_BITWISE_XOR, SG_TW_NEVER, false},
    [SG_BINARY_SHIFT_RIGHT] = {true, SG_TW_RIGHT_SHIFT, SG_TW_NEVER, false},
    [SG_BINARY_ATAN2] = {true, SG_TW_ATAN2, SG_TW_NEVER, false},
    [SG_BINARY_PRELU] = {true, SG_TW_PRELU, SG_TW_NEVER, false},
};

/* Constants beside integers mean what the result means. */
static int32_t beside(sg_tw_scope *sc, sg_vid v, const sg_tw_quant *q)
{
    const sg_tensor *c = sg_tw_const(sc, v);
    sg_tw_tensor t = {.name = "", .dtype = (sg_dtype)sg_tw_type(sc, v)->dtype, .rank = sg_tw_type(sc, v)->rank, .q = *q};
    if (!c)
        return sg_tw_need(sc, v, NULL);
    memcpy(t.dim, c->dim, sizeof t.dim);
    t.data = c->data;
    sg_tw_stored(sc, &t);
    return sg_tw_tensor_new(sc, &t);
}

sedge_status sg_tw_binary(sg_tw_scope *sc, sg_nid n)
{
    int kind = (int)sg_get_int(sg_tw_attrs(sc, n), SG_A_kind);
    int rank = sg_tw_type(sc, sg_node_out(sc->g, n, 0))->rank;
    if (!binary[kind].said)
        return sg_tw_unsupported(sc, "a function of this kind");
    sg_tw_tail t = sg_tw_tail_of(sc, n, 2, binary[kind].rule, 0, 0, binary[kind].act);
    const int8_t *order = meeting(sc, n, 2);
    int32_t in[2], out;
    for (int k = 0; k < 2; k++) {
        sg_vid v = sg_node_in(sc->g, n, k);
        const sg_tw_quant *q = &sc->quant[t.out];
        in[k] = !t.ints && q->n == 1 && sg_tw_const(sc, v) && sg_d_numel(sg_tw_type(sc, v)) == 1
                    ? beside(sc, v, q)
                    : sg_tw_broadcast(sc, v, rank, order, t.ints);
    }
    if (kind == SG_BINARY_PRELU && in[1] >= 0 && sc->sub->tensor[in[1]].rank == rank && rank > 1 &&
        sc->sub->tensor[in[1]].dim[0] == 1) {
        sg_tw_tensor own = sc->sub->tensor[in[1]]; /* one slope for all samples */
        memmove(own.dim, own.dim + 1, (size_t)(rank - 1) * sizeof *own.dim);
        own.rank = rank - 1;
        in[1] = own.data ? sg_tw_tensor_new(sc, &own) : in[1];
    }
    out = sg_tw_out(sc, t.out, order);
    return sg_tw_emit(sc, binary[kind].op, in, 2, &out, 1, &(const sg_tw_attr){SG_TF_ACT_0, .i = t.act}, binary[kind].act);
}

sedge_status sg_tw_compare(sg_tw_scope *sc, sg_nid n)
{
    static const sg_tw_code ops[] = {[SG_COMPARE_EQUAL] = SG_TW_EQUAL,
                                     [SG_COMPARE_LESS] = SG_TW_LESS,
                                     [SG_COMPARE_GREATER] = SG_TW_GREATER,
                                     [SG_COMPARE_LESS_EQUAL] = SG_TW_LESS_EQUAL,
                                     [SG_COMPARE_GREATER_EQUAL] = SG_TW_GREATER_EQUAL};
    const int8_t *order = meeting(sc, n, 2);
    int rank = sg_tw_type(sc, sg_node_out(sc->g, n, 0))->rank;
    int32_t in[2] = {sg_tw_broadcast(sc, sg_node_in(sc->g, n, 0), rank, order, false),
                     sg_tw_broadcast(sc, sg_node_in(sc->g, n, 1), rank, order, false)};
    int32_t out = sg_tw_out(sc, sg_node_out(sc->g, n, 0), order);
    return sg_tw_emit(sc, ops[sg_get_int(sg_tw_attrs(sc, n), SG_A_kind)], in, 2, &out, 1, NULL, 0);
}

sedge_status sg_tw_where(sg_tw_scope *sc, sg_nid n)
{
    const int8_t *order = meeting(sc, n, 3);
    int rank = sg_tw_type(sc, sg_node_out(sc->g, n, 0))->rank;
    int32_t in[3], out;
    for (int k = 0; k < 3; k++)
        in[k] = sg_tw_broadcast(sc, sg_node_in(sc->g, n, k), rank, order, false);
    out = sg_tw_out(sc, sg_node_out(sc->g, n, 0), order);
    return sg_tw_emit(sc, SG_TW_SELECT_V2, in, 3, &out, 1, NULL, 0);
}

/* ---- bounds, types ---- */

sedge_status sg_tw_clip(sg_tw_scope *sc, sg_nid n)
{
    static const sg_tw_code acts[] = {NO_OP, SG_TW_RELU, SG_TW_RELU_N1_TO_1, SG_TW_RELU6};
    sg_vid x = sg_node_in(sc->g, n, 0), lo = sg_node_in(sc->g, n, 1), hi = sg_node_in(sc->g, n, 2);
    sg_tw_of(sc, x);
    const int8_t *order = sc->val[x].order;
    bool real_x = sg_tw_type(sc, x)->dtype == SG_F32;
    int act = real_x ? sg_tw_act_of(sc, n) : 0;
    double a = -1, b = -1;
    if (act || (real_x && lo && hi && sg_tw_scalar(sc, lo, &a) && sg_tw_scalar(sc, hi, &b) && a == 0 && b == 1))
        return finally(sc, n, act ? acts[act] : SG_TW_RELU_0_TO_1, sg_tw_need(sc, x, order), -1, order);
    const sg_tw_quant *q = &sc->quant[sg_node_out(sc->g, n, 0)];
    int32_t t = sg_tw_need(sc, x, order), low = lo ? beside(sc, lo, q) : -1, high = hi ? beside(sc, hi, q) : -1;
    if (!lo && !hi)
        return sg_tw_identity(sc, n);
    if (lo && hi)
        t = sg_tw_then(sc, SG_TW_MAXIMUM, t, low);
    return finally(sc, n, hi ? SG_TW_MINIMUM : SG_TW_MAXIMUM, t, hi ? high : low, order);
}

int32_t sg_tw_cast_to(sg_tw_scope *sc, int32_t t, sg_dtype to, int32_t out)
{
    if (t < 0)
        return t;
    sg_tw_tensor own = sc->sub->tensor[t];
    sg_tw_attr attr[2] = {{SG_TF_CAST_IN, .i = sg_tw_type_number(own.dtype)}, {SG_TF_CAST_OUT, .i = sg_tw_type_number(to)}};
    if (out < 0) {
        own.dtype = to;
        own.data = NULL;
        own.name = "";
        own.q.n = 0;
        out = sg_tw_tensor_new(sc, &own);
    }
    return sg_tw_emit(sc, SG_TW_CAST, &t, 1, &out, 1, attr, 2) == SEDGE_OK ? out : SG_TW_BAD;
}

sedge_status sg_tw_cast(sg_tw_scope *sc, sg_nid n)
{
    sg_vid x = sg_node_in(sc->g, n, 0), y = sg_node_out(sc->g, n, 0);
    sg_dtype from = (sg_dtype)sg_tw_type(sc, x)->dtype, to = (sg_dtype)sg_tw_type(sc, y)->dtype;
    if (from == to)
        return sg_tw_identity(sc, n);
    sg_tw_of(sc, x);
    const int8_t *order = sc->val[x].order;
    if (from == SG_F16 && to == SG_F32)
        return finally(sc, n, SG_TW_DEQUANTIZE, sg_tw_need(sc, x, order), -1, order);
    int32_t in = sg_tw_need(sc, x, order);
    return sg_tw_cast_to(sc, in, to, sg_tw_out(sc, y, order)) == SG_TW_BAD ? sc->w->err->status : SEDGE_OK;
}

/* The same under another name. */
sedge_status sg_tw_identity(sg_tw_scope *sc, sg_nid n)
{
    sg_vid x = sg_node_in(sc->g, n, 0);
    sg_tw_of(sc, x);
    sc->val[sg_node_out(sc->g, n, 0)] = sc->val[x];
    return sc->val[x].there ? SEDGE_OK : sg_tw_unsupported(sc, "the operand");
}

/* ---- quantizing ---- */

sedge_status sg_tw_quantize(sg_tw_scope *sc, sg_nid n)
{
    sg_vid x = sg_node_in(sc->g, n, 0), y = sg_node_out(sc->g, n, 0);
    sg_tw_of(sc, x);
    const int8_t *order = sc->val[x].order;
    if (sc->quant[y].n != 1)
        return sg_tw_unsupported(sc, "a quantization that is not by one constant scale");
    if (sg_tw_is_ints(sc, x) && !sc->val[x].src && sg_tw_quant_same(&sc->val[x].q, &sc->quant[y]) && sg_tw_same_type(sc, x, y)) {
        sc->val[y] = sc->val[x]; /* the integers that they came from */
        sc->val[y].lazy = false;
        return SEDGE_OK;
    }
    int32_t in = sg_tw_operand(sc, x, order, sg_tw_is_ints(sc, x)), out = sg_tw_out(sc, y, order);
    return sg_tw_emit(sc, SG_TW_QUANTIZE, &in, 1, &out, 1, NULL, 0);
}

sedge_status sg_tw_dequantize(sg_tw_scope *sc, sg_nid n)
{
    sg_vid x = sg_node_in(sc->g, n, 0), y = sg_node_out(sc->g, n, 0);
    sg_tw_of(sc, x);
    sg_tw_quant q = sg_tw_quant_of(sc, n);
    sg_tw_val *val = &sc->val[y];
    if (!q.n || !sc->val[x].there)
        return sg_tw_unsupported(sc, "a scale that is not constant, or by blocks,");
    if (!sc->val[x].src && !sg_tw_quant_same(&q, &sc->quant[x]))
        return sg_tw_unsupported(sc, "integers with two scales");
    *val = sc->val[x];
    val->lazy = true;
    val->real = -1;
    val->turned = -1;
    if (val->src) {
        val->t = -1;
        for (int k = 0; q.n > 1 && k < sg_tw_type(sc, x)->rank; k++)
            if (sc->val[x].order[k] == q.axis) {
                q.axis = k;
                break;
            }
    }
    val->q = q;
    return SEDGE_OK;
}
