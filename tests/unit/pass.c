/* Passes: what each one finds, what it leaves alone, and that the answers stay. Graphs are built by hand; every
 * one is run as it is and after the passes. */
#include "unit.h"

#include <math.h>
#include <stdlib.h>

#include "op/elementwise.h"
#include "op/reduce.h"
#include "op/pool.h"
#include "pass/layout.h"
#include "run/frame.h"
#include "tensor/layout.h"

static sg_mem mem;
static sg_arena arena;
static sg_graph *g, *after;
static sg_vid x;
static float x_data[256];

static int start(void **state)
{
    (void)state;
    mem = (sg_mem){0};
    arena = (sg_arena){.mem = &mem};
    g = sg_graph_new(&arena);
    after = NULL;
    for (int i = 0; i < 256; i++)
        x_data[i] = (float)((i * 37 + 11) % 101) / 17 - 3;
    return g == NULL;
}

static int stop(void **state)
{
    (void)state;
    sg_graph_free(g);
    sg_graph_free(after);
    sg_arena_free(&arena);
    return mem.used != 0;
}

/* ---- building ---- */

static void input(int rank, const int64_t *dim)
{
    sg_type t = {.dtype = SG_F32, .rank = (int8_t)rank};
    memcpy(t.dim, dim, (size_t)rank * sizeof *dim);
    x = sg_input_new(g, &t, "x");
}

static sg_vid number(double v)
{
    return sg_const_f64(g, SG_F32, v);
}

/* A constant of distinct numbers above 0. */
static sg_vid weights(int rank, const int64_t *dim)
{
    int64_t n = 1;
    for (int i = 0; i < rank; i++)
        n *= dim[i];
    float *p = sg_arena_array(&arena, (size_t)n, sizeof *p);
    for (int64_t i = 0; i < n; i++)
        p[i] = (float)((i * 29 + 7) % 31) / 20 + 0.1f;
    return sg_const_new(g, SG_F32, rank, dim, p, NULL);
}

static sg_vid vector(int64_t n)
{
    return weights(1, &n);
}

static sg_vid op(const sg_op *row, int n, const sg_vid *in)
{
    sg_nid id = sg_node_new(g, row, in, n, 1, 0);
    return g->node[id].out[0];
}
#define OP_OF(row, ...) op(SG_ROW(row), (int)(sizeof((sg_vid[]){__VA_ARGS__}) / sizeof(sg_vid)), (sg_vid[]){__VA_ARGS__})

static sg_vid kind(sg_vid v, int64_t k)
{
    sg_set_int(g, g->value[v].def, SG_A_kind, k);
    return v;
}

static sg_vid un(int k, sg_vid a)
{
    return kind(OP_OF(UNARY, a), k);
}

static sg_vid bin(int k, sg_vid a, sg_vid b)
{
    return kind(OP_OF(BINARY, a, b), k);
}
#define ADD(a, b) bin(SG_BINARY_ADD, a, b)
#define SUB(a, b) bin(SG_BINARY_SUB, a, b)
#define MUL(a, b) bin(SG_BINARY_MUL, a, b)
#define DIV(a, b) bin(SG_BINARY_DIV, a, b)
#define POW(a, b) bin(SG_BINARY_POW, a, b)

static sg_vid mean(sg_vid v, int64_t axis)
{
    return kind(OP_OF(REDUCE, v, sg_const_i64(g, &axis, 1, 1)), SG_REDUCE_MEAN);
}

static sg_vid transpose(sg_vid v, int64_t a, int64_t b, int64_t c)
{
    sg_vid y = OP_OF(TRANSPOSE, v);
    const int64_t perm[3] = {a, b, c};
    sg_set_ints(g, g->value[y].def, SG_A_perm, perm, 3);
    return y;
}

/* ---- running ---- */

