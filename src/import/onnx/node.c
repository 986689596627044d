/* One node: finding what lowers its operator, running it, and binding its outputs to their names. */
#include <string.h>

#include "import/kinds.h"
#include "import/onnx/state.h"

const sg_onnx_op sg_onnx_ops[] = {
#define ONNX(domain, name, row, lower, extra) {domain, name, row, sg_lower_##lower, extra},
#include "import/onnx/ops.def"
#undef ONNX
    {NULL, NULL, -1, NULL, 0}};
#define TABLE_N (sizeof sg_onnx_ops / sizeof sg_onnx_ops[0] - 1)

/* What functions unfold to is bounded: a few of them calling each other twice would never end. */
#define LOWERED_MAX ((size_t)1 << 18)

/* More operands than any lowering names by number. */
#define SPARE 32

/* A power of two with room to spare. */
#define INDEX_N 4096u

static uint32_t hash2(const char *domain, const char *name)
{
    uint32_t h = 2166136261u; /* FNV-1a */
    for (; *domain; domain++)
        h = (h ^ (uint8_t)*domain) * 16777619u;
    h = (h ^ 0xffu) * 16777619u;
    for (; *name; name++)
        h = (h ^ (uint8_t)*name) * 16777619u;
    return (h ^ (h >> 16)) & (INDEX_N - 1);
}

sedge_status sg_onnx_index_build(sg_onnx *s)
{
    s->index = sg_arena_array(&s->tmp, INDEX_N, sizeof *s->index);
    if (!s->index)
        return sg_fail(s->err, SEDGE_E_NOMEM, "out of memory");
    for (size_t i = 0; i < TABLE_N && i < INDEX_N / 2; i++) {
        uint32_t at = hash2(sg_onnx_ops[i].domain, sg_onnx_ops[i].name);
        while (s->index[at])
            at = (at + 1) & (INDEX_N - 1);
        s->index[at] = (uint16_t)(i + 1);
    }
    return SEDGE_OK;
}

const sg_onnx_op *sg_onnx_op_find(const sg_onnx *s, const char *domain, const char *name)
{
    for (uint32_t at = hash2(domain, name); s->index[at]; at = (at + 1) & (INDEX_N - 1)) {
        const sg_onnx_op *op = &sg_onnx_ops[s->index[at] - 1];
        if (strcmp(op->name, name) == 0 && strcmp(op->domain, domain) == 0)
            return op;
    }
    return NULL;
}

bool sg_onnx_is_constant(const sg_onp_node *node)
{
    return !*node->domain && strcmp(node->op_type, "Constant") == 0;
}

int64_t sg_onnx_opset_of(const sg_onnx_frame *f, const char *domain)
{
    for (; f; f = f->caller)
        for (int i = 0; i < f->n_opset; i++)
            if (strcmp(f->opset[i].domain, domain) == 0)
                return f->opset[i].version;
    return 1;
}

/* Nodes of functions are called CALL/NODE, as long as that stays short: calls nest, and names are the model's. */
static sedge_status name_inside(sg_onnx *s, const char *prefix, const sg_onp_node *node, const char **out)
{
    const char *own = *node->name || !*prefix ? node->name : node->op_type;
    size_t a = strlen(prefix), b = strlen(own);
    *out = own;
    if (!a || a + b > 256)
        return SEDGE_OK;
    char *name = sg_arena_alloc(s->arena, a + b + 2);
    if (!name)
        return sg_fail(s->err, SEDGE_E_NOMEM, "out of memory");
    memcpy(name, prefix, a);
    name[a] = '/';
    memcpy(name + a + 1, own, b);
    *out = name;
    return SEDGE_OK;
}

int64_t sg_on_extra(const sg_onnx_node *n)
{
    const sg_onnx_op *e = sg_onnx_here(n)->entry;
    return e ? e->extra : 0;
}

bool sg_on_wants(const sg_onnx_node *n, int k)
{
    const sg_onnx_at *at = sg_onnx_here(n);
    if (k < 0 || k >= at->node->n_out || !*at->node->out[k])
        return false;
    const sg_onnx_slot *slot = sg_onnx_slot_find(&at->scope->table, at->node->out[k]);
    return slot && slot->flags & SG_SLOT_USED;
}

