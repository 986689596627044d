/* Plans from files. Every number may lie: what is read is checked against what is there, ids against what has been read before. */
#include "base/cpu.h"
#include "base/sha256.h"
#include "base/sum.h"
#include "base/threads.h"
#include "pass/pass.h"
#include "plan/saved.h"

enum { DEPTH_MAX = 64, IN_MAX = 1024 }; /* bodies in bodies; operands, as shape rules have it */

typedef struct reader {
    sg_source s;
    const uint8_t *data;
    size_t data_size;
    const sg_map *absent;
    const sg_custom *custom;
    int n_custom;
    sg_arena *arena;
    sg_err *err;
    int depth;
} reader;

static sedge_status damaged(reader *r, const char *what)
{
    return sg_fail(r->err, SEDGE_E_FORMAT, "damaged: %s", what);
}

#define OOM(r) sg_fail((r)->err, SEDGE_E_NOMEM, "out of memory")

/* ---- types and tensors ---- */

static sg_dim take_dim(reader *r, const sg_graph *g)
{
    if (sg_take_u(&r->s, 1))
        return g->dims.n ? INT64_MIN + (int64_t)sg_take_u(&r->s, g->dims.n - 1) : (r->s.bad = true);
    sg_dim d = sg_take_i(&r->s);
    r->s.bad = r->s.bad || sg_dim_is_expr(d) || d == SG_DIM_BAD;
    return r->s.bad ? 0 : d;
}

static sedge_status take_dims(reader *r, sg_graph *g)
{
    size_t n = sg_take_count(&r->s);
    SG_TRY(sg_grow(g->mem, &g->dims.node, &g->dims.cap, n + 1, sizeof *g->dims.node));
    for (size_t i = 0; i < n && !r->s.bad; i++) {
        sg_dim_node d = {.op = (uint8_t)sg_take_u(&r->s, SG_DIM_BCAST)};
        if (d.op == SG_DIM_SYM) {
            d.name = sg_take_str(&r->s, NULL);
            d.bound = sg_take_i(&r->s);
            d.owner = sg_take_u(&r->s, 1) != 0;
            r->s.bad = r->s.bad || d.bound < 0 || d.bound == SG_DIM_BAD;
        } else {
            d.a = take_dim(r, g);
            d.b = take_dim(r, g);
        }
        g->dims.node[g->dims.n++] = d;
    }
    return SEDGE_OK;
}

static void take_type(reader *r, const sg_graph *g, sg_type *t)
{
    memset(t, 0, sizeof *t);
    t->kind = (uint8_t)sg_take_u(&r->s, SG_MAP);
    t->dtype = (uint8_t)sg_take_u(&r->s, SG_DTYPE_COUNT - 1);
    t->key = (uint8_t)sg_take_u(&r->s, SG_DTYPE_COUNT - 1);
    t->inner = (uint8_t)sg_take_u(&r->s, SG_SEQ);
    t->rank = (int8_t)((int)sg_take_u(&r->s, SG_RANK_MAX + 1) - 1);
    for (int k = 0; k < t->rank; k++) {
        t->dim[k] = take_dim(r, g);
        r->s.bad = r->s.bad || (!sg_dim_is_expr(t->dim[k]) && (t->dim[k] < 0 || t->dim[k] > SG_NUMEL_MAX));
    }
}

static sedge_status take_strings(reader *r, sg_tensor *t, size_t n)
{
    if (n > r->s.n - r->s.at)
        return damaged(r, "more strings than bytes");
    sg_str *v = sg_arena_array(r->arena, n + 1, sizeof *v);
    if (!v)
        return OOM(r);
    for (size_t i = 0; i < n; i++) {
        size_t len;
        v[i].p = sg_take_str(&r->s, &len);
        v[i].n = len;
        r->s.bad = r->s.bad || !v[i].p;
    }
    t->data = v;
    return SEDGE_OK;
}

static sedge_status take_tensor(reader *r, sg_tensor *t)
{
    int64_t n;
    memset(t, 0, sizeof *t);
    t->dtype = (uint8_t)sg_take_u(&r->s, SG_DTYPE_COUNT - 1);
    t->rank = (int8_t)sg_take_u(&r->s, SG_RANK_MAX);
    for (int k = 0; k < t->rank; k++)
        t->dim[k] = (int64_t)sg_take_u(&r->s, SG_NUMEL_MAX);
    if (r->s.bad || t->dtype == SG_NONE || !sg_numel_checked(t->dim, t->rank, &n))
        return damaged(r, "the shape of a constant");
    if (t->dtype == SG_STR)
        return take_strings(r, t, (size_t)n);
    size_t bytes = sg_tensor_bytes(t);
    bool here = sg_take_u(&r->s, 1);
    const uint8_t *base = here ? r->data : r->absent->data;
    size_t at = here ? (size_t)sg_take_u(&r->s, r->data_size / SG_ALIGN) * SG_ALIGN : 0,
           size = here ? r->data_size : r->absent->size;
    if (r->s.bad || bytes > size || at > size - bytes)
        return damaged(r, "the place of a constant");
    t->data = (void *)(uintptr_t)(base ? base + at : (const uint8_t *)"");
    return SEDGE_OK;
}

