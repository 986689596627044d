/* One operator: finding what lowers it, handing it its operands, and taking its results. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "import/kinds.h"
#include "import/tflite/tflite.h"

static const sg_tf_op table[] = {
#define TFL(code, name, mode, lower, row, extra, act) {code, name, SG_TF_##mode, sg_tf_##lower, row, extra, SG_TF_##act},
#include "import/tflite/ops.def"
#undef TFL
};
#define TABLE_N (sizeof table / sizeof table[0])

/* What calls unfold to is bounded: a few subgraphs calling each other twice would never end. */
#define LOWERED_MAX ((size_t)1 << 18)

/* More operands than any lowering names by number. */
#define SPARE 32

const sg_tf_op *sg_tf_op_find(int code, const char *custom)
{
    for (size_t i = 0; i < TABLE_N; i++)
        if (table[i].code == code && (!custom || strcmp(table[i].name, custom) == 0))
            return &table[i];
    return NULL;
}

/* ---- quantization ---- */

static bool same_quant(const sg_tf_tensor *a, const sg_tf_tensor *b)
{
    return a->dtype == b->dtype && a->scale.n == 1 && b->scale.n == 1 && sg_fb_at(&a->scale, 0, 4) == sg_fb_at(&b->scale, 0, 4) &&
           (a->zero.n ? sg_fb_at(&a->zero, 0, 8) : 0) == (b->zero.n ? sg_fb_at(&b->zero, 0, 8) : 0);
}

/* All operands and results that are quantized mean the same by their integers. */
static bool all_same(const sg_ib *n)
{
    const sg_tf_at *at = sg_tf_here(n);
    const sg_tf_tensor *first = NULL;
    for (int k = 0; k < n->n_in + n->n_out; k++) {
        const sg_tf_tensor *t = k < n->n_in ? &at->in[k] : &at->out[k - n->n_in];
        if (!sg_tf_is_quant(t))
            continue;
        if (first && !same_quant(first, t))
            return false;
        first = first ? first : t;
    }
    return true;
}

static sg_vid zero_points(sg_ib *n, const sg_tf_tensor *t)
{
    size_t count = t->zero.n;
    bool any = t->scale.n == 1;
    for (uint32_t i = 0; i < count; i++)
        any = any || sg_fb_at(&t->zero, i, 8) != 0;
    if (!any)
        return SG_NONE_ID;
    int64_t dim = (int64_t)t->scale.n;
    int32_t *z = sg_arena_array(n->arena, t->scale.n, sizeof *z);
    for (uint32_t i = 0; z && i < t->scale.n; i++)
        sg_store_i64(t->dtype, z, i, count ? sg_fb_at(&t->zero, i < count ? i : 0, 8) : 0);
    sg_vid v = z ? sg_const_new(n->g, t->dtype, t->scale.n > 1, &dim, z, NULL) : SG_NONE_ID;
    if (!v)
        sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
    return v;
}

static sg_vid scales(sg_ib *n, const sg_tf_tensor *t)
{
    int64_t dim = (int64_t)t->scale.n;
    sg_vid v = sg_const_new(n->g, SG_F32, t->scale.n > 1, &dim, sg_fb_data(&t->scale), NULL);
    if (!v)
        sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
    return v;
}

sg_vid sg_tf_dequant(sg_ib *n, sg_vid v, const sg_tf_tensor *t, int axis)
{
    return sg_ib_node(n, SG_OP_DEQUANTIZE, SG_INS(v, scales(n, t), zero_points(n, t)),
                      SG_SET({SG_A_axis, .i = axis < 0 ? 0 : axis}));
}

sg_vid sg_tf_requant(sg_ib *n, sg_vid v, const sg_tf_tensor *t)
{
    return sg_ib_node(n, SG_OP_QUANTIZE, SG_INS(v, scales(n, t), zero_points(n, t)),
                      SG_SET({SG_A_axis, .i = t->axis < 0 ? 0 : t->axis}, {SG_A_output_dtype, .i = t->dtype}));
}

/* ---- the fused activation ---- */

enum { ACT_NONE, ACT_RELU, ACT_RELU_N1_TO_1, ACT_RELU6, ACT_TANH, ACT_SIGN_BIT };

