/* Quantization: ranges from histograms, and small nets that show what goes wrong when scales are chosen carelessly. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "fit/quantize.h"
#include "quant_onnx.h"
#include "run/api.h"

/* ---- histograms ---- */

/* Numbers that look normal (Irwin and Hall: twelve uniform ones). */
static float normal(void)
{
    float sum = -6;
    for (int i = 0; i < 12; i++) {
        seed = seed * 1664525u + 1013904223u;
        sum += (float)(seed >> 8) / 16777216.0f;
    }
    return sum;
}

static sg_hist a, b, both;

/* Of two parts counted apart and then together the same bins and bounds come as of the whole, whatever their ranges. */
static void histograms_merge(void **state)
{
    (void)state;
    float x[1000], y[1000];
    for (int i = 0; i < 1000; i++) {
        x[i] = normal();
        y[i] = 900 * normal();
    }
    sg_hist_init(&a);
    sg_hist_init(&b);
    sg_hist_init(&both);
    sg_hist_add(&a, x, 1000, 1);
    sg_hist_add(&b, y, 1000, 1);
    sg_hist_add(&both, x, 1000, 1);
    sg_hist_add(&both, y, 1000, 1);
    sg_hist_merge(&a, &b);
    assert_memory_equal(a.bin, both.bin, sizeof a.bin);
    assert_true(a.reach == both.reach && a.min == both.min && a.max == both.max && a.n == 2000);
    sg_hist_merge(&b, &both); /* the other way round: the smaller into the larger */
    assert_int_equal(b.n, 3000);
}

/* One value of a hundred thousand far out: minmax keeps it, percentile and entropy do not, and the squared error decides for itself. Infinite ones and NaN are counted apart. */
static void ranges(void **state)
{
    (void)state;
    float *x = malloc(100000 * sizeof *x);
    for (int i = 0; i < 100000; i++)
        x[i] = normal();
    x[7] = 100;
    x[8] = INFINITY;
    x[9] = NAN;
    sg_hist_init(&a);
    sg_hist_add(&a, x, 100000, 1);
    assert_true(sg_hist_range(&a, SG_RANGE_MINMAX).hi == 100 && a.max == 100);
    for (int m = SG_RANGE_PERCENTILE; m < SG_RANGE_MSE; m++) {
        const sg_range r = sg_hist_range(&a, (sg_range_method)m);
        if (!(r.hi > 2 && r.hi < 50 && r.lo < -2 && r.lo > -6.5))
            fail_msg("%s: %g to %g", sg_range_names[m], r.lo, r.hi);
    }
    assert_true(sg_hist_error(&a, sg_hist_range(&a, SG_RANGE_MSE)) <= sg_hist_error(&a, sg_hist_range(&a, SG_RANGE_MINMAX)));
    free(x);
    sg_hist_init(&a);
    const float zero[4] = {0, 0, 0, 0};
    sg_hist_add(&a, zero, 4, 1);
    for (int m = 0; m < SG_RANGE_METHODS; m++)
        assert_true(sg_hist_range(&a, (sg_range_method)m).hi == 0);
}

/* ---- nets ---- */

enum { SIDE = 6, CHANNELS = 4, PIXELS = CHANNELS * SIDE * SIDE };
static const int64_t image[4] = {1, CHANNELS, SIDE, SIDE};

static struct {
    float low, high; /* of the input */
    float x[PIXELS];
} feed;

static sedge_status sample(void *ctx, size_t i, sedge_tensor *in, sg_err *err)
{
    (void)ctx;
    (void)err;
    seed = (uint32_t)(77 + i);
    for (int k = 0; k < PIXELS; k++)
        feed.x[k] = feed.low + (feed.high - feed.low) * (float)noise() / 255;
    in[0] = (sedge_tensor){.data = feed.x, .dtype = SG_F32, .rank = 4};
    memcpy(in[0].dim, image, sizeof image);
    return SEDGE_OK;
}

static float taken[CHANNELS] = {1, 1, 1, 1}; /* factor of the weights that read a channel */

