/* TensorFlow Lite files to graphs: the model table, its operator codes, subgraphs, and what comes in and goes out. */
#include "import/tflite/import.h"

#include <stdio.h>
#include <string.h>

#include "import/tflite/tflite.h"

#define CUSTOM    32 /* BuiltinOperator: known by name */
#define DEPTH_MAX 32

static sedge_status nomem(sg_tf *s)
{
    return sg_fail(s->err, SEDGE_E_NOMEM, "out of memory");
}

bool sg_tflite_is(const uint8_t *data, size_t size)
{
    return size >= 8 && memcmp(data + 4, "TFL3", 4) == 0;
}

/* ---- operator codes ---- */

static sedge_status code_read(sg_tf *s, const sg_fb_table *t, sg_tf_code *out)
{
    int64_t old = sg_tf_get(t, SG_TF_CODE_DEPRECATED), code = sg_tf_get(t, SG_TF_CODE_BUILTIN);
    code = code > old ? code : old; /* files from before there were 127 have the old field alone */
    out->version = sg_tf_get(t, SG_TF_CODE_VERSION);
    const char *custom = code == CUSTOM ? sg_tf_text(s, t, SG_TF_CODE_CUSTOM) : NULL;
    if (!t->at || (code == CUSTOM && !custom))
        return sg_tf_bad(s, "operator code");
    out->op = sg_tf_op_find((int)code, custom);
    char number[32];
    snprintf(number, sizeof number, "builtin %lld", (long long)code);
    out->name = custom ? custom : out->op ? out->op->name : sg_arena_str(s->arena, number, strlen(number));
    return out->name ? SEDGE_OK : nomem(s);
}

/* Fails once, naming them all, if the model has operators that nothing lowers. */
static sedge_status check_known(sg_tf *s)
{
    char list[400] = "";
    int unknown = 0;
    size_t at = 0;
    for (uint32_t i = 0; i < s->n_code; i++) {
        if (s->code[i].op && s->code[i].op->lower != sg_tf_missing)
            continue;
        int n = snprintf(list + at, sizeof list - at, "%s%.60s", unknown++ ? ", " : "", s->code[i].name);
        at = n < 0 || at + (size_t)n >= sizeof list ? sizeof list - 1 : at + (size_t)n;
    }
    return unknown ? sg_fail(s->err, SEDGE_E_UNSUPPORTED, "%d operator%s not supported: %s", unknown,
                             unknown > 1 ? "s are" : " is", list)
                   : SEDGE_OK;
}

static sedge_status codes_read(sg_tf *s)
{
    sg_fb_vec v = sg_tf_vec(&s->model, SG_TF_MODEL_CODES);
    s->code = sg_arena_array(&s->tmp, (size_t)v.n + 1, sizeof *s->code);
    if (!s->code)
        return nomem(s);
    for (; s->n_code < v.n; s->n_code++) {
        sg_fb_table t = sg_fb_table_at(&v, s->n_code);
        SG_TRY(code_read(s, &t, &s->code[s->n_code]));
    }
    return s->fb.bad ? sg_tf_bad(s, "operator codes") : check_known(s);
}

/* ---- subgraphs ---- */

static sedge_status scope_open(sg_tf *s, sg_graph *g, int64_t id, sg_tf_scope *sc)
{
    if (id < 0 || id >= s->subgraph.n)
        return sg_tf_bad(s, "subgraph number");
    *sc = (sg_tf_scope){.s = s, .g = g, .sub = sg_fb_table_at(&s->subgraph, (uint32_t)id)};
    sc->tensor = sg_tf_vec(&sc->sub, SG_TF_SUBGRAPH_TENSORS);
    sc->value = sg_arena_array(&s->tmp, (size_t)sc->tensor.n + 1, sizeof *sc->value);
    sc->var = sg_arena_array(&s->tmp, (size_t)sc->tensor.n + 1, sizeof *sc->var);
    sc->wanted = sg_arena_array(&s->tmp, (size_t)sc->tensor.n + 1, sizeof *sc->wanted);
    if (!sc->value || !sc->var || !sc->wanted)
        return nomem(s);
    return sc->sub.at && !s->fb.bad ? SEDGE_OK : sg_tf_bad(s, "subgraph");
}

