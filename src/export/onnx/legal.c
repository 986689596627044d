/* Rows that ONNX has no single operator for, as several nodes of rows that it has. Each takes the place of its node in the graph. */
#include <string.h>

#include "export/onnx/write.h"
#include "import/build.h"
#include "import/kinds.h"
#include "ir/schema.h"
#include "op/window.h"

#define SWISH_SINCE 24

/* The graph in hand and the node that goes; after a failure `bad` is set and makers give 0. */
typedef struct spot {
    sg_graph *g;
    sg_nid at;
    int64_t opset; /* of the source, 0: not ONNX */
    sg_err *err;
    bool bad;
} spot;

static const sg_type *type_of(const spot *s, sg_vid v)
{
    return &s->g->value[v].type;
}

/* A node before the one in hand. */
static sg_nid add_wide(spot *s, sg_op_id row, const sg_vid *in, int n_in, int n_out)
{
    sg_nid id = s->bad ? 0 : sg_node_new(s->g, &sg_ops[row], in, n_in, n_out, s->at);
    s->bad = s->bad || !id;
    return id;
}

static sg_nid add(spot *s, sg_op_id row, const sg_vid *in, int n_in)
{
    return add_wide(s, row, in, n_in, 1);
}

static sg_vid done(spot *s, sg_nid id)
{
    s->bad = s->bad || !id || sg_infer_node(s->g, id, s->err) != SEDGE_OK;
    return s->bad ? SG_NONE_ID : sg_node_out(s->g, id, 0);
}

static sg_vid unary(spot *s, int kind, sg_vid x, const sg_fn_params *p)
{
    sg_nid id = add(s, SG_OP_UNARY, &x, 1);
    s->bad = s->bad || !sg_set_int(s->g, id, SG_A_kind, kind);
    if (p && !s->bad)
        s->bad = !sg_set_float(s->g, id, SG_A_alpha, p->alpha) || !sg_set_float(s->g, id, SG_A_beta, p->beta) ||
                 !sg_set_float(s->g, id, SG_A_gamma, p->gamma);
    return done(s, id);
}

/* A row of two operands and a kind. */
static sg_vid pair(spot *s, sg_op_id row, int kind, sg_vid a, sg_vid b)
{
    sg_nid id = add(s, row, SG_INS(a, b));
    s->bad = s->bad || !sg_set_int(s->g, id, SG_A_kind, kind);
    return done(s, id);
}

static sg_vid binary(spot *s, int kind, sg_vid a, sg_vid b)
{
    return pair(s, SG_OP_BINARY, kind, a, b);
}

static sg_vid turned(spot *s, sg_vid x, const int64_t *perm, int rank)
{
    sg_nid id = add(s, SG_OP_TRANSPOSE, &x, 1);
    s->bad = s->bad || !sg_set_ints(s->g, id, SG_A_perm, perm, (size_t)rank);
    return done(s, id);
}

static sg_vid scalar(spot *s, sg_vid like, double v)
{
    sg_vid c = s->bad ? SG_NONE_ID : sg_const_f64(s->g, (sg_dtype)type_of(s, like)->dtype, v);
    s->bad = s->bad || !c;
    return c;
}

static sg_vid cast(spot *s, sg_vid x, sg_dtype to)
{
    sg_nid id = add(s, SG_OP_CAST, &x, 1);
    s->bad = s->bad || !sg_set_int(s->g, id, SG_A_to, to);
    return done(s, id);
}

/* The node in hand on other operands; its attributes may still be changed. */
static sg_nid again(spot *s, const sg_vid *in, int n_in)
{
    const sg_op *op = s->g->node[s->at].op;
    sg_nid id = add_wide(s, (sg_op_id)(op - sg_ops), in, n_in, s->g->node[s->at].n_out);
    const sg_node *n = &s->g->node[s->at];
    sg_attr *copy = s->bad ? NULL : sg_arena_dup(s->g->arena, n->attr, n->n_attr * sizeof *n->attr);
    s->bad = s->bad || !copy;
    if (!s->bad) {
        s->g->node[id].attr = copy;
        s->g->node[id].name = n->name;
        s->g->node[id].source = n->source;
    }
    return id;
}

