/* Heads that give classes, numbers, vectors and text; labels. */
#include <math.h>
#include <stdio.h>

#include "base/map.h"
#include "task/run.h"

#include "tensor/dtype.h"

/* ---- labels ------------------------------------------------------------------------------- */

static sedge_status label_lines(sedge_task *t, const char *file, const char ***out, int *n, sg_err *err)
{
    sg_map map;
    SG_TRY(sg_card_map(&t->card, file, SG_CARD_BYTES_MAX, &map, err));
    const char *text = sg_arena_str(&t->card.arena, map.data ? (const char *)map.data : "", map.size);
    size_t lines = 0;
    for (size_t i = 0; text && i < map.size; i++)
        lines += text[i] == '\n' || i + 1 == map.size;
    const char **line = sg_arena_array(&t->card.arena, lines + 1, sizeof *line);
    size_t size = map.size;
    sg_map_close(&map);
    if (!text || !line)
        return sg_fail(err, SEDGE_E_NOMEM, "task: out of memory");
    *n = 0;
    for (char *p = (char *)(uintptr_t)text, *end = p + size; p < end;) {
        char *stop = memchr(p, '\n', (size_t)(end - p));
        stop = stop ? stop : end;
        line[(*n)++] = p;
        *stop = 0;
        if (stop > p && stop[-1] == '\r')
            stop[-1] = 0;
        p = stop + 1;
    }
    *out = line;
    return SEDGE_OK;
}

static sedge_status list_labels(sedge_task *t, const json_t *names, sg_err *err)
{
    t->n_label = (int)json_array_size(names);
    if (!(t->label = sg_arena_array(&t->card.arena, json_array_size(names) + 1, sizeof *t->label)))
        return sg_fail(err, SEDGE_E_NOMEM, "task: out of memory");
    for (int i = 0; i < t->n_label; i++)
        t->label[i] = json_string_value(json_array_get(names, (size_t)i));
    return SEDGE_OK;
}

sedge_status sg_labels_read(sedge_task *t, sg_err *err)
{
    const json_t *l = sg_get(t->card.root, "labels");
    if (!l || json_is_array(l))
        return l ? list_labels(t, l, err) : SEDGE_OK;
    const char *file = sg_text(l, "file");
    if (file && sg_get(l, "names"))
        return sg_fail(err, SEDGE_E_FORMAT, "card: labels has both a file and names");
    t->first = sg_int(l, "first");
    if (file)
        SG_TRY(label_lines(t, file, &t->label, &t->n_label, err));
    else if (sg_get(l, "names"))
        SG_TRY(list_labels(t, sg_get(l, "names"), err));
    const json_t *ids = sg_get(l, "ids");
    if (!ids)
        return SEDGE_OK;
    if ((int)json_array_size(ids) != t->n_label)
        return sg_fail(err, SEDGE_E_FORMAT, "card: labels.ids has %zu numbers, the file %d labels", json_array_size(ids),
                       t->n_label);
    for (int i = 0; i < t->n_label; i++)
        if (sg_num_at(ids, (size_t)i) >= t->n_id)
            t->n_id = (int)sg_num_at(ids, (size_t)i) + 1;
    if (!(t->id_label = sg_arena_array(&t->card.arena, (size_t)t->n_id + 1, sizeof *t->id_label)))
        return sg_fail(err, SEDGE_E_NOMEM, "task: out of memory");
    for (int i = 0; i < t->n_id; i++)
        t->id_label[i] = -1;
    for (int i = 0; i < t->n_label; i++)
        t->id_label[(int)sg_num_at(ids, (size_t)i)] = i;
    return SEDGE_OK;
}

int sg_label_of(const sedge_task *t, int64_t cls)
{
    if (t->id_label)
        return cls >= 0 && cls < t->n_id ? t->id_label[cls] : -1;
    if (!t->label)
        return cls >= t->first && cls < INT32_MAX / 2 ? (int)(cls - t->first) : -1;
    return cls >= t->first && cls - t->first < t->n_label ? (int)(cls - t->first) : -1;
}

