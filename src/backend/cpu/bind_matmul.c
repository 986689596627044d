/* Binding of f32 products whose right matrix is constant: packed when the plan is made. */
#include <math.h>
#include <stdatomic.h>

#include "backend/cpu/bind_conv.h"
#include "base/threads.h"
#include "kernel/conv/conv_last_f32.h"

typedef struct bound {
    sg_tile_f32_table tile;
    int64_t n, k;
    const float *packed;
} bound;

typedef struct job {
    sg_conv_last v;
    unsigned char *scratch;
    atomic_llong next; /* task */
} job;

/* A worker: takes tasks until there are none; so scratch is one for each. */
static void work(void *ctx, int64_t worker)
{
    job *j = ctx;
    for (int64_t t; (t = atomic_fetch_add(&j->next, 1)) < sg_conv_last_tasks(&j->v);)
        sg_conv_last_run(&j->v, t, j->scratch + (size_t)worker * j->v.scratch);
}

static bool shape(const sg_exec *x, const bound *b, sg_conv_last *v)
{
    const sg_tensor *a = x->in[0];
    if (a->rank < 1 || a->dim[a->rank - 1] != b->k || b->k < 1)
        return false;
    int64_t m = sg_numel(a) / b->k;
    const sg_conv_shape args = sg_conv_shape_product(m, b->k, b->n);
    return sg_numel(x->out[0]) == m * b->n && sg_conv_last_init(v, &args, &b->tile);
}

static int64_t workers(const sg_exec *x, const sg_conv_last *v)
{
    int64_t tasks = sg_conv_last_tasks(v);
    return x->threads < 1 || tasks < 2 ? 1 : x->threads < tasks ? x->threads : tasks;
}

static bool scratch(const sg_exec *x, size_t *bytes)
{
    sg_conv_last v;
    if (!shape(x, x->packed, &v))
        return false;
    *bytes = v.scratch * (size_t)workers(x, &v);
    return true;
}

static sedge_status run(sg_exec *x)
{
    job j = {.scratch = x->scratch};
    const bound *b = x->packed;
    if (!shape(x, b, &j.v))
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "operands are not what was planned");
    j.v.x = x->in[0]->data;
    j.v.y = x->out[0]->data;
    j.v.packed = b->packed;
    j.v.lo = -INFINITY;
    j.v.hi = INFINITY;
    atomic_init(&j.next, 0);
    int64_t n = workers(x, &j.v);
    if (j.v.tiles)
        sg_parallel((int)n, n, work, &j);
    return SEDGE_OK;
}

static bool is_f32(const sg_slot *s)
{
    return s && s->type.kind == SG_TENSOR && s->type.dtype == SG_F32 && s->type.layout == SG_LAYOUT_ROW;
}

/* Packs [k][n], or [n][k] where `turned`. */
static bool pack(sg_plan *p, sg_step *s, bool turned, sg_conv_last_weights *w)
{
    const sg_slot *m = sg_step_slot(p, s, 1);
    bound *b = sg_arena_alloc(&p->arena, sizeof *b);
    sg_conv_last v;
    if (!b)
        return false;
    *b = (bound){.n = m->type.dim[!turned], .k = m->type.dim[turned]};
    sg_tile_f32_init(&b->tile, p->cpu);
    const sg_conv_shape args = sg_conv_shape_product(1, b->k, b->n);
    if (!sg_conv_last_init(&v, &args, &b->tile))
        return false;
    bool filled;
    float *room = sg_plan_room(p, (size_t)v.floats * sizeof *room, &filled);
    if (!room)
        return false;
    w->data = m->data;
    w->by_oc = turned ? b->k : 1;
    w->by_ic = turned ? 1 : b->n;
    if (!filled)
        sg_cpu_pack_last(p, &v, w, room);
    b->packed = room;
    s->packed = b;
    s->absorbed = s->spent = 1u << 1 | (w->bias ? 1u << 2 : 0);
    s->kernel = (sg_kernel){.name = "matmul_f32", .run = run, .scratch = scratch};
    return true;
}

static bool is_weights(const sg_slot *s)
{
    return is_f32(s) && s->base == SG_BASE_WEIGHTS && s->data && s->type.rank == 2 && sg_d_numel(&s->type) > 0;
}

bool sg_cpu_bind_matmul_f32(sg_plan *p, sg_step *s)
{
    sg_conv_last_weights w = {.scale = 1};
    const sg_slot *a = sg_step_slot(p, s, 0);
    return is_f32(a) && a->type.rank > 0 && is_weights(sg_step_slot(p, s, 1)) && pack(p, s, false, &w);
}

/* C must be a constant vector over the columns, or one number. */
bool sg_cpu_bind_gemm_f32(sg_plan *p, sg_step *s)
{
    sg_conv_last_weights w = {.scale = (float)sg_get_float(s->attrs, SG_A_alpha),
                              .bias_scale = (float)sg_get_float(s->attrs, SG_A_beta)};
    const sg_slot *a = sg_step_slot(p, s, 0), *b = sg_step_slot(p, s, 1), *c = s->n_in > 2 ? sg_step_slot(p, s, 2) : NULL;
    bool turned = sg_get_int(s->attrs, SG_A_transB) != 0;
    if (!is_f32(a) || a->type.rank != 2 || sg_get_int(s->attrs, SG_A_transA) || !is_weights(b))
        return false;
    if (c) {
        int64_t n = sg_d_numel(&c->type);
        if (!is_f32(c) || c->base != SG_BASE_WEIGHTS || !c->data || c->type.rank < 0 ||
            (n != 1 && (n != b->type.dim[!turned] || c->type.dim[c->type.rank - 1] != n)))
            return false;
        w.bias = c->data;
        w.bias_step = n != 1;
    }
    return pack(p, s, turned, &w);
}
