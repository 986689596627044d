/* One node: the line of the importer's table that reads back as it is, and its attributes. */
#include <string.h>

#include "export/onnx/write.h"
#include "import/kinds.h"
#include "import/onnx/forms.h"
#include "import/onnx/lower.h"

typedef enum way_kind {
    WAY_SINCE,
    WAY_SINCE_ATTR,
    WAY_SINCE_OPERAND,
    WAY_SINCE_TYPE,
    WAY_NEVER,
    WAY_NEEDS,
    WAY_LACKS,
    WAY_TAKES,
    WAY_WITHOUT,
    WAY_GIVES
} way_kind;

typedef struct way {
    way_kind what;
    const char *op, *attr;
    int k, opset; /* k: operand, element type or number of operands */
} way;

static const way ways[] = {
#define SINCE(operator, version)            {.what = WAY_SINCE, .op = operator, .opset = version },
#define SINCE_ATTR(operator, name, version) {.what = WAY_SINCE_ATTR, .op = operator, .attr = name, .opset = version},
#define SINCE_OPERAND(operator, n, version) {.what = WAY_SINCE_OPERAND, .op = operator, .k = n, .opset = version},
#define SINCE_TYPE(operator, type, version) {.what = WAY_SINCE_TYPE, .op = operator, .k = type, .opset = version},
#define NEVER(operator)                     {.what = WAY_NEVER, .op = operator},
#define NEEDS(operator, name)               {.what = WAY_NEEDS, .op = operator, .attr = name },
#define LACKS(operator, name)               {.what = WAY_LACKS, .op = operator, .attr = name },
#define TAKES(operator, n)                  {.what = WAY_TAKES, .op = operator, .k = n },
#define WITHOUT(operator, name)             {.what = WAY_WITHOUT, .op = operator, .attr = name },
#define GIVES(operator, n)                  {.what = WAY_GIVES, .op = operator, .k = n },
#include "export/onnx/ways.def"
};
#define WAYS_N (sizeof ways / sizeof *ways)

/* ---- attributes ---- */

sg_pbw_mark sg_ow_attr_open(sg_ow *w, const char *name, int type)
{
    sg_pbw_mark m = sg_pbw_open(&w->out, SG_PF_NODE_ATTRIBUTE);
    sg_pbw_str(&w->out, SG_PF_ATTR_NAME, name);
    sg_pbw_int(&w->out, SG_PF_ATTR_TYPE, type);
    return m;
}

void sg_ow_attr_int(sg_ow *w, const char *name, int64_t v)
{
    sg_pbw_mark m = sg_ow_attr_open(w, name, SG_AT_INT);
    sg_pbw_int(&w->out, SG_PF_ATTR_I, v);
    sg_pbw_close(&w->out, m);
}

void sg_ow_attr_str(sg_ow *w, const char *name, const char *s, size_t n)
{
    sg_pbw_mark m = sg_ow_attr_open(w, name, SG_AT_STRING);
    sg_pbw_bytes(&w->out, SG_PF_ATTR_S, s, n);
    sg_pbw_close(&w->out, m);
}

void sg_ow_attr(sg_ow *w, const char *name, const sg_attr *a)
{
    static const int type[] = {
        [SG_AK_INT] = SG_AT_INT,       [SG_AK_FLOAT] = SG_AT_FLOAT,  [SG_AK_STR] = SG_AT_STRING,   [SG_AK_INTS] = SG_AT_INTS,
        [SG_AK_FLOATS] = SG_AT_FLOATS, [SG_AK_STRS] = SG_AT_STRINGS, [SG_AK_TENSOR] = SG_AT_TENSOR};
    if (!a || !a->set)
        return;
    sg_pbw_mark m = sg_ow_attr_open(w, name, type[a->kind]);
    switch ((sg_attr_kind)a->kind) {
    case SG_AK_INT: sg_pbw_int(&w->out, SG_PF_ATTR_I, a->u.i); break;
    case SG_AK_FLOAT: sg_pbw_f32(&w->out, SG_PF_ATTR_F, (float)a->u.f); break;
    case SG_AK_STR: sg_pbw_bytes(&w->out, SG_PF_ATTR_S, a->u.s, a->n); break;
    case SG_AK_INTS:
        for (uint32_t i = 0; i < a->n; i++)
            sg_pbw_int(&w->out, SG_PF_ATTR_INTS, a->u.ints[i]);
        break;
    case SG_AK_FLOATS:
        for (uint32_t i = 0; i < a->n; i++)
            sg_pbw_f32(&w->out, SG_PF_ATTR_FLOATS, (float)a->u.floats[i]);
        break;
    case SG_AK_STRS:
        for (uint32_t i = 0; i < a->n; i++)
            sg_pbw_borrow(&w->out, SG_PF_ATTR_STRINGS, a->u.strs[i].p, a->u.strs[i].n);
        break;
    case SG_AK_TENSOR: sg_ow_tensor(w, SG_PF_ATTR_T, a->u.t, NULL); break;
    }
    sg_pbw_close(&w->out, m);
}

