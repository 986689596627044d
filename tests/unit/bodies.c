/* Arenas of bodies: parts of the caller's arena where shapes are known when the run begins, blocks of the pool elsewhere; counted
 * in what the plan says and kept to the session's limit; no allocation in a second run. */
#include "unit.h"

#include <stdbool.h>

#include "sedge/sedge.h"
#include "tiny_onnx.h"

#define F32  1
#define BOOL 9
enum { MOST = 64, WIDTH = 64 };
static pb model;
static int symbolic; /* whether the model has a dimension N */
static float x_data[MOST * WIDTH];

/* ---- building ---- */

/* out = sum of -[in, in, ...], n times: a storage of n times the input, and a result of one element. */
static void sums(pb *g, const char *in, int n, const char *joint, const char *minus, const char *out)
{
    pb node = {.n = 0}, axis = {.n = 0};
    for (int i = 0; i < n; i++)
        pb_str(&node, 1, in);
    pb_str(&node, 2, joint);
    pb_str(&node, 4, "Concat");
    pb_str(&axis, 1, "axis");
    pb_int(&axis, 3, 0);
    pb_int(&axis, 20, 2);
    pb_msg(&node, 5, &axis);
    pb_msg(g, 1, &node);
    onnx_node(g, "Neg", joint, NULL, minus);
    onnx_node(g, "ReduceSum", minus, NULL, out);
}

static void attr_graph(pb *node, const char *name, const pb *body)
{
    pb a = {.n = 0};
    pb_str(&a, 1, name);
    pb_msg(&a, 6, body);
    pb_int(&a, 20, 5);
    pb_msg(node, 5, &a);
}

static void choice(pb *g, const char *cond, const pb *yes, const pb *no, const char *out)
{
    pb node = {.n = 0};
    pb_str(&node, 1, cond);
    pb_str(&node, 2, out);
    pb_str(&node, 4, "If");
    attr_graph(&node, "then_branch", yes);
    attr_graph(&node, "else_branch", no);
    pb_msg(g, 1, &node);
}

/* y = sum(-x + (c ? sum(-[x, x]) : d ? sum(-[x, x, x]) : sum(-[x])))   x: [N, WIDTH] */
static void choices(int64_t n)
{
    const int64_t scalar[2] = {1, 1}, dim[2] = {n, WIDTH};
    pb g = {.n = 0}, yes = {.n = 0}, no = {.n = 0}, inner = {.n = 0}, last = {.n = 0};
    sums(&yes, "x", 2, "a", "b", "s");
    onnx_io(&yes, 12, "s", F32, scalar, 2);
    sums(&inner, "x", 3, "e", "f", "t");
    onnx_io(&inner, 12, "t", F32, scalar, 2);
    sums(&last, "x", 1, "h", "i", "u");
    onnx_io(&last, 12, "u", F32, scalar, 2);
    choice(&no, "d", &inner, &last, "w");
    onnx_io(&no, 12, "w", F32, scalar, 2);
    onnx_node(&g, "Neg", "x", NULL, "m");
    choice(&g, "c", &yes, &no, "p");
    onnx_node(&g, "Add", "m", "p", "q");
    onnx_node(&g, "ReduceSum", "q", NULL, "y");
    onnx_io(&g, 11, "x", F32, dim, 2);
    onnx_io(&g, 11, "c", BOOL, NULL, 0);
    onnx_io(&g, 11, "d", BOOL, NULL, 0);
    onnx_io(&g, 12, "y", F32, scalar, 2);
    onnx_model(&model, &g, 17);
}

/* y = s after `trips` times s = s + sum(-[x, x])   x: [N, WIDTH], s from zero */
static void trips_over_x(int64_t n)
{
    const int64_t one[2] = {1, 1}, dim[2] = {n, WIDTH};
    static const float zero;
    pb g = {.n = 0}, body = {.n = 0}, node = {.n = 0};
    sums(&body, "x", 2, "a", "b", "t");
    onnx_node(&body, "Add", "s", "t", "s_out");
    onnx_node(&body, "Identity", "go", NULL, "go_out");
    onnx_io(&body, 11, "i", 7, NULL, 0);
    onnx_io(&body, 11, "go", BOOL, NULL, 0);
    onnx_io(&body, 11, "s", F32, one, 2);
    onnx_io(&body, 12, "go_out", BOOL, NULL, 0);
    onnx_io(&body, 12, "s_out", F32, one, 2);
    pb_str(&node, 1, "n");
    pb_str(&node, 1, "");
    pb_str(&node, 1, "zero");
    pb_str(&node, 2, "y");
    pb_str(&node, 4, "Loop");
    attr_graph(&node, "body", &body);
    pb_msg(&g, 1, &node);
    onnx_tensor(&g, "zero", F32, &zero, one, 2);
    onnx_io(&g, 11, "x", F32, dim, 2);
    onnx_io(&g, 11, "n", 7, NULL, 0);
    onnx_io(&g, 12, "y", F32, one, 2);
    onnx_model(&model, &g, 17);
}

