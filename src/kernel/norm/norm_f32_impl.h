/* Sums, normalization and softmax of one level: a template. What includes it has included a header of kernel/simd first, and then names its
 * table. */
#include <math.h>

#include "kernel/norm/norm_f32.h"
#include "kernel/simd/act_f32.h"

/* Floats that are summed in vectors before their sum goes on in double; rows that are summed before the sum goes on. */
enum { PIECE = 4096, ROWS = 64 };

/* Sum over n <= PIECE floats of x of x, or of (x - m)^2: in four vectors. */
static inline v_f32 term(v_f32 s, v_f32 v, v_f32 m, bool square)
{
    v_f32 d = v_sub(v, m);
    return square ? v_fma(d, d, s) : v_add(s, v);
}

static inline float sum_piece(const float *x, v_f32 m, int64_t n, bool square)
{
    v_f32 s0 = v_set(0), s1 = s0, s2 = s0, s3 = s0;
    int64_t i = 0;
    for (; i + 4 * V_LANES <= n; i += 4 * V_LANES) {
        s0 = term(s0, v_load(x + i), m, square);
        s1 = term(s1, v_load(x + i + V_LANES), m, square);
        s2 = term(s2, v_load(x + i + 2 * V_LANES), m, square);
        s3 = term(s3, v_load(x + i + 3 * V_LANES), m, square);
    }
    for (; i + V_LANES <= n; i += V_LANES)
        s0 = term(s0, v_load(x + i), m, square);
    if (i < n) {
        float lane[V_LANES];
        v_store(lane, term(v_set(0), v_load_n(x + i, n - i), m, square));
        for (int64_t k = 0; k < n - i; k++)
            lane[0] = k ? lane[0] + lane[k] : lane[0];
        return v_sum(v_add(v_add(s0, s1), v_add(s2, s3))) + lane[0];
    }
    return v_sum(v_add(v_add(s0, s1), v_add(s2, s3)));
}

static double sum(const float *x, int64_t n)
{
    double s = 0;
    for (int64_t i = 0; i < n; i += PIECE)
        s += (double)sum_piece(x + i, v_set(0), n - i < PIECE ? n - i : PIECE, false);
    return s;
}

static double sum_square(const float *x, float mean, int64_t n)
{
    double s = 0;
    for (int64_t i = 0; i < n; i += PIECE)
        s += (double)sum_piece(x + i, v_set(mean), n - i < PIECE ? n - i : PIECE, true);
    return s;
}

static void sum_rows(const float *x, int64_t rows, int64_t x_row, int64_t n, float scale, float *y)
{
    for (int64_t i = 0; i < n; i += V_LANES) {
        int64_t lanes = n - i < V_LANES ? n - i : V_LANES;
        v_f32 all = v_set(0);
        const float *p = x + i;
        for (int64_t r = 0; r < rows; r += ROWS) {
            v_f32 s0 = v_set(0), s1 = s0;
            int64_t end = rows - r < ROWS ? rows - r : ROWS, k = 0;
            if (lanes == V_LANES) {
                for (; k + 2 <= end; k += 2, p += 2 * x_row) {
                    s0 = v_add(s0, v_load(p));
                    s1 = v_add(s1, v_load(p + x_row));
                }
                for (; k < end; k++, p += x_row)
                    s0 = v_add(s0, v_load(p));
            }
            for (; k < end; k++, p += x_row)
                s0 = v_add(s0, v_load_n(p, lanes));
            all = v_add(all, v_add(s0, s1));
        }
        v_store_n(y + i, v_mul(all, v_set(scale)), lanes);
    }
}

static void row(sg_norm_row *r)
{
    const int64_t n = r->n;
    r->mean = r->center && n ? (float)(sum(r->x, n) / (double)n) : 0;
    r->inv = (float)(1 / sqrt((n ? sum_square(r->x, r->mean, n) / (double)n : 0) + (double)r->eps));
    const v_f32 mean = v_set(r->mean), inv = v_set(r->inv);
    for (int64_t i = 0; i < n; i += V_LANES) {
        int64_t lanes = n - i < V_LANES ? n - i : V_LANES;
        bool whole = lanes == V_LANES;
        v_f32 v = v_mul(v_sub(whole ? v_load(r->x + i) : v_load_n(r->x + i, lanes), mean), inv);
        v_f32 s = whole ? v_load(r->scale + i) : v_load_n(r->scale + i, lanes);
        v_f32 b = !r->bias ? v_set(0) : whole ? v_load(r->bias + i) : v_load_n(r->bias + i, lanes);
        v = v_fma(v, s, b);
        if (whole)
            v_store(r->y + i, v);
        else
            v_store_n(r->y + i, v, lanes);
    }
}

