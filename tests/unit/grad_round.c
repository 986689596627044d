/* Learned rounding: against every choice there is, for few weights; what weights meet, against sums by hand; and a small net in three bits. */
#include "unit.h"

#include <math.h>

#include "fit/adaround.h"
#include "import/build.h"
#include "op/elementwise.h"
#include "run/api.h"

static uint32_t seed = 1;

static double uniform(void)
{
    seed = seed * 1664525u + 1013904223u;
    return (double)(seed >> 8) / (1 << 24) * 2 - 1;
}

/* ---- few weights ---- */

enum { K = 9, ROWS = 4 };

typedef struct problem {
    float w[ROWS * K], step[ROWS * K];
    double mean[K], cov[K * K], lag[K * K];
    sg_covariance met;
} problem;

/* Inputs that vary together, as neighbours of a picture do. */
static void fill(problem *p, bool lags)
{
    double v[K][K];
    for (int i = 0; i < K * K; i++)
        v[i / K][i % K] = uniform() + 0.8;
    for (int i = 0; i < K * K; i++) {
        p->cov[i] = p->lag[i] = 0;
        for (int j = 0; j < K; j++)
            p->cov[i] += v[i / K][j] * v[i % K][j];
        if (lags)
            p->lag[i] = 0.02 * uniform() * p->cov[i];
    }
    for (int i = 0; i < ROWS * K; i++) {
        p->w[i] = (float)uniform();
        p->step[i] = 0.3f;
    }
    p->met = (sg_covariance){
        .groups = 1, .rows = ROWS, .k = K, .n = 1, .mean_x = p->mean, .mean = p->mean, .cov = p->cov, .lag = p->lag};
}

static double error_of(const problem *p, int row, const double *q)
{
    double d[K], sum = 0;
    for (int i = 0; i < K; i++)
        d[i] = q[i] * (double)p->step[row * K + i] - (double)p->w[row * K + i];
    for (int i = 0; i < K; i++)
        for (int j = 0; j < K; j++)
            sum += d[i] * p->cov[i * K + j] * d[j] + 2 * d[i] * p->lag[i * K + j] * (double)p->w[row * K + j];
    return sum;
}

static double best_of(const problem *p, int row)
{
    double best = HUGE_VAL, q[K];
    for (int choice = 0; choice < 1 << K; choice++) {
        for (int i = 0; i < K; i++)
            q[i] = floor((double)p->w[row * K + i] / (double)p->step[row * K + i]) + (choice >> i & 1);
        best = fmin(best, error_of(p, row, q));
    }
    return best;
}

static void few(void **state)
{
    (void)state;
    double ours = 0, best = 0, nearest = 0;
    for (int trial = 0; trial < 6; trial++) {
        problem p;
        sg_mem mem = {0};
        sg_arena arena = {.mem = &mem};
        sg_err err = {0};
        sg_rounded out;
        int8_t q[ROWS * K];
        fill(&p, trial % 2);
        const sg_rounding r = {.w = p.w, .step = p.step, .lo = -7, .hi = 7, .steps = 400};
        assert_int_equal(sg_round_learn(&p.met, &r, q, &out, &arena, &err), SEDGE_OK);
        for (int row = 0; row < ROWS; row++) {
            double is[K], near[K];
            for (int i = 0; i < K; i++) {
                double v = (double)p.w[row * K + i] / (double)p.step[row * K + i];
                is[i] = q[row * K + i];
                near[i] = nearbyint(v);
                assert_true(is[i] == floor(v) || is[i] == floor(v) + 1);
            }
            assert_true(error_of(&p, row, is) <= error_of(&p, row, near) + 1e-6);
            ours += error_of(&p, row, is);
            nearest += error_of(&p, row, near);
            best += best_of(&p, row);
        }
        assert_true(out.saved > 0 && out.flipped > 0 && out.flipped < 1);
        sg_arena_free(&arena);
        assert_int_equal(mem.used, 0);
    }
    if (!(ours - best < 0.1 * (nearest - best)))
        fail_msg("errors: %g by the nearest, %g learned, %g is the least", nearest, ours, best);
}

/* ---- a net ---- */

enum { SIDE = 6, SAMPLES = 40 };

