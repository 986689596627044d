/* The search for operators that nothing lowers: all of a model's are named at once. */
#include <stdio.h>
#include <string.h>

#include "import/onnx/state.h"

#define FIRST 3

typedef struct search {
    sg_onnx *s;
    size_t count;
    char first[240], ops[200];
    size_t n_first, n_ops;
    const char *seen[32];
    int n_seen;
} search;

static void append(char *buf, size_t size, size_t *at, const char *text)
{
    size_t n = strlen(text);
    if (*at + n + 1 > size)
        return;
    memcpy(buf + *at, text, n + 1);
    *at += n;
}

static void note(search *q, const sg_onnx_frame *f, const sg_onp_node *node)
{
    char text[120];
    if (q->count++ < FIRST) {
        snprintf(text, sizeof text, "%s%.30s (%.30s, domain %.20s, opset %lld)", q->count > 1 ? "; " : "",
                 *node->name ? node->name : "unnamed", node->op_type, *node->domain ? node->domain : "ai.onnx",
                 (long long)sg_onnx_opset_of(f, node->domain));
        append(q->first, sizeof q->first, &q->n_first, text);
    }
    for (int i = 0; i < q->n_seen; i++)
        if (q->seen[i] == node->op_type)
            return;
    if (q->n_seen == (int)(sizeof q->seen / sizeof q->seen[0]))
        return;
    snprintf(text, sizeof text, "%s%.60s", q->n_seen ? ", " : "", node->op_type);
    append(q->ops, sizeof q->ops, &q->n_ops, text);
    q->seen[q->n_seen++] = node->op_type;
}

static void nodes_search(search *q, const sg_onnx_frame *f, const sg_onp_node *node, int n);

/* Each function once, in whichever call comes first. */
static void fn_search(search *q, const sg_onp_fn *fn)
{
    sg_onp_fn *own = &q->s->fn[fn - q->s->fn];
    if (own->seen)
        return;
    own->seen = true;
    sg_onnx_frame f = {.caller = &q->s->frame, .fn = fn, .opset = fn->opset, .n_opset = fn->n_opset, .prefix = ""};
    nodes_search(q, &f, fn->node, fn->n_node);
}

static void nodes_search(search *q, const sg_onnx_frame *f, const sg_onp_node *node, int n)
{
    for (int i = 0; i < n; i++) {
        const sg_onp_fn *fn = sg_onnx_fn_find(q->s, &node[i], false);
        bool known = fn || sg_onnx_is_constant(&node[i]) || sg_onnx_op_find(q->s, node[i].domain, node[i].op_type) ||
                     sg_onnx_custom_find(q->s, &node[i]);
        if (!known)
            known = (fn = sg_onnx_fn_find(q->s, &node[i], true)) != NULL;
        if (fn)
            fn_search(q, fn);
        if (!known)
            note(q, f, &node[i]);
        for (int k = 0; k < node[i].n_attr; k++)
            if (node[i].attr[k].graph)
                nodes_search(q, f, node[i].attr[k].graph->node, node[i].attr[k].graph->n_node);
    }
}

sedge_status sg_onnx_check_known(sg_onnx *s, const sg_onp_graph *g)
{
    search q = {.s = s};
    nodes_search(&q, &s->frame, g->node, g->n_node);
    if (!q.count)
        return SEDGE_OK;
    return sg_fail(s->err, SEDGE_E_UNSUPPORTED, "%zu node%s no operator here knows: %s%s. Operators: %s", q.count,
                   q.count == 1 ? "" : "s", q.first, q.count > FIRST ? "; ..." : "", q.ops);
}
