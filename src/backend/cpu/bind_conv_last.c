/* Binding of f32 convolutions that stand channels last: weights are packed when the plan is made. One channel a group is a
 * kernel of its own. */
#include <stdatomic.h>

#include "backend/cpu/bind_conv.h"
#include "base/threads.h"
#include "kernel/dwconv/dwconv_f32.h"
#include "op/window.h"
#include "tensor/layout.h"

typedef struct bound {
    sg_tile_f32_table tile;
    sg_dw_table dw;
    bool depthwise;
    sg_conv_last_args a; /* without the sizes of a run */
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

/* The sizes of a run. False: they are not what the weights were packed for; the reference will say what is wrong. */
static bool args_of(const sg_exec *x, sg_conv_last_args *a)
{
    const bound *b = x->packed;
    const sg_tensor *in = x->in[0], *w = x->in[1], *out = x->out[0];
    int n = in->rank - 2, last = n - 1;
    sg_err own = {0};
    sg_window win;
    *a = b->a;
    if (n < 1 || n > 2 || w->rank != in->rank || out->rank != in->rank || a->c != in->dim[1] || a->oc != out->dim[1] ||
        sg_window_read(&own, x->attrs, n, w->dim + 2, &win) != SEDGE_OK)
        return false;
    sg_window_resolve(&win, in->dim + 2, out->dim + 2);
    a->n = in->dim[0];
    a->h = n == 2 ? in->dim[2] : 1;
    a->w = in->dim[2 + last];
    a->oh = n == 2 ? out->dim[2] : 1;
    a->ow = out->dim[2 + last];
    a->stride_h = n == 2 ? win.stride[0] : 1;
    a->stride_w = win.stride[last];
    a->dilation_h = n == 2 ? win.dilation[0] : 1;
    a->dilation_w = win.dilation[last];
    a->pad_top = n == 2 ? win.begin[0] : 0;
    a->pad_left = win.begin[last];
    return true;
}

/* Steps of less than STEP_US stay with the caller; multiply-adds of a microsecond, for each lane of a vector. */
#define STEP_US 50.0
#define LANE_US 2000.0

/* False: nothing to compute, or sizes past what the kernels take. */
static bool prepare(const sg_exec *x, job *j)
{
    const bound *b = x->packed;
    sg_conv_last_args a;
    if (!args_of(x, &a) || sg_numel(x->in[0]) == 0 || sg_numel(x->out[0]) == 0)
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

static bool has_negative_pads(const sg_step *s)
{
    int n;
    const int64_t *pads = sg_get_ints(s->attrs, SG_A_pads, &n);
    for (int i = 0; i < n; i++)
        if (pads[i] < 0)
            return true;
    return false;
}

static float *room_of(sg_plan *p, int64_t floats)
{
    size_t bytes = (size_t)floats * sizeof(float);
    char *room = sg_arena_alloc(&p->arena, bytes + SG_ALIGN);
    p->packed_bytes += bytes;
    return room ? (float *)(void *)(room + (SG_ALIGN - (uintptr_t)room % SG_ALIGN) % SG_ALIGN) : NULL;
}

static bool pack(sg_plan *p, bound *b, const sg_slot *w, const sg_slot *bias)
{
    const sg_conv_last_weights weights = {.data = w->data,
                                          .by_oc = sg_d_numel(&w->type) / b->a.oc,
                                          .by_ic = b->a.kh * b->a.kw,
                                          .by_tap = 1,
                                          .scale = 1,
                                          .bias = bias ? bias->data : NULL,
                                          .bias_step = 1,
                                          .bias_scale = 1};
    sg_conv_last v;
    sg_dwconv d;
    if (!(b->depthwise ? sg_dwconv_init(&d, &b->a, &b->dw) : sg_conv_last_init(&v, &b->a, &b->tile)))
        return false;
    float *room = room_of(p, b->depthwise ? d.floats : v.floats);
    b->packed = room;
    if (room && b->depthwise)
        sg_dwconv_pack(&d, &weights, room);
    else if (room)
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
    int64_t group = sg_get_int(s->attrs, SG_A_group);
    if (!is_last(x) || !is_last(y) || !is_constant(w) || w->type.rank != x->type.rank || has_negative_pads(s))
        return false;
    const int64_t *dim = w->type.dim;
    int64_t kh = w->type.rank == 4 ? dim[2] : 1, kw = dim[w->type.rank - 1];
    if (group < 1 || group > SG_WINDOW_MAX || dim[0] % group || dim[1] > SG_WINDOW_MAX || kh > SG_WINDOW_MAX ||
        kw > SG_WINDOW_MAX || (bias && (!is_constant(bias) || bias->type.rank != 1 || bias->type.dim[0] != dim[0])))
        return false;
    bound *b = sg_arena_alloc(&p->arena, sizeof *b);
    if (!b)
        return false;
    *b = (bound){.depthwise = dim[1] == 1 && group == dim[0],
                 .a = {.c = dim[1] * group,
                       .oc = dim[0],
                       .group = group,
                       .kh = kh,
                       .kw = kw,
                       .stride_h = 1,
                       .stride_w = 1,
                       .dilation_h = 1,
                       .dilation_w = 1}};
    sg_tile_f32_init(&b->tile, p->cpu);
    sg_dw_init(&b->dw, p->cpu);
    if (!pack(p, b, w, bias))
        return false;
    s->packed = b;
    s->absorbed = 1u << 1 | (bias ? 1u << 2 : 0);
    s->kernel = (sg_kernel){.name = b->depthwise ? "dwconv_f32" : "conv_last_f32", .run = run, .scratch = scratch};
    return true;
}
