/* Depthwise spans of f32 for NEON. */
#include "kernel/simd/f32_neon.h"

#define BLOCK_ROWS 2
#include "kernel/dwconv/dwconv_f32_impl.h"

const sg_dw_table sg_dw_neon = TABLE;
