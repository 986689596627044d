/* Quantized islands: one integer op each, with the answer of the operator that says the same. */
#include "unit.h"

#include <stdbool.h>

#include "sedge/sedge.h"
#include "quant_onnx.h"

enum { ROOM = 4096 };

/* Scales, zero points and clips that all islands use: x in sx, zx; y in sy, zy. */
static void parameters(pb *g, int type, int zy)
{
    scalar_f32(g, "sx", 0.05f);
    scalar_f32(g, "sa", 0.031f);
    scalar_f32(g, "sy", 0.07f);
    scalar_8(g, "zx", type, 11);
    scalar_8(g, "za", type, 100);
    scalar_8(g, "zy", type, zy);
    scalar_f32(g, "low", 0);
    scalar_f32(g, "high", 17.9f);
}

static const int64_t image[4] = {1, 4, 5, 5}, result[4] = {1, 3, 5, 5};

static void conv_constants(pb *g)
{
    static const int64_t dim[4] = {3, 4, 3, 3}, each[1] = {3};
    static const float sw[3] = {0.02f, 0.01f, 0.003f}, sx = 0.05f;
    static const int32_t bias[3] = {100, -1000, 5000};
    float sb[3];
    int8_t w[108], zeros[3] = {0, 0, 0};
    seed = 7;
    for (int i = 0; i < 108; i++)
        w[i] = (int8_t)noise();
    for (int i = 0; i < 3; i++)
        sb[i] = sx * sw[i];
    constant(g, "w", I8, dim, 4, w, sizeof w);
    constant(g, "sw", F32, each, 1, sw, sizeof sw);
    constant(g, "zw", I8, each, 1, zeros, sizeof zeros);
    constant(g, "b", I32, each, 1, bias, sizeof bias);
    constant(g, "sb", F32, each, 1, sb, sizeof sb);
}

static void begin(pb *g, int zy)
{
    g->n = 0;
    parameters(g, U8, zy);
}

static void conv_island(pb *g, const char *clamp)
{
    static const int64_t pads[4] = {1, 1, 1, 1}, zero = 0;
    begin(g, 0);
    conv_constants(g);
    node(g, "DequantizeLinear", "x,sx,zx", "xf", NULL, NULL, 0);
    node(g, "DequantizeLinear", "w,sw,zw", "wf", "axis", &zero, 0);
    node(g, "DequantizeLinear", "b,sb", "bf", "axis", &zero, 0);
    node(g, "Conv", "xf,wf,bf", "yf", "pads", pads, 4);
    if (clamp)
        node(g, clamp, strcmp(clamp, "Clip") == 0 ? "yf,low,high" : "yf", "rf", NULL, NULL, 0);
    node(g, "QuantizeLinear", clamp ? "rf,sy,zy" : "yf,sy,zy", "y", NULL, NULL, 0);
    onnx_io(g, 11, "x", U8, image, 4);
    onnx_io(g, 12, "y", U8, result, 4);
}

static void conv_integers(pb *g)
{
    static const int64_t pads[4] = {1, 1, 1, 1};
    begin(g, 0);
    conv_constants(g);
    node(g, "QLinearConv", "x,sx,zx,w,sw,zw,sy,zy,b", "y", "pads", pads, 4);
    onnx_io(g, 11, "x", U8, image, 4);
    onnx_io(g, 12, "y", U8, result, 4);
}

typedef struct answer {
    uint8_t y[ROOM];
    size_t n;
    int steps;
    char op[8][24];
} answer;

/* Runs the graph on bytes; every input of it is 8 bits wide. */
static void run(const pb *g, const char *target, bool optimize, const int64_t *dim, int rank, answer *out)
{
    pb model;
    sedge_model *m = NULL;
    sedge_plan *p = NULL;
    sedge_session *s = NULL;
    sedge_plan_opts po;
    sedge_error err = {0};
    uint8_t x[2][ROOM];
    seed = 99;
    onnx_model(&model, g, 13);
    sedge_plan_opts_init(&po);
    po.target = target;
    po.optimize = optimize;
    if (sedge_model_open_memory(&m, model.b, model.n, NULL, &err) != SEDGE_OK || sedge_plan_make(&p, m, &po, &err) != SEDGE_OK ||
        sedge_session_open(&s, p, NULL, &err) != SEDGE_OK)
        fail_msg("%s", err.msg);
    for (int k = 0; k < sedge_model_inputs(m); k++) {
        sedge_io io;
        sedge_model_input(m, k, &io);
        sedge_tensor t = {.data = x[k], .dtype = (uint8_t)io.dtype, .rank = (int8_t)rank};
        memcpy(t.dim, dim, (size_t)rank * sizeof *dim);
        for (int i = 0; i < ROOM; i++)
            x[k][i] = noise();
        assert_int_equal(sedge_session_set_input(s, k, &t, &err), SEDGE_OK);
    }
    if (sedge_session_run(s, NULL, &err) != SEDGE_OK)
        fail_msg("%s", err.msg);
    sedge_tensor y;
    assert_int_equal(sedge_session_get_output(s, 0, &y, NULL), SEDGE_OK);
    out->n = sedge_tensor_bytes(&y);
    memcpy(out->y, y.data, out->n);
    const char *op, *name, *kernel;
    for (out->steps = 0; out->steps < 8 && sedge_plan_step(p, out->steps, &op, &name, &kernel); out->steps++) {
        strncpy(out->op[out->steps], op, 23);
        out->op[out->steps][23] = 0;
    }
    sedge_session_close(&s);
    sedge_plan_close(&p);
    sedge_model_close(&m);
}

