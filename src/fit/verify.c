/* Verification: first what a claim stands on (files, the machine), then its number, by the command that the report names. A report may come from anywhere:
 * its commands are held to verbs that measure, and to options that neither write nor run anything else. */
#include "fit/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/map.h"
#include "fit/machine.h"
#include "fit/report.h"
#include "fit/sign.h"
#include "fit/words.h"

#define REPORT_MAX ((size_t)64 << 20)
#define OUT_MAX    ((size_t)64 << 20)
#define WORDS_MAX  256

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

sedge_status sg_verify_read(json_t **out, const char *path, sg_err *err)
{
    char json[4096];
    sg_map m;
    json_error_t why;
    *out = NULL;
    if (!sg_report_json_path(path, json, sizeof json))
        return sg_fail(err, SEDGE_E_ARG, "%s: a report is R.json or R.html", path);
    SG_TRY(sg_map_open(&m, json, err));
    if (m.size <= REPORT_MAX)
        *out = json_loadb((const char *)m.data, m.size, JSON_REJECT_DUPLICATES, &why);
    bool large = m.size > REPORT_MAX;
    sg_map_close(&m);
    if (large)
        return sg_fail(err, SEDGE_E_LIMIT, "%s: too large for a report", json);
    if (*out && strcmp(text_of(*out, "schema"), "sedge.report/1") == 0)
        return SEDGE_OK;
    sedge_status st = *out ? sg_fail(err, SEDGE_E_FORMAT, "%s: no report of sedge.report/1", json)
                           : sg_fail(err, SEDGE_E_FORMAT, "%s: line %d: %s", json, why.line, why.text);
    json_decref(*out);
    *out = NULL;
    return st;
}

/* ---- what claims stand on -------------------------------------------------------------------- */

static void changed(json_t *all, const char *role, const char *text)
{
    if (!json_object_get(all, role))
        json_object_set_new(all, role, json_string(text));
}

/* Role to what changed about it. */
static void look_at_files(const json_t *report, json_t *all)
{
    const json_t *f;
    size_t i;
    json_array_foreach(json_object_get(json_object_get(report, "evidence"), "files"), i, f)
    {
        char got[65], line[400];
        sg_err err = {0};
        const char *path = text_of(f, "path"), *role = text_of(f, "role");
        if (!*path)
            continue;
        if (sg_file_digest(path, got, NULL, &err) != SEDGE_OK)
            snprintf(line, sizeof line, "the %.40s cannot be read: %.200s", role, err.msg);
        else if (strcmp(got, text_of(f, "sha256")) != 0)
            snprintf(line, sizeof line, "the %.40s changed since: %.200s", role, path);
        else
            continue;
        changed(all, role, line);
    }
}

static void look_at_machine(const json_t *then, const json_t *now, json_t *all)
{
    static const char *const keys[] = {"cpu", "board", "architecture", "level", "processors", "emulated"};
    char line[400];
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
        const json_t *a = json_object_get(then, keys[k]), *b = json_object_get(now, keys[k]);
        if (!a || json_equal((json_t *)(uintptr_t)a, (json_t *)(uintptr_t)b))
            continue;
        char *was = json_dumps(a, JSON_ENCODE_ANY), *is = json_dumps(b, JSON_ENCODE_ANY);
        snprintf(line, sizeof line, "the machine is another one: %s was %.120s, is %.120s", keys[k], was ? was : "?",
                 is ? is : "?");
        free(was);
        free(is);
        changed(all, "machine", line);
    }
}

/* ---- measuring ------------------------------------------------------------------------------- */

static const char *const verbs[] = {"bench", "eval", "compare", "quantize", "inspect"};
static const char *const left_out[] = {"--report", "--max", "--min", "--sign"}; /* with their values */
static const char *const writing[] = {"-o", "--out", "--write", "--graph"};

#define AMONG(word, list) sg_word_among(word, list, sizeof(list) / sizeof *(list))

