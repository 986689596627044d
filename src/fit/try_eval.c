/* Answers of a card on labelled samples: which are right, and how probable the truth was. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "fit/labels.h"
#include "fit/try.h"

#define LOSS_MAX 20.0f

/* ---- the truth ------------------------------------------------------------------------------ */

sedge_status sg_trial_labels(sg_trial *t, size_t n, sg_err *err)
{
    const sedge_task *shell = &t->set->shell;
    sg_labels l;
    SG_TRY(sg_labels_open(&l, shell, t->arena, t->label, n, err));
    for (size_t i = 0; i < t->n; i++) {
        const char *label = t->label[t->order[i]];
        int k = sg_labels_find(&l, label);
        if (k < 0)
            return sg_fail(err, SEDGE_E_VALUE, "try: label \"%.60s\" of the data is none of the card's %d labels", label,
                           shell->n_label);
        t->truth[i] = sg_labels_class(shell, k);
    }
    return SEDGE_OK;
}

/* ---- one run -------------------------------------------------------------------------------- */

sedge_status sg_trial_task(sg_trial *t, const sg_vector *v, bool strip, sedge_task **out, sg_err *err)
{
    json_t *root = sg_try_card(t->set, v);
    const char *folder = t->set->shell.card.folder;
    bool good = root && (!strip || sg_try_strip(t->set, root)) && json_object_set_new(root, "labels", json_null()) == 0 &&
                json_object_set_new(json_object_get(root, "answer"), "decide", json_null()) == 0;
    char *text = good ? json_dumps(root, JSON_COMPACT) : NULL;
    json_decref(root);
    if (!text)
        return sg_fail(err, SEDGE_E_NOMEM, "try: out of memory");
    sedge_task_opts opts = *t->opts;
    opts.card = NULL;
    opts.card_text = text;
    opts.folder = folder && !*folder ? "." : folder;
    sedge_status st = sg_task_open_on(out, t->model, NULL, &opts, &t->plan, err);
    free(text);
    return st;
}

sedge_status sg_trial_run(sg_trial *t, sedge_task *task, size_t i, sedge_answers *out, bool *data, sg_err *err)
{
    sedge_item s;
    memset(&s, 0, sizeof s);
    *data = true;
    SG_TRY(t->fn(t->ctx, &task->info, t->order[i], &s, err));
    *data = false;
    int32_t w, h;
    switch (task->source) {
    case SEDGE_SOURCE_IMAGE:
        sg_frame_upright(&s.frame, &w, &h);
        t->turned = t->turned || s.frame.turn > 1;
        t->sized = t->sized && w == t->set->w && h == t->set->h;
        return sedge_task_run_frame(task, &s.frame, out, err);
    case SEDGE_SOURCE_AUDIO: return sedge_task_run_audio(task, &s.audio, out, err);
    case SEDGE_SOURCE_SERIES: return sedge_task_run_rows(task, s.row, s.rows, s.columns, out, err);
    default: return sedge_task_run_text(task, s.text, s.text_size, out, err);
    }
}

/* ---- scores --------------------------------------------------------------------------------- */

/* Probabilities become their logarithms, so that both kinds of scores take a temperature alike. */
static void to_logits(float *s, size_t n)
{
    bool shares = true;
    for (size_t i = 0; i < n; i++)
        shares = shares && s[i] >= -1e-6f && s[i] <= 1 + 1e-6f;
    for (size_t i = 0; i < n; i++)
        s[i] = shares ? logf(s[i] > 1e-4f ? s[i] : 1e-4f) : s[i];
}

static void losses(sg_trial *t, sg_eval *e, size_t i, const float *z, size_t n, size_t best, int truth)
{
    for (int j = 0; j < SG_TEMPERATURES; j++) {
        float sum = 0, cold = ldexpf(1, 4 - j);
        for (size_t c = 0; c < n; c++)
            sum += expf((z[c] - z[best]) * cold);
        for (int o = 0; o < t->n_offset; o++) {
            int64_t k = truth + (int64_t)t->offset[o];
            float v = k >= 0 && k < (int64_t)n ? logf(sum) - (z[k] - z[best]) * cold : LOSS_MAX;
            e->loss[((size_t)o * SG_TEMPERATURES + (size_t)j) * t->n + i] = v < LOSS_MAX ? v : LOSS_MAX; /* NaN too */
        }
    }
}

