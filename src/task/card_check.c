/* Reading a card by its tables: unknown keys, wrong types, sizes and words are errors that name the field. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "task/card.h"

enum { IMAGE = 1, AUDIO = 2, SERIES = 4 };

typedef enum field_kind {
    INT,
    NUM,
    BOOL,
    STRING,
    ENUM,
    PATH,
    REF,
    REFS,
    NUMS,
    INTS,
    INTGRID,
    STRINGS,
    OBJECT,
    LIST,
    STEPS,
    INPUTS,
    HEAD,
    LABELS,
    COLUMNS
} field_kind;

typedef struct field_row {
    const char *object, *key, *more, *fallback;
    double low, high;
    field_kind kind;
} field_row;

#define OBJECT(name, bare, about)
#define FIELD(object, key, kind, more, fallback, low, high, about) {object, key, more, fallback, low, high, kind},
static const field_row fields[] = {
#include "task/fields.def"
};
#undef OBJECT
#undef FIELD
enum { n_field = sizeof fields / sizeof fields[0] };

/* The field that a value which is no object stands for. */
static const char *const bare[][2] = {
#define OBJECT(name, bare, about) {name, bare},
#define FIELD(...)
#include "task/fields.def"
#undef OBJECT
#undef FIELD
#define STEP(id, name, bare, sources, about) {"step." name, bare},
#include "task/steps.def"
#undef STEP
};

static const struct {
    const char *name;
    int sources;
} steps[SG_STEP_COUNT] = {
#define STEP(id, name, bare, sources, about) {name, sources},
#include "task/steps.def"
#undef STEP
};

static const char *const heads[SG_HEAD_COUNT] = {
#define HEAD(id, name, about) name,
#include "task/heads.def"
#undef HEAD
};

typedef struct check {
    sg_card *card;
    const sg_origin *origin;
    sg_err *err;
    int depth;
    bool given; /* the value stands in the card, is no default */
    int source; /* of the input that is read */
} check;

#define PATH_MAX_BYTES 256
typedef struct path {
    char text[PATH_MAX_BYTES];
} path;

static path below(const path *p, const char *key)
{
    path q;
    size_t n = strlen(p->text);
    memcpy(q.text, p->text, n + 1);
    if (n + 1 < sizeof q.text)
        snprintf(q.text + n, sizeof q.text - n, "%s%.100s", n ? "." : "", key);
    return q;
}

static path below_at(const path *p, size_t i)
{
    char key[24];
    snprintf(key, sizeof key, "%zu", i);
    return below(p, key);
}

static sedge_status refuse(check *c, const path *p, const char *why)
{
    return sg_fail(c->err, SEDGE_E_FORMAT, "card: %s %s", p->text, why);
}

static sedge_status no_memory(check *c)
{
    return sg_fail(c->err, SEDGE_E_NOMEM, "card: out of memory");
}

/* Edit distance of short words, for a hint. */
static int distance(const char *a, const char *b)
{
    int row[64];
    int nb = (int)strlen(b);
    if (nb > 62 || strlen(a) > 62)
        return 99;
    for (int j = 0; j <= nb; j++)
        row[j] = j;
    for (int i = 1; *a; a++, i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= nb; j++) {
            int up = row[j], best = diagonal + (*a != b[j - 1]);
            best = up + 1 < best ? up + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            diagonal = up;
            row[j] = best;
        }
    }
    return row[nb];
}

static sedge_status unknown(check *c, const path *p, const char *key, const char *const *word, int n)
{
    int best = -1, least = 99;
    for (int i = 0; i < n; i++) {
        int d = distance(key, word[i]);
        if (d < least)
            least = d, best = i;
    }
    path q = below(p, key);
    if (best < 0)
        return refuse(c, &q, "is unknown");
    return sg_fail(c->err, SEDGE_E_FORMAT, "card: %s is unknown; the nearest is %s", q.text, word[best]);
}

