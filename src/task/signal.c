/* Sound and rows of numbers: windows of a stream, their steps, the tensor. Pieces make no difference: a window is answered as
 * soon as its last row is there, and holds the same rows whatever they came in. */
#include <math.h>

#include "task/run.h"

sedge_status sg_signal_open(sedge_task *t, sg_err *err)
{
    const json_t *c = sg_get(t->input, "columns");
    t->columns = c ? (int)(json_is_array(c) ? json_array_size(c) : (size_t)json_integer_value(c)) : 1;
    t->window = (size_t)sg_int(t->input, "window");
    t->hop = (size_t)sg_int(t->input, "hop");
    t->hop = t->hop ? t->hop : t->window;
    t->lead = (size_t)sg_int(t->input, "lead");
    for (size_t i = 0; i < json_array_size(t->steps); i++) {
        const json_t *f;
        sg_step_id s = sg_step_at(t->steps, i, &f);
        SG_TRY(sg_front_open(t, i, s, f, err));
    }
    if (json_is_array(c)) {
        const char **name = sg_arena_array(&t->card.arena, json_array_size(c), sizeof *name);
        if (!name)
            return sg_fail(err, SEDGE_E_NOMEM, "task: out of memory");
        for (size_t i = 0; i < json_array_size(c); i++)
            name[i] = json_string_value(json_array_get(c, i));
        t->info.column = name;
    }
    t->info.columns = t->source == SEDGE_SOURCE_SERIES ? t->columns : 0;
    return SEDGE_OK;
}

/* ---- steps -------------------------------------------------------------------------------- */

static void arithmetic(float *v, size_t rows, size_t cols, sg_step_id s, const json_t *f)
{
    const json_t *by = sg_get(f, "by"), *mean = sg_get(f, "mean"), *std = sg_get(f, "std");
    for (size_t i = 0; i < rows * cols; i++) {
        size_t c = i % cols;
        double x = (double)v[i];
        v[i] = (float)(s == SG_STEP_MUL ? x * sg_num_at(by, c) : (x - sg_num_at(mean, c)) / sg_num_at(std, c));
    }
}

/* Subtracts the mean or the line of least squares from each column. */
static void detrend(float *v, size_t rows, size_t cols, bool linear)
{
    double middle = ((double)rows - 1) / 2, square = (double)rows * ((double)rows * (double)rows - 1) / 12;
    for (size_t c = 0; c < cols; c++) {
        double sum = 0, slope = 0;
        for (size_t r = 0; r < rows; r++) {
            sum += (double)v[r * cols + c];
            slope += ((double)r - middle) * (double)v[r * cols + c];
        }
        double mean = sum / (double)rows, k = linear && square > 0 ? slope / square : 0;
        for (size_t r = 0; r < rows; r++)
            v[r * cols + c] = (float)((double)v[r * cols + c] - mean - k * ((double)r - middle));
    }
}

static sedge_status lengthen(sedge_task *t, size_t *rows, size_t cols, const json_t *f, sg_err *err)
{
    size_t to = (size_t)sg_int(f, "to");
    if (to <= *rows)
        return SEDGE_OK;
    SG_TRY(sg_keep_room(t, &t->signal, to * cols, sizeof(float), err));
    float *v = t->signal.p;
    size_t at = sg_is(f, "at", "center") ? (to - *rows) / 2 : 0;
    memmove(v + at * cols, v, *rows * cols * sizeof *v);
    for (size_t i = 0; i < to * cols; i++)
        if (i < at * cols || i >= (at + *rows) * cols)
            v[i] = (float)sg_num_at(sg_get(f, "fill"), i % cols);
    *rows = to;
    return SEDGE_OK;
}

/* The last n results; before there are n: not ready. */
static sedge_status stack(sedge_task *t, sg_front *o, size_t *rows, size_t *cols, const json_t *f, bool *ready, sg_err *err)
{
    size_t n = (size_t)sg_int(f, "n"), one = *rows * *cols;
    SG_TRY(sg_keep_room(t, &o->ring, n * one, sizeof(float), err));
    SG_TRY(sg_keep_room(t, &t->signal, n * one, sizeof(float), err));
    float *ring = o->ring.p;
    memcpy(ring + o->stacked % n * one, t->signal.p, one * sizeof *ring);
    o->stacked++;
    *ready = o->stacked >= n;
    for (size_t i = 0; i < n && *ready; i++)
        memcpy((float *)t->signal.p + i * one, ring + (o->stacked + i) % n * one, one * sizeof *ring);
    *rows = n;
    *cols = one;
    return SEDGE_OK;
}

