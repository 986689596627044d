/* Softmax, and what normalizes, spelled out. */
#include <string.h>

#include "grad/rule.h"
#include "op/softmax.h"

void sg_grad_softmax(sg_grad *c)
{
    sg_vid d = c->dy[0], y = c->y[0];
    uint32_t axis = 1u << sg_axis(int_attr(c, SG_A_axis), type_of(c, y).rank);
    if (int_attr(c, SG_A_kind) == SG_SOFTMAX_LOG)
        c->dx[0] = sub(c, d, mul(c, unary(c, SG_UNARY_EXP, y), sg_grad_reduce(c, SG_REDUCE_SUM, d, axis)));
    else if (int_attr(c, SG_A_kind) == SG_SOFTMAX_PLAIN)
        c->dx[0] = mul(c, y, sub(c, d, sg_grad_reduce(c, SG_REDUCE_SUM, mul(c, d, y), axis)));
    else
        sg_grad_refuse(c, "it picks one element");
}

/* (x - mean) / sqrt(variance + epsilon) */
static sg_vid standard(sg_grad *c, sg_vid x, sg_vid mean, sg_vid variance, sg_vid *inverse)
{
    *inverse = unary(c, SG_UNARY_RECIPROCAL, unary(c, SG_UNARY_SQRT, plus(c, variance, sg_get_float(c->attrs, SG_A_epsilon))));
    return mul(c, mean ? sub(c, x, mean) : x, *inverse);
}

static sg_vid mean_of(sg_grad *c, sg_vid x, uint32_t axes)
{
    return sg_grad_reduce(c, SG_REDUCE_MEAN, x, axes);
}

static sg_vid variance_of(sg_grad *c, sg_vid x, sg_vid mean, uint32_t axes)
{
    sg_vid d = mean ? sub(c, x, mean) : x;
    return mean_of(c, mul(c, d, d), axes);
}

/* The running statistic: what it was, and a share of the new one. */
static sg_vid running(sg_grad *c, sg_vid was, sg_vid is)
{
    double m = sg_get_float(c->attrs, SG_A_momentum);
    sg_type t = type_of(c, was);
    return add(c, times(c, was, m), times(c, sg_grad_shaped(c, is, &t), 1 - m));
}

/* x, scale, bias, mean, variance */
void sg_spell_batch_norm(sg_grad *c)
{
    sg_vid x = in(c, 0), p[5], inverse;
    int rank = type_of(c, x).rank, axis = rank > 1;
    uint32_t axes = ((1u << rank) - 1) & ~(1u << axis);
    bool training = int_attr(c, SG_A_training_mode) != 0;
    for (int k = 1; k < 5; k++)
        p[k] = sg_grad_per_channel(c, in(c, k), axis, rank);
    if (training) {
        p[3] = mean_of(c, x, axes);
        p[4] = variance_of(c, x, p[3], axes);
    }
    c->to[0] = add(c, mul(c, standard(c, x, p[3], p[4], &inverse), p[1]), p[2]);
    for (int k = 1; k < c->b.n_out; k++)
        c->to[k] = running(c, in(c, k + 2), p[k + 2]);
}

/* Layer normalization (x, scale, bias?; outputs y, mean, 1 / deviation) and RMS normalization (x, scale). */
void sg_spell_row_norm(sg_grad *c)
{
    sg_vid x = in(c, 0), inverse;
    int rank = type_of(c, x).rank;
    uint32_t axes = ((1u << rank) - 1) & ~((1u << sg_axis(int_attr(c, SG_A_axis), rank)) - 1);
    sg_vid mean = c->op == SG_ROW(LAYER_NORM) ? mean_of(c, x, axes) : 0;
    sg_vid y = standard(c, x, mean, variance_of(c, x, mean, axes), &inverse);
    c->to[0] = sg_ib_add_maybe(&c->b, in(c, 1) ? mul(c, y, in(c, 1)) : y, in(c, 2));
    if (c->b.n_out > 1)
        c->to[1] = mean;
    if (c->b.n_out > 2)
        c->to[2] = inverse;
}

/* x, scale, bias; opset 18 has one scale a group, later ones one a channel */
void sg_spell_group_norm(sg_grad *c)
{
    sg_type t = type_of(c, in(c, 0)), grouped = {.rank = 3, .dim = {t.dim[0], int_attr(c, SG_A_num_groups), -1}};
    sg_vid inverse, p[3];
    if (grouped.dim[1] == 0)
        grouped.dim[1] = t.dim[1];
    grouped.dim[2] = sg_d_numel(&t) / (t.dim[0] * grouped.dim[1]);
    for (int k = 1; k < 3; k++) {
        sg_type own = type_of(c, in(c, k));
        int64_t each = t.dim[1] / sg_d_numel(&own);
        sg_type pair = {.rank = 2, .dim = {sg_d_numel(&own), each}};
        sg_vid v = each == 1 ? in(c, k) : sg_grad_expand(c, sg_grad_per_channel(c, in(c, k), 0, 2), &pair);
        p[k] = sg_grad_per_channel(c, sg_grad_shaped(c, v, &(sg_type){.rank = 1, .dim = {t.dim[1]}}), 1, t.rank);
    }
    sg_vid x = sg_grad_shaped(c, in(c, 0), &grouped), mean = mean_of(c, x, 4);
    sg_vid y = standard(c, x, mean, variance_of(c, x, mean, 4), &inverse);
    c->to[0] = add(c, mul(c, sg_grad_shaped(c, y, &t), p[1]), p[2]);
}

