/* Shape rules of the ops with regions: types go in by operands and come out joined or widened. */
#include <string.h>

#include "op/op.h"

/* Which symbol of a region stands for which dim outside. Regions have tables of their own, so an expression of
 * one table means nothing in another. Dims beyond the map's room get symbols of their own, which only loses facts. */
#define MAP_MAX 64
typedef struct dim_map {
    int n;
    sg_dim outer[MAP_MAX], inner[MAP_MAX];
} dim_map;

static bool map_has_inner(const dim_map *m, sg_dim d)
{
    for (int i = 0; i < m->n; i++)
        if (m->inner[i] == d)
            return true;
    return false;
}

static bool is_symbol(const sg_graph *r, sg_dim d)
{
    return sg_dim_is_expr(d) && sg_dim_expr(d) < r->dims.n && r->dims.node[sg_dim_expr(d)].op == SG_DIM_SYM;
}

/* The name of dims that were found to vary from step to step. They stay so when the rule runs again: each could
 * cost another pass over the body, and over all bodies inside it. */
static const char varies[] = "(varies)";

static bool is_varying(const sg_graph *r, sg_dim d)
{
    const char *name = is_symbol(r, d) ? r->dims.node[sg_dim_expr(d)].name : NULL;
    return name && strcmp(name, varies) == 0;
}

/* The dim inside region r of outer dim d; `old` is what stood there before and is kept where it can be. */
static sg_dim dim_enter(sg_graph *r, dim_map *m, sg_dim d, sg_dim old)
{
    if (!sg_dim_is_expr(d))
        return d;
    for (int i = 0; i < m->n; i++)
        if (m->outer[i] == d)
            return m->inner[i];
    if (m->n == MAP_MAX)
        return sg_dim_sym(&r->dims, NULL, 0);
    if (!is_symbol(r, old) || map_has_inner(m, old))
        old = sg_dim_sym(&r->dims, NULL, 0);
    m->outer[m->n] = d;
    m->inner[m->n++] = old;
    return old;
}

/* Gives input k of region r the outer type t. */
static sedge_status type_enter(sg_infer *c, sg_graph *r, dim_map *m, size_t k, const sg_type *t)
{
    if (!t)
        return SG_INFER_FAIL(c, SEDGE_E_FORMAT, "input %d of the region has no value", (int)k);
    sg_value *v = &r->value[r->input[k]];
    sg_type old = v->type, in = *t;
    in.layout = 0;
    in.quant = 0;
    for (int i = 0; i < in.rank; i++) {
        in.dim[i] = i < old.rank ? old.dim[i] : 0;
        if (!is_varying(r, in.dim[i]))
            in.dim[i] = dim_enter(r, m, t->dim[i], in.dim[i]);
        if (in.dim[i] == SG_DIM_BAD)
            return SG_INFER_FAIL(c, SEDGE_E_NOMEM, "out of memory");
    }
    v->type = in;
    v->content = NULL;
    v->n_content = 0;
    return SEDGE_OK;
}

/* The same for a carried value. A rank that was lost stays lost. */
static sedge_status carried_enter(sg_infer *c, sg_graph *r, dim_map *m, size_t k, const sg_type *t)
{
    bool lost = r->value[r->input[k]].type.rank < 0;
    SG_TRY(type_enter(c, r, m, k, t));
    if (lost)
        r->value[r->input[k]].type.rank = -1;
    return SEDGE_OK;
}

/* Operands from `first` on are captures: the same value in every call, so what is known of it is known inside. */
static sedge_status captures_enter(sg_infer *c, sg_graph *r, dim_map *m, int first, int count, size_t at)
{
    for (int k = 0; k < count; k++) {
        SG_TRY(type_enter(c, r, m, at + (size_t)k, c->in[first + k]));
        int64_t n;
        const sg_dim *d = sg_in_content(c, first + k, &n);
        bool numbers = d != NULL && n <= SG_CONTENT_MAX;
        for (int64_t i = 0; numbers && i < n; i++)
            numbers = !sg_dim_is_expr(d[i]);
        if (!numbers)
            continue;
        sg_value *v = &r->value[r->input[at + (size_t)k]];
        v->content = sg_arena_dup(r->arena, d, (size_t)n * sizeof *d);
        if (!v->content)
            return SG_INFER_FAIL(c, SEDGE_E_NOMEM, "out of memory");
        v->n_content = (uint32_t)n;
    }
    return SEDGE_OK;
}

