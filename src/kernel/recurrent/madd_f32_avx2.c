/* Rows times a matrix in AVX2. */
#include "kernel/simd/f32_avx2.h"

#include "kernel/recurrent/madd_f32_impl.h"

const sg_madd_f32_table sg_madd_f32_avx2 = TABLE;
