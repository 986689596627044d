/* Shapes at run time: binding symbols, running shape rules on numbers, placing memory. */
#include <string.h>

#include "run/frame.h"

/* How many inputs of a step get their elements converted for the shape rule. */
#define CONTENT_INPUTS 8

static const sg_dim *content_now(sg_frame *f, const sg_slot *slot, const sg_tensor *t, int k, bool at_run)
{
    if (k >= CONTENT_INPUTS || t->kind != SG_TENSOR || !sg_is_int((sg_dtype)t->dtype))
        return NULL;
    sg_dim *d = f->content + (size_t)k * SG_CONTENT_MAX;
    int64_t n = sg_numel(t);
    if (!at_run || !t->data) { /* what the plan knows, unless a step of this run defines it */
        for (uint32_t i = 0; slot->content && i < slot->n_content && i < SG_CONTENT_MAX; i++) {
            if (sg_dim_is_expr(slot->content[i]) && f->plan->late[sg_dim_expr(slot->content[i])])
                return NULL;
            d[i] = sg_dim_value(slot->content[i], f->dim_value);
        }
        return slot->content ? d : NULL;
    }
    if (n > SG_CONTENT_MAX)
        return NULL;
    for (int64_t i = 0; i < n; i++) {
        d[i] = sg_load_i64((sg_dtype)t->dtype, t->data, (size_t)i);
        if (sg_dim_is_expr(d[i]))
            d[i] = INT64_MIN / 2;
    }
    return d;
}

static sedge_status keep_shape(sg_frame *f, const sg_step *s, int k, const sg_type *ty, bool at_run, sg_err *err)
{
    uint32_t v = f->plan->operand[s->operand + s->n_in + (uint32_t)k];
    if (!v)
        return SEDGE_OK;
    const sg_slot *slot = &f->plan->slot[v];
    sg_tensor *t = &f->val[v];
    if (!slot->dynamic) {
        if (at_run && ty->rank != t->rank)
            return sg_fail(err, SEDGE_E_SHAPE, "output %d would have rank %d, not %d as planned", k, ty->rank, t->rank);
        for (int i = 0; i < ty->rank && ty->rank == t->rank; i++)
            if (!sg_dim_is_expr(ty->dim[i]) && ty->dim[i] != SG_DIM_BAD && ty->dim[i] != t->dim[i])
                return sg_fail(err, SEDGE_E_SHAPE, "output %d would be %lld along axis %d, not %lld as planned", k,
                               (long long)ty->dim[i], i, (long long)t->dim[i]);
        return SEDGE_OK;
    }
    if (!at_run)
        return SEDGE_OK;
    if (ty->kind != SG_TENSOR)
        return SEDGE_OK; /* boxed: the reference sets it, by sg_out_copy or sg_out_seq */
    t->kind = ty->kind;
    t->dtype = ty->dtype;
    t->rank = ty->rank;
    if (ty->rank < 0 || ty->dtype == SG_NONE)
        return sg_fail(err, SEDGE_E_SHAPE, "the shape of output %d cannot be known", k);
    for (int i = 0; i < ty->rank; i++)
        t->dim[i] = ty->dim[i];
    int64_t numel;
    if (!sg_numel_checked(t->dim, t->rank, &numel))
        return sg_fail(err, SEDGE_E_SHAPE, "output %d has a bad shape", k);
    if (slot->storage != v)
        return SEDGE_OK; /* a view: run_step points it */
    t->data = sg_pool_alloc(&f->run->pool, sg_tensor_bytes(t));
    if (!t->data)
        return sg_fail(err, SEDGE_E_NOMEM, "no memory for %zu bytes of output %d", sg_tensor_bytes(t), k);
    return SEDGE_OK;
}

