/* Bindings of conversions to and from 8 bits with one constant scale, and of sums and products of two 8-bit tensors of one shape. */
#include "backend/cpu/bind_qconv.h"
#include "base/threads.h"
#include "kernel/quant/quant8.h"
#include "op/quant.h"

/* Elements of a task, and of the least step that is shared out. */
enum { TASK = 32768, MANY = 8 * TASK };

/* What a step keeps. */
typedef struct bound {
    const sg_quant8 *table;
    sg_quant8_binary t; /* a conversion: its integers are a */
    bool add;
} bound;

typedef struct job {
    const bound *b;
    const void *x, *w;
    void *y;
    int64_t n;
} job;

static void share(const sg_exec *x, job *j, sg_task_fn *part)
{
    if (j->n < MANY || x->threads < 2)
        for (int64_t i = 0; i < (j->n + TASK - 1) / TASK; i++)
            part(j, i);
    else
        sg_parallel(x->threads, (j->n + TASK - 1) / TASK, part, j);
}

static int64_t count(const job *j, int64_t i)
{
    return j->n - i * TASK < TASK ? j->n - i * TASK : TASK;
}

static job job_of(const sg_exec *x)
{
    return (job){.b = x->packed, .x = x->in[0]->data, .y = x->out[0]->data, .n = sg_numel(x->out[0])};
}

/* Operands `scale` and scale + 1 as one constant scale and zero point of integers of type t; the latter may be absent. */
static bool type_of(const sg_plan *p, const sg_step *s, int scale, int t, sg_quant8_type *to)
{
    sg_tensor v, z;
    bool zero = scale + 1 < s->n_in && sg_step_slot(p, s, scale + 1);
    if (!sg_q_is_8bit((sg_dtype)t) || !sg_step_constant(p, s, scale, &v) || v.dtype != SG_F32 || sg_numel(&v) != 1 ||
        (zero && (!sg_step_constant(p, s, scale + 1, &z) || z.dtype != t || sg_numel(&z) != 1)))
        return false;
    *to = (sg_quant8_type){t == SG_I8, zero ? sg_q_zero(&z, 0) : 0, (float)sg_q_factor(&v, 0)};
    return true;
}

static bool keep(sg_plan *p, sg_step *s, bound *b, const char *name, sedge_status (*run)(sg_exec *x))
{
    b->table = sg_quant8_of(p->cpu);
    s->packed = sg_arena_dup(&p->arena, b, sizeof *b);
    s->kernel = (sg_kernel){.name = name, .run = run};
    return s->packed != NULL;
}

/* ---- conversions ------------------------------------------------------------------------------------------------ */

static void quantize_part(void *ctx, int64_t i)
{
    const job *j = ctx;
    j->b->table->quantize(&j->b->t.a, (const float *)j->x + i * TASK, count(j, i), (uint8_t *)j->y + i * TASK);
}

static sedge_status quantize(sg_exec *x)
{
    job j = job_of(x);
    share(x, &j, quantize_part);
    return SEDGE_OK;
}

bool sg_cpu_bind_quantize(sg_plan *p, sg_step *s)
{
    const sg_slot *x = sg_step_slot(p, s, 0), *y = sg_step_slot(p, s, s->n_in);
    int64_t precision = sg_get_int(s->attrs, SG_A_precision);
    bound b = {.add = false};
    return x && y && x->type.dtype == SG_F32 && (precision == 0 || precision == SG_F32) &&
           type_of(p, s, 1, y->type.dtype, &b.t.a) && keep(p, s, &b, "quantize_8", quantize);
}

static void dequantize_part(void *ctx, int64_t i)
{
    const job *j = ctx;
    j->b->table->dequantize(&j->b->t.a, (const uint8_t *)j->x + i * TASK, count(j, i), (float *)j->y + i * TASK);
}

static sedge_status dequantize(sg_exec *x)
{
    job j = job_of(x);
    share(x, &j, dequantize_part);
    return SEDGE_OK;
}

bool sg_cpu_bind_dequantize(sg_plan *p, sg_step *s)
{
    const sg_slot *x = sg_step_slot(p, s, 0), *y = sg_step_slot(p, s, s->n_in);
    bound b = {.add = false};
    return x && y && y->type.dtype == SG_F32 && type_of(p, s, 1, x->type.dtype, &b.t.a) &&
           keep(p, s, &b, "dequantize_8", dequantize);
}

/* ---- sums and products ------------------------------------------------------------------------------------------ */

static void binary_part(void *ctx, int64_t i)
{
    const job *j = ctx;
    const sg_quant8 *t = j->b->table;
    (j->b->add ? t->add : t->mul)(&j->b->t, (const uint8_t *)j->x + i * TASK, (const uint8_t *)j->w + i * TASK, count(j, i),
                                  (uint8_t *)j->y + i * TASK);
}

static sedge_status binary(sg_exec *x)
{
    job j = job_of(x);
    j.w = x->in[3]->data;
    if (!sg_same_shape(x->in[0], x->in[3]))
        return sg_op_ref(x);
    share(x, &j, binary_part);
    return SEDGE_OK;
}

bool sg_cpu_bind_qbinary(sg_plan *p, sg_step *s)
{
    const sg_slot *a = sg_step_slot(p, s, 0), *b = sg_step_slot(p, s, 3), *y = sg_step_slot(p, s, s->n_in);
    sg_err own = {0};
    bound k = {.add = sg_get_int(s->attrs, SG_A_kind) == SG_QBINARY_ADD};
    sg_quant8_type *ta = &k.t.a, *tb = &k.t.b, *ty = &k.t.y;
    if (!a || !b || !y || a->type.rank < 0 || a->type.rank != b->type.rank || !type_of(p, s, 1, a->type.dtype, ta) ||
        !type_of(p, s, 4, b->type.dtype, tb) || !type_of(p, s, 6, y->type.dtype, ty))
        return false;
    for (int i = 0; i < a->type.rank; i++)
        if (a->type.dim[i] != b->type.dim[i])
            return false;
    const double sa = ta->scale, sb = tb->scale, sy = ty->scale;
    return sg_q_scale(&own, sa, k.add ? 1 : sb, sy, &ta->scale) == SEDGE_OK &&
           sg_q_scale(&own, sb, 1, sy, &tb->scale) == SEDGE_OK && keep(p, s, &k, "qbinary_s8", binary);
}
