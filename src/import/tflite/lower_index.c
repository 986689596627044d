/* Choosing and placing elements by index, counts, blocks. */
#include <float.h>
#include <string.h>

#include "import/kinds.h"
#include "import/tflite/tflite.h"

static sg_vid flat(sg_ib *n, sg_vid v)
{
    return sg_ib_reshape(n, v, (const int64_t[]){-1}, 1);
}

static sg_dtype type_of(const sg_ib *n, sg_vid v)
{
    return v ? (sg_dtype)sg_ib_type(n, v)->dtype : SG_NONE;
}

/* Result k in the type that the file gives it. */
static sedge_status end_as(sg_ib *n, int k, sg_vid v)
{
    return sg_ib_end(n, k, v && k < n->n_out ? sg_ib_cast(n, v, sg_tf_here(n)->out[k].dtype) : v);
}

static sg_vid filled(sg_ib *n, sg_dtype t, double v, sg_vid shape)
{
    return sg_ib_emit1(n, SG_OP_EXPAND, SG_INS(sg_ib_scalar(n, t, v), shape));
}

/* ---- choosing ---- */

sedge_status sg_tf_top_k(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 2));
    sg_nid node = sg_ib_make(n, SG_OP_TOP_K, SG_INS(n->in[0], flat(n, sg_tf_i64(n, 1))), 2, NULL, 0);
    if (!node)
        return n->err->status;
    SG_TRY(sg_ib_end(n, 0, sg_node_out(n->g, node, 0)));
    return end_as(n, 1, sg_node_out(n->g, node, 1));
}

/* Where an index is the place along the new axis, operand 2, else operand 3. */
sedge_status sg_tf_one_hot(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 4));
    int rank = sg_ib_type(n, n->in[0])->rank;
    int64_t axis = sg_tf_int(n, SG_TF_AXIS), shape[SG_RANK_MAX];
    axis = axis == -1 ? rank : axis;
    if (axis < 0 || axis > rank || rank >= SG_RANK_MAX)
        return sg_fail(n->err, SEDGE_E_VALUE, "axis %lld of a tensor of rank %d", (long long)axis, rank);
    for (int i = 0; i <= rank; i++)
        shape[i] = i == axis ? -1 : 1;
    sg_vid depth = sg_ib_reshape(n, sg_tf_i64(n, 1), NULL, 0), places = sg_ib_reshape(n, sg_ib_iota(n, depth), shape, rank + 1);
    sg_vid same = sg_ib_compare(n, SG_COMPARE_EQUAL, sg_ib_unsqueeze(n, sg_tf_i64(n, 0), axis), places);
    return sg_ib_end(n, 0, sg_ib_emit1(n, SG_OP_WHERE, SG_INS(same, n->in[2], n->in[3])));
}

/* The places of what is not zero, one a row. */
sedge_status sg_tf_where(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 1));
    return end_as(n, 0, sg_ib_swap_last(n, sg_ib_emit1(n, SG_OP_NONZERO, n->in, 1)));
}

sedge_status sg_tf_unique(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 1));
    sg_nid node = sg_ib_make(n, SG_OP_UNIQUE, SG_INS(n->in[0]), 3, SG_SET({SG_A_sorted, .i = 0}));
    if (!node)
        return n->err->status;
    SG_TRY(sg_ib_end(n, 0, sg_node_out(n->g, node, 0)));
    return end_as(n, 1, sg_node_out(n->g, node, 2));
}

sedge_status sg_tf_cumsum(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 2));
    return sg_ib_end(n, 0,
                     sg_ib_node(n, SG_OP_CUM, SG_INS(n->in[0], sg_ib_reshape(n, sg_tf_i64(n, 1), NULL, 0)),
                                SG_SET({SG_A_kind, .i = SG_CUM_SUM}, {SG_A_exclusive, .i = sg_tf_int(n, SG_TF_ADJ_X) != 0},
                                       {SG_A_reverse, .i = sg_tf_int(n, SG_TF_ADJ_Y) != 0})));
}

