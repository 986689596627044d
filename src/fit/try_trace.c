/* A card beside the tensors that the training code made of the same sources. The card's steps are run in many ways, without their
 * arithmetic; what a factor and an offset of each channel leave of the difference says which way it was, and the factor and the
 * offset say what the arithmetic was. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "fit/try.h"

#define SAMPLES_MAX 4
#define WAYS_MAX    512
#define CHANNELS    4
/* Rounding to whole grey levels leaves less than this (root of mean squares); of signals, parts of a deviation. */
#define LEVELS 0.4
#define PARTS  0.01

/* Numbers in one order: channel after channel. */
typedef struct planes {
    sg_keep v;
    size_t n; /* of a channel */
    int channels, h, w;
} planes;

typedef struct trace_way {
    sg_vector v;
    double left, most; /* root of mean squares, and the largest difference that remains */
    double a[CHANNELS], b[CHANNELS];
    const char *arithmetic; /* what differs of it; NULL: nothing */
    bool fits; /* sizes are those of the others */
    int h, w, channels;
} trace_way;

struct sedge_trace {
    sg_mem mem;
    sg_arena arena;
    sg_try_set set;
    sg_trial trial;
    sedge_task_opts opts;
    const sedge_tensor *want;
    planes other[SAMPLES_MAX], own;
    trace_way way[WAYS_MAX];
    int n_way;
    sg_affine now; /* the card's arithmetic */
    double deviation; /* of the others' numbers, signals */
    const char *why; /* the card as it is cannot run */
    sedge_trace_result result;
};

static sedge_status no_memory(sg_err *err)
{
    return sg_fail(err, SEDGE_E_NOMEM, "trace: out of memory");
}

static const char *say(sedge_trace *t, const char *fmt, ...) SG_PRINTF(2, 3);
static const char *say(sedge_trace *t, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return sg_arena_str(&t->arena, text, strlen(text));
}

/* ---- planes --------------------------------------------------------------------------------- */

static bool is_channels(int64_t d)
{
    return d == 1 || d == 3 || d == 4;
}

/* [c, h, w] or [h, w, c] with axes of 1 before or behind, or [h, w]; of signals all in a row. */
static sedge_status to_planes(sedge_trace *t, const sedge_tensor *x, planes *p, sg_err *err)
{
    int64_t d[SEDGE_RANK_MAX];
    int r = 0;
    size_t all = 1;
    if (x->kind != SEDGE_TENSOR || x->dtype == SEDGE_STR || x->dtype == 0)
        return sg_fail(err, SEDGE_E_TYPE, "trace: tensors must be numbers");
    for (int i = 0; i < x->rank; i++) {
        all *= (size_t)x->dim[i];
        if (x->dim[i] != 1)
            d[r++] = x->dim[i];
    }
    p->channels = 1;
    p->n = all;
    bool behind = false;
    if (t->set.source == SEDGE_SOURCE_IMAGE) {
        behind = r == 3 && is_channels(d[2]) && !is_channels(d[0]);
        bool before = r == 3 && is_channels(d[0]);
        if (!(behind || before || r == 2))
            return sg_fail(err, SEDGE_E_SHAPE, "trace: a tensor of a picture has to be [c, h, w] or [h, w, c]");
        p->channels = (int)(behind ? d[2] : before ? d[0] : 1);
        p->h = (int)d[before ? 1 : 0];
        p->w = (int)d[before ? 2 : 1];
        p->n = all / (size_t)p->channels;
    }
    if (sg_grow(&t->mem, &p->v.p, &p->v.cap, all * sizeof(float) + 1, 1) != SEDGE_OK)
        return no_memory(err);
    float *v = p->v.p;
    size_t c = (size_t)p->channels;
    for (size_t i = 0; i < all; i++)
        v[behind ? i % c * p->n + i / c : i] = (float)sedge_tensor_f64(x, i);
    return SEDGE_OK;
}

/* ---- one way -------------------------------------------------------------------------------- */

typedef struct sums {
    double n, x, y, xx, xy, yy;
} sums;

