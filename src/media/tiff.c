/* TIFF by libtiff, from memory: 8 and 16 bits as they are, everything else by the library's own conversion to RGBA. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <tiffio.h>

#include "media/decode.h"

typedef struct tiff_job {
    sg_decode *d;
    toff_t at;
} tiff_job;

typedef struct tiff_info {
    uint32_t width, height;
    uint16_t bits, samples, photometric, planar, format, turn;
    bool tiled;
} tiff_info;

static tmsize_t on_read(thandle_t h, void *to, tmsize_t n)
{
    tiff_job *j = h;
    if (n < 0 || j->at > j->d->size)
        return 0;
    size_t left = j->d->size - (size_t)j->at, take = (size_t)n < left ? (size_t)n : left;
    memcpy(to, j->d->data + j->at, take);
    j->at += take;
    return (tmsize_t)take;
}

static tmsize_t on_write(thandle_t h, void *from, tmsize_t n)
{
    (void)h;
    (void)from;
    (void)n;
    return 0;
}

static toff_t on_seek(thandle_t h, toff_t at, int from)
{
    tiff_job *j = h;
    j->at = from == SEEK_CUR ? j->at + at : from == SEEK_END ? j->d->size + at : at;
    return j->at;
}

static int on_close(thandle_t h)
{
    (void)h;
    return 0;
}

static toff_t on_size(thandle_t h)
{
    return ((tiff_job *)h)->d->size;
}

static int on_map(thandle_t h, void **base, toff_t *size)
{
    tiff_job *j = h;
    union {
        const void *in;
        void *out;
    } data = {j->d->data}; /* the library reads it only: the file is open for reading */
    *base = data.out;
    *size = j->d->size;
    return 1;
}

static void on_unmap(thandle_t h, void *base, toff_t size)
{
    (void)h;
    (void)base;
    (void)size;
}

static int on_error(TIFF *t, void *ctx, const char *module, const char *fmt, va_list args)
{
    (void)t;
    (void)module;
    char text[256];
    vsnprintf(text, sizeof text, fmt, args);
    sg_fail(ctx, SEDGE_E_FORMAT, "%s", text);
    return 1;
}

static int on_warning(TIFF *t, void *ctx, const char *module, const char *fmt, va_list args)
{
    (void)t;
    (void)ctx;
    (void)module;
    (void)fmt;
    (void)args;
    return 1;
}

static void read_info(TIFF *t, tiff_info *i)
{
    TIFFGetField(t, TIFFTAG_IMAGEWIDTH, &i->width);
    TIFFGetField(t, TIFFTAG_IMAGELENGTH, &i->height);
    TIFFGetFieldDefaulted(t, TIFFTAG_BITSPERSAMPLE, &i->bits);
    TIFFGetFieldDefaulted(t, TIFFTAG_SAMPLESPERPIXEL, &i->samples);
    TIFFGetFieldDefaulted(t, TIFFTAG_PLANARCONFIG, &i->planar);
    TIFFGetFieldDefaulted(t, TIFFTAG_SAMPLEFORMAT, &i->format);
    TIFFGetFieldDefaulted(t, TIFFTAG_ORIENTATION, &i->turn);
    if (!TIFFGetField(t, TIFFTAG_PHOTOMETRIC, &i->photometric))
        i->photometric = PHOTOMETRIC_MINISBLACK;
    i->tiled = TIFFIsTiled(t) != 0;
}

/* Gray, RGB or RGBA of 8 or 16 bits whose samples stand side by side: they are taken as they are. */
static bool is_direct(const tiff_info *i, int *pixel)
{
    bool gray = i->photometric == PHOTOMETRIC_MINISBLACK || i->photometric == PHOTOMETRIC_MINISWHITE;
    bool rgb = i->photometric == PHOTOMETRIC_RGB;
    if ((i->bits != 8 && i->bits != 16) || i->format != SAMPLEFORMAT_UINT || (i->planar != PLANARCONFIG_CONTIG && i->samples > 1))
        return false;
    if (gray && i->samples == 1)
        *pixel = i->bits == 8 ? SEDGE_PIXEL_GRAY8 : SEDGE_PIXEL_GRAY16;
    else if (rgb && i->samples == 3)
        *pixel = i->bits == 8 ? SEDGE_PIXEL_RGB8 : SEDGE_PIXEL_RGB16;
    else if (rgb && i->samples == 4 && i->bits == 8)
        *pixel = SEDGE_PIXEL_RGBA8;
    else
        return false;
    return true;
}

static sedge_status broken(sg_decode *d, uint32_t at)
{
    return sg_fail(d->err, SEDGE_E_FORMAT, "row %u cannot be read", at);
}

