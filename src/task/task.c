/* Tasks: opening a model with its card, running it once. */
#include <math.h>
#include <stdlib.h>

#include "task/run.h"

#include "tensor/dtype.h"

void sedge_task_opts_init(sedge_task_opts *opts)
{
    memset(opts, 0, sizeof *opts);
    sedge_plan_opts_init(&opts->plan);
    sedge_session_opts_init(&opts->session);
}

sedge_status sg_keep_room(sedge_task *t, sg_keep *k, size_t n, size_t size, sg_err *err)
{
    if (sg_grow(&t->mem, &k->p, &k->cap, n * size, 1) == SEDGE_OK)
        return SEDGE_OK;
    return sg_fail(err, SEDGE_E_NOMEM, "task: out of memory");
}

int sg_find_io(const sedge_model *m, const json_t *ref, bool output)
{
    int n = output ? sedge_model_outputs(m) : sedge_model_inputs(m);
    if (json_is_integer(ref))
        return json_integer_value(ref) < n ? (int)json_integer_value(ref) : -1;
    const char *name = json_string_value(ref);
    for (int i = 0; name && i < n; i++) {
        sedge_io io;
        if ((output ? sedge_model_output(m, i, &io) : sedge_model_input(m, i, &io)) && strcmp(io.name, name) == 0)
            return i;
    }
    char *end = NULL;
    long i = name && *name ? strtol(name, &end, 10) : -1;
    return end && *end == 0 && i >= 0 && i < n ? (int)i : -1;
}

sedge_status sg_numbers_of(const sedge_model *m, sedge_session *s, int i, const char *what, sg_reals *out, sg_err *err)
{
    sedge_io io = {.scale = 0};
    SG_TRY(sedge_session_get_output(s, i, &out->t, err));
    if (out->t.kind != SEDGE_TENSOR || out->t.dtype == SEDGE_STR)
        return sg_fail(err, SEDGE_E_TYPE, "card: %s: output %d is no tensor of numbers", what, i);
    sedge_model_output(m, i, &io);
    out->n = sedge_tensor_bytes(&out->t) * 8 / sedge_dtype_bits(out->t.dtype);
    out->scale = (double)io.scale;
    out->zero = io.zero;
    return SEDGE_OK;
}

double sg_real(const sg_reals *x, size_t i)
{
    double v = sedge_tensor_f64(&x->t, i);
    return x->scale > 0 ? (v - x->zero) * x->scale : v;
}

sedge_status sg_output(sedge_task *t, const json_t *ref, sg_reals *out, sg_err *err)
{
    int i = sg_find_io(t->model, ref, true);
    if (i < 0)
        return sg_fail(err, SEDGE_E_NOT_FOUND, "card: answer: the model has no output %s", json_string_value(ref));
    return sg_numbers_of(t->model, t->session, i, "answer", out, err);
}

sedge_status sg_shape_of(const sedge_io *io, int64_t rows, int64_t cols, sedge_tensor *x, sg_err *err)
{
    int64_t known = 1, total = rows * cols;
    int open = 0;
    *x = (sedge_tensor){.kind = SEDGE_TENSOR, .dtype = io->dtype, .rank = io->rank < 0 ? 2 : io->rank};
    for (int i = 0; i < x->rank; i++) {
        x->dim[i] = io->rank < 0 ? -1 : io->dim[i];
        if (x->dim[i] < 0 && i == 0 && x->rank > 1)
            x->dim[i] = 1;
        open += x->dim[i] < 0;
        known *= x->dim[i] < 0 ? 1 : x->dim[i];
    }
    for (int i = x->rank - 1; i >= 0; i--)
        if (x->dim[i] < 0) {
            x->dim[i] = open == 1 && known > 0 ? total / known : i == x->rank - 1 ? cols : 1;
            known *= x->dim[i];
            open--;
        }
    if (known != total)
        return sg_fail(err, SEDGE_E_SHAPE, "card: inputs.%s: the steps give %lld x %lld numbers, the input takes %lld", io->name,
                       (long long)rows, (long long)cols, (long long)known);
    return SEDGE_OK;
}

