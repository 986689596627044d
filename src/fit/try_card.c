/* What can be changed in a card, and the cards that come of it. */
#include <stdarg.h>
#include <stdio.h>

#include "fit/try.h"

enum {
    IMAGE = 1 << SEDGE_SOURCE_IMAGE,
    AUDIO = 1 << SEDGE_SOURCE_AUDIO,
    SERIES = 1 << SEDGE_SOURCE_SERIES,
    TEXT = 1 << SEDGE_SOURCE_TEXT
};

const char *const sg_try_name[SG_TRY_FIELDS] = {
#define TRY_FIELD(id, name, at, kinds, about) name,
#define TRY(...)
#include "fit/try.def"
#undef TRY_FIELD
#undef TRY
};

static const struct {
    const char *at;
    int kinds;
} fields[SG_TRY_FIELDS] = {
#define TRY_FIELD(id, name, at, kinds, about) {at, kinds},
#define TRY(...)
#include "fit/try.def"
#undef TRY_FIELD
#undef TRY
};

static const struct {
    sg_try_id field;
    const char *text, *json;
} tries[] = {
#define TRY_FIELD(...)
#define TRY(id, text, json) {SG_TRY_##id, text, json},
#include "fit/try.def"
#undef TRY_FIELD
#undef TRY
};

static const char *const sources[] = {"image", "audio", "series", "text"};

/* ---- the tree ------------------------------------------------------------------------------- */

static json_t *input_of(const sg_try_set *s, const json_t *root)
{
    return json_object_get(json_object_get(root, "inputs"), s->input);
}

json_t *sg_try_steps(const sg_try_set *s, const json_t *root)
{
    return json_object_get(input_of(s, root), "steps");
}

static const char *step_name(const json_t *step)
{
    return json_object_iter_key(json_object_iter((json_t *)(uintptr_t)step));
}

static json_t *step_fields(const json_t *step)
{
    return json_object_iter_value(json_object_iter((json_t *)(uintptr_t)step));
}

/* Is the step's name among the words? */
static bool among(const json_t *step, const char *words)
{
    const char *name = step_name(step);
    size_t n = name ? strlen(name) : 0;
    for (const char *w = words; n && *w; w += strcspn(w, " "), w += *w == ' ')
        if (strcspn(w, " ") == n && strncmp(w, name, n) == 0)
            return true;
    return false;
}

static const json_t *first_step(const sg_try_set *s, const json_t *root, const char *words, size_t *at)
{
    const json_t *list = sg_try_steps(s, root);
    for (size_t i = 0; i < json_array_size(list); i++)
        if (among(json_array_get(list, i), words)) {
            if (at)
                *at = i;
            return step_fields(json_array_get(list, i));
        }
    return NULL;
}

bool sg_try_has(const sg_try_set *s, const char *step)
{
    return first_step(s, s->shell.card.root, step, NULL) != NULL;
}

#define GEOMETRIC  "resize letterbox crop pad tiles"
#define ARITHMETIC "mul norm"

/* The steps [*from, *to) that a new list stands for. Of pictures, every one of these words, wherever it is. */
static void run_of(const json_t *list, const char *words, bool anywhere, size_t *from, size_t *to)
{
    size_t n = json_array_size(list);
    *from = *to = n;
    for (size_t i = n; i-- > 0;) {
        if (among(json_array_get(list, i), words)) {
            *to = *to == n && *from == n ? i + 1 : *to;
            *from = i;
        } else if (*from < n && !anywhere) {
            return;
        }
    }
}

static bool replace_steps(json_t *list, const char *words, bool anywhere, const json_t *by)
{
    size_t from, to;
    run_of(list, words, anywhere, &from, &to);
    if (from == json_array_size(list) && strcmp(words, GEOMETRIC) == 0)
        from = to = 0;
    for (size_t i = to; i-- > from;)
        if (among(json_array_get(list, i), words))
            json_array_remove(list, i);
    for (size_t i = 0; i < json_array_size(by); i++)
        if (json_array_insert_new(list, from + i, json_deep_copy(json_array_get(by, i))) != 0)
            return false;
    return true;
}

/* ---- one change ----------------------------------------------------------------------------- */

/* The fields of a step, those of one that is a bare size too. */
static json_t *open_step(json_t *step)
{
    json_t *f = step_fields(step), *whole = json_is_object(f) ? f : json_pack("{s:O}", "size", f);
    if (whole == f)
        return f;
    return whole && json_object_set_new(step, step_name(step), whole) == 0 ? whole : NULL;
}