static void gather(sums *s, const float *x, const float *y, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double u = (double)x[i], v = (double)y[i];
        s->x += u;
        s->y += v;
        s->xx += u * u;
        s->xy += u * v;
        s->yy += v * v;
    }
    s->n += (double)n;
}

/* y = a * x + b by least squares; false: x is the same everywhere. */
static bool fit(const sums *s, double *a, double *b)
{
    double var = s->xx - s->x * s->x / s->n;
    if (!(var > 1e-9 * s->xx) || !isfinite(s->xy))
        return false;
    *a = (s->xy - s->x * s->y / s->n) / var;
    *b = (s->y - *a * s->x) / s->n;
    return *a != 0;
}

/* The card's own arithmetic, in the channels of `w`. */
static bool own_affine(const sedge_trace *t, const trace_way *w, sg_affine *out, double room[2 * CHANNELS])
{
    size_t n = (size_t)w->channels;
    *out = (sg_affine){n, room, room + CHANNELS};
    for (size_t c = 0; c < n; c++) {
        size_t k = t->now.n == 1 ? 0 : c;
        if (k >= t->now.n)
            return false;
        out->a[c] = t->now.a[k];
        out->b[c] = t->now.b[k];
    }
    return true;
}

static double unit(const sedge_trace *t, const trace_way *w, int c)
{
    return t->set.source == SEDGE_SOURCE_IMAGE ? fabs(w->a[c]) : t->deviation;
}

/* What rounding may do to a mean, in values before the arithmetic. */
static double slack(const sedge_trace *t, const trace_way *w)
{
    return t->set.source == SEDGE_SOURCE_IMAGE ? LEVELS : PARTS * t->deviation / fabs(w->a[0]);
}

/* What the best factors and offsets leave. */
static void residue(sedge_trace *t, trace_way *w, const planes *x, int n)
{
    double square = 0, count = 0;
    for (int i = 0; i < n; i++)
        for (int c = 0; c < w->channels; c++) {
            const float *u = (const float *)x[i].v.p + (size_t)c * x[i].n;
            const float *v = (const float *)t->other[i].v.p + (size_t)c * x[i].n;
            for (size_t k = 0; k < x[i].n; k++) {
                double d = fabs((double)v[k] - w->a[c] * (double)u[k] - w->b[c]) / unit(t, w, c);
                square += d * d;
                w->most = d > w->most ? d : w->most;
            }
            count += (double)x[i].n;
        }
    w->left = sqrt(square / count);
}

static void judge(sedge_trace *t, trace_way *w, const planes *x, int n)
{
    double room[2 * CHANNELS];
    sg_affine own, found = {(size_t)w->channels, w->a, w->b};
    w->fits = true;
    for (int i = 0; i < n; i++)
        w->fits = w->fits && x[i].n == t->other[i].n && x[i].channels == t->other[i].channels && x[i].h == t->other[i].h &&
                  x[i].w == t->other[i].w;
    w->left = INFINITY;
    for (int c = 0; w->fits && c < w->channels; c++) {
        sums s = {0};
        for (int i = 0; i < n; i++)
            gather(&s, (const float *)x[i].v.p + (size_t)c * x[i].n, (const float *)t->other[i].v.p + (size_t)c * x[i].n, x[i].n);
        if (!fit(&s, &w->a[c], &w->b[c]))
            return;
    }
    if (!w->fits)
        return;
    residue(t, w, x, n);
    w->arithmetic = own_affine(t, w, &own, room) ? sg_affine_blame(&own, &found, slack(t, w)) : "norm";
}

