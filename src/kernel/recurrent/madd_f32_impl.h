/* Rows times a matrix, of one level: a template. What includes it has included a header of kernel/simd first, and then names its table. */
#include "kernel/recurrent/madd_f32.h"

/* Four vectors of columns of one row. */
static void one_row(float *out, const float *v, const float *w, int64_t ld, int64_t k)
{
    v_f32 a = v_load(out), b = v_load(out + V_LANES), c = v_load(out + 2 * V_LANES), d = v_load(out + 3 * V_LANES);
    for (int64_t i = 0; i < k; i++, w += ld) {
        const v_f32 x = v_set(v[i]);
        a = v_fma(x, v_load(w), a);
        b = v_fma(x, v_load(w + V_LANES), b);
        c = v_fma(x, v_load(w + 2 * V_LANES), c);
        d = v_fma(x, v_load(w + 3 * V_LANES), d);
    }
    v_store(out, a);
    v_store(out + V_LANES, b);
    v_store(out + 2 * V_LANES, c);
    v_store(out + 3 * V_LANES, d);
}

/* Two vectors of columns of four rows, so that w is read once for them. */
static void four_rows(float *out, int64_t out_row, const float *v, int64_t v_row, const float *w, int64_t ld, int64_t k)
{
    float *o1 = out + out_row, *o2 = o1 + out_row, *o3 = o2 + out_row;
    const float *v1 = v + v_row, *v2 = v1 + v_row, *v3 = v2 + v_row;
    v_f32 a = v_load(out), b = v_load(o1), c = v_load(o2), d = v_load(o3);
    v_f32 e = v_load(out + V_LANES), f = v_load(o1 + V_LANES), g = v_load(o2 + V_LANES), h = v_load(o3 + V_LANES);
    for (int64_t i = 0; i < k; i++, w += ld) {
        const v_f32 p = v_load(w), q = v_load(w + V_LANES), x0 = v_set(v[i]), x1 = v_set(v1[i]), x2 = v_set(v2[i]),
                    x3 = v_set(v3[i]);
        a = v_fma(x0, p, a);
        e = v_fma(x0, q, e);
        b = v_fma(x1, p, b);
        f = v_fma(x1, q, f);
        c = v_fma(x2, p, c);
        g = v_fma(x2, q, g);
        d = v_fma(x3, p, d);
        h = v_fma(x3, q, h);
    }
    v_store(out, a);
    v_store(o1, b);
    v_store(o2, c);
    v_store(o3, d);
    v_store(out + V_LANES, e);
    v_store(o1 + V_LANES, f);
    v_store(o2 + V_LANES, g);
    v_store(o3 + V_LANES, h);
}

/* At most a vector of columns. */
static void few(float *out, const float *v, const float *w, int64_t ld, int64_t k, int64_t n)
{
    v_f32 a = v_load_n(out, n);
    for (int64_t i = 0; i < k; i++, w += ld)
        a = v_fma(v_set(v[i]), v_load_n(w, n), a);
    v_store_n(out, a, n);
}

static void madd(float *out, int64_t out_row, const float *v, int64_t v_row, int64_t rows, const float *w, int64_t ld, int64_t k,
                 int64_t n)
{
    for (; rows > 0;) {
        int64_t j = 0, step = rows >= 4 ? 4 : 1;
        for (; step == 4 && j + 2 * V_LANES <= n; j += 2 * V_LANES)
            four_rows(out + j, out_row, v, v_row, w + j, ld, k);
        for (int64_t r = 0; r < step; r++) {
            int64_t i = j;
            for (; i + 4 * V_LANES <= n; i += 4 * V_LANES)
                one_row(out + r * out_row + i, v + r * v_row, w + i, ld, k);
            for (; i < n; i += V_LANES)
                few(out + r * out_row + i, v + r * v_row, w + i, ld, k, n - i < V_LANES ? n - i : V_LANES);
        }
        out += step * out_row;
        v += step * v_row;
        rows -= step;
    }
}

#define TABLE {madd}
