/* Running a frame: step after step, and calling regions. */
#include "run/frame.h"

#include <string.h>

#include "base/map.h"
#include "op/macs.h"

/* Bodies inside bodies: deeper than this is refused. */
#define DEPTH_MAX     64
#define CONTENT_SLOTS 9
/* Of the content of a slot. */
#define FILL_BYTES (SG_CONTENT_MAX * sizeof(int64_t))

static void init_values(sg_frame *f)
{
    const sg_plan *p = f->plan;
    for (size_t i = 0; i < p->dims->n; i++)
        f->dim_value[i] = -1; /* a symbol that no input binds */
    for (uint32_t i = 1; i < p->n_slot; i++) {
        const sg_slot *s = &p->slot[i];
        sg_tensor *t = &f->val[i];
        t->kind = s->type.kind;
        t->dtype = s->type.dtype;
        t->rank = s->type.rank < 0 ? 0 : s->type.rank;
        t->layout = s->type.layout;
        if (s->base == SG_BASE_WEIGHTS && s->storage == i) { /* views of one: when they are pointed */
            static const uint64_t nothing[2] = {0}; /* a constant without elements may have no bytes */
            t->data = (void *)(uintptr_t)(s->data ? s->data : nothing);
        }
        for (int k = 0; k < t->rank && !s->symbolic; k++)
            t->dim[k] = s->type.dim[k];
    }
    for (uint32_t i = 0; i < p->n_filled; i++)
        f->val[p->filled[i]].data = f->filled + i * FILL_BYTES;
    for (int space = 0; space < SG_SPACES; space++)
        for (uint32_t i = 0; i < p->n_conflict[space]; i++)
            f->conflict[space][i] = p->conflict[space][i];
    for (uint32_t i = 0; i < p->n_operand; i++)
        f->operand[i] = p->operand[i] ? &f->val[p->operand[i]] : NULL;
}

static sedge_status alloc_frame(sg_frame *f)
{
    const sg_plan *p = f->plan;
    sg_mem *m = f->run->mem;
    uint32_t places = p->n_place[0] > p->n_place[1] ? p->n_place[0] : p->n_place[1];
    bool ok = (f->val = sg_calloc(m, (size_t)p->n_slot + 1, sizeof *f->val)) &&
              (f->operand = sg_calloc(m, (size_t)p->n_operand + 1, sizeof *f->operand)) &&
              (f->kept = sg_calloc(m, p->kept_bytes + 1, 1)) && (f->sub = sg_calloc(m, (size_t)p->n_step + 1, sizeof *f->sub)) &&
              (f->dim_value = sg_calloc(m, p->dims->n + 1, sizeof *f->dim_value)) &&
              (f->filled = sg_calloc(m, (size_t)p->n_filled + 1, FILL_BYTES)) &&
              (f->bound_dims = sg_calloc(m, (size_t)p->n_input * (SG_RANK_MAX + 1) + 1, sizeof *f->bound_dims)) &&
              (f->out_buf = sg_calloc(m, (size_t)p->n_output + 1, sizeof *f->out_buf)) &&
              (f->out_size = sg_calloc(m, (size_t)p->n_output + 1, sizeof *f->out_size)) &&
              (f->spare = sg_calloc(m, (size_t)p->n_output + 1, sizeof *f->spare)) &&
              (f->user_out = sg_calloc(m, (size_t)p->n_output + 1, sizeof *f->user_out)) &&
              (f->user_cap = sg_calloc(m, (size_t)p->n_output + 1, sizeof *f->user_cap)) &&
              (f->size = sg_calloc(m, (size_t)places + 1, sizeof *f->size)) &&
              (f->off = sg_calloc(m, (size_t)places + 1, sizeof *f->off)) &&
              (f->conflict[0] = sg_calloc(m, (size_t)p->n_conflict[0] + 1, sizeof **f->conflict)) &&
              (f->conflict[1] = sg_calloc(m, (size_t)p->n_conflict[1] + 1, sizeof **f->conflict)) &&
              (f->scratch = sg_calloc(m, 2 * (size_t)places + 1, sizeof *f->scratch)) &&
              (f->type = sg_calloc(m, (size_t)p->max_in + p->max_out + 2, sizeof *f->type)) &&
              (f->type_in = sg_calloc(m, (size_t)p->max_in + 1, sizeof *f->type_in)) &&
              (f->data_in = sg_calloc(m, (size_t)p->max_in + 1, sizeof *f->data_in)) &&
              (f->content_in = sg_calloc(m, (size_t)p->max_in + 1, sizeof *f->content_in)) &&
              (f->content = sg_calloc(m, CONTENT_SLOTS * SG_CONTENT_MAX, sizeof *f->content));
    return ok ? SEDGE_OK : SEDGE_E_NOMEM;
}