static void answer(sg_graph *graph, const char *target, float *out, size_t *n)
{
    sg_err err = {0};
    sg_run run = {.mem = &mem, .threads = 1, .pool = {.mem = &mem}};
    sg_plan_args args = {.target = sg_target_find(target)};
    sg_plan *plan;
    sg_frame *f;
    assert_int_equal(sg_plan_build(&plan, graph, &args, &err), SEDGE_OK);
    assert_int_equal(sg_frame_open(&f, plan, &run, &err), SEDGE_OK);
    sg_tensor *in = &f->val[plan->input[0]];
    const sg_type *t = &graph->value[graph->input[0]].type;
    in->dtype = SG_F32;
    in->rank = t->rank;
    memcpy(in->dim, t->dim, sizeof in->dim);
    in->data = x_data;
    assert_int_equal(sg_frame_run(f, &err), SEDGE_OK);
    const sg_tensor *y = &f->val[plan->output[0]];
    *n = (size_t)sg_numel(y);
    assert_true(*n <= 512);
    memcpy(out, y->data, *n * sizeof *out);
    sg_frame_close(f);
    sg_pool_close(&run.pool);
    sg_free(&mem, run.scratch, run.cap_scratch * sizeof *run.scratch);
    sg_plan_free(plan);
}

/* Makes y the output, runs the passes on a copy, compares the answers. */
static void optimize(sg_vid y)
{
    static float want[512], got[512];
    size_t n, m;
    sg_err err = {0};
    assert_int_equal(sg_output_add(g, y), SEDGE_OK);
    assert_int_equal(sg_infer_graph(g, &err), SEDGE_OK);
    after = sg_graph_clone(g, &arena);
    assert_non_null(after);
    assert_int_equal(sg_passes(after, NULL, &err), SEDGE_OK);
    assert_int_equal(sg_passes_once(after, NULL, &err), SEDGE_OK);
    answer(g, "reference", want, &n);
    for (int kernels = 0; kernels < 2; kernels++) {
        answer(after, kernels ? "cpu" : "reference", got, &m);
        assert_true(n == m && n > 0);
        for (size_t i = 0; i < n; i++)
            assert_true(want[i] == got[i] || fabsf(want[i] - got[i]) <= 2e-5f * (1 + fabsf(want[i])));
    }
}

static int rows(const sg_op *row, int64_t k)
{
    int n = 0;
    SG_EACH_NODE(after, i)
    {
        const sg_attr *a = sg_attr_find(after->node[i].attr, after->node[i].n_attr, SG_A_kind);
        n += (!row || after->node[i].op == row) && (k < 0 || (a && a->u.i == k));
    }
    return n;
}
#define ROWS(row) rows(SG_ROW(row), -1)
#define ALL_ROWS  rows(NULL, -1)

/* ---- gelu, silu ---- */

static const int64_t plane[2] = {3, 8}, cube[3] = {2, 3, 4}, image[4] = {1, 2, 5, 5};

static sg_vid half_gate(sg_vid f, int order)
{
    sg_vid one = ADD(f, number(1));
    return order == 0   ? MUL(MUL(x, number(0.5)), one)
           : order == 1 ? MUL(x, MUL(number(0.5), one))
                        : MUL(MUL(x, one), number(0.5));
}

static void gelu_erf(void **state)
{
    for (int order = 0; order < 3; order++) {
        if (order) {
            stop(state);
            start(state);
        }
        input(2, plane);
        sg_vid in = order == 1 ? MUL(number(sqrt(0.5)), x) : DIV(x, number(sqrt(2)));
        optimize(half_gate(un(SG_UNARY_ERF, in), order));
        assert_int_equal(ALL_ROWS, 1);
        assert_int_equal(rows(SG_ROW(UNARY), SG_UNARY_GELU), 1);
    }
}

static void gelu_tanh(void **state)
{
    for (int form = 0; form < 3; form++) {
        if (form) {
            stop(state);
            start(state);
        }
        input(2, plane);
        sg_vid in, c = number(0.7978845608), d = number(0.044715);
        if (form == 0)
            in = MUL(c, ADD(x, MUL(d, POW(x, number(3)))));
        else if (form == 1)
            in = MUL(ADD(MUL(MUL(MUL(x, x), x), d), x), c);
        else
            in = MUL(MUL(x, c), ADD(number(1), MUL(MUL(x, d), x)));
        optimize(half_gate(un(SG_UNARY_TANH, in), form));
        assert_int_equal(ALL_ROWS, 1);
        assert_int_equal(rows(SG_ROW(UNARY), SG_UNARY_GELU_TANH), 1);
    }
}

