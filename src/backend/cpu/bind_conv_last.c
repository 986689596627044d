/* Binding of f32 convolutions that stand channels last: weights are packed when the plan is made. Depthwise convolution and
 * Winograd's form of 3 x 3 have kernels of their own. */
#include <stdatomic.h>

#include "backend/cpu/bind_conv.h"
#include "base/threads.h"
#include "kernel/conv/wino_f32.h"
#include "kernel/dwconv/dwconv_f32.h"
#include "tensor/layout.h"

typedef enum kind { DIRECT, DEPTHWISE, WINOGRAD } kind;

typedef struct bound {
    sg_tile_f32_table tile;
    sg_dw_table dw;
    sg_wino_table wino;
    kind kind;
    sg_conv_bound conv;
    const float *packed; /* NULL: not yet */
    sg_conv_last fixed;  /* what does not depend on the images */
} bound;

/* One of the kernels, ready to run. */
typedef struct job {
    sg_conv_last v;
    sg_dwconv d;
    sg_wino w;
    kind kind;
    unsigned char *scratch;
    size_t scratch_step; /* bytes for one worker */
    int64_t tasks, workers;
    atomic_llong next;
} job;

/* False: sizes past what the kernel takes. */
static bool init(const bound *b, const sg_conv_shape *a, job *j)
{
    j->kind = b->kind;
    j->scratch_step = 0;
    switch (b->kind) {
    case DEPTHWISE:
        if (!sg_dwconv_init(&j->d, a, &b->dw))
            return false;
        j->tasks = j->d.tasks;
        return true;
    case WINOGRAD:
        if (!sg_wino_init(&j->w, a, &b->tile, &b->wino))
            return false;
        j->tasks = sg_wino_tasks(&j->w);
        j->scratch_step = j->w.scratch;
        return true;
    default:
        if (b->packed ? !sg_conv_last_resize(&j->v, a, &b->fixed) : !sg_conv_last_init(&j->v, a, &b->tile))
            return false;
        j->tasks = sg_conv_last_tasks(&j->v);
        j->scratch_step = j->v.scratch;
        return true;
    }
}

/* Steps of less than STEP_US stay with the caller; multiply-adds of a microsecond, for each lane of a vector. */
#define STEP_US 50.0
#define LANE_US 2000.0

/* False: nothing to compute, or sizes past what the kernels take. */
static bool prepare(const sg_exec *x, job *j)
{
    const bound *b = x->packed;
    sg_conv_shape a;
    if (!sg_conv_bound_sizes(&b->conv, x, &a) || !init(b, &a, j))
        return false;
    double macs = (double)sg_numel(x->out[0]) * (double)(a.c / a.group) * (double)(a.kh * a.kw);
    j->workers = x->threads < 2 || macs < STEP_US * LANE_US * (double)b->tile.lanes ? 1 : x->threads;
    j->workers = j->workers < j->tasks ? j->workers : j->tasks;
    return true;
}

static bool scratch(const sg_exec *x, size_t *bytes)
{
    const bound *b = x->packed;
    job j;
    if (b->kind == DEPTHWISE) /* needs none, and refuses nothing else */
        return *bytes = 0, sg_conv_bound_sizes(&b->conv, x, &j.v.a);
    if (!prepare(x, &j))
        return false;
    *bytes = j.scratch_step * (size_t)j.workers;
    return true;
}

/* A worker takes tasks until there are none; so scratch is one for each. */
static void work(void *ctx, int64_t worker)
{
    job *j = ctx;
    for (long long t; (t = atomic_fetch_add(&j->next, 1)) < j->tasks;) {
        unsigned char *scratch = j->scratch + (size_t)worker * j->scratch_step;
        if (j->kind == DEPTHWISE)
            sg_dwconv_run(&j->d, t);
        else if (j->kind == WINOGRAD)
            sg_wino_run(&j->w, t, scratch);
        else
            sg_conv_last_run(&j->v, t, scratch);
    }
}

