/* Non-maximum suppression: the best boxes that overlap no better one by more than a threshold. */
#include <math.h>
#include <string.h>

#include "op/wide.h"

sedge_status sg_infer_non_max_suppression(sg_infer *c)
{
    const sg_type *b = c->in[0], *s = c->in[1];
    SG_TRY(sg_want_float(c, 0));
    SG_TRY(sg_want_float(c, 1));
    if ((b->rank >= 0 && (b->rank != 3 || !sg_d_equal(c, b->dim[2], 4))) || (s->rank >= 0 && s->rank != 3))
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "boxes must be [batch, boxes, 4] and scores [batch, classes, boxes]");
    c->out[0].dtype = SG_I64;
    c->out[0].rank = 2;
    c->out[0].dim[0] = sg_d_fresh(c);
    c->out[0].dim[1] = 3;
    return SEDGE_OK;
}

/* A box as its lower and upper corner. */
typedef struct corners {
    double y0, x0, y1, x1;
} corners;

static corners corners_of(const double *b, bool center)
{
    if (center)
        return (corners){b[1] - b[3] / 2, b[0] - b[2] / 2, b[1] + b[3] / 2, b[0] + b[2] / 2};
    return (corners){fmin(b[0], b[2]), fmin(b[1], b[3]), fmax(b[0], b[2]), fmax(b[1], b[3])};
}

static bool overlaps(const corners *a, const corners *b, double threshold)
{
    double h = fmin(a->y1, b->y1) - fmax(a->y0, b->y0), w = fmin(a->x1, b->x1) - fmax(a->x0, b->x0);
    if (!(h > 0 && w > 0))
        return false;
    double area_a = (a->y1 - a->y0) * (a->x1 - a->x0), area_b = (b->y1 - b->y0) * (b->x1 - b->x0), both = h * w;
    if (area_a <= 0 || area_b <= 0)
        return false;
    /* boxes and threshold are floats, and a ratio equal to the threshold keeps the box */
    return (float)(both / (area_a + area_b - both)) > (float)threshold;
}

typedef struct nms {
    int64_t boxes, limit;
    double iou, score;
    bool scored;      /* a score threshold is given */
    corners *box;     /* of the batch at hand */
    double *scores;   /* of the class at hand */
    int64_t *order;   /* a heap of candidates, best on top */
    int64_t *kept;    /* those selected */
} nms;

/* a before b: higher score, then lower index. */
static bool before(const nms *s, int64_t a, int64_t b)
{
    return s->scores[a] > s->scores[b] || (s->scores[a] == s->scores[b] && a < b);
}

static void sift(const nms *s, int64_t i, int64_t n)
{
    for (;;) {
        int64_t best = i;
        for (int64_t k = 2 * i + 1; k <= 2 * i + 2 && k < n; k++)
            if (before(s, s->order[k], s->order[best]))
                best = k;
        if (best == i)
            return;
        int64_t t = s->order[i];
        s->order[i] = s->order[best];
        s->order[best] = t;
        i = best;
    }
}

/* Selects the boxes of one class into kept; returns their number. */
static int64_t select_class(nms *s)
{
    int64_t n = 0, kept = 0;
    for (int64_t i = 0; i < s->boxes; i++)
        if (!isnan(s->scores[i]) && (!s->scored || s->scores[i] > s->score))
            s->order[n++] = i;
    for (int64_t i = n / 2; i-- > 0;)
        sift(s, i, n);
    while (n > 0 && kept < s->limit) {
        int64_t best = s->order[0];
        s->order[0] = s->order[--n];
        sift(s, 0, n);
        bool keep = true;
        for (int64_t k = 0; keep && k < kept; k++)
            keep = !overlaps(&s->box[best], &s->box[s->kept[k]], s->iou);
        if (keep)
            s->kept[kept++] = best;
    }
    return kept;
}

static double scalar(const sg_exec *x, int k, double def)
{
    const sg_tensor *t = k < x->n_in ? x->in[k] : NULL;
    return t && sg_numel(t) > 0 ? sg_load_f64((sg_dtype)t->dtype, t->data, 0) : def;
}

static sedge_status setup(sg_exec *x, nms *s)
{
    const sg_tensor *b = x->in[0], *sc = x->in[1];
    if (b->rank != 3 || b->dim[2] != 4 || sc->rank != 3 || sc->dim[0] != b->dim[0] || sc->dim[2] != b->dim[1])
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "boxes must be [batch, boxes, 4] and scores [batch, classes, boxes]");
    const sg_tensor *max = x->n_in > 2 ? x->in[2] : NULL;
    int64_t limit = max && sg_numel(max) > 0 ? sg_load_i64((sg_dtype)max->dtype, max->data, 0) : 0;
    *s = (nms){.boxes = b->dim[1], .limit = limit < 0 ? 0 : limit, .iou = scalar(x, 3, 0), .score = scalar(x, 4, 0)};
    s->scored = x->n_in > 4 && x->in[4] && sg_numel(x->in[4]) > 0;
    if (s->limit > s->boxes)
        s->limit = s->boxes;
    size_t n = (size_t)s->boxes + 1;
    s->box = sg_scratch(x, n * sizeof *s->box);
    s->scores = sg_scratch(x, n * sizeof *s->scores);
    s->order = sg_scratch(x, n * sizeof *s->order);
    s->kept = sg_scratch(x, n * sizeof *s->kept);
    return s->box && s->scores && s->order && s->kept ? SEDGE_OK : SEDGE_E_NOMEM;
}

sedge_status sg_ref_non_max_suppression(sg_exec *x)
{
    const sg_tensor *b = x->in[0], *sc = x->in[1];
    nms s;
    SG_TRY(setup(x, &s));
    int64_t batches = s.boxes ? b->dim[0] : 0, classes = sc->dim[1], lists = batches * classes, total = 0,
            each = s.limit ? s.limit : 1;
    if (lists > SG_NUMEL_MAX / 24 / each)
        return SG_EXEC_FAIL(x, SEDGE_E_LIMIT, "too many boxes");
    int64_t *found = sg_scratch(x, (size_t)(lists * s.limit + 1) * 3 * sizeof *found);
    bool center = sg_get_int(x->attrs, SG_A_center_point_box) != 0;
    if (!found)
        return SEDGE_E_NOMEM;
    for (int64_t n = 0; n < batches; n++) {
        for (int64_t i = 0; i < s.boxes; i++) {
            double v[4];
            sg_widen((sg_dtype)b->dtype, b->data, (n * s.boxes + i) * 4, 4, v);
            s.box[i] = corners_of(v, center);
        }
        for (int64_t c = 0; c < classes; c++) {
            sg_widen((sg_dtype)sc->dtype, sc->data, (n * classes + c) * s.boxes, s.boxes, s.scores);
            int64_t kept = select_class(&s);
            for (int64_t k = 0; k < kept; k++, total++) {
                found[3 * total] = n;
                found[3 * total + 1] = c;
                found[3 * total + 2] = s.kept[k];
            }
        }
    }
    const int64_t dim[2] = {total, 3};
    sg_tensor *out = sg_out(x, 0, SG_I64, 2, dim);
    if (!out)
        return SEDGE_E_NOMEM;
    if (total)
        memcpy(out->data, found, (size_t)total * 3 * sizeof *found);
    return SEDGE_OK;
}