/* The type outside of a type inside. */
static void type_leave(sg_infer *c, const dim_map *m, const sg_type *t, sg_type *out)
{
    *out = *t;
    out->layout = 0;
    out->quant = 0;
    for (int i = 0; i < t->rank; i++) {
        if (!sg_dim_is_expr(t->dim[i]))
            continue;
        out->dim[i] = 0;
        for (int j = 0; j < m->n; j++)
            if (m->inner[j] == t->dim[i])
                out->dim[i] = m->outer[j];
        if (!out->dim[i])
            out->dim[i] = sg_d_fresh(c);
    }
}

static sedge_status region_check(sg_infer *c, int k, int n_input, int min_output)
{
    if (k >= c->n_region || !c->region[k])
        return SG_INFER_FAIL(c, SEDGE_E_FORMAT, "%s has no region %d", c->op->name, k);
    const sg_graph *r = c->region[k];
    if ((int64_t)r->n_input != n_input)
        return SG_INFER_FAIL(c, SEDGE_E_FORMAT, "region %d takes %zu inputs, it is given %d", k, r->n_input, n_input);
    if ((int64_t)r->n_output < min_output)
        return SG_INFER_FAIL(c, SEDGE_E_FORMAT, "region %d has %zu outputs, at least %d are needed", k, r->n_output, min_output);
    return SEDGE_OK;
}

/* b's facts join a's: what both say stays. */
static sedge_status type_join(sg_infer *c, sg_type *a, const sg_type *b, int k)
{
    char ta[96], tb[96];
    if (a->kind != b->kind || (a->dtype && b->dtype && a->dtype != b->dtype))
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "output %d is %s in one branch and %s in the other", k,
                             sg_type_text(a, c->dims, ta, sizeof ta), sg_type_text(b, c->dims, tb, sizeof tb));
    if (!a->dtype) { /* an empty optional or sequence */
        a->dtype = b->dtype;
        a->inner = b->inner;
    }
    if (!a->key)
        a->key = b->key;
    if (a->rank != b->rank)
        a->rank = -1;
    for (int i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i])
            a->dim[i] = sg_d_fresh(c);
    return SEDGE_OK;
}

int sg_region_operand(const sg_op *op, sg_attrs attrs, int region, int k)
{
    int ns = (int)sg_get_int(attrs, SG_A_n_state);
    if (op == SG_ROW(IF))
        return 1 + k + (region ? (int)sg_get_int(attrs, SG_A_n_then) : 0);
    if (op == SG_ROW(LOOP))
        return k < 2 ? -1 : k;
    if (op == SG_ROW(SEQUENCE_MAP))
        return k < ns ? -1 : k;
    int lead = sg_get_int(attrs, SG_A_batched) != 0, own = ns + (int)sg_get_int(attrs, SG_A_num_scan_inputs);
    return k < own && (lead || k >= ns) ? -1 : lead + k; /* slices are smaller */
}

sedge_status sg_infer_if(sg_infer *c)
{
    int64_t n_then = sg_get_int(c->attrs, SG_A_n_then), cond;
    if (c->in[0]->kind != SG_TENSOR || (c->in[0]->dtype != SG_BOOL && c->in[0]->dtype != SG_NONE))
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "the condition must be a bool tensor");
    if (n_then < 0 || n_then > c->n_in - 1)
        return SG_INFER_FAIL(c, SEDGE_E_FORMAT, "n_then %lld is out of range", (long long)n_then);
    dim_map map[2];
    int n_branch = sg_get_int(c->attrs, SG_A_kind) == 1 ? 1 : 2;
    for (int r = 0; r < n_branch; r++) {
        int count = r ? c->n_in - 1 - (int)n_then : (int)n_then;
        map[r].n = 0;
        SG_TRY(region_check(c, r, count, c->n_out));
        SG_TRY(captures_enter(c, c->region[r], &map[r], r ? 1 + (int)n_then : 1, count, 0));
        SG_TRY(sg_infer_graph(c->region[r], c->err));
    }
    bool known = sg_in_scalar_i64(c, 0, &cond);
    for (int k = 0; k < c->n_out; k++) {
        sg_type t[2];
        for (int r = 0; r < n_branch; r++)
            type_leave(c, &map[r], &c->region[r]->value[c->region[r]->output[k]].type, &t[r]);
        if (known && n_branch == 2)
            t[0] = t[cond ? 0 : 1];
        else if (n_branch == 2)
            SG_TRY(type_join(c, &t[0], &t[1], k));
        c->out[k] = t[0];
    }
    return SEDGE_OK;
}

