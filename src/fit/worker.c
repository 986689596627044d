/* A worker. Files stand in its folder under their digests, those that have come in part as DIGEST.part; a job has a folder of its own below, with
 * links to them under the names that its command line uses, and goes when it is done. */
#include "fit/worker.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/map.h"
#include "fit/link.h"
#include "fit/machine.h"
#include "fit/words.h"

#define PREFIX    "sedge-worker-"
#define OUT_MAX   ((size_t)32 << 20)
#define ERR_MAX   ((size_t)64 << 10)
#define ALIVE_S   5
#define STALE_S   86400
#define WORDS_MAX 256

typedef struct worker {
    const sg_worker_opts *o;
    int in, out, dir; /* dir: a descriptor of the folder */
    char path[4096];
    bool temporary, goodbye;
} worker;

/* ---- the folder ----------------------------------------------------------------------------- */

/* Everything below a folder, which is given by its parent and name; links are removed, not followed. */
static void remove_below(int parent, const char *name, int depth)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd >= 0 && depth < 64 ? fdopendir(fd) : NULL;
    if (!d) {
        if (fd >= 0)
            close(fd);
        return;
    }
    for (struct dirent *e; (e = readdir(d));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (unlinkat(fd, e->d_name, 0) != 0)
            remove_below(fd, e->d_name, depth + 1);
    }
    closedir(d);
    unlinkat(parent, name, AT_REMOVEDIR);
}

static const char *temporary_place(void)
{
    const char *t = getenv("TMPDIR");
    return t && *t == '/' ? t : "/tmp";
}

