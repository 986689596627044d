/* Binding of functions of two f32 elements with broadcasting, of clip, and of normalization by constant statistics. */
#include <math.h>
#include <string.h>

#include "backend/cpu/bind.h"
#include "base/threads.h"
#include "kernel/binary/binary_f32.h"
#include "op/elementwise.h"
#include "tensor/layout.h"

/* Elements of a task; of the least step that is shared out; of a row that is made longer by repeating the operand that repeats. */
enum { TASK = 16384, MANY = 4 * TASK, SHORT = 64, REPEAT = 512 };

typedef struct job {
    sg_binary_f32_fn *fn;
    sg_bcast w;
    const float *x, *y;
    float *z;
    int64_t rows; /* of a task */
} job;

/* Rows that are short, one operand the same for all and the other in one piece: many are one row. Which operand; -1: none. */
static int repeats(const sg_bcast *w)
{
    if (w->rank == 0 || w->inner >= SHORT || !w->step[0] || !w->step[1])
        return -1;
    for (int k = 0; k < 2; k++)
        if (w->stride[k][0] == 0 && w->stride[1 - k][0] == w->inner)
            return k;
    return -1;
}

static void run_repeated(const job *j, int k, sg_rows_f32 r)
{
    float room[REPEAT];
    const float *once = k ? r.y : r.x;
    int64_t n = r.n, rows = r.rows, reps = REPEAT / n < rows ? REPEAT / n : rows;
    for (int64_t i = 0; i < reps; i++)
        memcpy(room + i * n, once, (size_t)n * sizeof *room);
    *(k ? &r.y : &r.x) = room;
    r.n = n * reps;
    r.rows = rows / reps;
    *(k ? &r.x_row : &r.y_row) = r.n;
    j->fn(&r);
    int64_t done = r.rows * r.n;
    r.n = rows % reps * n;
    r.rows = 1;
    *(k ? &r.x : &r.y) += done;
    r.z += done;
    if (r.n)
        j->fn(&r);
}

/* Rows [from, to), counted over all outer axes. */
static void run_rows(void *ctx, int64_t task)
{
    const job *j = ctx;
    const sg_bcast *w = &j->w;
    int64_t from = task * j->rows, to = from + j->rows < w->outer ? from + j->rows : w->outer, most = w->rank ? w->dim[0] : 1;
    int k = repeats(w);
    for (int64_t at = from, n; at < to; at += n) {
        sg_rows_f32 r = {
            .x = j->x, .y = j->y, .x_step = w->step[0], .y_step = w->step[1], .z = j->z + at * w->inner, .n = w->inner};
        int64_t left = at;
        for (int i = 0; i < w->rank; left /= w->dim[i++]) {
            r.x += left % w->dim[i] * w->stride[0][i];
            r.y += left % w->dim[i] * w->stride[1][i];
        }
        n = most - at % most < to - at ? most - at % most : to - at;
        r.rows = n;
        r.x_row = w->stride[0][0];
        r.y_row = w->stride[1][0];
        if (k < 0)
            j->fn(&r);
        else
            run_repeated(j, k, r);
    }
}

/* One row, cut. */
static void run_piece(void *ctx, int64_t task)
{
    const job *j = ctx;
    int64_t at = task * TASK, n = j->w.inner - at < TASK ? j->w.inner - at : TASK;
    const sg_rows_f32 r = {.x = j->x + at * j->w.step[0],
                           .y = j->y + at * j->w.step[1],
                           .x_step = j->w.step[0],
                           .y_step = j->w.step[1],
                           .z = j->z + at,
                           .rows = 1,
                           .n = n};
    j->fn(&r);
}