/* A 3 x 3 convolution "y" of "x" with pads of 1; channel c has weights of size gain[c] and bias[c]. */
static void conv(pb *g, const char *x, const char *y, const float gain[CHANNELS], const float bias[CHANNELS])
{
    static const int64_t dim[4] = {CHANNELS, CHANNELS, 3, 3}, each[1] = {CHANNELS}, pads[4] = {1, 1, 1, 1};
    float w[CHANNELS * CHANNELS * 9];
    char name[3][32], ins[128];
    for (int i = 0; i < CHANNELS * CHANNELS * 9; i++)
        w[i] = normal() * gain[i / (CHANNELS * 9)] * taken[i / 9 % CHANNELS];
    snprintf(name[0], sizeof name[0], "%sw", y);
    snprintf(name[1], sizeof name[1], "%sb", y);
    constant(g, name[0], F32, dim, 4, w, sizeof w);
    constant(g, name[1], F32, each, 1, bias, CHANNELS * sizeof *bias);
    snprintf(ins, sizeof ins, "%s,%s,%s", x, name[0], name[1]);
    node(g, "Conv", ins, y, "pads", pads, 4);
}

static pb file; /* the model that is tried */

typedef struct outcome {
    sg_quant_done done;
    sg_likeness like;
    int ops[SG_OP_COUNT]; /* steps of the plan */
    int quantizes; /* nodes of the graph as it would be written */
} outcome;

static void count_steps(const sedge_model *m, outcome *out)
{
    sedge_plan *p = NULL;
    const char *op, *name, *kernel;
    sedge_error err = {0};
    if (sedge_plan_make(&p, m, NULL, &err) != SEDGE_OK)
        fail_msg("%s", err.msg);
    for (int i = 0; sedge_plan_step(p, i, &op, &name, &kernel); i++)
        for (int k = 0; k < SG_OP_COUNT; k++)
            out->ops[k] += strcmp(sg_ops[k].name, op) == 0;
    sedge_plan_close(&p);
    SG_EACH_NODE(m->graph, n)
    out->quantizes += m->graph->node[n].op == SG_ROW(QUANTIZE);
}

/* Quantizes a net and runs both on samples that calibration has not seen. */
static void quantize(const pb *g, const sg_quant_how *how, outcome *out)
{
    sg_mem mem = {0};
    sedge_model *m = NULL, *q = NULL;
    sg_quantizer z = {0};
    sedge_error err = {0};
    const sg_samples s = {.n = 40, .n_in = 1, .get = sample};
    sg_outputs want = {.mem = &mem}, got = {.mem = &mem};
    *out = (outcome){0};
    onnx_model(&file, g, 13);
    if (sedge_model_open_memory(&m, file.b, file.n, NULL, &err) != SEDGE_OK || sg_quantizer_open(&z, &mem, m, &err) != SEDGE_OK ||
        sg_quantizer_see(&z, &s, 0, 24, NULL, NULL, &err) != SEDGE_OK ||
        sg_quantizer_make(&z, how, &q, &out->done, &err) != SEDGE_OK ||
        sg_outputs_run(&want, m, &s, 24, 40, NULL, NULL, NULL, &err) != SEDGE_OK ||
        sg_outputs_run(&got, q, &s, 24, 40, NULL, NULL, NULL, &err) != SEDGE_OK)
        fail_msg("%s", err.msg);
    out->like = sg_outputs_compare(&want, &got);
    count_steps(q, out);
    sg_outputs_free(&want);
    sg_outputs_free(&got);
    sedge_model_close(&q);
    sg_quantizer_close(&z);
    sedge_model_close(&m);
    assert_int_equal(mem.used, 0);
}

static const float ones[CHANNELS] = {1, 1, 1, 1}, none[CHANNELS] = {0, 0, 0, 0};
static pb g;

static void begin(float low, float high)
{
    g.n = 0;
    seed = 5;
    feed.low = low;
    feed.high = high;
    onnx_io(&g, 11, "x", F32, image, 4);
}

