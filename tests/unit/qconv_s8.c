/* The 8-bit kernels against the references, to the bit: shapes, strides, pads, groups, dilations, types, scales that make ties. */
#include "unit.h"

#include <stdbool.h>

#include "backend/cpu/bind.h"
#include "quant_onnx.h"
#include "run/api.h"
#include "sedge/sedge.h"

enum { ROOM = 1 << 17 };

static uint8_t image[ROOM], answer[2][ROOM];

static int64_t pick(int64_t lo, int64_t hi)
{
    uint32_t v = (uint32_t)noise() << 8;
    return lo + (int64_t)((v | noise()) % (uint32_t)(hi - lo + 1));
}

/* Scales that are powers of two make many ties. */
static float a_scale(bool ties)
{
    return ties ? 1.0f / (float)(1 << pick(0, 4)) : 0.001f * (float)pick(1, 2000);
}

static void bytes_const(pb *g, const char *name, int type, const int64_t *dim, int rank, int64_t n)
{
    uint8_t v[2048];
    assert_true(n <= (int64_t)sizeof v);
    for (int64_t i = 0; i < n; i++)
        v[i] = noise();
    constant(g, name, type, dim, rank, v, (size_t)n);
}

/* One scale and zero point, or one for each of n channels. */
static void channel_consts(pb *g, int type, int64_t n, bool each, bool ties)
{
    float s[64];
    int64_t count = each ? n : 1;
    assert_true(n <= 64);
    for (int64_t i = 0; i < count; i++)
        s[i] = a_scale(ties) / 16;
    constant(g, "sw", F32, &count, each ? 1 : 0, s, (size_t)count * sizeof *s);
    bytes_const(g, "zw", type, &count, each ? 1 : 0, count);
}

/* Some biases are so large that sums wrap around. */
static void bias_const(pb *g, int64_t n, bool wraps)
{
    int32_t b[64];
    for (int64_t i = 0; i < n; i++)
        b[i] = !wraps ? (int32_t)pick(-9000, 9000) : i % 2 ? INT32_MAX : INT32_MIN;
    constant(g, "b", I32, &n, 1, b, (size_t)n * sizeof *b);
}

static void other_consts(pb *g, int x_type, int y_type, bool ties)
{
    scalar_f32(g, "sx", a_scale(ties));
    scalar_f32(g, "sy", a_scale(ties) * (ties ? 16 : 40));
    bytes_const(g, "zx", x_type, NULL, 0, 1);
    bytes_const(g, "zy", y_type, NULL, 0, 1);
}

/* Channels behind the axes of space, or back. */
static void turn(const sg_tensor *t, const uint8_t *from, bool back, uint8_t *to)
{
    int64_t c = t->dim[1], space = sg_numel(t) / (t->dim[0] * c);
    for (int64_t i = 0; i < sg_numel(t); i++) {
        int64_t last = i / (c * space) * c * space + i % space * c + i / space % c;
        to[back ? i : last] = from[back ? last : i];
    }
}

/* The step's kernel once more, on tensors whose channels stand last, by any number of threads: the same answer. */
static void check_last(const sg_plan *p, const sg_step *s, const int64_t *dim, const sedge_tensor *want)
{
    static _Alignas(64) uint8_t scratch[1 << 20], kept[1 << 16];
    static uint8_t x[ROOM], y[ROOM], back[ROOM];
    const sg_type *wt = &sg_step_slot(p, s, 3)->type;
    sg_tensor in = {.data = x, .dtype = SG_U8, .rank = wt->rank, .layout = SG_LAYOUT_LAST}, w = in, out = in;
    memcpy(in.dim, dim, (size_t)in.rank * sizeof *dim);
    memcpy(out.dim, want->dim, (size_t)in.rank * sizeof *dim);
    for (int i = 0; i < w.rank; i++)
        w.dim[i] = wt->dim[i];
    out.data = y;
    turn(&in, image, false, x);
    sg_tensor *ins[9] = {&in, NULL, NULL, &w}, *outs[1] = {&out};
    for (int threads = 1; threads < 8; threads += threads == 3 ? 4 : 1) {
        sg_err err = {0};
        size_t bytes = 0, n = (size_t)sg_numel(&out);
        sg_exec e = {.op = s->op, .attrs = s->attrs, .n_in = s->n_in, .n_out = 1, .in = ins, .out = outs, .threads = threads};
        e.err = &err;
        e.packed = s->packed;
        e.scratch = scratch;
        e.kept = kept;
        assert_true(s->kernel.kept <= sizeof kept);
        memset(y, 0x5a, n);
        assert_true(n == 0 || s->kernel.scratch(&e, &bytes));
        assert_true(bytes <= sizeof scratch);
        assert_true(n == 0 || s->kernel.run(&e) == SEDGE_OK);
        turn(&out, y, true, back);
        assert_memory_equal(back, want->data, n);
    }
}

