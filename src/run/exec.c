/* What references may ask of the session while they run. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "run/frame.h"

static sg_call *call_of(sg_exec *x)
{
    return x->frame;
}

sg_tensor *sg_out(sg_exec *x, int k, sg_dtype dtype, int rank, const int64_t *dim)
{
    sg_call *c = call_of(x);
    uint32_t v = k < x->n_out ? c->f->plan->operand[c->s->operand + c->s->n_in + (uint32_t)k] : 0;
    int64_t numel;
    if (k >= x->n_out || rank < 0 || rank > SG_RANK_MAX || !sg_numel_checked(dim, rank, &numel)) {
        sg_fail(x->err, SEDGE_E_SHAPE, "output %d has a bad shape", k);
        return NULL;
    }
    if (!v) { /* nobody reads it: give room all the same */
        sg_tensor *t = sg_scratch(x, sizeof *t);
        if (!t)
            return NULL;
        memset(t, 0, sizeof *t);
        t->dtype = (uint8_t)dtype;
        t->rank = (int8_t)rank;
        if (rank)
            memcpy(t->dim, dim, (size_t)rank * sizeof *dim);
        t->data = sg_scratch(x, sg_tensor_bytes(t));
        return t->data ? t : NULL;
    }
    sg_tensor *t = &c->f->val[v];
    const sg_slot *slot = &c->f->plan->slot[v];
    if (!slot->dynamic) {
        bool same = t->dtype == dtype && t->rank == rank && (!rank || memcmp(t->dim, dim, (size_t)rank * sizeof *dim) == 0);
        if (!same)
            sg_fail(x->err, SEDGE_E_SHAPE, "output %d is not of the planned type and shape", k);
        return same ? t : NULL;
    }
    if (t->data && t->kind == SG_TENSOR) /* asked twice: the first room is given back */
        sg_pool_free(x->pool, t->data);
    t->kind = SG_TENSOR;
    t->dtype = (uint8_t)dtype;
    t->rank = (int8_t)rank;
    if (rank)
        memcpy(t->dim, dim, (size_t)rank * sizeof *dim);
    t->data = sg_pool_alloc(x->pool, sg_tensor_bytes(t));
    if (!t->data) {
        sg_fail(x->err, SEDGE_E_NOMEM, "no memory for %zu bytes of output %d", sg_tensor_bytes(t), k);
        return NULL;
    }
    return t;
}

void *sg_scratch(sg_exec *x, size_t size)
{
    sg_run *r = call_of(x)->f->run;
    void *p = NULL;
    if (sg_grow(r->mem, &r->scratch, &r->cap_scratch, r->n_scratch + 1, sizeof *r->scratch) == SEDGE_OK)
        p = sg_pool_alloc(x->pool, size ? size : 1);
    if (!p) {
        sg_fail(x->err, SEDGE_E_NOMEM, "no memory for %zu bytes of scratch", size);
        return NULL;
    }
    r->scratch[r->n_scratch++] = p;
    return p;
}

sedge_status sg_exec_ref(sg_exec *x)
{
    const sg_step *s = call_of(x)->s;
    if (!s->absorbed)
        return sg_op_ref(x);
    sg_tensor **in = sg_scratch(x, (size_t)x->n_in * sizeof *in), *t = sg_scratch(x, (size_t)x->n_in * sizeof *t);
    if (!in || !t)
        return SEDGE_E_NOMEM;
    sg_exec own = *x;
    own.in = in;
    for (int k = 0; k < x->n_in; k++) {
        in[k] = x->in[k];
        if (!in[k] || !sg_step_absorbed(s, (uint32_t)k) || (uintptr_t)in[k]->data % sg_dtype_align((sg_dtype)in[k]->dtype) == 0)
            continue;
        size_t bytes = sg_tensor_bytes(in[k]);
        t[k] = *in[k];
        in[k] = &t[k];
        if (!(t[k].data = sg_scratch(x, bytes)))
            return SEDGE_E_NOMEM;
        memcpy(t[k].data, x->in[k]->data, bytes);
    }
    return sg_op_ref(&own);
}

