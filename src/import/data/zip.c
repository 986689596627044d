/* Zip archives: the directory at the end, entries stored or deflated. */
#include "import/data/zip.h"

#include "import/data/inflate.h"

static uint32_t u16(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}
static uint32_t u32(const uint8_t *p)
{
    return u16(p) | u16(p + 2) << 16;
}

static sedge_status bad(sg_err *err)
{
    return sg_fail(err, SEDGE_E_FORMAT, "malformed zip archive");
}

bool sg_zip_open(sg_zip *z, const uint8_t *p, size_t n)
{
    for (size_t back = 22; back <= n && back < 22 + 65536; back++) {
        const uint8_t *end = p + n - back;
        if (u32(end) != 0x06054b50u)
            continue;
        size_t at = n - back, directory = u32(end + 12), from = u32(end + 16);
        *z = (sg_zip){.p = p, .n = n, .left = u16(end + 10)};
        z->shift = directory <= at && from <= at - directory ? at - directory - from : 0;
        z->at = from + z->shift;
        return true;
    }
    return false;
}

sedge_status sg_zip_next(sg_zip *z, sg_zip_entry *e, sg_err *err)
{
    const uint8_t *zip = z->p;
    size_t size = z->n, at = z->at;
    if (at > size || size - at < 46 || u32(zip + at) != 0x02014b50u)
        return bad(err);
    const uint8_t *p = zip + at;
    size_t head = 46u + u16(p + 28) + u16(p + 30) + u16(p + 32), local = u32(p + 42) + z->shift;
    if (head > size - at)
        return bad(err);
    z->at = at + head;
    z->left--;
    *e = (sg_zip_entry){.name = p + 46, .n_name = u16(p + 28), .packed = u32(p + 20), .size = u32(p + 24), .method = u16(p + 10)};
    if (e->packed == UINT32_MAX || e->size == UINT32_MAX || u32(p + 42) == UINT32_MAX)
        return sg_fail(err, SEDGE_E_UNSUPPORTED, "archives of more than 4 GiB are not supported");
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
sedge_status sg_zip_unpack(sg_arena *a, const sg_zip_entry *e, const uint8_t **out, sg_err *err)
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
