/* Evaluation: samples go through the task, a judge looks at each answer, measures follow. */
#include "fit/eval.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"

#define PROBE       64 /* samples that are looked at first */
#define PROBE_LEAST 20 /* of fewer nothing can be said */

sedge_status sg_eval_no_memory(sg_err *err)
{
    return sg_fail(err, SEDGE_E_NOMEM, "eval: out of memory");
}

void sedge_eval_opts_init(sedge_eval_opts *opts)
{
    memset(opts, 0, sizeof *opts);
}

sg_row *sg_eval_add(sedge_eval *e, sedge_outcome **outcome)
{
    if (sg_grow(&e->mem, &e->outcome, &e->cap, e->n + 1, sizeof *e->outcome) != SEDGE_OK ||
        sg_grow(&e->mem, &e->row, &e->cap_row, e->n + 1, sizeof *e->row) != SEDGE_OK)
        return NULL;
    *outcome = &e->outcome[e->n];
    **outcome = (sedge_outcome){.sample = e->current, .truth = -1, .guess = -1};
    memset(&e->row[e->n], 0, sizeof *e->row);
    return &e->row[e->n++];
}

const char *sg_eval_bad(sedge_eval *e, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e->bad_text, sizeof e->bad_text, fmt, ap);
    va_end(ap);
    return e->bad_text;
}

/* ---- opening -------------------------------------------------------------------------------- */

/* Rows as they are, and scores of classes: for models that nobody wrote a card for. */
static sedge_status open_plain(sedge_eval *e, const sedge_model *model, const sedge_task_opts *opts, sedge_task **out,
                               sg_err *err)
{
    char card[256];
    long long each = 1;
    for (int k = 1; k < e->data->x.rank; k++)
        each *= e->data->x.dim[k];
    snprintf(card, sizeof card,
             "{\"sedge_card\":1,\"task\":\"classify\",\"inputs\":{\"0\":{\"series\":{\"columns\":%lld}}},"
             "\"answer\":{\"head\":\"classes\"},\"from\":\"rows as they are\"}",
             each);
    sedge_task_opts o = *opts;
    o.card_text = card;
    return sedge_task_open(out, model, NULL, &o, err);
}

static sedge_status open_task(sedge_eval *e, const sedge_model *model, const char *path, const sedge_task_opts *opts,
                              sedge_task **out, sg_err *err)
{
    sg_err why = {.status = SEDGE_OK};
    sedge_status st = sedge_task_open(out, model, path, opts, &why);
    bool plain = st == SEDGE_E_NOT_FOUND && strstr(why.msg, "no card") && e->data->form == SG_FORM_ARRAY;
    if (st == SEDGE_OK)
        return st;
    return plain ? open_plain(e, model, opts, out, err) : sg_fail(err, st, "%s", why.msg);
}

static bool streams(const sedge_eval *e)
{
    return (e->task->source == SEDGE_SOURCE_AUDIO || e->task->source == SEDGE_SOURCE_SERIES) && e->task->window;
}

