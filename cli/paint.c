/* Answers drawn on the picture that they are about: boxes, points, masks, labels that can be read on any ground. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#include "media/image.h"
#include "sedge/task.h"

typedef struct canvas {
    uint8_t *rgb;
    int w, h, scale; /* scale: dots of a pen and of a glyph's dot */
} canvas;

static const uint8_t glyphs[95][5] = {
#define GLYPH(a, b, c, d, e) {a, b, c, d, e},
#include "font.def"
#undef GLYPH
};

/* A colour for each label, far from its neighbours: hues by the golden angle. */
static void color_of(int label, uint8_t rgb[3])
{
    double hue = (label < 0 ? 0 : label) * 0.61803398875;
    hue -= (double)(int)hue;
    for (int k = 0; k < 3; k++) {
        double t = hue + (k == 0 ? 1.0 / 3 : k == 1 ? 0 : -1.0 / 3);
        t -= t >= 1 ? 1 : t < 0 ? -1 : 0;
        double v = t < 1.0 / 6 ? 6 * t : t < 0.5 ? 1 : t < 2.0 / 3 ? (2.0 / 3 - t) * 6 : 0;
        rgb[k] = (uint8_t)(60 + 195 * v);
    }
}

static void fill(canvas *c, int x0, int y0, int x1, int y1, const uint8_t rgb[3])
{
    x0 = x0 < 0 ? 0 : x0;
    y0 = y0 < 0 ? 0 : y0;
    x1 = x1 > c->w ? c->w : x1;
    y1 = y1 > c->h ? c->h : y1;
    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++)
            memcpy(c->rgb + 3 * ((size_t)y * (size_t)c->w + (size_t)x), rgb, 3);
}

static void frame_box(canvas *c, const int b[4], int pen, const uint8_t rgb[3])
{
    fill(c, b[0], b[1], b[2], b[1] + pen, rgb);
    fill(c, b[0], b[3] - pen, b[2], b[3], rgb);
    fill(c, b[0], b[1], b[0] + pen, b[3], rgb);
    fill(c, b[2] - pen, b[1], b[2], b[3], rgb);
}

/* Dark or light letters on a ground of the label's colour, inside the picture. */
static void put_label(canvas *c, int x, int y, const char *text, const uint8_t ground[3])
{
    static const uint8_t dark[3] = {0, 0, 0}, light[3] = {255, 255, 255};
    int s = c->scale, n = (int)strlen(text), w = (6 * n + 1) * s, h = 9 * s;
    const uint8_t *ink = 299 * ground[0] + 587 * ground[1] + 114 * ground[2] > 128000 ? dark : light;
    x = x + w > c->w ? c->w - w : x;
    x = x < 0 ? 0 : x;
    y = y < 0 ? 0 : y + h > c->h ? c->h - h : y;
    fill(c, x, y, x + w, y + h, ground);
    for (int i = 0; i < n; i++) {
        unsigned char ch = (unsigned char)text[i];
        const uint8_t *g = glyphs[ch < 32 || ch > 126 ? '?' - 32 : ch - 32];
        for (int col = 0; col < 5; col++)
            for (int row = 0; row < 7; row++)
                if (g[col] >> row & 1)
                    fill(c, x + (6 * i + 1 + col) * s, y + (1 + row) * s, x + (6 * i + 2 + col) * s, y + (2 + row) * s, ink);
    }
}

static void put_mask(canvas *c, const sedge_answers *s)
{
    for (int y = 0; y < c->h && s->mask_h; y++)
        for (int x = 0; x < c->w; x++) {
            int label =
                s->mask[(size_t)(y * (int64_t)s->mask_h / c->h) * (size_t)s->mask_w + (size_t)(x * (int64_t)s->mask_w / c->w)];
            uint8_t rgb[3], *p = c->rgb + 3 * ((size_t)y * (size_t)c->w + (size_t)x);
            if (!label) /* background */
                continue;
            color_of(label, rgb);
            for (int k = 0; k < 3; k++)
                p[k] = (uint8_t)((p[k] + rgb[k]) / 2);
        }
}

static void put_answer(canvas *c, const sedge_answer *w, int nth)
{
    static const uint8_t black[3] = {0, 0, 0};
    uint8_t rgb[3];
    char text[64];
    int s = c->scale, b[4], outer[4];
    bool boxed = w->box[2] > w->box[0];
    for (int k = 0; k < 4; k++) {
        b[k] = (int)(w->box[k] < -1e6f ? -1e6f : w->box[k] > 1e6f ? 1e6f : w->box[k]);
        outer[k] = b[k] + (k < 2 ? -1 : 1);
    }
    color_of(w->label, rgb);
    if (boxed) {
        frame_box(c, outer, 2 * s + 2, black);
        frame_box(c, b, 2 * s, rgb);
    }
    for (int k = 0; k < w->n_point; k++) {
        int x = (int)w->point[k].x, y = (int)w->point[k].y;
        fill(c, x - 2 * s - 1, y - 2 * s - 1, x + 2 * s + 1, y + 2 * s + 1, black);
        fill(c, x - 2 * s, y - 2 * s, x + 2 * s, y + 2 * s, rgb);
    }
    if (!w->text && w->label < 0)
        return;
    if (w->text)
        snprintf(text, sizeof text, "%.40s %.0f%%", w->text, 100 * (double)w->score);
    else
        snprintf(text, sizeof text, "%d %.0f%%", w->label, 100 * (double)w->score);
    put_label(c, boxed ? b[0] : 2, boxed ? b[1] - 9 * s : 2 + nth * 10 * s, text, rgb);
}

static sedge_status to_rgb(const sedge_frame *f, canvas *c, sg_err *err)
{
    sg_mem mem = {0};
    sg_image_work *w = sg_image_work_new(&mem);
    sg_sink sink = {.data = c->rgb, .dtype = SG_U8, .channels_last = true, .channels = 3, .mul = {1, 1, 1}};
    sedge_status st = w ? sg_image_run(w, f, SG_COLOR_RGB, NULL, 0, &sink, err) : sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    sg_image_work_free(w);
    return st;
}

sedge_status paint_answers(const sedge_frame *f, const sedge_answers *s, const char *path, sedge_error *err)
{
    canvas c = {0};
    sg_frame_upright(f, &c.w, &c.h);
    c.scale = 1 + (c.w < c.h ? c.w : c.h) / 400;
    c.rgb = malloc(3 * (size_t)c.w * (size_t)c.h);
    if (!c.rgb)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    sedge_status st = to_rgb(f, &c, err);
    if (st == SEDGE_OK) {
        sedge_frame out = {
            .pixel = SEDGE_PIXEL_RGB8, .width = c.w, .height = c.h, .plane = {c.rgb}, .stride = {3 * (int64_t)c.w}};
        if (s->mask)
            put_mask(&c, s);
        for (int k = s->n - 1; k >= 0; k--) /* the best on top */
            if (s->answer[k].box[2] > s->answer[k].box[0] || s->answer[k].n_point || k < 5)
                put_answer(&c, &s->answer[k], k);
        st = sedge_image_save_png(&out, path, err);
    }
    free(c.rgb);
    return st;
}
