/* Binding of 8-bit sums and products of tensors of one shape. */
#include "backend/cpu/bind_qconv.h"
#include "kernel/qconv/qbinary_s8.h"
#include "op/quant.h"

static bool scalars(const sg_exec *x)
{
    static const uint8_t at[] = {1, 2, 4, 5, 6, 7};
    for (size_t i = 0; i < sizeof at; i++)
        if (!x->in[at[i]] || sg_numel(x->in[at[i]]) != 1)
            return false;
    return true;
}

static sedge_status run(sg_exec *x)
{
    const sg_tensor *a = x->in[0], *b = x->in[3], *y = x->out[0];
    if (!scalars(x) || !sg_same_shape(a, b) || !sg_same_shape(a, y))
        return sg_ref_qlinear_binary(x);
    bool add = sg_get_int(x->attrs, SG_A_kind) == SG_QBINARY_ADD;
    double sa = sg_q_factor(x->in[1], 0), sb = sg_q_factor(x->in[4], 0), sy = sg_q_factor(x->in[6], 0);
    sg_qbinary_args p = {.a_signed = a->dtype == SG_I8,
                         .b_signed = b->dtype == SG_I8,
                         .a_zero = sg_q_zero(x->in[2], 0),
                         .b_zero = sg_q_zero(x->in[5], 0),
                         .out = {.zero = sg_q_zero(x->in[7], 0)}};
    sg_q_range((sg_dtype)y->dtype, &p.out.lo, &p.out.hi);
    SG_TRY(sg_q_scale(x->err, sa, add ? 1 : sb, sy, &p.a_scale));
    if (add)
        SG_TRY(sg_q_scale(x->err, sb, 1, sy, &p.b_scale));
    (add ? sg_qbinary_add : sg_qbinary_mul)(&p, a->data, b->data, sg_numel(y), y->data);
    return SEDGE_OK;
}

bool sg_cpu_bind_qbinary(sg_plan *p, sg_step *s)
{
    const sg_slot *a = sg_step_slot(p, s, 0), *b = sg_step_slot(p, s, 3);
    if (!a || !b || a->type.rank < 0 || a->type.rank != b->type.rank || !sg_q_is_8bit((sg_dtype)a->type.dtype) ||
        !sg_q_is_8bit((sg_dtype)b->type.dtype))
        return false;
    for (int i = 0; i < a->type.rank; i++)
        if (a->type.dim[i] != b->type.dim[i])
            return false;
    s->kernel = (sg_kernel){.name = "qbinary_s8", .run = run};
    return true;
}
