/* The near side of `--on`: a worker somewhere else, reached by a command that is its two ends. Files go there once, by digest; a link that breaks is
 * made again, files go on where they stopped, and the job is run anew. */
#ifndef SG_FIT_REMOTE_H
#define SG_FIT_REMOTE_H

#include <jansson.h>

#include "base/mem.h"

typedef struct sg_remote_file {
    const char *path, *name; /* here, and what the job calls it */
    char sha256[65];
    size_t bytes;
} sg_remote_file;

typedef struct sg_remote {
    const char *target; /* "ssh:user@host", or a command for the shell */
    bool commands; /* a worker by ssh is asked to run commands too */
    long pid;
    int in, out;
    char token[64];
    json_t *machine, *build; /* of the far side */
    int links; /* times that the link was made */
    sg_remote_file *file;
    size_t n, cap;
    sg_mem mem;
    sg_arena arena;
} sg_remote;

/* What came of a job. */
typedef struct sg_remote_result {
    int exit; /* its exit status; below 0: ended by a signal */
    char *out; /* what it printed, NUL at the end */
    char *err;
} sg_remote_result;

sedge_status sg_remote_open(sg_remote *r, const char *target, bool commands, sg_err *err);
/* Says farewell. */
void sg_remote_close(sg_remote *r);

/* A file, or all files below a folder, that jobs need: they see it as `name`. */
sedge_status sg_remote_add(sg_remote *r, const char *path, const char *name, sg_err *err);
/* Brings what is not there yet and runs "sedge WORDS". NULL ends the words. */
sedge_status sg_remote_run(sg_remote *r, const char *const *word, sg_remote_result *out, sg_err *err);
void sg_remote_result_free(sg_remote_result *r);

#endif
