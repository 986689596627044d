/* Vectors of bytes for templates: 16 lanes of plain C, which compilers know how to turn into what they have. */
#ifndef SG_KERNEL_SIMD_U8_ANY_H
#define SG_KERNEL_SIMD_U8_ANY_H

#include <stdint.h>
#include <string.h>

#define V8_LANES 16
typedef struct v_u8 {
    uint8_t lane[V8_LANES];
} v_u8;

static inline v_u8 v8_load(const uint8_t *p)
{
    v_u8 v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void v8_store(uint8_t *p, v_u8 v)
{
    memcpy(p, &v, sizeof v);
}

static inline v_u8 v8_max_u8(v_u8 a, v_u8 b)
{
    v_u8 v;
    for (int i = 0; i < V8_LANES; i++)
        v.lane[i] = a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i];
    return v;
}

static inline v_u8 v8_max_s8(v_u8 a, v_u8 b)
{
    v_u8 v;
    for (int i = 0; i < V8_LANES; i++)
        v.lane[i] = (int8_t)a.lane[i] > (int8_t)b.lane[i] ? a.lane[i] : b.lane[i];
    return v;
}

#endif