/* New geometry keeps the kernel of the old one. */
static bool change_geometry(const sg_try_set *s, json_t *root, const json_t *by)
{
    static const char *const kept[] = {"kernel", "like", "antialias"};
    json_t *old = json_deep_copy(first_step(s, root, "resize letterbox", NULL)), *list = sg_try_steps(s, root);
    bool good = replace_steps(list, GEOMETRIC, true, by);
    for (size_t i = 0; old && good && i < json_array_size(list); i++) {
        if (!among(json_array_get(list, i), "resize letterbox"))
            continue;
        json_t *whole = open_step(json_array_get(list, i));
        good = whole;
        for (int k = 0; k < 3 && good; k++)
            good = json_object_set(whole, kept[k], json_object_get(old, kept[k])) == 0;
    }
    json_decref(old);
    return good;
}

static void reverse(json_t *list)
{
    size_t n = json_array_size(list);
    for (size_t i = 0; i + 1 < n; i++) {
        json_t *last = json_incref(json_array_get(list, n - 1));
        json_array_remove(list, n - 1);
        json_array_insert_new(list, i, last);
    }
}

/* The lists of the table are red, green, blue; a card that gives blue first wants them the other way round. */
static bool change_scale(const sg_try_set *s, json_t *root, const sg_choice *c)
{
    json_t *by = json_deep_copy(c->value);
    bool bgr = s->source == SEDGE_SOURCE_IMAGE && sg_is(json_object_get(input_of(s, root), "image"), "color", "bgr");
    for (size_t i = 0; bgr && c->table && i < json_array_size(by); i++) {
        json_t *f = step_fields(json_array_get(by, i));
        reverse(json_object_get(f, "mean"));
        reverse(json_object_get(f, "std"));
    }
    bool good = by && replace_steps(sg_try_steps(s, root), ARITHMETIC, s->source == SEDGE_SOURCE_IMAGE, by);
    json_decref(by);
    return good;
}

/* Labels begin one class later or earlier; a card without labels, or with a plain list of them, gets an object. */
static bool change_first(json_t *root, const json_t *by)
{
    json_t *l = json_object_get(root, "labels");
    if (json_is_array(l))
        l = json_pack("{s:O,s:i}", "names", l, "first", 0);
    else
        l = json_is_object(l) ? json_incref(l) : json_pack("{s:i}", "first", 0);
    json_int_t first = json_integer_value(json_object_get(l, "first")) + json_integer_value(by);
    bool good = l && json_object_set_new(l, "first", json_integer(first)) == 0;
    return json_object_set_new(root, "labels", l) == 0 && good;
}

static bool change(const sg_try_set *s, json_t *root, sg_try_id f, const sg_choice *c)
{
    bool good = true;
    json_t *list = sg_try_steps(s, root);
    if (f == SG_TRY_GEOMETRY)
        return change_geometry(s, root, c->value);
    if (f == SG_TRY_SCALE)
        return change_scale(s, root, c);
    if (f == SG_TRY_FIRST)
        return change_first(root, c->value);
    if (strcmp(fields[f].at, "source") == 0)
        return json_object_update(json_object_get(input_of(s, root), sources[s->source]), c->value) == 0;
    for (size_t i = 0; good && i < json_array_size(list); i++)
        if (among(json_array_get(list, i), fields[f].at))
            good = json_object_update(open_step(json_array_get(list, i)), c->value) == 0;
    return good;
}

json_t *sg_try_card(const sg_try_set *s, const sg_vector *v)
{
    json_t *root = json_deep_copy(s->shell.card.root);
    bool good = root;
    for (int f = 0; good && f < SG_TRY_FIELDS; f++)
        if (v->at[f] > 0)
            good = change(s, root, (sg_try_id)f, &s->choice[f][v->at[f] - 1]);
    if (good)
        return root;
    json_decref(root);
    return NULL;
}

sedge_status sg_try_filled(const sg_try_set *s, const sg_vector *v, sg_card *out, sg_err *err)
{
    json_t *root = sg_try_card(s, v);
    if (!root)
        return sg_fail(err, SEDGE_E_NOMEM, "card: out of memory");
    sedge_status st = sg_card_fill(out, root, NULL, err);
    json_decref(root);
    return st;
}

bool sg_try_strip(const sg_try_set *s, json_t *root)
{
    json_t *nothing = json_array();
    bool good = nothing && replace_steps(sg_try_steps(s, root), ARITHMETIC, s->source == SEDGE_SOURCE_IMAGE, nothing);
    json_decref(nothing);
    return good;
}