/* Runs the card's steps, changed as v says, on every source. */
static sedge_status run_way(sedge_trace *t, const sg_vector *v, sg_err *err)
{
    planes x[SAMPLES_MAX] = {{{0}, 0, 0, 0, 0}};
    sedge_task *task = NULL;
    sg_err why = {.status = SEDGE_OK};
    int n = (int)t->trial.n;
    bool data = false;
    if (t->n_way == WAYS_MAX)
        return SEDGE_OK;
    sedge_status st = sg_trial_task(&t->trial, v, true, &task, &why);
    if (st == SEDGE_OK)
        task->dry = true;
    for (int i = 0; st == SEDGE_OK && i < n; i++) {
        sedge_answers a;
        st = sedge_task_reset(task, &why);
        if (st == SEDGE_OK)
            st = sg_trial_run(&t->trial, task, (size_t)i, &a, &data, &why);
        if (st == SEDGE_OK)
            st = to_planes(t, &task->bound, &x[i], &why);
    }
    trace_way *w = &t->way[t->n_way];
    *w = (trace_way){.v = *v, .h = x[0].h, .w = x[0].w, .channels = x[0].channels, .left = INFINITY};
    if (st == SEDGE_OK || t->n_way == 0)
        t->n_way++;
    if (st == SEDGE_OK)
        judge(t, w, x, n);
    for (int i = 0; i < n; i++)
        sg_free(&t->mem, x[i].v.p, x[i].v.cap);
    sedge_task_close(&task);
    if (st == SEDGE_OK || st == SEDGE_E_NOMEM || data)
        return st == SEDGE_OK ? SEDGE_OK : sg_fail(err, st, "%s", why.msg);
    /* Sources have to be readable; a way may be impossible. */
    if (t->n_way == 1 && !(t->why = say(t, "%s", why.msg)))
        return no_memory(err);
    return SEDGE_OK;
}

static bool changes_values(int f)
{
    return f != SG_TRY_SCALE && f != SG_TRY_FIRST;
}

/* Every field alone and every two together; of pictures color, geometry and kernel all three. */
static sedge_status run_ways(sedge_trace *t, sg_err *err)
{
    sg_vector v = {{0}};
    const int *n = t->set.n;
    SG_TRY(run_way(t, &v, err));
    if (!t->trial.turned)
        sg_try_drop(&t->set, SG_TRY_EXIF);
    for (int f = 0; f < SG_TRY_FIELDS; f++)
        for (int k = 1; changes_values(f) && k <= n[f]; k++) {
            v = (sg_vector){{0}};
            v.at[f] = (int8_t)k;
            SG_TRY(run_way(t, &v, err));
        }
    for (int f = 0; f < SG_TRY_FIELDS; f++)
        for (int g = f + 1; g < SG_TRY_FIELDS; g++)
            for (int k = 1; changes_values(f) && changes_values(g) && k <= n[f]; k++)
                for (int m = 1; m <= n[g]; m++) {
                    v = (sg_vector){{0}};
                    v.at[f] = (int8_t)k;
                    v.at[g] = (int8_t)m;
                    SG_TRY(run_way(t, &v, err));
                }
    for (int c = 1; c <= n[SG_TRY_COLOR]; c++)
        for (int g = 1; g <= n[SG_TRY_GEOMETRY]; g++)
            for (int k = 1; k <= n[SG_TRY_KERNEL]; k++) {
                v = (sg_vector){{0}};
                v.at[SG_TRY_COLOR] = (int8_t)c;
                v.at[SG_TRY_GEOMETRY] = (int8_t)g;
                v.at[SG_TRY_KERNEL] = (int8_t)k;
                SG_TRY(run_way(t, &v, err));
            }
    return SEDGE_OK;
}

/* ---- the verdict ---------------------------------------------------------------------------- */

static int cost(const trace_way *w)
{
    return sg_try_count(&w->v) + (w->arithmetic != NULL) + (w->arithmetic && strcmp(w->arithmetic, "norm") == 0);
}

/* Of the ways that explain the tensors as well as any, the one that changes least; then the first, as steps are in order. */
static const trace_way *find_way(const sedge_trace *t)
{
    double least = INFINITY, enough = t->set.source == SEDGE_SOURCE_IMAGE ? LEVELS : PARTS;
    const trace_way *best = NULL;
    for (int i = 0; i < t->n_way; i++)
        least = t->way[i].left < least ? t->way[i].left : least;
    double limit = least * 1.1 > enough ? least * 1.1 : enough;
    for (int i = 0; i < t->n_way; i++) {
        const trace_way *w = &t->way[i];
        if (isfinite(w->left) && w->left <= limit &&
            (!best || cost(w) < cost(best) || (cost(w) == cost(best) && w->left < 0.5 * best->left)))
            best = w;
    }
    return best;
}