/* Another constant, or a value inside that someone else reads. */
static void gelu_left(void **state)
{
    input(2, plane);
    optimize(half_gate(un(SG_UNARY_ERF, DIV(x, number(1.5))), 0));
    assert_int_equal(rows(SG_ROW(UNARY), SG_UNARY_GELU), 0);
    stop(state);
    start(state);
    input(2, plane);
    sg_vid erf = un(SG_UNARY_ERF, DIV(x, number(sqrt(2))));
    optimize(ADD(half_gate(erf, 0), erf));
    assert_int_equal(rows(SG_ROW(UNARY), SG_UNARY_GELU), 0);
    stop(state);
    start(state);
    input(2, plane);
    erf = un(SG_UNARY_ERF, DIV(x, number(sqrt(2))));
    sg_output_add(g, erf);
    optimize(half_gate(erf, 0));
    assert_int_equal(rows(SG_ROW(UNARY), SG_UNARY_GELU), 0);
}

static sg_vid gate6(sg_vid v)
{
    return OP_OF(CLIP, ADD(v, number(3)), number(0), number(6));
}

static void silu(void **state)
{
    for (int form = 0; form < 8; form++) {
        static const int64_t want[] = {SG_UNARY_SWISH,      SG_UNARY_SWISH,      SG_UNARY_HARD_SWISH, SG_UNARY_HARD_SWISH,
                                       SG_UNARY_HARD_SWISH, SG_UNARY_HARD_SWISH, SG_UNARY_HARD_SWISH, SG_UNARY_MISH};
        if (form) {
            stop(state);
            start(state);
        }
        input(2, plane);
        sg_vid y = 0;
        switch (form) {
        case 0: y = MUL(x, un(SG_UNARY_SIGMOID, x)); break;
        case 1: y = MUL(un(SG_UNARY_SIGMOID, MUL(x, number(1.702))), x); break;
        case 2: y = DIV(MUL(x, gate6(x)), number(6)); break;
        case 3: y = MUL(MUL(gate6(x), x), number(1.0 / 6)); break;
        case 4: y = MUL(x, DIV(gate6(x), number(6))); break;
        case 5: y = MUL(MUL(number(1.0 / 6), gate6(x)), x); break;
        case 6:
            y = un(SG_UNARY_HARD_SIGMOID, x);
            sg_set_float(g, g->value[y].def, SG_A_alpha, (double)(1.0f / 6));
            sg_set_float(g, g->value[y].def, SG_A_beta, 0.5);
            y = MUL(x, y);
            break;
        default: y = MUL(x, un(SG_UNARY_TANH, un(SG_UNARY_SOFTPLUS, x)));
        }
        optimize(y);
        assert_int_equal(ALL_ROWS, 1);
        assert_int_equal(rows(SG_ROW(UNARY), want[form]), 1);
    }
}

static void silu_left(void **state)
{
    input(2, plane);
    optimize(MUL(x, un(SG_UNARY_SIGMOID, un(SG_UNARY_ABS, x))));
    assert_int_equal(rows(SG_ROW(UNARY), SG_UNARY_SWISH), 0);
    stop(state);
    start(state);
    input(2, plane);
    optimize(DIV(MUL(x, OP_OF(CLIP, ADD(x, number(3)), number(0), number(5))), number(6)));
    assert_int_equal(rows(SG_ROW(UNARY), SG_UNARY_HARD_SWISH), 0);
}

/* ---- layer normalization ---- */

static sg_vid norm(int form, int64_t axis, sg_vid gamma, sg_vid beta)
{
    sg_vid eps = number(1e-5), mu = mean(x, axis), d = SUB(x, mu);
    if (form == 1) /* the difference computed twice, as PyTorch writes it for opsets below 17 */
        return ADD(MUL(DIV(SUB(x, mean(x, axis)), un(SG_UNARY_SQRT, ADD(mean(POW(d, number(2)), axis), eps))), gamma), beta);
    sg_vid var = mean(form == 2 ? MUL(d, d) : POW(d, number(2)), axis), sum = ADD(eps, var), root = un(SG_UNARY_SQRT, sum);
    if (form == 3)
        return ADD(beta, MUL(gamma, MUL(un(SG_UNARY_RECIPROCAL, root), d)));
    if (form == 4)
        return ADD(MUL(DIV(d, POW(sum, number(0.5))), gamma), beta);
    if (form == 5)
        return ADD(MUL(MUL(d, POW(sum, number(-0.5))), gamma), beta);
    if (form == 6) {
        sg_vid r = MUL(un(SG_UNARY_RECIPROCAL, root), gamma);
        return ADD(MUL(x, r), SUB(beta, MUL(mu, r)));
    }
    return ADD(MUL(DIV(d, root), gamma), beta);
}