/* An attribute is not set any more. */
static void forget(spot *s, sg_nid id, sg_attr_id attr)
{
    for (int i = 0; !s->bad && i < s->g->node[id].n_attr; i++)
        if (s->g->node[id].attr[i].id == attr)
            sg_schema_default(s->g->node[id].op, i, &s->g->node[id].attr[i]);
}

/* y takes the place of output 0. */
static void end(spot *s, sg_vid y)
{
    if (s->bad)
        return;
    sg_vid old = sg_node_out(s->g, s->at, 0);
    s->g->value[y].name = s->g->value[old].name;
    sg_value_replace(s->g, old, y);
    sg_node_delete(s->g, s->at);
}

/* ---- the rows ---- */

/* A convolution to whose result something is added, and that ends in a function. */
static void conv_part(spot *s)
{
    const sg_node *n = &s->g->node[s->at];
    sg_attrs a = {n->attr, n->n_attr};
    sg_fn_params p;
    int64_t act = sg_get_int(a, SG_A_activation), kind = sg_act_kind(a, &p);
    double low = sg_get_float(a, SG_A_low), high = sg_get_float(a, SG_A_high);
    const sg_vid in[] = {sg_node_in(s->g, s->at, 0), sg_node_in(s->g, s->at, 1), sg_node_in(s->g, s->at, 2)};
    sg_vid more = sg_node_in(s->g, s->at, 3);
    if (act == SG_ACT_NONE && !more)
        return;
    sg_nid id = again(s, in, 3);
    s->bad = s->bad || !sg_set_int(s->g, id, SG_A_activation, SG_ACT_NONE);
    sg_vid y = done(s, id);
    if (more)
        y = binary(s, SG_BINARY_ADD, y, more);
    if (act == SG_ACT_BOUNDS)
        y = done(s, add(s, SG_OP_CLIP, SG_INS(y, scalar(s, y, low), scalar(s, y, high))));
    else if (act != SG_ACT_NONE)
        y = unary(s, (int)kind, y, &p);
    end(s, y);
}

/* "Same" padding as numbers, beside dilations: engines exist that refuse the two together. Where sizes are not numbers it stays. */
static void same_pads(spot *s)
{
    const sg_node *n = &s->g->node[s->at];
    const sg_attrs a = {n->attr, n->n_attr};
    const sg_type x = *type_of(s, sg_node_in(s->g, s->at, 0)), w = *type_of(s, sg_node_in(s->g, s->at, 1));
    int64_t mode = sg_get_int(a, SG_A_auto_pad), pads[2 * SG_RANK_MAX];
    int n_strides, n_dilations, spatial = x.rank - 2;
    const int64_t *strides = sg_get_ints(a, SG_A_strides, &n_strides), *dilations = sg_get_ints(a, SG_A_dilations, &n_dilations);
    bool dilated = false;
    for (int i = 0; i < n_dilations; i++)
        dilated = dilated || dilations[i] != 1;
    if ((mode != SG_PAD_SAME_UPPER && mode != SG_PAD_SAME_LOWER) || !dilated || w.rank != x.rank || n_dilations != spatial)
        return;
    for (int i = 0; i < spatial; i++) {
        int64_t in = x.dim[2 + i], stride = n_strides == spatial ? strides[i] : 1, reach = (w.dim[2 + i] - 1) * dilations[i] + 1;
        if (sg_dim_is_expr(in) || sg_dim_is_expr(w.dim[2 + i]) || stride < 1)
            return;
        int64_t total = ((in + stride - 1) / stride - 1) * stride + reach - in;
        total = total > 0 ? total : 0;
        pads[i] = mode == SG_PAD_SAME_UPPER ? total / 2 : total - total / 2;
        pads[spatial + i] = total - pads[i];
    }
    s->bad = !sg_set_ints(s->g, s->at, SG_A_pads, pads, (size_t)(2 * spatial)) || !sg_set_int(s->g, s->at, SG_A_auto_pad, 0);
}

