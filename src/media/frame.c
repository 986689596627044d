/* Frames: pictures in memory that somebody else owns. */
#include <string.h>

#include "base/err.h"
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
