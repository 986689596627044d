/* Values that are parts of others: random graphs of cuts, joints and elementwise steps give the bits of a plan in which every
 * value has bytes of its own, and need no larger arena. Then what is shared and what is not, case by case. */
#include "unit.h"

#include "op/elementwise.h"
#include "op/move.h"
#include "run/frame.h"
#include "tensor/layout.h"

enum { TRIALS = 2000, NODES = 24, ELEMENTS = 4096 };

static uint32_t seed;

static uint32_t below(uint32_t n)
{
    seed = seed * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)seed * n) >> 32);
}

static sg_mem mem;
static sg_arena arena;
static sg_graph *g;
static sg_vid value[NODES * 3 + 8];
static uint32_t n_value;
static float x_data[ELEMENTS];

static void start(void)
{
    mem = (sg_mem){0};
    arena = (sg_arena){.mem = &mem};
    g = sg_graph_new(&arena);
    assert_non_null(g);
    n_value = 0;
}

static void stop(void)
{
    sg_graph_free(g);
    sg_arena_free(&arena);
    assert_int_equal(mem.used, 0);
}

/* ---- building ---- */

static sg_vid input(int rank, const sg_dim *dim)
{
    sg_type t = {.dtype = SG_F32, .rank = (int8_t)rank};
    memcpy(t.dim, dim, (size_t)rank * sizeof *dim);
    return value[n_value++] = sg_input_new(g, &t, "x");
}

/* The first result of a node, whose types are known at once. */
static sg_vid node(const sg_op *row, int n_in, const sg_vid *in, int n_out, sg_attr_id attr, int64_t a)
{
    sg_err err = {0};
    sg_nid n = sg_node_new(g, row, in, n_in, n_out, 0);
    assert_true(n != 0);
    if (attr)
        sg_set_int(g, n, attr, a);
    if (sg_infer_node(g, n, &err) != SEDGE_OK)
        fail_msg("%s", err.msg);
    for (int k = 0; k < n_out; k++)
        value[n_value++] = g->node[n].out[k];
    return g->node[n].out[0];
}

static sg_vid number(int64_t v)
{
    return sg_const_i64(g, &v, 1, 1);
}

static sg_vid slice(sg_vid v, int64_t axis, int64_t from, int64_t to)
{
    return node(SG_ROW(SLICE), 4, (sg_vid[]){v, number(from), number(to), number(axis)}, 1, SG_A_NONE, 0);
}

static sg_vid split(sg_vid v, int64_t axis, int pieces)
{
    return node(SG_ROW(SPLIT), 1, &v, pieces, SG_A_axis, axis);
}

static sg_vid concat(int n, const sg_vid *v, int64_t axis)
{
    return node(SG_ROW(CONCAT), n, v, 1, SG_A_axis, axis);
}

static sg_vid negate(sg_vid v)
{
    return node(SG_ROW(UNARY), 1, &v, 1, SG_A_kind, SG_UNARY_NEG);
}

static sg_vid add(sg_vid a, sg_vid b)
{
    return node(SG_ROW(BINARY), 2, (sg_vid[]){a, b}, 1, SG_A_kind, SG_BINARY_ADD);
}

static const sg_type *type_of(sg_vid v)
{
    return &g->value[v].type;
}

/* A value like v but for an axis (-1: in all axes), or v itself. */
static sg_vid alike(sg_vid v, int axis)
{
    for (uint32_t tries = 0, k = below(n_value); tries < n_value; tries++, k = (k + 1) % n_value) {
        const sg_type *a = type_of(v), *b = type_of(value[k]);
        bool same = a->rank == b->rank;
        for (int i = 0; same && i < a->rank; i++)
            same = i == axis ? !sg_dim_is_expr(b->dim[i]) || below(2) : a->dim[i] == b->dim[i];
        if (same)
            return value[k];
    }
    return v;
}

static void any_slice(sg_vid v, int axis)
{
    sg_dim d = type_of(v)->dim[axis];
    int64_t from = sg_dim_is_expr(d) ? (int64_t)below(2) : (int64_t)below((uint32_t)d + 1);
    slice(v, axis, from, below(2) ? INT32_MAX : from + (int64_t)below(3));
}

static void any_split(sg_vid v, int axis)
{
    sg_dim d = type_of(v)->dim[axis];
    if (sg_dim_is_expr(d) || below(2)) {
        split(v, axis, 2 + (int)below(2));
        return;
    }
    int64_t a = (int64_t)below((uint32_t)d + 1), size[2] = {a, d - a};
    node(SG_ROW(SPLIT), 2, (sg_vid[]){v, sg_const_i64(g, size, 2, 1)}, 2, SG_A_axis, axis);
}