sedge_status sg_store_numbers(sedge_task *t, const sedge_io *io, sedge_tensor *x, sg_keep *keep, const float *v, size_t rows,
                              size_t cols, sg_err *err)
{
    sg_dtype type = (sg_dtype)x->dtype;
    size_t n = rows * cols;
    if (x->kind != SEDGE_TENSOR || (sg_dtypes[type].cls != 'F' && !sg_is_int(type)))
        return sg_fail(err, SEDGE_E_TYPE, "card: inputs: numbers cannot become %s", sedge_dtype_name(x->dtype));
    SG_TRY(sg_keep_room(t, keep, n * 8 + 8, 1, err));
    unsigned bits = sedge_dtype_bits(x->dtype);
    double lo = sg_is_signed(type) ? -ldexp(1, (int)bits - 1) : 0, hi = ldexp(1, (int)bits - (sg_is_signed(type) ? 1 : 0)) - 1;
    for (size_t i = 0; i < n; i++) {
        double y = (double)v[i % rows * cols + i / rows];
        y = io->scale > 0 && !sg_is_float(type) ? y / (double)io->scale + io->zero : y;
        sg_store_f64(type, keep->p, i, sg_is_float(type) ? y : fmin(fmax(nearbyint(y), lo), hi));
    }
    x->data = keep->p;
    return SEDGE_OK;
}

/* ---- opening ------------------------------------------------------------------------------ */

static const char *const sources[] = {"image", "audio", "series", "text"};

static sedge_status find_source(sedge_task *t, sg_err *err)
{
    json_t *inputs = json_object_get(t->card.root, "inputs");
    t->in = -1;
    for (void *it = json_object_iter(inputs); it; it = json_object_iter_next(inputs, it)) {
        const json_t *v = json_object_iter_value(it);
        json_t *name = json_string(json_object_iter_key(it));
        int i = name ? sg_find_io(t->model, name, false) : -1;
        json_decref(name);
        if (sg_get(v, "text") && sg_get(v, "bind"))
            i = sg_find_io(t->model, sg_get(sg_get(v, "bind"), "ids"), false);
        if (i < 0)
            return sg_fail(err, SEDGE_E_NOT_FOUND, "card: inputs.%s: the model has no such input", json_object_iter_key(it));
        for (int k = 0; k < 4; k++)
            if (sg_get(v, sources[k])) {
                if (t->in >= 0)
                    return sg_fail(err, SEDGE_E_UNSUPPORTED, "card: inputs.%s: a second source", json_object_iter_key(it));
                t->in = i;
                t->source = k;
                t->input = sg_get(v, sources[k]);
                t->steps = sg_get(v, "steps");
                t->bind = sg_get(v, "bind");
            }
    }
    if (t->in < 0)
        return sg_fail(err, SEDGE_E_FORMAT, "card: inputs has no image, audio, series or text");
    return SEDGE_OK;
}

sedge_status sg_plan_make(sedge_task *t, const sedge_model *m, const json_t *state, const sedge_plan_opts *po, sedge_plan **plan,
                          sedge_session **session, sg_err *err)
{
    sedge_plan_opts opts = t->opts.plan;
    int extra = po && po->n_link > 0 ? po->n_link : 0, at = 0; /* the card's come first: states are numbered as links are */
    size_t n = json_array_size(state);
    sedge_link *link = sg_arena_array(&t->card.arena, n + (size_t)extra + 1, sizeof *link);
    if (!link)
        return sg_fail(err, SEDGE_E_NOMEM, "task: out of memory");
    for (size_t i = 0; i < n; i++) {
        const json_t *s = json_array_get(state, i);
        sedge_io in, out;
        if (!sedge_model_output(m, sg_find_io(m, sg_get(s, "out"), true), &out) ||
            !sedge_model_input(m, sg_find_io(m, sg_get(s, "in"), false), &in))
            return sg_fail(err, SEDGE_E_NOT_FOUND, "card: state.%zu: the model has no such output or input", i);
        link[at++] = (sedge_link){out.name, in.name};
    }
    for (int i = 0; i < extra; i++)
        link[at++] = po->link[i];
    opts.link = link;
    opts.n_link = at;
    SG_TRY(sedge_plan_make(plan, m, &opts, err));
    return sedge_session_open(session, *plan, &t->opts.session, err);
}

