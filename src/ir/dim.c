/* Making and folding dimension expressions. */
#include "ir/dim.h"

#include <string.h>

static int64_t apply(sg_dim_op op, int64_t a, int64_t b)
{
    int64_t r;
    switch (op) {
    case SG_DIM_ADD: return __builtin_add_overflow(a, b, &r) ? SG_DIM_BAD - 1 : r;
    case SG_DIM_SUB: return __builtin_sub_overflow(a, b, &r) ? SG_DIM_BAD - 1 : r;
    case SG_DIM_MUL: return __builtin_mul_overflow(a, b, &r) ? SG_DIM_BAD - 1 : r;
    case SG_DIM_DIV: return b == 0 || (b == -1 && a == INT64_MIN) ? 0 : a / b - (a % b != 0 && (a < 0) != (b < 0));
    case SG_DIM_MOD: return b == 0 || b == -1 ? 0 : a - b * apply(SG_DIM_DIV, a, b);
    case SG_DIM_MIN: return a < b ? a : b;
    case SG_DIM_MAX: return a > b ? a : b;
    case SG_DIM_BCAST: return a == 1 ? b : a;
    case SG_DIM_SYM: break;
    }
    return a;
}

int64_t sg_dim_apply(sg_dim_op op, int64_t a, int64_t b)
{
    int64_t r = apply(op, a, b);
    return sg_dim_is_expr(r) ? INT64_MIN / 2 : r; /* the numbers below would read as expressions */
}

static sg_dim push(sg_dims *t, const sg_dim_node *n)
{
    if (t->n >= UINT32_MAX / 2 || sg_grow(t->mem, &t->node, &t->cap, t->n + 1, sizeof *t->node) != SEDGE_OK)
        return SG_DIM_BAD;
    t->node[t->n] = *n;
    return INT64_MIN + (int64_t)t->n++;
}

sg_dim sg_dim_sym(sg_dims *t, const char *name, uint32_t owner)
{
    sg_dim_node n = {.op = SG_DIM_SYM, .owner = owner, .name = name};
    return push(t, &n);
}

sg_dim sg_dim_named(sg_dims *t, const char *name)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->node[i].op == SG_DIM_SYM && t->node[i].name && t->node[i].owner == 0 && strcmp(t->node[i].name, name) == 0)
            return INT64_MIN + (int64_t)i;
    return sg_dim_sym(t, name, 0);
}

/* Identities that keep shapes readable: x+0, x-0, x-x, x*1, x*0, x/1, min(x,x), max(x,x). */
static bool simplify(sg_dim_op op, sg_dim a, sg_dim b, sg_dim *out)
{
    if (a == b && (op == SG_DIM_MIN || op == SG_DIM_MAX || op == SG_DIM_BCAST))
        return *out = a, true;
    if (a == b && op == SG_DIM_SUB)
        return *out = 0, true;
    if (b == 0 && (op == SG_DIM_ADD || op == SG_DIM_SUB))
        return *out = a, true;
    if (a == 0 && op == SG_DIM_ADD)
        return *out = b, true;
    if (b == 1 && (op == SG_DIM_MUL || op == SG_DIM_DIV || op == SG_DIM_BCAST))
        return *out = a, true;
    if (a == 1 && (op == SG_DIM_MUL || op == SG_DIM_BCAST))
        return *out = b, true;
    if ((a == 0 || b == 0) && op == SG_DIM_MUL)
        return *out = 0, true;
    return false;
}

sg_dim sg_dim_make(sg_dims *t, sg_dim_op op, sg_dim a, sg_dim b)
{
    if (a == SG_DIM_BAD || b == SG_DIM_BAD)
        return SG_DIM_BAD;
    if (!sg_dim_is_expr(a) && !sg_dim_is_expr(b))
        return sg_dim_apply(op, a, b);
    sg_dim r;
    if (simplify(op, a, b, &r))
        return r;
    bool commutes = op == SG_DIM_ADD || op == SG_DIM_MUL || op == SG_DIM_MIN || op == SG_DIM_MAX;
    if (commutes && a > b) {
        sg_dim s = a;
        a = b;
        b = s;
    }
    /* (x * c) / c and (c * x) / c */
    if (op == SG_DIM_DIV && sg_dim_is_expr(a) && b != 0) {
        const sg_dim_node *m = &t->node[sg_dim_expr(a)];
        if (m->op == SG_DIM_MUL && m->b == b)
            return m->a;
        if (m->op == SG_DIM_MUL && m->a == b)
            return m->b;
    }
    /* (x + c) + d, (x + c) - d */
    if ((op == SG_DIM_ADD || op == SG_DIM_SUB) && sg_dim_is_expr(a) && !sg_dim_is_expr(b)) {
        const sg_dim_node *m = &t->node[sg_dim_expr(a)];
        if (m->op == SG_DIM_ADD && !sg_dim_is_expr(m->b))
            return sg_dim_make(t, SG_DIM_ADD, m->a, sg_dim_apply(op, m->b, b));
    }
    for (size_t i = t->n; i-- > 0;)
        if (t->node[i].op == op && t->node[i].a == a && t->node[i].b == b)
            return INT64_MIN + (int64_t)i;
    sg_dim_node n = {.op = (uint8_t)op, .a = a, .b = b};
    return push(t, &n);
}

void sg_guard_add(sg_guards *t, sg_guard_kind kind, sg_dim a, sg_dim b)
{
    for (size_t i = t->n; i-- > 0;)
        if (t->v[i].kind == kind && t->v[i].a == a && t->v[i].b == b)
            return;
    if (sg_grow(t->mem, &t->v, &t->cap, t->n + 1, sizeof *t->v) == SEDGE_OK)
        t->v[t->n++] = (sg_guard){(uint8_t)kind, a, b};
    else
        t->lost = true;
}
