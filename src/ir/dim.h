/* Dimensions: integers, or expressions over symbols, in one 64-bit word. */
#ifndef SG_IR_DIM_H
#define SG_IR_DIM_H

#include <stdbool.h>

#include "base/mem.h"

/* A constant stands for itself; expression e is INT64_MIN + e. */
typedef int64_t sg_dim;

static inline bool sg_dim_is_expr(sg_dim d)
{
    return d < INT64_MIN / 2;
}
static inline uint32_t sg_dim_expr(sg_dim d)
{
    return (uint32_t)(d - INT64_MIN);
}

typedef enum sg_dim_op {
    SG_DIM_SYM,
    SG_DIM_ADD,
    SG_DIM_SUB,
    SG_DIM_MUL,
    SG_DIM_DIV,
    SG_DIM_MOD,
    SG_DIM_MIN,
    SG_DIM_MAX,
    SG_DIM_BCAST
} sg_dim_op;

typedef struct sg_dim_node {
    uint8_t op;     /* sg_dim_op */
    uint32_t owner; /* SYM: 0 bound by an input, else 1 + the node that defines it when it runs */
    sg_dim a, b;    /* operands; DIV and MOD floor; BCAST: a == 1 ? b : a */
    const char *name; /* SYM: its name or NULL */
    int64_t bound;  /* SYM: the largest value promised, 0 if none */
} sg_dim_node;

/* Expressions in evaluation order: operands stand before their users. */
typedef struct sg_dims {
    sg_mem *mem;
    sg_dim_node *node;
    size_t n, cap;
} sg_dims;

sg_dim sg_dim_sym(sg_dims *t, const char *name, uint32_t owner);
/* A symbol by name, made if new (owner 0). */
sg_dim sg_dim_named(sg_dims *t, const char *name);
/* Folds constants and shares equal expressions. On out of memory returns SG_DIM_BAD. */
sg_dim sg_dim_make(sg_dims *t, sg_dim_op op, sg_dim a, sg_dim b);
#define SG_DIM_BAD INT64_MAX

/* One operation on constants; division by zero gives 0. Wraps nowhere: saturates to SG_DIM_BAD - 1, and downwards to
 * INT64_MIN / 2. */
int64_t sg_dim_apply(sg_dim_op op, int64_t a, int64_t b);
/* Value of d given the value of every expression. */
static inline int64_t sg_dim_value(sg_dim d, const int64_t *values)
{
    return sg_dim_is_expr(d) ? values[sg_dim_expr(d)] : d;
}

/* What a symbolic answer rests on, to be looked at again when the dims are numbers. */
typedef enum sg_guard_kind {
    SG_GUARD_EQUAL,    /* a == b */
    SG_GUARD_AT_LEAST, /* a >= b */
    SG_GUARD_BCAST     /* a == b, or one of them is 1 */
} sg_guard_kind;

typedef struct sg_guard {
    uint8_t kind; /* sg_guard_kind */
    sg_dim a, b;
} sg_guard;

typedef struct sg_guards {
    sg_mem *mem;
    sg_guard *v;
    size_t n, cap;
    bool lost; /* memory ended: a guard is missing */
} sg_guards;

/* Adds one that is not there yet. */
void sg_guard_add(sg_guards *t, sg_guard_kind kind, sg_dim a, sg_dim b);
static inline bool sg_guard_holds(const sg_guard *g, const int64_t *values)
{
    int64_t a = sg_dim_value(g->a, values), b = sg_dim_value(g->b, values);
    return a == b || (g->kind == SG_GUARD_AT_LEAST ? a > b : g->kind == SG_GUARD_BCAST && (a == 1 || b == 1));
}

#endif
