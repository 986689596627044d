/* Graphs to subgraphs: inputs, each node by its row, outputs. */
#include <string.h>

#include "export/tflite/write.h"

static const struct {
    sg_op_id row;
    sg_tw_node_fn *fn;
} rows[] = {
#define ROW(row, fn) {SG_OP_##row, sg_tw_##fn},
#include "export/tflite/rows.def"
#undef ROW
};

static sg_tw_node_fn *writer_of(const sg_op *op)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (op == &sg_ops[rows[i].row])
            return rows[i].fn;
    return NULL;
}

/* Rows that make constants of constants are looked at by who reads them. */
static bool needed(sg_tw_scope *sc, sg_nid n)
{
    const sg_node *node = &sc->g->node[n];
    bool used = false;
    for (int k = 0; k < node->n_out; k++)
        used = used || (node->out[k] && (sc->is_out[node->out[k]] || sc->g->value[node->out[k]].n_uses));
    return used && !sc->done[n];
}

sedge_status sg_tw_nodes(sg_tw_scope *sc)
{
    sg_err *err = sc->w->err;
    SG_EACH_NODE(sc->g, n)
    {
        const sg_node *node = &sc->g->node[n];
        sg_tw_node_fn *fn = writer_of(node->op);
        if (!needed(sc, n))
            continue;
        sedge_status st = fn ? fn(sc, n) : sg_tw_unsupported(sc, "the row");
        if (st == SEDGE_OK)
            st = err->status;
        if (st == SEDGE_OK)
            continue;
        sg_fail(err, st, "%s", sedge_status_text(st));
        if (strncmp(err->msg, "node ", 5) != 0)
            sg_err_where(err, "node %.80s (%.60s)", node->name && *node->name ? node->name : "unnamed",
                         node->source ? node->source : node->op->name);
        return st;
    }
    return SEDGE_OK;
}

/* ---- what comes in and goes out ---- */

static sedge_status scope_open(sg_tw *w, const sg_graph *g, sg_tw_scope *sc)
{
    *sc = (sg_tw_scope){.w = w, .g = g};
    sc->sub = sg_arena_alloc(w->arena, sizeof *sc->sub);
    sc->val = sg_arena_array(w->arena, g->n_value + 1, sizeof *sc->val);
    sc->quant = sg_arena_array(w->arena, g->n_value + 1, sizeof *sc->quant);
    sc->done = sg_arena_array(w->arena, g->n_node + 1, sizeof *sc->done);
    sc->is_out = sg_arena_array(w->arena, g->n_value + 1, sizeof *sc->is_out);
    if (!sc->sub || !sc->val || !sc->quant || !sc->done || !sc->is_out ||
        sg_grow(w->mem, &w->sub, &w->cap_sub, w->n_sub + 1, sizeof *w->sub) != SEDGE_OK)
        return sg_tw_nomem(w);
    w->sub[w->n_sub++] = sc->sub;
    sc->sub->name = g->name && *g->name ? g->name : "main";
    sc->sub->in = sg_arena_array(w->arena, g->n_input + 1, sizeof *sc->sub->in);
    sc->sub->out = sg_arena_array(w->arena, g->n_output + 1, sizeof *sc->sub->out);
    if (!sc->sub->in || !sc->sub->out)
        return sg_tw_nomem(w);
    for (size_t k = 0; k < g->n_output; k++)
        sc->is_out[g->output[k]] = true;
    return sg_tw_quants(sc);
}

/* Integers without sign stay what they are for the caller, whatever the model computes on. */
static int32_t unsigned_twin(sg_tw_scope *sc, int32_t t)
{
    sg_tw_tensor own = sc->sub->tensor[t];
    int64_t *zero = sg_arena_alloc(sc->w->arena, sizeof *zero);
    if (!zero)
        return sg_tw_nomem(sc->w), SG_TW_BAD;
    *zero = own.q.zero[0] + 128;
    own.q.zero = zero;
    own.dtype = SG_U8;
    return sg_tw_tensor_new(sc, &own);
}

static bool was_shifted(const sg_tw_scope *sc, sg_vid v)
{
    return sg_tw_type(sc, v)->dtype == SG_U8 && sc->val[v].t >= 0 && sc->sub->tensor[sc->val[v].t].dtype == SG_I8;
}

static sedge_status inputs(sg_tw_scope *sc, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        sg_vid v = sc->g->input[k];
        int32_t t = sg_tw_out(sc, v, NULL), outer = t;
        if (t >= 0 && was_shifted(sc, v) &&
            ((outer = unsigned_twin(sc, t)) < 0 || sg_tw_emit(sc, SG_TW_QUANTIZE, &outer, 1, &t, 1, NULL, 0) != SEDGE_OK))
            return sc->w->err->status;
        if (outer < 0)
            return sc->w->err->status;
        sc->sub->in[sc->sub->n_in++] = outer;
    }
    return SEDGE_OK;
}