static void add_list(char *text, size_t size, const double *v, int n)
{
    for (int c = 0; c < n; c++)
        snprintf(text + strlen(text), size - strlen(text), "%s%.5g", c ? ", " : "", v[c]);
}

/* "ImageNet's mean and std", if the found arithmetic is one of the table; else NULL. */
static const char *known_scale(sedge_trace *t, const trace_way *w)
{
    sg_affine found = {(size_t)w->channels, (double *)(uintptr_t)w->a, (double *)(uintptr_t)w->b}, y;
    for (int k = 1; k <= t->set.n[SG_TRY_SCALE]; k++) {
        sg_vector v = w->v;
        sg_card c = {.arena.mem = &t->mem};
        sg_err ignored = {.status = SEDGE_OK};
        v.at[SG_TRY_SCALE] = (int8_t)k;
        bool same = sg_try_filled(&t->set, &v, &c, &ignored) == SEDGE_OK &&
                    sg_affine_of(sg_try_steps(&t->set, c.root), t->set.source == SEDGE_SOURCE_IMAGE, &y, &c.arena) &&
                    !sg_affine_blame(&y, &found, slack(t, w));
        sg_card_free(&c);
        if (same && t->set.choice[SG_TRY_SCALE][k - 1].table)
            return t->set.choice[SG_TRY_SCALE][k - 1].text;
    }
    return NULL;
}

static const char *arithmetic_words(sedge_trace *t, const trace_way *w)
{
    char means[96] = "", stds[96] = "";
    double mean[CHANNELS], std[CHANNELS], room[2 * CHANNELS];
    sg_affine own;
    const char *name = known_scale(t, w), *part = w->arithmetic;
    bool known = own_affine(t, w, &own, room), none = true;
    for (int c = 0; c < w->channels; c++) {
        mean[c] = w->b[c] == 0 ? 0 : -w->b[c] / w->a[c];
        std[c] = 1 / w->a[c];
        none = none && fabs(mean[c]) <= slack(t, w);
    }
    add_list(means, sizeof means, mean, w->channels);
    add_list(stds, sizeof stds, std, w->channels);
    char it[96] = "";
    if (name)
        snprintf(it, sizeof it, " (%s)", name);
    if (known && (strcmp(part, "mul") == 0 || strcmp(part, "factor") == 0)) {
        double k = own.a[0] / w->a[0];
        return say(t, "off by the factor %s%.4g: the training code's numbers are (x - [%s]) / [%s]%s", fabs(k) < 1 ? "1/" : "",
                   fabs(k) < 1 ? 1 / k : k, means, stds, it);
    }
    if (strcmp(part, "norm.mean") == 0)
        return none ? say(t, "the training code subtracts no mean")
                    : say(t, "another mean: the training code subtracts [%s]%s", means, it);
    if (strcmp(part, "norm.std") == 0)
        return say(t, "another deviation: the training code divides by [%s]%s", stds, it);
    return say(t, "mean and deviation are others: the training code subtracts [%s] and divides by [%s]%s", means, stds, it);
}

static const char *change_words(sedge_trace *t, const trace_way *w, sg_try_id f, sg_err *err)
{
    char now[SG_WORDS_MAX], then[SG_WORDS_MAX];
    const trace_way *present = &t->way[0];
    sg_card c = {.arena.mem = &t->mem};
    const char *text = NULL;
    if (sg_try_filled(&t->set, &w->v, &c, err) == SEDGE_OK) {
        sg_try_words(&t->set, t->set.shell.card.root, f, now);
        sg_try_words(&t->set, c.root, f, then);
        const char *what = f == SG_TRY_COLOR      ? "channels swapped: "
                           : f == SG_TRY_GEOMETRY ? "another part or proportion: "
                           : f == SG_TRY_KERNEL   ? "resized with another kernel: "
                                                  : "";
        if (t->why)
            text = say(t, "%s fits, %s does not: %s", then, now, t->why);
        else if (!present->fits && t->set.source == SEDGE_SOURCE_IMAGE && f == SG_TRY_GEOMETRY)
            text = say(t, "another size: %d x %d, the card gives %d x %d; %s fits, not %s", t->other[0].h, t->other[0].w,
                       present->h, present->w, then, now);
        else if (f == SG_TRY_KERNEL && isfinite(present->most))
            text = say(t, "%s%s, not %s: max difference %.0f levels", what, then, now, present->most);
        else
            text = say(t, "%s%s, not %s", what, then, now);
        if (!text)
            no_memory(err);
    }
    sg_card_free(&c);
    return text;
}

