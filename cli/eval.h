/* What the parts of `sedge eval` share. */
#ifndef SG_CLI_EVAL_H
#define SG_CLI_EVAL_H

#include <sys/types.h>

#include "cli.h"

/* --min and --max of a measure. */
typedef struct limit {
    char name[48];
    double value;
    bool most;
    const sedge_metric *metric;
    bool missed;
} limit;

typedef struct limits {
    limit one[2 * ARGS_MAX];
    int n;
} limits;

/* eval_command.c: --metric-cmd: a program that gets answers, a line of JSON each, and prints measures, "NAME VALUE" a line. */
typedef struct metric_command {
    const char *command;
    FILE *to; /* its input */
    FILE *said; /* what it prints */
    sedge_metric *metric;
    int n, own; /* from `own` on they are the program's */
    pid_t child;
    bool broken; /* it reads no more */
} metric_command;

bool metric_command_start(metric_command *c, const char *command);
/* A sedge_eval_opts.each; ctx: metric_command. */
int metric_command_each(void *ctx, const sedge_task *task, const sedge_item *item, const sedge_answers *answers);
/* Waits for it and puts its measures behind those of r. EXIT_OK, or the exit status. */
int metric_command_end(metric_command *c, sedge_eval_result *r);
void metric_command_free(metric_command *c);

#endif
