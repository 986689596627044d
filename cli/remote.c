/* A verb's command line on another machine: which files go there, and under which names. */
#include "remote.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "digests.h"

#define BESIDE_MAX ((off_t)32 << 20) /* bytes of a text that goes along with a card */

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool ends(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

/* What stands beside a model and belongs to it. */
static bool belongs(const char *model, const char *name, bool card)
{
    size_t n = strlen(model);
    const char *dot = strrchr(model, '.');
    size_t stem = dot ? (size_t)(dot - model) : n;
    if (strncmp(name, model, n) == 0)
        return name[n] == 0 || name[n] == '.' || name[n] == '_';
    if (strncmp(name, model, stem) == 0 && (strcmp(name + stem, ".card.json") == 0 || strcmp(name + stem, ".data") == 0))
        return true;
    return card &&
           (ends(name, ".json") || ends(name, ".txt") || ends(name, ".csv") || ends(name, ".model") || ends(name, ".npy"));
}

/* A model, and what belongs to it, into folder `to` there. */
static sedge_status add_model(sg_remote *r, const char *path, const char *to, bool card, sedge_error *err)
{
    const char *base = base_of(path);
    char folder[4096], name[1100];
    snprintf(folder, sizeof folder, "%.*s", base > path ? (int)(base - path) : 2, base > path ? path : "./");
    DIR *d = opendir(folder);
    sedge_status st = d ? SEDGE_OK : sg_fail(err, SEDGE_E_IO, "%s: cannot be read", path);
    bool found = false;
    for (struct dirent *e; st == SEDGE_OK && (e = readdir(d));) {
        char full[4400];
        struct stat s;
        snprintf(full, sizeof full, "%s%s", folder, e->d_name);
        if (!belongs(base, e->d_name, card) || stat(full, &s) != 0 || !S_ISREG(s.st_mode) ||
            (strncmp(e->d_name, base, strlen(base)) != 0 && s.st_size > BESIDE_MAX))
            continue;
        found = found || strcmp(e->d_name, base) == 0;
        snprintf(name, sizeof name, "%s/%.255s", to, e->d_name);
        st = sg_remote_add(r, full, name, err);
    }
    if (d)
        closedir(d);
    return st == SEDGE_OK && !found ? sg_fail(err, SEDGE_E_NOT_FOUND, "%s: there is no such file", path) : st;
}

/* Where a word of the command line becomes another one there. */
typedef struct place {
    const char *value; /* in argv */
    char name[600];
} place;

typedef struct places {
    place at[ARGS_MAX + 16];
    int n;
} places;

static char *next(places *p, const char *value)
{
    p->at[p->n].value = value;
    return p->at[p->n++].name;
}

static sedge_status add_named(sg_remote *r, places *p, const char *path, const char *folder, sedge_error *err)
{
    char *name;
    if (!path)
        return SEDGE_OK;
    name = next(p, path);
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        n--;
    char clean[4096];
    snprintf(clean, sizeof clean, "%.*s", (int)n, path);
    snprintf(name, sizeof p->at[0].name, "%s/%.255s", folder, base_of(clean));
    return sg_remote_add(r, clean, name, err);
}

static sedge_status add_inputs(sg_remote *r, places *p, const args *a, sedge_error *err)
{
    for (int i = 0; i < a->n_in; i++) {
        struct stat s;
        const char *eq = stat(a->in[i], &s) == 0 ? NULL : strchr(a->in[i], '='), *path = eq ? eq + 1 : a->in[i];
        char *name = next(p, a->in[i]), there[400];
        snprintf(there, sizeof there, "in%d/%.255s", i, base_of(path));
        snprintf(name, sizeof p->at[0].name, "%.*s%s", eq ? (int)(path - a->in[i] < 180 ? path - a->in[i] : 180) : 0, a->in[i],
                 there);
        SG_TRY(sg_remote_add(r, path, there, err));
    }
    return SEDGE_OK;
}

/* FILE:PART; the split has been made here, by all the data. */
static sedge_status add_split(sg_remote *r, places *p, const char *split, sedge_error *err)
{
    char file[4096], name[300];
    const char *colon = strrchr(split, ':');
    snprintf(file, sizeof file, "%.*s", (int)(colon - split), split);
    snprintf(name, sizeof name, "split/%.255s", base_of(file));
    snprintf(next(p, split), sizeof p->at[0].name, "%s%.100s", name, colon);
    return sg_remote_add(r, file, name, err);
}

static sedge_status add_all(sg_remote *r, places *p, const args *a, sedge_error *err)
{
    bool card = a->data != NULL;
    snprintf(next(p, a->rest[0]), sizeof p->at[0].name, "model/%.255s", base_of(a->rest[0]));
    SG_TRY(add_model(r, a->rest[0], "model", card, err));
    const char *const others[] = {a->n_rest > 1 ? a->rest[1] : NULL, a->against, a->reference};
    for (size_t k = 0; k < sizeof others / sizeof *others; k++)
        if (others[k]) {
            snprintf(next(p, others[k]), sizeof p->at[0].name, "other/%.255s", base_of(others[k]));
            SG_TRY(add_model(r, others[k], "other", card, err));
        }
    if (a->split)
        SG_TRY(add_split(r, p, a->split, err));
    if (a->card) {
        snprintf(next(p, a->card), sizeof p->at[0].name, "card/%.255s", base_of(a->card));
        SG_TRY(add_model(r, a->card, "card", true, err));
    }
    SG_TRY(add_named(r, p, a->data, "data", err));
    SG_TRY(add_named(r, p, a->labels, "labels", err));
    SG_TRY(add_named(r, p, a->functions, "functions", err));
    return add_inputs(r, p, a, err);
}

/* Options that are for this side: their words, and whether a value follows. */
static bool is_here(const char *name, const char *word, bool *value)
{
    static const char *const option[] = {"--on", "--report", "--json", "--sign",
                                         "--max"}; /* bench is judged here, others there */
    size_t n = strcspn(word, "="), n_option = sizeof option / sizeof *option - (strcmp(name, "bench") != 0);
    for (size_t k = 0; k < n_option; k++)
        if (strlen(option[k]) == n && strncmp(option[k], word, n) == 0) {
            *value = strcmp(option[k], "--json") != 0 && !word[n];
            return true;
        }
    return false;
}

/* The words there; *out and its strings are in the arena. */
static sedge_status translate(sg_remote *r, const places *p, const args *a, const char ***out, sedge_error *err)
{
    const char **word = sg_arena_array(&r->arena, (size_t)a->n_command + 2, sizeof *word);
    int n = 0;
    bool value = false;
    if (!word)
        return sg_fail(err, SEDGE_E_NOMEM, "no memory");
    for (int i = 1; i < a->n_command; i++) {
        const char *w = a->command[i];
        char text[1024];
        if (i > 1 && is_here(a->command[1], w, &value)) {
            i += value;
            continue;
        }
        for (int k = 0; k < p->n; k++)
            if (p->at[k].value >= w && p->at[k].value <= w + strlen(w)) { /* the word, or what follows its = */
                snprintf(text, sizeof text, "%.*s%s", (int)(p->at[k].value - w < 400 ? p->at[k].value - w : 400), w,
                         p->at[k].name);
                w = text;
                break;
            }
        if (!(word[n++] = sg_arena_str(&r->arena, w, strlen(w))))
            return sg_fail(err, SEDGE_E_NOMEM, "no memory");
    }
    word[n++] = "--json";
    *out = word;
    return SEDGE_OK;
}

static sedge_status run_words(sg_remote *r, const char *const *word, int *status, json_t **out, sedge_error *err)
{
    sg_remote_result got;
    json_error_t why;
    SG_TRY(sg_remote_run(r, word, &got, err));
    *status = got.exit;
    *out = json_loads(got.out, JSON_DISABLE_EOF_CHECK, &why);
    got.err[strcspn(got.err, "\n")] = 0;
    const char *said = strncmp(got.err, "sedge: ", 7) == 0 ? got.err + 7 : got.err;
    sedge_status st = SEDGE_OK;
    if (got.exit < 0)
        st = sg_fail(err, SEDGE_E_VALUE, "%s: the job was ended by signal %d", r->target, -got.exit);
    else if (got.exit != EXIT_OK && got.exit != EXIT_LIMIT)
        st = sg_fail(err, SEDGE_E_VALUE, "%s: %s", r->target, *said ? said : "the job failed");
    else if (!*out)
        st = sg_fail(err, SEDGE_E_FORMAT, "%s: what the job printed is no JSON: %s", r->target, why.text);
    sg_remote_result_free(&got);
    return st;
}

json_t *remote_run(const args *a, const char *target, int *status, sedge_error *err)
{
    sg_remote r;
    places p = {.n = 0};
    const char **word = NULL;
    json_t *tree = NULL;
    sedge_status st = sg_remote_open(&r, target, a->power_cmd || a->beside, err);
    if (st == SEDGE_OK)
        st = add_all(&r, &p, a, err);
    if (st == SEDGE_OK)
        st = translate(&r, &p, a, &word, err);
    if (st == SEDGE_OK)
        st = run_words(&r, word, status, &tree, err);
    if (st == SEDGE_OK) {
        json_object_set_new(tree, "model", json_string(a->rest[0]));
        json_object_set_new(tree, "on", json_string(target));
        json_object_set(tree, "machine", r.machine);
        json_object_set(tree, "build", r.build);
    } else {
        json_decref(tree);
        tree = NULL;
    }
    sg_remote_close(&r);
    return tree;
}

/* ---- the same answers ------------------------------------------------------------------------ */

static sedge_status compare_digests(const json_t *here, const json_t *there, const char *target, size_t *common, sedge_error *err)
{
    const json_t *sample;
    size_t i;
    const char *name;
    json_t *digest;
    json_array_foreach(json_object_get(here, "samples"), i, sample)
    {
        const json_t *other = json_array_get(json_object_get(there, "samples"), i);
        json_object_foreach((json_t *)(uintptr_t)sample, name, digest)
        {
            const char *d = json_string_value(json_object_get(other, name));
            *common += d != NULL;
            if (d && strcmp(d, json_string_value(digest)) != 0)
                return sg_fail(err, SEDGE_E_VALUE,
                               "%s: tensor %s of sample %zu is another there than here, though it is made of integers alone",
                               target, name, i);
        }
    }
    return SEDGE_OK;
}

#define SAMPLES "20"

sedge_status remote_same(const args *a, const char *target, const char **why, sedge_error *err)
{
    sg_remote r;
    char name[300], seed[32];
    json_t *here = digests_of(a, a->rest[0], (uint64_t)strtoul(SAMPLES, NULL, 10), err), *there = NULL;
    int status;
    size_t common = 0;
    *why = NULL;
    if (!here)
        return err->status;
    if (!json_object_size(json_array_get(json_object_get(here, "samples"), 0))) {
        *why = "not compared: nothing in it is made of integers alone";
        json_decref(here);
        return SEDGE_OK;
    }
    snprintf(name, sizeof name, "model/%.255s", base_of(a->rest[0]));
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)a->seed);
    const char *word[] = {"run", name, "--digests", SAMPLES, "--seed", seed, NULL};
    sedge_status st = sg_remote_open(&r, target, false, err);
    if (st == SEDGE_OK)
        st = add_model(&r, a->rest[0], "model", false, err);
    if (st == SEDGE_OK)
        st = run_words(&r, word, &status, &there, err);
    if (st == SEDGE_OK)
        st = compare_digests(here, there, target, &common, err);
    if (st == SEDGE_OK && !common)
        *why = "not compared: the plans there and here have no tensor in common";
    sg_remote_close(&r);
    json_decref(here);
    json_decref(there);
    return st;
}
