/* Binding of maxima and averages of images, row-major ones as images of one channel: rows of windows are shared out among the threads. */
#include "backend/cpu/bind.h"
#include "base/threads.h"
#include "kernel/pool/pool_last.h"
#include "op/pool.h"
#include "op/quant.h"
#include "op/window.h"
#include "tensor/layout.h"

typedef void row_fn(const sg_pool_last_args *a, const void *x, int64_t oy, void *y);

typedef struct job {
    sg_pool_last_args a;
    row_fn *row;
    const char *x;
    char *y;
    int64_t step, parts, from, to; /* rows of a task, tasks of an image; bytes of images */
} job;

typedef struct kernels {
    const sg_pool_max8 *max8;
    const sg_pool_f32_table *f32;
} kernels;

/* Taps of a task: about as much work as waking a thread is worth. */
#define TASK 65536

static bool args_of(const sg_exec *x, sg_pool_last_args *a)
{
    const sg_tensor *in = x->in[0], *out = x->out[0];
    int n = in->rank - 2, given, last = n - 1;
    sg_err own = {0};
    sg_window w = {.n = n, .kernel = {in->dim[2], in->rank == 4 ? in->dim[3] : 1}, .stride = {1, 1}, .dilation = {1, 1}};
    sg_get_ints(x->attrs, SG_A_kernel_shape, &given);
    if (n < 1 || n > 2 || out->rank != in->rank || (given && sg_window_read(&own, x->attrs, n, NULL, &w) != SEDGE_OK))
        return false;
    if (given)
        sg_window_resolve(&w, in->dim + 2, out->dim + 2);
    *a = (sg_pool_last_args){.c = in->dim[1],
                             .h = n == 2 ? in->dim[2] : 1,
                             .w = in->dim[2 + last],
                             .oh = n == 2 ? out->dim[2] : 1,
                             .ow = out->dim[2 + last],
                             .kh = n == 2 ? w.kernel[0] : 1,
                             .kw = w.kernel[last],
                             .stride_h = n == 2 ? w.stride[0] : 1,
                             .stride_w = w.stride[last],
                             .dilation_h = n == 2 ? w.dilation[0] : 1,
                             .dilation_w = w.dilation[last],
                             .pad_top = n == 2 ? w.begin[0] : 0,
                             .pad_left = w.begin[last],
                             .pad_bottom = n == 2 ? w.end[0] : 0,
                             .pad_right = w.end[last],
                             .count_pad = given && sg_get_int(x->attrs, SG_A_count_include_pad)};
    return true;
}

static void run_part(void *ctx, int64_t i)
{
    const job *j = ctx;
    int64_t image = i / j->parts, row = i % j->parts * j->step, end = row + j->step < j->a.oh ? row + j->step : j->a.oh;
    for (; row < end; row++)
        j->row(&j->a, j->x + image * j->from, row, j->y + image * j->to);
}

static bool is_last(const sg_tensor *t)
{
    return t->layout == SG_LAYOUT_LAST || sg_layout_free(t->dim, t->rank);
}

static void share(const sg_exec *x, job *j, int64_t images)
{
    const sg_tensor *in = x->in[0];
    int64_t size = sg_dtypes[in->dtype].bits / 8, taps = j->a.kh * j->a.kw < TASK ? j->a.kh * j->a.kw : TASK;
    j->x = in->data;
    j->y = x->out[0]->data;
    j->from = j->a.h * j->a.w * j->a.c * size;
    j->to = j->a.oh * j->a.ow * j->a.c * size;
    j->step = TASK / taps / (j->a.ow * j->a.c) + 1;
    j->parts = (j->a.oh + j->step - 1) / j->step;
    sg_parallel(x->threads, images * j->parts, run_part, j);
}

static sedge_status run(sg_exec *x)
{
    const sg_tensor *in = x->in[0], *out = x->out[0];
    const kernels *k = x->packed;
    bool last = is_last(in) && is_last(out);
    job j = {0};
    if (sg_numel(in) == 0 || sg_numel(out) == 0 || !args_of(x, &j.a))
        return sg_op_ref(x);
    bool average = sg_get_int(x->attrs, SG_A_kind) == SG_POOL_AVERAGE;
    bool bytes = in->dtype != SG_F32;
    if (average && bytes && (j.a.kh > 2048 || j.a.kw > 2048)) /* sums of at most 2^22 taps */
        return sg_op_ref(x);
    j.a.x_signed = in->dtype == SG_I8;
    j.row = average               ? (bytes ? sg_pool_last_average_8 : sg_pool_last_average_f32)
            : in->dtype == SG_F32 ? sg_pool_last_max_f32
                                  : sg_pool_last_max_8;
    j.a.max8 = in->dtype == SG_U8 ? k->max8->u8 : k->max8->s8;
    j.a.f32 = k->f32;
    int64_t images = in->dim[0] * (last ? 1 : j.a.c); /* row-major: of one channel */
    j.a.c = last ? j.a.c : 1;
    share(x, &j, images);
    return SEDGE_OK;
}

bool sg_cpu_bind_pool(sg_plan *p, sg_step *s)
{
    const sg_slot *x = sg_step_slot(p, s, 0);
    int64_t kind = sg_get_int(s->attrs, SG_A_kind);
    int type = x ? x->type.dtype : SG_NONE;
    if (s->n_out > 1 || (type != SG_F32 && type != SG_U8 && type != SG_I8) || (kind != SG_POOL_MAX && kind != SG_POOL_AVERAGE))
        return false;
    const kernels k = {sg_pool_max8_of(p->cpu), sg_pool_f32_of(p->cpu)};
    s->packed = sg_arena_dup(&p->arena, &k, sizeof k);
    s->kernel = (sg_kernel){.name = "pool", .run = run};
    return s->packed != NULL;
}

static sedge_status run_integers(sg_exec *x)
{
    const sg_tensor *in = x->in[0], *out = x->out[0];
    job j = {.row = sg_pool_last_average_8};
    float scale;
    bool fits = is_last(in) && is_last(out) && sg_numel(in) && sg_numel(out) && args_of(x, &j.a);
    for (int k = 1; k < 5; k++)
        fits = fits && sg_numel(x->in[k]) == 1;
    if (!fits || j.a.kh > 2048 || j.a.kw > 2048) /* sums of at most 2^22 taps */
        return sg_op_ref(x);
    SG_TRY(sg_q_scale(x->err, sg_q_factor(x->in[1], 0), 1, sg_q_factor(x->in[3], 0), &scale));
    j.a.ratio = sg_q_factor(x->in[1], 0) / sg_q_factor(x->in[3], 0);
    j.a.x_zero = sg_q_zero(x->in[2], 0);
    j.a.y_zero = sg_q_zero(x->in[4], 0);
    j.a.x_signed = in->dtype == SG_I8;
    sg_q_range((sg_dtype)out->dtype, &j.a.lo, &j.a.hi);
    share(x, &j, in->dim[0]);
    return SEDGE_OK;
}

bool sg_cpu_bind_qpool(sg_plan *p, sg_step *s)
{
    (void)p;
    s->kernel = (sg_kernel){.name = "pool_last", .run = run_integers};
    return true;
}
