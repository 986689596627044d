/* Functions of two elements, of one level: a template. What includes it has included a header of kernel/simd first, and then names its
 * table. */
#include "kernel/binary/binary_f32.h"

#define ROW(LOAD_X, LOAD_X_N, LOAD_Y, LOAD_Y_N, formula) \
    {                                                    \
        int64_t i = 0;                                   \
        for (; i + V_LANES <= n; i += V_LANES) {         \
            const v_f32 x = LOAD_X, y = LOAD_Y;          \
            v_store(z + i, formula);                     \
        }                                                \
        if (i < n) {                                     \
            const v_f32 x = LOAD_X_N, y = LOAD_Y_N;      \
            v_store_n(z + i, formula, n - i);            \
        }                                                \
    }

#define FN(id, name, formula)                                                                              \
    static void run_##name(const sg_rows_f32 *r)                                                           \
    {                                                                                                      \
        const int64_t n = r->n;                                                                            \
        const float *a = r->x, *b = r->y;                                                                  \
        float *z = r->z;                                                                                   \
        for (int64_t row = 0; row < r->rows; row++, a += r->x_row, b += r->y_row, z += n) {                \
            if (r->x_step && r->y_step) {                                                                  \
                ROW(v_load(a + i), v_load_n(a + i, n - i), v_load(b + i), v_load_n(b + i, n - i), formula) \
            } else if (r->x_step) {                                                                        \
                const v_f32 one = v_set(*b);                                                               \
                ROW(v_load(a + i), v_load_n(a + i, n - i), one, one, formula)                              \
            } else {                                                                                       \
                const v_f32 one = v_set(*a);                                                               \
                ROW(one, one, v_load(b + i), v_load_n(b + i, n - i), formula) /* n is 1 if both repeat */  \
            }                                                                                              \
        }                                                                                                  \
    }
#include "kernel/binary/binary_f32.def"
#undef FN

static void scale(const float *x, const float *a, const float *b, float *z, int64_t rows, int64_t n)
{
    for (int64_t row = 0; row < rows; row++, x += n, z += n) {
        int64_t i = 0;
        for (; i + V_LANES <= n; i += V_LANES)
            v_store(z + i, v_fma(v_load(x + i), v_load(a + i), v_load(b + i)));
        if (i < n)
            v_store_n(z + i, v_fma(v_load_n(x + i, n - i), v_load_n(a + i, n - i), v_load_n(b + i, n - i)), n - i);
    }
}