/* Makes the formal of a carried value cover what the body gives back; *changed when it grew. */
static sedge_status formal_widen(sg_infer *c, sg_graph *r, const dim_map *m, int k, sg_type *f, const sg_type *o, bool *changed)
{
    char tf[96], to[96];
    sg_type was = *f;
    if (f->kind == SG_OPT && o->kind == f->inner) { /* a value is a present optional */
        if (!f->dtype)
            f->dtype = o->dtype;
        *changed = *changed || was.dtype != f->dtype;
        return SEDGE_OK;
    }
    if (f->kind != o->kind || (f->dtype && o->dtype && f->dtype != o->dtype))
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "carried value %d goes in as %s and comes back as %s", k,
                             sg_type_text(f, &r->dims, tf, sizeof tf), sg_type_text(o, &r->dims, to, sizeof to));
    if (!f->dtype)
        f->dtype = o->dtype;
    if (f->rank != o->rank)
        f->rank = -1;
    for (int i = 0; i < f->rank; i++) {
        bool free_symbol = sg_dim_is_expr(f->dim[i]) && !map_has_inner(m, f->dim[i]);
        if (f->dim[i] == o->dim[i] || free_symbol)
            continue;
        f->dim[i] = sg_dim_sym(&r->dims, varies, 0);
        if (f->dim[i] == SG_DIM_BAD)
            return SG_INFER_FAIL(c, SEDGE_E_NOMEM, "out of memory");
    }
    *changed = *changed || memcmp(&was, f, sizeof was) != 0;
    return SEDGE_OK;
}

/* Infers the body until the carried formals, inputs [in0, in0 + n), cover outputs [out0, out0 + n). Every change
 * makes a dim or rank or dtype less known for good, so this ends. */
static sedge_status body_settle(sg_infer *c, sg_graph *r, const dim_map *m, int in0, int out0, int n)
{
    bool changed = true;
    while (changed) {
        SG_TRY(sg_infer_graph(r, c->err));
        changed = false;
        for (int k = 0; k < n; k++)
            SG_TRY(formal_widen(c, r, m, k, &r->value[r->input[in0 + k]].type, &r->value[r->output[out0 + k]].type, &changed));
    }
    return SEDGE_OK;
}

/* The type outside of a carried value: what its formal covers, but never an optional where the body gives a value. */
static void carried_leave(sg_infer *c, const sg_graph *r, const dim_map *m, int in, int out, sg_type *t)
{
    const sg_type *f = &r->value[r->input[in]].type, *o = &r->value[r->output[out]].type;
    type_leave(c, m, f->kind != o->kind ? o : f, t);
    if (f->kind != o->kind)
        t->rank = -1;
}

/* The type of pieces of type t stacked along an axis of the result. */
static sedge_status type_stack(sg_infer *c, const dim_map *m, const sg_type *t, int64_t axis, sg_dim n, sg_type *out)
{
    type_leave(c, m, t, out);
    if (t->kind != SG_TENSOR)
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "only tensors can be stacked");
    if (t->rank < 0)
        return SEDGE_OK;
    int at = sg_axis(axis, t->rank + 1);
    if (t->rank >= SG_RANK_MAX || at < 0)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "can't stack pieces of rank %d along axis %lld", t->rank, (long long)axis);
    out->rank = (int8_t)(t->rank + 1);
    for (int i = t->rank; i > at; i--)
        out->dim[i] = out->dim[i - 1];
    out->dim[at] = n;
    return SEDGE_OK;
}

/* True if the loop can only end by its trip count. */
static bool runs_all_trips(sg_infer *c, const sg_graph *r)
{
    int64_t first = 1;
    if (c->in[1] && !(sg_in_scalar_i64(c, 1, &first) && first))
        return false;
    const sg_value *v = &r->value[r->output[0]];
    if (r->output[0] == r->input[1])
        return true;
    return v->role == SG_CONST && v->data && v->type.dtype == SG_BOOL && v->type.rank <= 1 && sg_d_numel(&v->type) == 1 &&
           sg_load_i64(SG_BOOL, v->data, 0);
}

