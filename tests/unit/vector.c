/* Steps that are no matrix products, in both orders of memory: what the bindings of the CPU compute is what the references compute, within what sums
 * in f32 may lose, and the same bits at any number of threads. */
#include "unit.h"

#include <math.h>

#include "op/elementwise.h"
#include "op/pool.h"
#include "op/reduce.h"
#include "op/resize.h"
#include "op/softmax.h"
#include "run/frame.h"

enum { TRIALS = 1500, ROOM = 1 << 21 };

static uint32_t seed;
static sg_mem mem;
static sg_arena arena;
static sg_graph *g;
static float x_data[ROOM];

static int64_t pick(int64_t lo, int64_t hi)
{
    seed = seed * 1664525u + 1013904223u;
    return lo + (int64_t)(((uint64_t)seed * (uint64_t)(hi - lo + 1)) >> 32);
}

/* A constant of numbers in [lo, lo + 1). */
static sg_vid numbers(int rank, const int64_t *dim, double lo)
{
    int64_t n = sg_dim_span(dim, 0, rank);
    float *v = sg_arena_alloc(&arena, (size_t)n * sizeof *v);
    assert_non_null(v);
    for (int64_t i = 0; i < n; i++)
        v[i] = (float)(lo + (double)pick(0, 1023) / 1024);
    return sg_const_new(g, SG_F32, rank, dim, v, "c");
}

static sg_nid node(const sg_op *row, int n_in, const sg_vid *in)
{
    sg_nid n = sg_node_new(g, row, in, n_in, 1, 0);
    assert_true(n != 0);
    return n;
}

static sg_vid done(sg_nid n, int layout)
{
    sg_err err = {0};
    g->value[g->node[n].out[0]].type.layout = (uint8_t)layout;
    if (sg_infer_node(g, n, &err) != SEDGE_OK)
        fail_msg("seed %u: %s", seed, err.msg);
    return g->node[n].out[0];
}

static sg_vid moved(sg_vid v, int layout)
{
    sg_nid n = node(SG_ROW(RELAYOUT), 1, &v);
    sg_set_int(g, n, SG_A_layout, layout);
    return done(n, layout);
}

static sg_nid unary(sg_vid x)
{
    static const int kind[] = {SG_UNARY_SWISH, SG_UNARY_TANH, SG_UNARY_ERF, SG_UNARY_ELU, SG_UNARY_HARD_SWISH};
    sg_nid n = node(SG_ROW(UNARY), 1, &x);
    sg_set_int(g, n, SG_A_kind, kind[pick(0, 4)]);
    return n;
}

/* With one number, one a channel, one a column, or one for all, in either place. */
static sg_nid binary(sg_vid x, const int64_t *dim, bool last)
{
    const int64_t by[4][4] = {{1, 1, 1, 1}, {1, dim[1], 1, 1}, {1, 1, 1, dim[3]}, {dim[0], last ? 1 : dim[1], dim[2], 1}};
    sg_vid c = numbers(4, by[pick(0, 3)], 0.5);
    bool swap = pick(0, 1);
    sg_nid n = node(SG_ROW(BINARY), 2, (sg_vid[]){swap ? c : x, swap ? x : c});
    sg_set_int(g, n, SG_A_kind, pick(0, 1) ? SG_BINARY_PRELU : pick(SG_BINARY_ADD, SG_BINARY_MUL));
    return n;
}

static sg_nid clip(sg_vid x)
{
    sg_vid lo = sg_const_f64(g, SG_F32, -0.25), hi = sg_const_f64(g, SG_F32, 0.5);
    return node(SG_ROW(CLIP), 3, (sg_vid[]){x, pick(0, 2) ? lo : 0, pick(0, 2) ? hi : 0});
}

static sg_nid resize(sg_vid x, const int64_t *dim)
{
    const int64_t size[4] = {dim[0], dim[1], pick(1, 24), pick(1, 24)};
    sg_nid n = node(SG_ROW(RESIZE), 4, (sg_vid[]){x, 0, 0, sg_const_i64(g, size, 4, 1)});
    sg_set_int(g, n, SG_A_mode, pick(0, 1) ? SG_RESIZE_LINEAR : SG_RESIZE_NEAREST);
    sg_set_int(g, n, SG_A_coordinate_transformation_mode, pick(SG_COORD_HALF_PIXEL, SG_COORD_ASYMMETRIC));
    return n;
}

static sg_nid batch_norm(sg_vid x, const int64_t *dim)
{
    sg_vid in[5] = {x, 0};
    for (int k = 1; k < 5; k++)
        in[k] = numbers(1, &dim[1], k == 4 ? 0.5 : -0.5);
    return node(SG_ROW(BATCH_NORM), 5, in);
}

static sg_nid softmax(sg_vid x)
{
    sg_nid n = node(SG_ROW(SOFTMAX), 1, &x);
    sg_set_int(g, n, SG_A_axis, pick(-4, 3));
    sg_set_int(g, n, SG_A_kind, pick(SG_SOFTMAX_PLAIN, SG_SOFTMAX_LOG));
    return n;
}

