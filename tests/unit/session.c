/* Sessions: answers, shapes that change, state, devices, stopping, memory that ends. */
#include "unit.h"

#include <stdbool.h>
#include <stdlib.h>

#include "failing.h"
#include "run/api.h"
#include "sedge/sedge.h"
#include "tiny_onnx.h"

#define F32 1
static pb model;

/* y = relu(x + c), x: [N,3]. */
static void relu_model(void)
{
    static const float c[3] = {1, -2, 0.5f};
    int64_t dim[2] = {-1, 3};
    pb g = {.n = 0};
    onnx_node(&g, "Add", "x", "c", "t");
    onnx_node(&g, "Relu", "t", NULL, "y");
    onnx_floats(&g, "c", c, 3);
    onnx_io(&g, 11, "x", F32, dim, 2);
    onnx_io(&g, 12, "y", F32, dim, 2);
    onnx_model(&model, &g, 17);
}

/* next = s + x; y = next * x, all [2]. */
static void counter_model(void)
{
    int64_t dim[1] = {2};
    pb g = {.n = 0};
    onnx_node(&g, "Add", "s", "x", "next");
    onnx_node(&g, "Mul", "next", "x", "y");
    onnx_io(&g, 11, "x", F32, dim, 1);
    onnx_io(&g, 11, "s", F32, dim, 1);
    onnx_io(&g, 12, "y", F32, dim, 1);
    onnx_io(&g, 12, "next", F32, dim, 1);
    onnx_model(&model, &g, 17);
}

/* y = -NonZero(x): a shape known only in the run. x: [N]. */
static void nonzero_model(void)
{
    int64_t dim[1] = {-1}, out[2] = {1, -1};
    pb g = {.n = 0};
    onnx_node(&g, "NonZero", "x", NULL, "i");
    onnx_node(&g, "Neg", "i", NULL, "y");
    onnx_io(&g, 11, "x", F32, dim, 1);
    onnx_io(&g, 12, "y", 7, out, 2);
    onnx_model(&model, &g, 17);
}

typedef struct engine {
    sedge_model *m;
    sedge_plan *p;
    sedge_session *s;
} engine;

static sedge_status engine_open(engine *e, const sedge_plan_opts *po, const sedge_model_opts *mo, const sedge_session_opts *so,
                                sedge_error *err)
{
    memset(e, 0, sizeof *e);
    sedge_status st = sedge_model_open_memory(&e->m, model.b, model.n, mo, err);
    if (st == SEDGE_OK)
        st = sedge_plan_make(&e->p, e->m, po, err);
    if (st == SEDGE_OK)
        st = sedge_session_open(&e->s, e->p, so, err);
    return st;
}

static void engine_close(engine *e)
{
    sedge_session_close(&e->s);
    sedge_plan_close(&e->p);
    sedge_model_close(&e->m);
}

static void must_open(engine *e, const sedge_plan_opts *po)
{
    sedge_error err = {0};
    if (engine_open(e, po, NULL, NULL, &err) != SEDGE_OK)
        fail_msg("%s", err.msg);
}

static sedge_tensor tensor(void *data, int dtype, int rank, int64_t d0, int64_t d1)
{
    sedge_tensor t = {.data = data, .dtype = (uint8_t)dtype, .rank = (int8_t)rank, .dim = {d0, d1}};
    return t;
}

static void must_run(engine *e)
{
    sedge_error err = {0};
    if (sedge_session_run(e->s, NULL, &err) != SEDGE_OK)
        fail_msg("%s", err.msg);
}

static void answers(void **state)
{
    (void)state;
    static const char *const targets[] = {"cpu", "reference"};
    for (int k = 0; k < 2; k++) {
        engine e;
        sedge_plan_opts po;
        sedge_plan_opts_init(&po);
        po.target = targets[k];
        relu_model();
        must_open(&e, &po);
        for (int64_t n = 1; n < 5; n++) {
            float x[12];
            for (int i = 0; i < 12; i++)
                x[i] = (float)(i - 5);
            sedge_tensor in = tensor(x, SEDGE_F32, 2, n, 3), out;
            assert_int_equal(sedge_session_set_input(e.s, 0, &in, NULL), SEDGE_OK);
            must_run(&e);
            assert_int_equal(sedge_session_get_output(e.s, 0, &out, NULL), SEDGE_OK);
            assert_int_equal(out.rank, 2);
            assert_int_equal(out.dim[0], n);
            static const float c[3] = {1, -2, 0.5f};
            for (int i = 0; i < n * 3; i++) {
                float want = x[i] + c[i % 3];
                assert_true(((float *)out.data)[i] == (want > 0 ? want : 0));
            }
        }
        engine_close(&e);
    }
}

