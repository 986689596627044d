/* NumPy's .npz: a zip archive of .npy files (APPNOTE.TXT, the parts that NumPy writes). */
#include <string.h>

#include "import/data/data.h"
#include "import/data/inflate.h"

static uint32_t u16(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}
static uint32_t u32(const uint8_t *p)
{
    return u16(p) | u16(p + 2) << 16;
}

typedef struct entry {
    const uint8_t *name, *data;
    size_t n_name, packed, size;
    unsigned method;
} entry;

static sedge_status bad(sg_err *err)
{
    return sg_fail(err, SEDGE_E_FORMAT, "malformed .npz archive");
}

/* The entry at p of the central directory; *next is the one after it. */
static sedge_status entry_read(const uint8_t *zip, size_t size, size_t at, entry *e, size_t *next, sg_err *err)
{
    if (at > size || size - at < 46 || u32(zip + at) != 0x02014b50u)
        return bad(err);
    const uint8_t *p = zip + at;
    size_t head = 46u + u16(p + 28) + u16(p + 30) + u16(p + 32), local = u32(p + 42);
    if (head > size - at)
        return bad(err);
    *next = at + head;
    *e = (entry){.name = p + 46, .n_name = u16(p + 28), .packed = u32(p + 20), .size = u32(p + 24), .method = u16(p + 10)};
    if (e->packed == UINT32_MAX || e->size == UINT32_MAX || local == UINT32_MAX)
        return sg_fail(err, SEDGE_E_UNSUPPORTED, ".npz archives of more than 4 GiB are not supported");
    if (u16(p + 8) & 1u)
        return sg_fail(err, SEDGE_E_UNSUPPORTED, "encrypted archives are not supported");
    if (local > size || size - local < 30 || u32(zip + local) != 0x04034b50u)
        return bad(err);
    size_t skip = 30u + u16(zip + local + 26) + u16(zip + local + 28);
    if (skip > size - local || e->packed > size - local - skip)
        return bad(err);
    e->data = zip + local + skip;
    return SEDGE_OK;
}

/* The bytes of an entry, unpacked. Deflate packs at most 1032 to 1, which bounds what is taken. */
static sedge_status unpack(sg_arena *a, const entry *e, const uint8_t **out, sg_err *err)
{
    if (e->method == 0)
        return *out = e->data, e->packed == e->size ? SEDGE_OK : bad(err);
    if (e->method != 8)
        return sg_fail(err, SEDGE_E_UNSUPPORTED, "compression method %u of the archive is not supported", e->method);
    if (e->size / 1032 > e->packed)
        return bad(err);
    uint8_t *p = sg_arena_alloc(a, e->size);
    if (!p)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    *out = p;
    return sg_inflate(e->data, e->packed, p, e->size) ? SEDGE_OK : bad(err);
}

static bool end_find(const uint8_t *zip, size_t size, size_t *at)
{
    for (size_t back = 22; back <= size && back < 22 + 65536; back++)
        if (u32(zip + size - back) == 0x06054b50u)
            return *at = size - back, true;
    return false;
}

sedge_status sg_npz_read(sg_arena *a, const uint8_t *data, size_t size,
                         sedge_status (*each)(void *ctx, const sg_data *d, sg_err *err), void *ctx, sg_err *err)
{
    size_t end;
    if (!end_find(data, size, &end))
        return sg_fail(err, SEDGE_E_FORMAT, "not a .npz archive");
    size_t at = u32(data + end + 16);
    for (uint32_t i = 0, n = u16(data + end + 10); i < n; i++) {
        entry e;
        sg_data d;
        const uint8_t *p = NULL;
        SG_TRY(entry_read(data, size, at, &e, &at, err));
        size_t len = e.n_name;
        if (len < 4 || memcmp(e.name + len - 4, ".npy", 4) != 0)
            continue;
        SG_TRY(unpack(a, &e, &p, err));
        SG_TRY(sg_npy_read(a, p, e.size, &d, err));
        d.name = sg_arena_str(a, (const char *)e.name, len - 4);
        if (!d.name)
            return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
        SG_TRY(each(ctx, &d, err));
    }
    return SEDGE_OK;
}
