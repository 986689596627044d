/* Windows of f32 in plain C. */
#include "kernel/simd/f32_any.h"

#include "kernel/pool/pool_f32_impl.h"

const sg_pool_f32_table sg_pool_f32_any = TABLE;