static void equal_runs_allocate_nothing(void **state)
{
    (void)state;
    engine e;
    nonzero_model();
    must_open(&e, NULL);
    float x[64];
    for (int i = 0; i < 64; i++)
        x[i] = (float)(i % 3);
    sedge_session_stats before, after;
    for (int round = 0; round < 3; round++)
        for (int64_t n = 16; n <= 64; n += 48) {
            sedge_tensor in = tensor(x, SEDGE_F32, 1, n, 0), out;
            assert_int_equal(sedge_session_set_input(e.s, 0, &in, NULL), SEDGE_OK);
            must_run(&e);
            assert_int_equal(sedge_session_get_output(e.s, 0, &out, NULL), SEDGE_OK);
            int64_t want = n - (n + 2) / 3;
            assert_int_equal(out.dim[1], want);
            assert_int_equal(((int64_t *)out.data)[want - 1], n == 16 ? -14 : -62);
            if (round == 1 && n == 16)
                sedge_session_get_stats(e.s, &before);
        }
    sedge_session_get_stats(e.s, &after);
    assert_int_equal(before.allocations, after.allocations);
    engine_close(&e);
}

static void lengths_up_to_the_bound(void **state)
{
    (void)state;
    engine e;
    const sedge_bound bound = {"N", 512, 0};
    sedge_plan_opts po;
    sedge_plan_opts_init(&po);
    po.bound = &bound;
    po.n_bound = 1;
    relu_model();
    must_open(&e, &po);
    static float x[512 * 3];
    sedge_session_stats first = {0}, last = {0};
    for (int64_t n = 1; n <= 512; n++) {
        sedge_tensor in = tensor(x, SEDGE_F32, 2, n, 3), out;
        assert_int_equal(sedge_session_set_input(e.s, 0, &in, NULL), SEDGE_OK);
        must_run(&e);
        assert_int_equal(sedge_session_get_output(e.s, 0, &out, NULL), SEDGE_OK);
        assert_int_equal(out.dim[0], n);
        sedge_session_get_stats(e.s, n == 1 ? &first : &last);
    }
    assert_int_equal(first.allocations, last.allocations);
    assert_int_equal(last.prepares, 512);
    engine_close(&e);
}

static void linked_state(void **state)
{
    (void)state;
    engine e;
    const sedge_link link = {"next", "s"};
    sedge_plan_opts po;
    sedge_plan_opts_init(&po);
    po.link = &link;
    po.n_link = 1;
    counter_model();
    must_open(&e, &po);
    float x[2] = {1, 2};
    sedge_tensor in = tensor(x, SEDGE_F32, 1, 2, 0), out;
    assert_int_equal(sedge_session_set_input(e.s, 0, &in, NULL), SEDGE_OK);
    for (int i = 1; i <= 4; i++) {
        must_run(&e);
        assert_int_equal(sedge_session_get_output(e.s, 0, &out, NULL), SEDGE_OK);
        assert_true(((float *)out.data)[0] == (float)i);
        assert_true(((float *)out.data)[1] == (float)(4 * i));
    }
    assert_int_equal(sedge_session_states(e.s), 1);
    assert_int_equal(sedge_session_state_get(e.s, 0, &out, NULL), SEDGE_OK);
    assert_true(((float *)out.data)[1] == 8);
    float saved[2] = {10, 20};
    sedge_tensor st = tensor(saved, SEDGE_F32, 1, 2, 0);
    assert_int_equal(sedge_session_state_set(e.s, 0, &st, NULL), SEDGE_OK);
    must_run(&e);
    assert_int_equal(sedge_session_state_get(e.s, 0, &out, NULL), SEDGE_OK);
    assert_true(((float *)out.data)[0] == 11);
    assert_int_equal(sedge_session_state_reset(e.s, NULL), SEDGE_OK);
    must_run(&e);
    assert_int_equal(sedge_session_state_get(e.s, 0, &out, NULL), SEDGE_OK);
    assert_true(((float *)out.data)[0] == 1);
    engine_close(&e);
}

