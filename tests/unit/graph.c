/* Dimension expressions and the graph: folding, use lists, order, attributes, clones, failing memory. */
#include "unit.h"

#include <stdlib.h>

#include "ir/graph.h"
#include "op/op.h"

static sg_mem mem;
static sg_arena arena;
static sg_graph *g;

static int start(void **state)
{
    (void)state;
    mem = (sg_mem){0};
    arena = (sg_arena){.mem = &mem};
    g = sg_graph_new(&arena);
    return g == NULL;
}

static int stop(void **state)
{
    (void)state;
    sg_graph_free(g);
    sg_arena_free(&arena);
    return mem.used != 0;
}

static void dims_fold(void **state)
{
    (void)state;
    sg_dims *d = &g->dims;
    sg_dim n = sg_dim_named(d, "n"), m = sg_dim_named(d, "m");
    assert_true(sg_dim_is_expr(n));
    assert_true(n == sg_dim_named(d, "n"));
    assert_true(n != m);
    assert_true(sg_dim_make(d, SG_DIM_ADD, 2, 3) == 5);
    assert_true(sg_dim_make(d, SG_DIM_ADD, n, 0) == n);
    assert_true(sg_dim_make(d, SG_DIM_MUL, n, 1) == n);
    assert_true(sg_dim_make(d, SG_DIM_MUL, n, 0) == 0);
    assert_true(sg_dim_make(d, SG_DIM_SUB, n, n) == 0);
    assert_true(sg_dim_make(d, SG_DIM_MUL, n, m) == sg_dim_make(d, SG_DIM_MUL, m, n));
    assert_true(sg_dim_make(d, SG_DIM_DIV, sg_dim_make(d, SG_DIM_MUL, n, 6), 6) == n);
    sg_dim e = sg_dim_make(d, SG_DIM_ADD, sg_dim_make(d, SG_DIM_ADD, n, 2), 3);
    assert_true(e == sg_dim_make(d, SG_DIM_ADD, n, 5));
    assert_true(sg_dim_make(d, SG_DIM_ADD, e, SG_DIM_BAD) == SG_DIM_BAD);
}

static void dims_never_overflow(void **state)
{
    (void)state;
    assert_int_equal(sg_dim_apply(SG_DIM_DIV, -7, 2), -4);
    assert_int_equal(sg_dim_apply(SG_DIM_MOD, -7, 2), 1);
    assert_int_equal(sg_dim_apply(SG_DIM_DIV, 7, 0), 0);
    assert_int_equal(sg_dim_apply(SG_DIM_MOD, 7, 0), 0);
    assert_int_equal(sg_dim_apply(SG_DIM_DIV, INT64_MIN, -1), 0);
    assert_int_equal(sg_dim_apply(SG_DIM_MUL, INT64_MAX, 2), SG_DIM_BAD - 1);
    assert_int_equal(sg_dim_apply(SG_DIM_ADD, INT64_MAX, 1), SG_DIM_BAD - 1);
    assert_int_equal(sg_dim_apply(SG_DIM_SUB, INT64_MIN, 1), SG_DIM_BAD - 1);
    assert_int_equal(sg_dim_apply(SG_DIM_BCAST, 1, 9), 9);
    assert_int_equal(sg_dim_apply(SG_DIM_BCAST, 4, 9), 4);
}

static sg_vid vector(const char *name)
{
    sg_type t = {.dtype = SG_F32, .rank = 1, .dim = {4}};
    return sg_input_new(g, &t, name);
}

/* Uses by the list; it must agree with the counter. */
static uint32_t uses(sg_vid v)
{
    uint32_t n = 0, prev = 0;
    for (uint32_t s = g->value[v].uses; s; prev = s, s = g->operand[s].next, n++) {
        assert_int_equal(g->operand[s].value, v);
        assert_int_equal(g->operand[s].prev, prev);
    }
    assert_int_equal(n, g->value[v].n_uses);
    return n;
}

static void use_lists_follow_edits(void **state)
{
    (void)state;
    sg_vid a = vector("a"), b = vector("b");
    sg_nid n1 = sg_node_new(g, SG_ROW(BINARY), (sg_vid[]){a, a}, 2, 1, 0);
    sg_nid n2 = sg_node_new(g, SG_ROW(BINARY), (sg_vid[]){sg_node_out(g, n1, 0), b}, 2, 1, 0);
    assert_int_equal(sg_output_add(g, sg_node_out(g, n2, 0)), SEDGE_OK);
    assert_int_equal(uses(a), 2);
    assert_int_equal(uses(b), 1);
    sg_node_set_in(g, n1, 1, b);
    assert_int_equal(uses(a), 1);
    assert_int_equal(uses(b), 2);
    sg_value_replace(g, b, a);
    assert_int_equal(uses(a), 3);
    assert_int_equal(uses(b), 0);
    sg_value_replace(g, sg_node_out(g, n2, 0), sg_node_out(g, n1, 0));
    assert_int_equal(g->output[0], sg_node_out(g, n1, 0));
    sg_node_delete(g, n2);
    assert_int_equal(uses(a), 2);
    assert_int_equal(uses(sg_node_out(g, n1, 0)), 0);
    assert_int_equal(sg_node_in(g, n1, 5), SG_NONE_ID);
}

