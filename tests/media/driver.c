/* What the scripts beside it compare: a decoded picture, or a picture through one geometric step, as raw bytes on stdout.
 *   driver decode FILE                                            "pixel width height turn", then the pixels
 *   driver bench                                                  milliseconds of one pass over a frame on stdin
 *   driver color COLOR PIXEL W H                                  pixels on stdin (YUV: BT.601, limited); bytes [h, w, c] on stdout
 *   driver resize LIKE KERNEL ANTIALIAS PIXEL W H OUT_W OUT_H     pixels on stdin; f32 [h, w, 3] on stdout */
#include <stdbool.h>
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

static int resize(char **a)
{
    sedge_error err = {0};
    int like = sg_resize_like_find(a[0]), kernel = sg_resize_kernel_find(a[1]), pixel = sedge_pixel_find(a[3]);
    int w = atoi(a[4]), h = atoi(a[5]), ow = atoi(a[6]), oh = atoi(a[7]);
    if (like < 0 || kernel < 0 || pixel < 0)
        return 2;
    size_t room = (size_t)w * (size_t)h * 48, area = (size_t)ow * (size_t)oh * 3;
    void *in = malloc(room);
    float *out = malloc(area * sizeof *out);
    size_t n = fread(in, 1, room, stdin);
    sedge_frame f;
    if (sedge_frame_raw(&f, pixel, w, h, in, n, &err))
        return fail(&err);
    sg_geometry g = {.src = {0, 0, w, h}, .width = ow, .height = oh, .out_w = ow, .out_h = oh};
    g.kernel = (uint8_t)kernel;
    g.like = (uint8_t)like;
    g.antialias = atoi(a[2]) != 0;
    sg_sink sink = {.data = out, .dtype = SEDGE_F32, .channels_last = true, .channels = 3, .mul = {1, 1, 1}};
    if (f.bands)
        sink.channels = f.bands;
    sg_mem mem = {0};
    sg_image_work *work = sg_image_work_new(&mem);
    if (sg_image_run(work, &f, f.bands ? SG_COLOR_BANDS : SG_COLOR_RGB, &g, 1, &sink, &err))
        return fail(&err);
    fwrite(out, sizeof *out, area, stdout);
    sg_image_work_free(work);
    free(in);
    free(out);
    return 0;
}

static int color(char **a)
{
    sedge_error err = {0};
    bool gray = strcmp(a[0], "gray") == 0;
    int pixel = sedge_pixel_find(a[1]), w = atoi(a[2]), h = atoi(a[3]);
    size_t room = (size_t)w * (size_t)h * 8, area = (size_t)w * (size_t)h * (gray ? 1 : 3);
    uint8_t *in = malloc(room), *out = malloc(area);
    size_t n = fread(in, 1, room, stdin);
    sedge_frame f;
    if (sedge_frame_raw(&f, pixel, w, h, in, n, &err))
        return fail(&err);
    f.matrix = SEDGE_BT601_LIMITED;
    sg_sink sink = {.data = out, .dtype = SEDGE_U8, .channels_last = true, .channels = gray ? 1 : 3, .mul = {1, 1, 1}};
    sg_mem mem = {0};
    sg_image_work *work = sg_image_work_new(&mem);
    if (sg_image_run(work, &f, gray ? SG_COLOR_GRAY : SG_COLOR_RGB, NULL, 0, &sink, &err))
        return fail(&err);
    fwrite(out, 1, area, stdout);
    sg_image_work_free(work);
    free(in);
    free(out);
    return 0;
}

/* The least milliseconds of one pass, 1080p NV12 on stdin to 320 x 320 int8. */
static int bench(void)
{
    enum { W = 1920, H = 1080, TO = 320 };
    static uint8_t in[W * H * 3 / 2];
    static int8_t out[3 * TO * TO];
    sedge_error err = {0};
    sedge_frame f;
    sg_mem mem = {0};
    sg_image_work *work = sg_image_work_new(&mem);
    if (!work || fread(in, 1, sizeof in, stdin) != sizeof in || sedge_frame_raw(&f, SEDGE_PIXEL_NV12, W, H, in, sizeof in, &err))
        return fail(&err);
    f.matrix = SEDGE_BT601_LIMITED;
    sg_geometry g = {.src = {0, 0, W, H}, .width = TO, .height = TO, .out_w = TO, .out_h = TO};
    g.kernel = SG_BILINEAR;
    g.like = SG_OPENCV;
    sg_sink to = {.data = out, .dtype = SEDGE_I8, .channels = 3, .mul = {1, 1, 1}, .scale = 1, .zero = -128};
    double least = 1e9;
    for (int i = 0; i < 200; i++) {
        double t = sg_now();
        if (sg_image_run(work, &f, SG_COLOR_RGB, &g, 1, &to, &err))
            return fail(&err);
        t = sg_now() - t;
        least = t < least ? t : least;
    }
    printf("%.4f\n", least * 1e3);
    sg_image_work_free(work);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "bench") == 0)
        return bench();
    if (argc == 3 && strcmp(argv[1], "decode") == 0)
        return decode(argv[2]);
    if (argc == 6 && strcmp(argv[1], "color") == 0)
        return color(argv + 2);
    if (argc == 10 && strcmp(argv[1], "resize") == 0)
        return resize(argv + 2);
    return 2;
}
