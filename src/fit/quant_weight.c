/* Weights as signed bytes with a scale for each channel, biases as 32-bit integers. */
#include <math.h>
#include <string.h>

#include "fit/quant.h"
#include "op/quant.h"
#include "pass/match.h"

/* A node's weights: channel c of them is the elements c * outer + i * inner. */
typedef struct rows {
    sg_vid w, bias;
    int axis;
    int64_t channels, per; /* elements of a channel */
    int64_t step, stride;  /* between channels; between the elements of one */
    int64_t of_x;          /* elements of a channel that go with one channel of x */
    int64_t group;         /* channels of the result in a group */
    int64_t x_channels;    /* of x in a group */
} rows;

static rows rows_of(const sg_graph *g, sg_nid n)
{
    const sg_attrs a = {g->node[n].attr, g->node[n].n_attr};
    rows r = {.w = sg_node_in(g, n, 1), .bias = g->node[n].op == SG_ROW(MATMUL) ? SG_NONE_ID : sg_node_in(g, n, 2)};
    const sg_type *t = &g->value[r.w].type;
    const int64_t all = sg_d_numel(t);
    const bool conv = g->node[n].op == SG_ROW(CONV);
    r.axis = conv || (g->node[n].op == SG_ROW(GEMM) && sg_get_int(a, SG_A_transB)) ? 0 : 1;
    r.channels = t->dim[r.axis];
    r.per = r.channels ? all / r.channels : 0;
    r.step = r.axis == 0 ? r.per : 1;
    r.stride = r.axis == 0 ? 1 : r.channels;
    r.x_channels = conv ? t->dim[1] : r.per;
    r.of_x = r.x_channels ? r.per / r.x_channels : 0;
    r.group = conv ? r.channels / sg_get_int(a, SG_A_group) : r.channels;
    return r;
}

/* What is made for the constants of one node. */
typedef struct made {
    float *w; /* as they were */
    int8_t *q;
    float *scale, *bias_scale;
    int8_t *zero;  /* zeros, which other engines want to see */
    double *bias;
    int32_t *q_bias;
} made;

static bool make_room(sg_arena *a, const rows *r, made *m)
{
    const size_t n = (size_t)r->channels, all = n * (size_t)r->per;
    m->w = sg_arena_array(a, all + 1, sizeof *m->w);
    m->q = sg_arena_array(a, all + 1, 1);
    m->scale = sg_arena_array(a, n + 1, sizeof *m->scale);
    m->bias_scale = sg_arena_array(a, n + 1, sizeof *m->bias_scale);
    m->zero = sg_arena_array(a, n + 1, 1);
    m->bias = sg_arena_array(a, n + 1, sizeof *m->bias);
    m->q_bias = sg_arena_array(a, n + 1, sizeof *m->q_bias);
    return m->w && m->q && m->scale && m->bias_scale && m->zero && m->bias && m->q_bias;
}

static double largest(const made *m, const rows *r, int64_t c)
{
    double most = 0;
    for (int64_t i = 0; i < r->per; i++) {
        const double a = fabs((double)m->w[c * r->step + i * r->stride]);
        most = a > most ? a : most;
    }
    return isfinite(most) ? most : 0;
}

/* The scale of a channel: its largest weight is 127. One of zeros, or of weights so small beside the others that nothing of them is left in
 * the sum, has that of 2^-24 of the largest; none is so small that the accumulator could not hold the bias beside the sum. */
static void choose_scales(made *m, const rows *r, double x_scale, sg_quant_done *done)
{
    double all = 0;
    for (int64_t c = 0; c < r->channels; c++)
        all = fmax(all, largest(m, r, c));
    if (!(all > 0))
        all = 127;
    const double room = INT32_MAX - 255.0 * 127.0 * (double)r->per - 1;
    for (int64_t c = 0; c < r->channels; c++) {
        double s = fmax(largest(m, r, c), all * 0x1p-24) / 127;
        const double for_bias = fabs(m->bias[c]) / (x_scale * room * 0.5);
        if (for_bias > s) {
            s = for_bias;
            done->raised++;
        }
        s = fmax(s, 0x1p-100 / x_scale); /* products of scales stay normal numbers */
        m->scale[c] = (float)s;
    }
}

static void round_weights(made *m, const rows *r)
{
    for (int64_t c = 0; c < r->channels; c++)
        for (int64_t i = 0; i < r->per; i++) {
            const int64_t at = c * r->step + i * r->stride;
            m->q[at] = (int8_t)sg_q_round(m->w[at] / m->scale[c], 0, -127, 127);
        }
}

