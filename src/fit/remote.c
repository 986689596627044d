/* A worker somewhere else: the link to it, files, jobs. */
#include "fit/remote.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/map.h"
#include "fit/link.h"
#include "fit/machine.h"

enum { WAIT_S = 60, LINKS_MAX = 4, BATCH = 500 };

/* ---- the link ------------------------------------------------------------------------------- */

static void become(const sg_remote *r)
{
    if (strncmp(r->target, "ssh:", 4) == 0)
        execlp("ssh", "ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=20", "-o", "ServerAliveInterval=10", "--",
               r->target + 4, r->commands ? "sedge worker --commands" : "sedge worker", (char *)NULL);
    else
        execl("/bin/sh", "sh", "-c", r->target, (char *)NULL);
    _exit(127);
}

/* The exit status of the command that was the link; below 0: it had to be ended, or was by a signal. */
static int hang_up(sg_remote *r)
{
    int status = -1, i = 0;
    if (r->in >= 0)
        close(r->in);
    r->in = r->out = -1;
    if (r->pid <= 0)
        return -1;
    for (; i < 100 && waitpid((pid_t)r->pid, &status, WNOHANG) == 0; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        if (i == 50)
            kill(-(pid_t)r->pid, SIGTERM);
        if (i == 98)
            kill(-(pid_t)r->pid, SIGKILL);
    }
    r->pid = 0;
    return i < 50 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static sedge_status dial(sg_remote *r, sg_err *err)
{
    int end[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, end) != 0)
        return sg_fail(err, SEDGE_E_IO, "a link cannot be made: %s", strerror(errno));
    pid_t pid = fork();
    if (pid == 0) {
        setpgid(0, 0);
        dup2(end[1], STDIN_FILENO);
        dup2(end[1], STDOUT_FILENO);
        close(end[0]);
        close(end[1]);
        signal(SIGPIPE, SIG_DFL);
        become(r);
    }
    close(end[1]);
    if (pid < 0) {
        close(end[0]);
        return sg_fail(err, SEDGE_E_IO, "a link cannot be made: %s", strerror(errno));
    }
    setpgid(pid, pid);
    r->pid = pid;
    r->in = r->out = end[0];
    r->links++;
    return SEDGE_OK;
}

/* The worker's refusal is an error that says so; anything but an answer is a broken link. */
static sedge_status answer(sg_remote *r, sg_message *m, sg_err *err)
{
    do {
        SG_TRY(sg_link_receive(r->in, WAIT_S, m, err));
        if (json_object_get(m->head, "ok"))
            break;
        if (!json_object_get(m->head, "alive"))
            return sg_fail(err, SEDGE_E_FORMAT, "what came is no answer");
        sg_message_free(m);
    } while (true);
    if (json_is_true(json_object_get(m->head, "ok")))
        return SEDGE_OK;
    const char *why = json_string_value(json_object_get(m->head, "error"));
    sedge_status st = sg_fail(err, SEDGE_E_VALUE, "the worker refuses: %s", why ? why : "no reason");
    sg_message_free(m);
    return st;
}

static sedge_status ask(sg_remote *r, json_t *head, const void *body, size_t size, sg_message *m, sg_err *err)
{
    *m = (sg_message){0};
    SG_TRY(sg_link_send(r->out, head, body, size, err));
    return answer(r, m, err);
}

static sedge_status greet(sg_remote *r, sg_err *err)
{
    sg_message m;
    SG_TRY(dial(r, err));
    sg_err sent = {0};
    sedge_status st = sg_link_greet(r->out, &sent); /* what it says before it goes away tells more */
    SG_TRY(sg_link_greeted(r->in, WAIT_S, err));
    if (st != SEDGE_OK)
        return sg_fail(err, st, "%s", sent.msg);
    SG_TRY(ask(r, json_pack("{s:s, s:s}", "do", "hello", "token", r->token), NULL, 0, &m, err));
    const char *token = json_string_value(json_object_get(m.head, "token"));
    snprintf(r->token, sizeof r->token, "%s", token ? token : "");
    json_decref(r->machine);
    json_decref(r->build);
    r->machine = json_incref(json_object_get(m.head, "machine"));
    r->build = json_incref(json_object_get(m.head, "build"));
    sg_message_free(&m);
    return SEDGE_OK;
}