/* z = fn(a, b). */
static sedge_status apply(sg_exec *x, sg_binary_f32_fn *fn, const sg_tensor *a, const sg_tensor *b, const sg_tensor *z)
{
    const sg_tensor *in[2] = {a, b};
    job j = {.fn = fn, .x = a->data, .y = b->data, .z = z->data};
    SG_TRY(sg_bcast_init(x, &j.w, z, in, 2));
    int threads = sg_numel(z) < MANY ? 1 : x->threads;
    j.rows = TASK / (j.w.inner | 1) + 1;
    if (j.w.outer == 1)
        sg_parallel(threads, (j.w.inner + TASK - 1) / TASK, run_piece, &j);
    else if (j.w.outer > 1)
        sg_parallel(threads, (j.w.outer + j.rows - 1) / j.rows, run_rows, &j);
    return SEDGE_OK;
}

static sedge_status run(sg_exec *x)
{
    const sg_binary_f32_table *t = x->packed;
    switch (sg_get_int(x->attrs, SG_A_kind)) {
#define FN(id, name, formula) \
    case SG_BINARY_##id: return apply(x, t->fn[SG_BINARY_F32_##id], x->in[0], x->in[1], x->out[0]);
#include "kernel/binary/binary_f32.def"
#undef FN
    default: return apply(x, t->fn[SG_BINARY_F32_MUL], x->in[0], x->in[0], x->out[0]); /* to the power of 2 */
    }
}

static bool is_f32(const sg_slot *s)
{
    return s && s->type.kind == SG_TENSOR && s->type.dtype == SG_F32;
}

static bool has_kernel(int64_t kind, const sg_slot *y)
{
    switch (kind) {
#define FN(id, name, formula) case SG_BINARY_##id:
#include "kernel/binary/binary_f32.def"
#undef FN
        return true;
    case SG_BINARY_POW:
        return y->base == SG_BASE_WEIGHTS && y->data && y->type.rank <= 1 && sg_d_numel(&y->type) == 1 &&
               sg_load_f64(SG_F32, y->data, 0) == 2;
    default: return false;
    }
}

bool sg_cpu_bind_binary(sg_plan *p, sg_step *s)
{
    const sg_slot *x = sg_step_slot(p, s, 0), *y = sg_step_slot(p, s, 1);
    if (!is_f32(x) || !is_f32(y) || !is_f32(sg_step_slot(p, s, 2)) || !has_kernel(sg_get_int(s->attrs, SG_A_kind), y))
        return false;
    s->packed = sg_binary_f32_of(p->cpu);
    s->kernel = (sg_kernel){.name = "binary_f32", .run = run};
    return true;
}

/* ---- clip ---- */

static sedge_status run_clip(sg_exec *x)
{
    const sg_binary_f32_table *t = x->packed;
    const sg_tensor *from = x->in[0], *lo = x->n_in > 1 ? x->in[1] : NULL, *hi = x->n_in > 2 ? x->in[2] : NULL;
    if ((!lo && !hi) || (lo && sg_numel(lo) != 1) || (hi && sg_numel(hi) != 1))
        return sg_ref_clip(x);
    if (lo)
        SG_TRY(apply(x, t->fn[SG_BINARY_F32_MAX], from, lo, x->out[0]));
    return hi ? apply(x, t->fn[SG_BINARY_F32_MIN], lo ? x->out[0] : from, hi, x->out[0]) : SEDGE_OK;
}

bool sg_cpu_bind_clip(sg_plan *p, sg_step *s)
{
    for (int k = 0; k < s->n_in; k++)
        if (sg_step_slot(p, s, k) && !is_f32(sg_step_slot(p, s, k)))
            return false;
    s->packed = sg_binary_f32_of(p->cpu);
    s->kernel = (sg_kernel){.name = "clip_f32", .run = run_clip};
    return true;
}

/* ---- batch normalization ---- */

typedef struct factors {
    const sg_binary_f32_table *table;
    int64_t channels;
    float *a, *b; /* y = a x + b by channel */
} factors;

typedef struct norm_job {
    const factors *f;
    const float *x;
    float *y;
    int64_t s, rows, step; /* positions of an image; rows of channels in all, of a task */
} norm_job;