static sedge_status add_step(sedge_trace *t, sedge_trace_step *step, const char *name, sg_try_id f, const char *part,
                             const char *how, sg_err *err)
{
    char text[SG_WORDS_MAX];
    sedge_trace_result *o = &t->result;
    sg_try_path(&t->set, t->set.shell.card.root, f, part, text);
    const char *path = say(t, "%s", text);
    step[o->n_step] = (sedge_trace_step){name, path, how == NULL, how};
    o->first = how && o->first < 0 ? o->n_step : o->first;
    o->n_step++;
    return path ? SEDGE_OK : no_memory(err);
}

/* Every field that has choices, in order; the arithmetic where the table has it. */
static sedge_status list_steps(sedge_trace *t, const trace_way *w, sg_err *err)
{
    sedge_trace_step *step = sg_arena_array(&t->arena, SG_TRY_FIELDS, sizeof *step);
    if (!step)
        return no_memory(err);
    t->result.step = step;
    for (int f = 0; f < SG_TRY_FIELDS; f++) {
        if (f == SG_TRY_SCALE) {
            const char *part = w->arithmetic, *how = part ? arithmetic_words(t, w) : NULL;
            const char *path = part && strcmp(part, "factor") == 0 ? "mul" : part ? part : "norm";
            if (part && !how)
                return no_memory(err);
            SG_TRY(add_step(t, step, part ? path : "scale", SG_TRY_SCALE, path, how, err));
            continue;
        }
        if (!changes_values(f) || t->set.n[f] == 0)
            continue;
        const char *how = w->v.at[f] ? change_words(t, w, (sg_try_id)f, err) : NULL;
        if (w->v.at[f] && !how)
            return err->status;
        SG_TRY(add_step(t, step, sg_try_name[f], (sg_try_id)f, NULL, how, err));
    }
    return SEDGE_OK;
}

static sedge_status conclude(sedge_trace *t, sg_err *err)
{
    sedge_trace_result *o = &t->result;
    const trace_way *w = find_way(t), *present = &t->way[0];
    o->first = -1;
    o->tried = t->n_way;
    const char *levels = t->set.source == SEDGE_SOURCE_IMAGE ? "grey levels" : "of a deviation";
    if (!w && t->why) {
        o->verdict = say(t, "the card does not run (%s), and none of %d other ways gives what the training code does", t->why,
                         t->n_way - 1);
        return o->verdict ? SEDGE_OK : no_memory(err);
    }
    if (!w) {
        o->verdict = t->set.source == SEDGE_SOURCE_IMAGE
                         ? say(t, "none of %d ways gives %d x %d x %d; the card gives %d x %d x %d", t->n_way,
                               t->other[0].channels, t->other[0].h, t->other[0].w, present->channels, present->h, present->w)
                         : say(t, "none of %d ways gives as many numbers as the training code", t->n_way);
        return o->verdict ? SEDGE_OK : no_memory(err);
    }
    o->left = w->most;
    SG_TRY(list_steps(t, w, err));
    double enough = t->set.source == SEDGE_SOURCE_IMAGE ? LEVELS : PARTS;
    const char *rest = w->left <= enough ? ""
                                         : say(t, "; the nearest of %d ways, it leaves up to %.3g %s", t->n_way, w->most, levels);
    if (!rest)
        return no_memory(err);
    if (o->first >= 0)
        o->verdict = say(t, "the first step that differs is %s (%s): %s%s", o->step[o->first].name, o->step[o->first].path,
                         o->step[o->first].how, rest);
    else if (*rest)
        o->verdict = say(
            t, "none of %d ways gives the tensors of the training code; the card as it is, the nearest, leaves up to %.3g %s",
            t->n_way, w->most, levels);
    else
        o->verdict = say(t, "no step differs: the tensors are at most %.3g %s apart", w->most, levels);
    return o->verdict ? SEDGE_OK : no_memory(err);
}