static const struct {
    double lo, hi;
} bounds[] = {[ACT_RELU] = {0, INFINITY}, [ACT_RELU_N1_TO_1] = {-1, 1}, [ACT_RELU6] = {0, 6}};

/* Bounds on integers, where the type has not the same ones. */
static sg_vid bounded(sg_ib *n, sg_vid v, const sg_tf_tensor *t, int act)
{
    double scale = sg_load_f64(SG_F32, sg_fb_data(&t->scale), 0), zero = sg_tf_zero(t);
    int32_t lo, hi;
    sg_q_range(t->dtype, &lo, &hi);
    double from = zero + floor(bounds[act].lo / scale + 0.5), to = zero + floor(bounds[act].hi / scale + 0.5);
    if (!(scale > 0) || (from <= lo && to >= hi))
        return v;
    return sg_ib_emit1(n, SG_OP_CLIP,
                       SG_INS(v, sg_ib_scalar(n, t->dtype, fmin(fmax(from, lo), hi)), sg_ib_scalar(n, t->dtype, fmin(to, hi))));
}

static sg_vid active(sg_ib *n, sg_vid v, int act)
{
    switch (act) {
    case ACT_NONE: return v;
    case ACT_RELU: return sg_ib_unary(n, SG_UNARY_RELU, v, 0, 0);
    case ACT_TANH: return sg_ib_unary(n, SG_UNARY_TANH, v, 0, 0);
    case ACT_RELU_N1_TO_1:
    case ACT_RELU6:
        return sg_ib_emit1(n, SG_OP_CLIP,
                           SG_INS(v, sg_ib_scalar(n, SG_F32, bounds[act].lo), sg_ib_scalar(n, SG_F32, bounds[act].hi)));
    default: sg_tf_unsupported(n, "this fused activation"); return SG_NONE_ID;
    }
}

sg_vid sg_tf_result(sg_ib *n, int k, sg_vid v)
{
    const sg_tf_at *at = sg_tf_here(n);
    const sg_tf_tensor *t = &at->out[k];
    int act = (int)sg_tf_int(n, at->op->act);
    if (!v || k >= n->n_out)
        return v;
    bool real = sg_ib_type(n, v)->dtype == SG_F32, quant = sg_tf_is_quant(t),
         on_integers = quant && act >= ACT_RELU && act <= ACT_RELU6;
    if (!on_integers && act)
        v = active(n, v, act);
    if (v && quant && real)
        v = sg_tf_requant(n, v, t);
    return v && on_integers ? bounded(n, v, t, act) : v;
}

/* ---- the operator ---- */

static sedge_status around(sg_ib *n, sg_tf_mode mode)
{
    const sg_tf_at *at = sg_tf_here(n);
    bool real = mode == SG_TF_REAL || (mode == SG_TF_MOVE && !all_same(n));
    for (int k = 0; real && k < n->n_in; k++)
        if (n->in[k] && sg_tf_is_quant(&at->in[k]) && !(n->in[k] = sg_tf_dequant(n, n->in[k], &at->in[k], at->in[k].axis)))
            return n->err->status;
    SG_TRY(at->op->lower(n));
    for (int k = 0; mode != SG_TF_OWN && k < n->n_out; k++)
        if (n->out[k] && !(n->out[k] = sg_tf_result(n, k, n->out[k])))
            return n->err->status;
    return n->err->status;
}

/* A tensor that keeps its value from run to run: a variable of its own. */
static sedge_status kept(sg_tf_scope *sc, int64_t id, const sg_tf_tensor *t)
{
    char text[160];
    snprintf(text, sizeof text, "%.100s (tensor %lld)", t->name, (long long)id);
    const char *name = sg_arena_str(sc->s->arena, text, strlen(text));
    if (!name)
        return sg_fail(sc->s->err, SEDGE_E_NOMEM, "out of memory");
    SG_TRY(sg_tf_var_named(sc->s, name, &sc->var[id]));
    return sg_tf_var_open(sc, &sc->s->var[sc->var[id] - 1], t);
}

sedge_status sg_tf_keep(sg_ib *n, int k, sg_vid v)
{
    const sg_tf_at *at = sg_tf_here(n);
    int64_t id = k < n->n_in ? sg_fb_at(&at->in_id, (uint32_t)k, 4) : -1;
    if (id < 0 || !at->sc->var[id])
        return SEDGE_OK;
    at->sc->s->var[at->sc->var[id] - 1].now = v;
    return v ? SEDGE_OK : sg_ib_end(n, 0, v);
}

