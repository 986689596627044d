/* Depthwise spans of f32 for AVX-512. */
#include "kernel/simd/f32_avx512.h"

#define BLOCK_ROWS 2
#include "kernel/dwconv/dwconv_f32_impl.h"

const sg_dw_table sg_dw_avx512 = TABLE;
