/* Learned rounding of a graph: layer after layer, each on what it gets from those that are rounded already. */
#include <math.h>
#include <string.h>

#include "fit/adaround.h"
#include "fit/quant.h"
#include "import/build.h"
#include "pass/pass.h"

/* A layer's weights in the order [rows][k], whatever that of the file. */
typedef struct weights {
    sg_vid w, bias;
    bool turned; /* the file has [k][rows] */
    int64_t rows, k, block; /* block: inputs that share a scale */
    float *v, *step; /* [rows][k]; the scale of each */
    int8_t *q;
} weights;

static int64_t place(const weights *w, int64_t row, int64_t i)
{
    return w->turned ? i * w->rows + row : row * w->k + i;
}

/* The scale of some weights: of that where nothing is clipped and some below, the one of the least squared error. */
static float choose_scale(const float *v, int64_t k, int most)
{
    double top = 0, best = HUGE_VAL;
    float scale = 1;
    for (int64_t i = 0; i < k; i++)
        top = fabs((double)v[i]) > top ? fabs((double)v[i]) : top;
    for (int part = 100; part >= 40 && top > 0x1p-100; part -= 2) {
        const float s = (float)(top * part / 100 / most);
        double e = 0;
        for (int64_t i = 0; i < k; i++) {
            const double d = fmin(fmax(nearbyint((double)v[i] / (double)s), -most), most) * (double)s - (double)v[i];
            e += d * d;
        }
        if (e < best) {
            best = e;
            scale = s;
        }
    }
    return scale;
}

static sedge_status read(weights *w, const sg_graph *g, sg_nid n, const sg_round_how *how, sg_arena *arena, sg_err *err)
{
    const sg_node *node = &g->node[n];
    const sg_attrs a = {node->attr, node->n_attr};
    *w = (weights){.w = sg_node_in(g, n, 1), .bias = node->op == SG_ROW(MATMUL) ? SG_NONE_ID : sg_node_in(g, n, 2)};
    const sg_value *v = &g->value[w->w];
    const int64_t all = sg_d_numel(&v->type);
    w->turned = node->op != SG_ROW(CONV) && !(node->op == SG_ROW(GEMM) && sg_get_int(a, SG_A_transB));
    w->rows = v->type.dim[w->turned ? 1 : 0];
    w->k = w->rows ? all / w->rows : 0;
    w->v = sg_arena_array(arena, 2 * (size_t)all + 1, sizeof(float));
    w->q = sg_arena_array(arena, (size_t)all + 1, 1);
    if (!w->v || !w->q)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    w->step = w->v + all;
    const int64_t block = how->stay && how->bits == 4 ? sg_quant_block(g, n) : 0;
    w->block = block ? block : w->k;
    for (int64_t row = 0; row < w->rows; row++) {
        float *own = w->v + row * w->k;
        for (int64_t i = 0; i < w->k; i++)
            own[i] = (float)sg_load_f64(SG_F32, v->data, (size_t)place(w, row, i));
        for (int64_t i = 0; i < w->k; i++)
            w->step[row * w->k + i] = i % w->block ? w->step[row * w->k + i - 1]
                                                   : choose_scale(own + i, i + w->block < w->k ? w->block : w->k - i,
                                                                  (1 << (how->bits - 1)) - 1);
    }
    return SEDGE_OK;
}

/* What the rounded weights make of the mean, less what the layer made of it in float. */
static void correct(const weights *w, const sg_covariance *m, float *bias)
{
    for (int64_t row = 0; row < w->rows; row++) {
        double sum = 0;
        for (int64_t i = 0; i < w->k; i++) {
            const int64_t at = row * w->k + i, x = row / m->rows * w->k + i;
            sum += (double)w->q[at] * (double)w->step[at] * m->mean[x] - (double)w->v[at] * m->mean_x[x];
        }
        bias[row] = (float)((double)bias[row] - sum);
    }
}

static sg_vid stored(sg_ib *b, const weights *w, int bits)
{
    const sg_type t = *sg_ib_type(b, w->w);
    const sg_dtype dtype = bits <= 4 ? SG_I4 : SG_I8;
    const size_t all = (size_t)(w->rows * w->k);
    void *q = sg_arena_array(b->arena, sg_dtype_bytes(dtype, all) + 1, 1);
    float *scale = sg_arena_array(b->arena, (size_t)w->rows + 1, sizeof *scale);
    if (!q || !scale) {
        sg_fail(b->err, SEDGE_E_NOMEM, "out of memory");
        return 0;
    }
    for (int64_t row = 0; row < w->rows; row++)
        scale[row] = w->step[row * w->k];
    for (int64_t row = 0; row < w->rows; row++)
        for (int64_t i = 0; i < w->k; i++)
            sg_store_i64(dtype, q, (size_t)place(w, row, i), w->q[row * w->k + i]);
    sg_vid in[2] = {sg_const_new(b->g, dtype, t.rank, t.dim, q, b->g->value[w->w].name),
                    sg_const_new(b->g, SG_F32, 1, &w->rows, scale, NULL)};
    return sg_ib_node(b, SG_OP_DEQUANTIZE, in, 2, SG_SET({SG_A_axis, .i = w->turned ? 1 : 0}));
}

