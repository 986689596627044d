/* A bounded cursor over FlatBuffers bytes (flatbuffers.dev/internals): no allocation. What points outside of the buffer is read as
 * absent and noted in `bad`, which sticks; so a reader may look first and ask once at the end. */
#ifndef SG_IMPORT_WIRE_FLATBUF_H
#define SG_IMPORT_WIRE_FLATBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "import/wire/pb.h"

#define SG_FB_DEPTH_MAX 32

typedef struct sg_fb {
    const uint8_t *p;
    size_t n;
    bool bad;
} sg_fb;

/* A table; `at` 0: absent, every field has its default. */
typedef struct sg_fb_table {
    sg_fb *fb;
    size_t at, vtable;
    uint16_t n_vtable, n_table; /* bytes */
    uint16_t depth;
} sg_fb_table;

/* A vector of n elements; those of tables and strings are offsets. */
typedef struct sg_fb_vec {
    sg_fb *fb;
    size_t at;
    uint32_t n;
    uint16_t depth; /* of the table that it is in */
} sg_fb_vec;

/* The root table; the buffer must outlive it. */
sg_fb_table sg_fb_root(sg_fb *fb);

/* Scalars by field number, of `size` bytes (1, 2, 4, 8), sign-extended; or the default. */
int64_t sg_fb_int(const sg_fb_table *t, int field, int size, int64_t def);
double sg_fb_f32(const sg_fb_table *t, int field, double def);
sg_fb_table sg_fb_sub(const sg_fb_table *t, int field);
sg_bytes sg_fb_str(const sg_fb_table *t, int field); /* p NULL: absent */
/* Vector of scalars of `size` bytes, or of offsets (size 4). */
sg_fb_vec sg_fb_vector(const sg_fb_table *t, int field, int size);
sg_bytes sg_fb_bytes(const sg_fb_table *t, int field);

/* Element i < v.n. */
int64_t sg_fb_at(const sg_fb_vec *v, uint32_t i, int size);
sg_fb_table sg_fb_table_at(const sg_fb_vec *v, uint32_t i);
/* The first byte of the elements. */
static inline const uint8_t *sg_fb_data(const sg_fb_vec *v)
{
    return v->fb->p + v->at;
}

#endif