static sedge_status value_of(sg_tf_scope *sc, int64_t id, const sg_tf_tensor *t, sg_vid *out)
{
    int64_t numel;
    if (id < 0 || t->dtype == SG_NONE)
        return SEDGE_OK;
    bool empty = sg_numel_checked(t->dim, t->rank, &numel) && numel == 0;
    if (!sc->value[id] && t->variable) {
        SG_TRY(kept(sc, id, t));
        *out = sc->s->var[sc->var[id] - 1].now;
        return SEDGE_OK;
    }
    if (!sc->value[id] && (t->data.p || empty))
        sc->value[id] = sg_tf_const(sc, t);
    else if (!sc->value[id])
        return sg_fail(sc->s->err, SEDGE_E_FORMAT, "operand %.100s is computed nowhere before", t->name);
    *out = sc->value[id];
    return *out ? SEDGE_OK : sc->s->err->status;
}

sedge_status sg_tf_value(sg_tf_scope *sc, int64_t id, sg_vid *out)
{
    sg_tf_tensor t;
    SG_TRY(sg_tf_tensor_read(sc, id, &t));
    return value_of(sc, id, &t, out);
}

static sedge_status tensors(sg_tf_scope *sc, const sg_fb_vec *id, sg_tf_tensor **out)
{
    *out = sg_arena_array(&sc->s->tmp, (size_t)id->n + SPARE, sizeof **out);
    if (!*out)
        return sg_fail(sc->s->err, SEDGE_E_NOMEM, "out of memory");
    for (uint32_t k = 0; k < id->n; k++)
        SG_TRY(sg_tf_tensor_read(sc, sg_fb_at(id, k, 4), &(*out)[k]));
    return SEDGE_OK;
}

static sedge_status at_open(sg_tf_scope *sc, const sg_fb_table *node, sg_tf_at *at, sg_ib *n)
{
    sg_tf *s = sc->s;
    int64_t code = sg_tf_get(node, SG_TF_OPERATOR_CODE);
    if (!node->at || code < 0 || code >= s->n_code || !s->code[code].op)
        return sg_tf_bad(s, "operator");
    *at = (sg_tf_at){.sc = sc, .op = s->code[code].op, .node = *node, .opts = sg_tf_sub(node, SG_TF_OPERATOR_OPTIONS)};
    if (!at->opts.at)
        at->opts = sg_tf_sub(node, SG_TF_OPERATOR_OPTIONS2);
    at->in_id = sg_tf_vec(node, SG_TF_OPERATOR_INPUTS);
    at->out_id = sg_tf_vec(node, SG_TF_OPERATOR_OUTPUTS);
    if (at->in_id.n > UINT16_MAX - SPARE || at->out_id.n > UINT16_MAX - SPARE)
        return sg_fail(s->err, SEDGE_E_LIMIT, "%u operands, %u results", at->in_id.n, at->out_id.n);
    *n = (sg_ib){.g = sc->g,
                 .err = s->err,
                 .arena = s->arena,
                 .name = "",
                 .op_type = at->op->name,
                 .domain = "",
                 .source = at->op->name,
                 .opset = s->code[code].version,
                 .n_in = (int)at->in_id.n,
                 .n_out = (int)at->out_id.n,
                 .own = at};
    SG_TRY(tensors(sc, &at->in_id, &at->in));
    SG_TRY(tensors(sc, &at->out_id, &at->out));
    n->name = n->n_out ? at->out[0].name : "";
    n->in = sg_arena_array(&s->tmp, at->in_id.n + SPARE, sizeof *n->in);
    n->out = sg_arena_array(&s->tmp, at->out_id.n + SPARE, sizeof *n->out);
    if (!n->in || !n->out)
        return sg_fail(s->err, SEDGE_E_NOMEM, "out of memory");
    for (int k = 0; k < n->n_in; k++) {
        bool complex = at->op->lower == sg_tf_complex_part || at->op->lower == sg_tf_complex_abs ||
                       at->op->lower == sg_tf_reshape;
        if (at->in[k].dtype == SG_C64 && !complex)
            return sg_fail(s->err, SEDGE_E_UNSUPPORTED, "complex operands are not supported");
        SG_TRY(value_of(sc, sg_fb_at(&at->in_id, (uint32_t)k, 4), &at->in[k], &n->in[k]));
    }
    return SEDGE_OK;
}

