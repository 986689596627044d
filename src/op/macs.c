/* Multiply-adds of the ops that dominate: elements of the output times the length of the sum behind each. */
#include "op/macs.h"

static double span(const sg_type *t, int from, int to)
{
    double n = 1;
    for (int i = from; i < to && i < t->rank; i++)
        n *= sg_dim_is_expr(t->dim[i]) ? 1.0 : (double)t->dim[i];
    return n;
}

static double numel(const sg_type *t)
{
    return span(t, 0, t->rank);
}

double sg_op_macs(const sg_op *op, sg_attrs attrs, const sg_type *const *in, int n_in, const sg_type *out)
{
    const sg_type *a = n_in > 0 ? in[0] : NULL, *b = n_in > 1 ? in[1] : NULL, *w = n_in > 3 ? in[3] : NULL;
    if (!a || !b || !out)
        return 0;
    if (op == SG_ROW(CONV) || op == SG_ROW(CONV_INTEGER))
        return numel(out) * span(b, 1, b->rank);
    if (op == SG_ROW(CONV_TRANSPOSE))
        return numel(a) * span(b, 1, b->rank);
    if (op == SG_ROW(QLINEAR_CONV) && w)
        return numel(out) * span(w, 1, w->rank);
    if (op == SG_ROW(GEMM) && a->rank == 2)
        return numel(out) * (sg_get_int(attrs, SG_A_transA) ? span(a, 0, 1) : span(a, 1, 2));
    if ((op == SG_ROW(MATMUL) || op == SG_ROW(MATMUL_INTEGER) || op == SG_ROW(QLINEAR_MATMUL)) && a->rank > 0)
        return numel(out) * span(a, a->rank - 1, a->rank);
    return 0;
}
