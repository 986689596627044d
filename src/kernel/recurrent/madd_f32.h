/* Rows times a matrix whose rows stand together, added to what is there: the products of recurrences. */
#ifndef SG_KERNEL_RECURRENT_MADD_F32_H
#define SG_KERNEL_RECURRENT_MADD_F32_H

#include <stdint.h>

/* out[r * out_row + j] += sum over i < k, in order, of v[r * v_row + i] * w[i * ld + j]; j < n. The same bits for any number of rows. */
typedef void sg_madd_f32_fn(float *out, int64_t out_row, const float *v, int64_t v_row, int64_t rows, const float *w, int64_t ld,
                            int64_t k, int64_t n);

typedef struct sg_madd_f32_table {
    sg_madd_f32_fn *fn;
} sg_madd_f32_table;

const sg_madd_f32_table *sg_madd_f32_of(uint32_t cpu);
extern const sg_madd_f32_table sg_madd_f32_any, sg_madd_f32_avx2, sg_madd_f32_avx512, sg_madd_f32_neon;

#endif
