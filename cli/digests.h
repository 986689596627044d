/* Digests of a model's integer tensors. */
#ifndef SG_CLI_DIGESTS_H
#define SG_CLI_DIGESTS_H

#include <jansson.h>

#include "cli.h"

/* sedge run MODEL --digests N: the exit status. */
int run_digests(const args *a);
/* The same as a tree ("samples": a list of objects, name to SHA-256), inputs from a->seed on. NULL: it failed. */
json_t *digests_of(const args *a, const char *path, uint64_t n, sedge_error *err);

#endif
