/* Shape rules that call their symbolic answer exact are believed while their guards hold. So: random nodes of every op
 * with symbolic operands; where the guards hold, the same rule on numbers must agree with the evaluated answer. */
#include "unit.h"

#include "ir/schema.h"
#include "op/op.h"

#define TRIALS 3000
#define MAX_IN 9

static uint32_t seed;

static uint32_t below(uint32_t n)
{
    seed = seed * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)seed * n) >> 32);
}

typedef struct trial {
    sg_mem mem;
    sg_arena arena;
    sg_graph *g;
    sg_dim sym[3];
    int64_t length; /* of most lists */
    sg_nid node;
    int64_t value[256]; /* of the expressions */
} trial;

static sg_dim any_dim(trial *t)
{
    static const int64_t number[] = {1, 1, 2, 3, 4, 6, 8, 12};
    sg_dims *d = &t->g->dims;
    sg_dim s = t->sym[below(3)];
    switch (below(9)) {
    case 0: return sg_dim_make(d, SG_DIM_MUL, s, 2);
    case 1: return sg_dim_make(d, SG_DIM_ADD, s, 1);
    case 2: return sg_dim_make(d, SG_DIM_SUB, s, 1);
    case 3: return sg_dim_make(d, SG_DIM_MUL, s, t->sym[below(3)]);
    case 4:
    case 5: return s;
    default: return number[below(8)];
    }
}

/* Often the shape of an earlier operand, a little changed. */
static void any_shape(trial *t, sg_type *ty, const sg_type *like)
{
    if (like && below(4)) {
        ty->rank = like->rank;
        memcpy(ty->dim, like->dim, sizeof ty->dim);
        if (ty->rank && below(2))
            ty->dim[below((uint32_t)ty->rank)] = any_dim(t);
        if (ty->rank && !below(5))
            ty->rank = (int8_t)below((uint32_t)ty->rank + 1);
        return;
    }
    ty->rank = (int8_t)below(6);
    for (int i = 0; i < ty->rank; i++)
        ty->dim[i] = any_dim(t);
}

/* A list of integers: constant numbers, or an input whose elements are known as dims. */
static sg_vid any_list(trial *t, sg_dtype dtype)
{
    static const int64_t number[] = {-2, -1, -1, 0, 0, 1, 1, 2, 3, 4, 6, 12, INT32_MAX, INT64_MAX, INT64_MIN / 2};
    int64_t n = below(4) ? t->length : below(5), *v = sg_arena_array(&t->arena, (size_t)n + 1, sizeof *v);
    int rank = n == 1 ? (int)below(2) : 1;
    bool symbolic = below(3) == 0;
    for (int64_t i = 0; i < n; i++)
        v[i] = symbolic && below(3) ? any_dim(t) : number[below(dtype == SG_I64 ? 15 : 12)];
    if (symbolic) {
        sg_type ty = {.kind = SG_TENSOR, .dtype = (uint8_t)dtype, .rank = (int8_t)rank, .dim = {n}};
        sg_vid id = sg_input_new(t->g, &ty, NULL);
        t->g->value[id].content = v;
        t->g->value[id].n_content = (uint32_t)n;
        return id;
    }
    unsigned char *bytes = sg_arena_array(&t->arena, (size_t)n + 1, 8);
    for (int64_t i = 0; i < n; i++)
        sg_store_i64(dtype, bytes, (size_t)i, v[i]);
    return sg_const_new(t->g, dtype, rank, &n, bytes, NULL);
}

static bool takes_lists(const sg_op *op)
{
    return op == SG_ROW(SLICE) || op == SG_ROW(RANGE) || op == SG_ROW(TOP_K) || op == SG_ROW(RESHAPE) || op == SG_ROW(EXPAND) ||
           op == SG_ROW(TILE) || op == SG_ROW(PAD) || op == SG_ROW(SQUEEZE) || op == SG_ROW(UNSQUEEZE) || op == SG_ROW(REDUCE) ||
           op == SG_ROW(ONE_HOT) || op == SG_ROW(SPLIT);
}

static sg_vid resize_operand(trial *t, int k, const sg_type *x)
{
    static const float number[8][6] = {
        {1, 1, 2, 2, 1, 1}, {0.5f, 0.3f, 2, 1.5f, 1, 1}, {1, 2, 0.25f, 1.75f, 1, 1}, {1, 1, 1, 1, 1, 1}};
    int64_t n = x->rank;
    t->length = n;
    return k == 3 ? any_list(t, SG_I64) : sg_const_new(t->g, SG_F32, 1, &n, number[below(4)], NULL);
}

