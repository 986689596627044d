/* Scratch of kernels and arenas of bodies: a storage that is born and dies with its step. */
#include "plan/plan.h"

/* What a kernel would ask for at the default dims on one thread; false: it refuses. */
static bool default_bytes(const sg_plan *p, const sg_step *s, sg_tensor *t, sg_tensor **at, size_t *bytes)
{
    uint32_t n = (uint32_t)s->n_in + s->n_out;
    for (uint32_t k = 0; k < n; k++) {
        const sg_slot *v = &p->slot[p->operand[s->operand + k]];
        at[k] = p->operand[s->operand + k] ? &t[k] : NULL;
        t[k] = (sg_tensor){.data = (void *)(uintptr_t)v->data,
                           .kind = v->type.kind,
                           .dtype = v->type.dtype,
                           .rank = v->type.rank,
                           .layout = v->type.layout};
        for (int i = 0; i < v->type.rank; i++)
            t[k].dim[i] = sg_dim_value(v->type.dim[i], p->default_dim);
    }
    sg_err own = {0};
    sg_exec x = {.op = s->op,
                 .attrs = s->attrs,
                 .n_in = s->n_in,
                 .n_out = s->n_out,
                 .in = at,
                 .out = at + s->n_in,
                 .threads = 1,
                 .err = &own,
                 .packed = s->packed};
    *bytes = 0;
    return s->kernel.scratch(&x, bytes) && *bytes <= SIZE_MAX / 4;
}

static bool known_before(const sg_plan *p, const sg_step *s)
{
    for (uint32_t k = 0; k < (uint32_t)s->n_in + s->n_out; k++) {
        const sg_slot *v = &p->slot[p->operand[s->operand + k]];
        if (v->dynamic || v->type.rank < 0)
            return false;
    }
    return true;
}

bool sg_body_known(const sg_plan *p, const sg_step *s, int region)
{
    const sg_plan *body = s->region[region];
    for (uint32_t k = 0; k < body->n_input; k++) {
        int from = sg_region_operand(s->op, s->attrs, region, (int)k);
        uint32_t v = from >= 0 && from < s->n_in ? p->operand[s->operand + (uint32_t)from] : 0;
        if (body->slot[body->input[k]].symbolic && (!v || p->slot[v].dynamic))
            return false;
    }
    return true;
}

/* Bodies of a step run one after the other, in the same room. */
static int64_t bodies_bytes(const sg_plan *p, const sg_step *s)
{
    int64_t most = 0;
    for (int k = 0; k < s->n_region; k++)
        if (sg_body_known(p, s, k) && s->region[k]->arena_bytes > most)
            most = s->region[k]->arena_bytes;
    return most;
}

static void add_scratch(sg_plan *p, uint32_t step, int64_t bytes)
{
    uint32_t v = p->n_slot++;
    p->slot[v] = (sg_slot){
        .type = {.kind = SG_TENSOR, .dtype = SG_U8, .rank = 1}, .base = SG_BASE_ARENA, .storage = v, .death = step};
    p->slot[v].type.dim[0] = (sg_dim)bytes;
    p->step[step].scratch = v;
}

sedge_status sg_plan_scratch(sg_plan *p, sg_err *err)
{
    sg_tensor *t = sg_arena_array(&p->arena, (size_t)p->max_in + p->max_out + 1, sizeof *t);
    sg_tensor **at = sg_arena_array(&p->arena, (size_t)p->max_in + p->max_out + 1, sizeof *at);
    if (!t || !at)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory while planning");
    for (uint32_t i = 0; i < p->n_step; i++) {
        sg_step *s = &p->step[i];
        if (s->n_region && bodies_bytes(p, s))
            add_scratch(p, i, bodies_bytes(p, s));
        s->kept = p->kept_bytes;
        p->kept_bytes += (s->kernel.kept + 15) & ~(size_t)15;
        if (!s->kernel.scratch || !known_before(p, s))
            continue;
        size_t bytes;
        bool takes = default_bytes(p, s, t, at, &bytes);
        add_scratch(p, i, takes ? (int64_t)bytes : 0);
        s->settled = takes && !s->check_shape;
    }
    return SEDGE_OK;
}
