/* Gradients of every op against differences: in doubles, by five points (error of the order of h^4), for random shapes and attributes.
 * Every row of the op table has a rule that is tested here, or says why it has none. */
#include "unit.h"

#include <math.h>
#include <stdio.h>

#include "backend/backend.h"
#include "grad/gradient.h"
#include "grad/rule.h"
#include "op/index.h"
#include "op/pool.h"
#include "op/resize.h"
#include "op/softmax.h"
#include "pass/pass.h"
#include "run/frame.h"

#define TRIALS    30
#define STEP      1e-4
#define TOLERANCE 1e-7
enum { INPUTS = 6, PROBES = 8 };

static uint32_t seed;
static bool covered[SG_OP_COUNT];

static uint32_t below(uint32_t n)
{
    seed = seed * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)(seed >> 8) * n) >> 24);
}

/* One graph: inputs in doubles, a result, and what is made of them. */
typedef struct rig {
    sg_mem mem;
    sg_arena arena;
    sg_err err;
    sg_ib b;
    sg_vid x[INPUTS];
    double *data[INPUTS];
    int n;
    int arg; /* of the case */
} rig;

static int64_t numel(const rig *r, sg_vid v)
{
    return sg_d_numel(sg_ib_type(&r->b, v));
}

/* Values between lo and hi, all different, none near a multiple of a half: there functions have corners. */
static double *values(rig *r, int64_t n, double lo, double hi)
{
    double *v = sg_arena_array(&r->arena, (size_t)n + 1, sizeof *v);
    for (int64_t i = 0; i < n; i++) {
        v[i] = lo + (hi - lo) * ((double)i + 0.25 + 0.5 * (double)below(1000) / 1000) / (double)n;
        double off = v[i] - round(v[i] * 2) / 2;
        if (fabs(off) < 0.003)
            v[i] += off < 0 ? -0.003 : 0.003;
    }
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t k = below((uint32_t)i + 1);
        double t = v[i];
        v[i] = v[k];
        v[k] = t;
    }
    return v;
}

static sg_vid real_in(rig *r, int rank, const int64_t *dim, double lo, double hi)
{
    sg_type t = {.kind = SG_TENSOR, .dtype = SG_F64, .rank = (int8_t)rank};
    for (int i = 0; i < rank; i++)
        t.dim[i] = dim[i];
    r->data[r->n] = values(r, sg_d_numel(&t), lo, hi);
    return r->x[r->n++] = sg_input_new(r->b.g, &t, NULL);
}

#define DIMS(...)                                                                      \
    (int)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[]) \
    {                                                                                  \
        __VA_ARGS__                                                                    \
    }

static sg_vid any_in(rig *r, int rank, double lo, double hi)
{
    int64_t dim[SG_RANK_MAX];
    for (int i = 0; i < rank; i++)
        dim[i] = 1 + below(4);
    return real_in(r, rank, dim, lo, hi);
}

static sg_vid constant(rig *r, int rank, const int64_t *dim, double lo, double hi)
{
    sg_type t = {.rank = (int8_t)rank};
    memcpy(t.dim, dim, (size_t)rank * sizeof *dim);
    return sg_const_new(r->b.g, SG_F64, rank, dim, values(r, sg_d_numel(&t), lo, hi), NULL);
}

/* Indices in [0, n). */
static sg_vid indices(rig *r, int rank, const int64_t *dim, uint32_t n)
{
    sg_type t = {.rank = (int8_t)rank};
    memcpy(t.dim, dim, (size_t)rank * sizeof *dim);
    int64_t count = sg_d_numel(&t), *v = sg_arena_array(&r->arena, (size_t)count + 1, sizeof *v);
    for (int64_t i = 0; i < count; i++)
        v[i] = below(n);
    return sg_const_new(r->b.g, SG_I64, rank, dim, v, NULL);
}

static sg_vid ints(rig *r, const int64_t *v, int n)
{
    return sg_ib_const_i64s(&r->b, v, n);
}

/* ---- running ---- */

typedef struct runner {
    sg_run run;
    sg_plan *plan;
    sg_frame *frame;
} runner;

static void start(runner *u, rig *r)
{
    const sg_plan_args args = {.target = sg_target_find("cpu"), .alloc = r->mem.fn, .alloc_ctx = r->mem.ctx};
    *u = (runner){.run = {.mem = &r->mem, .pool = {.mem = &r->mem}, .threads = 1}};
    assert_int_equal(sg_plan_build(&u->plan, r->b.g, &args, &r->err), SEDGE_OK);
    assert_int_equal(sg_frame_open(&u->frame, u->plan, &u->run, &r->err), SEDGE_OK);
    for (int k = 0; k < r->n; k++) {
        sg_tensor *t = &u->frame->val[u->plan->input[k]];
        memcpy(t->dim, sg_ib_type(&r->b, r->x[k])->dim, sizeof t->dim);
        t->data = r->data[k];
    }
}

static void stop(runner *u, rig *r)
{
    sg_frame_close(u->frame);
    sg_pool_close(&u->run.pool);
    sg_free(&r->mem, u->run.scratch, u->run.cap_scratch * sizeof *u->run.scratch);
    sg_plan_free(u->plan);
}

static const double *result(const runner *u, int k)
{
    return u->frame->val[u->plan->output[k]].data;
}