static void misfits(sg_trial *t, sg_eval *e, size_t n)
{
    const sedge_task *shell = &t->set->shell;
    bool fits = !shell->label || shell->id_label || (n == 2 && shell->n_label == 2);
    for (int o = 0; o < t->n_offset; o++)
        e->misfit[o] = !fits && (int64_t)n != (int64_t)shell->n_label + shell->first + t->offset[o];
}

static sedge_status score_classes(sg_trial *t, sg_eval *e, size_t i, sedge_task *task, sg_err *err)
{
    size_t n = task->n_score, best = 0;
    float *s = task->scores.p;
    const json_t *bg = sg_get(sg_get(task->answer, "scores"), "background");
    if (n == 1) { /* one probability: of the second class */
        s[1] = s[0];
        s[0] = 1 - s[1];
        n = 2;
    }
    if (n == 0 || n > 1 << 20)
        return sg_fail(err, SEDGE_E_SHAPE, "try: the output has %zu classes", n);
    if (i == 0)
        misfits(t, e, n);
    to_logits(s, n);
    if (bg && json_integer_value(bg) < (json_int_t)n)
        s[json_integer_value(bg)] = -1e4f;
    for (size_t c = 1; c < n; c++)
        best = s[c] > s[best] ? c : best;
    for (int o = 0; o < t->n_offset; o++)
        e->right[(size_t)o * t->n + i] = !isnan(s[best]) && (int64_t)best == t->truth[i] + (int64_t)t->offset[o];
    losses(t, e, i, s, n, best, t->truth[i]);
    return SEDGE_OK;
}

static sedge_status score(sg_trial *t, sg_eval *e, size_t i, sedge_task *task, const sedge_answers *a, sg_err *err)
{
    if (task->head == SG_HEAD_CLASSES)
        return score_classes(t, e, i, task, err);
    bool text = task->head == SG_HEAD_CTC;
    for (int o = 0; o < t->n_offset; o++)
        e->right[(size_t)o * t->n + i] = a->n > 0 && (text ? strcmp(a->answer[0].text, t->label[t->order[i]]) == 0
                                                           : a->answer[0].label == t->truth[i] + t->offset[o]);
    return SEDGE_OK;
}

static sedge_status room(sg_trial *t, sg_eval *e, bool classes, sg_err *err)
{
    if (!e->right)
        e->right = sg_arena_array(t->arena, t->n, SG_OFFSETS);
    if (!e->loss && classes)
        e->loss = sg_arena_array(t->arena, t->n * SG_OFFSETS, SG_TEMPERATURES * sizeof *e->loss);
    return e->right && (e->loss || !classes) ? SEDGE_OK : sg_fail(err, SEDGE_E_NOMEM, "try: out of memory");
}

static sedge_status refused(sg_trial *t, sg_eval *e, const sg_err *why, sg_err *err)
{
    if (why->status == SEDGE_E_NOMEM || why->status == SEDGE_E_CANCELLED)
        return sg_fail(err, why->status, "%s", why->msg);
    e->why = sg_arena_str(t->arena, why->msg, strlen(why->msg));
    return e->why ? SEDGE_OK : sg_fail(err, SEDGE_E_NOMEM, "try: out of memory");
}

sedge_status sg_eval_run(sg_trial *t, sg_eval *e, size_t to, sg_err *err)
{
    sedge_task *task = NULL;
    sg_err why = {.status = SEDGE_OK};
    if (e->why || e->done >= to)
        return SEDGE_OK;
    sedge_status st = sg_trial_task(t, &e->v, false, &task, &why);
    if (st == SEDGE_OK)
        st = room(t, e, task->head == SG_HEAD_CLASSES, &why);
    bool data = false, stopped = false;
    for (size_t i = e->done; st == SEDGE_OK && i < to; i++) {
        sedge_answers a;
        st = sedge_task_reset(task, &why);
        if (st == SEDGE_OK)
            st = sg_trial_run(t, task, i, &a, &data, &why);
        if (st == SEDGE_OK)
            st = score(t, e, i, task, &a, &why);
        e->done = st == SEDGE_OK ? i + 1 : e->done;
        stopped = st == SEDGE_OK && (st = t->tick(t, &why)) != SEDGE_OK;
    }
    sedge_task_close(&task);
    if (st == SEDGE_OK)
        return SEDGE_OK;
    if (data || stopped)
        return sg_fail(err, st, "%s", why.msg);
    return refused(t, e, &why, err);
}
