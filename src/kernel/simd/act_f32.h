/* Functions of one number on vectors. What includes this has included a header of the vectors first. Errors are against the function of the very
 * float, over all floats where nothing overflows, in units of the last place of the result unless it says otherwise; tests/kernel/unary_f32.c holds
 * them to it on every level. "No number" stays none. */
#ifndef SG_KERNEL_SIMD_ACT_F32_H
#define SG_KERNEL_SIMD_ACT_F32_H

/* Parameters of the functions that have some (op/fn.def says which). */
typedef struct v_params {
    v_f32 a, b, g;
} v_params;

/* Estrin's or Horner's scheme would do: chains of independent vectors hide the latency of the latter. */
#define V_P(p, x, c) v_fma(p, x, v_set(c))

/* r and n with x = r + n ln 2, |r| <= ln 2 / 2 (Cody and Waite 1980), and exp(r) - 1 by the polynomial of Cephes' expf. */
static inline v_f32 v_exp_parts(v_f32 x, v_f32 *n)
{
    *n = v_round(v_mul(x, v_set(1.44269504088896341f)));
    v_f32 r = v_fma(*n, v_set(-0.693359375f), x);
    r = v_fma(*n, v_set(2.12194440e-4f), r);
    v_f32 p = V_P(v_set(1.9875691500e-4f), r, 1.3981999507e-3f);
    p = V_P(p, r, 8.3334519073e-3f);
    p = V_P(p, r, 4.1665795894e-2f);
    p = V_P(p, r, 1.6666665459e-1f);
    p = V_P(p, r, 5.0000001201e-1f);
    return v_fma(v_mul(r, r), p, r);
}

/* Within 2; 0 and infinity past the ends. */
static inline v_f32 v_exp(v_f32 x)
{
    v_f32 n, p = v_exp_parts(v_at_most(v_set(89.0f), v_at_least(v_set(-104.0f), x)), &n);
    return v_scale(v_add(p, v_set(1)), n);
}

/* Within 3, for x <= 0. */
static inline v_f32 v_expm1_neg(v_f32 x)
{
    v_f32 n, p = v_exp_parts(v_at_least(v_set(-30.0f), x), &n), s = v_scale(v_set(1), n);
    return v_fma(s, p, v_sub(s, v_set(1)));
}

/* The logarithm of m 2^e by the polynomial of Cephes' logf, m in [sqrt(1/2), sqrt(2)). */
static inline v_f32 v_log_parts(v_f32 m, v_f32 e)
{
    v_f32 f = v_sub(m, v_set(1)), z = v_mul(f, f);
    v_f32 p = V_P(v_set(7.0376836292e-2f), f, -1.1514610310e-1f);
    p = V_P(p, f, 1.1676998740e-1f);
    p = V_P(p, f, -1.2420140846e-1f);
    p = V_P(p, f, 1.4249322787e-1f);
    p = V_P(p, f, -1.6668057665e-1f);
    p = V_P(p, f, 2.0000714765e-1f);
    p = V_P(p, f, -2.4999993993e-1f);
    p = V_P(p, f, 3.3333331174e-1f);
    v_f32 y = v_fma(e, v_set(-2.12194440e-4f), v_mul(v_mul(f, z), p));
    y = v_fma(v_set(-0.5f), z, y);
    return v_fma(e, v_set(0.693359375f), v_add(f, y));
}

/* Within 2. */
static inline v_f32 v_log(v_f32 x)
{
    const v_f32 zero = v_set(0), inf = v_set(HUGE_VALF);
    v_mask tiny = v_less(x, v_set(0x1p-126f));
    v_f32 m, e = v_split(v_pick(tiny, v_mul(x, v_set(0x1p23f)), x), &m);
    v_f32 y = v_log_parts(m, v_pick(tiny, v_sub(e, v_set(23)), e));
    y = v_pick(v_less(x, inf), y, x); /* infinity and no number are their own logarithms */
    return v_pick(v_less(zero, x), y, v_pick(v_less(x, zero), v_sub(inf, inf), v_sub(v_mul(x, x), inf)));
}

/* log(1 + x) for x in [0, 1], within 4: what 1 + x was rounded off by is put back (Goldberg 1991, theorem 4). */
static inline v_f32 v_log1p_unit(v_f32 x)
{
    v_f32 u = v_add(x, v_set(1)), m, e = v_split(u, &m);
    return v_add(v_log_parts(m, e), v_div(v_sub(x, v_sub(u, v_set(1))), u));
}

static inline v_f32 v_neg(v_f32 x)
{
    return v_sub(v_set(-0.0f), x);
}

/* Within 4. */
static inline v_f32 v_sigmoid(v_f32 x)
{
    return v_div(v_set(1), v_add(v_set(1), v_exp(v_neg(x))));
}

/* Within 4: x + x^3 P(x^2) as in Cephes' tanhf, past 0.625 by the exponential. */
static inline v_f32 v_tanh(v_f32 x)
{
    v_f32 z = v_mul(x, x), t = v_abs(x);
    v_f32 p = V_P(v_set(-5.70498872745e-3f), z, 2.06390887954e-2f);
    p = V_P(p, z, -5.37397155531e-2f);
    p = V_P(p, z, 1.33314422036e-1f);
    p = V_P(p, z, -3.33332819422e-1f);
    v_f32 e = v_exp(v_add(t, t)), far = v_sub(v_set(1), v_div(v_set(2), v_add(e, v_set(1))));
    return v_pick(v_less(t, v_set(0.625f)), v_fma(v_mul(p, z), x, x), v_sign(far, x));
}