static double loss_at(runner *u, rig *r, double *x, double v)
{
    double was = *x;
    *x = v;
    assert_int_equal(sg_frame_run(u->frame, &r->err), SEDGE_OK);
    *x = was;
    return result(u, 0)[0];
}

static double difference(runner *u, rig *r, double *x)
{
    double v = *x, h = STEP;
    return (8 * (loss_at(u, r, x, v + h) - loss_at(u, r, x, v - h)) -
            (loss_at(u, r, x, v + 2 * h) - loss_at(u, r, x, v - 2 * h))) /
           (12 * h);
}

/* ---- cases ---- */

typedef struct sample {
    const char *name;
    sg_vid (*make)(rig *r);
    int arg;
} sample;

static double domain_low(int kind)
{
    switch (kind) {
    case SG_UNARY_SQRT:
    case SG_UNARY_LOG: return 0.1;
    case SG_UNARY_ACOSH: return 1.1;
    case SG_UNARY_ASIN:
    case SG_UNARY_ACOS:
    case SG_UNARY_ATANH: return -0.9;
    case SG_UNARY_TAN: return -1.2;
    default: return -4.1;
    }
}

static double domain_high(int kind)
{
    double lo = domain_low(kind);
    return lo > 0 ? 4 : -lo;
}

static sg_vid make_unary(rig *r)
{
    return sg_ib_node(&r->b, SG_OP_UNARY, SG_INS(any_in(r, (int)below(4), domain_low(r->arg), domain_high(r->arg))),
                      SG_SET({SG_A_kind, .i = r->arg}, {SG_A_alpha, .f = 0.75}, {SG_A_beta, .f = 0.4}, {SG_A_gamma, .f = 1.3}));
}

static sg_vid make_binary(rig *r)
{
    double lo = r->arg == SG_BINARY_POW || r->arg == SG_BINARY_DIV || r->arg == SG_BINARY_MOD || r->arg == SG_BINARY_FMOD ? 0.3
                                                                                                                          : -2;
    int64_t a[4], b[4];
    for (int i = 0; i < 4; i++) {
        a[i] = 1 + below(3);
        b[i] = below(2) ? a[i] : 1;
        a[i] = below(4) ? a[i] : 1;
    }
    sg_vid x = real_in(r, 4, a, lo, 2.3);
    int skip = (int)below(3);
    return sg_ib_binary(&r->b, r->arg, x, real_in(r, 4 - skip, b + skip, lo, 1.9));
}

static sg_vid make_cast(rig *r)
{
    return sg_ib_node(&r->b, SG_OP_CAST, SG_INS(any_in(r, 2, -1, 1)), SG_SET({SG_A_to, .i = SG_F64}));
}

static sg_vid make_where(rig *r)
{
    sg_vid a = real_in(r, DIMS(2, 1, 3), -1, 1), b = real_in(r, DIMS(4, 1), -1, 1);
    sg_vid c = sg_ib_compare(&r->b, SG_COMPARE_LESS, constant(r, DIMS(2, 4, 3), -1, 1), constant(r, DIMS(1), -0.2, 0.2));
    return sg_ib_emit1(&r->b, SG_OP_WHERE, SG_INS(c, a, b));
}

static sg_vid make_clip(rig *r)
{
    sg_vid x = any_in(r, 3, -2, 2), lo = below(2) ? real_in(r, 0, NULL, -1.3, -0.8) : 0;
    return sg_ib_emit1(&r->b, SG_OP_CLIP, SG_INS(x, lo, real_in(r, 0, NULL, 0.8, 1.3)));
}

static sg_vid make_dropout(rig *r)
{
    return sg_ib_emit1(&r->b, SG_OP_DROPOUT, SG_INS(sg_ib_emit1(&r->b, SG_OP_IDENTITY, SG_INS(any_in(r, 2, -1, 1)))));
}

static sg_vid make_swiglu(rig *r)
{
    return sg_ib_node(&r->b, SG_OP_SWIGLU, SG_INS(real_in(r, DIMS(2, 5), -2, 2), real_in(r, DIMS(2, 5), -2, 2)),
                      SG_SET({SG_A_alpha, .f = 1.25}));
}

static sg_vid make_view(rig *r)
{
    sg_vid x = real_in(r, DIMS(2, 1, 3, 4), -1, 1);
    int64_t one = 1, to[2] = {-1, 6}, two[2] = {0, 4};
    x = sg_ib_list(&r->b, SG_OP_SQUEEZE, x, &one, 1);
    x = sg_ib_list(&r->b, SG_OP_UNSQUEEZE, x, two, 2);
    x = sg_ib_node(&r->b, SG_OP_FLATTEN, SG_INS(x), SG_SET({SG_A_axis, .i = 2}));
    return sg_ib_reshape(&r->b, x, to, 2);
}

static sg_vid make_transpose(rig *r)
{
    int64_t perm[4] = {0, 1, 2, 3};
    for (int i = 3; i > 0; i--) {
        int k = (int)below((uint32_t)i + 1);
        int64_t t = perm[i];
        perm[i] = perm[k];
        perm[k] = t;
    }
    sg_vid x = any_in(r, 4, -1, 1);
    return below(4) ? sg_ib_transpose(&r->b, x, perm, 4) : sg_ib_emit1(&r->b, SG_OP_TRANSPOSE, SG_INS(x));
}

