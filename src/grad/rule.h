/* What gradient rules are made of. A rule is named by a row of the op table: GRAD(f) is sg_grad_f, which gives from
 * the gradients of a node's results those of its operands; SPELL(f) is sg_spell_f, which writes the node in simpler rows. Both
 * are made of the building blocks of import/build.h: a failure gives 0, is recorded in b.err, and nothing after it counts. */
#ifndef SG_GRAD_RULE_H
#define SG_GRAD_RULE_H

#include "import/build.h"
#include "op/elementwise.h"
#include "op/reduce.h"

typedef struct sg_grad {
    sg_ib b;          /* b.in: the operands of the node */
    const sg_op *op;
    sg_nid node;
    sg_attrs attrs;
    const sg_vid *y;  /* [b.n_out] its results, 0: unused */
    const sg_vid *dy; /* [b.n_out] their gradients, 0: none */
    const bool *want; /* [b.n_in] whose gradients are asked for */
    sg_vid *dx;       /* [b.n_in] what GRAD gives; 0 stays: none */
    sg_vid *to;       /* [b.n_out] what SPELL gives for each result */
} sg_grad;

typedef void sg_grad_fn(sg_grad *c);

/* Every rule that a row names. */
#define OP(id, name, i0, i1, o0, o1, flags, infer, ref, grad, ...) grad
#define GRAD(f)                                                    sg_grad_fn sg_grad_##f;
#define SPELL(f)                                                   sg_grad_fn sg_spell_##f;
#define NODIFF(why)
#include "op/ops.def"
#undef OP
#undef GRAD
#undef SPELL
#undef NODIFF

/* ---- short names for what rules write most ---- */

/* A copy: the types of a graph move when values are added. */
static inline sg_type type_of(const sg_grad *c, sg_vid v)
{
    return v ? *sg_ib_type(&c->b, v) : (sg_type){.rank = 0};
}
static inline sg_vid in(const sg_grad *c, int k)
{
    return sg_ib_in(&c->b, k);
}
static inline bool wants(const sg_grad *c, int k)
{
    return k < c->b.n_in && c->want[k];
}
static inline int64_t int_attr(const sg_grad *c, sg_attr_id id)
{
    return sg_get_int(c->attrs, id);
}
static inline sg_vid add(sg_grad *c, sg_vid a, sg_vid b)
{
    return sg_ib_binary(&c->b, SG_BINARY_ADD, a, b);
}
static inline sg_vid sub(sg_grad *c, sg_vid a, sg_vid b)
{
    return sg_ib_binary(&c->b, SG_BINARY_SUB, a, b);
}
static inline sg_vid mul(sg_grad *c, sg_vid a, sg_vid b)
{
    return sg_ib_binary(&c->b, SG_BINARY_MUL, a, b);
}
static inline sg_vid quotient(sg_grad *c, sg_vid a, sg_vid b)
{
    return sg_ib_binary(&c->b, SG_BINARY_DIV, a, b);
}
/* v times a number; v plus a number */
static inline sg_vid times(sg_grad *c, sg_vid v, double k)
{
    return k == 1 ? v : sg_ib_binary_scalar(&c->b, SG_BINARY_MUL, v, k);
}
static inline sg_vid plus(sg_grad *c, sg_vid v, double k)
{
    return k == 0 ? v : sg_ib_binary_scalar(&c->b, SG_BINARY_ADD, v, k);
}
static inline sg_vid unary(sg_grad *c, int kind, sg_vid v)
{
    return sg_ib_unary(&c->b, kind, v, 1, 1);
}
/* A number of the type of v. */
static inline sg_vid number(sg_grad *c, sg_vid v, double k)
{
    return sg_ib_scalar(&c->b, (sg_dtype)type_of(c, v).dtype, k);
}
static inline sg_vid where(sg_grad *c, sg_vid condition, sg_vid a, sg_vid b)
{
    return sg_ib_emit1(&c->b, SG_OP_WHERE, SG_INS(condition, a, b));
}

/* ---- what several files of rules use ---- */

/* Records that the rule does not cover this node. */
void sg_grad_refuse(sg_grad *c, const char *why);
/* v summed over the axes along which t was broadcast to its shape. */
sg_vid sg_grad_sum_to(sg_grad *c, sg_vid v, const sg_type *t);
/* v with the dims of t. */
sg_vid sg_grad_shaped(sg_grad *c, sg_vid v, const sg_type *t);
/* v broadcast to the dims of t. */
sg_vid sg_grad_expand(sg_grad *c, sg_vid v, const sg_type *t);
/* Sum or mean (SG_REDUCE_*) over the axes of a bit mask, which stay as 1. */
sg_vid sg_grad_reduce(sg_grad *c, int kind, sg_vid v, uint32_t axes);
/* Elements [0, t->dim[i]) of every axis from `first` on. */
sg_vid sg_grad_crop(sg_grad *c, sg_vid v, const sg_type *t, int first);
/* A vector of one element a channel as [1, n, 1 ...] for values of rank `rank`. */
sg_vid sg_grad_per_channel(sg_grad *c, sg_vid v, int axis, int rank);
/* A tensor of zeros of the shape of t, with v[i] added to the elements that index[i] counts from 0. */
sg_vid sg_grad_add_at(sg_grad *c, sg_vid index, sg_vid v, const sg_type *t);
/* The node once more, with other operands; its types are inferred. */
sg_nid sg_grad_again(sg_grad *c, const sg_vid *ins, int n_in, int n_out);

/* v times the derivative that a formula of op/fn.def states, for operands x and y and result z; 0: it is 0, or failed. */
typedef struct sg_formula {
    const char *text;
    sg_vid x, y, z;
    sg_fn_params p;
} sg_formula;
sg_vid sg_grad_formula(sg_grad *c, const sg_formula *f, sg_vid v);

#endif
