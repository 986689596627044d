/* The gradient pass. Forwards: what depends on the values that were asked for; rows that are spelled out become what
 * they stand for. Backwards from the loss: each node's rule gives from the gradients of its results those of its operands, which add up. */
#include "grad/gradient.h"

#include <string.h>

#include "grad/rule.h"

typedef struct rule {
    sg_grad_fn *grad, *spell;
} rule;

static const rule rules[SG_OP_COUNT] = {
#define OP(id, name, i0, i1, o0, o1, flags, infer, ref, grad, ...) grad,
#define GRAD(f)                                                    {sg_grad_##f, NULL}
#define SPELL(f)                                                   {NULL, sg_spell_##f}
#define NODIFF(why)                                                {NULL, NULL}
#include "op/ops.def"
#undef OP
};

/* Rows that a program brought stand in no table. */
static const rule *rule_of(const sg_op *op)
{
    static const rule none = {NULL, NULL};
    return op >= sg_ops && op < sg_ops + SG_OP_COUNT ? &rules[op - sg_ops] : &none;
}

typedef struct sweep {
    sg_graph *g;
    sg_err *err;
    bool *moves; /* per value: depends on what was asked for */
    size_t cap_moves;
    sg_vid *adjoint; /* per value: its gradient so far, 0: none */
    size_t n_adjoint;
} sweep;

/* Integers carry a gradient where they stand for reals, between quantize and dequantize. */
static bool carries(const sg_graph *g, sg_vid v)
{
    sg_dtype t = (sg_dtype)g->value[v].type.dtype;
    return sg_is_float(t) || (sg_is_int(t) && g->value[v].role == SG_COMPUTED && g->node[g->value[v].def].op == SG_ROW(QUANTIZE));
}

static sedge_status mark(sweep *s, sg_vid v)
{
    size_t had = s->cap_moves;
    if (sg_grow(s->g->mem, &s->moves, &s->cap_moves, s->g->n_value, sizeof *s->moves) != SEDGE_OK)
        return sg_fail(s->err, SEDGE_E_NOMEM, "out of memory");
    memset(s->moves + had, 0, (s->cap_moves - had) * sizeof *s->moves);
    s->moves[v] = true;
    return SEDGE_OK;
}

static bool moves(const sweep *s, sg_vid v)
{
    return v && v < s->cap_moves && s->moves[v];
}

static bool any_moves(const sweep *s, sg_nid n)
{
    bool any = false;
    for (int k = 0; k < s->g->node[n].n_in; k++)
        any = any || moves(s, sg_node_in(s->g, n, k));
    return any;
}

static sedge_status shapes_known(const sweep *s, sg_nid n)
{
    const sg_node *node = &s->g->node[n];
    for (int k = 0; k < node->n_in + node->n_out; k++) {
        sg_vid v = k < node->n_in ? sg_node_in(s->g, n, k) : node->out[k - node->n_in];
        char text[128];
        if (v && sg_d_numel(&s->g->value[v].type) < 0)
            return sg_fail(s->err, SEDGE_E_SHAPE, "no gradient: %s is not a shape in numbers",
                           sg_type_text(&s->g->value[v].type, &s->g->dims, text, sizeof text));
    }
    return SEDGE_OK;
}

/* The node's rule in hand, with room for what it gives; every value of it is the graph's by then. */
static sedge_status open(sweep *s, sg_nid n, sg_grad *c)
{
    const sg_node *node = &s->g->node[n];
    sg_vid *room = sg_arena_array(s->g->arena, 2u * node->n_in + 3u * node->n_out + 1u, sizeof *room);
    bool *want = sg_arena_array(s->g->arena, node->n_in + 1u, sizeof *want);
    if (!room || !want)
        return sg_fail(s->err, SEDGE_E_NOMEM, "out of memory");
    sg_vid *y = room + 2u * node->n_in, *dy = y + node->n_out;
    *c = (sg_grad){.b = {.g = s->g,
                         .err = s->err,
                         .arena = s->g->arena,
                         .name = node->name,
                         .source = node->source,
                         .n_in = node->n_in,
                         .n_out = node->n_out,
                         .in = room},
                   .op = node->op,
                   .node = n,
                   .attrs = {node->attr, node->n_attr},
                   .y = y,
                   .dy = dy,
                   .want = want,
                   .dx = room + node->n_in,
                   .to = dy + node->n_out};
    for (int k = 0; k < node->n_in; k++) {
        room[k] = sg_node_in(s->g, n, k);
        want[k] = moves(s, room[k]) && carries(s->g, room[k]);
    }
    for (int k = 0; k < node->n_out; k++) {
        y[k] = node->out[k];
        dy[k] = y[k] && y[k] < s->n_adjoint ? s->adjoint[y[k]] : 0;
    }
    return SEDGE_OK;
}

static sedge_status close(const sweep *s, sg_nid n, sedge_status st)
{
    const sg_node *node = &s->g->node[n];
    if (s->err->status == SEDGE_OK && st == SEDGE_OK)
        return SEDGE_OK;
    sg_err_where(s->err, "%s (%s)", node->name && *node->name ? node->name : "a node", node->op->name);
    return s->err->status;
}