static sg_nid row_norm(sg_vid x, const int64_t *dim)
{
    int axis = (int)pick(1, 3);
    sg_vid in[3] = {x, numbers(4 - axis, dim + axis, 0.5), numbers(4 - axis, dim + axis, -0.5)};
    sg_nid n = pick(0, 1) ? node(SG_ROW(LAYER_NORM), 2 + (int)pick(0, 1), in) : node(SG_ROW(RMS_NORM), 2, in);
    sg_set_int(g, n, SG_A_axis, axis);
    return n;
}

static sg_nid reduce(sg_vid x, bool last)
{
    int64_t axes[3], from = last ? 2 : pick(0, 3), to = last ? 3 : pick(from, 3);
    for (int64_t i = from; i <= to && i - from < 3; i++)
        axes[i - from] = i;
    int64_t count = to - from + 1 < 3 ? to - from + 1 : 3;
    sg_nid n = node(SG_ROW(REDUCE), 2, (sg_vid[]){x, sg_const_i64(g, axes, count, 1)});
    sg_set_int(g, n, SG_A_kind, last || pick(0, 1) ? SG_REDUCE_MEAN : SG_REDUCE_SUM);
    return n;
}

static sg_nid pool(sg_vid x)
{
    sg_nid n = node(SG_ROW(POOL), 1, &x);
    sg_set_int(g, n, SG_A_kind, pick(0, 1) ? SG_POOL_AVERAGE : SG_POOL_MAX);
    if (pick(0, 2)) {
        const int64_t pads[4] = {1, 1, pick(0, 1), 1}, strides[2] = {pick(1, 2), pick(1, 3)};
        sg_set_ints(g, n, SG_A_kernel_shape, (const int64_t[]){2, pick(2, 3)}, 2);
        sg_set_ints(g, n, SG_A_pads, pads, 4);
        sg_set_ints(g, n, SG_A_strides, strides, 2);
    }
    return n;
}

static sg_nid conv_transpose(sg_vid x, const int64_t *dim)
{
    const int64_t w[4] = {dim[1], pick(1, 40), pick(1, 3), pick(1, 3)};
    sg_nid n = node(SG_ROW(CONV_TRANSPOSE), 2 + (int)pick(0, 1), (sg_vid[]){x, numbers(4, w, -0.5), numbers(1, &w[1], -0.5)});
    sg_set_ints(g, n, SG_A_strides, w + 2, 2);
    return n;
}

static sg_nid transpose(sg_vid x)
{
    int64_t perm[4] = {0, 1, 2, 3};
    for (int i = 3; i > 0; i--) {
        int64_t k = pick(0, i), t = perm[k];
        perm[k] = perm[i];
        perm[i] = t;
    }
    sg_nid n = node(SG_ROW(TRANSPOSE), 1, &x);
    sg_set_ints(g, n, SG_A_perm, perm, 4);
    return n;
}

/* Steps of a batch by constant weights, in one or both directions. */
static void recurrent(void)
{
    static const struct {
        sg_op_id op;
        int64_t gates;
    } kind[] = {{SG_OP_RNN, 1}, {SG_OP_GRU, 3}, {SG_OP_LSTM, 4}};
    int64_t k = pick(0, 2), h = pick(1, 40), dirs = pick(1, 2), rows = kind[k].gates * h;
    const int64_t dim[3] = {pick(1, 12), pick(1, 3), pick(1, 40)}, w[3] = {dirs, rows, dim[2]}, r[3] = {dirs, rows, h};
    const int64_t b[2] = {dirs, 2 * rows};
    sg_type t = {.dtype = SG_F32, .rank = 3};
    memcpy(t.dim, dim, sizeof dim);
    sg_vid in[4] = {sg_input_new(g, &t, "x"), numbers(3, w, -0.5), numbers(3, r, -0.5), pick(0, 1) ? numbers(2, b, -0.5) : 0};
    sg_nid n = node(&sg_ops[kind[k].op], 4, in);
    sg_set_int(g, n, SG_A_hidden_size, h);
    if (dirs == 2)
        sg_set_str(g, n, SG_A_direction, "bidirectional", 13);
    if (k == 1)
        sg_set_int(g, n, SG_A_linear_before_reset, pick(0, 1));
    assert_int_equal(sg_output_add(g, done(n, SG_LAYOUT_ROW)), SEDGE_OK);
}

enum { LAST_KINDS = 9, KINDS = 12 };

static sg_nid step(int kind, sg_vid x, const int64_t *dim, bool last)
{
    switch (kind) {
    case 0: return unary(x);
    case 1: return binary(x, dim, last);
    case 2: return clip(x);
    case 3: return resize(x, dim);
    case 4: return batch_norm(x, dim);
    case 5: return softmax(x);
    case 6: return reduce(x, last);
    case 7: return pool(x);
    case 8: return conv_transpose(x, dim);
    case 9: return row_norm(x, dim);
    default: return transpose(x);
    }
}

