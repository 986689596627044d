/* Runs of elements widened and narrowed, with loops for the types that are hot. */
#include "op/chunk.h"

#include <string.h>

/* memcpy because an array in a file may stand anywhere; it compiles to a plain load or store. */
#define LOAD(type, wide)                                                        \
    for (int64_t i = 0; i < n; i++) {                                           \
        type v;                                                                 \
        memcpy(&v, (const char *)base + (size_t)(at + i) * sizeof v, sizeof v); \
        out[i] = (wide)v;                                                       \
    }                                                                           \
    break
#define STORE(type)                                                       \
    for (int64_t i = 0; i < n; i++) {                                     \
        type v = (type)in[i];                                             \
        memcpy((char *)base + (size_t)(at + i) * sizeof v, &v, sizeof v); \
    }                                                                     \
    break

void sg_chunk_load_f64(sg_dtype t, const void *base, int64_t at, int64_t n, double *out)
{
    switch (t) {
    case SG_F32: LOAD(float, double);
    case SG_F64: LOAD(double, double);
    case SG_U8: LOAD(uint8_t, double);
    case SG_I8: LOAD(int8_t, double);
    case SG_I32: LOAD(int32_t, double);
    case SG_I64: LOAD(int64_t, double);
    default:
        for (int64_t i = 0; i < n; i++)
            out[i] = sg_load_f64(t, base, (size_t)(at + i));
    }
}

void sg_chunk_load_i64(sg_dtype t, const void *base, int64_t at, int64_t n, int64_t *out)
{
    switch (t) {
    case SG_U8: LOAD(uint8_t, int64_t);
    case SG_I8: LOAD(int8_t, int64_t);
    case SG_I32: LOAD(int32_t, int64_t);
    case SG_I64: LOAD(int64_t, int64_t);
    default:
        for (int64_t i = 0; i < n; i++)
            out[i] = sg_load_i64(t, base, (size_t)(at + i));
    }
}

void sg_chunk_store_f64(sg_dtype t, void *base, int64_t at, int64_t n, const double *in, bool sat)
{
    switch (t) {
    case SG_F32: STORE(float);
    case SG_F64: STORE(double);
    default:
        for (int64_t i = 0; i < n; i++)
            sg_store_f64_sat(t, base, (size_t)(at + i), in[i], sat);
    }
}

void sg_chunk_store_i64(sg_dtype t, void *base, int64_t at, int64_t n, const int64_t *in)
{
    switch (t) {
    case SG_U8: STORE(uint8_t);
    case SG_I8: STORE(int8_t);
    case SG_F32: STORE(float);
    case SG_I32: STORE(int32_t);
    case SG_I64: STORE(int64_t);
    default:
        for (int64_t i = 0; i < n; i++)
            sg_store_i64(t, base, (size_t)(at + i), in[i]);
    }
}
