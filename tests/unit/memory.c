/* Where the bytes of a run stand: scratch of kernels. */
#include "unit.h"

#include <stdbool.h>

#include "kernel/gemm/gemm_f32.h"
#include "sedge/sedge.h"
#include "tiny_onnx.h"

#define F32    1
#define I64    7
#define STEPS  150
#define FLOATS ((size_t)2 * STEPS * 8)
static pb model;
static float query[FLOATS];

static void node_of(pb *graph, const char *op, const char *const *in, int n_in, const char *out)
{
    pb n = {.n = 0};
    for (int i = 0; i < n_in; i++)
        pb_str(&n, 1, in[i]);
    pb_str(&n, 2, out);
    pb_str(&n, 3, out);
    pb_str(&n, 4, op);
    pb_msg(graph, 1, &n);
}

/* y = attention(x, x, x), x: [1, 2, N, 8], or reshaped to what input `shape` says. */
static void attention_model(bool dynamic)
{
    static const char *const qkv[] = {"q", "q", "q"}, *const xxx[] = {"x", "x", "x"};
    int64_t dim[4] = {1, 2, -1, 8}, four[1] = {4};
    pb g = {.n = 0};
    if (dynamic)
        onnx_node(&g, "Reshape", "x", "shape", "q");
    node_of(&g, "Attention", dynamic ? qkv : xxx, 3, "y");
    onnx_io(&g, 11, "x", F32, dim, 4);
    if (dynamic)
        onnx_io(&g, 11, "shape", I64, four, 1);
    onnx_io(&g, 12, "y", F32, dim, dynamic ? -1 : 4);
    onnx_model(&model, &g, 23);
}

typedef struct engine {
    sedge_model *m;
    sedge_plan *p;
    sedge_session *s;
} engine;

static void engine_open(engine *e, const char *target, uint32_t threads)
{
    sedge_error err = {0};
    sedge_plan_opts po;
    sedge_plan_opts_init(&po);
    sedge_bound n = {.name = "N", .value = STEPS};
    po.target = target;
    po.bound = &n;
    po.n_bound = 1;
    sedge_session_opts so;
    sedge_session_opts_init(&so);
    so.threads = threads;
    memset(e, 0, sizeof *e);
    if (sedge_model_open_memory(&e->m, model.b, model.n, NULL, &err) || sedge_plan_make(&e->p, e->m, &po, &err) ||
        sedge_session_open(&e->s, e->p, &so, &err))
        fail_msg("%s", err.msg);
}

static void engine_close(engine *e)
{
    sedge_session_close(&e->s);
    sedge_plan_close(&e->p);
    sedge_model_close(&e->m);
}

/* The answer for n steps. */
static const float *attend(engine *e, int64_t n, bool dynamic)
{
    sedge_error err = {0};
    int64_t shape[4] = {1, 2, n, 8};
    sedge_tensor x = {.data = query, .dtype = SEDGE_F32, .rank = 4, .dim = {1, 2, n, 8}}, y;
    sedge_tensor s = {.data = shape, .dtype = SEDGE_I64, .rank = 1, .dim = {4}};
    if (sedge_session_set_input(e->s, 0, &x, &err) || (dynamic && sedge_session_set_input(e->s, 1, &s, &err)) ||
        sedge_session_run(e->s, NULL, &err) || sedge_session_get_output(e->s, 0, &y, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(sedge_tensor_bytes(&y), (size_t)n * 16 * sizeof(float));
    return y.data;
}

static sedge_session_stats stats_of(const engine *e)
{
    sedge_session_stats s;
    sedge_session_get_stats(e->s, &s);
    return s;
}

static void scratch_stands_in_the_arena(void **state)
{
    (void)state;
    engine one, three, ref;
    sedge_plan_info info;
    attention_model(false);
    engine_open(&one, "cpu", 1);
    engine_open(&three, "cpu", 3);
    engine_open(&ref, "reference", 1);
    sedge_plan_get_info(one.p, &info);
    size_t part = (SG_GEMM_F32_PACK + (size_t)128 * STEPS) * sizeof(float); /* 128 rows of scores */
    assert_int_equal(info.arena_bytes, info.arena_bound);
    assert_int_equal(info.arena_bytes, (part + 63) / 64 * 64);
    static const int64_t lengths[] = {STEPS, 1, 129, 0, 7};
    for (int i = 0; i < 5; i++) {
        int64_t n = lengths[i];
        const float *a = attend(&one, n, false), *b = attend(&three, n, false), *want = attend(&ref, n, false);
        for (int64_t k = 0; k < n * 16; k++) {
            assert_true(a[k] == b[k]);
            assert_float_equal(a[k], want[k], 1e-5f);
        }
    }
    assert_int_equal(stats_of(&one).arena_bytes, info.arena_bytes);
    assert_true((int64_t)stats_of(&three).arena_bytes > info.arena_bytes);
    assert_true(stats_of(&three).pool_bytes < 4096); /* what the reference takes for no steps at all */
    engine_close(&one);
    engine_close(&three);
    engine_close(&ref);
}

static void scratch_of_shapes_known_in_the_run(void **state)
{
    (void)state;
    engine e, ref;
    attention_model(true);
    engine_open(&e, "cpu", 2);
    engine_open(&ref, "reference", 1);
    uint64_t calls = 0;
    for (int round = 0; round < 2; round++) {
        for (int64_t n = 0; n <= STEPS; n += 50) {
            const float *a = attend(&e, n, true), *want = attend(&ref, n, true);
            for (int64_t k = 0; k < n * 16; k++)
                assert_float_equal(a[k], want[k], 1e-5f);
        }
        if (round == 0)
            calls = stats_of(&e).allocations;
    }
    assert_true(stats_of(&e).pool_bytes > SG_GEMM_F32_PACK * sizeof(float));
    assert_int_equal(stats_of(&e).allocations, calls);
    engine_close(&e);
    engine_close(&ref);
}

int main(void)
{
    for (size_t i = 0; i < FLOATS; i++)
        query[i] = (float)((int)(i * 37 % 101) - 50) / 40;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scratch_stands_in_the_arena),
        cmocka_unit_test(scratch_of_shapes_known_in_the_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
