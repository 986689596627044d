/* Binding of softmax, of layer normalization, and of sums and means. */
#include "backend/cpu/bind.h"
#include "base/threads.h"
#include "kernel/norm/norm_f32.h"
#include "op/reduce.h"
#include "op/softmax.h"
#include "tensor/layout.h"

/* Elements of a task, and of the least step that is shared out. */
enum { TASK = 8192, MANY = 4 * TASK };

/* Work on lines of n elements: [outer, n, inner], by `step` lines a task. */
typedef struct job {
    const sg_norm_f32_table *t;
    const float *x, *scale, *bias;
    float *y, *mean, *inv;
    int64_t outer, n, inner, step;
    bool log, center;
    float eps;
} job;

static sedge_status run_tasks(const sg_exec *x, job *j, int64_t lines, int64_t line, sg_task_fn *fn)
{
    j->step = TASK / (line | 1) + 1;
    if (lines > 0)
        sg_parallel(sg_numel(x->in[0]) < MANY ? 1 : x->threads, (lines + j->step - 1) / j->step, fn, j);
    return SEDGE_OK;
}

static int64_t most(const job *j, int64_t from, int64_t lines)
{
    return lines - from < j->step ? lines - from : j->step;
}

static bool is_f32(const sg_plan *p, const sg_step *s)
{
    for (int k = 0; k < s->n_in + s->n_out; k++) {
        const sg_slot *t = sg_step_slot(p, s, k);
        if (t && (t->type.kind != SG_TENSOR || t->type.dtype != SG_F32))
            return false;
    }
    return true;
}

/* ---- softmax ---- */

static void soft_rows(void *ctx, int64_t task)
{
    const job *j = ctx;
    int64_t from = task * j->step;
    j->t->softmax(j->x + from * j->n, most(j, from, j->outer), j->n, j->log, j->y + from * j->n);
}

static void soft_cols(void *ctx, int64_t task)
{
    const job *j = ctx;
    int64_t at = task * j->n * j->inner;
    j->t->softmax_cols(j->x + at, j->n, j->inner, j->inner, j->log, j->y + at);
}

static sedge_status run_softmax(sg_exec *x)
{
    const sg_tensor *in = x->in[0];
    int axis = in->rank ? sg_axis(sg_get_int(x->attrs, SG_A_axis), in->rank) : 0;
    if (axis < 0 || in->rank == 0 || sg_numel(in) == 0)
        return sg_ref_softmax(x);
    job j = {.t = x->packed, .x = in->data, .y = x->out[0]->data, .log = sg_get_int(x->attrs, SG_A_kind) == SG_SOFTMAX_LOG};
    j.outer = sg_dim_span(in->dim, 0, axis);
    j.n = in->dim[axis];
    j.inner = sg_dim_span(in->dim, axis + 1, in->rank);
    if (j.inner == 1)
        return run_tasks(x, &j, j.outer, j.n, soft_rows);
    sg_parallel(x->threads, j.outer, soft_cols, &j);
    return SEDGE_OK;
}

bool sg_cpu_bind_softmax(sg_plan *p, sg_step *s)
{
    if (!is_f32(p, s) || sg_get_int(s->attrs, SG_A_kind) == SG_SOFTMAX_HARD)
        return false;
    s->packed = sg_norm_f32_of(p->cpu);
    s->kernel = (sg_kernel){.name = "softmax_f32", .run = run_softmax};
    return true;
}

/* ---- layer and root-mean-square normalization ---- */

static void norm_rows(void *ctx, int64_t task)
{
    const job *j = ctx;
    int64_t from = task * j->step, end = from + most(j, from, j->outer);
    for (int64_t i = from; i < end; i++) {
        sg_norm_row r = {j->x + i * j->n, j->scale, j->bias, j->y + i * j->n, j->n, j->eps, j->center, 0, 0};
        j->t->row(&r);
        if (j->mean)
            j->mean[i] = r.mean;
        if (j->inv)
            j->inv[i] = r.inv;
    }
}

static void *out_of(const sg_exec *x, int k)
{
    return k < x->n_out && x->out[k] ? x->out[k]->data : NULL;
}

