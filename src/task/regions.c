/* Connected regions of a mask, diagonals too: runs of rows that touch are joined, the smaller number the root of both. */
#include <math.h>

#include "task/run.h"

#define UNSEEN      255
#define REGIONS_MAX 10000
#define SPOTS_MAX   ((size_t)1 << 20)

typedef struct run {
    int y, x0, x1; /* [x0, x1) */
    uint32_t root; /* a run of the same region; of its first: itself */
    uint32_t spot; /* of roots: number of the region */
    uint8_t cls;
} run;

typedef struct spot {
    size_t pixels;
    double score;
    int box[4];
    uint8_t cls;
} spot;

static uint32_t root_of(run *r, uint32_t i)
{
    while (r[i].root != i)
        i = r[i].root = r[r[i].root].root;
    return i;
}

static void join(run *r, uint32_t a, uint32_t b)
{
    a = root_of(r, a);
    b = root_of(r, b);
    r[a < b ? b : a].root = a < b ? a : b;
}

/* A picture has fewer pixels than 2^32. */
static sedge_status find_runs(sedge_task *t, int background, sg_keep *keep, uint32_t *n, sg_err *err)
{
    int w = t->place.src_w, h = t->place.src_h;
    const uint8_t *m = t->mask.p;
    uint32_t above = 0, here = 0;
    *n = 0;
    for (int y = 0; y < h; y++, m += w, above = here) {
        here = *n;
        uint32_t k = above;
        for (int x = 0, to; x < w; x = to) {
            for (to = x + 1; to < w && m[to] == m[x]; to++) {
            }
            if (m[x] == UNSEEN || m[x] == background)
                continue;
            SG_TRY(sg_keep_room(t, keep, (size_t)*n + 1, sizeof(run), err));
            run *r = keep->p;
            r[*n] = (run){.y = y, .x0 = x, .x1 = to, .cls = m[x], .root = *n};
            while (k < here && r[k].x1 < x)
                k++;
            for (uint32_t i = k; i < here && r[i].x0 <= to; i++)
                if (r[i].cls == m[x])
                    join(r, i, *n);
            ++*n;
        }
    }
    return SEDGE_OK;
}

static sedge_status add_up(sedge_task *t, run *r, uint32_t n, sg_pixel_fn *score, const void *ctx, size_t *spots, sg_err *err)
{
    *spots = 0;
    for (uint32_t i = 0; i < n; i++)
        if (r[i].root == i)
            r[i].spot = (uint32_t)(*spots)++;
    if (*spots > SPOTS_MAX)
        return sg_fail(err, SEDGE_E_LIMIT, "card: answer.regions: the mask has more than %zu regions", SPOTS_MAX);
    SG_TRY(sg_keep_room(t, &t->points, *spots + 1, sizeof(spot), err));
    spot *all = t->points.p;
    memset(all, 0, (*spots + 1) * sizeof *all);
    for (uint32_t i = 0; i < n; i++) {
        spot *o = &all[r[root_of(r, i)].spot];
        int *b = o->box;
        if (o->pixels == 0)
            *o = (spot){.box = {r[i].x0, r[i].y, r[i].x1, r[i].y}, .cls = r[i].cls};
        b[0] = r[i].x0 < b[0] ? r[i].x0 : b[0];
        b[2] = r[i].x1 > b[2] ? r[i].x1 : b[2];
        b[3] = r[i].y + 1;
        o->pixels += (size_t)(r[i].x1 - r[i].x0);
        for (int x = r[i].x0; x < r[i].x1; x++)
            o->score += (double)score(ctx, x, r[i].y);
    }
    return SEDGE_OK;
}

/* The box grows by area * k / perimeter on each side (Liao et al. 2020). */
static void grown(const sedge_task *t, const spot *r, double k, float box[4])
{
    double w = r->box[2] - r->box[0], h = r->box[3] - r->box[1], d = k * w * h / (2 * (w + h));
    box[0] = (float)fmax(r->box[0] - d, 0);
    box[1] = (float)fmax(r->box[1] - d, 0);
    box[2] = (float)fmin(r->box[2] + d, t->place.src_w);
    box[3] = (float)fmin(r->box[3] + d, t->place.src_h);
}

sedge_status sg_mask_regions(sedge_task *t, sg_pixel_fn *score, const void *ctx, sedge_answers *out, sg_err *err)
{
    const json_t *f = sg_get(t->answer, "regions"), *bg = sg_get(t->answer, "background");
    bool threshold = sg_is(t->answer, "then", "threshold");
    uint32_t n;
    size_t spots, found = 0;
    SG_TRY(find_runs(t, threshold ? 0 : bg ? (int)json_integer_value(bg) : -1, &t->other, &n, err));
    SG_TRY(add_up(t, t->other.p, n, score, ctx, &spots, err));
    const spot *all = t->points.p;
    for (size_t i = 0; i < spots; i++) {
        float s = (float)(all[i].score / (double)all[i].pixels);
        if (all[i].pixels < (size_t)sg_int(f, "min_pixels") || !((double)s >= sg_num(f, "min_score")))
            continue;
        if (found == REGIONS_MAX)
            return sg_fail(err, SEDGE_E_LIMIT, "card: answer.regions: more than %d regions", REGIONS_MAX);
        SG_TRY(sg_keep_room(t, &t->answers, found + 1, sizeof(sedge_answer), err));
        sedge_answer *a = t->answers.p;
        size_t at = found++;
        for (; at > 0 && a[at - 1].score < s; at--)
            a[at] = a[at - 1];
        int label = sg_label_of(t, threshold && t->n_label == 1 ? t->first : all[i].cls);
        a[at] = (sedge_answer){.label = label, .text = sedge_task_label(t, label), .score = s};
        grown(t, &all[i], sg_num(f, "grow"), a[at].box);
    }
    out->answer = t->answers.p;
    out->n = (int)found;
    return SEDGE_OK;
}