sedge_status sg_links_zero(sedge_task *t, const sedge_model *m, sedge_session *session, const json_t *state, sg_err *err)
{
    SG_TRY(sedge_session_state_reset(session, err));
    for (size_t i = 0; i < json_array_size(state); i++) {
        sedge_io io;
        const json_t *s = json_array_get(state, i);
        double init = sg_num(s, "init");
        int in = sg_find_io(m, sg_get(s, "in"), false);
        if (!sedge_model_input(m, in, &io) || io.rank < 0 || io.kind != SEDGE_TENSOR || io.dtype == SEDGE_STR) {
            if (init != 0)
                return sg_fail(err, SEDGE_E_UNSUPPORTED, "card: state.%zu.init: the input is no tensor of a known rank", i);
            continue;
        }
        sedge_tensor x = {.kind = SEDGE_TENSOR, .dtype = io.dtype, .rank = io.rank};
        bool open = false;
        int64_t n = 1;
        for (int d = 0; d < x.rank; d++) {
            x.dim[d] = io.dim[d] < 0 ? 1 : io.dim[d];
            open = open || io.dim[d] < 0;
            if (x.dim[d] > ((int64_t)1 << 28) || (n *= x.dim[d]) > ((int64_t)1 << 28))
                return sg_fail(err, SEDGE_E_LIMIT, "card: state.%zu: too large", i);
        }
        if (!open && init == 0)
            continue;
        size_t bytes = (size_t)n * 16;
        SG_TRY(sg_keep_room(t, &t->signal, bytes, 1, err));
        memset(t->signal.p, 0, bytes);
        for (int64_t k = 0; k < n && init != 0; k++)
            sg_store_f64((sg_dtype)io.dtype, t->signal.p, (size_t)k, init);
        x.data = t->signal.p;
        SG_TRY(sedge_session_state_set(session, (int)i, &x, err));
    }
    return SEDGE_OK;
}

/* {"const": 16000}: elements of the input's own type. */
static sedge_status bind_const(sedge_task *t, int i, const json_t *v, sg_err *err)
{
    sedge_io io;
    sedge_model_input(t->model, i, &io);
    if (i >= SG_CONST_MAX || io.kind != SEDGE_TENSOR || io.dtype == SEDGE_STR)
        return sg_fail(err, SEDGE_E_UNSUPPORTED, "card: inputs.%s: cannot be constant", io.name);
    sedge_tensor x = {.kind = SEDGE_TENSOR, .dtype = io.dtype, .rank = io.rank < 0 ? 0 : io.rank};
    int64_t n = 1;
    for (int d = 0; d < x.rank; d++) {
        x.dim[d] = io.dim[d] < 0 ? 1 : io.dim[d];
        if (x.dim[d] > ((int64_t)1 << 28) || (n *= x.dim[d]) > ((int64_t)1 << 28))
            return sg_fail(err, SEDGE_E_LIMIT, "card: inputs.%s: too large", io.name);
    }
    if (json_is_array(v) && (int64_t)json_array_size(v) != n)
        return sg_fail(err, SEDGE_E_SHAPE, "card: inputs.%s.const: %zu numbers, the input takes %lld", io.name,
                       json_array_size(v), (long long)n);
    SG_TRY(sg_keep_room(t, &t->fixed[i], (size_t)n * 16 + 16, 1, err));
    memset(t->fixed[i].p, 0, t->fixed[i].cap);
    for (int64_t k = 0; k < n; k++)
        sg_store_f64((sg_dtype)io.dtype, t->fixed[i].p, (size_t)k, sg_num_at(v, (size_t)k));
    x.data = t->fixed[i].p;
    return sedge_session_set_input(t->session, i, &x, err);
}

