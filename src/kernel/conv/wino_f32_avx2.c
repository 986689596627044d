/* Transforms of Winograd's convolution for AVX2. */
#include "kernel/simd/f32_avx2.h"

#include "kernel/conv/wino_f32_impl.h"

const sg_wino_table sg_wino_avx2 = {.lanes = V_LANES, .in = wino_in, .out = wino_out};
