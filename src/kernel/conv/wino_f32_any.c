/* Transforms of Winograd's convolution in plain C. */
#include "kernel/simd/f32_any.h"

#include "kernel/conv/wino_f32_impl.h"

const sg_wino_table sg_wino_any = {.lanes = V_LANES, .in = wino_in, .out = wino_out};