static sg_vid any_operand(trial *t, const sg_op *op, int k, const sg_type *first)
{
    static const uint8_t kinds[] = {SG_F32, SG_F32, SG_F32, SG_F32, SG_I64, SG_U8, SG_BOOL, SG_I32};
    uint32_t way = below(k ? 6 : 12);
    if (k ? takes_lists(op) : op == SG_ROW(RANGE))
        way = below(6) ? 0 : way;
    if (way == 0)
        return any_list(t, below(4) ? SG_I64 : SG_I32);
    if (way == 1 && k) {
        static const float number[] = {0.5f, 1, 2, 1.5f};
        int64_t n = below(2) ? 1 : (int64_t)below(5);
        return sg_const_new(t->g, SG_F32, n == 1 ? (int)below(2) : 1, &n, number, NULL);
    }
    sg_type ty = {.kind = SG_TENSOR, .dtype = first && below(3) ? first->dtype : kinds[below(8)]};
    any_shape(t, &ty, first);
    return sg_input_new(t->g, &ty, NULL);
}

/* What chance hardly finds: x and the weights of a convolution, in their places between scales and zero points. */
static sg_vid conv_operand(trial *t, const sg_op *op, int k, const sg_type *x)
{
    bool quantized = op == SG_ROW(QLINEAR_CONV) || op == SG_ROW(QLINEAR_MATMUL) || op == SG_ROW(QLINEAR_BINARY);
    int weights = quantized ? 3 : 1;
    bool scale = quantized && (k == 1 || k == 4 || k == 6), integers = quantized || op == SG_ROW(CONV_INTEGER);
    sg_type ty = {.kind = SG_TENSOR, .dtype = scale || !integers ? SG_F32 : SG_U8};
    if (k == 0) {
        ty.rank = (int8_t)(quantized && below(2) ? 2 : 4);
        for (int i = 0; i < ty.rank; i++)
            ty.dim[i] = any_dim(t);
    } else if (k == weights && op == SG_ROW(QLINEAR_BINARY)) {
        any_shape(t, &ty, x);
    } else if (k == weights) {
        ty.rank = x->rank;
        for (int i = 0; i < ty.rank; i++)
            ty.dim[i] = i == 1 && below(3) ? x->dim[1] : below(8) ? 1 + (int64_t)below(3) : any_dim(t);
        if (ty.rank == 2)
            ty.dim[0] = below(2) ? any_dim(t) : x->dim[1];
    }
    return sg_input_new(t->g, &ty, NULL);
}

static bool conv_like(const sg_op *op)
{
    return op == SG_ROW(QLINEAR_CONV) || op == SG_ROW(QLINEAR_MATMUL) || op == SG_ROW(QLINEAR_BINARY) || op == SG_ROW(CONV) ||
           op == SG_ROW(CONV_INTEGER) || op == SG_ROW(CONV_TRANSPOSE);
}

static void any_attributes(trial *t, const sg_op *op)
{
    for (int i = 0; i < op->n_attr; i++) {
        const sg_attr_decl *a = &op->attrs[i];
        int64_t v[6];
        for (int k = 0; k < 6; k++)
            v[k] = below(4) ? 1 : (int64_t)below(4);
        if (below(2))
            continue;
        if (a->kind == SG_AK_INT)
            sg_set_int(t->g, t->node, (sg_attr_id)a->id, (int64_t)below(7) - 2);
        else if (a->kind == SG_AK_INTS)
            sg_set_ints(t->g, t->node, (sg_attr_id)a->id, v, below(6));
    }
}

static int64_t now(const trial *t, sg_dim d)
{
    return sg_dim_value(d, t->value);
}

/* False: a size is negative or too large, which prepare refuses before it looks at guards. */
static bool bind(trial *t)
{
    const sg_dims *d = &t->g->dims;
    for (size_t i = 0; i < d->n; i++)
        t->value[i] = d->node[i].op == SG_DIM_SYM
                          ? (int64_t)below(9)
                          : sg_dim_apply((sg_dim_op)d->node[i].op, now(t, d->node[i].a), now(t, d->node[i].b));
    for (size_t v = 1; v < t->g->n_value; v++) {
        const sg_type *ty = &t->g->value[v].type;
        int64_t dim[SG_RANK_MAX], n;
        for (int i = 0; i < ty->rank; i++)
            dim[i] = now(t, ty->dim[i]);
        if (!sg_numel_checked(dim, ty->rank, &n))
            return false;
    }
    return true;
}