static sedge_status choose_judge(sedge_eval *e, sg_err *err)
{
    const sedge_task *t = e->task;
    sg_truth truth = e->data->truth;
    bool decides = t->decide_fields && sg_get(t->decide_fields, "on");
    if (e->how.stream && !streams(e))
        return sg_fail(err, SEDGE_E_ARG, "eval: a stream needs sound or series and a window, which the card lacks");
    if (!e->reference && (e->how.stream || truth == SG_TRUTH_EVENTS || (decides && streams(e) && t->lead))) {
        bool scored = t->head == SG_HEAD_RESIDUAL || t->head == SG_HEAD_VALUE;
        if (!streams(e))
            return sg_fail(err, SEDGE_E_ARG, "eval: events are found in sound or series with a window, which the card lacks");
        if (!decides && !scored)
            return sg_fail(err, SEDGE_E_ARG, "eval: alarms need answer.decide.on, which the card lacks");
        e->judge = decides ? &sg_judge_alarms : &sg_judge_anomaly;
        return SEDGE_OK;
    }
    switch (t->head) {
    case SG_HEAD_CLASSES: e->judge = &sg_judge_classes; break;
    case SG_HEAD_MASK: e->judge = truth == SG_TRUTH_BOXES ? &sg_judge_boxes : &sg_judge_mask; break;
    case SG_HEAD_KEYPOINTS: e->judge = &sg_judge_points; break;
    case SG_HEAD_CTC: e->judge = &sg_judge_text; break;
    case SG_HEAD_EMBEDDING: e->judge = &sg_judge_vector; break;
    case SG_HEAD_VALUE: e->judge = &sg_judge_value; break;
    case SG_HEAD_RESIDUAL: e->judge = e->reference ? &sg_judge_value : &sg_judge_anomaly; break;
    default: e->judge = &sg_judge_boxes;
    }
    bool boxes = e->judge == &sg_judge_boxes || e->judge == &sg_judge_points;
    if (!e->reference && boxes != (truth == SG_TRUTH_BOXES))
        return sg_fail(err, SEDGE_E_ARG,
                       boxes ? "eval: the card finds %s, so labels must be COCO's JSON"
                             : "eval: labels are boxes, the card's answer is %s",
                       e->judge->name);
    if (!e->reference && truth == SG_TRUTH_NONE)
        return sg_fail(err, SEDGE_E_ARG, "%s: no labels: give --labels F, or --reference MODEL to compare with another model",
                       e->data->path);
    return SEDGE_OK;
}

/* Samples of one group are drawn together; one without a group is its own. */
static sedge_status number_groups(sedge_eval *e, sg_err *err)
{
    const sedge_data *d = e->data;
    int32_t *of = sg_calloc(&e->mem, d->words.n + 1, sizeof *of);
    e->group = sg_arena_array(&e->arena, d->n + 1, sizeof *e->group);
    if (!of || !e->group) {
        sg_free(&e->mem, of, (d->words.n + 1) * sizeof *of);
        return sg_eval_no_memory(err);
    }
    for (size_t i = 0; i < d->n; i++) {
        int32_t word = d->entry[i].group;
        if (word < 0) {
            e->group[i] = (uint32_t)e->n_group++;
            continue;
        }
        e->grouped = e->grouped || of[word];
        if (!of[word])
            of[word] = (int32_t)++e->n_group;
        e->group[i] = (uint32_t)of[word] - 1;
    }
    sg_free(&e->mem, of, (d->words.n + 1) * sizeof *of);
    return SEDGE_OK;
}

static sedge_status match_labels(sedge_eval *e, sg_err *err)
{
    const sedge_data *d = e->data;
    const char **used = sg_calloc(&e->mem, d->words.n + 1, sizeof *used);
    e->class_of = sg_arena_array(&e->arena, d->words.n + 1, sizeof *e->class_of);
    sedge_status st = used && e->class_of ? SEDGE_OK : sg_eval_no_memory(err);
    for (size_t k = 0; st == SEDGE_OK && k < d->words.n; k++)
        e->class_of[k] = -2;
    for (size_t i = 0; st == SEDGE_OK && i < d->n; i++)
        if (d->entry[i].label >= 0)
            used[d->entry[i].label] = d->words.word[d->entry[i].label];
    for (size_t i = 0; st == SEDGE_OK && i < d->n_thing; i++)
        if (d->thing[i].label >= 0)
            used[d->thing[i].label] = d->words.word[d->thing[i].label];
    if (st == SEDGE_OK)
        st = sg_labels_open(&e->labels, e->task, &e->arena, used, d->words.n, err);
    /* A card without labels has COCO's classes in the order of their ids. */
    for (size_t k = 0; st == SEDGE_OK && !e->task->n_label && k < d->n_category; k++)
        e->class_of[d->category[k]] = (int32_t)k;
    sg_free(&e->mem, used, (d->words.n + 1) * sizeof *used);
    return st;
}

/* ---- one sample ----------------------------------------------------------------------------- */

