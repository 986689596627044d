/* Maxima of windows of bytes of plain C. */
#include "kernel/simd/u8_any.h"

#include "kernel/pool/pool_max8_impl.h"

const sg_pool_max8 sg_pool_max8_any = {span_u8, span_s8};
