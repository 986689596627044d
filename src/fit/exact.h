/* What a model computes in integers alone: one answer on every machine, so that two machines can be compared to the bit. */
#ifndef SG_FIT_EXACT_H
#define SG_FIT_EXACT_H

#include <jansson.h>

#include "sedge/sedge.h"

/* Runs once and adds to `out` (an object) the SHA-256 of each integer tensor that has nothing above it but integer ops, moves, and the quantizing of
 * inputs, by its name. Plans of other machines may have other tensors; those with the same name are equal. */
sedge_status sg_exact_digests(sedge_session *s, json_t *out, sedge_error *err);

#endif