sedge_status sg_eval_answer(sedge_task *t, const sedge_item *s, sedge_answers *out, sg_err *err)
{
    SG_TRY(sedge_task_reset(t, err));
    switch (t->source) {
    case SEDGE_SOURCE_IMAGE: return sedge_task_run_frame(t, &s->frame, out, err);
    case SEDGE_SOURCE_AUDIO: return sedge_task_run_audio(t, &s->audio, out, err);
    case SEDGE_SOURCE_SERIES: return sedge_task_run_rows(t, s->row, s->rows, s->columns, out, err);
    case SEDGE_SOURCE_TEXT: return sedge_task_run_text(t, s->text, s->text_size, out, err);
    default: return sg_fail(err, SEDGE_E_UNSUPPORTED, "eval: a card without a source has nothing to read data for");
    }
}

typedef struct window {
    sedge_eval *e;
    const sg_known *known;
    const char **bad;
    sedge_status st;
    sg_err *err;
    const sedge_item *item;
} window;

static sedge_status tell(sedge_eval *e, const sedge_item *s, const sedge_answers *a, sg_err *err)
{
    if (e->probing || !e->how.each || e->how.each(e->how.each_ctx, e->task, s, a) == 0)
        return SEDGE_OK;
    return sg_fail(err, SEDGE_E_CANCELLED, "eval: cancelled");
}

static void count_time(sedge_eval *e, const sedge_answers *a)
{
    e->pre_ms += a->pre_ms;
    e->run_ms += a->run_ms;
    e->post_ms += a->post_ms;
}

static int take_window(void *ctx, const sedge_answers *a)
{
    window *w = ctx;
    count_time(w->e, a);
    w->st = w->e->judge->take(w->e, w->known, a, w->bad, w->err);
    if (w->st == SEDGE_OK && !*w->bad)
        w->st = tell(w->e, w->item, a, w->err);
    return w->st != SEDGE_OK || *w->bad;
}

/* Every window of a stream, then its end. */
static sedge_status take_stream(sedge_eval *e, const sedge_item *s, const sg_known *k, const char **bad, sg_err *why, sg_err *err)
{
    window w = {e, k, bad, SEDGE_OK, err, s};
    SG_TRY(sedge_task_reset(e->task, why));
    if (e->task->source == SEDGE_SOURCE_AUDIO) {
        SG_TRY(sedge_task_push_audio(e->task, &s->audio, take_window, &w, why));
        SG_TRY(sedge_task_push_audio(e->task, NULL, take_window, &w, why));
        e->stream_seconds = (double)s->audio.frames / s->audio.rate;
    } else {
        SG_TRY(sedge_task_push_rows(e->task, s->row, s->rows, s->columns, take_window, &w, why));
        SG_TRY(sedge_task_push_rows(e->task, NULL, 0, s->columns, take_window, &w, why));
        e->stream_seconds = (double)s->rows / (e->task->info.rate ? e->task->info.rate : 1);
    }
    SG_TRY(w.st);
    return *bad ? SEDGE_OK : e->judge->take(e, k, NULL, bad, err);
}

/* A failure of the sample is told from one of ours by which record it is in. */
static sedge_status take_sample(sedge_eval *e, const sedge_item *s, const char **bad, sg_err *err)
{
    sg_err why = {.status = SEDGE_OK};
    sg_known known;
    sedge_answers a, ref;
    size_t had = e->n;
    SG_TRY(sg_known_of(e, e->current, &known, bad, err));
    if (*bad)
        return SEDGE_OK;
    sedge_status st = SEDGE_OK;
    if (e->reference) {
        st = sg_eval_answer(e->reference, s, &ref, &why);
        known.answers = &ref;
    }
    if (st == SEDGE_OK && e->judge->windows(e)) {
        st = take_stream(e, s, &known, bad, &why, err);
    } else if (st == SEDGE_OK && (st = sg_eval_answer(e->task, s, &a, &why)) == SEDGE_OK) {
        count_time(e, &a);
        e->n_cut += a.truncated != 0;
        st = e->judge->take(e, &known, &a, bad, err);
        if (st == SEDGE_OK && !*bad)
            st = tell(e, s, &a, err);
    }
    if (*bad || why.status != SEDGE_OK)
        e->n = had;
    if (why.status == SEDGE_OK)
        return st;
    if (why.status == SEDGE_E_NOMEM || why.status == SEDGE_E_CANCELLED)
        return sg_fail(err, why.status, "%s", why.msg);
    *bad = sg_eval_bad(e, "%s", why.msg);
    return SEDGE_OK;
}

