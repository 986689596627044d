/* Fuzzes the decoders of pictures and the pass from a frame to a tensor: the first 32 bytes choose its steps, the rest is a file, or the
 * pixels of a raw frame. */
#include <stdlib.h>
#include <string.h>

#include "media/image.h"

#define HEAD 32

static int32_t side(uint8_t v, int32_t most)
{
    return 1 + v % most;
}

static void choose(sg_geometry *g, const uint8_t *p, int32_t w, int32_t h)
{
    memset(g, 0, sizeof *g);
    g->src.x = p[0] % w;
    g->src.y = p[1] % h;
    g->src.w = side(p[2], w - g->src.x);
    g->src.h = side(p[3], h - g->src.y);
    g->width = p[4] & 1 ? g->src.w : side(p[4], 200);
    g->height = p[5] & 1 ? g->src.h : side(p[5], 200);
    g->kernel = p[6] % 8;
    g->like = p[6] / 8 % 5;
    g->antialias = p[6] & 0x80;
    g->x = (int8_t)p[7];
    g->y = (int8_t)p[8];
    g->out_w = side(p[9], 200);
    g->out_h = side(p[10], 200);
    for (int k = 0; k < SEDGE_BANDS_MAX; k++)
        g->fill[k] = (float)p[11] / (p[6] & 1 ? 2.0f : 1.0f);
}

static void run(const sedge_frame *f, const uint8_t *p)
{
    int32_t w, h;
    sg_frame_upright(f, &w, &h);
    sg_geometry g[2];
    int n = p[0] % 3;
    choose(&g[0], p + 4, w, h);
    choose(&g[1], p + 18, g[0].out_w, g[0].out_h);
    int32_t ow = n ? g[n - 1].out_w : w, oh = n ? g[n - 1].out_h : h;
    if ((int64_t)ow * oh > 1 << 20)
        return;
    static const uint8_t channels[5] = {3, 3, 1, 4, 0};
    static const uint8_t types[7] = {SEDGE_F32, SEDGE_F16, SEDGE_U8, SEDGE_I8, SEDGE_U16, SEDGE_I16, SEDGE_I64};
    sg_color color = (sg_color)(p[1] % 5);
    sg_sink to = {
        .dtype = types[p[2] % 7], .channels_last = p[3] & 1, .channels = color == SG_COLOR_BANDS ? f->bands : channels[color]};
    for (int k = 0; k < SEDGE_BANDS_MAX; k++)
        to.mul[k] = (float)p[3];
    to.scale = p[3] & 2 ? 0.5 : 0;
    to.data = malloc((size_t)ow * (size_t)oh * 12 * 4);
    sg_mem mem = {.limit = 64 << 20};
    sg_image_work *work = sg_image_work_new(&mem);
    sg_err err = {0};
    for (int twice = 0; to.data && work && twice < 2; twice++) {
        uint64_t calls = mem.calls;
        sedge_status st = sg_image_run(work, f, color, g, n, &to, &err);
        if ((st != SEDGE_OK && !err.msg[0]) || (st == SEDGE_OK && twice && mem.calls != calls))
            abort();
    }
    sg_image_work_free(work);
    free(to.data);
    if (mem.used)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size <= HEAD)
        return 0;
    sedge_media_opts opts;
    sedge_media_opts_init(&opts);
    opts.memory_limit = 16 << 20;
    sedge_image *im;
    sedge_frame f;
    sg_err err = {0};
    if (sedge_image_new(&im, &opts, &err) != SEDGE_OK)
        abort();
    sedge_status st;
    if (sedge_image_format(bytes + HEAD, size - HEAD))
        st = sedge_image_decode(im, bytes + HEAD, size - HEAD, &f, &err);
    else
        st = sedge_frame_raw(&f, bytes[31] % SEDGE_PIXEL_COUNT, bytes[30], bytes[29], bytes + HEAD, size - HEAD, &err);
    if (st == SEDGE_OK) {
        if (!sedge_image_format(bytes + HEAD, size - HEAD)) {
            f.turn = bytes[28] % 9;
            f.matrix = bytes[27] % 4;
        }
        run(&f, bytes);
    } else if (!err.msg[0]) {
        abort();
    }
    sedge_image_free(&im);
    return 0;
}
