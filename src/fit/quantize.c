/* The steps from a float model to an integer one. */
#include "fit/quantize.h"
#include "fit/adaround.h"
#include "run/api.h"

sedge_status sg_quantizer_open(sg_quantizer *q, sg_mem *mem, const sedge_model *model, sg_err *err)
{
    *q = (sg_quantizer){.mem = mem, .model = model, .calib = {.mem = mem}};
    q->arena.mem = mem;
    SG_EACH_NODE(model->graph, n)
    if (model->graph->node[n].op == SG_ROW(QUANTIZE) || model->graph->node[n].op == SG_ROW(QLINEAR_CONV) ||
        model->graph->node[n].op == SG_ROW(QLINEAR_MATMUL))
        return sg_fail(err, SEDGE_E_UNSUPPORTED,
                       "the model is quantized already: give the one in full precision that it was made of");
    SG_TRY(sg_quant_source(&q->source, model, &q->arena, err));
    SG_TRY(sg_quant_find(&q->sites, q->source, err));
    if (q->sites.n_weight == 0)
        return sg_fail(err, SEDGE_E_UNSUPPORTED,
                       "nothing to quantize: there is no convolution or product with constant f32 weights");
    return SEDGE_OK;
}

void sg_quantizer_close(sg_quantizer *q)
{
    sg_calib_free(&q->calib);
    sg_graph_free(q->source);
    sg_graph_free(q->learned);
    sg_arena_free(&q->arena);
}

sedge_status sg_quantizer_see(sg_quantizer *q, const sg_samples *s, size_t from, size_t to, sg_part_fn *part, void *ctx,
                              sg_err *err)
{
    return sg_calib_run(&q->calib, q->source, q->model, q->sites.watch, s, from, to, part, ctx, err);
}

/* Layers that were learned, for the progress. */
typedef struct layers {
    sg_part_fn *part;
    void *ctx;
    size_t done, all;
} layers;

static void layer_done(void *ctx, const char *name, const sg_rounded *r)
{
    layers *l = ctx;
    (void)name;
    (void)r;
    l->done++;
    if (l->part)
        l->part(l->ctx, (double)l->done / (double)(l->done < l->all ? l->all : l->done));
}

/* Multiply-adds that looking at what weights meet may take: every layer runs two graphs on each sample. */
#define LOOK_MACS 5e10

static size_t looked_at(const sg_quantizer *q, size_t n)
{
    sedge_model_info info;
    sedge_model_get_info(q->model, &info);
    const double most = LOOK_MACS / (2.0 * (double)q->sites.n_weight * (info.macs > 0 ? (double)info.macs : 1e6));
    return most >= (double)n ? n : most >= 4 ? (size_t)most : 0;
}

sedge_status sg_quantizer_learn(sg_quantizer *q, int bits, int steps, const sg_samples *s, size_t from, size_t to,
                                sg_part_fn *part, void *ctx, sg_err *err)
{
    const sg_round_how how = {.bits = bits, .steps = steps, .windows = 64, .stay = true};
    layers l = {.part = part, .ctx = ctx, .all = q->sites.n_weight};
    const size_t n = looked_at(q, to - from);
    if (n == 0)
        return SEDGE_OK;
    sg_graph *g = sg_graph_clone(q->source, &q->arena);
    if (!g)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    sg_graph_free(q->learned);
    q->learned = g;
    return sg_round_graph(g, q->source, q->model, s, from, from + n, &how, layer_done, &l, err);
}

/* What stays float has the weights that it came with. */
static void give_back(const sg_quantizer *q, sg_graph *g, const uint8_t *high)
{
    for (sg_nid n = 1; high && n < q->sites.n_node; n++)
        for (int k = 1; k < 3 && high[n] && q->sites.role[n] == SG_QUANT_WEIGHT; k++) {
            const sg_vid v = sg_node_in(q->source, n, k);
            if (v && q->source->value[v].role == SG_CONST)
                g->value[v].data = q->source->value[v].data;
        }
}

sedge_status sg_quantizer_make(sg_quantizer *q, const sg_quant_how *how, sedge_model **out, sg_quant_done *done, sg_err *err)
{
    SG_TRY(sg_model_of_graph(out, q->learned ? q->learned : q->source, q->model, err));
    if (q->learned)
        give_back(q, (*out)->graph, how->high);
    sedge_status st = sg_quant_place((*out)->graph, &q->sites, &q->calib, how, done, err);
    if (st == SEDGE_OK)
        st = sg_quant_compact((*out)->graph, err);
    if (st != SEDGE_OK)
        sedge_model_close(out);
    return st;
}

sedge_status sg_quantizer_store(sg_quantizer *q, sg_stored kind, sedge_model **out, sg_quant_done *done, sg_err *err)
{
    SG_TRY(sg_model_of_graph(out, q->learned ? q->learned : q->source, q->model, err));
    sedge_status st = sg_quant_store((*out)->graph, kind, NULL, done, err);
    if (st == SEDGE_OK)
        st = sg_quant_compact((*out)->graph, err);
    if (st != SEDGE_OK)
        sedge_model_close(out);
    return st;
}