sedge_status sg_remote_open(sg_remote *r, const char *target, bool commands, sg_err *err)
{
    *r = (sg_remote){.target = target, .commands = commands, .in = -1, .out = -1};
    r->arena.mem = &r->mem;
    signal(SIGPIPE, SIG_IGN); /* a link that breaks is an error of write */
    if (strncmp(target, "ssh:", 4) == 0 && (target[4] == '-' || !target[4]))
        return sg_fail(err, SEDGE_E_ARG, "%s: no host", target);
    sg_err why = {0};
    sedge_status st = greet(r, &why);
    if (st == SEDGE_OK)
        return st;
    int status = hang_up(r);
    if (st == SEDGE_E_IO && status > 0)
        return sg_fail(err, st, "%s: no worker answers there: exit status %d", target, status);
    return sg_fail(err, st, "%s: %s", target, why.msg);
}

void sg_remote_close(sg_remote *r)
{
    if (r->out >= 0)
        sg_link_send(r->out, json_pack("{s:s}", "do", "bye"), NULL, 0, NULL);
    hang_up(r);
    json_decref(r->machine);
    json_decref(r->build);
    sg_free(&r->mem, r->file, r->cap * sizeof *r->file);
    sg_arena_free(&r->arena);
    r->machine = r->build = NULL;
}

/* ---- files ---------------------------------------------------------------------------------- */

static sedge_status add_file(sg_remote *r, const char *path, const char *name, sg_err *err)
{
    if (!sg_link_name(name))
        return sg_fail(err, SEDGE_E_VALUE, "%s: a name that cannot be sent", path);
    if (sg_grow(&r->mem, &r->file, &r->cap, r->n + 1, sizeof *r->file) != SEDGE_OK)
        return sg_fail(err, SEDGE_E_NOMEM, "no memory");
    sg_remote_file *f = &r->file[r->n];
    *f = (sg_remote_file){.path = sg_arena_str(&r->arena, path, strlen(path)),
                          .name = sg_arena_str(&r->arena, name, strlen(name))};
    if (!f->path || !f->name)
        return sg_fail(err, SEDGE_E_NOMEM, "no memory");
    SG_TRY(sg_file_digest(path, f->sha256, &f->bytes, err));
    r->n++;
    return SEDGE_OK;
}

sedge_status sg_remote_add(sg_remote *r, const char *path, const char *name, sg_err *err)
{
    struct stat s;
    char below[4096], below_name[1100];
    if (stat(path, &s) != 0)
        return sg_fail(err, SEDGE_E_IO, "%s: %s", path, strerror(errno));
    if (!S_ISDIR(s.st_mode))
        return add_file(r, path, name, err);
    DIR *d = opendir(path);
    sedge_status st = d ? SEDGE_OK : sg_fail(err, SEDGE_E_IO, "%s: %s", path, strerror(errno));
    for (struct dirent *e; st == SEDGE_OK && (e = readdir(d));) {
        if (e->d_name[0] == '.')
            continue;
        if (snprintf(below, sizeof below, "%s/%s", path, e->d_name) >= (int)sizeof below ||
            snprintf(below_name, sizeof below_name, "%s/%s", name, e->d_name) >= (int)sizeof below_name)
            st = sg_fail(err, SEDGE_E_LIMIT, "%s/%s: the path is too long", path, e->d_name);
        else if (stat(below, &s) == 0 && (S_ISREG(s.st_mode) || S_ISDIR(s.st_mode)))
            st = sg_remote_add(r, below, below_name, err);
    }
    if (d)
        closedir(d);
    return st;
}

