/* sedge_fit: from the cheapest step up, the first that meets every limit. */
#include "fit/ladder.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "export/export.h"
#include "fit/data.h"
#include "fit/quantize.h"
#include "run/api.h"

/* Samples that calibrate, at most; that methods and layers are compared on; that roundings are found on, and learned in so many steps. */
enum { CALIBRATE = 512, COMPARE = 64, ROUND = 32, LEARN = 64, STEPS = 300 };
#define DROP 0.005

typedef struct ladder {
    const sedge_fit_opts *o;
    sedge_fit_result *r;
    sg_mem mem;
    const char *path, *out;
    sedge_model *model;
    sedge_data *data;
    sg_carded *carded; /* NULL: there is no card, rows are tensors */
    sg_rows rows;
    const sg_samples *all;
    sg_samples parted; /* in the order of the parts */
    sg_parts parts;
    sg_quantizer q;
    sg_quant_how how;
    bool can_quantize, slower_is_fine;
    char no_quantizer[SG_ERR_MAX];
    sg_pace pace; /* of the model as it was given */
    double score; /* ... on the samples that choose */
    double max_drop, least; /* least: how far the best candidate is beyond its limits */
    char best[4096 + 16], next[4096 + 16];
} ladder;

void sedge_fit_opts_init(sedge_fit_opts *opts)
{
    memset(opts, 0, sizeof *opts);
}

static void tell(ladder *l, const char *what, double part)
{
    if (l->o->progress)
        l->o->progress(l->o->ctx, what, part);
}

static void on_part(void *ctx, double part)
{
    tell(ctx, "calibrating", part);
}

static sedge_status parted(void *ctx, size_t i, sedge_tensor *in, sg_err *err)
{
    ladder *l = ctx;
    return l->all->get(l->all->ctx, l->parts.order[i], in, err);
}

/* ---- rungs ------------------------------------------------------------------------------------ */

static sedge_fit_rung *rung_new(ladder *l, const char *name, const char *fmt, ...) SG_PRINTF(3, 4);

static sedge_fit_rung *rung_new(ladder *l, const char *name, const char *fmt, ...)
{
    sedge_fit_rung *x = &l->r->rung[l->r->n_rung < SEDGE_FIT_RUNGS ? l->r->n_rung++ : SEDGE_FIT_RUNGS - 1];
    va_list ap;
    memset(x, 0, sizeof *x);
    snprintf(x->name, sizeof x->name, "%s", name);
    va_start(ap, fmt);
    vsnprintf(x->note, sizeof x->note, fmt, ap);
    va_end(ap);
    return x;
}

/* A candidate has the card in its file; what the card names besides stands where it stood. */
static sedge_task_opts task_opts(const ladder *l, const sedge_model *m)
{
    sedge_task_opts o;
    sedge_task_opts_init(&o);
    if (m == l->model)
        o.card = l->o->card;
    else if (l->carded)
        o.folder = sg_carded_folder(l->carded);
    return o;
}

/* Outcomes of a model on some of the samples, by its first measure. */
static sedge_status judge(ladder *l, sedge_eval **e, const sedge_model *m, const char *path, size_t from, size_t n, double *score,
                          sg_err *err)
{
    sedge_eval_opts how;
    const sedge_task_opts to = task_opts(l, m);
    sedge_eval_result r;
    sedge_eval_opts_init(&how);
    how.sample = l->parts.order + from;
    how.n = n;
    how.seed = l->o->seed;
    how.anyway = m != l->model;
    if (l->data->truth == SG_TRUTH_NONE) {
        how.reference = l->model;
        how.reference_path = l->path;
        how.reference_card = l->o->card;
    }
    SG_TRY(sedge_eval_open(e, m, path, &to, l->data, &how, err));
    sedge_eval_get(*e, &r);
    if (r.n_metric < 1)
        return sg_fail(err, SEDGE_E_VALUE, "nothing can be measured on these samples");
    *score = r.metric[0].less ? -r.metric[0].value : r.metric[0].value;
    snprintf(l->r->measure, sizeof l->r->measure, "%s", r.metric[0].name);
    return SEDGE_OK;
}