static void layer_norm(void **state)
{
    for (int form = 0; form < 7; form++) {
        if (form) {
            stop(state);
            start(state);
        }
        input(3, cube);
        optimize(norm(form, form % 2 ? 2 : -1, vector(4), vector(4)));
        assert_int_equal(ALL_ROWS, 1);
        assert_int_equal(ROWS(LAYER_NORM), 1);
    }
}

static void layer_norm_left(void **state)
{
    input(3, cube);
    optimize(norm(0, 1, vector(4), vector(4))); /* not the last axis */
    assert_int_equal(ROWS(LAYER_NORM), 0);
    stop(state);
    start(state);
    input(3, cube);
    optimize(norm(0, -1, weights(2, cube + 1), vector(4))); /* a factor for every row */
    assert_int_equal(ROWS(LAYER_NORM), 0);
}

/* ---- attention ---- */

static const int64_t heads[4] = {2, 3, 5, 4};

static sg_vid transpose4(sg_vid v, int64_t a, int64_t b, int64_t c, int64_t d)
{
    sg_vid y = OP_OF(TRANSPOSE, v);
    const int64_t perm[4] = {a, b, c, d};
    sg_set_ints(g, g->value[y].def, SG_A_perm, perm, 4);
    return y;
}

static sg_vid attend(sg_vid kt, sg_vid v, int scaled, sg_vid mask)
{
    sg_vid s = OP_OF(MATMUL, x, kt);
    s = scaled == 1 ? DIV(s, number(2)) : scaled == 2 ? MUL(number(0.25), s) : s;
    return OP_OF(MATMUL, OP_OF(SOFTMAX, mask ? ADD(s, mask) : s), v);
}

static void attention(void **state)
{
    static const int64_t keys[4] = {2, 3, 7, 4}, steps_first[4] = {2, 7, 3, 4}, mask[4] = {2, 1, 5, 7};
    for (int form = 0; form < 4; form++) {
        if (form) {
            stop(state);
            start(state);
        }
        input(4, heads);
        sg_vid k = weights(4, form == 3 ? steps_first : keys), v = weights(4, keys);
        sg_vid kt = form == 3 ? transpose4(k, 0, 2, 3, 1) : transpose4(k, 0, 1, 3, 2);
        optimize(attend(kt, v, form % 3, form & 1 ? weights(4, mask) : 0));
        assert_int_equal(ROWS(ATTENTION), 1);
        assert_int_equal(ALL_ROWS, form == 3 ? 2 : 1);
    }
}

static void attention_left(void **state)
{
    static const int64_t keys[4] = {2, 3, 7, 4}, one_head[4] = {2, 1, 7, 4}, column[4] = {2, 1, 5, 1};
    input(4, heads); /* the mask is broadcast along the keys */
    optimize(attend(transpose4(weights(4, keys), 0, 1, 3, 2), weights(4, keys), 1, weights(4, column)));
    assert_int_equal(ROWS(ATTENTION), 0);
    stop(state);
    start(state);
    input(4, heads); /* values of one head */
    optimize(attend(transpose4(weights(4, keys), 0, 1, 3, 2), weights(4, one_head), 1, 0));
    assert_int_equal(ROWS(ATTENTION), 0);
    stop(state);
    start(state);
    input(4, heads); /* softmax along the queries */
    sg_vid s = OP_OF(SOFTMAX, OP_OF(MATMUL, x, transpose4(weights(4, keys), 0, 1, 3, 2)));
    sg_set_int(g, g->value[s].def, SG_A_axis, 2);
    optimize(OP_OF(MATMUL, s, weights(4, keys)));
    assert_int_equal(ROWS(ATTENTION), 0);
}

/* ---- weights ---- */

static sg_vid conv(sg_vid bias)
{
    static const int64_t w[4] = {4, 2, 3, 3};
    return bias ? OP_OF(CONV, x, weights(4, w), bias) : OP_OF(CONV, x, weights(4, w));
}

static sg_vid batch_norm(sg_vid y, int64_t n)
{
    return OP_OF(BATCH_NORM, y, vector(n), vector(n), vector(n), vector(n));
}

