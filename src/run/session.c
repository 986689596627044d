/* Sessions behind the public handle. */
#include <string.h>

#include "base/threads.h"
#include "run/api.h"
#include "run/bound.h"

void sedge_session_opts_init(sedge_session_opts *opts)
{
    memset(opts, 0, sizeof *opts);
    opts->spin_us = SG_SPIN_US;
}

void sedge_run_opts_init(sedge_run_opts *opts)
{
    memset(opts, 0, sizeof *opts);
}

void sedge_session_close(sedge_session **session)
{
    sedge_session *s = session ? *session : NULL;
    if (!s)
        return;
    const sg_plan *p = s->plan->plan;
    sg_frame_close(s->frame);
    if (s->run.dev)
        p->target->device->close(s->run.dev, &s->mem);
    for (uint32_t k = 0; s->input && k < p->n_input; k++)
        sg_pool_seq_unref(&s->run.pool, s->input[k].kind == SG_TENSOR ? NULL : s->input[k].data);
    sg_pool_close(&s->run.pool);
    sg_free(&s->mem, s->run.scratch, s->run.cap_scratch * sizeof *s->run.scratch);
    sg_free(&s->mem, s->input, ((size_t)p->n_input + 1) * sizeof *s->input);
    sg_free(&s->mem, s->bound, ((size_t)p->n_input + 1) * sizeof *s->bound);
    sg_free(&s->mem, s->state, ((size_t)p->n_input + 1) * sizeof *s->state);
    sg_mem mem = s->mem;
    sg_free(&mem, s, sizeof *s);
    *session = NULL;
}

/* Device memory: the constants that device steps read, then the arena at the default sizes. */
static sedge_status open_device(sedge_session *s, sg_err *err)
{
    sg_frame *f = s->frame;
    const sg_plan *p = f->plan;
    const sg_backend *be = p->target->device;
    if (!be)
        return SEDGE_OK;
    size_t weights = 0;
    for (uint32_t i = 1; i < p->n_slot; i++)
        if (p->slot[i].space == SG_SPACE_DEVICE && p->slot[i].base == SG_BASE_WEIGHTS && p->slot[i].storage == i)
            weights += sg_align_up(sg_tensor_bytes(&f->val[i]));
    for (uint32_t i = 0; i < p->n_place[SG_SPACE_DEVICE]; i++) {
        const sg_slot *slot = &p->slot[p->place[SG_SPACE_DEVICE][i].slot];
        int64_t dim[SG_RANK_MAX];
        for (int k = 0; k < slot->type.rank; k++)
            dim[k] = sg_dim_value(slot->type.dim[k], p->default_dim);
        size_t bytes;
        if (!sg_slot_bytes(slot, dim, &bytes))
            return sg_fail(err, SEDGE_E_SHAPE, "a value is too large for the device");
        f->size[i] = sg_align_up(bytes);
    }
    size_t arena = sg_plan_place(p, SG_SPACE_DEVICE, f->size, f->off, f->conflict[SG_SPACE_DEVICE], f->scratch);
    s->dev_bytes = weights + arena + SG_ALIGN;
    SG_TRY(be->open(&s->run.dev, &s->mem, s->dev_bytes, err));
    size_t at = 0;
    for (uint32_t i = 1; i < p->n_slot; i++) {
        if (p->slot[i].space != SG_SPACE_DEVICE || p->slot[i].base != SG_BASE_WEIGHTS || p->slot[i].storage != i)
            continue;
        size_t bytes = sg_tensor_bytes(&f->val[i]);
        SG_TRY(be->upload(s->run.dev, at, f->val[i].data, bytes));
        f->val[i].data = (void *)(uintptr_t)at;
        at += sg_align_up(bytes);
    }
    f->dev_base = at;
    return SEDGE_OK;
}

static sedge_status open_session(sedge_session *s, sg_err *err)
{
    const sg_plan *p = s->plan->plan;
    s->input = sg_calloc(&s->mem, (size_t)p->n_input + 1, sizeof *s->input);
    s->bound = sg_calloc(&s->mem, (size_t)p->n_input + 1, sizeof *s->bound);
    s->state = sg_calloc(&s->mem, (size_t)p->n_input + 1, sizeof *s->state);
    if (!s->input || !s->bound || !s->state)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    for (uint32_t k = 0; k < p->n_input; k++)
        if (p->link[k] >= 0)
            s->state[s->n_state++] = (sg_state){.in = k, .out = (uint32_t)p->link[k]};
    SG_TRY(sg_frame_open(&s->frame, p, &s->run, err));
    for (uint32_t i = s->n_state; i-- > 0;) /* of two states that an output becomes, the second is a copy */
        s->frame->spare[s->state[i].out] = &s->state[i].spare;
    return open_device(s, err);
}

