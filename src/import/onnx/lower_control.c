/* If, Loop, Scan and SequenceMap: bodies become closed regions, their captures operands. */
#include <string.h>

#include "import/onnx/lower.h"
#include "import/onnx/region.h"

/* A body's captures: outer values by name. */
typedef struct captures {
    const char **name;
    sg_vid *value;
    int n;
} captures;

static sedge_status captures_of(sg_onnx_node *n, const char *attr, captures *c)
{
    memset(c, 0, sizeof *c);
    return sg_on_captures(n, attr, &c->name, &c->value, &c->n);
}

/* The node on its own operands (absent ones past the end of the list), then the captures of one or two bodies. */
static sg_nid control_emit(sg_onnx_node *n, sg_op_id row, int own, int n_out, const captures *a, const captures *b)
{
    size_t total = (size_t)own + (size_t)a->n + (size_t)(b ? b->n : 0);
    sg_vid *ins = sg_arena_array(n->g->arena, total + 1, sizeof *ins);
    if (!ins) {
        sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
        return 0;
    }
    size_t at = 0;
    for (int k = 0; k < own; k++)
        ins[at++] = sg_ib_in(n, k);
    for (int k = 0; k < a->n; k++)
        ins[at++] = a->value[k];
    for (int k = 0; b && k < b->n; k++)
        ins[at++] = b->value[k];
    sg_nid node = sg_ib_emit(n, row, ins, (int)total, n_out);
    for (int k = 0; node && k < n->n_out && k < n_out; k++)
        n->out[k] = sg_node_out(n->g, node, k);
    return node;
}

/* Outputs of the body that the node does not have are not computed. */
static sedge_status region_trim(sg_onnx_node *n, sg_nid node, int k, const char *attr, int n_output)
{
    sg_graph *r = k < n->g->node[node].n_region ? n->g->node[node].region[k] : NULL;
    if (!r || r->n_output < (size_t)n_output)
        return sg_fail(n->err, SEDGE_E_FORMAT, "%s has %zu outputs, %d are needed", attr, r ? r->n_output : 0, n_output);
    r->n_output = (size_t)n_output;
    return SEDGE_OK;
}

static sedge_status region_make(sg_onnx_node *n, const char *attr, sg_nid node, int k, const sg_type *formal, int n_formal,
                                const captures *c, int n_output)
{
    SG_TRY(sg_on_region(n, attr, node, k, formal, n_formal, c->name, c->value, c->n));
    return region_trim(n, node, k, attr, n_output);
}

static sedge_status no_attr(sg_onnx_node *n)
{
    return sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
}

/* The condition where it is known now. */
static bool condition_known(const sg_onnx_node *n, bool *yes)
{
    const sg_value *v = sg_ib_in(n, 0) ? &n->g->value[n->in[0]] : NULL;
    if (!v || v->type.dtype != SG_BOOL || sg_d_numel(&v->type) != 1)
        return false;
    if (v->role == SG_CONST && v->data)
        return *yes = sg_load_i64(SG_BOOL, v->data, 0) != 0, true;
    if (!v->content || v->n_content != 1 || sg_dim_is_expr(v->content[0]))
        return false;
    return *yes = v->content[0] != 0, true;
}

/* Only the branch that is taken: exporters guard what would be wrong, such as squeezing a dim that is not 1. */
static sedge_status branch_only(sg_onnx_node *n, const char *attr)
{
    captures c;
    SG_TRY(captures_of(n, attr, &c));
    sg_nid node = control_emit(n, SG_OP_IF, 1, n->n_out, &c, NULL);
    if (!node)
        return n->err->status;
    if (!sg_set_int(n->g, node, SG_A_n_then, c.n) || !sg_set_int(n->g, node, SG_A_kind, 1))
        return no_attr(n);
    SG_TRY(region_make(n, attr, node, 0, NULL, 0, &c, n->n_out));
    return sg_ib_done(n, node);
}