/* A folder of an earlier worker of this user. */
static bool is_ours(int parent, const char *name)
{
    struct stat s;
    return strncmp(name, PREFIX, strlen(PREFIX)) == 0 && strlen(name) == strlen(PREFIX) + 6 && !strchr(name, '/') &&
           fstatat(parent, name, &s, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(s.st_mode) && s.st_uid == geteuid() &&
           (s.st_mode & 077) == 0;
}

/* Folders that a broken link left behind and nobody came back for. */
static void sweep(int parent)
{
    struct stat s;
    int fd = dup(parent);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    for (struct dirent *e; d && (e = readdir(d));)
        if (is_ours(parent, e->d_name) && fstatat(parent, e->d_name, &s, AT_SYMLINK_NOFOLLOW) == 0 &&
            time(NULL) - s.st_mtime > STALE_S)
            remove_below(parent, e->d_name, 0);
    if (d)
        closedir(d);
}

static sedge_status open_folder(worker *w, const char *token, sg_err *err)
{
    int parent;
    if (w->o->dir) {
        if ((mkdir(w->o->dir, 0700) != 0 && errno != EEXIST) || !realpath(w->o->dir, w->path))
            return sg_fail(err, SEDGE_E_IO, "%s: %s", w->o->dir, strerror(errno));
    } else {
        parent = open(temporary_place(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        bool again = parent >= 0 && token && is_ours(parent, token);
        w->temporary = true;
        snprintf(w->path, sizeof w->path, "%s/%s", temporary_place(), again ? token : PREFIX "XXXXXX");
        if (parent >= 0 && !again)
            sweep(parent);
        if (parent >= 0)
            close(parent);
        if (!again && !mkdtemp(w->path))
            return sg_fail(err, SEDGE_E_IO, "%s: %s", w->path, strerror(errno));
    }
    w->dir = open(w->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return w->dir >= 0 ? SEDGE_OK : sg_fail(err, SEDGE_E_IO, "%s: %s", w->path, strerror(errno));
}

static void close_folder(worker *w)
{
    if (w->dir < 0)
        return;
    remove_below(w->dir, "job", 0);
    close(w->dir);
    if (w->temporary && w->goodbye)
        remove_below(AT_FDCWD, w->path, 0);
}

/* ---- answers -------------------------------------------------------------------------------- */

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static sedge_status refuse(worker *w, const sg_err *why, sg_err *err)
{
    return sg_link_send(w->out, json_pack("{s:b, s:s}", "ok", 0, "error", why->msg), NULL, 0, err);
}

static sedge_status hello(worker *w, const json_t *m, sg_err *err)
{
    sg_err why = {0};
    if (w->dir >= 0)
        return sg_fail(err, SEDGE_E_FORMAT, "a second hello");
    if (open_folder(w, text_of(m, "token"), &why) != SEDGE_OK)
        return refuse(w, &why, err);
    const char *slash = strrchr(w->path, '/');
    return sg_link_send(w->out,
                        json_pack("{s:b, s:s, s:o, s:o}", "ok", 1, "token", w->temporary ? slash + 1 : "", "machine",
                                  sg_machine_json(""), "build", sg_build_json()),
                        NULL, 0, err);
}

/* How many bytes of each file are there. */
static sedge_status have(worker *w, const json_t *m, sg_err *err)
{
    const json_t *one;
    json_t *sizes = json_array();
    size_t i;
    json_array_foreach(json_object_get(m, "files"), i, one)
    {
        const char *digest = json_string_value(one);
        char part[80];
        struct stat s;
        json_int_t n = 0;
        if (digest && sg_link_digest(digest)) {
            snprintf(part, sizeof part, "%s.part", digest);
            if (fstatat(w->dir, digest, &s, AT_SYMLINK_NOFOLLOW) == 0 || fstatat(w->dir, part, &s, AT_SYMLINK_NOFOLLOW) == 0)
                n = (json_int_t)s.st_size;
        }
        json_array_append_new(sizes, json_integer(n));
    }
    return sg_link_send(w->out, json_pack("{s:b, s:o}", "ok", 1, "have", sizes), NULL, 0, err);
}

/* The last piece has come: the file is what it is called, or goes. */
static sedge_status settle(worker *w, const char *digest, const char *part, sg_err *err)
{
    char path[4200], got[65];
    snprintf(path, sizeof path, "%s/%s", w->path, part);
    SG_TRY(sg_file_digest(path, got, NULL, err));
    if (strcmp(got, digest) == 0 && renameat(w->dir, part, w->dir, digest) == 0)
        return SEDGE_OK;
    unlinkat(w->dir, part, 0);
    return sg_fail(err, SEDGE_E_VALUE, "%.12s...: the bytes that came have another digest", digest);
}

static sedge_status keep(worker *w, const sg_message *m, sg_err *err)
{
    const char *digest = text_of(m->head, "sha256");
    json_int_t at = json_integer_value(json_object_get(m->head, "at")),
               total = json_integer_value(json_object_get(m->head, "bytes"));
    char part[80];
    struct stat s;
    if (!sg_link_digest(digest) || at < 0 || total < 0 || (json_int_t)m->size > total - at)
        return sg_fail(err, SEDGE_E_VALUE, "a piece of no file");
    snprintf(part, sizeof part, "%s.part", digest);
    int fd = openat(w->dir, part, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool good = fd >= 0 && fstat(fd, &s) == 0 && s.st_size >= at;
    for (size_t done = 0; good && done < m->size;) {
        ssize_t n = pwrite(fd, m->body + done, m->size - done, (off_t)at + (off_t)done);
        good = n > 0 || (n < 0 && errno == EINTR);
        done += n > 0 ? (size_t)n : 0;
    }
    int why = errno;
    if (fd >= 0 && close(fd) != 0 && good) {
        good = false;
        why = errno;
    }
    if (!good) {
        unlinkat(w->dir, part, 0); /* a full disk is not left full */
        return sg_fail(err, SEDGE_E_IO, "a file of %lld bytes cannot be kept: %s", (long long)total, strerror(why));
    }
    return at + (json_int_t)m->size == total ? settle(w, digest, part, err) : SEDGE_OK;
}

static sedge_status put(worker *w, const sg_message *m, sg_err *err)
{
    sg_err why = {0};
    if (keep(w, m, &why) != SEDGE_OK)
        return refuse(w, &why, err);
    return sg_link_send(w->out, json_pack("{s:b}", "ok", 1), NULL, 0, err);
}

/* ---- jobs ----------------------------------------------------------------------------------- */

/* Verbs that may run here. */
static const char *const verbs[] = {"bench", "eval", "compare", "run", "inspect", "cpu", "check"};

/* A word may name no file outside the job's folder. What follows an option that runs commands is no name of a file. */
static sedge_status check_words(const worker *w, const char *const *word, sg_err *err)
{
    if (!word[0] || !sg_word_among(word[0], verbs, sizeof verbs / sizeof *verbs))
        return sg_fail(err, SEDGE_E_VALUE, "%.60s: not a verb that runs here", word[0] ? word[0] : "nothing");
    for (int i = 1; word[i]; i++) {
        if (sg_word_commands(word[i])) {
            if (!w->o->commands || strcmp(word[i], "--on") == 0)
                return sg_fail(err, SEDGE_E_VALUE, "%.60s: this worker runs no commands (sedge worker --commands)", word[i]);
            i += !strchr(word[i], '=') && word[i + 1];
            continue;
        }
        const char *eq = strchr(word[i], '='), *value = eq ? eq + 1 : word[i];
        if (word[i][0] == '/' || *value == '/' || strcmp(value, "..") == 0 || strncmp(value, "../", 3) == 0 ||
            strstr(word[i], "/../") || (strlen(value) >= 3 && strcmp(value + strlen(value) - 3, "/..") == 0))
            return sg_fail(err, SEDGE_E_VALUE, "%.60s: outside the folder of the job", word[i]);
    }
    return SEDGE_OK;
}

/* job/a/b/NAME becomes a link to the file. */
static sedge_status place(worker *w, const char *name, const char *digest, sg_err *err)
{
    char to[1100];
    if (!sg_link_name(name) || !sg_link_digest(digest))
        return sg_fail(err, SEDGE_E_VALUE, "a file with a bad name");
    snprintf(to, sizeof to, "job/%s", name);
    for (char *p = strchr(to + 4, '/'); p; p = strchr(p + 1, '/')) {
        *p = 0;
        if (mkdirat(w->dir, to, 0700) != 0 && errno != EEXIST)
            return sg_fail(err, SEDGE_E_IO, "%s: %s", name, strerror(errno));
        *p = '/';
    }
    if (linkat(w->dir, digest, w->dir, to, 0) != 0)
        return sg_fail(err, SEDGE_E_IO, "%s: %s", name, errno == ENOENT ? "it has not come yet" : strerror(errno));
    return SEDGE_OK;
}

static sedge_status place_all(worker *w, const json_t *files, sg_err *err)
{
    const json_t *f;
    size_t i;
    remove_below(w->dir, "job", 0);
    if (mkdirat(w->dir, "job", 0700) != 0)
        return sg_fail(err, SEDGE_E_IO, "a folder for the job: %s", strerror(errno));
    json_array_foreach(files, i, f) SG_TRY(place(w, text_of(f, "name"), text_of(f, "sha256"), err));
    return SEDGE_OK;
}

typedef struct output {
    char *p;
    size_t n, max;
    int fd;
} output;

/* False: it has ended. */
static bool drain(output *o)
{
    char piece[8192];
    ssize_t n = read(o->fd, piece, sizeof piece);
    if (n < 0 && errno == EINTR)
        return true;
    if (n <= 0)
        return false;
    size_t take = (size_t)n < o->max - o->n ? (size_t)n : o->max - o->n;
    memcpy(o->p + o->n, piece, take);
    o->n += take;
    return true;
}

static pid_t start(worker *w, const char **word, int out[2], int err_pipe[2])
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    setpgid(0, 0);
    int null = open("/dev/null", O_RDONLY);
    if (fchdir(w->dir) != 0 || chdir("job") != 0 || null < 0)
        _exit(126);
    dup2(null, STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    dup2(err_pipe[1], STDERR_FILENO);
    for (int fd = 3; fd < 256; fd++)
        close(fd);
    signal(SIGPIPE, SIG_DFL);
    int n = 0, status;
    while (word[n])
        n++;
    status = w->o->run(n, (char **)(uintptr_t)word);
    fflush(NULL);
    _exit(status);
}

/* Reads what the job prints, and says every few seconds that this side is alive. The near side going away ends the job. */
static sedge_status follow(worker *w, output *o, output *e, sg_err *err)
{
    double said = sg_now();
    while (o->fd >= 0 || e->fd >= 0) {
        struct pollfd f[3] = {{.fd = o->fd, .events = POLLIN}, {.fd = e->fd, .events = POLLIN}, {.fd = w->in, .events = POLLIN}};
        int n = poll(f, 3, 500);
        if (n > 0 && f[2].revents)
            return sg_fail(err, SEDGE_E_IO, "the near side went away");
        if (f[0].revents && !drain(o))
            o->fd = -1;
        if (f[1].revents && !drain(e))
            e->fd = -1;
        if (sg_now() - said >= ALIVE_S) {
            SG_TRY(sg_link_send(w->out, json_pack("{s:b}", "alive", 1), NULL, 0, err));
            said = sg_now();
        }
    }
    return SEDGE_OK;
}

/* Text that any JSON takes. */
static json_t *said_text(output *e)
{
    json_t *s = json_stringn(e->p, e->n);
    for (size_t i = 0; !s && i < e->n; i++)
        e->p[i] = (unsigned char)e->p[i] >= ' ' && (unsigned char)e->p[i] < 0x7f ? e->p[i] : e->p[i] == '\n' ? '\n' : '?';
    return s ? s : json_stringn(e->p, e->n);
}

static sedge_status run_job(worker *w, const char **word, sg_err *err)
{
    int out[2] = {-1, -1}, err_pipe[2] = {-1, -1}, status = 0;
    output o = {.p = malloc(OUT_MAX), .max = OUT_MAX}, e = {.p = malloc(ERR_MAX), .max = ERR_MAX};
    sedge_status st = SEDGE_OK;
    pid_t pid = -1;
    if (!o.p || !e.p || pipe(out) != 0 || pipe(err_pipe) != 0 || (pid = start(w, word, out, err_pipe)) < 0)
        st = sg_fail(err, SEDGE_E_IO, "the job cannot be started: %s", strerror(errno));
    if (out[1] >= 0)
        close(out[1]);
    if (err_pipe[1] >= 0)
        close(err_pipe[1]);
    o.fd = out[0];
    e.fd = err_pipe[0];
    if (st == SEDGE_OK)
        st = follow(w, &o, &e, err);
    if (pid > 0) {
        if (st != SEDGE_OK)
            kill(-pid, SIGKILL);
        waitpid(pid, &status, 0);
    }
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    if (st == SEDGE_OK && o.n == OUT_MAX)
        st = sg_fail(err, SEDGE_E_LIMIT, "the job printed too much");
    if (st == SEDGE_OK)
        st = sg_link_send(w->out, json_pack("{s:b, s:i, s:o}", "ok", 1, "exit", code, "stderr", said_text(&e)), o.p, o.n, err);
    if (out[0] >= 0)
        close(out[0]);
    if (err_pipe[0] >= 0)
        close(err_pipe[0]);
    free(o.p);
    free(e.p);
    return st;
}

static sedge_status run(worker *w, const json_t *m, sg_err *err)
{
    const char *word[WORDS_MAX + 2] = {"sedge"};
    const json_t *list = json_object_get(m, "words"), *one;
    sg_err why = {0};
    size_t i;
    sedge_status st = json_array_size(list) <= WORDS_MAX ? SEDGE_OK : sg_fail(&why, SEDGE_E_LIMIT, "too many words");
    if (st == SEDGE_OK)
        json_array_foreach(list, i, one) word[i + 1] = json_string_value(one) ? json_string_value(one) : "";
    if (st == SEDGE_OK)
        st = check_words(w, word + 1, &why);
    if (st == SEDGE_OK)
        st = place_all(w, json_object_get(m, "files"), &why);
    if (st != SEDGE_OK)
        return refuse(w, &why, err);
    st = run_job(w, word, err);
    remove_below(w->dir, "job", 0);
    return st;
}

/* ---- serving -------------------------------------------------------------------------------- */

static sedge_status serve_one(worker *w, const sg_message *m, sg_err *err)
{
    const char *what = text_of(m->head, "do");
    if (strcmp(what, "hello") == 0)
        return hello(w, m->head, err);
    if (w->dir < 0)
        return sg_fail(err, SEDGE_E_FORMAT, "\"%.40s\" before hello", what);
    if (strcmp(what, "have") == 0)
        return have(w, m->head, err);
    if (strcmp(what, "put") == 0)
        return put(w, m, err);
    if (strcmp(what, "run") == 0)
        return run(w, m->head, err);
    if (strcmp(what, "bye") == 0) {
        w->goodbye = true;
        return SEDGE_OK;
    }
    return sg_fail(err, SEDGE_E_FORMAT, "\"%.40s\" is nothing that a worker does", what);
}

sedge_status sg_worker_serve(int in, int out, const sg_worker_opts *opts, sg_err *err)
{
    worker w = {.o = opts, .in = in, .out = out, .dir = -1};
    umask(077);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a limit on files is an error of write */
    sedge_status st = sg_link_greet(out, err);
    if (st == SEDGE_OK)
        st = sg_link_greeted(in, 0, err);
    while (st == SEDGE_OK && !w.goodbye) {
        sg_message m;
        st = sg_link_receive(in, 0, &m, err);
        if (st == SEDGE_OK)
            st = serve_one(&w, &m, err);
        sg_message_free(&m);
    }
    close_folder(&w);
    return st;
}
