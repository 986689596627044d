/* Depthwise spans of f32 in plain C. */
#include "kernel/simd/f32_any.h"

#define BLOCK_ROWS 2
#include "kernel/dwconv/dwconv_f32_impl.h"

const sg_dw_table sg_dw_any = TABLE;