/* The line of forms.def for an operator of a row, about an attribute by ONNX's name (or, for NAME, by the row's). */
static const sg_onnx_form *form_find(const sg_onnx_op *e, sg_onnx_form_kind what, const char *attr)
{
    for (const sg_onnx_form *f = sg_onnx_forms; f->what != SG_FORM_NONE; f++)
        if (f->what == what && (f->row < 0 || f->row == e->row) && (!f->op || strcmp(f->op, e->name) == 0) && f->before == 0 &&
            strcmp(what == SG_FORM_NAME ? f->text : f->attr, attr) == 0)
            return f;
    return NULL;
}

static const char *onnx_name(const sg_onnx_op *e, const char *own)
{
    const sg_onnx_form *f = form_find(e, SG_FORM_NAME, own);
    return f ? f->attr : own;
}

/* Word number k of a list, its first synonym; NULL: there is none. */
static const char *word_at(const char *words, int64_t k, size_t *n)
{
    for (; k > 0 && *words; k--) {
        words += strcspn(words, " ");
        words += *words == ' ';
    }
    *n = strcspn(words, " =");
    return k == 0 && *n ? words : NULL;
}

static sedge_status attr_int(sg_ow *w, const sg_onnx_op *e, const char *name, int64_t v)
{
    const sg_onnx_form *words = form_find(e, SG_FORM_WORDS, name);
    size_t n;
    if (words) {
        const char *s = word_at(words->text, v, &n);
        if (!s)
            return sg_fail(w->err, SEDGE_E_UNSUPPORTED, "%s has no value %lld in ONNX", name, (long long)v);
        sg_ow_attr_str(w, name, s, n);
    } else if (!form_find(e, SG_FORM_TYPE, name)) {
        sg_ow_attr_int(w, name, v);
    } else {
        sg_ow_attr_int(w, name, sg_dtypes[v].onnx);
    }
    return SEDGE_OK;
}

/* The parameters of a function of one element are those that its formula names. */
static bool formula_has(int64_t kind, sg_attr_id id)
{
    static const char *const formula[] = {
#define UNARY(id, name, formula, derivative) #formula,
#include "op/fn.def"
#undef UNARY
    };
    const char letter = id == SG_A_alpha ? 'a' : id == SG_A_beta ? 'b' : 'g';
    if (kind < 0 || kind >= SG_UNARY_COUNT)
        return false;
    for (const char *s = formula[kind]; *s; s += *s != 0) {
        size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_");
        if (n == 1 && *s == letter)
            return true;
        s += n;
        if (!*s)
            break;
    }
    return false;
}

/* ONNX's operator has no such attribute: then it must say nothing (`says`). */
static bool unknown(const sg_onnx_op *e, const sg_node *n, const sg_attr *a, const char *name, bool *says)
{
    const sg_attr_decl *d = &n->op->attrs[a - n->attr];
    *says = a->set && (a->kind == SG_AK_INT     ? a->u.i != d->i
                       : a->kind == SG_AK_FLOAT ? a->u.f != d->f
                                                : a->n > 0 || a->kind == SG_AK_TENSOR);
    if (n->op == SG_ROW(UNARY) && a->id != SG_A_kind) {
        *says = false;
        return !formula_has(sg_attr_find(n->attr, n->n_attr, SG_A_kind)->u.i, (sg_attr_id)a->id);
    }
    for (size_t i = 0; i < WAYS_N; i++)
        if (ways[i].what == WAY_WITHOUT && strcmp(ways[i].op, e->name) == 0 && strcmp(ways[i].attr, name) == 0)
            return true;
    return false;
}

