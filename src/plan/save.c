/* Plans to files. */
#include <stddef.h>

#include "base/cpu.h"
#include "base/sha256.h"
#include "base/sum.h"
#include "base/threads.h"
#include "plan/saved.h"

static void part(sg_saving *s, const void *data, size_t bytes)
{
    const sg_file_part f = {data, bytes};
    if (bytes)
        sg_put(&s->parts, &f, sizeof f);
}

/* Bytes for the data; where they stand in it. */
static size_t put_data(sg_saving *s, const void *p, size_t bytes)
{
    size_t at = s->data;
    part(s, p, bytes);
    part(s, NULL, sg_align_up(bytes) - bytes);
    s->data += sg_align_up(bytes);
    return at;
}

/* ---- types and tensors ---- */

static void put_dim(sg_sink *h, sg_dim d, const uint32_t *map)
{
    sg_put_u(h, sg_dim_is_expr(d));
    if (sg_dim_is_expr(d))
        sg_put_u(h, map[sg_dim_expr(d)]);
    else
        sg_put_i(h, d);
}

static void mark(sg_dim d, uint32_t *map)
{
    if (sg_dim_is_expr(d))
        map[sg_dim_expr(d)] = 1;
}

/* The expressions that inputs' dims are made of, operands before users. */
static void put_dims(sg_saving *s, const sg_graph *g, uint32_t *map)
{
    const sg_dim_node *node = g->dims.node;
    uint32_t n = 0;
    for (size_t i = 0; i < g->n_input; i++)
        for (int k = 0; k < g->value[g->input[i]].type.rank; k++)
            mark(g->value[g->input[i]].type.dim[k], map);
    for (size_t i = g->dims.n; i-- > 0;)
        if (map[i] && node[i].op != SG_DIM_SYM) {
            mark(node[i].a, map);
            mark(node[i].b, map);
        }
    for (size_t i = 0; i < g->dims.n; i++)
        n += map[i] != 0;
    sg_put_u(&s->head, n);
    n = 0;
    for (size_t i = 0; i < g->dims.n; i++) {
        if (!map[i])
            continue;
        map[i] = n++;
        sg_put_u(&s->head, node[i].op);
        if (node[i].op == SG_DIM_SYM) {
            sg_put_str(&s->head, node[i].name);
            sg_put_i(&s->head, node[i].bound);
            sg_put_u(&s->head, node[i].owner != 0);
        } else {
            put_dim(&s->head, node[i].a, map);
            put_dim(&s->head, node[i].b, map);
        }
    }
}

static void put_type(sg_sink *h, const sg_type *t, const uint32_t *map)
{
    sg_put_u(h, t->kind);
    sg_put_u(h, t->dtype);
    sg_put_u(h, t->key);
    sg_put_u(h, t->inner);
    sg_put_u(h, (uint64_t)(t->rank + 1));
    for (int k = 0; k < t->rank; k++)
        put_dim(h, t->dim[k], map);
}

/* A constant: its shape, and where its bytes are. */
static void put_tensor(sg_saving *s, const sg_tensor *t, bool needed)
{
    sg_sink *h = &s->head;
    int64_t n = sg_numel(t);
    size_t bytes = sg_tensor_bytes(t);
    sg_put_u(h, t->dtype);
    sg_put_u(h, (uint64_t)t->rank);
    for (int k = 0; k < t->rank; k++)
        sg_put_u(h, (uint64_t)t->dim[k]);
    if (t->dtype == SG_STR) {
        for (int64_t i = 0; i < n; i++)
            sg_put_strn(h, ((const sg_str *)t->data)[i].p ? ((const sg_str *)t->data)[i].p : "",
                        (size_t)((const sg_str *)t->data)[i].n);
        return;
    }
    sg_put_u(h, needed);
    if (needed)
        sg_put_u(h, put_data(s, t->data, bytes) / SG_ALIGN);
    else
        s->absent = bytes > s->absent ? bytes : s->absent;
}