static sedge_status labels_fit(const sedge_task *t, size_t classes, sg_err *err)
{
    bool pair = classes == 1 && t->n_label == 2;
    if (!t->label || pair || (t->id_label && t->n_id <= (int)classes))
        return SEDGE_OK;
    if (!t->id_label && t->n_label + t->first == (int)classes)
        return SEDGE_OK;
    return sg_fail(err, SEDGE_E_SHAPE, "card: labels: %d labels from class %d on, the output has %zu classes", t->n_label,
                   t->first, classes);
}

/* ---- scores ------------------------------------------------------------------------------- */

static void softmax(float *x, size_t n)
{
    float most = -INFINITY;
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        most = x[i] > most ? x[i] : most;
    for (size_t i = 0; i < n; i++)
        sum += exp((double)x[i] - most);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(exp((double)x[i] - most) / sum);
}

/* Rows of `row` elements get softmax each. */
void sg_activate(float *s, size_t n, const char *act, size_t row)
{
    if (strcmp(act, "softmax") == 0)
        for (size_t i = 0; row && i + row <= n; i += row)
            softmax(s + i, row);
    if (strcmp(act, "sigmoid") == 0)
        for (size_t i = 0; i < n; i++)
            s[i] = (float)(1 / (1 + exp(-(double)s[i])));
}

sedge_status sg_load_scores(sedge_task *t, const sg_reals *x, const char *act, size_t row, sg_err *err)
{
    size_t n = x->n;
    SG_TRY(sg_keep_room(t, &t->scores, n + 2, sizeof(float), err));
    float *s = t->scores.p;
    for (size_t i = 0; i < n; i++)
        s[i] = (float)sg_real(x, i);
    sg_activate(s, n, act, row);
    return SEDGE_OK;
}

sedge_status sg_join(sedge_task *t, const json_t *refs, sg_keep *keep, size_t *n, sg_err *err)
{
    size_t outputs = json_is_array(refs) ? json_array_size(refs) : 1, all = 0;
    for (size_t i = 0; i < outputs; i++) {
        sg_reals y;
        SG_TRY(sg_output(t, json_is_array(refs) ? json_array_get(refs, i) : refs, &y, err));
        size_t m = y.n;
        SG_TRY(sg_keep_room(t, keep, all + m + 2, sizeof(float), err));
        for (size_t k = 0; k < m; k++)
            ((float *)keep->p)[all + k] = (float)sg_real(&y, k);
        all += m;
    }
    *n = all;
    return SEDGE_OK;
}

static void reduce_frames(float *s, size_t frames, size_t n, bool most)
{
    for (size_t c = 0; c < n; c++) {
        double v = s[c];
        for (size_t f = 1; f < frames; f++)
            v = !most ? v + s[f * n + c] : s[f * n + c] > v ? s[f * n + c] : v;
        s[c] = (float)(most ? v : v / (double)frames);
    }
}

/* The best of n scores, in order, by insertion. */
static sedge_status best_classes(sedge_task *t, const float *s, size_t n, sedge_answers *out, sg_err *err)
{
    size_t top = (size_t)sg_int(t->answer, "top");
    double least = sg_num(t->answer, "min_score");
    const json_t *bg = sg_get(sg_get(t->answer, "scores"), "background");
    SG_TRY(sg_keep_room(t, &t->answers, top + 1, sizeof(sedge_answer), err));
    sedge_answer *a = t->answers.p;
    size_t have = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(s[i] >= least) || (bg && json_integer_value(bg) == (json_int_t)i))
            continue;
        size_t at = have < top ? have++ : top;
        for (; at > 0 && a[at - 1].score < s[i]; at--)
            a[at] = a[at - 1];
        int label = sg_label_of(t, (int64_t)i);
        if (at < top)
            a[at] = (sedge_answer){.label = label, .text = sedge_task_label(t, label), .score = s[i], .value = s[i]};
    }
    out->n = (int)have;
    out->answer = a;
    return SEDGE_OK;
}

