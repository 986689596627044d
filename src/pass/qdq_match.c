/* Reading Quantize and Dequantize nodes with constant parameters. */
#include "pass/qdq.h"

#include <math.h>

static bool is_const(const sg_graph *g, sg_vid v)
{
    return g->value[v].role == SG_CONST && g->value[v].data && g->value[v].type.rank >= 0;
}

static bool is_tensor(const sg_graph *g, sg_vid v, sg_dtype t)
{
    return v && g->value[v].type.kind == SG_TENSOR && g->value[v].type.dtype == t;
}

/* The parameters in operands 1 and 2 of node n: finite positive f32 scales, one zero point each. */
static bool parameters(const sg_graph *g, sg_nid n, const sg_type *t, sg_qdq *d)
{
    sg_attrs a = {g->node[n].attr, g->node[n].n_attr};
    d->node = n;
    d->scale = sg_node_in(g, n, 1);
    d->zero = sg_node_in(g, n, 2);
    if (sg_get_int(a, SG_A_block_size) != 0 || !is_tensor(g, d->scale, SG_F32) || !is_const(g, d->scale))
        return false;
    d->n = sg_d_numel(&g->value[d->scale].type);
    d->axis = t->rank > 0 ? sg_axis(sg_get_int(a, SG_A_axis), t->rank) : -1;
    if (d->n < 1 || (d->n > 1 && (d->axis < 0 || t->dim[d->axis] != d->n || g->value[d->scale].type.rank != 1)))
        return false;
    if (d->zero && (!is_const(g, d->zero) || !is_tensor(g, d->zero, d->dtype) || sg_d_numel(&g->value[d->zero].type) != d->n))
        return false;
    for (int64_t i = 0; i < d->n; i++) {
        double s = sg_qdq_scale(g, d, i);
        if (!(s > 0) || !isfinite(s))
            return false;
    }
    return true;
}

bool sg_qdq_reader(const sg_graph *g, sg_vid v, sg_qdq *d)
{
    *d = (sg_qdq){0};
    if (!is_tensor(g, v, SG_F32) || g->value[v].role != SG_COMPUTED || g->node[g->value[v].def].op != SG_ROW(DEQUANTIZE))
        return false;
    d->q = sg_node_in(g, g->value[v].def, 0);
    d->dtype = (sg_dtype)g->value[d->q].type.dtype;
    return (sg_q_is_8bit(d->dtype) || d->dtype == SG_I32) && parameters(g, g->value[v].def, &g->value[d->q].type, d);
}

bool sg_qdq_writer(const sg_graph *g, sg_nid n, sg_qdq *d)
{
    *d = (sg_qdq){0};
    if (g->node[n].op != SG_ROW(QUANTIZE) || !is_tensor(g, sg_node_in(g, n, 0), SG_F32) || !sg_node_out(g, n, 0))
        return false;
    int64_t precision = sg_get_int((sg_attrs){g->node[n].attr, g->node[n].n_attr}, SG_A_precision);
    d->q = sg_node_out(g, n, 0);
    d->dtype = (sg_dtype)g->value[d->q].type.dtype;
    return sg_q_is_8bit(d->dtype) && (precision == 0 || precision == SG_F32) && parameters(g, n, &g->value[d->q].type, d) &&
           d->n == 1;
}

double sg_qdq_scale(const sg_graph *g, const sg_qdq *d, int64_t i)
{
    return sg_load_f64(SG_F32, g->value[d->scale].data, (size_t)(d->n == 1 ? 0 : i));
}

int32_t sg_qdq_zero(const sg_graph *g, const sg_qdq *d, int64_t i)
{
    return d->zero ? (int32_t)sg_load_i64(d->dtype, g->value[d->zero].data, (size_t)(d->n == 1 ? 0 : i)) : 0;
}

bool sg_qdq_same(const sg_graph *g, const sg_qdq *a, const sg_qdq *b)
{
    return a->n == 1 && b->n == 1 && a->dtype == b->dtype && sg_qdq_scale(g, a, 0) == sg_qdq_scale(g, b, 0) &&
           sg_qdq_zero(g, a, 0) == sg_qdq_zero(g, b, 0);
}

bool sg_qdq_sole(const sg_graph *g, sg_vid v)
{
    for (size_t k = 0; k < g->n_output; k++)
        if (g->output[k] == v)
            return false;
    return g->value[v].n_uses == 1;
}

sg_vid sg_qdq_zero_value(sg_graph *g, const sg_qdq *d)
{
    return d->zero ? d->zero : sg_const_f64(g, d->dtype, 0);
}