static void any_node(void)
{
    sg_vid v = value[n_value - 1 - below(n_value < 6 ? n_value : 6)];
    int rank = type_of(v)->rank, axis = rank && below(3) == 0 ? (int)below((uint32_t)rank) : 0;
    switch (rank ? below(9) : 7) {
    case 0: any_slice(v, axis); return;
    case 1: any_split(v, axis); return;
    case 2:
        if (type_of(v)->dim[axis] > 0) {
            int64_t at = (int64_t)below((uint32_t)type_of(v)->dim[axis]);
            node(SG_ROW(GATHER), 2, (sg_vid[]){v, sg_const_i64(g, &at, 1, (int)below(2))}, 1, SG_A_axis, axis);
        }
        return;
    case 3:
    case 4:
    case 5: {
        sg_vid in[3] = {v, alike(v, axis), alike(v, axis)};
        concat(1 + (int)below(3), in, axis);
        return;
    }
    case 6: negate(v); return;
    case 7:
        if (rank < 5)
            node(SG_ROW(UNSQUEEZE), 2, (sg_vid[]){v, number(0)}, 1, SG_A_NONE, 0);
        return;
    default: add(v, alike(v, -1)); return;
    }
}

/* How many elements any value has, at a size of N. */
static int64_t largest(int64_t n)
{
    int64_t most = 0, val[256];
    for (size_t i = 0; i < g->dims.n; i++) {
        const sg_dim_node *d = &g->dims.node[i];
        val[i] = d->op == SG_DIM_SYM ? n : sg_dim_apply((sg_dim_op)d->op, sg_dim_value(d->a, val), sg_dim_value(d->b, val));
    }
    for (uint32_t k = 0; k < n_value; k++) {
        int64_t count = 1;
        for (int i = 0; i < type_of(value[k])->rank; i++)
            count *= sg_dim_value(type_of(value[k])->dim[i], val);
        most = count > most ? count : most;
    }
    return most;
}

static bool random_graph(bool symbolic)
{
    start();
    sg_dim n = symbolic ? sg_dim_named(&g->dims, "N") : 4;
    input(3, (sg_dim[]){n, 3, 2});
    input(3, (sg_dim[]){1, 4, 2});
    for (int i = 0; i < NODES && g->dims.n < 200 && largest(5) < ELEMENTS / 4; i++)
        any_node();
    for (uint32_t k = 0; k < 1 + below(4); k++) {
        sg_vid out = value[n_value - 1 - below(n_value < 8 ? n_value : 8)];
        if (g->value[out].role == SG_COMPUTED)
            assert_int_equal(sg_output_add(g, out), SEDGE_OK);
    }
    return g->n_output > 0 && g->dims.n < 200 && largest(5) <= ELEMENTS;
}

/* ---- running ---- */

typedef struct engine {
    sg_run run;
    sg_graph *graph; /* a copy: plans add expressions */
    sg_plan *plan;
    sg_frame *f;
} engine;

static void open_on(engine *e, const char *target)
{
    sg_err err = {0};
    sg_plan_args args = {.target = sg_target_find(target), .allow_fallback = true};
    memset(e, 0, sizeof *e);
    e->run = (sg_run){.mem = &mem, .threads = 1, .pool = {.mem = &mem}};
    e->graph = sg_graph_clone(g, &arena);
    assert_non_null(e->graph);
    if (sg_plan_build(&e->plan, e->graph, &args, &err) || sg_frame_open(&e->f, e->plan, &e->run, &err))
        fail_msg("%s", err.msg);
}

static void close_it(engine *e)
{
    sg_frame_close(e->f);
    sg_pool_close(&e->run.pool);
    sg_free(&mem, e->run.scratch, e->run.cap_scratch * sizeof *e->run.scratch);
    sg_plan_free(e->plan);
    sg_graph_free(e->graph);
}

/* Runs with N = n; what an earlier run left in the arena is spoilt first. */
static void run_it(engine *e, int64_t n, int shift)
{
    sg_err err = {0};
    for (uint32_t k = 0; k < e->plan->n_input; k++) {
        const sg_type *t = type_of(g->input[k]);
        sg_tensor *in = &e->f->val[e->plan->input[k]];
        in->dtype = SG_F32;
        in->rank = t->rank;
        for (int i = 0; i < t->rank; i++)
            in->dim[i] = sg_dim_is_expr(t->dim[i]) ? n : t->dim[i];
        in->data = x_data + 7 * k + (size_t)shift;
    }
    if (e->f->arena)
        memset(e->f->arena, 0xa5, e->f->arena_size);
    if (sg_frame_run(e->f, &err) != SEDGE_OK)
        fail_msg("seed %u: %s", seed, err.msg);
}

