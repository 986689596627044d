/* Recurrent operators. Their states are tensors that keep their values from run to run. */
#include <string.h>

#include "import/kinds.h"
#include "import/tflite/tflite.h"

enum { GATES = 4 };

/* Operand k as numbers: quantized ones by their scales, hybrid weights too. */
static sg_vid real(sg_ib *n, int k)
{
    const sg_tf_tensor *t = &sg_tf_here(n)->in[k];
    sg_vid v = sg_ib_in(n, k);
    return v && sg_tf_is_quant(t) ? sg_tf_dequant(n, v, t, t->axis) : v;
}

static sg_vid negative(sg_ib *n, sg_vid v)
{
    return v ? sg_ib_unary(n, SG_UNARY_NEG, v, 0, 0) : v;
}

/* Joined along axis 0 in the order of the row, with a first axis for the direction; absent ones by zeros like the first that is there. */
static sg_vid stacked(sg_ib *n, const sg_vid *v, int count)
{
    sg_vid part[2 * GATES], some = SG_NONE_ID;
    for (int i = 0; i < count; i++)
        some = some ? some : v[i];
    if (!some)
        return SG_NONE_ID;
    for (int i = 0; i < count; i++)
        part[i] = v[i] ? v[i] : sg_ib_binary_scalar(n, SG_BINARY_MUL, some, 0);
    return sg_ib_unsqueeze(n, sg_ib_node(n, SG_OP_CONCAT, part, count, SG_SET({SG_A_axis, .i = 0})), 0);
}

/* The words of the row for an activation of the file. */
static const char *act_word(sg_ib *n, int64_t act)
{
    static const char *const words[] = {"Affine", "Relu", NULL, NULL, "Tanh"};
    const char *w = act >= 0 && act <= 4 ? words[act] : NULL;
    if (!w)
        sg_tf_unsupported(n, "this activation");
    return w;
}

static bool set_acts(sg_ib *n, sg_nid node, const char *const *word, size_t count)
{
    sg_str s[3];
    double alpha[3];
    for (size_t i = 0; i < count; i++) {
        if (!word[i])
            return false;
        s[i] = (sg_str){word[i], strlen(word[i])};
        alpha[i] = 1;
    }
    if (node && sg_set_strs(n->g, node, SG_A_activations, s, count) &&
        sg_set_floats(n->g, node, SG_A_activation_alpha, alpha, count))
        return true;
    sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
    return false;
}

/* A bias of integers counts in units of input scale times weight scale. */
static sg_vid gate_bias(sg_ib *n, int k, int weights)
{
    const sg_tf_tensor *t = sg_tf_here(n)->in;
    return sg_ib_in(n, k) ? sg_tf_bias(n, k, &t[0], &t[weights]) : SG_NONE_ID;
}

/* State k, one row a sample, with an axis for the direction where the row has it. */
static sg_vid state(sg_ib *n, int k, int64_t axis)
{
    sg_vid v = real(n, k);
    return v ? sg_ib_unsqueeze(n, v, axis) : v;
}

/* Operand k is kept as v without the direction's axis. */
static sedge_status keep(sg_ib *n, int k, sg_vid v, int64_t axis)
{
    const sg_tf_tensor *t = &sg_tf_here(n)->in[k];
    v = sg_ib_list(n, SG_OP_SQUEEZE, v, &axis, 1);
    if (v && sg_tf_is_quant(t))
        v = sg_tf_requant(n, v, t);
    return v ? sg_tf_keep(n, k, v) : sg_ib_end(n, 0, v);
}

/* A direction of a recurrent operator: where its operands stand. */
typedef struct direction {
    int in, weights, recurrent, peephole, bias, projection, state, cell, norm; /* -1: has none */
    bool reverse;
} direction;

static bool any(const sg_ib *n, int from, int count)
{
    for (int k = from; from >= 0 && k < from + count; k++)
        if (sg_ib_in(n, k))
            return true;
    return false;
}

/* One direction of an LSTM on x; y as [.., .., hidden]. Without input gates they are what the forget gates leave: sigmoid(-x) is
 * 1 - sigmoid(x). */
