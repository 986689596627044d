/* ONNX's elementwise operators to rows. */
#include "import/onnx/lower.h"
#include "op/elementwise.h"

#include <string.h>

/* Emits a row of one output with a kind; bind runs its rule and makes it output 0 of the node. */
static sg_nid start(sg_onnx_node *n, sg_op_id row, int64_t kind, const sg_vid *ins, int n_in)
{
    sg_nid node = sg_on_emit(n, row, ins, n_in, 1);
    if (node && !sg_set_int(n->g, node, SG_A_kind, kind))
        return sg_fail(n->err, SEDGE_E_NOMEM, "out of memory"), SG_NONE_ID;
    return node;
}

static sedge_status bind(sg_onnx_node *n, sg_nid node)
{
    if (!node)
        return sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
    SG_TRY(sg_on_done(n, node));
    n->out[0] = sg_node_out(n->g, node, 0);
    return SEDGE_OK;
}

static sedge_status set_float(sg_onnx_node *n, sg_nid node, sg_attr_id id, double v)
{
    return node && sg_set_float(n->g, node, id, v) ? SEDGE_OK : sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
}

static sedge_status set_int(sg_onnx_node *n, sg_nid node, sg_attr_id id, int64_t v)
{
    return node && sg_set_int(n->g, node, id, v) ? SEDGE_OK : sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
}

/* ---- unary ------------------------------------------------------------------------------------------------- */

/* ONNX's defaults of alpha, beta and gamma. */
static const struct {
    const char *op;
    double alpha, beta, gamma;
} defaults[] = {
    {"LeakyRelu", 0.01f, 0, 0},
    {"Elu", 1, 0, 0},
    {"Selu", 1.67326319217681884765625, 0, 1.05070102214813232421875},
    {"Celu", 1, 0, 0},
    {"HardSigmoid", 0.2f, 0.5, 0},
    {"ThresholdedRelu", 1, 0, 0},
    {"Swish", 1, 0, 0},
    {"QuickGelu", 1.702f, 0, 0},
    {"Affine", 1, 0, 0},
    {"ScaledTanh", 1, 1, 0},
};

sedge_status sg_lower_unary(sg_onnx_node *n)
{
    sg_nid node = start(n, SG_OP_UNARY, sg_on_extra(n), n->in, n->n_in);
    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++) {
        if (strcmp(defaults[i].op, n->op_type) != 0)
            continue;
        SG_TRY(set_float(n, node, SG_A_alpha, sg_on_float(n, "alpha", defaults[i].alpha)));
        SG_TRY(set_float(n, node, SG_A_beta, sg_on_float(n, "beta", defaults[i].beta)));
        SG_TRY(set_float(n, node, SG_A_gamma, sg_on_float(n, "gamma", defaults[i].gamma)));
    }
    return bind(n, node);
}

sedge_status sg_lower_shrink(sg_onnx_node *n)
{
    sg_nid node = start(n, SG_OP_UNARY, SG_UNARY_SHRINK, n->in, n->n_in);
    SG_TRY(set_float(n, node, SG_A_alpha, sg_on_float(n, "lambd", 0.5)));
    SG_TRY(set_float(n, node, SG_A_beta, sg_on_float(n, "bias", 0)));
    return bind(n, node);
}

sedge_status sg_lower_is_inf(sg_onnx_node *n)
{
    sg_nid node = start(n, SG_OP_UNARY, SG_UNARY_IS_INF, n->in, n->n_in);
    SG_TRY(set_float(n, node, SG_A_alpha, sg_on_int(n, "detect_negative", 1) != 0));
    SG_TRY(set_float(n, node, SG_A_beta, sg_on_int(n, "detect_positive", 1) != 0));
    return bind(n, node);
}

sedge_status sg_lower_gelu(sg_onnx_node *n)
{
    static const char *const names[] = {"none", "tanh", NULL};
    int mode = sg_on_enum(n, "approximate", names, 0);
    return bind(n, start(n, SG_OP_UNARY, mode == 1 ? SG_UNARY_GELU_TANH : SG_UNARY_GELU, n->in, n->n_in));
}

/* ---- binary -------------------------------------------------------------------------------------------------- */

/* v with `count` axes of size 1 appended. */
static sg_vid trail(sg_onnx_node *n, sg_vid v, int rank, int count)
{
    int64_t axes[SG_RANK_MAX];
    for (int i = 0; i < count && i < SG_RANK_MAX; i++)
        axes[i] = rank + i;
    sg_vid a = sg_on_const_i64s(n, axes, count);
    return a ? sg_on_emit1(n, SG_OP_UNSQUEEZE, (sg_vid[]){v, a}, 2) : SG_NONE_ID;
}

