/* Sums, normalization and softmax in AVX2. */
#include "kernel/simd/f32_avx2.h"

#include "kernel/norm/norm_f32_impl.h"

const sg_norm_f32_table sg_norm_f32_avx2 = TABLE;