sedge_status sg_lower_if(sg_onnx_node *n)
{
    captures yes, no;
    bool taken;
    if (condition_known(n, &taken))
        return branch_only(n, taken ? "then_branch" : "else_branch");
    SG_TRY(captures_of(n, "then_branch", &yes));
    SG_TRY(captures_of(n, "else_branch", &no));
    sg_nid node = control_emit(n, SG_OP_IF, 1, n->n_out, &yes, &no);
    if (!node)
        return n->err->status;
    if (!sg_set_int(n->g, node, SG_A_n_then, yes.n))
        return no_attr(n);
    SG_TRY(region_make(n, "then_branch", node, 0, NULL, 0, &yes, n->n_out));
    SG_TRY(region_make(n, "else_branch", node, 1, NULL, 0, &no, n->n_out));
    return sg_ib_done(n, node);
}

/* What a body may count on for a carried value: dims may change from step to step, so none is promised. */
static void carried_type(sg_onnx_node *n, sg_nid node, const sg_type *t, sg_type *out)
{
    *out = *t;
    for (int i = 0; i < t->rank; i++)
        out->dim[i] = sg_dim_sym(&n->g->dims, NULL, node + 1);
}

static sg_type *formals_new(sg_onnx_node *n, int count)
{
    sg_type *t = sg_arena_array(n->g->arena, (size_t)count + 1, sizeof *t);
    if (!t)
        sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
    return t;
}

static sedge_status missing(sg_onnx_node *n, int k)
{
    return sg_fail(n->err, SEDGE_E_FORMAT, "input %d is missing", k);
}

/* Notes the piece types of stacked outputs, for the case that no step is run. */
static sedge_status pieces_note(sg_onnx_node *n, sg_nid node, int first, int n_out)
{
    int64_t *list = sg_arena_array(n->g->arena, (size_t)(n_out - first) * (2 + SG_RANK_MAX) + 1, sizeof *list);
    if (!list)
        return no_attr(n);
    size_t at = 0;
    const sg_graph *r = n->g->node[node].region[0];
    for (int k = first; k < n_out; k++) {
        size_t o = r->n_output - (size_t)(n_out - k);
        const sg_type *t = &r->value[r->output[o]].type;
        list[at++] = t->dtype;
        list[at++] = t->rank < 0 ? 0 : t->rank;
        for (int i = 0; i < t->rank; i++)
            list[at++] = sg_dim_is_expr(t->dim[i]) ? 0 : t->dim[i];
    }
    return sg_set_ints(n->g, node, SG_A_out_types, list, at) ? SEDGE_OK : no_attr(n);
}

sedge_status sg_lower_loop(sg_onnx_node *n)
{
    captures c;
    int n_state = n->n_in > 2 ? n->n_in - 2 : 0, n_out = n->n_out > n_state ? n->n_out : n_state;
    SG_TRY(captures_of(n, "body", &c));
    sg_nid node = control_emit(n, SG_OP_LOOP, 2 + n_state, n_out, &c, NULL);
    sg_type *formal = formals_new(n, 2 + n_state);
    if (!node || !formal)
        return n->err->status;
    formal[0].dtype = SG_I64;
    formal[1].dtype = SG_BOOL;
    for (int k = 0; k < n_state; k++) {
        if (!sg_ib_in_type(n, 2 + k))
            return missing(n, 2 + k);
        carried_type(n, node, sg_ib_in_type(n, 2 + k), &formal[2 + k]);
    }
    if (!sg_set_int(n->g, node, SG_A_n_state, n_state))
        return no_attr(n);
    SG_TRY(region_make(n, "body", node, 0, formal, 2 + n_state, &c, 1 + n_out));
    SG_TRY(sg_ib_done(n, node));
    return pieces_note(n, node, n_state, n_out);
}

/* Sets an attribute list of the node by its own name. */
static sedge_status ints_set(sg_onnx_node *n, sg_nid node, const char *name, sg_attr_id id)
{
    int count;
    const int64_t *v = sg_on_ints(n, name, &count);
    return !v || sg_set_ints(n->g, node, id, v, (size_t)count) ? SEDGE_OK : no_attr(n);
}

