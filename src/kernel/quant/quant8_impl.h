/* Conversions of 8 bits: a template. What includes it has included a header of kernel/simd for bytes first, and then names its table.
 * Every product and sum is rounded by itself. Operands may be what is written over. */
#include <string.h>

#include "kernel/quant/quant8.h"

static inline v_f32 v_from_bytes(const uint8_t *p, bool is_signed)
{
    return is_signed ? v_from_s8(p) : v_from_u8(p);
}

/* What fits the type, less its zero point. */
typedef struct bounds {
    v_f32 lo, hi;
} bounds;

static inline bounds bounds_of(const sg_quant8_type *t)
{
    return (bounds){v_set((float)((t->is_signed ? -128 : 0) - t->zero)), v_set((float)((t->is_signed ? 127 : 255) - t->zero))};
}

/* A NaN becomes the least. */
static inline v_f32 within(const bounds *b, v_f32 v)
{
    return v_at_most(b->hi, v_pick(v_less(b->lo, v), v, b->lo));
}

static void quantize(const sg_quant8_type *t, const float *x, int64_t n, uint8_t *y)
{
    const bounds b = bounds_of(t);
    const v_f32 scale = v_set(t->scale);
    int64_t i = 0;
    for (; i + V_LANES <= n; i += V_LANES)
        v_to_bytes(y + i, within(&b, v_div(v_load(x + i), scale)), t->zero);
    if (i < n) {
        uint8_t last[V_LANES];
        v_to_bytes(last, within(&b, v_div(v_load_n(x + i, n - i), scale)), t->zero);
        memcpy(y + i, last, (size_t)(n - i));
    }
}

static void dequantize(const sg_quant8_type *t, const uint8_t *x, int64_t n, float *y)
{
    const v_f32 zero = v_set((float)t->zero), scale = v_set(t->scale);
    int64_t i = 0;
    for (; i + V_LANES <= n; i += V_LANES)
        v_store(y + i, v_mul(v_sub(v_from_bytes(x + i, t->is_signed), zero), scale));
    if (i < n) {
        uint8_t last[V_LANES] = {0};
        memcpy(last, x + i, (size_t)(n - i));
        v_store_n(y + i, v_mul(v_sub(v_from_bytes(last, t->is_signed), zero), scale), n - i);
    }
}

static inline v_f32 sum_of(const sg_quant8_binary *t, const uint8_t *a, const uint8_t *b)
{
    v_f32 u = v_mul(v_sub(v_from_bytes(a, t->a.is_signed), v_set((float)t->a.zero)), v_set(t->a.scale));
    v_f32 v = v_mul(v_sub(v_from_bytes(b, t->b.is_signed), v_set((float)t->b.zero)), v_set(t->b.scale));
    return v_add(u, v);
}

static inline v_f32 product_of(const sg_quant8_binary *t, const uint8_t *a, const uint8_t *b)
{
    v_f32 u = v_sub(v_from_bytes(a, t->a.is_signed), v_set((float)t->a.zero));
    v_f32 v = v_sub(v_from_bytes(b, t->b.is_signed), v_set((float)t->b.zero));
    return v_mul(v_mul(u, v), v_set(t->a.scale)); /* u v is exact */
}

#define BINARY(name, formula)                                                                              \
    static void name(const sg_quant8_binary *t, const uint8_t *a, const uint8_t *b, int64_t n, uint8_t *y) \
    {                                                                                                      \
        const sg_quant8_binary own = *t;                                                                   \
        const bounds range = bounds_of(&own.y);                                                            \
        int64_t i = 0;                                                                                     \
        for (; i + V_LANES <= n; i += V_LANES)                                                             \
            v_to_bytes(y + i, within(&range, formula(&own, a + i, b + i)), own.y.zero);                    \
        if (i < n) {                                                                                       \
            uint8_t u[V_LANES] = {0}, v[V_LANES] = {0};                                                    \
            memcpy(u, a + i, (size_t)(n - i));                                                             \
            memcpy(v, b + i, (size_t)(n - i));                                                             \
            v_to_bytes(u, within(&range, formula(&own, u, v)), own.y.zero);                                \
            memcpy(y + i, u, (size_t)(n - i));                                                             \
        }                                                                                                  \
    }
BINARY(add, sum_of)
BINARY(mul, product_of)
