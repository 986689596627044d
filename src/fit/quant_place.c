/* Quantize and dequantize around what runs on integers: one pair behind every tensor that such an op makes or reads. */
#include <math.h>
#include <string.h>

#include "fit/quant.h"
#include "op/quant.h"
#include "pass/match.h"

typedef struct place {
    sg_graph *g;
    const sg_quant_sites *s;
    const sg_calib *c;
    const sg_quant_how *how;
    sg_quant_done *done;
    sg_vid *like;    /* by value: whose range it shares; itself */
    uint8_t *site;   /* by value: it is quantized */
    uint8_t *ours;   /* by value: an integer op makes it, so that all readers get the integers */
    sg_range *range; /* by value: of those that share it */
    sg_vid *scale, *zero;
    sg_vid *real;    /* by value: dequantized, 0: not yet */
} place;

static sg_vid root(const place *p, sg_vid v)
{
    while (p->like[v] != v)
        v = p->like[v];
    return v;
}

static void join(const place *p, sg_vid a, sg_vid b)
{
    p->like[root(p, b)] = root(p, a);
}

static bool is_int(const place *p, sg_nid n)
{
    const uint8_t role = n < p->s->n_node ? p->s->role[n] : SG_QUANT_FLOAT;
    return role != SG_QUANT_FLOAT && !(p->how->high && p->how->high[n]);
}

static int data_operands(const sg_graph *g, sg_nid n)
{
    return g->node[n].op == SG_ROW(CONCAT) ? g->node[n].n_in : g->node[n].op == SG_ROW(BINARY) ? 2 : 1;
}

/* The value behind the clamps of v that nobody else reads, which the quantizer does. */
static sg_vid behind_clamps(const place *p, sg_vid v)
{
    const sg_graph *g = p->g;
    while (g->value[v].n_uses == 1 && !sg_is_output(g, v)) {
        const sg_nid n = g->operand[g->value[v].uses].node;
        if (n >= p->s->n_node || p->s->role[n] != SG_QUANT_CLAMP)
            break;
        v = g->node[n].out[0];
    }
    return v;
}

static bool read_by_integers(const place *p, sg_vid v)
{
    for (uint32_t u = p->g->value[v].uses; u; u = p->g->operand[u].next)
        if (is_int(p, p->g->operand[u].node) && p->s->role[p->g->operand[u].node] != SG_QUANT_CLAMP)
            return true;
    return false;
}

/* What a product makes for ops in float stays float: the sums are scaled, not rounded. */
static bool leaves_float(const place *p, sg_nid n, sg_vid out)
{
    return (p->g->node[n].op == SG_ROW(GEMM) || p->g->node[n].op == SG_ROW(MATMUL)) && !read_by_integers(p, out);
}

static const sg_seen *seen(const place *p, sg_vid v)
{
    return v < p->c->n_value ? p->c->seen[v] : NULL;
}

static sg_range range_of(const place *p, sg_vid v)
{
    const sg_seen *s = seen(p, v);
    return s ? sg_hist_range(&s->hist, p->how->method) : (sg_range){0, 0};
}

/* Tensors that are joined share a scale, unless that would be far too coarse for one that others read too: then the integers are made anew
 * behind the join. */
static bool joins_well(const place *p, sg_nid n)
{
    double most = 0;
    for (int k = 0; k < p->g->node[n].n_in; k++) {
        const sg_range r = range_of(p, sg_node_in(p->g, n, k));
        most = fmax(most, r.hi - r.lo);
    }
    for (int k = 0; k < p->g->node[n].n_in; k++) {
        const sg_range r = range_of(p, sg_node_in(p->g, n, k));
        if (p->g->value[sg_node_in(p->g, n, k)].n_uses > 1 && r.hi - r.lo < most / 4)
            return false;
    }
    return true;
}

static void mark_node(place *p, sg_nid n)
{
    const sg_graph *g = p->g;
    if (p->s->role[n] == SG_QUANT_CLAMP)
        return;
    for (int k = 0; k < data_operands(g, n); k++)
        p->site[sg_node_in(g, n, k)] = 1;
    const sg_vid out = behind_clamps(p, g->node[n].out[0]);
    if (leaves_float(p, n, out))
        return;
    p->site[out] = 1;
    p->ours[out] = 1;
    if (p->s->role[n] == SG_QUANT_MOVE && (g->node[n].op != SG_ROW(CONCAT) || joins_well(p, n)))
        for (int k = 0; k < data_operands(g, n); k++)
            join(p, sg_node_in(g, n, k), out);
}

/* Unions of what shares a range. What only moves elements adds nothing. */
static void find_ranges(place *p)
{
    for (sg_vid v = 1; v < p->s->n_value; v++) {
        const sg_value *val = &p->g->value[v];
        const bool moved = val->role == SG_COMPUTED && is_int(p, val->def) && p->s->role[val->def] == SG_QUANT_MOVE;
        if (!p->site[v] || (moved && root(p, v) == root(p, sg_node_in(p->g, val->def, 0))))
            continue;
        const sg_range r = range_of(p, v);
        sg_range *all = &p->range[root(p, v)];
        all->lo = fmin(all->lo, r.lo);
        all->hi = fmax(all->hi, r.hi);
    }
}