/* The same constants with other bytes: values keep their numbers, and who knows something by number still knows it. */
static sedge_status stay(sg_graph *g, const weights *w, const float *bias, sg_err *err)
{
    float *v = sg_arena_array(g->arena, (size_t)(w->rows * w->k) + 1, sizeof *v);
    if (!v)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    for (int64_t row = 0; row < w->rows; row++)
        for (int64_t i = 0; i < w->k; i++)
            v[place(w, row, i)] = (float)w->q[row * w->k + i] * w->step[row * w->k + i];
    g->value[w->w].data = v;
    if (bias)
        g->value[w->bias].data = bias;
    return SEDGE_OK;
}

static sedge_status store(sg_graph *g, sg_nid n, const weights *w, const float *bias, int bits, sg_err *err)
{
    sg_ib b = {.g = g, .err = err, .arena = g->arena, .before = n};
    sg_vid v = stored(&b, w, bits);
    if (!v)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    sg_node_set_in(g, n, 1, v);
    if (!bias)
        return SEDGE_OK;
    const sg_type t = g->value[w->bias].type;
    sg_vid c = sg_const_new(g, SG_F32, t.rank, t.dim, bias, g->value[w->bias].name);
    if (!c)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    sg_node_set_in(g, n, 2, c);
    return SEDGE_OK;
}

/* Rounded weights and the corrected bias take their places. */
static sedge_status put(sg_graph *g, sg_nid n, const weights *w, const sg_covariance *m, const sg_round_how *how, sg_err *err)
{
    const sg_value *was = &g->value[w->bias];
    float *bias = NULL;
    if (w->bias && was->data && was->n_uses == 1 && was->type.dtype == SG_F32 && sg_d_numel(&was->type) == w->rows) {
        bias = sg_arena_array(g->arena, (size_t)w->rows + 1, sizeof *bias);
        if (!bias)
            return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
        for (int64_t row = 0; row < w->rows; row++)
            bias[row] = (float)sg_load_f64(SG_F32, was->data, (size_t)row);
        correct(w, m, bias);
    }
    return how->stay ? stay(g, w, bias, err) : store(g, n, w, bias, how->bits, err);
}

static sedge_status round_layer(sg_graph *g, const sg_graph *source, sg_nid n, const sedge_model *like, const sg_samples *s,
                                size_t from, size_t to, const sg_round_how *how, sg_rounded *out, sg_err *err)
{
    sg_arena arena = {.mem = g->mem}; /* of one layer: covariances are large */
    weights w;
    sg_covariance m;
    sedge_status st = read(&w, source, n, how, &arena, err);
    if (st == SEDGE_OK)
        st = sg_covariance_look(&m, n, source, g, like, s, from, to, how->windows, &arena, err);
    const sg_rounding r = {
        .w = w.v, .step = w.step, .lo = -(1 << (how->bits - 1)) + 1, .hi = (1 << (how->bits - 1)) - 1, .steps = how->steps};
    if (st == SEDGE_OK)
        st = sg_round_learn(&m, &r, w.q, out, &arena, err);
    if (st == SEDGE_OK)
        st = put(g, n, &w, &m, how, err);
    sg_arena_free(&arena);
    return st;
}

static bool fits(const sg_graph *g, sg_nid n)
{
    const sg_value *w = &g->value[sg_node_in(g, n, 1)];
    const sg_attrs a = {g->node[n].attr, g->node[n].n_attr};
    const bool by_row = g->node[n].op == SG_ROW(CONV) || (g->node[n].op == SG_ROW(GEMM) && sg_get_int(a, SG_A_transB));
    const int64_t rows = w->type.dim[by_row ? 0 : 1];
    return w->n_uses == 1 && rows > 0 && sg_d_numel(&w->type) / rows <= SG_ROUND_INPUTS;
}

sedge_status sg_round_graph(sg_graph *g, const sg_graph *source, const sedge_model *like, const sg_samples *s, size_t from,
                            size_t to, const sg_round_how *how, sg_round_fn *each, void *ctx, sg_err *err)
{
    if (how->bits < 2 || how->bits > 8)
        return sg_fail(err, SEDGE_E_VALUE, "weights of %d bits: 2 to 8 can be had", how->bits);
    SG_EACH_NODE(source, n)
    {
        sg_rounded r;
        const char *name = source->node[n].name;
        if (!sg_quant_has_weights(source, n) || (how->high && how->high[n]) || !fits(source, n))
            continue;
        sedge_status st = round_layer(g, source, n, like, s, from, to, how, &r, err);
        if (st != SEDGE_OK) {
            sg_err_where(err, "%s", name ? name : "a layer");
            return st;
        }
        if (each)
            each(ctx, name ? name : "", &r);
    }
    return sg_verify(g, err);
}