/* Before opset 7 the second operand was aligned by the attributes broadcast and axis. */
static sedge_status align(sg_onnx_node *n, sg_vid in[2])
{
    const sg_type *a = sg_on_type(n, 0), *b = sg_on_type(n, 1);
    in[0] = sg_on_in(n, 0);
    in[1] = sg_on_in(n, 1);
    if (n->opset >= 7 || !a || !b || !sg_on_has(n, "axis") || !sg_on_int(n, "broadcast", 0) || a->rank < 0 || b->rank < 1)
        return SEDGE_OK;
    int axis = sg_axis(sg_on_int(n, "axis", 0), a->rank);
    int count = a->rank - axis - b->rank;
    if (axis < 0 || count < 0)
        return sg_fail(n->err, SEDGE_E_SHAPE, "axis is outside of the first operand");
    if (count)
        in[1] = trail(n, in[1], b->rank, count);
    return in[1] ? SEDGE_OK : sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
}

static sedge_status binary(sg_onnx_node *n, sg_op_id row, int64_t kind)
{
    sg_vid in[2];
    SG_TRY(align(n, in));
    return bind(n, start(n, row, kind, in, 2));
}

sedge_status sg_lower_binary(sg_onnx_node *n)
{
    return binary(n, SG_OP_BINARY, sg_on_extra(n));
}

sedge_status sg_lower_compare(sg_onnx_node *n)
{
    return binary(n, SG_OP_COMPARE, sg_on_extra(n));
}

sedge_status sg_lower_bit_shift(sg_onnx_node *n)
{
    static const char *const names[] = {"LEFT", "RIGHT", NULL};
    int side = sg_on_enum(n, "direction", names, 0);
    return binary(n, SG_OP_BINARY, side == 1 ? SG_BINARY_SHIFT_RIGHT : SG_BINARY_SHIFT_LEFT);
}

sedge_status sg_lower_mod(sg_onnx_node *n)
{
    return binary(n, SG_OP_BINARY, sg_on_int(n, "fmod", 0) ? SG_BINARY_FMOD : SG_BINARY_MOD);
}

/* A slope per channel counts from axis 1 before opset 7, and in many later files too. */
sedge_status sg_lower_prelu(sg_onnx_node *n)
{
    const sg_type *x = sg_on_type(n, 0), *s = sg_on_type(n, 1);
    sg_vid in[2] = {sg_on_in(n, 0), sg_on_in(n, 1)};
    bool channel = x && s && x->rank > 2 && s->rank == 1 && s->dim[0] != 1 && s->dim[0] == x->dim[1];
    if (channel && (n->opset < 7 || s->dim[0] != x->dim[x->rank - 1])) {
        in[1] = trail(n, in[1], 1, x->rank - 2);
        if (!in[1])
            return sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
    }
    return bind(n, start(n, SG_OP_BINARY, SG_BINARY_PRELU, in, 2));
}

/* in[0] op in[1] op ...; 0 on failure. */
static sg_vid chain(sg_onnx_node *n, int64_t kind)
{
    sg_vid v = sg_on_in(n, 0);
    for (int k = 1; k < n->n_in && v; k++) {
        sg_nid node = start(n, SG_OP_BINARY, kind, (sg_vid[]){v, n->in[k]}, 2);
        v = node && sg_on_done(n, node) == SEDGE_OK ? sg_node_out(n->g, node, 0) : SG_NONE_ID;
    }
    return v;
}

static sedge_status yield(sg_onnx_node *n, sg_vid v)
{
    n->out[0] = v;
    return v ? SEDGE_OK : sg_fail(n->err, SEDGE_E_FORMAT, "an input is missing");
}

sedge_status sg_lower_chain(sg_onnx_node *n)
{
    sg_vid v = n->n_in == 1 ? sg_on_emit1(n, SG_OP_IDENTITY, n->in, 1) : chain(n, sg_on_extra(n));
    return yield(n, v);
}

sedge_status sg_lower_mean(sg_onnx_node *n)
{
    if (n->n_in <= 1)
        return yield(n, n->n_in ? sg_on_emit1(n, SG_OP_IDENTITY, n->in, 1) : SG_NONE_ID);
    sg_vid sum = chain(n, SG_BINARY_ADD), count = sum ? sg_on_const_like(n, 0, n->n_in) : SG_NONE_ID;
    if (!count)
        return yield(n, SG_NONE_ID);
    return bind(n, start(n, SG_OP_BINARY, SG_BINARY_DIV, (sg_vid[]){sum, count}, 2));
}

/* ---- casts and the rest ---------------------------------------------------------------------------------------- */

/* extra 1: CastLike, whose second input tells the type. */
sedge_status sg_lower_cast(sg_onnx_node *n)
{
    static const char *const modes[] = {"up", "down", "nearest", NULL};
    const sg_type *like = sg_on_type(n, 1);
    sg_dtype to = sg_on_extra(n) ? (like ? (sg_dtype)like->dtype : SG_NONE) : sg_on_dtype(n, "to", SG_NONE);
    if (to == SG_NONE)
        return sg_fail(n->err, SEDGE_E_TYPE, "the target element type is not known");
    sg_nid node = sg_on_emit(n, SG_OP_CAST, n->in, n->n_in > 0 ? 1 : 0, 1);
    SG_TRY(set_int(n, node, SG_A_to, to));
    SG_TRY(set_int(n, node, SG_A_saturate, sg_on_int(n, "saturate", 1)));
    SG_TRY(set_int(n, node, SG_A_round_mode, sg_on_enum(n, "round_mode", modes, SG_ROUND_UP)));
    return bind(n, node);
}

