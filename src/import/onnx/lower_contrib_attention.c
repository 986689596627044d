/* com.microsoft's attention dialects, all to the one attention row. */
#include <string.h>

#include "import/onnx/lower.h"
#include "op/elementwise.h"

static const int64_t merge_heads[] = {0, 0, -1}; /* [B,S,H,D] to [B,S,H*D] */

/* Dim `axis` of v where a number is needed; -1: error recorded. */
static int64_t need_dim(sg_onnx_node *n, sg_vid v, int axis, const char *what)
{
    const sg_type *t = v ? sg_ib_type(n, v) : NULL;
    if (t && axis < t->rank && !sg_dim_is_expr(t->dim[axis]) && t->dim[axis] > 0)
        return t->dim[axis];
    sg_fail(n->err, SEDGE_E_UNSUPPORTED, "%s must be known at import", what);
    return -1;
}

static int rank_of(const sg_onnx_node *n, sg_vid v)
{
    return v ? sg_ib_type(n, v)->rank : 0;
}

/* [B,H,S,D] of [B,S,H*D]. */
static sg_vid heads_first(sg_onnx_node *n, sg_vid x, int64_t heads)
{
    static const int64_t perm[] = {0, 2, 1, 3};
    int64_t dim[] = {0, 0, heads, -1};
    return sg_ib_transpose(n, sg_ib_reshape(n, x, dim, 4), perm, 4);
}

static sg_vid heads_merge(sg_onnx_node *n, sg_vid x)
{
    static const int64_t perm[] = {0, 2, 1, 3};
    return sg_ib_reshape(n, sg_ib_transpose(n, x, perm, 4), merge_heads, 3);
}

/* ---- masks: what is added to the scores ------------------------------------------------------------ */

/* (1 - keep) * value, of the type of the scores. */
static sg_vid keep_to_bias(sg_onnx_node *n, sg_vid keep, sg_dtype type, double value)
{
    sg_vid k = sg_ib_cast(n, keep, type);
    return sg_ib_unary(n, SG_UNARY_LINEAR, k, -value, value);
}

/* A padding mask as [B,1,1|S,T]: 1 for keys that count. m is [B,T], [B,S,T], [B,1,S,T], or lengths [B] of `total`
 * keys. */
static sg_vid padding_bias(sg_onnx_node *n, sg_vid m, sg_vid total, sg_dtype type)
{
    double value = sg_on_float(n, "mask_filter_value", -10000);
    int rank = rank_of(n, m);
    if (rank == 1) {
        static const int64_t column[] = {-1, 1};
        sg_vid lengths = sg_ib_reshape(n, sg_ib_cast(n, m, SG_I64), column, 2);
        m = sg_ib_compare(n, SG_COMPARE_LESS, sg_ib_iota(n, total), lengths);
    }
    if (rank == 1 || rank == 2)
        m = sg_ib_unsqueeze(n, m, 1);
    if (rank >= 1 && rank <= 3)
        m = sg_ib_unsqueeze(n, m, 1);
    if (rank < 1 || rank > 4)
        sg_fail(n->err, SEDGE_E_UNSUPPORTED, "a mask of rank %d", rank);
    return rank < 1 || rank > 4 ? SG_NONE_ID : keep_to_bias(n, m, type, value);
}

/* Both biases, where each may be absent: an absent operand gives the other. */
static sg_vid both(sg_onnx_node *n, sg_vid a, sg_vid b)
{
    return a ? sg_ib_add_maybe(n, a, b) : b;
}

/* ---- Attention: projections inside ------------------------------------------------------------------ */

typedef struct sizes {
    int64_t heads, q, k, v; /* widths of the three projections */
} sizes;

