/* ONNX files to graphs: the model message, its inputs and its outputs. */
#include "import/onnx/import.h"

#include <stdlib.h>
#include <string.h>

#include "import/onnx/state.h"

static sedge_status nomem(sg_onnx *s)
{
    return sg_fail(s->err, SEDGE_E_NOMEM, "out of memory");
}

static sedge_status text(sg_onnx *s, const sg_pb_field *f, const char **out)
{
    *out = sg_arena_str(s->arena, (const char *)f->b.p, f->b.n);
    return *out ? SEDGE_OK : nomem(s);
}

static sedge_status meta_read(sg_onnx *s, sg_pb msg, sg_import_meta *out)
{
    sg_pb_field f;
    *out = (sg_import_meta){"", ""};
    while (sg_pb_next(&msg, &f)) {
        if (f.num == SG_PF_ENTRY_KEY)
            SG_TRY(text(s, &f, &out->key));
        else if (f.num == SG_PF_ENTRY_VALUE)
            SG_TRY(text(s, &f, &out->value));
    }
    return msg.bad ? sg_onnx_bad(s, "metadata") : SEDGE_OK;
}

/* Number of a field's occurrences in a whole message. */
static sedge_status count(sg_onnx *s, sg_pb msg, uint32_t field, size_t *out)
{
    *out = sg_onp_count(msg, field);
    return *out == SIZE_MAX ? sg_onnx_bad(s, "model (not an ONNX file, or a damaged one)") : SEDGE_OK;
}

typedef struct model {
    sg_pb graph;
    bool has_graph;
    sg_import_opset *opset;
    sg_import_meta *meta;
} model;

static sedge_status model_rooms(sg_onnx *s, sg_pb msg, size_t n_lib_fn, model *m)
{
    size_t n_opset, n_meta, n_fn;
    SG_TRY(count(s, msg, SG_PF_MODEL_OPSET_IMPORT, &n_opset));
    SG_TRY(count(s, msg, SG_PF_MODEL_METADATA, &n_meta));
    SG_TRY(count(s, msg, SG_PF_MODEL_FUNCTIONS, &n_fn));
    m->opset = sg_arena_array(s->arena, n_opset, sizeof *m->opset);
    m->meta = sg_arena_array(s->arena, n_meta, sizeof *m->meta);
    s->fn = sg_arena_array(&s->tmp, n_fn + n_lib_fn, sizeof *s->fn);
    return m->opset && m->meta && s->fn ? SEDGE_OK : nomem(s);
}

static sedge_status model_scan(sg_onnx *s, sg_pb msg, model *m)
{
    sg_import_info *info = s->info;
    sg_pb_field f;
    while (sg_pb_next(&msg, &f)) {
        switch (f.num) {
        case SG_PF_MODEL_IR_VERSION: info->ir_version = (int64_t)f.v; break;
        case SG_PF_MODEL_VERSION: info->model_version = (int64_t)f.v; break;
        case SG_PF_MODEL_PRODUCER_NAME: SG_TRY(text(s, &f, &info->producer)); break;
        case SG_PF_MODEL_PRODUCER_VERSION: SG_TRY(text(s, &f, &info->producer_version)); break;
        case SG_PF_MODEL_DOMAIN: SG_TRY(text(s, &f, &info->domain)); break;
        case SG_PF_MODEL_OPSET_IMPORT: SG_TRY(sg_onp_opset_read(s, sg_pb_sub(&msg, &f), &m->opset[info->n_opset++])); break;
        case SG_PF_MODEL_METADATA: SG_TRY(meta_read(s, sg_pb_sub(&msg, &f), &m->meta[info->n_meta++])); break;
        case SG_PF_MODEL_FUNCTIONS: SG_TRY(sg_onp_fn_read(s, sg_pb_sub(&msg, &f), &s->fn[s->n_fn++])); break;
        case SG_PF_MODEL_GRAPH:
            m->graph = sg_pb_sub(&msg, &f);
            m->has_graph = true;
            break;
        default: break;
        }
    }
    if (msg.bad || !m->has_graph || m->graph.bad)
        return sg_onnx_bad(s, "model (not an ONNX file, or a damaged one)");
    info->opset = m->opset;
    info->meta = m->meta;
    s->frame = (sg_onnx_frame){.opset = m->opset, .n_opset = info->n_opset, .prefix = ""};
    return SEDGE_OK;
}

