/* sedge_quantize: calibrate on most samples, choose and compare on the others. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "export/export.h"
#include "fit/quantize.h"
#include "run/api.h"
#include "sedge/fit.h"

/* Samples that are taken when nobody says; that roundings are found on. */
enum { DEFAULT_LIMIT = 512, ROUND = 32 };

void sedge_quantize_opts_init(sedge_quantize_opts *opts)
{
    memset(opts, 0, sizeof *opts);
}

typedef struct job {
    const sedge_quantize_opts *o;
    sedge_quantize_result *r;
    sg_mem mem;
    sedge_model *model;
    sg_rows rows;
    sedge_data *data;
    sg_carded *carded;
    const sg_samples *all;
    sg_quantizer q;
    sg_outputs want, got;
    size_t n, split; /* samples, and how many of them calibrate */
    int stored; /* sg_stored; -1: activations are integers too */
    const char *what;
    double base, share; /* of the progress of `what` */
} job;

/* Every n-th of all samples, the last of every four at the end: those compare. */
static sedge_status picked(void *ctx, size_t i, sedge_tensor *in, sg_err *err)
{
    job *j = ctx;
    const size_t k = i < j->split ? i + i / 3 : 4 * (i - j->split) + 3;
    return j->all->get(j->all->ctx, (k < j->n ? k : j->n - 1) * j->all->n / j->n, in, err);
}

static void part(void *ctx, double done)
{
    const job *j = ctx;
    if (j->o->progress)
        j->o->progress(j->o->progress_ctx, j->what, j->base + done * j->share);
}

static int method_named(const char *name)
{
    for (int k = 0; k < SG_RANGE_METHODS; k++)
        if (strcmp(name, sg_range_names[k]) == 0)
            return k;
    return -1;
}

/* Tensors whose range differs by half between thirds of the samples. */
static void find_unstable(job *j)
{
    double worst = 1.5;
    for (size_t v = 1; v < j->q.calib.n_value; v++) {
        const sg_seen *s = j->q.calib.seen[v];
        const double spread = s ? sg_seen_spread(s) : 1;
        if (spread <= 1.5)
            continue;
        j->r->unstable++;
        if (spread > worst) {
            const char *name = j->q.source->value[v].name;
            worst = spread;
            snprintf(j->r->unstable_name, sizeof j->r->unstable_name, "%s", name ? name : "a tensor without name");
        }
    }
}

/* The model as `how` or, of weights alone, `stored` says. */
static sedge_status make(job *j, const sg_quant_how *how, sedge_model **m, sg_quant_done *done, sg_err *err)
{
    return j->stored >= 0 ? sg_quantizer_store(&j->q, (sg_stored)j->stored, m, done, err)
                          : sg_quantizer_make(&j->q, how, m, done, err);
}

static sedge_status judge(job *j, const sg_samples *s, const sg_quant_how *how, sg_likeness *like, sg_quant_done *done,
                          sg_err *err)
{
    sedge_model *model = NULL;
    sg_outputs_free(&j->got);
    SG_TRY(make(j, how, &model, done, err));
    const sedge_status st = sg_outputs_run(&j->got, model, s, j->split, j->n, &like->seconds, part, j, err);
    sedge_model_close(&model);
    SG_TRY(st);
    const double seconds = like->seconds;
    *like = sg_outputs_compare(&j->want, &j->got);
    like->seconds = seconds;
    return SEDGE_OK;
}

static void take(job *j, const sg_likeness *like, const sg_quant_done *done)
{
    j->r->snr_db = like->snr_db;
    j->r->top1 = like->top1;
    j->r->ms_after = like->seconds * 1e3;
    j->r->layers = done->layers;
    j->r->kept = done->high;
    j->r->kept_weights = done->high_weights > 0 ? done->high_weights / (done->high_weights + done->weights) : 0;
}

