/* Bindings of 8-bit convolutions to the kernels of the processor's level: weights are packed when the plan is made; images whose
 * channels do not stand last are turned on the way in and out. */
#include <string.h>

#include "backend/cpu/bind_q8.h"
#include "base/threads.h"
#include "op/wide.h"

/* ---- what products share ---------------------------------------------------------------------------------------- */

/* Steps of less than STEP_US stay with the caller. */
#define STEP_US 50.0

size_t sg_q8_kept(const sg_q8_bound *b)
{
    return sizeof(sg_q8_ready) + (size_t)sg_q8_conv_places(&b->conv) * sizeof(int64_t);
}

bool sg_q8_cut_work(const sg_exec *x, sg_q8_ready *r)
{
    const sg_q8_bound *b = x->packed;
    if (!sg_q8_conv_cut(&r->a, &b->q, &r->cut))
        return false;
    r->workers = r->cut.macs < STEP_US * b->q.macs_us || x->threads < 2 ? 1 : x->threads;
    r->workers = r->workers < r->cut.jobs ? r->workers : r->cut.jobs;
    r->each = sg_q8_align(r->cut.scratch);
    if (r == x->kept)
        sg_q8_conv_place(&r->a, &r->cut, r->at);
    return true;
}

static void run_worker(void *ctx, int64_t i)
{
    sg_q8_work *w = ctx;
    const sg_q8_ready *r = w->r;
    for (long long job; (job = atomic_fetch_add(&w->next, 1)) < r->cut.jobs;)
        sg_q8_conv_job(w->a, w->q, &r->cut, r->at, job, w->x, w->y, w->scratch + (size_t)i * r->each);
}

void sg_q8_work_run(const sg_exec *x, sg_q8_work *w)
{
    const sg_q8_ready *r = w->r;
    if (r->workers > 1)
        sg_parallel(x->threads, r->workers, run_worker, w);
    else
        for (int64_t job = 0; job < r->cut.jobs; job++)
            sg_q8_conv_job(w->a, w->q, &r->cut, r->at, job, w->x, w->y, w->scratch);
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

static size_t turned(const sg_tensor *t)
{
    return t->layout == SG_LAYOUT_LAST ? 0 : sg_q8_align((size_t)sg_numel(t));
}

/* False: nothing to compute, or sizes past what the kernel takes. */
static bool scratch(const sg_exec *x, size_t *bytes)
{
    const sg_q8_bound *b = x->packed;
    sg_q8_ready own, *r = x->kept ? x->kept : &own;
    r->a = b->conv;
    r->turned_x = turned(x->in[0]);
    r->turned_y = turned(x->out[0]);
    if (!sg_conv_bound_sizes(&b->image, x, &r->a.s) || !sg_q8_cut_work(x, r))
        return false;
    *bytes = r->turned_x + r->turned_y + r->each * (size_t)r->workers;
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
    const sg_q8_bound *b = x->packed;
    const sg_q8_ready *r = x->kept;
    const sg_conv_shape *s = &r->a.s;
    const int64_t in = s->h * s->w, out = s->oh * s->ow;
    uint8_t *room = x->scratch;
    sg_q8_work w = {.q = &b->q, .r = r, .a = &r->a, .x = x->in[0]->data, .y = x->out[0]->data};
    w.scratch = room + r->turned_x + r->turned_y;
    if (r->turned_x) {
        for (int64_t n = 0; n < s->n; n++)
            turn(w.x + n * s->c * in, s->c, in, room + n * s->c * in);
        w.x = room;
    }
    if (r->turned_y)
        w.y = room + r->turned_x;
    sg_q8_work_run(x, &w);
    for (int64_t n = 0; r->turned_y && n < s->n; n++)
        turn(w.y + n * s->oc * out, out, s->oc, (uint8_t *)x->out[0]->data + n * s->oc * out);
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
    s->kernel = (sg_kernel){.name = "qconv", .run = run, .scratch = scratch, .kept = sg_q8_kept(b)};
    return true;
}
