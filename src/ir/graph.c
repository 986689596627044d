/* Building and changing graphs. */
#include "ir/graph.h"

#include <string.h>

#include "ir/schema.h"

const char *const sg_attr_names[SG_A_COUNT] = {
    "",
#define ATTR(name) #name,
#include "ir/attrs.def"
#undef ATTR
};

sg_graph *sg_graph_new(sg_arena *arena)
{
    sg_graph *g = sg_arena_alloc(arena, sizeof *g);
    if (!g)
        return NULL;
    g->arena = arena;
    g->mem = arena->mem;
    g->dims.mem = arena->mem;
    if (sg_grow(g->mem, &g->value, &g->cap_value, 1, sizeof *g->value) != SEDGE_OK ||
        sg_grow(g->mem, &g->node, &g->cap_node, 1, sizeof *g->node) != SEDGE_OK ||
        sg_grow(g->mem, &g->operand, &g->cap_operand, 1, sizeof *g->operand) != SEDGE_OK ||
        sg_grow(g->mem, &g->quant, &g->cap_quant, 1, sizeof *g->quant) != SEDGE_OK) {
        sg_graph_free(g);
        return NULL;
    }
    g->n_value = g->n_node = g->n_operand = g->n_quant = 1;
    return g;
}

void sg_graph_free(sg_graph *g)
{
    if (!g)
        return;
    for (size_t i = 1; i < g->n_node; i++)
        for (int k = 0; k < g->node[i].n_region; k++)
            sg_graph_free(g->node[i].region[k]);
    sg_free(g->mem, g->value, g->cap_value * sizeof *g->value);
    sg_free(g->mem, g->node, g->cap_node * sizeof *g->node);
    sg_free(g->mem, g->operand, g->cap_operand * sizeof *g->operand);
    sg_free(g->mem, g->quant, g->cap_quant * sizeof *g->quant);
    sg_free(g->mem, g->dims.node, g->dims.cap * sizeof *g->dims.node);
    sg_free(g->mem, g->input, g->cap_input * sizeof *g->input);
    sg_free(g->mem, g->output, g->cap_output * sizeof *g->output);
    sg_arena *arena = g->arena;
    sg_mem *mem = g->mem;
    memset(g, 0, sizeof *g);
    g->arena = arena;
    g->mem = mem;
}

sg_vid sg_value_new(sg_graph *g, sg_role role, const sg_type *type, const char *name)
{
    if (sg_grow(g->mem, &g->value, &g->cap_value, g->n_value + 1, sizeof *g->value) != SEDGE_OK)
        return SG_NONE_ID;
    sg_value *v = &g->value[g->n_value];
    memset(v, 0, sizeof *v);
    v->role = (uint8_t)role;
    if (type)
        v->type = *type;
    else
        v->type.rank = -1;
    v->name = name;
    return (sg_vid)g->n_value++;
}

sg_vid sg_input_new(sg_graph *g, const sg_type *type, const char *name)
{
    if (sg_grow(g->mem, &g->input, &g->cap_input, g->n_input + 1, sizeof *g->input) != SEDGE_OK)
        return SG_NONE_ID;
    sg_vid v = sg_value_new(g, SG_INPUT, type, name);
    if (v)
        g->input[g->n_input++] = v;
    return v;
}

sedge_status sg_output_add(sg_graph *g, sg_vid v)
{
    SG_TRY(sg_grow(g->mem, &g->output, &g->cap_output, g->n_output + 1, sizeof *g->output));
    g->output[g->n_output++] = v;
    return SEDGE_OK;
}

sg_vid sg_const_new(sg_graph *g, sg_dtype dtype, int rank, const int64_t *dim, const void *data, const char *name)
{
    sg_type t = {0};
    t.dtype = (uint8_t)dtype;
    t.rank = (int8_t)rank;
    for (int i = 0; i < rank; i++)
        t.dim[i] = dim[i];
    sg_vid v = sg_value_new(g, SG_CONST, &t, name);
    if (v)
        g->value[v].data = data;
    return v;
}

sg_vid sg_const_i64(sg_graph *g, const int64_t *v, int64_t n, int rank)
{
    const void *data = sg_arena_dup(g->arena, v, (size_t)n * sizeof *v);
    return data ? sg_const_new(g, SG_I64, rank, &n, data, NULL) : SG_NONE_ID;
}

