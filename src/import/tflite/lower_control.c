/* Subgraphs that are called, branches and loops as closed regions, variables as state. */
#include "import/kinds.h"
#include "import/tflite/tflite.h"

static sedge_status nomem(sg_ib *n)
{
    return sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
}

static sg_tf *state_of(const sg_ib *n)
{
    return sg_tf_here(n)->sc->s;
}

static sg_vid *room(sg_ib *n, int count)
{
    sg_vid *v = sg_arena_array(&state_of(n)->tmp, (size_t)count + 1, sizeof *v);
    if (!v)
        nomem(n);
    return v;
}

/* An operand as region r takes it: a constant again (*own), else an input. Dims that are expressions outside become symbols. */
static sg_vid enter(sg_ib *n, sg_graph *r, sg_vid v, bool varies, bool *own)
{
    const sg_value *o = &n->g->value[v];
    sg_type t = o->type;
    *own = o->role == SG_CONST && o->data && !varies;
    for (int i = 0; i < t.rank; i++)
        if (sg_dim_is_expr(t.dim[i]) && (t.dim[i] = sg_dim_sym(&r->dims, NULL, 0)) == SG_DIM_BAD)
            return nomem(n), SG_NONE_ID;
    sg_vid in = *own ? sg_const_new(r, (sg_dtype)t.dtype, t.rank, t.dim, o->data, o->name) : sg_input_new(r, &t, o->name);
    if (!in)
        nomem(n);
    return in;
}

static sedge_status leave(sg_ib *n, sg_graph *r, const sg_vid *out, int count)
{
    for (int k = 0; k < count; k++)
        if (!out[k] || sg_output_add(r, out[k]) != SEDGE_OK)
            return out[k] ? nomem(n) : sg_tf_unsupported(n, "a result that is a resource");
    return SEDGE_OK;
}

/* Unfolded where it is called. */
static sedge_status call(sg_ib *n, int64_t id, int first)
{
    const sg_tf_at *at = sg_tf_here(n);
    return sg_tf_unfold(state_of(n), n->g, id, &(sg_tf_args){at->sc, &at->in_id, n->in, first, n->n_in - first}, n->out,
                        n->n_out);
}

sedge_status sg_tf_call(sg_ib *n)
{
    return call(n, sg_tf_int(n, SG_TF_CALL), 0);
}

/* Only its effects on variables count: what they are as the first run begins. */
sedge_status sg_tf_call_once(sg_ib *n)
{
    sg_tf *s = state_of(n);
    bool outer = s->once;
    s->once = true;
    sedge_status st = sg_tf_unfold(s, n->g, sg_tf_int(n, SG_TF_CALL), &(sg_tf_args){0}, NULL, 0);
    s->once = outer;
    return st;
}

/* ---- branches ---- */

static sedge_status branch(sg_ib *n, sg_nid node, int k, int64_t id)
{
    const sg_tf_at *at = sg_tf_here(n);
    sg_graph *r = sg_node_region(n->g, node, k);
    sg_vid *in = room(n, n->n_in), *out = room(n, n->n_out);
    if (!r || !in || !out)
        return nomem(n);
    for (int i = 1; i < n->n_in; i++) {
        bool own;
        if (n->in[i] && !(in[i] = enter(n, r, n->in[i], false, &own)))
            return n->err->status;
    }
    SG_TRY(sg_tf_unfold(state_of(n), r, id, &(sg_tf_args){at->sc, &at->in_id, in, 1, n->n_in - 1}, out, n->n_out));
    return leave(n, r, out, n->n_out);
}

sedge_status sg_tf_if(sg_ib *n)
{
    int64_t count, id[2] = {sg_tf_int(n, SG_TF_THEN), sg_tf_int(n, SG_TF_ELSE)};
    SG_TRY(sg_ib_need(n, 1));
    const int64_t *known = sg_ib_const_ints(n, 0, &count);
    if (known && count == 1)
        return call(n, id[known[0] ? 0 : 1], 1);
    sg_vid *ins = room(n, 2 * n->n_in);
    if (!ins)
        return n->err->status;
    int n_ins = 0;
    ins[n_ins++] = sg_ib_reshape(n, n->in[0], NULL, 0);
    for (int k = 0; k < 2; k++)
        for (int i = 1; i < n->n_in; i++)
            if (n->in[i] && n->g->value[n->in[i]].role != SG_CONST)
                ins[n_ins++] = n->in[i];
    sg_nid node = sg_ib_emit(n, SG_OP_IF, ins, n_ins, n->n_out);
    if (!node || !sg_ib_set(n, node, SG_A_n_then, n_ins / 2))
        return n->err->status;
    SG_TRY(branch(n, node, 0, id[0]));
    SG_TRY(branch(n, node, 1, id[1]));
    for (int k = 0; k < n->n_out; k++)
        n->out[k] = sg_node_out(n->g, node, k);
    return sg_ib_done(n, node);
}

/* ---- loops ---- */