static sedge_status note(check *c, const path *p)
{
    const char *text = c->given ? "card" : "default";
    size_t best = 0;
    for (const sg_origin *o = c->origin; c->given && o && o->path; o++) {
        size_t n = strlen(o->path);
        if (n >= best && strncmp(o->path, p->text, n) == 0 && (n == 0 || p->text[n] == 0 || p->text[n] == '.'))
            best = n, text = o->text;
    }
    sg_card *card = c->card;
    SG_TRY(sg_grow(card->arena.mem, &card->source, &card->cap_source, card->n_source + 1, sizeof *card->source));
    const char *name = sg_arena_str(&card->arena, p->text, strlen(p->text));
    if (!name)
        return no_memory(c);
    card->source[card->n_source++] = (sg_origin){name, text};
    return SEDGE_OK;
}

static sedge_status fill(check *c, const path *p, const char *object, const json_t *in, json_t *out);
static sedge_status value(check *c, const path *p, const field_row *f, const json_t *in, json_t **out);

static sedge_status copy(check *c, const json_t *in, json_t **out)
{
    *out = json_deep_copy(in);
    return *out ? SEDGE_OK : no_memory(c);
}

static bool number_fits(const field_row *f, const json_t *v, bool whole)
{
    if (whole ? !json_is_integer(v) : !json_is_number(v))
        return false;
    double x = json_number_value(v);
    return isfinite(x) && x >= f->low && x <= f->high;
}

static sedge_status bad_number(check *c, const path *p, const field_row *f, bool whole)
{
    return sg_fail(c->err, SEDGE_E_FORMAT, "card: %s must be %s from %g to %g", p->text, whole ? "a whole number" : "a number",
                   f->low, f->high);
}

static sedge_status numbers(check *c, const path *p, const field_row *f, const json_t *in, bool whole)
{
    int lo = 1, hi = 4096;
    if (f->more && sscanf(f->more, "%d-%d", &lo, &hi) == 1)
        hi = lo;
    size_t n = json_array_size(in);
    if (!json_is_array(in) || n < (size_t)lo || n > (size_t)hi)
        return sg_fail(c->err, SEDGE_E_FORMAT, "card: %s must be a list of %s numbers", p->text, f->more ? f->more : "1-4096");
    for (size_t i = 0; i < n; i++)
        if (!number_fits(f, json_array_get(in, i), whole))
            return bad_number(c, p, f, whole);
    return SEDGE_OK;
}

static sedge_status word(check *c, const path *p, const field_row *f, const json_t *in)
{
    const char *s = json_string_value(in);
    size_t n = s ? strlen(s) : 0;
    for (const char *w = f->more; s; w++) {
        size_t len = strcspn(w, "|");
        if (len == n && memcmp(w, s, n) == 0)
            return SEDGE_OK;
        w += len;
        if (!*w)
            break;
    }
    return sg_fail(c->err, SEDGE_E_FORMAT, "card: %s must be one of %s", p->text, f->more);
}

/* Relative, and never up: the card's folder is all that it may name. */
static sedge_status file_name(check *c, const path *p, const json_t *in)
{
    const char *s = json_string_value(in);
    if (!s || !*s || strlen(s) > 1000)
        return refuse(c, p, "must be the name of a file");
    bool out = *s == '/' || strchr(s, '\\');
    for (const char *q = s; *q; q += strcspn(q, "/"), q += *q == '/')
        out = out || (strncmp(q, "..", 2) == 0 && (q[2] == '/' || q[2] == 0));
    return out ? refuse(c, p, "must lie in the card's folder") : SEDGE_OK;
}

static bool is_ref(const json_t *v)
{
    return json_is_string(v) || (json_is_integer(v) && json_integer_value(v) >= 0 && json_integer_value(v) < 65536);
}

static sedge_status strings(check *c, const path *p, const json_t *in, size_t most)
{
    if (!json_is_array(in) || json_array_size(in) > most)
        return refuse(c, p, "must be a list of strings");
    for (size_t i = 0; i < json_array_size(in); i++)
        if (!json_is_string(json_array_get(in, i)))
            return refuse(c, p, "must be a list of strings");
    return SEDGE_OK;
}

static sedge_status refs(check *c, const path *p, const json_t *in)
{
    size_t n = json_array_size(in);
    bool good = json_is_array(in) ? n >= 1 && n <= 16 : is_ref(in);
    for (size_t i = 0; i < n; i++)
        good = good && is_ref(json_array_get(in, i));
    return good ? SEDGE_OK : refuse(c, p, "must be the name or number of a tensor, or a list of them");
}