static sedge_status take_list(reader *r, sg_attr *a)
{
    size_t n = sg_take_count(&r->s);
    if (a->kind == SG_AK_STRS) {
        sg_tensor t;
        SG_TRY(take_strings(r, &t, n));
        a->u.strs = t.data;
    } else {
        int64_t *v = sg_arena_array(r->arena, n + 1, sizeof *v);
        double *f = (double *)(void *)v;
        if (!v)
            return OOM(r);
        for (size_t i = 0; i < n; i++)
            if (a->kind == SG_AK_INTS)
                v[i] = sg_take_i(&r->s);
            else
                f[i] = sg_take_f(&r->s);
        a->u.ints = v;
    }
    a->n = (uint32_t)n;
    return SEDGE_OK;
}

static sedge_status take_attr(reader *r, sg_attr *a)
{
    sg_tensor t, *copy;
    size_t n;
    a->set = true;
    switch ((sg_attr_kind)a->kind) {
    case SG_AK_INT: a->u.i = sg_take_i(&r->s); return SEDGE_OK;
    case SG_AK_FLOAT: a->u.f = sg_take_f(&r->s); return SEDGE_OK;
    case SG_AK_STR:
        a->u.s = sg_take_str(&r->s, &n);
        a->n = (uint32_t)n;
        return SEDGE_OK;
    case SG_AK_TENSOR:
        SG_TRY(take_tensor(r, &t));
        copy = sg_arena_dup(r->arena, &t, sizeof t);
        a->u.t = copy;
        return copy ? SEDGE_OK : OOM(r);
    default: return take_list(r, a);
    }
}

/* ---- graphs ---- */

static sedge_status take_inputs(reader *r, sg_graph *g)
{
    for (size_t n = sg_take_count(&r->s); n-- > 0 && !r->s.bad;) {
        sg_type t;
        take_type(r, g, &t);
        const char *name = sg_take_str(&r->s, NULL);
        if (!r->s.bad && !sg_input_new(g, &t, name))
            return OOM(r);
    }
    return SEDGE_OK;
}

static sedge_status take_constants(reader *r, sg_graph *g)
{
    for (size_t n = sg_take_count(&r->s); n-- > 0 && !r->s.bad;) {
        sg_tensor t;
        const char *name = sg_take_str(&r->s, NULL);
        uint8_t layout = (uint8_t)sg_take_u(&r->s, SG_LAYOUT_LAST);
        SG_TRY(take_tensor(r, &t));
        sg_vid v = sg_const_new(g, (sg_dtype)t.dtype, t.rank, t.dim, t.data, name);
        if (!v)
            return OOM(r);
        g->value[v].type.layout = layout;
    }
    return SEDGE_OK;
}

/* A value that has been made before; 0: absent. */
static sg_vid take_value(reader *r, const sg_graph *g)
{
    sg_vid v = (sg_vid)sg_take_u(&r->s, g->n_value - 1);
    const sg_value *value = &g->value[v];
    if (v && value->role == SG_COMPUTED && g->node[value->def].out[value->out_index] != v)
        r->s.bad = true; /* an output that is not used */
    return r->s.bad ? SG_NONE_ID : v;
}

static const sg_op *take_op(reader *r)
{
    uint64_t row = sg_take_u(&r->s, SG_OP_COUNT);
    if (row)
        return &sg_ops[row - 1];
    const char *domain = sg_take_str(&r->s, NULL), *name = sg_take_str(&r->s, NULL);
    for (int i = 0; domain && name && i < r->n_custom; i++)
        if (strcmp(r->custom[i].op.domain, domain) == 0 && strcmp(r->custom[i].row.name, name) == 0)
            return &r->custom[i].row;
    if (domain && name)
        sg_fail(r->err, SEDGE_E_UNSUPPORTED, "operator %s of domain %s is the program's, and this one does not bring it", name,
                domain);
    return NULL;
}

static sedge_status take_graph(reader *r, sg_graph *g);