/* Every input of the model has to come from somewhere. */
static sedge_status bind_rest(sedge_task *t, sg_err *err)
{
    json_t *inputs = json_object_get(t->card.root, "inputs");
    const json_t *state = json_object_get(t->card.root, "state");
    for (int i = 0; i < sedge_model_inputs(t->model); i++) {
        bool known = i == t->in || i == sg_text_bound(t, "mask") || i == sg_text_bound(t, "types");
        for (size_t k = 0; k < json_array_size(state); k++)
            known = known || sg_find_io(t->model, sg_get(json_array_get(state, k), "in"), false) == i;
        for (void *it = json_object_iter(inputs); it && !known; it = json_object_iter_next(inputs, it)) {
            json_t *name = json_string(json_object_iter_key(it));
            const json_t *v = sg_get(json_object_iter_value(it), "const");
            bool here = v && name && sg_find_io(t->model, name, false) == i;
            json_decref(name);
            if (here)
                SG_TRY(bind_const(t, i, v, err));
            known = known || here;
        }
        sedge_io io;
        sedge_model_input(t->model, i, &io);
        if (!known)
            return sg_fail(err, SEDGE_E_FORMAT, "card: inputs lacks %s, an input of the model", io.name);
    }
    return SEDGE_OK;
}

static sedge_status fill_info(sedge_task *t, sg_err *err)
{
    sedge_task_info *o = &t->info;
    t->card_text = json_dumps(t->card.root, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
    if (!t->card_text)
        return sg_fail(err, SEDGE_E_NOMEM, "task: out of memory");
    o->source = t->source;
    o->task = sg_text(t->card.root, "task");
    o->from = t->card.from;
    o->n_assumed = t->card.n_assumed;
    o->assumed = t->card.assumed;
    o->rate = (uint32_t)(sg_num(t->input, "rate") + 0.5);
    o->row_rate = t->source == SEDGE_SOURCE_SERIES ? sg_num(t->input, "rate") : 0;
    o->time = t->source == SEDGE_SOURCE_SERIES ? sg_text(t->input, "time") : NULL;
    if (o->time && !(o->row_rate > 0))
        return sg_fail(err, SEDGE_E_FORMAT, "card: series.time needs a rate");
    o->window = t->window;
    o->hop = t->hop;
    o->n_label = t->n_label;
    return SEDGE_OK;
}

/* *shared: the plan of other tasks on the same model; NULL: becomes this one's. */
static sedge_status share_plan(sedge_task *t, const json_t *state, const sedge_task_opts *opts, sedge_plan **shared, sg_err *err)
{
    t->shares = true;
    if (*shared) {
        t->plan = *shared;
        return sedge_session_open(&t->session, t->plan, &opts->session, err);
    }
    sedge_status st = sg_plan_make(t, t->model, state, &opts->plan, &t->plan, &t->session, err);
    *shared = t->plan;
    return st;
}

static sedge_status open_parts(sedge_task *t, const char *path, const sedge_task_opts *opts, sedge_plan **shared, sg_err *err)
{
    SG_TRY(sg_card_find(&t->card, t->model, path, opts->card, opts->card_text, opts->folder, err));
    t->answer = json_object_get(t->card.root, "answer");
    t->decide_fields = sg_get(t->answer, "decide");
    SG_TRY(find_source(t, err));
    const json_t *state = json_object_get(t->card.root, "state");
    SG_TRY(shared ? share_plan(t, state, opts, shared, err)
                  : sg_plan_make(t, t->model, state, &opts->plan, &t->plan, &t->session, err));
    SG_TRY(bind_rest(t, err));
    SG_TRY(sg_links_zero(t, t->model, t->session, state, err));
    SG_TRY(t->source == SEDGE_SOURCE_IMAGE  ? sg_image_open(t, err)
           : t->source == SEDGE_SOURCE_TEXT ? sg_text_open(t, err)
                                            : sg_signal_open(t, err));
    SG_TRY(sg_head_open(t, err));
    SG_TRY(sg_decide_open(t, err));
    return fill_info(t, err);
}

sedge_status sg_task_open_on(sedge_task **out, const sedge_model *model, const char *path, const sedge_task_opts *opts,
                             sedge_plan **plan, sg_err *err)
{
    sedge_task_opts defaults;
    sedge_task_opts_init(&defaults);
    opts = opts ? opts : &defaults;
    *out = NULL;
    sg_mem mem = {.fn = opts->session.alloc, .ctx = opts->session.alloc_ctx};
    sedge_task *t = sg_calloc(&mem, 1, sizeof *t);
    if (!t)
        return sg_fail(err, SEDGE_E_NOMEM, "task: out of memory");
    t->mem = mem;
    t->model = model;
    t->opts = *opts;
    t->card.arena.mem = &t->mem;
    sedge_status st = open_parts(t, path, opts, plan, err);
    if (st != SEDGE_OK)
        sedge_task_close(&t);
    *out = t;
    return st;
}

sedge_status sedge_task_open(sedge_task **out, const sedge_model *model, const char *path, const sedge_task_opts *opts,
                             sedge_error *err)
{
    return sg_task_open_on(out, model, path, opts, NULL, err);
}

static void drop(sedge_task *t, sg_keep *k)
{
    sg_free(&t->mem, k->p, k->cap);
}

void sedge_task_close(sedge_task **task)
{
    sedge_task *t = task ? *task : NULL;
    if (!t)
        return;
    sedge_session_close(&t->session);
    if (!t->shares)
        sedge_plan_close(&t->plan);
    sg_keep *keep[] = {&t->data,   &t->signal,      &t->other,  &t->stream,      &t->gaps,        &t->norm,
                       &t->found,  &t->answers,     &t->points, &t->scores,      &t->text,        &t->mask,
                       &t->vector, &t->tiles.place, &t->priors, &t->decide.mean, &t->coefficients};
    for (size_t i = 0; i < sizeof keep / sizeof keep[0]; i++)
        drop(t, keep[i]);
    for (int i = 0; i < SG_CONST_MAX; i++)
        drop(t, &t->fixed[i]);
    sg_image_work_free(t->work);
    sg_image_work_free(t->tint);
    sedge_resampler_free(&t->resampler);
    sg_front_close(t);
    sg_graph_close(t, &t->post);
    sg_tokenizer_free(t->tokenizer);
    free(t->card_text);
    sg_card_free(&t->card);
    sg_mem mem = t->mem;
    sg_free(&mem, t, sizeof *t);
    *task = NULL;
}

void sedge_task_get_info(const sedge_task *t, sedge_task_info *out)
{
    *out = t->info;
}

const char *sedge_task_label(const sedge_task *t, int i)
{
    return i >= 0 && i < t->n_label ? t->label[i] : NULL;
}

const char *sedge_task_card(const sedge_task *t)
{
    return t->card_text;
}

const char *sedge_task_field_source(const sedge_task *t, const char *path)
{
    return sg_card_source(&t->card, path);
}

sedge_status sedge_task_input(const sedge_task *t, int i, sedge_tensor *out, sedge_error *err)
{
    if (i != t->in || !t->bound.data)
        return sg_fail(err, SEDGE_E_ARG, "task: input %d: nothing has been run, or it does not come from the source", i);
    *out = t->bound;
    return SEDGE_OK;
}