/* Number k of a list of tensors. */
static sedge_status listed(const sg_tf_scope *sc, const sg_fb_vec *list, uint32_t k, int64_t *id)
{
    *id = sg_fb_at(list, k, 4);
    return *id >= 0 && *id < sc->tensor.n ? SEDGE_OK : sg_tf_bad(sc->s, "tensor number");
}

static void want(sg_tf_scope *sc, const sg_fb_vec *list)
{
    for (uint32_t k = 0; k < list->n; k++) {
        int64_t id = sg_fb_at(list, k, 4);
        if (id >= 0 && id < sc->tensor.n)
            sc->wanted[id] = true;
    }
}

static sedge_status lower_all(sg_tf_scope *sc)
{
    sg_fb_vec nodes = sg_tf_vec(&sc->sub, SG_TF_SUBGRAPH_OPERATORS), outs = sg_tf_vec(&sc->sub, SG_TF_SUBGRAPH_OUTPUTS);
    want(sc, &outs);
    for (uint32_t i = 0; i < nodes.n; i++) {
        sg_fb_table t = sg_fb_table_at(&nodes, i);
        sg_fb_vec ins = sg_tf_vec(&t, SG_TF_OPERATOR_INPUTS);
        want(sc, &ins);
    }
    for (uint32_t i = 0; i < nodes.n; i++) {
        sg_fb_table t = sg_fb_table_at(&nodes, i);
        SG_TRY(sg_tf_node_lower(sc, &t));
    }
    return sc->s->fb.bad ? sg_tf_bad(sc->s, "operators") : SEDGE_OK;
}

sedge_status sg_tf_unfold(sg_tf *s, sg_graph *g, int64_t id, const sg_tf_args *args, sg_vid *out, int n_out)
{
    sg_tf_scope sc;
    int64_t t;
    SG_TRY(scope_open(s, g, id, &sc));
    sg_fb_vec ins = sg_tf_vec(&sc.sub, SG_TF_SUBGRAPH_INPUTS), outs = sg_tf_vec(&sc.sub, SG_TF_SUBGRAPH_OUTPUTS);
    if (ins.n != (uint32_t)args->n || outs.n < (uint32_t)n_out)
        return sg_fail(s->err, SEDGE_E_FORMAT, "subgraph %lld takes %u operands and gives %u results, not %d and %d",
                       (long long)id, ins.n, outs.n, args->n, n_out);
    if (s->depth >= DEPTH_MAX)
        return sg_fail(s->err, SEDGE_E_LIMIT, "subgraphs call each other more than %d deep", DEPTH_MAX);
    for (uint32_t k = 0; k < ins.n; k++) {
        SG_TRY(listed(&sc, &ins, k, &t));
        int64_t outer = sg_fb_at(args->id, (uint32_t)args->first + k, 4);
        sc.value[t] = args->in[(uint32_t)args->first + k];
        sc.var[t] = outer >= 0 ? args->from->var[outer] : 0;
    }
    s->depth++;
    sedge_status st = lower_all(&sc);
    s->depth--;
    for (int k = 0; k < n_out && st == SEDGE_OK; k++)
        if ((st = listed(&sc, &outs, (uint32_t)k, &t)) == SEDGE_OK)
            st = sg_tf_value(&sc, t, &out[k]);
    return st;
}

/* ---- the main graph ---- */

/* Callers know inputs and outputs by their names: those that have none, or another's, get one. */
static const char *own_name(sg_tf *s, const sg_graph *g, const sg_vid *list, size_t n, const char *name, const char *what)
{
    bool taken = !*name;
    for (size_t k = 0; k < n && !taken; k++)
        taken = strcmp(g->value[list[k]].name, name) == 0;
    if (!taken)
        return name;
    char text[160];
    snprintf(text, sizeof text, "%.100s%s%zu", *name ? name : what, *name ? "#" : "_", n);
    const char *own = sg_arena_str(s->arena, text, strlen(text));
    if (!own)
        nomem(s);
    return own;
}

