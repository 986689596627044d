/* Pictures: which format the bytes are, and the memory that decoders share. */
#include "media/decode.h"

#include <string.h>

#define LIMIT_DEFAULT ((size_t)1 << 30)
#define SIDE_MAX      (1 << 26)

struct sedge_image {
    sg_mem mem;
    uint8_t *pixel, *scratch;
    size_t pixel_cap, scratch_cap;
};

typedef struct format_row {
    const char *name;
    sedge_status (*decode)(sg_decode *d);
} format_row;

enum {
#define FORMAT(id, name) FORMAT_##id,
#include "media/format.def"
#undef FORMAT
    FORMATS
};

static const format_row formats[FORMATS] = {
#define FORMAT(id, name) {name, sg_decode_##id},
#include "media/format.def"
#undef FORMAT
};

static bool starts(const uint8_t *p, size_t n, const char *with, size_t m)
{
    return n >= m && memcmp(p, with, m) == 0;
}

static int format_of(const uint8_t *p, size_t n)
{
    if (starts(p, n, "\xff\xd8\xff", 3))
        return FORMAT_jpeg;
    if (starts(p, n, "\x89PNG\r\n\x1a\n", 8))
        return FORMAT_png;
    if (starts(p, n, "RIFF", 4) && n >= 12 && memcmp(p + 8, "WEBP", 4) == 0)
        return FORMAT_webp;
    if (starts(p, n, "II*\0", 4) || starts(p, n, "MM\0*", 4) || starts(p, n, "II+\0", 4) || starts(p, n, "MM\0+", 4))
        return FORMAT_tiff;
    if (starts(p, n, "\0\0\0\x0cjP  \r\n\x87\n", 12) || starts(p, n, "\xff\x4f\xff\x51", 4))
        return FORMAT_jpeg2000;
    if (n >= 3 && p[0] == 'P' && p[1] >= '1' && p[1] <= '6' && (p[2] == ' ' || p[2] == '#' || (p[2] >= '\t' && p[2] <= '\r')))
        return FORMAT_pnm;
    if (starts(p, n, "BM", 2))
        return FORMAT_bmp;
    return -1;
}

const char *sedge_image_format(const void *bytes, size_t size)
{
    int k = bytes ? format_of(bytes, size) : -1;
    return k < 0 ? NULL : formats[k].name;
}

sedge_status sedge_image_new(sedge_image **out, const sedge_media_opts *opts, sedge_error *err)
{
    sedge_media_opts def = {0};
    opts = opts ? opts : &def;
    sg_mem mem = {.fn = opts->alloc, .ctx = opts->alloc_ctx, .limit = opts->memory_limit ? opts->memory_limit : LIMIT_DEFAULT};
    *out = sg_calloc(&mem, 1, sizeof **out);
    if (!*out)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    (*out)->mem = mem;
    return SEDGE_OK;
}

void sedge_image_free(sedge_image **image)
{
    sedge_image *im = image ? *image : NULL;
    if (!im)
        return;
    sg_free_aligned(&im->mem, im->pixel, im->pixel_cap);
    sg_free_aligned(&im->mem, im->scratch, im->scratch_cap);
    sg_mem mem = im->mem;
    sg_free(&mem, im, sizeof *im);
    *image = NULL;
}

/* Old contents are not kept: the block is freed before the greater one is taken. */
static bool room(sg_mem *m, uint8_t **p, size_t *cap, size_t need)
{
    if (need <= *cap)
        return true;
    sg_free_aligned(m, *p, *cap);
    *cap = 0;
    *p = sg_alloc_aligned(m, need);
    if (*p)
        *cap = need;
    return *p != NULL;
}

size_t sg_decode_limit(const sg_decode *d)
{
    return d->image->mem.limit;
}

sedge_status sg_decode_fits(const sg_decode *d, int64_t width, int64_t height, int64_t bytes_a_pixel)
{
    if (width < 1 || height < 1)
        return sg_fail(d->err, SEDGE_E_FORMAT, "a picture of %lld x %lld pixels", (long long)width, (long long)height);
    if (width > SIDE_MAX || height > SIDE_MAX || (uint64_t)(width * height) > d->image->mem.limit / (uint64_t)bytes_a_pixel)
        return sg_fail(d->err, SEDGE_E_LIMIT, "%lld x %lld pixels take more than the limit of %zu bytes", (long long)width,
                       (long long)height, d->image->mem.limit);
    return SEDGE_OK;
}

sedge_status sg_decode_room(sg_decode *d, int pixel, int64_t width, int64_t height)
{
    int bytes = sg_pixel_bytes(pixel, 1);
    SG_TRY(sg_decode_fits(d, width, height, bytes));
    size_t need = (size_t)width * (size_t)height * (size_t)bytes;
    *d->out = (sedge_frame){.pixel = (uint8_t)pixel, .turn = 1, .width = (int32_t)width, .height = (int32_t)height};
    if (d->probe)
        return SEDGE_E_CANCELLED;
    if (!room(&d->image->mem, &d->image->pixel, &d->image->pixel_cap, need))
        return sg_fail(d->err, SEDGE_E_NOMEM, "no memory for %lld x %lld pixels", (long long)width, (long long)height);
    d->pixel = d->image->pixel;
    d->out->plane[0] = d->pixel;
    d->out->stride[0] = width * bytes;
    return SEDGE_OK;
}

sedge_status sg_decode_scratch(sg_decode *d, uint64_t size, void **out)
{
    *out = NULL;
    if (size > d->image->mem.limit)
        return sg_fail(d->err, SEDGE_E_LIMIT, "%llu bytes of work are more than the limit of %zu", (unsigned long long)size,
                       d->image->mem.limit);
    if (!room(&d->image->mem, &d->image->scratch, &d->image->scratch_cap, (size_t)size))
        return sg_fail(d->err, SEDGE_E_NOMEM, "no memory for %llu bytes of work", (unsigned long long)size);
    *out = d->image->scratch;
    return SEDGE_OK;
}

static sedge_status decode(sedge_image *image, const void *bytes, size_t size, bool probe, sedge_frame *out, sedge_error *err)
{
    memset(out, 0, sizeof *out);
    int k = bytes ? format_of(bytes, size) : -1;
    if (k < 0)
        return sg_fail(err, SEDGE_E_FORMAT, "no picture: the bytes begin like none of jpeg, png, webp, bmp, tiff, jpeg2000, pnm");
    sg_err own = {0};
    sg_decode d = {.data = bytes, .size = size, .image = image, .out = out, .probe = probe, .err = &own};
    sedge_status st = formats[k].decode(&d);
    if (st == SEDGE_OK || (probe && st == SEDGE_E_CANCELLED))
        return SEDGE_OK;
    memset(out, 0, sizeof *out);
    return sg_fail(err, st, "%s: %s", formats[k].name, own.msg[0] ? own.msg : "cannot be decoded");
}

sedge_status sedge_image_decode(sedge_image *image, const void *bytes, size_t size, sedge_frame *out, sedge_error *err)
{
    return decode(image, bytes, size, false, out, err);
}

sedge_status sg_image_probe(sedge_image *image, const void *bytes, size_t size, sedge_frame *out, sg_err *err)
{
    return decode(image, bytes, size, true, out, err);
}