static sg_vid conv_transpose(void)
{
    static const int64_t w[4] = {2, 2, 3, 3};
    sg_vid y = OP_OF(CONV_TRANSPOSE, x, weights(4, w));
    sg_set_int(g, g->value[y].def, SG_A_group, 2);
    return y;
}

static sg_vid gemm(bool trans)
{
    const int64_t w[2] = {trans ? 5 : 8, trans ? 8 : 5};
    sg_vid y = OP_OF(GEMM, x, weights(2, w), vector(5));
    sg_set_int(g, g->value[y].def, SG_A_transB, trans);
    sg_set_float(g, g->value[y].def, SG_A_alpha, 0.5);
    return y;
}

static void bn(void **state)
{
    for (int form = 0; form < 5; form++) {
        if (form) {
            stop(state);
            start(state);
        }
        if (form < 3)
            input(4, image);
        else
            input(2, plane);
        optimize(form == 0   ? batch_norm(conv(0), 4)
                 : form == 1 ? batch_norm(conv(vector(4)), 4)
                 : form == 2 ? batch_norm(conv_transpose(), 4)
                             : batch_norm(gemm(form == 4), 5));
        assert_int_equal(ALL_ROWS, 1);
        assert_int_equal(ROWS(BATCH_NORM), 0);
    }
}

static void bn_left(void **state)
{
    input(4, image);
    optimize(batch_norm(x, 2)); /* nothing before it */
    assert_int_equal(ROWS(BATCH_NORM), 1);
    stop(state);
    start(state);
    input(4, image);
    sg_vid y = conv(0); /* the bare result is read too */
    optimize(ADD(batch_norm(y, 4), y));
    assert_int_equal(ROWS(BATCH_NORM), 1);
    stop(state);
    start(state);
    input(4, image);
    static const int64_t w[4] = {4, 2, 3, 3}; /* weights that are computed */
    optimize(batch_norm(OP_OF(CONV, x, un(SG_UNARY_SQRT, weights(4, w))), 4));
    assert_int_equal(ROWS(BATCH_NORM), 1);
}

static void scale(void **state)
{
    static const int64_t per_channel[3] = {4, 1, 1};
    for (int form = 0; form < 4; form++) {
        if (form) {
            stop(state);
            start(state);
        }
        if (form < 3)
            input(4, image);
        else
            input(2, plane);
        optimize(form == 0   ? ADD(MUL(weights(3, per_channel), conv(vector(4))), weights(3, per_channel))
                 : form == 1 ? DIV(SUB(conv(0), weights(3, per_channel)), number(3))
                 : form == 2 ? MUL(conv_transpose(), weights(3, per_channel))
                             : ADD(MUL(gemm(false), vector(5)), vector(5)));
        assert_int_equal(ALL_ROWS, 1);
    }
}

static void scale_left(void **state)
{
    input(4, image);
    optimize(MUL(conv(0), vector(3))); /* along the last axis */
    assert_int_equal(ROWS(BINARY), 1);
    stop(state);
    start(state);
    input(4, image);
    optimize(DIV(conv(0), number(0))); /* no finite weights */
    assert_int_equal(ROWS(BINARY), 1);
    stop(state);
    start(state);
    input(4, image);
    optimize(SUB(number(1), conv(0)));
    assert_int_equal(ROWS(BINARY), 1);
}

/* ---- cse, transposes ---- */

static void cse(void **state)
{
    (void)state;
    input(2, plane);
    optimize(ADD(un(SG_UNARY_EXP, ADD(x, number(2))), un(SG_UNARY_EXP, ADD(x, number(2)))));
    assert_int_equal(ALL_ROWS, 3);
}

static void cse_left(void **state)
{
    input(2, plane);
    sg_vid a = un(SG_UNARY_LEAKY_RELU, x), b = un(SG_UNARY_LEAKY_RELU, x);
    sg_set_float(g, g->value[b].def, SG_A_alpha, 0.5);
    optimize(ADD(a, b)); /* attributes differ */
    assert_int_equal(ALL_ROWS, 3);
    stop(state);
    start(state);
    input(2, plane);
    a = un(SG_UNARY_EXP, x);
    sg_output_add(g, a);
    optimize(un(SG_UNARY_EXP, x)); /* two outputs of the model */
    assert_int_equal(ALL_ROWS, 2);
}