/* What is missing between two rows of a window lies on their line; at its ends the nearest is taken. */
static sedge_status interpolate(float *v, size_t rows, size_t cols, sg_err *err)
{
    for (size_t c = 0; c < cols; c++) {
        size_t a = SIZE_MAX; /* the last row that is there */
        for (size_t r = 0; r < rows; r++) {
            if (isnan(v[r * cols + c]))
                continue;
            double from = a == SIZE_MAX ? 0 : (double)v[a * cols + c], to = (double)v[r * cols + c];
            for (size_t k = a == SIZE_MAX ? 0 : a + 1; k < r; k++)
                v[k * cols + c] = (float)(a == SIZE_MAX ? to : from + (to - from) * (double)(k - a) / (double)(r - a));
            a = r;
        }
        if (a == SIZE_MAX)
            return sg_fail(err, SEDGE_E_VALUE, "task: column %zu has no value in a window", c);
        for (size_t r = a + 1; r < rows; r++)
            v[r * cols + c] = v[a * cols + c];
    }
    return SEDGE_OK;
}

static sedge_status to_tensor(sedge_task *t, size_t rows, size_t cols, sg_err *err)
{
    bool turned = sg_is(t->input, "axes", "ct");
    sedge_io io;
    sedge_model_input(t->model, t->in, &io);
    SG_TRY(sg_shape_of(&io, (int64_t)(turned ? cols : rows), (int64_t)(turned ? rows : cols), &t->bound, err));
    t->bound.dtype = t->dry ? (uint8_t)SEDGE_F32 : t->bound.dtype;
    SG_TRY(sg_store_numbers(t, &io, &t->bound, &t->data, t->signal.p, turned ? rows : 1, turned ? cols : rows * cols, err));
    return t->dry ? SEDGE_OK : sedge_session_set_input(t->session, t->in, &t->bound, err);
}

sedge_status sg_signal_input(sedge_task *t, const float *x, size_t rows, bool *ready, sg_err *err)
{
    size_t cols = (size_t)t->columns;
    *ready = true;
    if (rows == 0)
        return sg_fail(err, SEDGE_E_ARG, "task: nothing was given");
    SG_TRY(sg_keep_room(t, &t->signal, rows * cols, sizeof(float), err));
    memcpy(t->signal.p, x, rows * cols * sizeof(float));
    if (t->source == SEDGE_SOURCE_SERIES && sg_is(t->input, "missing", "linear"))
        SG_TRY(interpolate(t->signal.p, rows, cols, err));
    for (size_t i = 0; i < json_array_size(t->steps) && *ready; i++) {
        const json_t *f;
        sg_step_id s = sg_step_at(t->steps, i, &f);
        if (s == SG_STEP_MUL || (s == SG_STEP_NORM && !sg_get(f, "file")))
            arithmetic(t->signal.p, rows, cols, s, f);
        else if (s == SG_STEP_DETREND)
            detrend(t->signal.p, rows, cols, sg_is(f, "kind", "linear"));
        else if (s == SG_STEP_PAD)
            SG_TRY(lengthen(t, &rows, cols, f, err));
        else if (s == SG_STEP_STACK)
            SG_TRY(stack(t, &t->front[i], &rows, &cols, f, ready, err));
        else
            SG_TRY(sg_front_run(t, i, s, f, &rows, &cols, err));
    }
    return *ready ? to_tensor(t, rows, cols, err) : SEDGE_OK;
}

/* ---- streams ------------------------------------------------------------------------------ */

static double seconds(const sedge_task *t, uint64_t row)
{
    double rate = sg_num(t->input, "rate");
    return ((double)row - (double)t->lead) / (rate > 0 ? rate : 1);
}

/* The stream's rate is that of its first piece. */
static sedge_status resampler(sedge_task *t, uint32_t from, sg_err *err)
{
    if (t->from == from)
        return SEDGE_OK;
    if (t->from)
        return sg_fail(err, SEDGE_E_ARG, "task: the stream began with %u samples a second, this piece has %u", (unsigned)t->from,
                       (unsigned)from);
    if (t->resampler && t->resampler_from == from) {
        sedge_resampler_reset(t->resampler);
    } else {
        sedge_media_opts opts;
        sedge_media_opts_init(&opts);
        opts.alloc = t->mem.fn;
        opts.alloc_ctx = t->mem.ctx;
        sedge_resampler_free(&t->resampler);
        SG_TRY(sedge_resampler_new(&t->resampler, from, t->info.rate, &opts, err));
        t->resampler_from = from;
    }
    t->from = from;
    return SEDGE_OK;
}

