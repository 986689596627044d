/* Binding of convolution to its f32 kernel: checks at run time what the shape rule could not know, then one call an image. */
#include "backend/cpu/bind_conv.h"

#include "base/threads.h"
#include "kernel/conv/conv_f32.h"
#include "op/wide.h"
#include "op/window.h"

/* One spatial axis is an image of one row. */
static sedge_status args_of(sg_exec *x, sg_conv_f32_args *a)
{
    const sg_tensor *in = x->in[0], *w = x->in[1], *out = x->out[0];
    int64_t group = sg_get_int(x->attrs, SG_A_group);
    int n = in->rank - 2, last = n - 1;
    if (n < 1 || n > 2 || w->rank != in->rank || out->rank != in->rank)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "input of rank %d with weights of rank %d", in->rank, w->rank);
    if (group < 1 || w->dim[0] % group || sg_dim_apply(SG_DIM_MUL, w->dim[1], group) != in->dim[1])
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "%lld input and %lld output channels do not fit into %lld groups of %lld",
                            (long long)in->dim[1], (long long)w->dim[0], (long long)group, (long long)w->dim[1]);
    SG_TRY(sg_want_vector(x, x->n_in > 2 ? x->in[2] : NULL, w->dim[0], "bias"));
    sg_window win;
    SG_TRY(sg_window_read(x->err, x->attrs, n, w->dim + 2, &win));
    sg_window_resolve(&win, in->dim + 2, out->dim + 2);
    *a = (sg_conv_f32_args){.c = in->dim[1],
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
                            .pad_left = win.begin[last]};
    return SEDGE_OK;
}

/* One image cut into ranges of output channels: by whole groups, or inside the one group by fours, which is what the
 * kernel computes together. So every element is summed in the same order however many parts there are. */
typedef struct cut {
    sg_conv_f32_args a, part; /* part: the largest one */
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
    const sg_conv_f32_args *a = &c->a;
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
    sg_conv_f32_args a = c->part;
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

static void bound(const sg_exec *x)
{
    float *y = x->out[0]->data;
    double lo, hi;
    if (!sg_get_int(x->attrs, SG_A_activation))
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
    sg_conv_f32_args a;
    size_t bytes;
    SG_TRY(args_of(x, &a));
    if (sg_numel(x->out[0]) == 0)
        return SEDGE_OK;
    if (sg_numel(in) == 0 || !sg_conv_f32_scratch(&a, &bytes))
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
    bound(x);
    return SEDGE_OK;
}

bool sg_cpu_bind_conv_f32(sg_plan *p, sg_step *s)
{
    int n;
    const int64_t *pads = sg_get_ints(s->attrs, SG_A_pads, &n);
    for (int k = 0; k < s->n_in; k++) {
        const sg_slot *slot = sg_step_slot(p, s, k);
        if (slot && (slot->type.kind != SG_TENSOR || slot->type.dtype != SG_F32))
            return false;
    }
    for (int i = 0; i < n; i++)
        if (pads[i] < 0)
            return false;
    const sg_slot *x = sg_step_slot(p, s, 0);
    if (!x || (x->type.rank != 3 && x->type.rank != 4))
        return false;
    s->kernel = (sg_kernel){.name = "conv_f32", .run = run};
    return true;
}
