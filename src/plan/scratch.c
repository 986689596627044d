/* Scratch of kernels: a storage that is born and dies with its step. */
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

sedge_status sg_plan_scratch(sg_plan *p, sg_err *err)
{
    sg_tensor *t = sg_arena_array(&p->arena, (size_t)p->max_in + p->max_out + 1, sizeof *t);
    sg_tensor **at = sg_arena_array(&p->arena, (size_t)p->max_in + p->max_out + 1, sizeof *at);
    if (!t || !at)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory while planning");
    for (uint32_t i = 0; i < p->n_step; i++) {
        sg_step *s = &p->step[i];
        if (!s->kernel.scratch || !known_before(p, s))
            continue;
        uint32_t v = p->n_slot++;
        size_t bytes;
        bool takes = default_bytes(p, s, t, at, &bytes);
        p->slot[v] = (sg_slot){
            .type = {.kind = SG_TENSOR, .dtype = SG_U8, .rank = 1}, .base = SG_BASE_ARENA, .storage = v, .death = i};
        p->slot[v].type.dim[0] = takes ? (sg_dim)bytes : 0;
        s->scratch = v;
        s->settled = takes && !s->check_shape;
    }
    return SEDGE_OK;
}