static sg_vid make_concat(rig *r)
{
    sg_vid a = real_in(r, DIMS(2, 3), -1, 1), b = real_in(r, DIMS(2, 2), -1, 1);
    return sg_ib_node(&r->b, SG_OP_CONCAT, SG_INS(a, constant(r, DIMS(2, 1), -1, 1), b, a),
                      SG_SET({SG_A_axis, .i = below(2) ? 1 : -1}));
}

/* Of three parts one is not used, and one twice. */
static sg_vid make_split(rig *r)
{
    static const int64_t sizes[3] = {2, 3, 2};
    sg_nid n = sg_ib_make(&r->b, SG_OP_SPLIT, SG_INS(real_in(r, DIMS(3, 7), -1, 1), ints(r, sizes, 3)), 3,
                          SG_SET({SG_A_axis, .i = 1}));
    return sg_ib_binary(&r->b, SG_BINARY_MUL, sg_node_out(r->b.g, n, 0), sg_node_out(r->b.g, n, 2));
}

static sg_vid make_slice(rig *r)
{
    static const int64_t from[2] = {4, 1}, to[2] = {-6, 6}, axes[2] = {1, 2}, steps[2] = {-2, 2};
    return sg_ib_emit1(
        &r->b, SG_OP_SLICE,
        SG_INS(real_in(r, DIMS(2, 5, 7), -1, 1), ints(r, from, 2), ints(r, to, 2), ints(r, axes, 2), ints(r, steps, 2)));
}

static sg_vid make_pad(rig *r)
{
    static const char *const mode[] = {"constant", "reflect", "edge", "wrap"};
    static const int64_t pads[4] = {1, 2, 0, 1};
    const char *m = mode[below(4)];
    sg_nid n = sg_ib_emit(&r->b, SG_OP_PAD, SG_INS(real_in(r, DIMS(3, 4), -1, 1), ints(r, pads, 4)), 1);
    sg_set_str(r->b.g, n, SG_A_mode, m, strlen(m));
    return sg_ib_done(&r->b, n) == SEDGE_OK ? sg_node_out(r->b.g, n, 0) : 0;
}

static sg_vid make_expand(rig *r)
{
    static const int64_t to[4] = {2, 3, 4, 2};
    return sg_ib_list(&r->b, SG_OP_EXPAND, real_in(r, DIMS(3, 1, 2), -1, 1), to, 4);
}

static sg_vid make_tile(rig *r)
{
    static const int64_t times_of[2] = {2, 3};
    return sg_ib_list(&r->b, SG_OP_TILE, real_in(r, DIMS(3, 2), -1, 1), times_of, 2);
}

static sg_vid make_trilu(rig *r)
{
    return sg_ib_node(&r->b, SG_OP_TRILU, SG_INS(real_in(r, DIMS(2, 3, 4), -1, 1), sg_ib_const_i64(&r->b, (int64_t)below(3) - 1)),
                      SG_SET({SG_A_upper, .i = below(2)}));
}

static sg_vid make_reverse(rig *r)
{
    static const int64_t n[3] = {2, 4, 1};
    return sg_ib_emit1(&r->b, SG_OP_REVERSE_SEQUENCE, SG_INS(real_in(r, DIMS(4, 3, 2), -1, 1), ints(r, n, 3)));
}

static sg_vid make_crop_pad(rig *r)
{
    static const int64_t to[2] = {5, 2};
    return sg_ib_list(&r->b, SG_OP_CENTER_CROP_PAD, real_in(r, DIMS(3, 4), -1, 1), to, 2);
}

static sg_vid make_blocks(rig *r)
{
    sg_vid x = real_in(r, DIMS(1, 4, 2, 2), -1, 1);
    x = sg_ib_node(&r->b, SG_OP_DEPTH_TO_SPACE, SG_INS(x), SG_SET({SG_A_blocksize, .i = 2}, {SG_A_mode, .i = below(2)}));
    return sg_ib_node(&r->b, SG_OP_SPACE_TO_DEPTH, SG_INS(sg_ib_unary(&r->b, SG_UNARY_SIN, x, 1, 1)),
                      SG_SET({SG_A_blocksize, .i = 2}));
}

static sg_vid make_gather(rig *r)
{
    sg_vid x = real_in(r, DIMS(3, 4, 2), -1, 1);
    int axis = (int)below(3);
    return sg_ib_gather(&r->b, x, indices(r, DIMS(2, 3), (uint32_t)sg_ib_type(&r->b, x)->dim[axis]), axis);
}

static sg_vid make_gather_elements(rig *r)
{
    return sg_ib_node(&r->b, SG_OP_GATHER_ELEMENTS, SG_INS(real_in(r, DIMS(3, 4), -1, 1), indices(r, DIMS(3, 6), 4)),
                      SG_SET({SG_A_axis, .i = 1}));
}

static sg_vid make_gather_nd(rig *r)
{
    return sg_ib_emit1(&r->b, SG_OP_GATHER_ND, SG_INS(real_in(r, DIMS(3, 3, 2), -1, 1), indices(r, DIMS(4, 2), 3)));
}

