/* Transforms of Winograd's convolution for NEON. */
#include "kernel/simd/f32_neon.h"

#include "kernel/conv/wino_f32_impl.h"

const sg_wino_table sg_wino_neon = {.lanes = V_LANES, .in = wino_in, .out = wino_out};