static sg_dim trip_count(sg_infer *c, const sg_graph *r)
{
    int64_t n;
    const sg_dim *m = c->in[0] && runs_all_trips(c, r) ? sg_in_content(c, 0, &n) : NULL;
    if (!m || n != 1)
        return sg_d_fresh(c);
    if (c->dims && sg_dim_is_expr(m[0]) && c->dims->node[sg_dim_expr(m[0])].op == SG_DIM_SYM)
        return m[0];
    return sg_d_max(c, m[0], 0);
}

static sedge_status own_check(sg_infer *c, int64_t own, int64_t n_state)
{
    if (n_state < 0 || n_state > UINT16_MAX || own > c->n_in || n_state > c->n_out)
        return SG_INFER_FAIL(c, SEDGE_E_FORMAT, "%s carries %lld values; it has %d inputs and %d outputs", c->op->name,
                             (long long)n_state, c->n_in, c->n_out);
    return SEDGE_OK;
}

sedge_status sg_infer_loop(sg_infer *c)
{
    static const sg_type iter = {.dtype = SG_I64}, cond = {.dtype = SG_BOOL};
    int64_t n_state = sg_get_int(c->attrs, SG_A_n_state);
    SG_TRY(own_check(c, 2 + n_state, n_state));
    SG_TRY(region_check(c, 0, c->n_in, 1 + c->n_out));
    if ((c->in[0] && (c->in[0]->kind != SG_TENSOR || !sg_is_int((sg_dtype)c->in[0]->dtype))) ||
        (c->in[1] && (c->in[1]->kind != SG_TENSOR || c->in[1]->dtype != SG_BOOL)))
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "the trip count must be an integer and the condition a bool");
    int ns = (int)n_state;
    sg_graph *r = c->region[0];
    dim_map m = {.n = 0};
    SG_TRY(captures_enter(c, r, &m, 2 + ns, c->n_in - 2 - ns, (size_t)(2 + ns)));
    SG_TRY(type_enter(c, r, &m, 0, &iter));
    SG_TRY(type_enter(c, r, &m, 1, &cond));
    for (int k = 0; k < ns; k++)
        SG_TRY(carried_enter(c, r, &m, (size_t)(2 + k), c->in[2 + k]));
    SG_TRY(body_settle(c, r, &m, 2, 1, ns));
    for (int k = 0; k < ns; k++)
        carried_leave(c, r, &m, 2 + k, 1 + k, &c->out[k]);
    if (ns == c->n_out)
        return SEDGE_OK;
    sg_dim n = trip_count(c, r);
    for (int k = ns; k < c->n_out; k++)
        SG_TRY(type_stack(c, &m, &r->value[r->output[1 + k]].type, 0, n, &c->out[k]));
    return SEDGE_OK;
}

/* Drops an axis of *t and gives its dim. */
static sedge_status axis_drop(sg_infer *c, sg_type *t, int64_t axis, sg_dim *dim)
{
    if (t->kind != SG_TENSOR)
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "only tensors can be scanned");
    if (t->rank < 0) {
        *dim = sg_d_fresh(c);
        return SEDGE_OK;
    }
    int at = sg_axis(axis, t->rank);
    if (at < 0)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "axis %lld is out of range for rank %d", (long long)axis, t->rank);
    *dim = t->dim[at];
    t->rank--;
    for (int i = at; i < t->rank; i++)
        t->dim[i] = t->dim[i + 1];
    return SEDGE_OK;
}

static int64_t listed(sg_infer *c, sg_attr_id id, int k)
{
    int n;
    const int64_t *v = sg_get_ints(c->attrs, id, &n);
    return v && k < n ? v[k] : 0;
}

