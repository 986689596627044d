/* Bindings of 8-bit convolutions to the kernels of the processor's level: weights are packed when the plan is made; images whose
 * channels do not stand last are turned on the way in and out. */
#include <string.h>

#include "backend/cpu/bind_q8.h"
#include "base/threads.h"
#include "op/wide.h"

/* ---- what products share ---------------------------------------------------------------------------------------- */

/* Steps of less than STEP_US stay with the caller. */
#define STEP_US 50.0

bool sg_q8_work_cut(const sg_exec *x, sg_q8_work *w)
{
    if (!sg_q8_conv_cut(&w->a, &w->b->q, &w->cut))
        return false;
    w->workers = w->cut.macs < STEP_US * w->b->q.macs_us || x->threads < 2 ? 1 : x->threads;
    w->workers = w->workers < w->cut.jobs ? w->workers : w->cut.jobs;
    w->each = sg_q8_align(w->cut.scratch);
    return true;
}

static void run_worker(void *ctx, int64_t i)
{
    sg_q8_work *w = ctx;
    uint8_t *room = w->scratch + (size_t)i * w->each;
    sg_q8_conv_begin(&w->a, &w->cut, room);
    for (long long job; (job = atomic_fetch_add(&w->next, 1)) < w->cut.jobs;)
        sg_q8_conv_job(&w->a, &w->b->q, &w->cut, job, w->x, w->y, room);
}

void sg_q8_work_run(const sg_exec *x, sg_q8_work *w)
{
    sg_parallel(x->threads, w->workers, run_worker, w);
}

bool sg_q8_bound_pack(sg_plan *p, sg_q8_bound *b, const sg_slot *w, const int32_t *w_zero, const int32_t *bias,
                      const float *scale, int32_t x_zero, bool x_signed)
{
    bool w_signed = w->type.dtype == SG_I8, flips = x_signed != b->q.x_signed, filled;
    size_t bytes, n;
    int32_t *layers = sg_plan_room(p, sizeof *layers, &filled); /* what only the weights tell */
    if (!layers || (filled && (*layers < 1 || *layers > SG_Q8_LAYERS)))
        return false;
    b->conv.layers = filled ? *layers : 0;
    if (!sg_q8_conv_packed(&b->conv, &b->q, w->data, w_signed, w_zero, &bytes, &n))
        return false;
    int8_t *room = sg_plan_room(p, bytes, &filled);
    int32_t *to_bias = sg_plan_room(p, n * sizeof *to_bias, &filled);
    float *to_scale = sg_plan_room(p, n * sizeof *to_scale, &filled);
    if (!room || !to_bias || !to_scale)
        return false;
    if (filled) {
        sg_q8_conv_use(&b->conv, scale, room, to_bias, to_scale);
    } else {
        *layers = b->conv.layers;
        sg_q8_conv_pack(&b->conv, &b->q, w->data, w_signed, w_zero, bias, scale, x_zero, room, to_bias, to_scale);
    }
    b->conv.flip = flips ? 0x80808080u : 0;
    return true;
}

/* ---- convolutions ----------------------------------------------------------------------------------------------- */

typedef struct images {
    sg_q8_work w;
    size_t turned_x, turned_y; /* bytes of images turned */
} images;

static size_t turned(const sg_tensor *t)
{
    return t->layout == SG_LAYOUT_LAST ? 0 : sg_q8_align((size_t)sg_numel(t));
}

/* False: nothing to compute, or sizes past what the kernel takes. */
static bool prepare(const sg_exec *x, images *m)
{
    m->w.b = x->packed;
    m->turned_x = turned(x->in[0]);
    m->turned_y = turned(x->out[0]);
    m->w.a = m->w.b->conv;
    return sg_conv_bound_sizes(&m->w.b->image, x, &m->w.a.s) && sg_q8_work_cut(x, &m->w);
}

static bool scratch(const sg_exec *x, size_t *bytes)
{
    images m = {0};
    if (!prepare(x, &m))
        return false;
    *bytes = m.turned_x + m.turned_y + m.w.each * (size_t)m.w.workers;
    return true;
}