static sedge_status send_file(sg_remote *r, const sg_remote_file *f, size_t at, sg_err *err)
{
    sg_map map;
    sg_message m;
    SG_TRY(sg_map_open(&map, f->path, err));
    sedge_status st = map.size == f->bytes ? SEDGE_OK : sg_fail(err, SEDGE_E_VALUE, "%s: it changed meanwhile", f->path);
    at = at < f->bytes ? at : 0;
    do {
        size_t n = f->bytes - at < SG_LINK_CHUNK ? f->bytes - at : SG_LINK_CHUNK;
        if (st == SEDGE_OK)
            st = ask(r,
                     json_pack("{s:s, s:s, s:I, s:I}", "do", "put", "sha256", f->sha256, "at", (json_int_t)at, "bytes",
                               (json_int_t)f->bytes),
                     map.data + at, n, &m, err);
        if (st == SEDGE_OK)
            sg_message_free(&m);
        at += n;
    } while (st == SEDGE_OK && at < f->bytes);
    sg_map_close(&map);
    return st;
}

/* Brings a batch of files, each from where it stopped. */
static sedge_status bring(sg_remote *r, size_t first, size_t end, sg_err *err)
{
    sg_message m;
    json_t *list = json_array();
    for (size_t i = first; i < end; i++)
        json_array_append_new(list, json_string(r->file[i].sha256));
    SG_TRY(ask(r, json_pack("{s:s, s:o}", "do", "have", "files", list), NULL, 0, &m, err));
    sedge_status st = SEDGE_OK;
    for (size_t i = first; st == SEDGE_OK && i < end; i++) {
        json_int_t have = json_integer_value(json_array_get(json_object_get(m.head, "have"), i - first));
        bool sent = false; /* the same bytes under another name */
        for (size_t k = first; !sent && k < i; k++)
            sent = strcmp(r->file[k].sha256, r->file[i].sha256) == 0;
        if (!sent && (have < 0 || (size_t)have != r->file[i].bytes || r->file[i].bytes == 0))
            st = send_file(r, &r->file[i], have > 0 ? (size_t)have : 0, err);
    }
    sg_message_free(&m);
    return st;
}

/* ---- jobs ----------------------------------------------------------------------------------- */

static sedge_status try_run(sg_remote *r, const char *const *word, sg_message *m, sg_err *err)
{
    json_t *words = json_array(), *files = json_array();
    for (size_t i = 0; i < r->n; i += BATCH) {
        sedge_status st = bring(r, i, i + BATCH < r->n ? i + BATCH : r->n, err);
        if (st != SEDGE_OK) {
            json_decref(words);
            json_decref(files);
            return st;
        }
    }
    for (int i = 0; word[i]; i++)
        json_array_append_new(words, json_string(word[i]));
    for (size_t i = 0; i < r->n; i++)
        json_array_append_new(files, json_pack("{s:s, s:s}", "name", r->file[i].name, "sha256", r->file[i].sha256));
    return ask(r, json_pack("{s:s, s:o, s:o}", "do", "run", "words", words, "files", files), NULL, 0, m, err);
}

static char *text_copy(const void *p, size_t n)
{
    char *s = malloc(n + 1);
    if (s) {
        if (n)
            memcpy(s, p, n);
        s[n] = 0;
    }
    return s;
}

sedge_status sg_remote_run(sg_remote *r, const char *const *word, sg_remote_result *out, sg_err *err)
{
    sg_message m;
    sg_err why = {0};
    *out = (sg_remote_result){0};
    sedge_status st = try_run(r, word, &m, &why);
    while (st == SEDGE_E_IO && r->links < LINKS_MAX) {
        hang_up(r);
        nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
        why = (sg_err){0};
        st = greet(r, &why);
        if (st == SEDGE_OK)
            st = try_run(r, word, &m, &why);
    }
    if (st != SEDGE_OK)
        return sg_fail(err, st, st == SEDGE_E_IO ? "%s: %s, %d times" : "%s: %s", r->target, why.msg, r->links);
    const char *said = json_string_value(json_object_get(m.head, "stderr"));
    out->exit = (int)json_integer_value(json_object_get(m.head, "exit"));
    out->out = text_copy(m.body, m.size);
    out->err = text_copy(said ? said : "", said ? strlen(said) : 0);
    sg_message_free(&m);
    return out->out && out->err ? SEDGE_OK : sg_fail(err, SEDGE_E_NOMEM, "no memory");
}

void sg_remote_result_free(sg_remote_result *r)
{
    free(r->out);
    free(r->err);
    *r = (sg_remote_result){0};
}