/* Integers of constants are cast here: shapes and the like should be constants to those who read them. */
static void cast_constant(spot *s)
{
    const sg_value *x = &s->g->value[sg_node_in(s->g, s->at, 0)];
    const sg_type from = x->type;
    const void *data = x->data;
    sg_dtype to = (sg_dtype)sg_get_int((sg_attrs){s->g->node[s->at].attr, s->g->node[s->at].n_attr}, SG_A_to);
    int64_t n = x->role == SG_CONST ? sg_d_numel(&from) : -1;
    if (n < 0 || n > SG_CONTENT_MAX || (to != SG_I64 && to != SG_I32) || (from.dtype != SG_I64 && from.dtype != SG_I32))
        return;
    void *out = sg_arena_alloc(s->g->arena, sg_dtype_bytes(to, (size_t)n) + 1);
    for (int64_t i = 0; out && i < n; i++)
        sg_store_i64(to, out, (size_t)i, sg_load_i64((sg_dtype)from.dtype, data, (size_t)i));
    sg_vid c = out ? sg_const_new(s->g, to, from.rank, from.dim, out, NULL) : SG_NONE_ID;
    s->bad = !c;
    for (size_t i = 0; i < s->g->n_output; i++)
        if (s->g->output[i] == sg_node_out(s->g, s->at, 0))
            return; /* an output is made by a node */
    end(s, c);
}

/* Sizes of some axes as sizes of all, where those are numbers: engines exist that lose their way when only some are given. */
static void resize_whole(spot *s)
{
    const sg_attrs a = {s->g->node[s->at].attr, s->g->node[s->at].n_attr};
    const sg_type x = *type_of(s, sg_node_in(s->g, s->at, 0));
    const sg_value *sizes = &s->g->value[sg_node_in(s->g, s->at, 3)];
    int n_axes;
    const int64_t *axes = sg_get_ints(a, SG_A_axes, &n_axes);
    int64_t whole[SG_RANK_MAX];
    if (!axes || sizes->role != SG_CONST || sg_d_numel(&sizes->type) != n_axes || sg_d_numel(&x) < 0 ||
        sg_get_int(a, SG_A_keep_aspect_ratio_policy) != SG_ASPECT_STRETCH || sg_node_in(s->g, s->at, 1))
        return;
    memcpy(whole, x.dim, sizeof whole);
    for (int i = 0; i < n_axes; i++) {
        int axis = sg_axis(axes[i], x.rank);
        if (axis < 0)
            return;
        whole[axis] = sg_load_i64((sg_dtype)sizes->type.dtype, sizes->data, (size_t)i);
    }
    const sg_vid in[] = {sg_node_in(s->g, s->at, 0), 0, 0, sg_const_i64(s->g, whole, x.rank, 1)};
    sg_nid id = again(s, in, 4);
    forget(s, id, SG_A_axes);
    end(s, done(s, id));
}

/* Averages of integers are rounded half away from zero; ONNX has those of floats. Sums of 8 bits are exact in f32 up to windows of
 * 2^15 elements, and what a quotient of such sums is beside a half as well. */