static sedge_status pace(ladder *l, sg_pace *p, const sedge_model *m, const char *path, sg_err *err)
{
    const size_t from = l->parts.calibrate, n = l->parts.choose;
    const sedge_task_opts to = task_opts(l, m);
    if (l->carded)
        return sg_pace_of_task(p, m, path, &to, l->data, l->parts.order + from, n, err);
    return sg_pace_of_model(p, m, &l->parted, from, from + n, err);
}

/* What may be lost on n samples: two of them tell nothing. */
static double may_drop(const ladder *l, size_t n)
{
    return fmax(l->max_drop, 2.0 / (double)n) + 1e-9;
}

/* How far beyond its limits a rung is: 1: on one of them. */
static double beyond(const ladder *l, const sedge_fit_rung *x)
{
    double most = x->drop / may_drop(l, l->parts.choose);
    if (l->o->max_ms > 0)
        most = fmax(most, x->ms_high / l->o->max_ms);
    if (l->o->max_bytes > 0)
        most = fmax(most, (double)x->bytes / (double)l->o->max_bytes);
    if (!l->slower_is_fine && x != l->r->rung)
        most = fmax(most, x->ms_mean / (l->pace.mean * 1.1));
    return most;
}

/* The file at l->next, read again as a user would. */
static sedge_status measure_file(ladder *l, sedge_fit_rung *x, sg_err *err)
{
    sedge_model *m = NULL;
    sedge_eval *e = NULL;
    struct stat sb;
    sg_pace p = {0};
    sedge_status st = sedge_model_open(&m, l->next, NULL, err);
    if (st == SEDGE_OK)
        st = judge(l, &e, m, l->next, l->parts.calibrate, l->parts.choose, &x->score, err);
    sedge_eval_close(&e);
    if (st == SEDGE_OK)
        st = pace(l, &p, m, l->next, err);
    sedge_model_close(&m);
    SG_TRY(st);
    x->tried = 1;
    x->ms = p.ms;
    x->ms_mean = p.mean;
    x->ms_low = p.range.low;
    x->ms_high = p.range.high;
    x->bytes = stat(l->next, &sb) == 0 ? sb.st_size : 0;
    x->drop = l->score - x->score;
    x->fits = beyond(l, x) <= 1;
    return SEDGE_OK;
}

/* Writes the graph, measures the file, and keeps it if it is the best so far. */
static sedge_status try_graph(ladder *l, sedge_fit_rung *x, const sg_graph *g, sg_err *err)
{
    const sg_import_meta meta[] = {{"sedge.fit", x->note}, {"sedge.card", l->carded ? sg_carded_text(l->carded) : NULL}};
    const sg_export_opts eo = {.info = &l->model->info, .meta = meta, .n_meta = l->carded ? 2 : 1};
    if (l->carded && !meta[1].value)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    tell(l, x->name, (double)l->r->n_rung / 8);
    SG_TRY(sg_export_onnx(g, &eo, l->next, err));
    SG_TRY(measure_file(l, x, err));
    if (beyond(l, x) < l->least) {
        l->least = beyond(l, x);
        l->r->chosen = (int)(x - l->r->rung);
        if (rename(l->next, l->best) != 0)
            return sg_fail(err, SEDGE_E_IO, "%s: %s", l->best, strerror(errno));
    } else {
        remove(l->next);
    }
    return SEDGE_OK;
}

static bool done(const ladder *l)
{
    return l->r->chosen >= 0 && l->r->rung[l->r->chosen].fits;
}

static bool needs_bytes(const ladder *l)
{
    return l->o->max_bytes > 0 && l->r->rung[0].bytes > l->o->max_bytes;
}

static bool needs_speed(const ladder *l)
{
    return l->o->max_ms > 0 && l->r->rung[0].ms_high > l->o->max_ms;
}

