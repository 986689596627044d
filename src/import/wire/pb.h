/* A bounded cursor over protobuf bytes: no allocation, every overrun is an error. */
#ifndef SG_IMPORT_WIRE_PB_H
#define SG_IMPORT_WIRE_PB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SG_PB_DEPTH_MAX 64

typedef enum sg_pb_wire { SG_PB_VARINT = 0, SG_PB_I64 = 1, SG_PB_LEN = 2, SG_PB_I32 = 5 } sg_pb_wire;

typedef struct sg_bytes {
    const uint8_t *p;
    size_t n;
} sg_bytes;

/* A message being read. `bad` sticks: after a malformed field sg_pb_next only says no. */
typedef struct sg_pb {
    const uint8_t *p, *end;
    uint16_t depth;
    bool bad;
} sg_pb;

typedef struct sg_pb_field {
    uint32_t num;
    uint8_t wire; /* sg_pb_wire */
    uint64_t v;   /* VARINT, I32, I64 */
    sg_bytes b;   /* LEN */
} sg_pb_field;

sg_pb sg_pb_open(const uint8_t *p, size_t n);
/* The next field; false at the end and on error (then c->bad). */
bool sg_pb_next(sg_pb *c, sg_pb_field *f);
/* The message in a field of message c; bad when the field is no message or the nesting is too deep. */
sg_pb sg_pb_sub(const sg_pb *c, const sg_pb_field *f);
static inline sg_bytes sg_pb_rest(const sg_pb *c)
{
    return (sg_bytes){c->p, (size_t)(c->end - c->p)};
}

/* One occurrence of a repeated scalar field: packed (LEN) or a single value. */
typedef struct sg_pb_list {
    const uint8_t *p, *end;
    uint8_t wire; /* of the elements */
    bool single, bad;
    uint64_t one;
} sg_pb_list;

sg_pb_list sg_pb_list_open(const sg_pb_field *f, sg_pb_wire elem);
bool sg_pb_list_next(sg_pb_list *l, uint64_t *v); /* false at the end and on error (then l->bad) */

static inline float sg_pb_f32(uint64_t v)
{
    union {
        uint32_t u;
        float f;
    } x = {(uint32_t)v};
    return x.f;
}

static inline double sg_pb_f64(uint64_t v)
{
    union {
        uint64_t u;
        double f;
    } x = {v};
    return x.f;
}

#endif
