/* FlexBuffers maps. The last byte is the width of the root, the one before it the root's type and the width inside; offsets count backwards
 * from where they stand. A map is its values, with the offset of the keys, the width of their offsets and the number before them, and a
 * byte a value for types behind. */
#include "import/wire/flex.h"

#include <string.h>

enum {
    TYPE_INT = 1,
    TYPE_UINT = 2,
    TYPE_FLOAT = 3,
    TYPE_INDIRECT_INT = 6,
    TYPE_INDIRECT_FLOAT = 8,
    TYPE_MAP = 9,
    TYPE_BOOL = 26
};

static bool load(sg_bytes b, uint64_t at, unsigned width, uint64_t *out)
{
    if ((width != 1 && width != 2 && width != 4 && width != 8) || at > b.n || width > b.n - at)
        return false;
    *out = 0;
    for (unsigned i = 0; i < width; i++)
        *out |= (uint64_t)b.p[at + i] << (8 * i);
    return true;
}

/* Where the offset at `at` points: backwards. */
static bool follow(sg_bytes b, uint64_t at, unsigned width, uint64_t *to)
{
    uint64_t off;
    if (!load(b, at, width, &off) || off == 0 || off > at)
        return false;
    *to = at - off;
    return true;
}

static bool number(sg_bytes b, uint64_t at, unsigned width, unsigned type, double *out)
{
    uint64_t v, shift = 64 - 8 * (uint64_t)width;
    unsigned kind = type >> 2;
    if (kind >= TYPE_INDIRECT_INT && kind <= TYPE_INDIRECT_FLOAT) {
        if (!follow(b, at, width, &at))
            return false;
        width = 1u << (type & 3);
        shift = 64 - 8 * (uint64_t)width;
        kind = kind - TYPE_INDIRECT_INT + TYPE_INT;
    }
    if (!load(b, at, width, &v))
        return false;
    switch (kind) {
    case TYPE_INT: *out = (double)((int64_t)(v << shift) / ((int64_t)1 << shift)); return true;
    case TYPE_UINT:
    case TYPE_BOOL: *out = (double)v; return true;
    case TYPE_FLOAT: *out = width == 8 ? sg_pb_f64(v) : (double)sg_pb_f32(v); return width >= 4;
    default: return false;
    }
}

static bool is_key(sg_bytes b, uint64_t at, const char *key)
{
    size_t n = strlen(key) + 1;
    return at <= b.n && n <= b.n - at && memcmp(b.p + at, key, n) == 0;
}

bool sg_flex_number(sg_bytes b, const char *key, double *out)
{
    if (b.n < 3 || b.p[b.n - 2] >> 2 != TYPE_MAP)
        return false;
    unsigned width = 1u << (b.p[b.n - 2] & 3), root = b.p[b.n - 1];
    uint64_t map, keys, key_width, n, name;
    if (root > b.n - 2 || !follow(b, b.n - 2 - root, root, &map) || map < 3 * (uint64_t)width ||
        !load(b, map - width, width, &n) || !load(b, map - 2 * (uint64_t)width, width, &key_width) ||
        !follow(b, map - 3 * (uint64_t)width, width, &keys) || key_width > 8 || n > b.n)
        return false;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t type;
        if (!follow(b, keys + i * key_width, (unsigned)key_width, &name) || !load(b, map + n * width + i, 1, &type))
            return false;
        if (is_key(b, name, key))
            return number(b, map + i * width, width, (unsigned)type, out);
    }
    return false;
}