static int parts_of(const sg_plan *p)
{
    int n = 0;
    for (uint32_t i = 1; i < p->n_slot; i++)
        n += p->slot[i].part;
    return n;
}

static void same_outputs(const engine *a, const engine *b, uint32_t trial)
{
    for (uint32_t k = 0; k < a->plan->n_output; k++) {
        const sg_tensor *s = &a->f->val[a->plan->output[k]], *t = &b->f->val[b->plan->output[k]];
        assert_true(sg_same_shape(s, t));
        if (sg_numel(s) && memcmp(s->data, t->data, sg_tensor_bytes(s)) != 0)
            fail_msg("trial %u: output %u differs", trial, k);
    }
}

static void random_graphs(void **state)
{
    (void)state;
    int parts = 0, copies[2] = {0};
    for (uint32_t trial = 0; trial < TRIALS; trial++) {
        engine plain, views;
        seed = trial;
        bool symbolic = trial % 3 == 0;
        if (random_graph(symbolic)) {
            open_on(&plain, "reference");
            open_on(&views, "cpu");
            assert_int_equal(parts_of(plain.plan), 0);
            assert_true(views.plan->arena_bound <= plain.plan->arena_bound);
            for (int64_t n = symbolic ? 1 : 4; n <= (symbolic ? 5 : 4); n++) {
                run_it(&plain, n, (int)n);
                run_it(&views, n, (int)n);
                same_outputs(&plain, &views, trial);
            }
            parts += parts_of(views.plan);
            copies[0] += (int)plain.plan->n_copy;
            copies[1] += (int)views.plan->n_copy;
            close_it(&views);
            close_it(&plain);
        }
        stop();
    }
    assert_true(parts > TRIALS && copies[1] < copies[0] * 3 / 4);
}

/* ---- cases ---- */

/* Whether v stands in the storage of `whole`, from that element on. */
static bool inside(const engine *e, sg_vid v, sg_vid whole, int64_t at)
{
    const sg_slot *s = &e->plan->slot[v];
    return s->part && s->storage == e->plan->slot[whole].storage && s->offset == at * (int64_t)sizeof(float);
}

static void output(sg_vid v)
{
    assert_int_equal(sg_output_add(g, v), SEDGE_OK);
}

static void pieces_stay_in_the_whole(void **state)
{
    (void)state;
    engine e;
    start();
    sg_vid x = input(2, (sg_dim[]){6, 4}), y = negate(x), a = split(y, 0, 3), b = a + 1, c = a + 2;
    sg_vid last = slice(y, 0, 4, 6), inner = slice(y, 1, 0, 2), cut = slice(x, 0, 2, 4), one = slice(slice(x, 0, 3, 4), 1, 1, 3);
    sg_vid flat = node(SG_ROW(FLATTEN), 1, &c, 1, SG_A_axis, 0), all = concat(4, (sg_vid[]){a, b, cut, last}, 0);
    output(negate(all));
    output(add(flat, flat));
    output(inner);
    output(one);
    open_on(&e, "cpu");
    assert_true(inside(&e, a, y, 0) && inside(&e, b, y, 8) && inside(&e, c, y, 16) && inside(&e, last, y, 16) &&
                inside(&e, flat, y, 16));
    assert_true(inside(&e, cut, x, 8));
    assert_false(e.plan->slot[inner].part); /* not in one piece */
    assert_false(e.plan->slot[one].part);   /* an output */
    assert_int_equal(e.plan->n_copy, 3); /* and the joint */
    close_it(&e);
    stop();
}

static void joints_are_made_in_place(void **state)
{
    (void)state;
    engine e;
    start();
    sg_vid x = input(2, (sg_dim[]){2, 3}), a = negate(x), b = add(x, x), ab = concat(2, (sg_vid[]){a, b}, 0);
    sg_vid c = add(x, x), all = concat(3, (sg_vid[]){ab, c, x}, 0);
    output(all);
    open_on(&e, "cpu");
    assert_true(inside(&e, a, all, 0) && inside(&e, b, all, 6) && inside(&e, ab, all, 0) && inside(&e, c, all, 12));
    assert_int_equal(e.plan->slot[a].base, SG_BASE_OUTPUT);
    assert_int_equal(e.plan->n_copy, 1); /* x is the caller's */
    assert_int_equal(e.plan->arena_bytes, 0);
    close_it(&e);
    stop();
}