/* One step, channels last between moves if it can; `plain`: the same row-major. */
static void build(bool plain)
{
    int kind = (int)pick(0, KINDS - 1);
    bool last = kind < LAST_KINDS && pick(0, 1);
    int64_t dim[4] = {pick(1, 2), pick(1, 40), pick(1, 20), pick(1, 20)};
    if (kind == KINDS - 1) {
        recurrent();
        return;
    }
    if (pick(0, 20) == 0)
        dim[3] = 700; /* more than a task */
    sg_type t = {.dtype = SG_F32, .rank = 4};
    memcpy(t.dim, dim, sizeof dim);
    sg_vid x = sg_input_new(g, &t, "x");
    bool turn = last && !plain;
    sg_vid y = done(step(kind, turn ? moved(x, SG_LAYOUT_LAST) : x, dim, last), turn ? SG_LAYOUT_LAST : SG_LAYOUT_ROW);
    assert_int_equal(sg_output_add(g, turn ? moved(y, SG_LAYOUT_ROW) : y), SEDGE_OK);
}

typedef struct engine {
    sg_run run;
    sg_graph *graph;
    sg_plan *plan;
    sg_frame *f;
} engine;

static void open_on(engine *e, const char *target, int threads)
{
    sg_err err = {0};
    sg_plan_args args = {.target = sg_target_find(target), .allow_fallback = true};
    memset(e, 0, sizeof *e);
    e->run = (sg_run){.mem = &mem, .threads = threads, .pool = {.mem = &mem}};
    e->graph = sg_graph_clone(g, &arena);
    if (sg_plan_build(&e->plan, e->graph, &args, &err) || sg_frame_open(&e->f, e->plan, &e->run, &err))
        fail_msg("seed %u: %s", seed, err.msg);
    const sg_type *t = &g->value[g->input[0]].type;
    sg_tensor *in = &e->f->val[e->plan->input[0]];
    *in = (sg_tensor){.dtype = SG_F32, .rank = t->rank, .data = x_data};
    memcpy(in->dim, t->dim, sizeof in->dim);
    if (sg_frame_run(e->f, &err) != SEDGE_OK)
        fail_msg("seed %u: %s", seed, err.msg);
}

static void close_it(engine *e)
{
    sg_frame_close(e->f);
    sg_pool_close(&e->run.pool);
    sg_free(&mem, e->run.scratch, e->run.cap_scratch * sizeof *e->run.scratch);
    sg_plan_free(e->plan);
    sg_graph_free(e->graph);
}

static void against_references(void **state)
{
    (void)state;
    int kernels = 0;
    for (uint32_t trial = 0; trial < TRIALS; trial++) {
        engine ref, one, three;
        mem = (sg_mem){0};
        arena = (sg_arena){.mem = &mem};
        seed = trial;
        g = sg_graph_new(&arena);
        build(true);
        open_on(&ref, "reference", 1);
        sg_graph_free(g);
        seed = trial;
        g = sg_graph_new(&arena);
        build(false);
        open_on(&one, "cpu", 1);
        open_on(&three, "cpu", 3);
        for (uint32_t i = 0; i < one.plan->n_step; i++)
            kernels += one.plan->step[i].op != SG_ROW(RELAYOUT) && strcmp(one.plan->step[i].kernel.name, "ref") != 0;
        const sg_tensor *r = &ref.f->val[ref.plan->output[0]], *a = &one.f->val[one.plan->output[0]],
                        *b = &three.f->val[three.plan->output[0]];
        assert_true(sg_same_shape(r, a));
        if (memcmp(a->data, b->data, sg_tensor_bytes(a)) != 0)
            fail_msg("trial %u (%s): three threads give other bits", trial, one.plan->step[one.plan->n_step / 2].op->name);
        double terms = (double)sg_d_numel(&g->value[g->input[0]].type) / (double)sg_numel(r); /* of a sum */
        for (int64_t i = 0; i < sg_numel(r); i++) {
            double want = (double)((const float *)r->data)[i], got = (double)((const float *)a->data)[i];
            if (!(fabs(want - got) <= 1e-5 * (fabs(want) + 1) + 0x1p-24 * terms))
                fail_msg("trial %u (%s): element %d is %g, not %g", trial, one.plan->step[one.plan->n_step / 2].op->name, (int)i,
                         got, want);
        }
        close_it(&ref);
        close_it(&one);
        close_it(&three);
        sg_graph_free(g);
        sg_arena_free(&arena);
        assert_int_equal(mem.used, 0);
    }
    assert_true(kernels > TRIALS * 9 / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(against_references)};
    for (int i = 0; i < ROOM; i++)
        x_data[i] = (float)((int64_t)i * 7919 % 2003 - 1001) / 500.0f;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