/* Unsigned bytes: products of unsigned and signed ones are what processors have instructions for. */
static sedge_status parameters(place *p, sg_vid r, sg_err *err)
{
    const sg_range *x = &p->range[r];
    double s = (x->hi - x->lo) / 255;
    if (!(s >= 0x1p-60)) { /* zeros throughout; what comes instead one day is better cut than infinite */
        s = 1.0 / 255;
        p->done->dead++;
    }
    const float scale = (float)s;
    const uint8_t zero = (uint8_t)sg_q_round((float)(-x->lo / s), 0, 0, 255);
    const float *keep = sg_arena_dup(p->g->arena, &scale, sizeof scale);
    const uint8_t *keep_zero = sg_arena_dup(p->g->arena, &zero, sizeof zero);
    if (keep && keep_zero) {
        p->scale[r] = sg_const_new(p->g, SG_F32, 0, NULL, keep, NULL);
        p->zero[r] = sg_const_new(p->g, SG_U8, 0, NULL, keep_zero, NULL);
    }
    return p->scale[r] && p->zero[r] ? SEDGE_OK : sg_fail(err, SEDGE_E_NOMEM, "out of memory");
}

static sedge_status pair(place *p, sg_vid v, sg_err *err)
{
    sg_graph *g = p->g;
    const sg_vid r = root(p, v);
    if (!p->scale[r])
        SG_TRY(parameters(p, r, err));
    const sg_nid after = g->value[v].role == SG_COMPUTED ? g->node[g->value[v].def].next : g->node[0].next;
    const sg_vid in[3] = {v, p->scale[r], p->zero[r]};
    const sg_nid q = sg_node_new(g, SG_ROW(QUANTIZE), in, 3, 1, after);
    const sg_vid back[3] = {q ? g->node[q].out[0] : SG_NONE_ID, p->scale[r], p->zero[r]};
    const sg_nid d = q ? sg_node_new(g, SG_ROW(DEQUANTIZE), back, 3, 1, after) : 0;
    if (!d)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    SG_TRY(sg_infer_node(g, q, err));
    SG_TRY(sg_infer_node(g, d, err));
    p->real[v] = g->node[d].out[0];
    if (!p->ours[v]) {
        for (uint32_t u = g->value[v].uses, next; u; u = next) {
            const sg_nid n = g->operand[u].node;
            next = g->operand[u].next;
            if (is_int(p, n) && p->s->role[n] != SG_QUANT_CLAMP)
                sg_node_set_in(g, n, (int)(u - g->node[n].in0), p->real[v]);
        }
        return SEDGE_OK;
    }
    if (sg_is_output(g, v)) { /* outputs keep their names */
        g->value[p->real[v]].name = g->value[v].name;
        g->value[v].name = NULL;
    }
    sg_value_replace(g, v, p->real[v]);
    sg_node_set_in(g, q, 0, v);
    return SEDGE_OK;
}

static sedge_status weights(place *p, sg_nid n, sg_vid x, sg_err *err)
{
    const sg_seen *s = seen(p, x);
    const sg_vid r = root(p, x);
    const int64_t channels = p->g->node[n].op == SG_ROW(CONV) ? p->g->value[x].type.dim[1]
                                                              : p->g->value[x].type.dim[p->g->value[x].type.rank - 1];
    double *mean = NULL;
    if (p->how->correct && s && s->sum && s->channels == channels) {
        mean = sg_arena_array(p->g->arena, (size_t)channels, sizeof *mean);
        for (int64_t k = 0; mean && k < channels; k++)
            mean[k] = s->sum[k] / (double)s->count;
    }
    return sg_quant_weights(p->g, n, sg_load_f64(SG_F32, p->g->value[p->scale[r]].data, 0), mean, p->done, err);
}

static bool make_room(place *p, size_t n)
{
    sg_arena *a = p->g->arena;
    p->like = sg_arena_array(a, n, sizeof *p->like);
    p->site = sg_arena_array(a, n, 1);
    p->ours = sg_arena_array(a, n, 1);
    p->range = sg_arena_array(a, n, sizeof *p->range);
    p->scale = sg_arena_array(a, n, sizeof *p->scale);
    p->zero = sg_arena_array(a, n, sizeof *p->zero);
    p->real = sg_arena_array(a, n, sizeof *p->real);
    for (size_t v = 0; p->like && v < n; v++)
        p->like[v] = (sg_vid)v;
    return p->like && p->site && p->ours && p->range && p->scale && p->zero && p->real;
}

sedge_status sg_quant_place(sg_graph *g, const sg_quant_sites *s, const sg_calib *c, const sg_quant_how *how, sg_quant_done *done,
                            sg_err *err)
{
    place p = {.g = g, .s = s, .c = c, .how = how, .done = done};
    *done = (sg_quant_done){0};
    if (!make_room(&p, s->n_value))
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    SG_EACH_NODE(g, n)
    if (is_int(&p, n))
        mark_node(&p, n);
    find_ranges(&p);
    /* x of a node with weights, before its readers change */
    sg_vid *x = sg_arena_array(g->arena, s->n_node, sizeof *x);
    if (!x)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    for (sg_nid n = 1; n < s->n_node; n++)
        if (g->node[n].op && s->role[n] == SG_QUANT_WEIGHT)
            x[n] = sg_node_in(g, n, 0);
    for (sg_vid v = 1; v < s->n_value; v++)
        if (p.site[v])
            SG_TRY(pair(&p, v, err));
    for (sg_nid n = 1; n < s->n_node; n++) {
        if (!x[n])
            continue;
        if (is_int(&p, n)) {
            SG_TRY(weights(&p, n, x[n], err));
            continue;
        }
        done->high++;
        done->high_weights += (double)sg_d_numel(&g->value[sg_node_in(g, n, 1)].type);
    }
    SG_TRY(sg_infer_graph(g, err));
    return sg_verify(g, err);
}
