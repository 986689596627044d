/* New input shapes: which are refused, in which words, and that the others cost no allocation. */
#include "unit.h"

#include "sedge/sedge.h"
#include "tiny_onnx.h"

enum { N = -1, M = -2, K = -3, NONE = -1 };

/* Sizes of N, M and K, and what the run says; NULL: it is accepted. */
typedef struct sizes {
    int64_t n[3];
    const char *error;
} sizes;

/* y = op(a, b), or op(a) where rank_b is NONE; one integer attribute if it has a name. */
typedef struct kind {
    const char *op, *attribute;
    int64_t value;
    int rank_a, rank_b;
    int64_t a[4], b[4];
    sizes with[7];
} kind;

static const kind kinds[] = {
    {"Add",
     NULL,
     0,
     2,
     2,
     {N, 3},
     {M, 3},
     {{{4, 4}, NULL},
      {{4, 1}, NULL},
      {{1, 4}, NULL},
      {{0, 1}, NULL},
      {{4, 2}, "node y (Add): shapes do not broadcast: f32 [4,3] and f32 [2,3]"},
      {{0, 4}, "node y (Add): shapes do not broadcast: f32 [0,3] and f32 [4,3]"}}},
    {"Mul",
     NULL,
     0,
     2,
     1,
     {N, 4},
     {M},
     {{{2, 4}, NULL}, {{2, 1}, NULL}, {{2, 2}, "node y (Mul): shapes do not broadcast: f32 [2,4] and f32 [2]"}}},
    {"MatMul",
     NULL,
     0,
     2,
     2,
     {N, M},
     {K, 2},
     {{{3, 5, 5}, NULL},
      {{1, 1, 1}, NULL},
      {{0, 5, 5}, NULL},
      {{3, 5, 4}, "node y (MatMul): inner dimensions 5 and 4 differ: f32 [3,5] times f32 [4,2]"},
      {{3, 5, 1}, "node y (MatMul): inner dimensions 5 and 1 differ: f32 [3,5] times f32 [1,2]"}}},
    {"MatMul",
     NULL,
     0,
     3,
     3,
     {N, 2, 3},
     {M, 3, 2},
     {{{4, 4}, NULL}, {{4, 1}, NULL}, {{3, 2}, "node y (MatMul): shapes do not broadcast: f32 [3] and f32 [2]"}}},
    {"Gemm",
     NULL,
     0,
     2,
     2,
     {N, M},
     {K, 2},
     {{{3, 5, 5}, NULL}, {{3, 5, 1}, "node y (Gemm): inner dimensions 5 and 1 differ: f32 [3,5] times f32 [1,2]"}}},
    {"Concat",
     "axis",
     1,
     2,
     2,
     {N, 3},
     {M, K},
     {{{2, 2, 9}, NULL},
      {{2, 2, 0}, NULL},
      {{2, 3, 1}, "node y (Concat): operands differ in axis 0: 2 and 3"},
      {{2, 1, 3}, "node y (Concat): operands differ in axis 0: 2 and 1"}}},
    {"DepthToSpace",
     "blocksize",
     2,
     4,
     NONE,
     {1, N, M, 3},
     {0},
     {{{4, 3}, NULL}, {{8, 1}, NULL}, {{6, 3}, "node y (DepthToSpace): axis 1 of size 6 does not split into blocks of 4"}}},
    {"SpaceToDepth",
     "blocksize",
     2,
     4,
     NONE,
     {1, 1, N, M},
     {0},
     {{{4, 2}, NULL}, {{4, 3}, "node y (SpaceToDepth): axis 3 of size 3 does not split into blocks of 2"}}},
    {"Conv",
     "group",
     1,
     4,
     4,
     {N, M, 3, K},
     {2, 4, 3, 3},
     {{{1, 4, 5}, NULL},
      {{2, 4, 3}, NULL},
      {{1, 3, 5}, "node y (Conv): 3 input channels, but weights for 4 in 1 groups"},
      {{1, 4, 2}, "node y (Conv): the window does not fit into spatial axis 1 of size 2"}}},
};

static pb model;

static void make_model(const kind *k)
{
    pb g = {.n = 0}, node = {.n = 0}, attr = {.n = 0};
    int64_t any[4] = {-3, -3, -3, -3};
    pb_str(&node, 1, "a");
    if (k->rank_b != NONE)
        pb_str(&node, 1, "b");
    pb_str(&node, 2, "y");
    pb_str(&node, 3, "y");
    pb_str(&node, 4, k->op);
    if (k->attribute) {
        pb_str(&attr, 1, k->attribute);
        pb_int(&attr, 3, k->value);
        pb_int(&attr, 20, 2);
        pb_msg(&node, 5, &attr);
    }
    pb_msg(&g, 1, &node);
    onnx_io(&g, 11, "a", 1, k->a, k->rank_a);
    if (k->rank_b != NONE)
        onnx_io(&g, 11, "b", 1, k->b, k->rank_b);
    onnx_io(&g, 12, "y", 1, any, -1);
    onnx_model(&model, &g, 17);
}

static void open_model(sedge_model **m, sedge_plan **p, sedge_session **s)
{
    sedge_error err = {0};
    if (sedge_model_open_memory(m, model.b, model.n, NULL, &err) || sedge_plan_make(p, *m, NULL, &err) ||
        sedge_session_open(s, *p, NULL, &err))
        fail_msg("%s", err.msg);
}