static sg_vid make_scatter(rig *r)
{
    static const int64_t at[4] = {3, 0, 1, 2}, two[2] = {2, 0};
    int how = below(2) ? SG_SCATTER_ADD : SG_SCATTER_NONE;
    sg_vid x = real_in(r, DIMS(4, 2), -1, 1);
    sg_vid index = sg_const_new(r->b.g, SG_I64, 2, (const int64_t[]){2, 2}, at, NULL);
    x = sg_ib_node(&r->b, SG_OP_SCATTER_ELEMENTS, SG_INS(x, index, real_in(r, DIMS(2, 2), -1, 1)),
                   SG_SET({SG_A_axis, .i = 0}, {SG_A_reduction, .i = how}));
    x = sg_ib_unary(&r->b, SG_UNARY_SIN, x, 1, 1);
    index = sg_const_new(r->b.g, SG_I64, 2, (const int64_t[]){2, 1}, two, NULL);
    return sg_ib_node(&r->b, SG_OP_SCATTER_ND, SG_INS(x, index, real_in(r, DIMS(2, 2), -1, 1)),
                      SG_SET({SG_A_reduction, .i = how}));
}

static sg_vid make_top_k(rig *r)
{
    static const int64_t three = 3;
    return sg_ib_node(&r->b, SG_OP_TOP_K, SG_INS(real_in(r, DIMS(2, 6, 2), -1, 1), ints(r, &three, 1)),
                      SG_SET({SG_A_axis, .i = 1}, {SG_A_largest, .i = below(2)}));
}

static sg_vid make_matmul(rig *r)
{
    static const struct {
        int ra, rb;
        int64_t a[4], b[4];
    } shape[] = {{2, 2, {3, 4}, {4, 2}},
                 {1, 2, {4}, {4, 3}},
                 {2, 1, {3, 4}, {4}},
                 {1, 1, {4}, {4}},
                 {3, 2, {2, 3, 4}, {4, 2}},
                 {1, 3, {4}, {2, 4, 3}},
                 {4, 3, {2, 1, 3, 4}, {5, 4, 2}},
                 {2, 3, {3, 4}, {2, 4, 3}}};
    int i = (int)below(8);
    sg_vid a = real_in(r, shape[i].ra, shape[i].a, -1, 1);
    return sg_ib_matmul(&r->b, a, real_in(r, shape[i].rb, shape[i].b, -1, 1));
}

static sg_vid make_gemm(rig *r)
{
    int ta = (int)below(2), tb = (int)below(2), c = (int)below(3);
    sg_vid a = real_in(r, 2, ta ? (const int64_t[]){4, 3} : (const int64_t[]){3, 4}, -1, 1);
    sg_vid b = real_in(r, 2, tb ? (const int64_t[]){2, 4} : (const int64_t[]){4, 2}, -1, 1);
    sg_vid v = c == 0 ? 0 : c == 1 ? real_in(r, DIMS(2), -1, 1) : real_in(r, DIMS(3, 1), -1, 1);
    return sg_ib_node(&r->b, SG_OP_GEMM, SG_INS(a, b, v),
                      SG_SET({SG_A_transA, .i = ta}, {SG_A_transB, .i = tb}, {SG_A_alpha, .f = 0.7}, {SG_A_beta, .f = 1.5}));
}

static sg_vid make_reduce(rig *r)
{
    static const int64_t some[3] = {0, -1, 1};
    int kind = r->arg, n = (int)below(4);
    sg_vid x = real_in(r, DIMS(3, 2, 4), kind == SG_REDUCE_LOG_SUM ? 0.2 : -2, 2);
    return sg_ib_node(&r->b, SG_OP_REDUCE, SG_INS(x, n ? ints(r, some, n) : 0),
                      SG_SET({SG_A_kind, .i = kind}, {SG_A_keepdims, .i = below(2)}));
}

static sg_vid make_cum(rig *r)
{
    return sg_ib_node(&r->b, SG_OP_CUM, SG_INS(any_in(r, 3, -1, 1), sg_ib_const_i64(&r->b, below(3))),
                      SG_SET({SG_A_exclusive, .i = below(2)}, {SG_A_reverse, .i = below(2)}));
}

typedef struct slide {
    int64_t kernel[3], stride[3], dilation[3], pads[6], in[3];
    int n;
} slide;

static slide any_slide(void)
{
    slide s = {.n = 1 + (int)below(3)};
    for (int i = 0; i < s.n; i++) {
        s.kernel[i] = 1 + below(3);
        s.stride[i] = 1 + below(3);
        s.dilation[i] = 1 + below(2);
        s.pads[i] = below((uint32_t)s.kernel[i]);
        s.pads[s.n + i] = below((uint32_t)s.kernel[i]);
        s.in[i] = (s.kernel[i] - 1) * s.dilation[i] + 1 + below(s.n == 3 ? 2 : 5);
    }
    return s;
}

static sg_vid windowed(rig *r, sg_op_id row, const sg_vid *ins, int n_in, const slide *s, int64_t group)
{
    int how = (int)below(4); /* of four, one pads by itself */
    sg_nid n = sg_ib_emit(&r->b, row, ins, n_in, 1);
    sg_graph *g = r->b.g;
    sg_set_ints(g, n, SG_A_strides, s->stride, (size_t)s->n);
    sg_set_ints(g, n, SG_A_dilations, s->dilation, (size_t)s->n);
    if (how || row == SG_OP_CONV_TRANSPOSE)
        sg_set_ints(g, n, SG_A_pads, s->pads, 2 * (size_t)s->n);
    else
        sg_set_int(g, n, SG_A_auto_pad, 1 + below(3));
    if (row != SG_OP_POOL)
        sg_set_int(g, n, SG_A_group, group);
    if (row == SG_OP_CONV_TRANSPOSE && below(2)) {
        int64_t extra[3];
        for (int i = 0; i < s->n; i++)
            extra[i] = below((uint32_t)(s->stride[i] > s->dilation[i] ? s->stride[i] : s->dilation[i]));
        sg_set_ints(g, n, SG_A_output_padding, extra, (size_t)s->n);
    }
    if (row == SG_OP_POOL) {
        sg_set_int(g, n, SG_A_kind, r->arg);
        sg_set_int(g, n, SG_A_ceil_mode, below(2));
        sg_set_int(g, n, SG_A_count_include_pad, below(2));
        sg_set_ints(g, n, SG_A_kernel_shape, s->kernel, (size_t)s->n);
    }
    return sg_ib_done(&r->b, n) == SEDGE_OK ? sg_node_out(g, n, 0) : 0;
}