static sedge_status run_row_norm(sg_exec *x)
{
    const sg_tensor *in = x->in[0], *scale = x->in[1], *bias = x->n_in > 2 ? x->in[2] : NULL;
    int axis = sg_axis(sg_get_int(x->attrs, SG_A_axis), in->rank);
    int64_t n = axis < 0 ? 0 : sg_dim_span(in->dim, axis, in->rank);
    if (n == 0 || !x->out[0] || scale->rank > in->rank - axis || sg_numel(scale) != n ||
        (bias && (bias->rank > in->rank - axis || sg_numel(bias) != n)))
        return sg_ref_row_norm(x);
    job j = {.t = x->packed,
             .x = in->data,
             .scale = scale->data,
             .bias = bias ? bias->data : NULL,
             .y = x->out[0]->data,
             .mean = out_of(x, 1),
             .inv = out_of(x, 2),
             .outer = sg_dim_span(in->dim, 0, axis),
             .n = n,
             .center = x->op == SG_ROW(LAYER_NORM),
             .eps = (float)sg_get_float(x->attrs, SG_A_epsilon)};
    return run_tasks(x, &j, j.outer, n, norm_rows);
}

bool sg_cpu_bind_row_norm(sg_plan *p, sg_step *s)
{
    if (!is_f32(p, s))
        return false;
    s->packed = sg_norm_f32_of(p->cpu);
    s->kernel = (sg_kernel){.name = "norm_f32", .run = run_row_norm};
    return true;
}

/* ---- sums and means ---- */

static void sum_rows(void *ctx, int64_t task)
{
    const job *j = ctx;
    int64_t from = task * j->step, end = from + most(j, from, j->outer);
    for (int64_t i = from; i < end; i++)
        j->y[i] = (float)(j->t->sum(j->x + i * j->n, j->n) / (j->center ? (double)j->n : 1));
}

static void sum_cols(void *ctx, int64_t i)
{
    const job *j = ctx;
    j->t->sum_rows(j->x + i * j->n * j->inner, j->n, j->inner, j->inner, j->center ? 1 / (float)j->n : 1, j->y + i * j->inner);
}

/* The reduced axes as one, in the order of memory. */
static bool one_axis(const sg_tensor *t, uint32_t mask, job *j)
{
    bool last = t->layout == SG_LAYOUT_LAST && !sg_layout_free(t->dim, t->rank);
    int from = 0, to;
    while (from < t->rank && !(mask >> from & 1))
        from++;
    for (to = from; to < t->rank && mask >> to & 1;)
        to++;
    if (from == t->rank || mask >> to || (last && (from != 2 || to != t->rank)))
        return false;
    j->n = sg_dim_span(t->dim, from, to);
    j->outer = last ? t->dim[0] : sg_dim_span(t->dim, 0, from);
    j->inner = last ? t->dim[1] : sg_dim_span(t->dim, to, t->rank);
    return j->n > 0;
}

static sedge_status run_reduce(sg_exec *x)
{
    const sg_tensor *in = x->in[0], *out = x->out[0];
    uint32_t mask;
    job j = {.t = x->packed, .x = in->data, .y = out->data, .center = sg_get_int(x->attrs, SG_A_kind) == SG_REDUCE_MEAN};
    SG_TRY(sg_reduce_axes(x, &mask));
    bool last = out->layout == SG_LAYOUT_LAST && !sg_layout_free(out->dim, out->rank);
    if (last || !one_axis(in, mask, &j) || sg_numel(out) != j.outer * j.inner)
        return sg_op_ref(x);
    if (j.inner == 1)
        return run_tasks(x, &j, j.outer, j.n, sum_rows);
    sg_parallel(sg_numel(in) < MANY ? 1 : x->threads, j.outer, sum_cols, &j);
    return SEDGE_OK;
}

bool sg_cpu_bind_reduce(sg_plan *p, sg_step *s)
{
    const sg_slot *x = sg_step_slot(p, s, 0);
    int64_t kind = sg_get_int(s->attrs, SG_A_kind);
    if (!x || x->type.dtype != SG_F32 || (kind != SG_REDUCE_SUM && kind != SG_REDUCE_MEAN))
        return false;
    s->packed = sg_norm_f32_of(p->cpu);
    s->kernel = (sg_kernel){.name = "sum_f32", .run = run_reduce};
    return true;
}