/* Weights are rounded for what their layers compute on samples that calibrate; what is made from then on has it. */
static sedge_status learn(ladder *l, int bits, int steps, sg_err *err)
{
    const size_t n = l->parts.calibrate, most = steps ? LEARN : ROUND;
    tell(l, steps ? "learning how weights are rounded" : "rounding weights", 0);
    return sg_quantizer_learn(&l->q, bits, steps, &l->parted, 0, n < most ? n : most, NULL, NULL, err);
}

static sedge_status stored(ladder *l, sg_stored kind, const char *name, double share, int steps, sg_err *err)
{
    sedge_model *m = NULL;
    sg_quant_done quantized;
    const double bytes = (double)l->r->rung[0].bytes * share;
    if (!l->can_quantize || needs_speed(l) || !needs_bytes(l)) {
        rung_new(l, name, "skipped: %s",
                 !l->can_quantize ? l->no_quantizer
                 : needs_speed(l) ? "it makes nothing faster"
                                  : "the size is within its limit");
        return SEDGE_OK;
    }
    if (bytes > 1.05 * (double)l->o->max_bytes) {
        rung_new(l, name, "skipped: it would still be about %.0f kB", bytes / 1e3);
        return SEDGE_OK;
    }
    sedge_fit_rung *x = rung_new(l, name, "weights as %s, arithmetic in float", sg_stored_names[kind]);
    if (kind != SG_STORED_F16)
        SG_TRY(learn(l, kind == SG_STORED_INT4 ? 4 : 8, steps, err));
    SG_TRY(sg_quantizer_store(&l->q, kind, &m, &quantized, err));
    const sedge_status st = try_graph(l, x, m->graph, err);
    sedge_model_close(&m);
    return st;
}

/* Whether the last rung was tried and missed the score alone. */
static bool misses_score(const ladder *l)
{
    const sedge_fit_rung *x = &l->r->rung[l->r->n_rung - 1];
    return !done(l) && x->tried && x->drop > may_drop(l, l->parts.choose);
}

static sedge_status four_bits(ladder *l, sg_err *err)
{
    SG_TRY(stored(l, SG_STORED_INT4, "int4 weights", 0.14, 0, err));
    return misses_score(l) ? stored(l, SG_STORED_INT4, "int4 weights, learned", 0.14, STEPS, err) : SEDGE_OK;
}

/* ---- integers ------------------------------------------------------------------------------------- */

/* Samples of the part that chooses on which outputs are compared. */
static size_t compared(const ladder *l)
{
    return l->parts.choose < COMPARE ? l->parts.choose : COMPARE;
}

static sedge_status nearest_method(ladder *l, double *snr, sg_err *err)
{
    const size_t from = l->parts.calibrate, to = from + compared(l);
    sg_outputs want = {.mem = &l->mem}, got = {.mem = &l->mem};
    sedge_status st = sg_outputs_run(&want, l->model, &l->parted, from, to, NULL, NULL, NULL, err);
    *snr = -HUGE_VAL;
    for (int k = 0; st == SEDGE_OK && k < SG_RANGE_METHODS; k++) {
        const sg_quant_how how = {.method = (sg_range_method)k, .correct = true};
        sedge_model *m = NULL;
        sg_quant_done quantized;
        tell(l, "comparing ranges", (double)k / (int)SG_RANGE_METHODS);
        sg_outputs_free(&got);
        st = sg_quantizer_make(&l->q, &how, &m, &quantized, err);
        if (st == SEDGE_OK)
            st = sg_outputs_run(&got, m, &l->parted, from, to, NULL, NULL, NULL, err);
        sedge_model_close(&m);
        const double db = st == SEDGE_OK ? sg_outputs_compare(&want, &got).snr_db : 0;
        if (st == SEDGE_OK && (db > *snr || k == 0)) {
            *snr = db;
            l->how = how;
        }
    }
    sg_outputs_free(&want);
    sg_outputs_free(&got);
    return st;
}