/* Opens the model that stands there with `n` links. */
static void linked_open(engine *e, const sedge_link *link, int n, const sedge_session_opts *so)
{
    sedge_plan_opts po;
    sedge_error err = {0};
    sedge_plan_opts_init(&po);
    po.link = link;
    po.n_link = n;
    if (engine_open(e, &po, NULL, so, &err) != SEDGE_OK)
        fail_msg("%s", err.msg);
}

static void give(engine *e, sedge_tensor in)
{
    assert_int_equal(sedge_session_set_input(e->s, 0, &in, NULL), SEDGE_OK);
}

static const float *output_of(engine *e, int i)
{
    sedge_tensor out;
    assert_int_equal(sedge_session_get_output(e->s, i, &out, NULL), SEDGE_OK);
    return out.data;
}

static const float *state_of(engine *e, int i)
{
    sedge_tensor out;
    assert_int_equal(sedge_session_state_get(e->s, i, &out, NULL), SEDGE_OK);
    return out.data;
}

/* The linked output is computed where it stands as the next state; two blocks change places. */
static void state_without_a_copy(void **state)
{
    (void)state;
    engine e;
    const sedge_link link = {"next", "s"};
    counter_model();
    linked_open(&e, &link, 1, NULL);
    assert_int_equal(e.p->plan->slot[e.p->plan->input[0]].base, SG_BASE_INPUT);
    assert_int_equal(e.p->plan->slot[e.p->plan->input[1]].base, SG_BASE_STATE);
    float x[2] = {1, 2};
    give(&e, tensor(x, SEDGE_F32, 1, 2, 0));
    const float *at[6];
    sedge_session_stats before = {0}, after;
    for (int i = 0; i < 6; i++) {
        must_run(&e);
        at[i] = output_of(&e, 1);
        assert_ptr_equal(at[i], state_of(&e, 0));
        assert_true(at[i][0] == (float)(i + 1) && at[i][1] == (float)(2 * i + 2));
        assert_true(i == 0 || at[i] != at[i - 1]);
        assert_true(i < 2 || at[i] == at[i - 2]);
        if (i == 1)
            sedge_session_get_stats(e.s, &before);
    }
    sedge_session_get_stats(e.s, &after);
    assert_int_equal(before.allocations, after.allocations);
    /* A buffer of the caller for it: then the state is a copy. */
    float mine[2] = {0};
    assert_int_equal(sedge_session_set_output(e.s, 1, mine, sizeof mine, NULL), SEDGE_OK);
    must_run(&e);
    assert_true(mine[0] == 7 && mine[1] == 14);
    mine[0] = mine[1] = 0;
    must_run(&e);
    assert_true(mine[0] == 8 && mine[1] == 16);
    assert_int_equal(sedge_session_set_output(e.s, 1, mine, 4, NULL), SEDGE_OK);
    assert_int_equal(sedge_session_run(e.s, NULL, NULL), SEDGE_E_LIMIT);
    assert_true(state_of(&e, 0)[0] == 8);
    engine_close(&e);
}

/* What was given out as an output stays until the next run, whatever becomes of the state. */
static void outputs_outlive_their_state(void **state)
{
    (void)state;
    engine e;
    const sedge_link link = {"next", "s"};
    counter_model();
    linked_open(&e, &link, 1, NULL);
    float x[2] = {1, 2}, set[2] = {100, 200};
    sedge_tensor st = tensor(set, SEDGE_F32, 1, 2, 0);
    give(&e, tensor(x, SEDGE_F32, 1, 2, 0));
    for (int round = 0; round < 3; round++) {
        assert_int_equal(sedge_session_state_reset(e.s, NULL), SEDGE_OK);
        must_run(&e);
        const float *out = output_of(&e, 1);
        for (int k = 0; k < 3; k++) {
            if (k != 1)
                assert_int_equal(sedge_session_state_reset(e.s, NULL), SEDGE_OK);
            assert_true(k == 1 || state_of(&e, 0)[1] == 0);
            assert_int_equal(sedge_session_state_set(e.s, 0, &st, NULL), SEDGE_OK);
            assert_true(state_of(&e, 0)[1] == 200);
            assert_true(out[0] == 1 && out[1] == 2);
        }
        must_run(&e);
        assert_true(output_of(&e, 1)[1] == 202);
    }
    engine_close(&e);
}

static void cancel_after(void *ctx, int step, double seconds)
{
    (void)seconds;
    if (step == 0)
        *(volatile int *)ctx = 1;
}