static sg_vid make_conv(rig *r)
{
    slide s = any_slide();
    int64_t group = 1 + below(3), in_each = 1 + below(2), out_each = 1 + below(2);
    int64_t x[5] = {1 + below(2), group * in_each}, w[5] = {group * out_each, in_each}, bias = w[0];
    if (r->arg == SG_OP_CONV_TRANSPOSE) {
        w[0] = group * in_each;
        w[1] = out_each;
        bias = group * out_each;
    }
    memcpy(x + 2, s.in, sizeof s.in);
    memcpy(w + 2, s.kernel, sizeof s.kernel);
    sg_vid ins[3] = {real_in(r, 2 + s.n, x, -1, 1), real_in(r, 2 + s.n, w, -1, 1)};
    ins[2] = below(2) ? real_in(r, 1, &bias, -1, 1) : 0;
    return windowed(r, (sg_op_id)r->arg, ins, ins[2] ? 3 : 2, &s, group);
}

static sg_vid make_pool(rig *r)
{
    slide s = any_slide();
    int64_t x[5] = {1 + below(2), 1 + below(3)};
    memcpy(x + 2, s.in, sizeof s.in);
    sg_vid v = real_in(r, 2 + s.n, x, -1, 1);
    if (!below(5))
        return sg_ib_node(&r->b, SG_OP_POOL, SG_INS(v), SG_SET({SG_A_kind, .i = r->arg}));
    return windowed(r, SG_OP_POOL, &v, 1, &s, 1);
}

static sg_vid make_batch_norm(rig *r)
{
    bool training = below(2);
    sg_vid in[5] = {real_in(r, DIMS(3, 2, 4), -2, 2), real_in(r, DIMS(2), 0.5, 2), real_in(r, DIMS(2), -1, 1),
                    real_in(r, DIMS(2), -1, 1), real_in(r, DIMS(2), 0.5, 2)};
    sg_nid n = sg_ib_make(&r->b, SG_OP_BATCH_NORM, in, 5, training ? 3 : 1,
                          SG_SET({SG_A_training_mode, .i = training}, {SG_A_epsilon, .f = 1e-3}));
    if (!training)
        return sg_node_out(r->b.g, n, 0);
    sg_vid v = sg_ib_binary(&r->b, SG_BINARY_ADD, sg_node_out(r->b.g, n, 1), sg_node_out(r->b.g, n, 2));
    sg_vid y = sg_ib_node(&r->b, SG_OP_TRANSPOSE, SG_INS(sg_node_out(r->b.g, n, 0)),
                          SG_SET({SG_A_perm, .ints = (const int64_t[]){0, 2, 1}, .n = 3}));
    return sg_ib_binary(&r->b, SG_BINARY_MUL, y, v);
}

static sg_vid make_group_norm(rig *r)
{
    int64_t groups = below(3), each = groups == 2 && below(2) ? 2 : 4;
    sg_vid x = real_in(r, DIMS(2, 4, 3), -2, 2), scale = real_in(r, 1, &each, 0.5, 2);
    return sg_ib_node(&r->b, SG_OP_GROUP_NORM, SG_INS(x, scale, real_in(r, 1, &each, -1, 1)),
                      SG_SET({SG_A_num_groups, .i = groups}, {SG_A_epsilon, .f = 1e-3}));
}

static sg_vid make_row_norm(rig *r)
{
    int axis = 1 + (int)below(2);
    int64_t p[2] = {3, 4};
    sg_vid x = real_in(r, DIMS(2, 3, 4), -2, 2), scale = real_in(r, 3 - axis, p + axis - 1, 0.5, 2);
    sg_vid bias = r->arg == SG_OP_LAYER_NORM && below(2) ? real_in(r, 3 - axis, p + axis - 1, -1, 1) : 0;
    return sg_ib_node(&r->b, (sg_op_id)r->arg, SG_INS(x, scale, bias), SG_SET({SG_A_axis, .i = axis}, {SG_A_epsilon, .f = 1e-3}));
}

static sg_vid make_lp_norm(rig *r)
{
    return sg_ib_node(&r->b, SG_OP_LP_NORM, SG_INS(real_in(r, DIMS(3, 4), -2, 2)),
                      SG_SET({SG_A_axis, .i = below(2)}, {SG_A_p, .i = 1 + below(2)}));
}

static sg_vid make_mvn(rig *r)
{
    return sg_ib_emit1(&r->b, SG_OP_MVN, SG_INS(real_in(r, DIMS(2, 2, 2, 3), -2, 2)));
}

static sg_vid make_softmax(rig *r)
{
    return sg_ib_node(&r->b, SG_OP_SOFTMAX, SG_INS(any_in(r, 3, -2, 2)),
                      SG_SET({SG_A_axis, .i = (int64_t)below(3) - 1}, {SG_A_kind, .i = r->arg}));
}