static sedge_status integers(ladder *l, const uint8_t *high, const char *name, sg_err *err)
{
    sedge_model *m = NULL;
    sg_quant_done quantized;
    sg_quant_how how = l->how;
    how.high = high;
    SG_TRY(sg_quantizer_make(&l->q, &how, &m, &quantized, err));
    sedge_fit_rung *x = rung_new(l, name, "ranges by %s, %d of %d layers on integers, %.1f %% of the weights float",
                                 sg_range_names[how.method], quantized.layers, quantized.layers + quantized.high,
                                 100 * quantized.high_weights / fmax(1, quantized.high_weights + quantized.weights));
    const sedge_status st = try_graph(l, x, m->graph, err);
    sedge_model_close(&m);
    return st;
}

/* Integers everywhere, then, where only the score is missed, without the tensors that cost it most. */
static sedge_status all_integers(ladder *l, sg_err *err)
{
    static const size_t kept[] = {1, 2, 4, 8};
    double snr;
    sg_mixed mixed;
    if (!l->can_quantize) {
        rung_new(l, "int8", "skipped: %s", l->no_quantizer);
        return SEDGE_OK;
    }
    const size_t n = l->parts.calibrate < CALIBRATE ? l->parts.calibrate : CALIBRATE;
    l->r->calibrated = n;
    SG_TRY(sg_quantizer_see(&l->q, &l->parted, 0, n, on_part, l, err));
    SG_TRY(learn(l, 8, 0, err));
    SG_TRY(nearest_method(l, &snr, err));
    SG_TRY(integers(l, NULL, "int8", err));
    const sedge_fit_rung *x = &l->r->rung[l->r->n_rung - 1];
    if (done(l) || x->drop <= may_drop(l, l->parts.choose)) {
        if (!done(l))
            rung_new(l, "int8 mixed", "skipped: the score is within its limit");
        return SEDGE_OK;
    }
    SG_TRY(learn(l, 8, STEPS, err));
    SG_TRY(integers(l, NULL, "int8 learned", err));
    if (!misses_score(l))
        return SEDGE_OK;
    tell(l, "measuring each layer", 0.5);
    SG_TRY(sg_mixed_rank(&mixed, &l->q, &l->how, &l->parted, l->parts.calibrate,
                         l->parts.calibrate + (compared(l) < 32 ? compared(l) : 32), NULL, NULL, err));
    for (size_t i = 0; i < sizeof kept / sizeof kept[0] && kept[i] < mixed.n && !done(l); i++) {
        char name[48];
        const uint8_t *high = sg_mixed_high(&mixed, &l->q, kept[i]);
        if (!high)
            return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
        snprintf(name, sizeof name, "int8 mixed, %zu tensor%s float", kept[i], kept[i] > 1 ? "s" : "");
        SG_TRY(integers(l, high, name, err));
    }
    return SEDGE_OK;
}

static sedge_status climb(ladder *l, sg_err *err)
{
    SG_TRY(try_graph(l, rung_new(l, "as it is", "nothing changed"), l->model->graph, err));
    if (!done(l))
        SG_TRY(stored(l, SG_STORED_F16, "f16 weights", 0.5, 0, err));
    if (!done(l))
        SG_TRY(all_integers(l, err));
    if (!done(l))
        SG_TRY(stored(l, SG_STORED_INT8, "int8 weights", 0.26, 0, err));
    if (!done(l))
        SG_TRY(four_bits(l, err));
    return SEDGE_OK;
}

/* ---- the proof --------------------------------------------------------------------------------------- */