/* "domain.Op", or "Op" for ONNX's own. */
static const char *source_of(sg_onnx *s, const sg_onp_node *node)
{
    size_t a = strlen(node->domain), b = strlen(node->op_type);
    char *text = a ? sg_arena_alloc(s->arena, a + b + 2) : NULL;
    if (!text)
        return node->op_type;
    memcpy(text, node->domain, a);
    text[a] = '.';
    memcpy(text + a + 1, node->op_type, b);
    return text;
}

static sedge_status at_open(sg_onnx *s, sg_onnx_scope *sc, const sg_onp_node *node, sg_onnx_at *at)
{
    memset(at, 0, sizeof *at);
    at->imp = s;
    at->node = node;
    at->scope = sc;
    at->n = (sg_onnx_node){.g = sc->g,
                           .err = s->err,
                           .arena = s->arena,
                           .name = node->name,
                           .source = source_of(s, node),
                           .op_type = node->op_type,
                           .domain = node->domain,
                           .opset = sg_onnx_opset_of(sc->frame, node->domain),
                           .n_in = node->n_in,
                           .n_out = node->n_out,
                           .own = at};
    /* A lowering may look at operands that the node should have: those that it lacks are absent, not past the end. */
    at->n.in = sg_arena_array(&s->tmp, (size_t)node->n_in + SPARE, sizeof *at->n.in);
    at->n.out = sg_arena_array(&s->tmp, (size_t)node->n_out + SPARE, sizeof *at->n.out);
    if (!at->n.in || !at->n.out)
        return sg_fail(s->err, SEDGE_E_NOMEM, "out of memory");
    SG_TRY(name_inside(s, sc->frame->prefix, node, &at->n.name));
    for (int k = 0; k < node->n_in; k++)
        if (*node->in[k])
            SG_TRY(sg_onnx_resolve(s, sc, node->in[k], &at->n.in[k]));
    return SEDGE_OK;
}

static sedge_status outputs_bind(sg_onnx *s, sg_onnx_at *at)
{
    for (int k = 0; k < at->n.n_out; k++) {
        const char *name = at->node->out[k];
        sg_vid v = at->n.out[k];
        if (!*name)
            continue;
        if (!v && sg_on_wants(&at->n, k))
            return sg_fail(s->err, SEDGE_E_UNSUPPORTED, "output %d is not supported", k);
        if (!v)
            continue;
        if (!at->scope->frame->fn && !at->n.g->value[v].name)
            at->n.g->value[v].name = name;
        SG_TRY(sg_onnx_bind(s, at->scope, name, v, 0));
    }
    return SEDGE_OK;
}

const sg_custom *sg_onnx_custom_find(const sg_onnx *s, const sg_onp_node *node)
{
    for (int i = 0; i < s->n_custom; i++)
        if (strcmp(s->custom[i].op.name, node->op_type) == 0 && strcmp(s->custom[i].op.domain, node->domain) == 0)
            return &s->custom[i];
    return NULL;
}

#define CUSTOM_ATTRS_MAX 64