static void joints_that_copy(void **state)
{
    (void)state;
    engine e;
    start();
    sg_vid x = input(2, (sg_dim[]){2, 3}), a = negate(x), twice = concat(2, (sg_vid[]){a, a}, 0);
    sg_vid b = add(x, x), wide = concat(2, (sg_vid[]){b, b}, 1), out = add(x, x), both = concat(2, (sg_vid[]){out, x}, 0);
    output(add(twice, both));
    output(wide);
    output(out);
    open_on(&e, "cpu");
    assert_true(inside(&e, a, twice, 0)); /* once only */
    assert_false(e.plan->slot[b].part);   /* rows of the result */
    assert_false(e.plan->slot[out].part); /* an output */
    assert_int_equal(e.plan->n_copy, 3);
    close_it(&e);
    stop();
}

/* A part that is needed early of a result that is needed late would hold the room of the whole: it is copied. */
static void the_arena_does_not_grow(void **state)
{
    (void)state;
    engine e;
    start();
    sg_vid x = input(2, (sg_dim[]){1, 64}), small = negate(x), big[8];
    sg_vid v = concat(8, (sg_vid[]){x, x, x, x, x, x, x, x}, 0);
    for (int i = 0; i < 8; i++)
        big[i] = add(slice(v, 0, i, i + 1), small);
    sg_vid late = concat(8, big, 0), y = concat(2, (sg_vid[]){late, small}, 0);
    output(slice(negate(y), 0, 0, 1));
    open_on(&e, "cpu");
    assert_true(inside(&e, late, y, 0));
    assert_false(e.plan->slot[small].part);
    int64_t bound = e.plan->arena_bound;
    close_it(&e);
    open_on(&e, "reference");
    assert_true(bound <= e.plan->arena_bound);
    close_it(&e);
    stop();
}

/* What is written over in place is not read through a part. */
static void steps_in_place(void **state)
{
    (void)state;
    engine e;
    start();
    sg_vid x = input(1, (sg_dim[]){8}), y = negate(x), p = split(y, 0, 2), p0 = negate(p), p1 = negate(p + 1);
    sg_vid z = add(x, x), q = split(z, 0, 2), q0 = negate(q), later = slice(z, 0, 2, 6);
    output(concat(5, (sg_vid[]){p0, p1, q0, q + 1, later}, 0));
    open_on(&e, "cpu");
    assert_true(inside(&e, p0, y, 0) && inside(&e, p1, y, 4)); /* y is dead */
    assert_true(inside(&e, q + 1, z, 4) && inside(&e, later, z, 2));
    assert_false(inside(&e, q, z, 0)); /* z is read later */
    assert_int_equal(e.plan->n_copy, 2); /* and the joint */
    close_it(&e);
    stop();
}

/* Channels last, rows are the outermost axis of one image. */
static void parts_channels_last(void **state)
{
    (void)state;
    for (int axis = 1; axis < 3; axis++) {
        engine e, plain;
        float want[96];
        start();
        sg_vid x = input(4, (sg_dim[]){1, 4, 6, 4}), a[2], v = split(x, axis, 2);
        output(concat(2, (sg_vid[]){negate(v + 1), negate(v)}, axis));
        open_on(&plain, "reference");
        run_it(&plain, 0, 0);
        memcpy(want, plain.f->val[plain.plan->output[0]].data, sizeof want);
        close_it(&plain);
        stop();
        start();
        x = input(4, (sg_dim[]){1, 4, 6, 4});
        sg_vid last = node(SG_ROW(RELAYOUT), 1, &x, 1, SG_A_layout, SG_LAYOUT_LAST);
        v = split(last, axis, 2);
        for (int i = 0; i < 2; i++)
            a[i] = negate(v + 1 - (sg_vid)i);
        sg_vid y = concat(2, a, axis);
        for (size_t i = last; i <= y; i++)
            g->value[i].type.layout = SG_LAYOUT_LAST;
        output(node(SG_ROW(RELAYOUT), 1, &y, 1, SG_A_layout, SG_LAYOUT_ROW));
        open_on(&e, "cpu");
        for (int i = 0; i < 2; i++) { /* 4 channels stand together, so only rows are cut in one piece */
            assert_int_equal(e.plan->slot[v + (sg_vid)i].part, axis == 2);
            assert_int_equal(e.plan->slot[a[i]].part, axis == 2);
        }
        run_it(&e, 0, 0);
        assert_memory_equal(e.f->val[e.plan->output[0]].data, want, sizeof want);
        close_it(&e);
        stop();
    }
}

int main(void)
{
    for (int i = 0; i < ELEMENTS; i++)
        x_data[i] = (float)((i * 37 + 11) % 1009) / 17 - 3;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_graphs),
        cmocka_unit_test(pieces_stay_in_the_whole),
        cmocka_unit_test(joints_are_made_in_place),
        cmocka_unit_test(joints_that_copy),
        cmocka_unit_test(the_arena_does_not_grow),
        cmocka_unit_test(steps_in_place),
        cmocka_unit_test(parts_channels_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