char *sg_text(sg_exec *x, size_t n)
{
    char *p = sg_pool_text(x->pool, n ? n : 1);
    if (!p)
        sg_fail(x->err, SEDGE_E_NOMEM, "no memory for %zu bytes of text", n);
    return p;
}

sg_box *sg_box_copy(sg_exec *x, const sg_tensor *t)
{
    sg_box *b = sg_pool_alloc(x->pool, sizeof *b);
    if (!b) {
        sg_fail(x->err, SEDGE_E_NOMEM, "no memory for a box");
        return NULL;
    }
    b->refs = 1;
    b->t = *t;
    b->t.layout = SG_LAYOUT_ROW;
    if (t->kind != SG_TENSOR) {
        if (t->data)
            ((sg_seq *)t->data)->refs++;
        return b;
    }
    size_t bytes = sg_tensor_bytes(t);
    b->t.data = sg_pool_alloc(x->pool, bytes);
    if (!b->t.data) {
        sg_pool_free(x->pool, b);
        sg_fail(x->err, SEDGE_E_NOMEM, "no memory for %zu bytes", bytes);
        return NULL;
    }
    if (bytes)
        memcpy(b->t.data, t->data, bytes);
    return b;
}

void sg_box_ref(sg_box *b)
{
    b->refs++;
}

void sg_box_unref(sg_exec *x, sg_box *b)
{
    sg_pool_box_unref(x->pool, b);
}

sg_seq *sg_out_seq(sg_exec *x, int k, sg_kind kind, sg_dtype dtype, uint32_t n)
{
    sg_call *c = call_of(x);
    uint32_t v = k < x->n_out ? c->f->plan->operand[c->s->operand + c->s->n_in + (uint32_t)k] : 0;
    sg_seq *s = v ? sg_pool_alloc(x->pool, sizeof *s + n * sizeof *s->item) : NULL;
    if (!s) {
        sg_fail(x->err, v ? SEDGE_E_NOMEM : SEDGE_E_BUG, v ? "no memory for a list" : "output %d is not used", k);
        return NULL;
    }
    s->refs = 1;
    s->n = n;
    s->item = (sg_box **)(s + 1);
    memset(s->item, 0, n * sizeof *s->item);
    sg_tensor *t = &c->f->val[v];
    if (t->kind != SG_TENSOR)
        sg_pool_seq_unref(x->pool, t->data); /* asked twice: the first list is given back */
    t->kind = (uint8_t)kind;
    t->dtype = (uint8_t)dtype;
    t->rank = 0;
    t->data = s;
    return s;
}

sedge_status sg_out_copy(sg_exec *x, int k, const sg_tensor *t)
{
    sg_call *c = call_of(x);
    uint32_t v = k < x->n_out ? c->f->plan->operand[c->s->operand + c->s->n_in + (uint32_t)k] : 0;
    if (!v)
        return SEDGE_OK;
    if (t->kind == SG_TENSOR) {
        sg_tensor *o = sg_out(x, k, (sg_dtype)t->dtype, t->rank, t->dim);
        if (!o)
            return x->err ? x->err->status : SEDGE_E_NOMEM;
        size_t bytes = sg_tensor_bytes(t);
        if (bytes)
            memmove(o->data, t->data, bytes);
        return SEDGE_OK;
    }
    sg_tensor *o = &c->f->val[v];
    if (t->data)
        ((sg_seq *)t->data)->refs++;
    *o = *t;
    return SEDGE_OK;
}

sedge_status sg_out_box(sg_exec *x, int k, const sg_box *b)
{
    return sg_out_copy(x, k, &b->t);
}

void sg_run_log(const sg_run *r, const char *fmt, ...)
{
    char line[256];
    va_list ap;
    if (!r->log)
        return;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    r->log(r->log_ctx, line);
}
