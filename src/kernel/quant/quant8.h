/* 8-bit integers from floats and back, and sums and products of two tensors of them. The answers are those of docs/integers.md. */
#ifndef SG_KERNEL_QUANT_QUANT8_H
#define SG_KERNEL_QUANT_QUANT8_H

#include <stdbool.h>
#include <stdint.h>

/* What integers mean: (q - zero) * scale. */
typedef struct sg_quant8_type {
    bool is_signed;
    int32_t zero;
    float scale;
} sg_quant8_type;

/* a and b of a sum: scale is over y's; of a product: a's is that of both over y's. y's is not read. */
typedef struct sg_quant8_binary {
    sg_quant8_type a, b, y;
} sg_quant8_binary;

typedef struct sg_quant8 {
    void (*quantize)(const sg_quant8_type *t, const float *x, int64_t n, uint8_t *y);
    void (*dequantize)(const sg_quant8_type *t, const uint8_t *x, int64_t n, float *y);
    void (*add)(const sg_quant8_binary *t, const uint8_t *a, const uint8_t *b, int64_t n, uint8_t *y);
    void (*mul)(const sg_quant8_binary *t, const uint8_t *a, const uint8_t *b, int64_t n, uint8_t *y);
} sg_quant8;

extern const sg_quant8 sg_quant8_any, sg_quant8_avx2, sg_quant8_avx512, sg_quant8_neon;

const sg_quant8 *sg_quant8_of(uint32_t cpu);

#endif