/* One channel at the card's rate and in its range, behind what is held; NULL: what the resampler still holds. */
static sedge_status append_audio(sedge_task *t, const sedge_audio *a, sg_err *err)
{
    if (a && a->frames > SIZE_MAX / 64)
        return sg_fail(err, SEDGE_E_ARG, "task: too many samples");
    if (a)
        SG_TRY(resampler(t, a->rate, err));
    else if (!t->from)
        return SEDGE_OK;
    size_t room = sedge_resampler_room(t->resampler, a ? a->frames : 0), n = 0;
    SG_TRY(sg_keep_room(t, &t->stream, t->held + room, sizeof(float), err));
    float *v = (float *)t->stream.p + t->held;
    SG_TRY(sedge_resampler_push(t->resampler, a, v, room, &n, err));
    for (size_t i = 0; sg_is(t->input, "range", "s16") && i < n; i++)
        v[i] *= 32768.0f;
    t->held += n;
    return SEDGE_OK;
}

/* Gaps are filled as rows come, so that windows make no difference; but for lines, which need the row behind a gap. */
static sedge_status fill_gaps(sedge_task *t, float *v, size_t rows, sg_err *err)
{
    size_t most = (size_t)sg_int(t->input, "max_gap"), cols = (size_t)t->columns;
    bool none = sg_is(t->input, "missing", "fail"), hold = sg_is(t->input, "missing", "hold");
    bool lines = sg_is(t->input, "missing", "linear");
    sg_gap *gap = t->gaps.p;
    for (size_t i = 0; i < rows * cols; i++) {
        sg_gap *g = &gap[i % cols];
        if (!isnan(v[i])) {
            *g = (sg_gap){v[i], 0};
            continue;
        }
        g->n++;
        if (none || (most && g->n > most))
            return sg_fail(err, SEDGE_E_VALUE, "task: column %zu lacks %zu values in a row", i % cols, g->n);
        if (!lines)
            v[i] = hold ? g->last : 0;
    }
    return SEDGE_OK;
}

static sedge_status append_rows(sedge_task *t, const float *row, size_t rows, int columns, sg_err *err)
{
    if (columns != t->columns || rows > SIZE_MAX / 64 / (size_t)t->columns)
        return sg_fail(err, SEDGE_E_ARG, "task: rows of %d values; the card takes %d", columns, t->columns);
    SG_TRY(sg_keep_room(t, &t->stream, (t->held + rows) * (size_t)columns, sizeof(float), err));
    float *v = (float *)t->stream.p + t->held * (size_t)columns;
    if (rows)
        memcpy(v, row, rows * (size_t)columns * sizeof *row);
    SG_TRY(fill_gaps(t, v, rows, err));
    t->held += rows;
    return SEDGE_OK;
}

static sedge_status begin(sedge_task *t, sg_err *err)
{
    if (t->begun)
        return SEDGE_OK;
    size_t n = t->lead * (size_t)t->columns;
    SG_TRY(sg_keep_room(t, &t->stream, n, sizeof(float), err));
    if (n)
        memset(t->stream.p, 0, n * sizeof(float));
    SG_TRY(sg_keep_room(t, &t->gaps, (size_t)t->columns, sizeof(sg_gap), err));
    memset(t->gaps.p, 0, (size_t)t->columns * sizeof(sg_gap));
    t->held = t->lead;
    t->skip = 0;
    t->start = 0;
    t->from = 0;
    t->begun = true;
    return SEDGE_OK;
}

static sedge_status check_source(const sedge_task *t, int source, sg_err *err)
{
    return t->source == source ? SEDGE_OK : sg_fail(err, SEDGE_E_ARG, "task: the card does not take this kind of source");
}

/* Answers each window that is whole; forgets what no window needs any more. */
static sedge_status drain(sedge_task *t, sedge_answer_fn *fn, void *ctx, sg_err *err)
{
    size_t cols = (size_t)t->columns, at = t->skip < t->held ? t->skip : t->held;
    sedge_status st = SEDGE_OK;
    bool stop = false;
    t->skip -= at;
    while (st == SEDGE_OK && !stop && t->held >= at && t->held - at >= t->window) {
        sedge_answers out;
        bool ready;
        uint64_t first = t->start + at;
        st = sg_signal_answer(t, (const float *)t->stream.p + at * cols, t->window, seconds(t, first),
                              seconds(t, first + t->window), &out, &ready, err);
        stop = st == SEDGE_OK && ready && fn && fn(ctx, &out) != 0;
        at += t->hop;
    }
    size_t gone = at < t->held ? at : t->held;
    if (at > t->held) /* a hop longer than the window */
        t->skip = at - t->held;
    memmove(t->stream.p, (const float *)t->stream.p + gone * cols, (t->held - gone) * cols * sizeof(float));
    t->held -= gone;
    t->start += gone;
    return st;
}