sedge_status sg_frame_shape(sg_frame *f, const sg_step *s, bool at_run, sg_err *err)
{
    const sg_plan *p = f->plan;
    for (int k = 0; k < s->n_in; k++) {
        uint32_t v = p->operand[s->operand + (uint32_t)k];
        f->type_in[k] = NULL;
        f->data_in[k] = NULL;
        f->content_in[k] = NULL;
        if (!v)
            continue;
        const sg_tensor *t = &f->val[v];
        sg_type_of(t, &f->type[k]);
        if (t->kind != SG_TENSOR || (!at_run && p->slot[v].dynamic))
            f->type[k].rank = -1;
        f->type_in[k] = &f->type[k];
        bool here = at_run || p->slot[v].base == SG_BASE_WEIGHTS;
        f->data_in[k] = here && t->data && p->slot[v].space == SG_SPACE_HOST ? t : NULL;
        f->content_in[k] = content_now(f, &p->slot[v], t, k, here);
    }
    sg_type *out = f->type + p->max_in;
    memset(out, 0, (size_t)(s->n_out ? s->n_out : 1) * sizeof *out);
    sg_infer c = {.op = s->op,
                  .attrs = s->attrs,
                  .n_in = s->n_in,
                  .n_out = s->n_out,
                  .in = f->type_in,
                  .data = f->data_in,
                  .content = f->content_in,
                  .out = out,
                  .out_content = f->content + CONTENT_INPUTS * SG_CONTENT_MAX,
                  .n_out_content = -1,
                  .err = err};
    sedge_status st = s->op->infer(&c);
    if (st != SEDGE_OK)
        return sg_fail(err, st, "shape rule failed");
    for (int k = 0; k < s->n_out; k++)
        SG_TRY(keep_shape(f, s, k, &out[k], at_run, err));
    return SEDGE_OK;
}

static sedge_status bind_inputs(sg_frame *f, sg_err *err)
{
    const sg_plan *p = f->plan;
    for (uint32_t k = 0; k < p->n_input; k++) {
        const sg_type *t = &p->slot[p->input[k]].type;
        for (int i = 0; i < t->rank; i++)
            if (sg_dim_is_expr(t->dim[i]))
                f->dim_value[sg_dim_expr(t->dim[i])] = -1;
    }
    for (uint32_t k = 0; k < p->n_input; k++) {
        const sg_slot *slot = &p->slot[p->input[k]];
        const sg_tensor *t = &f->val[p->input[k]];
        if (slot->type.kind != SG_TENSOR || slot->type.rank < 0)
            continue;
        const char *name = slot->name ? slot->name : "";
        if (t->rank != slot->type.rank)
            return sg_fail(err, SEDGE_E_SHAPE, "input %s: rank %d given, %d expected", name, t->rank, slot->type.rank);
        for (int i = 0; i < t->rank; i++) {
            sg_dim d = slot->type.dim[i];
            int64_t *val = sg_dim_is_expr(d) ? &f->dim_value[sg_dim_expr(d)] : NULL;
            if (val && *val < 0)
                *val = t->dim[i];
            int64_t want = val ? *val : d;
            if (want != t->dim[i]) {
                char given[96], expected[128];
                sg_type got;
                sg_type_of(t, &got);
                return sg_fail(err, SEDGE_E_SHAPE, "input %s: %s given, %s expected", name,
                               sg_type_text(&got, NULL, given, sizeof given),
                               sg_type_text(&slot->type, p->dims, expected, sizeof expected));
            }
        }
    }
    for (uint32_t i = 0; i < p->n_eval; i++) {
        const sg_dim_node *n = &p->dims->node[p->eval[i]];
        f->dim_value[p->eval[i]] = sg_dim_apply((sg_dim_op)n->op, sg_dim_value(n->a, f->dim_value),
                                                sg_dim_value(n->b, f->dim_value));
    }
    return SEDGE_OK;
}

/* Writes what is known of integers: the shapes of the inputs say it. */
static void fill(sg_frame *f)
{
    const sg_plan *p = f->plan;
    for (uint32_t i = 0; i < p->n_filled; i++) {
        const sg_slot *s = &p->slot[p->filled[i]];
        for (uint32_t k = 0; k < s->n_content; k++)
            sg_store_i64((sg_dtype)s->type.dtype, f->val[p->filled[i]].data, k, sg_dim_value(s->content[k], f->dim_value));
    }
}