typedef struct net {
    sg_mem mem;
    sg_arena arena;
    sg_err err;
    sg_ib b;
    sedge_model none;
    sg_nid conv;
    float w1[6 * 2 * 9], w2[3 * 6], b1[6], b2[3], x[2 * SIDE * SIDE];
} net;

static void open_net(net *n)
{
    static const int64_t d1[4] = {6, 2, 3, 3}, d2[4] = {3, 6, 1, 1};
    memset(n, 0, sizeof *n);
    n->arena.mem = &n->mem;
    n->b = (sg_ib){.g = sg_graph_new(&n->arena), .err = &n->err, .arena = &n->arena};
    for (int i = 0; i < 6 * 18; i++)
        n->w1[i] = (float)uniform();
    for (int i = 0; i < 18; i++)
        n->w2[i] = (float)uniform();
    const sg_type x = {.kind = SG_TENSOR, .dtype = SG_F32, .rank = 4, .dim = {1, 2, SIDE, SIDE}};
    sg_graph *g = n->b.g;
    sg_vid v = sg_input_new(g, &x, "x");
    v = sg_ib_node(&n->b, SG_OP_CONV,
                   SG_INS(v, sg_const_new(g, SG_F32, 4, d1, n->w1, NULL), sg_const_new(g, SG_F32, 1, d1, n->b1, NULL)),
                   SG_SET({SG_A_pads, .ints = (const int64_t[]){1, 0, 1, 0}, .n = 4},
                          {SG_A_strides, .ints = (const int64_t[]){2, 1}, .n = 2}, {SG_A_group, .i = 1}));
    n->conv = g->value[v].def;
    v = sg_ib_unary(&n->b, SG_UNARY_RELU, v, 1, 1);
    v = sg_ib_node(&n->b, SG_OP_CONV,
                   SG_INS(v, sg_const_new(g, SG_F32, 4, d2, n->w2, NULL), sg_const_new(g, SG_F32, 1, d2, n->b2, NULL)),
                   SG_SET({SG_A_group, .i = 1}));
    assert_int_equal(sg_output_add(g, v), SEDGE_OK);
}

static void close_net(net *n)
{
    sg_graph_free(n->b.g);
    sg_arena_free(&n->arena);
    assert_int_equal(n->mem.used, 0);
}

/* Smooth pictures, so that neighbours vary together. */
static sedge_status get(void *ctx, size_t i, sedge_tensor *in, sg_err *err)
{
    net *n = ctx;
    (void)err;
    seed = (uint32_t)i * 7919u + 5;
    double a = uniform(), b = uniform(), c = uniform();
    for (int k = 0; k < 2 * SIDE * SIDE; k++)
        n->x[k] = (float)(a + b * (k % SIDE) / 6.0 + c * (k / SIDE % SIDE) / 6.0 + 0.1 * uniform());
    *in = (sedge_tensor){.dtype = SEDGE_F32, .rank = 4, .dim = {1, 2, SIDE, SIDE}, .data = n->x};
    return SEDGE_OK;
}

static void meets(void **state)
{
    (void)state;
    net n;
    sg_covariance m;
    sg_arena arena = {0};
    open_net(&n);
    arena.mem = &n.mem;
    const sg_samples s = {.n = SAMPLES, .n_in = 1, .get = get, .ctx = &n};
    assert_int_equal(sg_covariance_look(&m, n.conv, n.b.g, n.b.g, &n.none, &s, 0, 3, 1000, &arena, &n.err), SEDGE_OK);
    assert_int_equal(m.k, 18);
    assert_int_equal(m.rows, 6);
    double windows = 0, mean = 0, both = 0,
           other = 0; /* of elements 4 (channel 0, the middle tap) and 11 (channel 1, first row, last tap) */
    for (size_t i = 0; i < 3; i++) {
        sedge_tensor t;
        get(&n, i, &t, &n.err);
        for (int y = 0; y < 3; y++)
            for (int x = 0; x < SIDE - 2; x++) {
                double u = (double)n.x[2 * y * SIDE + x + 1],
                       v = y > 0 ? (double)n.x[SIDE * SIDE + (2 * y - 1) * SIDE + x + 2] : 0;
                windows++;
                mean += u;
                other += v;
                both += u * v;
            }
    }
    assert_true(m.n == windows);
    assert_true(fabs(m.mean[4] - mean / windows) < 1e-6);
    assert_true(fabs(m.cov[4 * 18 + 11] - (both / windows - mean * other / windows / windows)) < 1e-6);
    assert_true(m.lag[4 * 18 + 11] == 0);
    sg_arena_free(&arena);
    close_net(&n);
}