/* y = s after s = s + sum(-[row, row]) for every row of x: [K, N, WIDTH]; rows have no operand of their shape. */
static void scan_of_rows(void)
{
    const int64_t one[2] = {1, 1}, row[2] = {-1, WIDTH}, dim[3] = {-2, -1, WIDTH};
    static const float zero;
    pb g = {.n = 0}, body = {.n = 0}, node = {.n = 0}, count = {.n = 0};
    sums(&body, "row", 2, "a", "b", "t");
    onnx_node(&body, "Add", "s", "t", "s_out");
    onnx_io(&body, 11, "s", F32, one, 2);
    onnx_io(&body, 11, "row", F32, row, 2);
    onnx_io(&body, 12, "s_out", F32, one, 2);
    pb_str(&node, 1, "zero");
    pb_str(&node, 1, "x");
    pb_str(&node, 2, "y");
    pb_str(&node, 4, "Scan");
    attr_graph(&node, "body", &body);
    pb_str(&count, 1, "num_scan_inputs");
    pb_int(&count, 3, 1);
    pb_int(&count, 20, 2);
    pb_msg(&node, 5, &count);
    pb_msg(&g, 1, &node);
    onnx_tensor(&g, "zero", F32, &zero, one, 2);
    onnx_io(&g, 11, "x", F32, dim, 3);
    onnx_io(&g, 12, "y", F32, one, 2);
    onnx_model(&model, &g, 17);
}

/* ---- running ---- */

typedef struct engine {
    sedge_model *m;
    sedge_plan *p;
    sedge_session *s;
    sedge_plan_info info;
} engine;

static sedge_status open_on(engine *e, const char *target, uint64_t limit, sedge_error *err)
{
    const sedge_bound bound = {"N", MOST, 0};
    sedge_plan_opts po;
    sedge_session_opts so;
    sedge_plan_opts_init(&po);
    sedge_session_opts_init(&so);
    po.target = target;
    po.allow_fallback = 1;
    po.bound = &bound;
    po.n_bound = symbolic;
    so.threads = 1;
    so.memory_limit = (size_t)limit;
    memset(e, 0, sizeof *e);
    sedge_status st = sedge_model_open_memory(&e->m, model.b, model.n, NULL, err);
    if (st == SEDGE_OK)
        st = sedge_plan_make(&e->p, e->m, &po, err);
    if (st == SEDGE_OK)
        st = sedge_session_open(&e->s, e->p, &so, err);
    if (st == SEDGE_OK)
        sedge_plan_get_info(e->p, &e->info);
    return st;
}

static void must_open(engine *e, const char *target)
{
    sedge_error err = {0};
    if (open_on(e, target, 0, &err) != SEDGE_OK)
        fail_msg("%s", err.msg);
}

static void engine_close(engine *e)
{
    sedge_session_close(&e->s);
    sedge_plan_close(&e->p);
    sedge_model_close(&e->m);
}

static void give(engine *e, int i, sedge_tensor t)
{
    sedge_error err = {0};
    if (sedge_session_set_input(e->s, i, &t, &err) != SEDGE_OK)
        fail_msg("%s", err.msg);
}

static void give_x(engine *e, int64_t n)
{
    give(e, 0, (sedge_tensor){.data = x_data, .dtype = SEDGE_F32, .rank = 2, .dim = {n, WIDTH}});
}