sedge_status sg_frame_open(sg_frame **out, const sg_plan *plan, sg_run *run, sg_err *err)
{
    *out = NULL;
    sg_frame *f = sg_calloc(run->mem, 1, sizeof *f);
    if (!f)
        return sg_fail(err, SEDGE_E_NOMEM, "no memory for a frame");
    f->plan = plan;
    f->run = run;
    sedge_status st = alloc_frame(f);
    if (st != SEDGE_OK)
        sg_fail(err, st, "no memory for a frame of %u values", plan->n_slot);
    if (st == SEDGE_OK)
        init_values(f);
    for (uint32_t t = 0; st == SEDGE_OK && t < plan->n_step; t++) {
        const sg_step *s = &plan->step[t];
        if (!s->n_region)
            continue;
        f->sub[t] = sg_calloc(run->mem, s->n_region, sizeof *f->sub[t]);
        if (!f->sub[t])
            st = sg_fail(err, SEDGE_E_NOMEM, "no memory for a frame");
        for (int k = 0; st == SEDGE_OK && k < s->n_region; k++)
            if ((st = sg_frame_open(&f->sub[t][k], s->region[k], run, err)) == SEDGE_OK)
                f->sub[t][k]->body = true;
    }
    if (st != SEDGE_OK) {
        sg_frame_close(f);
        return st;
    }
    *out = f;
    return SEDGE_OK;
}

