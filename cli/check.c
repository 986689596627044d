/* sedge check: runs ONNX test folders and compares every output.
 *
 * With more than one folder, the cases run in a child process that reports through a pipe: a case that
 * crashes or hangs is a failure of that case, and a new child goes on with the next one. */
#include "cli.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CASE_SECONDS 120

static int check_main(int argc, char **argv);

const verb verb_check = {"check", "ONNX test folders (model.onnx, test_data_set_K): pass or not",
                         "check DIR... [--threads T] [--target cpu|reference|loopback] [--functions F.onnx] [--no-optimize]",
                         check_main};

enum { PASSED = 'P', FAILED = 'F', SKIPPED = 'S' };

typedef struct verdict {
    char what;
    char why[700];
} verdict;

static bool exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

/* The number after "key": in a flat JSON object; `other` if it is not there. */
static double json_field(const char *text, const char *key, double other)
{
    const char *p = strstr(text, key);
    if (!p)
        return other;
    p += strlen(key);
    p += strspn(p, "\" \t\r\n:");
    char *end;
    double v = strtod(p, &end);
    return end != p && v >= 0 ? v : other;
}

static tolerance read_tolerance(const char *dir)
{
    tolerance t = {1e-3, 1e-5};
    char path[4200], text[512];
    snprintf(path, sizeof path, "%s/tol.json", dir);
    FILE *f = fopen(path, "rb");
    if (!f)
        return t;
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = 0;
    t.rtol = json_field(text, "\"rtol\"", t.rtol);
    t.atol = json_field(text, "\"atol\"", t.atol);
    return t;
}

/* Which input the file input_J.pb is for: the one that its name says, else the J-th. */
static int input_of(const opened *o, const sg_data *d, int j)
{
    int i = d->name && d->name[0] ? input_find(o->model, d->name, strlen(d->name)) : -1;
    return i >= 0 ? i : j;
}

static sedge_status bind_inputs(values *v, const opened *o, const char *set, sedge_error *err)
{
    char path[4300];
    int n = sedge_model_inputs(o->model);
    for (int j = 0;; j++) {
        snprintf(path, sizeof path, "%s/input_%d.pb", set, j);
        if (!exists(path))
            return SEDGE_OK;
        sg_map *m = &v->map[v->n_map < ARGS_MAX ? v->n_map : ARGS_MAX - 1];
        sedge_io io = {0};
        sg_data d = {0};
        sedge_tensor t;
        if (v->n_map == ARGS_MAX)
            return sg_fail(err, SEDGE_E_ARG, "more than %d inputs", ARGS_MAX);
        SG_TRY(sg_map_open(m, path, err));
        v->n_map++;
        if (!sedge_model_input(o->model, j < n ? j : n - 1, &io))
            return sg_fail(err, SEDGE_E_ARG, "input_%d.pb: the model has %d inputs", j, n);
        SG_TRY(sg_pb_read(&v->arena, m->data, m->size, (sg_kind)io.kind, &d, err));
        int i = input_of(o, &d, j);
        if (i >= n)
            return sg_fail(err, SEDGE_E_ARG, "input_%d.pb: the model has %d inputs", j, n);
        memcpy(&t, &d.t, sizeof t);
        SG_TRY(sedge_session_set_input(o->session, i, &t, err));
    }
}

static sedge_status compare_output(values *v, const opened *o, const char *path, int j, const tolerance *tol, sedge_error *err)
{
    sg_map m;
    sg_data d = {0};
    sedge_io io;
    sedge_tensor want, got;
    char why[400];
    if (!sedge_model_output(o->model, j, &io))
        return sg_fail(err, SEDGE_E_ARG, "output_%d.pb: the model has %d outputs", j, sedge_model_outputs(o->model));
    SG_TRY(sg_map_open(&m, path, err));
    sedge_status st = sg_pb_read(&v->arena, m.data, m.size, (sg_kind)io.kind, &d, err);
    if (st == SEDGE_OK)
        st = sedge_session_get_output(o->session, j, &got, err);
    if (st == SEDGE_OK) {
        memcpy(&want, &d.t, sizeof want);
        if (!compare(&got, &want, tol, why, sizeof why))
            st = sg_fail(err, SEDGE_E_VALUE, "output %s: %s", io.name, why);
    }
    sg_map_close(&m);
    return st;
}

static sedge_status check_set(const opened *o, const char *set, const tolerance *tol, sedge_error *err)
{
    values v;
    char path[4300];
    values_init(&v, 0);
    sedge_status st = bind_inputs(&v, o, set, err);
    if (st == SEDGE_OK)
        st = sedge_session_run(o->session, NULL, err);
    int n = 0;
    for (; st == SEDGE_OK; n++) {
        snprintf(path, sizeof path, "%s/output_%d.pb", set, n);
        if (!exists(path))
            break;
        st = compare_output(&v, o, path, n, tol, err);
    }
    if (st == SEDGE_OK && n < sedge_model_outputs(o->model))
        st = sg_fail(err, SEDGE_E_NOT_FOUND, "%s: %d files of outputs, the model has %d", set, n, sedge_model_outputs(o->model));
    values_free(&v);
    return st;
}