static sedge_status head_classes(sedge_task *t, sedge_answers *out, sg_err *err)
{
    const json_t *f = sg_get(t->answer, "scores"), *refs = sg_get(f, "out");
    size_t all, n = 0;
    SG_TRY(sg_join(t, refs, &t->scores, &all, err));
    if (all == 0)
        return sg_fail(err, SEDGE_E_SHAPE, "card: answer.scores: the output is empty");
    if (json_is_array(refs) && json_array_size(refs) > 1) { /* parts of one row */
        n = all;
    } else {
        sg_reals x;
        SG_TRY(sg_output(t, json_is_array(refs) ? json_array_get(refs, 0) : refs, &x, err));
        n = x.t.rank > 0 ? (size_t)x.t.dim[x.t.rank - 1] : all;
    }
    n = n == 1 ? all : n; /* [1, classes, 1, 1] */
    sg_activate(t->scores.p, all, sg_text(f, "act"), n);
    float *s = t->scores.p;
    SG_TRY(labels_fit(t, n, err));
    reduce_frames(s, all / n, n, sg_is(t->answer, "reduce", "max"));
    if (n == 1 && t->n_label == 2) {
        s[1] = s[0];
        s[0] = 1 - s[1];
        n = 2;
    }
    SG_TRY(sg_decide_mean(t, s, n, err));
    t->n_score = n;
    return best_classes(t, s, n, out, err);
}

/* ---- others ------------------------------------------------------------------------------- */

static sedge_status one_answer(sedge_task *t, size_t n, sedge_answers *out, sg_err *err)
{
    SG_TRY(sg_keep_room(t, &t->answers, n + 1, sizeof(sedge_answer), err));
    sedge_answer *a = t->answers.p;
    for (size_t i = 0; i < n; i++)
        a[i] = (sedge_answer){.label = -1};
    out->answer = a;
    out->n = (int)n;
    return SEDGE_OK;
}

static sedge_status head_residual(sedge_task *t, sedge_answers *out, sg_err *err)
{
    sg_reals y;
    SG_TRY(sg_output(t, sg_get(t->answer, "out"), &y, err));
    sedge_io io;
    sedge_model_input(t->model, t->in, &io);
    sg_reals x = {t->bound, sedge_tensor_bytes(&t->bound) * 8 / sedge_dtype_bits(t->bound.dtype), (double)io.scale, io.zero};
    size_t n = y.n;
    if (sg_find_io(t->model, sg_get(t->answer, "against"), false) != t->in || n != x.n || n == 0)
        return sg_fail(err, SEDGE_E_SHAPE, "card: answer.against: no input from the source as large as the output");
    double sum = 0, most = 0;
    bool square = sg_is(t->answer, "reduce", "mse");
    for (size_t i = 0; i < n; i++) {
        double d = fabs(sg_real(&y, i) - sg_real(&x, i));
        sum += square ? d * d : d;
        most = d > most ? d : most;
    }
    SG_TRY(one_answer(t, 1, out, err));
    sedge_answer *a = t->answers.p;
    float v = (float)(sg_is(t->answer, "reduce", "max") ? most : sum / (double)n);
    SG_TRY(sg_decide_mean(t, &v, 1, err));
    a->value = (double)v;
    a->score = v;
    return SEDGE_OK;
}

static sedge_status head_embedding(sedge_task *t, sedge_answers *out, sg_err *err)
{
    sg_reals y;
    SG_TRY(sg_output(t, sg_get(t->answer, "out"), &y, err));
    size_t n = y.n;
    SG_TRY(sg_keep_room(t, &t->vector, n + 1, sizeof(float), err));
    float *v = t->vector.p;
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        v[i] = (float)sg_real(&y, i);
        sum += (double)v[i] * (double)v[i];
    }
    if (sg_flag(t->answer, "normalize") && sum > 0)
        for (size_t i = 0; i < n; i++)
            v[i] = (float)(v[i] / sqrt(sum));
    out->vector = v;
    out->n_vector = (int)n;
    return SEDGE_OK;
}