/* The run stops when the next state has been computed already. */
static void failure_leaves_the_state(void **state)
{
    (void)state;
    engine e;
    const sedge_link link = {"next", "s"};
    volatile int cancel = 0;
    sedge_session_opts so;
    sedge_session_opts_init(&so);
    so.on_step = cancel_after;
    so.on_step_ctx = (void *)(uintptr_t)&cancel;
    counter_model();
    linked_open(&e, &link, 1, &so);
    float x[2] = {1, 2};
    give(&e, tensor(x, SEDGE_F32, 1, 2, 0));
    sedge_run_opts ro;
    sedge_run_opts_init(&ro);
    ro.cancel = &cancel;
    for (int i = 1; i < 4; i++) {
        cancel = 0;
        assert_int_equal(sedge_session_run(e.s, &ro, NULL), SEDGE_E_CANCELLED);
        assert_true(state_of(&e, 0)[1] == (float)(2 * i - 2));
        assert_int_equal(sedge_session_run(e.s, NULL, NULL), SEDGE_OK);
        assert_true(state_of(&e, 0)[1] == (float)(2 * i));
    }
    engine_close(&e);
}

/* y = s1 + x; s1 becomes s2 as it was, s2 becomes x: neither output is computed, both are copied. */
static void a_line_of_delays(void **state)
{
    (void)state;
    int64_t dim[1] = {1};
    static const sedge_link link[2] = {{"d2", "s2"}, {"d1", "s1"}};
    pb g = {.n = 0};
    onnx_node(&g, "Add", "s1", "x", "y");
    onnx_node(&g, "Identity", "s2", NULL, "d1");
    onnx_node(&g, "Identity", "x", NULL, "d2");
    static const char *const in[] = {"x", "s2", "s1"}, *const out[] = {"y", "d1", "d2"};
    for (int k = 0; k < 3; k++)
        onnx_io(&g, 11, in[k], F32, dim, 1);
    for (int k = 0; k < 3; k++)
        onnx_io(&g, 12, out[k], F32, dim, 1);
    onnx_model(&model, &g, 17);
    engine e;
    linked_open(&e, link, 2, NULL);
    for (int i = 1; i < 8; i++) {
        float x = (float)(i * i);
        give(&e, tensor(&x, SEDGE_F32, 1, 1, 0));
        must_run(&e);
        assert_true(*output_of(&e, 0) == x + (float)(i > 2 ? (i - 2) * (i - 2) : 0));
    }
    engine_close(&e);
}

/* next = s + x, y = next * t: both s and t become next. */
static void two_states_of_one_output(void **state)
{
    (void)state;
    int64_t dim[1] = {1};
    static const sedge_link link[2] = {{"next", "s"}, {"next", "t"}};
    pb g = {.n = 0};
    onnx_node(&g, "Add", "s", "x", "next");
    onnx_node(&g, "Mul", "next", "t", "y");
    onnx_io(&g, 11, "x", F32, dim, 1);
    onnx_io(&g, 11, "s", F32, dim, 1);
    onnx_io(&g, 11, "t", F32, dim, 1);
    onnx_io(&g, 12, "y", F32, dim, 1);
    onnx_io(&g, 12, "next", F32, dim, 1);
    onnx_model(&model, &g, 17);
    engine e;
    linked_open(&e, link, 2, NULL);
    float x = 1;
    give(&e, tensor(&x, SEDGE_F32, 1, 1, 0));
    for (int i = 1; i < 6; i++) {
        must_run(&e);
        assert_true(*output_of(&e, 0) == (float)(i * (i - 1)));
        assert_true(*state_of(&e, 0) == (float)i && *state_of(&e, 1) == (float)i);
    }
    engine_close(&e);
}

/* next = [s, x]: a cache that grows by one in every run. */
static void a_state_that_grows(void **state)
{
    (void)state;
    int64_t any[1] = {-1}, one[1] = {1};
    static const sedge_link link = {"next", "s"};
    pb g = {.n = 0}, n = {.n = 0}, axis = {.n = 0};
    pb_str(&axis, 1, "axis");
    pb_int(&axis, 3, 0);
    pb_int(&axis, 20, 2);
    pb_str(&n, 1, "s");
    pb_str(&n, 1, "x");
    pb_str(&n, 2, "next");
    pb_str(&n, 4, "Concat");
    pb_msg(&n, 5, &axis);
    pb_msg(&g, 1, &n);
    onnx_io(&g, 11, "x", F32, one, 1);
    onnx_io(&g, 11, "s", F32, any, 1);
    onnx_io(&g, 12, "next", F32, NULL, -1);
    onnx_model(&model, &g, 17);
    engine e;
    linked_open(&e, &link, 1, NULL);
    sedge_session_stats first = {0}, last;
    for (int round = 0; round < 3; round++) {
        for (int i = 1; i <= 100; i++) {
            float x = (float)i;
            give(&e, tensor(&x, SEDGE_F32, 1, 1, 0));
            must_run(&e);
            const float *y = output_of(&e, 0);
            assert_ptr_equal(y, state_of(&e, 0));
            for (int k = 0; k < i; k++)
                assert_true(y[k] == (float)(k + 1));
        }
        assert_int_equal(sedge_session_state_reset(e.s, NULL), SEDGE_OK);
        if (round == 1)
            sedge_session_get_stats(e.s, &first);
    }
    sedge_session_get_stats(e.s, &last);
    assert_int_equal(first.allocations, last.allocations);
    engine_close(&e);
}