static sedge_status sizes_read(sg_onnx_node *n, sizes *s)
{
    int count;
    const int64_t *list = sg_on_ints(n, "qkv_hidden_sizes", &count);
    int64_t total = need_dim(n, n->in[1], 1, "the width of the weights");
    s->heads = sg_on_int(n, "num_heads", 0);
    s->q = list && count == 3 ? list[0] : total / 3;
    s->k = list && count == 3 ? list[1] : total / 3;
    s->v = list && count == 3 ? list[2] : total / 3;
    if (total < 0)
        return n->err->status;
    if (s->heads < 1 || s->q < 1 || s->k < 1 || s->v < 1 || s->q > total || s->k > total || s->v > total ||
        s->q + s->k + s->v != total)
        return sg_fail(n->err, SEDGE_E_FORMAT, "bad number of heads or hidden sizes");
    return SEDGE_OK;
}

sedge_status sg_lower_ms_attention(sg_onnx_node *n)
{
    sizes s;
    sg_vid out[3];
    SG_TRY(sg_ib_need(n, 2));
    SG_TRY(sizes_read(n, &s));
    if (sg_on_int(n, "do_rotary", 0))
        return sg_fail(n->err, SEDGE_E_UNSUPPORTED, "do_rotary");
    sg_vid x = sg_ib_add_maybe(n, sg_ib_emit1(n, SG_OP_MATMUL, n->in, 2), sg_ib_in(n, 2)), past = sg_ib_in(n, 4);
    sg_dtype type = (sg_dtype)sg_ib_in_type(n, 0)->dtype;
    sg_ib_attention a = {.q = sg_ib_slice(n, x, 2, 0, s.q),
                         .k = sg_ib_slice(n, x, 2, s.q, s.q + s.k),
                         .v = sg_ib_slice(n, x, 2, s.q + s.k, s.q + s.k + s.v),
                         .q_heads = s.heads,
                         .kv_heads = s.heads,
                         .window = -1,
                         .causal = sg_on_int(n, "unidirectional", 0) != 0,
                         .scale = sg_on_float(n, "scale", 0)};
    sg_vid total = sg_ib_dim(n, n->in[0], 1);
    if (past) {
        a.past_k = sg_ib_row(n, past, 0);
        a.past_v = sg_ib_row(n, past, 1);
        total = sg_ib_binary(n, SG_BINARY_ADD, total, sg_ib_dim(n, past, 3));
    }
    if (sg_ib_in(n, 3))
        a.mask = padding_bias(n, n->in[3], total, type);
    a.mask = both(n, a.mask, sg_ib_in(n, 5));
    SG_TRY(n->err->status);
    SG_TRY(sg_ib_attend(n, &a, out));
    if (n->n_out > 1)
        SG_TRY(sg_ib_end(n, 1, sg_ib_concat(n, sg_ib_unsqueeze(n, out[1], 0), sg_ib_unsqueeze(n, out[2], 0), 0)));
    return sg_ib_end(n, 0, out[0]);
}

/* ---- MultiHeadAttention ------------------------------------------------------------------------------- */

/* Item i of the axis before the last of packed [B,S,H,3|2,D], as [B,S,H*D]. */
static sg_vid unpack(sg_onnx_node *n, sg_vid x, int64_t i)
{
    return sg_ib_reshape(n, sg_ib_slice(n, x, 3, i, i + 1), merge_heads, 3);
}

static void operands_unpack(sg_onnx_node *n, sg_ib_attention *a)
{
    sg_vid q = n->in[0], k = sg_ib_in(n, 1);
    a->q = q;
    a->k = k;
    a->v = sg_ib_in(n, 2);
    if (rank_of(n, q) == 5) {
        a->q = unpack(n, q, 0);
        a->k = unpack(n, q, 1);
        a->v = unpack(n, q, 2);
    } else if (rank_of(n, k) == 5) {
        a->k = unpack(n, k, 0);
        a->v = unpack(n, k, 1);
    }
}