static sedge_status grid(check *c, const path *p, const field_row *f, const json_t *in)
{
    field_row three = *f;
    three.more = "3";
    if (!json_is_array(in) || json_array_size(in) < 1 || json_array_size(in) > 32)
        return refuse(c, p, "must be a list of [height, width, n]");
    for (size_t i = 0; i < json_array_size(in); i++)
        SG_TRY(numbers(c, p, &three, json_array_get(in, i), true));
    return SEDGE_OK;
}

static sedge_status columns(check *c, const path *p, const field_row *f, const json_t *in)
{
    if (json_is_array(in))
        return json_array_size(in) ? strings(c, p, in, 65536) : refuse(c, p, "must not be empty");
    return number_fits(f, in, true) ? SEDGE_OK : refuse(c, p, "must be a list of names or a number of columns");
}

static sedge_status plain(check *c, const path *p, const field_row *f, const json_t *in)
{
    switch (f->kind) {
    case INT: return number_fits(f, in, true) ? SEDGE_OK : bad_number(c, p, f, true);
    case NUM: return number_fits(f, in, false) ? SEDGE_OK : bad_number(c, p, f, false);
    case BOOL: return json_is_boolean(in) ? SEDGE_OK : refuse(c, p, "must be true or false");
    case STRING: return json_is_string(in) ? SEDGE_OK : refuse(c, p, "must be a string");
    case ENUM: return word(c, p, f, in);
    case PATH: return file_name(c, p, in);
    case REF: return is_ref(in) ? SEDGE_OK : refuse(c, p, "must be the name or number of a tensor");
    case REFS: return refs(c, p, in);
    case NUMS: return json_is_array(in) || !number_fits(f, in, false) ? numbers(c, p, f, in, false) : SEDGE_OK;
    case INTS: return numbers(c, p, f, in, true);
    case INTGRID: return grid(c, p, f, in);
    case STRINGS: return strings(c, p, in, 4096);
    case COLUMNS: return columns(c, p, f, in);
    default: return refuse(c, p, "cannot be read");
    }
}

/* An object with its defaults; a bare value becomes its main field. */
static sedge_status object(check *c, const path *p, const char *name, const json_t *in, json_t **out)
{
    json_t *held = NULL;
    const char *key = NULL;
    for (size_t i = 0; i < sizeof bare / sizeof bare[0]; i++)
        if (strcmp(bare[i][0], name) == 0)
            key = bare[i][1];
    if (!json_is_object(in)) {
        if (!key)
            return refuse(c, p, "must be an object");
        held = json_object();
        if (!held || json_object_set_new(held, key, json_deep_copy(in)) != 0) {
            json_decref(held);
            return no_memory(c);
        }
        in = held;
    }
    sedge_status st = SEDGE_OK;
    if (!(*out = json_object()))
        st = no_memory(c);
    else if (++c->depth > SG_CARD_DEPTH_MAX)
        st = refuse(c, p, "is nested too deep");
    else
        st = fill(c, p, name, in, *out);
    c->depth--;
    json_decref(held);
    return st;
}

static sedge_status list(check *c, const path *p, const char *name, const json_t *in, json_t **out)
{
    if (!json_is_array(in) || json_array_size(in) > 256)
        return refuse(c, p, "must be a list");
    if (!(*out = json_array()))
        return no_memory(c);
    for (size_t i = 0; i < json_array_size(in); i++) {
        path q = below_at(p, i);
        json_t *v = NULL;
        sedge_status st = object(c, &q, name, json_array_get(in, i), &v);
        if (json_array_append_new(*out, v) != 0 && st == SEDGE_OK)
            st = no_memory(c);
        SG_TRY(st);
    }
    return SEDGE_OK;
}

