/* A picture as the answer: what the model drew, tiles put together; of a model of brightness alone, with the colours of the source. */
#include <math.h>

#include "task/run.h"

/* Pixels of the answer for one of a tile. */
static double growth(int map, int tile)
{
    return (double)map / tile;
}

static sedge_status only_resized(const sedge_task *t, sg_err *err)
{
    for (size_t i = 0; t->tiles.fields && i < json_array_size(t->steps); i++) {
        const json_t *f;
        sg_step_id s = sg_step_at(t->steps, i, &f);
        if (s == SG_STEP_LETTERBOX || s == SG_STEP_CROP || s == SG_STEP_PAD)
            return sg_fail(err, SEDGE_E_UNSUPPORTED,
                           "card: steps.%zu: tiles of a picture that is put together can only be resized", i);
    }
    return SEDGE_OK;
}

sedge_status sg_picture_open(sedge_task *t, sg_err *err)
{
    SG_TRY(only_resized(t, err));
    if (!sg_is(t->answer, "color", "luma"))
        return SEDGE_OK;
    if (!sg_is(t->input, "color", "gray"))
        return sg_fail(err, SEDGE_E_FORMAT, "card: answer.color: luma needs an input of color gray");
    t->tint = sg_image_work_new(&t->mem);
    return t->tint ? SEDGE_OK : sg_fail(err, SEDGE_E_NOMEM, "task: out of memory");
}

/* The first tile says how large the whole is. */
static sedge_status begin_whole(sedge_task *t, const sg_maps *m, sg_err *err)
{
    const sg_tiles *s = &t->tiles;
    double w = floor(s->src_w * growth(m->w, s->w) + 0.5), h = floor(s->src_h * growth(m->h, s->h) + 0.5);
    bool one = s->nx * s->ny == 1;
    t->maps = *m;
    if (!one && w * h > 1 << 28)
        return sg_fail(err, SEDGE_E_LIMIT, "card: answer.out: a picture of %.0f x %.0f", w, h);
    t->picture = (sedge_frame){.width = one ? m->w : (int32_t)w, .height = one ? m->h : (int32_t)h};
    size_t n = (size_t)t->picture.width * (size_t)t->picture.height * (size_t)m->n;
    SG_TRY(sg_keep_room(t, &t->vector, n, sizeof(float), err));
    memset(t->vector.p, 0, n * sizeof(float));
    return SEDGE_OK;
}

/* Sums of what the tiles say of each pixel, map after map. */
sedge_status sg_picture_take(sedge_task *t, int run, sg_err *err)
{
    bool colored = sg_is(t->answer, "color", "rgb") || sg_is(t->answer, "color", "bgr");
    sg_maps m;
    sedge_frame f;
    int x, y;
    SG_TRY(sg_load_maps(t, sg_get(t->answer, "out"), sg_text(t->answer, "axes"), &t->scores, &m, err));
    if (m.n != (colored ? 3 : 1))
        return sg_fail(err, SEDGE_E_SHAPE, "card: answer.color: the output has %d channels, %s has %d", m.n,
                       sg_text(t->answer, "color"), colored ? 3 : 1);
    if (run == 0)
        SG_TRY(begin_whole(t, &m, err));
    else if (m.w != t->maps.w || m.h != t->maps.h)
        return sg_fail(err, SEDGE_E_SHAPE, "card: answer.out: the pictures of two tiles are not of one size");
    SG_TRY(sg_tiles_frame(t, run, &f, &x, &y, err));
    size_t w = (size_t)t->picture.width, h = (size_t)t->picture.height;
    size_t left = (size_t)floor(x * growth(m.w, t->tiles.w) + 0.5), top = (size_t)floor(y * growth(m.h, t->tiles.h) + 0.5);
    for (size_t c = 0; c < (size_t)m.n; c++)
        for (size_t j = 0; j < (size_t)m.h && top + j < h; j++) {
            float *to = (float *)t->vector.p + (c * h + top + j) * w;
            const float *from = m.v + c * m.map_step + j * (size_t)m.w * m.pixel_step;
            for (size_t i = 0; i < (size_t)m.w && left + i < w; i++)
                to[left + i] += from[i * m.pixel_step];
        }
    return SEDGE_OK;
}

/* How many tiles stand over each of n columns or rows. */
static void count_tiles(float *count, size_t n, int tiles, int all, int size, int map)
{
    memset(count, 0, n * sizeof *count);
    for (int i = 0; i < tiles; i++) {
        size_t first = (size_t)floor(sg_tile_place(i, tiles, all, size) * growth(map, size) + 0.5);
        for (size_t k = first; k < n && k < first + (size_t)map; k++)
            count[k]++;
    }
}

static uint8_t to_byte(double v)
{
    return !(v > 0) ? 0 : v >= 255 ? 255 : (uint8_t)(v + 0.5);
}

/* Another brightness for a pixel, whose colour stays (ITU-T T.871). */
static void shine(uint8_t rgb[3], double y)
{
    double was = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];
    for (int k = 0; k < 3; k++)
        rgb[k] = to_byte(rgb[k] - was + y);
}

sedge_status sg_picture_give(sedge_task *t, sedge_answers *out, sg_err *err)
{
    const sg_tiles *s = &t->tiles;
    sedge_frame *p = &t->picture;
    size_t w = (size_t)p->width, h = (size_t)p->height;
    bool gray = sg_is(t->answer, "color", "gray"), luma = t->tint != NULL, swap = sg_is(t->answer, "color", "bgr");
    size_t channels = gray ? 1 : 3;
    double scale = sg_num(t->answer, "scale"), offset = sg_num(t->answer, "offset");
    SG_TRY(sg_keep_room(t, &t->mask, w * h * channels, 1, err));
    SG_TRY(sg_keep_room(t, &t->norm, w + h, sizeof(float), err));
    uint8_t *d = t->mask.p;
    float *nx = t->norm.p, *ny = nx + w;
    count_tiles(nx, w, s->nx, s->src_w, s->w, t->maps.w);
    count_tiles(ny, h, s->ny, s->src_h, s->h, t->maps.h);
    if (luma)
        SG_TRY(sg_image_colors(t, (int32_t)w, (int32_t)h, d, err));
    for (size_t y = 0; y < h; y++)
        for (size_t x = 0; x < w; x++, d += channels)
            for (size_t c = 0; c < (size_t)t->maps.n; c++) {
                float v = ((const float *)t->vector.p)[(c * h + y) * w + x];
                double pixel = (double)v / fmax((double)nx[x] * (double)ny[y], 1) * scale + offset;
                if (luma)
                    shine(d, pixel);
                else
                    d[swap ? 2 - c : c] = to_byte(pixel);
            }
    p->pixel = gray ? SEDGE_PIXEL_GRAY8 : SEDGE_PIXEL_RGB8;
    p->plane[0] = t->mask.p;
    p->stride[0] = (int64_t)(w * channels);
    out->picture = p;
    return SEDGE_OK;
}
