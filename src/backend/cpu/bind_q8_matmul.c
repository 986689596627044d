/* Bindings of 8-bit matrix products with a constant matrix on the right: convolutions of a 1x1 window. */
#include <string.h>

#include "backend/cpu/bind_q8.h"
#include "op/quant.h"

/* Every matrix on the left stands below the one before: one tall matrix. False: nothing to compute, or sizes that do not fit. */
static bool prepare(const sg_exec *x, sg_q8_ready *r)
{
    const sg_q8_bound *b = x->packed;
    const sg_tensor *in = x->in[0];
    r->a = b->conv;
    if (in->rank < 1 || in->dim[in->rank - 1] != r->a.s.c || sg_numel(in) == 0)
        return false;
    r->a.s = sg_conv_shape_product(sg_numel(in) / r->a.s.c, r->a.s.c, r->a.s.oc);
    return sg_q8_cut_work(x, r);
}

static bool scratch(const sg_exec *x, size_t *bytes)
{
    sg_q8_ready own, *r = x->kept ? x->kept : &own;
    if (!prepare(x, r))
        return false;
    *bytes = r->each * (size_t)r->workers;
    return true;
}

static sg_q8_work work_of(const sg_exec *x)
{
    const sg_q8_bound *b = x->packed;
    const sg_q8_ready *r = x->kept;
    return (sg_q8_work){.q = &b->q, .r = r, .a = &r->a, .x = x->in[0]->data, .y = x->out[0]->data, .scratch = x->scratch};
}

static sedge_status run(sg_exec *x)
{
    sg_q8_work w = work_of(x);
    sg_q8_work_run(x, &w);
    return SEDGE_OK;
}

static const sg_slot *matrix(const sg_plan *p, const sg_step *s, int k)
{
    const sg_slot *w = sg_step_slot(p, s, k);
    return w && w->base == SG_BASE_WEIGHTS && w->type.rank == 2 && sg_d_numel(&w->type) > 0 ? w : NULL;
}

static sg_q8_bound *bound_of(sg_plan *p, const sg_slot *w)
{
    sg_q8_bound *b = sg_arena_alloc(&p->arena, sizeof *b);
    if (!b)
        return NULL;
    sg_q8_init(&b->q, p->cpu);
    b->conv = (sg_q8_conv){.s = sg_conv_shape_product(1, w->type.dim[0], w->type.dim[1]), .product = true};
    return b;
}

bool sg_cpu_bind_q8_matmul(sg_plan *p, sg_step *s)
{
    const sg_slot *x = sg_step_slot(p, s, 0), *w = matrix(p, s, 3);
    if (!x || !w)
        return false;
    const sg_qbound *r = sg_qbound_read(p, s, w->type.dim[1], w->type.dim[0], sg_get_float(s->attrs, SG_A_alpha));
    sg_q8_bound *b = r ? bound_of(p, w) : NULL;
    if (!b)
        return false;
    bool x_signed = x->type.dtype == SG_I8;
    b->conv.out = (sg_q8_out){.zero = r->out.zero, .lo = r->out.lo, .hi = r->out.hi};
    if (!sg_q8_bound_pack(p, b, w, r->w_zero, r->bias, r->scale, sg_q8_form_zero(b, r->x_zero, x_signed), x_signed))
        return false;
    s->packed = b;
    s->absorbed = 0x1fe; /* everything but x */
    s->spent = 1u << 3;
    s->kernel = (sg_kernel){.name = "qgemm", .run = run, .scratch = scratch, .kept = sg_q8_kept(b)};
    return true;
}

/* ---- sums themselves -------------------------------------------------------------------------------------------- */

/* The bias of a run: the zero point of x, which may come from another step, times the sums of the columns, which are what the
 * bound bias is. */
static size_t bias_bytes(const sg_q8_conv *a)
{
    return sg_q8_align((size_t)a->panel_n * sizeof(int32_t));
}

static bool integer_scratch(const sg_exec *x, size_t *bytes)
{
    sg_q8_ready own, *r = x->kept ? x->kept : &own;
    if (!prepare(x, r))
        return false;
    *bytes = bias_bytes(&r->a) + r->each * (size_t)r->workers;
    return true;
}

static sedge_status integer_run(sg_exec *x)
{
    const sg_q8_bound *b = x->packed;
    sg_q8_work w = work_of(x);
    sg_q8_conv a = *w.a;
    int32_t *bias = x->scratch, zero = x->n_in > 2 ? sg_q_zero(x->in[2], 0) : 0;
    zero = sg_q8_form_zero(b, zero, x->in[0]->dtype == SG_I8);
    for (int64_t i = 0; i < a.panel_n; i++)
        bias[i] = (int32_t)(0 - (uint32_t)zero * (uint32_t)a.bias[i]);
    w.scratch += bias_bytes(&a);
    a.bias = bias;
    w.a = &a;
    sg_q8_work_run(x, &w);
    return SEDGE_OK;
}

/* Zero points of the columns, or NULL: they are not constant or not so many. */
static int32_t *column_zeros(sg_plan *p, const sg_step *s, int64_t n)
{
    const sg_slot *v = s->n_in > 3 ? sg_step_slot(p, s, 3) : NULL;
    int64_t count = v ? sg_d_numel(&v->type) : 0;
    int32_t *zero = sg_arena_array(&p->arena, (size_t)n, sizeof *zero);
    if (!zero || (v && (v->base != SG_BASE_WEIGHTS || !v->data || (count != 1 && count != n))))
        return NULL;
    for (int64_t i = 0; i < n; i++)
        zero[i] = v ? (int32_t)sg_load_i64((sg_dtype)v->type.dtype, v->data, (size_t)(count == 1 ? 0 : i)) : 0;
    return zero;
}

bool sg_cpu_bind_q8_matmul_integer(sg_plan *p, sg_step *s)
{
    const sg_slot *x = sg_step_slot(p, s, 0), *w = matrix(p, s, 1), *zero = s->n_in > 2 ? sg_step_slot(p, s, 2) : NULL;
    if (!x || !w || !sg_q_is_8bit((sg_dtype)x->type.dtype) || !sg_q_is_8bit((sg_dtype)w->type.dtype) ||
        (zero && sg_d_numel(&zero->type) != 1))
        return false;
    const int64_t n = w->type.dim[1];
    const int32_t *w_zero = column_zeros(p, s, n);
    int32_t *none = sg_arena_array(&p->arena, (size_t)n, sizeof *none);
    float *scale = sg_arena_array(&p->arena, (size_t)n, sizeof *scale);
    sg_q8_bound *b = bound_of(p, w);
    if (!w_zero || !none || !scale || !b)
        return false;
    memset(none, 0, (size_t)n * sizeof *none);
    memset(scale, 0, (size_t)n * sizeof *scale);
    if (!sg_q8_bound_pack(p, b, w, w_zero, none, scale, -1, x->type.dtype == SG_I8))
        return false;
    b->conv.scale = NULL;
    s->packed = b;
    s->absorbed = 0xa; /* the matrix on the right and its zero points */
    s->spent = 1u << 1;
    s->kernel = (sg_kernel){.name = "qgemm", .run = integer_run, .scratch = integer_scratch, .kept = sg_q8_kept(b)};
    return true;
}
