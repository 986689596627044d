/* Tiles: a large picture in parts of one size that overlap, each answered by itself. They lie evenly, from edge to edge. */
#include <math.h>

#include "task/run.h"

#define TILES_MAX 4096

sedge_status sg_tiles_open(sedge_task *t, sg_err *err)
{
    for (size_t i = 0; i < json_array_size(t->steps); i++) {
        const json_t *f;
        if (sg_step_at(t->steps, i, &f) != SG_STEP_TILES)
            continue;
        if (i > 0)
            return sg_fail(err, SEDGE_E_FORMAT, "card: steps.%zu.tiles: must be the first step", i);
        t->tiles.fields = f;
    }
    return SEDGE_OK;
}

/* Tiles of `size` that cover `all` pixels, neighbours sharing `overlap` of their size at least. */
static double count(int all, int size, double overlap)
{
    return size >= all ? 1 : 1 + ceil((all - size) / fmax(1, floor(size * (1 - overlap))));
}

sedge_status sg_tiles_begin(sedge_task *t, int *n, sg_err *err)
{
    sg_tiles *s = &t->tiles;
    s->w = s->src_w;
    s->h = s->src_h;
    s->nx = s->ny = 1;
    if (s->fields) {
        int h = (int)sg_num_at(sg_get(s->fields, "size"), 0), w = (int)sg_num_at(sg_get(s->fields, "size"), 1);
        s->w = w < s->src_w ? w : s->src_w;
        s->h = h < s->src_h ? h : s->src_h;
        double nx = count(s->src_w, s->w, sg_num(s->fields, "overlap"));
        double ny = count(s->src_h, s->h, sg_num(s->fields, "overlap"));
        if (nx * ny > TILES_MAX)
            return sg_fail(err, SEDGE_E_LIMIT, "card: steps.0.tiles: %.0f tiles for a picture of %d x %d, at most %d", nx * ny,
                           s->src_w, s->src_h, TILES_MAX);
        s->nx = (int)nx;
        s->ny = (int)ny;
    }
    *n = s->nx * s->ny;
    return sg_keep_room(t, &s->place, (size_t)*n, sizeof(sg_place), err);
}

/* Even, so that formats with shared colours can be cut there. */
int sg_tile_place(int i, int n, int all, int size)
{
    return i + 1 == n ? all - size : (int)((int64_t)(all - size) * i / (n - 1) / 2 * 2);
}

/* The turns of EXIF as they swap axes and run against columns and rows. */
sedge_status sg_tiles_frame(const sedge_task *t, int i, sedge_frame *f, int *x, int *y, sg_err *err)
{
    const sg_tiles *s = &t->tiles;
    int turn = s->frame.turn, w = s->w, h = s->h;
    *x = sg_tile_place(i % s->nx, s->nx, s->src_w, w);
    *y = sg_tile_place(i / s->nx, s->ny, s->src_h, h);
    *f = s->frame;
    if (s->nx * s->ny == 1)
        return SEDGE_OK;
    bool swap = turn >= 5, back_x = turn == 2 || turn == 3 || turn == 7 || turn == 8,
         back_y = turn == 3 || turn == 4 || turn == 6 || turn == 7;
    int cx = swap ? *y : *x, cy = swap ? *x : *y, cw = swap ? h : w, ch = swap ? w : h;
    cx = back_x ? s->frame.width - cx - cw : cx;
    cy = back_y ? s->frame.height - cy - ch : cy;
    SG_TRY(sedge_frame_roi(f, &s->frame, cx, cy, cw, ch, err));
    f->turn = (uint8_t)turn;
    return SEDGE_OK;
}