static void loopback_device(void **state)
{
    (void)state;
    engine e;
    sedge_plan_opts po;
    sedge_plan_opts_init(&po);
    po.target = "loopback";
    counter_model();
    must_open(&e, &po);
    sedge_plan_info info;
    sedge_plan_get_info(e.p, &info);
    assert_int_equal(info.copies, 4); /* x and s up, next and y down */
    float x[2] = {1, 2}, s[2] = {5, 6};
    sedge_tensor in = tensor(x, SEDGE_F32, 1, 2, 0), in2 = tensor(s, SEDGE_F32, 1, 2, 0), out;
    assert_int_equal(sedge_session_set_input(e.s, 0, &in, NULL), SEDGE_OK);
    assert_int_equal(sedge_session_set_input(e.s, 1, &in2, NULL), SEDGE_OK);
    must_run(&e);
    assert_int_equal(sedge_session_get_output(e.s, 0, &out, NULL), SEDGE_OK);
    assert_true(((float *)out.data)[0] == 6 && ((float *)out.data)[1] == 16);
    engine_close(&e);
    /* What the device cannot run is refused by name, unless fallback is allowed. */
    sedge_error err = {0};
    nonzero_model();
    assert_int_equal(engine_open(&e, &po, NULL, NULL, &err), SEDGE_E_UNSUPPORTED);
    assert_non_null(strstr(err.msg, "NonZero"));
    engine_close(&e);
    po.allow_fallback = 1;
    must_open(&e, &po);
    engine_close(&e);
}

static void callers_buffer(void **state)
{
    (void)state;
    engine e;
    relu_model();
    must_open(&e, NULL);
    float x[3] = {1, 5, 1}, y[3] = {0};
    sedge_tensor in = tensor(x, SEDGE_F32, 2, 1, 3), out;
    sedge_error err = {0};
    assert_int_equal(sedge_session_set_input(e.s, 0, &in, NULL), SEDGE_OK);
    assert_int_equal(sedge_session_set_output(e.s, 0, y, sizeof y, NULL), SEDGE_OK);
    must_run(&e);
    assert_int_equal(sedge_session_get_output(e.s, 0, &out, NULL), SEDGE_OK);
    assert_ptr_equal(out.data, y);
    assert_true(y[0] == 2 && y[1] == 3);
    assert_int_equal(sedge_session_set_output(e.s, 0, y, 8, NULL), SEDGE_OK);
    assert_int_equal(sedge_session_run(e.s, NULL, &err), SEDGE_E_LIMIT);
    assert_non_null(strstr(err.msg, "12 bytes"));
    engine_close(&e);
}

static void misuse_is_explained(void **state)
{
    (void)state;
    engine e;
    sedge_error err = {0};
    relu_model();
    must_open(&e, NULL);
    assert_int_equal(sedge_session_run(e.s, NULL, &err), SEDGE_E_ARG);
    assert_non_null(strstr(err.msg, "input x is missing"));
    err = (sedge_error){0};
    float x[8] = {0};
    sedge_tensor in = tensor(x, SEDGE_F64, 2, 1, 3);
    assert_int_equal(sedge_session_set_input(e.s, 0, &in, &err), SEDGE_E_TYPE);
    assert_non_null(strstr(err.msg, "f64 given"));
    err = (sedge_error){0};
    in = tensor(x, SEDGE_F32, 2, 2, 4);
    assert_int_equal(sedge_session_set_input(e.s, 0, &in, &err), SEDGE_OK);
    assert_int_equal(sedge_session_run(e.s, NULL, &err), SEDGE_E_SHAPE);
    assert_non_null(strstr(err.msg, "[2,4] given"));
    assert_non_null(strstr(err.msg, "[N,3] expected"));
    err = (sedge_error){0};
    volatile int cancel = 1;
    sedge_run_opts ro;
    sedge_run_opts_init(&ro);
    ro.cancel = &cancel;
    in = tensor(x, SEDGE_F32, 2, 1, 3);
    assert_int_equal(sedge_session_set_input(e.s, 0, &in, &err), SEDGE_OK);
    assert_int_equal(sedge_session_run(e.s, &ro, &err), SEDGE_E_CANCELLED);
    engine_close(&e);
}

