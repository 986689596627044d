/* Steps that stand channels last and treat all axes alike: their kernel sees operands with the dims in the order of memory, so it need
 * not know. */
#include <string.h>

#include "backend/cpu/bind.h"
#include "pass/layout.h"
#include "tensor/layout.h"

enum { FEW = 16 }; /* operands on the stack; more are in scratch */

typedef struct turned {
    sg_kernel kernel; /* what runs, and its own attributes and packed weights */
    sg_attrs attrs;
    const void *packed;
    sg_layout_row row;
    int rank;
} turned;

/* x with operands turned: tensors in t, pointers in at, one for each operand. */
static sg_exec turn(const sg_exec *x, sg_tensor *t, sg_tensor **at)
{
    const turned *b = x->packed;
    sg_exec y = *x;
    for (int k = 0; k < x->n_in + x->n_out; k++) {
        sg_tensor *from = k < x->n_in ? x->in[k] : x->out[k - x->n_in];
        bool as_is = !from || (k < x->n_in && !sg_layout_operand(b->row, k));
        at[k] = as_is ? from : &t[k];
        if (!as_is)
            sg_layout_turn(from, b->rank, &t[k]);
    }
    y.in = at;
    y.out = at + x->n_in;
    y.attrs = b->attrs;
    y.packed = b->packed;
    return y;
}

static sedge_status run(sg_exec *x)
{
    const turned *b = x->packed;
    sg_tensor few[FEW], *few_at[FEW], *t = few, **at = few_at;
    int n = x->n_in + x->n_out;
    if (n > FEW) {
        t = sg_scratch(x, (size_t)n * sizeof *t);
        at = sg_scratch(x, (size_t)n * sizeof *at);
        if (!t || !at)
            return SEDGE_E_NOMEM;
    }
    sg_exec y = turn(x, t, at);
    return b->kernel.run(&y);
}

/* The attributes of a step with `axis` as it is counted in memory. */
static bool turn_axis(sg_plan *p, const sg_step *s, int rank, sg_attrs *out)
{
    sg_attr *a = sg_arena_dup(&p->arena, s->attrs.a, (size_t)s->attrs.n * sizeof *a);
    for (int i = 0; a && i < s->attrs.n; i++) {
        int axis = a[i].id == SG_A_axis ? sg_axis(a[i].u.i, rank) : -1;
        if (axis >= 0)
            a[i].u.i = sg_layout_axis(axis, rank);
    }
    *out = (sg_attrs){a, s->attrs.n};
    return a != NULL;
}

bool sg_cpu_turn(sg_plan *p, sg_step *s)
{
    turned *b = sg_arena_alloc(&p->arena, sizeof *b);
    if (!b)
        return false;
    *b = (turned){.kernel = s->kernel,
                  .attrs = s->attrs,
                  .packed = s->packed,
                  .row = sg_layout_of(s->op),
                  .rank = sg_step_slot(p, s, s->n_in)->type.rank};
    if (b->row.how == SG_LAYOUT_AXIS && !turn_axis(p, s, b->rank, &b->attrs))
        return false;
    if (s->kernel.scratch) /* its sizes would have to be asked for turned: no kernel of such an op wants any */
        b->kernel = (sg_kernel){.name = "ref", .run = s->op->ref};
    s->kernel = (sg_kernel){.name = b->kernel.name, .run = run};
    s->packed = b;
    return true;
}
