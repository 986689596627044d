/* Binding of moves between layouts, every image cut along what becomes its rows; and of transposes, whose innermost axes of both sides are
 * such a move. */
#include "backend/cpu/bind.h"
#include "base/threads.h"
#include "kernel/relayout/relayout.h"
#include "op/move.h"
#include "tensor/layout.h"

/* Elements of a task: about as much work as waking a thread is worth. */
#define TASK 32768

typedef struct job {
    const unsigned char *src;
    unsigned char *dst;
    int64_t rows, cols, step, parts; /* columns of a task; tasks of an image */
    size_t size; /* of an element */
    const sg_turn_table *turn;
    sg_relayout_three_fn *three; /* of three rows of bytes */
} job;

/* What a step keeps. */
typedef struct bound {
    const sg_turn_table *turn;
    sg_relayout_three_fn *three;
} bound;

/* cols rows of y from rows rows of x, elements of `size` bytes; the offsets are elements. */
static void turn(const job *j, int64_t x, int64_t x_row, int64_t rows, int64_t cols, int64_t y, int64_t y_row)
{
    const void *from = j->src + (size_t)x * j->size;
    void *to = j->dst + (size_t)y * j->size;
    if (j->size == 4)
        j->turn->by_32(from, x_row, rows, cols, to, y_row);
    else
        sg_turn_8(from, x_row, rows, cols, to, y_row);
}

static void move_part(void *ctx, int64_t i)
{
    const job *j = ctx;
    int64_t from = i % j->parts * j->step, to = from + j->step < j->cols ? from + j->step : j->cols;
    int64_t at = i / j->parts * j->rows * j->cols;
    if (j->rows == 3 && j->size == 1)
        j->three(j->src + at, j->cols, from, to, j->dst + at);
    else
        turn(j, at + from, j->cols, j->rows, to - from, at + from * j->rows, j->rows);
}

static sedge_status run(sg_exec *x)
{
    const sg_tensor *in = x->in[0], *out = x->out[0];
    if (in->layout == out->layout || sg_layout_free(in->dim, in->rank) || sg_numel(in) == 0)
        return sg_ref_relayout(x);
    const bound *b = x->packed;
    sg_planes p = sg_layout_planes(in);
    bool turned = in->layout == SG_LAYOUT_LAST;
    job j = {.src = in->data,
             .dst = out->data,
             .rows = turned ? p.s : p.c,
             .cols = turned ? p.c : p.s,
             .size = sg_dtypes[in->dtype].bits / 8u,
             .turn = b->turn,
             .three = b->three};
    j.step = TASK / j.rows + 1;
    j.parts = (j.cols + j.step - 1) / j.step;
    sg_parallel(x->threads, p.n * j.parts, move_part, &j);
    return SEDGE_OK;
}

bool sg_cpu_bind_relayout(sg_plan *p, sg_step *s)
{
    const sg_slot *x = sg_step_slot(p, s, 0);
    unsigned bits = x ? sg_dtypes[x->type.dtype].bits : 0;
    if (bits != 8 && bits != 32)
        return false;
    const bound b = {sg_turn_of(p->cpu), sg_relayout_three_of(p->cpu)};
    if (!(s->packed = sg_arena_dup(&p->arena, &b, sizeof b)))
        return false;
    s->kernel = (sg_kernel){.name = bits == 8 ? "relayout_8" : "relayout_32", .run = run};
    return true;
}

/* ---- transposes ---- */

/* The axis of which a side's elements follow one another; -1: none. */
static int inner_of(const int64_t *stride, const sg_move_view *v)
{
    for (int i = 0; i < v->rank; i++)
        if (stride[i] == 1 && v->dim[i] > 1)
            return i;
    return -1;
}

static sedge_status run_transpose(sg_exec *x)
{
    sg_move_view v;
    SG_TRY(sg_transpose_view(x, &v));
    int a = inner_of(v.ds, &v), b = inner_of(v.ss, &v);
    if (a < 0 || b < 0 || a == b || sg_numel(x->in[0]) == 0)
        return sg_ref_transpose(x);
    job j = {.src = x->in[0]->data, .dst = x->out[0]->data, .size = sg_dtypes[x->in[0]->dtype].bits / 8u, .turn = x->packed};
    int64_t rows = v.dim[a], cols = v.dim[b];
    sg_walk w;
    v.dim[a] = v.dim[b] = 1;
    sg_walk_init(&w, v.dim, v.rank);
    sg_walk_add(&w, v.ss);
    sg_walk_add(&w, v.ds);
    do
        turn(&j, w.off[0], v.ss[a], rows, cols, w.off[1], v.ds[b]);
    while (sg_walk_next(&w));
    return SEDGE_OK;
}

bool sg_cpu_bind_transpose(sg_plan *p, sg_step *s)
{
    const sg_slot *x = sg_step_slot(p, s, 0);
    unsigned bits = x ? sg_dtypes[x->type.dtype].bits : 0;
    if (bits != 8 && bits != 32)
        return false;
    s->packed = sg_turn_of(p->cpu);
    s->kernel = (sg_kernel){.name = bits == 8 ? "transpose_8" : "transpose_32", .run = run_transpose};
    return true;
}
