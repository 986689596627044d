/* References of If and SequenceMap, and what the loops share. */
#include "op/control.h"

#include <string.h>

void sg_span_copy(sg_dtype t, void *dst, int64_t di, const void *src, int64_t si, int64_t count)
{
    size_t size = sg_dtypes[t].bits / 8u;
    if (count <= 0)
        return;
    if (size) {
        memcpy((char *)dst + (size_t)di * size, (const char *)src + (size_t)si * size, (size_t)count * size);
        return;
    }
    for (int64_t i = 0; i < count; i++)
        sg_elem_copy(t, dst, (size_t)(di + i), src, (size_t)(si + i));
}

sedge_status sg_carry_init(sg_exec *x, sg_carry *c, sg_tensor *const *first, int n)
{
    size_t count = (size_t)n + 1;
    c->n = 0;
    c->now = sg_scratch(x, count * sizeof *c->now);
    c->held = sg_scratch(x, count * sizeof *c->held);
    c->spare = sg_scratch(x, count * sizeof *c->spare);
    if (!c->now || !c->held || !c->spare)
        return SEDGE_E_NOMEM;
    for (int k = 0; k < n; k++) {
        if (!first[k])
            return SG_EXEC_FAIL(x, SEDGE_E_FORMAT, "carried value %d has no first value", k);
        c->now[k] = first[k];
        c->held[k] = c->spare[k] = NULL;
    }
    c->n = n;
    return SEDGE_OK;
}

static bool same_value(const sg_tensor *a, const sg_tensor *b)
{
    return a->data == b->data && a->kind == b->kind && a->dtype == b->dtype && (a->kind != SG_TENSOR || sg_same_shape(a, b));
}

/* The spare box can take the bytes of t. */
static bool box_fits(const sg_box *b, const sg_tensor *t)
{
    return b && b->refs == 1 && b->t.kind == SG_TENSOR && t->kind == SG_TENSOR && t->dtype != SG_STR && b->t.dtype == t->dtype &&
           sg_tensor_bytes(&b->t) == sg_tensor_bytes(t);
}

sedge_status sg_carry_take(sg_exec *x, sg_carry *c, const sg_tensor *outs)
{
    for (int k = 0; k < c->n; k++) {
        if (same_value(&outs[k], c->now[k]))
            continue;
        sg_box *b = c->spare[k];
        if (box_fits(b, &outs[k])) {
            void *data = b->t.data;
            sg_span_copy((sg_dtype)outs[k].dtype, data, 0, outs[k].data, 0, sg_numel(&outs[k]));
            b->t = outs[k];
            b->t.data = data;
        } else {
            if (b)
                sg_box_unref(x, b);
            c->spare[k] = NULL;
            b = sg_box_copy(x, &outs[k]);
            if (!b)
                return SEDGE_E_NOMEM;
        }
        c->spare[k] = c->held[k];
        c->held[k] = b;
        c->now[k] = &b->t;
    }
    return SEDGE_OK;
}

void sg_carry_drop(sg_exec *x, sg_carry *c)
{
    for (int k = 0; k < c->n; k++) {
        if (c->held[k])
            sg_box_unref(x, c->held[k]);
        if (c->spare[k])
            sg_box_unref(x, c->spare[k]);
    }
    c->n = 0;
}

sedge_status sg_stacked_dims(sg_exec *x, const sg_tensor *t, int64_t axis, int64_t n, int *rank, int64_t *dim)
{
    int at = t->rank < SG_RANK_MAX ? sg_axis(axis, t->rank + 1) : -1;
    if (t->kind != SG_TENSOR)
        return SG_EXEC_FAIL(x, SEDGE_E_TYPE, "only tensors can be stacked");
    if (at < 0)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "can't stack pieces of rank %d along axis %lld", t->rank, (long long)axis);
    *rank = t->rank + 1;
    for (int i = 0; i < *rank; i++)
        dim[i] = i < at ? t->dim[i] : i == at ? n : t->dim[i - 1];
    return SEDGE_OK;
}