/* An output is a tensor of its own: what is a constant, an input or another output as well goes through a reshape. */
static sedge_status output(sg_tw_scope *sc, size_t k)
{
    sg_vid v = sc->g->output[k];
    const sg_value *val = &sc->g->value[v];
    int32_t t = sg_tw_need(sc, v, NULL);
    if (t < 0)
        return sc->w->err->status;
    bool twin = sc->sub->tensor[t].data != NULL;
    for (size_t i = 0; i < sc->sub->n_in + k; i++)
        twin = twin || t == (i < k ? sc->sub->out[i] : sc->sub->in[i - k]);
    if (was_shifted(sc, v)) {
        int32_t outer = unsigned_twin(sc, t);
        SG_TRY(sg_tw_emit(sc, SG_TW_QUANTIZE, &t, 1, &outer, 1, NULL, 0));
        t = outer;
    } else if (twin) {
        int64_t list[SG_RANK_MAX];
        for (int i = 0; i < val->type.rank; i++)
            list[i] = sg_dim_is_expr(val->type.dim[i]) ? -1 : val->type.dim[i];
        int32_t own = sg_tw_like(sc, t, val->type.rank, val->type.dim);
        SG_TRY(
            sg_tw_emit(sc, SG_TW_RESHAPE, (const int32_t[]){t, sg_tw_list32(sc, list, val->type.rank, 1)}, 2, &own, 1, NULL, 0));
        t = own;
    }
    if (val->name)
        sc->sub->tensor[t].name = val->name;
    sc->sub->out[sc->sub->n_out++] = t;
    return SEDGE_OK;
}

sedge_status sg_tw_graph(sg_tw *w, const sg_graph *g, size_t n_in, size_t n_out, int32_t *number)
{
    sg_tw_scope sc;
    *number = (int32_t)w->n_sub;
    SG_TRY(scope_open(w, g, &sc));
    SG_TRY(inputs(&sc, n_in));
    SG_TRY(sg_tw_states_read(&sc, n_in));
    SG_TRY(sg_tw_nodes(&sc));
    for (size_t k = 0; k < n_out; k++)
        SG_TRY(output(&sc, k));
    return sg_tw_states_keep(&sc, n_out);
}

/* ---- the model ---- */

/* Signed weights beside activations without sign: kernels want both alike. */
static bool mixed(const sg_graph *g)
{
    SG_EACH_NODE(g, n)
    {
        sg_vid x = sg_node_in(g, n, 0), w = sg_node_in(g, n, 1);
        bool product = g->node[n].op == SG_ROW(CONV) || g->node[n].op == SG_ROW(GEMM) || g->node[n].op == SG_ROW(MATMUL) ||
                       g->node[n].op == SG_ROW(CONV_TRANSPOSE);
        sg_vid v[2] = {x, w};
        for (int i = 0; i < 2 && product; i++)
            while (v[i] && g->value[v[i]].role == SG_COMPUTED &&
                   (g->node[g->value[v[i]].def].op == SG_ROW(DEQUANTIZE) || g->node[g->value[v[i]].def].op == SG_ROW(TRANSPOSE)))
                v[i] = sg_node_in(g, g->value[v[i]].def, 0);
        if (product && v[0] && v[1] && g->value[v[0]].type.dtype == SG_U8 && g->value[v[1]].type.dtype == SG_I8)
            return true;
    }
    return false;
}

static sedge_status compose(sg_tw *w, const sg_graph *g, sg_fbw *out, sg_fbw *block, sg_file_part **part, size_t *n)
{
    size_t n_state = w->opts->info ? (size_t)w->opts->info->n_state : 0;
    int32_t number;
    w->shift = mixed(g);
    SG_TRY(sg_tw_graph(w, g, g->n_input - n_state, g->n_output - n_state, &number));
    SG_TRY(sg_tw_file(w, out, block));
    *part = sg_arena_array(w->arena, 2 * out->n_piece + 2, sizeof **part);
    if (!*part)
        return sg_tw_nomem(w);
    *n = sg_fbw_parts(out, *part);
    return sg_tw_archive(w, out->n + out->borrowed, &(*part)[(*n)++]);
}

/* Writes to the file, or piece by piece to `put`. */
static sedge_status export(const sg_graph *g, const sg_export_opts *opts, const char *path, sg_export_put_fn *put, void *ctx,
                           sg_err *err)
{
    static const sg_export_opts none = {0};
    sg_err own = {0};
    sg_mem mem = {0};
    sg_arena arena = {.mem = &mem};
    sg_fbw out = {.mem = &mem}, block = {.mem = &mem};
    sg_tw w = {.mem = &mem, .arena = &arena, .err = &own, .opts = opts ? opts : &none};
    sg_file_part *part = NULL;
    sg_file f;
    size_t n = 0;
    sedge_status st = compose(&w, g, &out, &block, &part, &n);
    for (size_t i = 0; i < n && st == SEDGE_OK && put; i++)
        if (!put(ctx, part[i].data, part[i].bytes))
            st = sg_fail(&own, SEDGE_E_IO, "the model cannot be written");
    if (st == SEDGE_OK && path && (st = sg_file_begin(&f, path, part, n, &own)) == SEDGE_OK)
        st = sg_file_end(&f, true, &own);
    if (st != SEDGE_OK)
        sg_fail(err, st, "%s", own.status != SEDGE_OK ? own.msg : sedge_status_text(st));
    for (size_t i = 0; i < w.n_sub; i++) {
        sg_free(&mem, w.sub[i]->tensor, w.sub[i]->cap_tensor * sizeof *w.sub[i]->tensor);
        sg_free(&mem, w.sub[i]->node, w.sub[i]->cap_node * sizeof *w.sub[i]->node);
    }
    sg_free(&mem, w.sub, w.cap_sub * sizeof *w.sub);
    sg_fbw_free(&out);
    sg_fbw_free(&block);
    sg_arena_free(&arena);
    return st;
}

sedge_status sg_export_tflite(const sg_graph *g, const sg_export_opts *opts, const char *path, sg_err *err)
{
    return export(g, opts, path, NULL, NULL, err);
}

sedge_status sg_export_tflite_to(const sg_graph *g, const sg_export_opts *opts, sg_export_put_fn *put, void *ctx, sg_err *err)
{
    return export(g, opts, NULL, put, ctx, err);
}
