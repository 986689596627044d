/* The FlatBuffers cursor. Offsets are unsigned and relative to where they stand, but for a table's to its vtable, which is signed and
 * counts backwards. All arithmetic is on 64 bits, after the bounds of what is read were checked. */
#include "import/wire/flatbuf.h"

static const sg_fb_table none;

static bool inside(sg_fb *fb, uint64_t at, uint64_t size)
{
    if (at <= fb->n && size <= fb->n - at)
        return true;
    fb->bad = true;
    return false;
}

static uint64_t load(const sg_fb *fb, size_t at, int size)
{
    uint64_t v = 0;
    for (int i = 0; i < size; i++)
        v |= (uint64_t)fb->p[at + (size_t)i] << (8 * i);
    return v;
}

static int64_t load_signed(const sg_fb *fb, size_t at, int size)
{
    uint64_t v = load(fb, at, size), sign = (uint64_t)1 << (8 * size - 1);
    return (int64_t)((v ^ sign) - sign);
}

/* Where the offset at `at` points; 0: outside. */
static size_t follow(sg_fb *fb, uint64_t at)
{
    if (!inside(fb, at, 4))
        return 0;
    uint64_t to = at + load(fb, (size_t)at, 4);
    if (to == at || !inside(fb, to, 4))
        return fb->bad = true, 0;
    return (size_t)to;
}

static sg_fb_table table(sg_fb *fb, size_t at, int depth)
{
    sg_fb_table t = {.fb = fb};
    if (!at)
        return t;
    int64_t vtable = (int64_t)at - load_signed(fb, at, 4);
    if (depth > SG_FB_DEPTH_MAX || vtable < 0 || !inside(fb, (uint64_t)vtable, 4))
        return fb->bad = true, t;
    t.vtable = (size_t)vtable;
    t.n_vtable = (uint16_t)load(fb, t.vtable, 2);
    t.n_table = (uint16_t)load(fb, t.vtable + 2, 2);
    if (t.n_vtable < 4 || t.n_table < 4 || !inside(fb, t.vtable, t.n_vtable) || !inside(fb, at, t.n_table))
        return fb->bad = true, t;
    t.at = at;
    t.depth = (uint16_t)depth;
    return t;
}

sg_fb_table sg_fb_root(sg_fb *fb)
{
    return table(fb, follow(fb, 0), 0);
}

/* Where a field of `size` bytes stands, 0: absent. */
static size_t field_at(const sg_fb_table *t, int field, int size)
{
    size_t slot = 4 + 2 * (size_t)field;
    if (!t->at || slot + 2 > t->n_vtable)
        return 0;
    size_t off = (size_t)load(t->fb, t->vtable + slot, 2);
    if (!off)
        return 0;
    if (off + (size_t)size > t->n_table)
        return t->fb->bad = true, 0;
    return t->at + off;
}

int64_t sg_fb_int(const sg_fb_table *t, int field, int size, int64_t def)
{
    size_t at = field_at(t, field, size);
    return at ? load_signed(t->fb, at, size) : def;
}

double sg_fb_f32(const sg_fb_table *t, int field, double def)
{
    size_t at = field_at(t, field, 4);
    return at ? (double)sg_pb_f32(load(t->fb, at, 4)) : def;
}

static size_t pointed(const sg_fb_table *t, int field)
{
    size_t at = field_at(t, field, 4);
    return at ? follow(t->fb, at) : 0;
}

sg_fb_table sg_fb_sub(const sg_fb_table *t, int field)
{
    size_t at = pointed(t, field);
    return at ? table(t->fb, at, t->depth + 1) : none;
}

sg_fb_vec sg_fb_vector(const sg_fb_table *t, int field, int size)
{
    sg_fb_vec v = {t->fb, 0, 0, t->depth};
    size_t at = pointed(t, field);
    if (!at)
        return v;
    uint64_t n = load(t->fb, at, 4);
    if (!inside(t->fb, (uint64_t)at + 4, n * (uint64_t)size))
        return v;
    v.at = at + 4;
    v.n = (uint32_t)n;
    return v;
}

sg_bytes sg_fb_bytes(const sg_fb_table *t, int field)
{
    sg_fb_vec v = sg_fb_vector(t, field, 1);
    return v.at ? (sg_bytes){sg_fb_data(&v), v.n} : (sg_bytes){NULL, 0};
}

sg_bytes sg_fb_str(const sg_fb_table *t, int field)
{
    return sg_fb_bytes(t, field);
}

int64_t sg_fb_at(const sg_fb_vec *v, uint32_t i, int size)
{
    return load_signed(v->fb, v->at + (size_t)i * (size_t)size, size);
}

sg_fb_table sg_fb_table_at(const sg_fb_vec *v, uint32_t i)
{
    size_t at = follow(v->fb, (uint64_t)v->at + 4 * (uint64_t)i);
    return at ? table(v->fb, at, v->depth + 1) : none;
}
