/* Conversions of 8 bits for NEON. */
#include "kernel/simd/bytes_neon.h"

#include "kernel/quant/quant8_impl.h"

const sg_quant8 sg_quant8_neon = {quantize, dequantize, add, mul};
