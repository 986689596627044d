/* Binding of 8-bit matrix products with a constant matrix on the right. */
#include "backend/cpu/bind_qconv.h"
#include "kernel/qconv/qgemm_s8.h"

static sedge_status run(sg_exec *x)
{
    const sg_tensor *in = x->in[0], *w = x->in[3];
    const sg_qbound *b = x->packed;
    sg_qgemm_args a = {.n = w->dim[1],
                       .k = w->dim[0],
                       .a_signed = in->dtype == SG_I8,
                       .a_zero = b->x_zero,
                       .out = b->out,
                       .bias = b->bias,
                       .scale = b->scale};
    size_t bytes;
    if (in->rank < 1 || in->dim[in->rank - 1] != a.k || !sg_qgemm_scratch(&a, &bytes))
        return sg_ref_qlinear_matmul(x);
    void *scratch = sg_scratch(x, bytes);
    if (!scratch)
        return SEDGE_E_NOMEM;
    a.m = sg_numel(in) / a.k;
    sg_qgemm(&a, in->data, b->weight, x->out[0]->data, scratch);
    return SEDGE_OK;
}

bool sg_cpu_bind_qmatmul(sg_plan *p, sg_step *s)
{
    const sg_slot *w = sg_step_slot(p, s, 3);
    size_t bytes;
    if (!w || w->base != SG_BASE_WEIGHTS || w->type.rank != 2 || sg_d_numel(&w->type) < 1)
        return false;
    sg_qgemm_args a = {.n = w->type.dim[1], .k = w->type.dim[0]};
    sg_qbound *b = sg_qbound_read(p, s, a.n, a.k, sg_get_float(s->attrs, SG_A_alpha));
    void *room = b && sg_qgemm_packed(&a, &bytes) ? sg_qbound_room(p, bytes) : NULL;
    if (!room)
        return false;
    sg_qgemm_pack(&a, w->data, w->type.dtype == SG_I8, b->w_zero, room);
    b->weight = room;
    s->packed = b;
    s->kernel = (sg_kernel){.name = "qgemm_s8", .run = run};
    return true;
}
