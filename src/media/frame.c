/* Frames: pictures in memory that somebody else owns. */
#include <string.h>

#include "base/err.h"
#include "media/decode.h"
#include "media/image.h"

typedef struct pixel_row {
    const char *name;
    int planes;
} pixel_row;

static const pixel_row pixels[SEDGE_PIXEL_COUNT] = {
#define PIXEL(id, name, planes) {name, planes},
#include "sedge/pixel.def"
#undef PIXEL
};

void sedge_media_opts_init(sedge_media_opts *opts)
{
    memset(opts, 0, sizeof *opts);
}

int sedge_pixel_find(const char *name)
{
    for (int k = 0; name && k < SEDGE_PIXEL_COUNT; k++)
        if (strcmp(pixels[k].name, name) == 0)
            return k;
    return -1;
}

void sg_frame_upright(const sedge_frame *f, int32_t *width, int32_t *height)
{
    bool lies = f->turn >= 5 && f->turn <= 8;
    *width = lies ? f->height : f->width;
    *height = lies ? f->width : f->height;
}

int sg_pixel_bytes(int pixel, int bands)
{
    switch (pixel) {
    case SEDGE_PIXEL_RGB8:
    case SEDGE_PIXEL_BGR8: return 3;
    case SEDGE_PIXEL_RGBA8:
    case SEDGE_PIXEL_BGRA8: return 4;
    case SEDGE_PIXEL_GRAY16:
    case SEDGE_PIXEL_YUYV:
    case SEDGE_PIXEL_UYVY: return 2;
    case SEDGE_PIXEL_RGB16: return 6;
    case SEDGE_PIXEL_BANDS_U8: return bands;
    case SEDGE_PIXEL_BANDS_U16: return 2 * bands;
    case SEDGE_PIXEL_BANDS_F32: return 4 * bands;
    case SEDGE_PIXEL_NV12:
    case SEDGE_PIXEL_NV21:
    case SEDGE_PIXEL_I420: return 0;
    default: return 1; /* gray, Bayer */
    }
}

/* Pixels that share one sample of color: 2 across (x) or down (y). */
static int shared_x(int pixel)
{
    return pixel >= SEDGE_PIXEL_NV12 && pixel <= SEDGE_PIXEL_GBRG8 ? 2 : 1;
}

static int shared_y(int pixel)
{
    return shared_x(pixel) == 2 && pixel != SEDGE_PIXEL_YUYV && pixel != SEDGE_PIXEL_UYVY ? 2 : 1;
}

sedge_status sg_frame_check(const sedge_frame *f, sg_err *err)
{
    if (f->pixel >= SEDGE_PIXEL_COUNT || f->matrix > SEDGE_BT709_LIMITED || f->turn > 8)
        return sg_fail(err, SEDGE_E_ARG, "frame: pixel format %d, matrix %d or turn %d is not known", f->pixel, f->matrix,
                       f->turn);
    if (f->width < 1 || f->height < 1)
        return sg_fail(err, SEDGE_E_ARG, "frame: %d x %d pixels", f->width, f->height);
    bool bands = f->pixel >= SEDGE_PIXEL_BANDS_U8;
    if (bands && (f->bands < 1 || f->bands > SEDGE_BANDS_MAX))
        return sg_fail(err, SEDGE_E_ARG, "frame: %d bands, at most %d are possible", f->bands, SEDGE_BANDS_MAX);
    if (f->width % shared_x(f->pixel) || f->height % shared_y(f->pixel))
        return sg_fail(err, SEDGE_E_SHAPE, "frame: %d x %d pixels of %s: the sides must be even", f->width, f->height,
                       pixels[f->pixel].name);
    for (int k = 0; k < pixels[f->pixel].planes; k++)
        if (!f->plane[k])
            return sg_fail(err, SEDGE_E_ARG, "frame: plane %d of %s is missing", k, pixels[f->pixel].name);
    return SEDGE_OK;
}

sedge_status sedge_frame_raw(sedge_frame *out, int pixel, int width, int height, const void *data, size_t size, sedge_error *err)
{
    memset(out, 0, sizeof *out);
    if (pixel < 0 || pixel >= SEDGE_PIXEL_COUNT)
        return sg_fail(err, SEDGE_E_ARG, "frame: pixel format %d is not known", pixel);
    if (width < 1 || height < 1 || !data)
        return sg_fail(err, SEDGE_E_ARG, "frame: %d x %d pixels", width, height);
    sedge_frame f = {.pixel = (uint8_t)pixel, .turn = 1, .width = width, .height = height};
    size_t area = (size_t)width * (size_t)height, one = (size_t)sg_pixel_bytes(pixel, 1), need = area * (one ? one : 1);
    if (area > (SIZE_MAX / 64))
        return sg_fail(err, SEDGE_E_LIMIT, "frame: %d x %d pixels", width, height);
    if (pixel >= SEDGE_PIXEL_BANDS_U8) { /* as many bands as the bytes hold */
        size_t n = size / need;
        f.bands = n <= SEDGE_BANDS_MAX ? (uint8_t)n : 0;
        need *= n;
    }
    f.plane[0] = data;
    f.stride[0] = (int64_t)width * (one ? sg_pixel_bytes(pixel, f.bands) : 1);
    if (one == 0) {
        bool three = pixel == SEDGE_PIXEL_I420;
        f.plane[1] = (const uint8_t *)data + area;
        f.stride[1] = three ? width / 2 : width;
        f.plane[2] = three ? (const uint8_t *)data + area + area / 4 : NULL;
        f.stride[2] = three ? width / 2 : 0;
        need = area + area / 2;
    }
    SG_TRY(sg_frame_check(&f, err));
    if (size != need)
        return sg_fail(err, SEDGE_E_SHAPE, "frame: %zu bytes, %d x %d pixels of %s are %zu", size, width, height,
                       pixels[pixel].name, need);
    *out = f;
    return SEDGE_OK;
}

sedge_status sedge_frame_roi(sedge_frame *out, const sedge_frame *f, int x, int y, int w, int h, sedge_error *err)
{
    SG_TRY(sg_frame_check(f, err));
    if (x < 0 || y < 0 || w < 1 || h < 1 || w > f->width - x || h > f->height - y)
        return sg_fail(err, SEDGE_E_ARG, "frame: %d x %d pixels at (%d, %d) pass a frame of %d x %d", w, h, x, y, f->width,
                       f->height);
    if (x % shared_x(f->pixel) || y % shared_y(f->pixel) || w % shared_x(f->pixel) || h % shared_y(f->pixel))
        return sg_fail(err, SEDGE_E_ARG, "frame: %d x %d pixels at (%d, %d): must be even for %s", w, h, x, y,
                       pixels[f->pixel].name);
    sedge_frame part = *f;
    int one = sg_pixel_bytes(f->pixel, f->bands);
    part.width = w;
    part.height = h;
    part.plane[0] = (const uint8_t *)f->plane[0] + y * f->stride[0] + (int64_t)x * (one ? one : 1);
    for (int k = 1; k < pixels[f->pixel].planes; k++)
        part.plane[k] = (const uint8_t *)f->plane[k] + y / 2 * f->stride[k] + (f->pixel == SEDGE_PIXEL_I420 ? x / 2 : x);
    *out = part;
    return SEDGE_OK;
}