static sedge_status library_scan(sg_onnx *s, const sg_import_library *lib)
{
    sg_pb msg = sg_pb_open(lib->data, lib->size);
    sg_pb_field f;
    while (sg_pb_next(&msg, &f))
        if (f.num == SG_PF_MODEL_FUNCTIONS) {
            SG_TRY(sg_onp_fn_read(s, sg_pb_sub(&msg, &f), &s->fn[s->n_fn]));
            s->fn[s->n_fn++].library = true;
        }
    return msg.bad ? sg_onnx_bad(s, "function library") : SEDGE_OK;
}

/* What the metadata says of state: the last inputs, which the last outputs become. */
static sedge_status state_count(sg_onnx *s, const sg_onp_graph *p)
{
    for (int i = 0; i < s->info->n_meta; i++) {
        if (strcmp(s->info->meta[i].key, SG_META_STATE) != 0)
            continue;
        char *end;
        long n = strtol(s->info->meta[i].value, &end, 10);
        if (n < 0 || n > p->n_input || n > p->n_output || *end || end == s->info->meta[i].value)
            return sg_fail(s->err, SEDGE_E_FORMAT, "metadata " SG_META_STATE " is %.20s, of %d inputs and %d outputs",
                           s->info->meta[i].value, p->n_input, p->n_output);
        s->info->n_state = (int)n;
    }
    s->info->state = sg_arena_array(s->arena, (size_t)s->info->n_state + 1, sizeof *s->info->state);
    return s->info->state ? SEDGE_OK : nomem(s);
}

/* A state starts as the default of its input. */
static sedge_status state_first(sg_onnx *s, const sg_graph *g, int k, sg_vid input, sg_vid first)
{
    const sg_type *want = &g->value[input].type, *have = &g->value[first].type;
    bool same = want->kind == SG_TENSOR && want->dtype == have->dtype && want->rank == have->rank && want->dtype != SG_STR;
    for (int i = 0; same && i < want->rank; i++)
        same = want->dim[i] == have->dim[i];
    s->info->state[k] = g->value[first].data;
    return same ? SEDGE_OK : sg_fail(s->err, SEDGE_E_SHAPE, "the state %.100s starts as another type", g->value[input].name);
}

/* What became of each state has its type. */
static sedge_status state_types(sg_onnx *s, const sg_graph *g)
{
    size_t n = (size_t)s->info->n_state;
    if (n > g->n_input || n > g->n_output)
        return sg_fail(s->err, SEDGE_E_FORMAT, "metadata " SG_META_STATE ": an input is a constant");
    for (size_t k = 0; k < n; k++) {
        const sg_value *in = &g->value[g->input[g->n_input - n + k]], *out = &g->value[g->output[g->n_output - n + k]];
        if (in->type.kind != SG_TENSOR || out->type.kind != SG_TENSOR || in->type.dtype != out->type.dtype)
            return sg_fail(s->err, SEDGE_E_TYPE, "the state %.100s changes its type", in->name);
    }
    return SEDGE_OK;
}

/* Inputs that have an initializer are constants: what IR versions before 4 list, and defaults since. */
static sedge_status inputs(sg_onnx *s, sg_onnx_scope *sc, const sg_onp_graph *p)
{
    SG_TRY(state_count(s, p));
    for (int i = 0; i < p->n_input; i++) {
        const char *name = p->input_name[i];
        const sg_onnx_slot *slot = sg_onnx_slot_find(&sc->table, name);
        sg_vid first = slot && sc->g->value[slot->v].role == SG_CONST ? slot->v : SG_NONE_ID;
        int state = i - (p->n_input - s->info->n_state);
        if (first && state < 0)
            continue;
        slot = first ? NULL : slot;
        if (slot || !*name)
            return sg_fail(s->err, SEDGE_E_FORMAT, *name ? "the name %.100s is defined twice" : "an input has no name%.0s", name);
        sg_type t;
        sedge_status st = sg_onp_type_read(s, p->input[i], sc->g, &t);
        if (st != SEDGE_OK) {
            sg_err_where(s->err, "input %.100s", name);
            return st;
        }
        sg_vid v = sg_input_new(sc->g, &t, name);
        if (!v)
            return nomem(s);
        if (first)
            SG_TRY(state_first(s, sc->g, state, v, first));
        SG_TRY(sg_onnx_bind(s, sc, name, v, 0));
    }
    return SEDGE_OK;
}

