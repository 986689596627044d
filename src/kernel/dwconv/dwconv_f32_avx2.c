/* Depthwise spans of f32 for AVX2 and FMA. */
#include "kernel/simd/f32_avx2.h"

#define BLOCK_ROWS 1
#include "kernel/dwconv/dwconv_f32_impl.h"

const sg_dw_table sg_dw_avx2 = TABLE;