/* {"mul": 2} becomes {"mul": {"by": 2}}. */
static sedge_status step(check *c, const path *p, const json_t *in, json_t **out)
{
    const char *name = json_is_object(in) && json_object_size(in) == 1 ? json_object_iter_key(json_object_iter((json_t *)in))
                                                                       : NULL;
    if (!name)
        return refuse(c, p, "must be an object with one key, the step");
    const char *known[SG_STEP_COUNT];
    int at = -1;
    for (int i = 0; i < SG_STEP_COUNT; i++) {
        known[i] = steps[i].name;
        at = strcmp(name, known[i]) == 0 ? i : at;
    }
    if (at < 0)
        return unknown(c, p, name, known, SG_STEP_COUNT);
    path q = below(p, name);
    if (!(steps[at].sources & c->source))
        return refuse(c, &q, "is no step of this kind of input");
    char object_name[64];
    snprintf(object_name, sizeof object_name, "step.%s", name);
    json_t *v = NULL;
    SG_TRY(note(c, &q));
    sedge_status st = object(c, &q, object_name, json_object_get(in, name), &v);
    if (!(*out = json_object()) || json_object_set_new(*out, name, v) != 0) {
        if (!*out)
            json_decref(v);
        return st == SEDGE_OK ? no_memory(c) : st;
    }
    return st;
}

static sedge_status step_list(check *c, const path *p, const json_t *in, json_t **out)
{
    if (!json_is_array(in) || json_array_size(in) > 64)
        return refuse(c, p, "must be a list of at most 64 steps");
    if (!(*out = json_array()))
        return no_memory(c);
    for (size_t i = 0; i < json_array_size(in); i++) {
        path q = below_at(p, i);
        json_t *v = NULL;
        sedge_status st = step(c, &q, json_array_get(in, i), &v);
        if (v && json_array_append_new(*out, v) != 0 && st == SEDGE_OK)
            st = no_memory(c);
        SG_TRY(st);
    }
    return SEDGE_OK;
}

/* Of image, audio, series, text and const one and only one. */
static sedge_status one_source(check *c, const path *p, const json_t *in)
{
    static const struct {
        const char *key;
        int bit;
    } kinds[] = {{"image", IMAGE}, {"audio", AUDIO}, {"series", SERIES}, {"text", 8}, {"const", 16}};
    int n = 0;
    for (size_t i = 0; i < 5; i++)
        if (sg_get(in, kinds[i].key))
            n++, c->source = kinds[i].bit;
    return n == 1 ? SEDGE_OK : refuse(c, p, "must have one of image, audio, series, text and const");
}

static sedge_status inputs(check *c, const path *p, const json_t *in, json_t **out)
{
    if (!json_is_object(in) || json_object_size(in) < 1 || json_object_size(in) > 256)
        return refuse(c, p, "must be an object with an entry for each input");
    if (!(*out = json_object()))
        return no_memory(c);
    for (void *it = json_object_iter((json_t *)in); it; it = json_object_iter_next((json_t *)in, it)) {
        path q = below(p, json_object_iter_key(it));
        json_t *v = NULL;
        if (json_is_object(json_object_iter_value(it)))
            SG_TRY(one_source(c, &q, json_object_iter_value(it)));
        sedge_status st = object(c, &q, "input", json_object_iter_value(it), &v);
        if (v && json_object_set_new(*out, json_object_iter_key(it), v) != 0 && st == SEDGE_OK)
            st = no_memory(c);
        SG_TRY(st);
    }
    return SEDGE_OK;
}

static sedge_status head(check *c, const path *p, const json_t *in, json_t **out)
{
    const char *name = sg_text(in, "head");
    for (int i = 0; name && i < SG_HEAD_COUNT; i++)
        if (strcmp(name, heads[i]) == 0) {
            char object_name[64];
            snprintf(object_name, sizeof object_name, "head.%s", name);
            return object(c, p, object_name, in, out);
        }
    if (name)
        return unknown(c, p, name, heads, SG_HEAD_COUNT);
    return refuse(c, p, "must have a head");
}

