/* Binding of recurrences in f32 with constant weights: these are turned when the plan is made, products and gates run by vectors. */
#include "backend/cpu/bind.h"
#include "backend/cpu/bind_unary.h"
#include "kernel/recurrent/madd_f32.h"
#include "op/recurrent.h"

typedef struct bound {
    sg_madd_f32_fn *madd;
    sg_act_f32 tanh, sigmoid;
    const float *packed; /* by direction: w, then r */
    int64_t dirs, rows, n_in, hidden;
} bound;

static void run_act(const void *ctx, float *v, int64_t n)
{
    sg_act_f32_tile(ctx, v, 0, 1, n);
}

static sedge_status run(sg_exec *x)
{
    const bound *b = x->packed;
    sg_rec r;
    SG_TRY(sg_rec_init(x, &r));
    if (r.dirs != b->dirs || r.gates * r.hidden != b->rows || r.n_in != b->n_in || r.hidden != b->hidden)
        return sg_exec_ref(x);
    r.madd = b->madd;
    for (int k = 0; k < r.dirs; k++) {
        const float *at = b->packed + k * b->rows * (b->n_in + b->hidden);
        r.turned[k][0] = at;
        r.turned[k][1] = at + b->rows * b->n_in;
        for (int i = 0; i < 3; i++) {
            sg_rec_act *a = &r.act[k][i];
            a->ctx = a->kind == SG_REC_TANH ? &b->tanh : &b->sigmoid;
            a->run = a->kind == SG_REC_TANH || a->kind == SG_REC_SIGMOID ? run_act : NULL;
        }
    }
    return sg_rec_run_f32(x, &r);
}

static void turn(const float *w, int64_t rows, int64_t cols, float *to)
{
    for (int64_t j = 0; j < cols; j++)
        for (int64_t i = 0; i < rows; i++)
            to[j * rows + i] = (float)sg_load_f64(SG_F32, w, (size_t)(i * cols + j));
}

static bool pack(sg_plan *p, bound *b, const sg_slot *w, const sg_slot *r)
{
    bool filled;
    size_t floats = (size_t)(b->dirs * b->rows * (b->n_in + b->hidden));
    float *room = sg_plan_room(p, floats * sizeof *room, &filled), *to = room;
    b->packed = room;
    for (int64_t k = 0; room && !filled && k < b->dirs; k++) {
        turn((const float *)w->data + k * b->rows * b->n_in, b->rows, b->n_in, to);
        to += b->rows * b->n_in;
        turn((const float *)r->data + k * b->rows * b->hidden, b->rows, b->hidden, to);
        to += b->rows * b->hidden;
    }
    return room != NULL;
}

static bool is_matrix(const sg_slot *s)
{
    return s && s->type.dtype == SG_F32 && s->type.rank == 3 && s->base == SG_BASE_WEIGHTS && s->data && sg_d_numel(&s->type) > 0;
}

bool sg_cpu_bind_recurrent(sg_plan *p, sg_step *s)
{
    const sg_slot *x = sg_step_slot(p, s, 0), *w = sg_step_slot(p, s, 1), *r = sg_step_slot(p, s, 2);
    const sg_fn_params none = {1, 1, 1};
    if (!x || x->type.dtype != SG_F32 || !is_matrix(w) || !is_matrix(r) || w->type.dim[0] != r->type.dim[0] ||
        w->type.dim[0] > 2 || w->type.dim[1] != r->type.dim[1])
        return false;
    bound *b = sg_arena_alloc(&p->arena, sizeof *b);
    if (!b)
        return false;
    *b = (bound){.madd = sg_madd_f32_of(p->cpu)->fn,
                 .dirs = w->type.dim[0],
                 .rows = w->type.dim[1],
                 .n_in = w->type.dim[2],
                 .hidden = r->type.dim[2]};
    if (!sg_cpu_act(SG_UNARY_TANH, none, p->cpu, &b->tanh) || !sg_cpu_act(SG_UNARY_SIGMOID, none, p->cpu, &b->sigmoid) ||
        !pack(p, b, w, r))
        return false;
    s->packed = b;
    s->absorbed = 1u << 1 | 1u << 2;
    s->kernel = (sg_kernel){.name = "recurrent_f32", .run = run};
    return true;
}
