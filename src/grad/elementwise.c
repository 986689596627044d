/* Gradients of what goes element by element. */
#include "grad/rule.h"

static const char *const unary_slope[SG_UNARY_COUNT] = {
#define UNARY(id, name, formula, derivative) #derivative,
#include "op/fn.def"
#undef UNARY
};

static const char *const binary_slope[SG_BINARY_COUNT][2] = {
#define BINARY(id, name, formula, dx, dy) {#dx, #dy},
#include "op/fn.def"
#undef BINARY
};

void sg_grad_unary(sg_grad *c)
{
    const sg_formula f = {unary_slope[int_attr(c, SG_A_kind)], in(c, 0), c->y[0], 0, sg_fn_params_of(c->attrs)};
    c->dx[0] = sg_grad_formula(c, &f, c->dy[0]);
}

void sg_grad_binary(sg_grad *c)
{
    for (int k = 0; k < 2; k++) {
        const sg_formula f = {binary_slope[int_attr(c, SG_A_kind)][k], in(c, 0), in(c, 1), c->y[0], {0, 0, 0}};
        sg_type t = type_of(c, in(c, k));
        sg_vid v = c->want[k] ? sg_grad_formula(c, &f, c->dy[0]) : 0;
        c->dx[k] = v ? sg_grad_sum_to(c, v, &t) : 0;
    }
}

void sg_grad_cast(sg_grad *c)
{
    c->dx[0] = sg_ib_cast(&c->b, c->dy[0], (sg_dtype)type_of(c, in(c, 0)).dtype);
}

void sg_grad_identity(sg_grad *c)
{
    c->dx[0] = c->dy[0];
}

void sg_grad_where(sg_grad *c)
{
    sg_vid none = number(c, c->dy[0], 0);
    for (int k = 1; k < 3; k++) {
        sg_type t = type_of(c, in(c, k));
        if (c->want[k])
            c->dx[k] = sg_grad_sum_to(c, where(c, in(c, 0), k == 1 ? c->dy[0] : none, k == 1 ? none : c->dy[0]), &t);
    }
}

/* What stands at a bound counts as inside. */
void sg_grad_clip(sg_grad *c)
{
    static const int outside[3] = {0, SG_COMPARE_LESS, SG_COMPARE_GREATER};
    sg_vid none = number(c, c->dy[0], 0), v = c->dy[0];
    for (int k = 1; k < 3; k++) {
        sg_vid out = in(c, k) ? sg_ib_compare(&c->b, outside[k], in(c, 0), in(c, k)) : 0;
        sg_type t = type_of(c, in(c, k));
        if (out)
            v = where(c, out, none, v);
        if (out && wants(c, k))
            c->dx[k] = sg_grad_sum_to(c, where(c, out, c->dy[0], none), &t);
    }
    c->dx[0] = v;
}

/* x sigmoid(alpha x) y */
void sg_spell_swiglu(sg_grad *c)
{
    c->to[0] = mul(c, sg_ib_unary(&c->b, SG_UNARY_SWISH, in(c, 0), sg_get_float(c->attrs, SG_A_alpha), 1), in(c, 1));
}

/* As inference has it: nothing is dropped. Who trains with dropout multiplies by a mask. */
void sg_spell_dropout(sg_grad *c)
{
    const sg_value *training = &c->b.g->value[in(c, 2)];
    bool off = !in(c, 2) || (training->data && sg_load_i64((sg_dtype)training->type.dtype, training->data, 0) == 0);
    if (!off || (c->b.n_out > 1 && c->y[1]))
        sg_grad_refuse(c, "its mask is not known");
    c->to[0] = sg_ib_emit1(&c->b, SG_OP_IDENTITY, SG_INS(in(c, 0)));
}