/* Attributes of an operator of the program, as lists (op/custom.c). One that cannot be kept is not dropped in silence. */
static sedge_status keep_attrs(sg_onnx_at *at, sg_nid id)
{
    sg_str name[CUSTOM_ATTRS_MAX], text[CUSTOM_ATTRS_MAX];
    int64_t kind[CUSTOM_ATTRS_MAX], whole[CUSTOM_ATTRS_MAX] = {0};
    double real[CUSTOM_ATTRS_MAX] = {0};
    size_t n = (size_t)at->node->n_attr;
    if (n > CUSTOM_ATTRS_MAX)
        return sg_fail(at->n.err, SEDGE_E_LIMIT, "%zu attributes, at most %d are possible", n, CUSTOM_ATTRS_MAX);
    for (size_t k = 0; k < n; k++) {
        const char *s = at->node->attr[k].name;
        const sg_onp_attr *a = sg_onnx_attr(at->scope->frame, at->node, s);
        int type = a ? a->type : 0;
        name[k] = (sg_str){s, strlen(s)};
        text[k] = (sg_str){"", 0};
        kind[k] = type == SG_AT_INT ? SG_AK_INT : type == SG_AT_FLOAT ? SG_AK_FLOAT : SG_AK_STR;
        if (type == SG_AT_INT)
            whole[k] = a->i;
        else if (type == SG_AT_FLOAT)
            real[k] = (double)a->f;
        else if (type == SG_AT_STRING)
            text[k] = (sg_str){sg_on_str(&at->n, s, ""), a->s.n};
        else if (a)
            return sg_fail(at->n.err, SEDGE_E_UNSUPPORTED, "attribute %.60s: operators of the program take numbers and strings",
                           s);
    }
    sg_graph *g = at->n.g;
    if (!sg_set_strs(g, id, SG_A_program_names, name, n) || !sg_set_ints(g, id, SG_A_program_kinds, kind, n) ||
        !sg_set_ints(g, id, SG_A_program_ints, whole, n) || !sg_set_floats(g, id, SG_A_program_floats, real, n) ||
        !sg_set_strs(g, id, SG_A_program_strings, text, n))
        return sg_fail(at->n.err, SEDGE_E_NOMEM, "out of memory");
    return SEDGE_OK;
}

static sedge_status lower_custom(sg_onnx_at *at, const sg_custom *c)
{
    sg_onnx_node *n = &at->n;
    sg_nid id = sg_ib_emit_op(n, &c->row, n->in, n->n_in, c->op.n_out);
    if (id && at->node->n_attr)
        SG_TRY(keep_attrs(at, id));
    for (int k = 0; id && k < n->n_out && k < c->op.n_out; k++)
        n->out[k] = sg_node_out(n->g, id, k);
    return sg_ib_done(n, id);
}

static sedge_status dispatch(sg_onnx *s, sg_onnx_at *at)
{
    const sg_onp_fn *fn = sg_onnx_fn_find(s, at->node, false);
    if (fn)
        return sg_onnx_call(at, fn);
    if (sg_onnx_is_constant(at->node))
        return sg_onnx_constant(at);
    at->entry = sg_onnx_op_find(s, at->n.domain, at->n.op_type);
    if (at->entry) {
        SG_TRY(at->entry->lower(&at->n));
        return s->err->status; /* attributes of a wrong type are only recorded */
    }
    const sg_custom *custom = sg_onnx_custom_find(s, at->node);
    if (custom)
        return lower_custom(at, custom);
    fn = sg_onnx_fn_find(s, at->node, true);
    if (fn)
        return sg_onnx_call(at, fn);
    return sg_fail(s->err, SEDGE_E_UNSUPPORTED, "the operator is not known");
}

static void blame(sg_onnx *s, const sg_onnx_at *at)
{
    if (strncmp(s->err->msg, "node ", 5) == 0)
        return;
    sg_err_where(s->err, "node %.80s (%.40s%s%.60s)", *at->n.name ? at->n.name : "unnamed", at->n.domain,
                 *at->n.domain ? "." : "", at->n.op_type);
}

sedge_status sg_onnx_node_lower(sg_onnx *s, sg_onnx_scope *sc, const sg_onp_node *node)
{
    sg_onnx_at at;
    if (sc->frame->fn && ++s->lowered > LOWERED_MAX)
        return sg_fail(s->err, SEDGE_E_LIMIT, "functions unfold to more than %zu nodes", LOWERED_MAX);
    sedge_status st = at_open(s, sc, node, &at);
    if (st == SEDGE_OK)
        st = dispatch(s, &at);
    if (st == SEDGE_OK)
        st = outputs_bind(s, &at);
    if (st != SEDGE_OK) {
        sg_fail(s->err, st, "%s", sedge_status_text(st));
        blame(s, &at);
        return s->err->status;
    }
    return SEDGE_OK;
}