/* How many boundaries are not above an element. */
sedge_status sg_tf_bucketize(sg_ib *n)
{
    sg_fb_vec v = sg_tf_vec(&sg_tf_here(n)->opts, SG_TF_BOUNDARIES);
    int64_t count = v.n;
    SG_TRY(sg_ib_need(n, 1));
    if (!count)
        return end_as(n, 0, sg_ib_binary_scalar(n, SG_BINARY_MUL, sg_ib_cast(n, n->in[0], SG_I32), 0));
    sg_vid list = sg_const_new(n->g, SG_F32, 1, &count, sg_fb_data(&v), NULL);
    if (!list)
        return sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
    sg_vid x = sg_ib_unsqueeze(n, sg_ib_cast(n, n->in[0], SG_F32), -1);
    sg_vid over = sg_ib_cast(n, sg_ib_compare(n, SG_COMPARE_GREATER_EQUAL, x, list), SG_I32);
    return end_as(n, 0, sg_ib_reduce(n, SG_REDUCE_SUM, over, -1, false));
}

/* ---- placing ---- */

static sg_vid scatter_nd(sg_ib *n, sg_vid base, sg_vid index, sg_vid values, int64_t how)
{
    return sg_ib_node(n, SG_OP_SCATTER_ND, SG_INS(base, index, values), SG_SET({SG_A_reduction, .i = how}));
}

/* Operands: indices, values, shape. Values of one place add up. */
sedge_status sg_tf_scatter_nd(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 3));
    sg_dtype t = type_of(n, n->in[1]);
    sg_vid values = t == SG_BOOL ? sg_ib_cast(n, n->in[1], SG_U8) : n->in[1];
    sg_vid base = filled(n, type_of(n, values), 0, sg_tf_i64(n, 2));
    return end_as(n, 0, scatter_nd(n, base, sg_tf_i64(n, 0), values, SG_SCATTER_ADD));
}

/* Operands: places (one, a list, or one a row), shape, values, the value elsewhere. */
sedge_status sg_tf_sparse_to_dense(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 4));
    const sg_type *s = sg_ib_type(n, n->in[1]);
    if (s->rank != 1 || sg_dim_is_expr(s->dim[0]) || s->dim[0] < 1)
        return sg_tf_unsupported(n, "a shape of unknown rank");
    sg_vid places = sg_ib_reshape(n, sg_tf_i64(n, 0), (const int64_t[]){-1, s->dim[0]}, 2);
    sg_vid base = sg_ib_emit1(n, SG_OP_EXPAND, SG_INS(n->in[3], sg_tf_i64(n, 1)));
    sg_vid many = places ? sg_ib_unsqueeze(n, sg_ib_dim(n, places, 0), 0) : places;
    sg_vid values = sg_ib_emit1(n, SG_OP_EXPAND, SG_INS(flat(n, n->in[2]), many));
    return sg_ib_end(n, 0, scatter_nd(n, base, places, values, SG_SCATTER_NONE));
}

/* Rows of operand 0 put together by the segment that each belongs to; rows of negative segments go to one that is cut off. */
static sedge_status segments(sg_ib *n, sg_vid ids, sg_vid count, int64_t how, double start)
{
    sg_dtype t = type_of(n, n->in[0]);
    int rank = sg_ib_type(n, n->in[0])->rank, lead = ids ? sg_ib_type(n, ids)->rank : -1;
    if (lead < 0 || rank < lead)
        return sg_ib_end(n, 0, SG_NONE_ID);
    sg_vid all = sg_ib_binary_scalar(n, SG_BINARY_ADD, count, 1);
    sg_vid out = sg_ib_compare(n, SG_COMPARE_LESS, ids, sg_ib_const_i64(n, 0));
    ids = sg_ib_emit1(n, SG_OP_WHERE, SG_INS(out, count, ids));
    sg_vid shape = sg_ib_emit1(n, SG_OP_SHAPE, n->in, 1);
    shape = sg_ib_concat(n, sg_ib_unsqueeze(n, all, 0), sg_ib_slice(n, shape, 0, lead, rank), 0);
    sg_vid y = scatter_nd(n, filled(n, t, start, shape), sg_ib_unsqueeze(n, ids, -1), n->in[0], how);
    sg_vid to = sg_ib_unsqueeze(n, count, 0);
    const int64_t zero = 0;
    sg_vid in[4] = {y, sg_ib_const_i64s(n, &zero, 1), to, sg_ib_const_i64s(n, &zero, 1)};
    return sg_ib_end(n, 0, sg_ib_emit1(n, SG_OP_SLICE, in, 4));
}

