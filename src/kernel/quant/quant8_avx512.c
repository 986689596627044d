/* Conversions of 8 bits for AVX-512. */
#include "kernel/simd/bytes_avx512.h"

#include "kernel/quant/quant8_impl.h"

const sg_quant8 sg_quant8_avx512 = {quantize, dequantize, add, mul};
