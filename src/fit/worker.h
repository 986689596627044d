/* The far side of `--on`: takes files by their digest into a folder that it is confined to, and runs verbs of this program on them there. */
#ifndef SG_FIT_WORKER_H
#define SG_FIT_WORKER_H

#include <stdbool.h>

#include "base/err.h"

typedef struct sg_worker_opts {
    const char
        *dir; /* keeps files from one time to the next; NULL: a temporary folder, which outlives a broken link, not a farewell */
    int (*run)(
        int argc,
        char **
            argv); /* this program's command line, in a process of its own: no program file is needed, which an emulator would not find */
    bool commands; /* --beside and the like may be asked for */
} sg_worker_opts;

/* Serves one near side until it says farewell or the link breaks. */
sedge_status sg_worker_serve(int in, int out, const sg_worker_opts *opts, sg_err *err);

#endif