static void bind(sedge_session *s, int i, int rank, const int64_t *dim, const int64_t *n)
{
    static float x[4096];
    sedge_error err = {0};
    sedge_tensor t = {.data = x, .dtype = SEDGE_F32, .rank = (int8_t)rank};
    for (int d = 0; d < rank; d++)
        t.dim[d] = dim[d] < 0 ? n[-1 - dim[d]] : dim[d];
    if (sedge_session_set_input(s, i, &t, &err) != SEDGE_OK)
        fail_msg("%s", err.msg);
}

/* Every row twice, forwards and backwards, so that what was refused does not colour what comes after. */
static void sizes_that_fit(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const kind *k = &kinds[i];
        sedge_model *m = NULL;
        sedge_plan *p = NULL;
        sedge_session *s = NULL;
        int rows = (int)(sizeof k->with / sizeof k->with[0]);
        make_model(k);
        open_model(&m, &p, &s);
        for (int r = -rows + 1; r < rows; r++) {
            const sizes *w = &k->with[r < 0 ? -r : r];
            sedge_error err = {0};
            if (!w->error && !w->n[0] && !w->n[1]) /* the table ends */
                continue;
            bind(s, 0, k->rank_a, k->a, w->n);
            if (k->rank_b != NONE)
                bind(s, 1, k->rank_b, k->b, w->n);
            sedge_status st = sedge_session_run(s, NULL, &err);
            if (!w->error && st != SEDGE_OK)
                fail_msg("%s: %s", k->op, err.msg);
            else if (w->error)
                assert_string_equal(err.msg, w->error);
        }
        sedge_session_close(&s);
        sedge_plan_close(&p);
        sedge_model_close(&m);
    }
}

static void two_shapes_by_turns(void **state)
{
    (void)state;
    sedge_model *m = NULL;
    sedge_plan *p = NULL;
    sedge_session *s = NULL;
    sedge_session_stats before = {0}, after = {0};
    const kind *k = &kinds[2];
    make_model(k);
    open_model(&m, &p, &s);
    for (int i = 0; i < 1000; i++) {
        const int64_t n[3] = {i % 2 ? 7 : 30, i % 2 ? 11 : 20, i % 2 ? 11 : 20};
        bind(s, 0, k->rank_a, k->a, n);
        bind(s, 1, k->rank_b, k->b, n);
        assert_int_equal(sedge_session_run(s, NULL, NULL), SEDGE_OK);
        sedge_session_get_stats(s, i == 0 ? &before : &after);
    }
    assert_int_equal(before.allocations, after.allocations);
    assert_int_equal(after.prepares, 1000);
    sedge_session_close(&s);
    sedge_plan_close(&p);
    sedge_model_close(&m);
}

/* z = reshape(y, shape of x) reads a shape that is no step; s = shape of x, an output, is one; w = the same, spelt out, reads the
 * shape that is written before the run. x: [N, 3], y: [M]. */
static void sums_about_shapes_are_no_steps(void **state)
{
    (void)state;
    const int64_t two[2] = {N, 3}, one[1] = {M}, any[2] = {-3, -3};
    pb g = {.n = 0};
    onnx_node(&g, "Shape", "x", NULL, "s");
    onnx_node(&g, "Shape", "x", NULL, "t");
    onnx_node(&g, "Neg", "t", NULL, "u");
    onnx_node(&g, "Neg", "u", NULL, "v");
    onnx_node(&g, "Reshape", "y", "t", "z");
    onnx_node(&g, "Abs", "v", NULL, "w");
    onnx_io(&g, 11, "x", 1, two, 2);
    onnx_io(&g, 11, "y", 1, one, 1);
    onnx_io(&g, 12, "z", 1, two, 2);
    onnx_io(&g, 12, "s", 7, any, 1);
    onnx_io(&g, 12, "w", 7, any, 1);
    onnx_model(&model, &g, 17);
    sedge_model *m = NULL;
    sedge_plan *p = NULL;
    sedge_session *s = NULL;
    open_model(&m, &p, &s);
    const char *op, *node, *kernel;
    int shapes = 0;
    for (int i = 0; sedge_plan_step(p, i, &op, &node, &kernel); i++)
        shapes += strcmp(op, "shape") == 0;
    assert_int_equal(shapes, 1);
    sedge_session_stats before = {0}, after = {0};
    for (int64_t n = 8; n >= 0; n--) {
        const int64_t size[3] = {n, 3 * n, 0}, axes[1] = {M};
        sedge_tensor out;
        bind(s, 0, 2, two, size);
        bind(s, 1, 1, axes, size);
        assert_int_equal(sedge_session_run(s, NULL, NULL), SEDGE_OK);
        assert_int_equal(sedge_session_get_output(s, 0, &out, NULL), SEDGE_OK);
        assert_true(out.rank == 2 && out.dim[0] == n && out.dim[1] == 3);
        for (int k = 1; k < 3; k++) {
            assert_int_equal(sedge_session_get_output(s, k, &out, NULL), SEDGE_OK);
            assert_true(out.dim[0] == 2 && ((int64_t *)out.data)[0] == n && ((int64_t *)out.data)[1] == 3);
        }
        sedge_session_get_stats(s, n == 8 ? &before : &after);
    }
    assert_int_equal(before.allocations, after.allocations);
    sedge_session_close(&s);
    sedge_plan_close(&p);
    sedge_model_close(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sizes_that_fit), cmocka_unit_test(two_shapes_by_turns),
                                       cmocka_unit_test(sums_about_shapes_are_no_steps)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
