/* Boxes relative to priors: SSD before its decoding (Liu et al. 2016), BlazeFace (Bazarevsky et al. 2019). */
#include <math.h>

#include "import/data/data.h"
#include "task/run.h"

#include "tensor/dtype.h"

#define PRIORS_MAX ((size_t)1 << 20)

/* n priors of size 1 in the middle of each cell. */
static sedge_status from_grids(sedge_task *t, const json_t *grids, sg_err *err)
{
    size_t n = 0;
    for (size_t g = 0; g < json_array_size(grids); g++) {
        const json_t *grid = json_array_get(grids, g);
        n += (size_t)sg_num_at(grid, 0) * (size_t)sg_num_at(grid, 1) * (size_t)sg_num_at(grid, 2);
        if (n > PRIORS_MAX)
            return sg_fail(err, SEDGE_E_LIMIT, "card: answer.priors.grids: more than %zu priors", PRIORS_MAX);
    }
    SG_TRY(sg_keep_room(t, &t->priors, n * 4, sizeof(float), err));
    float *p = t->priors.p;
    for (size_t g = 0; g < json_array_size(grids); g++) {
        const json_t *grid = json_array_get(grids, g);
        int h = (int)sg_num_at(grid, 0), w = (int)sg_num_at(grid, 1), each = (int)sg_num_at(grid, 2);
        for (int64_t i = 0; i < (int64_t)h * w * each; i++, p += 4) {
            p[0] = ((float)(i / each % w) + 0.5f) / (float)w;
            p[1] = ((float)(i / each / w) + 0.5f) / (float)h;
            p[2] = p[3] = 1;
        }
    }
    t->n_prior = n;
    return SEDGE_OK;
}

static sedge_status from_file(sedge_task *t, const char *file, sg_err *err)
{
    sg_map map;
    SG_TRY(sg_card_map(&t->card, file, PRIORS_MAX * 36, &map, err));
    sg_data d;
    sedge_status st = sg_npy_read(&t->card.arena, map.data, map.size, &d, err);
    bool good = st == SEDGE_OK && d.t.kind == SEDGE_TENSOR && sg_is_float((sg_dtype)d.t.dtype) && d.t.rank == 2 &&
                d.t.dim[0] > 0 && d.t.dim[0] <= (int64_t)PRIORS_MAX && d.t.dim[1] == 4;
    if (st == SEDGE_OK && !good)
        st = sg_fail(err, SEDGE_E_SHAPE, "card: answer.priors.file: %s is no table [n, 4] of real numbers", file);
    if (good && (st = sg_keep_room(t, &t->priors, (size_t)d.t.dim[0] * 4, sizeof(float), err)) == SEDGE_OK) {
        t->n_prior = (size_t)d.t.dim[0];
        for (size_t i = 0; i < t->n_prior * 4; i++)
            ((float *)t->priors.p)[i] = (float)sg_load_f64((sg_dtype)d.t.dtype, d.t.data, i);
    }
    sg_map_close(&map);
    return st;
}

sedge_status sg_priors_open(sedge_task *t, sg_err *err)
{
    const json_t *f = sg_get(t->answer, "priors"), *grids = sg_get(f, "grids");
    const char *file = sg_text(f, "file");
    if (!grids == !file)
        return sg_fail(err, SEDGE_E_FORMAT, "card: answer.priors needs one of file and grids");
    return grids ? from_grids(t, grids, err) : from_file(t, file, err);
}

/* All outputs of a list, of `per` numbers a prior, which are found out. */
static sedge_status join(sedge_task *t, const json_t *refs, const char *what, sg_keep *keep, size_t *per, sg_err *err)
{
    size_t all;
    SG_TRY(sg_join(t, refs, keep, &all, err));
    *per = all / t->n_prior;
    if (*per == 0 || all % t->n_prior)
        return sg_fail(err, SEDGE_E_SHAPE, "card: answer.%s: %zu numbers for %zu priors", what, all, t->n_prior);
    return SEDGE_OK;
}

typedef struct coder {
    const float *prior, *loc;
    size_t per, points_at, dims;
    double scale[4];
    int w, h, first; /* first: index of the centre's x */
    bool exp;
} coder;

