/* What prepare has to look at: the claims on which shape rules rest, and the expressions, slots and steps that change with
 * the shapes of the inputs. */
#include <string.h>

#include "plan/plan.h"

static bool any_symbolic(const sg_graph *g, sg_nid id)
{
    const sg_node *n = &g->node[id];
    for (int k = 0; k < n->n_in + n->n_out; k++) {
        sg_vid v = k < n->n_in ? sg_node_in(g, id, k) : n->out[k - n->n_in];
        for (int i = 0; v && i < g->value[v].type.rank; i++)
            if (sg_dim_is_expr(g->value[v].type.dim[i]))
                return true;
    }
    return false;
}

sedge_status sg_plan_guards(sg_plan *p, sg_graph *g, bool *exact, sg_err *err)
{
    sg_guards all = {.mem = &p->mem};
    sedge_status st = SEDGE_OK;
    SG_EACH_NODE(g, n)
    if (st == SEDGE_OK && !(g->node[n].op->flags & SG_OPF_DYN) && any_symbolic(g, n))
        st = sg_infer_guards(g, n, &all, &exact[n], err);
    p->guard = all.n ? sg_arena_dup(&p->arena, all.v, all.n * sizeof *all.v) : NULL;
    p->n_guard = (uint32_t)all.n;
    if (st == SEDGE_OK && all.n && (!p->guard || all.n > UINT32_MAX))
        st = sg_fail(err, SEDGE_E_NOMEM, "out of memory while planning");
    sg_free(&p->mem, all.v, all.cap * sizeof *all.v);
    return st;
}

static void need(const sg_plan *p, bool *needed, sg_dim d)
{
    if (sg_dim_is_expr(d) && !p->late[sg_dim_expr(d)])
        needed[sg_dim_expr(d)] = true;
}

/* Guards on what a step defines are dropped: the rule of a step that sees such a size runs again just before it. */
static void early_guards(sg_plan *p, bool *needed)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->n_guard; i++) {
        const sg_guard g = p->guard[i];
        if ((sg_dim_is_expr(g.a) && p->late[sg_dim_expr(g.a)]) || (sg_dim_is_expr(g.b) && p->late[sg_dim_expr(g.b)]))
            continue;
        need(p, needed, g.a);
        need(p, needed, g.b);
        p->guard[n++] = g;
    }
    p->n_guard = n;
}

/* Operands stand before users, so one sweep backwards finds all that is needed. */
static void eval_list(sg_plan *p, bool *needed)
{
    for (size_t i = p->dims->n; i-- > 0;)
        if (needed[i] && p->dims->node[i].op != SG_DIM_SYM) {
            need(p, needed, p->dims->node[i].a);
            need(p, needed, p->dims->node[i].b);
        }
    for (uint32_t i = 0; i < p->dims->n; i++)
        if (needed[i] && p->dims->node[i].op != SG_DIM_SYM)
            p->eval[p->n_eval++] = i;
}

sedge_status sg_plan_watch(sg_plan *p, sg_err *err)
{
    bool *needed = sg_arena_array(&p->arena, p->dims->n + 1, sizeof *needed);
    p->eval = sg_arena_array(&p->arena, p->dims->n + 1, sizeof *p->eval);
    p->moving = sg_arena_array(&p->arena, (size_t)p->n_slot + 1, sizeof *p->moving);
    p->shared = sg_arena_array(&p->arena, (size_t)p->n_slot + 1, sizeof *p->shared);
    p->recheck = sg_arena_array(&p->arena, (size_t)p->n_step + 1, sizeof *p->recheck);
    if (!needed || !p->eval || !p->moving || !p->shared || !p->recheck)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory while planning");
    early_guards(p, needed);
    for (uint32_t i = 1; i < p->n_slot; i++) {
        const sg_slot *s = &p->slot[i];
        for (int k = 0; k < s->type.rank; k++)
            need(p, needed, s->type.dim[k]);
        for (uint32_t k = 0; s->content && k < s->n_content; k++)
            need(p, needed, s->content[k]);
        need(p, needed, s->offset);
        if (s->symbolic && !s->dynamic && s->base != SG_BASE_NONE &&
            !((s->base == SG_BASE_INPUT || s->base == SG_BASE_STATE) && s->storage == i))
            p->moving[p->n_moving++] = i;
        if (s->storage != i && !s->dynamic && s->base != SG_BASE_POOL)
            p->shared[p->n_shared++] = i;
    }
    for (uint32_t t = 0; t < p->n_step; t++) {
        sg_step *s = &p->step[t];
        s->check_shape = s->check_shape && s->op && !s->shape_at_run && !(s->op->flags & SG_OPF_DYN);
        if (s->check_shape && !s->exact)
            p->recheck[p->n_recheck++] = t;
    }
    eval_list(p, needed);
    return SEDGE_OK;
}
