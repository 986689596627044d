/* Binding of moves between layouts: every image cut along what becomes its rows. */
#include "backend/cpu/bind.h"
#include "base/threads.h"
#include "kernel/relayout/relayout.h"
#include "tensor/layout.h"

/* Elements of a task: about as much work as waking a thread is worth. */
#define TASK 32768

typedef struct job {
    const unsigned char *src;
    unsigned char *dst;
    int64_t rows, cols, step, parts; /* columns of a task; tasks of an image */
    size_t size;                     /* of an element */
    sg_relayout_three_fn *three;     /* of three rows of bytes */
} job;

/* What a step keeps. */
typedef struct bound {
    uint32_t cpu;
} bound;

static void move_part(void *ctx, int64_t i)
{
    const job *j = ctx;
    int64_t from = i % j->parts * j->step, to = from + j->step < j->cols ? from + j->step : j->cols;
    size_t at = (size_t)(i / j->parts * j->rows * j->cols) * j->size;
    if (j->three)
        j->three(j->src + at, j->cols, from, to, j->dst + at);
    else
        (j->size == 4 ? sg_relayout_32 : sg_relayout_8)(j->src + at, j->rows, j->cols, from, to, j->dst + at);
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
             .size = sg_dtypes[in->dtype].bits / 8u};
    if (j.rows == 3 && j.size == 1)
        j.three = sg_relayout_three_of(b->cpu);
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
    const bound b = {p->cpu};
    if (!(s->packed = sg_arena_dup(&p->arena, &b, sizeof b)))
        return false;
    s->kernel = (sg_kernel){.name = bits == 8 ? "relayout_8" : "relayout_32", .run = run};
    return true;
}
