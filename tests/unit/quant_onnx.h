/* Small ONNX models of quantized operators: nodes with many inputs, constants of 8 and 32 bits, noise. */
#ifndef SG_TESTS_QUANT_ONNX_H
#define SG_TESTS_QUANT_ONNX_H

#include "tiny_onnx.h"

enum { F32 = 1, U8 = 2, I8 = 3, I32 = 6 };

/* One attribute of a node: a list, or with n 0 a number. */
static inline void attribute(pb *m, const char *name, const int64_t *v, int n)
{
    pb a = {.n = 0};
    pb_str(&a, 1, name);
    if (n == 0)
        pb_int(&a, 3, *v);
    for (int i = 0; i < n; i++)
        pb_int(&a, 8, v[i]);
    pb_int(&a, 20, n ? 7 : 2);
    pb_msg(m, 5, &a);
}

/* A node with inputs "a,b,c" into message m, to which attributes can be added. */
static inline void node_begin(pb *m, const char *op, const char *ins, const char *out)
{
    m->n = 0;
    while (*ins) {
        size_t len = strcspn(ins, ",");
        pb_bytes(m, 1, ins, len);
        ins += len + (ins[len] == ',');
    }
    pb_str(m, 2, out);
    pb_str(m, 3, out);
    pb_str(m, 4, op);
}

/* A whole node, with one attribute if it has a name. */
static inline void node(pb *g, const char *op, const char *ins, const char *out, const char *attr, const int64_t *v, int n)
{
    pb m;
    node_begin(&m, op, ins, out);
    if (attr)
        attribute(&m, attr, v, n);
    pb_msg(g, 1, &m);
}

static inline void constant(pb *g, const char *name, int type, const int64_t *dim, int rank, const void *data, size_t bytes)
{
    pb t = {.n = 0};
    for (int i = 0; i < rank; i++)
        pb_int(&t, 1, dim[i]);
    pb_int(&t, 2, type);
    pb_str(&t, 8, name);
    pb_bytes(&t, 9, data, bytes);
    pb_msg(g, 5, &t);
}

static inline void scalar_f32(pb *g, const char *name, float v)
{
    constant(g, name, F32, NULL, 0, &v, sizeof v);
}

static inline void scalar_8(pb *g, const char *name, int type, int v)
{
    uint8_t byte = (uint8_t)v;
    constant(g, name, type, NULL, 0, &byte, 1);
}

static uint32_t seed = 1;

static inline uint8_t noise(void)
{
    seed = seed * 1664525u + 1013904223u;
    return (uint8_t)(seed >> 24);
}

#endif
