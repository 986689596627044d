/* Gradients of convolutions, transposed convolutions and pooling: convolutions of other operands. */
#include "op/window.h"

#include "grad/rule.h"
#include "op/pool.h"
#include "op/wide.h"

/* What a node slides: its windows, with the sizes that they go over and give. */
typedef struct slide {
    sg_window w;
    int64_t group;
    sg_type x, y, k; /* the large side, the small side, the weights: [of y][of x / group]... */
} slide;

static sg_ib_attr list(sg_attr_id id, const int64_t *v, int n)
{
    return (sg_ib_attr){id, .ints = v, .n = n};
}

static sg_vid convolve(sg_grad *c, const sg_window *w, sg_vid x, sg_vid weights, int64_t group)
{
    int64_t pad[2 * SG_RANK_MAX];
    for (int i = 0; i < w->n; i++) {
        pad[i] = w->begin[i];
        pad[w->n + i] = w->end[i];
    }
    return sg_ib_node(&c->b, SG_OP_CONV, SG_INS(x, weights),
                      SG_SET({SG_A_group, .i = group}, list(SG_A_strides, w->stride, w->n),
                             list(SG_A_dilations, w->dilation, w->n), list(SG_A_pads, pad, 2 * w->n)));
}

/* [of y][of x / group]... as [of x][of y / group]..., every window back to front. */
static sg_vid turned(sg_grad *c, const slide *s, sg_vid weights)
{
    const int n = s->w.n, rank = n + 3;
    sg_type apart = s->k, flat = s->k;
    int64_t perm[SG_RANK_MAX] = {0, 2, 1, 3, 4, 5, 6, 7}, axis[SG_RANK_MAX], last[SG_RANK_MAX], before[SG_RANK_MAX],
            back[SG_RANK_MAX];
    apart.rank = (int8_t)rank;
    apart.dim[0] = s->group;
    apart.dim[1] = s->k.dim[0] / s->group;
    for (int i = 1; i < 2 + n; i++)
        apart.dim[i + 1] = s->k.dim[i];
    flat.dim[0] = s->group * s->k.dim[1];
    flat.dim[1] = apart.dim[1];
    for (int i = 0; i < n; i++) {
        axis[i] = 2 + i;
        last[i] = back[i] = -1;
        before[i] = INT64_MIN;
    }
    sg_ib *b = &c->b;
    sg_vid v = sg_ib_transpose(b, sg_grad_shaped(c, weights, &apart), perm, rank);
    v = sg_grad_shaped(c, v, &flat);
    sg_vid in[5] = {v, sg_ib_const_i64s(b, last, n), sg_ib_const_i64s(b, before, n), sg_ib_const_i64s(b, axis, n),
                    sg_ib_const_i64s(b, back, n)};
    return sg_ib_emit1(b, SG_OP_SLICE, in, 5);
}

/* Zeros between the elements of d, a step apart. */
static sg_vid stretched(sg_grad *c, const slide *s, sg_vid d)
{
    const int n = s->w.n, rank = 2 + 2 * n;
    sg_type thin = s->y, wide = s->y, cut = s->y;
    int64_t pads[2 * SG_RANK_MAX] = {0};
    bool apart = false;
    thin.rank = (int8_t)rank;
    for (int i = 0; i < n; i++) {
        thin.dim[2 + 2 * i] = s->y.dim[2 + i];
        thin.dim[3 + 2 * i] = 1;
        pads[rank + 3 + 2 * i] = s->w.stride[i] - 1;
        wide.dim[2 + i] = s->y.dim[2 + i] * s->w.stride[i];
        cut.dim[2 + i] = (s->y.dim[2 + i] - 1) * s->w.stride[i] + 1;
        apart = apart || s->w.stride[i] > 1;
    }
    if (!apart)
        return d;
    d = sg_ib_list(&c->b, SG_OP_PAD, sg_grad_shaped(c, d, &thin), pads, 2 * rank);
    return sg_grad_crop(c, sg_grad_shaped(c, d, &wide), &cut, 2);
}

/* The same as a convolution, which has kernels for every window; false: its pads would be negative. */
static bool as_convolution(sg_grad *c, const slide *s, sg_vid d, sg_vid weights, sg_vid *out)
{
    sg_window w = s->w;
    if (2 + 2 * w.n > SG_RANK_MAX)
        return false;
    for (int i = 0; i < w.n; i++) {
        const int64_t reach = (w.kernel[i] - 1) * w.dilation[i];
        w.end[i] = s->x.dim[2 + i] - 1 - (s->y.dim[2 + i] - 1) * w.stride[i] + w.begin[i];
        w.begin[i] = reach - w.begin[i];
        w.stride[i] = 1;
        if (w.begin[i] < 0 || w.end[i] < 0)
            return false;
    }
    *out = convolve(c, &w, stretched(c, s, d), turned(c, s, weights), s->group);
    return true;
}