static sedge_status type_of(sg_tf *s, const sg_tf_tensor *t, sg_type *out)
{
    *out = (sg_type){.dtype = (uint8_t)t->dtype, .rank = (int8_t)t->rank};
    if (t->dtype == SG_NONE || t->dtype == SG_C64)
        return sg_fail(s->err, SEDGE_E_UNSUPPORTED, "input %.100s is a resource, or complex", t->name);
    for (int i = 0; i < t->rank; i++) {
        char name[32];
        snprintf(name, sizeof name, i ? "N%d" : "N", i);
        out->dim[i] = t->dim[i] < 0 ? sg_dim_named(&s->g->dims, i ? sg_arena_str(s->arena, name, strlen(name)) : "N") : t->dim[i];
        if (out->dim[i] == SG_DIM_BAD)
            return nomem(s);
    }
    return SEDGE_OK;
}

static sedge_status inputs(sg_tf_scope *sc)
{
    sg_tf *s = sc->s;
    sg_fb_vec ins = sg_tf_vec(&sc->sub, SG_TF_SUBGRAPH_INPUTS);
    for (uint32_t k = 0; k < ins.n; k++) {
        int64_t id;
        sg_tf_tensor t;
        sg_type type;
        SG_TRY(listed(sc, &ins, k, &id));
        SG_TRY(sg_tf_tensor_read(sc, id, &t));
        SG_TRY(type_of(s, &t, &type));
        const char *name = own_name(s, s->g, s->g->input, s->g->n_input, t.name, "input");
        if (!name || !(sc->value[id] = sg_input_new(s->g, &type, name)))
            return nomem(s);
    }
    return SEDGE_OK;
}

static sedge_status outputs(sg_tf_scope *sc)
{
    sg_tf *s = sc->s;
    sg_fb_vec outs = sg_tf_vec(&sc->sub, SG_TF_SUBGRAPH_OUTPUTS);
    for (uint32_t k = 0; k < outs.n; k++) {
        int64_t id;
        sg_tf_tensor t;
        sg_vid v = SG_NONE_ID;
        SG_TRY(listed(sc, &outs, k, &id));
        SG_TRY(sg_tf_tensor_read(sc, id, &t));
        SG_TRY(sg_tf_value(sc, id, &v));
        if (!v || t.dtype == SG_C64)
            return sg_fail(s->err, SEDGE_E_UNSUPPORTED, "output %.100s is a resource, or complex", t.name);
        const char *name = own_name(s, s->g, s->g->output, s->g->n_output, t.name, "output");
        if (!name)
            return s->err->status;
        SG_TRY(sg_import_output(s->g, v, name, s->err));
    }
    return SEDGE_OK;
}

/* ---- state ---- */

sedge_status sg_tf_var_named(sg_tf *s, const char *name, int32_t *out)
{
    size_t i = 0;
    while (i < s->n_var && strcmp(s->var[i].name, name) != 0)
        i++;
    *out = (int32_t)i + 1;
    if (i < s->n_var)
        return SEDGE_OK;
    if (i >= INT32_MAX - 1 || sg_grow(s->arena->mem, &s->var, &s->cap_var, i + 1, sizeof *s->var) != SEDGE_OK)
        return nomem(s);
    s->var[s->n_var++] = (sg_tf_var){.name = name};
    return SEDGE_OK;
}

sedge_status sg_tf_var_open(sg_tf_scope *sc, sg_tf_var *var, const sg_tf_tensor *t)
{
    sg_tf *s = sc->s;
    sg_type type = {.dtype = (uint8_t)t->dtype, .rank = (int8_t)t->rank};
    int64_t numel, n_init = var->init ? sg_d_numel(&var->init_type) : 0;
    if (sc->g != s->g || s->once)
        return sg_fail(s->err, SEDGE_E_UNSUPPORTED, "variable %.100s inside a branch, a loop or a first call", var->name);
    if (var->now)
        return SEDGE_OK;
    if (!sg_numel_checked(t->dim, t->rank, &numel) || t->dtype == SG_NONE || t->dtype == SG_STR)
        return sg_fail(s->err, SEDGE_E_UNSUPPORTED, "variable %.100s has no numbers, or of no known size", var->name);
    if (var->init && (n_init != numel || var->init_type.dtype != t->dtype))
        return sg_fail(s->err, SEDGE_E_TYPE, "variable %.100s begins as a tensor of another type", var->name);
    for (int i = 0; i < t->rank; i++)
        type.dim[i] = t->dim[i];
    var->first = var->now = sg_input_new(s->g, &type, var->name);
    return var->now ? SEDGE_OK : nomem(s);
}

