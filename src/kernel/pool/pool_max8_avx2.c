/* Maxima of windows of bytes for AVX2. */
#include "kernel/simd/u8_avx2.h"

#include "kernel/pool/pool_max8_impl.h"

const sg_pool_max8 sg_pool_max8_avx2 = {span_u8, span_s8};