/* The mean of x times what rounding changed, for each channel of the result: Nagel et al. 2019, section 4.2. */
static void correct(made *m, const rows *r, const double *mean)
{
    for (int64_t c = 0; c < r->channels; c++) {
        double sum = 0;
        for (int64_t i = 0; i < r->per; i++) {
            const int64_t at = c * r->step + i * r->stride, x = c / r->group * r->x_channels + i / r->of_x;
            sum += ((double)m->q[at] * m->scale[c] - m->w[at]) * mean[x];
        }
        m->bias[c] -= sum;
    }
}

static void round_bias(made *m, const rows *r, double x_scale)
{
    const double most = INT32_MAX - 255.0 * 127.0 * (double)r->per - 1;
    for (int64_t c = 0; c < r->channels; c++) {
        m->bias_scale[c] = (float)(x_scale * m->scale[c]);
        const double q = m->bias[c] / (x_scale * m->scale[c]);
        m->q_bias[c] = (int32_t)sg_q_rne(fmin(fmax(q, -most), most));
    }
}

static sg_vid dequantized(sg_graph *g, sg_nid before, const sg_vid *in, int n_in, int axis, sg_err *err)
{
    sg_nid n = in[0] && in[1] && in[n_in - 1] ? sg_node_new(g, SG_ROW(DEQUANTIZE), in, n_in, 1, before) : 0;
    if (!n || !sg_set_int(g, n, SG_A_axis, axis) || sg_infer_node(g, n, err) != SEDGE_OK)
        return SG_NONE_ID;
    return g->node[n].out[0];
}

static sg_vid weights_value(sg_graph *g, sg_nid n, const rows *r, const made *m, sg_err *err)
{
    const sg_type *t = &g->value[r->w].type;
    int64_t dim[SG_RANK_MAX];
    memcpy(dim, t->dim, sizeof dim);
    const sg_vid q = sg_const_new(g, SG_I8, t->rank, dim, m->q, g->value[r->w].name);
    const sg_vid in[3] = {q, sg_const_new(g, SG_F32, 1, &r->channels, m->scale, NULL),
                          sg_const_new(g, SG_I8, 1, &r->channels, m->zero, NULL)};
    return dequantized(g, n, in, 3, r->axis, err);
}

static sg_vid bias_value(sg_graph *g, sg_nid n, const rows *r, const made *m, sg_err *err)
{
    const sg_vid q = sg_const_new(g, SG_I32, 1, &r->channels, m->q_bias, r->bias ? g->value[r->bias].name : NULL);
    const sg_vid in[2] = {q, sg_const_new(g, SG_F32, 1, &r->channels, m->bias_scale, NULL)};
    return dequantized(g, n, in, 2, 0, err);
}

static sedge_status put(sg_graph *g, sg_nid n, const rows *r, const made *m, bool with_bias, sg_err *err)
{
    sg_vid in[3] = {sg_node_in(g, n, 0), weights_value(g, n, r, m, err), SG_NONE_ID};
    sg_nid by = 0;
    if (with_bias)
        in[2] = bias_value(g, n, r, m, err);
    if (!in[1] || (with_bias && !in[2]))
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    if (!with_bias || g->node[n].n_in > 2) {
        sg_node_set_in(g, n, 1, in[1]);
        if (with_bias)
            sg_node_set_in(g, n, 2, in[2]);
        return SEDGE_OK;
    }
    const char *name = g->value[g->node[n].out[0]].name;
    SG_TRY(sg_make_like(g, n, n, in, 3, &by, err));
    g->node[by].source = g->node[n].source;
    g->value[g->node[by].out[0]].name = name;
    sg_value_replace(g, g->node[n].out[0], g->node[by].out[0]);
    sg_node_delete(g, n);
    return SEDGE_OK;
}

sedge_status sg_quant_weights(sg_graph *g, sg_nid n, double x_scale, const double *mean, sg_quant_done *done, sg_err *err)
{
    const rows r = rows_of(g, n);
    made m;
    if (!make_room(g->arena, &r, &m))
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    memcpy(m.w, g->value[r.w].data, (size_t)(r.channels * r.per) * sizeof *m.w);
    for (int64_t c = 0; r.bias && c < r.channels; c++)
        m.bias[c] = sg_load_f64(SG_F32, g->value[r.bias].data, (size_t)c);
    choose_scales(&m, &r, x_scale, done);
    round_weights(&m, &r);
    const bool corrected = mean && g->node[n].op != SG_ROW(MATMUL);
    if (corrected)
        correct(&m, &r, mean);
    round_bias(&m, &r, x_scale);
    done->layers++;
    done->weights += (double)(r.channels * r.per);
    return put(g, n, &r, &m, r.bias || corrected, err);
}