static void pool_average(spot *s)
{
    sg_attrs a = {s->g->node[s->at].attr, s->g->node[s->at].n_attr};
    sg_vid x = sg_node_in(s->g, s->at, 0);
    sg_dtype t = (sg_dtype)type_of(s, x)->dtype;
    if (sg_get_int(a, SG_A_kind) != SG_POOL_AVERAGE || !sg_q_is_8bit(t))
        return;
    sg_vid wide = cast(s, x, SG_F32), y = done(s, again(s, &wide, 1));
    sg_vid size = binary(s, SG_BINARY_ADD, unary(s, SG_UNARY_ABS, y, NULL), scalar(s, y, 0.5));
    y = binary(s, SG_BINARY_MUL, unary(s, SG_UNARY_FLOOR, size, NULL), unary(s, SG_UNARY_SIGN, y, NULL));
    end(s, cast(s, y, t));
}

/* a x + b, and x sigmoid(a x) where Swish would be younger than the source. */
static void unary_spell(spot *s)
{
    sg_attrs a = {s->g->node[s->at].attr, s->g->node[s->at].n_attr};
    double alpha = sg_get_float(a, SG_A_alpha), beta = sg_get_float(a, SG_A_beta);
    int64_t kind = sg_get_int(a, SG_A_kind);
    sg_vid x = sg_node_in(s->g, s->at, 0), y = x;
    if (kind != SG_UNARY_LINEAR && (kind != SG_UNARY_SWISH || s->opset >= SWISH_SINCE))
        return;
    if (alpha != 1)
        y = binary(s, SG_BINARY_MUL, x, scalar(s, x, alpha));
    if (kind == SG_UNARY_LINEAR)
        end(s, binary(s, SG_BINARY_ADD, y, scalar(s, x, beta)));
    else
        end(s, binary(s, SG_BINARY_MUL, x, unary(s, SG_UNARY_SIGMOID, y, NULL)));
}

/* The type of the result is that of the zero point: so older opsets and other engines say it. */
static void quantize_zero(spot *s)
{
    const sg_node *n = &s->g->node[s->at];
    const sg_type scale = *type_of(s, sg_node_in(s->g, s->at, 1));
    sg_attrs a = {n->attr, n->n_attr};
    sg_dtype t = (sg_dtype)type_of(s, n->out[0])->dtype;
    int64_t count = sg_d_numel(&scale);
    if (sg_node_in(s->g, s->at, 2) || t == SG_U8 || count < 0) {
        if (sg_node_in(s->g, s->at, 2) && sg_get_int(a, SG_A_output_dtype) == (int64_t)t)
            s->bad = !sg_set_int(s->g, s->at, SG_A_output_dtype, 0);
        return;
    }
    void *zeros = sg_arena_alloc(s->g->arena, sg_dtype_bytes(t, (size_t)count) + 1);
    sg_vid zero = zeros ? sg_const_new(s->g, t, scale.rank, scale.dim, zeros, NULL) : SG_NONE_ID;
    const sg_vid in[] = {sg_node_in(s->g, s->at, 0), sg_node_in(s->g, s->at, 1), zero};
    s->bad = !zero;
    sg_nid id = again(s, in, 3);
    s->bad = s->bad || !sg_set_int(s->g, id, SG_A_output_dtype, 0);
    end(s, done(s, id));
}

/* Without sizes and without a count, the results tell how many there are; ONNX wants the count said. */
static void split_count(spot *s)
{
    const sg_node *n = &s->g->node[s->at];
    const sg_attrs a = {n->attr, n->n_attr};
    if (sg_node_in(s->g, s->at, 1))
        forget(s, s->at, SG_A_num_outputs);
    else if (!sg_get_int(a, SG_A_num_outputs))
        s->bad = !sg_set_int(s->g, s->at, SG_A_num_outputs, n->n_out);
}

/* The size that the recurrent weights tell. */
static void recurrent_size(spot *s)
{
    const sg_node *n = &s->g->node[s->at];
    const sg_type *r = type_of(s, sg_node_in(s->g, s->at, 2));
    if (!sg_attr_is_set((sg_attrs){n->attr, n->n_attr}, SG_A_hidden_size) && r->rank == 3 && !sg_dim_is_expr(r->dim[2]))
        s->bad = !sg_set_int(s->g, s->at, SG_A_hidden_size, r->dim[2]);
}