static sedge_status results_bind(sg_tf_at *at, const sg_ib *n)
{
    for (int k = 0; k < n->n_out; k++) {
        int64_t id = sg_fb_at(&at->out_id, (uint32_t)k, 4);
        if (id < 0 || at->out[k].dtype == SG_NONE)
            continue;
        if (!n->out[k] && at->sc->wanted[id])
            return sg_fail(n->err, SEDGE_E_UNSUPPORTED, "result %d is not supported", k);
        sg_dtype want = at->out[k].dtype == SG_C64 ? SG_F32 : at->out[k].dtype; /* lower_signal.c */
        if (n->out[k] && n->g->value[n->out[k]].type.dtype != want)
            return sg_fail(n->err, SEDGE_E_TYPE, "result %d is %s, the file says %s", k,
                           sg_dtypes[n->g->value[n->out[k]].type.dtype].name, sg_dtypes[want].name);
        if (n->out[k] && !n->g->value[n->out[k]].name)
            n->g->value[n->out[k]].name = at->out[k].name;
        at->sc->value[id] = n->out[k];
    }
    return SEDGE_OK;
}

sedge_status sg_tf_node_lower(sg_tf_scope *sc, const sg_fb_table *node)
{
    sg_tf_at at = {0};
    sg_ib n = {0};
    if (++sc->s->lowered > LOWERED_MAX)
        return sg_fail(sc->s->err, SEDGE_E_LIMIT, "calls unfold to more than %zu operators", LOWERED_MAX);
    sedge_status st = at_open(sc, node, &at, &n);
    if (st == SEDGE_OK)
        st = around(&n, at.op->mode);
    if (st == SEDGE_OK)
        st = results_bind(&at, &n);
    if (st == SEDGE_OK && sc->s->fb.bad)
        st = sg_tf_bad(sc->s, "operator");
    if (st == SEDGE_OK)
        return st;
    sg_fail(sc->s->err, st, "%s", sedge_status_text(st));
    if (at.op && strncmp(sc->s->err->msg, "node ", 5) != 0)
        sg_err_where(sc->s->err, "node %.80s (%.60s)", n.name && *n.name ? n.name : "unnamed", at.op->name);
    return sc->s->err->status;
}

/* ---- building blocks ---- */

sedge_status sg_tf_unsupported(sg_ib *n, const char *what)
{
    return sg_fail(n->err, SEDGE_E_UNSUPPORTED, "%s is not supported", what);
}

static sg_vid turned(sg_ib *n, sg_vid v, bool first)
{
    int64_t perm[SG_RANK_MAX] = {0};
    int rank = v ? sg_ib_type(n, v)->rank : 0;
    if (v && rank < 3) {
        sg_tf_unsupported(n, "an operand of this rank");
        return SG_NONE_ID;
    }
    for (int i = 1; i < rank; i++)
        perm[i] = first ? (i == 1 ? rank - 1 : i - 1) : (i == rank - 1 ? 1 : i + 1);
    return v ? sg_ib_transpose(n, v, perm, rank) : SG_NONE_ID;
}

sg_vid sg_tf_to_first(sg_ib *n, sg_vid v)
{
    return turned(n, v, true);
}

sg_vid sg_tf_to_last(sg_ib *n, sg_vid v)
{
    return turned(n, v, false);
}

sg_vid sg_tf_i64(sg_ib *n, int k)
{
    int64_t count;
    sg_vid v = sg_ib_in(n, k);
    if (!v || sg_ib_type(n, v)->dtype == SG_I64)
        return v;
    const int64_t *p = n->g->value[v].role == SG_CONST ? sg_ib_const_ints(n, k, &count) : NULL;
    if (!p)
        return sg_ib_cast(n, v, SG_I64);
    sg_vid c = sg_const_new(n->g, SG_I64, sg_ib_type(n, v)->rank, sg_ib_type(n, v)->dim, p, NULL);
    if (!c)
        sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
    return c;
}