/* Within 3: x P(x^2) up to 1, and past it 1 - exp(-Q(|x|)); both are least in the largest error, by Lawson's iteration. */
static inline v_f32 v_erf(v_f32 x)
{
    v_f32 z = v_mul(x, x), t = v_at_most(v_set(4.0f), v_abs(x)), n;
    v_f32 p = V_P(v_set(7.85385782e-05f), z, -0.000801019254f);
    p = V_P(p, z, 0.00518832775f);
    p = V_P(p, z, -0.026853811f);
    p = V_P(p, z, 0.112835854f);
    p = V_P(p, z, -0.37612626f);
    p = V_P(p, z, 1.12837911f);
    v_f32 q = V_P(v_set(-0.000188822683f), t, 0.00297243334f);
    q = V_P(q, t, -0.0219403971f);
    q = V_P(q, t, 0.103327282f);
    q = V_P(q, t, 0.637883186f);
    q = V_P(q, t, 1.12725139f);
    q = v_exp_parts(v_neg(V_P(q, t, 0.000300438463f)), &n);
    v_f32 far = v_sub(v_set(1), v_scale(v_add(q, v_set(1)), n));
    return v_pick(v_less(t, v_set(1)), v_mul(x, p), v_sign(far, x));
}

/* ---- kinds of op/fn.def, by name in lower case ---- */

#define V_FN(name) static inline v_f32 v_fn_##name(v_f32 x, const v_params *p)
#define V_FN_PLAIN(name, formula) \
    V_FN(name)                    \
    {                             \
        (void)p;                  \
        return formula;           \
    }

V_FN_PLAIN(abs, v_abs(x))
V_FN_PLAIN(neg, v_neg(x))
V_FN_PLAIN(ceil, v_ceil(x))
V_FN_PLAIN(floor, v_floor(x))
V_FN_PLAIN(round, v_round(x))
V_FN_PLAIN(sqrt, v_sqrt(x))
V_FN_PLAIN(reciprocal, v_div(v_set(1), x))
V_FN_PLAIN(exp, v_exp(x))
V_FN_PLAIN(log, v_log(x))
V_FN_PLAIN(tanh, v_tanh(x))
V_FN_PLAIN(erf, v_erf(x))
V_FN_PLAIN(sigmoid, v_sigmoid(x))
V_FN_PLAIN(softplus, v_add(v_at_least(v_set(0), x), v_log1p_unit(v_exp(v_neg(v_abs(x)))))) /* within 4 */
V_FN_PLAIN(softsign, v_div(x, v_add(v_set(1), v_abs(x))))
V_FN_PLAIN(relu, v_at_least(v_set(0), x))
V_FN_PLAIN(leaky_relu, v_pick(v_less(x, v_set(0)), v_mul(p->a, x), x))
V_FN_PLAIN(elu, v_pick(v_less(x, v_set(0)), v_mul(p->a, v_expm1_neg(v_at_most(v_set(0), x))), x))
V_FN_PLAIN(selu, v_mul(p->g, v_pick(v_less(v_set(0), x), x, v_mul(p->a, v_expm1_neg(v_at_most(v_set(0), x))))))
/* within 1 of the larger of a x and b */
V_FN_PLAIN(hard_sigmoid, v_at_most(v_set(1), v_at_least(v_set(0), v_fma(p->a, x, p->b))))
V_FN_PLAIN(hard_swish, v_mul(x, v_at_most(v_set(1), v_at_least(v_set(0), v_fma(v_set(1.0f / 6), x, v_set(0.5f))))))
/* within 3 of |x|: for large negative x the two halves cancel */
V_FN_PLAIN(gelu, v_mul(v_mul(v_set(0.5f), x), v_add(v_set(1), v_erf(v_mul(x, v_set(0.70710678118654752f))))))
/* x sigmoid(2 u), u as in the formula; within 8 from -2 on; below it the rounding of u counts by as much as u */
V_FN_PLAIN(gelu_tanh, v_div(x, v_add(v_set(1), v_exp(v_mul(x, v_fma(v_mul(x, x), v_set(-0.0713548163f), v_set(-1.59576912f)))))))
/* within 8 where a x >= -8, and further down within |a x|: that is what rounding the product comes to */
V_FN_PLAIN(swish, v_div(x, v_add(v_set(1), v_exp(v_neg(v_mul(p->a, x))))))
V_FN_PLAIN(linear, v_fma(p->a, x, p->b))

/* tanh(softplus(x)) is n / (n + 2), n = e (e + 2), e = exp(x). Within 6. */
V_FN(mish)
{
    (void)p;
    v_f32 e = v_exp(v_at_most(v_set(20), x)), n = v_mul(e, v_add(e, v_set(2)));
    return v_mul(x, v_div(n, v_add(n, v_set(2))));
}

#endif
