/* Binding of fully connected layers to the vector kernel: one row of A, weights that stand as rows. */
#include "backend/cpu/bind.h"

#include "base/threads.h"
#include "kernel/gemm/gemv_f32.h"

/* Rows of a task: about as much work as waking a thread is worth. */
#define TASK_MACS 65536

typedef struct job {
    int64_t n, k, rows; /* of a task */
    const float *w, *x, *bias;
    float alpha, beta;
    float *y;
} job;

static void rows_of(void *ctx, int64_t i)
{
    const job *j = ctx;
    int64_t r = i * j->rows, n = j->n - r < j->rows ? j->n - r : j->rows;
    sg_gemv_f32(n, j->k, j->w + r * j->k, j->x, j->alpha, j->beta, j->bias ? j->bias + r : NULL, j->y + r);
}

static sedge_status run_gemv(sg_exec *x)
{
    const sg_tensor *a = x->in[0], *b = x->in[1], *c = x->n_in > 2 ? x->in[2] : NULL;
    bool row = a->rank == 2 && b->rank == 2 && a->dim[0] == 1 && a->dim[1] == b->dim[1] && a->dim[1] > 0;
    bool plain = !c || (c->rank > 0 && sg_numel(c) == b->dim[0] && c->dim[c->rank - 1] == b->dim[0]);
    if (!row || !plain || sg_numel(x->out[0]) != b->dim[0])
        return x->op->ref(x); /* a batch, or a bias that is broadcast */
    job j = {.n = b->dim[0],
             .k = b->dim[1],
             .w = b->data,
             .x = a->data,
             .bias = c ? c->data : NULL,
             .alpha = (float)sg_get_float(x->attrs, SG_A_alpha),
             .beta = (float)sg_get_float(x->attrs, SG_A_beta),
             .y = x->out[0]->data};
    j.rows = TASK_MACS / j.k + 1;
    sg_parallel(x->threads, (j.n + j.rows - 1) / j.rows, rows_of, &j);
    return SEDGE_OK;
}

bool sg_cpu_bind_gemv_f32(sg_plan *p, sg_step *s)
{
    for (int k = 0; k < s->n_in; k++) {
        const sg_slot *slot = sg_step_slot(p, s, k);
        if (slot && (slot->type.dtype != SG_F32 || slot->type.rank < 0))
            return false;
    }
    const sg_slot *a = sg_step_slot(p, s, 0);
    if (!a || a->type.rank != 2 || (!sg_dim_is_expr(a->type.dim[0]) && a->type.dim[0] != 1) ||
        sg_get_int(s->attrs, SG_A_transA) || !sg_get_int(s->attrs, SG_A_transB))
        return false;
    s->kernel = (sg_kernel){.name = "gemv_f32", .run = run_gemv};
    return true;
}