sedge_status sg_lower_bitcast(sg_onnx_node *n)
{
    sg_nid node = sg_on_emit(n, SG_OP_BITCAST, n->in, n->n_in, 1);
    SG_TRY(set_int(n, node, SG_A_to, sg_on_dtype(n, "to", SG_NONE)));
    return bind(n, node);
}

/* Bounds were attributes before opset 11. */
sedge_status sg_lower_clip(sg_onnx_node *n)
{
    sg_vid in[3] = {sg_on_in(n, 0), sg_on_in(n, 1), sg_on_in(n, 2)};
    if (n->opset < 11) {
        in[1] = sg_on_has(n, "min") ? sg_on_const_like(n, 0, sg_on_float(n, "min", 0)) : SG_NONE_ID;
        in[2] = sg_on_has(n, "max") ? sg_on_const_like(n, 0, sg_on_float(n, "max", 0)) : SG_NONE_ID;
    }
    return bind(n, sg_on_emit(n, SG_OP_CLIP, in, 3, 1));
}

/* True unless training mode is asked for or may be. */
static bool inference(sg_onnx_node *n)
{
    int64_t count;
    if (n->opset < 12 || !sg_on_in(n, 2))
        return true;
    const sg_value *v = &n->g->value[n->in[2]];
    if (v->role == SG_CONST && v->data && v->type.dtype == SG_BOOL && v->type.rank == 0)
        return sg_load_i64(SG_BOOL, v->data, 0) == 0;
    const int64_t *mode = sg_on_const_ints(n, 2, &count);
    return mode && count == 1 && mode[0] == 0;
}

sedge_status sg_lower_dropout(sg_onnx_node *n)
{
    bool plain = inference(n), mask = n->n_out > 1 && sg_on_wants(n, 1);
    if (plain && !mask)
        return yield(n, sg_on_emit1(n, SG_OP_IDENTITY, n->in, 1));
    sg_nid node = sg_on_emit(n, SG_OP_DROPOUT, n->in, plain ? 1 : n->n_in, mask ? 2 : 1);
    if (sg_on_has(n, "seed"))
        SG_TRY(set_int(n, node, SG_A_seed, sg_on_int(n, "seed", 0)));
    SG_TRY(bind(n, node));
    if (mask)
        n->out[1] = sg_node_out(n->g, node, 1);
    return SEDGE_OK;
}

sedge_status sg_lower_range(sg_onnx_node *n)
{
    return bind(n, sg_on_emit(n, SG_OP_RANGE, n->in, n->n_in, 1));
}

sedge_status sg_lower_eye_like(sg_onnx_node *n)
{
    sg_nid node = sg_on_emit(n, SG_OP_EYE_LIKE, n->in, n->n_in, 1);
    SG_TRY(set_int(n, node, SG_A_dtype, sg_on_dtype(n, "dtype", SG_NONE)));
    SG_TRY(set_int(n, node, SG_A_k, sg_on_int(n, "k", 0)));
    return bind(n, node);
}

/* ---- random ------------------------------------------------------------------------------------------------------ */

sedge_status sg_lower_random(sg_onnx_node *n)
{
    int64_t kind = sg_on_extra(n);
    int count;
    const int64_t *shape = sg_on_ints(n, "shape", &count);
    sg_dtype def = kind == SG_RANDOM_MULTINOMIAL ? SG_I32 : n->n_in ? SG_NONE : SG_F32;
    sg_nid node = start(n, SG_OP_RANDOM, kind, n->in, n->n_in);
    SG_TRY(set_int(n, node, SG_A_dtype, sg_on_dtype(n, "dtype", def)));
    SG_TRY(set_int(n, node, SG_A_sample_size, sg_on_int(n, "sample_size", 1)));
    SG_TRY(set_float(n, node, SG_A_low, sg_on_float(n, "low", 0)));
    SG_TRY(set_float(n, node, SG_A_high, sg_on_float(n, "high", 1)));
    SG_TRY(set_float(n, node, SG_A_mean, sg_on_float(n, "mean", 0)));
    SG_TRY(set_float(n, node, SG_A_scale, sg_on_float(n, "scale", 1)));
    if (sg_on_has(n, "seed"))
        SG_TRY(set_float(n, node, SG_A_seed, sg_on_float(n, "seed", 0)));
    if (shape && !sg_set_ints(n->g, node, SG_A_shape, shape, (size_t)count))
        return sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
    return bind(n, node);
}