sedge_status sg_tf_segment_sum(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 2));
    sg_vid ids = sg_tf_i64(n, 1);
    sg_vid last = sg_ib_row(n, ids, -1);
    return segments(n, ids, sg_ib_binary_scalar(n, SG_BINARY_ADD, last, 1), SG_SCATTER_ADD, 0);
}

sedge_status sg_tf_unsorted_segment(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 3));
    int64_t how = sg_tf_extra(n);
    bool real = sg_is_float(type_of(n, n->in[0]));
    double least = real ? (double)-FLT_MAX : (double)INT32_MIN, most = real ? (double)FLT_MAX : (double)INT32_MAX;
    double start = how == SG_SCATTER_MUL ? 1 : how == SG_SCATTER_MAX ? least : how == SG_SCATTER_MIN ? most : 0;
    return segments(n, sg_tf_i64(n, 1), sg_ib_reshape(n, sg_tf_i64(n, 2), NULL, 0), how, start);
}

/* Operands: x, the part, where it begins (moved so that it lies within): placed by the index of its elements in x laid flat. */
sedge_status sg_tf_dynamic_update_slice(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 3));
    const sg_type x = *sg_ib_type(n, n->in[0]), part = *sg_ib_type(n, n->in[1]);
    sg_vid index = sg_ib_const_i64(n, 0), begin = flat(n, sg_tf_i64(n, 2));
    int64_t stride = 1;
    if (x.rank != part.rank || sg_d_numel(&x) < 0 || sg_d_numel(&part) < 0)
        return sg_tf_unsupported(n, "an operand of unknown shape");
    for (int i = x.rank - 1; i >= 0; i--) {
        int64_t shape[SG_RANK_MAX];
        for (int k = 0; k < x.rank; k++)
            shape[k] = k == i ? -1 : 1;
        sg_vid from = sg_ib_binary(n, SG_BINARY_MIN, sg_ib_row(n, begin, i), sg_ib_const_i64(n, x.dim[i] - part.dim[i]));
        from = sg_ib_binary(n, SG_BINARY_MAX, from, sg_ib_const_i64(n, 0));
        sg_vid at = sg_ib_binary(n, SG_BINARY_ADD, sg_ib_iota(n, sg_ib_const_i64(n, part.dim[i])), from);
        at = sg_ib_reshape(n, sg_ib_binary_scalar(n, SG_BINARY_MUL, at, (double)stride), shape, x.rank);
        index = sg_ib_binary(n, SG_BINARY_ADD, index, at);
        stride *= x.dim[i];
    }
    sg_vid y = sg_ib_node(n, SG_OP_SCATTER_ELEMENTS, SG_INS(flat(n, n->in[0]), flat(n, index), flat(n, n->in[1])), NULL, 0);
    return sg_ib_end(n, 0, sg_ib_reshape(n, y, x.dim, x.rank));
}

/* ---- diagonals ---- */

/* Ones of type bool where row and column are alike, of the last two dims `rows`, `columns`. */
static sg_vid diagonal(sg_ib *n, int64_t rows, int64_t columns)
{
    sg_vid r = sg_ib_reshape(n, sg_ib_iota(n, sg_ib_const_i64(n, rows)), (const int64_t[]){-1, 1}, 2);
    return sg_ib_compare(n, SG_COMPARE_EQUAL, r, sg_ib_iota(n, sg_ib_const_i64(n, columns)));
}