static sedge_status slot_shapes(sg_frame *f, sg_err *err)
{
    const sg_plan *p = f->plan;
    for (uint32_t i = 0; i < p->n_moving; i++) {
        const sg_slot *s = &p->slot[p->moving[i]];
        sg_tensor *t = &f->val[p->moving[i]];
        for (int k = 0; k < s->type.rank; k++)
            t->dim[k] = sg_dim_value(s->type.dim[k], f->dim_value);
        size_t bytes;
        if (!sg_slot_bytes(s, t->dim, &bytes)) {
            char text[160];
            sg_type now;
            sg_type_of(t, &now);
            return sg_fail(err, SEDGE_E_SHAPE, "value %s would have the shape %s", s->name ? s->name : "(unnamed)",
                           sg_type_text(&now, NULL, text, sizeof text));
        }
    }
    return SEDGE_OK;
}

static sedge_status fit(sg_frame *f, sg_err *err);

/* The arena of a body for the shapes that its inputs will have; 0: none, or not known. */
static size_t body_need(const sg_frame *f, const sg_step *s, sg_frame *body, int region)
{
    if (!sg_body_known(f->plan, s, region))
        return 0;
    for (uint32_t k = 0; k < body->plan->n_input; k++) {
        int from = sg_region_operand(s->op, s->attrs, region, (int)k);
        const sg_tensor *t = from >= 0 && from < s->n_in ? f->operand[s->operand + (uint32_t)from] : NULL;
        sg_tensor *in = &body->val[body->plan->input[k]];
        if (t && body->plan->slot[body->plan->input[k]].symbolic) {
            in->rank = t->rank;
            memcpy(in->dim, t->dim, sizeof in->dim);
        }
    }
    sg_err own = {0}; /* a branch that refuses the shapes may not be taken */
    return fit(body, &own) == SEDGE_OK ? body->need : 0;
}

/* What kernels and bodies want for the shapes of now; a scratch of no type: the kernel does not take them. */
static void scratch_sizes(sg_frame *f)
{
    const sg_plan *p = f->plan;
    sg_err own = {0}; /* said by no one: a refusal is no error */
    sg_exec x = {.threads = f->run->threads, .err = &own};
    for (uint32_t t = 0; t < p->n_step; t++) {
        const sg_step *s = &p->step[t];
        if (!s->scratch)
            continue;
        f->val[s->scratch].dim[0] = 0;
        for (int k = 0; k < s->n_region; k++) {
            int64_t need = (int64_t)body_need(f, s, f->sub[t][k], k);
            if (need > f->val[s->scratch].dim[0])
                f->val[s->scratch].dim[0] = need;
        }
        if (!s->kernel.scratch)
            continue;
        x.op = s->op;
        x.attrs = s->attrs;
        x.n_in = s->n_in;
        x.n_out = s->n_out;
        x.in = f->operand + s->operand;
        x.out = x.in + s->n_in;
        x.packed = s->packed;
        x.kept = s->kernel.kept ? f->kept + s->kept : NULL;
        size_t bytes = 0;
        bool takes = s->kernel.scratch(&x, &bytes) && bytes <= SIZE_MAX / 4;
        if (!takes)
            sg_run_log(f->run, "kernel: node %s: %s does not take these sizes, the reference runs", s->name ? s->name : "unnamed",
                       s->kernel.name);
        f->val[s->scratch].dtype = takes ? SG_U8 : SG_NONE;
        f->val[s->scratch].dim[0] = takes ? (int64_t)bytes : 0;
    }
}

static size_t bytes_at_bounds(const sg_plan *p, uint32_t slot)
{
    const sg_slot *s = &p->slot[slot];
    int64_t dim[SG_RANK_MAX];
    size_t bytes;
    for (int i = 0; i < s->type.rank; i++)
        dim[i] = sg_dim_value(s->type.dim[i], p->default_dim);
    return sg_slot_bytes(s, dim, &bytes) ? bytes : 0;
}