static void near_float(const outcome *o, double db)
{
    if (!(o->like.snr_db >= db))
        fail_msg("%g dB beside the float net, %g wanted", o->like.snr_db, db);
}

/* conv, relu, conv, residual sum, maximum, average over all, dense: not one step computes in float between the first quantizer and the
 * dense layer, whose sums go on unrounded. */
static void residual_net(void **state)
{
    (void)state;
    static const int64_t two[2] = {2, 2}, flat[2] = {1, CHANNELS}, w_dim[2] = {CHANNELS, 3}, b_dim[1] = {3};
    float w[CHANNELS * 3], bias[3] = {0.5f, -1, 2};
    outcome o;
    for (int correct = 0; correct < 2; correct++) {
        begin(-1, 3);
        conv(&g, "x", "c1", ones, none);
        onnx_node(&g, "Relu", "c1", NULL, "r1");
        conv(&g, "r1", "c2", ones, none);
        onnx_node(&g, "Add", "c2", "r1", "s");
        onnx_node(&g, "Relu", "s", NULL, "r2");
        node(&g, "MaxPool", "r2", "p", "kernel_shape", two, 2);
        onnx_node(&g, "GlobalAveragePool", "p", NULL, "a");
        onnx_tensor(&g, "shape", 7, flat, (int64_t[]){2}, 1);
        onnx_node(&g, "Reshape", "a", "shape", "f");
        for (int i = 0; i < CHANNELS * 3; i++)
            w[i] = normal();
        constant(&g, "dw", F32, w_dim, 2, w, sizeof w);
        constant(&g, "db", F32, b_dim, 1, bias, sizeof bias);
        node(&g, "Gemm", "f,dw,db", "y", NULL, NULL, 0);
        onnx_io(&g, 12, "y", F32, (int64_t[]){1, 3}, 2);
        quantize(&g, &(sg_quant_how){.method = SG_RANGE_MINMAX, .correct = correct}, &o);
        near_float(&o, 27);
        assert_int_equal(o.done.layers, 3);
        assert_int_equal(o.ops[SG_OP_QUANTIZE], 1);
        assert_int_equal(o.ops[SG_OP_QLINEAR_CONV], 2);
        assert_int_equal(o.ops[SG_OP_QLINEAR_BINARY], 1);
        assert_int_equal(o.ops[SG_OP_QLINEAR_POOL], 1);
        assert_int_equal(o.ops[SG_OP_MATMUL_INTEGER], 1);
        assert_int_equal(o.ops[SG_OP_DEQUANTIZE] + o.ops[SG_OP_CONV] + o.ops[SG_OP_GEMM] + o.ops[SG_OP_UNARY], 0);
    }
}

/* A head joins boxes in pixels and scores: what joins them stays float, each convolution keeps a scale of its own. */
static void detection_head(void **state)
{
    (void)state;
    static const float hundreds[CHANNELS] = {100, 100, 100, 100};
    static const int64_t axis = 1;
    outcome o;
    begin(0, 1);
    conv(&g, "x", "c", ones, none);
    onnx_node(&g, "Relu", "c", NULL, "r");
    conv(&g, "r", "boxes", hundreds, none);
    conv(&g, "r", "raw", ones, none);
    onnx_node(&g, "Sigmoid", "raw", NULL, "scores");
    node(&g, "Concat", "boxes,scores", "y", "axis", &axis, 0);
    onnx_io(&g, 12, "y", F32, (int64_t[]){1, 2 * CHANNELS, SIDE, SIDE}, 4);
    onnx_io(&g, 12, "scores", F32, image, 4);
    quantize(&g, &(sg_quant_how){.method = SG_RANGE_MINMAX}, &o);
    near_float(&o, 30);
    assert_int_equal(o.ops[SG_OP_QLINEAR_CONV], 3);
    assert_int_equal(o.ops[SG_OP_DEQUANTIZE], 2);
    assert_int_equal(o.ops[SG_OP_CONCAT] + o.ops[SG_OP_UNARY] > 0, 1);
    assert_int_equal(o.quantizes, 4);
}

