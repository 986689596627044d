/* The model message around the graph, and its way to a file. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "export/onnx/write.h"
#include "sedge/sedge.h"

#define OPSET_LEAST 18
#define INSIDE_MAX  ((uint64_t)INT_MAX / 8 * 7)

/* The IR version that came with an opset (github.com/onnx/onnx, docs/Versioning.md). */
static int64_t ir_version(int64_t opset)
{
    static const int8_t ir[] = {8, 9, 9, 10, 10, 11, 12, 13, 13, 13, 14}; /* from opset 18 on */
    int64_t at = opset - OPSET_LEAST, last = (int64_t)(sizeof ir) - 1;
    return ir[at < last ? at : last];
}

sedge_status sg_ow_need(sg_ow *w, const char *domain, int64_t version)
{
    int i = 0;
    version = version > 0 ? version : 1;
    while (i < w->n_opset && strcmp(w->opset[i].domain, domain) != 0)
        i++;
    if (i == SG_OW_DOMAINS)
        return sg_fail(w->err, SEDGE_E_LIMIT, "operators of more than %d domains", SG_OW_DOMAINS);
    if (i == w->n_opset)
        w->opset[w->n_opset++] = (sg_import_opset){domain, version};
    if (w->opset[i].version < version)
        w->opset[i].version = version;
    return SEDGE_OK;
}

/* Inputs and outputs keep their names, whatever values are called inside. */
static sedge_status interface_names(sg_ow *w, sg_ow_scope *sc)
{
    const sg_graph *g = sc->g;
    for (size_t i = 0; i < g->n_input + g->n_output; i++) {
        bool in = i < g->n_input;
        sg_vid v = in ? g->input[i] : g->output[i - g->n_input];
        if (sc->name[v]) {
            if (!in && g->value[v].role != SG_INPUT)
                return sg_fail(w->err, SEDGE_E_BUG, "a value is two outputs");
            continue;
        }
        const char *name = sg_ow_name(w, sc, v), *own = g->value[v].name;
        if (own && *own && strcmp(name, own) != 0)
            return sg_fail(w->err, SEDGE_E_BUG, "two inputs or outputs are called %.100s", own);
    }
    return SEDGE_OK;
}

/* State is inputs and outputs, the last ones, to ONNX. What it is at first goes as the default of its input, so that other engines
 * start as Sedge does. */
static void state_write(sg_ow *w, sg_ow_scope *sc, const sg_import_info *info)
{
    const sg_graph *g = sc->g;
    for (size_t k = 0; k < (size_t)info->n_state; k++) {
        sg_vid v = g->input[g->n_input - (size_t)info->n_state + k];
        const sg_type *type = &g->value[v].type;
        sg_tensor t = {.data = (void *)(uintptr_t)info->state[k], .dtype = type->dtype, .rank = type->rank};
        if (sg_d_numel(type) < 0)
            continue;
        memcpy(t.dim, type->dim, (size_t)t.rank * sizeof *t.dim);
        sg_ow_tensor(w, SG_PF_GRAPH_INITIALIZER, &t, sg_ow_name(w, sc, v));
    }
}

static int64_t source_opset(const sg_import_info *info)
{
    for (int i = 0; info && strcmp(info->format, "onnx") == 0 && i < info->n_opset; i++)
        if (!*info->opset[i].domain)
            return info->opset[i].version;
    return 0;
}

/* Weights go to a file of their own when a message with them would be more than protobuf's readers take. */
static void beside_or_not(sg_ow *w, const sg_export_opts *o)
{
    uint64_t all = 0;
    for (size_t i = 1; i <= w->n_con; i++)
        all += sg_tensor_bytes(&w->con[i].t);
    if (all <= (o->inside_max ? o->inside_max : INSIDE_MAX))
        w->beside = NULL;
}

