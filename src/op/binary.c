/* Binary elementwise ops: shape rule, integer rules, reference. */
#include "op/elementwise.h"

#include <math.h>

static double floor_mod(double x, double y)
{
    double r = fmod(x, y);
    if (r != 0 && (r < 0) != (y < 0))
        r += y;
    return r;
}

#define BINARY(id, name, formula, dx, dy)     \
    static double fn_##id(double x, double y) \
    {                                         \
        (void)y;                              \
        return formula;                       \
    }
#include "op/fn.def"
#undef BINARY

typedef double f64_fn(double x, double y);
static f64_fn *const f64_table[SG_BINARY_COUNT] = {
#define BINARY(id, name, formula, dx, dy) fn_##id,
#include "op/fn.def"
#undef BINARY
};

double sg_binary_f64(sg_binary_kind kind, double x, double y)
{
    return f64_table[kind](x, y);
}

/* ---- integers: two's complement, wrapping; division by zero gives 0 --------------------------------- */

static int64_t div_i64(int64_t x, int64_t y, bool is_signed)
{
    if (y == 0)
        return 0;
    if (!is_signed)
        return (int64_t)((uint64_t)x / (uint64_t)y);
    return y == -1 ? (int64_t)(0 - (uint64_t)x) : x / y;
}

static int64_t mod_i64(int64_t x, int64_t y, bool is_signed, bool python)
{
    if (y == 0 || (is_signed && y == -1))
        return 0;
    if (!is_signed)
        return (int64_t)((uint64_t)x % (uint64_t)y);
    int64_t r = x % y;
    return python && r != 0 && (r < 0) != (y < 0) ? r + y : r;
}

static int64_t pow_i64(int64_t x, int64_t y, bool is_signed)
{
    if (is_signed && y < 0)
        return x == 1 ? 1 : x == -1 ? (y & 1 ? -1 : 1) : 0;
    uint64_t r = 1, b = (uint64_t)x;
    for (uint64_t e = (uint64_t)y; e; e >>= 1, b *= b)
        if (e & 1)
            r *= b;
    return (int64_t)r;
}

/* A shift by the width or more, or by a negative count, moves all bits out: 0, or the sign to the right. */
static int64_t shift_i64(int64_t x, int64_t y, unsigned bits, bool is_signed, bool left)
{
    bool out = (is_signed && y < 0) || (uint64_t)y >= bits;
    if (left)
        return out ? 0 : (int64_t)((uint64_t)x << y);
    if (!is_signed || x >= 0)
        return out ? 0 : (int64_t)((uint64_t)x >> y);
    return out ? -1 : (int64_t)~(~(uint64_t)x >> y);
}

static bool less_i64(int64_t x, int64_t y, bool is_signed)
{
    return is_signed ? x < y : (uint64_t)x < (uint64_t)y;
}

static int64_t binary_i64(sg_binary_kind kind, int64_t x, int64_t y, unsigned bits, bool is_signed)
{
    switch (kind) {
    case SG_BINARY_ADD: return (int64_t)((uint64_t)x + (uint64_t)y);
    case SG_BINARY_SUB: return (int64_t)((uint64_t)x - (uint64_t)y);
    case SG_BINARY_MUL: return (int64_t)((uint64_t)x * (uint64_t)y);
    case SG_BINARY_DIV: return div_i64(x, y, is_signed);
    case SG_BINARY_POW: return pow_i64(x, y, is_signed);
    case SG_BINARY_MOD: return mod_i64(x, y, is_signed, true);
    case SG_BINARY_FMOD: return mod_i64(x, y, is_signed, false);
    case SG_BINARY_MIN: return less_i64(y, x, is_signed) ? y : x;
    case SG_BINARY_MAX: return less_i64(x, y, is_signed) ? y : x;
    case SG_BINARY_SHIFT_LEFT: return shift_i64(x, y, bits, is_signed, true);
    case SG_BINARY_SHIFT_RIGHT: return shift_i64(x, y, bits, is_signed, false);
    case SG_BINARY_AND: return x && y;
    case SG_BINARY_OR: return x || y;
    case SG_BINARY_XOR: return !x != !y;
    case SG_BINARY_BIT_AND: return x & y;
    case SG_BINARY_BIT_OR: return x | y;
    case SG_BINARY_BIT_XOR: return x ^ y;
    case SG_BINARY_PRELU: return is_signed && x < 0 ? (int64_t)((uint64_t)x * (uint64_t)y) : x;
    default: return 0;
    }
}

/* ---- types ----------------------------------------------------------------------------------------- */