static sedge_status read_tiles(sg_decode *d, TIFF *t, const tiff_info *i)
{
    uint32_t w = 0, h = 0;
    TIFFGetField(t, TIFFTAG_TILEWIDTH, &w);
    TIFFGetField(t, TIFFTAG_TILELENGTH, &h);
    SG_TRY(sg_decode_fits(d, w, h, i->samples * (i->bits / 8)));
    size_t pixel = (size_t)i->samples * (i->bits / 8u), row = (size_t)TIFFTileRowSize(t);
    void *tile;
    SG_TRY(sg_decode_scratch(d, (uint64_t)TIFFTileSize(t), &tile));
    if (row != w * pixel || (uint64_t)TIFFTileSize(t) < (uint64_t)row * h)
        return sg_fail(d->err, SEDGE_E_FORMAT, "tiles of a wrong size");
    for (uint32_t y = 0; y < i->height; y += h)
        for (uint32_t x = 0; x < i->width; x += w) {
            if (TIFFReadTile(t, tile, x, y, 0, 0) < 0)
                return broken(d, y);
            size_t wide = i->width - x < w ? i->width - x : w;
            for (uint32_t k = 0; k < h && k < i->height - y; k++)
                memcpy(d->pixel + (size_t)(y + k) * (size_t)d->out->stride[0] + x * pixel, (uint8_t *)tile + k * row,
                       wide * pixel);
        }
    return SEDGE_OK;
}

static sedge_status read_direct(sg_decode *d, TIFF *t, const tiff_info *i, int pixel)
{
    SG_TRY(sg_decode_room(d, pixel, i->width, i->height));
    if (i->tiled) {
        SG_TRY(read_tiles(d, t, i));
    } else {
        if ((uint64_t)TIFFScanlineSize64(t) != (uint64_t)d->out->stride[0])
            return sg_fail(d->err, SEDGE_E_FORMAT, "rows of a wrong size");
        for (uint32_t y = 0; y < i->height; y++)
            if (TIFFReadScanline(t, d->pixel + (size_t)y * (size_t)d->out->stride[0], y, 0) < 0)
                return broken(d, y);
    }
    size_t n = (size_t)d->out->stride[0] * i->height;
    for (size_t k = 0; i->photometric == PHOTOMETRIC_MINISWHITE && k < n; k++)
        d->pixel[k] = (uint8_t)~d->pixel[k];
    return SEDGE_OK;
}

static sedge_status read_converted(sg_decode *d, TIFF *t, const tiff_info *i)
{
    if (i->bits > 8)
        return sg_fail(d->err, SEDGE_E_UNSUPPORTED, "%u samples of %u bits (photometric %u, format %u)", i->samples, i->bits,
                       i->photometric, i->format);
    char text[1024] = "";
    TIFFRGBAImage g;
    if (!TIFFRGBAImageOK(t, text) || !TIFFRGBAImageBegin(&g, t, 1, text))
        return sg_fail(d->err, SEDGE_E_UNSUPPORTED, "%s", text);
    g.req_orientation = g.orientation; /* as stored: the turn is told, not done */
    bool gray = i->bits < 8 && (i->photometric == PHOTOMETRIC_MINISBLACK || i->photometric == PHOTOMETRIC_MINISWHITE);
    int pixel = gray ? SEDGE_PIXEL_GRAY8 : g.alpha ? SEDGE_PIXEL_RGBA8 : SEDGE_PIXEL_RGB8, c = sg_pixel_bytes(pixel, 1);
    void *raster = NULL;
    sedge_status st = sg_decode_room(d, pixel, i->width, i->height);
    if (st == SEDGE_OK)
        st = sg_decode_scratch(d, (uint64_t)i->width * i->height * 4, &raster);
    if (st == SEDGE_OK && !TIFFRGBAImageGet(&g, raster, i->width, i->height))
        st = sg_fail(d->err, SEDGE_E_FORMAT, "the pixels cannot be read");
    TIFFRGBAImageEnd(&g);
    SG_TRY(st);
    const uint32_t *s = raster;
    for (size_t k = 0, n = (size_t)i->width * i->height; k < n; k++)
        for (int b = 0; b < c; b++)
            d->pixel[k * (size_t)c + (size_t)b] = (uint8_t)(s[k] >> (8 * b));
    return SEDGE_OK;
}

static sedge_status read_all(sg_decode *d, TIFF *t)
{
    tiff_info i = {0};
    int pixel;
    read_info(t, &i);
    SG_TRY(sg_decode_fits(d, i.width, i.height, 1));
    SG_TRY(is_direct(&i, &pixel) ? read_direct(d, t, &i, pixel) : read_converted(d, t, &i));
    if (d->err->msg[0]) /* said by the library, which went on */
        return d->err->status;
    d->out->turn = i.turn >= 1 && i.turn <= 8 ? (uint8_t)i.turn : 1;
    return SEDGE_OK;
}

sedge_status sg_decode_tiff(sg_decode *d)
{
    tiff_job job = {d, 0};
    TIFFOpenOptions *o = TIFFOpenOptionsAlloc();
    if (!o)
        return sg_fail(d->err, SEDGE_E_NOMEM, "out of memory");
    TIFFOpenOptionsSetMaxSingleMemAlloc(o, (tmsize_t)(sg_decode_limit(d) < PTRDIFF_MAX ? sg_decode_limit(d) : PTRDIFF_MAX));
    TIFFOpenOptionsSetErrorHandlerExtR(o, on_error, d->err);
    TIFFOpenOptionsSetWarningHandlerExtR(o, on_warning, NULL);
    TIFF *t = TIFFClientOpenExt("memory", "rm", &job, on_read, on_write, on_seek, on_close, on_size, on_map, on_unmap, o);
    TIFFOpenOptionsFree(o);
    sedge_status st = t ? read_all(d, t) : sg_fail(d->err, SEDGE_E_FORMAT, "the directory cannot be read");
    if (t)
        TIFFClose(t);
    return st;
}