sg_vid sg_const_f64(sg_graph *g, sg_dtype dtype, double v)
{
    void *data = sg_arena_alloc(g->arena, 16);
    if (!data)
        return SG_NONE_ID;
    if (sg_is_float(dtype))
        sg_store_f64(dtype, data, 0, v);
    else
        sg_store_i64(dtype, data, 0, (int64_t)v);
    return sg_const_new(g, dtype, 0, NULL, data, NULL);
}

static void use_link(sg_graph *g, uint32_t slot, sg_vid v)
{
    sg_operand *o = &g->operand[slot];
    o->value = v;
    o->prev = o->next = 0;
    if (!v)
        return;
    o->next = g->value[v].uses;
    if (o->next)
        g->operand[o->next].prev = slot;
    g->value[v].uses = slot;
    g->value[v].n_uses++;
}

static void use_unlink(sg_graph *g, uint32_t slot)
{
    sg_operand *o = &g->operand[slot];
    if (!o->value)
        return;
    if (o->prev)
        g->operand[o->prev].next = o->next;
    else
        g->value[o->value].uses = o->next;
    if (o->next)
        g->operand[o->next].prev = o->prev;
    g->value[o->value].n_uses--;
    o->value = SG_NONE_ID;
}

static bool attrs_default(sg_graph *g, sg_node *n, const struct sg_op *op)
{
    int count = sg_schema_count(op);
    n->attr = sg_arena_array(g->arena, (size_t)count, sizeof *n->attr);
    if (!n->attr)
        return false;
    n->n_attr = (uint16_t)count;
    for (int i = 0; i < count; i++)
        sg_schema_default(op, i, &n->attr[i]);
    return true;
}

sg_nid sg_node_new(sg_graph *g, const struct sg_op *op, const sg_vid *ins, int n_in, int n_out, sg_nid before)
{
    if (n_in > UINT16_MAX || n_out > UINT16_MAX ||
        sg_grow(g->mem, &g->node, &g->cap_node, g->n_node + 1, sizeof *g->node) != SEDGE_OK ||
        sg_grow(g->mem, &g->operand, &g->cap_operand, g->n_operand + (size_t)n_in, sizeof *g->operand) != SEDGE_OK)
        return 0;
    sg_node n = {0};
    n.op = op;
    n.n_in = (uint16_t)n_in;
    n.n_out = (uint16_t)n_out;
    n.in0 = (uint32_t)g->n_operand;
    n.out = sg_arena_array(g->arena, (size_t)n_out, sizeof *n.out);
    if (!n.out || !attrs_default(g, &n, op))
        return 0;
    sg_nid id = (sg_nid)g->n_node;
    for (int k = 0; k < n_out; k++) {
        n.out[k] = sg_value_new(g, SG_COMPUTED, NULL, NULL);
        if (!n.out[k])
            return 0;
        g->value[n.out[k]].def = id;
        g->value[n.out[k]].out_index = (uint16_t)k;
    }
    g->n_node++;
    g->n_operand += (size_t)n_in;
    n.next = before;
    n.prev = g->node[before].prev;
    g->node[id] = n;
    g->node[n.prev].next = id;
    g->node[before].prev = id;
    for (int k = 0; k < n_in; k++) {
        g->operand[n.in0 + (uint32_t)k].node = id;
        use_link(g, n.in0 + (uint32_t)k, ins[k]);
    }
    return id;
}

sg_graph *sg_node_region(sg_graph *g, sg_nid n, int k)
{
    sg_node *node = &g->node[n];
    if (k >= node->n_region) {
        sg_graph **r = sg_arena_array(g->arena, (size_t)k + 1, sizeof *r);
        if (!r)
            return NULL;
        if (node->n_region)
            memcpy(r, node->region, node->n_region * sizeof *r);
        node->region = r;
        node->n_region = (uint16_t)(k + 1);
    }
    if (!node->region[k])
        node->region[k] = sg_graph_new(g->arena);
    return node->region[k];
}

void sg_node_set_in(sg_graph *g, sg_nid n, int k, sg_vid v)
{
    uint32_t slot = g->node[n].in0 + (uint32_t)k;
    use_unlink(g, slot);
    use_link(g, slot, v);
}