static void put_attr(sg_saving *s, const sg_attr *a)
{
    sg_sink *h = &s->head;
    switch ((sg_attr_kind)a->kind) {
    case SG_AK_INT: sg_put_i(h, a->u.i); return;
    case SG_AK_FLOAT: sg_put_f(h, a->u.f); return;
    case SG_AK_STR: sg_put_strn(h, a->u.s, a->n); return;
    case SG_AK_TENSOR: put_tensor(s, a->u.t, true); return;
    default: sg_put_u(h, a->n);
    }
    for (uint32_t i = 0; i < a->n; i++) {
        if (a->kind == SG_AK_INTS)
            sg_put_i(h, a->u.ints[i]);
        else if (a->kind == SG_AK_FLOATS)
            sg_put_f(h, a->u.floats[i]);
        else
            sg_put_strn(h, a->u.strs[i].p ? a->u.strs[i].p : "", (size_t)a->u.strs[i].n);
    }
}

/* ---- graphs ---- */

/* What becomes of a graph's values: its number in the file, for constants first whether something reads the bytes. */
typedef struct numbers {
    uint32_t *value, n;
    uint8_t *state; /* UNUSED, SPENT or NEEDED */
    uint32_t *dim;
} numbers;

enum { UNUSED, SPENT, NEEDED };

static void mark_constants(numbers *m, const sg_graph *g, const sg_plan *p)
{
    for (uint32_t t = 0; t < p->n_step; t++) {
        const sg_step *s = &p->step[t];
        for (uint32_t k = 0; k < s->n_in; k++) {
            uint32_t v = p->operand[s->operand + k];
            bool spent = s->settled && k < 32 && (s->spent >> k & 1);
            if (v < g->n_value && m->state[v] != NEEDED)
                m->state[v] = spent ? SPENT : NEEDED;
        }
    }
    SG_EACH_NODE(g, n)
    for (int k = 0; k < g->node[n].n_in && !p->live[n]; k++) /* shape rules look at them */
        m->state[sg_node_in(g, n, k)] = NEEDED;
    for (size_t k = 0; k < g->n_output; k++)
        m->state[g->output[k]] = NEEDED;
    for (uint32_t v = 1; v < g->n_value && p->target->device; v++) /* a device has copies of its own */
        m->state[v] = g->value[v].n_uses || m->state[v] ? NEEDED : UNUSED;
}

static void put_values(sg_saving *s, numbers *m, const sg_graph *g)
{
    uint32_t n = 0;
    sg_put_u(&s->head, g->n_input);
    for (size_t i = 0; i < g->n_input; i++) {
        const sg_value *v = &g->value[g->input[i]];
        put_type(&s->head, &v->type, m->dim);
        sg_put_str(&s->head, v->name);
        m->value[g->input[i]] = ++m->n;
    }
    for (size_t v = 1; v < g->n_value; v++)
        n += g->value[v].role == SG_CONST && m->state[v];
    sg_put_u(&s->head, n);
    for (size_t i = 1; i < g->n_value; i++) {
        const sg_value *v = &g->value[i];
        if (v->role != SG_CONST || !m->state[i])
            continue;
        sg_tensor t = {.data = (void *)(uintptr_t)v->data, .dtype = v->type.dtype, .rank = v->type.rank};
        memcpy(t.dim, v->type.dim, sizeof t.dim);
        sg_put_str(&s->head, v->name);
        sg_put_u(&s->head, v->type.layout);
        put_tensor(s, &t, m->state[i] == NEEDED);
        m->value[i] = ++m->n;
    }
}

static sedge_status put_graph(sg_saving *s, const sg_graph *g, const sg_plan *p, sg_err *err);

static void put_op(sg_sink *h, const sg_op *op)
{
    bool own = op < sg_ops || op >= sg_ops + SG_OP_COUNT;
    sg_put_u(h, own ? 0 : (uint64_t)(op - sg_ops) + 1);
    if (own) {
        sg_put_str(h, ((const sg_custom *)op)->op.domain);
        sg_put_str(h, op->name);
    }
}