/* The rule on the numbers of now, compared with what was planned. */
static void compare(trial *t)
{
    const sg_node *n = &t->g->node[t->node];
    sg_type in[MAX_IN], out[4] = {0};
    sg_tensor data[MAX_IN];
    sg_dim content[MAX_IN][SG_CONTENT_MAX], known[SG_CONTENT_MAX];
    const sg_type *ins[MAX_IN] = {0};
    const sg_tensor *datas[MAX_IN] = {0};
    const sg_dim *contents[MAX_IN] = {0};
    sg_err err = {0};
    for (int k = 0; k < n->n_in; k++) {
        sg_vid id = sg_node_in(t->g, t->node, k);
        const sg_value *v = &t->g->value[id];
        if (!id)
            continue;
        in[k] = v->type;
        for (int i = 0; i < in[k].rank; i++)
            in[k].dim[i] = now(t, in[k].dim[i]);
        ins[k] = &in[k];
        for (uint32_t i = 0; v->content && i < v->n_content; i++)
            content[k][i] = now(t, v->content[i]);
        contents[k] = v->content ? content[k] : NULL;
        if (v->role == SG_CONST) {
            data[k] = (sg_tensor){.dtype = v->type.dtype, .rank = v->type.rank, .data = (void *)(uintptr_t)v->data};
            memcpy(data[k].dim, in[k].dim, sizeof data[k].dim);
            datas[k] = &data[k];
        }
    }
    sg_infer c = {.op = n->op,
                  .attrs = {n->attr, n->n_attr},
                  .n_in = n->n_in,
                  .n_out = n->n_out,
                  .in = ins,
                  .data = datas,
                  .content = contents,
                  .out = out,
                  .out_content = known,
                  .n_out_content = -1,
                  .err = &err};
    sedge_status st = n->op->infer(&c);
    if (st != SEDGE_OK)
        fail_msg("%s: its guards hold, but on numbers its rule says: %s", n->op->name, err.msg);
    for (int k = 0; k < n->n_out; k++) {
        const sg_type *p = &t->g->value[n->out[k]].type;
        assert_int_equal(p->rank, out[k].rank);
        for (int i = 0; i < p->rank; i++)
            if (now(t, p->dim[i]) != out[k].dim[i])
                fail_msg("%s: output %d is %lld along axis %d, planned as %lld", n->op->name, k, (long long)out[k].dim[i], i,
                         (long long)now(t, p->dim[i]));
    }
}

/* The number of assignments under which the guards held and the rule was compared. */
static int try_node(const sg_op *op)
{
    trial t = {0};
    t.arena.mem = &t.mem;
    t.g = sg_graph_new(&t.arena);
    assert_non_null(t.g);
    for (int i = 0; i < 3; i++)
        t.sym[i] = sg_dim_sym(&t.g->dims, NULL, 0);
    sg_vid in[MAX_IN];
    int room = op->max_in < MAX_IN ? op->max_in : MAX_IN, n_in = op->min_in + (int)below((uint32_t)(room - op->min_in) + 1);
    t.length = below(5);
    for (int k = 0; k < n_in; k++) {
        const sg_type *first = k ? &t.g->value[in[0]].type : NULL;
        bool resize = k && op == SG_ROW(RESIZE);
        if (resize ? k != n_in - 1 || k == 1 : k >= op->min_in && (conv_like(op) || !below(3)))
            in[k] = 0;
        else
            in[k] = resize          ? resize_operand(&t, k, first)
                    : conv_like(op) ? conv_operand(&t, op, k, first)
                                    : any_operand(&t, op, k, first);
    }
    int most = op->max_out < 3 ? op->max_out : 3, checks = 0;
    t.node = sg_node_new(t.g, op, in, n_in,
                         most > op->min_out ? op->min_out + (int)below((uint32_t)(most - op->min_out) + 1) : op->min_out, 0);
    any_attributes(&t, op);
    sg_err err = {0};
    sg_guards guards = {.mem = &t.mem};
    bool exact = false;
    if (sg_infer_node(t.g, t.node, &err) == SEDGE_OK && t.g->dims.n < 200)
        assert_int_equal(sg_infer_guards(t.g, t.node, &guards, &exact, &err), SEDGE_OK);
    for (int i = 0; exact && i < 24; i++) {
        bool hold = bind(&t);
        for (size_t k = 0; k < guards.n && hold; k++)
            hold = sg_guard_holds(&guards.v[k], t.value);
        if (hold)
            compare(&t);
        checks += hold;
    }
    sg_free(&t.mem, guards.v, guards.cap * sizeof *guards.v);
    sg_graph_free(t.g);
    sg_arena_free(&t.arena);
    assert_int_equal(t.mem.used, 0);
    return checks;
}

static void exact_rules(void **state)
{
    (void)state;
    int exact_ops = 0;
    for (int i = 0; i < SG_OP_COUNT; i++) {
        const sg_op *op = &sg_ops[i];
        if ((op->flags & (SG_OPF_DYN | SG_OPF_BOXED | SG_OPF_CONTROL | SG_OPF_TEXT)) || op->min_in > MAX_IN || op->min_out > 3)
            continue;
        int checks = 0;
        seed = (uint32_t)i + 1;
        for (int k = 0; k < TRIALS; k++)
            checks += try_node(op);
        exact_ops += checks > 100;
    }
    assert_true(exact_ops >= 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(exact_rules)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
