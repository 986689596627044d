/* PNG by libspng, in and out. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <spng.h>

#include "media/decode.h"

/* Ancillary chunks (profiles, texts, EXIF) may not be greater. */
#define CHUNK_MAX ((size_t)8 << 20)

/* Gray and RGB keep their 16 bits; with transparency, a palette or alpha the picture is of 8. */
static int format_for(const struct spng_ihdr *h, bool alpha, int *pixel)
{
    bool gray = h->color_type == SPNG_COLOR_TYPE_GRAYSCALE, rgb = h->color_type == SPNG_COLOR_TYPE_TRUECOLOR;
    if (alpha || !(gray || rgb || h->color_type == SPNG_COLOR_TYPE_INDEXED)) {
        *pixel = SEDGE_PIXEL_RGBA8;
        return SPNG_FMT_RGBA8;
    }
    if (h->bit_depth == 16) {
        *pixel = gray ? SEDGE_PIXEL_GRAY16 : SEDGE_PIXEL_RGB16;
        return SPNG_FMT_PNG; /* in the machine's byte order */
    }
    *pixel = gray ? SEDGE_PIXEL_GRAY8 : SEDGE_PIXEL_RGB8;
    return gray ? SPNG_FMT_G8 : SPNG_FMT_RGB8;
}

static sedge_status said(sg_err *err, int code)
{
    return sg_fail(err, code == SPNG_EMEM ? SEDGE_E_NOMEM : SEDGE_E_FORMAT, "%s", spng_strerror(code));
}

static sedge_status read_all(sg_decode *d, spng_ctx *c)
{
    struct spng_ihdr h;
    struct spng_trns trns;
    int code = spng_set_chunk_limits(c, CHUNK_MAX, 2 * CHUNK_MAX);
    if (!code)
        code = spng_set_crc_action(c, SPNG_CRC_ERROR, SPNG_CRC_DISCARD);
    if (!code)
        code = spng_set_png_buffer(c, d->data, d->size);
    if (!code)
        code = spng_get_ihdr(c, &h);
    if (code)
        return said(d->err, code);
    int pixel, fmt = format_for(&h, spng_get_trns(c, &trns) == 0, &pixel);
    SG_TRY(sg_decode_room(d, pixel, h.width, h.height));
    size_t size = (size_t)d->out->stride[0] * h.height, want;
    code = spng_decoded_image_size(c, fmt, &want);
    if (!code && want != size)
        return sg_fail(d->err, SEDGE_E_BUG, "%zu bytes instead of %zu", want, size);
    if (!code)
        code = spng_decode_image(c, d->pixel, size, fmt, SPNG_DECODE_TRNS);
    if (code)
        return said(d->err, code);
    struct spng_exif exif;
    if (spng_get_exif(c, &exif) == 0)
        d->out->turn = (uint8_t)sg_exif_turn((const uint8_t *)exif.data, exif.length);
    return SEDGE_OK;
}

sedge_status sg_decode_png(sg_decode *d)
{
    spng_ctx *c = spng_ctx_new(0);
    if (!c)
        return sg_fail(d->err, SEDGE_E_NOMEM, "out of memory");
    sedge_status st = read_all(d, c);
    spng_ctx_free(c);
    return st;
}

static int encode(spng_ctx *c, const sedge_frame *f, FILE *to)
{
    struct spng_ihdr h = {.width = (uint32_t)f->width, .height = (uint32_t)f->height, .bit_depth = 8};
    h.color_type = f->pixel == SEDGE_PIXEL_GRAY8   ? SPNG_COLOR_TYPE_GRAYSCALE
                   : f->pixel == SEDGE_PIXEL_RGBA8 ? SPNG_COLOR_TYPE_TRUECOLOR_ALPHA
                                                   : SPNG_COLOR_TYPE_TRUECOLOR;
    size_t row = (size_t)f->width * (size_t)sg_pixel_bytes(f->pixel, 1);
    int code = spng_set_png_file(c, to);
    if (!code)
        code = spng_set_ihdr(c, &h);
    if (!code)
        code = spng_encode_image(c, NULL, 0, SPNG_FMT_PNG, SPNG_ENCODE_PROGRESSIVE | SPNG_ENCODE_FINALIZE);
    for (int32_t y = 0; !code && y < f->height; y++)
        code = spng_encode_row(c, (const uint8_t *)f->plane[0] + y * f->stride[0], row);
    return code == SPNG_EOI ? 0 : code;
}

static sedge_status write_file(const sedge_frame *f, const char *path, const char *temp, sg_err *err)
{
    FILE *to = fopen(temp, "wb");
    if (!to)
        return sg_fail(err, SEDGE_E_IO, "%s: %s", path, strerror(errno));
    spng_ctx *c = spng_ctx_new(SPNG_CTX_ENCODER);
    int code = c ? encode(c, f, to) : SPNG_EMEM;
    spng_ctx_free(c);
    bool good = !ferror(to);
    if (fclose(to) != 0 || !good)
        return sg_fail(err, SEDGE_E_IO, "%s: cannot be written", path);
    if (code)
        return sg_fail(err, SEDGE_E_IO, "%s: %s", path, spng_strerror(code));
    if (rename(temp, path) != 0)
        return sg_fail(err, SEDGE_E_IO, "%s: %s", path, strerror(errno));
    return SEDGE_OK;
}

sedge_status sedge_image_save_png(const sedge_frame *f, const char *path, sedge_error *err)
{
    if (f->pixel != SEDGE_PIXEL_RGB8 && f->pixel != SEDGE_PIXEL_RGBA8 && f->pixel != SEDGE_PIXEL_GRAY8)
        return sg_fail(err, SEDGE_E_ARG, "%s: only rgb, rgba and gray frames are written as PNG", path);
    if (f->width < 1 || f->height < 1 || !f->plane[0])
        return sg_fail(err, SEDGE_E_ARG, "%s: an empty frame", path);
    char temp[4096];
    if ((size_t)snprintf(temp, sizeof temp, "%s.%ld.part", path, (long)getpid()) >= sizeof temp)
        return sg_fail(err, SEDGE_E_ARG, "%s: the name is too long", path);
    sedge_status st = write_file(f, path, temp, err);
    if (st != SEDGE_OK)
        unlink(temp);
    return st;
}