/* ---- opening -------------------------------------------------------------------------------- */

static sedge_status tick(sg_trial *t, sg_err *err)
{
    (void)t;
    (void)err;
    return SEDGE_OK;
}

static sedge_status deviation(sedge_trace *t, sg_err *err)
{
    sums s = {0};
    for (size_t i = 0; i < t->trial.n; i++) {
        SG_TRY(to_planes(t, &t->want[i], &t->other[i], err));
        gather(&s, t->other[i].v.p, t->other[i].v.p, t->other[i].n * (size_t)t->other[i].channels);
    }
    double var = s.n > 0 ? s.yy / s.n - s.y / s.n * (s.y / s.n) : 0;
    t->deviation = var > 0 ? sqrt(var) : 1;
    return SEDGE_OK;
}

static sedge_status open_trace(sedge_trace *t, const sedge_model *model, const char *path, size_t n, sedge_item_fn *fn, void *ctx,
                               sg_err *err)
{
    if (n == 0)
        return sg_fail(err, SEDGE_E_ARG, "trace: no tensors");
    SG_TRY(sg_try_set_open(&t->set, &t->mem, model, path, &t->opts, err));
    if (t->set.source == SEDGE_SOURCE_TEXT)
        return sg_fail(err, SEDGE_E_UNSUPPORTED, "trace: tokens of text are not compared; pictures, sound and series are");
    bool image = t->set.source == SEDGE_SOURCE_IMAGE;
    if (!sg_affine_of(sg_try_steps(&t->set, t->set.shell.card.root), image, &t->now, &t->arena) || (!image && t->now.n > 1))
        return sg_fail(err, SEDGE_E_UNSUPPORTED, "trace: norm by a table, or by numbers for each column, is not compared");
    sg_trial *r = &t->trial;
    *r = (sg_trial){.mem = &t->mem, .arena = &t->arena, .set = &t->set, .model = model, .opts = &t->opts};
    r->n = n < SAMPLES_MAX ? n : SAMPLES_MAX;
    r->fn = fn;
    r->ctx = ctx;
    r->tick = tick;
    r->order = sg_arena_array(&t->arena, r->n, sizeof *r->order);
    if (!r->order)
        return no_memory(err);
    for (size_t i = 0; i < r->n; i++)
        r->order[i] = i;
    SG_TRY(deviation(t, err));
    SG_TRY(run_ways(t, err));
    return conclude(t, err);
}

sedge_status sedge_trace_open(sedge_trace **out, const sedge_model *model, const char *path, const sedge_task_opts *opts,
                              size_t n, const sedge_tensor *want, sedge_item_fn *fn, void *ctx, sedge_error *err)
{
    sedge_task_opts defaults;
    sedge_task_opts_init(&defaults);
    opts = opts ? opts : &defaults;
    sg_err own = {.status = SEDGE_OK};
    err = err ? err : &own;
    *out = NULL;
    sg_mem mem = {.fn = opts->session.alloc, .ctx = opts->session.alloc_ctx};
    sedge_trace *t = sg_calloc(&mem, 1, sizeof *t);
    if (!t)
        return no_memory(err);
    t->mem = mem;
    t->arena.mem = &t->mem;
    t->opts = *opts;
    t->want = want;
    sedge_status st = open_trace(t, model, path, n, fn, ctx, err);
    if (st != SEDGE_OK)
        sedge_trace_close(&t);
    *out = t;
    return st;
}

void sedge_trace_get(const sedge_trace *t, sedge_trace_result *out)
{
    *out = t->result;
}

void sedge_trace_close(sedge_trace **trace)
{
    sedge_trace *t = trace ? *trace : NULL;
    if (!t)
        return;
    for (int i = 0; i < SAMPLES_MAX; i++)
        sg_free(&t->mem, t->other[i].v.p, t->other[i].v.cap);
    sedge_plan_close(&t->trial.plan);
    sg_try_set_close(&t->set);
    sg_arena_free(&t->arena);
    sg_mem mem = t->mem;
    sg_free(&mem, t, sizeof *t);
    *trace = NULL;
}