static sedge_status take_regions(reader *r, sg_graph *g, sg_nid id)
{
    size_t n = sg_take_count(&r->s);
    if (r->s.bad || n > 16 || (n && r->depth == DEPTH_MAX))
        return damaged(r, "the bodies of a node");
    r->depth++;
    for (size_t k = 0; k < n; k++) {
        sg_graph *region = sg_node_region(g, id, (int)k);
        if (!region)
            return OOM(r);
        SG_TRY(take_graph(r, region));
        SG_TRY(sg_infer_graph(region, r->err)); /* not every rule of an op looks into its bodies */
    }
    r->depth--;
    return SEDGE_OK;
}

static sedge_status take_outputs(reader *r, sg_graph *g, sg_nid id)
{
    for (int k = 0; k < g->node[id].n_out; k++) {
        uint64_t used = sg_take_u(&r->s, 1 + SG_LAYOUT_LAST);
        sg_value *v = &g->value[g->node[id].out[k]];
        v->name = sg_take_str(&r->s, NULL);
        if (used)
            v->type.layout = (uint8_t)(used - 1);
        else
            g->node[id].out[k] = SG_NONE_ID;
    }
    return r->s.bad ? damaged(r, "the outputs of a node") : SEDGE_OK;
}

static sedge_status take_node(reader *r, sg_graph *g)
{
    sg_vid in[IN_MAX];
    const sg_op *op = take_op(r);
    const char *name = sg_take_str(&r->s, NULL), *source = sg_take_str(&r->s, NULL);
    uint8_t choice = (uint8_t)sg_take_u(&r->s, UINT8_MAX);
    size_t n_in = sg_take_count(&r->s);
    for (size_t k = 0; k < n_in && k < IN_MAX && !r->s.bad; k++)
        in[k] = take_value(r, g);
    size_t n_out = sg_take_count(&r->s);
    if (r->s.bad || !op || n_in > IN_MAX || n_out >= UINT16_MAX)
        return damaged(r, "a node");
    sg_nid id = sg_node_new(g, op, in, (int)n_in, (int)n_out, 0);
    if (!id)
        return OOM(r);
    g->node[id].name = name;
    g->node[id].source = source;
    g->node[id].choice = choice;
    SG_TRY(take_outputs(r, g, id));
    for (int i = 0; i < g->node[id].n_attr && !r->s.bad; i++)
        if (sg_take_u(&r->s, 1))
            SG_TRY(take_attr(r, &g->node[id].attr[i]));
    return r->s.bad ? damaged(r, "the attributes of a node") : take_regions(r, g, id);
}

static sedge_status take_graph(reader *r, sg_graph *g)
{
    g->name = sg_take_str(&r->s, NULL);
    if (take_dims(r, g) != SEDGE_OK)
        return OOM(r);
    SG_TRY(take_inputs(r, g));
    SG_TRY(take_constants(r, g));
    for (size_t n = sg_take_count(&r->s); n-- > 0 && !r->s.bad;)
        SG_TRY(take_node(r, g));
    for (size_t n = sg_take_count(&r->s); n-- > 0 && !r->s.bad;) {
        sg_vid v = take_value(r, g);
        if (!v || r->s.bad)
            return damaged(r, "an output of the graph");
        if (sg_output_add(g, v) != SEDGE_OK)
            return OOM(r);
    }
    return r->s.bad ? damaged(r, "the graph") : SEDGE_OK;
}

/* ---- the whole ---- */

static sedge_status take_pairs(reader *r, const sg_saved_pair **out, size_t *n_out)
{
    size_t n = sg_take_count(&r->s);
    sg_saved_pair *p = sg_arena_array(r->arena, n + 1, sizeof *p);
    if (!p)
        return OOM(r);
    for (size_t i = 0; i < n; i++) {
        p[i].a = sg_take_str(&r->s, NULL);
        p[i].b = sg_take_str(&r->s, NULL);
        p[i].n = sg_take_i(&r->s);
        r->s.bad = r->s.bad || !p[i].a || !p[i].b;
    }
    *out = p;
    *n_out = n;
    return SEDGE_OK;
}

static sedge_status take_rooms(reader *r, sg_saved *s)
{
    size_t at = 0;
    s->n_room = sg_take_count(&r->s);
    s->room = sg_arena_array(r->arena, s->n_room + 1, sizeof *s->room);
    if (!s->room)
        return OOM(r);
    for (size_t i = 0; i < s->n_room; i++) {
        size_t bytes = (size_t)sg_take_u(&r->s, r->data_size - at);
        s->room[i] = (sg_room){r->data + at, bytes};
        at += sg_align_up(bytes); /* no further than data_size, which is a multiple */
    }
    return SEDGE_OK;
}