/* The method whose outputs are nearest to the float model's. */
static sedge_status choose(job *j, const sg_samples *s, sg_quant_how *best, sg_err *err)
{
    double nearest = -HUGE_VAL;
    const int only = j->stored >= 0 ? 0 : j->o->method ? method_named(j->o->method) : -1;
    if (j->o->method && only < 0)
        return sg_fail(err, SEDGE_E_ARG, "no method %s: there are minmax, percentile, entropy, mse", j->o->method);
    j->what = "comparing";
    j->share = only >= 0 ? 1 : 1.0 / (int)SG_RANGE_METHODS;
    for (int m = 0; m < SG_RANGE_METHODS; m++) {
        if (only >= 0 && m != only)
            continue;
        const sg_quant_how how = {.method = (sg_range_method)m, .correct = !j->o->no_correction};
        sg_quant_done done;
        sg_likeness like = {0};
        j->base = only >= 0 ? 0 : m * j->share;
        SG_TRY(judge(j, s, &how, &like, &done, err));
        if (like.snr_db > nearest || nearest == -HUGE_VAL) {
            nearest = like.snr_db;
            *best = how;
            take(j, &like, &done);
            snprintf(j->r->method, sizeof j->r->method, "%s", sg_range_names[m]);
        }
    }
    return SEDGE_OK;
}

/* Leaves tensors float, one more each time, until the outputs are near enough. */
static sedge_status mix(job *j, const sg_samples *s, sg_quant_how *how, sg_err *err)
{
    sg_mixed mixed;
    const size_t some = j->n - j->split < 32 ? j->n - j->split : 32;
    j->what = "measuring each layer";
    j->base = 0;
    j->share = 1;
    SG_TRY(sg_mixed_rank(&mixed, &j->q, how, s, j->split, j->split + some, part, j, err));
    const char *name = mixed.n ? j->q.source->value[mixed.value[0]].name : NULL;
    snprintf(j->r->kept_name, sizeof j->r->kept_name, "%s", name ? name : "a tensor without name");
    j->what = "mixing";
    for (size_t k = 1; j->r->snr_db < j->o->snr_db && k <= mixed.n; k++) {
        sg_likeness like = {0};
        sg_quant_done done;
        if (!(how->high = sg_mixed_high(&mixed, &j->q, k)))
            return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
        SG_TRY(judge(j, s, how, &like, &done, err));
        take(j, &like, &done);
    }
    return SEDGE_OK;
}

static sedge_status open_samples(job *j, const char *path, sg_err *err)
{
    if (j->o->n_rows) {
        SG_TRY(sg_rows_open(&j->rows, &j->mem, j->model, j->o->rows, j->o->n_rows, err));
        j->all = &j->rows.samples;
    } else if (j->o->data) {
        SG_TRY(sedge_data_open(&j->data, j->o->data, NULL, err));
        SG_TRY(sg_carded_open(&j->carded, j->model, path, j->o->card, j->data, err));
        j->all = sg_carded_samples(j->carded);
    } else {
        return sg_fail(err, SEDGE_E_ARG, "no samples: quantization needs some that are like those of the field");
    }
    const size_t limit = j->o->limit ? j->o->limit : DEFAULT_LIMIT;
    j->n = j->all->n < limit ? j->all->n : limit;
    j->split = j->n - j->n / 4;
    return j->n >= 4 ? SEDGE_OK : sg_fail(err, SEDGE_E_ARG, "%zu samples are too few: at least 4", j->n);
}

/* The file, with where it comes from and its card. */
static sedge_status write(job *j, const sg_quant_how *how, const char *out, sg_err *err)
{
    char how_text[128];
    if (j->stored >= 0)
        snprintf(how_text, sizeof how_text, "weights as %s", sg_stored_names[j->stored]);
    else
        snprintf(how_text, sizeof how_text, "int8, ranges by %s from %zu samples", sg_range_names[how->method], j->split);
    const sg_import_meta meta[] = {{"sedge.quantize", how_text}, {"sedge.card", j->carded ? sg_carded_text(j->carded) : NULL}};
    const sg_export_opts eo = {.info = &j->model->info, .meta = meta, .n_meta = j->carded ? 2 : 1};
    sedge_model *m = NULL;
    sg_quant_done done;
    if (j->carded && !meta[1].value)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    SG_TRY(make(j, how, &m, &done, err));
    const sedge_status st = sg_export_onnx(m->graph, &eo, out, err);
    sedge_model_close(&m);
    return st;
}