static sedge_status value(check *c, const path *p, const field_row *f, const json_t *in, json_t **out)
{
    if (json_is_null(in) && strcmp(f->fallback ? f->fallback : "", "null") == 0)
        return copy(c, in, out);
    switch (f->kind) {
    case OBJECT: return object(c, p, f->more, in, out);
    case LIST: return list(c, p, f->more, in, out);
    case STEPS: return step_list(c, p, in, out);
    case INPUTS: return inputs(c, p, in, out);
    case HEAD: return head(c, p, in, out);
    case LABELS:
        if (!json_is_array(in))
            return object(c, p, "labels", in, out);
        SG_TRY(strings(c, p, in, 1 << 17));
        return copy(c, in, out);
    default: SG_TRY(plain(c, p, f, in)); return copy(c, in, out);
    }
}

/* Does a row belong to an object? Heads have the common fields too. */
static bool belongs(const field_row *f, const char *object_name)
{
    return strcmp(f->object, object_name) == 0 || (strncmp(object_name, "head.", 5) == 0 && strcmp(f->object, "answer") == 0);
}

static sedge_status unknown_keys(check *c, const path *p, const char *name, const json_t *in)
{
    const char *known[64];
    int n = 0;
    for (int i = 0; i < n_field && n < 64; i++)
        if (belongs(&fields[i], name))
            known[n++] = fields[i].key;
    for (void *it = json_object_iter((json_t *)in); it; it = json_object_iter_next((json_t *)in, it)) {
        bool found = false;
        for (int i = 0; i < n; i++)
            found = found || strcmp(known[i], json_object_iter_key(it)) == 0;
        if (!found)
            return unknown(c, p, json_object_iter_key(it), known, n);
    }
    return SEDGE_OK;
}

static sedge_status one_field(check *c, const path *p, const field_row *f, const json_t *in, json_t *out)
{
    path q = below(p, f->key);
    const json_t *v = json_object_get(in, f->key);
    json_t *made = NULL, *held = NULL;
    bool given = c->given;
    if (!v) {
        if (!f->fallback)
            return refuse(c, &q, "is missing");
        if (!(held = json_loads(f->fallback, JSON_DECODE_ANY, NULL)))
            return no_memory(c);
        v = held;
        c->given = false;
    }
    sedge_status st = note(c, &q);
    if (st == SEDGE_OK)
        st = value(c, &q, f, v, &made);
    if (made && json_object_set_new(out, f->key, made) != 0 && st == SEDGE_OK)
        st = no_memory(c);
    c->given = given;
    json_decref(held);
    return st;
}

static sedge_status fill(check *c, const path *p, const char *object_name, const json_t *in, json_t *out)
{
    SG_TRY(unknown_keys(c, p, object_name, in));
    for (int i = 0; i < n_field; i++)
        if (belongs(&fields[i], object_name))
            SG_TRY(one_field(c, p, &fields[i], in, out));
    return SEDGE_OK;
}

sedge_status sg_card_fill(sg_card *card, const json_t *in, const sg_origin *origin, sg_err *err)
{
    check c = {.card = card, .origin = origin, .err = err, .given = true};
    path root = {""};
    json_t *out = NULL;
    sedge_status st = object(&c, &root, "card", in, &out);
    if (st != SEDGE_OK) {
        json_decref(out);
        return sg_fail(err, st, "card: %s", sedge_status_text(st));
    }
    card->root = out;
    const json_t *assumed = json_object_get(out, "assumed");
    size_t n = json_array_size(assumed);
    if (!(card->assumed = sg_arena_array(&card->arena, n + 1, sizeof *card->assumed)))
        return no_memory(&c);
    for (size_t i = 0; i < n; i++)
        card->assumed[i] = json_string_value(json_array_get(assumed, i));
    card->n_assumed = (int)n;
    return SEDGE_OK;
}

sg_step_id sg_step_at(const json_t *list_of_steps, size_t i, const json_t **out)
{
    json_t *s = json_array_get(list_of_steps, i);
    void *it = json_object_iter(s);
    *out = json_object_iter_value(it);
    for (int k = 0; k < SG_STEP_COUNT; k++)
        if (strcmp(steps[k].name, json_object_iter_key(it)) == 0)
            return (sg_step_id)k;
    return SG_STEP_COUNT;
}

const char *sg_card_source(const sg_card *card, const char *name)
{
    for (size_t i = 0; i < card->n_source; i++)
        if (strcmp(card->source[i].path, name) == 0)
            return card->source[i].text;
    return NULL;
}