/* Channels without weights, one so small that its scale would vanish, and a bias that does not fit 32 bits at the scale of its weights. */
static void odd_channels(void **state)
{
    (void)state;
    static const float gain[CHANNELS] = {0, 1e-38f, 1e-7f, 1}, bias[CHANNELS] = {3, 2, -5000, 1};
    outcome o;
    begin(-1, 1);
    conv(&g, "x", "c", gain, bias);
    conv(&g, "c", "y", ones, none);
    onnx_io(&g, 12, "y", F32, image, 4);
    quantize(&g, &(sg_quant_how){.method = SG_RANGE_MINMAX, .correct = true}, &o);
    near_float(&o, 30);
    assert_int_equal(o.ops[SG_OP_QLINEAR_CONV], 2);
    assert_true(o.done.raised > 0);
}

/* An input far from 0 between zeros of padding: its range has to reach 0. */
static void padding(void **state)
{
    (void)state;
    outcome o;
    begin(2, 6);
    conv(&g, "x", "c", ones, none);
    conv(&g, "c", "y", ones, none);
    onnx_io(&g, 12, "y", F32, image, 4);
    quantize(&g, &(sg_quant_how){.method = SG_RANGE_MSE}, &o);
    near_float(&o, 30);
}

/* A relu that never fires: a tensor of zeros has a scale all the same. */
static void dead_tensor(void **state)
{
    (void)state;
    static const float low[CHANNELS] = {-1e6f, -1e6f, -1e6f, -1e6f};
    outcome o;
    begin(0, 1);
    conv(&g, "x", "c", ones, low);
    onnx_node(&g, "Relu", "c", NULL, "r");
    conv(&g, "r", "y", ones, (float[]){1, 2, 3, 4});
    onnx_io(&g, 12, "y", F32, image, 4);
    quantize(&g, &(sg_quant_how){.method = SG_RANGE_ENTROPY}, &o);
    assert_int_equal(o.done.dead, 1);
    near_float(&o, 30);
}

/* What softmax, exp and the like read and make stays float; the convolutions on both sides do not. */
static void float_between(void **state)
{
    (void)state;
    outcome o;
    begin(-1, 1);
    conv(&g, "x", "c", ones, none);
    onnx_node(&g, "Softmax", "c", NULL, "s");
    conv(&g, "s", "y", ones, none);
    onnx_io(&g, 12, "y", F32, image, 4);
    quantize(&g, &(sg_quant_how){.method = SG_RANGE_MINMAX}, &o);
    near_float(&o, 25);
    assert_int_equal(o.ops[SG_OP_QLINEAR_CONV], 2);
    assert_int_equal(o.ops[SG_OP_SOFTMAX], 1);
}

typedef struct rig {
    sg_mem mem;
    sedge_model *m;
    sg_quantizer z;
    sg_samples s;
    sg_outputs want, got;
} rig;

static void rig_open(rig *r, const pb *graph)
{
    sedge_error err = {0};
    *r = (rig){.s = {.n = 40, .n_in = 1, .get = sample}};
    r->want.mem = r->got.mem = &r->mem;
    onnx_model(&file, graph, 21);
    if (sedge_model_open_memory(&r->m, file.b, file.n, NULL, &err) != SEDGE_OK ||
        sg_quantizer_open(&r->z, &r->mem, r->m, &err) != SEDGE_OK ||
        sg_quantizer_see(&r->z, &r->s, 0, 24, NULL, NULL, &err) != SEDGE_OK ||
        sg_outputs_run(&r->want, r->m, &r->s, 24, 40, NULL, NULL, NULL, &err) != SEDGE_OK)
        fail_msg("%s", err.msg);
}