/* Centre and size, parts of the input. */
static void decode(const coder *c, size_t i, float b[4])
{
    const float *p = c->prior + 4 * i, *v = c->loc + c->per * i;
    double l[4];
    for (int k = 0; k < 4; k++)
        l[k] = (double)v[c->first ? k ^ 1 : k] / c->scale[c->first ? k ^ 1 : k];
    b[0] = (float)(l[0] * (double)p[2] + (double)p[0]);
    b[1] = (float)(l[1] * (double)p[3] + (double)p[1]);
    b[2] = (float)((c->exp ? exp(l[2]) : l[2]) * (double)p[2]);
    b[3] = (float)((c->exp ? exp(l[3]) : l[3]) * (double)p[3]);
}

static void point(const void *ctx, int row, int k, double v[3])
{
    const coder *c = ctx;
    const float *p = c->prior + 4 * (size_t)row, *l = c->loc + c->per * (size_t)row + c->points_at + (size_t)k * c->dims;
    v[0] = ((double)l[c->first ? 1 : 0] / c->scale[c->first ? 1 : 0] * (double)p[2] + (double)p[0]) * c->w;
    v[1] = ((double)l[c->first ? 0 : 1] / c->scale[c->first ? 0 : 1] * (double)p[3] + (double)p[1]) * c->h;
    if (c->dims == 3)
        v[2] = (double)l[2];
}

static sedge_status score_all(sedge_task *t, const coder *c, const float *s, size_t classes, sg_err *err)
{
    const json_t *f = sg_get(t->answer, "scores"), *bg = sg_get(f, "background");
    double least = sg_num(sg_get(t->answer, "nms"), "score"), power = sg_num(f, "power");
    for (size_t i = 0; i < t->n_prior; i++)
        for (size_t j = 0; j < classes; j++) {
            double v = sg_raise((double)s[i * classes + j], power);
            if (!(v >= least) || (bg && json_integer_value(bg) == (json_int_t)j))
                continue;
            float b[4];
            decode(c, i, b);
            SG_TRY(sg_found_add(t, b, "cxcywh", true, (float)v, sg_label_of(t, (int64_t)j), (int)i, err));
        }
    return SEDGE_OK;
}

sedge_status sg_priors_take(sedge_task *t, int run, sg_err *err)
{
    (void)run;
    const json_t *code = sg_get(t->answer, "code"), *f = sg_get(t->answer, "scores"), *points = sg_get(t->answer, "points");
    size_t classes;
    int n_point = 0;
    coder c = {.prior = t->priors.p,
               .w = t->place.w,
               .h = t->place.h,
               .first = sg_is(code, "form", "yxhw"),
               .exp = sg_flag(code, "exp"),
               .dims = (size_t)sg_int(points, "dims")};
    if (sg_num_count(sg_get(code, "scale")) != 4 && json_is_array(sg_get(code, "scale")))
        return sg_fail(err, SEDGE_E_FORMAT, "card: answer.code.scale must be one number or four");
    for (size_t k = 0; k < 4; k++)
        c.scale[k] = sg_num_at(sg_get(code, "scale"), k);
    SG_TRY(join(t, sg_get(sg_get(t->answer, "loc"), "out"), "loc", &t->other, &c.per, err));
    SG_TRY(join(t, sg_get(f, "out"), "scores", &t->scores, &classes, err));
    c.loc = t->other.p;
    if (c.per < 4)
        return sg_fail(err, SEDGE_E_SHAPE, "card: answer.loc: %zu numbers a prior, a box needs 4", c.per);
    if (t->label && !t->id_label && (size_t)(t->n_label + t->first) != classes)
        return sg_fail(err, SEDGE_E_SHAPE, "card: labels: %d labels from class %d on, the output has %zu classes", t->n_label,
                       t->first, classes);
    if (points)
        SG_TRY(sg_points_span(t, c.per, &c.points_at, &n_point, err));
    sg_activate(t->scores.p, t->n_prior * classes, sg_text(f, "act"), classes);
    int first = t->n_found;
    SG_TRY(score_all(t, &c, t->scores.p, classes, err));
    return points ? sg_row_points(t, first, n_point, point, &c, err) : SEDGE_OK;
}