/* The bias of the projections: rows of q, k and v one after the other. Keys from a cache have theirs already. */
static sedge_status bias_add(sg_onnx_node *n, sg_ib_attention *a, sg_vid bias)
{
    int64_t wq = need_dim(n, a->q, 2, "the width of the queries"), all = need_dim(n, bias, 0, "the length of the bias");
    if (wq < 0 || all < 0)
        return n->err->status;
    a->q = sg_ib_add_maybe(n, a->q, sg_ib_slice(n, bias, 0, 0, wq));
    if (rank_of(n, a->k) != 3)
        return SEDGE_OK;
    int64_t wk = need_dim(n, a->k, 2, "the width of the keys");
    if (wk < 0)
        return n->err->status;
    a->k = sg_ib_add_maybe(n, a->k, sg_ib_slice(n, bias, 0, wq, wq + wk));
    a->v = sg_ib_add_maybe(n, a->v, sg_ib_slice(n, bias, 0, wq + wk, all));
    return SEDGE_OK;
}

sedge_status sg_lower_multi_head_attention(sg_onnx_node *n)
{
    sg_vid out[3];
    SG_TRY(sg_ib_need(n, 1));
    int64_t heads = sg_on_int(n, "num_heads", 0);
    sg_ib_attention a = {.q_heads = heads,
                         .kv_heads = heads,
                         .window = -1,
                         .causal = sg_on_int(n, "unidirectional", 0) != 0,
                         .scale = sg_on_float(n, "scale", 0),
                         .past_k = sg_ib_in(n, 6),
                         .past_v = sg_ib_in(n, 7)};
    if (heads < 1 || !a.past_k != !a.past_v)
        return sg_fail(n->err, SEDGE_E_FORMAT, "bad number of heads or half a cache");
    if (sg_ib_in(n, 8) || sg_ib_in(n, 9))
        return sg_fail(n->err, SEDGE_E_UNSUPPORTED, "a shared cache buffer");
    operands_unpack(n, &a);
    if (!a.q || !a.k || !a.v)
        return sg_fail(n->err, SEDGE_E_FORMAT, "a key or value is missing");
    sg_dtype type = (sg_dtype)sg_ib_type(n, a.q)->dtype;
    if (sg_ib_in(n, 3))
        SG_TRY(bias_add(n, &a, n->in[3]));
    bool first = rank_of(n, a.k) == 4; /* keys of another sequence come as [B,H,L,D] */
    sg_vid total = sg_ib_dim(n, a.k, first ? 2 : 1);
    if (a.past_k)
        total = sg_ib_binary(n, SG_BINARY_ADD, total, sg_ib_dim(n, a.past_k, 2));
    if (sg_ib_in(n, 4))
        a.mask = padding_bias(n, n->in[4], total, type);
    a.mask = both(n, a.mask, sg_ib_in(n, 5));
    if (first)
        a.q = heads_first(n, a.q, heads);
    SG_TRY(n->err->status);
    SG_TRY(sg_ib_attend(n, &a, out));
    for (int k = 1; k < 3 && k < n->n_out; k++)
        n->out[k] = out[k];
    return sg_ib_end(n, 0, first ? heads_merge(n, out[0]) : out[0]);
}

/* ---- rotary positions ----------------------------------------------------------------------------------- */

typedef struct rotary {
    sg_vid cosine, sine, where; /* caches and [B,S] positions */
    int64_t interleaved, heads, dim;
} rotary;

static sg_vid rotate(sg_onnx_node *n, const rotary *r, sg_vid x)
{
    return sg_ib_node(n, SG_OP_ROTARY_EMBEDDING, SG_INS(x, r->cosine, r->sine, r->where),
                      SG_SET({SG_A_interleaved, .i = r->interleaved}, {SG_A_num_heads, .i = r->heads},
                             {SG_A_rotary_embedding_dim, .i = r->dim}));
}

/* first + 0, 1 ... for `count` steps; first is [B,1]. */
static sg_vid positions(sg_onnx_node *n, sg_vid first, sg_vid count)
{
    return sg_ib_binary(n, SG_BINARY_ADD, first, sg_ib_iota(n, count));
}

