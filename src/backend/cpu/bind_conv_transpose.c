/* Binding of transposed convolutions whose steps are the sides of the kernel, channels last: no two windows share an element of the
 * result, so a row of it is a matrix product of a row of the input with the taps of one row of the kernel. */
#include <math.h>
#include <string.h>

#include "backend/cpu/bind_conv.h"
#include "base/threads.h"
#include "kernel/conv/conv_last_f32.h"
#include "tensor/layout.h"

typedef struct bound {
    sg_tile_f32_table tile;
    sg_conv_shape shape; /* of a product: 1 x 1, to kw * oc channels; without the width of a run */
    int64_t kh, floats; /* rows of the kernel; packed floats of one */
    const float *packed;
} bound;

/* Rows of the input are cut into parts, each with scratch of its own. */
enum { PARTS = 32 };

typedef struct job {
    sg_conv_last v;
    const bound *b;
    const float *x;
    float *y;
    unsigned char *scratch;
    int64_t rows, step, parts;
} job;

static bool prepare(const sg_exec *x, job *j)
{
    const bound *b = x->packed;
    const sg_tensor *in = x->in[0], *out = x->out[0];
    sg_conv_shape a = b->shape;
    int64_t kw = b->shape.oc / (out->dim[1] > 0 ? out->dim[1] : 1);
    *j = (job){.b = b};
    if (in->rank != 4 || out->rank != 4 || sg_numel(in) == 0 || sg_numel(out) == 0 || in->dim[1] != a.c ||
        out->dim[2] != in->dim[2] * b->kh || out->dim[3] != in->dim[3] * kw || kw * out->dim[1] != a.oc)
        return false;
    a.w = a.ow = in->dim[3];
    j->rows = in->dim[0] * in->dim[2];
    j->step = (j->rows + PARTS - 1) / PARTS;
    j->parts = (j->rows + j->step - 1) / j->step;
    return sg_conv_last_init(&j->v, &a, &b->tile);
}

static bool scratch(const sg_exec *x, size_t *bytes)
{
    job j;
    bool good = prepare(x, &j);
    *bytes = good ? j.v.scratch * (size_t)j.parts : 0;
    return good;
}

static void run_part(void *ctx, int64_t part)
{
    const job *j = ctx;
    sg_conv_last v = j->v;
    int64_t end = (part + 1) * j->step < j->rows ? (part + 1) * j->step : j->rows, tasks = sg_conv_last_tasks(&v);
    for (int64_t row = part * j->step; row < end; row++)
        for (int64_t ky = 0; ky < j->b->kh; ky++) {
            v.x = j->x + row * v.a.w * v.a.c;
            v.y = j->y + (row * j->b->kh + ky) * v.a.w * v.a.oc;
            v.packed = j->b->packed + ky * j->b->floats;
            for (int64_t t = 0; t < tasks; t++)
                sg_conv_last_run(&v, t, j->scratch + (size_t)part * v.scratch);
        }
}

static sedge_status run(sg_exec *x)
{
    job j;
    if (!prepare(x, &j))
        return SEDGE_E_BUG; /* scratch took these sizes */
    j.x = x->in[0]->data;
    j.y = x->out[0]->data;
    j.scratch = x->scratch;
    j.v.lo = -INFINITY;
    j.v.hi = INFINITY;
    sg_parallel(x->threads, j.parts, run_part, &j);
    return SEDGE_OK;
}

/* ---- when the plan is made ---- */

static bool is_constant(const sg_slot *s, int rank)
{
    return s && s->type.dtype == SG_F32 && s->type.rank == rank && s->base == SG_BASE_WEIGHTS && s->data &&
           sg_d_numel(&s->type) > 0;
}

/* Row ky of the kernel, [ic, oc, kh, kw], as weights of [kx, oc] outputs; the bias behind them. */
static void turn(const sg_slot *w, const sg_slot *bias, int64_t ky, float *to)
{
    int64_t ic = w->type.dim[0], oc = w->type.dim[1], kh = w->type.dim[2], kw = w->type.dim[3];
    for (int64_t kx = 0; kx < kw; kx++)
        for (int64_t o = 0; o < oc; o++)
            for (int64_t i = 0; i < ic; i++)
                *to++ = (float)sg_load_f64(SG_F32, w->data, (size_t)(((i * oc + o) * kh + ky) * kw + kx));
    for (int64_t i = 0; i < kw * oc; i++)
        *to++ = bias ? (float)sg_load_f64(SG_F32, bias->data, (size_t)(i % oc)) : 0;
}

static bool pack(sg_plan *p, bound *b, const sg_slot *w, const sg_slot *bias)
{
    sg_conv_last v;
    if (!sg_conv_last_init(&v, &b->shape, &b->tile))
        return false;
    bool filled;
    float *room = sg_plan_room(p, (size_t)(v.floats * b->kh) * sizeof *room, &filled);
    b->floats = v.floats;
    b->packed = room;
    if (!room || filled)
        return room != NULL;
    size_t size = (size_t)(b->shape.oc * (b->shape.c + 1)) * sizeof(float);
    float *taps = sg_alloc(&p->mem, size);
    for (int64_t ky = 0; taps && ky < b->kh; ky++) {
        turn(w, bias, ky, taps);
        const sg_conv_last_weights weights = {.data = taps,
                                              .by_oc = b->shape.c,
                                              .by_ic = 1,
                                              .scale = 1,
                                              .bias = taps + b->shape.oc * b->shape.c,
                                              .bias_step = 1,
                                              .bias_scale = 1};
        sg_cpu_pack_last(p, &v, &weights, room + ky * v.floats);
    }
    if (taps)
        sg_free(&p->mem, taps, size);
    return taps != NULL;
}

bool sg_cpu_bind_conv_transpose(sg_plan *p, sg_step *s)
{
    const sg_slot *x = sg_step_slot(p, s, 0), *w = sg_step_slot(p, s, 1), *bias = s->n_in > 2 ? sg_step_slot(p, s, 2) : NULL;
    sg_window win;
    sg_err own = {0};
    if (!x || x->type.dtype != SG_F32 || x->type.rank != 4 || !is_constant(w, 4) || (bias && !is_constant(bias, 1)) ||
        (bias && bias->type.dim[0] != w->type.dim[1]) || sg_window_read(&own, s->attrs, 2, w->type.dim + 2, &win) != SEDGE_OK ||
        !sg_window_tiles(&win, s->attrs))
        return false;
    bound *b = sg_arena_alloc(&p->arena, sizeof *b);
    if (!b)
        return false;
    *b = (bound){.shape = {.n = 1, .c = w->type.dim[0], .h = 1, .w = 1, .oc = w->type.dim[1] * win.kernel[1], .oh = 1, .ow = 1},
                 .kh = win.kernel[0]};
    b->shape.group = b->shape.kh = b->shape.kw = 1;
    b->shape.stride_h = b->shape.stride_w = b->shape.dilation_h = b->shape.dilation_w = 1;
    sg_tile_f32_init(&b->tile, p->cpu);
    if (!pack(p, b, w, bias))
        return false;
    s->packed = b;
    s->absorbed = s->spent = 1u << 1 | (bias ? 1u << 2 : 0);
    s->kernel = (sg_kernel){.name = "conv_transpose_f32", .run = run, .scratch = scratch};
    return true;
}
