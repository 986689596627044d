/* Linear resizing of one level: a template. What includes it has included a header of kernel/simd first, and then names its table. */
#include "kernel/resize/resize.h"

static inline v_f32 between(v_f32 a, v_f32 b, v_f32 w)
{
    return v_fma(v_sub(b, a), w, a);
}

static void line(const float *a, const float *b, float w, int64_t n, float *y)
{
    const v_f32 part = v_set(w);
    int64_t i = 0;
    for (; i + V_LANES <= n; i += V_LANES)
        v_store(y + i, between(v_load(a + i), v_load(b + i), part));
    if (i < n)
        v_store_n(y + i, between(v_load_n(a + i, n - i), v_load_n(b + i, n - i), part), n - i);
}

/* Pixels of fewer floats than these go one float at a time. */
enum { FEW = 4 };

static void cols(const float *x, const sg_resize_axis *at, int64_t n, int64_t c, float *y)
{
    if (c >= FEW) {
        for (int64_t i = 0; i < n; i++, y += c)
            line(x + at->a[i] * c, x + at->b[i] * c, at->w[i], c, y);
        return;
    }
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < c; k++) {
            float a = x[at->a[i] * c + k], b = x[at->b[i] * c + k];
            *y++ = a + at->w[i] * (b - a);
        }
}

#define TABLE {line, cols}
