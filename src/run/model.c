/* Models: opening files, and saying what is in them. */
#include <string.h>
#include <sys/mman.h>

#include "pass/pass.h"
#include "run/api.h"

_Static_assert(sizeof(sedge_tensor) == sizeof(sg_tensor), "the public tensor is the internal one");
_Static_assert((int)SEDGE_DTYPE_COUNT == (int)SG_DTYPE_COUNT, "one table of types");

#define STR1(x) #x
#define STR(x)  STR1(x)

const char *sedge_version(void)
{
    return STR(SEDGE_VERSION_MAJOR) "." STR(SEDGE_VERSION_MINOR) "." STR(SEDGE_VERSION_PATCH);
}

const char *sedge_dtype_name(int dtype)
{
    return dtype >= 0 && dtype < SG_DTYPE_COUNT ? sg_dtypes[dtype].name : "unknown";
}

unsigned sedge_dtype_bits(int dtype)
{
    return dtype >= 0 && dtype < SG_DTYPE_COUNT ? sg_dtypes[dtype].bits : 0;
}

size_t sedge_tensor_bytes(const sedge_tensor *t)
{
    sg_tensor s;
    memcpy(&s, t, sizeof s);
    return sg_tensor_bytes(&s);
}

double sedge_tensor_f64(const sedge_tensor *t, size_t i)
{
    return sg_load_f64((sg_dtype)t->dtype, t->data, i);
}

int64_t sedge_tensor_i64(const sedge_tensor *t, size_t i)
{
    return sg_load_i64((sg_dtype)t->dtype, t->data, i);
}

void sedge_model_opts_init(sedge_model_opts *opts)
{
    memset(opts, 0, sizeof *opts);
}

void sedge_model_close(sedge_model **model)
{
    sedge_model *m = model ? *model : NULL;
    if (!m)
        return;
    if (m->saved)
        sg_saved_close(m->saved);
    else
        sg_graph_free(m->graph);
    sg_import_close(&m->info);
    sg_arena_free(&m->arena);
    if (m->copy)
        sg_free_aligned(&m->mem, m->copy, m->size);
    sg_map_close(&m->map);
    sg_map_close(&m->lib);
    sg_mem mem = m->mem;
    sg_free(&mem, m, sizeof *m);
    *model = NULL;
}

/* An operator that became several nodes gave all of them its name. */
static bool goes_on(const sg_graph *g, sg_nid n)
{
    const sg_node *a = &g->node[g->node[n].prev], *b = &g->node[n];
    return g->node[n].prev && b->source && a->source == b->source && a->name == b->name && b->name && *b->name;
}

static sedge_status count_ops(sedge_model *m, const sg_graph *g)
{
    SG_EACH_NODE(g, n)
    {
        const sg_node *node = &g->node[n];
        if (goes_on(g, n))
            continue;
        const char *name = node->source ? node->source : node->op->name;
        int i = 0;
        while (i < m->n_op && strcmp(m->op_name[i], name) != 0)
            i++;
        if (i == m->n_op) {
            m->op_name[i] = name;
            m->n_op++;
        }
        m->op_count[i]++;
    }
    SG_EACH_NODE(g, n)
    for (int k = 0; k < g->node[n].n_region; k++)
        SG_TRY(count_ops(m, g->node[n].region[k]));
    return SEDGE_OK;
}

static size_t count_nodes(const sg_graph *g)
{
    size_t c = 0;
    SG_EACH_NODE(g, n)
    {
        c++;
        for (int k = 0; k < g->node[n].n_region; k++)
            c += count_nodes(g->node[n].region[k]);
    }
    return c;
}

/* The lists of strings that sedge_model_info points to. */
static sedge_status list_info(sedge_model *m)
{
    size_t no = (size_t)m->info.n_opset, nm = (size_t)m->info.n_meta;
    m->opset_domain = sg_arena_array(&m->arena, no + 1, sizeof *m->opset_domain);
    m->opset_version = sg_arena_array(&m->arena, no + 1, sizeof *m->opset_version);
    m->meta_key = sg_arena_array(&m->arena, nm + 1, sizeof *m->meta_key);
    m->meta_value = sg_arena_array(&m->arena, nm + 1, sizeof *m->meta_value);
    m->output_name = sg_arena_array(&m->arena, m->graph->n_output + 1, sizeof *m->output_name);
    if (!m->opset_domain || !m->opset_version || !m->meta_key || !m->meta_value || !m->output_name)
        return SEDGE_E_NOMEM;
    for (size_t i = 0; i < m->graph->n_output; i++)
        m->output_name[i] = m->saved ? m->saved->info.output[i] : m->graph->value[m->graph->output[i]].name;
    for (size_t i = 0; i < no; i++) {
        m->opset_domain[i] = m->info.opset[i].domain;
        m->opset_version[i] = m->info.opset[i].version;
    }
    for (size_t i = 0; i < nm; i++) {
        m->meta_key[i] = m->info.meta[i].key;
        m->meta_value[i] = m->info.meta[i].value;
    }
    return SEDGE_OK;
}

