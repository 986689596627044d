/* New weights: computed in double, rounded once. */
#include "pass/affine.h"

#include <math.h>
#include <stdlib.h>

/* Weights of `outer` runs of `inner` elements; run r belongs to channel r % outer_channels, or, with `last`, element i of
 * every run to channel i. */
typedef struct layout {
    int64_t runs, inner, channels, per_group, in_group; /* in_group: conv_transpose's input channels of a group, else 0 */
    bool last;
} layout;

static bool is_weights(const sg_graph *g, sg_vid v)
{
    return v && g->value[v].role == SG_CONST && g->value[v].data && g->value[v].type.dtype == SG_F32 &&
           g->value[v].type.rank >= 2;
}

static bool read_layout(const sg_graph *g, sg_nid n, layout *l)
{
    const sg_op *op = g->node[n].op;
    sg_vid w = sg_node_in(g, n, 1);
    if (!is_weights(g, w))
        return false;
    const sg_type *t = sg_vtype(g, w);
    *l = (layout){.runs = t->dim[0], .channels = t->dim[0], .inner = 1};
    for (int i = 1; i < t->rank; i++)
        l->inner *= t->dim[i];
    if (op == SG_ROW(CONV))
        return true;
    if (op == SG_ROW(CONV_TRANSPOSE)) {
        int64_t group = sg_node_int(g, n, SG_A_group);
        if (group < 1 || t->dim[0] % group || !t->dim[0] || !t->dim[1])
            return false;
        l->per_group = t->dim[1];
        l->in_group = t->dim[0] / group;
        l->channels = t->dim[1] * group;
        l->runs = t->dim[0] * t->dim[1];
        l->inner /= t->dim[1];
        return true;
    }
    if (op != SG_ROW(GEMM) || t->rank != 2)
        return false;
    l->last = !sg_node_int(g, n, SG_A_transB);
    l->channels = t->dim[l->last];
    return true;
}

static int64_t channel_of(const layout *l, int64_t run)
{
    return l->in_group ? run / l->per_group / l->in_group * l->per_group + run % l->per_group : run;
}

/* A bias that is absent, one number, or one a channel. */
static bool bias_fits(const sg_graph *g, sg_nid n, const layout *l)
{
    sg_vid b = sg_node_in(g, n, 2);
    const sg_value *v = &g->value[b];
    if (!b)
        return true;
    if (v->role != SG_CONST || !v->data || v->type.dtype != SG_F32 || v->type.rank > 2)
        return false;
    if (g->node[n].op == SG_ROW(GEMM) && sg_node_float(g, n, SG_A_beta) != 1)
        return false;
    int64_t count = sg_d_numel(&v->type);
    return count == 1 || (count == l->channels && v->type.dim[v->type.rank - 1] == count);
}

int64_t sg_affine_channels(const sg_graph *g, sg_nid n)
{
    layout l;
    return read_layout(g, n, &l) && bias_fits(g, n, &l) ? l.channels : -1;
}

static bool scale_weights(const layout *l, const void *from, const double *scale, float *to)
{
    bool finite = true;
    for (int64_t r = 0; r < l->runs; r++)
        for (int64_t i = 0; i < l->inner; i++) {
            int64_t at = r * l->inner + i;
            to[at] = (float)(sg_load_f64(SG_F32, from, (size_t)at) * scale[l->last ? i : channel_of(l, r)]);
            finite = finite && isfinite(to[at]);
        }
    return finite;
}

static bool shift_bias(const sg_graph *g, sg_vid bias, int64_t n, const double *scale, const double *shift, float *to)
{
    bool finite = true;
    bool one = bias && sg_d_numel(sg_vtype(g, bias)) == 1;
    for (int64_t c = 0; c < n; c++) {
        double b = bias ? sg_load_f64(SG_F32, g->value[bias].data, one ? 0 : (size_t)c) : 0;
        to[c] = (float)(b * scale[c] + shift[c]);
        finite = finite && isfinite(to[c]);
    }
    return finite;
}

sedge_status sg_affine_into(sg_graph *g, sg_nid root, sg_nid n, const double *scale, const double *shift, sg_nid *by, sg_err *err)
{
    layout l;
    sg_vid w = sg_node_in(g, n, 1);
    if (!read_layout(g, n, &l))
        return SEDGE_OK;
    float *weights = sg_arena_array(g->arena, (size_t)(l.runs * l.inner), sizeof *weights);
    float *bias = sg_arena_array(g->arena, (size_t)l.channels, sizeof *bias);
    if (!weights || !bias)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    if (!scale_weights(&l, g->value[w].data, scale, weights) ||
        !shift_bias(g, sg_node_in(g, n, 2), l.channels, scale, shift, bias))
        return SEDGE_OK;
    sg_type t = *sg_vtype(g, w);
    const sg_vid in[3] = {sg_node_in(g, n, 0), sg_const_new(g, SG_F32, t.rank, t.dim, weights, g->value[w].name),
                          sg_const_new(g, SG_F32, 1, &l.channels, bias, NULL)};
    if (!in[1] || !in[2])
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    SG_TRY(sg_make_like(g, root, n, in, 3, by, err));
    g->node[*by].name = g->node[n].name;
    g->node[*by].source = g->node[n].source;
    return SEDGE_OK;
}