/* Nodes without a step have no regions. */
static sedge_status put_node(sg_saving *s, numbers *m, const sg_graph *g, sg_nid id, const sg_step *step, sg_err *err)
{
    sg_sink *h = &s->head;
    const sg_node *n = &g->node[id];
    put_op(h, n->op);
    sg_put_str(h, n->name);
    sg_put_str(h, n->source);
    sg_put_u(h, n->choice);
    sg_put_u(h, n->n_in);
    for (int k = 0; k < n->n_in; k++)
        sg_put_u(h, m->value[sg_node_in(g, id, k)]);
    sg_put_u(h, n->n_out);
    for (int k = 0; k < n->n_out; k++) {
        const sg_value *v = &g->value[n->out[k]];
        sg_put_u(h, n->out[k] ? 1u + v->type.layout : 0);
        sg_put_str(h, n->out[k] ? v->name : NULL);
        m->n++;
        if (n->out[k])
            m->value[n->out[k]] = m->n;
    }
    for (int i = 0; i < n->n_attr; i++) {
        sg_put_u(h, n->attr[i].set);
        if (n->attr[i].set)
            put_attr(s, &n->attr[i]);
    }
    sg_put_u(h, n->n_region);
    for (int k = 0; k < n->n_region; k++)
        SG_TRY(put_graph(s, n->region[k], step->region[k], err));
    return h->lost ? sg_fail(err, SEDGE_E_NOMEM, "out of memory") : SEDGE_OK;
}

static sedge_status put_body(sg_saving *s, numbers *m, const sg_graph *g, const sg_plan *p, sg_err *err)
{
    uint32_t count = 0, t = 0;
    sg_put_str(&s->head, g->name);
    put_dims(s, g, m->dim);
    mark_constants(m, g, p);
    put_values(s, m, g);
    SG_EACH_NODE(g, n)
    count++;
    sg_put_u(&s->head, count);
    SG_EACH_NODE(g, n)
    {
        while (p->live[n] && !p->step[t].op) /* a transfer */
            t++;
        SG_TRY(put_node(s, m, g, n, p->live[n] ? &p->step[t++] : NULL, err));
    }
    sg_put_u(&s->head, g->n_output);
    for (size_t k = 0; k < g->n_output; k++)
        sg_put_u(&s->head, m->value[g->output[k]]);
    return SEDGE_OK;
}

static sedge_status put_graph(sg_saving *s, const sg_graph *g, const sg_plan *p, sg_err *err)
{
    sg_arena a = {.mem = s->head.mem};
    numbers m = {.value = sg_arena_array(&a, g->n_value, sizeof *m.value),
                 .state = sg_arena_array(&a, g->n_value, sizeof *m.state),
                 .dim = sg_arena_array(&a, g->dims.n + 1, sizeof *m.dim)};
    sedge_status st = SEDGE_E_NOMEM;
    if (m.value && m.state && m.dim)
        st = put_body(s, &m, g, p, err);
    sg_arena_free(&a);
    return st == SEDGE_E_NOMEM ? sg_fail(err, st, "out of memory") : st;
}

/* ---- the whole ---- */

/* What the model's own state is at first. */
static void put_states(sg_saving *s, const sg_graph *g, const sg_saved_info *info)
{
    sg_put_u(&s->head, info->n_state);
    for (size_t k = 0; k < info->n_state; k++) {
        const sg_type *type = &g->value[g->input[g->n_input - info->n_state + k]].type;
        sg_tensor t = {.data = (void *)(uintptr_t)info->state[k], .dtype = type->dtype, .rank = type->rank};
        memcpy(t.dim, type->dim, sizeof t.dim);
        sg_put_u(&s->head, t.data != NULL);
        if (t.data)
            put_tensor(s, &t, true);
    }
}

static void put_pairs(sg_sink *h, const sg_saved_pair *p, size_t n)
{
    sg_put_u(h, n);
    for (size_t i = 0; i < n; i++) {
        sg_put_str(h, p[i].a);
        sg_put_str(h, p[i].b);
        sg_put_i(h, p[i].n);
    }
}

static void put_head(sg_saving *s, const sg_plan *p, const sg_rooms *rooms, const sg_saved_info *info)
{
    sg_sink *h = &s->head;
    sg_put_str(h, p->target->name);
    sg_put_str(h, info->producer);
    sg_put_i(h, info->ir_version);
    put_pairs(h, info->opset, info->n_opset);
    put_pairs(h, info->meta, info->n_meta);
    put_pairs(h, info->link, info->n_link);
    sg_put_u(h, p->graph->n_output);
    for (size_t k = 0; k < p->graph->n_output; k++)
        sg_put_str(h, info->output[k]);
    const sg_room *room = rooms->saved ? rooms->saved : rooms->v;
    size_t n = rooms->saved ? rooms->n_saved : rooms->n;
    sg_put_u(h, n);
    for (size_t i = 0; i < n; i++) {
        sg_put_u(h, room[i].bytes);
        put_data(s, room[i].data, room[i].bytes);
    }
}