/* The lists of strings and the operators by count, most frequent first; ties by name. */
static sedge_status list_all(sedge_model *m)
{
    size_t n = count_nodes(m->graph);
    m->op_name = sg_arena_array(&m->arena, n + 1, sizeof *m->op_name);
    m->op_count = sg_arena_array(&m->arena, n + 1, sizeof *m->op_count);
    if (!m->op_name || !m->op_count || list_info(m) != SEDGE_OK)
        return SEDGE_E_NOMEM;
    SG_TRY(count_ops(m, m->graph));
    for (int i = 1; i < m->n_op; i++)
        for (int k = i; k > 0 && m->op_count[k] > m->op_count[k - 1]; k--) {
            int c = m->op_count[k];
            m->op_count[k] = m->op_count[k - 1];
            m->op_count[k - 1] = c;
            const char *s = m->op_name[k];
            m->op_name[k] = m->op_name[k - 1];
            m->op_name[k - 1] = s;
        }
    return SEDGE_OK;
}

static sedge_status finish(sedge_model *m, const char *path, sg_err *err)
{
    const sg_import_library lib = {m->lib.data, m->lib.size};
    const sg_import_extra extra = {&lib, m->lib.data ? 1 : 0, m->custom, m->n_custom};
    if (sg_saved_is(m->data, m->size)) {
        SG_TRY(sg_saved_model(m, err));
    } else {
        SG_TRY(sg_import(&m->arena, m->data, m->size, path, &extra, &m->info, &m->graph, err));
        SG_TRY(sg_verify(m->graph, err));
    }
    return list_all(m) == SEDGE_OK ? SEDGE_OK : sg_fail(err, SEDGE_E_NOMEM, "out of memory");
}

static sedge_status load(sedge_model *m, const char *path, const sedge_model_opts *opts, sg_err *err)
{
    SG_TRY(sg_map_open(&m->map, path, err));
    m->data = m->map.data;
    m->size = m->map.size;
    if (opts->functions)
        SG_TRY(sg_map_open(&m->lib, opts->functions, err));
    if (opts->weights == SEDGE_WEIGHTS_COPY && m->size) {
        m->copy = sg_alloc_aligned(&m->mem, m->size);
        if (!m->copy)
            return sg_fail(err, SEDGE_E_NOMEM, "%s: no memory for %zu bytes", path, m->size);
        memcpy(m->copy, m->data, m->size);
        m->data = m->copy;
        sg_map_close(&m->map);
    }
    if (opts->weights == SEDGE_WEIGHTS_LOCK && m->size && mlock(m->data, m->size) != 0)
        return sg_fail(err, SEDGE_E_LIMIT, "%s: cannot lock %zu bytes in memory", path, m->size);
    return SEDGE_OK;
}

static sedge_status take_ops(sedge_model *m, const sedge_model_opts *opts, sg_err *err)
{
    if (opts->n_op <= 0)
        return SEDGE_OK;
    m->custom = sg_arena_array(&m->arena, (size_t)opts->n_op, sizeof *m->custom);
    if (!m->custom)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    m->n_custom = opts->n_op;
    m->op = opts->op;
    for (int i = 0; i < opts->n_op; i++)
        SG_TRY(sg_custom_init(&m->custom[i], &opts->op[i], err));
    return SEDGE_OK;
}

static sedge_status model_new(sedge_model **out, const sedge_model_opts *opts, sedge_error *err)
{
    *out = NULL;
    sg_mem mem = {.fn = opts->alloc, .ctx = opts->alloc_ctx, .limit = opts->memory_limit ? opts->memory_limit : sg_ram_bytes()};
    sedge_model *m = sg_calloc(&mem, 1, sizeof *m);
    if (!m)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    m->mem = mem;
    m->arena.mem = &m->mem;
    *out = m;
    sedge_status st = take_ops(m, opts, err);
    if (st != SEDGE_OK)
        sedge_model_close(out);
    return st;
}

sedge_status sedge_model_open(sedge_model **out, const char *path, const sedge_model_opts *opts, sedge_error *err)
{
    sedge_model_opts def = {0};
    sedge_error own = {0};
    err = err ? err : &own;
    opts = opts ? opts : &def;
    SG_TRY(model_new(out, opts, err));
    sedge_status st = load(*out, path, opts, err);
    if (st == SEDGE_OK && (st = finish(*out, path, err)) != SEDGE_OK) {
        sg_fail(err, st, "cannot be read");
        sg_err_where(err, "%s", path);
    }
    if (st != SEDGE_OK)
        sedge_model_close(out);
    return st;
}

sedge_status sedge_model_open_memory(sedge_model **out, const void *data, size_t size, const sedge_model_opts *opts,
                                     sedge_error *err)
{
    sedge_model_opts def = {0};
    sedge_error own = {0};
    err = err ? err : &own;
    SG_TRY(model_new(out, opts ? opts : &def, err));
    (*out)->data = data;
    (*out)->size = size;
    sedge_status st = finish(*out, NULL, err);
    if (st != SEDGE_OK) {
        sg_fail(err, st, "model cannot be read");
        sedge_model_close(out);
    }
    return st;
}