static sg_vid make_loss(rig *r)
{
    static const char *const how[] = {"none", "sum", "mean"};
    sg_vid x = real_in(r, DIMS(3, 4, 2), -2, 2), target = indices(r, DIMS(3, 2), 4),
           w = below(2) ? real_in(r, DIMS(4), 0.5, 2) : 0;
    sg_nid n = sg_ib_emit(&r->b, (sg_op_id)r->arg, (const sg_vid[]){x, target, w}, w ? 3 : 2, 1);
    const char *reduction = how[below(3)];
    sg_set_str(r->b.g, n, SG_A_reduction, reduction, strlen(reduction));
    if (below(2))
        sg_set_int(r->b.g, n, SG_A_ignore_index, 1);
    return sg_ib_done(&r->b, n) == SEDGE_OK ? sg_node_out(r->b.g, n, 0) : 0;
}

/* Cross entropy with soft targets, softened by a temperature, as distillation has it. */
static sg_vid make_distillation(rig *r)
{
    sg_vid t = sg_ib_node(&r->b, SG_OP_SOFTMAX,
                          SG_INS(sg_ib_binary_scalar(&r->b, SG_BINARY_DIV, real_in(r, DIMS(3, 5), -4, 4), 3)),
                          SG_SET({SG_A_kind, .i = SG_SOFTMAX_PLAIN}));
    sg_vid s = sg_ib_node(&r->b, SG_OP_SOFTMAX,
                          SG_INS(sg_ib_binary_scalar(&r->b, SG_BINARY_DIV, real_in(r, DIMS(3, 5), -4, 4), 3)),
                          SG_SET({SG_A_kind, .i = SG_SOFTMAX_LOG}));
    return sg_ib_binary(&r->b, SG_BINARY_MUL, t,
                        sg_ib_binary(&r->b, SG_BINARY_SUB, sg_ib_unary(&r->b, SG_UNARY_LOG, t, 1, 1), s));
}

static sg_vid make_resize(rig *r)
{
    static const int64_t sizes[4] = {1, 2, 7, 5}, fewer[4] = {1, 2, 2, 5};
    sg_vid in[4] = {real_in(r, DIMS(1, 2, 3, 4), -1, 1), 0, 0, ints(r, below(2) ? sizes : fewer, 4)};
    return sg_ib_node(&r->b, SG_OP_RESIZE, in, 4,
                      SG_SET({SG_A_mode, .i = r->arg}, {SG_A_coordinate_transformation_mode, .i = below(5)},
                             {SG_A_antialias, .i = r->arg != SG_RESIZE_NEAREST && below(2)}));
}

static sg_vid make_einsum(rig *r)
{
    static const struct {
        const char *text;
        int ra, rb;
        int64_t a[3], b[3];
    } c[] = {{"bij,bjk->bik", 3, 3, {2, 3, 4}, {2, 4, 2}}, {"ij,jk", 2, 2, {3, 4}, {4, 2}},
             {"ij,kj->k", 2, 2, {3, 4}, {2, 4}},           {"i,j->ji", 1, 1, {3}, {4}},
             {"bij,bj->b", 3, 2, {2, 3, 4}, {2, 4}},       {"ijk,->ki", 3, 0, {2, 3, 4}, {0}}};
    int i = (int)below(6);
    sg_vid a = real_in(r, c[i].ra, c[i].a, -1, 1), b = real_in(r, c[i].rb, c[i].b, -1, 1);
    sg_nid n = sg_ib_emit(&r->b, SG_OP_EINSUM, SG_INS(a, b), 1);
    sg_set_str(r->b.g, n, SG_A_equation, c[i].text, strlen(c[i].text));
    return sg_ib_done(&r->b, n) == SEDGE_OK ? sg_node_out(r->b.g, n, 0) : 0;
}

static sg_vid make_lrn(rig *r)
{
    return sg_ib_node(
        &r->b, SG_OP_LRN, SG_INS(real_in(r, DIMS(2, 5, 2, 3), -2, 2)),
        SG_SET({SG_A_size, .i = 1 + below(5)}, {SG_A_alpha, .f = 0.3}, {SG_A_beta, .f = 0.6}, {SG_A_bias, .f = 1.2}));
}

