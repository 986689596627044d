/* Quantize and dequantize, seen by training: rounding has the slope 1 inside the range, and what is outside none
 * (straight-through; Bengio et al. 2013). Integers carry their gradients as reals, in units of the scale. So a pair of them gives the
 * gradient of its scale as learned step sizes have it (Esser et al. 2020). */
#include <math.h>

#include "grad/rule.h"

/* A scale or zero point as it meets the elements of t. */
static sg_vid met(sg_grad *c, sg_vid v, const sg_type *t)
{
    sg_type own = type_of(c, v);
    if (int_attr(c, SG_A_block_size)) {
        sg_grad_refuse(c, "its scales are of blocks");
        return 0;
    }
    return sg_d_numel(&own) == 1 ? sg_grad_shaped(c, v, &(sg_type){.rank = 0})
                                 : sg_grad_per_channel(c, v, sg_axis(int_attr(c, SG_A_axis), t->rank), t->rank);
}

/* The gradient of the scale of elements of t, from theirs. */
static sg_vid of_scale(sg_grad *c, sg_vid v, const sg_type *t)
{
    sg_type scale = type_of(c, in(c, 1)), as_met = type_of(c, met(c, in(c, 1), t));
    return sg_ib_cast(&c->b, sg_grad_shaped(c, sg_grad_sum_to(c, v, &as_met), &scale), (sg_dtype)scale.dtype);
}

static sg_vid zero_point(sg_grad *c, const sg_type *t, sg_dtype real)
{
    return in(c, 2) ? sg_ib_cast(&c->b, met(c, in(c, 2), t), real) : 0;
}

void sg_grad_quantize(sg_grad *c)
{
    sg_type x = type_of(c, in(c, 0)), y = type_of(c, c->y[0]);
    unsigned bits = sg_dtypes[y.dtype].bits;
    if (!sg_is_int((sg_dtype)y.dtype) || bits > 32) {
        sg_grad_refuse(c, "it does not give integers of up to 32 bits");
        return;
    }
    double lo = sg_is_signed((sg_dtype)y.dtype) ? -ldexp(1, (int)bits - 1) : 0, hi = lo + ldexp(1, (int)bits) - 1;
    sg_vid s = sg_ib_cast(&c->b, met(c, in(c, 1), &x), (sg_dtype)x.dtype), z = zero_point(c, &x, (sg_dtype)x.dtype);
    sg_vid steps = quotient(c, in(c, 0), s), q = unary(c, SG_UNARY_ROUND, steps);
    q = z ? add(c, q, z) : q;
    sg_vid inside = sg_ib_binary(&c->b, SG_BINARY_AND, sg_ib_compare(&c->b, SG_COMPARE_GREATER_EQUAL, q, number(c, q, lo)),
                                 sg_ib_compare(&c->b, SG_COMPARE_LESS_EQUAL, q, number(c, q, hi)));
    sg_vid d = quotient(c, where(c, inside, sg_ib_cast(&c->b, c->dy[0], (sg_dtype)x.dtype), number(c, q, 0)), s);
    c->dx[0] = d;
    if (c->want[1])
        c->dx[1] = of_scale(c, unary(c, SG_UNARY_NEG, mul(c, d, steps)), &x);
}

void sg_grad_dequantize(sg_grad *c)
{
    sg_type x = type_of(c, in(c, 0));
    sg_dtype real = (sg_dtype)type_of(c, c->dy[0]).dtype;
    c->dx[0] = mul(c, c->dy[0], sg_ib_cast(&c->b, met(c, in(c, 1), &x), real));
    if (!c->want[1])
        return;
    sg_vid q = sg_ib_cast(&c->b, in(c, 0), real), z = zero_point(c, &x, real);
    c->dx[1] = of_scale(c, mul(c, c->dy[0], z ? sub(c, q, z) : q), &x);
}