int sg_try_count(const sg_vector *v)
{
    int n = 0;
    for (int f = 0; f < SG_TRY_FIELDS; f++)
        n += v->at[f] > 0;
    return n;
}

/* ---- words ---------------------------------------------------------------------------------- */

static void add(char text[SG_WORDS_MAX], const char *fmt, ...) SG_PRINTF(2, 3);
static void add(char text[SG_WORDS_MAX], const char *fmt, ...)
{
    size_t at = strlen(text);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text + at, SG_WORDS_MAX - at, fmt, ap);
    va_end(ap);
}

static void add_value(char text[SG_WORDS_MAX], const json_t *v)
{
    if (json_is_array(v)) {
        for (size_t i = 0; i < json_array_size(v) && i < 4; i++) {
            add(text, i ? "," : "[");
            add_value(text, json_array_get(v, i));
        }
        add(text, json_array_size(v) > 4 ? ",...]" : "]");
    } else if (json_is_string(v)) {
        add(text, "%s", json_string_value(v));
    } else if (json_is_number(v)) {
        add(text, "%g", json_number_value(v));
    } else {
        add(text, "%s", json_is_true(v) ? "true" : json_is_false(v) ? "false" : "null");
    }
}

static void add_step(char text[SG_WORDS_MAX], const json_t *step)
{
    static const char *const keys[] = {"size", "short", "long", "height", "width", "fraction",
                                       "fill", "by",    "mean", "std",    "file"};
    const json_t *f = step_fields(step);
    add(text, "%s%s", *text ? ", " : "", step_name(step));
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
        const json_t *v = sg_get(f, keys[k]);
        if (!v)
            continue;
        add(text, k > 0 && k != 7 ? " %s " : " ", keys[k]);
        add_value(text, v);
    }
}

/* The key that a field is about. */
static const char *key_of(const sg_try_set *s, sg_try_id f)
{
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++)
        if (tries[i].field == f && tries[i].json[0] == '{') {
            json_t *v = s->n[f] ? s->choice[f][0].value : NULL;
            return v ? json_object_iter_key(json_object_iter(v)) : NULL;
        }
    return NULL;
}

const char *sg_try_words(const sg_try_set *s, const json_t *root, sg_try_id f, char text[SG_WORDS_MAX])
{
    const json_t *list = sg_try_steps(s, root);
    const char *key = key_of(s, f);
    text[0] = 0;
    if (f == SG_TRY_GEOMETRY || f == SG_TRY_SCALE) {
        for (size_t i = 0; i < json_array_size(list); i++)
            if (among(json_array_get(list, i), f == SG_TRY_SCALE ? ARITHMETIC : GEOMETRIC))
                add_step(text, json_array_get(list, i));
        add(text, "%s", *text ? "" : "nothing");
    } else if (f == SG_TRY_FIRST) {
        const json_t *l = json_object_get(root, "labels");
        add(text, "%d", sg_int(l, "first"));
    } else if (strcmp(fields[f].at, "source") == 0) {
        add_value(text, sg_get(json_object_get(input_of(s, root), sources[s->source]), key ? key : ""));
    } else {
        const json_t *step = first_step(s, root, fields[f].at, NULL);
        add_value(text, sg_get(step, key ? key : ""));
        if (f == SG_TRY_KERNEL)
            add(text, " like %s", step ? sg_text(step, "like") : "nothing");
    }
    return text;
}

const char *sg_try_path(const sg_try_set *s, const json_t *root, sg_try_id f, const char *part, char text[SG_WORDS_MAX])
{
    const char *key = key_of(s, f), *words = f == SG_TRY_GEOMETRY ? GEOMETRIC : fields[f].at;
    size_t at = 0;
    text[0] = 0;
    if (f == SG_TRY_FIRST) {
        add(text, "labels.first");
        return text;
    }
    add(text, "inputs.%s.", s->input);
    if (strcmp(fields[f].at, "source") == 0) {
        add(text, "%s.%s", sources[s->source], key ? key : "");
        return text;
    }
    if (f == SG_TRY_SCALE)
        words = part && strcmp(part, "mul") == 0 ? "mul" : "norm";
    if (!first_step(s, root, words, &at))
        add(text, f == SG_TRY_SCALE ? "steps (no %s)" : "steps", part ? part : words);
    else if (f == SG_TRY_SCALE)
        add(text, "steps.%zu.%s", at, part ? part : words);
    else
        add(text, "steps.%zu.%s%s%s", at, step_name(json_array_get(sg_try_steps(s, root), at)), key ? "." : "", key ? key : "");
    return text;
}