static sedge_status head_value(sedge_task *t, sedge_answers *out, sg_err *err)
{
    sg_reals y;
    SG_TRY(sg_output(t, sg_get(t->answer, "out"), &y, err));
    size_t n = y.n;
    SG_TRY(labels_fit(t, t->label ? n : 0, err));
    SG_TRY(one_answer(t, n, out, err));
    SG_TRY(sg_load_scores(t, &y, "none", 0, err));
    bool mean = t->decide_fields && sg_int(t->decide_fields, "mean_of") > 1;
    SG_TRY(sg_decide_mean(t, t->scores.p, n, err));
    sedge_answer *a = t->answers.p;
    for (size_t i = 0; i < n; i++) {
        double v = mean ? (double)((const float *)t->scores.p)[i] : sg_real(&y, i);
        a[i].value = v * sg_num(t->answer, "scale") + sg_num(t->answer, "offset");
        a[i].score = (float)a[i].value;
        a[i].label = t->label ? sg_label_of(t, (int64_t)i) : -1;
        a[i].text = sedge_task_label(t, a[i].label);
    }
    return SEDGE_OK;
}

/* The best symbol of each frame; repeats and blanks fall away (Graves et al. 2006). */
static sedge_status head_ctc(sedge_task *t, sedge_answers *out, sg_err *err)
{
    sg_reals y;
    SG_TRY(sg_output(t, sg_get(t->answer, "out"), &y, err));
    size_t n = y.t.rank ? (size_t)y.t.dim[y.t.rank - 1] : 0, all = y.n, at = 0, used = 0;
    int blank = sg_int(t->answer, "blank");
    bool space = sg_flag(t->answer, "space");
    if (n != (size_t)t->n_id + 1 + space)
        return sg_fail(err, SEDGE_E_SHAPE, "card: answer.dictionary: %d symbols and the blank%s, the output has %zu", t->n_id,
                       space ? " and the space" : "", n);
    SG_TRY(sg_load_scores(t, &y, sg_text(t->answer, "act"), n, err));
    const float *s = t->scores.p;
    const char **symbol = t->vector.p;
    double sum = 0;
    size_t last = SIZE_MAX;
    for (size_t f = 0; f + n <= all; f += n) {
        size_t best = 0;
        for (size_t c = 1; c < n; c++)
            best = s[f + c] > s[f + best] ? c : best;
        if ((int)best != blank && best != last) {
            size_t k = best - ((int)best > blank);
            const char *word = k < (size_t)t->n_id ? symbol[k] : " ";
            size_t len = strlen(word);
            SG_TRY(sg_keep_room(t, &t->text, at + len + 1, 1, err));
            memcpy((char *)t->text.p + at, word, len);
            at += len;
            sum += (double)s[f + best];
            used++;
        }
        last = best;
    }
    SG_TRY(sg_keep_room(t, &t->text, at + 1, 1, err));
    ((char *)t->text.p)[at] = 0;
    SG_TRY(one_answer(t, 1, out, err));
    sedge_answer *a = t->answers.p;
    a->text = t->text.p;
    a->score = used ? (float)(sum / (double)used) : 0;
    return SEDGE_OK;
}

/* The dictionary stands where other heads have their vector: pointers into the arena. */
static sedge_status open_ctc(sedge_task *t, sg_err *err)
{
    const char **line;
    SG_TRY(label_lines(t, sg_text(t->answer, "dictionary"), &line, &t->n_id, err));
    SG_TRY(sg_keep_room(t, &t->vector, (size_t)t->n_id + 1, sizeof *line, err));
    memcpy(t->vector.p, line, (size_t)t->n_id * sizeof *line);
    return SEDGE_OK;
}