static sedge_status graph_write(sg_ow *w, const sg_graph *g, const sg_export_opts *o)
{
    sg_ow_scope sc;
    SG_TRY(sg_ow_scope_open(w, g, &sc));
    SG_TRY(interface_names(w, &sc));
    SG_TRY(sg_ow_need(w, "", OPSET_LEAST));
    SG_TRY(sg_ow_need(w, "", source_opset(o->info))); /* newer ones also let operators take more types */
    sg_pbw_mark m = sg_pbw_open(&w->out, SG_PF_MODEL_GRAPH);
    SG_TRY(sg_ow_graph(w, &sc, g->n_input, false));
    beside_or_not(w, o);
    for (size_t i = 1; i <= w->n_con; i++)
        sg_ow_weight(w, &w->con[i].t, w->con[i].name);
    if (o->info && o->info->n_state)
        state_write(w, &sc, o->info);
    sg_pbw_close(&w->out, m);
    return SEDGE_OK;
}

static void entry_write(sg_ow *w, const sg_import_meta *e)
{
    sg_pbw_mark m = sg_pbw_open(&w->out, SG_PF_MODEL_METADATA);
    sg_pbw_str(&w->out, SG_PF_ENTRY_KEY, e->key);
    sg_pbw_str(&w->out, SG_PF_ENTRY_VALUE, e->value);
    sg_pbw_close(&w->out, m);
}

static void meta_write(sg_ow *w, const sg_export_opts *o)
{
    char number[16];
    if (o->info && o->info->n_state) {
        snprintf(number, sizeof number, "%d", o->info->n_state);
        entry_write(w, &(sg_import_meta){SG_META_STATE, number});
    }
    for (int i = 0; o->info && i < o->info->n_meta; i++) {
        bool replaced = strcmp(o->info->meta[i].key, SG_META_STATE) == 0;
        for (int k = 0; k < o->n_meta; k++)
            replaced = replaced || strcmp(o->meta[k].key, o->info->meta[i].key) == 0;
        if (!replaced)
            entry_write(w, &o->info->meta[i]);
    }
    for (int k = 0; k < o->n_meta; k++)
        entry_write(w, &o->meta[k]);
}

static sedge_status model_write(sg_ow *w, const sg_graph *g, const sg_export_opts *o)
{
    const sg_import_info *info = o->info;
    SG_TRY(graph_write(w, g, o));
    sg_pbw_int(&w->out, SG_PF_MODEL_IR_VERSION, ir_version(w->opset[0].version));
    for (int i = 0; i < w->n_opset; i++) {
        sg_pbw_mark m = sg_pbw_open(&w->out, SG_PF_MODEL_OPSET_IMPORT);
        sg_pbw_str(&w->out, SG_PF_OPSET_DOMAIN, w->opset[i].domain);
        sg_pbw_int(&w->out, SG_PF_OPSET_VERSION, w->opset[i].version);
        sg_pbw_close(&w->out, m);
    }
    sg_pbw_str(&w->out, SG_PF_MODEL_PRODUCER_NAME, "sedge");
    sg_pbw_str(&w->out, SG_PF_MODEL_PRODUCER_VERSION, sedge_version());
    if (info && info->domain && *info->domain)
        sg_pbw_str(&w->out, SG_PF_MODEL_DOMAIN, info->domain);
    if (info && strcmp(info->format, "onnx") == 0 && info->model_version)
        sg_pbw_int(&w->out, SG_PF_MODEL_VERSION, info->model_version);
    meta_write(w, o);
    if (w->out.lost)
        return sg_ow_nomem(w);
    if (sg_pbw_size(&w->out) > INT_MAX)
        return sg_fail(w->err, SEDGE_E_LIMIT, "the message would be larger than 2 GiB, which readers of ONNX do not take");
    return SEDGE_OK;
}

