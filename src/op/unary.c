/* Unary elementwise ops: shape rule and reference. */
#include "op/elementwise.h"

#include <math.h>
#include <string.h>

static double sigmoid(double x)
{
    return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x));
}

static double softplus(double x)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static double clamp(double x, double lo, double hi)
{
    return x < lo ? lo : x > hi ? hi : x;
}

/* Halves go to the even neighbour whatever the rounding mode of the thread. */
static double round_even(double x)
{
    double f = floor(x), d = x - f;
    if (d < 0.5)
        return copysign(f, x);
    if (d > 0.5)
        return copysign(f + 1, x);
    return d == 0.5 ? copysign(fmod(f, 2) == 0 ? f : f + 1, x) : x;
}

/* One function per kind: fn_ABS(x, a, b, g). */
#define UNARY(id, name, formula, derivative)                      \
    static double fn_##id(double x, double a, double b, double g) \
    {                                                             \
        (void)a, (void)b, (void)g;                                \
        return formula;                                           \
    }
#include "op/fn.def"
#undef UNARY

typedef double f64_fn(double x, double a, double b, double g);

static f64_fn *const f64_table[SG_UNARY_COUNT] = {
#define UNARY(id, name, formula, derivative) fn_##id,
#include "op/fn.def"
#undef UNARY
};

sg_fn_params sg_fn_params_of(sg_attrs a)
{
    return (sg_fn_params){sg_get_float(a, SG_A_alpha), sg_get_float(a, SG_A_beta), sg_get_float(a, SG_A_gamma)};
}

int64_t sg_act_kind(sg_attrs a, sg_fn_params *p)
{
    int64_t kind = sg_get_int(a, SG_A_activation) - SG_ACT_FN;
    *p = sg_fn_params_of(a);
    return kind >= 0 && kind < SG_UNARY_COUNT ? kind : -1;
}

double sg_unary_f64(sg_unary_kind kind, double x, const sg_fn_params *p)
{
    return f64_table[kind](x, p->alpha, p->beta, p->gamma);
}

/* ---- types ----------------------------------------------------------------------------------------- */

static bool to_bool(int64_t kind)
{
    return kind == SG_UNARY_IS_NAN || kind == SG_UNARY_IS_INF;
}

/* Which element types a kind takes. */
static bool takes(int64_t kind, sg_dtype t)
{
    switch (kind) {
    case SG_UNARY_NOT: return t == SG_BOOL || sg_is_int(t);
    case SG_UNARY_BIT_NOT: return sg_is_int(t);
    case SG_UNARY_ABS:
    case SG_UNARY_NEG:
    case SG_UNARY_SIGN:
    case SG_UNARY_RELU: return sg_is_float(t) || sg_is_int(t);
    default: return sg_is_float(t);
    }
}

static bool unary_content(sg_infer *c, const sg_dim *v, sg_dim *out)
{
    switch (sg_get_int(c->attrs, SG_A_kind)) {
    case SG_UNARY_NEG: *out = sg_d_sub(c, 0, v[0]); return true;
    case SG_UNARY_ABS:
    case SG_UNARY_RELU: *out = v[0]; return sg_d_nonneg(c, v[0]);
    case SG_UNARY_NOT: *out = v[0] == 0; return !sg_dim_is_expr(v[0]);
    default: return false;
    }
}

sedge_status sg_infer_unary(sg_infer *c)
{
    int64_t kind = sg_get_int(c->attrs, SG_A_kind);
    const sg_type *t = c->in[0];
    c->exact = true;
    if (kind < 0 || kind >= SG_UNARY_COUNT)
        return SG_INFER_FAIL(c, SEDGE_E_FORMAT, "unknown kind %lld", (long long)kind);
    c->out[0] = *t;
    if (t->dtype != SG_NONE && !takes(kind, (sg_dtype)t->dtype))
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "does not take %s", sg_dtypes[t->dtype].name);
    if (to_bool(kind))
        c->out[0].dtype = SG_BOOL;
    else
        sg_content_map(c, 1, unary_content);
    return SEDGE_OK;
}

/* ---- reference --------------------------------------------------------------------------------------- */

static int64_t unary_i64(sg_unary_kind kind, int64_t x, bool is_signed)
{
    switch (kind) {
    case SG_UNARY_ABS: return is_signed && x < 0 ? (int64_t)(0 - (uint64_t)x) : x;
    case SG_UNARY_NEG: return (int64_t)(0 - (uint64_t)x);
    case SG_UNARY_SIGN: return is_signed && x < 0 ? -1 : x != 0;
    case SG_UNARY_RELU: return is_signed && x < 0 ? 0 : x;
    case SG_UNARY_NOT: return x == 0;
    case SG_UNARY_BIT_NOT: return ~x;
    default: return x;
    }
}

sedge_status sg_ref_unary(sg_exec *x)
{
    const sg_tensor *in = x->in[0];
    sg_tensor *out = x->out[0];
    sg_dtype t = (sg_dtype)in->dtype, u = (sg_dtype)out->dtype;
    sg_unary_kind kind = (sg_unary_kind)sg_get_int(x->attrs, SG_A_kind);
    sg_fn_params p = sg_fn_params_of(x->attrs);
    int64_t n = sg_numel(in);
    if (t == SG_F32 && u == SG_BOOL)
        for (int64_t i = 0; i < n; i++)
            ((uint8_t *)out->data)[i] = sg_unary_f64(kind, (double)((const float *)in->data)[i], &p) != 0;
    else if (sg_is_float(t))
        for (int64_t i = 0; i < n; i++)
            sg_store_f64(u, out->data, (size_t)i, sg_unary_f64(kind, sg_load_f64(t, in->data, (size_t)i), &p));
    else
        for (int64_t i = 0; i < n; i++)
            sg_store_i64(u, out->data, (size_t)i, unary_i64(kind, sg_load_i64(t, in->data, (size_t)i), sg_is_signed(t)));
    return SEDGE_OK;
}