/* Where output k is computed: the caller's buffer, the block that becomes state, or the session's own memory. NULL: none. */
static void *output_room(sg_frame *f, uint32_t k, size_t bytes)
{
    if (f->user_out[k] && f->user_cap[k] >= bytes)
        return f->user_out[k];
    void **spare = f->spare[k];
    void *room = spare ? *spare : f->out_buf[k];
    if (room && (spare ? sg_pool_room(room) : f->out_size[k]) >= bytes)
        return room;
    size_t most = bytes_at_bounds(f->plan, f->plan->slot[f->plan->output[k]].storage);
    bytes = bytes > most ? bytes : most;
    if (spare) {
        sg_pool_free(&f->run->pool, room);
        return *spare = sg_pool_alloc(&f->run->pool, bytes);
    }
    sg_free_aligned(f->run->mem, room, f->out_size[k]);
    f->out_buf[k] = sg_alloc_aligned(f->run->mem, bytes);
    f->out_size[k] = f->out_buf[k] ? bytes : 0;
    return f->out_buf[k];
}

static sedge_status output_storage(sg_frame *f, sg_err *err)
{
    const sg_plan *p = f->plan;
    for (uint32_t k = 0; k < p->n_output; k++) {
        uint32_t root = p->slot[p->output[k]].storage;
        if (p->slot[root].base != SG_BASE_OUTPUT)
            continue;
        bool first = true; /* two outputs may share a storage: the first one decides */
        for (uint32_t j = 0; j < k && first; j++)
            first = p->slot[p->output[j]].storage != root;
        if (!first)
            continue;
        size_t bytes = sg_tensor_bytes(&f->val[root]);
        f->val[root].data = output_room(f, k, bytes);
        if (!f->val[root].data)
            return sg_fail(err, SEDGE_E_NOMEM, "no memory for %zu bytes of output %u", bytes, k);
    }
    return SEDGE_OK;
}

static size_t place(sg_frame *f, int space)
{
    const sg_plan *p = f->plan;
    for (uint32_t i = 0; i < p->n_place[space]; i++)
        f->size[i] = sg_align_up(sg_tensor_bytes(&f->val[p->place[space][i].slot]));
    return sg_plan_place(p, space, f->size, f->off, f->conflict[space], f->scratch);
}

/* Room for the arena at the bounds, once for all, or for the sizes of now where they are larger. */
static sedge_status take_arena(sg_frame *f, sg_err *err)
{
    sg_run *r = f->run;
    size_t want = f->need > (size_t)f->plan->arena_bytes ? f->need : (size_t)f->plan->arena_bytes;
    if (f->arena && f->need <= f->arena_size) /* an empty arena still has an address */
        return SEDGE_OK;
    if (f->body) {
        sg_pool_free(&r->pool, f->block);
        f->arena = f->block = sg_pool_alloc(&r->pool, want);
    } else {
        sg_free_aligned(r->mem, f->arena, f->arena_size);
        f->arena = sg_alloc_aligned(r->mem, want);
    }
    f->arena_size = f->arena ? want : 0;
    if (!f->arena)
        return sg_fail(err, SEDGE_E_NOMEM, "the arena needs %zu bytes: not available or past the memory limit", want);
    if (!f->body)
        sg_run_log(r, "memory: an arena of %zu bytes", want);
    return SEDGE_OK;
}

/* Values of the arena point into it. A body's may be elsewhere than in its last call. */
static sedge_status point(sg_frame *f, sg_err *err)
{
    const sg_plan *p = f->plan;
    if (!p->n_place[SG_SPACE_HOST])
        return SEDGE_OK;
    SG_TRY(take_arena(f, err));
    for (uint32_t i = 0; i < p->n_place[SG_SPACE_HOST] && f->placed != f->arena; i++)
        f->val[p->place[SG_SPACE_HOST][i].slot].data = f->arena + f->off[i];
    f->placed = f->arena;
    return SEDGE_OK;
}

/* The same in the memory of a device, where addresses are offsets. */
static void place_device(sg_frame *f)
{
    const sg_plan *p = f->plan;
    if (!p->n_place[SG_SPACE_DEVICE])
        return;
    place(f, SG_SPACE_DEVICE);
    for (uint32_t i = 0; i < p->n_place[SG_SPACE_DEVICE]; i++)
        f->val[p->place[SG_SPACE_DEVICE][i].slot].data = (void *)(uintptr_t)(f->dev_base + f->off[i]);
}

