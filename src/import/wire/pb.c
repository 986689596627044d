/* The protobuf cursor (protobuf.dev/programming-guides/encoding). Groups are refused. */
#include "import/wire/pb.h"

sg_pb sg_pb_open(const uint8_t *p, size_t n)
{
    static const uint8_t none = 0;
    if (!p) {
        p = &none;
        n = 0;
    }
    return (sg_pb){p, p + n, 0, false};
}

static bool varint(const uint8_t **p, const uint8_t *end, uint64_t *v)
{
    uint64_t r = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        if (*p == end)
            return false;
        uint8_t b = *(*p)++;
        if (shift == 63 && b > 1)
            return false;
        r |= (uint64_t)(b & 0x7f) << shift;
        if (!(b & 0x80))
            return *v = r, true;
    }
    return false;
}

static bool fixed(const uint8_t **p, const uint8_t *end, unsigned bytes, uint64_t *v)
{
    if ((size_t)(end - *p) < bytes)
        return false;
    uint64_t r = 0;
    for (unsigned i = 0; i < bytes; i++)
        r |= (uint64_t)(*p)[i] << (8 * i);
    *p += bytes;
    *v = r;
    return true;
}

static bool scalar(const uint8_t **p, const uint8_t *end, uint8_t wire, uint64_t *v)
{
    switch (wire) {
    case SG_PB_VARINT: return varint(p, end, v);
    case SG_PB_I64: return fixed(p, end, 8, v);
    case SG_PB_I32: return fixed(p, end, 4, v);
    default: return false;
    }
}

static bool field(sg_pb *c, sg_pb_field *f)
{
    uint64_t key, n;
    if (!varint(&c->p, c->end, &key) || key >> 3 == 0 || key >> 3 > 0x1fffffff)
        return false;
    f->num = (uint32_t)(key >> 3);
    f->wire = (uint8_t)(key & 7);
    f->v = 0;
    f->b = (sg_bytes){c->p, 0};
    if (f->wire != SG_PB_LEN)
        return scalar(&c->p, c->end, f->wire, &f->v);
    if (!varint(&c->p, c->end, &n) || n > (size_t)(c->end - c->p))
        return false;
    f->b = (sg_bytes){c->p, (size_t)n};
    c->p += n;
    return true;
}

bool sg_pb_next(sg_pb *c, sg_pb_field *f)
{
    if (c->bad || c->p == c->end)
        return false;
    if (field(c, f))
        return true;
    c->bad = true;
    return false;
}

sg_pb sg_pb_sub(const sg_pb *c, const sg_pb_field *f)
{
    sg_pb s = sg_pb_open(f->b.p, f->b.n);
    s.depth = (uint16_t)(c->depth + 1);
    s.bad = f->wire != SG_PB_LEN || s.depth > SG_PB_DEPTH_MAX;
    return s;
}

sg_pb_list sg_pb_list_open(const sg_pb_field *f, sg_pb_wire elem)
{
    sg_pb_list l = {f->b.p, f->b.p + f->b.n, (uint8_t)elem, false, false, f->v};
    if (f->wire == SG_PB_LEN)
        return l;
    l.single = f->wire == (uint8_t)elem;
    l.bad = !l.single;
    return l;
}

bool sg_pb_list_next(sg_pb_list *l, uint64_t *v)
{
    if (l->bad)
        return false;
    if (l->single) {
        l->single = false;
        l->end = l->p;
        return *v = l->one, true;
    }
    if (l->p == l->end)
        return false;
    l->bad = !scalar(&l->p, l->end, l->wire, v);
    return !l->bad;
}