void sg_frame_close(sg_frame *f)
{
    if (!f)
        return;
    const sg_plan *p = f->plan;
    sg_mem *m = f->run->mem;
    if (f->val && f->operand)
        sg_frame_clear(f);
    for (uint32_t t = 0; f->sub && t < p->n_step; t++) {
        for (int k = 0; f->sub[t] && k < p->step[t].n_region; k++)
            sg_frame_close(f->sub[t][k]);
        sg_free(m, f->sub[t], p->step[t].n_region * sizeof *f->sub[t]);
    }
    for (uint32_t k = 0; f->out_buf && f->out_size && k < p->n_output; k++)
        sg_free_aligned(m, f->out_buf[k], f->out_size[k]);
    uint32_t places = p->n_place[0] > p->n_place[1] ? p->n_place[0] : p->n_place[1];
    if (!f->body)
        sg_free_aligned(m, f->arena, f->arena_size);
    sg_free(m, f->val, ((size_t)p->n_slot + 1) * sizeof *f->val);
    sg_free(m, f->operand, ((size_t)p->n_operand + 1) * sizeof *f->operand);
    sg_free(m, f->kept, p->kept_bytes + 1);
    sg_free(m, f->sub, ((size_t)p->n_step + 1) * sizeof *f->sub);
    sg_free(m, f->dim_value, (p->dims->n + 1) * sizeof *f->dim_value);
    sg_free(m, f->filled, ((size_t)p->n_filled + 1) * FILL_BYTES);
    sg_free(m, f->bound_dims, ((size_t)p->n_input * (SG_RANK_MAX + 1) + 1) * sizeof *f->bound_dims);
    sg_free(m, f->out_buf, ((size_t)p->n_output + 1) * sizeof *f->out_buf);
    sg_free(m, f->out_size, ((size_t)p->n_output + 1) * sizeof *f->out_size);
    sg_free(m, f->spare, ((size_t)p->n_output + 1) * sizeof *f->spare);
    sg_free(m, f->user_out, ((size_t)p->n_output + 1) * sizeof *f->user_out);
    sg_free(m, f->user_cap, ((size_t)p->n_output + 1) * sizeof *f->user_cap);
    sg_free(m, f->size, ((size_t)places + 1) * sizeof *f->size);
    sg_free(m, f->off, ((size_t)places + 1) * sizeof *f->off);
    for (int space = 0; space < SG_SPACES; space++)
        sg_free(m, f->conflict[space], ((size_t)p->n_conflict[space] + 1) * sizeof **f->conflict);
    sg_free(m, f->scratch, (2 * (size_t)places + 1) * sizeof *f->scratch);
    sg_free(m, f->type, ((size_t)p->max_in + p->max_out + 2) * sizeof *f->type);
    sg_free(m, f->type_in, ((size_t)p->max_in + 1) * sizeof *f->type_in);
    sg_free(m, f->data_in, ((size_t)p->max_in + 1) * sizeof *f->data_in);
    sg_free(m, f->content_in, ((size_t)p->max_in + 1) * sizeof *f->content_in);
    sg_free(m, f->content, CONTENT_SLOTS * SG_CONTENT_MAX * sizeof *f->content);
    sg_free(m, f, sizeof *f);
}

static void free_storage(sg_frame *f, uint32_t slot)
{
    sg_tensor *t = &f->val[slot];
    if (t->kind == SG_TENSOR)
        sg_pool_free(&f->run->pool, t->data);
    else
        sg_pool_seq_unref(&f->run->pool, t->data);
    t->data = NULL;
}

void sg_frame_clear(sg_frame *f)
{
    const sg_plan *p = f->plan;
    for (uint32_t i = 1; i < p->n_slot && p->n_dynamic; i++)
        if (p->slot[i].base == SG_BASE_POOL && p->slot[i].storage == i && f->val[i].data)
            free_storage(f, i);
}

static sedge_status transfer(sg_frame *f, const sg_step *s, sg_err *err)
{
    const sg_plan *p = f->plan;
    const sg_backend *be = p->target->device;
    uint32_t from = p->operand[s->operand], to = p->operand[s->operand + 1];
    size_t bytes = sg_tensor_bytes(&f->val[from]);
    sedge_status st;
    if (p->slot[to].space == SG_SPACE_DEVICE)
        st = be->upload(f->run->dev, (size_t)(uintptr_t)f->val[to].data, f->val[from].data, bytes);
    else if ((st = be->wait(f->run->dev, err)) == SEDGE_OK)
        st = be->download(f->run->dev, (size_t)(uintptr_t)f->val[from].data, f->val[to].data, bytes);
    return st == SEDGE_OK ? st : sg_fail(err, st, "transfer failed");
}

static sedge_status stop_asked(const sg_run *r, sg_err *err)
{
    if (r->cancel && *r->cancel)
        return sg_fail(err, SEDGE_E_CANCELLED, "cancelled");
    if (r->deadline > 0 && sg_now() > r->deadline)
        return sg_fail(err, SEDGE_E_DEADLINE, "the deadline passed");
    return SEDGE_OK;
}

/* What a body or an optional gave may not be the tensor that was planned. */
static sedge_status tensors_only(const sg_frame *f, const sg_step *s, sg_err *err)
{
    for (uint32_t k = 0; k < s->n_in; k++) {
        const sg_tensor *t = f->operand[s->operand + k];
        if (t && (t->kind != SG_TENSOR || !t->data) && (t->kind != SG_TENSOR || sg_numel(t) != 0))
            return sg_fail(err, SEDGE_E_TYPE, "input %u is no tensor", k);
    }
    return SEDGE_OK;
}

