/* Constant folding: nodes whose operands are constants run once, in the executor itself, when the plan is
 * made. It stands here and not among the passes because it needs a session. */
#include <string.h>

#include "run/api.h"

/* A folded result may be this large, or twice its operands: folding must not blow a model up. */
#define RESULT_MAX 65536

static bool small_enough(const sg_graph *g, sg_nid id)
{
    const sg_node *n = &g->node[id];
    int64_t in = 0, out = 0;
    for (int k = 0; k < n->n_in; k++) {
        sg_vid v = sg_node_in(g, id, k);
        int64_t e = v ? sg_d_numel(&g->value[v].type) : 0;
        in += e < 0 ? 0 : (int64_t)sg_dtype_bytes((sg_dtype)g->value[v].type.dtype, (size_t)e);
    }
    for (int k = 0; k < n->n_out; k++) {
        int64_t e = n->out[k] ? sg_d_numel(&g->value[n->out[k]].type) : 0;
        if (e < 0)
            return false;
        out += n->out[k] ? (int64_t)sg_dtype_bytes((sg_dtype)g->value[n->out[k]].type.dtype, (size_t)e) : 0;
    }
    return out <= RESULT_MAX || out <= 2 * in;
}

/* Weights that are stored small: kernels of floats pack them anyway, and none reads them as they are. */
static bool is_stored_small(const sg_graph *g, sg_nid id)
{
    const sg_vid out = sg_node_out(g, id, 0);
    if (g->node[id].op != SG_ROW(DEQUANTIZE) || g->value[sg_node_in(g, id, 0)].type.rank < 2)
        return false;
    for (uint32_t u = g->value[out].uses; u; u = g->operand[u].next) {
        const sg_node *n = &g->node[g->operand[u].node];
        if ((n->op != SG_ROW(CONV) && n->op != SG_ROW(GEMM) && n->op != SG_ROW(MATMUL)) || u != n->in0 + 1)
            return false;
    }
    return g->value[out].n_uses > 0;
}

static bool foldable(const sg_graph *g, sg_nid id)
{
    const sg_node *n = &g->node[id];
    if ((n->op->flags & (SG_OPF_RANDOM | SG_OPF_BOXED | SG_OPF_CONTROL | SG_OPF_DYN | SG_OPF_TEXT)) || !n->n_out)
        return false;
    for (int k = 0; k < n->n_in; k++) {
        sg_vid v = sg_node_in(g, id, k);
        if (v && (g->value[v].role != SG_CONST || g->value[v].type.dtype == SG_STR))
            return false;
    }
    for (int k = 0; k < n->n_out; k++)
        if (n->out[k] && (g->value[n->out[k]].type.dtype == SG_STR || g->value[n->out[k]].type.dtype == SG_NONE))
            return false;
    return small_enough(g, id) || is_stored_small(g, id);
}

sedge_status sg_lone_node(sg_graph *one, const sg_graph *g, sg_nid id, sg_err *err)
{
    const sg_node *n = &g->node[id];
    sg_vid *in = sg_arena_array(one->arena, (size_t)n->n_in + 1, sizeof *in);
    if (!in)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    for (int k = 0; k < n->n_in; k++) {
        const sg_value *v = &g->value[sg_node_in(g, id, k)];
        if (!sg_node_in(g, id, k))
            continue;
        in[k] = v->role == SG_CONST ? sg_value_new(one, SG_CONST, &v->type, NULL) : sg_input_new(one, &v->type, NULL);
        if (!in[k])
            return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
        one->value[in[k]].data = v->data;
    }
    sg_nid copy = sg_node_new(one, n->op, in, n->n_in, n->n_out, 0);
    if (!copy)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    sg_node *c = &one->node[copy];
    c->attr = n->attr;
    c->name = n->name;
    c->source = n->source;
    c->choice = n->choice;
    for (int k = 0; k < n->n_out; k++)
        one->value[c->out[k]].type.layout = g->value[n->out[k]].type.layout;
    for (int k = 0; k < n->n_out; k++)
        if (!n->out[k])
            c->out[k] = SG_NONE_ID;
        else if (sg_output_add(one, c->out[k]) != SEDGE_OK)
            return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    return sg_infer_graph(one, err);
}

static sedge_status take_results(sg_graph *g, sg_nid id, const sg_frame *f, sg_err *err)
{
    const sg_node *n = &g->node[id];
    uint32_t at = 0;
    for (int k = 0; k < n->n_out; k++) {
        sg_vid old = n->out[k];
        if (!old)
            continue;
        const sg_tensor *t = &f->val[f->plan->output[at++]];
        const char *bytes = t->data;
        size_t size = sg_tensor_bytes(t);
        void *copy = sg_arena_dup(g->arena, size ? bytes : "", size);
        sg_vid v = copy ? sg_const_new(g, (sg_dtype)t->dtype, t->rank, t->dim, copy, g->value[old].name) : SG_NONE_ID;
        if (!v)
            return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
        g->value[v].content = g->value[old].content;
        g->value[v].n_content = g->value[old].n_content;
        sg_value_replace(g, old, v);
        n = &g->node[id];
    }
    sg_node_delete(g, id);
    return SEDGE_OK;
}

static sedge_status fold_node(sg_graph *g, sg_nid id, sg_mem *mem, sg_err *err)
{
    sg_arena arena = {.mem = mem};
    sg_run run = {.mem = mem, .pool = {.mem = mem}, .threads = 1};
    sg_graph *one = sg_graph_new(&arena);
    sg_plan *plan = NULL;
    sg_frame *frame = NULL;
    sg_plan_args args = {.target = sg_target_find("cpu"), .alloc = mem->fn, .alloc_ctx = mem->ctx};
    sedge_status st = one ? sg_lone_node(one, g, id, err) : sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    if (st == SEDGE_OK)
        st = sg_plan_build(&plan, one, &args, err);
    if (st == SEDGE_OK)
        st = sg_frame_open(&frame, plan, &run, err);
    if (st == SEDGE_OK)
        st = sg_frame_run(frame, err);
    if (st == SEDGE_OK)
        st = take_results(g, id, frame, err);
    sg_frame_close(frame);
    sg_pool_close(&run.pool);
    sg_free(mem, run.scratch, run.cap_scratch * sizeof *run.scratch);
    sg_plan_free(plan);
    sg_graph_free(one);
    sg_arena_free(&arena);
    return st;
}

sedge_status sg_fold(sg_graph *g, sg_mem *mem, int *changed, sg_err *err)
{
    int before = *changed;
    for (sg_nid n = g->node[0].next; n;) {
        sg_nid next = g->node[n].next;
        for (int k = 0; k < g->node[n].n_region; k++)
            SG_TRY(sg_fold(g->node[n].region[k], mem, changed, err));
        if (foldable(g, n)) {
            sg_err own = {0}; /* a node that fails stays, and fails in the run if the run gets there */
            sedge_status st = fold_node(g, n, mem, &own);
            if (st == SEDGE_E_NOMEM)
                return sg_fail(err, st, "%s", own.msg);
            *changed += st == SEDGE_OK;
        }
        n = next;
    }
    return *changed == before ? SEDGE_OK : sg_infer_graph(g, err);
}