/* What each state is after the run, behind the outputs of the model; in the order of the inputs that they were. */
static sedge_status states(sg_tf *s, size_t n_input)
{
    size_t n = s->g->n_input - n_input;
    s->info->state = sg_arena_array(s->arena, n + 1, sizeof *s->info->state);
    if (!s->info->state)
        return nomem(s);
    for (size_t k = 0; k < n; k++) {
        size_t i = 0;
        while (s->var[i].first != s->g->input[n_input + k])
            i++;
        const sg_tf_var *var = &s->var[i];
        if (s->g->value[var->first].type.dtype != s->g->value[var->now].type.dtype)
            return sg_fail(s->err, SEDGE_E_TYPE, "variable %.100s changes its type", var->name);
        char text[160];
        snprintf(text, sizeof text, "%.120s (next)", var->name);
        const char *name = sg_arena_str(s->arena, text, strlen(text));
        if (!name)
            return nomem(s);
        SG_TRY(sg_import_output(s->g, var->now, name, s->err));
        s->info->state[k] = var->init;
    }
    s->info->n_state = (int)n;
    return SEDGE_OK;
}

/* ---- the file ---- */

static sedge_status graph_build(sg_tf *s)
{
    sg_tf_scope sc;
    SG_TRY(scope_open(s, s->g, 0, &sc));
    if (!(s->g->name = sg_tf_text(s, &sc.sub, SG_TF_SUBGRAPH_NAME)))
        return s->err->status;
    SG_TRY(inputs(&sc));
    size_t n_input = s->g->n_input;
    SG_TRY(lower_all(&sc));
    SG_TRY(outputs(&sc));
    return states(s, n_input);
}

static sedge_status import(sg_tf *s)
{
    sg_import_info *info = s->info;
    s->model = sg_fb_root(&s->fb);
    s->subgraph = sg_tf_vec(&s->model, SG_TF_MODEL_SUBGRAPHS);
    s->buffer = sg_tf_vec(&s->model, SG_TF_MODEL_BUFFERS);
    info->ir_version = sg_tf_get(&s->model, SG_TF_MODEL_VERSION);
    if (!s->model.at || s->fb.bad || !s->subgraph.n)
        return sg_tf_bad(s, "model (not a TensorFlow Lite file, or a damaged one)");
    if (info->ir_version != 3)
        return sg_fail(s->err, SEDGE_E_UNSUPPORTED, "schema version %lld, only 3 is known", (long long)info->ir_version);
    if (!(info->producer = sg_tf_text(s, &s->model, SG_TF_MODEL_DESCRIPTION)))
        return s->err->status;
    SG_TRY(codes_read(s));
    SG_TRY(sg_tf_metadata(s));
    s->g = sg_graph_new(s->arena);
    return s->g ? graph_build(s) : nomem(s);
}

sedge_status sg_tflite_import(sg_arena *arena, const uint8_t *data, size_t size, sg_import_info *info, sg_graph **out,
                              sg_err *err)
{
    sg_err own = {0}; /* the importer looks at its record, so there is always one */
    sg_import_info none;
    info = info ? info : &none;
    memset(info, 0, sizeof *info);
    info->format = "tflite";
    info->producer = info->producer_version = info->domain = "";
    *out = NULL;
    sg_tf s = {.arena = arena, .tmp = {.mem = arena->mem}, .err = &own, .info = info, .fb = {data, size, false}};
    sedge_status st = import(&s);
    if (st == SEDGE_OK)
        *out = s.g;
    else
        sg_graph_free(s.g);
    if (st != SEDGE_OK)
        sg_fail(err, st, "%s", own.status != SEDGE_OK ? own.msg : sedge_status_text(st));
    sg_free(arena->mem, s.var, s.cap_var * sizeof *s.var);
    sg_arena_free(&s.tmp);
    return st;
}
