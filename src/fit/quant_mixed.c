/* Mixed precision: which tensors cost most when they are integers, measured once, by leaving out one at a time. A tensor stays float only
 * if what makes it and what reads it does: a range that no scale fits is the fault of neither alone. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fit/quantize.h"
#include "run/api.h"

typedef struct rank_row {
    sg_vid value;
    double gain; /* share of the noise that goes when the tensor stays float */
} rank_row;

static void keep_readers(const sg_quantizer *q, sg_vid v, uint8_t *high)
{
    const sg_graph *g = q->source;
    for (uint32_t u = g->value[v].uses; u; u = g->operand[u].next) {
        const sg_nid n = g->operand[u].node;
        const uint8_t role = q->sites.role[n];
        if (role == SG_QUANT_FLOAT || role == SG_QUANT_CLAMP || high[n])
            continue;
        high[n] = 1;
        if (role == SG_QUANT_MOVE)
            keep_readers(q, g->node[n].out[0], high);
    }
}

/* What makes v, before clamps, and what reads it, behind moves. */
static void keep_around(const sg_quantizer *q, sg_vid v, uint8_t *high)
{
    const sg_graph *g = q->source;
    keep_readers(q, v, high);
    while (g->value[v].role == SG_COMPUTED && q->sites.role[g->value[v].def] == SG_QUANT_CLAMP)
        v = sg_node_in(g, g->value[v].def, 0);
    if (g->value[v].role == SG_COMPUTED && q->sites.role[g->value[v].def] != SG_QUANT_FLOAT)
        high[g->value[v].def] = 1;
}

/* Values that are quantized and not merely moved or about to be clamped. */
static bool is_choice(const sg_quantizer *q, sg_vid v)
{
    const sg_graph *g = q->source;
    const sg_value *val = &g->value[v];
    if (!q->sites.watch[v] || (val->role == SG_COMPUTED && q->sites.role[val->def] == SG_QUANT_MOVE))
        return false;
    return !(val->n_uses == 1 && q->sites.role[g->operand[val->uses].node] == SG_QUANT_CLAMP);
}

/* Noise of the outputs against those wanted, in units of their power. */
static sedge_status noise_of(sg_quantizer *q, const sg_quant_how *how, const sg_samples *s, size_t from, size_t to,
                             const sg_outputs *want, double *noise, sg_err *err)
{
    sg_outputs got = {.mem = q->mem};
    sedge_model *m = NULL;
    sg_quant_done done;
    sedge_status st = sg_quantizer_make(q, how, &m, &done, err);
    if (st == SEDGE_OK)
        st = sg_outputs_run(&got, m, s, from, to, NULL, NULL, NULL, err);
    if (st == SEDGE_OK)
        *noise = pow(10, -sg_outputs_compare(want, &got).snr_db / 10);
    sg_outputs_free(&got);
    sedge_model_close(&m);
    return st;
}

static int by_gain(const void *a, const void *b)
{
    const rank_row *x = a, *y = b;
    return x->gain != y->gain ? (x->gain < y->gain) - (x->gain > y->gain) : (x->value > y->value) - (x->value < y->value);
}

sedge_status sg_mixed_rank(sg_mixed *m, sg_quantizer *q, const sg_quant_how *how, const sg_samples *s, size_t from, size_t to,
                           sg_part_fn *part, void *ctx, sg_err *err)
{
    sg_outputs want = {.mem = q->mem};
    double all = 0;
    size_t n = 0;
    sg_quant_how one = *how;
    *m = (sg_mixed){.n = 0};
    for (sg_vid v = 1; v < q->sites.n_value; v++)
        m->n += is_choice(q, v);
    rank_row *row = sg_arena_array(&q->arena, m->n + 1, sizeof *row);
    uint8_t *high = sg_arena_alloc(&q->arena, q->sites.n_node);
    m->value = sg_arena_array(&q->arena, m->n + 1, sizeof *m->value);
    m->gain = sg_arena_array(&q->arena, m->n + 1, sizeof *m->gain);
    if (!row || !high || !m->value || !m->gain)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    one.high = high;
    sedge_status st = sg_outputs_run(&want, q->model, s, from, to, NULL, NULL, NULL, err);
    if (st == SEDGE_OK)
        st = noise_of(q, &one, s, from, to, &want, &all, err);
    for (sg_vid v = 1; st == SEDGE_OK && v < q->sites.n_value; v++) {
        double left = 0;
        if (!is_choice(q, v))
            continue;
        keep_around(q, v, high);
        st = noise_of(q, &one, s, from, to, &want, &left, err);
        memset(high, 0, q->sites.n_node);
        row[n++] = (rank_row){v, all > 0 ? (all - left) / all : 0};
        if (part)
            part(ctx, (double)n / (double)m->n);
    }
    sg_outputs_free(&want);
    SG_TRY(st);
    qsort(row, n, sizeof *row, by_gain);
    for (size_t i = 0; i < n; i++) {
        m->value[i] = row[i].value;
        m->gain[i] = row[i].gain;
    }
    return SEDGE_OK;
}

const uint8_t *sg_mixed_high(const sg_mixed *m, sg_quantizer *q, size_t k)
{
    uint8_t *high = sg_arena_alloc(&q->arena, q->sites.n_node);
    for (size_t i = 0; high && i < k && i < m->n; i++)
        keep_around(q, m->value[i], high);
    return high;
}