double sg_frame_macs(const sg_frame *f, const sg_step *s)
{
    sg_type type[5];
    const sg_type *in[4] = {NULL};
    int n = s->n_in < 4 ? s->n_in : 4;
    for (int k = 0; k < n; k++)
        if (f->operand[s->operand + (uint32_t)k]) {
            sg_type_of(f->operand[s->operand + (uint32_t)k], &type[k]);
            in[k] = &type[k];
        }
    const sg_tensor *o = s->op && s->n_out ? f->operand[s->operand + s->n_in] : NULL;
    if (!o)
        return 0;
    sg_type_of(o, &type[4]);
    return sg_op_macs(s->op, s->attrs, in, n, &type[4]);
}

/* Takes the step's multiply-adds from the budget of the run. */
static sedge_status spend_macs(sg_frame *f, const sg_step *s, sg_err *err)
{
    f->run->macs_left -= sg_frame_macs(f, s);
    if (f->run->macs_left < 0)
        return sg_fail(err, SEDGE_E_LIMIT, "the budget of multiply-adds ends here");
    return SEDGE_OK;
}

sg_exec sg_frame_exec(const sg_frame *f, const sg_step *s, sg_err *err)
{
    sg_run *r = f->run;
    return (sg_exec){.op = s->op,
                     .attrs = s->attrs,
                     .n_in = s->n_in,
                     .n_out = s->n_out,
                     .in = f->operand + s->operand,
                     .out = f->operand + s->operand + s->n_in,
                     .pool = &r->pool,
                     .rng = &r->rng,
                     .threads = r->threads,
                     .err = err,
                     .call = sg_call_region,
                     .packed = s->packed,
                     .kept = s->kernel.kept ? f->kept + s->kept : NULL};
}

/* The room of the step's bodies in the arena is theirs while it runs; what did not fit there came from the pool. */
static void lend_arena(const sg_frame *f, const sg_step *s, uint32_t index, bool back)
{
    const sg_tensor *room = s->scratch && !back ? &f->val[s->scratch] : NULL;
    for (int k = 0; k < s->n_region; k++) {
        sg_frame *body = f->sub[index][k];
        sg_pool_free(&f->run->pool, body->block);
        body->block = NULL;
        body->arena = room ? room->data : NULL;
        body->arena_size = room ? (size_t)room->dim[0] : 0;
    }
}

/* Runs the kernel with the scratch that prepare placed, or with a block sized by the shapes of now. */
static sedge_status run_kernel(const sg_frame *f, const sg_step *s, sg_exec *x)
{
    if (!s->kernel.scratch)
        return s->kernel.run(x);
    size_t bytes;
    if (s->scratch) {
        if (f->val[s->scratch].dtype == SG_NONE)
            return sg_exec_ref(x);
        x->scratch = f->val[s->scratch].data;
    } else if (!s->kernel.scratch(x, &bytes)) {
        return sg_exec_ref(x);
    } else if (!(x->scratch = sg_scratch(x, bytes))) {
        return SEDGE_E_NOMEM;
    }
    return s->kernel.run(x);
}