static void each_allocation_fails(void **state)
{
    (void)state;
    void (*const make[])(void) = {relu_model, counter_model, nonzero_model};
    for (size_t k = 0; k < sizeof make / sizeof make[0]; k++) {
        bool done = false;
        make[k]();
        for (long n = 0; !done; n++) {
            failing f = {n, 0};
            sedge_model_opts mo;
            sedge_session_opts so;
            sedge_model_opts_init(&mo);
            sedge_session_opts_init(&so);
            mo.alloc = so.alloc = failing_alloc;
            mo.alloc_ctx = so.alloc_ctx = &f;
            engine e;
            sedge_error err = {0};
            float x[6] = {1, 0, 3, 4, 0, 6};
            sedge_status st = engine_open(&e, NULL, &mo, &so, &err);
            if (st == SEDGE_OK) {
                sedge_tensor in = k == 0 ? tensor(x, SEDGE_F32, 2, 2, 3) : tensor(x, SEDGE_F32, 1, k == 1 ? 2 : 6, 0);
                st = sedge_session_set_input(e.s, 0, &in, &err);
                if (k == 1 && st == SEDGE_OK)
                    st = sedge_session_set_input(e.s, 1, &in, &err);
            }
            if (st == SEDGE_OK)
                st = sedge_session_run(e.s, NULL, &err);
            done = st == SEDGE_OK;
            if (!done && st != SEDGE_E_NOMEM)
                fail_msg("model %zu, allocation %ld: %s (%s)", k, n, sedge_status_text(st), err.msg);
            engine_close(&e);
            assert_int_equal(f.held, 0);
            assert_true(n < 100000);
        }
    }
}

/* y = x * w, x: [N,2], w: [2,2]: four multiply-adds a row. */
static void macs_budget(void **state)
{
    (void)state;
    static const float w[4] = {1, 2, 3, 4};
    int64_t dim[2] = {-1, 2};
    pb g = {.n = 0}, t = {.n = 0};
    onnx_node(&g, "MatMul", "x", "w", "y");
    pb_int(&t, 1, 2);
    pb_int(&t, 1, 2);
    pb_int(&t, 2, F32);
    pb_str(&t, 8, "w");
    pb_bytes(&t, 9, w, sizeof w);
    pb_msg(&g, 5, &t);
    onnx_io(&g, 11, "x", F32, dim, 2);
    onnx_io(&g, 12, "y", F32, dim, 2);
    onnx_model(&model, &g, 17);
    engine e;
    must_open(&e, NULL);
    float x[6] = {1, 1, 1, 1, 1, 1};
    sedge_tensor in = tensor(x, SEDGE_F32, 2, 3, 2);
    sedge_error err = {0};
    sedge_run_opts ro;
    sedge_run_opts_init(&ro);
    assert_int_equal(sedge_session_set_input(e.s, 0, &in, NULL), SEDGE_OK);
    ro.macs = 12;
    assert_int_equal(sedge_session_run(e.s, &ro, &err), SEDGE_OK);
    ro.macs = 11;
    assert_int_equal(sedge_session_run(e.s, &ro, &err), SEDGE_E_LIMIT);
    engine_close(&e);
}

/* An operator of the program: pairs(x [n]) -> [n / 2, 2], the second of each pair negated. */
static int pairs_shape(void *ctx, const sedge_node *node, const sedge_tensor *const *in, int n_in, sedge_tensor *out, int n_out)
{
    (void)node;
    (void)ctx;
    if (n_in != 1 || n_out != 1 || in[0]->rank != 1 || in[0]->dim[0] % 2)
        return 1;
    out[0].dtype = in[0]->dtype;
    out[0].rank = 2;
    out[0].dim[0] = in[0]->dim[0] / 2;
    out[0].dim[1] = 2;
    return 0;
}

