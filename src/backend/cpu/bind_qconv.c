/* Binding of 8-bit convolution: weights are packed when the plan is made; a run checks shapes and cuts the channels. */
#include "backend/cpu/bind_qconv.h"

#include "base/threads.h"
#include "kernel/qconv/qconv_s8.h"
#include "op/wide.h"
#include "op/window.h"

/* False: the shapes are not what the weights were packed for; the reference will say what is wrong. */
static bool args_of(sg_exec *x, const sg_qbound *b, sg_qconv_args *a)
{
    const sg_tensor *in = x->in[0], *w = x->in[3], *out = x->out[0];
    int64_t group = sg_get_int(x->attrs, SG_A_group);
    int n = in->rank - 2, last = n - 1;
    sg_err own = {0};
    sg_window win;
    if (n < 1 || n > 2 || w->rank != in->rank || out->rank != in->rank ||
        sg_dim_apply(SG_DIM_MUL, w->dim[1], group) != in->dim[1] || out->dim[1] != w->dim[0] ||
        sg_window_read(&own, x->attrs, n, w->dim + 2, &win) != SEDGE_OK)
        return false;
    sg_window_resolve(&win, in->dim + 2, out->dim + 2);
    *a = (sg_qconv_args){.c = in->dim[1],
                         .h = n == 2 ? in->dim[2] : 1,
                         .w = in->dim[2 + last],
                         .oc = w->dim[0],
                         .oh = n == 2 ? out->dim[2] : 1,
                         .ow = out->dim[2 + last],
                         .group = group,
                         .kh = n == 2 ? win.kernel[0] : 1,
                         .kw = win.kernel[last],
                         .stride_h = n == 2 ? win.stride[0] : 1,
                         .stride_w = win.stride[last],
                         .dilation_h = n == 2 ? win.dilation[0] : 1,
                         .dilation_w = win.dilation[last],
                         .pad_top = n == 2 ? win.begin[0] : 0,
                         .pad_left = win.begin[last],
                         .x_signed = in->dtype == SG_I8,
                         .x_zero = b->x_zero,
                         .out = b->out,
                         .bias = b->bias,
                         .scale = b->scale};
    return true;
}

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
    int64_t unit = sg_qconv_step(a), units = (a->oc + unit - 1) / unit;
    double macs = (double)a->oc * (double)(a->oh * a->ow) * (double)(a->c / a->group * a->kh * a->kw);
    int64_t most = (int64_t)(macs / PART_MACS) + 1, parts = threads < most ? threads : most;
    if (parts > units)
        parts = units;
    c->step = (units + parts - 1) / parts * unit;
    c->parts = (a->oc + c->step - 1) / c->step;
}

static void run_part(void *ctx, int64_t i)
{
    const cut *c = ctx;
    int64_t from = i * c->step, to = from + c->step < c->a.oc ? from + c->step : c->a.oc;
    sg_qconv(&c->a, c->x, c->weight, from, to, c->y, c->scratch + (size_t)i * c->scratch_bytes);
}

static sedge_status run(sg_exec *x)
{
    const sg_tensor *in = x->in[0];
    const sg_qbound *b = x->packed;
    cut c;
    if (sg_numel(x->out[0]) == 0)
        return SEDGE_OK;
    if (!args_of(x, b, &c.a) || sg_numel(in) == 0 || !sg_qconv_scratch(&c.a, &c.scratch_bytes))
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
        c.x += c.a.c * c.a.h * c.a.w;
        c.y += c.a.oc * c.a.oh * c.a.ow;
    }
    return SEDGE_OK;
}

bool sg_cpu_bind_qconv(sg_plan *p, sg_step *s)
{
    int n;
    const int64_t *pads = sg_get_ints(s->attrs, SG_A_pads, &n);
    const sg_slot *x = sg_step_slot(p, s, 0), *w = sg_step_slot(p, s, 3);
    int64_t group = sg_get_int(s->attrs, SG_A_group);
    size_t bytes;
    for (int i = 0; i < n; i++)
        if (pads[i] < 0)
            return false;
    if (!x || !w || (x->type.rank != 3 && x->type.rank != 4) || w->type.rank != x->type.rank || w->base != SG_BASE_WEIGHTS)
        return false;
    const int64_t *dim = w->type.dim;
    if (group < 1 || sg_d_numel(&w->type) < 1 || dim[0] % group || dim[1] > SG_WINDOW_MAX || group > SG_WINDOW_MAX)
        return false;
    sg_qconv_args a = {
        .c = dim[1] * group, .oc = dim[0], .group = group, .kh = w->type.rank == 4 ? dim[2] : 1, .kw = dim[w->type.rank - 1]};
    sg_qbound *b = sg_qbound_read(p, s, a.oc, sg_d_numel(&w->type) / a.oc, 1);
    void *room = b && !b->wraps && sg_qconv_packed(&a, &bytes) ? sg_qbound_room(p, bytes) : NULL;
    if (!room)
        return false;
    sg_qconv_pack(&a, w->data, w->type.dtype == SG_I8, b->w_zero, room);
    b->weight = room;
    s->packed = b;
    s->absorbed = 1u << 3;
    s->kernel = (sg_kernel){.name = "qconv_s8", .run = run};
    return true;
}