/* ---- the choices ---------------------------------------------------------------------------- */

/* The sizes of the input, or, where they are open, those that the card's own steps end with. */
static void find_size(sg_try_set *s, const sedge_model *model)
{
    sedge_io io;
    if (!sedge_model_input(model, s->shell.in, &io))
        return;
    s->elements = 1;
    for (int i = 0; i < io.rank; i++)
        s->elements *= io.dim[i] < 0 || s->elements > 1 << 28 ? 0 : io.dim[i];
    if (s->source != SEDGE_SOURCE_IMAGE || io.rank < 2)
        return;
    int64_t last = io.dim[io.rank - 1], third = io.rank > 2 ? io.dim[io.rank - 3] : -1;
    bool behind = io.rank > 2 && (last == 1 || last == 3 || last == 4) && third != 1 && third != 3 && third != 4;
    int64_t h = io.dim[io.rank - (behind ? 3 : 2)], w = io.dim[io.rank - (behind ? 2 : 1)];
    const json_t *list = sg_try_steps(s, s->shell.card.root);
    for (size_t i = 0; (h < 1 || w < 1) && i < json_array_size(list); i++) {
        const json_t *f = step_fields(json_array_get(list, json_array_size(list) - 1 - i)), *size = sg_get(f, "size");
        if (!size || !among(json_array_get(list, json_array_size(list) - 1 - i), GEOMETRIC))
            continue;
        h = h < 1 ? (int64_t)sg_num_at(size, 0) : h;
        w = w < 1 ? (int64_t)sg_num_at(size, 1) : w;
    }
    if (h > 0 && w > 0 && h < 65536 && w < 65536) {
        s->h = (int32_t)h;
        s->w = (int32_t)w;
    }
}

/* The table's text with the sizes put in; NULL: they are not known. */
static json_t *expand(const sg_try_set *s, const char *json)
{
    char text[512] = "";
    long long longer = s->w > s->h ? s->w : s->h;
    for (const char *p = json; *p; p++) {
        if (*p != '%') {
            char one[2] = {*p, 0};
            add(text, "%s", one);
            continue;
        }
        long long v = *++p == 'h' ? s->h : *p == 'w' ? s->w : *p == 'l' ? longer : *p == 's' ? (longer * 8 + 3) / 7 : s->elements;
        if (v < 1)
            return NULL;
        add(text, "%lld", v);
    }
    return json_loads(text, JSON_DECODE_ANY, NULL);
}

static bool has_list(const json_t *steps)
{
    for (size_t i = 0; i < json_array_size(steps); i++)
        if (json_is_array(sg_get(step_fields(json_array_get(steps, i)), "mean")))
            return true;
    return false;
}

/* Takes `value`. Dropped again if the card refuses it, or it says what stands there or what another choice says. */
static sedge_status offer(sg_try_set *s, sg_try_id f, const char *text, json_t *value, bool table, sg_err *err)
{
    int k = s->n[f];
    if (!value || k == SG_CHOICES_MAX) {
        json_decref(value);
        return SEDGE_OK;
    }
    s->choice[f][k] = (sg_choice){text, value, table};
    s->n[f]++;
    sg_mem *mem = &s->shell.mem;
    sg_card new = {.arena.mem = mem}, old = {.arena.mem = mem};
    sg_affine a, b;
    sg_err ignored = {.status = SEDGE_OK};
    bool image = s->source == SEDGE_SOURCE_IMAGE, keep = true;
    sg_vector v = {{0}};
    v.at[f] = (int8_t)(k + 1);
    sedge_status st = sg_try_filled(s, &v, &new, &ignored);
    keep = st == SEDGE_OK;
    for (int i = 0; keep && i <= k; i++) {
        v.at[f] = (int8_t)i;
        if ((st = sg_try_filled(s, &v, &old, err)) != SEDGE_OK)
            break;
        if (f == SG_TRY_SCALE)
            keep = !sg_affine_of(sg_try_steps(s, new.root), image, &a, &new.arena) ||
                   !sg_affine_of(sg_try_steps(s, old.root), image, &b, &old.arena) || !sg_affine_same(&a, &b);
        else
            keep = !json_equal(new.root, old.root);
        sg_card_free(&old);
        old.arena.mem = mem;
    }
    sg_card_free(&new);
    sg_card_free(&old);
    if (!keep) {
        s->n[f]--;
        json_decref(value);
    }
    return st == SEDGE_E_NOMEM ? st : SEDGE_OK;
}