static sedge_status lstm(sg_ib *n, sg_vid x, const direction *d, bool time_major, int64_t act, sg_vid *y)
{
    static const int order[GATES] = {0, 3, 1,
                                     2}; /* the row has input, output, forget, cell; the file input, forget, cell, output */
    sg_vid w[GATES], r[GATES], b[GATES], p[3] = {0};
    bool coupled = !sg_ib_in(n, d->weights);
    if (any(n, d->projection, 2) || any(n, d->norm, 4))
        return sg_tf_unsupported(n, "a projection or a normalization of layers");
    for (int i = 0; i < GATES; i++) {
        int k = coupled && order[i] == 0 ? 1 : order[i];
        w[i] = real(n, d->weights + k);
        r[i] = real(n, d->recurrent + k);
        b[i] = gate_bias(n, d->bias + k, d->weights + k);
        if (coupled && i == 0) {
            w[i] = negative(n, w[i]);
            r[i] = negative(n, r[i]);
            b[i] = negative(n, b[i]);
        }
    }
    if (any(n, d->peephole, 3)) {
        if (coupled)
            return sg_tf_unsupported(n, "peepholes without input gates");
        p[0] = real(n, d->peephole);
        p[1] = real(n, d->peephole + 2);
        p[2] = real(n, d->peephole + 1);
    }
    int64_t axis = time_major ? 0 : 1;
    sg_vid bias = stacked(n, b, GATES), h = state(n, d->state, axis), c = state(n, d->cell, axis);
    if (bias)
        bias = sg_ib_concat(n, bias, sg_ib_binary_scalar(n, SG_BINARY_MUL, bias, 0), 1);
    sg_vid in[8] = {x, stacked(n, w, GATES), stacked(n, r, GATES), bias, 0, h, c, stacked(n, p, 3)};
    sg_nid node = n->err->status == SEDGE_OK ? sg_ib_emit(n, SG_OP_LSTM, in, in[7] ? 8 : 7, 3) : 0;
    const char *g = act_word(n, act), *words[] = {"Sigmoid", g, g}, *dir = d->reverse ? "reverse" : "forward";
    if (!node || !set_acts(n, node, words, 3) || !sg_ib_set(n, node, SG_A_layout, !time_major))
        return n->err->status;
    if (!sg_set_str(n->g, node, SG_A_direction, dir, strlen(dir)) ||
        !sg_set_float(n->g, node, SG_A_cell_clip, sg_tf_f32(n, SG_TF_LSTM_CELL_CLIP)))
        return sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
    SG_TRY(sg_ib_done(n, node));
    const int64_t at = time_major ? 1 : 2;
    SG_TRY(keep(n, d->state, sg_node_out(n->g, node, 1), axis));
    SG_TRY(keep(n, d->cell, sg_node_out(n->g, node, 2), axis));
    *y = sg_ib_list(n, SG_OP_SQUEEZE, sg_node_out(n->g, node, 0), &at, 1);
    return *y ? SEDGE_OK : sg_ib_end(n, 0, *y);
}

static sedge_status finish(sg_ib *n, int k, sg_vid v)
{
    const sg_tf_tensor *t = &sg_tf_here(n)->out[k];
    return sg_ib_end(n, k, v && sg_tf_is_quant(t) ? sg_tf_requant(n, v, t) : v);
}

/* extra 0: a sequence; 1: one step. */
sedge_status sg_tf_lstm(sg_ib *n)
{
    static const direction d = {0, 1, 5, 9, 12, 16, 18, 19, 20, false};
    bool step = sg_tf_extra(n) == 1;
    sg_vid y = SG_NONE_ID, x = real(n, 0);
    SG_TRY(sg_ib_need(n, 1));
    if (step && sg_tf_int(n, SG_TF_LSTM_BASIC))
        return sg_tf_unsupported(n, "the basic kernel");
    if (step)
        x = sg_ib_unsqueeze(n, x, 0);
    SG_TRY(lstm(n, x, &d, step || sg_tf_int(n, SG_TF_LSTM_TIME_MAJOR), sg_tf_int(n, SG_TF_ACT_0), &y));
    return finish(n, 0, step ? sg_ib_list(n, SG_OP_SQUEEZE, y, (const int64_t[]){0}, 1) : y);
}

/* Both directions: two results, or one that joins them. */
sedge_status sg_tf_bidirectional_lstm(sg_ib *n)
{
    static const direction d[2] = {{0, 1, 5, 9, 12, 16, 35, 36, -1, false}, {0, 18, 22, 26, 29, 33, 37, 38, -1, true}};
    bool time_major = sg_tf_int(n, SG_TF_BI_TIME_MAJOR) != 0, merged = sg_tf_int(n, SG_TF_BI_MERGE) != 0;
    sg_vid y[2] = {0}, x = real(n, 0);
    SG_TRY(sg_ib_need(n, 1));
    if (any(n, 39, 9))
        return sg_tf_unsupported(n, "an auxiliary input");
    for (int i = 0; i < 2; i++)
        SG_TRY(lstm(n, x, &d[i], time_major, sg_tf_int(n, SG_TF_ACT_0), &y[i]));
    if (merged)
        return finish(n, 0, sg_ib_concat(n, y[0], y[1], 2));
    SG_TRY(finish(n, 0, y[0]));
    return finish(n, 1, y[1]);
}