sedge_status sedge_session_open(sedge_session **out, const sedge_plan *plan, const sedge_session_opts *opts, sedge_error *err)
{
    sedge_session_opts def;
    sedge_session_opts_init(&def);
    sedge_error own = {0};
    err = err ? err : &own;
    opts = opts ? opts : &def;
    *out = NULL;
    sg_mem mem = {.fn = opts->alloc, .ctx = opts->alloc_ctx, .limit = opts->memory_limit ? opts->memory_limit : sg_ram_bytes()};
    sedge_session *s = sg_calloc(&mem, 1, sizeof *s);
    if (!s)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    s->mem = mem;
    s->plan = plan;
    s->run.mem = s->run.pool.mem = &s->mem;
    s->run.rng = opts->seed;
    s->spin_us = opts->spin_us;
    s->run.threads = opts->threads ? (int)(opts->threads < 64 ? opts->threads : 64) : sg_cpu_count();
    s->run.on_step = opts->on_step;
    s->run.on_step_ctx = opts->on_step_ctx;
    s->run.log = opts->log;
    s->run.log_ctx = opts->log_ctx;
    *out = s;
    sedge_status st = open_session(s, err);
    if (st != SEDGE_OK) {
        sg_fail(err, st, "the session cannot be opened");
        sedge_session_close(out);
    }
    return st;
}

/* A public list (data: dim[0] tensors) to a boxed one of the pool. */
static sg_seq *seq_in(sedge_session *s, const sedge_tensor *t, int depth)
{
    if (depth > 8 || t->dim[0] < 0 || t->dim[0] > (int64_t)1 << 28)
        return NULL;
    uint32_t n = (uint32_t)t->dim[0];
    sg_seq *q = sg_pool_alloc(&s->run.pool, sizeof *q + n * sizeof *q->item);
    if (!q)
        return NULL;
    q->refs = 1;
    q->n = n;
    q->item = (sg_box **)(q + 1);
    memset(q->item, 0, n * sizeof *q->item);
    for (uint32_t i = 0; i < n; i++) {
        const sedge_tensor *e = (const sedge_tensor *)t->data + i;
        sg_box *b = sg_pool_alloc(&s->run.pool, sizeof *b);
        if (!b)
            goto fail;
        memset(b, 0, sizeof *b);
        b->refs = 1;
        memcpy(&b->t, e, sizeof b->t);
        q->item[i] = b;
        if (e->kind != SEDGE_TENSOR) {
            b->t.rank = 0;
            b->t.data = seq_in(s, e, depth + 1);
        } else {
            size_t bytes = sedge_tensor_bytes(e);
            b->t.data = sg_pool_alloc(&s->run.pool, bytes);
            if (b->t.data && bytes)
                memcpy(b->t.data, e->data, bytes);
        }
        if (!b->t.data)
            goto fail;
    }
    return q;

fail:
    sg_pool_seq_unref(&s->run.pool, q);
    return NULL;
}

/* A boxed list as the public form, in the pool's text heap: it lives until the next run. */
static bool seq_out(sedge_session *s, const sg_tensor *t, sedge_tensor *out)
{
    const sg_seq *q = t->data;
    uint32_t n = q ? q->n : 0;
    memset(out, 0, sizeof *out);
    out->kind = t->kind;
    out->dtype = t->dtype;
    out->rank = 1;
    out->dim[0] = n;
    char *room = sg_pool_text(&s->run.pool, n * sizeof(sedge_tensor) + 16);
    if (!room)
        return false;
    sedge_tensor *items = (sedge_tensor *)(((uintptr_t)room + 15) & ~(uintptr_t)15);
    out->data = items;
    for (uint32_t i = 0; i < n; i++) {
        if (q->item[i]->t.kind != SG_TENSOR) {
            if (!seq_out(s, &q->item[i]->t, &items[i]))
                return false;
        } else {
            memcpy(&items[i], &q->item[i]->t, sizeof items[i]);
        }
    }
    return true;
}