static sedge_status verify(reader *r, const sg_graph *g)
{
    sg_err own = {0};
    sedge_status st = sg_verify(g, &own);
    if (st != SEDGE_OK)
        return st == SEDGE_E_BUG ? damaged(r, own.msg) : sg_fail(r->err, st, "%s", own.msg);
    SG_EACH_NODE(g, n)
    for (int k = 0; k < g->node[n].n_region; k++)
        SG_TRY(verify(r, g->node[n].region[k]));
    return SEDGE_OK;
}

/* What the model's own state is at first: of the type that its input has. */
static sedge_status take_states(reader *r, sg_saved *s)
{
    const sg_graph *g = s->graph;
    size_t n = sg_take_count(&r->s);
    if (n > g->n_input || n > g->n_output)
        return damaged(r, "the state of the model");
    s->info.n_state = n;
    s->info.state = sg_arena_array(r->arena, n + 1, sizeof *s->info.state);
    if (!s->info.state)
        return OOM(r);
    for (size_t k = 0; k < n; k++) {
        const sg_value *in = &g->value[g->input[g->n_input - n + k]], *out = &g->value[g->output[g->n_output - n + k]];
        sg_tensor t = {0};
        bool given = sg_take_u(&r->s, 1);
        if (given)
            SG_TRY(take_tensor(r, &t));
        if (in->type.kind != SG_TENSOR || out->type.kind != SG_TENSOR || in->type.dtype != out->type.dtype ||
            in->type.dtype == SG_STR ||
            (given && (t.dtype != in->type.dtype || t.rank != in->type.rank ||
                       memcmp(t.dim, in->type.dim, (size_t)t.rank * sizeof *t.dim) != 0)))
            return damaged(r, "the state of the model");
        s->info.state[k] = t.data;
    }
    return SEDGE_OK;
}

static sedge_status take_head(reader *r, sg_saved *s)
{
    s->target = sg_take_str(&r->s, NULL);
    s->info.producer = sg_take_str(&r->s, NULL);
    s->info.ir_version = sg_take_i(&r->s);
    SG_TRY(take_pairs(r, &s->info.opset, &s->info.n_opset));
    SG_TRY(take_pairs(r, &s->info.meta, &s->info.n_meta));
    SG_TRY(take_pairs(r, &s->info.link, &s->info.n_link));
    size_t n_output = sg_take_count(&r->s);
    s->info.output = sg_arena_array(r->arena, n_output + 1, sizeof *s->info.output);
    if (!s->info.output)
        return OOM(r);
    for (size_t k = 0; k < n_output; k++)
        s->info.output[k] = sg_take_str(&r->s, NULL);
    SG_TRY(take_rooms(r, s));
    s->graph = sg_graph_new(r->arena);
    if (!s->graph)
        return OOM(r);
    SG_TRY(take_graph(r, s->graph));
    SG_TRY(sg_infer_graph(s->graph, r->err));
    SG_TRY(take_states(r, s));
    if (r->s.bad || !s->target || !s->info.producer || s->graph->n_output != n_output || r->s.at != r->s.n)
        return damaged(r, "the end of the graph");
    return verify(r, s->graph);
}

static uint64_t little(const uint8_t *p, int n)
{
    uint64_t v = 0;
    for (int i = 0; i < n; i++)
        v |= (uint64_t)p[i] << 8 * i;
    return v;
}

static bool head_whole(const uint8_t *p, size_t size, uint64_t head)
{
    sg_sha256 sha;
    uint8_t digest[SG_SHA256_BYTES];
    if (head > size - SG_SAVED_HEAD)
        return false;
    sg_sha256_init(&sha);
    sg_sha256_add(&sha, p, SG_SAVED_FIXED);
    sg_sha256_add(&sha, p + SG_SAVED_HEAD, (size_t)head);
    sg_sha256_end(&sha, digest);
    return memcmp(digest, p + SG_SAVED_FIXED, sizeof digest) == 0;
}

