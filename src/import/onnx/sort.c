/* Putting nodes in an order in which every definition comes before its uses. */
#include "import/onnx/state.h"

static int32_t producer(const sg_onnx_scope *sc, const char *name)
{
    const sg_onnx_slot *slot = *name ? sg_onnx_slot_find(&sc->table, name) : NULL;
    return slot ? slot->producer : -1;
}

static bool sorted(const sg_onnx_scope *sc, const sg_onp_node *node, int n)
{
    for (int i = 0; i < n; i++)
        for (int k = 0; k < node[i].n_reads; k++)
            if (producer(sc, node[i].reads[k]) >= i)
                return false;
    return true;
}

typedef struct visit {
    int32_t node, next; /* next: the read to look at */
} visit;

/* Depth first from `root` with a stack of our own; state 0 new, 1 open, 2 done. */
static sedge_status visit_from(sg_onnx *s, const sg_onnx_scope *sc, const sg_onp_node *node, int32_t root, visit *stack,
                               uint8_t *state, int32_t *order, int *n_order)
{
    int top = 0;
    stack[top++] = (visit){root, 0};
    state[root] = 1;
    while (top) {
        visit *v = &stack[top - 1];
        if (v->next == node[v->node].n_reads) {
            state[v->node] = 2;
            order[(*n_order)++] = v->node;
            top--;
            continue;
        }
        int32_t p = producer(sc, node[v->node].reads[v->next++]);
        if (p < 0 || state[p] == 2)
            continue;
        if (state[p] == 1)
            return sg_fail(s->err, SEDGE_E_FORMAT, "node %.60s (%.60s) depends on itself",
                           *node[p].name ? node[p].name : "unnamed", node[p].op_type);
        state[p] = 1;
        stack[top++] = (visit){p, 0};
    }
    return SEDGE_OK;
}

sedge_status sg_onnx_sort(sg_onnx *s, const sg_onnx_scope *sc, const sg_onp_node *node, int n, int32_t *order)
{
    if (sorted(sc, node, n)) {
        for (int i = 0; i < n; i++)
            order[i] = i;
        return SEDGE_OK;
    }
    size_t count = (size_t)n;
    visit *stack = sg_calloc(s->mem, count, sizeof *stack);
    uint8_t *state = sg_calloc(s->mem, count, 1);
    sedge_status st = stack && state ? SEDGE_OK : sg_fail(s->err, SEDGE_E_NOMEM, "out of memory");
    int done = 0;
    for (int i = 0; i < n && st == SEDGE_OK; i++)
        if (!state[i])
            st = visit_from(s, sc, node, i, stack, state, order, &done);
    sg_free(s->mem, stack, count * sizeof *stack);
    sg_free(s->mem, state, count);
    return st;
}