/* How many were right for one of the two alone, and the interval of the drop; shares that are no counts: by drawing pairs again. */
static sedge_status pairs(ladder *l, const sedge_eval_result *a, const sedge_eval_result *b, sg_err *err)
{
    sedge_fit_result *r = l->r;
    const size_t n = a->n_outcome < b->n_outcome ? a->n_outcome : b->n_outcome;
    double *d = sg_calloc(&l->mem, 2 * n + 1, sizeof *d);
    bool counts = a->n_outcome == b->n_outcome;
    sg_interval range = {NAN, NAN};
    if (!d)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        const float x = a->outcome[i].right, y = b->outcome[i].right;
        counts = counts && (x == 0 || x == 1) && (y == 0 || y == 1);
        r->lost += x > y;
        r->gained += y > x;
        d[i] = (double)x - y;
        d[n + i] = 1;
    }
    sedge_status st = SEDGE_OK;
    if (counts)
        range = sg_paired_difference(r->lost, r->gained, n, 0.95);
    else if (n)
        st = sg_bootstrap_ratio(&l->mem, d, d + n, NULL, n, n, 0.95, 2000, l->o->seed, &range);
    sg_free(&l->mem, d, (2 * n + 1) * sizeof *d);
    r->drop_low = range.low;
    r->drop_high = range.high;
    return st == SEDGE_OK ? st : sg_fail(err, st, "out of memory");
}

static sedge_status prove(ladder *l, sg_err *err)
{
    const size_t from = l->parts.calibrate + l->parts.choose, n = l->parts.prove;
    sedge_model *m = NULL;
    sedge_eval *a = NULL, *b = NULL;
    sedge_eval_result ra, rb;
    tell(l, "proving", 0.5);
    sedge_status st = sedge_model_open(&m, l->best, NULL, err);
    if (st == SEDGE_OK)
        st = judge(l, &a, l->model, l->path, from, n, &l->r->score_before, err);
    if (st == SEDGE_OK)
        st = judge(l, &b, m, l->best, from, n, &l->r->score_after, err);
    if (st == SEDGE_OK) {
        sedge_eval_get(a, &ra);
        sedge_eval_get(b, &rb);
        l->r->drop = l->r->score_before - l->r->score_after;
        st = pairs(l, &ra, &rb, err);
    }
    sedge_eval_close(&a);
    sedge_eval_close(&b);
    sedge_model_close(&m);
    return st;
}

/* The limit that is missed most, and by how much. */
static void say_missed(ladder *l)
{
    sedge_fit_result *r = l->r;
    const sedge_fit_rung *x = &r->rung[r->chosen];
    const double ms = l->o->max_ms > 0 ? x->ms_high / l->o->max_ms : 0;
    const double bytes = l->o->max_bytes > 0 ? (double)x->bytes / (double)l->o->max_bytes : 0;
    if (r->met)
        return;
    if (ms > 1 && ms >= bytes)
        snprintf(r->missed, sizeof r->missed,
                 "an answer takes up to %.3g ms (99 of 100), the limit is %.3g ms: a smaller input or a smaller model would help",
                 x->ms_high, l->o->max_ms);
    else if (bytes > 1)
        snprintf(r->missed, sizeof r->missed, "the file has %lld bytes, the limit is %lld: a model with fewer weights would help",
                 (long long)x->bytes, (long long)l->o->max_bytes);
    else if (x->drop > may_drop(l, l->parts.choose))
        snprintf(r->missed, sizeof r->missed,
                 "%s drops by %.2f points on the samples that choose, the limit is %.2f: training with quantization would help",
                 r->measure, 100 * x->drop, 100 * l->max_drop);
    else if (r->drop > may_drop(l, l->parts.prove))
        snprintf(
            r->missed, sizeof r->missed,
            "%s drops by %.2f points on the samples that prove, the limit is %.2f (95 %%: %.2f to %.2f): more samples would tell",
            r->measure, 100 * r->drop, 100 * l->max_drop, 100 * r->drop_low, 100 * r->drop_high);
    else
        snprintf(r->missed, sizeof r->missed, "it is slower than the model as it was");
}

/* ---- the whole ------------------------------------------------------------------------------------------ */

