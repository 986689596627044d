/* What the scripts beside it compare: a decoded picture, or a picture through one geometric step, as raw bytes on stdout.
 *   driver decode FILE                                            "pixel width height turn", then the pixels
 *   driver resize LIKE KERNEL ANTIALIAS PIXEL W H OUT_W OUT_H     pixels on stdin; f32 [h, w, 3] on stdout */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "media/decode.h"
#include "media/image.h"

static int fail(const sedge_error *err)
{
    fprintf(stderr, "%s\n", err->msg);
    return 1;
}

static int decode(const char *path)
{
    sedge_error err = {0};
    sg_map map;
    sedge_image *im;
    sedge_frame f;
    if (sg_map_open(&map, path, &err) || sedge_image_new(&im, NULL, &err) || sedge_image_decode(im, map.data, map.size, &f, &err))
        return fail(&err);
    printf("%d %d %d %d\n", f.pixel, f.width, f.height, f.turn);
    for (int32_t y = 0; y < f.height; y++)
        fwrite((const char *)f.plane[0] + y * f.stride[0], 1, (size_t)f.stride[0], stdout);
    sedge_image_free(&im);
    sg_map_close(&map);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "decode") == 0)
        return decode(argv[2]);
    return 2;
}