/* to[j][i] = from[i][j], for `rows` x `columns` bytes: eight rows at a time, so that what is written together stands together. */
static void turn(const uint8_t *from, int64_t rows, int64_t columns, uint8_t *to)
{
    int64_t r = 0;
    for (; r + 8 <= rows; r += 8, from += 8 * columns)
        for (int64_t c = 0; c < columns; c++) {
            uint8_t eight[8];
            for (int i = 0; i < 8; i++)
                eight[i] = from[i * columns + c];
            memcpy(to + c * rows + r, eight, sizeof eight);
        }
    for (; r < rows; r++, from += columns)
        for (int64_t c = 0; c < columns; c++)
            to[c * rows + r] = from[c];
}

static sedge_status run(sg_exec *x)
{
    uint8_t *room = x->scratch;
    images m = {.w = {.x = x->in[0]->data, .y = x->out[0]->data}};
    if (!prepare(x, &m))
        return SEDGE_E_BUG; /* scratch took these sizes */
    const sg_q8_conv *a = &m.w.a;
    int64_t in = a->s.h * a->s.w, out = a->s.oh * a->s.ow;
    m.w.scratch = room + m.turned_x + m.turned_y;
    if (m.turned_x) {
        for (int64_t n = 0; n < a->s.n; n++)
            turn(m.w.x + n * a->s.c * in, a->s.c, in, room + n * a->s.c * in);
        m.w.x = room;
    }
    if (m.turned_y)
        m.w.y = room + m.turned_x;
    sg_q8_work_run(x, &m.w);
    for (int64_t n = 0; m.turned_y && n < a->s.n; n++)
        turn(m.w.y + n * a->s.oc * out, out, a->s.oc, (uint8_t *)x->out[0]->data + n * a->s.oc * out);
    return SEDGE_OK;
}

/* A table for the plan; NULL where only the portable kernels are left and nothing needs them: channels last, sums that wrap. */
static sg_q8_bound *bound_of(sg_plan *p, const sg_step *s, const sg_qbound *r)
{
    const sg_slot *x = sg_step_slot(p, s, 0), *y = sg_step_slot(p, s, s->n_in);
    sg_q8_bound *b = sg_arena_alloc(&p->arena, sizeof *b);
    if (!b)
        return NULL;
    sg_q8_init(&b->q, p->cpu);
    bool last = (x && x->type.layout == SG_LAYOUT_LAST) || (y && y->type.layout == SG_LAYOUT_LAST);
    return last || r->wraps || !b->q.portable ? b : NULL;
}

bool sg_cpu_q8_gains(uint32_t cpu)
{
    sg_q8_table q;
    sg_q8_init(&q, cpu);
    return !q.portable;
}

bool sg_cpu_bind_q8_conv(sg_plan *p, sg_step *s)
{
    const sg_slot *x = sg_step_slot(p, s, 0), *w = sg_step_slot(p, s, 3);
    sg_conv_bound image;
    if (!w || w->base != SG_BASE_WEIGHTS || !sg_conv_bound_read(p, s, 3, &image))
        return false;
    const sg_qbound *r = sg_qbound_read(p, s, image.shape.oc, sg_d_numel(&w->type) / image.shape.oc, 1);
    sg_q8_bound *b = r ? bound_of(p, s, r) : NULL;
    if (!b)
        return false;
    b->image = image;
    b->conv = (sg_q8_conv){.s = image.shape};
    bool x_signed = x->type.dtype == SG_I8;
    b->conv.x_zero = (uint8_t)r->x_zero;
    b->conv.out = (sg_q8_out){.zero = r->out.zero, .lo = r->out.lo, .hi = r->out.hi};
    if (!sg_q8_bound_pack(p, b, w, r->w_zero, r->bias, r->scale, sg_q8_form_zero(b, r->x_zero, x_signed), x_signed))
        return false;
    s->packed = b;
    s->absorbed = 0x1fe; /* everything but x */
    s->spent = 1u << 3;
    s->kernel = (sg_kernel){.name = "qconv", .run = run, .scratch = scratch};
    return true;
}