sedge_status sedge_session_set_input(sedge_session *s, int i, const sedge_tensor *t, sedge_error *err)
{
    const sg_plan *p = s->plan->plan;
    sedge_error own = {0};
    err = err ? err : &own;
    if (i < 0 || (uint32_t)i >= p->n_input)
        return sg_fail(err, SEDGE_E_ARG, "there is no input %d: the model has %u", i, p->n_input);
    const sg_slot *slot = &p->slot[p->input[i]];
    const char *name = slot->name ? slot->name : "";
    char text[128];
    if (t->kind != slot->type.kind || (t->kind == SEDGE_TENSOR && slot->type.dtype != SG_NONE && t->dtype != slot->type.dtype))
        return sg_fail(err, SEDGE_E_TYPE, "input %s: %s given, %s expected", name, sedge_dtype_name(t->dtype),
                       sg_type_text(&slot->type, p->dims, text, sizeof text));
    int64_t numel;
    if (t->rank < 0 || t->rank > SEDGE_RANK_MAX || !sg_numel_checked(t->dim, t->rank, &numel))
        return sg_fail(err, SEDGE_E_SHAPE, "input %s: bad shape", name);
    if (t->kind == SEDGE_TENSOR && slot->type.rank >= 0 && t->rank != slot->type.rank)
        return sg_fail(err, SEDGE_E_SHAPE, "input %s: rank %d given, %s expected", name, t->rank,
                       sg_type_text(&slot->type, p->dims, text, sizeof text));
    static uint64_t nothing[2]; /* what tensors without elements point at */
    if (t->kind == SEDGE_TENSOR && !t->data && numel)
        return sg_fail(err, SEDGE_E_ARG, "input %s: no data", name);
    sg_tensor *in = &s->input[i];
    if (in->kind != SG_TENSOR)
        sg_pool_seq_unref(&s->run.pool, in->data);
    memcpy(in, t, sizeof *in);
    if (t->kind == SEDGE_TENSOR && !t->data)
        in->data = nothing;
    s->bound[i] = true;
    if (t->kind != SEDGE_TENSOR) {
        in->rank = 0;
        in->data = seq_in(s, t, 0);
        if (!in->data) {
            s->bound[i] = false;
            return sg_fail(err, SEDGE_E_NOMEM, "input %s: no memory for its items", name);
        }
    }
    return SEDGE_OK;
}

bool sg_session_bound(const sedge_session *s, int i, sedge_tensor *out)
{
    if (i < 0 || (uint32_t)i >= s->plan->plan->n_input || !s->bound[i] || s->input[i].kind != SG_TENSOR)
        return false;
    memcpy(out, &s->input[i], sizeof *out);
    return true;
}

sedge_status sedge_session_set_output(sedge_session *s, int i, void *data, size_t capacity, sedge_error *err)
{
    if (i < 0 || (uint32_t)i >= s->plan->plan->n_output)
        return sg_fail(err, SEDGE_E_ARG, "there is no output %d", i);
    s->frame->user_out[i] = data;
    s->frame->user_cap[i] = capacity;
    return SEDGE_OK;
}

static int state_of_input(const sedge_session *s, uint32_t k)
{
    for (uint32_t i = 0; i < s->n_state; i++)
        if (s->state[i].in == k)
            return (int)i;
    return -1;
}

/* Fresh state: zeros. A symbolic dim takes the value that another input gives it, else 0 (an empty cache). */
static sedge_status state_fresh(sedge_session *s, sg_state *st, sg_err *err)
{
    const sg_plan *p = s->plan->plan;
    const sg_type *ty = &p->slot[p->input[st->in]].type;
    st->t.dtype = ty->dtype;
    st->t.rank = ty->rank < 0 ? 0 : ty->rank;
    for (int d = 0; d < st->t.rank; d++) {
        st->t.dim[d] = sg_dim_is_expr(ty->dim[d]) ? 0 : ty->dim[d];
        for (uint32_t k = 0; sg_dim_is_expr(ty->dim[d]) && k < p->n_input; k++) {
            const sg_type *other = &p->slot[p->input[k]].type;
            for (int e = 0; s->bound[k] && state_of_input(s, k) < 0 && e < other->rank; e++)
                if (other->dim[e] == ty->dim[d])
                    st->t.dim[d] = s->input[k].dim[e];
        }
    }
    size_t bytes = sg_tensor_bytes(&st->t);
    st->t.data = sg_pool_alloc(&s->run.pool, bytes);
    if (!st->t.data)
        return sg_fail(err, SEDGE_E_NOMEM, "no memory for %zu bytes of state", bytes);
    const sg_import_info *info = &s->plan->model->info;
    uint32_t own = st->in + (uint32_t)info->n_state - p->n_input;
    const void *first = st->in + (uint32_t)info->n_state >= p->n_input ? info->state[own] : NULL;
    if (first)
        memcpy(st->t.data, first, bytes);
    else
        memset(st->t.data, 0, bytes);
    return SEDGE_OK;
}