/* Every small element spreads its window: back to the shape of the large side. */
static sg_vid spread(sg_grad *c, const slide *s, sg_vid d, sg_vid weights)
{
    const sg_window *w = &s->w;
    int64_t pad[2 * SG_RANK_MAX], extra[SG_RANK_MAX];
    sg_vid v;
    if (as_convolution(c, s, d, weights, &v))
        return v;
    for (int i = 0; i < w->n; i++) {
        int64_t reach = (s->y.dim[2 + i] - 1) * w->stride[i] + (w->kernel[i] - 1) * w->dilation[i] + 1;
        int64_t over = reach - w->begin[i] - s->x.dim[2 + i];
        pad[i] = w->begin[i];
        pad[w->n + i] = over > 0 ? over : 0;
        extra[i] = over > 0 ? 0 : -over;
    }
    return sg_ib_node(&c->b, SG_OP_CONV_TRANSPOSE, SG_INS(d, weights),
                      SG_SET({SG_A_group, .i = s->group}, list(SG_A_strides, w->stride, w->n),
                             list(SG_A_dilations, w->dilation, w->n), list(SG_A_pads, pad, 2 * w->n),
                             list(SG_A_output_padding, extra, w->n)));
}

/* Channels to the front, those of a group apart: [N, group * m, ...] to [m, group * N, ...]. */
static sg_vid channels_first(sg_grad *c, sg_vid v, int64_t group)
{
    sg_type t = type_of(c, v), apart = t;
    int64_t perm[SG_RANK_MAX], m = t.dim[1] / group;
    if (t.rank + 1 > SG_RANK_MAX) {
        sg_grad_refuse(c, "it has too many axes");
        return 0;
    }
    apart.rank = (int8_t)(t.rank + 1);
    apart.dim[1] = group;
    apart.dim[2] = m;
    for (int i = 3; i <= t.rank; i++)
        apart.dim[i] = t.dim[i - 1];
    for (int i = 0; i <= t.rank; i++)
        perm[i] = i == 0 ? 2 : i == 1 ? 1 : i == 2 ? 0 : i;
    sg_vid moved = sg_ib_transpose(&c->b, sg_grad_shaped(c, v, &apart), perm, apart.rank);
    t.dim[1] = group * t.dim[0];
    t.dim[0] = m;
    return sg_grad_shaped(c, moved, &t);
}

/* The gradient of the weights: the large side under the gradients of the small one, whose steps and distances change places. */
static sg_vid of_weights(sg_grad *c, const slide *s, sg_vid large, sg_vid small)
{
    sg_window w = s->w;
    int64_t swap[SG_RANK_MAX] = {1, 0, 2, 3, 4, 5, 6, 7};
    for (int i = 0; i < w.n; i++) {
        int64_t step = w.stride[i];
        w.stride[i] = w.dilation[i];
        w.dilation[i] = step;
        w.end[i] = w.end[i] < 0 ? 0 : w.end[i];
    }
    sg_vid v = convolve(c, &w, channels_first(c, large, s->group), sg_ib_transpose(&c->b, small, swap, s->x.rank), s->group);
    return sg_ib_transpose(&c->b, sg_grad_crop(c, v, &s->k, 2), swap, s->x.rank);
}

static sg_vid of_bias(sg_grad *c, sg_vid d)
{
    sg_type t = type_of(c, d), to = {.rank = 1, .dim = {t.dim[1]}};
    return sg_grad_shaped(c, sg_grad_reduce(c, SG_REDUCE_SUM, d, ((1u << t.rank) - 1) & ~2u), &to);
}

static bool read(sg_grad *c, slide *s, sg_vid x, sg_vid y)
{
    *s = (slide){.group = int_attr(c, SG_A_group), .x = type_of(c, x), .y = type_of(c, y), .k = type_of(c, in(c, 1))};
    return sg_window_read(c->b.err, c->attrs, s->x.rank - 2, s->k.dim + 2, &s->w) == SEDGE_OK;
}

void sg_grad_conv(sg_grad *c)
{
    slide s;
    if (in(c, 3) || int_attr(c, SG_A_activation)) {
        sg_grad_refuse(c, "it is fused");
        return;
    }
    if (!read(c, &s, in(c, 0), c->y[0]))
        return;
    sg_window_resolve(&s.w, s.x.dim + 2, s.y.dim + 2);
    if (c->want[0])
        c->dx[0] = spread(c, &s, c->dy[0], in(c, 1));
    if (c->want[1])
        c->dx[1] = of_weights(c, &s, in(c, 0), c->dy[0]);
    if (wants(c, 2))
        c->dx[2] = of_bias(c, c->dy[0]);
}