static void transposes(void **state)
{
    input(3, cube);
    optimize(un(SG_UNARY_ABS, transpose(transpose(x, 1, 2, 0), 2, 0, 1))); /* there and back */
    assert_int_equal(ALL_ROWS, 1);
    stop(state);
    start(state);
    input(3, cube);
    optimize(un(SG_UNARY_ABS, transpose(transpose(x, 1, 2, 0), 1, 2, 0))); /* two are one */
    assert_int_equal(ROWS(TRANSPOSE), 1);
    stop(state);
    start(state);
    input(3, cube);
    optimize(transpose(un(SG_UNARY_RELU, un(SG_UNARY_ABS, transpose(x, 0, 2, 1))), 0, 2, 1)); /* past functions */
    assert_int_equal(ALL_ROWS, 2);
    stop(state);
    start(state);
    input(3, cube);
    optimize(un(SG_UNARY_ABS, transpose(x, 0, 1, 2))); /* moves nothing */
    assert_int_equal(ALL_ROWS, 1);
}

static void transposes_left(void **state)
{
    (void)state;
    input(3, cube);
    sg_vid t = transpose(x, 0, 2, 1);
    optimize(MUL(un(SG_UNARY_ABS, t), t)); /* read twice: two transposes would be more work */
    assert_int_equal(ROWS(TRANSPOSE), 1);
}

/* ---- layout ---- */

static bool every_op(const sg_op *row, uint32_t cpu)
{
    (void)cpu;
    (void)row;
    return true;
}

static bool no_op(const sg_op *row, uint32_t cpu)
{
    (void)cpu;
    (void)row;
    return false;
}

static sg_vid filter(sg_vid a, int64_t out, int64_t in, int64_t side)
{
    const int64_t dim[4] = {out, in, side, side}, pads[4] = {side / 2, side / 2, side / 2, side / 2};
    sg_vid y = OP_OF(CONV, a, weights(4, dim));
    sg_set_ints(g, g->value[y].def, SG_A_pads, pads, 4);
    return y;
}

static sg_vid pool2(sg_vid a)
{
    const int64_t two[2] = {2, 2};
    sg_vid y = kind(OP_OF(POOL, a), SG_POOL_MAX);
    sg_set_ints(g, g->value[y].def, SG_A_kernel_shape, two, 2);
    return y;
}

static sg_vid along(sg_vid y, int64_t axis)
{
    sg_set_int(g, g->value[y].def, SG_A_axis, axis);
    return y;
}

static int values_last(void)
{
    int n = 0;
    for (size_t v = 1; v < after->n_value; v++)
        n += after->value[v].type.layout == SG_LAYOUT_LAST;
    return n;
}

/* Makes y the output, lays a copy out, compares the answers. */
static void lay_out(sg_vid y, sg_layout_has *has)
{
    static float want[512], got[512];
    size_t n, m;
    sg_err err = {0};
    assert_int_equal(sg_output_add(g, y), SEDGE_OK);
    assert_int_equal(sg_infer_graph(g, &err), SEDGE_OK);
    after = sg_graph_clone(g, &arena);
    assert_non_null(after);
    assert_int_equal(sg_pass_layout(after, has, 0, NULL, &err), SEDGE_OK);
    assert_int_equal(sg_infer_graph(after, &err), SEDGE_OK); /* rules run again lose no layout */
    assert_int_equal(sg_verify(after, &err), SEDGE_OK);
    answer(g, "reference", want, &n);
    answer(after, "cpu", got, &m);
    assert_true(n == m && n > 0);
    for (size_t i = 0; i < n; i++)
        assert_true(want[i] == got[i] || fabsf(want[i] - got[i]) <= 2e-5f * (1 + fabsf(want[i])));
}

static const int64_t colours[4] = {1, 3, 6, 5}, grey[4] = {1, 1, 6, 5};

/* A convolution net: one move in, one out; what is as long as its channels costs none. */
static void layout_of_a_net(void **state)
{
    (void)state;
    const int64_t per_channel[3] = {4, 1, 1}, whole[4] = {1, 4, 6, 5};
    input(4, colours);
    sg_vid a = ADD(ADD(un(SG_UNARY_RELU, filter(x, 4, 3, 3)), weights(3, per_channel)), weights(4, whole));
    sg_vid b = filter(along(OP_OF(CONCAT, a, filter(a, 4, 4, 3)), 1), 6, 8, 3);
    sg_vid gate = un(SG_UNARY_SIGMOID, filter(kind(OP_OF(POOL, b), SG_POOL_AVERAGE), 6, 6, 1));
    lay_out(OP_OF(FLATTEN, pool2(along(OP_OF(SOFTMAX, MUL(b, gate)), 1))), every_op);
    assert_int_equal(ROWS(RELAYOUT), 2);
    assert_true(values_last() > 8);
}

