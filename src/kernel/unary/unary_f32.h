/* Functions of one f32 element: whole tensors, and the tiles of what was just computed. */
#ifndef SG_KERNEL_UNARY_UNARY_F32_H
#define SG_KERNEL_UNARY_UNARY_F32_H

#include <stdint.h>

typedef enum sg_fn_f32_id {
#define FN(id, name) SG_FN_F32_##id,
#include "kernel/unary/unary_f32.def"
#undef FN
    SG_FN_F32_COUNT
} sg_fn_f32_id;

/* A function with its parameters; fn NULL: none. Calls it for `rows` rows of n floats at steps of x_row and y_row; y may be x. */
typedef struct sg_act_f32 {
    void (*fn)(const struct sg_act_f32 *f, const float *x, int64_t x_row, float *y, int64_t y_row, int64_t rows, int64_t n);
    float a, b, g;
} sg_act_f32;

/* Functions of one level of the processor. */
typedef struct sg_unary_f32_table {
    void (*fn[SG_FN_F32_COUNT])(const sg_act_f32 *f, const float *x, int64_t x_row, float *y, int64_t y_row, int64_t rows,
                                int64_t n);
} sg_unary_f32_table;

const sg_unary_f32_table *sg_unary_f32_of(uint32_t cpu);
extern const sg_unary_f32_table sg_unary_f32_any, sg_unary_f32_avx2, sg_unary_f32_avx512, sg_unary_f32_neon;

/* On a tile that stands in the first cache. */
static inline void sg_act_f32_tile(const sg_act_f32 *f, float *y, int64_t y_row, int64_t rows, int64_t n)
{
    if (f->fn)
        f->fn(f, y, y_row, y, y_row, rows, n);
}

#endif