/* ---- softmax ---- */

/* One vector of columns. */
static inline void soft_cols(const float *x, int64_t n, int64_t step, int64_t lanes, bool log, float *y)
{
    v_f32 top = v_load_n(x, lanes), s = v_set(0);
    for (int64_t k = 1; k < n; k++)
        top = v_at_least(top, v_load_n(x + k * step, lanes));
    for (int64_t k = 0; k < n; k++) {
        v_f32 e = v_exp(v_sub(v_load_n(x + k * step, lanes), top));
        s = v_add(s, e);
        if (!log)
            v_store_n(y + k * step, e, lanes);
    }
    v_f32 off = v_log(s);
    for (int64_t k = 0; k < n; k++)
        v_store_n(y + k * step,
                  log ? v_sub(v_sub(v_load_n(x + k * step, lanes), top), off) : v_div(v_load_n(y + k * step, lanes), s), lanes);
}

static void softmax_cols(const float *x, int64_t n, int64_t step, int64_t cols, bool log, float *y)
{
    int64_t i = 0;
    for (; i + V_LANES <= cols; i += V_LANES)
        soft_cols(x + i, n, step, V_LANES, log, y + i);
    if (i < cols)
        soft_cols(x + i, n, step, cols - i, log, y + i);
}

/* Rows shorter than SHORT are turned, so that a vector holds as many rows as it has lanes. */
enum { SHORT = 16 };

static void soft_short(const float *x, int64_t rows, int64_t n, bool log, float *y)
{
    float room[SHORT * V_LANES];
    for (int64_t r = 0; r < rows; r += V_LANES) {
        int64_t lanes = rows - r < V_LANES ? rows - r : V_LANES;
        for (int64_t i = 0; i < lanes; i++)
            for (int64_t k = 0; k < n; k++)
                room[k * V_LANES + i] = x[(r + i) * n + k];
        soft_cols(room, n, V_LANES, lanes, log, room);
        for (int64_t i = 0; i < lanes; i++)
            for (int64_t k = 0; k < n; k++)
                y[(r + i) * n + k] = room[k * V_LANES + i];
    }
}

static float largest(const float *x, int64_t n)
{
    v_f32 m = v_load(x);
    int64_t i = V_LANES;
    for (; i + V_LANES <= n; i += V_LANES)
        m = v_at_least(m, v_load(x + i));
    return v_largest(v_at_least(m, v_load(x + n - V_LANES)));
}

/* n >= SHORT, and so a vector at least. */
static void soft_row(const float *x, int64_t n, bool log, float *y)
{
    const v_f32 top = v_set(largest(x, n));
    v_f32 s = v_set(0);
    float last[V_LANES], left = 0;
    int64_t i = 0;
    for (; i + V_LANES <= n; i += V_LANES) {
        v_f32 e = v_exp(v_sub(v_load(x + i), top));
        s = v_add(s, e);
        if (!log)
            v_store(y + i, e);
    }
    v_store(last, v_exp(v_sub(v_load_n(x + i, n - i), top)));
    for (int64_t k = 0; k < n - i; k++)
        left += last[k];
    const v_f32 all = v_set(v_sum(s) + left), off = v_log(all);
    for (int64_t k = 0; k + V_LANES <= n; k += V_LANES)
        v_store(y + k, log ? v_sub(v_sub(v_load(x + k), top), off) : v_div(v_load(y + k), all));
    v_f32 tail = log ? v_sub(v_sub(v_load_n(x + i, n - i), top), off) : v_div(v_load(last), all);
    v_store_n(y + i, tail, n - i);
}

static void softmax(const float *x, int64_t rows, int64_t n, bool log, float *y)
{
    if (n < SHORT) {
        soft_short(x, rows, n, log, y);
        return;
    }
    for (int64_t r = 0; r < rows; r++)
        soft_row(x + r * n, n, log, y + r * n);
}

#define TABLE {sum, sum_square, sum_rows, row, softmax, softmax_cols}