sedge_status sg_lower_ms_rotary_embedding(sg_onnx_node *n)
{
    SG_TRY(sg_ib_need(n, 4));
    if (sg_on_int(n, "is_packed_batching", 0))
        return sg_fail(n->err, SEDGE_E_UNSUPPORTED, "packed batches");
    rotary r = {.cosine = n->in[2],
                .sine = n->in[3],
                .where = n->in[1],
                .interleaved = sg_on_int(n, "interleaved", 0),
                .heads = sg_on_int(n, "num_heads", 0),
                .dim = sg_on_int(n, "rotary_embedding_dim", 0)};
    int rank = rank_of(n, n->in[0]);
    if (rank != 3 && rank != 4)
        return sg_fail(n->err, SEDGE_E_UNSUPPORTED, "an input of rank %d", rank);
    if (rank == 3 && r.heads == 0) {
        int64_t half = need_dim(n, r.cosine, 1, "the width of the cache"), hidden = need_dim(n, n->in[0], 2, "the hidden size");
        if (half < 0 || hidden < 0)
            return n->err->status;
        r.heads = hidden / half / 2;
    }
    if (rank_of(n, r.where) == 1) { /* one offset for the batch */
        static const int64_t row[] = {1, 1};
        sg_vid zero = sg_ib_unsqueeze(n, sg_ib_binary_scalar(n, SG_BINARY_MUL, sg_ib_iota(n, sg_ib_dim(n, n->in[0], 0)), 0), 1);
        r.where = sg_ib_binary(n, SG_BINARY_ADD, zero,
                               positions(n, sg_ib_reshape(n, r.where, row, 2), sg_ib_dim(n, n->in[0], rank - 2)));
    }
    sg_vid y = rotate(n, &r, n->in[0]);
    double scale = sg_on_float(n, "scale", 1);
    return sg_ib_end(n, 0, scale != 1 ? sg_ib_binary_scalar(n, SG_BINARY_MUL, y, scale) : y);
}

/* ---- GroupQueryAttention ---------------------------------------------------------------------------------- */

/* Width of one head: of the cache, else of the queries. */
static int64_t head_size(sg_onnx_node *n, int64_t heads, int64_t kv_heads, bool packed)
{
    const sg_type *past = sg_ib_in_type(n, 3), *q = sg_ib_in_type(n, 0);
    if (past && past->rank == 4 && !sg_dim_is_expr(past->dim[3]))
        return past->dim[3];
    if (q->rank == 3 && !sg_dim_is_expr(q->dim[2]))
        return q->dim[2] / (packed ? heads + 2 * kv_heads : heads);
    sg_fail(n->err, SEDGE_E_UNSUPPORTED, "the size of a head must be known at import");
    return -1;
}

/* Rotates queries and keys. Positions count on from what the cache holds: seqlens_k is the last position of each row;
 * a prompt that is shorter than the batch's longest starts at 0. */
static sedge_status group_rotate(sg_onnx_node *n, sg_ib_attention *a)
{
    static const int64_t column[] = {-1, 1};
    rotary r = {.cosine = sg_ib_in(n, 7),
                .sine = sg_ib_in(n, 8),
                .where = sg_ib_in(n, 9),
                .interleaved = sg_on_int(n, "rotary_interleaved", 0),
                .heads = a->q_heads};
    if (!r.cosine || !r.sine)
        return sg_fail(n->err, SEDGE_E_FORMAT, "a rotary cache is missing");
    int64_t half = need_dim(n, r.cosine, 1, "the width of the rotary cache");
    if (half < 0)
        return n->err->status;
    r.dim = half * 2;
    if (!r.where) {
        sg_vid steps = sg_ib_dim(n, a->q, 1), last = sg_ib_reshape(n, sg_ib_cast(n, n->in[5], SG_I64), column, 2);
        sg_vid end = sg_ib_binary_scalar(n, SG_BINARY_ADD, last, 1);
        sg_vid first = sg_ib_binary_scalar(n, SG_BINARY_MAX, sg_ib_binary(n, SG_BINARY_SUB, end, steps), 0);
        r.where = positions(n, first, steps);
    }
    a->q = rotate(n, &r, a->q);
    r.heads = a->kv_heads;
    a->k = rotate(n, &r, a->k);
    return SEDGE_OK;
}