/* Batches first, as turns of the axes around the other layout, which every engine has. */
static void recurrent_layout(spot *s)
{
    static const int64_t swap[] = {1, 0, 2}, steps[] = {2, 0, 1, 3};
    enum { OPERANDS = 8 };
    const sg_attrs a = {s->g->node[s->at].attr, s->g->node[s->at].n_attr};
    sg_vid in[OPERANDS];
    int n_in = s->g->node[s->at].n_in, n_out = s->g->node[s->at].n_out;
    if (sg_get_int(a, SG_A_layout) != 1)
        return;
    for (int k = 0; k < n_in; k++) {
        in[k] = sg_node_in(s->g, s->at, k);
        if (in[k] && (k == 0 || k == 5 || k == 6)) /* x, first h, first c */
            in[k] = turned(s, in[k], swap, 3);
    }
    sg_nid id = again(s, in, n_in);
    forget(s, id, SG_A_layout);
    done(s, id);
    for (int k = 0; k < n_out && !s->bad; k++) {
        sg_vid old = sg_node_out(s->g, s->at, k), v = sg_node_out(s->g, id, k);
        sg_vid y = old ? turned(s, v, k ? swap : steps, k ? 3 : 4) : SG_NONE_ID;
        if (s->bad || !old)
            continue;
        s->g->value[y].name = s->g->value[old].name;
        sg_value_replace(s->g, old, y);
    }
    if (!s->bad)
        sg_node_delete(s->g, s->at);
}

/* The remainder with the divisor's sign, which ONNX has of integers alone. */
static void float_mod(spot *s)
{
    sg_attrs a = {s->g->node[s->at].attr, s->g->node[s->at].n_attr};
    sg_vid x = sg_node_in(s->g, s->at, 0), y = sg_node_in(s->g, s->at, 1);
    if (sg_get_int(a, SG_A_kind) != SG_BINARY_MOD || !sg_is_float((sg_dtype)type_of(s, x)->dtype))
        return;
    sg_vid r = binary(s, SG_BINARY_FMOD, x, y), zero = scalar(s, x, 0);
    sg_vid apart = pair(s, SG_OP_BINARY, SG_BINARY_XOR, pair(s, SG_OP_COMPARE, SG_COMPARE_LESS, r, zero),
                        pair(s, SG_OP_COMPARE, SG_COMPARE_LESS, y, zero));
    sg_vid none = pair(s, SG_OP_COMPARE, SG_COMPARE_EQUAL, r, zero);
    sg_vid keep = done(s, add(s, SG_OP_WHERE, SG_INS(none, r, binary(s, SG_BINARY_ADD, r, y))));
    end(s, done(s, add(s, SG_OP_WHERE, SG_INS(apart, keep, r))));
}