static float answer(engine *e)
{
    sedge_error err = {0};
    sedge_tensor y;
    if (sedge_session_run(e->s, NULL, &err) || sedge_session_get_output(e->s, 0, &y, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(sedge_tensor_bytes(&y), sizeof(float));
    return *(const float *)y.data;
}

static sedge_session_stats stats_of(const engine *e)
{
    sedge_session_stats s;
    sedge_session_get_stats(e->s, &s);
    return s;
}

/* Sums of small integers are exact in f32. */
static float sum_of_x(int64_t n)
{
    float sum = 0;
    for (int64_t i = 0; i < n * WIDTH; i++)
        sum += x_data[i];
    return sum;
}

static float choose(engine *e, int64_t n, bool c, bool d)
{
    give_x(e, n);
    give(e, 1, (sedge_tensor){.data = &c, .dtype = SEDGE_BOOL});
    give(e, 2, (sedge_tensor){.data = &d, .dtype = SEDGE_BOOL});
    return answer(e);
}

static void check_choices(engine *e, int64_t n)
{
    for (int k = 0; k < 4; k++) {
        float p = (float)(k & 1 ? -2 : k & 2 ? -3 : -1) * sum_of_x(n);
        assert_true(choose(e, n, k & 1, k & 2) == (float)(n * WIDTH) * p - sum_of_x(n));
    }
}

/* m lives while the largest of the three bodies runs, the third inside the second. */
static void branches_overlap(void **state)
{
    (void)state;
    const int64_t sheet = MOST * WIDTH * (int64_t)sizeof(float);
    for (symbolic = 0; symbolic < 2; symbolic++) {
        engine e;
        choices(symbolic ? -1 : MOST);
        must_open(&e, NULL);
        assert_int_equal(e.info.arena_bytes, e.info.arena_bound);
        assert_in_range(e.info.arena_bytes, 4 * sheet, 4 * sheet + 1024);
        check_choices(&e, MOST);
        assert_int_equal(stats_of(&e).arena_bytes, e.info.arena_bytes);
        assert_true(stats_of(&e).pool_bytes < 4096);
        uint64_t calls = stats_of(&e).allocations;
        for (int64_t n = 1; n <= MOST; n += symbolic ? 7 : MOST)
            if (symbolic || n == MOST)
                check_choices(&e, n);
        assert_int_equal(stats_of(&e).allocations, calls);
        engine_close(&e);
    }
}

static void the_limit_holds_for_bodies(void **state)
{
    (void)state;
    engine e;
    sedge_error err = {0};
    symbolic = 0;
    choices(MOST);
    must_open(&e, NULL);
    check_choices(&e, MOST);
    sedge_session_stats s = stats_of(&e);
    engine_close(&e);
    assert_int_equal(open_on(&e, NULL, s.total_bytes - s.arena_bytes / 2, &err), SEDGE_OK);
    give_x(&e, MOST);
    bool no = false;
    give(&e, 1, (sedge_tensor){.data = &no, .dtype = SEDGE_BOOL});
    give(&e, 2, (sedge_tensor){.data = &no, .dtype = SEDGE_BOOL});
    assert_int_equal(sedge_session_run(e.s, NULL, &err), SEDGE_E_NOMEM);
    assert_non_null(strstr(err.msg, "the arena needs "));
    engine_close(&e);
}

static void trips_allocate_nothing(void **state)
{
    (void)state;
    static const char *const targets[] = {"cpu", "reference", "loopback"};
    for (int t = 0; t < 3; t++) {
        engine e;
        uint64_t calls = 0;
        symbolic = t != 2; /* devices want numbers */
        trips_over_x(symbolic ? -1 : 3);
        must_open(&e, targets[t]);
        for (int64_t n = 1; n <= 1000; n *= 10) {
            give_x(&e, 3);
            give(&e, 1, (sedge_tensor){.data = &n, .dtype = SEDGE_I64});
            assert_true(answer(&e) == (float)(-2 * n) * sum_of_x(3));
            if (n == 10)
                calls = stats_of(&e).allocations;
        }
        if (t == 0)
            assert_true(stats_of(&e).pool_bytes < 8192);
        assert_int_equal(stats_of(&e).allocations, calls);
        engine_close(&e);
    }
}

static void shapes_known_in_the_run(void **state)
{
    (void)state;
    static const char *const targets[] = {"cpu", "loopback"};
    for (int t = 0; t < 2; t++) {
        engine e;
        uint64_t calls = 0;
        symbolic = 1;
        scan_of_rows();
        must_open(&e, targets[t]);
        for (int round = 0; round < 2; round++) {
            for (int64_t n = 1; n <= 16; n *= 2) {
                give(&e, 0, (sedge_tensor){.data = x_data, .dtype = SEDGE_F32, .rank = 3, .dim = {4, n, WIDTH}});
                assert_true(answer(&e) == -2 * sum_of_x(4 * n));
            }
            if (round == 0)
                calls = stats_of(&e).allocations;
        }
        assert_true(stats_of(&e).pool_bytes > 16 * WIDTH * 2 * sizeof(float));
        assert_int_equal(stats_of(&e).allocations, calls);
        engine_close(&e);
    }
}

int main(void)
{
    for (int i = 0; i < MOST * WIDTH; i++)
        x_data[i] = (float)(i % 3);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(branches_overlap),
        cmocka_unit_test(the_limit_holds_for_bodies),
        cmocka_unit_test(trips_allocate_nothing),
        cmocka_unit_test(shapes_known_in_the_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
