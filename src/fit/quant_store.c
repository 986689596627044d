/* Weights stored small: half floats, bytes with a scale for each channel, or four bits with a scale for each channel or each 32 of one. The
 * engine turns them into floats once, when the plan is made. */
#include <math.h>
#include <string.h>

#include "fit/quant.h"
#include "op/quant.h"

/* Elements of a channel that share a scale of four bits, where one axis of the weights is long enough. */
enum { GROUP = 32 };

const char *const sg_stored_names[SG_STORED_KINDS] = {"f16", "int8", "int4"};

static sedge_status no_memory(sg_err *err)
{
    return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
}

static float at(const float *w, int64_t i)
{
    float v;
    memcpy(&v, (const char *)w + (size_t)i * sizeof v, sizeof v); /* at any alignment, as files have it */
    return v;
}

static sedge_status replace(sg_graph *g, sg_nid n, sg_nid by, sg_err *err)
{
    if (!by)
        return no_memory(err);
    SG_TRY(sg_infer_node(g, by, err));
    sg_node_set_in(g, n, 1, g->node[by].out[0]);
    return SEDGE_OK;
}

static sedge_status as_halves(sg_graph *g, sg_nid n, sg_vid w, sg_err *err)
{
    const sg_type t = g->value[w].type;
    const int64_t all = sg_d_numel(&t);
    uint16_t *h = sg_arena_array(g->arena, (size_t)all + 1, sizeof *h);
    if (!h)
        return no_memory(err);
    for (int64_t i = 0; i < all; i++) {
        const float v = at(g->value[w].data, i);
        h[i] = sg_f32_to_f16(fminf(fmaxf(v, -65504), 65504));
    }
    const sg_vid half = sg_const_new(g, SG_F16, t.rank, t.dim, h, g->value[w].name);
    const sg_nid cast = half ? sg_node_new(g, SG_ROW(CAST), &half, 1, 1, n) : 0;
    if (!cast || !sg_set_int(g, cast, SG_A_to, SG_F32))
        return no_memory(err);
    return replace(g, n, cast, err);
}

/* Where a scale holds: `outer` runs of `block` steps of `inner` elements each share one for every inner position. */
typedef struct blocks {
    int axis; /* of the scales */
    int64_t block; /* 0: one scale for each element of the axis */
    int64_t scale_dim[SG_RANK_MAX];
    int rank; /* of the scales */
} blocks;

static blocks blocks_of(const sg_graph *g, sg_nid n, const sg_type *t, bool four)
{
    const sg_attrs a = {g->node[n].attr, g->node[n].n_attr};
    const bool conv = g->node[n].op == SG_ROW(CONV);
    const int out = conv || (g->node[n].op == SG_ROW(GEMM) && sg_get_int(a, SG_A_transB)) ? 0 : 1;
    blocks b = {.axis = out, .rank = 1, .scale_dim = {t->dim[out]}};
    if (four && t->rank == 2 && t->dim[1 - out] >= 2 * GROUP) {
        b.axis = 1 - out;
        b.block = GROUP;
        b.rank = 2;
        b.scale_dim[out] = t->dim[out];
        b.scale_dim[1 - out] = (t->dim[1 - out] + GROUP - 1) / GROUP;
    }
    return b;
}

int64_t sg_quant_block(const sg_graph *g, sg_nid n)
{
    return blocks_of(g, n, &g->value[sg_node_in(g, n, 1)].type, true).block;
}

/* Which scale element i has. */
static int64_t scale_at(const sg_type *t, const blocks *b, int64_t i)
{
    const int64_t inner = sg_dim_span(t->dim, b->axis + 1, t->rank), along = i / inner % t->dim[b->axis];
    if (!b->block)
        return along;
    return b->axis == 0 ? along / b->block * t->dim[1] + i % t->dim[1] : i / t->dim[1] * b->scale_dim[1] + along / b->block;
}