static sedge_status run(sg_exec *x)
{
    job j = {.scratch = x->scratch};
    const bound *b = x->packed;
    if (!prepare(x, &j))
        return SEDGE_E_BUG; /* scratch took these sizes */
    j.v.x = j.d.x = j.w.x = x->in[0]->data;
    j.v.y = j.d.y = j.w.y = x->out[0]->data;
    j.v.packed = j.d.packed = j.w.packed = b->packed;
    j.v.add = j.d.add = j.w.add = x->n_in > 3 && x->in[3] ? x->in[3]->data : NULL;
    double lo, hi;
    sg_conv_bounds(x->attrs, &lo, &hi);
    j.v.lo = j.d.lo = j.w.lo = (float)lo;
    j.v.hi = j.d.hi = j.w.hi = (float)hi;
    j.v.act = j.d.act = j.w.act = b->conv.act;
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

typedef struct packing {
    const sg_conv_last *last;
    const sg_wino *wino;
    const sg_conv_last_weights *w;
    float *to;
} packing;

static void pack_part(void *ctx, int64_t part)
{
    const packing *k = ctx;
    if (k->wino)
        sg_wino_pack_part(k->wino, k->w, k->to, part);
    else
        sg_conv_last_pack_part(k->last, k->w, k->to, part);
}

void sg_cpu_pack_last(const sg_plan *p, const sg_conv_last *v, const sg_conv_last_weights *w, float *to)
{
    packing k = {.last = v, .w = w, .to = to};
    sg_cpu_pack(p, (size_t)v->floats * sizeof *to, sg_conv_last_pack_parts(v), pack_part, &k);
}

static void pack_wino(const sg_plan *p, const sg_wino *v, const sg_conv_last_weights *w, float *to)
{
    packing k = {.wino = v, .w = w, .to = to};
    sg_cpu_pack(p, (size_t)v->floats * sizeof *to, sg_wino_pack_parts(v), pack_part, &k);
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
    job j = {0};
    if (!init(b, &b->conv.shape, &j))
        return false;
    int64_t floats = b->kind == DEPTHWISE ? j.d.floats : b->kind == WINOGRAD ? j.w.floats : j.v.floats;
    bool filled;
    float *room = sg_plan_room(p, (size_t)floats * sizeof *room, &filled);
    b->packed = room;
    b->fixed = j.v;
    if (!room || filled)
        return room != NULL;
    if (b->kind == DEPTHWISE)
        sg_dwconv_pack(&j.d, &weights, room);
    else if (b->kind == WINOGRAD)
        pack_wino(p, &j.w, &weights, room);
    else
        sg_cpu_pack_last(p, &j.v, &weights, room);
    return true;
}

/* A dim of y, or -1: known only in a run. */
static int64_t side_of(const sg_slot *y, int axis)
{
    sg_dim d = y->type.dim[axis];
    return sg_dim_is_expr(d) ? -1 : d;
}

/* Costs in multiply-adds, for one image. Weights are read again for every tile of rows, but come no faster from memory than
 * WEIGHT_ROWS rows use them. Transforms cost as much as PATCH_MACS products for every channel of a patch, and finding one costs
 * PATCH_VECTORS. Sizes that are not known yet are taken to be large. */
#define WEIGHT_ROWS   12
#define PATCH_MACS    48
#define PATCH_VECTORS 40

static bool winograd_gains(const bound *b, const sg_slot *y)
{
    const sg_conv_shape *a = &b->conv.shape;
    int64_t oh = side_of(y, 2), ow = side_of(y, 3);
    if (oh < 0 || ow < 0)
        oh = ow = 64;
    double pixels = (double)oh * (double)ow, patches = (double)((oh + 1) / 2) * (double)((ow + 1) / 2);
    double c = (double)a->c, oc = (double)a->oc, least = WEIGHT_ROWS;
    double direct = 9 * c * oc * (pixels > least ? pixels : least);
    double wino = 16 * c * oc * (patches > least ? patches : least) +
                  patches * (PATCH_MACS * (c + oc) + PATCH_VECTORS * (double)b->tile.lanes);
    return wino < direct;
}

bool sg_cpu_tiles_gain(uint32_t cpu)
{
    sg_tile_f32_table t;
    sg_tile_f32_init(&t, cpu);
    return t.fn[1] != sg_tile_f32_any.fn[1];
}

static bool bind(sg_plan *p, sg_step *s, bool winograd)
{
    static const char *const name[] = {"conv_last_f32", "dwconv_f32", "wino_f32"};
    const sg_slot *x = sg_step_slot(p, s, 0), *w = sg_step_slot(p, s, 1), *y = sg_step_slot(p, s, s->n_in);
    const sg_slot *bias = s->n_in > 2 ? sg_step_slot(p, s, 2) : NULL, *add = s->n_in > 3 ? sg_step_slot(p, s, 3) : NULL;
    if (!is_last(x) || !is_last(y) || !is_constant(w) || (bias && !is_constant(bias)) || (add && !is_last(add)))
        return false;
    bound *b = sg_arena_alloc(&p->arena, sizeof *b);
    if (!b || !sg_conv_bound_read(p, s, 1, &b->conv) || (bias && (bias->type.rank != 1 || bias->type.dim[0] != b->conv.shape.oc)))
        return false;
    if (!sg_cpu_act_of(s->attrs, p->cpu, &b->conv.act))
        return false;
    sg_tile_f32_init(&b->tile, p->cpu);
    sg_dw_init(&b->dw, p->cpu);
    sg_wino_init_table(&b->wino, p->cpu);
    const sg_conv_shape *a = &b->conv.shape;
    b->kind = winograd ? WINOGRAD : a->group == a->c && a->c == a->oc ? DEPTHWISE : DIRECT;
    if (winograd && (!sg_wino_takes(a) || (!s->choice && !winograd_gains(b, y))))
        return false;
    if (!pack(p, b, w, bias))
        return false;
    s->packed = b;
    s->absorbed = s->spent = 1u << 1 | (bias ? 1u << 2 : 0);
    s->over = b->kind == DEPTHWISE ? 0 : 1u << 3; /* whose last vector computes some channels twice */
    s->kernel = (sg_kernel){.name = name[b->kind], .run = run, .scratch = scratch};
    return true;
}

/* By the rule of costs, or asked for. */
bool sg_cpu_bind_conv_wino(sg_plan *p, sg_step *s)
{
    return bind(p, s, true);
}

bool sg_cpu_bind_conv_last(sg_plan *p, sg_step *s)
{
    return bind(p, s, false);
}
