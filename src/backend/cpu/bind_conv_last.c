/* Binding of f32 convolutions that stand channels last: weights are packed when the plan is made. One channel a group is a
 * kernel of its own. */
#include <stdatomic.h>

#include "backend/cpu/bind_conv.h"
#include "base/threads.h"
#include "kernel/dwconv/dwconv_f32.h"
#include "tensor/layout.h"

typedef struct bound {
    sg_tile_f32_table tile;
    sg_dw_table dw;
    bool depthwise;
    sg_conv_bound conv;
    const float *packed;
} bound;

/* Either kernel, ready to run. */
typedef struct job {
    sg_conv_last v;
    sg_dwconv d;
    bool depthwise;
    unsigned char *scratch;
    int64_t tasks, workers;
    atomic_llong next;
} job;

/* Steps of less than STEP_US stay with the caller; multiply-adds of a microsecond, for each lane of a vector. */
#define STEP_US 50.0
#define LANE_US 2000.0

/* False: nothing to compute, or sizes past what the kernels take. */
static bool prepare(const sg_exec *x, job *j)
{
    const bound *b = x->packed;
    sg_conv_shape a;
    if (!sg_conv_bound_sizes(&b->conv, x, &a))
        return false;
    j->depthwise = b->depthwise;
    if (!(b->depthwise ? sg_dwconv_init(&j->d, &a, &b->dw) : sg_conv_last_init(&j->v, &a, &b->tile)))
        return false;
    j->tasks = b->depthwise ? j->d.tasks : sg_conv_last_tasks(&j->v);
    double macs = (double)sg_numel(x->out[0]) * (double)(a.c / a.group) * (double)(a.kh * a.kw);
    j->workers = x->threads < 2 || macs < STEP_US * LANE_US * (double)b->tile.lanes ? 1 : x->threads;
    j->workers = j->workers < j->tasks ? j->workers : j->tasks;
    return true;
}

static bool scratch(const sg_exec *x, size_t *bytes)
{
    job j = {0};
    if (!prepare(x, &j))
        return false;
    *bytes = j.v.scratch * (size_t)j.workers;
    return true;
}

/* A worker takes tasks until there are none; so scratch is one for each. */
static void work(void *ctx, int64_t worker)
{
    job *j = ctx;
    for (long long t; (t = atomic_fetch_add(&j->next, 1)) < j->tasks;) {
        if (j->depthwise)
            sg_dwconv_run(&j->d, t);
        else
            sg_conv_last_run(&j->v, t, j->scratch + (size_t)worker * j->v.scratch);
    }
}

static sedge_status run(sg_exec *x)
{
    job j = {.scratch = x->scratch};
    const bound *b = x->packed;
    if (!prepare(x, &j))
        return SEDGE_E_BUG; /* scratch took these sizes */
    j.v.x = j.d.x = x->in[0]->data;
    j.v.y = j.d.y = x->out[0]->data;
    j.v.packed = j.d.packed = b->packed;
    double lo, hi;
    sg_conv_bounds(x->attrs, &lo, &hi);
    j.v.lo = j.d.lo = (float)lo;
    j.v.hi = j.d.hi = (float)hi;
    atomic_init(&j.next, 0);
    sg_parallel((int)j.workers, j.workers, work, &j);
    return SEDGE_OK;
}

/* ---- when the plan is made ---- */

static bool is_f32(const sg_slot *s)
{
    return s && s->type.kind == SG_TENSOR && s->type.dtype == SG_F32;
}

static bool is_constant(const sg_slot *s)
{
    return is_f32(s) && s->base == SG_BASE_WEIGHTS && s->data && sg_d_numel(&s->type) > 0;
}

/* Channels last, or of but one order. */
static bool is_last(const sg_slot *s)
{
    return is_f32(s) && (s->type.rank == 3 || s->type.rank == 4) &&
           (s->type.layout == SG_LAYOUT_LAST || sg_layout_free(s->type.dim, s->type.rank));
}

static bool pack(sg_plan *p, bound *b, const sg_slot *w, const sg_slot *bias)
{
    const sg_conv_last_weights weights = {.data = w->data,
                                          .by_oc = sg_d_numel(&w->type) / b->conv.shape.oc,
                                          .by_ic = b->conv.shape.kh * b->conv.shape.kw,
                                          .by_tap = 1,
                                          .scale = 1,
                                          .bias = bias ? bias->data : NULL,
                                          .bias_step = 1,
                                          .bias_scale = 1};
    sg_conv_last v;
    sg_dwconv d;
    if (!(b->depthwise ? sg_dwconv_init(&d, &b->conv.shape, &b->dw) : sg_conv_last_init(&v, &b->conv.shape, &b->tile)))
        return false;
    bool filled;
    float *room = sg_plan_room(p, (size_t)(b->depthwise ? d.floats : v.floats) * sizeof *room, &filled);
    b->packed = room;
    if (room && !filled && b->depthwise)
        sg_dwconv_pack(&d, &weights, room);
    else if (room && !filled)
        sg_conv_last_pack(&v, &weights, room);
    return room != NULL;
}

bool sg_cpu_tiles_gain(uint32_t cpu)
{
    sg_tile_f32_table t;
    sg_tile_f32_init(&t, cpu);
    return t.fn[1] != sg_tile_f32_any.fn[1];
}

bool sg_cpu_bind_conv_last(sg_plan *p, sg_step *s)
{
    const sg_slot *x = sg_step_slot(p, s, 0), *w = sg_step_slot(p, s, 1), *y = sg_step_slot(p, s, s->n_in);
    const sg_slot *bias = s->n_in > 2 ? sg_step_slot(p, s, 2) : NULL;
    if (!is_last(x) || !is_last(y) || !is_constant(w) || (bias && !is_constant(bias)))
        return false;
    bound *b = sg_arena_alloc(&p->arena, sizeof *b);
    if (!b || !sg_conv_bound_read(p, s, 1, &b->conv) || (bias && (bias->type.rank != 1 || bias->type.dim[0] != b->conv.shape.oc)))
        return false;
    b->depthwise = b->conv.shape.group == b->conv.shape.c && b->conv.shape.c == b->conv.shape.oc;
    sg_tile_f32_init(&b->tile, p->cpu);
    sg_dw_init(&b->dw, p->cpu);
    if (!pack(p, b, w, bias))
        return false;
    s->packed = b;
    s->absorbed = s->spent = 1u << 1 | (bias ? 1u << 2 : 0);
    s->kernel = (sg_kernel){.name = b->depthwise ? "dwconv_f32" : "conv_last_f32", .run = run, .scratch = scratch};
    return true;
}
