/* Rows times a matrix in plain C. */
#include "kernel/simd/f32_any.h"

#include "kernel/recurrent/madd_f32_impl.h"

const sg_madd_f32_table sg_madd_f32_any = TABLE;
