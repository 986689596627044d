/* WebP by libwebp: still pictures, lossy and lossless. */
#include <webp/decode.h>

#include "media/decode.h"

static const char *text_of(VP8StatusCode code)
{
    switch (code) {
    case VP8_STATUS_OUT_OF_MEMORY: return "out of memory";
    case VP8_STATUS_BITSTREAM_ERROR: return "the bitstream is broken";
    case VP8_STATUS_UNSUPPORTED_FEATURE: return "a feature that is not supported";
    case VP8_STATUS_NOT_ENOUGH_DATA: return "the file is cut";
    default: return "cannot be decoded";
    }
}

sedge_status sg_decode_webp(sg_decode *d)
{
    WebPDecoderConfig c;
    if (!WebPInitDecoderConfig(&c))
        return sg_fail(d->err, SEDGE_E_UNSUPPORTED, "libwebp is of another version");
    VP8StatusCode code = WebPGetFeatures(d->data, d->size, &c.input);
    if (code != VP8_STATUS_OK)
        return sg_fail(d->err, SEDGE_E_FORMAT, "%s", text_of(code));
    if (c.input.has_animation)
        return sg_fail(d->err, SEDGE_E_UNSUPPORTED, "an animation");
    bool alpha = c.input.has_alpha != 0;
    SG_TRY(sg_decode_fits(d, c.input.width, c.input.height, 8)); /* what the library takes by itself */
    SG_TRY(sg_decode_room(d, alpha ? SEDGE_PIXEL_RGBA8 : SEDGE_PIXEL_RGB8, c.input.width, c.input.height));
    c.output.colorspace = alpha ? MODE_RGBA : MODE_RGB;
    c.output.is_external_memory = 1;
    c.output.u.RGBA.rgba = d->pixel;
    c.output.u.RGBA.stride = (int)d->out->stride[0];
    c.output.u.RGBA.size = (size_t)d->out->stride[0] * (size_t)d->out->height;
    code = WebPDecode(d->data, d->size, &c);
    WebPFreeDecBuffer(&c.output);
    if (code != VP8_STATUS_OK)
        return sg_fail(d->err, code == VP8_STATUS_OUT_OF_MEMORY ? SEDGE_E_NOMEM : SEDGE_E_FORMAT, "%s", text_of(code));
    d->out->turn = (uint8_t)sg_exif_webp(d->data, d->size);
    return SEDGE_OK;
}