/* The words that measure again. */
static sedge_status words_of(const json_t *command, const sg_verify_opts *o, const char *word[WORDS_MAX + 3], sg_err *err)
{
    size_t n = json_array_size(command), k = 0;
    const char *verb = json_string_value(json_array_get(command, 1));
    if (n < 2 || n > WORDS_MAX || !verb || !AMONG(verb, verbs))
        return sg_fail(err, SEDGE_E_VALUE, "its command is none that measures");
    word[k++] = "sedge";
    for (size_t i = 1; i < n; i++) {
        const char *w = json_string_value(json_array_get(command, i));
        if (!w)
            return sg_fail(err, SEDGE_E_VALUE, "its command is none that measures");
        if (AMONG(w, left_out)) {
            i += strchr(w, '=') == NULL;
            continue;
        }
        if (AMONG(w, writing))
            return sg_fail(err, SEDGE_E_VALUE, "its command writes files (%.40s)", w);
        if (sg_word_commands(w) && !o->commands)
            return sg_fail(err, SEDGE_E_VALUE, "its command runs another (%.40s): --commands allows that", w);
        if (strcmp(w, "--json") != 0)
            word[k++] = w;
    }
    word[k++] = "--json";
    word[k] = NULL;
    return SEDGE_OK;
}

/* What a program printed; NULL: no memory. */
static char *collect(int fd, size_t *n)
{
    size_t cap = 1 << 16;
    char *p = malloc(cap);
    *n = 0;
    while (p && *n < OUT_MAX) {
        if (*n == cap) {
            char *q = realloc(p, cap * 2);
            if (!q)
                break;
            p = q;
            cap *= 2;
        }
        ssize_t got = read(fd, p + *n, cap - *n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        *n += (size_t)got;
    }
    return p;
}

static sedge_status run(const sg_verify_opts *o, const char *const *word, json_t **out, sg_err *err)
{
    int fd[2], status = 0;
    json_error_t why;
    size_t n = 0;
    if (pipe(fd) != 0)
        return sg_fail(err, SEDGE_E_IO, "its command cannot be started: %s", strerror(errno));
    pid_t pid = fork();
    if (pid == 0) {
        dup2(fd[1], STDOUT_FILENO);
        close(fd[0]);
        close(fd[1]);
        execv(o->program, (char *const *)(uintptr_t)word);
        _exit(127);
    }
    close(fd[1]);
    char *text = pid > 0 ? collect(fd[0], &n) : NULL;
    close(fd[0]);
    if (pid > 0)
        waitpid(pid, &status, 0);
    bool good = pid > 0 && text && WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 3);
    *out = good ? json_loadb(text, n, JSON_DISABLE_EOF_CHECK, &why) : NULL;
    free(text);
    if (*out)
        return SEDGE_OK;
    return sg_fail(err, SEDGE_E_VALUE, good ? "its command prints no JSON" : "its command fails");
}

/* Commands that were run, with what they gave: one is run once. */
typedef struct runs {
    json_t *command, *result, *failure; /* lists */
} runs;

static const json_t *result_of(runs *r, const json_t *command, const sg_verify_opts *o, const char **why)
{
    const char *word[WORDS_MAX + 3];
    sg_err err = {0};
    json_t *tree = NULL;
    size_t i;
    for (i = 0; i < json_array_size(r->command); i++)
        if (json_equal(json_array_get(r->command, i), (json_t *)(uintptr_t)command))
            break;
    if (i == json_array_size(r->command)) {
        sedge_status st = words_of(command, o, word, &err);
        if (st == SEDGE_OK && o->progress)
            o->progress(o->ctx, word[1]);
        if (st == SEDGE_OK)
            run(o, word, &tree, &err);
        json_array_append(r->command, (json_t *)(uintptr_t)command);
        json_array_append_new(r->result, tree ? tree : json_null());
        json_array_append_new(r->failure, json_string(err.msg));
    }
    *why = json_string_value(json_array_get(r->failure, i));
    return json_array_get(r->result, i);
}

/* ---- claims ---------------------------------------------------------------------------------- */