/* Runs on one target; returns the kernel of the only step that is no move between layouts. */
static const char *run(const pb *g, const char *target, const int64_t *dim, int rank, uint8_t *y, size_t *n)
{
    static char name[32];
    static pb model;
    sedge_model *m = NULL;
    sedge_plan *p = NULL;
    sedge_session *s = NULL;
    sedge_plan_opts po;
    sedge_error err = {0};
    sedge_io io;
    const char *op, *who, *kernel;
    onnx_model(&model, g, 13);
    sedge_plan_opts_init(&po);
    po.target = target;
    if (sedge_model_open_memory(&m, model.b, model.n, NULL, &err) != SEDGE_OK || sedge_plan_make(&p, m, &po, &err) != SEDGE_OK ||
        sedge_session_open(&s, p, NULL, &err) != SEDGE_OK)
        fail_msg("%s", err.msg);
    sedge_model_input(m, 0, &io);
    sedge_tensor t = {.data = image, .dtype = (uint8_t)io.dtype, .rank = (int8_t)rank}, out;
    memcpy(t.dim, dim, (size_t)rank * sizeof *dim);
    assert_true(sedge_tensor_bytes(&t) <= ROOM);
    if (sedge_session_set_input(s, 0, &t, &err) != SEDGE_OK || sedge_session_run(s, NULL, &err) != SEDGE_OK)
        fail_msg("%s", err.msg);
    assert_int_equal(sedge_session_get_output(s, 0, &out, NULL), SEDGE_OK);
    *n = sedge_tensor_bytes(&out);
    assert_true(*n <= ROOM);
    memcpy(y, out.data, *n);
    int step = 0;
    do
        assert_true(sedge_plan_step(p, step++, &op, &who, &kernel));
    while (strcmp(op, "relayout") == 0);
    strncpy(name, kernel, sizeof name - 1);
    if (strcmp(name, "qconv") == 0)
        check_last(p->plan, &p->plan->step[step - 1], dim, &out);
    sedge_session_close(&s);
    sedge_plan_close(&p);
    sedge_model_close(&m);
    return name;
}

static void compare(const pb *g, const int64_t *dim, int rank, const char *kernel)
{
    size_t n[2];
    for (int i = 0; i < ROOM; i++)
        image[i] = noise();
    assert_non_null(strstr(run(g, "cpu", dim, rank, answer[0], &n[0]), kernel)); /* qconv, or qconv_s8 on the lowest level */
    run(g, "reference", dim, rank, answer[1], &n[1]);
    assert_int_equal(n[0], n[1]);
    assert_memory_equal(answer[0], answer[1], n[0]);
}

static void convolutions(void **state)
{
    (void)state;
    static pb g, m;
    for (uint32_t k = 0; k < 500; k++) {
        seed = k * 77 + 5;
        int n = k % 5 == 0 ? 1 : 2, x_type = k & 1 ? U8 : I8, w_type = k & 2 ? I8 : U8, y_type = k & 4 ? U8 : I8;
        bool ties = k & 8, each = k & 16, bias = k & 32;
        int64_t group = k % 3 == 0 ? 1 : pick(2, 4), icg = k % 3 == 2 ? 1 : pick(1, 7),
                ocg = k % 3 == 2 ? pick(1, 2) : pick(1, 9);
        int64_t x[4] = {pick(1, 2), group * icg}, w[4] = {group * ocg, icg}, s[2], d[2], pads[4], size = w[0] * icg;
        for (int i = 0; i < n; i++) {
            w[2 + i] = pick(1, 3);
            s[i] = pick(1, 3);
            d[i] = pick(1, 2);
            pads[i] = pick(0, 2);
            pads[n + i] = pick(0, 2);
            int64_t most = k % 150 == 2 ? 70 : k % 10 == 9 ? 23 : 9; /* 70: depthwise, in several bands */
            x[2 + i] = pick(most == 70 ? 50 : (w[2 + i] - 1) * d[i] + 1, most);
            size *= w[2 + i];
        }
        g.n = 0;
        other_consts(&g, x_type, y_type, ties);
        channel_consts(&g, w_type, w[0], each, ties);
        bytes_const(&g, "w", w_type, w, 2 + n, size);
        if (bias)
            bias_const(&g, w[0], k % 7 == 0);
        node_begin(&m, "QLinearConv", bias ? "x,sx,zx,w,sw,zw,sy,zy,b" : "x,sx,zx,w,sw,zw,sy,zy", "y");
        attribute(&m, "group", &group, 0);
        attribute(&m, "strides", s, n);
        attribute(&m, "dilations", d, n);
        attribute(&m, "pads", pads, 2 * n);
        pb_msg(&g, 1, &m);
        onnx_io(&g, 11, "x", x_type, x, 2 + n);
        onnx_io(&g, 12, "y", y_type, NULL, -1);
        compare(&g, x, 2 + n, "qconv");
    }
}

