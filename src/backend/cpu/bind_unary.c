/* Binding of functions of one f32 element. */
#include "backend/cpu/bind_unary.h"

#include "backend/cpu/bind.h"
#include "base/threads.h"

/* Elements of a task, and of the least step that is shared out. */
enum { TASK = 16384, MANY = 4 * TASK };

bool sg_cpu_act(int64_t kind, sg_fn_params p, uint32_t cpu, sg_act_f32 *f)
{
    static const uint8_t fn[SG_UNARY_COUNT] = {
#define FN(id, name) [SG_UNARY_##id] = SG_FN_F32_##id + 1,
#include "kernel/unary/unary_f32.def"
#undef FN
    };
    if (kind < 0 || kind >= SG_UNARY_COUNT || !fn[kind])
        return false;
    *f = (sg_act_f32){sg_unary_f32_of(cpu)->fn[fn[kind] - 1], (float)p.alpha, (float)p.beta, (float)p.gamma};
    return true;
}

bool sg_cpu_act_of(sg_attrs a, uint32_t cpu, sg_act_f32 *f)
{
    sg_fn_params p;
    int64_t kind = sg_act_kind(a, &p);
    *f = (sg_act_f32){.fn = NULL};
    return kind < 0 || sg_cpu_act(kind, p, cpu, f);
}

typedef struct job {
    const sg_act_f32 *f;
    const float *x;
    float *y;
    int64_t n;
} job;

static void run_part(void *ctx, int64_t i)
{
    const job *j = ctx;
    int64_t at = i * TASK, n = j->n - at < TASK ? j->n - at : TASK;
    j->f->fn(j->f, j->x + at, 0, j->y + at, 0, 1, n);
}

static sedge_status run(sg_exec *x)
{
    job j = {.f = x->packed, .x = x->in[0]->data, .y = x->out[0]->data, .n = sg_numel(x->out[0])};
    sg_parallel(j.n < MANY ? 1 : x->threads, (j.n + TASK - 1) / TASK, run_part, &j);
    return SEDGE_OK;
}

bool sg_cpu_bind_unary(sg_plan *p, sg_step *s)
{
    const sg_slot *x = sg_step_slot(p, s, 0), *y = sg_step_slot(p, s, s->n_in);
    sg_act_f32 f, *room;
    if (!x || !y || x->type.dtype != SG_F32 || y->type.dtype != SG_F32 ||
        !sg_cpu_act(sg_get_int(s->attrs, SG_A_kind), sg_fn_params_of(s->attrs), p->cpu, &f) ||
        !(room = sg_arena_dup(&p->arena, &f, sizeof f)))
        return false;
    s->packed = room;
    s->kernel = (sg_kernel){.name = "unary_f32", .run = run};
    return true;
}
