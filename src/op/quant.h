/* The integer contract: the few roundings that every integer op is made of. docs/integers.md says it in words. */
#ifndef SG_OP_QUANT_H
#define SG_OP_QUANT_H

#include "op/op.h"

typedef enum sg_qbinary_kind { SG_QBINARY_ADD, SG_QBINARY_MUL } sg_qbinary_kind;
typedef enum sg_qunary_kind { SG_QUNARY_SIGMOID, SG_QUNARY_LEAKY_RELU } sg_qunary_kind;

/* Nearest integer, ties to even, for |v| < 2^51, whatever the thread's rounding mode is not: it must be the default. */
static inline double sg_q_rne(double v)
{
    return (v + 6755399441055744.0) - 6755399441055744.0;
}

/* Clamps in float, rounds half to even, adds the zero point. lo and hi bound the result; a NaN gives lo. */
static inline int32_t sg_q_round(float t, int32_t zp, int32_t lo, int32_t hi)
{
    float min = (float)(lo - zp), max = (float)(hi - zp);
    t = t > min ? t : min;
    t = t < max ? t : max;
    return (int32_t)sg_q_rne((double)t) + zp;
}

static inline int32_t sg_q_requant(int32_t acc, float scale, int32_t zp, int32_t lo, int32_t hi)
{
    float t = (float)acc * scale;
    return sg_q_round(t, zp, lo, hi);
}

/* Range of an integer type of at most 16 bits. */
static inline void sg_q_range(sg_dtype t, int32_t *lo, int32_t *hi)
{
    int32_t span = (int32_t)1 << sg_dtypes[t].bits;
    *lo = sg_is_signed(t) ? -span / 2 : 0;
    *hi = sg_is_signed(t) ? span / 2 - 1 : span - 1;
}

static inline bool sg_q_is_8bit(sg_dtype t)
{
    return t == SG_U8 || t == SG_I8;
}

/* (float)(sx * sw / sy) in double; fails unless finite and above 0. */
sedge_status sg_q_scale(sg_err *err, double sx, double sw, double sy, float *out);

/* Element i of a scale or zero point that is one for all or one per channel; an absent zero point is 0. */
static inline int32_t sg_q_zero(const sg_tensor *t, int64_t i)
{
    return t ? (int32_t)sg_load_i64((sg_dtype)t->dtype, t->data, (size_t)(sg_numel(t) == 1 ? 0 : i)) : 0;
}

static inline double sg_q_factor(const sg_tensor *t, int64_t i)
{
    return sg_load_f64((sg_dtype)t->dtype, t->data, (size_t)(sg_numel(t) == 1 ? 0 : i));
}

/* x - zero, widened to int32, for a whole run of 8-bit elements. */
void sg_q_widen(const sg_tensor *t, int64_t from, int64_t n, int32_t zero, int32_t *out);

/* Type rules: operand k (if present) is 8 bits wide; is a float scale; has the type of operand `like`. */
sedge_status sg_q_want_8bit(sg_infer *c, int k);
sedge_status sg_q_want_scale(sg_infer *c, int k);
sedge_status sg_q_want_like(sg_infer *c, int k, int like);
/* The types of a product of 8-bit operands, zero points behind them, to i32; of one with scales and zero points, i32 bias last. */
sedge_status sg_q_integer_types(sg_infer *c);
sedge_status sg_q_qlinear_types(sg_infer *c);

/* e^x in double from +, * and / alone, so that every machine builds the same tables. */
double sg_q_exp(double x);

#endif