/* What is set, and what would be read as something else if it were absent. */
static sedge_status attr_write(sg_ow *w, const sg_onnx_op *e, const sg_node *n, const sg_attr *a)
{
    const char *own = sg_attr_names[a->id], *name = onnx_name(e, own);
    sg_attr value = *a;
    bool says;
    if (unknown(e, n, a, name, &says))
        return says ? sg_fail(w->err, SEDGE_E_UNSUPPORTED, "ONNX's %s has no %s", e->name, name) : SEDGE_OK;
    if (a->id == SG_A_kind) {
        if (name == own)
            return SEDGE_OK;
        value.u.i -= e->extra;
    } else if (!a->set && !form_find(e, SG_FORM_VALUE, own)) {
        return SEDGE_OK;
    } else if (a->kind == SG_AK_INT && a->u.i == SG_NONE && form_find(e, SG_FORM_TYPE, name)) {
        return SEDGE_OK; /* no type is said */
    }
    for (size_t i = 0; i < WAYS_N; i++) {
        if (ways[i].what != WAY_SINCE_ATTR || strcmp(ways[i].op, e->name) != 0 || strcmp(ways[i].attr, name) != 0)
            continue;
        if (!says)
            return SEDGE_OK; /* what goes without saying needs no newer opset */
        SG_TRY(sg_ow_need(w, e->domain, ways[i].opset));
    }
    value.set = true;
    if (value.kind == SG_AK_INT)
        return attr_int(w, e, name, value.u.i);
    sg_ow_attr(w, name, &value);
    return SEDGE_OK;
}

/* ---- operators ---- */

static bool kind_fits(const sg_onnx_op *e, const sg_node *n)
{
    const sg_attr *kind = sg_attr_find(n->attr, n->n_attr, SG_A_kind);
    if (!kind || kind->u.i == e->extra)
        return true;
    const sg_onnx_form *f = form_find(e, SG_FORM_NAME, "kind");
    const sg_onnx_form *words = f ? form_find(e, SG_FORM_WORDS, f->attr) : NULL;
    int64_t k = kind->u.i - e->extra;
    size_t length;
    return words ? k > 0 && word_at(words->text, k, &length) : f && k == 1;
}

static bool way_fits(const way *y, const sg_node *n)
{
    if (y->what == WAY_NEVER)
        return false;
    if (y->what == WAY_TAKES)
        return n->n_in == y->k;
    if (y->what != WAY_NEEDS && y->what != WAY_LACKS)
        return true;
    bool set = false;
    for (int i = 0; i < n->n_attr; i++)
        set = set || (n->attr[i].set && strcmp(sg_attr_names[n->attr[i].id], y->attr) == 0);
    return set == (y->what == WAY_NEEDS);
}

/* The first operator that reads as this node. Those of other domains that a function lowers mean something else than their row. */
static const sg_onnx_op *operator_find(const sg_node *n)
{
    for (const sg_onnx_op *e = sg_onnx_ops; e->name; e++) {
        bool fits = e->row >= 0 && n->op == &sg_ops[e->row] && kind_fits(e, n) &&
                    (e->lower == sg_lower_direct || strcmp(e->domain, "com.microsoft") != 0);
        for (size_t i = 0; i < WAYS_N && fits; i++)
            if (ways[i].op && strcmp(ways[i].op, e->name) == 0)
                fits = way_fits(&ways[i], n);
        if (fits)
            return e;
    }
    return NULL;
}

static sedge_status since(sg_ow *w, const sg_ow_scope *sc, const sg_node *n, const sg_onnx_op *e)
{
    for (const way *y = ways; y < ways + WAYS_N; y++) {
        bool asks = y->what == WAY_SINCE;
        if (y->op && strcmp(y->op, e->name) != 0)
            continue;
        if (y->what == WAY_SINCE_OPERAND)
            asks = y->k < n->n_in && sg_node_in(sc->g, (sg_nid)(n - sc->g->node), y->k);
        for (int k = 0; y->what == WAY_SINCE_TYPE && !asks && k < n->n_in + n->n_out; k++) {
            sg_vid v = k < n->n_in ? sc->g->operand[n->in0 + (uint32_t)k].value : n->out[k - n->n_in];
            asks = v && sc->g->value[v].type.dtype == y->k;
        }
        if (asks)
            SG_TRY(sg_ow_need(w, y->what == WAY_SINCE ? e->domain : "", y->opset));
    }
    return sg_ow_need(w, e->domain, 0);
}