static sedge_status graph_build(sg_onnx *s, const sg_onp_graph *p, sg_graph *g)
{
    sg_onnx_scope sc = {.g = g, .frame = &s->frame, .table = {.mem = s->mem}};
    g->name = p->name;
    sedge_status st = sg_onnx_bind_consts(s, &sc, p);
    if (st == SEDGE_OK)
        st = inputs(s, &sc, p);
    if (st == SEDGE_OK)
        st = sg_onnx_lower_all(s, &sc, p->node, p->n_node, p->output, p->n_output);
    for (int i = 0; i < p->n_output && st == SEDGE_OK; i++) {
        sg_vid v = SG_NONE_ID;
        st = sg_onnx_resolve(s, &sc, p->output[i], &v);
        if (st == SEDGE_OK)
            st = v ? sg_import_output(g, v, p->output[i], s->err)
                   : sg_fail(s->err, SEDGE_E_FORMAT, "output %.100s is absent", p->output[i]);
    }
    sg_onnx_table_free(&sc.table);
    return st == SEDGE_OK ? state_types(s, g) : st;
}

static sedge_status import(sg_onnx *s, const uint8_t *data, size_t size, const sg_import_library *lib, int n_lib, sg_graph **out)
{
    size_t n_lib_fn = 0;
    for (int i = 0; i < n_lib; i++) {
        size_t n;
        SG_TRY(count(s, sg_pb_open(lib[i].data, lib[i].size), SG_PF_MODEL_FUNCTIONS, &n));
        n_lib_fn += n;
    }
    model m = {0};
    sg_onp_graph *p;
    SG_TRY(model_rooms(s, sg_pb_open(data, size), n_lib_fn, &m));
    SG_TRY(model_scan(s, sg_pb_open(data, size), &m));
    for (int i = 0; i < n_lib; i++)
        SG_TRY(library_scan(s, &lib[i]));
    SG_TRY(sg_onp_graph_read(s, m.graph, &p));
    SG_TRY(sg_onnx_index_build(s));
    SG_TRY(sg_onnx_fn_index(s));
    SG_TRY(sg_onnx_check_known(s, p));
    sg_graph *g = sg_graph_new(s->arena);
    if (!g)
        return nomem(s);
    sedge_status st = graph_build(s, p, g);
    if (st == SEDGE_OK)
        *out = g;
    else
        sg_graph_free(g);
    return st;
}

sedge_status sg_onnx_import_with(sg_arena *arena, const uint8_t *data, size_t size, const char *path,
                                 const sg_import_extra *extra, sg_import_info *info, sg_graph **out, sg_err *err)
{
    sg_err own = {0}; /* the importer looks at its record, so there is always one */
    sg_import_info none;
    path = info ? path : NULL; /* mapped files need an owner */
    info = info ? info : &none;
    memset(info, 0, sizeof *info);
    info->producer = info->producer_version = info->domain = "";
    info->format = "onnx";
    *out = NULL;
    struct sg_onnx s = {.arena = arena, .tmp = {.mem = arena->mem}, .mem = arena->mem, .err = &own, .info = info, .path = path};
    if (extra) {
        s.custom = extra->op;
        s.n_custom = extra->n_op;
    }
    sedge_status st = import(&s, data, size, extra ? extra->lib : NULL, extra ? extra->n_lib : 0, out);
    if (st != SEDGE_OK)
        sg_fail(err, st, "%s", own.status != SEDGE_OK ? own.msg : sedge_status_text(st));
    sg_free(s.mem, s.word, s.cap_word * sizeof *s.word);
    sg_onnx_table_free(&s.fn_name);
    sg_arena_free(&s.tmp);
    return st;
}

sedge_status sg_onnx_import(sg_arena *arena, const uint8_t *data, size_t size, const char *path, sg_import_info *info,
                            sg_graph **out, sg_err *err)
{
    return sg_onnx_import_with(arena, data, size, path, NULL, info, out, err);
}
