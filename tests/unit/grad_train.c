/* A perceptron that trains: the losses of each step are PyTorch's (tests/grad/gradients.py --table), and state is kept between steps. */
#include "unit.h"

#include <math.h>

#include "fit/train.h"
#include "import/build.h"
#include "op/elementwise.h"
#include "run/api.h"

enum { STEPS = 8, BATCH = 16, FEATURES = 4, HIDDEN = 8, CLASSES = 3 };

static const double by_adam[STEPS] = {1.0976369, 1.1000246, 1.0869888, 1.0967650, 1.0827512, 1.0946116, 1.0783581, 1.0918512};
static const double by_descent[STEPS] = {1.0976369, 1.0970924, 1.0967078, 1.0968739, 1.0953718, 1.0960401, 1.0938125, 1.0945961};

typedef struct net {
    sg_mem mem;
    sg_arena arena;
    sg_err err;
    sg_ib b;
    sedge_model none; /* that the graph came from */
    sg_vid param[4], loss;
    float w1[HIDDEN * FEATURES], b1[HIDDEN], w2[CLASSES * HIDDEN], b2[CLASSES];
} net;

static sg_vid constant(net *n, int rank, int64_t rows, int64_t columns, const float *v, const char *name)
{
    const int64_t dim[2] = {rows, columns};
    return sg_const_new(n->b.g, SG_F32, rank, dim, v, name);
}

static void open_net(net *n)
{
    memset(n, 0, sizeof *n);
    n->arena.mem = &n->mem;
    n->b = (sg_ib){.g = sg_graph_new(&n->arena), .err = &n->err, .arena = &n->arena};
    for (int k = 0; k < HIDDEN * FEATURES; k++)
        n->w1[k] = (float)(0.5 * sin(k + 1));
    for (int k = 0; k < CLASSES * HIDDEN; k++)
        n->w2[k] = (float)(0.5 * cos(0.9 * k));
    const sg_type x = {.kind = SG_TENSOR, .dtype = SG_F32, .rank = 2, .dim = {BATCH, FEATURES}},
                  t = {.kind = SG_TENSOR, .dtype = SG_I64, .rank = 1, .dim = {BATCH}};
    sg_vid in = sg_input_new(n->b.g, &x, "x"), target = sg_input_new(n->b.g, &t, "t");
    n->param[0] = constant(n, 2, HIDDEN, FEATURES, n->w1, "w1");
    n->param[1] = constant(n, 1, HIDDEN, 0, n->b1, "b1");
    n->param[2] = constant(n, 2, CLASSES, HIDDEN, n->w2, "w2");
    n->param[3] = constant(n, 1, CLASSES, 0, n->b2, "b2");
    sg_vid h = sg_ib_node(&n->b, SG_OP_GEMM, SG_INS(in, n->param[0], n->param[1]),
                          SG_SET({SG_A_transB, .i = 1}, {SG_A_alpha, .f = 1}, {SG_A_beta, .f = 1}));
    h = sg_ib_unary(&n->b, SG_UNARY_RELU, h, 1, 1);
    h = sg_ib_node(&n->b, SG_OP_GEMM, SG_INS(h, n->param[2], n->param[3]),
                   SG_SET({SG_A_transB, .i = 1}, {SG_A_alpha, .f = 1}, {SG_A_beta, .f = 1}));
    assert_int_equal(sg_output_add(n->b.g, h), SEDGE_OK);
    n->loss = sg_ib_emit1(&n->b, SG_OP_SOFTMAX_LOSS, SG_INS(h, target));
    assert_int_not_equal(n->loss, 0);
}

static void close_net(net *n)
{
    sg_graph_free(n->b.g);
    sg_arena_free(&n->arena);
    assert_int_equal(n->mem.used, 0);
}

static void step(sg_trainer *t, int k, double rate, double *loss)
{
    float x[BATCH * FEATURES];
    int64_t target[BATCH];
    sg_err err = {0};
    for (int i = 0; i < BATCH; i++) {
        int at = i + BATCH * (k % 2);
        target[i] = at % CLASSES;
        for (int j = 0; j < FEATURES; j++)
            x[i * FEATURES + j] = (float)sin(1.3 * at + 0.7 * j * j);
    }
    const sedge_tensor in[2] = {{.dtype = SEDGE_F32, .rank = 2, .dim = {BATCH, FEATURES}, .data = x},
                                {.dtype = SEDGE_I64, .rank = 1, .dim = {BATCH}, .data = target}};
    assert_int_equal(sg_trainer_step(t, in, rate, loss, &err), SEDGE_OK);
}

static void train(const sg_train_how *how, double rate, const double *want)
{
    net n;
    sg_trainer t;
    sedge_tensor w;
    open_net(&n);
    if (sg_trainer_open(&t, n.b.g, &n.none, n.loss, n.param, 4, how, &n.err) != SEDGE_OK)
        fail_msg("%s", n.err.msg);
    for (int k = 0; k < STEPS; k++) {
        double loss;
        step(&t, k, rate, &loss);
        if (!(fabs(loss - want[k]) < 1e-6))
            fail_msg("step %d: a loss of %.8f, PyTorch's is %.8f", k, loss, want[k]);
    }
    assert_int_equal(sg_trainer_param(&t, 2, &w, &n.err), SEDGE_OK);
    assert_int_equal(w.dim[0], CLASSES);
    assert_true(fabs(sedge_tensor_f64(&w, 0) - 0.5) > 1e-4); /* it has moved, and the constant has not */
    assert_true(n.w2[0] == 0.5f);
    assert_int_equal(sg_trainer_param(&t, 4, &w, &n.err), SEDGE_E_ARG);
    sg_trainer_close(&t);
    close_net(&n);
}

static void adam(void **state)
{
    (void)state;
    train(&(sg_train_how){.adam = true, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8}, 0.02, by_adam);
}

static void descent(void **state)
{
    (void)state;
    train(&(sg_train_how){.momentum = 0.9}, 0.1, by_descent);
}

/* What the loss does not depend on is no parameter. */
static void idle(void **state)
{
    (void)state;
    net n;
    sg_trainer t;
    open_net(&n);
    sg_vid more[2] = {n.param[0], constant(&n, 1, HIDDEN, 0, n.b1, "idle")};
    assert_int_equal(sg_trainer_open(&t, n.b.g, &n.none, n.loss, more, 2, &(sg_train_how){.momentum = 0}, &n.err), SEDGE_E_VALUE);
    assert_non_null(strstr(n.err.msg, "idle"));
    sg_trainer_close(&t);
    close_net(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(adam), cmocka_unit_test(descent), cmocka_unit_test(idle)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