/* Why a number no longer keeps what the claim said; NULL: it does. */
static const char *judge(const json_t *c, double now, char text[400])
{
    bool more = strcmp(text_of(c, "better"), "higher") == 0;
    double then = sg_json_number_at(c, "/after"), limit = sg_json_number_at(c, "/limit"),
           slack = sg_json_number_at(c, "/tolerance");
    double low = sg_json_number_at(c, "/low"), high = sg_json_number_at(c, "/high");
    char a[48], b[48];
    json_t *n = sg_json_number(now), *l = sg_json_number(isfinite(limit) ? limit : then);
    const char *unit = text_of(c, "unit"), *why = NULL;
    sg_report_value(a, n, unit);
    sg_report_value(b, l, unit);
    json_decref(n);
    json_decref(l);
    slack = slack > 0 ? slack : 0;
    if (isfinite(limit) && strcmp(text_of(c, "verdict"), "PASS") == 0) {
        if (more ? now < limit : now > limit)
            snprintf(text, 400, "it is %s now, the limit is %s", a, b), why = text;
    } else if (slack == 0) {
        if (fabs(now - then) > 1e-9 * fabs(then))
            snprintf(text, 400, "it is %s now, it was %s", a, b), why = text;
    } else {
        double worst = more ? (isfinite(low) ? low : then) - slack * fabs(then)
                            : (isfinite(high) ? high : then) + slack * fabs(then);
        if (more ? now < worst : now > worst)
            snprintf(text, 400, "it is %s now, it was %s", a, b), why = text;
    }
    return why;
}

static void verify_claim(const json_t *report, const json_t *c, const json_t *changes, json_t *machine_changes, runs *r,
                         const sg_verify_opts *o, json_t *list)
{
    const json_t *need, *command = json_object_get(c, "command"), *tree;
    const char *why = NULL, *failure = NULL;
    bool needs_machine = false;
    double now = NAN;
    char text[400];
    size_t i;
    json_array_foreach(json_object_get(c, "needs"), i, need)
    {
        const char *role = json_string_value(need);
        needs_machine = needs_machine || (role && strcmp(role, "machine") == 0);
        if (!why && role && json_object_get(changes, role))
            why = json_string_value(json_object_get(changes, role));
    }
    if (!why && *text_of(c, "path")) {
        tree = result_of(r, command ? command : json_object_get(report, "command"), o, &failure);
        now = sg_json_number_at(tree, text_of(c, "path"));
        if (needs_machine && json_is_object(json_object_get(tree, "machine")))
            look_at_machine(sg_json_at(report, "/evidence/machine"), json_object_get(tree, "machine"), machine_changes);
        if (needs_machine && json_object_get(machine_changes, "machine"))
            why = text_of(machine_changes, "machine");
        else if (failure && *failure)
            why = failure;
        else if (json_is_null(json_object_get(c, "after")))
            why = NULL; /* it was not measured then either */
        else
            why = isfinite(now) ? judge(c, now, text) : "it is not measured any more";
    }
    json_t *row = json_pack("{s:s, s:s, s:s, s:O?, s:o, s:o}", "id", text_of(c, "id"), "what", text_of(c, "what"), "unit",
                            text_of(c, "unit"), "then", json_object_get(c, "after"), "now", sg_json_number(now), "holds",
                            why                   ? json_false()
                            : *text_of(c, "path") ? json_true()
                                                  : json_null());
    if (why)
        json_object_set_new(row, "why", json_string(why));
    json_array_append_new(list, row);
}

static void check_signature(const json_t *report, const sg_verify_opts *o, json_t *out)
{
    sg_err err = {0};
    sedge_status st = sg_sign_check(report, o->key, &err);
    bool absent = st == SEDGE_E_NOT_FOUND && !o->key;
    json_object_set_new(out, "signed", absent ? json_null() : json_boolean(st == SEDGE_OK));
    json_object_set_new(out, "signature",
                        json_string(st == SEDGE_OK ? text_of(json_object_get(report, "signature"), "public_key") : err.msg));
}

sedge_status sg_verify_run(const json_t *report, const sg_verify_opts *o, json_t **out, sg_err *err)
{
    const json_t *c;
    size_t i;
    json_t *changes = json_object(), *machine_changes = json_object(), *list = json_array();
    runs r = {json_array(), json_array(), json_array()};
    *out = json_pack("{s:s, s:s, s:O}", "schema", "sedge.verify/1", "subject", text_of(report, "subject"), "claims", list);
    if (*out) {
        check_signature(report, o, *out);
        look_at_files(report, changes);
        json_array_foreach(json_object_get(report, "claims"), i, c)
            verify_claim(report, c, changes, machine_changes, &r, o, list);
    }
    json_decref(changes);
    json_decref(machine_changes);
    json_decref(list);
    json_decref(r.command);
    json_decref(r.result);
    json_decref(r.failure);
    return *out ? SEDGE_OK : sg_fail(err, SEDGE_E_NOMEM, "no memory");
}
