/* Gradients of products, sums and other reductions. */
#include <stdio.h>
#include <string.h>

#include "grad/rule.h"

/* v as a matrix of its last axis. */
static sg_vid rows(sg_grad *c, sg_vid v)
{
    sg_type t = type_of(c, v);
    int64_t dim[2] = {-1, t.dim[t.rank > 0 ? t.rank - 1 : 0]};
    return t.rank == 2 ? v : sg_ib_reshape(&c->b, v, dim, 2);
}

void sg_grad_matmul(sg_grad *c)
{
    sg_type ta = type_of(c, in(c, 0)), tb = type_of(c, in(c, 1));
    sg_vid a = ta.rank == 1 ? sg_ib_unsqueeze(&c->b, in(c, 0), 0) : in(c, 0);
    sg_vid b = tb.rank == 1 ? sg_ib_unsqueeze(&c->b, in(c, 1), 1) : in(c, 1), d = c->dy[0];
    d = tb.rank == 1 ? sg_ib_unsqueeze(&c->b, d, -1) : d;
    d = ta.rank == 1 ? sg_ib_unsqueeze(&c->b, d, -2) : d;
    if (c->want[0]) {
        sg_type to = type_of(c, a);
        c->dx[0] = sg_grad_shaped(c, sg_grad_sum_to(c, sg_ib_matmul(&c->b, d, sg_ib_swap_last(&c->b, b)), &to), &ta);
    }
    if (c->want[1]) {
        sg_type to = type_of(c, b);
        bool one = to.rank == 2; /* the same right side for all: one product sums over them */
        a = one ? rows(c, a) : a;
        d = one ? rows(c, d) : d;
        c->dx[1] = sg_grad_shaped(c, sg_grad_sum_to(c, sg_ib_matmul(&c->b, sg_ib_swap_last(&c->b, a), d), &to), &tb);
    }
}

/* ---- einsum ---- */

/* Labels of each operand and of the result. */
typedef struct letters {
    char of[17][SG_RANK_MAX + 1];
    int n; /* operands; the result stands behind them */
} letters;

/* False: with an ellipsis, a label twice in one operand, or too many. */
static bool read_letters(const char *text, letters *l)
{
    int n = 0;
    bool arrow = false;
    *l = (letters){0};
    for (const char *p = text; *p; p++) {
        char *own = l->of[l->n];
        if (*p == ',' || (*p == '-' && p[1] == '>')) {
            arrow = *p == '-';
            p += arrow;
            n = 0;
            if (++l->n > 16)
                return false;
        } else if (*p != ' ') {
            if (*p == '.' || n == SG_RANK_MAX || strchr(own, *p))
                return false;
            own[n++] = *p;
        }
    }
    if (arrow)
        return true;
    if (++l->n > 16)
        return false;
    /* the result has the labels that stand in one operand alone, in the order of the alphabet */
    for (int c = 1, k = 0; c < 128; c++) {
        int count = 0;
        for (int i = 0; i < l->n; i++)
            count += strchr(l->of[i], c) != NULL;
        if (count == 1 && k < SG_RANK_MAX)
            l->of[l->n][k++] = (char)c;
    }
    return true;
}

static bool elsewhere(const letters *l, int k, char c)
{
    bool found = false;
    for (int i = 0; i <= l->n; i++)
        found = found || (i != k && strchr(l->of[i], c));
    return found;
}

/* The result's gradient in the place of operand k, with what is then the result: its labels that stand elsewhere. The others were summed. */
static sg_vid of_operand(sg_grad *c, const letters *l, int k)
{
    char text[17 * (SG_RANK_MAX + 2) + 4];
    size_t at = 0;
    sg_vid ins[16];
    sg_type t = type_of(c, in(c, k)), thin = {.rank = t.rank};
    for (int i = 0; i < l->n; i++) {
        ins[i] = i == k ? c->dy[0] : in(c, i);
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%s", i ? "," : "", l->of[i == k ? l->n : i]);
    }
    at += (size_t)snprintf(text + at, sizeof text - at, "->");
    for (const char *p = l->of[k]; *p; p++)
        if (elsewhere(l, k, *p))
            text[at++] = *p;
    text[at] = 0;
    sg_nid n = sg_ib_emit(&c->b, SG_OP_EINSUM, ins, l->n, 1);
    if (!n || !sg_set_str(c->b.g, n, SG_A_equation, text, at) || sg_ib_done(&c->b, n) != SEDGE_OK)
        return 0;
    sg_vid v = sg_node_out(c->b.g, n, 0);
    const sg_type got = type_of(c, v);
    for (int i = 0, j = 0; i < t.rank; i++)
        thin.dim[i] = elsewhere(l, k, l->of[k][i]) ? got.dim[j++] : 1;
    v = sg_grad_shaped(c, v, &thin);
    for (int i = 0; i < t.rank; i++)
        thin.dim[i] = thin.dim[i] == 1 ? t.dim[i] : thin.dim[i];
    return sg_grad_sum_to(c, sg_grad_expand(c, v, &thin), &t);
}

