/* One pass from a frame to a tensor: colour, crop, resize, pad, scale, type and order of axes. */
#ifndef SG_MEDIA_IMAGE_H
#define SG_MEDIA_IMAGE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/mem.h"
#include "sedge/media.h"

/* KERNEL(id, name), LIKE(id, name): resize.def. What a resize is compared with decides how sample positions, borders and
 * rounding are done; see axis.c. */
typedef enum sg_resize_kernel {
#define KERNEL(id, name) SG_##id,
#include "media/resize.def"
#undef KERNEL
} sg_resize_kernel;
typedef enum sg_resize_like {
#define LIKE(id, name) SG_##id,
#include "media/resize.def"
#undef LIKE
} sg_resize_like;
/* By name ("bilinear", "pillow"); -1: unknown. */
int sg_resize_kernel_find(const char *name);
int sg_resize_like_find(const char *name);

typedef enum sg_color { SG_COLOR_RGB, SG_COLOR_BGR, SG_COLOR_GRAY, SG_COLOR_RGBA, SG_COLOR_BANDS } sg_color;

typedef struct sg_rect {
    int32_t x, y, w, h;
} sg_rect;

/* A geometric step: crop `src` of the picture before it, resize that to width x height, and put it at (x, y) of a picture of
 * out_w x out_h whose rest is `fill` (pixel values). Crop alone, pad alone, letterbox, centre crop: all are this. */
typedef struct sg_geometry {
    sg_rect src;
    int32_t width, height; /* equal to src: no resize */
    uint8_t kernel, like;  /* sg_resize_kernel, sg_resize_like */
    bool antialias;        /* torch: as its argument says; others: by nature */
    int32_t x, y;          /* may be negative: the resized picture is cropped */
    int32_t out_w, out_h;
    float fill[SEDGE_BANDS_MAX];
} sg_geometry;

/* Where the numbers go: value = pixel * mul + add per channel (pixel: 0..255 for 8 bits, 0..65535 / 257 for 16; bands as they are), then
 * quantized by scale and zero when the type is an integer and scale > 0 (rounded and clamped when scale is 0). */
typedef struct sg_sink {
    void *data;
    uint8_t dtype; /* sg_dtype: F32, F16, U8, I8, U16, I16 */
    bool channels_last; /* [h, w, c] or [c, h, w] */
    uint8_t channels;
    float mul[SEDGE_BANDS_MAX], add[SEDGE_BANDS_MAX];
    double scale;
    int32_t zero;
} sg_sink;

/* Tables and rows that are kept between pictures. */
typedef struct sg_image_work sg_image_work;
sg_image_work *sg_image_work_new(sg_mem *mem);
void sg_image_work_free(sg_image_work *w);

/* The upright frame (after its turn) in `color`, through n steps, into the sink ([out_h, out_w] of the last step, or the frame's own
 * size). Equal sizes and steps as last time: allocates nothing. Steps between the first and the last keep whole pixel values
 * (8 bits) when `like` works on bytes (pillow, opencv), reals otherwise. */
sedge_status sg_image_run(sg_image_work *w, const sedge_frame *f, sg_color color, const sg_geometry *step, int n,
                          const sg_sink *out, sg_err *err);
/* Refuses frames that are not described well. */
sedge_status sg_frame_check(const sedge_frame *f, sg_err *err);
/* Size of a frame after its turn. */
void sg_frame_upright(const sedge_frame *f, int32_t *width, int32_t *height);

#endif