sedge_status sg_tf_matrix_diag(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 1));
    const sg_type *t = sg_ib_type(n, n->in[0]);
    if (t->rank < 1 || sg_dim_is_expr(t->dim[t->rank - 1]))
        return sg_tf_unsupported(n, "a diagonal of unknown length");
    int64_t size = t->dim[t->rank - 1];
    sg_vid zero = sg_ib_scalar(n, (sg_dtype)t->dtype, 0);
    return sg_ib_end(n, 0, sg_ib_emit1(n, SG_OP_WHERE, SG_INS(diagonal(n, size, size), sg_ib_unsqueeze(n, n->in[0], -1), zero)));
}

sedge_status sg_tf_matrix_set_diag(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 2));
    const sg_type *t = sg_ib_type(n, n->in[0]);
    if (t->rank < 2 || sg_dim_is_expr(t->dim[t->rank - 1]) || sg_dim_is_expr(t->dim[t->rank - 2]))
        return sg_tf_unsupported(n, "a matrix of unknown size");
    int64_t rows = t->dim[t->rank - 2], columns = t->dim[t->rank - 1];
    sg_vid d = sg_ib_unsqueeze(n, n->in[1], rows <= columns ? -1 : -2);
    return sg_ib_end(n, 0, sg_ib_emit1(n, SG_OP_WHERE, SG_INS(diagonal(n, rows, columns), d, n->in[0])));
}

/* ---- blocks between batch and space ---- */

/* Operands: x, sides of the blocks, pairs of paddings or crops. extra 0: space to batch, 1: back. */
sedge_status sg_tf_batch_blocks(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 3));
    int64_t n_block, n_pair, shape[2 * SG_RANK_MAX], perm[2 * SG_RANK_MAX], out[SG_RANK_MAX], list[2 * SG_RANK_MAX] = {0},
                                                                                                       per = 1;
    const int64_t *block = sg_ib_const_ints(n, 1, &n_block), *pair = sg_ib_const_ints(n, 2, &n_pair);
    const sg_type t = *sg_ib_type(n, n->in[0]);
    int rank = t.rank, m = (int)n_block, back = sg_tf_extra(n) == 1;
    if (!block || !pair || n_pair != 2 * n_block || m >= rank || rank + m > SG_RANK_MAX || sg_d_numel(&t) < 0)
        return sg_tf_unsupported(n, "a block that is not constant, or a shape that is not known");
    for (int i = 0; i < m; i++) {
        if (block[i] < 1 || block[i] > INT32_MAX || per > INT32_MAX / block[i] || pair[2 * i] < 0 || pair[2 * i + 1] < 0)
            return sg_fail(n->err, SEDGE_E_VALUE, "a block or its padding is not positive");
        per *= block[i];
        list[1 + i] = pair[2 * i];
        list[rank + 1 + i] = pair[2 * i + 1];
    }
    sg_vid x = n->in[0];
    if (!back && sg_tf_is_quant(&sg_tf_here(n)->in[0]) && type_of(n, x) != SG_F32) {
        sg_vid zero = sg_ib_scalar(n, type_of(n, x), sg_tf_zero(&sg_tf_here(n)->in[0]));
        x = sg_ib_emit1(n, SG_OP_PAD, SG_INS(x, sg_ib_const_i64s(n, list, 2 * rank), zero));
    } else if (!back) {
        x = sg_ib_emit1(n, SG_OP_PAD, SG_INS(x, sg_ib_const_i64s(n, list, 2 * rank)));
    }
    if (!x)
        return sg_ib_end(n, 0, x);
    const sg_type p = *sg_ib_type(n, x);
    int at = 0, to = 0;
    if (back) { /* batch is blocks, then images */
        for (int i = 0; i < m; i++)
            shape[at++] = block[i];
        shape[at++] = p.dim[0] / per;
        for (int i = 1; i < rank; i++)
            shape[at++] = p.dim[i];
        perm[to++] = m;
        for (int i = 0; i < m; i++) {
            perm[to++] = m + 1 + i;
            perm[to++] = i;
        }
        for (int i = m + 1; i < rank; i++)
            perm[to++] = m + i;
    } else {
        shape[at++] = p.dim[0];
        for (int i = 1; i < rank; i++) {
            shape[at++] = i <= m ? p.dim[i] / block[i - 1] : p.dim[i];
            if (i <= m)
                shape[at++] = block[i - 1];
        }
        for (int i = 0; i < m; i++)
            perm[to++] = 2 + 2 * i;
        perm[to++] = 0;
        for (int i = 0; i < m; i++)
            perm[to++] = 1 + 2 * i;
        for (int i = m + 1; i < rank; i++)
            perm[to++] = m + i;
    }
    out[0] = back ? p.dim[0] / per : p.dim[0] * per;
    for (int i = 1; i < rank; i++)
        out[i] = i > m ? p.dim[i] : back ? p.dim[i] * block[i - 1] : p.dim[i] / block[i - 1];
    sg_vid y = sg_ib_reshape(n, sg_ib_transpose(n, sg_ib_reshape(n, x, shape, at), perm, to), out, rank);
    for (int i = 0; i < m && back; i++)
        if (pair[2 * i] || pair[2 * i + 1])
            y = sg_ib_slice(n, y, 1 + i, pair[2 * i], out[1 + i] - pair[2 * i + 1]);
    return sg_ib_end(n, 0, y);
}