/* One direction of a plain network: operands w, r, b and the state from `at` on. */
static sedge_status rnn(sg_ib *n, sg_vid x, int at, bool reverse, bool time_major, int64_t act, sg_vid *y)
{
    int64_t axis = time_major ? 0 : 1, drop = time_major ? 1 : 2;
    sg_vid w = real(n, at), r = real(n, at + 1), b = real(n, at + 2);
    sg_vid bias = b ? sg_ib_unsqueeze(n, sg_ib_concat(n, b, sg_ib_binary_scalar(n, SG_BINARY_MUL, b, 0), 0), 0) : b;
    if (!w || !r)
        return sg_ib_end(n, 0, SG_NONE_ID);
    sg_vid in[6] = {x, sg_ib_unsqueeze(n, w, 0), sg_ib_unsqueeze(n, r, 0), bias, 0, state(n, at + 3, axis)};
    sg_nid node = n->err->status == SEDGE_OK ? sg_ib_emit(n, SG_OP_RNN, in, 6, 2) : 0;
    const char *word = act_word(n, act), *dir = reverse ? "reverse" : "forward";
    if (!node || !set_acts(n, node, &word, 1) || !sg_ib_set(n, node, SG_A_layout, !time_major))
        return n->err->status;
    if (!sg_set_str(n->g, node, SG_A_direction, dir, strlen(dir)))
        return sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
    SG_TRY(sg_ib_done(n, node));
    SG_TRY(keep(n, at + 3, sg_node_out(n->g, node, 1), axis));
    *y = sg_ib_list(n, SG_OP_SQUEEZE, sg_node_out(n->g, node, 0), &drop, 1);
    return *y ? SEDGE_OK : sg_ib_end(n, 0, *y);
}

/* extra 0: a sequence; 1: one step. */
sedge_status sg_tf_rnn(sg_ib *n)
{
    bool step = sg_tf_extra(n) == 1;
    sg_vid y = SG_NONE_ID;
    SG_TRY(sg_ib_need(n, 3));
    sg_vid x = step ? sg_ib_unsqueeze(n, real(n, 0), 0) : real(n, 0);
    SG_TRY(rnn(n, x, 1, false, step || sg_tf_int(n, SG_TF_RNN_TIME_MAJOR), sg_tf_int(n, step ? SG_TF_ACT_0 : SG_TF_ACT_1), &y));
    return finish(n, 0, step ? sg_ib_list(n, SG_OP_SQUEEZE, y, (const int64_t[]){0}, 1) : y);
}

sedge_status sg_tf_bidirectional_rnn(sg_ib *n)
{
    bool time_major = sg_tf_int(n, SG_TF_RNN_TIME_MAJOR) != 0;
    sg_vid y[2] = {0};
    SG_TRY(sg_ib_need(n, 3));
    if (any(n, 9, 3))
        return sg_tf_unsupported(n, "an auxiliary input");
    for (int i = 0; i < 2; i++)
        SG_TRY(rnn(n, real(n, 0), 1 + 4 * i, i == 1, time_major, sg_tf_int(n, SG_TF_ACT_1), &y[i]));
    if (sg_tf_int(n, SG_TF_BI_RNN_MERGE))
        return finish(n, 0, sg_ib_concat(n, y[0], y[1], 2));
    SG_TRY(finish(n, 0, y[0]));
    return finish(n, 1, y[1]);
}

/* A filter over time of rank-one features (Alvarez and Park, 2016). Operands: x [batch, in], features [units * rank, in], weights over time
 * [units * rank, memory], bias, and the state: the last features. */
sedge_status sg_tf_svdf(sg_ib *n)
{
    int64_t rank = sg_tf_int(n, SG_TF_SVDF_RANK);
    SG_TRY(sg_ib_need(n, 3));
    const sg_type *t = sg_ib_type(n, n->in[2]);
    sg_vid x = real(n, 0), w = real(n, 1), time = real(n, 2), old = real(n, 4);
    if (t->rank != 2 || sg_dim_is_expr(t->dim[0]) || sg_dim_is_expr(t->dim[1]) || rank < 1 || t->dim[0] % rank || !old)
        return sg_fail(n->err, SEDGE_E_SHAPE, "a filter of rank %lld does not fit its operands", (long long)rank);
    int64_t filters = t->dim[0], memory = t->dim[1];
    sg_vid f = sg_ib_unsqueeze(n, sg_ib_node(n, SG_OP_GEMM, SG_INS(x, w), SG_SET({SG_A_transB, .i = 1})), 2);
    old = sg_ib_reshape(n, old, (const int64_t[]){-1, filters, memory}, 3);
    sg_vid now = sg_ib_concat(n, sg_ib_slice(n, old, 2, 1, memory), f, 2);
    sg_vid y = sg_ib_reduce(n, SG_REDUCE_SUM, sg_ib_binary(n, SG_BINARY_MUL, now, time), 2, false);
    y = sg_ib_reduce(n, SG_REDUCE_SUM, sg_ib_reshape(n, y, (const int64_t[]){-1, filters / rank, rank}, 3), 2, false);
    sg_vid bias = real(n, 3);
    if (bias && sg_ib_type(n, bias)->dtype != SG_F32)
        return sg_tf_unsupported(n, "a bias of integers");
    y = sg_tf_result(n, 0, sg_ib_add_maybe(n, y, bias));
    sg_vid flat = sg_ib_reshape(n, now, (const int64_t[]){-1, filters * memory}, 2);
    const sg_tf_tensor *kept = &sg_tf_here(n)->in[4];
    SG_TRY(sg_tf_keep(n, 4, flat && sg_tf_is_quant(kept) ? sg_tf_requant(n, flat, kept) : flat));
    return sg_ib_end(n, 0, y);
}
