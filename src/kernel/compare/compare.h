/* Comparing rows of numbers, and casts that lose nothing but bits of a float: plain C that compilers vectorise. */
#ifndef SG_KERNEL_COMPARE_COMPARE_H
#define SG_KERNEL_COMPARE_COMPARE_H

#include "tensor/tensor.h"

typedef enum sg_compare_id {
#define FN(id, name, formula) SG_COMPARE_ROW_##id,
#include "kernel/compare/compare.def"
#undef FN
    SG_COMPARE_ROWS
} sg_compare_id;

/* z[i] = x[i] ? y[i], at steps of 0 or 1. */
typedef void sg_compare_fn(const void *a, int64_t a_step, const void *b, int64_t b_step, uint8_t *z, int64_t n);
/* NULL: none for this type. */
sg_compare_fn *sg_compare_of(sg_compare_id id, sg_dtype t);

typedef void sg_cast_fn(const void *x, void *y, int64_t n);
sg_cast_fn *sg_cast_of(sg_dtype from, sg_dtype to);

#endif
