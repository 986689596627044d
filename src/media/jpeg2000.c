/* JPEG 2000 by OpenJPEG, from memory. The size is read from the codestream before the library is called, since that allocates
 * for every tile and component that the header announces. */
#include <string.h>

#include <openjpeg.h>

#include "media/decode.h"

#define TILES_MAX 16384

typedef struct source {
    const uint8_t *data;
    size_t size, at;
} source;

static OPJ_SIZE_T on_read(void *to, OPJ_SIZE_T n, void *ctx)
{
    source *s = ctx;
    size_t left = s->size - s->at, take = n < left ? n : left;
    if (take == 0)
        return (OPJ_SIZE_T)-1;
    memcpy(to, s->data + s->at, take);
    s->at += take;
    return take;
}

static OPJ_OFF_T on_skip(OPJ_OFF_T n, void *ctx)
{
    source *s = ctx;
    if (n < 0 || (uint64_t)n > s->size - s->at)
        return -1;
    s->at += (size_t)n;
    return n;
}

static OPJ_BOOL on_seek(OPJ_OFF_T at, void *ctx)
{
    source *s = ctx;
    if (at < 0 || (uint64_t)at > s->size)
        return OPJ_FALSE;
    s->at = (size_t)at;
    return OPJ_TRUE;
}

static void on_error(const char *msg, void *ctx)
{
    sg_err own = {0};
    sg_fail(&own, SEDGE_E_FORMAT, "%s", msg);
    for (size_t n = strlen(own.msg); n && (own.msg[n - 1] == '?' || own.msg[n - 1] == ' ');) /* its line ends */
        own.msg[--n] = 0;
    sg_fail(ctx, SEDGE_E_FORMAT, "%s", own.msg);
}

static void on_quiet(const char *msg, void *ctx)
{
    (void)msg;
    (void)ctx;
}

/* Where the codestream begins: after the boxes of a JP2 file, or at once. */
static size_t codestream(const sg_decode *d)
{
    size_t at = 0;
    if (d->size >= 4 && sg_be32(d->data) == 0xff4fff51u)
        return 0;
    while (d->size - at >= 8) {
        uint64_t length = sg_be32(d->data + at);
        size_t head = 8;
        if (length == 1 && d->size - at >= 16) {
            length = (uint64_t)sg_be32(d->data + at + 8) << 32 | sg_be32(d->data + at + 12);
            head = 16;
        }
        if (memcmp(d->data + at + 4, "jp2c", 4) == 0)
            return at + head;
        if (length < head || length > d->size - at)
            break;
        at += (size_t)length;
    }
    return d->size;
}

static sedge_status check_size(sg_decode *d)
{
    size_t at = codestream(d);
    if (d->size - at < 42 || sg_be32(d->data + at) != 0xff4fff51u)
        return sg_fail(d->err, SEDGE_E_FORMAT, "no codestream");
    const uint8_t *p = d->data + at + 8;
    uint32_t v[8]; /* right and lower end, offset, size of a tile, offset of the first */
    for (int k = 0; k < 8; k++)
        v[k] = sg_be32(p + 4 * k);
    unsigned parts = sg_be16(p + 32);
    if (v[2] >= v[0] || v[3] >= v[1] || !v[4] || !v[5] || v[6] > v[2] || v[7] > v[3])
        return sg_fail(d->err, SEDGE_E_FORMAT, "a picture or tile of no size");
    if (parts < 1 || parts > 4)
        return sg_fail(d->err, SEDGE_E_UNSUPPORTED, "%u components", parts);
    uint64_t tiles = ((uint64_t)(v[0] - v[6]) + v[4] - 1) / v[4] * (((uint64_t)(v[1] - v[7]) + v[5] - 1) / v[5]);
    if (tiles > TILES_MAX)
        return sg_fail(d->err, SEDGE_E_LIMIT, "%llu tiles", (unsigned long long)tiles);
    return sg_decode_fits(d, v[0] - v[2], v[1] - v[3], 8 * parts); /* 32 bits a sample, twice */
}

typedef struct part {
    const OPJ_INT32 *data;
    uint32_t width, height, dx, dy;
    int up, down; /* shifts to 8 or 16 bits */
    int32_t bias, max;
} part;

static int32_t sample(const part *p, uint32_t x, uint32_t y)
{
    x = x / p->dx < p->width ? x / p->dx : p->width - 1;
    y = y / p->dy < p->height ? y / p->dy : p->height - 1;
    int32_t v = p->data[(size_t)y * p->width + x];
    v = v < -p->bias ? 0 : v > p->max - p->bias ? p->max : v + p->bias;
    return (int32_t)((uint32_t)v << p->up) >> p->down;
}