static sedge_status scan_attrs(sg_onnx_node *n, sg_nid node, int n_state, int n_scan, bool batched)
{
    if (!sg_set_int(n->g, node, SG_A_n_state, n_state) || !sg_set_int(n->g, node, SG_A_num_scan_inputs, n_scan) ||
        !sg_set_int(n->g, node, SG_A_batched, batched))
        return no_attr(n);
    if (batched)
        return ints_set(n, node, "directions", SG_A_scan_input_directions);
    SG_TRY(ints_set(n, node, "scan_input_axes", SG_A_scan_input_axes));
    SG_TRY(ints_set(n, node, "scan_input_directions", SG_A_scan_input_directions));
    SG_TRY(ints_set(n, node, "scan_output_axes", SG_A_scan_output_axes));
    return ints_set(n, node, "scan_output_directions", SG_A_scan_output_directions);
}

static void type_drop_axis(sg_type *t, int64_t axis)
{
    int at = t->rank > 0 ? sg_axis(axis, t->rank) : -1;
    if (at < 0)
        return; /* the shape rule tells */
    t->rank--;
    for (int i = at; i < t->rank; i++)
        t->dim[i] = t->dim[i + 1];
}

sedge_status sg_lower_scan(sg_onnx_node *n)
{
    bool batched = n->opset < 9;
    int lead = batched ? 1 : 0, n_axes;
    int64_t n_scan = sg_on_int(n, "num_scan_inputs", 0);
    int n_own = n->n_in - lead;
    if (n_scan < 1 || n_scan > n_own)
        return sg_fail(n->err, SEDGE_E_FORMAT, "num_scan_inputs is %lld of %d inputs", (long long)n_scan, n_own);
    int n_state = n_own - (int)n_scan, n_out = n->n_out > n_state ? n->n_out : n_state;
    const int64_t *axes = sg_on_ints(n, "scan_input_axes", &n_axes);
    captures c;
    SG_TRY(captures_of(n, "body", &c));
    sg_nid node = control_emit(n, SG_OP_SCAN, n->n_in, n_out, &c, NULL);
    sg_type *formal = formals_new(n, n_own);
    if (!node || !formal)
        return n->err->status;
    for (int k = 0; k < n_own; k++) {
        const sg_type *t = sg_ib_in_type(n, lead + k);
        if (!t)
            return missing(n, lead + k);
        formal[k] = *t;
        if (batched)
            type_drop_axis(&formal[k], 0);
        if (k >= n_state)
            type_drop_axis(&formal[k], axes && !batched && k - n_state < n_axes ? axes[k - n_state] : 0);
    }
    SG_TRY(scan_attrs(n, node, n_state, (int)n_scan, batched));
    SG_TRY(region_make(n, "body", node, 0, formal, n_own, &c, n_out));
    SG_TRY(sg_ib_done(n, node));
    return pieces_note(n, node, n_state, n_out);
}

sedge_status sg_lower_sequence_map(sg_onnx_node *n)
{
    captures c;
    SG_TRY(captures_of(n, "body", &c));
    sg_nid node = control_emit(n, SG_OP_SEQUENCE_MAP, n->n_in, n->n_out, &c, NULL);
    sg_type *formal = formals_new(n, n->n_in);
    if (!node || !formal)
        return n->err->status;
    for (int k = 0; k < n->n_in; k++) {
        if (!sg_ib_in_type(n, k))
            return missing(n, k);
        formal[k] = *sg_ib_in_type(n, k);
        if (formal[k].kind == SG_SEQ) {
            formal[k].kind = SG_TENSOR;
            formal[k].rank = -1;
        }
    }
    if (!sg_set_int(n->g, node, SG_A_n_state, n->n_in))
        return no_attr(n);
    SG_TRY(region_make(n, "body", node, 0, formal, n->n_in, &c, n->n_out));
    return sg_ib_done(n, node);
}