static void nodes_keep_their_order(void **state)
{
    (void)state;
    sg_vid a = vector("a");
    sg_nid n[4];
    n[0] = sg_node_new(g, SG_ROW(UNARY), &a, 1, 1, 0);
    n[3] = sg_node_new(g, SG_ROW(UNARY), &a, 1, 1, 0);
    n[1] = sg_node_new(g, SG_ROW(UNARY), &a, 1, 1, n[3]);
    n[2] = sg_node_new(g, SG_ROW(UNARY), &a, 1, 1, n[3]);
    int i = 0;
    SG_EACH_NODE(g, k)
    assert_int_equal(k, n[i++]);
    assert_int_equal(i, 4);
    sg_node_delete(g, n[1]);
    i = 0;
    SG_EACH_NODE(g, k)
    assert_int_not_equal(k, n[1]), i++;
    assert_int_equal(i, 3);
}

static void attributes_obey_the_schema(void **state)
{
    (void)state;
    sg_vid a = vector("a");
    sg_nid n = sg_node_new(g, SG_ROW(SOFTMAX), &a, 1, 1, 0);
    const sg_attr *at = sg_attr_find(g->node[n].attr, g->node[n].n_attr, SG_A_axis);
    assert_non_null(at);
    assert_int_equal(at->u.i, -1);
    assert_false(at->set);
    assert_true(sg_set_int(g, n, SG_A_axis, 0));
    assert_int_equal(at->u.i, 0);
    assert_true(at->set);
    assert_false(sg_set_int(g, n, SG_A_perm, 1));
    assert_false(sg_set_float(g, n, SG_A_axis, 1));
}

static void clones_stand_alone(void **state)
{
    (void)state;
    sg_vid a = vector("a");
    sg_nid n = sg_node_new(g, SG_ROW(UNARY), &a, 1, 1, 0);
    assert_int_equal(sg_output_add(g, sg_node_out(g, n, 0)), SEDGE_OK);
    sg_graph *c = sg_graph_clone(g, &arena);
    assert_non_null(c);
    assert_int_equal(c->n_input, 1);
    assert_int_equal(c->n_output, 1);
    int count = 0;
    SG_EACH_NODE(c, k)
    count++;
    assert_int_equal(count, 1);
    sg_value_replace(c, c->output[0], c->input[0]);
    assert_int_equal(g->output[0], sg_node_out(g, n, 0));
    sg_graph_free(c);
}

static int left;

static void *failing(void *ctx, void *p, size_t old_size, size_t new_size)
{
    (void)ctx;
    (void)old_size;
    if (new_size == 0) {
        free(p);
        return NULL;
    }
    return left-- > 0 ? realloc(p, new_size) : NULL;
}

/* A graph of 200 nodes built with the k-th allocation failing: a refusal, no crash, no leak. */
static void building_survives_failing_memory(void **state)
{
    (void)state;
    bool whole = false;
    for (int k = 0; !whole; k++) {
        assert_true(k < 1000);
        left = k;
        sg_mem m = {.fn = failing};
        sg_arena ar = {.mem = &m};
        sg_graph *h = sg_graph_new(&ar);
        sg_type t = {.dtype = SG_F32, .rank = 0};
        sg_vid v = h ? sg_input_new(h, &t, "x") : SG_NONE_ID;
        int i = 0;
        for (; v && i < 200; i++) {
            sg_nid n = sg_node_new(h, SG_ROW(UNARY), &v, 1, 1, 0);
            v = n ? sg_node_out(h, n, 0) : SG_NONE_ID;
        }
        whole = v && i == 200;
        sg_graph_free(h);
        sg_arena_free(&ar);
        assert_int_equal(m.used, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(dims_fold, start, stop),
        cmocka_unit_test_setup_teardown(dims_never_overflow, start, stop),
        cmocka_unit_test_setup_teardown(use_lists_follow_edits, start, stop),
        cmocka_unit_test_setup_teardown(nodes_keep_their_order, start, stop),
        cmocka_unit_test_setup_teardown(attributes_obey_the_schema, start, stop),
        cmocka_unit_test_setup_teardown(clones_stand_alone, start, stop),
        cmocka_unit_test(building_survives_failing_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
