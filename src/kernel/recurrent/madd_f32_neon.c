/* Rows times a matrix in NEON. */
#include "kernel/simd/f32_neon.h"

#include "kernel/recurrent/madd_f32_impl.h"

const sg_madd_f32_table sg_madd_f32_neon = TABLE;