/* The rows take caches that every sequence of the batch fills to the end; seqlens_k may say otherwise in the run, which
 * is then an error and not a wrong answer. */
static sedge_status full_cache(sg_onnx_node *n, sg_vid *y, sg_vid keys, int axis)
{
    sg_vid size = sg_ib_node(n, SG_OP_SHAPE, SG_INS(keys), SG_SET({SG_A_start, .i = axis}, {SG_A_end, .i = axis + 1}));
    sg_vid last = sg_ib_binary_scalar(n, SG_BINARY_SUB, size, 1);
    sg_nid check = sg_ib_emit(n, SG_OP_REQUIRE_EQUAL, SG_INS(*y, n->in[5], last), 1);
    if (check && !sg_set_str(n->g, check, SG_A_pattern, "seqlens_k", 9))
        return sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
    *y = sg_node_out(n->g, check, 0);
    return sg_ib_done(n, check);
}

sedge_status sg_lower_group_query_attention(sg_onnx_node *n)
{
    sg_vid out[3];
    SG_TRY(sg_ib_need(n, 1));
    int64_t h = sg_on_int(n, "num_heads", 0), g = sg_on_int(n, "kv_num_heads", 0), w = sg_on_int(n, "local_window_size", -1);
    if (!sg_ib_in(n, 5) || h < 1 || g < 1 || h > INT32_MAX || g > INT32_MAX)
        return sg_fail(n->err, SEDGE_E_FORMAT, "seqlens_k is missing or the number of heads is bad");
    if (sg_on_int(n, "smooth_softmax", 0) == 1 || sg_ib_in(n, 11))
        return sg_fail(n->err, SEDGE_E_UNSUPPORTED, "smooth softmax and attention sinks");
    sg_ib_attention a = {.q = n->in[0],
                         .k = sg_ib_in(n, 1),
                         .v = sg_ib_in(n, 2),
                         .q_heads = h,
                         .kv_heads = g,
                         .causal = true,
                         .window = w > 0 ? w - 1 : -1,
                         .scale = sg_on_float(n, "scale", 0),
                         .softcap = sg_on_float(n, "softcap", 0),
                         .past_k = sg_ib_in(n, 3),
                         .past_v = sg_ib_in(n, 4),
                         .mask = sg_ib_in(n, 10)};
    if (!a.k) {
        int64_t d = head_size(n, h, g, true);
        if (d < 1 || d > INT32_MAX)
            return n->err->status != SEDGE_OK ? n->err->status : sg_fail(n->err, SEDGE_E_FORMAT, "heads without width");
        a.k = sg_ib_slice(n, n->in[0], 2, h * d, (h + g) * d);
        a.v = sg_ib_slice(n, n->in[0], 2, (h + g) * d, (h + 2 * g) * d);
        a.q = sg_ib_slice(n, n->in[0], 2, 0, h * d);
    }
    if (sg_on_int(n, "do_rotary", 0))
        SG_TRY(group_rotate(n, &a));
    if (!a.past_k != !a.past_v)
        return sg_fail(n->err, SEDGE_E_FORMAT, "half a cache");
    SG_TRY(sg_ib_attend(n, &a, out));
    SG_TRY(full_cache(n, &out[0], out[1] ? out[1] : a.k, out[1] ? 2 : 1));
    for (int k = 0; k < 3 && k < n->n_out; k++)
        n->out[k] = out[k];
    return SEDGE_OK;
}