static sedge_status take_parts(sg_decode *d, const opj_image_t *im, part *p)
{
    for (uint32_t k = 0; k < im->numcomps; k++) {
        const opj_image_comp_t *c = &im->comps[k];
        if (!c->data || !c->w || !c->h || !c->dx || !c->dy || c->prec < 1 || c->prec > 16)
            return sg_fail(d->err, SEDGE_E_UNSUPPORTED, "component %u of %u bits", k, c->prec);
        int want = im->comps[0].prec <= 8 || im->numcomps == 2 || im->numcomps == 4 ? 8 : 16, have = (int)c->prec;
        p[k] = (part){c->data, c->w, c->h, c->dx, c->dy, want > have ? want - have : 0, have > want ? have - want : 0, 0, 0};
        p[k].bias = c->sgnd ? 1 << (have - 1) : 0;
        p[k].max = (1 << have) - 1;
    }
    return SEDGE_OK;
}

static int32_t clamp(double v, int32_t max)
{
    return v < 0 ? 0 : v > max ? max : (int32_t)(v + 0.5);
}

/* Full range BT.601, as in JPEG. */
static void from_ycc(int32_t *v, int32_t max)
{
    double y = v[0], cb = v[1] - (max + 1) / 2, cr = v[2] - (max + 1) / 2;
    v[0] = clamp(y + 1.402 * cr, max);
    v[1] = clamp(y - 0.344136 * cb - 0.714136 * cr, max);
    v[2] = clamp(y + 1.772 * cb, max);
}

static sedge_status take_image(sg_decode *d, const opj_image_t *im)
{
    static const uint8_t small[5] = {0, SEDGE_PIXEL_GRAY8, SEDGE_PIXEL_RGBA8, SEDGE_PIXEL_RGB8, SEDGE_PIXEL_RGBA8};
    part p[4] = {{0}};
    uint32_t n = im->numcomps;
    if (n < 1 || n > 4)
        return sg_fail(d->err, SEDGE_E_UNSUPPORTED, "%u components", n);
    SG_TRY(take_parts(d, im, p));
    uint32_t width = im->x1 - im->x0, height = im->y1 - im->y0;
    bool wide = im->comps[0].prec > 8 && (n == 1 || n == 3), ycc = im->color_space == OPJ_CLRSPC_SYCC && n >= 3;
    SG_TRY(sg_decode_room(d, wide ? (n == 1 ? SEDGE_PIXEL_GRAY16 : SEDGE_PIXEL_RGB16) : small[n], width, height));
    uint32_t channels = n == 2 ? 4 : n;
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++) {
            int32_t v[4] = {0};
            for (uint32_t k = 0; k < n; k++)
                v[k] = sample(&p[k], x, y);
            if (ycc)
                from_ycc(v, wide ? 65535 : 255);
            if (n == 2) {
                v[3] = v[1];
                v[1] = v[2] = v[0];
            }
            size_t at = ((size_t)y * width + x) * channels;
            for (uint32_t k = 0; k < channels; k++) {
                if (wide)
                    ((uint16_t *)(void *)d->pixel)[at + k] = (uint16_t)v[k];
                else
                    d->pixel[at + k] = (uint8_t)v[k];
            }
        }
    return SEDGE_OK;
}

static sedge_status read_image(sg_decode *d, opj_codec_t *c, opj_stream_t *s, opj_image_t **im)
{
    opj_dparameters_t par;
    opj_set_default_decoder_parameters(&par);
    opj_set_error_handler(c, on_error, d->err);
    opj_set_warning_handler(c, on_quiet, NULL);
    opj_set_info_handler(c, on_quiet, NULL);
    if (!opj_setup_decoder(c, &par) || !opj_read_header(s, c, im))
        return sg_fail(d->err, SEDGE_E_FORMAT, "the header cannot be read");
    if (!opj_decode(c, s, *im) || !opj_end_decompress(c, s))
        return sg_fail(d->err, SEDGE_E_FORMAT, "the file is cut or broken");
    return take_image(d, *im);
}

sedge_status sg_decode_jpeg2000(sg_decode *d)
{
    SG_TRY(check_size(d));
    source from = {d->data, d->size, 0};
    bool raw = sg_be32(d->data) == 0xff4fff51u;
    opj_codec_t *c = opj_create_decompress(raw ? OPJ_CODEC_J2K : OPJ_CODEC_JP2);
    opj_stream_t *s = opj_stream_create(65536, OPJ_TRUE);
    opj_image_t *im = NULL;
    sedge_status st;
    if (c && s) {
        opj_stream_set_read_function(s, on_read);
        opj_stream_set_skip_function(s, on_skip);
        opj_stream_set_seek_function(s, on_seek);
        opj_stream_set_user_data(s, &from, NULL);
        opj_stream_set_user_data_length(s, d->size);
        st = read_image(d, c, s, &im);
    } else {
        st = sg_fail(d->err, SEDGE_E_NOMEM, "out of memory");
    }
    if (im)
        opj_image_destroy(im);
    if (s)
        opj_stream_destroy(s);
    if (c)
        opj_destroy_codec(c);
    return st;
}