/* take: from each run; tiles: several runs may come to one answer. */
static const struct {
    const char *name;
    sedge_status (*take)(sedge_task *t, int run, sg_err *err);
    sedge_status (*give)(sedge_task *t, sedge_answers *out, sg_err *err);
    bool places, tiles;
} heads[SG_HEAD_COUNT] = {
    [SG_HEAD_CLASSES] = {"classes", NULL, head_classes, false, false},
    [SG_HEAD_ROWS] = {"rows", sg_rows_take, sg_rows_give, true, true},
    [SG_HEAD_BOXES] = {"boxes", sg_boxes_take, sg_rows_give, true, true},
    [SG_HEAD_PRIORS] = {"priors", sg_priors_take, sg_rows_give, true, true},
    [SG_HEAD_MASK] = {"mask", sg_mask_take, sg_mask_give, true, true},
    [SG_HEAD_KEYPOINTS] = {"keypoints", NULL, sg_head_keypoints, true, false},
    [SG_HEAD_RESIDUAL] = {"residual", NULL, head_residual, false, false},
    [SG_HEAD_EMBEDDING] = {"embedding", NULL, head_embedding, false, false},
    [SG_HEAD_VALUE] = {"value", NULL, head_value, false, false},
    [SG_HEAD_CTC] = {"ctc", NULL, head_ctc, false, false},
    [SG_HEAD_IMAGE] = {"image", sg_picture_take, sg_picture_give, true, true},
    [SG_HEAD_GRAPH] = {"graph", sg_graph_take, sg_rows_give, true, true},
};

static sedge_status check_head(const sedge_task *t, sg_err *err)
{
    const char *name = heads[t->head].name;
    if (heads[t->head].places && t->source != SEDGE_SOURCE_IMAGE)
        return sg_fail(err, SEDGE_E_FORMAT, "card: answer.head: %s needs a picture", name);
    if (t->tiles.fields && !heads[t->head].tiles)
        return sg_fail(err, SEDGE_E_UNSUPPORTED, "card: answer.head: %s of tiles cannot be merged", name);
    bool mean = t->head == SG_HEAD_CLASSES || t->head == SG_HEAD_RESIDUAL || t->head == SG_HEAD_VALUE;
    if (t->decide_fields && sg_int(t->decide_fields, "mean_of") > 1 && !mean)
        return sg_fail(err, SEDGE_E_UNSUPPORTED, "card: answer.decide.mean_of: the head %s has no scores whose mean is one",
                       name);
    if (t->head == SG_HEAD_ROWS && !sg_get(sg_get(t->answer, "scores"), "at"))
        return sg_fail(err, SEDGE_E_FORMAT, "card: answer.scores.at is missing");
    return SEDGE_OK;
}

sedge_status sg_head_open(sedge_task *t, sg_err *err)
{
    for (int i = 0; i < SG_HEAD_COUNT; i++)
        if (sg_is(t->answer, "head", heads[i].name))
            t->head = (sg_head_id)i;
    SG_TRY(check_head(t, err));
    if (t->head == SG_HEAD_PRIORS)
        SG_TRY(sg_priors_open(t, err));
    if (t->head == SG_HEAD_IMAGE)
        SG_TRY(sg_picture_open(t, err));
    if (t->head == SG_HEAD_GRAPH)
        SG_TRY(sg_graph_open(t, &t->post, t->answer, json_array_size(t->steps), true, err));
    return t->head == SG_HEAD_CTC ? open_ctc(t, err) : sg_labels_read(t, err);
}

sedge_status sg_head_take(sedge_task *t, int run, sg_err *err)
{
    return heads[t->head].take ? heads[t->head].take(t, run, err) : SEDGE_OK;
}

sedge_status sg_head_give(sedge_task *t, sedge_answers *out, sg_err *err)
{
    out->task = t->info.task;
    out->decided = -1;
    SG_TRY(heads[t->head].give(t, out, err));
    sg_decide_run(t, out);
    return SEDGE_OK;
}
