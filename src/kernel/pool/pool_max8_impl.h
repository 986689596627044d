/* Maxima of windows of bytes: a template. What includes it has included a header of kernel/simd first, and then names its table. */
#include "kernel/pool/pool_max8.h"

/* Channels [at, at + 4 vectors), or one vector. The last vector of a span may lie over the one before it. */
#define SPANS(type)                                                                      \
    static inline void four_##type(const sg_pool_span *s, int64_t at)                    \
    {                                                                                    \
        const uint8_t *x = s->x + at;                                                    \
        v_u8 a = v8_load(x), b = v8_load(x + V8_LANES);                                  \
        v_u8 c = v8_load(x + 2 * V8_LANES), d = v8_load(x + 3 * V8_LANES);               \
        for (int64_t ky = 0; ky < s->rows; ky++)                                         \
            for (int64_t kx = 0; kx < s->columns; kx++) {                                \
                const uint8_t *p = x + ky * s->line + kx * s->pixel;                     \
                a = v8_max_##type(a, v8_load(p));                                        \
                b = v8_max_##type(b, v8_load(p + V8_LANES));                             \
                c = v8_max_##type(c, v8_load(p + 2 * V8_LANES));                         \
                d = v8_max_##type(d, v8_load(p + 3 * V8_LANES));                         \
            }                                                                            \
        v8_store(s->y + at, a);                                                          \
        v8_store(s->y + at + V8_LANES, b);                                               \
        v8_store(s->y + at + 2 * V8_LANES, c);                                           \
        v8_store(s->y + at + 3 * V8_LANES, d);                                           \
    }                                                                                    \
    static inline void vector_##type(const sg_pool_span *s, int64_t at)                  \
    {                                                                                    \
        v_u8 a = v8_load(s->x + at);                                                     \
        for (int64_t ky = 0; ky < s->rows; ky++)                                         \
            for (int64_t kx = 0; kx < s->columns; kx++)                                  \
                a = v8_max_##type(a, v8_load(s->x + ky * s->line + kx * s->pixel + at)); \
        v8_store(s->y + at, a);                                                          \
    }                                                                                    \
    static inline void byte_##type(const sg_pool_span *s, int64_t at)                    \
    {                                                                                    \
        BYTE_##type a = (BYTE_##type)s->x[at];                                           \
        for (int64_t ky = 0; ky < s->rows; ky++)                                         \
            for (int64_t kx = 0; kx < s->columns; kx++) {                                \
                BYTE_##type e = (BYTE_##type)s->x[ky * s->line + kx * s->pixel + at];    \
                a = e > a ? e : a;                                                       \
            }                                                                            \
        s->y[at] = (uint8_t)a;                                                           \
    }                                                                                    \
    static void span_##type(const sg_pool_span *s)                                       \
    {                                                                                    \
        int64_t i = 0;                                                                   \
        for (; i + 4 * V8_LANES <= s->n; i += 4 * V8_LANES)                              \
            four_##type(s, i);                                                           \
        for (; i < s->n && s->n >= V8_LANES; i += V8_LANES)                              \
            vector_##type(s, i + V8_LANES <= s->n ? i : s->n - V8_LANES);                \
        for (; i < s->n; i++)                                                            \
            byte_##type(s, i);                                                           \
    }

#define BYTE_u8 uint8_t
#define BYTE_s8 int8_t
SPANS(u8)
SPANS(s8)