/* SNR of a model, which is closed. */
static double rig_snr(rig *r, sedge_model **q)
{
    sedge_error err = {0};
    sg_outputs_free(&r->got);
    if (sg_outputs_run(&r->got, *q, &r->s, 24, 40, NULL, NULL, NULL, &err) != SEDGE_OK)
        fail_msg("%s", err.msg);
    sedge_model_close(q);
    return sg_outputs_compare(&r->want, &r->got).snr_db;
}

static void rig_close(rig *r)
{
    sg_outputs_free(&r->want);
    sg_outputs_free(&r->got);
    sg_quantizer_close(&r->z);
    sedge_model_close(&r->m);
    assert_int_equal(r->mem.used, 0);
}

/* One tensor whose first channel is thousands of times the others: no scale fits, and only what makes and reads it together can be kept float. */
static void mixed_precision(void **state)
{
    (void)state;
    static const float loud[CHANNELS] = {4000, 1, 1, 1};
    rig r;
    sg_mixed mixed;
    sedge_model *q = NULL;
    sg_quant_done done;
    sedge_error err = {0};
    sg_quant_how how = {.method = SG_RANGE_MINMAX, .correct = true};
    begin(-1, 1);
    conv(&g, "x", "a", ones, none);
    conv(&g, "a", "b", loud, none);
    taken[0] = 1 / 4000.0f;
    conv(&g, "b", "c", ones, none);
    taken[0] = 1;
    conv(&g, "c", "d", ones, none);
    conv(&g, "d", "y", ones, none);
    onnx_io(&g, 12, "y", F32, image, 4);
    rig_open(&r, &g);
    assert_int_equal(sg_quantizer_make(&r.z, &how, &q, &done, &err), SEDGE_OK);
    assert_true(rig_snr(&r, &q) < 10);
    assert_int_equal(sg_mixed_rank(&mixed, &r.z, &how, &r.s, 24, 40, NULL, NULL, &err), SEDGE_OK);
    how.high = sg_mixed_high(&mixed, &r.z, 1);
    assert_int_equal(sg_quantizer_make(&r.z, &how, &q, &done, &err), SEDGE_OK);
    assert_int_equal(done.high, 2);
    assert_int_equal(done.layers, 3);
    assert_true(rig_snr(&r, &q) > 25);
    rig_close(&r);
}

/* Weights alone: halves, bytes and four bits, of a convolution and of a product long enough for groups; nothing else changes. */
static void stored_weights(void **state)
{
    (void)state;
    static const double least[SG_STORED_KINDS] = {60, 38, 14};
    static const int64_t flat[2] = {1, PIXELS}, dim[2] = {PIXELS, 3};
    static float w[PIXELS * 3];
    rig r;
    begin(-1, 1);
    conv(&g, "x", "a", ones, none);
    onnx_tensor(&g, "shape", 7, flat, (int64_t[]){2}, 1);
    onnx_node(&g, "Reshape", "a", "shape", "f");
    for (int i = 0; i < PIXELS * 3; i++)
        w[i] = normal();
    constant(&g, "w", F32, dim, 2, w, sizeof w);
    onnx_node(&g, "MatMul", "f", "w", "y");
    onnx_io(&g, 12, "y", F32, (int64_t[]){1, 3}, 2);
    rig_open(&r, &g);
    for (int k = 0; k < SG_STORED_KINDS; k++) {
        sedge_model *q = NULL;
        sg_quant_done done;
        sedge_error err = {0};
        assert_int_equal(sg_quantizer_store(&r.z, (sg_stored)k, &q, &done, &err), SEDGE_OK);
        assert_int_equal(done.layers, 2);
        const double snr = rig_snr(&r, &q);
        if (!(snr > least[k]))
            fail_msg("%s: %g dB", sg_stored_names[k], snr);
    }
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(histograms_merge), cmocka_unit_test(ranges),         cmocka_unit_test(residual_net),
        cmocka_unit_test(detection_head),   cmocka_unit_test(odd_channels),   cmocka_unit_test(padding),
        cmocka_unit_test(mixed_precision),  cmocka_unit_test(stored_weights), cmocka_unit_test(dead_tensor),
        cmocka_unit_test(float_between),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