/* Enough work for several threads. */
static void large_convolutions(void **state)
{
    (void)state;
    static pb g, m;
    for (uint32_t k = 0; k < 4; k++) {
        bool depthwise = k % 2;
        int64_t c = depthwise ? 31 : 16, oc = depthwise ? 31 : 14, x[4] = {1, c, 65, 64}, w[4] = {oc, depthwise ? 1 : c, 3, 3};
        int64_t pads[4] = {1, 1, 1, 1};
        int64_t stride[2] = {k / 2 + 1, k / 2 + 1}, group = depthwise ? c : 1;
        seed = k + 1;
        g.n = 0;
        other_consts(&g, k % 2 ? U8 : I8, U8, false);
        channel_consts(&g, I8, w[0], true, false);
        bytes_const(&g, "w", I8, w, 4, oc * w[1] * 9);
        node_begin(&m, "QLinearConv", "x,sx,zx,w,sw,zw,sy,zy", "y");
        attribute(&m, "group", &group, 0);
        attribute(&m, "strides", stride, 2);
        attribute(&m, "pads", pads, 4);
        pb_msg(&g, 1, &m);
        onnx_io(&g, 11, "x", k % 2 ? U8 : I8, x, 4);
        onnx_io(&g, 12, "y", U8, NULL, -1);
        compare(&g, x, 4, "qconv");
    }
}

static void products(void **state)
{
    (void)state;
    static pb g;
    for (uint32_t k = 0; k < 200; k++) {
        seed = k * 31 + 9;
        int x_type = k & 1 ? U8 : I8, w_type = k & 2 ? I8 : U8, y_type = k & 4 ? U8 : I8;
        bool ties = k & 8, each = k & 16;
        int64_t w[2] = {pick(1, 50), pick(1, 30)}, x[3] = {pick(1, 3), pick(1, 20), w[0]};
        g.n = 0;
        other_consts(&g, x_type, y_type, ties);
        channel_consts(&g, w_type, w[1], each, ties);
        bytes_const(&g, "w", w_type, w, 2, w[0] * w[1]);
        node(&g, "QLinearMatMul", "x,sx,zx,w,sw,zw,sy,zy", "y", NULL, NULL, 0);
        onnx_io(&g, 11, "x", x_type, x, 3);
        onnx_io(&g, 12, "y", y_type, NULL, -1);
        compare(&g, x, 3, "qgemm");
    }
}

/* Sums themselves: zero points absent, of all and of every column. */
static void integer_products(void **state)
{
    (void)state;
    static pb g;
    for (uint32_t k = 0; k < 200; k++) {
        seed = k * 41 + 7;
        int x_type = k & 1 ? U8 : I8, w_type = k & 2 ? I8 : U8;
        int64_t w[2] = {pick(1, 50), pick(1, k % 8 ? 30 : 60)}, x[3] = {pick(1, 3), pick(1, 20), w[0]};
        if (w[0] * w[1] > 2048)
            w[1] = 30;
        int64_t zeros = k & 4 ? w[1] : 1;
        g.n = 0;
        bytes_const(&g, "zx", x_type, NULL, 0, 1);
        bytes_const(&g, "zw", w_type, &zeros, k & 4 ? 1 : 0, zeros);
        bytes_const(&g, "w", w_type, w, 2, w[0] * w[1]);
        node(&g, "MatMulInteger", k % 3 == 0 ? "x,w" : k % 3 == 1 ? "x,w,zx" : "x,w,zx,zw", "y", NULL, NULL, 0);
        onnx_io(&g, 11, "x", x_type, x, 3);
        onnx_io(&g, 12, "y", I32, NULL, -1);
        compare(&g, x, 3, "qgemm");
    }
}

/* x with a constant, as an island that the passes make one integer op of. */
static void sums(void **state)
{
    (void)state;
    static pb g;
    for (uint32_t k = 0; k < 100; k++) {
        seed = k * 13 + 3;
        int type = k & 1 ? U8 : I8, other = k & 2 ? I8 : U8;
        int64_t x[2] = {pick(1, 9), pick(1, 90)};
        g.n = 0;
        other_consts(&g, type, type, k & 4);
        scalar_f32(&g, "sw", a_scale(k & 4));
        bytes_const(&g, "zw", other, NULL, 0, 1);
        bytes_const(&g, "w", other, x, 2, x[0] * x[1]);
        node(&g, "DequantizeLinear", "x,sx,zx", "xf", NULL, NULL, 0);
        node(&g, "DequantizeLinear", "w,sw,zw", "wf", NULL, NULL, 0);
        node(&g, k & 8 ? "Add" : "Mul", "xf,wf", "yf", NULL, NULL, 0);
        node(&g, "QuantizeLinear", "yf,sy,zy", "y", NULL, NULL, 0);
        onnx_io(&g, 11, "x", type, x, 2);
        onnx_io(&g, 12, "y", type, NULL, -1);
        compare(&g, x, 2, "qbinary_s8");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(convolutions), cmocka_unit_test(large_convolutions),
                                       cmocka_unit_test(products), cmocka_unit_test(integer_products), cmocka_unit_test(sums)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