/* Flattening what a global pool gives is no move; nor is a picture of one channel. */
static void layout_for_free(void **state)
{
    (void)state;
    input(4, grey);
    sg_vid a = filter(filter(x, 4, 1, 3), 4, 4, 3);
    lay_out(OP_OF(FLATTEN, kind(OP_OF(POOL, a), SG_POOL_AVERAGE)), every_op);
    assert_int_equal(ROWS(RELAYOUT), 0);
    assert_true(values_last() > 2);
}

static void layout_left(void **state)
{
    input(4, colours);
    lay_out(un(SG_UNARY_RELU, pool2(x)), every_op); /* no convolution */
    assert_int_equal(values_last(), 0);
    stop(state);
    start(state);
    input(4, colours);
    lay_out(filter(filter(x, 4, 3, 3), 4, 4, 3), no_op); /* no kernels */
    assert_int_equal(values_last(), 0);
    sg_err err = {0};
    after->value[after->node[after->node[0].next].out[0]].type.layout = SG_LAYOUT_LAST; /* read row-major: refused */
    after->value[after->output[0]].type.layout = SG_LAYOUT_ROW;
    assert_int_equal(sg_verify(after, &err), SEDGE_E_BUG);
}

/* ---- act ---- */

static void bounds_of_convolutions(void **state)
{
    for (int form = 0; form < 4; form++) {
        stop(state);
        start(state);
        input(4, colours);
        sg_vid y = ADD(filter(x, 4, 3, 3), number(-9));
        optimize(form == 0   ? un(SG_UNARY_RELU, y)
                 : form == 1 ? OP_OF(CLIP, y, number(-1), number(6))
                 : form == 2 ? OP_OF(CLIP, y, number(0.5))
                             : OP_OF(CLIP, y, number(2), number(1)));
        assert_int_equal(rows(NULL, -1), 1);
    }
}

static void gates_of_convolutions(void **state)
{
    static const int kind[] = {SG_UNARY_SWISH,        SG_UNARY_HARD_SWISH, SG_UNARY_SIGMOID,
                               SG_UNARY_HARD_SIGMOID, SG_UNARY_GELU_TANH,  SG_UNARY_EXP};
    for (size_t i = 0; i < sizeof kind / sizeof kind[0]; i++) {
        stop(state);
        start(state);
        input(4, colours);
        optimize(un(kind[i], ADD(filter(x, 4, 3, 3), number(-9))));
        assert_int_equal(rows(NULL, -1), kind[i] == SG_UNARY_EXP ? 2 : 1);
    }
}

/* What is added becomes an operand, on whichever side it stands, and a relu follows. */
static void sums_of_convolutions(void **state)
{
    for (int form = 0; form < 5; form++) {
        stop(state);
        start(state);
        input(4, colours);
        sg_vid a = filter(x, 4, 3, 1), b = filter(a, 4, 4, 3);
        optimize(form == 0   ? ADD(b, a)
                 : form == 1 ? ADD(a, b)
                 : form == 2 ? un(SG_UNARY_RELU, ADD(b, a))
                 : form == 3 ? OP_OF(CLIP, ADD(un(SG_UNARY_RELU, a), b), number(1), number(6))
                             : ADD(b, un(SG_UNARY_TANH, filter(x, 4, 3, 3))));
        assert_int_equal(rows(SG_ROW(BINARY), SG_BINARY_ADD), 0);
        assert_int_equal(ROWS(CONV), form == 4 ? 3 : 2);
    }
}

/* Other shapes, and what is bounded before. */
static void sums_left(void **state)
{
    const int64_t row[4] = {1, 4, 1, 5};
    input(4, colours);
    optimize(ADD(filter(x, 4, 3, 3), weights(4, row)));
    assert_int_equal(rows(SG_ROW(BINARY), SG_BINARY_ADD), 1);
    stop(state);
    start(state);
    input(4, colours);
    sg_vid a = un(SG_UNARY_TANH, filter(x, 4, 3, 3));
    optimize(ADD(un(SG_UNARY_RELU, filter(a, 4, 4, 3)), a));
    assert_int_equal(rows(SG_ROW(BINARY), SG_BINARY_ADD), 1);
}