/* Nodes that were one operator have its name together, which must be unique, but not among the values: there they stand behind a newline. */
static const char *node_name(sg_ow *w, const char *name)
{
    const size_t n = strlen(name);
    char *base = sg_arena_alloc(w->arena, n + 2);
    if (!base)
        return sg_ow_nomem(w), "";
    base[0] = '\n';
    memcpy(base + 1, name, n + 1);
    const char *unique = sg_ow_unique(w, base);
    return *unique ? unique + 1 : unique;
}

sg_pbw_mark sg_ow_node_open(sg_ow *w, sg_ow_scope *sc, sg_nid from, sg_nid id, const char *domain, const char *op, int n_in,
                            int n_out)
{
    const sg_node *n = &sc->g->node[id];
    int least = 0;
    for (size_t i = 0; i < WAYS_N; i++)
        if (ways[i].what == WAY_GIVES && strcmp(ways[i].op, op) == 0)
            least = ways[i].k;
    sg_pbw_mark m = sg_pbw_open(&w->out, SG_PF_GRAPH_NODE);
    while (n_in > 0 && !sg_node_in(sc->g, from, n_in - 1))
        n_in--;
    for (int k = 0; k < n_in; k++)
        sg_pbw_str(&w->out, SG_PF_NODE_INPUT, sg_ow_name(w, sc, sg_node_in(sc->g, from, k)));
    for (int k = 0; k < n_out || k < least; k++) {
        sg_vid v = sg_node_out(sc->g, id, k);
        sg_pbw_str(&w->out, SG_PF_NODE_OUTPUT, v || k >= least ? sg_ow_name(w, sc, v) : sg_ow_unique(w, NULL));
    }
    if (n->name && *n->name)
        sg_pbw_str(&w->out, SG_PF_NODE_NAME, node_name(w, n->name));
    sg_pbw_str(&w->out, SG_PF_NODE_OP_TYPE, op);
    if (*domain)
        sg_pbw_str(&w->out, SG_PF_NODE_DOMAIN, domain);
    return m;
}

void sg_ow_identity(sg_ow *w, const char *from, const char *to)
{
    sg_pbw_mark m = sg_pbw_open(&w->out, SG_PF_GRAPH_NODE);
    sg_pbw_str(&w->out, SG_PF_NODE_INPUT, from);
    sg_pbw_str(&w->out, SG_PF_NODE_OUTPUT, to);
    sg_pbw_str(&w->out, SG_PF_NODE_OP_TYPE, "Identity");
    sg_pbw_close(&w->out, m);
}

sedge_status sg_ow_node(sg_ow *w, sg_ow_scope *sc, sg_nid id)
{
    const sg_node *n = &sc->g->node[id];
    bool done = false;
    SG_TRY(sg_ow_special(w, sc, id, &done));
    if (done)
        return SEDGE_OK;
    const sg_onnx_op *e = operator_find(n);
    const sg_attr *kind = sg_attr_find(n->attr, n->n_attr, SG_A_kind);
    if (!e && kind)
        return sg_fail(w->err, SEDGE_E_UNSUPPORTED, "the row %s of kind %lld has no form in ONNX", n->op->name,
                       (long long)kind->u.i);
    if (!e)
        return sg_fail(w->err, SEDGE_E_UNSUPPORTED, "the row %s has no form in ONNX", n->op->name);
    SG_TRY(since(w, sc, n, e));
    sg_pbw_mark m = sg_ow_node_open(w, sc, id, id, e->domain, e->name, n->n_in, n->n_out);
    for (int i = 0; i < n->n_attr; i++)
        SG_TRY(attr_write(w, e, n, &n->attr[i]));
    sg_pbw_close(&w->out, m);
    return SEDGE_OK;
}