static bool takes(int64_t kind, sg_dtype t)
{
    switch (kind) {
    case SG_BINARY_SHIFT_LEFT:
    case SG_BINARY_SHIFT_RIGHT:
    case SG_BINARY_BIT_AND:
    case SG_BINARY_BIT_OR:
    case SG_BINARY_BIT_XOR: return sg_is_int(t);
    case SG_BINARY_AND:
    case SG_BINARY_OR:
    case SG_BINARY_XOR: return t == SG_BOOL || sg_is_int(t);
    default: return sg_is_float(t) || sg_is_int(t);
    }
}

static bool binary_content(sg_infer *c, const sg_dim *v, sg_dim *out)
{
    bool pos = sg_d_nonneg(c, v[0]) && sg_d_nonneg(c, v[1]), num = !sg_dim_is_expr(v[0]) && !sg_dim_is_expr(v[1]);
    int64_t kind = sg_get_int(c->attrs, SG_A_kind);
    sg_dtype t = (sg_dtype)c->in[0]->dtype;
    switch (kind) {
    case SG_BINARY_ADD: *out = sg_d_add(c, v[0], v[1]); return true;
    case SG_BINARY_SUB: *out = sg_d_sub(c, v[0], v[1]); return true;
    case SG_BINARY_MUL: *out = sg_d_mul(c, v[0], v[1]); return true;
    case SG_BINARY_MIN: *out = sg_d_min(c, v[0], v[1]); return true;
    case SG_BINARY_MAX: *out = sg_d_max(c, v[0], v[1]); return true;
    default: break;
    }
    if (kind == SG_BINARY_DIV && pos && v[1] != 0)
        return *out = sg_d_div(c, v[0], v[1]), true;
    if ((kind == SG_BINARY_MOD || kind == SG_BINARY_FMOD) && pos && v[1] != 0)
        return *out = sg_d_mod(c, v[0], v[1]), true;
    if (num)
        *out = binary_i64((sg_binary_kind)kind, v[0], v[1], sg_dtypes[t].bits, sg_is_signed(t));
    return num && !sg_dim_is_expr(*out);
}

sedge_status sg_infer_binary(sg_infer *c)
{
    int64_t kind = sg_get_int(c->attrs, SG_A_kind);
    sg_dtype t = (sg_dtype)c->in[0]->dtype, u = (sg_dtype)c->in[1]->dtype;
    if (kind < 0 || kind >= SG_BINARY_COUNT)
        return SG_INFER_FAIL(c, SEDGE_E_FORMAT, "unknown kind %lld", (long long)kind);
    if (t != SG_NONE && u != SG_NONE) {
        if (!takes(kind, t))
            return SG_INFER_FAIL(c, SEDGE_E_TYPE, "does not take %s", sg_dtypes[t].name);
        if (t != u && kind != SG_BINARY_POW)
            return SG_INFER_FAIL(c, SEDGE_E_TYPE, "operands differ in type: %s and %s", sg_dtypes[t].name, sg_dtypes[u].name);
        if (!takes(kind, u))
            return SG_INFER_FAIL(c, SEDGE_E_TYPE, "does not take %s", sg_dtypes[u].name);
    }
    SG_TRY(sg_infer_broadcast(c));
    if (sg_is_int(t) && sg_is_int(u) && c->out[0].rank >= 0)
        sg_content_map(c, 2, binary_content);
    return SEDGE_OK;
}

/* ---- reference --------------------------------------------------------------------------------------- */

static void any_inner(sg_binary_kind kind, const sg_tensor *a, const sg_tensor *b, const sg_bcast *w, sg_tensor *z, int64_t at)
{
    sg_dtype t = (sg_dtype)a->dtype, u = (sg_dtype)b->dtype;
    bool ints = !sg_is_float(t) && !sg_is_float(u);
    for (int64_t i = 0; i < w->inner; i++) {
        size_t ia = (size_t)(w->off[0] + i * w->step[0]), ib = (size_t)(w->off[1] + i * w->step[1]), iz = (size_t)(at + i);
        if (ints)
            sg_store_i64(t, z->data, iz,
                         binary_i64(kind, sg_load_i64(t, a->data, ia), sg_load_i64(u, b->data, ib), sg_dtypes[t].bits,
                                    kind == SG_BINARY_POW ? sg_is_signed(u) : sg_is_signed(t)));
        else
            sg_store_f64_sat(t, z->data, iz, f64_table[kind](sg_load_f64(t, a->data, ia), sg_load_f64(u, b->data, ib)), false);
    }
}

sedge_status sg_ref_binary(sg_exec *x)
{
    const sg_tensor *a = x->in[0], *b = x->in[1], *in[2] = {a, b};
    sg_tensor *z = x->out[0];
    sg_binary_kind kind = (sg_binary_kind)sg_get_int(x->attrs, SG_A_kind);
    sg_bcast w;
    SG_TRY(sg_bcast_init(x, &w, z, in, 2));
    for (int64_t o = 0; o < w.outer; o++, sg_bcast_next(&w))
        any_inner(kind, a, b, &w, z, o * w.inner);
    return SEDGE_OK;
}
