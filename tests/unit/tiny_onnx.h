/* A writer of small ONNX models, enough for tests: messages are byte strings that grow. */
#ifndef SG_TESTS_TINY_ONNX_H
#define SG_TESTS_TINY_ONNX_H

#include <stdint.h>
#include <string.h>

typedef struct pb {
    unsigned char b[4096];
    size_t n;
} pb;

static inline void pb_varint(pb *p, uint64_t v)
{
    do {
        p->b[p->n++] = (unsigned char)((v & 127) | (v > 127 ? 128 : 0));
        v >>= 7;
    } while (v);
}

static inline void pb_int(pb *p, int field, int64_t v)
{
    pb_varint(p, (uint64_t)field << 3);
    pb_varint(p, (uint64_t)v);
}

static inline void pb_bytes(pb *p, int field, const void *data, size_t n)
{
    pb_varint(p, (uint64_t)field << 3 | 2);
    pb_varint(p, n);
    memcpy(p->b + p->n, data, n);
    p->n += n;
}

static inline void pb_str(pb *p, int field, const char *s)
{
    pb_bytes(p, field, s, strlen(s));
}

static inline void pb_msg(pb *p, int field, const pb *m)
{
    pb_bytes(p, field, m->b, m->n);
}

/* ValueInfoProto into graph field 11 (input) or 12 (output): dims are numbers; -1, -2 and -3 are named N, M and K. */
static inline void onnx_io(pb *graph, int field, const char *name, int type, const int64_t *dim, int rank)
{
    static const char *const symbol[] = {"N", "M", "K"};
    pb shape = {.n = 0}, tensor = {.n = 0}, ty = {.n = 0}, vi = {.n = 0};
    for (int i = 0; i < rank; i++) {
        pb d = {.n = 0};
        if (dim[i] < 0)
            pb_str(&d, 2, symbol[-1 - dim[i]]);
        else
            pb_int(&d, 1, dim[i]);
        pb_msg(&shape, 1, &d);
    }
    pb_int(&tensor, 1, type);
    if (rank >= 0)
        pb_msg(&tensor, 2, &shape);
    pb_msg(&ty, 1, &tensor);
    pb_str(&vi, 1, name);
    pb_msg(&vi, 2, &ty);
    pb_msg(graph, field, &vi);
}

static inline void onnx_node(pb *graph, const char *op, const char *a, const char *b, const char *out)
{
    pb n = {.n = 0};
    pb_str(&n, 1, a);
    if (b)
        pb_str(&n, 1, b);
    pb_str(&n, 2, out);
    pb_str(&n, 3, out);
    pb_str(&n, 4, op);
    pb_msg(graph, 1, &n);
}

static inline void onnx_floats(pb *graph, const char *name, const float *v, int64_t n)
{
    pb t = {.n = 0};
    pb_int(&t, 1, n);
    pb_int(&t, 2, 1);
    pb_str(&t, 8, name);
    pb_bytes(&t, 9, v, (size_t)n * sizeof *v);
    pb_msg(graph, 5, &t);
}

/* A tensor of any rank; integers are INT64. */
static inline void onnx_tensor(pb *graph, const char *name, int type, const void *v, const int64_t *dim, int rank)
{
    pb t = {.n = 0};
    size_t n = type == 7 ? sizeof(int64_t) : sizeof(float);
    for (int i = 0; i < rank; i++) {
        pb_int(&t, 1, dim[i]);
        n *= (size_t)dim[i];
    }
    pb_int(&t, 2, type);
    pb_str(&t, 8, name);
    pb_bytes(&t, 9, v, n);
    pb_msg(graph, 5, &t);
}

/* out = in[..., from : to, ...] along an axis. */
static inline void onnx_slice(pb *graph, const char *in, int64_t from, int64_t to, int64_t axis, const char *out)
{
    const char *const part[] = {"from", "to", "axis"};
    const int64_t value[] = {from, to, axis};
    pb n = {.n = 0};
    pb_str(&n, 1, in);
    for (int i = 0; i < 3; i++) {
        char name[64];
        size_t len = strlen(out);
        memcpy(name, out, len);
        strcpy(name + len, part[i]);
        onnx_tensor(graph, name, 7, &value[i], (int64_t[]){1}, 1);
        pb_str(&n, 1, name);
    }
    pb_str(&n, 2, out);
    pb_str(&n, 4, "Slice");
    pb_msg(graph, 1, &n);
}

static inline void onnx_model(pb *model, const pb *graph, int opset)
{
    pb op = {.n = 0};
    model->n = 0;
    pb_int(&op, 2, opset);
    pb_int(model, 1, 8);
    pb_msg(model, 7, graph);
    pb_msg(model, 8, &op);
}

#endif