static sedge_status open_all(ladder *l, sg_err *err)
{
    sedge_data_opts d;
    sedge_task_opts t;
    sg_err why = {.status = SEDGE_OK};
    sedge_data_opts_init(&d);
    sedge_task_opts_init(&t);
    t.card = l->o->card;
    d.labels = l->o->labels;
    SG_TRY(sedge_model_open(&l->model, l->path, NULL, err));
    sedge_data_windows(&d, l->model, l->path, &t);
    SG_TRY(sedge_data_open(&l->data, l->o->data, &d, err));
    const sedge_status st = sg_carded_open(&l->carded, l->model, l->path, l->o->card, l->data, &why);
    if (st == SEDGE_OK) {
        l->all = sg_carded_samples(l->carded);
    } else if (l->data->form == SG_FORM_ARRAY && !l->o->card) {
        SG_TRY(sg_rows_of(&l->rows, &l->mem, l->model, &l->data->x, err));
        l->all = &l->rows.samples;
    } else {
        return sg_fail(err, st, "%s", why.msg);
    }
    SG_TRY(sg_parts_make(&l->parts, &l->mem, l->data, l->o->split, l->o->seed, err));
    l->parted = (sg_samples){.n = l->parts.n, .n_in = l->all->n_in, .get = parted, .ctx = l};
    sg_err no = {.status = SEDGE_OK};
    l->can_quantize = sg_quantizer_open(&l->q, &l->mem, l->model, &no) == SEDGE_OK;
    snprintf(l->no_quantizer, sizeof l->no_quantizer, "%s", no.msg);
    return SEDGE_OK;
}

static sedge_status fit(ladder *l, sg_err *err)
{
    sedge_fit_result *r = l->r;
    sedge_eval *e = NULL;
    struct stat sb;
    SG_TRY(open_all(l, err));
    if (snprintf(l->best, sizeof l->best, "%s.best", l->out) >= (int)sizeof l->best - 8)
        return sg_fail(err, SEDGE_E_LIMIT, "%s: the path is too long", l->out);
    snprintf(l->next, sizeof l->next, "%s.next", l->out);
    r->calibrated = l->parts.calibrate;
    r->chose = l->parts.choose;
    r->proved = l->parts.prove;
    r->left_out = l->parts.left_out;
    tell(l, "measuring the model as it is", 0.05);
    sedge_status st = judge(l, &e, l->model, l->path, l->parts.calibrate, l->parts.choose, &l->score, err);
    sedge_eval_close(&e);
    SG_TRY(st);
    SG_TRY(pace(l, &l->pace, l->model, l->path, err));
    r->ms_before = l->pace.ms;
    r->bytes_before = stat(l->path, &sb) == 0 ? sb.st_size : 0;
    SG_TRY(climb(l, err));
    SG_TRY(prove(l, err));
    const sedge_fit_rung *x = &r->rung[r->chosen];
    r->ms_after = x->ms;
    r->bytes_after = x->bytes;
    r->met = x->fits && r->drop <= may_drop(l, l->parts.prove);
    say_missed(l);
    return rename(l->best, l->out) == 0 ? SEDGE_OK : sg_fail(err, SEDGE_E_IO, "%s: %s", l->out, strerror(errno));
}

sedge_status sedge_fit(const char *path, const char *out, const sedge_fit_opts *opts, sedge_fit_result *result, sedge_error *err)
{
    sedge_error own = {0};
    err = err ? err : &own;
    ladder l = {.o = opts, .r = result, .path = path, .out = out, .least = HUGE_VAL};
    memset(result, 0, sizeof *result);
    result->chosen = -1;
    l.max_drop = opts->max_drop > 0 ? opts->max_drop : DROP;
    l.slower_is_fine = opts->max_bytes > 0 && !(opts->max_ms > 0);
    l.q.mem = l.q.arena.mem = l.q.calib.mem = l.rows.mem = l.rows.arena.mem = &l.mem;
    const sedge_status st = fit(&l, err);
    if (*l.next)
        remove(l.next);
    if (*l.best)
        remove(l.best);
    sg_quantizer_close(&l.q);
    sg_parts_free(&l.parts, &l.mem);
    sg_carded_close(&l.carded);
    sg_rows_close(&l.rows);
    sedge_data_close(&l.data);
    sedge_model_close(&l.model);
    return st;
}
