/* The transforms of one level: a template. What includes it has included a header of kernel/simd first. */
#include <stdbool.h>

#include "kernel/conv/wino_f32.h"

/* B' d of four numbers. */
#define SPREAD(t, d0, d1, d2, d3) \
    const v_f32 t##0 = v_sub(d0, d2), t##1 = v_add(d1, d2), t##2 = v_sub(d2, d1), t##3 = v_sub(d1, d3);

/* A' m of four numbers. */
#define GATHER(y, m0, m1, m2, m3) const v_f32 y##0 = v_add(v_add(m0, m1), m2), y##1 = v_sub(v_sub(m1, m2), m3);

#define LOAD_ROW(d, i) \
    const v_f32 d##0 = LOAD(p[4 * i]), d##1 = LOAD(p[4 * i + 1]), d##2 = LOAD(p[4 * i + 2]), d##3 = LOAD(p[4 * i + 3]);

#define STORE_COLUMN(t, j)                    \
    SPREAD(u##t, a##t, b##t, c##t, e##t)      \
    v_store(v + (j) * v_step, u##t##0);       \
    v_store(v + (4 + (j)) * v_step, u##t##1); \
    v_store(v + (8 + (j)) * v_step, u##t##2); \
    v_store(v + (12 + (j)) * v_step, u##t##3);

/* One vector of channels: rows first, then columns. */
#define SPREAD_ALL            \
    LOAD_ROW(d, 0)            \
    SPREAD(a, d0, d1, d2, d3) \
    LOAD_ROW(f, 1)            \
    SPREAD(b, f0, f1, f2, f3) \
    LOAD_ROW(g, 2)            \
    SPREAD(c, g0, g1, g2, g3) \
    LOAD_ROW(h, 3)            \
    SPREAD(e, h0, h1, h2, h3) \
    STORE_COLUMN(0, 0)        \
    STORE_COLUMN(1, 1)        \
    STORE_COLUMN(2, 2)        \
    STORE_COLUMN(3, 3)

static void wino_in(const float *const p[SG_WINO_POINTS], int64_t n, float *v, int64_t v_step)
{
    int64_t k = 0;
#define LOAD(from) v_load((from) + k)
    for (; k + V_LANES <= n; k += V_LANES, v += V_LANES) {
        SPREAD_ALL
    }
#undef LOAD
#define LOAD(from) v_load_n((from) + k, n - k)
    if (k < n) {
        SPREAD_ALL
    }
#undef LOAD
}

static inline void put(const sg_wino_out *o, int64_t at, v_f32 y, int64_t lanes)
{
    const v_f32 lo = v_set(o->lo), hi = v_set(o->hi);
    if (lanes == V_LANES) {
        if (o->add)
            y = v_add(y, v_load(o->add + at));
        v_store(o->y + at, v_at_most(hi, v_at_least(lo, y)));
    } else {
        if (o->add)
            y = v_add(y, v_load_n(o->add + at, lanes));
        v_store_n(o->y + at, v_at_most(hi, v_at_least(lo, y)), lanes);
    }
}

#define GATHER_ROW(s, i)                                                                                                       \
    GATHER(s, v_load(m + (4 * (i)) * o->m_step), v_load(m + (4 * (i) + 1) * o->m_step), v_load(m + (4 * (i) + 2) * o->m_step), \
           v_load(m + (4 * (i) + 3) * o->m_step))

static void wino_out(const sg_wino_out *o)
{
    const float *m = o->m;
    for (int64_t k = 0; k < o->n; k += V_LANES, m += V_LANES) {
        int64_t lanes = o->n - k < V_LANES ? o->n - k : V_LANES;
        GATHER_ROW(a, 0)
        GATHER_ROW(b, 1)
        GATHER_ROW(c, 2)
        GATHER_ROW(d, 3)
        GATHER(l, a0, b0, c0, d0)
        GATHER(r, a1, b1, c1, d1)
        const v_f32 bias = lanes == V_LANES ? v_load(o->bias + k) : v_load_n(o->bias + k, lanes);
        put(o, k, v_add(l0, bias), lanes);
        if (o->cols > 1)
            put(o, k + o->y_col, v_add(r0, bias), lanes);
        if (o->rows > 1)
            put(o, k + o->y_row, v_add(l1, bias), lanes);
        if (o->rows > 1 && o->cols > 1)
            put(o, k + o->y_row + o->y_col, v_add(r1, bias), lanes);
    }
}