void sg_spell_lp_norm(sg_grad *c)
{
    sg_vid x = in(c, 0);
    int64_t p = int_attr(c, SG_A_p), axis = sg_axis(int_attr(c, SG_A_axis), type_of(c, x).rank);
    if (p > 2) {
        sg_grad_refuse(c, "its rule for other norms than 1 and 2 is not written");
        return;
    }
    c->to[0] = quotient(c, x, sg_ib_reduce(&c->b, p == 1 ? SG_REDUCE_L1 : SG_REDUCE_L2, x, axis, true));
}

void sg_spell_mvn(sg_grad *c)
{
    sg_vid x = in(c, 0);
    int n, rank = type_of(c, x).rank;
    const int64_t *axis = sg_get_ints(c->attrs, SG_A_axes, &n);
    uint32_t axes = sg_attr_is_set(c->attrs, SG_A_axes) ? 0 : 13; /* 0, 2 and 3 */
    for (int i = 0; i < n; i++)
        axes |= 1u << sg_axis(axis[i], rank);
    sg_vid mean = mean_of(c, x, axes);
    c->to[0] = quotient(c, sub(c, x, mean), plus(c, unary(c, SG_UNARY_SQRT, variance_of(c, x, mean, axes)), 1e-9));
}

/* x / (bias + alpha / size * squares) ^ beta, squares summed over a window of channels: a convolution with ones along them. */
void sg_spell_lrn(sg_grad *c)
{
    sg_type t = type_of(c, in(c, 0)), flat = {.rank = 4, .dim = {t.dim[0], 1, t.dim[1], 1}},
            ones = {.rank = 4, .dim = {1, 1, 1, 1}};
    const int64_t size = int_attr(c, SG_A_size), pads[4] = {(size - 1) / 2, 0, size / 2, 0};
    for (int i = 2; i < t.rank; i++)
        flat.dim[3] *= t.dim[i];
    ones.dim[2] = size;
    sg_vid x = sg_grad_shaped(c, in(c, 0), &flat);
    sg_vid s = sg_ib_node(&c->b, SG_OP_CONV, SG_INS(mul(c, x, x), sg_grad_expand(c, number(c, x, 1), &ones)),
                          SG_SET({SG_A_group, .i = 1}, {SG_A_pads, .ints = pads, .n = 4}));
    s = plus(c, times(c, s, sg_get_float(c->attrs, SG_A_alpha) / (double)size), sg_get_float(c->attrs, SG_A_bias));
    s = sg_ib_binary_scalar(&c->b, SG_BINARY_POW, s, sg_get_float(c->attrs, SG_A_beta));
    c->to[0] = sg_grad_shaped(c, quotient(c, x, s), &t);
}

/* ---- losses ---- */

/* log probabilities, target, weight?: minus those of the targets, weighted; an ignored target counts nothing */
static sg_vid nll(sg_grad *c, sg_vid logp)
{
    sg_type t = type_of(c, in(c, 1));
    sg_dtype real = (sg_dtype)type_of(c, logp).dtype;
    bool ignores = sg_attr_is_set(c->attrs, SG_A_ignore_index);
    const char *how = sg_get_str(c->attrs, SG_A_reduction);
    sg_vid target = in(c, 1), counts = 0, zero = number(c, target, 0);
    if (ignores) {
        sg_vid out = sg_ib_compare(&c->b, SG_COMPARE_EQUAL, target, number(c, target, (double)int_attr(c, SG_A_ignore_index)));
        counts = where(c, out, number(c, logp, 0), number(c, logp, 1));
        target = where(c, out, zero, target);
    }
    if (in(c, 2)) {
        sg_vid w = sg_ib_gather(&c->b, in(c, 2), target, 0);
        counts = counts ? mul(c, counts, w) : w;
    }
    sg_vid at = sg_ib_unsqueeze(&c->b, target, 1);
    sg_vid y = sg_ib_node(&c->b, SG_OP_GATHER_ELEMENTS, SG_INS(logp, at), SG_SET({SG_A_axis, .i = 1}));
    y = unary(c, SG_UNARY_NEG, sg_grad_shaped(c, y, &t));
    y = counts ? mul(c, y, counts) : y;
    if (strcmp(how, "none") == 0)
        return y;
    sg_type scalar = {.rank = 0};
    uint32_t all = (1u << t.rank) - 1;
    if (strcmp(how, "sum") == 0 || counts)
        y = sg_grad_shaped(c, sg_grad_reduce(c, SG_REDUCE_SUM, y, all), &scalar);
    else
        y = sg_grad_shaped(c, sg_grad_reduce(c, SG_REDUCE_MEAN, y, all), &scalar);
    if (strcmp(how, "sum") == 0 || !counts)
        return y;
    counts = sg_ib_cast(&c->b, counts, real);
    return quotient(c, y, sg_grad_shaped(c, sg_grad_reduce(c, SG_REDUCE_SUM, counts, all), &scalar));
}

void sg_spell_nll_loss(sg_grad *c)
{
    c->to[0] = nll(c, in(c, 0));
}

void sg_spell_softmax_loss(sg_grad *c)
{
    sg_vid logp = sg_ib_node(&c->b, SG_OP_SOFTMAX, SG_INS(in(c, 0)),
                             SG_SET({SG_A_axis, .i = 1}, {SG_A_kind, .i = SG_SOFTMAX_LOG}));
    c->to[0] = nll(c, logp);
    if (c->b.n_out > 1)
        c->to[1] = logp;
}
