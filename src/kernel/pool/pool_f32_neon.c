/* Windows of f32 in NEON. */
#include "kernel/simd/f32_neon.h"

#include "kernel/pool/pool_f32_impl.h"

const sg_pool_f32_table sg_pool_f32_neon = TABLE;
