/* Reading the constant parameters of 8-bit products when the plan is made. */
#include <math.h>

#include "backend/cpu/bind_qconv.h"
#include "op/quant.h"

bool sg_step_constant(const sg_plan *p, const sg_step *s, int k, sg_tensor *t)
{
    const sg_slot *v = k < s->n_in ? sg_step_slot(p, s, k) : NULL;
    if (!v || v->base != SG_BASE_WEIGHTS || !v->data || v->type.kind != SG_TENSOR || v->type.rank < 0)
        return false;
    *t = (sg_tensor){.data = (void *)(uintptr_t)v->data, .dtype = v->type.dtype, .rank = v->type.rank};
    for (int i = 0; i < t->rank; i++)
        t->dim[i] = v->type.dim[i];
    return true;
}

static double farthest(sg_dtype t, int32_t zero)
{
    int32_t lo, hi;
    sg_q_range(t, &lo, &hi);
    return fmax(hi - zero, zero - lo);
}

/* Zero points, and the largest |w - zero|. */
static double read_weights(sg_qbound *b, const sg_tensor *w, const sg_tensor *zero, int64_t n)
{
    double most = 0;
    for (int64_t i = 0; i < n; i++) {
        b->w_zero[i] = sg_q_zero(zero, i);
        most = fmax(most, farthest((sg_dtype)w->dtype, b->w_zero[i]));
    }
    return most;
}

/* The largest size of a bias; below 0: it does not fit. */
static double read_bias(const sg_plan *p, const sg_step *s, sg_qbound *b, int64_t n)
{
    sg_tensor t;
    double most = 0;
    if (s->n_in < 9 || !sg_step_slot(p, s, 8))
        return 0;
    if (!sg_step_constant(p, s, 8, &t) || t.dtype != SG_I32 || (sg_numel(&t) != n && sg_numel(&t) != 1))
        return -1;
    for (int64_t i = 0; i < n; i++) {
        b->bias[i] = (int32_t)sg_load_i64(SG_I32, t.data, (size_t)(sg_numel(&t) == 1 ? 0 : i));
        most = fmax(most, fabs((double)b->bias[i]));
    }
    return most;
}

static bool one_or(const sg_tensor *t, int64_t n)
{
    return sg_numel(t) == 1 || sg_numel(t) == n;
}

sg_qbound *sg_qbound_read(sg_plan *p, const sg_step *s, int64_t n, int64_t k, double alpha)
{
    const sg_slot *x = sg_step_slot(p, s, 0);
    sg_tensor c[8];
    for (int i = 1; i < 8; i++)
        if (!sg_step_constant(p, s, i, &c[i]))
            return NULL;
    if (!x || !sg_q_is_8bit((sg_dtype)x->type.dtype) || !sg_q_is_8bit((sg_dtype)c[3].dtype) ||
        !sg_q_is_8bit((sg_dtype)c[7].dtype) || sg_numel(&c[1]) != 1 || sg_numel(&c[2]) != 1 || sg_numel(&c[6]) != 1 ||
        sg_numel(&c[7]) != 1 || !one_or(&c[4], n) || !one_or(&c[5], n))
        return NULL;
    sg_qbound *b = sg_arena_alloc(&p->arena, sizeof *b);
    if (!b)
        return NULL;
    b->w_zero = sg_arena_array(&p->arena, (size_t)n, sizeof *b->w_zero);
    b->bias = sg_arena_array(&p->arena, (size_t)n, sizeof *b->bias);
    b->scale = sg_arena_array(&p->arena, (size_t)n, sizeof *b->scale);
    if (!b->w_zero || !b->bias || !b->scale)
        return NULL;
    b->x_zero = sg_q_zero(&c[2], 0);
    b->out.zero = sg_q_zero(&c[7], 0);
    sg_q_range((sg_dtype)c[7].dtype, &b->out.lo, &b->out.hi);
    double far_w = read_weights(b, &c[3], &c[5], n), bias = read_bias(p, s, b, n);
    if (bias < 0)
        return NULL;
    b->wraps = (double)k * farthest((sg_dtype)x->type.dtype, b->x_zero) * far_w + bias > INT32_MAX;
    for (int64_t i = 0; i < n; i++) {
        sg_err own = {0};
        if (sg_q_scale(&own, alpha * sg_q_factor(&c[1], 0), sg_q_factor(&c[4], i), sg_q_factor(&c[6], 0), &b->scale[i]) !=
            SEDGE_OK)
            return NULL;
    }
    return b;
}
