/* Binding of comparisons and casts of the common types. */
#include "backend/cpu/bind.h"
#include "base/threads.h"
#include "kernel/compare/compare.h"
#include "op/elementwise.h"

/* Elements of a task of a cast; a comparison gives its rows away as they come. */
enum { TASK = 32768 };

static sedge_status run_compare(sg_exec *x)
{
    const sg_tensor *in[2] = {x->in[0], x->in[1]};
    uint8_t *z = x->out[0]->data;
    size_t size = sg_dtypes[in[0]->dtype].bits / 8u;
    sg_compare_fn *fn = NULL;
    sg_bcast w;
    switch (sg_get_int(x->attrs, SG_A_kind)) {
#define FN(id, name, formula) \
    case SG_COMPARE_##id: fn = sg_compare_of(SG_COMPARE_ROW_##id, (sg_dtype)in[0]->dtype); break;
#include "kernel/compare/compare.def"
#undef FN
    default: break;
    }
    if (!fn)
        return sg_ref_compare(x);
    SG_TRY(sg_bcast_init(x, &w, x->out[0], in, 2));
    for (int64_t o = 0; o < w.outer; o++, sg_bcast_next(&w), z += w.inner)
        fn((const char *)in[0]->data + (size_t)w.off[0] * size, w.step[0], (const char *)in[1]->data + (size_t)w.off[1] * size,
           w.step[1], z, w.inner);
    return SEDGE_OK;
}

bool sg_cpu_bind_compare(sg_plan *p, sg_step *s)
{
    const sg_slot *x = sg_step_slot(p, s, 0), *y = sg_step_slot(p, s, 1);
    if (!x || !y || x->type.dtype != y->type.dtype || !sg_compare_of(SG_COMPARE_ROW_EQUAL, (sg_dtype)x->type.dtype))
        return false;
    s->kernel = (sg_kernel){.name = "compare", .run = run_compare};
    return true;
}

typedef struct job {
    sg_cast_fn *fn;
    const char *x;
    char *y;
    int64_t n;
    size_t from, to; /* bytes of an element */
} job;

static void cast_part(void *ctx, int64_t task)
{
    const job *j = ctx;
    int64_t at = task * TASK, n = j->n - at < TASK ? j->n - at : TASK;
    j->fn(j->x + (size_t)at * j->from, j->y + (size_t)at * j->to, n);
}

static sedge_status run_cast(sg_exec *x)
{
    const sg_tensor *in = x->in[0], *out = x->out[0];
    job j = {.fn = sg_cast_of((sg_dtype)in->dtype, (sg_dtype)out->dtype),
             .x = in->data,
             .y = out->data,
             .n = sg_numel(in),
             .from = sg_dtypes[in->dtype].bits / 8u,
             .to = sg_dtypes[out->dtype].bits / 8u};
    if (!j.fn || in->data == out->data) /* in place: the reference reads before it writes */
        return sg_ref_cast(x);
    sg_parallel(x->threads, (j.n + TASK - 1) / TASK, cast_part, &j);
    return SEDGE_OK;
}

bool sg_cpu_bind_cast(sg_plan *p, sg_step *s)
{
    const sg_slot *x = sg_step_slot(p, s, 0), *y = sg_step_slot(p, s, 1);
    if (!x || !y || !sg_cast_of((sg_dtype)x->type.dtype, (sg_dtype)y->type.dtype))
        return false;
    s->kernel = (sg_kernel){.name = "cast", .run = run_cast};
    return true;
}
