/* Maxima of windows of bytes for NEON. */
#include "kernel/simd/u8_neon.h"

#include "kernel/pool/pool_max8_impl.h"

const sg_pool_max8 sg_pool_max8_neon = {span_u8, span_s8};
