/* Element types: their sizes, and reading or writing one element as a wide value. */
#ifndef SG_TENSOR_DTYPE_H
#define SG_TENSOR_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum sg_dtype {
#define DTYPE(id, ...) SG_##id,
#include "sedge/dtype.def"
#undef DTYPE
    SG_DTYPE_COUNT
} sg_dtype;

/* An element of a string tensor. The bytes live in the model's file, the caller's
 * memory or the session's string heap (until its next run); no NUL is promised. */
typedef struct sg_str {
    const char *p;
    uint64_t n;
} sg_str;

typedef struct sg_dtype_info {
    const char *name; /* "f32" */
    uint8_t bits;     /* per element; 2 and 4 are packed, lowest bits first */
    char cls;         /* 'F' 'I' 'U' 'B' 'C' 'S' */
    uint8_t onnx;     /* TensorProto.DataType */
    const char *npy;  /* NumPy's descr, NULL where it has none */
} sg_dtype_info;

extern const sg_dtype_info sg_dtypes[SG_DTYPE_COUNT];

static inline bool sg_is_float(sg_dtype t)
{
    return sg_dtypes[t].cls == 'F';
}
static inline bool sg_is_int(sg_dtype t)
{
    return sg_dtypes[t].cls == 'I' || sg_dtypes[t].cls == 'U';
}
static inline bool sg_is_signed(sg_dtype t)
{
    return sg_dtypes[t].cls == 'I';
}
static inline bool sg_is_complex(sg_dtype t)
{
    return sg_dtypes[t].cls == 'C';
}

/* Bytes of n elements, sub-byte types rounded up to a byte. The caller bounds n. */
static inline size_t sg_dtype_bytes(sg_dtype t, size_t n)
{
    unsigned bits = sg_dtypes[t].bits;
    return bits >= 8 ? n * (bits / 8u) : (n * bits + 7u) / 8u;
}

/* What an array of a type must be aligned to for those who read it through pointers to its elements. */
static inline size_t sg_dtype_align(sg_dtype t)
{
    unsigned bits = t == SG_C64 ? 32 : sg_dtypes[t].bits;
    return bits <= 8 ? 1 : bits >= 64 ? 8 : bits / 8u;
}

sg_dtype sg_dtype_from_onnx(int code); /* SG_NONE if unknown */
sg_dtype sg_dtype_from_name(const char *name);

/* Element i of a packed array, widened. load_f64 reads any float, int or bool (complex:
 * the real part); load_i64 any int or bool (u64 wraps to i64), floats truncate toward zero
 * and saturate, NaN gives 0. Any alignment is accepted. */
double sg_load_f64(sg_dtype t, const void *base, size_t i);
int64_t sg_load_i64(sg_dtype t, const void *base, size_t i);

/* Stores with one rounding to nearest even. store_f64 to an int type truncates toward zero and
 * wraps as C's conversion through int64 does; store_i64 keeps the low bits; to bool: != 0.
 * Small floats without infinity saturate when `sat`, else give NaN (or infinity, where they have one). */
void sg_store_f64(sg_dtype t, void *base, size_t i, double v);
void sg_store_f64_sat(sg_dtype t, void *base, size_t i, double v, bool sat);
void sg_store_i64(sg_dtype t, void *base, size_t i, int64_t v);

/* Copies one element between arrays of the same type, sub-byte types too. */
void sg_elem_copy(sg_dtype t, void *dst, size_t di, const void *src, size_t si);

float sg_f16_to_f32(uint16_t h);
uint16_t sg_f32_to_f16(float f);
float sg_bf16_to_f32(uint16_t h);
uint16_t sg_f32_to_bf16(float f);

#endif