/* The way back of a convolution from its result to its operand. */
void sg_grad_conv_transpose(sg_grad *c)
{
    slide s;
    int n;
    sg_get_ints(c->attrs, SG_A_output_shape, &n);
    if (!read(c, &s, c->y[0], in(c, 0)))
        return;
    if (n || s.w.auto_pad == SG_PAD_SAME_UPPER || s.w.auto_pad == SG_PAD_SAME_LOWER) {
        sg_grad_refuse(c, "its pads follow from the size of its result");
        return;
    }
    if (c->want[0])
        c->dx[0] = sg_grad_crop(c, convolve(c, &s.w, c->dy[0], in(c, 1), s.group), &s.y, 2);
    if (c->want[1])
        c->dx[1] = of_weights(c, &s, c->dy[0], in(c, 0));
    if (wants(c, 2))
        c->dx[2] = of_bias(c, c->dy[0]);
}

/* ---- pooling ---- */

/* How many elements window o of axis i covers. */
static int64_t covered(const slide *s, int i, int64_t o, bool with_pads)
{
    const sg_window *w = &s->w;
    int64_t n = 0, hi = s->x.dim[2 + i] + (with_pads ? w->end[i] : 0);
    for (int64_t k = 0; k < w->kernel[i]; k++) {
        int64_t at = o * w->stride[i] + k * w->dilation[i] - w->begin[i];
        n += at < hi && (with_pads || at >= 0);
    }
    return n;
}

/* One over how many elements each window averages, of the shape [1, 1, ...]. */
static sg_vid shares(sg_grad *c, const slide *s)
{
    sg_type t = s->y;
    int64_t o[SG_RANK_MAX] = {0}, n;
    bool with_pads = int_attr(c, SG_A_count_include_pad) != 0;
    t.dim[0] = t.dim[1] = 1;
    n = sg_d_numel(&t);
    void *data = sg_arena_alloc(c->b.arena, sg_dtype_bytes((sg_dtype)t.dtype, (size_t)n) + 16);
    if (!data) {
        sg_fail(c->b.err, SEDGE_E_NOMEM, "out of memory");
        return 0;
    }
    for (int64_t i = 0; i < n; i++) {
        double count = 1;
        for (int a = 0; a < s->w.n; a++)
            count *= (double)covered(s, a, o[a], with_pads);
        sg_store_f64((sg_dtype)t.dtype, data, (size_t)i, 1 / count);
        sg_index_next(o, t.dim + 2, s->w.n);
    }
    return sg_const_new(c->b.g, (sg_dtype)t.dtype, t.rank, t.dim, data, NULL);
}

static void average(sg_grad *c, const sg_type *x)
{
    slide s = {.group = x->dim[1], .x = *x, .y = type_of(c, c->y[0])};
    if (sg_window_read(c->b.err, c->attrs, x->rank - 2, NULL, &s.w) != SEDGE_OK)
        return;
    sg_window_resolve(&s.w, s.x.dim + 2, s.y.dim + 2);
    s.k = (sg_type){.rank = x->rank, .dim = {x->dim[1], 1}};
    for (int i = 0; i < s.w.n; i++)
        s.k.dim[2 + i] = s.w.kernel[i];
    sg_vid ones = sg_grad_expand(c, number(c, c->dy[0], 1), &s.k);
    c->dx[0] = spread(c, &s, mul(c, c->dy[0], shares(c, &s)), ones);
}

void sg_grad_pool(sg_grad *c)
{
    sg_type x = type_of(c, in(c, 0)), y = type_of(c, c->y[0]);
    int64_t kind = int_attr(c, SG_A_kind);
    int n;
    sg_get_ints(c->attrs, SG_A_kernel_shape, &n);
    if (kind == SG_POOL_LP) {
        sg_grad_refuse(c, "its rule for norms is not written");
    } else if (kind == SG_POOL_MAX) { /* its second result says where the greatest stood */
        sg_nid id = sg_grad_again(c, c->b.in, 1, 2);
        c->dx[0] = id ? sg_grad_add_at(c, sg_node_out(c->b.g, id, 1), c->dy[0], &x) : 0;
    } else if (n == 0) {
        double count = (double)sg_d_numel(&x) / (double)sg_d_numel(&y);
        c->dx[0] = sg_grad_expand(c, times(c, c->dy[0], 1 / count), &x);
    } else {
        average(c, &x);
    }
}