static sedge_status inputs_ready(sedge_session *s, sg_err *err)
{
    const sg_plan *p = s->plan->plan;
    for (uint32_t k = 0; k < p->n_input; k++) {
        sg_tensor *v = &s->frame->val[p->input[k]];
        int st = state_of_input(s, k);
        if (st >= 0 && !s->bound[k]) {
            if (!s->state[st].t.data)
                SG_TRY(state_fresh(s, &s->state[st], err));
            *v = s->state[st].t;
            continue;
        }
        if (!s->bound[k]) {
            char text[128];
            const sg_slot *slot = &p->slot[p->input[k]];
            if (slot->type.kind == SG_OPT) { /* an absent optional */
                memset(v, 0, sizeof *v);
                v->kind = SG_OPT;
                v->dtype = slot->type.dtype;
                continue;
            }
            return sg_fail(err, SEDGE_E_ARG, "input %s is missing: %s expected", slot->name ? slot->name : "",
                           sg_type_text(&slot->type, p->dims, text, sizeof text));
        }
        *v = s->input[k];
    }
    return SEDGE_OK;
}

/* An output that was not computed straight into the spare block of its state is copied there. */
static sedge_status state_fill(sedge_session *s, sg_state *st, sg_err *err)
{
    const sg_tensor *o = &s->frame->val[s->plan->plan->output[st->out]];
    if (st->spare && o->data == st->spare)
        return SEDGE_OK;
    size_t bytes = sg_tensor_bytes(o);
    if (!st->spare || sg_pool_room(st->spare) < bytes) {
        sg_pool_free(&s->run.pool, st->spare);
        st->spare = sg_pool_alloc(&s->run.pool, bytes);
        if (!st->spare)
            return sg_fail(err, SEDGE_E_NOMEM, "no memory for %zu bytes of state", bytes);
    }
    if (bytes)
        memcpy(st->spare, o->data, bytes);
    return SEDGE_OK;
}

/* The states of this run stay whole until all of the next are there; then the blocks change places. */
static sedge_status states_step(sedge_session *s, sg_err *err)
{
    const sg_plan *p = s->plan->plan;
    for (uint32_t i = 0; i < s->n_state; i++)
        SG_TRY(state_fill(s, &s->state[i], err));
    for (uint32_t i = 0; i < s->n_state; i++) {
        sg_state *st = &s->state[i];
        void *old = st->t.data;
        st->t = s->frame->val[p->output[st->out]];
        st->t.data = st->spare;
        st->spare = old;
    }
    return SEDGE_OK;
}

/* Forgets a state. What the caller may still read as an output of the last run is kept as the spare block. */
static void state_drop(sedge_session *s, sg_state *st)
{
    void *drop = st->t.data;
    if (drop && st->spare != s->frame->val[s->plan->plan->output[st->out]].data) {
        drop = st->spare;
        st->spare = st->t.data;
    }
    sg_pool_free(&s->run.pool, drop);
    st->t.data = NULL;
}

/* Outputs that could not be computed in place in the caller's buffer are copied there. */
static sedge_status outputs_to_caller(sedge_session *s, sg_err *err)
{
    const sg_frame *f = s->frame;
    const sg_plan *p = f->plan;
    for (uint32_t k = 0; k < p->n_output; k++) {
        sg_tensor *t = &f->val[p->output[k]];
        if (!f->user_out[k] || t->kind != SG_TENSOR || t->data == f->user_out[k])
            continue;
        size_t bytes = sg_tensor_bytes(t);
        if (bytes > f->user_cap[k])
            return sg_fail(err, SEDGE_E_LIMIT, "output %u needs %zu bytes, the buffer given has %zu", k, bytes, f->user_cap[k]);
        if (bytes)
            memcpy(f->user_out[k], t->data, bytes);
    }
    return SEDGE_OK;
}

sedge_status sedge_session_run(sedge_session *s, const sedge_run_opts *opts, sedge_error *err)
{
    sedge_run_opts def = {0};
    sedge_error own = {0};
    err = err ? err : &own;
    opts = opts ? opts : &def;
    s->ran = false;
    s->run.cancel = opts->cancel;
    s->run.deadline = opts->deadline_s > 0 ? sg_now() + opts->deadline_s : 0;
    s->run.macs_limited = opts->macs > 0;
    s->run.macs_left = (double)opts->macs;
    s->run.depth = 0;
    sg_parallel_spin(s->spin_us);
    sg_pool_text_reset(&s->run.pool);
    sedge_status st = inputs_ready(s, err);
    if (st == SEDGE_OK)
        st = sg_frame_run(s->frame, err);
    if (st == SEDGE_OK)
        st = outputs_to_caller(s, err);
    if (st == SEDGE_OK)
        st = states_step(s, err);
    s->ran = st == SEDGE_OK;
    return st == SEDGE_OK ? st : sg_fail(err, st, "the run failed");
}

