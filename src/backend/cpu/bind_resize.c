/* Binding of resizing images by nearest and linear samples, in both orders of memory: tables of samples are made for a run, rows
 * of the result are shared out. */
#include "backend/cpu/bind.h"
#include "base/threads.h"
#include "kernel/resize/resize.h"
#include "op/resize.h"
#include "tensor/layout.h"

typedef struct job {
    const sg_resize_f32_table *table; /* NULL: nearest */
    const char *x;
    char *y;
    int64_t h, w, oh, ow, pixel; /* pixel: bytes */
    int64_t rows, step, parts;   /* of all images; of a part */
    sg_resize_axis v, u;         /* rows, columns */
    float *line;                 /* a row of the input for each part */
} job;

/* Bytes of a part: about what waking a thread is worth; PARTS at most, each with a row of scratch. */
enum { PART = 65536, PARTS = 64 };

static void shape(const sg_exec *x, job *j)
{
    const sg_tensor *in = x->in[0], *out = x->out[0];
    bool last = in->layout == SG_LAYOUT_LAST || out->layout == SG_LAYOUT_LAST; /* one position has both orders */
    int n = in->rank - 1;
    j->pixel = (last ? in->dim[1] : 1) * (int64_t)(sg_dtypes[in->dtype].bits / 8);
    j->h = in->rank == 4 ? in->dim[2] : 1;
    j->oh = in->rank == 4 ? out->dim[2] : 1;
    j->w = in->dim[n];
    j->ow = out->dim[n];
    j->rows = in->dim[0] * (last ? 1 : in->dim[1]) * j->oh;
    int64_t row = (j->ow * j->pixel) | 1, most = (j->rows + PARTS - 1) / PARTS;
    j->step = PART / row + 1 > most ? PART / row + 1 : most;
    j->parts = (j->rows + j->step - 1) / j->step;
}

static bool scratch(const sg_exec *x, size_t *bytes)
{
    job j = {.x = NULL};
    const sg_tensor *in = x->in[0], *out = x->out[0];
    if (out->rank != in->rank || sg_numel(out) == 0 || sg_numel(in) == 0)
        return false;
    shape(x, &j);
    if (j.w > INT32_MAX / 2 || j.h > INT32_MAX / 2)
        return false;
    *bytes = (size_t)(j.oh + j.ow) * 12 + (size_t)(j.parts * j.w * j.pixel);
    return true;
}

/* The samples of an axis, in room that it moves on over. */
static sg_resize_axis samples(const sg_axis_map *m, bool active, int64_t n, char **room)
{
    int32_t *a = (int32_t *)(void *)*room, *b = a + n;
    float *w = (float *)(void *)(b + n);
    int64_t at[2], taps = m->mode == SG_RESIZE_NEAREST ? 1 : 2;
    double weight[2];
    *room += n * 12;
    for (int64_t o = 0; o < n; o++) {
        at[0] = at[1] = o;
        weight[1] = 0;
        if (active)
            sg_axis_sample(m, o, taps, at, weight);
        a[o] = (int32_t)at[0];
        b[o] = (int32_t)(taps == 1 ? at[0] : at[1]);
        w[o] = taps == 1 ? 0 : (float)weight[1];
    }
    return (sg_resize_axis){a, b, w};
}

static void linear_row(const job *j, const char *image, int64_t oy, float *line, char *y)
{
    int64_t c = j->pixel / 4, n = j->w * c;
    const float *a = (const float *)(const void *)image + j->v.a[oy] * n,
                *b = (const float *)(const void *)image + j->v.b[oy] * n;
    float w = j->v.w[oy];
    if (w != 0 && w != 1) {
        j->table->rows(a, b, w, n, line);
        a = line;
    } else if (w == 1) {
        a = b;
    }
    j->table->cols(a, &j->u, j->ow, c, (float *)(void *)y);
}

static void run_part(void *ctx, int64_t i)
{
    const job *j = ctx;
    int64_t end = (i + 1) * j->step < j->rows ? (i + 1) * j->step : j->rows, bytes = j->ow * j->pixel;
    float *line = j->line + i * j->w * (j->pixel / 4);
    for (int64_t row = i * j->step; row < end; row++) {
        int64_t oy = row % j->oh;
        const char *image = j->x + row / j->oh * j->h * j->w * j->pixel;
        if (j->table)
            linear_row(j, image, oy, line, j->y + row * bytes);
        else
            sg_resize_copy(image + j->v.a[oy] * j->w * j->pixel, j->u.a, j->ow, j->pixel, j->y + row * bytes);
    }
}

static sedge_status run(sg_exec *x)
{
    job j = {.table = x->packed, .x = x->in[0]->data, .y = x->out[0]->data};
    sg_resize r;
    SG_TRY(sg_resize_read(x, &r));
    if (r.active[0] || r.active[1])
        return sg_op_ref(x);
    int last = r.rank - 1;
    char *room = x->scratch;
    shape(x, &j);
    j.v = samples(&r.map[2], r.rank == 4 && r.active[2], j.oh, &room);
    j.u = samples(&r.map[last], r.active[last], j.ow, &room);
    j.line = (float *)(void *)room;
    sg_parallel(x->threads, j.parts, run_part, &j);
    return SEDGE_OK;
}

bool sg_cpu_bind_resize(sg_plan *p, sg_step *s)
{
    const sg_slot *x = sg_step_slot(p, s, 0);
    int64_t mode = sg_get_int(s->attrs, SG_A_mode);
    bool nearest = mode == SG_RESIZE_NEAREST;
    unsigned bits = x ? sg_dtypes[x->type.dtype].bits : 0;
    if (!x || (x->type.rank != 3 && x->type.rank != 4) || mode == SG_RESIZE_CUBIC || sg_get_int(s->attrs, SG_A_antialias) ||
        sg_get_int(s->attrs, SG_A_exclude_outside) ||
        sg_get_int(s->attrs, SG_A_coordinate_transformation_mode) == SG_COORD_TF_CROP ||
        (nearest ? bits != 8 && bits != 32 : x->type.dtype != SG_F32))
        return false;
    s->packed = nearest ? NULL : sg_resize_f32_of(p->cpu);
    s->kernel = (sg_kernel){.name = nearest ? "resize_nearest" : "resize_f32", .run = run, .scratch = scratch};
    return true;
}