static sedge_status as_integers(sg_graph *g, sg_nid n, sg_vid w, bool four, sg_err *err)
{
    const sg_type t = g->value[w].type;
    const blocks b = blocks_of(g, n, &t, four);
    const int64_t all = sg_d_numel(&t), scales = sg_dim_span(b.scale_dim, 0, b.rank);
    const int32_t most = four ? 7 : 127;
    const sg_dtype type = four ? SG_I4 : SG_I8;
    float *scale = sg_arena_array(g->arena, (size_t)scales + 1, sizeof *scale);
    void *q = sg_arena_alloc(g->arena, sg_dtype_bytes(type, (size_t)all) + 1);
    if (!scale || !q)
        return no_memory(err);
    for (int64_t i = 0; i < all; i++) {
        float *s = &scale[scale_at(&t, &b, i)];
        *s = fmaxf(*s, fabsf(at(g->value[w].data, i)));
    }
    for (int64_t i = 0; i < scales; i++)
        scale[i] = scale[i] / (float)most >= 0x1p-120f ? scale[i] / (float)most : 1; /* zeros, or too small to tell from them */
    for (int64_t i = 0; i < all; i++)
        sg_store_i64(type, q, (size_t)i, sg_q_round(at(g->value[w].data, i) / scale[scale_at(&t, &b, i)], 0, -most, most));
    const sg_vid in[2] = {sg_const_new(g, type, t.rank, t.dim, q, g->value[w].name),
                          sg_const_new(g, SG_F32, b.rank, b.scale_dim, scale, NULL)};
    const sg_nid d = in[0] && in[1] ? sg_node_new(g, SG_ROW(DEQUANTIZE), in, 2, 1, n) : 0;
    if (!d || !sg_set_int(g, d, SG_A_axis, b.axis) || (b.block && !sg_set_int(g, d, SG_A_block_size, b.block)))
        return no_memory(err);
    return replace(g, n, d, err);
}

sedge_status sg_quant_store(sg_graph *g, sg_stored kind, const uint8_t *high, sg_quant_done *done, sg_err *err)
{
    *done = (sg_quant_done){0};
    for (sg_nid n = g->node[0].next; n; n = g->node[n].next) {
        if (!sg_quant_has_weights(g, n))
            continue;
        const sg_vid w = sg_node_in(g, n, 1);
        const double elements = (double)sg_d_numel(&g->value[w].type);
        if (high && high[n]) {
            done->high++;
            done->high_weights += elements;
            continue;
        }
        SG_TRY(kind == SG_STORED_F16 ? as_halves(g, n, w, err) : as_integers(g, n, w, kind == SG_STORED_INT4, err));
        done->layers++;
        done->weights += elements;
    }
    return sg_infer_graph(g, err);
}

/* ---- what loses nothing ---- */

static bool all_halves(const sg_value *c, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        const float v = at(c->data, i);
        const float half = sg_f16_to_f32(sg_f32_to_f16(v));
        if (memcmp(&v, &half, sizeof v) != 0)
            return false;
    }
    return true;
}

sedge_status sg_quant_compact(sg_graph *g, sg_err *err)
{
    for (sg_vid v = 1, end = (sg_vid)g->n_value; v < end; v++) {
        const sg_value *c = &g->value[v];
        const int64_t n = c->role == SG_CONST && c->data && c->uses && c->type.dtype == SG_F32 ? sg_d_numel(&c->type) : 0;
        if (n < 256 || !all_halves(c, n))
            continue;
        uint16_t *h = sg_arena_array(g->arena, (size_t)n, sizeof *h);
        for (int64_t i = 0; h && i < n; i++)
            h[i] = sg_f32_to_f16(at(c->data, i));
        const sg_vid half = h ? sg_const_new(g, SG_F16, c->type.rank, c->type.dim, h, c->name) : SG_NONE_ID;
        const sg_nid cast = half ? sg_node_new(g, SG_ROW(CAST), &half, 1, 1, g->node[0].next) : 0;
        if (!cast || !sg_set_int(g, cast, SG_A_to, SG_F32))
            return no_memory(err);
        SG_TRY(sg_infer_node(g, cast, err));
        sg_value_replace(g, v, g->node[cast].out[0]);
    }
    return SEDGE_OK;
}