/* What is told of the result is told of the file as it was written. */
static sedge_status judge_file(job *j, const sg_samples *s, const char *out, sg_err *err)
{
    sedge_model *m = NULL;
    struct stat sb;
    double seconds = 0;
    sg_outputs_free(&j->got);
    sedge_status st = sedge_model_open(&m, out, NULL, err);
    if (st == SEDGE_OK)
        st = sg_outputs_run(&j->got, m, s, j->split, j->n, &seconds, NULL, NULL, err);
    sedge_model_close(&m);
    SG_TRY(st);
    const sg_likeness like = sg_outputs_compare(&j->want, &j->got);
    j->r->snr_db = like.snr_db;
    j->r->top1 = like.top1;
    j->r->ms_after = seconds * 1e3;
    j->r->bytes_after = stat(out, &sb) == 0 ? sb.st_size : 0;
    return SEDGE_OK;
}

static int stored_named(const char *name)
{
    for (int k = 0; k < SG_STORED_KINDS; k++)
        if (strcmp(name, sg_stored_names[k]) == 0)
            return k;
    return -1;
}

static sedge_status quantize(job *j, const char *path, const char *out, sg_err *err)
{
    sg_quant_how how = {0};
    struct stat sb;
    double seconds = 0;
    j->stored = j->o->weights ? stored_named(j->o->weights) : -1;
    if (j->o->weights && j->stored < 0)
        return sg_fail(err, SEDGE_E_ARG, "no weights of type %s: there are f16, int8, int4", j->o->weights);
    SG_TRY(sedge_model_open(&j->model, path, NULL, err));
    SG_TRY(open_samples(j, path, err));
    SG_TRY(sg_quantizer_open(&j->q, &j->mem, j->model, err));
    const sg_samples s = {.n = j->n, .n_in = j->all->n_in, .get = picked, .ctx = j};
    j->what = "calibrating";
    j->share = 1;
    SG_TRY(sg_quantizer_see(&j->q, &s, 0, j->split, part, j, err));
    j->what = "rounding";
    if (j->stored != SG_STORED_F16 && !j->o->no_correction)
        SG_TRY(sg_quantizer_learn(&j->q, j->stored == SG_STORED_INT4 ? 4 : 8, 0, &s, 0, j->split < ROUND ? j->split : ROUND, part,
                                  j, err));
    SG_TRY(sg_outputs_run(&j->want, j->model, &s, j->split, j->n, &seconds, NULL, NULL, err));
    j->r->ms_before = seconds * 1e3;
    j->r->calibrated = j->split;
    j->r->compared = j->n - j->split;
    SG_TRY(choose(j, &s, &how, err));
    if (j->stored < 0 && j->r->snr_db < j->o->snr_db)
        SG_TRY(mix(j, &s, &how, err));
    find_unstable(j);
    j->r->bytes_before = stat(path, &sb) == 0 ? sb.st_size : 0;
    if (!out)
        return SEDGE_OK;
    SG_TRY(write(j, &how, out, err));
    return judge_file(j, &s, out, err);
}

sedge_status sedge_quantize(const char *path, const char *out, const sedge_quantize_opts *opts, sedge_quantize_result *result,
                            sedge_error *err)
{
    sedge_error own = {0};
    job j = {.o = opts, .r = result};
    err = err ? err : &own;
    memset(result, 0, sizeof *result);
    j.want.mem = j.got.mem = &j.mem;
    j.q.mem = j.q.arena.mem = j.rows.mem = &j.mem;
    j.rows.arena.mem = &j.mem;
    const sedge_status st = quantize(&j, path, out, err);
    sg_outputs_free(&j.want);
    sg_outputs_free(&j.got);
    sg_quantizer_close(&j.q);
    sg_carded_close(&j.carded);
    sedge_data_close(&j.data);
    sg_rows_close(&j.rows);
    sedge_model_close(&j.model);
    return st;
}
