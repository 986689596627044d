/* What elementwise ops share: the broadcasting walk with merged axes, and known contents. */
#include "op/elementwise.h"

#include <string.h>

/* Steps of operand t in the axes of out: 0 where it repeats. False if it does not fit. */
static bool steps(const sg_tensor *out, const sg_tensor *t, int64_t *step)
{
    int64_t s = 1;
    for (int i = out->rank - 1; i >= 0; i--) {
        int j = i - (out->rank - t->rank);
        int64_t d = j < 0 ? 1 : t->dim[j];
        if (d != 1 && d != out->dim[i])
            return false;
        step[i] = d == 1 ? 0 : s;
        s *= d;
    }
    return t->rank <= out->rank;
}

/* Axis i may join the one after it when every operand runs through both without a jump. */
static bool joins(const sg_bcast *b, int last, int64_t step[3][SG_RANK_MAX], int i)
{
    for (int k = 0; k < b->n_ops; k++)
        if (step[k][i] != b->stride[k][last] * b->dim[last])
            return false;
    return true;
}

sedge_status sg_bcast_init(sg_exec *x, sg_bcast *b, const sg_tensor *out, const sg_tensor *const *t, int n)
{
    int64_t step[3][SG_RANK_MAX];
    memset(b, 0, sizeof *b);
    b->n_ops = n;
    for (int k = 0; k < n; k++)
        if (!steps(out, t[k], step[k]))
            return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "operand %d does not broadcast to the shape of the result", k);
    /* Collect merged axes from the inside out, then turn them round. */
    int m = 0;
    b->dim[0] = 1;
    for (int i = out->rank - 1; i >= 0; i--) {
        if (out->dim[i] == 1)
            continue;
        if (m && joins(b, m - 1, step, i)) {
            b->dim[m - 1] *= out->dim[i];
            continue;
        }
        b->dim[m] = out->dim[i];
        for (int k = 0; k < n; k++)
            b->stride[k][m] = step[k][i];
        m++;
    }
    b->inner = b->dim[0];
    for (int k = 0; k < n; k++)
        b->step[k] = b->stride[k][0];
    b->rank = m > 1 ? m - 1 : 0;
    b->outer = b->inner ? 1 : 0;
    for (int i = 0; i < b->rank; i++) {
        b->dim[i] = b->dim[i + 1];
        b->outer *= b->dim[i];
        for (int k = 0; k < n; k++)
            b->stride[k][i] = b->stride[k][i + 1];
    }
    return SEDGE_OK;
}

/* Axis 0 of the walk is the innermost of the outer ones. */
void sg_bcast_next(sg_bcast *b)
{
    for (int i = 0; i < b->rank; i++) {
        for (int k = 0; k < b->n_ops; k++)
            b->off[k] += b->stride[k][i];
        if (++b->idx[i] < b->dim[i])
            return;
        b->idx[i] = 0;
        for (int k = 0; k < b->n_ops; k++)
            b->off[k] -= b->stride[k][i] * b->dim[i];
    }
}

bool sg_d_nonneg(const sg_infer *c, sg_dim d)
{
    for (int depth = 0; depth < 32; depth++) {
        if (!sg_dim_is_expr(d))
            return d >= 0;
        if (!c->dims || sg_dim_expr(d) >= c->dims->n)
            return false;
        const sg_dim_node *e = &c->dims->node[sg_dim_expr(d)];
        if (e->op == SG_DIM_SYM)
            return true;
        if (e->op == SG_DIM_SUB)
            return false;
        /* All others are never negative when both operands are: go down the left, test simple rights. */
        if (sg_dim_is_expr(e->b) ? !(sg_dim_expr(e->b) < c->dims->n && c->dims->node[sg_dim_expr(e->b)].op == SG_DIM_SYM)
                                 : e->b < 0)
            return false;
        d = e->a;
    }
    return false;
}

/* Strides of input t in the output's axes. */
static void content_steps(const sg_type *out, const sg_type *t, int64_t *step)
{
    int64_t s = 1;
    for (int i = out->rank - 1; i >= 0; i--) {
        int j = i - (out->rank - t->rank);
        int64_t d = j < 0 ? 1 : t->dim[j];
        step[i] = d == 1 ? 0 : s;
        s *= d;
    }
}

void sg_content_map(sg_infer *c, int n_ops, sg_content_fn *fn)
{
    int64_t total = sg_d_numel(&c->out[0]), n, step[3][SG_RANK_MAX];
    const sg_dim *v[3];
    if (total < 0 || total > SG_CONTENT_MAX)
        return;
    for (int k = 0; k < n_ops; k++) {
        v[k] = sg_in_content(c, k, &n);
        if (!v[k])
            return;
        content_steps(&c->out[0], c->in[k], step[k]);
    }
    for (int64_t i = 0; i < total; i++) {
        sg_dim e[3];
        for (int k = 0; k < n_ops; k++) {
            int64_t off = 0, rest = i;
            for (int a = c->out[0].rank - 1; a >= 0; a--) {
                off += rest % c->out[0].dim[a] * step[k][a];
                rest /= c->out[0].dim[a];
            }
            e[k] = v[k][off];
        }
        if (!fn(c, e, &c->out_content[i]))
            return;
    }
    c->n_out_content = (int)total;
}
