/* Windows of one level: a template. What includes it has included a header of kernel/simd first, and then names its table. */
#include "kernel/pool/pool_f32.h"

static inline v_f32 larger(v_f32 m, v_f32 x)
{
    return v_pick(v_nan(m), m, v_at_least(m, x));
}

/* The sum or maximum of all taps of `lanes` channels; a whole vector is loaded whole. */
static inline v_f32 fold(const sg_pool_window_f32 *w, const float *x, int64_t lanes, int whole, int max)
{
    v_f32 all = max ? v_load_n(x, lanes) : v_set(0);
    for (int64_t i = 0; i < w->rows; i++, x += w->line) {
        v_f32 row = max ? all : v_set(0);
        const float *p = x;
        for (int64_t k = 0; k < w->columns; k++, p += w->pixel) {
            v_f32 v = whole ? v_load(p) : v_load_n(p, lanes);
            row = max ? larger(row, v) : v_add(row, v);
        }
        all = max ? row : v_add(all, row);
    }
    return max ? all : v_div(all, v_set(w->by));
}

static inline void window(const sg_pool_window_f32 *w, int max)
{
    int64_t i = 0;
    for (; i + V_LANES <= w->n; i += V_LANES)
        v_store(w->y + i, fold(w, w->x + i, V_LANES, 1, max));
    if (i < w->n)
        v_store_n(w->y + i, fold(w, w->x + i, w->n - i, 0, max), w->n - i);
}

static void max_of(const sg_pool_window_f32 *w)
{
    window(w, 1);
}

static void mean_of(const sg_pool_window_f32 *w)
{
    window(w, 0);
}

#define TABLE {max_of, mean_of}