static sg_vid filter_onto(sg_vid a, int64_t in, int64_t side, sg_vid sum)
{
    const int64_t dim[4] = {4, in, side, side}, pads[4] = {side / 2, side / 2, side / 2, side / 2};
    sg_vid y = OP_OF(CONV, a, weights(4, dim), vector(4), sum);
    sg_set_ints(g, g->value[y].def, SG_A_pads, pads, 4);
    sg_set_int(g, g->value[y].def, SG_A_group, 4 / in);
    return y;
}

/* Over what dies: unless the convolution reads it too. Dense, Winograd's and depthwise. */
static void sums_in_place(void **state)
{
    for (int64_t form = 0; form < 6; form++) {
        stop(state);
        start(state);
        input(4, colours);
        sg_vid a = un(SG_UNARY_TANH, filter(x, 4, 3, 3)), b = un(SG_UNARY_SIGMOID, filter(x, 4, 3, 3));
        sg_vid y = filter_onto(a, form % 3 == 2 ? 1 : 4, form % 3 ? 3 : 1, form < 3 ? b : a);
        lay_out(un(SG_UNARY_SIN, y), every_op);
        assert_int_equal(ROWS(RELAYOUT), 2);
    }
}

static void bounds_left(void **state)
{
    input(4, colours);
    sg_vid y = filter(x, 4, 3, 3);
    optimize(ADD(un(SG_UNARY_RELU, y), y)); /* read twice */
    assert_int_equal(rows(SG_ROW(UNARY), SG_UNARY_RELU), 1);
    stop(state);
    start(state);
    input(4, colours);
    y = filter(x, 4, 3, 3);
    sg_output_add(g, y); /* wanted as it is */
    optimize(un(SG_UNARY_RELU, y));
    assert_int_equal(rows(SG_ROW(UNARY), SG_UNARY_RELU), 1);
    stop(state);
    start(state);
    input(4, colours);
    optimize(OP_OF(CLIP, filter(x, 4, 3, 3), un(SG_UNARY_EXP, number(0.1)), OP_OF(REDUCE, x))); /* bounds that are computed */
    assert_int_equal(rows(SG_ROW(CLIP), -1), 1);
}

static void moves_of_all_types(void **state)
{
    (void)state;
    static const uint8_t type[] = {SG_F32, SG_I8, SG_F16, SG_I4, SG_F64};
    uint8_t a[256], b[256], c[256];
    for (size_t k = 0; k < sizeof type; k++) {
        sg_tensor t = {.data = a, .dtype = type[k], .rank = 4, .dim = {2, 3, 2, 2}}, u = t, v = t;
        for (int i = 0; i < 256; i++)
            a[i] = (uint8_t)(i * 37 + 5);
        u.data = b;
        u.layout = SG_LAYOUT_LAST;
        v.data = c;
        sg_layout_copy(&t, &u);
        sg_layout_copy(&u, &v);
        assert_memory_equal(a, c, sg_tensor_bytes(&t));
        assert_int_equal(sg_load_i64((sg_dtype)(type[k] == SG_I4 || type[k] == SG_I8 ? type[k] : SG_U8), b, 0),
                         sg_load_i64((sg_dtype)(type[k] == SG_I4 || type[k] == SG_I8 ? type[k] : SG_U8), a, 0));
        if (type[k] == SG_I4 || type[k] == SG_I8) /* channel 1 of position 0 is next */
            assert_int_equal(sg_load_i64((sg_dtype)type[k], b, 1), sg_load_i64((sg_dtype)type[k], a, 4));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)
        T(gelu_erf),
        T(gelu_tanh),
        T(gelu_left),
        T(silu),
        T(silu_left),
        T(layer_norm),
        T(layer_norm_left),
        T(bn),
        T(attention),
        T(attention_left),
        T(bn_left),
        T(scale),
        T(scale_left),
        T(cse),
        T(cse_left),
        T(transposes),
        T(transposes_left),
        T(layout_of_a_net),
        T(layout_for_free),
        T(layout_left),
        T(bounds_of_convolutions),
        T(gates_of_convolutions),
        T(bounds_left),
        T(sums_of_convolutions),
        T(sums_left),
        T(sums_in_place),
        T(moves_of_all_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
