/* Tensors to sequences and back: SplitToSequence, ConcatFromSequence. */
#include <string.h>

#include "op/op.h"

sedge_status sg_infer_split_to_sequence(sg_infer *c)
{
    if (c->in[0]->kind != SG_TENSOR || (c->n_in > 1 && c->in[1] && !sg_is_int((sg_dtype)c->in[1]->dtype)))
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "takes a tensor and integer lengths");
    if (c->in[0]->rank >= 0 && sg_axis(sg_get_int(c->attrs, SG_A_axis), c->in[0]->rank) < 0)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "axis %lld is out of range", (long long)sg_get_int(c->attrs, SG_A_axis));
    c->out[0].kind = SG_SEQ;
    c->out[0].dtype = c->in[0]->dtype;
    c->out[0].rank = -1;
    return SEDGE_OK;
}

/* How the axis is cut: lengths of a list, or equal ones with a shorter last. */
typedef struct cut {
    const sg_tensor *list; /* NULL: equal */
    int64_t each, n, dim;
} cut;

static int64_t cut_len(const cut *c, int64_t i)
{
    if (c->list)
        return sg_load_i64((sg_dtype)c->list->dtype, c->list->data, (size_t)i);
    int64_t left = c->dim - i * c->each;
    return left < c->each ? left : c->each;
}

static sedge_status cut_make(sg_exec *x, const sg_tensor *split, int64_t dim, cut *c)
{
    *c = (cut){.each = 1, .n = dim, .dim = dim};
    if (split && split->rank > 0) {
        c->list = split;
        c->n = sg_numel(split);
        int64_t sum = 0;
        for (int64_t i = 0; i < c->n; i++) {
            int64_t len = cut_len(c, i);
            if (len < 0 || len > dim - sum)
                return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "the lengths do not sum up to %lld", (long long)dim);
            sum += len;
        }
        if (sum != dim || split->rank != 1)
            return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "the lengths do not sum up to %lld", (long long)dim);
    } else if (split) {
        c->each = sg_load_i64((sg_dtype)split->dtype, split->data, 0);
        if (c->each < 1)
            return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "the length %lld is not positive", (long long)c->each);
        c->n = dim / c->each + (dim % c->each != 0);
    }
    if (c->n >= UINT32_MAX)
        return SG_EXEC_FAIL(x, SEDGE_E_LIMIT, "the sequence would be too long");
    return SEDGE_OK;
}

static void span_copy(sg_dtype t, void *dst, int64_t di, const void *src, int64_t si, int64_t n)
{
    size_t size = sg_dtypes[t].bits / 8u;
    if (n <= 0)
        return;
    if (size)
        memcpy((char *)dst + (size_t)di * size, (const char *)src + (size_t)si * size, (size_t)n * size);
    else
        for (int64_t i = 0; i < n; i++)
            sg_elem_copy(t, dst, (size_t)(di + i), src, (size_t)(si + i));
}

sedge_status sg_ref_split_to_sequence(sg_exec *x)
{
    const sg_tensor *in = x->in[0], *split = x->n_in > 1 ? x->in[1] : NULL;
    int axis = sg_axis(sg_get_int(x->attrs, SG_A_axis), in->rank);
    bool drop = !split && !sg_get_int(x->attrs, SG_A_keepdims);
    cut c;
    if (axis < 0)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "the axis is out of range");
    SG_TRY(cut_make(x, split, in->dim[axis], &c));
    sg_tensor piece = *in;
    piece.data = sg_scratch(x, sg_tensor_bytes(in) + 1);
    sg_seq *s = sg_out_seq(x, 0, SG_SEQ, (sg_dtype)in->dtype, (uint32_t)c.n);
    if (!s || !piece.data)
        return SEDGE_E_NOMEM;
    if (drop) {
        piece.rank--;
        memmove(&piece.dim[axis], &piece.dim[axis + 1], (size_t)(piece.rank - axis) * sizeof piece.dim[0]);
    }
    int64_t outer = sg_dim_span(in->dim, 0, axis), inner = sg_dim_span(in->dim, axis + 1, in->rank), at = 0;
    for (int64_t i = 0; i < c.n; i++) {
        int64_t len = cut_len(&c, i);
        for (int64_t o = 0; o < outer; o++)
            span_copy((sg_dtype)in->dtype, piece.data, o * len * inner, in->data, (o * c.dim + at) * inner, len * inner);
        if (!drop)
            piece.dim[axis] = len;
        if (!(s->item[i] = sg_box_copy(x, &piece)))
            return SEDGE_E_NOMEM;
        at += len;
    }
    return SEDGE_OK;
}

sedge_status sg_infer_concat_from_sequence(sg_infer *c)
{
    if (c->in[0]->kind != SG_SEQ)
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "takes a sequence");
    c->out[0].dtype = c->in[0]->dtype;
    c->out[0].rank = -1;
    return SEDGE_OK;
}

/* Checks that the items fit and gives the dims of the result. */
static sedge_status joined_dims(sg_exec *x, const sg_seq *s, int axis, bool stack, int64_t *dim)
{
    const sg_tensor *a = &s->item[0]->t;
    int64_t along = 0, numel;
    for (uint32_t i = 0; i < s->n; i++) {
        const sg_tensor *t = &s->item[i]->t;
        bool same = t->kind == SG_TENSOR && t->dtype == a->dtype && t->rank == a->rank;
        for (int d = 0; same && d < a->rank; d++)
            same = t->dim[d] == a->dim[d] || (!stack && d == axis);
        int64_t step = stack || !same ? 1 : t->dim[axis];
        if (!same || step > SG_NUMEL_MAX - along)
            return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "item %u does not fit to the first", i);
        along += step;
    }
    int rank = a->rank + stack;
    for (int d = 0; d < rank; d++)
        dim[d] = d == axis ? along : a->dim[stack && d > axis ? d - 1 : d];
    if (!sg_numel_checked(dim, rank, &numel))
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "the result is too large");
    return SEDGE_OK;
}

sedge_status sg_ref_concat_from_sequence(sg_exec *x)
{
    const sg_seq *s = x->in[0]->data;
    bool stack = sg_get_int(x->attrs, SG_A_new_axis) != 0;
    if (!s || !s->n)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "the sequence is empty");
    int rank = s->item[0]->t.rank + stack;
    int axis = rank <= SG_RANK_MAX ? sg_axis(sg_get_int(x->attrs, SG_A_axis), rank) : -1;
    int64_t dim[SG_RANK_MAX];
    if (axis < 0)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "the axis is out of range for rank %d", rank);
    SG_TRY(joined_dims(x, s, axis, stack, dim));
    sg_tensor *out = sg_out(x, 0, (sg_dtype)s->item[0]->t.dtype, rank, dim);
    if (!out)
        return SEDGE_E_NOMEM;
    int64_t outer = sg_dim_span(dim, 0, axis), inner = sg_dim_span(dim, axis + 1, rank), at = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        const sg_tensor *t = &s->item[i]->t;
        int64_t len = stack ? 1 : t->dim[axis];
        for (int64_t o = 0; o < outer; o++)
            span_copy((sg_dtype)t->dtype, out->data, (o * dim[axis] + at) * inner, t->data, o * len * inner, len * inner);
        at += len;
    }
    return SEDGE_OK;
}
