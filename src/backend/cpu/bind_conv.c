/* Binding of convolution to its row-major f32 kernel: one call an image. */
#include "backend/cpu/bind_conv.h"

#include "base/threads.h"
#include "kernel/conv/conv_f32.h"

/* One image cut into ranges of output channels: by whole groups, or inside the one group by fours, which is what the
 * kernel computes together. So every element is summed in the same order however many parts there are. */
typedef struct cut {
    sg_conv_shape a, part; /* part: the largest one */
    int64_t parts, step, chunk; /* output channels of a part; of one call inside it, so that scratch stays small */
    const float *x, *weight, *bias;
    float *y;
    unsigned char *scratch;
    size_t scratch_bytes;
} cut;

/* A part of fewer multiply-adds than this does not pay for waking a thread. */
#define PART_MACS 200000

#define GROUPS_AT_ONCE 16

static void cut_channels(cut *c, int threads)
{
    const sg_conv_shape *a = &c->a;
    int64_t unit = a->group > 1 ? a->oc / a->group : 4; /* channels that stay together */
    int64_t units = (a->oc + unit - 1) / unit;
    double macs = (double)a->oc * (double)(a->oh * a->ow) * (double)(a->c / a->group * a->kh * a->kw);
    int64_t most = (int64_t)(macs / PART_MACS) + 1;
    int64_t parts = threads < most ? threads : most;
    if (parts > units)
        parts = units;
    c->step = (units + parts - 1) / parts * unit;
    c->parts = (a->oc + c->step - 1) / c->step;
    c->chunk = a->group > 1 && c->step > GROUPS_AT_ONCE * unit ? GROUPS_AT_ONCE * unit : c->step;
    c->part = *a;
    c->part.oc = c->chunk < a->oc ? c->chunk : a->oc;
    if (a->group > 1) {
        c->part.group = c->part.oc / unit;
        c->part.c = a->c / a->group * c->part.group;
    }
}

static void run_channels(const cut *c, int64_t oc0, int64_t oc1, void *scratch)
{
    sg_conv_shape a = c->part;
    const float *x = c->x;
    a.oc = oc1 - oc0;
    if (c->a.group > 1) {
        int64_t per_out = c->a.oc / c->a.group, per_in = c->a.c / c->a.group;
        a.group = a.oc / per_out;
        a.c = per_in * a.group;
        x += oc0 / per_out * per_in * a.h * a.w;
    }
    sg_conv_f32(&a, x, c->weight + oc0 * (c->a.c / c->a.group) * a.kh * a.kw, c->bias ? c->bias + oc0 : NULL,
                c->y + oc0 * a.oh * a.ow, scratch);
}

static void run_part(void *ctx, int64_t i)
{
    const cut *c = ctx;
    int64_t end = (i + 1) * c->step < c->a.oc ? (i + 1) * c->step : c->a.oc;
    for (int64_t oc = i * c->step; oc < end; oc += c->chunk)
        run_channels(c, oc, oc + c->chunk < end ? oc + c->chunk : end, c->scratch + (size_t)i * c->scratch_bytes);
}

static void finish(const sg_exec *x)
{
    float *y = x->out[0]->data;
    const float *sum = x->n_in > 3 && x->in[3] ? x->in[3]->data : NULL;
    double lo, hi;
    int64_t act = sg_get_int(x->attrs, SG_A_activation);
    for (int64_t i = 0, n = sum ? sg_numel(x->out[0]) : 0; i < n; i++)
        y[i] += sum[i];
    sg_act_f32_tile(&((const sg_conv_bound *)x->packed)->act, y, 0, 1, sg_numel(x->out[0]));
    if (act != SG_ACT_BOUNDS)
        return;
    sg_conv_bounds(x->attrs, &lo, &hi);
    float least = (float)lo, most = (float)hi;
    for (int64_t i = 0, n = sg_numel(x->out[0]); i < n; i++) {
        float v = y[i] < least ? least : y[i];
        y[i] = v > most ? most : v;
    }
}

static sedge_status run(sg_exec *x)
{
    const sg_tensor *in = x->in[0], *bias = x->n_in > 2 ? x->in[2] : NULL;
    sg_conv_shape a;
    size_t bytes;
    if (!sg_conv_bound_sizes(x->packed, x, &a) || !sg_conv_f32_scratch(&a, &bytes))
        return sg_exec_ref(x);
    cut c = {.a = a, .x = in->data, .weight = x->in[1]->data, .bias = bias ? bias->data : NULL, .y = x->out[0]->data};
    cut_channels(&c, x->threads);
    if (!sg_conv_f32_scratch(&c.part, &c.scratch_bytes))
        return sg_exec_ref(x);
    c.scratch_bytes = (c.scratch_bytes + 63) & ~(size_t)63;
    c.scratch = sg_scratch(x, c.scratch_bytes * (size_t)c.parts);
    if (!c.scratch)
        return SEDGE_E_NOMEM;
    for (int64_t n = 0; n < in->dim[0]; n++) {
        sg_parallel(x->threads, c.parts, run_part, &c);
        c.x += a.c * a.h * a.w;
        c.y += a.oc * a.oh * a.ow;
    }
    finish(x);
    return SEDGE_OK;
}

bool sg_cpu_bind_conv_f32(sg_plan *p, sg_step *s)
{
    for (int k = 0; k < s->n_in; k++) {
        const sg_slot *slot = sg_step_slot(p, s, k);
        if (slot && (slot->type.kind != SG_TENSOR || slot->type.dtype != SG_F32))
            return false;
    }
    const sg_slot *bias = s->n_in > 2 ? sg_step_slot(p, s, 2) : NULL;
    sg_conv_bound *b = sg_arena_alloc(&p->arena, sizeof *b);
    if (!b || !sg_conv_bound_read(p, s, 1, b) || (bias && (bias->type.rank != 1 || bias->type.dim[0] != b->shape.oc)))
        return false;
    if (!sg_cpu_act_of(s->attrs, p->cpu, &b->act))
        return false;
    s->packed = b;
    s->kernel = (sg_kernel){.name = "conv_f32", .run = run};
    return true;
}
