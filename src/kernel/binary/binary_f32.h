/* Functions of two f32 elements on rows, and what a normalization with known statistics comes to. */
#ifndef SG_KERNEL_BINARY_BINARY_F32_H
#define SG_KERNEL_BINARY_BINARY_F32_H

#include <stdint.h>

typedef enum sg_binary_f32_id {
#define FN(id, name, formula) SG_BINARY_F32_##id,
#include "kernel/binary/binary_f32.def"
#undef FN
    SG_BINARY_F32_COUNT
} sg_binary_f32_id;

/* `rows` rows of n results that follow one another; an operand's elements are at steps of 0 or 1, its rows at steps of its own.
 * z may be an operand that stands like it. */
typedef struct sg_rows_f32 {
    const float *x, *y;
    int64_t x_step, y_step, x_row, y_row;
    float *z;
    int64_t rows, n;
} sg_rows_f32;

typedef void sg_binary_f32_fn(const sg_rows_f32 *r);

/* Functions of one level of the processor. */
typedef struct sg_binary_f32_table {
    sg_binary_f32_fn *fn[SG_BINARY_F32_COUNT];
    /* z = x a + b: `rows` rows of n, a and b of n floats. z may be x. */
    void (*scale)(const float *x, const float *a, const float *b, float *z, int64_t rows, int64_t n);
} sg_binary_f32_table;

const sg_binary_f32_table *sg_binary_f32_of(uint32_t cpu);
extern const sg_binary_f32_table sg_binary_f32_any, sg_binary_f32_avx2, sg_binary_f32_avx512, sg_binary_f32_neon;

#endif
