/* Binding of attention to f32 matrix products: for every head and a block of queries the scores stand in scratch, never the whole
 * matrix of them. */
#include <math.h>

#include "backend/cpu/bind.h"
#include "base/threads.h"
#include "kernel/gemm/gemm_f32.h"
#include "kernel/softmax/softmax_f32.h"
#include "op/attention.h"

/* Queries of a block: K and V are packed for each, so it is high where its scores stay in the second-level cache. */
enum { ROWS = 64, HIGH_ROWS = 128, HIGH_SCORES = 512 };

typedef struct job {
    sg_att a;
    const sg_tile_f32_table *tile;
    const float *q, *k, *v, *mask;
    float *y, *scratch;
    int64_t cols, mask_stride[3]; /* of the mask: columns, and steps of batch, head and query */
    int64_t rows, blocks, units, step; /* of a block; blocks of queries a head; of all heads; units a part */
    int64_t parts;
    size_t part_floats;
} job;

static void mask_init(job *j, const sg_tensor *t)
{
    j->cols = j->a.n_kv;
    if (!t)
        return;
    int64_t stride = j->cols = t->dim[t->rank - 1];
    j->mask = t->data;
    for (int i = 2; i >= 0; i--) {
        int at = t->rank - 4 + i;
        int64_t dim = at >= 0 ? t->dim[at] : 1;
        j->mask_stride[i] = dim == 1 ? 0 : stride;
        stride *= dim;
    }
}

/* What is hidden from query i is minus infinity before the softmax. */
static void soften(const job *j, int64_t b, int64_t h, int64_t i, float *s)
{
    const float *bias = j->mask ? j->mask + b * j->mask_stride[0] + h * j->mask_stride[1] + i * j->mask_stride[2] : NULL;
    int64_t n = j->a.causal && i + 1 < j->cols ? i + 1 : j->cols;
    sg_softmax_f32(s, bias, n);
    for (int64_t c = n; c < j->a.n_kv; c++)
        s[c] = 0;
}

static void run_block(const job *j, int64_t unit, float *scratch)
{
    const sg_att *a = &j->a;
    int64_t head = unit / j->blocks, b = head / a->q_heads, h = head % a->q_heads, kv = h / (a->q_heads / a->kv_heads);
    int64_t from = unit % j->blocks * j->rows, rows = a->n_q - from < j->rows ? a->n_q - from : j->rows;
    float *scores = scratch + SG_GEMM_F32_PACK;
    sg_gemm_f32_args g = {.m = rows, .n = a->n_kv, .k = a->size, .alpha = (float)a->scale, .pack = scratch, .tile = j->tile};
    g.a = j->q + b * a->q.batch + h * a->q.head + from * a->q.step;
    g.a_row = a->q.step;
    g.a_col = 1;
    g.b = j->k + b * a->k.batch + kv * a->k.head;
    g.b_row = 1;
    g.b_col = a->k.step;
    g.c = scores;
    g.c_row = a->n_kv;
    sg_gemm_f32(&g);
    for (int64_t i = 0; i < rows; i++)
        soften(j, b, h, from + i, scores + i * a->n_kv);
    g = (sg_gemm_f32_args){.m = rows, .n = a->v_size, .k = a->n_kv, .alpha = 1, .pack = scratch, .tile = j->tile};
    g.a = scores;
    g.a_row = a->n_kv;
    g.a_col = 1;
    g.b = j->v + b * a->v.batch + kv * a->v.head;
    g.b_row = a->v.step;
    g.b_col = 1;
    g.c = j->y + b * a->y.batch + h * a->y.head + from * a->y.step;
    g.c_row = a->y.step;
    sg_gemm_f32(&g);
}

static void run_part(void *ctx, int64_t i)
{
    const job *j = ctx;
    for (int64_t u = i * j->step; u < (i + 1) * j->step && u < j->units; u++)
        run_block(j, u, j->scratch + (size_t)i * j->part_floats);
}

/* False: nothing to compute, or shapes that do not fit: the reference says so. */
static bool cut(const sg_exec *x, job *j)
{
    if (sg_att_init(x, &j->a) != SEDGE_OK || sg_numel(x->out[0]) == 0 || j->a.n_kv == 0 || j->a.size == 0)
        return false;
    j->tile = x->packed;
    j->rows = j->a.n_kv > HIGH_SCORES ? ROWS : HIGH_ROWS;
    j->rows = j->a.n_q < j->rows ? j->a.n_q : j->rows;
    j->blocks = (j->a.n_q + j->rows - 1) / j->rows;
    j->units = j->a.batch * j->a.q_heads * j->blocks;
    int64_t parts = x->threads < j->units ? x->threads : j->units;
    j->step = (j->units + parts - 1) / parts;
    j->parts = (j->units + j->step - 1) / j->step;
    j->part_floats = (SG_GEMM_F32_PACK + (size_t)(j->rows * j->a.n_kv) + 15) & ~(size_t)15;
    return true;
}

static bool scratch(const sg_exec *x, size_t *bytes)
{
    job j = {0};
    if (!cut(x, &j))
        return false;
    *bytes = j.part_floats * (size_t)j.parts * sizeof *j.scratch;
    return true;
}

static sedge_status run(sg_exec *x)
{
    job j = {.q = x->in[0]->data, .k = x->in[1]->data, .v = x->in[2]->data, .y = x->out[0]->data, .scratch = x->scratch};
    if (!cut(x, &j))
        return SEDGE_E_BUG; /* scratch took these shapes */
    mask_init(&j, j.a.mask);
    sg_parallel(x->threads, j.parts, run_part, &j);
    return SEDGE_OK;
}

/* Takes f32 with an additive mask or none, causal or not; caches, windows, soft caps and further outputs stay with the reference. */
bool sg_cpu_bind_attention(sg_plan *p, sg_step *s)
{
    int64_t soft = sg_get_int(s->attrs, SG_A_softmax_precision);
    if (sg_get_float(s->attrs, SG_A_softcap) != 0 || sg_get_int(s->attrs, SG_A_left_window_size) != -1 ||
        sg_get_int(s->attrs, SG_A_right_window_size) != -1 || (soft != SG_NONE && soft != SG_F32))
        return false;
    for (int k = 0; k < s->n_in + s->n_out; k++) {
        const sg_slot *slot = sg_step_slot(p, s, k);
        bool wanted = k < 4 || k == s->n_in;
        if (slot && (!wanted || slot->type.dtype != SG_F32))
            return false;
    }
    sg_tile_f32_table *tile = sg_arena_alloc(&p->arena, sizeof *tile);
    if (!tile)
        return false;
    sg_tile_f32_init(tile, p->cpu);
    s->packed = tile;
    s->kernel = (sg_kernel){.name = "attention_f32", .run = run, .scratch = scratch};
    return true;
}