static sedge_status finish(sedge_task *t, sedge_answer_fn *fn, void *ctx, sg_err *err)
{
    sedge_status st = SEDGE_OK;
    size_t cols = (size_t)t->columns, rest = t->window - t->held % (t->window ? t->window : 1);
    if (sg_is(t->input, "tail", "pad") && t->window && t->held && t->held < t->window) {
        st = sg_keep_room(t, &t->stream, (t->held + rest) * cols, sizeof(float), err);
        if (st == SEDGE_OK) {
            memset((float *)t->stream.p + t->held * cols, 0, rest * cols * sizeof(float));
            t->held += rest;
            st = drain(t, fn, ctx, err);
        }
    }
    t->held = 0;
    t->begun = false;
    return st;
}

static sedge_status can_stream(const sedge_task *t, sg_err *err)
{
    return t->window ? SEDGE_OK : sg_fail(err, SEDGE_E_ARG, "task: a stream needs a window, which the card lacks");
}

sedge_status sedge_task_push_audio(sedge_task *t, const sedge_audio *audio, sedge_answer_fn *fn, void *ctx, sedge_error *err)
{
    SG_TRY(check_source(t, SEDGE_SOURCE_AUDIO, err));
    SG_TRY(can_stream(t, err));
    SG_TRY(begin(t, err));
    SG_TRY(append_audio(t, audio, err));
    SG_TRY(drain(t, fn, ctx, err));
    return audio ? SEDGE_OK : finish(t, fn, ctx, err);
}

sedge_status sedge_task_push_rows(sedge_task *t, const float *row, size_t rows, int columns, sedge_answer_fn *fn, void *ctx,
                                  sedge_error *err)
{
    SG_TRY(check_source(t, SEDGE_SOURCE_SERIES, err));
    SG_TRY(can_stream(t, err));
    SG_TRY(begin(t, err));
    if (rows == 0)
        return finish(t, fn, ctx, err);
    SG_TRY(append_rows(t, row, rows, columns, err));
    return drain(t, fn, ctx, err);
}

/* What is held becomes one window: cut, or filled with zeros. */
static sedge_status run_held(sedge_task *t, sedge_answers *out, sg_err *err)
{
    size_t cols = (size_t)t->columns, n = t->window ? t->window : t->held;
    bool ready = false;
    sedge_status st = sg_keep_room(t, &t->stream, n * cols, sizeof(float), err);
    if (st == SEDGE_OK) {
        bool cut = t->held > n;
        if (t->held < n)
            memset((float *)t->stream.p + t->held * cols, 0, (n - t->held) * cols * sizeof(float));
        st = sg_signal_answer(t, t->stream.p, n, seconds(t, 0), seconds(t, n), out, &ready, err);
        out->truncated = cut;
    }
    t->held = 0;
    t->begun = false;
    return st;
}

/* What was taken in from `start` on is answered; the taking in (another rate, another type) is time before the model too. */
static sedge_status run_taken(sedge_task *t, double start, sedge_answers *out, sedge_error *err)
{
    double taken = sg_now();
    SG_TRY(run_held(t, out, err));
    out->pre_ms += 1e3 * (taken - start);
    return SEDGE_OK;
}

sedge_status sedge_task_run_audio(sedge_task *t, const sedge_audio *audio, sedge_answers *out, sedge_error *err)
{
    *out = (sedge_answers){.decided = -1};
    SG_TRY(check_source(t, SEDGE_SOURCE_AUDIO, err));
    double start = sg_now();
    t->begun = false;
    SG_TRY(begin(t, err));
    SG_TRY(append_audio(t, audio, err));
    SG_TRY(append_audio(t, NULL, err));
    return run_taken(t, start, out, err);
}

sedge_status sedge_task_run_rows(sedge_task *t, const float *row, size_t rows, int columns, sedge_answers *out, sedge_error *err)
{
    *out = (sedge_answers){.decided = -1};
    SG_TRY(check_source(t, SEDGE_SOURCE_SERIES, err));
    double start = sg_now();
    t->begun = false;
    SG_TRY(begin(t, err));
    SG_TRY(append_rows(t, row, rows, columns, err));
    return run_taken(t, start, out, err);
}

sedge_status sedge_task_reset(sedge_task *t, sedge_error *err)
{
    t->begun = false;
    t->held = 0;
    t->start = 0;
    sg_decide_reset(t);
    for (size_t i = 0; i < SG_STEPS_MAX; i++) {
        t->front[i].stacked = 0;
        if (t->front[i].graph)
            SG_TRY(sg_graph_reset(t, t->front[i].graph, err));
    }
    return sg_links_zero(t, t->model, t->session, json_object_get(t->card.root, "state"), err);
}
