/* Windows of f32 in AVX2. */
#include "kernel/simd/f32_avx2.h"

#include "kernel/pool/pool_f32_impl.h"

const sg_pool_f32_table sg_pool_f32_avx2 = TABLE;