/* The condition on values `in` of graph g. */
static sedge_status condition(sg_ib *n, sg_graph *g, const sg_vid *in, sg_vid *out)
{
    const sg_tf_at *at = sg_tf_here(n);
    SG_TRY(sg_tf_unfold(state_of(n), g, sg_tf_int(n, SG_TF_THEN), &(sg_tf_args){at->sc, &at->in_id, in, 0, n->n_in}, out, 1));
    sg_ib inner = *n;
    inner.g = g;
    *out = *out ? sg_ib_reshape(&inner, *out, NULL, 0) : SG_NONE_ID;
    return *out ? SEDGE_OK : sg_ib_end(n, 0, SG_NONE_ID);
}

/* The body, then the condition on what it gives. */
static sedge_status loop_body(sg_ib *n, sg_nid node)
{
    static const sg_type iter = {.dtype = SG_I64}, cond = {.dtype = SG_BOOL};
    const sg_tf_at *at = sg_tf_here(n);
    sg_graph *r = sg_node_region(n->g, node, 0);
    sg_vid *in = room(n, n->n_in), *out = room(n, n->n_in), go;
    if (!r || !in || !out || !sg_input_new(r, &iter, "iteration") || !sg_input_new(r, &cond, "condition"))
        return nomem(n);
    for (int i = 0; i < n->n_in; i++) {
        bool own;
        if (!(in[i] = enter(n, r, n->in[i], true, &own)))
            return n->err->status;
    }
    SG_TRY(
        sg_tf_unfold(state_of(n), r, sg_tf_int(n, SG_TF_ELSE), &(sg_tf_args){at->sc, &at->in_id, in, 0, n->n_in}, out, n->n_in));
    SG_TRY(condition(n, r, out, &go));
    SG_TRY(leave(n, r, &go, 1));
    return leave(n, r, out, n->n_in);
}

sedge_status sg_tf_while(sg_ib *n)
{
    sg_vid *ins = room(n, n->n_in + 2);
    if (!ins || n->n_out > n->n_in)
        return ins ? sg_fail(n->err, SEDGE_E_FORMAT, "%d operands, %d results", n->n_in, n->n_out) : n->err->status;
    SG_TRY(sg_ib_need(n, n->n_in));
    SG_TRY(condition(n, n->g, n->in, &ins[1]));
    for (int i = 0; i < n->n_in; i++)
        ins[2 + i] = n->in[i];
    sg_nid node = sg_ib_emit(n, SG_OP_LOOP, ins, n->n_in + 2, n->n_in);
    if (!node || !sg_ib_set(n, node, SG_A_n_state, n->n_in))
        return n->err->status;
    SG_TRY(loop_body(n, node));
    for (int k = 0; k < n->n_out; k++)
        n->out[k] = sg_node_out(n->g, node, k);
    return sg_ib_done(n, node);
}

/* ---- variables ---- */

/* The variable of a name, so that all handles of that name are the same. */
sedge_status sg_tf_var_handle(sg_ib *n)
{
    const sg_tf_at *at = sg_tf_here(n);
    const char *name = sg_tf_text(state_of(n), &at->opts, SG_TF_SHARED_NAME);
    int64_t id = n->n_out ? sg_fb_at(&at->out_id, 0, 4) : -1;
    if (!name || id < 0)
        return sg_tf_bad(state_of(n), "handle");
    return sg_tf_var_named(state_of(n), name, &at->sc->var[id]);
}

static sedge_status variable_at(sg_ib *n, sg_tf_var **out)
{
    const sg_tf_at *at = sg_tf_here(n);
    int64_t id = n->n_in ? sg_fb_at(&at->in_id, 0, 4) : -1;
    if (id < 0 || !at->sc->var[id])
        return sg_fail(n->err, SEDGE_E_FORMAT, "operand 0 is no handle of a variable");
    *out = &state_of(n)->var[at->sc->var[id] - 1];
    return SEDGE_OK;
}

sedge_status sg_tf_read_variable(sg_ib *n)
{
    sg_tf_var *var;
    SG_TRY(variable_at(n, &var));
    SG_TRY(sg_tf_var_open(sg_tf_here(n)->sc, var, &sg_tf_here(n)->out[0]));
    return sg_ib_end(n, 0, var->now);
}

sedge_status sg_tf_assign_variable(sg_ib *n)
{
    sg_tf_var *var;
    SG_TRY(variable_at(n, &var));
    if (!sg_ib_in(n, 1))
        return sg_fail(n->err, SEDGE_E_FORMAT, "input 1 is missing");
    const sg_value *v = &n->g->value[n->in[1]];
    if (state_of(n)->once) {
        if (v->role != SG_CONST || !v->data)
            return sg_tf_unsupported(n, "a first value that is not a constant");
        var->init = v->data;
        var->init_type = v->type;
        return SEDGE_OK;
    }
    SG_TRY(sg_tf_var_open(sg_tf_here(n)->sc, var, &sg_tf_here(n)->in[1]));
    var->now = n->in[1];
    return SEDGE_OK;
}