/* Everything but the writing: *part are the bytes of the file in order, in w's memory. */
static sedge_status compose(sg_ow *w, const sg_graph *g, const sg_export_opts *o, sg_file_part **part, size_t *n)
{
    sg_graph *own = sg_graph_clone(g, w->arena);
    if (!own)
        return sg_ow_nomem(w);
    const sg_export_opts none = {0};
    o = o ? o : &none;
    sedge_status st = sg_ow_legalize(own, source_opset(o->info), w->err);
    if (st == SEDGE_OK)
        st = model_write(w, own, o);
    sg_graph_free(own);
    SG_TRY(st);
    *part = sg_arena_array(w->arena, 2 * w->out.n_piece + 1, sizeof **part);
    if (!*part)
        return sg_ow_nomem(w);
    *n = sg_pbw_parts(&w->out, *part);
    return SEDGE_OK;
}

typedef struct job {
    sg_mem mem;
    sg_arena arena;
    sg_err own;
    sg_ow w;
} job;

static void job_start(job *j, sg_err *err)
{
    memset(j, 0, sizeof *j);
    err = err ? err : &j->own;
    j->arena.mem = &j->mem;
    j->w = (sg_ow){.mem = &j->mem, .arena = &j->arena, .err = err, .out = {.mem = &j->mem}};
}

static void job_end(job *j)
{
    sg_pbw_free(&j->w.out);
    sg_free(&j->mem, j->w.used, j->w.cap_used * sizeof *j->w.used);
    sg_free(&j->mem, j->w.con, j->w.cap_con * sizeof *j->w.con);
    sg_free(&j->mem, j->w.far, j->w.cap_far * sizeof *j->w.far);
    sg_arena_free(&j->arena);
}

/* Weights of PATH that do not fit stand in PATH.data. */
static const char *beside_name(sg_arena *a, const char *path)
{
    const char *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path;
    size_t n = strlen(file);
    char *name = sg_arena_alloc(a, n + sizeof ".data");
    if (name)
        strcat(strcpy(name, file), ".data");
    return name;
}

/* The model takes its place last: what it names stands by then. */
static sedge_status files_write(sg_ow *w, const char *path, const sg_file_part *part, size_t n, sg_err *err)
{
    sg_file model, data;
    SG_TRY(sg_file_begin(&model, path, part, n, err));
    if (!w->beside)
        return sg_file_end(&model, true, err);
    size_t length = strlen(path);
    char *name = sg_arena_alloc(w->arena, length + sizeof ".data");
    sedge_status st = name ? SEDGE_OK : sg_ow_nomem(w);
    if (name)
        st = sg_file_begin(&data, strcat(strcpy(name, path), ".data"), w->far, w->n_far, err);
    if (st == SEDGE_OK)
        st = sg_file_end(&data, true, err);
    sedge_status last = sg_file_end(&model, st == SEDGE_OK, err);
    return st != SEDGE_OK ? st : last;
}

sedge_status sg_export_onnx(const sg_graph *g, const sg_export_opts *o, const char *path, sg_err *err)
{
    job j;
    sg_file_part *part = NULL;
    size_t n = 0;
    job_start(&j, err);
    j.w.beside = beside_name(&j.arena, path);
    sedge_status st = j.w.beside ? compose(&j.w, g, o, &part, &n) : sg_ow_nomem(&j.w);
    if (st == SEDGE_OK)
        st = files_write(&j.w, path, part, n, err);
    job_end(&j);
    return st;
}

sedge_status sg_export_onnx_to(const sg_graph *g, const sg_export_opts *o, sg_export_put_fn *put, void *ctx, sg_err *err)
{
    job j;
    sg_file_part *part = NULL;
    size_t n = 0;
    job_start(&j, err);
    sedge_status st = compose(&j.w, g, o, &part, &n);
    for (size_t i = 0; i < n && st == SEDGE_OK; i++)
        if (!put(ctx, part[i].data, part[i].bytes))
            st = sg_fail(err, SEDGE_E_IO, "the model cannot be written");
    job_end(&j);
    return st;
}