/* Types of the scan's operands go to the body's formals; *len and *batch are the scanned and the batch dim. */
static sedge_status scan_enter(sg_infer *c, sg_graph *r, dim_map *m, int ns, int nx, sg_dim *len, sg_dim *batch)
{
    bool batched = sg_get_int(c->attrs, SG_A_batched) != 0;
    int lead = batched ? 1 : 0;
    for (int k = 0; k < ns + nx; k++) {
        if (!c->in[lead + k])
            return SG_INFER_FAIL(c, SEDGE_E_FORMAT, "input %d is missing", lead + k);
        sg_type t = *c->in[lead + k];
        sg_dim d;
        if (batched)
            SG_TRY(axis_drop(c, &t, 0, k ? &d : batch));
        if (k >= ns)
            SG_TRY(axis_drop(c, &t, batched ? 0 : listed(c, SG_A_scan_input_axes, k - ns), &d));
        if (k >= ns && (k == ns || sg_dim_is_expr(*len)))
            *len = d;
        else if (k > ns && !sg_dim_is_expr(d) && d != *len)
            return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "scan inputs have lengths %lld and %lld", (long long)*len, (long long)d);
        SG_TRY(k < ns ? carried_enter(c, r, m, (size_t)k, &t) : type_enter(c, r, m, (size_t)k, &t));
    }
    return SEDGE_OK;
}

static sedge_status batch_add(sg_infer *c, sg_type *t, sg_dim batch)
{
    if (t->rank < 0)
        return SEDGE_OK;
    if (t->rank >= SG_RANK_MAX)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "the rank is too large");
    memmove(&t->dim[1], &t->dim[0], (size_t)t->rank * sizeof t->dim[0]);
    t->dim[0] = batch;
    t->rank++;
    return SEDGE_OK;
}

sedge_status sg_infer_scan(sg_infer *c)
{
    int64_t n_state = sg_get_int(c->attrs, SG_A_n_state), n_scan = sg_get_int(c->attrs, SG_A_num_scan_inputs);
    bool batched = sg_get_int(c->attrs, SG_A_batched) != 0;
    int lead = batched ? 1 : 0;
    if (n_scan < 1 || n_scan > UINT16_MAX)
        return SG_INFER_FAIL(c, SEDGE_E_FORMAT, "num_scan_inputs is %lld", (long long)n_scan);
    SG_TRY(own_check(c, lead + n_state + n_scan, n_state));
    SG_TRY(region_check(c, 0, c->n_in - lead, c->n_out));
    int ns = (int)n_state, nx = (int)n_scan;
    sg_graph *r = c->region[0];
    dim_map m = {.n = 0};
    sg_dim len = 0, batch = 0;
    SG_TRY(captures_enter(c, r, &m, lead + ns + nx, c->n_in - lead - ns - nx, (size_t)(ns + nx)));
    SG_TRY(scan_enter(c, r, &m, ns, nx, &len, &batch));
    SG_TRY(body_settle(c, r, &m, 0, 0, ns));
    for (int k = 0; k < c->n_out; k++) {
        if (k < ns)
            carried_leave(c, r, &m, k, k, &c->out[k]);
        else
            SG_TRY(type_stack(c, &m, &r->value[r->output[k]].type, batched ? 0 : listed(c, SG_A_scan_output_axes, k - ns), len,
                              &c->out[k]));
        if (batched)
            SG_TRY(batch_add(c, &c->out[k], batch));
    }
    return SEDGE_OK;
}

sedge_status sg_infer_sequence_map(sg_infer *c)
{
    int64_t own = sg_get_int(c->attrs, SG_A_n_state);
    if (own < 1 || own > c->n_in || c->in[0]->kind != SG_SEQ)
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "the first input must be a sequence");
    SG_TRY(region_check(c, 0, c->n_in, c->n_out));
    sg_graph *r = c->region[0];
    dim_map m = {.n = 0};
    SG_TRY(captures_enter(c, r, &m, (int)own, c->n_in - (int)own, (size_t)own));
    for (int k = 0; k < (int)own; k++) {
        if (!c->in[k])
            return SG_INFER_FAIL(c, SEDGE_E_FORMAT, "input %d is missing", k);
        sg_type t = *c->in[k];
        if (t.kind == SG_SEQ) {
            t.kind = SG_TENSOR;
            t.rank = -1;
        }
        SG_TRY(type_enter(c, r, &m, (size_t)k, &t));
    }
    SG_TRY(sg_infer_graph(r, c->err));
    for (int k = 0; k < c->n_out; k++) {
        const sg_type *t = &r->value[r->output[k]].type;
        if (t->kind != SG_TENSOR)
            return SG_INFER_FAIL(c, SEDGE_E_TYPE, "output %d of the region must be a tensor", k);
        c->out[k].kind = SG_SEQ;
        c->out[k].dtype = t->dtype;
        c->out[k].rank = -1;
    }
    return SEDGE_OK;
}