static int pairs_run(void *ctx, const sedge_node *node, const sedge_tensor *const *in, int n_in, sedge_tensor *out, int n_out)
{
    (void)node;
    (void)n_in;
    (void)n_out;
    ++*(int *)ctx;
    for (int64_t i = 0; i < in[0]->dim[0]; i++)
        ((float *)out[0].data)[i] = (i % 2 ? -1.0f : 1.0f) * ((const float *)in[0]->data)[i];
    return 0;
}

static void operators_of_the_program(void **state)
{
    (void)state;
    int64_t dim[1] = {-1}, out_dim[2] = {-1, 2};
    pb g = {.n = 0};
    onnx_node(&g, "Pairs", "x", NULL, "p");
    onnx_node(&g, "Relu", "p", NULL, "y");
    onnx_io(&g, 11, "x", F32, dim, 1);
    onnx_io(&g, 12, "y", F32, out_dim, 2);
    onnx_model(&model, &g, 17);
    engine e;
    sedge_error err = {0};
    assert_int_equal(engine_open(&e, NULL, NULL, NULL, &err), SEDGE_E_UNSUPPORTED);
    assert_non_null(strstr(err.msg, "Pairs"));
    engine_close(&e);
    int calls = 0;
    const sedge_op op = {.domain = "",
                         .name = "Pairs",
                         .min_in = 1,
                         .max_in = 1,
                         .n_out = 1,
                         .shape = pairs_shape,
                         .run = pairs_run,
                         .ctx = &calls};
    sedge_model_opts mo;
    sedge_model_opts_init(&mo);
    mo.op = &op;
    mo.n_op = 1;
    err = (sedge_error){0};
    if (engine_open(&e, NULL, &mo, NULL, &err) != SEDGE_OK)
        fail_msg("%s", err.msg);
    float x[4] = {1, 2, 3, -4};
    sedge_tensor in = tensor(x, SEDGE_F32, 1, 4, 0), out;
    assert_int_equal(sedge_session_set_input(e.s, 0, &in, NULL), SEDGE_OK);
    must_run(&e);
    assert_int_equal(sedge_session_get_output(e.s, 0, &out, NULL), SEDGE_OK);
    assert_int_equal(out.dim[0], 2);
    assert_true(((float *)out.data)[0] == 1 && ((float *)out.data)[1] == 0 && ((float *)out.data)[3] == 4);
    assert_int_equal(calls, 1);
    in.dim[0] = 3;
    assert_int_equal(sedge_session_set_input(e.s, 0, &in, NULL), SEDGE_OK);
    assert_int_equal(sedge_session_run(e.s, NULL, &err), SEDGE_E_SHAPE);
    engine_close(&e);
}

/* An operator of the program that reads attributes: y = x * scale + shift; mode names what else. */
static int scaled_shape(void *ctx, const sedge_node *node, const sedge_tensor *const *in, int n_in, sedge_tensor *out, int n_out)
{
    (void)ctx;
    (void)n_in;
    (void)n_out;
    const char *mode = sedge_attr_string(node, "mode", "plain");
    if (strcmp(mode, "plain") != 0 && strcmp(mode, "negated") != 0)
        return sedge_node_fail(node, "mode is neither plain nor negated");
    out[0].dtype = in[0]->dtype;
    out[0].rank = in[0]->rank;
    memcpy(out[0].dim, in[0]->dim, sizeof out[0].dim);
    return 0;
}

static int scaled_run(void *ctx, const sedge_node *node, const sedge_tensor *const *in, int n_in, sedge_tensor *out, int n_out)
{
    (void)ctx;
    (void)n_in;
    (void)n_out;
    /* What has another type, or is not there, is the default. */
    assert_int_equal(sedge_attr_int(node, "scale", 7), 7);
    assert_true(sedge_attr_float(node, "absent", 0.5) == 0.5);
    float sign = strcmp(sedge_attr_string(node, "mode", "plain"), "plain") == 0 ? 1 : -1;
    float scale = (float)sedge_attr_float(node, "scale", 1), shift = (float)sedge_attr_int(node, "shift", 0);
    for (int64_t i = 0; i < in[0]->dim[0]; i++)
        ((float *)out[0].data)[i] = sign * (((const float *)in[0]->data)[i] * scale + shift);
    return 0;
}

