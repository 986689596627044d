/* A verb's own command line on another machine. */
#ifndef SG_CLI_REMOTE_H
#define SG_CLI_REMOTE_H

#include "cli.h"
#include "fit/remote.h"

/* Runs the command line of `a` there, less --on, --report and what is judged here, with --json, and gives what it printed. What a->rest, --card, --data, --labels,
 * --against, --reference, --functions and --in name goes there, with what stands beside a model: its card, its external data, and with a
 * card the small texts of its folder. *status: its exit status. NULL: it failed, err says why. */
json_t *remote_run(const args *a, const char *target, int *status, sedge_error *err);
/* For integer nets: answers to `samples` inputs from the seed must have the same digests here and there; words: those of the model here.
 * SEDGE_E_VALUE: they have not. *why: NULL when they were compared, else why not. */
sedge_status remote_same(const args *a, const char *target, const char **why, sedge_error *err);

#endif