sedge_status sg_piece_type(sg_exec *x, int k, sg_tensor *piece)
{
    int n;
    const int64_t *v = sg_get_ints(x->attrs, SG_A_out_types, &n);
    memset(piece, 0, sizeof *piece);
    for (int at = 0; at + 2 <= n; k--) {
        int64_t rank = v[at + 1];
        if (rank < 0 || rank > SG_RANK_MAX || at + 2 + rank > n || v[at] <= SG_NONE || v[at] >= SG_DTYPE_COUNT)
            break;
        if (k == 0) {
            piece->dtype = (uint8_t)v[at];
            piece->rank = (int8_t)rank;
            for (int i = 0; i < rank; i++)
                piece->dim[i] = v[at + 2 + i];
            return SEDGE_OK;
        }
        at += 2 + (int)rank;
    }
    return SG_EXEC_FAIL(x, SEDGE_E_TYPE, "no step was run and the type of a stacked output is not known without one");
}

sedge_status sg_ref_if(sg_exec *x)
{
    const sg_tensor *cond = x->in[0];
    if (sg_numel(cond) != 1 || cond->dtype != SG_BOOL)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "the condition must be one bool");
    int n_then = (int)sg_get_int(x->attrs, SG_A_n_then);
    bool yes = sg_get_int(x->attrs, SG_A_kind) == 1 || sg_load_i64(SG_BOOL, cond->data, 0) != 0;
    sg_tensor *outs = sg_scratch(x, ((size_t)x->n_out + 1) * sizeof *outs);
    if (!outs)
        return SEDGE_E_NOMEM;
    SG_TRY(x->call(x, yes ? 0 : 1, x->in + (yes ? 1 : 1 + n_then), yes ? n_then : x->n_in - 1 - n_then, outs, x->n_out));
    for (int k = 0; k < x->n_out; k++)
        SG_TRY(sg_out_copy(x, k, &outs[k]));
    return SEDGE_OK;
}

/* ---- SequenceMap ------------------------------------------------------------------------------- */

/* The operands of call i: items of sequences, tensors as they are. */
static sedge_status map_ins(sg_exec *x, int own, uint32_t i, sg_tensor **ins)
{
    for (int k = 0; k < x->n_in; k++) {
        ins[k] = x->in[k];
        if (k >= own || !x->in[k] || x->in[k]->kind != SG_SEQ)
            continue;
        const sg_seq *s = x->in[k]->data;
        if (!s || i >= s->n)
            return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "sequence %d is shorter than the first", k);
        ins[k] = &s->item[i]->t;
    }
    return SEDGE_OK;
}

static sedge_status map_run(sg_exec *x, int own, uint32_t n, sg_box **box)
{
    sg_tensor **ins = sg_scratch(x, (size_t)x->n_in * sizeof *ins);
    sg_tensor *outs = sg_scratch(x, ((size_t)x->n_out + 1) * sizeof *outs);
    if (!ins || !outs)
        return SEDGE_E_NOMEM;
    for (uint32_t i = 0; i < n; i++) {
        SG_TRY(map_ins(x, own, i, ins));
        SG_TRY(x->call(x, 0, ins, x->n_in, outs, x->n_out));
        for (int k = 0; k < x->n_out; k++) {
            sg_box *b = sg_box_copy(x, &outs[k]);
            if (!b)
                return SEDGE_E_NOMEM;
            box[(size_t)k * n + i] = b;
        }
    }
    return SEDGE_OK;
}

sedge_status sg_ref_sequence_map(sg_exec *x)
{
    int own = (int)sg_get_int(x->attrs, SG_A_n_state);
    const sg_seq *s = x->in[0]->data;
    uint32_t n = s ? s->n : 0;
    size_t count = (size_t)n * (size_t)x->n_out;
    sg_box **box = sg_scratch(x, (count + 1) * sizeof *box);
    if (!box)
        return SEDGE_E_NOMEM;
    memset(box, 0, (count + 1) * sizeof *box);
    sedge_status st = map_run(x, own, n, box);
    for (int k = 0; k < x->n_out && st == SEDGE_OK; k++) {
        if (!x->out[k])
            continue; /* nobody reads it */
        sg_dtype dtype = n ? (sg_dtype)box[(size_t)k * n]->t.dtype : (sg_dtype)x->in[0]->dtype;
        sg_seq *out = sg_out_seq(x, k, SG_SEQ, dtype, n);
        if (!out)
            st = SEDGE_E_NOMEM;
        for (uint32_t i = 0; i < n && st == SEDGE_OK; i++) {
            out->item[i] = box[(size_t)k * n + i];
            box[(size_t)k * n + i] = NULL;
        }
    }
    for (size_t i = 0; i < count; i++)
        if (box[i])
            sg_box_unref(x, box[i]);
    return st;
}