/* Channels last: rows of channels. */
static void norm_last(void *ctx, int64_t task)
{
    const norm_job *j = ctx;
    int64_t c = j->f->channels, at = task * j->step, n = j->rows - at < j->step ? j->rows - at : j->step, reps = REPEAT / c;
    float a[REPEAT], b[REPEAT];
    if (reps < 2) {
        j->f->table->scale(j->x + at * c, j->f->a, j->f->b, j->y + at * c, n, c);
        return;
    }
    for (int64_t i = 0; i < reps; i++) {
        memcpy(a + i * c, j->f->a, (size_t)c * sizeof *a);
        memcpy(b + i * c, j->f->b, (size_t)c * sizeof *b);
    }
    int64_t whole = n / reps * reps;
    j->f->table->scale(j->x + at * c, a, b, j->y + at * c, n / reps, reps * c);
    j->f->table->scale(j->x + (at + whole) * c, a, b, j->y + (at + whole) * c, 1, (n - whole) * c);
}

/* Row-major: a plane of one channel a task, by pieces over which its factors are repeated. */
static void norm_plane(void *ctx, int64_t task)
{
    const norm_job *j = ctx;
    float a[REPEAT], b[REPEAT];
    int64_t c = task % j->f->channels, at = task * j->s, n = j->s / REPEAT;
    for (int64_t i = 0; i < REPEAT; i++) {
        a[i] = j->f->a[c];
        b[i] = j->f->b[c];
    }
    j->f->table->scale(j->x + at, a, b, j->y + at, n, REPEAT);
    j->f->table->scale(j->x + at + n * REPEAT, a, b, j->y + at + n * REPEAT, 1, j->s - n * REPEAT);
}

static sedge_status run_norm(sg_exec *x)
{
    const sg_tensor *in = x->in[0];
    norm_job j = {.f = x->packed, .x = in->data, .y = x->out[0]->data};
    if (in->rank < 2 || in->dim[1] != j.f->channels)
        return sg_op_ref(x); /* says what is wrong */
    bool last = in->layout == SG_LAYOUT_LAST || x->out[0]->layout == SG_LAYOUT_LAST;
    int threads = sg_numel(in) < MANY ? 1 : x->threads;
    j.s = sg_dim_span(in->dim, 2, in->rank);
    j.rows = in->dim[0] * j.s;
    j.step = TASK / j.f->channels + 1;
    if (last || j.s == 1)
        sg_parallel(threads, (j.rows + j.step - 1) / j.step, norm_last, &j);
    else
        sg_parallel(threads, in->dim[0] * in->dim[1], norm_plane, &j);
    return SEDGE_OK;
}

bool sg_cpu_bind_batch_norm(sg_plan *p, sg_step *s)
{
    const sg_slot *x = sg_step_slot(p, s, 0), *par[4];
    factors *f = sg_arena_alloc(&p->arena, sizeof *f);
    if (!f || !is_f32(x) || s->n_out != 1 || sg_get_int(s->attrs, SG_A_training_mode))
        return false;
    for (int k = 0; k < 4; k++) {
        par[k] = sg_step_slot(p, s, k + 1);
        if (!is_f32(par[k]) || par[k]->base != SG_BASE_WEIGHTS || !par[k]->data || par[k]->type.rank != 1 ||
            par[k]->type.dim[0] != par[0]->type.dim[0] || par[k]->type.dim[0] < 1)
            return false;
    }
    *f = (factors){.table = sg_binary_f32_of(p->cpu), .channels = par[0]->type.dim[0]};
    f->a = sg_arena_alloc(&p->arena, (size_t)f->channels * 2 * sizeof *f->a);
    if (!f->a)
        return false;
    f->b = f->a + f->channels;
    for (int64_t c = 0; c < f->channels; c++) {
        double v[4];
        for (int k = 0; k < 4; k++)
            v[k] = sg_load_f64(SG_F32, par[k]->data, (size_t)c);
        double a = v[0] / sqrt(v[3] + sg_get_float(s->attrs, SG_A_epsilon));
        f->a[c] = (float)a;
        f->b[c] = (float)(v[1] - v[2] * a);
    }
    s->packed = f;
    s->kernel = (sg_kernel){.name = "batch_norm_f32", .run = run_norm};
    return true;
}