static void little(uint8_t *to, uint64_t v, int n)
{
    for (int i = 0; i < n; i++)
        to[i] = (uint8_t)(v >> 8 * i);
}

/* The parts are summed as they will stand in the file. */
static sedge_status sum_parts(const sg_saving *s, uint64_t *sum)
{
    sg_mem *mem = s->head.mem;
    const sg_file_part *f = (const sg_file_part *)(const void *)s->parts.p;
    size_t n = s->parts.n / sizeof *f, at = 0;
    uint8_t *room = sg_alloc(mem, SG_SUM_CHUNK);
    if (!room)
        return SEDGE_E_NOMEM;
    *sum = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t done = 0, k; done < f[i].bytes; done += k) {
            k = f[i].bytes - done < SG_SUM_CHUNK - at ? f[i].bytes - done : SG_SUM_CHUNK - at;
            if (f[i].data)
                memcpy(room + at, (const uint8_t *)f[i].data + done, k);
            else
                memset(room + at, 0, k);
            at += k;
            if (at == SG_SUM_CHUNK)
                *sum = sg_sum(*sum, room, at, 1);
            at %= SG_SUM_CHUNK;
        }
    *sum = sg_sum(*sum, room, at, 1);
    sg_free(mem, room, SG_SUM_CHUNK);
    return SEDGE_OK;
}

static void put_fixed(sg_saving *s, uint32_t cpu, uint64_t sum)
{
    static const unsigned char magic[8] = {0x89, 'S', 'E', 'D', 'G', 'E', '\n', 0x1a};
    sg_sha256 sha;
    memcpy(s->fixed, magic, 8);
    little(s->fixed + 8, SG_SAVED_FORMAT, 4);
    little(s->fixed + 12, cpu, 4);
    memcpy(s->fixed + 16, sg_build_id, 32);
    little(s->fixed + 48, s->head.n, 8);
    little(s->fixed + 56, sg_align_up(SG_SAVED_HEAD + s->head.n), 8);
    little(s->fixed + 64, s->data, 8);
    little(s->fixed + 72, sum, 8);
    little(s->fixed + 80, s->absent, 8);
    sg_sha256_init(&sha);
    sg_sha256_add(&sha, s->fixed, SG_SAVED_FIXED);
    sg_sha256_add(&sha, s->head.p, s->head.n);
    sg_sha256_end(&sha, s->fixed + SG_SAVED_FIXED);
}

/* What stands before the data comes first. */
static bool front(sg_saving *s)
{
    size_t end = SG_SAVED_HEAD + s->head.n, n = s->parts.n;
    const sg_file_part f[3] = {{s->fixed, SG_SAVED_HEAD}, {s->head.p, s->head.n}, {NULL, sg_align_up(end) - end}};
    sg_put(&s->parts, f, sizeof f);
    if (s->parts.lost)
        return false;
    memmove(s->parts.p + sizeof f, s->parts.p, n);
    memcpy(s->parts.p, f, sizeof f);
    return true;
}

sedge_status sg_saving_make(sg_saving *s, const sg_plan *p, const sg_rooms *rooms, const sg_saved_info *info, sg_mem *mem,
                            sg_err *err)
{
    uint64_t sum;
    memset(s, 0, sizeof *s);
    s->head.mem = s->parts.mem = mem;
    put_head(s, p, rooms, info);
    SG_TRY(put_graph(s, p->graph, p, err));
    put_states(s, p->graph, info);
    if (s->head.lost || s->parts.lost || sum_parts(s, &sum) != SEDGE_OK)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    put_fixed(s, p->cpu, sum);
    return front(s) ? SEDGE_OK : sg_fail(err, SEDGE_E_NOMEM, "out of memory");
}

void sg_saving_free(sg_saving *s)
{
    if (!s->head.mem)
        return;
    sg_free(s->head.mem, s->head.p, s->head.cap);
    sg_free(s->parts.mem, s->parts.p, s->parts.cap);
}