static sedge_status take_samples(sedge_eval *e, sg_stream *s, bool quiet, sg_err *err)
{
    sedge_item item;
    bool more;
    for (;;) {
        SG_TRY(sg_stream_next(s, &item, &more, err));
        if (!more)
            return SEDGE_OK;
        const char *bad = NULL;
        e->current = s->index;
        SG_TRY(take_sample(e, &item, &bad, err));
        if (bad) {
            char text[512];
            snprintf(text, sizeof text, "%s: %s", item.name, bad);
            SG_TRY(sg_stream_bad(s, text, err));
        }
        double part = (double)(s->at + (size_t)s->next) / (double)s->n;
        if (!quiet && e->how.progress && e->how.progress(e->how.ctx, part) != 0)
            return sg_fail(err, SEDGE_E_CANCELLED, "eval: cancelled");
    }
}

static sedge_status run(sedge_eval *e, const size_t *sample, size_t n, bool probe, sg_err *err)
{
    sg_stream s;
    sedge_status st = sg_stream_open(&s, e->data, &e->task->info, sample, n, (int)e->how.threads, probe || e->how.anyway, err);
    if (st == SEDGE_OK)
        st = take_samples(e, &s, probe, err);
    e->samples = s.n;
    if (st == SEDGE_OK && !probe && s.n_bad) {
        e->bad = sg_arena_array(&e->arena, s.n_bad, sizeof *e->bad);
        for (size_t i = 0; e->bad && i < s.n_bad; i++)
            e->bad[i] = (sedge_bad_sample){s.bad[i].index, sg_arena_str(&e->arena, s.bad[i].why, strlen(s.bad[i].why))};
        e->n_bad = s.n_bad;
        st = e->bad && !e->arena.lost ? SEDGE_OK : sg_eval_no_memory(err);
    }
    if (st == SEDGE_OK && !probe && e->n == 0)
        st = sg_fail(err, SEDGE_E_VALUE, "no sample could be judged; the first: %s", s.n_bad ? s.bad[0].why : "there is none");
    if (st == SEDGE_OK && probe && e->n == 0 && s.n_bad)
        st = sg_fail(err, SEDGE_E_VALUE, "no sample of %zu could be judged; the first: %s", s.n, s.bad[0].why);
    sg_stream_close(&s);
    return st;
}

/* ---- the first look ------------------------------------------------------------------------- */

static void forget(sedge_eval *e)
{
    e->n = 0;
    e->n_cut = 0;
    e->pre_ms = e->run_ms = e->post_ms = 0;
    if (e->judge->free)
        e->judge->free(e);
    e->state = NULL;
}

/* A few samples, evenly picked: where what comes of them looks like a wrong card, the detective says what is wrong with it. */
static sedge_status first_look(sedge_eval *e, const size_t *sample, size_t n, sg_err *err)
{
    size_t pick[PROBE], m = n < PROBE ? n : PROBE;
    if (e->how.anyway || e->reference || !e->judge->doubt || n < PROBE_LEAST)
        return SEDGE_OK;
    for (size_t k = 0; k < m; k++) {
        size_t at = (size_t)(((double)k + 0.5) * (double)n / (double)m);
        pick[k] = sample ? sample[at] : at;
    }
    e->probing = true;
    SG_TRY(run(e, pick, m, true, err));
    e->probing = false;
    const char *doubt = e->n >= PROBE_LEAST ? e->judge->doubt(e) : NULL;
    sedge_status st = doubt ? sg_sanity_fail(e, doubt, err) : SEDGE_OK;
    forget(e);
    return st;
}