static sedge_status run_scaled(const char *mode, float want, sedge_error *err)
{
    int64_t dim[1] = {2};
    const float scale = 2.5f;
    pb g = {.n = 0}, m = {.n = 0}, a = {.n = 0}, b = {.n = 0}, c = {.n = 0};
    pb_str(&m, 1, "x");
    pb_str(&m, 2, "y");
    pb_str(&m, 3, "y");
    pb_str(&m, 4, "Scaled");
    pb_str(&a, 1, "scale");
    pb_varint(&a, 2 << 3 | 5);
    memcpy(a.b + a.n, &scale, sizeof scale); /* little endian, as the machines that tests run on */
    a.n += sizeof scale;
    pb_int(&a, 20, 1);
    pb_msg(&m, 5, &a);
    pb_str(&b, 1, "shift");
    pb_int(&b, 3, -3);
    pb_int(&b, 20, 2);
    pb_msg(&m, 5, &b);
    pb_str(&c, 1, "mode");
    pb_str(&c, 4, mode);
    pb_int(&c, 20, 3);
    pb_msg(&m, 5, &c);
    pb_msg(&g, 1, &m);
    onnx_io(&g, 11, "x", F32, dim, 1);
    onnx_io(&g, 12, "y", F32, dim, 1);
    onnx_model(&model, &g, 17);
    const sedge_op op = {
        .domain = "", .name = "Scaled", .min_in = 1, .max_in = 1, .n_out = 1, .shape = scaled_shape, .run = scaled_run};
    sedge_model_opts mo;
    sedge_model_opts_init(&mo);
    mo.op = &op;
    mo.n_op = 1;
    engine e;
    float x[2] = {1, 4};
    sedge_tensor in = tensor(x, SEDGE_F32, 1, 2, 0), out;
    sedge_status st = engine_open(&e, NULL, &mo, NULL, err);
    if (st == SEDGE_OK)
        st = sedge_session_set_input(e.s, 0, &in, err);
    if (st == SEDGE_OK)
        st = sedge_session_run(e.s, NULL, err);
    if (st == SEDGE_OK) {
        assert_int_equal(sedge_session_get_output(e.s, 0, &out, NULL), SEDGE_OK);
        assert_true(((float *)out.data)[1] == want);
    }
    engine_close(&e);
    return st;
}

static void attributes_of_operators(void **state)
{
    (void)state;
    sedge_error err = {0};
    if (run_scaled("plain", 7, &err) != SEDGE_OK || run_scaled("negated", -7, &err) != SEDGE_OK)
        fail_msg("%s", err.msg);
    assert_int_not_equal(run_scaled("odd", 0, &err), SEDGE_OK);
    assert_non_null(strstr(err.msg, "mode is neither plain nor negated"));
}

static void memory_limit_is_kept(void **state)
{
    (void)state;
    engine e;
    sedge_error err = {0};
    sedge_session_opts so;
    sedge_session_opts_init(&so);
    so.memory_limit = 64 * 1024;
    relu_model();
    assert_int_equal(engine_open(&e, NULL, NULL, &so, &err), SEDGE_OK);
    float *x = calloc(3 * 100000, sizeof *x);
    assert_non_null(x);
    sedge_tensor in = tensor(x, SEDGE_F32, 2, 100000, 3);
    assert_int_equal(sedge_session_set_input(e.s, 0, &in, NULL), SEDGE_OK);
    assert_int_equal(sedge_session_run(e.s, NULL, &err), SEDGE_E_NOMEM);
    assert_non_null(strstr(err.msg, "1200000 bytes"));
    in.dim[0] = 2; /* and the session still works */
    assert_int_equal(sedge_session_set_input(e.s, 0, &in, NULL), SEDGE_OK);
    must_run(&e);
    free(x);
    engine_close(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),
        cmocka_unit_test(equal_runs_allocate_nothing),
        cmocka_unit_test(lengths_up_to_the_bound),
        cmocka_unit_test(linked_state),
        cmocka_unit_test(state_without_a_copy),
        cmocka_unit_test(outputs_outlive_their_state),
        cmocka_unit_test(failure_leaves_the_state),
        cmocka_unit_test(a_line_of_delays),
        cmocka_unit_test(two_states_of_one_output),
        cmocka_unit_test(a_state_that_grows),
        cmocka_unit_test(loopback_device),
        cmocka_unit_test(callers_buffer),
        cmocka_unit_test(misuse_is_explained),
        cmocka_unit_test(each_allocation_fails),
        cmocka_unit_test(macs_budget),
        cmocka_unit_test(operators_of_the_program),
        cmocka_unit_test(attributes_of_operators),
        cmocka_unit_test(memory_limit_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
