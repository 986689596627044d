/* Conversions of 8 bits in plain C. */
#include "kernel/simd/bytes_any.h"

#include "kernel/quant/quant8_impl.h"

const sg_quant8 sg_quant8_any = {quantize, dequantize, add, mul};