/* What is often wrong with the arithmetic that stands there. */
static sedge_status offer_slips(sg_try_set *s, sg_err *err)
{
    static const char *const text[] = {"divided by 255 first", "multiplied by 255 first", "without mean", "without std",
                                       "without mul",          "mean and std reversed"};
    const json_t *list = sg_try_steps(s, s->shell.card.root);
    size_t from, to;
    run_of(list, ARITHMETIC, s->source == SEDGE_SOURCE_IMAGE, &from, &to);
    for (int k = s->source == SEDGE_SOURCE_AUDIO ? 2 : 0; k < 6; k++) {
        json_t *by = json_array();
        if (k < 2)
            json_array_append_new(by, json_pack("{s:{s:f}}", "mul", "by", k ? 255.0 : 1 / 255.0));
        for (size_t i = from; i < to; i++) {
            json_t *step = json_deep_copy(json_array_get(list, i)), *f = step_fields(step);
            bool norm = among(step, "norm");
            if (norm && k == 2)
                json_object_set_new(f, "mean", json_integer(0));
            if (norm && k == 3)
                json_object_set_new(f, "std", json_integer(1));
            if (norm && k == 5) {
                reverse(json_object_get(f, "mean"));
                reverse(json_object_get(f, "std"));
            }
            if (among(step, ARITHMETIC) && !(k == 4 && !norm))
                json_array_append(by, step);
            json_decref(step);
        }
        SG_TRY(offer(s, SG_TRY_SCALE, text[k], by, false, err));
    }
    return SEDGE_OK;
}

static sedge_status offer_all(sg_try_set *s, sg_err *err)
{
    bool image = s->source == SEDGE_SOURCE_IMAGE;
    sg_affine now;
    bool scales = sg_affine_of(sg_try_steps(s, s->shell.card.root), image, &now, &s->shell.card.arena);
    if (scales && s->source != SEDGE_SOURCE_TEXT)
        SG_TRY(offer_slips(s, err));
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        sg_try_id f = tries[i].field;
        if (!(fields[f].kinds >> s->source & 1) || (f == SG_TRY_SCALE && !scales))
            continue;
        json_t *v = expand(s, tries[i].json);
        bool pixels = f == SG_TRY_SCALE && s->source == SEDGE_SOURCE_AUDIO && json_array_size(v) > 0;
        if (pixels || (f == SG_TRY_SCALE && !image && has_list(v))) {
            json_decref(v);
            continue;
        }
        SG_TRY(offer(s, f, tries[i].text, v, true, err));
    }
    return SEDGE_OK;
}

static sedge_status find_input(sg_try_set *s, const sedge_model *model, sg_err *err)
{
    json_t *inputs = json_object_get(s->shell.card.root, "inputs");
    for (void *it = json_object_iter(inputs); it; it = json_object_iter_next(inputs, it))
        for (int k = 0; k < 4; k++)
            if (sg_get(json_object_iter_value(it), sources[k])) {
                json_t *name = json_string(json_object_iter_key(it));
                s->input = json_object_iter_key(it);
                s->source = k;
                s->shell.in = name ? sg_find_io(model, name, false) : -1;
                json_decref(name);
                return SEDGE_OK;
            }
    return sg_fail(err, SEDGE_E_FORMAT, "card: inputs has no image, audio, series or text");
}

sedge_status sg_try_set_open(sg_try_set *s, const sg_mem *mem, const sedge_model *model, const char *path,
                             const sedge_task_opts *opts, sg_err *err)
{
    sedge_task *t = &s->shell;
    t->mem = *mem;
    t->model = model;
    t->card.arena.mem = &t->mem;
    SG_TRY(sg_card_find(&t->card, model, path, opts->card, opts->card_text, opts->folder, err));
    t->answer = json_object_get(t->card.root, "answer");
    SG_TRY(find_input(s, model, err));
    if (!sg_is(t->answer, "head", "ctc"))
        SG_TRY(sg_labels_read(t, err));
    find_size(s, model);
    return offer_all(s, err);
}

void sg_try_drop(sg_try_set *s, sg_try_id f)
{
    for (int k = 0; k < s->n[f]; k++)
        json_decref(s->choice[f][k].value);
    s->n[f] = 0;
}

void sg_try_set_close(sg_try_set *s)
{
    for (int f = 0; f < SG_TRY_FIELDS; f++)
        sg_try_drop(s, (sg_try_id)f);
    sg_card_free(&s->shell.card);
}
