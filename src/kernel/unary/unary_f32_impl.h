/* Functions of one element, of one level: a template. What includes it has included a header of kernel/simd first, and then names its
 * table. */
#include <math.h>

#include "kernel/simd/act_f32.h"
#include "kernel/unary/unary_f32.h"

#define FN(id, name)                                                                                                             \
    static void run_##name(const sg_act_f32 *f, const float *x, int64_t x_row, float *y, int64_t y_row, int64_t rows, int64_t n) \
    {                                                                                                                            \
        const v_params p = {v_set(f->a), v_set(f->b), v_set(f->g)};                                                              \
        for (; rows > 0; rows--, x += x_row, y += y_row) {                                                                       \
            int64_t i = 0;                                                                                                       \
            for (; i + V_LANES <= n; i += V_LANES)                                                                               \
                v_store(y + i, v_fn_##name(v_load(x + i), &p));                                                                  \
            if (i < n)                                                                                                           \
                v_store_n(y + i, v_fn_##name(v_load_n(x + i, n - i), &p), n - i);                                                \
        }                                                                                                                        \
    }
#include "kernel/unary/unary_f32.def"
#undef FN
