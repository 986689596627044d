/* Gradients of ops that move elements. */
#include "grad/rule.h"

#include "op/index.h"

void sg_grad_view(sg_grad *c)
{
    sg_type t = type_of(c, in(c, 0));
    c->dx[0] = sg_grad_shaped(c, c->dy[0], &t);
}

void sg_grad_broadcast(sg_grad *c)
{
    sg_type t = type_of(c, in(c, 0));
    c->dx[0] = sg_grad_sum_to(c, c->dy[0], &t);
}

void sg_grad_transpose(sg_grad *c)
{
    int n, rank = type_of(c, in(c, 0)).rank;
    const int64_t *perm = sg_get_ints(c->attrs, SG_A_perm, &n);
    int64_t back[SG_RANK_MAX];
    for (int i = 0; i < rank; i++)
        back[perm ? sg_axis(perm[i], rank) : rank - 1 - i] = i;
    c->dx[0] = sg_ib_transpose(&c->b, c->dy[0], back, rank);
}

void sg_grad_concat(sg_grad *c)
{
    int axis = sg_axis(int_attr(c, SG_A_axis), type_of(c, c->y[0]).rank);
    int64_t at = 0;
    for (int k = 0; k < c->b.n_in; k++) {
        int64_t n = type_of(c, in(c, k)).dim[axis];
        if (c->want[k])
            c->dx[k] = sg_ib_slice(&c->b, c->dy[0], axis, at, at + n);
        at += n;
    }
}

void sg_grad_split(sg_grad *c)
{
    sg_vid all = 0;
    for (int k = 0; k < c->b.n_out; k++) {
        sg_type t = type_of(c, c->y[k]);
        if (!c->y[k]) {
            sg_grad_refuse(c, "a part of it has no name");
            return;
        }
        sg_vid v = c->dy[k] ? c->dy[k] : sg_grad_expand(c, number(c, c->y[k], 0), &t);
        all = k ? sg_ib_concat(&c->b, all, v, (int)int_attr(c, SG_A_axis)) : v;
    }
    c->dx[0] = all;
}

/* What moves elements moves their numbers just so: 1, 2, 3 ... go through the same op, which says for each result where it
 * came from, 0 where it was filled in. */
void sg_grad_move(sg_grad *c)
{
    sg_type x = type_of(c, in(c, 0)), t = {.rank = 1, .dim = {sg_d_numel(&x) + 1}};
    sg_vid ins[8] = {0};
    int n_in = c->b.n_in;
    if (n_in > 8) {
        sg_grad_refuse(c, "too many operands");
        return;
    }
    ins[0] = sg_grad_shaped(
        c,
        sg_ib_emit1(&c->b, SG_OP_RANGE,
                    SG_INS(sg_ib_const_i64(&c->b, 1), sg_ib_const_i64(&c->b, t.dim[0]), sg_ib_const_i64(&c->b, 1))),
        &x);
    for (int k = 1; k < n_in; k++) /* what is filled in is of the type of x, and now 0 */
        ins[k] = in(c, k) && type_of(c, in(c, k)).dtype != x.dtype ? in(c, k) : 0;
    while (n_in > c->op->min_in && !ins[n_in - 1])
        n_in--;
    sg_nid moved = sg_grad_again(c, ins, n_in, 1);
    sg_vid from = moved ? sg_node_out(c->b.g, moved, 0) : 0;
    c->dx[0] = sg_grad_shaped(c, sg_ib_slice(&c->b, sg_grad_add_at(c, from, c->dy[0], &t), 0, 1, t.dim[0]), &x);
}

/* data, indices, updates: what was overwritten has no part in the result. */
void sg_grad_scatter(sg_grad *c)
{
    int64_t how = int_attr(c, SG_A_reduction);
    bool rows = c->op == SG_ROW(SCATTER_ND);
    sg_type u = type_of(c, in(c, 2));
    if (how != SG_SCATTER_NONE && how != SG_SCATTER_ADD) {
        sg_grad_refuse(c, "it reduces by more than a sum");
        return;
    }
    if (c->want[0] && how == SG_SCATTER_ADD)
        c->dx[0] = c->dy[0];
    else if (c->want[0]) {
        sg_nid id = sg_grad_again(c, (sg_vid[]){c->dy[0], in(c, 1), sg_grad_expand(c, number(c, c->dy[0], 0), &u)}, 3, 1);
        c->dx[0] = id ? sg_node_out(c->b.g, id, 0) : 0;
    }
    if (c->want[2] && rows)
        c->dx[2] = sg_ib_emit1(&c->b, SG_OP_GATHER_ND, SG_INS(c->dy[0], in(c, 1)));
    else if (c->want[2])
        c->dx[2] = sg_ib_node(&c->b, SG_OP_GATHER_ELEMENTS, SG_INS(c->dy[0], in(c, 1)),
                              SG_SET({SG_A_axis, .i = int_attr(c, SG_A_axis)}));
}

/* The indices say where the values came from. */
void sg_grad_top_k(sg_grad *c)
{
    sg_type x = type_of(c, in(c, 0));
    sg_nid id = sg_grad_again(c, c->b.in, 2, 2);
    if (!id || !c->dy[0])
        return;
    sg_vid ins[3] = {sg_grad_expand(c, number(c, c->dy[0], 0), &x), sg_node_out(c->b.g, id, 1), c->dy[0]};
    c->dx[0] = sg_ib_node(&c->b, SG_OP_SCATTER_ELEMENTS, ins, 3,
                          SG_SET({SG_A_axis, .i = int_attr(c, SG_A_axis)}, {SG_A_reduction, .i = SG_SCATTER_ADD}));
}