/* ---- the whole ------------------------------------------------------------------------------ */

static sedge_status evaluate(sedge_eval *e, const sedge_model *model, const sedge_task_opts *opts, sg_err *err)
{
    double start = sg_now();
    const size_t *sample = e->how.sample;
    size_t n = sample ? e->how.n : e->data->n;
    SG_TRY(open_task(e, model, e->path, opts, &e->task, err));
    if (e->how.reference) {
        sedge_task_opts o = *opts;
        o.card = e->how.reference_card ? e->how.reference_card : opts->card;
        SG_TRY(open_task(e, e->how.reference, e->how.reference_path, &o, &e->reference, err));
        if (e->reference->source != e->task->source || e->reference->head != e->task->head)
            return sg_fail(err, SEDGE_E_ARG, "eval: the reference's card takes or gives something else than the model's");
    }
    SG_TRY(choose_judge(e, err));
    SG_TRY(number_groups(e, err));
    SG_TRY(match_labels(e, err));
    SG_TRY(first_look(e, sample, n, err));
    SG_TRY(run(e, sample, n, false, err));
    if (e->judge->end)
        SG_TRY(e->judge->end(e, err));
    SG_TRY(sg_measure_all(e, err));
    e->seconds = sg_now() - start;
    return SEDGE_OK;
}

sedge_status sedge_eval_open(sedge_eval **out, const sedge_model *model, const char *path, const sedge_task_opts *opts,
                             sedge_data *data, const sedge_eval_opts *how, sedge_error *err)
{
    sedge_task_opts plain;
    sedge_task_opts_init(&plain);
    *out = NULL;
    sedge_eval *e = calloc(1, sizeof *e);
    if (!e)
        return sg_eval_no_memory(err);
    e->arena.mem = &e->mem;
    e->data = data;
    e->model = model;
    e->path = path;
    e->opts = opts ? *opts : plain;
    if (how)
        e->how = *how;
    e->temperature = e->ece_before = e->ece_after = NAN;
    sedge_status st = evaluate(e, model, &e->opts, err);
    if (st == SEDGE_OK)
        *out = e;
    else
        sedge_eval_close(&e);
    return st;
}

void sedge_eval_get(const sedge_eval *e, sedge_eval_result *out)
{
    *out = (sedge_eval_result){
        .kind = e->reference ? "fidelity" : "accuracy",
        .head = e->judge->name,
        .n_metric = e->n_metric,
        .metric = e->metric,
        .n_outcome = e->n,
        .outcome = e->outcome,
        .n_class = e->n_cls,
        .cls = e->cls,
        .confusion = e->confusion,
        .n_risk = e->n_risk,
        .risk = e->risk,
        .temperature = e->temperature,
        .ece_before = e->ece_before,
        .ece_after = e->ece_after,
        .n_bad = e->n_bad,
        .bad = e->bad,
        .samples = e->samples,
        .cut = e->n_cut,
        .seconds = e->seconds,
        .pre_ms = e->pre_ms,
        .run_ms = e->run_ms,
        .post_ms = e->post_ms,
    };
}

void sedge_eval_close(sedge_eval **eval)
{
    sedge_eval *e = *eval;
    if (!e)
        return;
    if (e->judge && e->judge->free)
        e->judge->free(e);
    sedge_task_close(&e->task);
    sedge_task_close(&e->reference);
    sedge_image_free(&e->mask);
    sg_map_close(&e->mask_file);
    sg_free(&e->mem, e->things, e->cap_things * sizeof *e->things);
    sg_free(&e->mem, e->outcome, e->cap * sizeof *e->outcome);
    sg_free(&e->mem, e->row, e->cap_row * sizeof *e->row);
    sg_arena_free(&e->arena);
    free(e);
    *eval = NULL;
}