static const sample samples[] = {
    {"einsum", make_einsum, 0},
    {"lrn", make_lrn, 0},
    {"cast", make_cast, 0},
    {"where", make_where, 0},
    {"clip", make_clip, 0},
    {"dropout", make_dropout, 0},
    {"swiglu", make_swiglu, 0},
    {"view", make_view, 0},
    {"transpose", make_transpose, 0},
    {"concat", make_concat, 0},
    {"split", make_split, 0},
    {"slice", make_slice, 0},
    {"pad", make_pad, 0},
    {"expand", make_expand, 0},
    {"tile", make_tile, 0},
    {"trilu", make_trilu, 0},
    {"reverse_sequence", make_reverse, 0},
    {"center_crop_pad", make_crop_pad, 0},
    {"depth and space", make_blocks, 0},
    {"gather", make_gather, 0},
    {"gather_elements", make_gather_elements, 0},
    {"gather_nd", make_gather_nd, 0},
    {"scatter", make_scatter, 0},
    {"top_k", make_top_k, 0},
    {"matmul", make_matmul, 0},
    {"gemm", make_gemm, 0},
    {"cum", make_cum, 0},
    {"conv", make_conv, SG_OP_CONV},
    {"conv_transpose", make_conv, SG_OP_CONV_TRANSPOSE},
    {"max pool", make_pool, SG_POOL_MAX},
    {"average pool", make_pool, SG_POOL_AVERAGE},
    {"batch_norm", make_batch_norm, 0},
    {"group_norm", make_group_norm, 0},
    {"layer_norm", make_row_norm, SG_OP_LAYER_NORM},
    {"rms_norm", make_row_norm, SG_OP_RMS_NORM},
    {"lp_norm", make_lp_norm, 0},
    {"mvn", make_mvn, 0},
    {"softmax", make_softmax, SG_SOFTMAX_PLAIN},
    {"log softmax", make_softmax, SG_SOFTMAX_LOG},
    {"nll_loss", make_loss, SG_OP_NLL_LOSS},
    {"softmax_loss", make_loss, SG_OP_SOFTMAX_LOSS},
    {"distillation", make_distillation, 0},
    {"nearest", make_resize, SG_RESIZE_NEAREST},
    {"linear", make_resize, SG_RESIZE_LINEAR},
    {"cubic", make_resize, SG_RESIZE_CUBIC},
};

/* ---- the check ---- */

static void open_rig(rig *r)
{
    memset(r, 0, sizeof *r);
    r->arena.mem = &r->mem;
    r->b = (sg_ib){.g = sg_graph_new(&r->arena), .err = &r->err, .arena = &r->arena};
    assert_non_null(r->b.g);
}

static void close_rig(rig *r)
{
    sg_graph_free(r->b.g);
    sg_arena_free(&r->arena);
    assert_int_equal(r->mem.used, 0);
}

/* The sum of y, each element weighted at random. */
static sg_vid weighed(rig *r, sg_vid y)
{
    sg_type t = *sg_ib_type(&r->b, y);
    sg_vid w = sg_const_new(r->b.g, SG_F64, t.rank, t.dim, values(r, sg_d_numel(&t), -1, 1.5), NULL);
    return sg_ib_node(&r->b, SG_OP_REDUCE, SG_INS(sg_ib_binary(&r->b, SG_BINARY_MUL, y, w)),
                      SG_SET({SG_A_kind, .i = SG_REDUCE_SUM}, {SG_A_keepdims, .i = 0}));
}

static void compare(rig *r, const sample *s, const sg_vid *grad)
{
    runner u;
    double *ours[INPUTS] = {0};
    start(&u, r);
    assert_int_equal(sg_frame_run(u.frame, &r->err), SEDGE_OK);
    for (int k = 0, at = 1; k < r->n; k++)
        if (grad[k])
            ours[k] = sg_arena_dup(&r->arena, result(&u, at++), (size_t)numel(r, r->x[k]) * sizeof(double));
    for (int k = 0; k < r->n; k++)
        for (int i = 0; i < PROBES; i++) {
            int64_t at = below((uint32_t)numel(r, r->x[k]));
            double d = difference(&u, r, &r->data[k][at]), own = ours[k] ? ours[k][at] : 0;
            if (!(fabs(d - own) <= TOLERANCE * fmax(1, fabs(d))))
                fail_msg("%s (%d): input %d, element %lld: %.12g, by differences %.12g", s->name, s->arg, k, (long long)at, own,
                         d);
        }
    stop(&u, r);
}

/* False: the shapes that chance brought do not go together. */
static bool try_one(const sample *s)
{
    rig r;
    sg_vid grad[INPUTS] = {0};
    open_rig(&r);
    r.arg = s->arg;
    sg_vid y = s->make(&r);
    if (!y || numel(&r, y) <= 0) {
        close_rig(&r);
        return false;
    }
    SG_EACH_NODE(r.b.g, n)
    covered[r.b.g->node[n].op - sg_ops] = true;
    sg_vid loss = weighed(&r, y);
    if (sg_gradient(r.b.g, &loss, r.x, r.n, grad, &r.err) != SEDGE_OK)
        fail_msg("%s (%d): %s", s->name, s->arg, r.err.msg);
    sg_output_add(r.b.g, loss);
    for (int k = 0; k < r.n; k++)
        if (grad[k]) {
            assert_int_equal(numel(&r, grad[k]), numel(&r, r.x[k]));
            sg_output_add(r.b.g, grad[k]);
        }
    if (sg_verify(r.b.g, &r.err) != SEDGE_OK)
        fail_msg("%s: %s", s->name, r.err.msg);
    compare(&r, s, grad);
    close_rig(&r);
    return true;
}

static void try_many(const sample *s)
{
    int done = 0;
    for (int i = 0; i < TRIALS; i++) {
        seed = (uint32_t)i * 7919u + (uint32_t)s->arg + 1;
        done += try_one(s);
    }
    if (done < TRIALS / 3)
        fail_msg("%s (%d): %d of %d trials ran", s->name, s->arg, done, TRIALS);
}

static void functions(void **state)
{
    (void)state;
    for (int k = 0; k < SG_UNARY_COUNT; k++)
        if (k != SG_UNARY_NOT && k != SG_UNARY_BIT_NOT && k != SG_UNARY_IS_NAN && k != SG_UNARY_IS_INF)
            try_many(&(sample){"unary", make_unary, k});
    for (int k = 0; k < SG_BINARY_COUNT; k++)
        if (k < SG_BINARY_SHIFT_LEFT || k > SG_BINARY_BIT_XOR)
            try_many(&(sample){"binary", make_binary, k});
    for (int k = 0; k < SG_REDUCE_COUNT; k++)
        if (k != SG_REDUCE_PROD)
            try_many(&(sample){"reduce", make_reduce, k});
}

