/* Sums, normalization and softmax in NEON. */
#include "kernel/simd/f32_neon.h"

#include "kernel/norm/norm_f32_impl.h"

const sg_norm_f32_table sg_norm_f32_neon = TABLE;