static sedge_status run_step(sg_frame *f, uint32_t index, sg_err *err)
{
    const sg_step *s = &f->plan->step[index];
    if (!s->op)
        return transfer(f, s, err);
    if (!s->backend && !(s->op->flags & (SG_OPF_BOXED | SG_OPF_CONTROL)))
        SG_TRY(tensors_only(f, s, err));
    if (s->shape_at_run)
        SG_TRY(sg_frame_shape(f, s, true, err));
    if (s->view) /* its reference only checks the count of elements */
        f->operand[s->operand + s->n_in]->data = f->operand[s->operand]->data;
    sg_run *r = f->run;
    if (r->macs_limited)
        SG_TRY(spend_macs(f, s, err));
    size_t mark = r->n_scratch;
    sg_call c = {.x = sg_frame_exec(f, s, err), .f = f, .s = s, .index = index};
    c.x.frame = &c;
    lend_arena(f, s, index, false);
    sedge_status st = s->backend ? f->plan->target->device->enqueue(r->dev, s, &c.x) : run_kernel(f, s, &c.x);
    lend_arena(f, s, index, true);
    while (r->n_scratch > mark)
        sg_pool_free(&r->pool, r->scratch[--r->n_scratch]);
    if (st != SEDGE_OK)
        return sg_fail(err, st, "failed");
    return SEDGE_OK;
}

static void kill_storages(sg_frame *f, const sg_step *s)
{
    for (uint32_t k = 0; k < s->n_kill; k++)
        free_storage(f, f->plan->kill[s->kill + k]);
}

sedge_status sg_frame_run(sg_frame *f, sg_err *err)
{
    sg_frame_clear(f);
    SG_TRY(sg_frame_prepare(f, err));
    const sg_plan *p = f->plan;
    sg_run *r = f->run;
    bool timed = r->on_step && r->depth == 0;
    double t0 = timed ? sg_now() : 0;
    for (uint32_t t = 0; t < p->n_step; t++) {
        const sg_step *s = &p->step[t];
        SG_TRY(stop_asked(r, err));
        sedge_status st = run_step(f, t, err);
        if (st != SEDGE_OK) {
            if (st != SEDGE_E_CANCELLED && st != SEDGE_E_DEADLINE && s->op)
                sg_err_where(err, "node %s (%s)", s->name && *s->name ? s->name : "unnamed", s->source ? s->source : s->op->name);
            return st;
        }
        kill_storages(f, s);
        if (timed) {
            double t1 = sg_now();
            r->on_step(r->on_step_ctx, (int)t, t1 - t0);
            t0 = t1;
        }
    }
    return SEDGE_OK;
}

sedge_status sg_call_region(sg_exec *x, int region, sg_tensor *const *ins, int n_in, sg_tensor *outs, int n_out)
{
    sg_call *c = x->frame;
    sg_run *r = c->f->run;
    if (region >= c->s->n_region)
        return sg_fail(x->err, SEDGE_E_BUG, "no body %d", region);
    sg_frame *f = c->f->sub[c->index][region];
    const sg_plan *p = f->plan;
    if ((uint32_t)n_in != p->n_input || (uint32_t)n_out > p->n_output)
        return sg_fail(x->err, SEDGE_E_BUG, "body takes %u inputs and gives %u outputs, not %d and %d", p->n_input, p->n_output,
                       n_in, n_out);
    if (r->depth >= DEPTH_MAX)
        return sg_fail(x->err, SEDGE_E_LIMIT, "bodies nested deeper than %d", DEPTH_MAX);
    for (int k = 0; k < n_in; k++) {
        sg_tensor *t = &f->val[p->input[k]];
        if (!ins[k])
            return sg_fail(x->err, SEDGE_E_BUG, "operand %d of a body is absent", k);
        uint8_t want = p->slot[p->input[k]].type.dtype;
        if (ins[k]->kind == SG_TENSOR && want != SG_NONE && want != ins[k]->dtype)
            return sg_fail(x->err, SEDGE_E_TYPE, "body input %d is %s, not %s", k, sg_dtypes[ins[k]->dtype].name,
                           sg_dtypes[want].name);
        *t = *ins[k];
        t->layout = SG_LAYOUT_ROW; /* what crosses is row-major, or has but one order */
    }
    r->depth++;
    sedge_status st = sg_frame_run(f, x->err);
    r->depth--;
    for (int k = 0; st == SEDGE_OK && k < n_out; k++)
        outs[k] = f->val[p->output[k]];
    return st;
}