static void check_case(const args *a, const char *dir, verdict *out)
{
    char path[4200];
    opened o = {0};
    sedge_error err = {0};
    memset(out, 0, sizeof *out);
    out->what = FAILED;
    if (strlen(dir) > 4096) {
        snprintf(out->why, sizeof out->why, "path too long");
        return;
    }
    snprintf(path, sizeof path, "%s/test_data_set_0", dir);
    bool has_sets = exists(path);
    snprintf(path, sizeof path, "%s/model.onnx", dir);
    if (!exists(path))
        snprintf(path, sizeof path, "%s/model.sedge", dir);
    if (!exists(path)) {
        snprintf(out->why, sizeof out->why, "no model.onnx or model.sedge");
        return;
    }
    if (!has_sets) {
        out->what = SKIPPED;
        snprintf(out->why, sizeof out->why, "no test_data_set_0");
        return;
    }
    tolerance tol = read_tolerance(dir);
    sedge_status st = opened_open(&o, path, a, true, &err);
    for (int k = 0; st == SEDGE_OK; k++) {
        snprintf(path, sizeof path, "%s/test_data_set_%d", dir, k);
        if (!exists(path))
            break;
        st = check_set(&o, path, &tol, &err);
    }
    opened_close(&o);
    if (st == SEDGE_OK)
        out->what = PASSED;
    else
        snprintf(out->why, sizeof out->why, "%s", err.msg[0] ? err.msg : sedge_status_text(st));
}

static const char *base_name(char *text, size_t size, const char *dir)
{
    size_t n = strlen(dir);
    while (n > 1 && dir[n - 1] == '/')
        n--;
    size_t from = n;
    while (from > 0 && dir[from - 1] != '/')
        from--;
    snprintf(text, size, "%.*s", (int)(n - from), dir + from);
    return text;
}

typedef struct tally {
    int passed, failed, skipped;
    progress p;
} tally;

static void count(tally *t, const char *dir, const verdict *v)
{
    char name[512];
    if (v->what == PASSED) {
        t->passed++;
        return;
    }
    progress_clear(&t->p);
    t->failed += v->what == FAILED;
    t->skipped += v->what == SKIPPED;
    printf("%s %s: ", v->what == FAILED ? "FAIL" : "SKIP", base_name(name, sizeof name, dir));
    for (const char *p = v->why; *p; p++)
        putchar((unsigned char)*p < ' ' ? ' ' : *p);
    putchar('\n');
}

static bool write_all(int fd, const void *data, size_t n)
{
    const char *p = data;
    while (n) {
        ssize_t k = write(fd, p, n);
        if (k < 0 && errno != EINTR)
            return false;
        if (k > 0) {
            p += k;
            n -= (size_t)k;
        }
    }
    return true;
}

static bool read_all(int fd, void *data, size_t n)
{
    char *p = data;
    while (n) {
        ssize_t k = read(fd, p, n);
        if (k == 0 || (k < 0 && errno != EINTR))
            return false;
        if (k > 0) {
            p += k;
            n -= (size_t)k;
        }
    }
    return true;
}

/* Runs cases from `at` on in a child until all are done or one kills it. Returns the next case. */
static int check_batch(const args *a, int at, tally *t)
{
    int fd[2], status = 0;
    verdict v;
    fflush(stdout);
    if (pipe(fd) != 0)
        return -1;
    pid_t child = fork();
    if (child < 0)
        return -1;
    if (child == 0) {
        close(fd[0]);
        bool good = true;
        for (int i = at; i < a->n_rest && good; i++) {
            alarm(CASE_SECONDS);
            check_case(a, a->rest[i], &v);
            good = write_all(fd[1], &v, sizeof v);
        }
        exit(good ? EXIT_OK : EXIT_FAILED);
    }
    close(fd[1]);
    while (at < a->n_rest && read_all(fd[0], &v, sizeof v)) {
        count(t, a->rest[at++], &v);
        progress_show(&t->p, (double)at / a->n_rest);
    }
    close(fd[0]);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    memset(&v, 0, sizeof v);
    v.what = FAILED;
    if (at < a->n_rest) {
        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
            snprintf(v.why, sizeof v.why, "took longer than %d s", CASE_SECONDS);
        else
            snprintf(v.why, sizeof v.why, "crashed (%s %d)", WIFSIGNALED(status) ? "signal" : "exit status",
                     WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        count(t, a->rest[at++], &v);
    } else if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_OK) {
        t->failed++;
        printf("FAIL (all): the process ended badly after the last case (a leak, when built with a sanitizer)\n");
    }
    return at;
}

static int check_all(const args *a)
{
    tally t = {0};
    progress_start(&t.p, "checking");
    if (a->n_rest == 1) {
        verdict v;
        check_case(a, a->rest[0], &v);
        count(&t, a->rest[0], &v);
    } else {
        for (int at = 0; at < a->n_rest;)
            if ((at = check_batch(a, at, &t)) < 0)
                return fail("cannot start a process: %s", strerror(errno));
    }
    progress_clear(&t.p);
    printf("%d passed, %d failed, %d skipped\n", t.passed, t.failed, t.skipped);
    return t.failed ? EXIT_FAILED : EXIT_OK;
}

static int check_main(int argc, char **argv)
{
    args a = {0};
    a.threads = 1;
    int status = args_parse(&a, &verb_check, "tfTFO", argc, argv);
    if (status == EXIT_OK && a.help)
        printf("usage: sedge %s\n", verb_check.usage);
    else if (status == EXIT_OK && a.n_rest == 0)
        status = usage(&verb_check, "which folders?");
    else if (status == EXIT_OK)
        status = check_all(&a);
    args_free(&a);
    return status;
}
