/* What several rules use: sums over what was broadcast, shapes, elements added up at indices. */
#include "grad/rule.h"

#include <string.h>

#include "op/index.h"

void sg_grad_refuse(sg_grad *c, const char *why)
{
    sg_fail(c->b.err, SEDGE_E_UNSUPPORTED, "no gradient: %s", why);
}

static bool same_dims(const sg_type *a, const sg_type *b)
{
    return a->rank == b->rank && memcmp(a->dim, b->dim, (size_t)a->rank * sizeof *a->dim) == 0;
}

sg_vid sg_grad_shaped(sg_grad *c, sg_vid v, const sg_type *t)
{
    sg_type own = type_of(c, v);
    if (!v || same_dims(&own, t))
        return v;
    return sg_ib_node(&c->b, SG_OP_RESHAPE, SG_INS(v, sg_ib_const_i64s(&c->b, t->dim, t->rank)),
                      SG_SET({SG_A_allowzero, .i = 1}));
}

sg_vid sg_grad_expand(sg_grad *c, sg_vid v, const sg_type *t)
{
    sg_type own = type_of(c, v);
    return !v || same_dims(&own, t) ? v : sg_ib_list(&c->b, SG_OP_EXPAND, v, t->dim, t->rank);
}

sg_vid sg_grad_reduce(sg_grad *c, int kind, sg_vid v, uint32_t axes)
{
    int64_t list[SG_RANK_MAX];
    int n = 0, rank = type_of(c, v).rank;
    for (int i = 0; i < rank; i++)
        if (axes >> i & 1)
            list[n++] = i;
    if (!n)
        return v;
    return sg_ib_node(&c->b, SG_OP_REDUCE, SG_INS(v, sg_ib_const_i64s(&c->b, list, n)),
                      SG_SET({SG_A_kind, .i = kind}, {SG_A_keepdims, .i = 1}));
}

sg_vid sg_grad_sum_to(sg_grad *c, sg_vid v, const sg_type *t)
{
    sg_type own = type_of(c, v);
    uint32_t axes = 0;
    int lead = own.rank - t->rank;
    for (int i = 0; i < own.rank; i++)
        if (i < lead || (t->dim[i - lead] == 1 && own.dim[i] != 1))
            axes |= 1u << i;
    return sg_grad_shaped(c, sg_grad_reduce(c, SG_REDUCE_SUM, v, axes), t);
}

sg_vid sg_grad_crop(sg_grad *c, sg_vid v, const sg_type *t, int first)
{
    for (int i = first; v && i < t->rank; i++)
        if (type_of(c, v).dim[i] != t->dim[i])
            v = sg_ib_slice(&c->b, v, i, 0, t->dim[i]);
    return v;
}

sg_vid sg_grad_per_channel(sg_grad *c, sg_vid v, int axis, int rank)
{
    sg_type t = type_of(c, v), to = {.rank = (int8_t)rank};
    for (int i = 0; i < rank; i++)
        to.dim[i] = i == axis ? sg_d_numel(&t) : 1;
    return sg_grad_shaped(c, v, &to);
}

sg_vid sg_grad_add_at(sg_grad *c, sg_vid index, sg_vid v, const sg_type *t)
{
    int64_t n = sg_d_numel(t), all = -1;
    sg_vid in[3] = {sg_ib_list(&c->b, SG_OP_EXPAND, number(c, v, 0), &n, 1), sg_ib_reshape(&c->b, index, &all, 1),
                    sg_ib_reshape(&c->b, v, &all, 1)};
    sg_vid sum = sg_ib_node(&c->b, SG_OP_SCATTER_ELEMENTS, in, 3,
                            SG_SET({SG_A_axis, .i = 0}, {SG_A_reduction, .i = SG_SCATTER_ADD}));
    return sg_grad_shaped(c, sum, t);
}

sg_nid sg_grad_again(sg_grad *c, const sg_vid *ins, int n_in, int n_out)
{
    sg_nid id = sg_ib_emit_op(&c->b, c->op, ins, n_in, n_out);
    if (!id)
        return 0;
    c->b.g->node[id].attr = c->b.g->node[c->node].attr;
    return sg_ib_done(&c->b, id) == SEDGE_OK ? id : 0;
}