/* Slots that share a storage point into it. Inputs may move every run. (Addresses may be a device's.) */
static void share(sg_frame *f)
{
    const sg_plan *p = f->plan;
    for (uint32_t i = 0; i < p->n_shared; i++) {
        const sg_slot *s = &p->slot[p->shared[i]];
        uintptr_t at = (uintptr_t)f->val[s->storage].data + (uintptr_t)sg_dim_value(s->offset, f->dim_value);
        f->val[p->shared[i]].data = (void *)at;
    }
}

/* Parts lie inside their storages. */
static sedge_status check_parts(const sg_frame *f, sg_err *err)
{
    const sg_plan *p = f->plan;
    for (uint32_t i = 0; i < p->n_shared; i++) {
        const sg_slot *s = &p->slot[p->shared[i]];
        int64_t at = sg_dim_value(s->offset, f->dim_value);
        size_t room = sg_tensor_bytes(&f->val[s->storage]), bytes = sg_tensor_bytes(&f->val[p->shared[i]]);
        if (s->part && (at < 0 || bytes > room || (uint64_t)at > room - bytes))
            return sg_fail(err, SEDGE_E_SHAPE, "value %s reaches outside the tensor that it is a part of",
                           s->name ? s->name : "(unnamed)");
    }
    return SEDGE_OK;
}

static bool same_inputs(sg_frame *f)
{
    const sg_plan *p = f->plan;
    bool same = f->prepared;
    for (uint32_t k = 0; k < p->n_input; k++) {
        const sg_tensor *t = &f->val[p->input[k]];
        int64_t *old = f->bound_dims + (size_t)k * (SG_RANK_MAX + 1);
        if (old[SG_RANK_MAX] != t->rank || memcmp(old, t->dim, (size_t)(t->rank < 0 ? 0 : t->rank) * sizeof *old) != 0) {
            same = false;
            memcpy(old, t->dim, sizeof t->dim);
            old[SG_RANK_MAX] = t->rank;
        }
    }
    return same;
}

static sedge_status check_step(sg_frame *f, uint32_t t, sg_err *err)
{
    const sg_step *s = &f->plan->step[t];
    sedge_status st = sg_frame_shape(f, s, false, err);
    if (st != SEDGE_OK)
        sg_err_where(err, "node %s (%s)", s->name && *s->name ? s->name : "unnamed", s->source ? s->source : s->op->name);
    return st;
}

/* Where a guard fails all rules run again: one of them refuses the sizes and says why, or it was stricter than the rules. */
static sedge_status check_shapes(sg_frame *f, sg_err *err)
{
    const sg_plan *p = f->plan;
    bool hold = true;
    for (uint32_t i = 0; i < p->n_guard && hold; i++)
        hold = sg_guard_holds(&p->guard[i], f->dim_value);
    for (uint32_t i = 0; hold && i < p->n_recheck; i++)
        SG_TRY(check_step(f, p->recheck[i], err));
    for (uint32_t t = 0; !hold && t < p->n_step; t++)
        if (p->step[t].check_shape)
            SG_TRY(check_step(f, t, err));
    return SEDGE_OK;
}

/* Sizes and offsets for the input shapes of now. */
static sedge_status fit(sg_frame *f, sg_err *err)
{
    if (same_inputs(f))
        return SEDGE_OK;
    f->prepared = false;
    f->run->prepares++;
    SG_TRY(bind_inputs(f, err));
    SG_TRY(slot_shapes(f, err));
    SG_TRY(check_shapes(f, err));
    SG_TRY(check_parts(f, err));
    fill(f);
    scratch_sizes(f);
    place_device(f);
    f->need = place(f, SG_SPACE_HOST);
    f->placed = NULL;
    f->prepared = true;
    return SEDGE_OK;
}

sedge_status sg_frame_prepare(sg_frame *f, sg_err *err)
{
    SG_TRY(fit(f, err));
    SG_TRY(point(f, err));
    SG_TRY(output_storage(f, err));
    share(f);
    return SEDGE_OK;
}
