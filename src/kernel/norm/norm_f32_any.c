/* Sums, normalization and softmax in plain C. */
#include "kernel/simd/f32_any.h"

#include "kernel/norm/norm_f32_impl.h"

const sg_norm_f32_table sg_norm_f32_any = TABLE;
