/* Conversions of 8 bits for AVX2. */
#include "kernel/simd/bytes_avx2.h"

#include "kernel/quant/quant8_impl.h"

const sg_quant8 sg_quant8_avx2 = {quantize, dequantize, add, mul};