void sg_node_delete(sg_graph *g, sg_nid id)
{
    sg_node *n = &g->node[id];
    for (uint32_t k = 0; k < n->n_in; k++)
        use_unlink(g, n->in0 + k);
    g->node[n->prev].next = n->next;
    g->node[n->next].prev = n->prev;
    for (int k = 0; k < n->n_region; k++)
        sg_graph_free(n->region[k]);
    n->n_region = 0;
    n->op = NULL;
}

void sg_value_replace(sg_graph *g, sg_vid old, sg_vid by)
{
    if (old == by)
        return;
    while (g->value[old].uses) {
        uint32_t slot = g->value[old].uses;
        use_unlink(g, slot);
        use_link(g, slot, by);
    }
    for (size_t i = 0; i < g->n_output; i++)
        if (g->output[i] == old)
            g->output[i] = by;
}

const sg_attr *sg_attr_find(const sg_attr *attr, int n, sg_attr_id id)
{
    for (int i = 0; i < n; i++)
        if (attr[i].id == id)
            return &attr[i];
    return NULL;
}

static sg_attr *attr_for(sg_graph *g, sg_nid n, sg_attr_id id, sg_attr_kind kind)
{
    sg_node *node = &g->node[n];
    for (int i = 0; i < node->n_attr; i++)
        if (node->attr[i].id == id && node->attr[i].kind == kind) {
            node->attr[i].set = true;
            return &node->attr[i];
        }
    return NULL;
}

bool sg_set_int(sg_graph *g, sg_nid n, sg_attr_id id, int64_t v)
{
    sg_attr *a = attr_for(g, n, id, SG_AK_INT);
    if (a)
        a->u.i = v;
    return a != NULL;
}

bool sg_set_float(sg_graph *g, sg_nid n, sg_attr_id id, double v)
{
    sg_attr *a = attr_for(g, n, id, SG_AK_FLOAT);
    if (a)
        a->u.f = v;
    return a != NULL;
}

bool sg_set_str(sg_graph *g, sg_nid n, sg_attr_id id, const char *s, size_t len)
{
    sg_attr *a = attr_for(g, n, id, SG_AK_STR);
    char *copy = a ? sg_arena_str(g->arena, s, len) : NULL;
    if (copy) {
        a->u.s = copy;
        a->n = (uint32_t)len;
    }
    return copy != NULL;
}

static bool set_list(sg_graph *g, sg_nid n, sg_attr_id id, sg_attr_kind kind, const void *v, size_t count, size_t size)
{
    sg_attr *a = attr_for(g, n, id, kind);
    void *copy = a && count <= UINT32_MAX ? sg_arena_dup(g->arena, v, count * size) : NULL;
    if (copy) {
        a->u.ints = copy;
        a->n = (uint32_t)count;
    }
    return copy != NULL;
}

bool sg_set_ints(sg_graph *g, sg_nid n, sg_attr_id id, const int64_t *v, size_t count)
{
    return set_list(g, n, id, SG_AK_INTS, v, count, sizeof *v);
}

bool sg_set_floats(sg_graph *g, sg_nid n, sg_attr_id id, const double *v, size_t count)
{
    return set_list(g, n, id, SG_AK_FLOATS, v, count, sizeof *v);
}

bool sg_set_strs(sg_graph *g, sg_nid n, sg_attr_id id, const sg_str *v, size_t count)
{
    if (!set_list(g, n, id, SG_AK_STRS, v, count, sizeof *v))
        return false;
    sg_str *copy = (sg_str *)(uintptr_t)sg_attr_find(g->node[n].attr, g->node[n].n_attr, id)->u.strs;
    for (size_t i = 0; i < count; i++)
        if (!(copy[i].p = sg_arena_str(g->arena, v[i].p, (size_t)v[i].n)))
            return false;
    return true;
}

bool sg_set_tensor(sg_graph *g, sg_nid n, sg_attr_id id, const sg_tensor *t)
{
    sg_attr *a = attr_for(g, n, id, SG_AK_TENSOR);
    sg_tensor *copy = a ? sg_arena_dup(g->arena, t, sizeof *t) : NULL;
    if (copy) {
        copy->data = sg_arena_dup(g->arena, t->data, sg_tensor_bytes(t));
        a->u.t = copy;
    }
    return copy && copy->data;
}
