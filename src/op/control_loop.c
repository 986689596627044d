/* Reference of Loop: a body run while its condition holds, with carried and stacked outputs. */
#include "op/control.h"

#include <string.h>

/* A stacked output while the number of its pieces is not known. */
typedef struct stack {
    sg_tensor piece; /* the shape of all pieces; its data is the room */
    int64_t n, cap;
} stack;

typedef struct loop {
    int n_state, n_stack;
    int64_t trips, iter;
    bool cond;
    sg_tensor iter_t, cond_t;
    sg_carry carry;
    stack *stacks;
    sg_tensor **ins;
    sg_tensor *outs; /* [1 + n_state + n_stack] */
} loop;

static sedge_status scalar_in(sg_exec *x, int k, int64_t absent, int64_t *v)
{
    const sg_tensor *t = x->in[k];
    *v = absent;
    if (!t)
        return SEDGE_OK;
    if (t->kind != SG_TENSOR || sg_numel(t) != 1 || t->dtype == SG_STR)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "input %d must have one element", k);
    *v = sg_load_i64((sg_dtype)t->dtype, t->data, 0);
    return SEDGE_OK;
}

static sedge_status loop_open(sg_exec *x, loop *l)
{
    memset(l, 0, sizeof *l);
    int64_t cond;
    l->n_state = (int)sg_get_int(x->attrs, SG_A_n_state);
    if (l->n_state < 0 || x->n_in < 2 + l->n_state || x->n_out < l->n_state)
        return SG_EXEC_FAIL(x, SEDGE_E_FORMAT, "loop has %d inputs", x->n_in);
    l->n_stack = x->n_out - l->n_state;
    SG_TRY(scalar_in(x, 0, INT64_MAX, &l->trips));
    SG_TRY(scalar_in(x, 1, 1, &cond));
    l->cond = cond != 0;
    l->iter_t = (sg_tensor){.data = &l->iter, .dtype = SG_I64};
    l->cond_t = (sg_tensor){.data = &l->cond, .dtype = SG_BOOL};
    l->stacks = sg_scratch(x, ((size_t)l->n_stack + 1) * sizeof *l->stacks);
    l->ins = sg_scratch(x, (size_t)x->n_in * sizeof *l->ins);
    l->outs = sg_scratch(x, ((size_t)x->n_out + 1) * sizeof *l->outs);
    if (!l->stacks || !l->ins || !l->outs)
        return SEDGE_E_NOMEM;
    memset(l->stacks, 0, ((size_t)l->n_stack + 1) * sizeof *l->stacks);
    return sg_carry_init(x, &l->carry, x->in + 2, l->n_state);
}

/* Room for one more piece. The first guess is the trip count when that is small: the condition may end the loop
 * long before a large one. */
static sedge_status stack_grow(sg_exec *x, const loop *l, stack *s)
{
    int64_t numel = sg_numel(&s->piece), bytes = (int64_t)sg_tensor_bytes(&s->piece);
    if (s->n < s->cap || numel == 0)
        return SEDGE_OK;
    int64_t cap = s->cap ? s->cap * 2 : ((int64_t)1 << 20) / (bytes ? bytes : 1) + 16;
    if (cap > l->trips)
        cap = l->trips;
    if (cap > SG_NUMEL_MAX / numel)
        return SG_EXEC_FAIL(x, SEDGE_E_NOMEM, "a stacked output is too large");
    void *room = sg_scratch(x, sg_dtype_bytes((sg_dtype)s->piece.dtype, (size_t)(cap * numel)));
    if (!room)
        return SEDGE_E_NOMEM;
    sg_span_copy((sg_dtype)s->piece.dtype, room, 0, s->piece.data, 0, s->n * numel);
    s->piece.data = room;
    s->cap = cap;
    return SEDGE_OK;
}

static sedge_status stack_push(sg_exec *x, const loop *l, int k, const sg_tensor *t)
{
    stack *s = &l->stacks[k];
    if (t->kind != SG_TENSOR)
        return SG_EXEC_FAIL(x, SEDGE_E_TYPE, "only tensors can be stacked");
    if (s->n == 0) {
        s->piece = *t;
        s->piece.data = NULL;
    } else if (t->dtype != s->piece.dtype || !sg_same_shape(t, &s->piece)) {
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "stacked output %d changes its shape at step %lld", l->n_state + k,
                            (long long)l->iter);
    }
    SG_TRY(stack_grow(x, l, s));
    int64_t numel = sg_numel(t);
    sg_span_copy((sg_dtype)t->dtype, s->piece.data, s->n * numel, t->data, 0, numel);
    s->n++;
    return SEDGE_OK;
}

static sedge_status loop_step(sg_exec *x, loop *l)
{
    const sg_tensor *cond = &l->outs[0];
    l->ins[0] = &l->iter_t;
    l->ins[1] = &l->cond_t;
    for (int k = 0; k < l->n_state; k++)
        l->ins[2 + k] = l->carry.now[k];
    for (int k = 2 + l->n_state; k < x->n_in; k++)
        l->ins[k] = x->in[k];
    SG_TRY(x->call(x, 0, l->ins, x->n_in, l->outs, 1 + x->n_out));
    if (cond->kind != SG_TENSOR || cond->dtype != SG_BOOL || sg_numel(cond) != 1)
        return SG_EXEC_FAIL(x, SEDGE_E_TYPE, "the body's condition must be one bool");
    l->cond = sg_load_i64(SG_BOOL, cond->data, 0) != 0;
    for (int k = 0; k < l->n_stack; k++)
        SG_TRY(stack_push(x, l, k, &l->outs[1 + l->n_state + k]));
    return sg_carry_take(x, &l->carry, l->outs + 1);
}

/* A carried value as output k. One that went in as an optional comes out as the value inside. */
static sedge_status state_out(sg_exec *x, int k, const sg_tensor *t)
{
    const sg_seq *s = t->kind == SG_OPT && x->out[k] && x->out[k]->kind != SG_OPT ? t->data : NULL;
    if (s && s->n)
        return sg_out_box(x, k, s->item[0]);
    return sg_out_copy(x, k, t);
}

static sedge_status loop_outputs(sg_exec *x, loop *l)
{
    for (int k = 0; k < l->n_state; k++)
        SG_TRY(state_out(x, k, l->carry.now[k]));
    for (int k = 0; k < l->n_stack; k++) {
        stack *s = &l->stacks[k];
        int rank;
        int64_t dim[SG_RANK_MAX], numel;
        if (s->n == 0)
            SG_TRY(sg_piece_type(x, k, &s->piece));
        SG_TRY(sg_stacked_dims(x, &s->piece, 0, s->n, &rank, dim));
        if (!sg_numel_checked(dim, rank, &numel))
            return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "a stacked output is too large");
        sg_tensor *out = sg_out(x, l->n_state + k, (sg_dtype)s->piece.dtype, rank, dim);
        if (!out)
            return SEDGE_E_NOMEM;
        sg_span_copy((sg_dtype)s->piece.dtype, out->data, 0, s->piece.data, 0, numel);
    }
    return SEDGE_OK;
}

sedge_status sg_ref_loop(sg_exec *x)
{
    loop l;
    sedge_status st = loop_open(x, &l);
    for (; st == SEDGE_OK && l.cond && l.iter < l.trips; l.iter++)
        st = loop_step(x, &l);
    if (st == SEDGE_OK)
        st = loop_outputs(x, &l);
    sg_carry_drop(x, &l.carry);
    return st;
}