static void ops(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++)
        try_many(&samples[i]);
}

/* Rounding has no differences: what training makes of it is written out here, for a scale of all (axis -1) and for one a row. */
static void round_by(int axis)
{
    static const float x[6] = {-100, -1.3f, 0.26f, 0.74f, 1.9f, 90}, s[2] = {0.5f, 0.25f};
    static const int8_t zero[2] = {3, 3};
    rig r;
    open_rig(&r);
    sg_graph *g = r.b.g;
    const int64_t n_scale = 2;
    int rank = axis < 0 ? 0 : 1;
    sg_type t = {.kind = SG_TENSOR, .dtype = SG_F32, .rank = 3, .dim = {1, 2, 3}},
            one = {.kind = SG_TENSOR, .dtype = SG_F32, .rank = (int8_t)rank, .dim = {n_scale}};
    sg_vid grad[2], z = sg_const_new(g, SG_I8, rank, &n_scale, zero, NULL);
    r.n = 2;
    r.x[0] = sg_input_new(g, &t, NULL);
    r.x[1] = sg_input_new(g, &one, NULL);
    r.data[0] = sg_arena_dup(&r.arena, x, sizeof x);
    r.data[1] = sg_arena_dup(&r.arena, s, sizeof s);
    sg_vid q = sg_ib_node(&r.b, SG_OP_QUANTIZE, SG_INS(r.x[0], r.x[1], z), SG_SET({SG_A_axis, .i = axis}));
    sg_vid y = sg_ib_node(&r.b, SG_OP_DEQUANTIZE, SG_INS(q, r.x[1], z), SG_SET({SG_A_axis, .i = axis}));
    sg_vid loss = sg_ib_node(&r.b, SG_OP_REDUCE, SG_INS(y), SG_SET({SG_A_kind, .i = SG_REDUCE_SUM}, {SG_A_keepdims, .i = 0}));
    assert_int_equal(sg_gradient(g, &loss, r.x, 2, grad, &r.err), SEDGE_OK);
    sg_output_add(g, loss);
    sg_output_add(g, grad[0]);
    sg_output_add(g, grad[1]);
    runner u;
    start(&u, &r);
    assert_int_equal(sg_frame_run(u.frame, &r.err), SEDGE_OK);
    const float *dx = (const float *)result(&u, 1), *ds = (const float *)result(&u, 2);
    double want[2] = {0};
    for (int i = 0; i < 6; i++) { /* outside: the bound; inside: what rounding moved, in steps */
        int k = axis < 0 ? 0 : i / 3;
        double steps = (double)x[i] / (double)s[k], of_q = nearbyint(steps) + 3;
        bool inside = of_q >= -128 && of_q <= 127;
        assert_true(fabs((double)dx[i] - inside) < 1e-6);
        want[k] += inside ? nearbyint(steps) - steps : of_q < 0 ? -131 : 124;
    }
    for (int k = 0; k <= rank; k++)
        assert_true(fabs((double)ds[k] - want[k]) < 1e-4);
    covered[SG_OP_QUANTIZE] = covered[SG_OP_DEQUANTIZE] = true;
    stop(&u, &r);
    close_rig(&r);
}

static void rounding(void **state)
{
    (void)state;
    round_by(-1);
    round_by(1);
}

static void rows(void **state)
{
    (void)state;
    int tested = 0, without = 0;
    for (int i = 0; i < SG_OP_COUNT; i++) {
        const sg_op *op = &sg_ops[i];
        if (op->nodiff && !*op->nodiff)
            fail_msg("%s does not say why it has no gradient", op->name);
        if (!op->nodiff && !covered[i])
            fail_msg("the gradient of %s is not tested", op->name);
        tested += !op->nodiff;
        without += op->nodiff != NULL;
    }
    printf("gradients: %d rows tested, %d say why they have none\n", tested, without);
}

static void refusals(void **state)
{
    (void)state;
    rig r;
    open_rig(&r);
    sg_vid x = real_in(&r, DIMS(2, 2), 1, 2), grad;
    sg_vid loss = sg_ib_emit1(&r.b, SG_OP_DET, SG_INS(x));
    r.b.g->node[r.b.g->value[loss].def].name = "volume";
    assert_int_equal(sg_gradient(r.b.g, &loss, &x, 1, &grad, &r.err), SEDGE_E_UNSUPPORTED);
    assert_non_null(strstr(r.err.msg, "volume (det)"));
    assert_non_null(strstr(r.err.msg, sg_ops[SG_OP_DET].nodiff));
    close_rig(&r);
    open_rig(&r);
    x = real_in(&r, DIMS(2, 2), 1, 2);
    loss = sg_ib_unary(&r.b, SG_UNARY_SIN, x, 1, 1);
    assert_int_equal(sg_gradient(r.b.g, &loss, &x, 1, &grad, &r.err), SEDGE_E_SHAPE);
    close_rig(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(functions), cmocka_unit_test(ops), cmocka_unit_test(rounding),
                                       cmocka_unit_test(refusals), cmocka_unit_test(rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