/* The mean squared error of a graph beside the net's own. */
static double apart(net *n, const sg_graph *g)
{
    double sum = 0;
    float own[3 * 12];
    const sg_graph *both[2] = {n->b.g, g};
    for (size_t i = 20; i < SAMPLES; i++)
        for (int k = 0; k < 2; k++) {
            sedge_model *m;
            sedge_plan *p;
            sedge_session *s;
            sedge_tensor in, out;
            assert_int_equal(sg_model_of_graph(&m, both[k], &n->none, &n->err), SEDGE_OK);
            assert_int_equal(sedge_plan_make(&p, m, NULL, &n->err), SEDGE_OK);
            assert_int_equal(sedge_session_open(&s, p, NULL, &n->err), SEDGE_OK);
            get(n, i, &in, &n->err);
            assert_int_equal(sedge_session_set_input(s, 0, &in, &n->err), SEDGE_OK);
            assert_int_equal(sedge_session_run(s, NULL, &n->err), SEDGE_OK);
            assert_int_equal(sedge_session_get_output(s, 0, &out, &n->err), SEDGE_OK);
            for (int j = 0; j < 3 * 12; j++) {
                double v = sedge_tensor_f64(&out, (size_t)j);
                sum += k ? (v - (double)own[j]) * (v - (double)own[j]) : 0;
                own[j] = (float)v;
            }
            sedge_session_close(&s);
            sedge_plan_close(&p);
            sedge_model_close(&m);
        }
    return sum;
}

static void whole(void **state)
{
    (void)state;
    net n;
    double error[2];
    open_net(&n);
    const sg_samples s = {.n = SAMPLES, .n_in = 1, .get = get, .ctx = &n};
    for (int k = 0; k < 2; k++) {
        sg_graph *g = sg_graph_clone(n.b.g, &n.arena);
        const sg_round_how how = {.bits = 3, .steps = k ? 200 : -1, .windows = 12};
        if (sg_round_graph(g, n.b.g, &n.none, &s, 0, 20, &how, NULL, NULL, &n.err) != SEDGE_OK)
            fail_msg("%s", n.err.msg);
        error[k] = apart(&n, g);
        sg_graph_free(g);
    }
    if (!(error[1] < 0.6 * error[0])) /* on samples that learning has not seen */
        fail_msg("learned: %g, to the nearest: %g", error[1], error[0]);
    close_net(&n);
}

/* Weights that stay floats are found again by who takes the largest of a row for the end of the scale. */
static void stays(void **state)
{
    (void)state;
    net n;
    open_net(&n);
    const sg_samples s = {.n = SAMPLES, .n_in = 1, .get = get, .ctx = &n};
    const sg_round_how how = {.bits = 4, .steps = 100, .windows = 12, .stay = true};
    sg_graph *g = sg_graph_clone(n.b.g, &n.arena);
    assert_int_equal(sg_round_graph(g, n.b.g, &n.none, &s, 0, 20, &how, NULL, NULL, &n.err), SEDGE_OK);
    assert_int_equal(g->n_value, n.b.g->n_value);
    const float *w = g->value[sg_node_in(g, n.conv, 1)].data;
    for (int row = 0; row < 6; row++) {
        double most = 0;
        for (int i = 0; i < 18; i++)
            most = fmax(most, fabs((double)w[row * 18 + i]));
        for (int i = 0; i < 18; i++) {
            double steps = (double)w[row * 18 + i] * 7 / most;
            assert_true(fabs(steps - nearbyint(steps)) < 1e-5);
            assert_true(fabs((double)w[row * 18 + i] - (double)n.w1[row * 18 + i]) < 0.5); /* but the weights are those */
        }
    }
    sg_graph_free(g);
    close_net(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(few), cmocka_unit_test(meets), cmocka_unit_test(whole),
                                       cmocka_unit_test(stays)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