sedge_status sg_model_of_graph(sedge_model **out, const sg_graph *g, const sedge_model *like, sg_err *err)
{
    sedge_model_opts mo = {.alloc = like->mem.fn, .alloc_ctx = like->mem.ctx, .memory_limit = like->mem.limit};
    SG_TRY(model_new(out, &mo, err));
    sedge_model *m = *out;
    m->info = like->info;
    m->info.file = NULL; /* stays the other's */
    m->graph = sg_graph_clone(g, &m->arena);
    sedge_status st = m->graph ? list_all(m) : SEDGE_E_NOMEM;
    if (st != SEDGE_OK) {
        sg_fail(err, st, "out of memory");
        sedge_model_close(out);
    }
    return st;
}

static void io_of(const sg_graph *g, sg_vid v, const char *name, sedge_io *out)
{
    const sg_value *val = &g->value[v];
    memset(out, 0, sizeof *out);
    out->name = name ? name : "";
    out->kind = val->type.kind;
    out->dtype = val->type.dtype;
    out->rank = val->type.rank;
    for (int i = 0; i < val->type.rank; i++) {
        sg_dim d = val->type.dim[i];
        out->dim[i] = sg_dim_is_expr(d) ? -1 : d;
        if (sg_dim_is_expr(d))
            out->dim_name[i] = g->dims.node[sg_dim_expr(d)].name;
    }
}

/* Scale and zero point of a node that makes reals of integers or integers of reals, one for all elements. */
static void quant_of(const sg_graph *g, const sg_node *n, sedge_io *out)
{
    const sg_value *scale = &g->value[g->operand[n->in0 + 1].value];
    const sg_value *zero = n->n_in > 2 ? &g->value[g->operand[n->in0 + 2].value] : &g->value[0];
    double z = 0;
    if (!scale->data || sg_d_numel(&scale->type) != 1 || (zero != &g->value[0] && (!zero->data || sg_d_numel(&zero->type) != 1)))
        return;
    if (zero != &g->value[0])
        z = sg_load_f64((sg_dtype)zero->type.dtype, zero->data, 0);
    out->scale = (float)sg_load_f64((sg_dtype)scale->type.dtype, scale->data, 0);
    out->zero = (int32_t)z;
}

static bool moves(const sg_node *n)
{
    return n->op == SG_ROW(RESHAPE) || n->op == SG_ROW(TRANSPOSE);
}

/* What integers that come in are: by the first node that reads them as reals, also behind one that only moves them. */
static void quant_in(const sg_graph *g, sg_vid v, int depth, sedge_io *out)
{
    for (uint32_t u = g->value[v].uses; u && out->scale == 0; u = g->operand[u].next) {
        const sg_node *n = &g->node[g->operand[u].node];
        if (u == n->in0 && n->op == SG_ROW(DEQUANTIZE))
            quant_of(g, n, out);
        else if (u == n->in0 && moves(n) && depth > 0)
            quant_in(g, n->out[0], depth - 1, out);
    }
}

static void quant_out(const sg_graph *g, sg_vid v, int depth, sedge_io *out)
{
    const sg_node *n = &g->node[g->value[v].def];
    if (g->value[v].role != SG_COMPUTED)
        return;
    if (n->op == SG_ROW(QUANTIZE))
        quant_of(g, n, out);
    else if (depth > 0 && moves(n))
        quant_out(g, g->operand[n->in0].value, depth - 1, out);
}

/* The model's own state is no business of callers. */
int sedge_model_inputs(const sedge_model *m)
{
    return (int)m->graph->n_input - m->info.n_state;
}
int sedge_model_outputs(const sedge_model *m)
{
    return (int)m->graph->n_output - m->info.n_state;
}

int sedge_model_input(const sedge_model *m, int i, sedge_io *out)
{
    if (i < 0 || i >= sedge_model_inputs(m))
        return 0;
    io_of(m->graph, m->graph->input[i], m->graph->value[m->graph->input[i]].name, out);
    if (sg_is_int((sg_dtype)out->dtype))
        quant_in(m->graph, m->graph->input[i], 2, out);
    return 1;
}

int sedge_model_output(const sedge_model *m, int i, sedge_io *out)
{
    if (i < 0 || i >= sedge_model_outputs(m))
        return 0;
    io_of(m->graph, m->graph->output[i], m->output_name[i], out);
    if (sg_is_int((sg_dtype)out->dtype))
        quant_out(m->graph, m->graph->output[i], 2, out);
    return 1;
}

int sedge_model_op(const sedge_model *m, int i, const char **name, int *count)
{
    if (i < 0 || i >= m->n_op)
        return 0;
    *name = m->op_name[i];
    *count = m->op_count[i];
    return 1;
}
