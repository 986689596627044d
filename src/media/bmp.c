/* Windows bitmaps: 1, 4, 8, 16, 24 and 32 bits, palettes, masks, run lengths, either direction of rows. */
#include <string.h>

#include "media/decode.h"

enum { BI_RGB, BI_RLE8, BI_RLE4, BI_BITFIELDS, BI_ALPHABITFIELDS = 6 };

typedef struct bmp {
    uint32_t header, pixels; /* sizes and offsets in bytes */
    int64_t width, height;
    bool top_down;
    unsigned bits, packing;
    uint32_t mask[4]; /* red, green, blue, alpha */
    unsigned colors;
    uint8_t palette[256][3];
    bool gray; /* every entry of the palette is */
} bmp;

static sedge_status read_masks(sg_decode *d, bmp *b)
{
    static const uint32_t of16[4] = {0x7c00, 0x3e0, 0x1f, 0}, of32[4] = {0xff0000, 0xff00, 0xff, 0};
    memcpy(b->mask, b->bits == 16 ? of16 : of32, sizeof b->mask);
    if (b->packing != BI_BITFIELDS && b->packing != BI_ALPHABITFIELDS)
        return SEDGE_OK;
    if (b->bits != 16 && b->bits != 32)
        return sg_fail(d->err, SEDGE_E_FORMAT, "masks with %u bits", b->bits);
    int n = b->header >= 56 || b->packing == BI_ALPHABITFIELDS ? 4 : 3;
    if (d->size < 54 + 4 * (size_t)n)
        return sg_fail(d->err, SEDGE_E_FORMAT, "the masks are cut");
    for (int k = 0; k < n; k++)
        b->mask[k] = sg_le32(d->data + 54 + 4 * k);
    if (!b->mask[0] || !b->mask[1] || !b->mask[2])
        return sg_fail(d->err, SEDGE_E_FORMAT, "an empty mask");
    return SEDGE_OK;
}

static sedge_status read_palette(sg_decode *d, bmp *b)
{
    unsigned entry = b->header == 12 ? 3 : 4, most = 1u << b->bits;
    uint32_t used = b->header >= 40 ? sg_le32(d->data + 46) : 0;
    b->colors = used && used < most ? used : most;
    size_t at = 14 + (size_t)b->header;
    size_t room = at > d->size ? 0 : (d->size - at) / entry;
    if (b->pixels > at && (b->pixels - at) / entry < b->colors)
        b->colors = (unsigned)((b->pixels - at) / entry);
    if (room < b->colors || b->colors == 0)
        return sg_fail(d->err, SEDGE_E_FORMAT, "the palette is cut");
    b->gray = true;
    for (unsigned i = 0; i < b->colors; i++) {
        const uint8_t *p = d->data + at + i * entry;
        b->palette[i][0] = p[2];
        b->palette[i][1] = p[1];
        b->palette[i][2] = p[0];
        b->gray = b->gray && p[0] == p[1] && p[1] == p[2];
    }
    return SEDGE_OK;
}

static sedge_status read_header(sg_decode *d, bmp *b)
{
    const uint8_t *p = d->data;
    if (d->size < 26)
        return sg_fail(d->err, SEDGE_E_FORMAT, "the header is cut");
    b->pixels = sg_le32(p + 10);
    b->header = sg_le32(p + 14);
    if (b->header != 12 && (b->header < 40 || b->header > 200))
        return sg_fail(d->err, SEDGE_E_FORMAT, "a header of %u bytes is not known", b->header);
    if (d->size < 14 + (size_t)b->header)
        return sg_fail(d->err, SEDGE_E_FORMAT, "the header is cut");
    bool core = b->header == 12;
    b->width = core ? (int64_t)sg_le16(p + 18) : (int64_t)(int32_t)sg_le32(p + 18);
    b->height = core ? (int64_t)sg_le16(p + 20) : (int64_t)(int32_t)sg_le32(p + 22);
    b->bits = sg_le16(p + (core ? 24 : 28));
    b->packing = core ? BI_RGB : sg_le32(p + 30);
    b->top_down = b->height < 0;
    b->height = b->height < 0 ? -b->height : b->height;
    if (b->bits != 1 && b->bits != 4 && b->bits != 8 && b->bits != 16 && b->bits != 24 && b->bits != 32)
        return sg_fail(d->err, SEDGE_E_FORMAT, "%u bits a pixel", b->bits);
    if (!(b->packing == BI_RGB || (b->packing == BI_RLE8 && b->bits == 8) || (b->packing == BI_RLE4 && b->bits == 4) ||
          b->packing == BI_BITFIELDS || b->packing == BI_ALPHABITFIELDS))
        return sg_fail(d->err, SEDGE_E_UNSUPPORTED, "compression %u with %u bits", b->packing, b->bits);
    SG_TRY(read_masks(d, b));
    return b->bits <= 8 ? read_palette(d, b) : SEDGE_OK;
}

/* The bits under a mask, as 8 bits: widened by repetition of v / max. */
static uint8_t masked(uint32_t v, uint32_t mask)
{
    if (!mask)
        return 255;
    while (!(mask & 1)) {
        mask >>= 1;
        v >>= 1;
    }
    return (uint8_t)(((uint64_t)(v & mask) * 255u + mask / 2) / mask);
}

static uint8_t *row_of(sg_decode *d, const bmp *b, int64_t y)
{
    return d->pixel + (b->top_down ? y : b->height - 1 - y) * d->out->stride[0];
}

