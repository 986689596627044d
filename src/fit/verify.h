/* A report's claims, measured again. */
#ifndef SG_FIT_VERIFY_H
#define SG_FIT_VERIFY_H

#include <stdbool.h>

#include <jansson.h>

#include "base/err.h"

typedef struct sg_verify_opts {
    const char *program; /* this program, which measures */
    const char *key;     /* public key that must have signed it; NULL: whoever, if anyone */
    bool commands;       /* commands of the report that run other programs may be run */
    void (*progress)(void *ctx, const char *what);
    void *ctx;
} sg_verify_opts;

/* Reads a report, "R.json" or "R.html". */
sedge_status sg_verify_read(json_t **out, const char *path, sg_err *err);
/* What became of each claim: {"claims": [{"id", "what", "unit", "then", "now", "holds", "why"}], "signature": "...", "signed": true, false or null}.
 * A report names commands: those that write files are never run, those that run other programs only with `commands`. */
sedge_status sg_verify_run(const json_t *report, const sg_verify_opts *opts, json_t **out, sg_err *err);

#endif