/* Whether it is whole, and for this library and processor. */
static sedge_status check(reader *r, const uint8_t *p, size_t size)
{
    uint32_t cpu = sg_cpu();
    if (size < SG_SAVED_HEAD)
        return damaged(r, "it is cut");
    if (little(p + 8, 4) != SG_SAVED_FORMAT)
        return sg_fail(r->err, SEDGE_E_UNSUPPORTED, "compiled by another version of Sedge: compile it again here from the model");
    uint64_t head = little(p + 48, 8), at = little(p + 56, 8), bytes = little(p + 64, 8);
    if (!head_whole(p, size, head))
        return damaged(r, "its digest is another, compile it again from the model");
    if (memcmp(p + 16, sg_build_id, sizeof sg_build_id) != 0)
        return sg_fail(r->err, SEDGE_E_UNSUPPORTED, "compiled by another version of Sedge: compile it again here from the model");
    if (little(p + 12, 4) != cpu)
        return sg_fail(r->err, SEDGE_E_UNSUPPORTED, "compiled for %s, this is %s: compile it again here from the model",
                       sg_cpu_best((uint32_t)little(p + 12, 4)), sg_cpu_best(cpu));
    if (at % SG_ALIGN || bytes % SG_ALIGN || at < SG_SAVED_HEAD + head || at > size || bytes != size - at)
        return damaged(r, "its length is another, compile it again from the model");
    r->s = (sg_source){.p = p + SG_SAVED_HEAD, .n = (size_t)head};
    r->data = p + at;
    r->data_size = (size_t)bytes;
    if (sg_sum(0, r->data, r->data_size, sg_cpu_count()) != little(p + 72, 8))
        return damaged(r, "its checksum is another, compile it again from the model");
    return SEDGE_OK;
}

sedge_status sg_saved_open(sg_saved *s, const uint8_t *data, size_t size, const sg_custom *custom, int n_custom, sg_arena *arena,
                           sg_err *err)
{
    reader r = {.custom = custom, .n_custom = n_custom, .arena = arena, .err = err, .absent = &s->absent};
    memset(s, 0, sizeof *s);
    SG_TRY(check(&r, data, size));
    uint64_t absent = little(data + 80, 8);
    if (absent > 8 * (uint64_t)r.data_size) /* packing does not make them so much smaller */
        return damaged(&r, "the size of what was left out");
    if (absent)
        SG_TRY(sg_map_zeros(&s->absent, (size_t)absent, err));
    return take_head(&r, s);
}

void sg_saved_close(sg_saved *s)
{
    sg_graph_free(s->graph);
    sg_map_close(&s->absent);
    memset(s, 0, sizeof *s);
}

/* Only packing reads what was left out, and no step falls back. */
bool sg_saved_whole(const sg_saved *s, const sg_plan *p)
{
    for (uint32_t t = 0; t < p->n_step; t++) {
        const sg_step *step = &p->step[t];
        for (uint32_t k = 0; k < step->n_in; k++) {
            const sg_slot *v = &p->slot[p->operand[step->operand + k]];
            if (v->data && v->data == s->absent.data && !(step->settled && k < 32 && (step->spent >> k & 1)))
                return false;
        }
        for (int k = 0; k < step->n_region; k++)
            if (!sg_saved_whole(s, step->region[k]))
                return false;
    }
    for (uint32_t k = 0; k < p->n_output; k++)
        if (s->absent.data && p->slot[p->output[k]].data == s->absent.data)
            return false;
    return true;
}

static void digest_plan(sg_sha256 *sha, const sg_plan *p)
{
    for (uint32_t t = 0; t < p->n_step; t++) {
        const sg_step *s = &p->step[t];
        const char *op = s->op ? s->op->name : "", *kernel = s->kernel.name ? s->kernel.name : "";
        sg_sha256_add(sha, op, strlen(op) + 1);
        sg_sha256_add(sha, kernel, strlen(kernel) + 1);
        for (uint32_t k = 0; k < (uint32_t)s->n_in + s->n_out; k++) {
            const sg_type *type = &p->slot[p->operand[s->operand + k]].type;
            const uint8_t b[4] = {type->kind, type->dtype, (uint8_t)type->rank, type->layout};
            sg_sha256_add(sha, b, sizeof b);
            for (int i = 0; i < type->rank; i++) {
                int64_t d = sg_dim_is_expr(type->dim[i]) ? -1 : type->dim[i];
                sg_sha256_add(sha, &d, sizeof d);
            }
        }
        for (int k = 0; k < s->n_region; k++)
            digest_plan(sha, s->region[k]);
    }
}

void sg_plan_digest(const sg_plan *p, uint8_t digest[32])
{
    sg_sha256 sha;
    sg_sha256_init(&sha);
    sg_sha256_add(&sha, sg_build_id, sizeof sg_build_id);
    sg_sha256_add(&sha, &p->cpu, sizeof p->cpu);
    sg_sha256_add(&sha, p->target->name, strlen(p->target->name) + 1);
    digest_plan(&sha, p);
    sg_sha256_end(&sha, digest);
}