sedge_status sedge_session_get_output(sedge_session *s, int i, sedge_tensor *out, sedge_error *err)
{
    const sg_plan *p = s->plan->plan;
    if (i < 0 || (uint32_t)i >= p->n_output)
        return sg_fail(err, SEDGE_E_ARG, "there is no output %d: the model has %u", i, p->n_output);
    if (!s->ran)
        return sg_fail(err, SEDGE_E_ARG, "the session has not run");
    const sg_tensor *t = &s->frame->val[p->output[i]];
    if (t->kind != SG_TENSOR)
        return seq_out(s, t, out) ? SEDGE_OK : sg_fail(err, SEDGE_E_NOMEM, "no memory for the items of output %d", i);
    memcpy(out, t, sizeof *out);
    if (s->frame->user_out[i])
        out->data = s->frame->user_out[i];
    return SEDGE_OK;
}

sedge_status sedge_session_state_reset(sedge_session *s, sedge_error *err)
{
    (void)err;
    for (uint32_t i = 0; i < s->n_state; i++)
        state_drop(s, &s->state[i]);
    return SEDGE_OK;
}

int sedge_session_states(const sedge_session *s)
{
    return (int)s->n_state;
}

sedge_status sedge_session_state_get(sedge_session *s, int i, sedge_tensor *out, sedge_error *err)
{
    if (i < 0 || (uint32_t)i >= s->n_state)
        return sg_fail(err, SEDGE_E_ARG, "there is no state %d", i);
    if (!s->state[i].t.data)
        SG_TRY(state_fresh(s, &s->state[i], err));
    memcpy(out, &s->state[i].t, sizeof *out);
    return SEDGE_OK;
}

sedge_status sedge_session_state_set(sedge_session *s, int i, const sedge_tensor *t, sedge_error *err)
{
    const sg_plan *p = s->plan->plan;
    if (i < 0 || (uint32_t)i >= s->n_state)
        return sg_fail(err, SEDGE_E_ARG, "there is no state %d", i);
    const sg_type *ty = &p->slot[p->input[s->state[i].in]].type;
    int64_t numel;
    if (t->kind != SEDGE_TENSOR || t->dtype != ty->dtype || (ty->rank >= 0 && t->rank != ty->rank) || t->rank < 0 ||
        t->rank > SEDGE_RANK_MAX || !sg_numel_checked(t->dim, t->rank, &numel))
        return sg_fail(err, SEDGE_E_TYPE, "state %d is of another type", i);
    size_t bytes = sedge_tensor_bytes(t);
    void *room = sg_pool_alloc(&s->run.pool, bytes);
    if (!room)
        return sg_fail(err, SEDGE_E_NOMEM, "no memory for %zu bytes of state", bytes);
    if (bytes)
        memcpy(room, t->data, bytes);
    state_drop(s, &s->state[i]);
    memcpy(&s->state[i].t, t, sizeof s->state[i].t);
    s->state[i].t.data = room;
    return SEDGE_OK;
}

void sedge_session_get_stats(const sedge_session *s, sedge_session_stats *out)
{
    memset(out, 0, sizeof *out);
    out->arena_bytes = s->frame->arena_size;
    out->pool_bytes = s->run.pool.held;
    for (uint32_t i = 0; i < s->n_state; i++)
        out->state_bytes += s->state[i].t.data ? sg_tensor_bytes(&s->state[i].t) : 0;
    out->total_bytes = s->mem.used;
    out->peak_bytes = s->mem.peak;
    out->allocations = s->mem.calls;
    out->prepares = s->run.prepares;
}

int sedge_session_step_work(const sedge_session *s, int i, sedge_step_work *out)
{
    const sg_frame *f = s->frame;
    *out = (sedge_step_work){0};
    if (!s->ran || i < 0 || (uint32_t)i >= f->plan->n_step)
        return 0;
    const sg_step *st = &f->plan->step[i];
    out->macs = sg_frame_macs(f, st);
    for (uint32_t k = 0; k < (uint32_t)st->n_in + st->n_out; k++) {
        const sg_tensor *t = f->operand[st->operand + k];
        if (t && t->kind == SG_TENSOR)
            out->bytes += (double)sg_tensor_bytes(t);
        if (t && k == 0)
            out->eight_bits = t->dtype == SG_I8 || t->dtype == SG_U8;
    }
    return 1;
}
