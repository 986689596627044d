/* Binding of 8-bit convolution: weights are packed when the plan is made; a run checks shapes and cuts the channels. */
#include "backend/cpu/bind_qconv.h"

#include "backend/cpu/bind_conv.h"
#include "base/threads.h"
#include "kernel/qconv/qconv_s8.h"

/* What a step keeps. */
typedef struct bound {
    sg_conv_bound conv;
    sg_qconv_args a; /* without the sizes of a run */
    const void *weight;
} bound;

typedef struct cut {
    sg_qconv_args a;
    const uint8_t *x;
    const void *weight;
    uint8_t *y, *scratch;
    int64_t step, parts;
    size_t scratch_bytes; /* of a part */
} cut;

/* A part of fewer multiply-adds than this does not pay for waking a thread. */
#define PART_MACS 400000

static void cut_channels(cut *c, int threads)
{
    const sg_qconv_args *a = &c->a;
    int64_t unit = sg_qconv_step(a), units = (a->s.oc + unit - 1) / unit;
    double macs = (double)a->s.oc * (double)(a->s.oh * a->s.ow) * (double)(a->s.c / a->s.group * a->s.kh * a->s.kw);
    int64_t most = (int64_t)(macs / PART_MACS) + 1, parts = threads < most ? threads : most;
    if (parts > units)
        parts = units;
    c->step = (units + parts - 1) / parts * unit;
    c->parts = (a->s.oc + c->step - 1) / c->step;
}

static void run_part(void *ctx, int64_t i)
{
    const cut *c = ctx;
    int64_t from = i * c->step, to = from + c->step < c->a.s.oc ? from + c->step : c->a.s.oc;
    sg_qconv(&c->a, c->x, c->weight, from, to, c->y, c->scratch + (size_t)i * c->scratch_bytes);
}

static sedge_status run(sg_exec *x)
{
    const sg_tensor *in = x->in[0];
    const bound *b = x->packed;
    cut c = {.a = b->a};
    if (!sg_conv_bound_sizes(&b->conv, x, &c.a.s) || !sg_qconv_scratch(&c.a, &c.scratch_bytes))
        return sg_exec_ref(x);
    cut_channels(&c, x->threads > 0 ? x->threads : 1);
    c.x = in->data;
    c.y = x->out[0]->data;
    c.weight = b->weight;
    c.scratch_bytes = (c.scratch_bytes + 63) & ~(size_t)63;
    c.scratch = sg_scratch(x, c.scratch_bytes * (size_t)c.parts);
    if (!c.scratch)
        return SEDGE_E_NOMEM;
    for (int64_t n = 0; n < in->dim[0]; n++) {
        sg_parallel(x->threads, c.parts, run_part, &c);
        c.x += c.a.s.c * c.a.s.h * c.a.s.w;
        c.y += c.a.s.oc * c.a.s.oh * c.a.s.ow;
    }
    return SEDGE_OK;
}

bool sg_cpu_bind_qconv(sg_plan *p, sg_step *s)
{
    const sg_slot *x = sg_step_slot(p, s, 0), *w = sg_step_slot(p, s, 3);
    bound *b = sg_arena_alloc(&p->arena, sizeof *b);
    size_t bytes;
    if (!b || !w || w->base != SG_BASE_WEIGHTS || !sg_conv_bound_read(p, s, 3, &b->conv))
        return false;
    const sg_conv_shape *shape = &b->conv.shape;
    const sg_qbound *r = sg_qbound_read(p, s, shape->oc, sg_d_numel(&w->type) / shape->oc, 1);
    if (!r || r->wraps)
        return false;
    b->a = (sg_qconv_args){
        .s = *shape, .x_signed = x->type.dtype == SG_I8, .x_zero = r->x_zero, .out = r->out, .bias = r->bias, .scale = r->scale};
    bool filled;
    void *room = sg_qconv_packed(&b->a, &bytes) ? sg_plan_room(p, bytes, &filled) : NULL;
    if (!room)
        return false;
    if (!filled)
        sg_qconv_pack(&b->a, w->data, w->type.dtype == SG_I8, r->w_zero, room);
    b->weight = room;
    s->packed = b;
    s->absorbed = s->spent = 1u << 3;
    s->kernel = (sg_kernel){.name = "qconv_s8", .run = run};
    return true;
}