/* Padding that mirrors the edge too, axis by axis: the elements that stand there, by number. */
static void pad_symmetric(spot *s)
{
    const sg_attrs a = {s->g->node[s->at].attr, s->g->node[s->at].n_attr};
    sg_vid x = sg_node_in(s->g, s->at, 0);
    const sg_type t = *type_of(s, x);
    const sg_value *pads = &s->g->value[sg_node_in(s->g, s->at, 1)];
    int64_t from[SG_RANK_MAX], to[SG_RANK_MAX];
    if (strcmp(sg_get_str(a, SG_A_mode), "symmetric") != 0)
        return;
    s->bad = sg_d_numel(&t) < 0 || pads->role != SG_CONST || sg_d_numel(&pads->type) != 2 * t.rank || sg_node_in(s->g, s->at, 3);
    for (int i = 0; !s->bad && i < t.rank; i++) {
        from[i] = sg_load_i64((sg_dtype)pads->type.dtype, pads->data, (size_t)i);
        to[i] = sg_load_i64((sg_dtype)pads->type.dtype, pads->data, (size_t)(t.rank + i));
        s->bad = from[i] < 0 || to[i] < 0 || from[i] > t.dim[i] || to[i] > t.dim[i];
    }
    if (s->bad) {
        sg_fail(s->err, SEDGE_E_UNSUPPORTED, "ONNX's Pad has no mode symmetric");
        return;
    }
    for (int i = 0; i < t.rank && !s->bad; i++) {
        int64_t n = t.dim[i], count = n + from[i] + to[i], *index = sg_arena_array(s->g->arena, (size_t)count + 1, sizeof *index);
        if (!from[i] && !to[i])
            continue;
        for (int64_t k = 0; index && k < count; k++) {
            int64_t at = k - from[i];
            index[k] = at < 0 ? -at - 1 : at >= n ? 2 * n - at - 1 : at;
        }
        sg_vid c = index ? sg_const_new(s->g, SG_I64, 1, &count, index, NULL) : SG_NONE_ID;
        sg_nid id = add(s, SG_OP_GATHER, SG_INS(x, c));
        s->bad = s->bad || !c || !sg_set_int(s->g, id, SG_A_axis, i);
        x = done(s, id);
    }
    end(s, x == sg_node_in(s->g, s->at, 0) ? done(s, add(s, SG_OP_IDENTITY, &x, 1)) : x);
}

static const struct {
    sg_op_id row;
    void (*make)(spot *s);
} rules[] = {
    {SG_OP_CONV, same_pads},       {SG_OP_CONV, conv_part},        {SG_OP_POOL, pool_average},      {SG_OP_UNARY, unary_spell},
    {SG_OP_CAST, cast_constant},   {SG_OP_RESIZE, resize_whole},   {SG_OP_QUANTIZE, quantize_zero}, {SG_OP_SPLIT, split_count},
    {SG_OP_RNN, recurrent_size},   {SG_OP_GRU, recurrent_size},    {SG_OP_LSTM, recurrent_size},    {SG_OP_RNN, recurrent_layout},
    {SG_OP_GRU, recurrent_layout}, {SG_OP_LSTM, recurrent_layout}, {SG_OP_BINARY, float_mod},       {SG_OP_PAD, pad_symmetric},
};

static bool read(const sg_graph *g, sg_vid v)
{
    bool out = g->value[v].n_uses > 0;
    for (size_t i = 0; i < g->n_output && !out; i++)
        out = g->output[i] == v;
    return out;
}

/* Nodes and trailing results that nobody reads are left out: lowerings made them for cases that are not this one, and engines exist
 * that take a result which is named for one that is wanted. */
static void drop_unread(sg_graph *g)
{
    for (sg_nid id = g->node[0].prev, before; id; id = before) {
        sg_node *n = &g->node[id];
        int least = n->op->max_out == 255 ? n->n_out : n->op->min_out;
        bool any = false;
        before = n->prev;
        for (int k = 0; k < n->n_out; k++)
            any = any || (n->out[k] && read(g, n->out[k]));
        while (n->n_out > least && !(n->out[n->n_out - 1] && read(g, n->out[n->n_out - 1])))
            n->n_out--;
        if (!any)
            sg_node_delete(g, id);
    }
}

sedge_status sg_ow_legalize(sg_graph *g, int64_t opset, sg_err *err)
{
    drop_unread(g);
    for (sg_nid id = g->node[0].next, next; id; id = next) {
        spot s = {g, id, opset, err, false};
        next = g->node[id].next;
        for (int k = 0; k < g->node[id].n_region; k++)
            if (g->node[id].region[k])
                SG_TRY(sg_ow_legalize(g->node[id].region[k], opset, err));
        for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
            if (g->node[id].op == &sg_ops[rules[i].row])
                rules[i].make(&s);
        if (s.bad) {
            sg_fail(err, SEDGE_E_NOMEM, "out of memory");
            return sg_ow_blame(g, id, err);
        }
    }
    return SEDGE_OK;
}
