/* Bindings of 8-bit products to the kernels of the processor's level: weights are packed when the plan is made; images whose
 * channels do not stand last are turned on the way in and out. */
#include <stdatomic.h>
#include <string.h>

#include "backend/cpu/bind_qconv.h"
#include "base/threads.h"
#include "kernel/q8/q8_conv.h"
#include "op/wide.h"
#include "op/window.h"

/* What a step keeps: the table, and a product or convolution with its packed weights but without the sizes of a run. */
typedef struct bound {
    sg_q8_table q;
    sg_q8_conv conv;
} bound;

static const sg_q8_out *out_of(const sg_qbound *b, sg_q8_out *o)
{
    *o = (sg_q8_out){b->out.zero, b->out.lo, b->out.hi};
    return o;
}

/* The sizes of a run. False: they are not what the weights were packed for; the reference will say what is wrong. */
static bool args_of(const sg_exec *x, sg_q8_conv *a)
{
    const bound *b = x->packed;
    const sg_tensor *in = x->in[0], *w = x->in[3], *out = x->out[0];
    int n = in->rank - 2, last = n - 1;
    sg_err own = {0};
    sg_window win;
    *a = b->conv;
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

/* Steps of less than STEP_US stay with the caller; workers take jobs as they come. */
#define STEP_US 50.0

typedef struct work {
    const bound *b;
    sg_q8_conv a;
    sg_q8_cut cut;
    const uint8_t *x;
    uint8_t *y, *scratch;
    size_t each, turned_x, turned_y; /* bytes of a worker's scratch, of images turned */
    int64_t workers;
    atomic_llong next;
} work;

static size_t align(size_t n)
{
    return (n + 63) & ~(size_t)63;
}

/* False: nothing to compute, or sizes past what the kernel takes. */
static bool prepare(const sg_exec *x, work *w)
{
    w->b = x->packed;
    if (!args_of(x, &w->a) || sg_numel(x->in[0]) == 0 || sg_numel(x->out[0]) == 0 || !sg_q8_conv_cut(&w->a, &w->b->q, &w->cut))
        return false;
    w->workers = w->cut.macs < STEP_US * w->b->q.macs_us || x->threads < 2 ? 1 : x->threads;
    w->workers = w->workers < w->cut.jobs ? w->workers : w->cut.jobs;
    w->each = align(w->cut.scratch);
    w->turned_x = x->in[0]->layout == SG_LAYOUT_LAST ? 0 : align((size_t)sg_numel(x->in[0]));
    w->turned_y = x->out[0]->layout == SG_LAYOUT_LAST ? 0 : align((size_t)sg_numel(x->out[0]));
    return true;
}

static bool scratch(const sg_exec *x, size_t *bytes)
{
    work w = {0};
    if (!prepare(x, &w))
        return false;
    *bytes = w.turned_x + w.turned_y + w.each * (size_t)w.workers;
    return true;
}

static void run_worker(void *ctx, int64_t i)
{
    work *w = ctx;
    uint8_t *room = w->scratch + (size_t)i * w->each;
    sg_q8_conv_begin(&w->a, &w->cut, room);
    for (long long job; (job = atomic_fetch_add(&w->next, 1)) < w->cut.jobs;)
        sg_q8_conv_job(&w->a, &w->b->q, &w->cut, job, w->x, w->y, room);
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
    work w = {.x = x->in[0]->data, .y = x->out[0]->data};
    if (!prepare(x, &w))
        return SEDGE_E_BUG; /* scratch took these sizes */
    const sg_q8_conv *a = &w.a;
    int64_t in = a->h * a->w, out = a->oh * a->ow;
    w.scratch = room + w.turned_x + w.turned_y;
    if (w.turned_x) {
        for (int64_t n = 0; n < a->n; n++)
            turn(w.x + n * a->c * in, a->c, in, room + n * a->c * in);
        w.x = room;
    }
    if (w.turned_y)
        w.y = room + w.turned_x;
    sg_parallel(x->threads, w.workers, run_worker, &w);
    for (int64_t n = 0; w.turned_y && n < a->n; n++)
        turn(w.y + n * a->oc * out, out, a->oc, (uint8_t *)x->out[0]->data + n * a->oc * out);
    return SEDGE_OK;
}

/* Packs the weights of b->conv, whose sizes are set, into the plan. False: they do not fit. */
static bool pack(sg_plan *p, const sg_step *s, bound *b, const sg_qbound *r)
{
    const sg_slot *x = sg_step_slot(p, s, 0), *w = sg_step_slot(p, s, 3);
    bool x_signed = x->type.dtype == SG_I8, w_signed = w->type.dtype == SG_I8, flips = x_signed != b->q.x_signed;
    int32_t x_zero = flips ? r->x_zero + (x_signed ? 128 : -128) : r->x_zero;
    size_t bytes, n;
    if (!sg_q8_conv_packed(&b->conv, &b->q, w->data, w_signed, r->w_zero, &bytes, &n))
        return false;
    int8_t *room = sg_qbound_room(p, bytes);
    int32_t *bias = sg_qbound_room(p, n * sizeof *bias);
    float *scale = sg_qbound_room(p, n * sizeof *scale);
    if (!room || !bias || !scale)
        return false;
    sg_q8_conv_pack(&b->conv, &b->q, w->data, w_signed, r->w_zero, r->bias, r->scale, x_zero, room, bias, scale);
    b->conv.x_zero = (uint8_t)r->x_zero;
    b->conv.flip = flips ? 0x80808080u : 0;
    out_of(r, &b->conv.out);
    b->conv.weight = room;
    b->conv.bias = bias;
    b->conv.scale = scale;
    return true;
}

/* A table for the plan; NULL where only the portable kernels are left and no operand needs them: channels last. */
static bound *bound_of(sg_plan *p, const sg_step *s)
{
    const sg_slot *x = sg_step_slot(p, s, 0), *y = sg_step_slot(p, s, s->n_in);
    bound *b = sg_arena_alloc(&p->arena, sizeof *b);
    if (!b)
        return NULL;
    sg_q8_init(&b->q, p->cpu);
    bool last = (x && x->type.layout == SG_LAYOUT_LAST) || (y && y->type.layout == SG_LAYOUT_LAST);
    return last || !b->q.portable ? b : NULL;
}

bool sg_cpu_bind_q8_conv(sg_plan *p, sg_step *s)
{
    int n;
    const int64_t *pads = sg_get_ints(s->attrs, SG_A_pads, &n);
    const sg_slot *x = sg_step_slot(p, s, 0), *w = sg_step_slot(p, s, 3);
    int64_t group = sg_get_int(s->attrs, SG_A_group);
    for (int i = 0; i < n; i++)
        if (pads[i] < 0)
            return false;
    if (!x || !w || (x->type.rank != 3 && x->type.rank != 4) || w->type.rank != x->type.rank || w->base != SG_BASE_WEIGHTS)
        return false;
    const int64_t *dim = w->type.dim;
    if (group < 1 || sg_d_numel(&w->type) < 1 || dim[0] % group || dim[1] > SG_WINDOW_MAX || group > SG_WINDOW_MAX)
        return false;
    const sg_qbound *r = sg_qbound_read(p, s, dim[0], sg_d_numel(&w->type) / dim[0], 1);
    bound *b = r ? bound_of(p, s) : NULL;
    if (!b)
        return false;
    b->conv = (sg_q8_conv){
        .c = dim[1] * group, .oc = dim[0], .group = group, .kh = w->type.rank == 4 ? dim[2] : 1, .kw = dim[w->type.rank - 1]};
    if (!pack(p, s, b, r))
        return false;
    s->packed = b;
    s->absorbed = 0x1fe; /* everything but x */
    s->kernel = (sg_kernel){.name = "qconv", .run = run, .scratch = scratch};
    return true;
}