static sedge_status spell(sweep *s, sg_nid n, sg_vid *loss)
{
    sg_grad c;
    SG_TRY(shapes_known(s, n));
    SG_TRY(open(s, n, &c));
    c.b.before = n;
    rule_of(c.op)->spell(&c);
    if (s->err->status != SEDGE_OK)
        return s->err->status;
    for (int k = 0; k < c.b.n_out; k++) {
        if (c.y[k] && !c.to[k] && (s->g->value[c.y[k]].n_uses || c.y[k] == *loss))
            return sg_fail(s->err, SEDGE_E_UNSUPPORTED, "no gradient: its result %d is not spelled out", k);
        if (!c.y[k] || !c.to[k])
            continue;
        s->g->value[c.to[k]].name = s->g->value[c.y[k]].name;
        *loss = *loss == c.y[k] ? c.to[k] : *loss;
        sg_value_replace(s->g, c.y[k], c.to[k]);
    }
    sg_node_delete(s->g, n);
    return SEDGE_OK;
}

/* In order, from the first node that depends on what was asked for. */
static sedge_status forwards(sweep *s, sg_vid *loss)
{
    for (sg_nid n = s->g->node[0].next, next; n; n = next) {
        next = s->g->node[n].next;
        if (!any_moves(s, n))
            continue;
        if (rule_of(s->g->node[n].op)->spell) {
            sg_nid before = s->g->node[n].prev;
            sedge_status st = spell(s, n, loss);
            if (st != SEDGE_OK)
                return close(s, n, st);
            next = s->g->node[before].next;
            continue;
        }
        for (int k = 0; k < s->g->node[n].n_out; k++)
            if (s->g->node[n].out[k])
                SG_TRY(mark(s, s->g->node[n].out[k]));
    }
    return SEDGE_OK;
}

static sedge_status backwards_through(sweep *s, sg_nid n)
{
    sg_grad c;
    SG_TRY(open(s, n, &c));
    bool comes = false, goes = false;
    for (int k = 0; k < c.b.n_out; k++)
        comes = comes || c.dy[k];
    for (int k = 0; k < c.b.n_in; k++)
        goes = goes || c.want[k];
    if (!comes || !goes)
        return SEDGE_OK;
    if (!rule_of(c.op)->grad)
        return sg_fail(s->err, SEDGE_E_UNSUPPORTED, "no gradient: %s", c.op->nodiff ? c.op->nodiff : "the program's own");
    SG_TRY(shapes_known(s, n));
    rule_of(c.op)->grad(&c);
    for (int k = 0; k < c.b.n_in && s->err->status == SEDGE_OK; k++) {
        if (!c.dx[k] || !c.want[k])
            continue;
        sg_vid *sum = &s->adjoint[c.b.in[k]];
        *sum = *sum ? add(&c, *sum, c.dx[k]) : c.dx[k];
    }
    return s->err->status;
}

static sedge_status backwards(sweep *s, sg_vid loss)
{
    sg_ib b = {.g = s->g, .err = s->err, .arena = s->g->arena};
    const sg_type t = s->g->value[loss].type;
    sg_vid one = sg_ib_scalar(&b, (sg_dtype)t.dtype, 1);
    s->adjoint[loss] = t.rank ? sg_ib_reshape(&b, one, t.dim, t.rank) : one;
    if (!s->adjoint[loss])
        return s->err->status;
    for (sg_nid n = s->g->value[loss].def; n; n = s->g->node[n].prev) {
        sedge_status st = backwards_through(s, n);
        if (st != SEDGE_OK || s->err->status != SEDGE_OK)
            return close(s, n, st);
    }
    return SEDGE_OK;
}

static sedge_status differentiate(sweep *s, sg_vid *loss, const sg_vid *wrt, int n, sg_vid *grad)
{
    for (int k = 0; k < n; k++)
        SG_TRY(mark(s, wrt[k]));
    SG_TRY(forwards(s, loss));
    const sg_type *t = &s->g->value[*loss].type;
    if (!sg_is_float((sg_dtype)t->dtype) || sg_d_numel(t) != 1)
        return sg_fail(s->err, SEDGE_E_SHAPE, "the loss is not one number of a float type");
    s->n_adjoint = s->g->n_value;
    s->adjoint = sg_calloc(s->g->mem, s->n_adjoint, sizeof *s->adjoint);
    if (!s->adjoint)
        return sg_fail(s->err, SEDGE_E_NOMEM, "out of memory");
    if (moves(s, *loss) && s->g->value[*loss].role == SG_COMPUTED)
        SG_TRY(backwards(s, *loss));
    for (int k = 0; k < n; k++)
        grad[k] = s->adjoint[wrt[k]];
    return SEDGE_OK;
}

sedge_status sg_gradient(sg_graph *g, sg_vid *loss, const sg_vid *wrt, int n, sg_vid *grad, sg_err *err)
{
    sweep s = {.g = g, .err = err};
    sedge_status st = differentiate(&s, loss, wrt, n, grad);
    sg_free(g->mem, s.moves, s.cap_moves * sizeof *s.moves);
    sg_free(g->mem, s.adjoint, s.n_adjoint * sizeof *s.adjoint);
    return st;
}