void sg_grad_einsum(sg_grad *c)
{
    letters l;
    if (!read_letters(sg_get_str(c->attrs, SG_A_equation), &l) || l.n != c->b.n_in) {
        sg_grad_refuse(c, "its rule for ellipses and diagonals is not written");
        return;
    }
    for (int k = 0; k < l.n; k++)
        if (c->want[k])
            c->dx[k] = of_operand(c, &l, k);
}

void sg_spell_gemm(sg_grad *c)
{
    sg_vid a = int_attr(c, SG_A_transA) ? sg_ib_swap_last(&c->b, in(c, 0)) : in(c, 0);
    sg_vid b = int_attr(c, SG_A_transB) ? sg_ib_swap_last(&c->b, in(c, 1)) : in(c, 1);
    sg_vid y = times(c, sg_ib_matmul(&c->b, a, b), sg_get_float(c->attrs, SG_A_alpha));
    c->to[0] = sg_ib_add_maybe(&c->b, y, in(c, 2) ? times(c, in(c, 2), sg_get_float(c->attrs, SG_A_beta)) : 0);
}

/* The dims of operand 0 with those reduced as 1, and their product. */
static sg_type kept(sg_grad *c, double *count)
{
    sg_type x = type_of(c, in(c, 0)), t = x;
    int64_t n;
    const int64_t *axes = sg_ib_const_ints(&c->b, 1, &n);
    *count = 1;
    if (in(c, 1) && !axes)
        sg_grad_refuse(c, "its axes are known in the run alone");
    for (int i = 0; i < x.rank; i++) {
        bool reduced = n == 0 && !int_attr(c, SG_A_noop_with_empty_axes);
        for (int64_t k = 0; k < n; k++)
            reduced = reduced || sg_axis(axes[k], x.rank) == i;
        *count *= reduced ? (double)x.dim[i] : 1;
        t.dim[i] = reduced ? 1 : x.dim[i];
    }
    return t;
}

/* Extremes that several elements share, share the gradient. */
static sg_vid extreme(sg_grad *c, sg_vid y, sg_vid d, const sg_type *t)
{
    sg_vid here = sg_ib_cast(&c->b, sg_ib_compare(&c->b, SG_COMPARE_EQUAL, in(c, 0), y), (sg_dtype)type_of(c, d).dtype);
    return mul(c, here, quotient(c, d, sg_grad_sum_to(c, here, t)));
}

/* d / y, 0 where y is: what has no direction has no slope. */
static sg_vid over(sg_grad *c, sg_vid d, sg_vid y)
{
    sg_vid zero = number(c, y, 0), none = sg_ib_compare(&c->b, SG_COMPARE_EQUAL, y, zero);
    return where(c, none, zero, quotient(c, d, where(c, none, number(c, y, 1), y)));
}

void sg_grad_reduce_op(sg_grad *c)
{
    double count;
    sg_vid x = in(c, 0), v = 0;
    sg_type full = type_of(c, x), t = kept(c, &count);
    sg_vid d = sg_grad_shaped(c, c->dy[0], &t), y = sg_grad_shaped(c, c->y[0], &t);
    switch (int_attr(c, SG_A_kind)) {
    case SG_REDUCE_SUM: v = d; break;
    case SG_REDUCE_MEAN: v = times(c, d, 1 / count); break;
    case SG_REDUCE_MAX:
    case SG_REDUCE_MIN: v = extreme(c, y, d, &t); break;
    case SG_REDUCE_L1: v = mul(c, unary(c, SG_UNARY_SIGN, x), d); break;
    case SG_REDUCE_L2: v = mul(c, x, over(c, d, y)); break;
    case SG_REDUCE_SUM_SQUARE: v = mul(c, times(c, x, 2), d); break;
    case SG_REDUCE_LOG_SUM: v = quotient(c, d, unary(c, SG_UNARY_EXP, y)); break;
    case SG_REDUCE_LOG_SUM_EXP: v = mul(c, unary(c, SG_UNARY_EXP, sub(c, x, y)), d); break;
    default: sg_grad_refuse(c, "its rule for products is not written"); return;
    }
    c->dx[0] = sg_grad_expand(c, v, &full);
}

/* A running sum, run the other way. */
void sg_grad_cum(sg_grad *c)
{
    if (int_attr(c, SG_A_kind) != SG_CUM_SUM) {
        sg_grad_refuse(c, "its rule for products is not written");
        return;
    }
    c->dx[0] = sg_ib_node(&c->b, SG_OP_CUM, SG_INS(c->dy[0], in(c, 1)),
                          SG_SET({SG_A_kind, .i = SG_CUM_SUM}, {SG_A_exclusive, .i = int_attr(c, SG_A_exclusive)},
                                 {SG_A_reverse, .i = !int_attr(c, SG_A_reverse)}));
}
