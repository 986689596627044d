/* sedge eval --metric-cmd: measures that a program of the user's computes from the answers. */
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "eval.h"

#define LINE_BYTES 4096
#define MEASURES   64

/* The program reads a pipe and writes a file without a name, so that neither waits for the other. */
bool metric_command_start(metric_command *c, const char *command)
{
    int fd[2];
    *c = (metric_command){.command = command, .said = tmpfile()};
    if (!c->said || pipe(fd) != 0)
        return false;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (dup2(fd[0], STDIN_FILENO) >= 0 && dup2(fileno(c->said), STDOUT_FILENO) >= 0) {
            close(fd[0]);
            close(fd[1]);
            execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        }
        _exit(127);
    }
    close(fd[0]);
    c->child = child;
    c->to = child > 0 ? fdopen(fd[1], "w") : NULL;
    if (!c->to)
        close(fd[1]);
    signal(SIGPIPE, SIG_IGN); /* a program that ends early is told by its status */
    return c->to != NULL;
}

static int put_piece(void *ctx, const char *text, size_t n)
{
    return fwrite(text, 1, n, ctx) != n;
}

int metric_command_each(void *ctx, const sedge_task *task, const sedge_item *item, const sedge_answers *answers)
{
    metric_command *c = ctx;
    json w = {.f = c->to, .line = true};
    if (c->broken)
        return 0;
    json_open(&w, NULL, '{');
    json_str(&w, "sample", item->name ? item->name : "");
    if (item->label)
        json_str(&w, "label", item->label);
    if (item->group)
        json_str(&w, "group", item->group);
    sedge_answers_json(task, answers, put_piece, json_raw(&w, "answer"));
    json_close(&w, '}');
    c->broken = ferror(c->to) != 0;
    return 0;
}

/* "NAME VALUE" */
static bool read_measure(metric_command *c, char *line)
{
    char *space = strchr(line, ' '), *end;
    if (!space || space == line)
        return false;
    *space = 0;
    double v = strtod(space + 1, &end);
    end += strspn(end, " \r\n");
    size_t n = strlen(line) + 1;
    char *name = end != space + 1 && !*end ? malloc(n) : NULL;
    if (!name)
        return false;
    memcpy(name, line, n);
    c->metric[c->n++] = (sedge_metric){.name = name,
                                       .about = "as the program of --metric-cmd says",
                                       .unit = "",
                                       .value = v,
                                       .low = NAN,
                                       .high = NAN,
                                       .method = "none"};
    return true;
}

int metric_command_end(metric_command *c, sedge_eval_result *r)
{
    char line[LINE_BYTES];
    int status = 0;
    bool sent = fclose(c->to) == 0 && !c->broken;
    c->to = NULL;
    waitpid(c->child, &status, 0);
    c->child = 0;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || !sent)
        return fail("--metric-cmd %s: it ended badly (status %d)", c->command, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    c->metric = calloc((size_t)r->n_metric + MEASURES + 1, sizeof *c->metric);
    if (!c->metric)
        return fail("out of memory");
    for (; c->n < r->n_metric; c->n++)
        c->metric[c->n] = r->metric[c->n];
    c->own = c->n;
    rewind(c->said);
    for (int k = 1; fgets(line, sizeof line, c->said); k++) {
        if (c->n - c->own == MEASURES || !read_measure(c, line))
            return fail("--metric-cmd %s: its line %d is not NAME VALUE", c->command, k);
        c->metric[c->n - 1].n = r->n_outcome;
    }
    r->metric = c->metric;
    r->n_metric = c->n;
    return c->n > c->own ? EXIT_OK : fail("--metric-cmd %s: it printed no measure", c->command);
}

void metric_command_free(metric_command *c)
{
    if (c->to)
        fclose(c->to);
    if (c->child > 0)
        waitpid(c->child, NULL, 0);
    if (c->said)
        fclose(c->said);
    for (int k = c->own; k < c->n; k++)
        free((void *)(uintptr_t)c->metric[k].name);
    free(c->metric);
    *c = (metric_command){.command = NULL};
}