static void one_step(const answer *a, const char *op)
{
    assert_int_equal(a->steps, 1);
    assert_string_equal(a->op[0], op);
}

static void equal(const answer *a, const answer *b)
{
    assert_int_equal(a->n, b->n);
    assert_memory_equal(a->y, b->y, a->n);
}

/* The float graph may round a tie the other way. */
static void near(const answer *a, const answer *b)
{
    assert_int_equal(a->n, b->n);
    for (size_t i = 0; i < a->n; i++)
        assert_true(a->y[i] - b->y[i] <= 1 && b->y[i] - a->y[i] <= 1);
}

static void convolution(void **state)
{
    (void)state;
    static const char *const clamp[] = {NULL, "Relu", "Clip"};
    pb g;
    answer want, got, plain;
    conv_integers(&g);
    run(&g, "reference", false, image, 4, &want);
    for (int i = 0; i < 3; i++) {
        conv_island(&g, clamp[i]);
        run(&g, "cpu", true, image, 4, &got);
        run(&g, "reference", false, image, 4, &plain);
        one_step(&got, "qlinear_conv");
        equal(&got, &want);
        near(&got, &plain);
    }
}

/* The bias of another scale, and a clip inside of the range, are not the quantizer's. */
static void misfits(void **state)
{
    (void)state;
    static const int64_t zero = 0;
    pb g;
    answer got, want;
    begin(&g, 3); /* Relu cuts at 3, the type at 0 */
    conv_constants(&g);
    node(&g, "DequantizeLinear", "x,sx,zx", "xf", NULL, NULL, 0);
    node(&g, "DequantizeLinear", "w,sw,zw", "wf", "axis", &zero, 0);
    node(&g, "DequantizeLinear", "b,sw", "bf", "axis", &zero, 0);
    node(&g, "Conv", "xf,wf,bf", "yf", NULL, NULL, 0);
    node(&g, "Relu", "yf", "rf", NULL, NULL, 0);
    node(&g, "QuantizeLinear", "rf,sy,zy", "y", NULL, NULL, 0);
    onnx_io(&g, 11, "x", U8, image, 4);
    onnx_io(&g, 12, "y", U8, NULL, -1);
    run(&g, "cpu", true, image, 4, &got);
    run(&g, "reference", false, image, 4, &want);
    near(&got, &want);
    for (int i = 0; i < got.steps; i++)
        assert_string_not_equal(got.op[i], "qlinear_conv");
}

static const int64_t matrix[2] = {4, 5};

static void product_constants(pb *g)
{
    static const int64_t dim[2] = {3, 5}, turned[2] = {5, 3}, each[1] = {3};
    static const int32_t bias[3] = {10, -200, 3000};
    int8_t w[15], t[15];
    float sb = 0.05f * 0.02f;
    seed = 3;
    for (int i = 0; i < 15; i++)
        w[i] = (int8_t)noise();
    for (int i = 0; i < 15; i++)
        t[i % 5 * 3 + i / 5] = w[i];
    constant(g, "w", I8, dim, 2, w, sizeof w);
    constant(g, "wt", I8, turned, 2, t, sizeof t);
    constant(g, "b", I32, each, 1, bias, sizeof bias);
    scalar_f32(g, "sw", 0.02f);
    scalar_f32(g, "sb", sb);
    scalar_8(g, "zw", I8, 0);
}