/* Row y of the file holds palette indexes in `s`. */
static sedge_status put_index(sg_decode *d, const bmp *b, uint8_t *to, int64_t x, unsigned v)
{
    if (v >= b->colors)
        return sg_fail(d->err, SEDGE_E_FORMAT, "color %u of a palette of %u", v, b->colors);
    if (b->gray)
        to[x] = b->palette[v][0];
    else
        memcpy(to + 3 * x, b->palette[v], 3);
    return SEDGE_OK;
}

static sedge_status read_plain(sg_decode *d, const bmp *b)
{
    size_t row = (((size_t)b->width * b->bits + 31) / 32) * 4;
    if (b->pixels > d->size || (d->size - b->pixels) / row < (size_t)b->height)
        return sg_fail(d->err, SEDGE_E_FORMAT, "%zu bytes do not hold %lld rows of %zu", d->size, (long long)b->height, row);
    for (int64_t y = 0; y < b->height; y++) {
        const uint8_t *s = d->data + b->pixels + (size_t)y * row;
        uint8_t *to = row_of(d, b, y);
        for (int64_t x = 0; x < b->width; x++) {
            if (b->bits <= 8) {
                unsigned per = 8 / b->bits, at = (unsigned)(x % per);
                SG_TRY(put_index(d, b, to, x, s[x / per] >> (8 - b->bits * (at + 1)) & ((1u << b->bits) - 1)));
            } else if (b->bits == 24) {
                to[3 * x] = s[3 * x + 2];
                to[3 * x + 1] = s[3 * x + 1];
                to[3 * x + 2] = s[3 * x];
            } else {
                uint32_t v = b->bits == 16 ? sg_le16(s + 2 * x) : sg_le32(s + 4 * x);
                int n = b->mask[3] ? 4 : 3;
                for (int k = 0; k < n; k++)
                    to[n * x + k] = masked(v, b->mask[k]);
            }
        }
    }
    return SEDGE_OK;
}

typedef struct rle {
    size_t at;
    int64_t x, y;
} rle;

static sedge_status run(sg_decode *d, const bmp *b, rle *r, unsigned n, bool literal)
{
    for (unsigned i = 0; i < n; i++, r->x++) {
        if (r->x >= b->width || r->y >= b->height)
            return sg_fail(d->err, SEDGE_E_FORMAT, "a run passes the end of row %lld", (long long)r->y);
        unsigned v;
        if (b->bits == 8)
            v = d->data[r->at + (literal ? i : 0)];
        else
            v = d->data[r->at + (literal ? i / 2 : 0)] >> (i % 2 ? 0 : 4) & 15u;
        SG_TRY(put_index(d, b, row_of(d, b, r->y), r->x, v));
    }
    return SEDGE_OK;
}

/* One code; *end after the last. */
static sedge_status code(sg_decode *d, const bmp *b, rle *r, bool *end)
{
    if (d->size - r->at < 2)
        return sg_fail(d->err, SEDGE_E_FORMAT, "the runs are cut in row %lld", (long long)r->y);
    unsigned n = d->data[r->at], what = d->data[r->at + 1];
    if (n) {
        r->at++;
        SG_TRY(run(d, b, r, n, false));
        r->at++;
        return SEDGE_OK;
    }
    r->at += 2;
    if (what == 0) {
        r->x = 0;
        r->y++;
    } else if (what == 1) {
        *end = true;
    } else {
        size_t need = what == 2 ? 2 : b->bits == 8 ? what : (what + 1) / 2;
        if (d->size - r->at < need)
            return sg_fail(d->err, SEDGE_E_FORMAT, "the runs are cut in row %lld", (long long)r->y);
        if (what == 2) {
            r->x += d->data[r->at];
            r->y += d->data[r->at + 1];
        } else {
            SG_TRY(run(d, b, r, what, true));
        }
        r->at += what == 2 ? 2 : (need + 1) & ~(size_t)1;
        if (r->at > d->size)
            r->at = d->size;
    }
    return SEDGE_OK;
}

static sedge_status read_runs(sg_decode *d, const bmp *b)
{
    rle r = {b->pixels, 0, 0};
    bool end = false;
    if (b->pixels > d->size)
        return sg_fail(d->err, SEDGE_E_FORMAT, "the pixels lie behind the end");
    /* What no run covers has color 0. */
    for (int64_t y = 0; y < b->height; y++)
        for (int64_t x = 0; x < b->width; x++)
            SG_TRY(put_index(d, b, row_of(d, b, y), x, 0));
    while (!end && r.y < b->height)
        SG_TRY(code(d, b, &r, &end));
    return SEDGE_OK;
}

sedge_status sg_decode_bmp(sg_decode *d)
{
    bmp b = {0};
    SG_TRY(read_header(d, &b));
    int pixel = b.bits <= 8                 ? (b.gray ? SEDGE_PIXEL_GRAY8 : SEDGE_PIXEL_RGB8)
                : b.mask[3] && b.bits != 24 ? SEDGE_PIXEL_RGBA8
                                            : SEDGE_PIXEL_RGB8;
    SG_TRY(sg_decode_fits(d, b.width, b.height, sg_pixel_bytes(pixel, 1)));
    bool runs = b.packing == BI_RLE8 || b.packing == BI_RLE4;
    /* Memory only for what the file can hold. */
    if (!runs && (uint64_t)b.width * (uint64_t)b.height / 8 * b.bits > d->size)
        return sg_fail(d->err, SEDGE_E_FORMAT, "%zu bytes do not hold %lld x %lld pixels", d->size, (long long)b.width,
                       (long long)b.height);
    SG_TRY(sg_decode_room(d, pixel, b.width, b.height));
    return runs ? read_runs(d, &b) : read_plain(d, &b);
}