/* ---- random numbers ---- */

/* Operand 0: the shape. extra: sg_random_kind. A seed of the file counts. */
sedge_status sg_tf_random(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 1));
    int64_t seed = sg_tf_int(n, SG_TF_SEED), seed2 = sg_tf_int(n, SG_TF_SEED2);
    sg_vid like = filled(n, SG_F32, 0, sg_tf_i64(n, 0));
    sg_nid node = like ? sg_ib_emit(n, SG_OP_RANDOM, &like, 1, 1) : 0;
    if (!node || !sg_ib_set(n, node, SG_A_kind, sg_tf_extra(n)))
        return sg_ib_end(n, 0, SG_NONE_ID);
    if ((seed || seed2) && !sg_set_float(n->g, node, SG_A_seed, (double)(seed ^ seed2)))
        return sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
    SG_TRY(sg_ib_done(n, node));
    return sg_ib_end(n, 0, sg_node_out(n->g, node, 0));
}

/* Operands: logarithms of weights [batch, classes], how many draws of each. */
sedge_status sg_tf_multinomial(sg_ib *n)
{
    int64_t seed = sg_tf_int(n, SG_TF_SEED), seed2 = sg_tf_int(n, SG_TF_SEED2), count;
    SG_TRY(sg_ib_need(n, 2));
    const int64_t *draws = sg_ib_const_ints(n, 1, &count);
    if (!draws || count != 1)
        return sg_tf_unsupported(n, "a number of draws that is not constant");
    sg_nid node = sg_ib_emit(n, SG_OP_RANDOM, n->in, 1, 1);
    if (!node || !sg_ib_set(n, node, SG_A_kind, SG_RANDOM_MULTINOMIAL) || !sg_ib_set(n, node, SG_A_sample_size, draws[0]) ||
        !sg_ib_set(n, node, SG_A_dtype, sg_tf_here(n)->out[0].dtype))
        return sg_ib_end(n, 0, SG_NONE_ID);
    if ((seed || seed2) && !sg_set_float(n->g, node, SG_A_seed, (double)(seed ^ seed2)))
        return sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
    SG_TRY(sg_ib_done(n, node));
    return sg_ib_end(n, 0, sg_node_out(n->g, node, 0));
}

/* Sparse constants are dense already. */
sedge_status sg_tf_densify(sg_ib *n)
{
    SG_TRY(sg_ib_need(n, 1));
    return sg_ib_end(n, 0, n->in[0]);
}