static void products(void **state)
{
    (void)state;
    static const int64_t yes = 1;
    pb g;
    answer got, want, plain;
    begin(&g, 20);
    product_constants(&g);
    node(&g, "QLinearMatMul", "x,sx,zx,wt,sw,zw,sy,zy", "y", NULL, NULL, 0);
    onnx_io(&g, 11, "x", U8, matrix, 2);
    onnx_io(&g, 12, "y", U8, NULL, -1);
    run(&g, "reference", false, matrix, 2, &want);
    for (int gemm = 0; gemm < 2; gemm++) {
        begin(&g, 20);
        product_constants(&g);
        node(&g, "DequantizeLinear", "x,sx,zx", "xf", NULL, NULL, 0);
        node(&g, "DequantizeLinear", gemm ? "w,sw,zw" : "wt,sw,zw", "wf", NULL, NULL, 0);
        if (gemm)
            node(&g, "Gemm", "xf,wf", "yf", "transB", &yes, 0);
        else
            node(&g, "MatMul", "xf,wf", "yf", NULL, NULL, 0);
        node(&g, "QuantizeLinear", "yf,sy,zy", "y", NULL, NULL, 0);
        onnx_io(&g, 11, "x", U8, matrix, 2);
        onnx_io(&g, 12, "y", U8, NULL, -1);
        run(&g, "cpu", true, matrix, 2, &got);
        one_step(&got, "qlinear_matmul");
        equal(&got, &want);
    }
    begin(&g, 20);
    product_constants(&g);
    node(&g, "DequantizeLinear", "x,sx,zx", "xf", NULL, NULL, 0);
    node(&g, "DequantizeLinear", "w,sw,zw", "wf", NULL, NULL, 0);
    node(&g, "DequantizeLinear", "b,sb", "bf", NULL, NULL, 0);
    node(&g, "Gemm", "xf,wf,bf", "yf", "transB", &yes, 0);
    node(&g, "QuantizeLinear", "yf,sy,zy", "y", NULL, NULL, 0);
    onnx_io(&g, 11, "x", U8, matrix, 2);
    onnx_io(&g, 12, "y", U8, NULL, -1);
    run(&g, "cpu", true, matrix, 2, &got);
    run(&g, "reference", false, matrix, 2, &plain);
    one_step(&got, "qlinear_matmul");
    near(&got, &plain);
}

static void elementwise(void **state)
{
    (void)state;
    static const char *const op[] = {"Add", "Mul", "Sigmoid", "LeakyRelu"};
    pb g;
    answer got, plain;
    for (int i = 0; i < 4; i++) {
        begin(&g, 128);
        node(&g, "DequantizeLinear", "x,sx,zx", "xf", NULL, NULL, 0);
        if (i < 2)
            node(&g, "DequantizeLinear", "a,sa,za", "af", NULL, NULL, 0);
        node(&g, op[i], i < 2 ? "xf,af" : "xf", "yf", NULL, NULL, 0);
        node(&g, "QuantizeLinear", "yf,sy,zy", "y", NULL, NULL, 0);
        onnx_io(&g, 11, "x", U8, matrix, 2);
        if (i < 2)
            onnx_io(&g, 11, "a", U8, matrix, 2);
        onnx_io(&g, 12, "y", U8, NULL, -1);
        run(&g, "cpu", true, matrix, 2, &got);
        run(&g, "reference", false, matrix, 2, &plain);
        one_step(&got, i < 2 ? "qlinear_binary" : "qlinear_unary");
        near(&got, &plain);
    }
}

/* Moving, and taking the maximum, leaves the integers alone; what is put back as it was is not touched at all. */
static void moving(void **state)
{
    (void)state;
    static const int64_t perm[4] = {0, 2, 3, 1}, two[2] = {2, 2};
    pb g;
    answer got, plain;
    begin(&g, 0);
    node(&g, "DequantizeLinear", "x,sx,zx", "a", NULL, NULL, 0);
    node(&g, "MaxPool", "a", "b", "kernel_shape", two, 2);
    node(&g, "Transpose", "b", "c", "perm", perm, 4);
    node(&g, "Flatten", "c", "d", NULL, NULL, 0);
    node(&g, "QuantizeLinear", "d,sx,zx", "y", NULL, NULL, 0);
    onnx_io(&g, 11, "x", U8, image, 4);
    onnx_io(&g, 12, "y", U8, NULL, -1);
    run(&g, "cpu", true, image, 4, &got);
    run(&g, "reference", false, image, 4, &plain);
    equal(&got, &plain);
    assert_int_equal(got.steps, 3);
    assert_string_equal(got.op[0], "pool");
    assert_string_equal(got.op[1], "transpose");
    assert_string_equal(got.op[2], "flatten");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(convolution), cmocka_unit_test(misfits), cmocka_unit_test(products),
                                       cmocka_unit_test(elementwise), cmocka_unit_test(moving)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
