/* What a model computes in integers alone: one answer on every machine, so that two machines can be compared to the bit. Needs the core only:
 * the programs that run in emulators have it too. */
#ifndef SG_FIT_EXACT_H
#define SG_FIT_EXACT_H

#include "base/sha256.h"
#include "sedge/sedge.h"

/* A tensor by its name and the SHA-256 of its elements in the order of its axes, as text. */
typedef sedge_status sg_exact_fn(void *ctx, const char *name, const char sha256[2 * SG_SHA256_BYTES + 1]);

/* Runs once and tells of each integer tensor that has nothing above it but integer ops, moves, and quantize and dequantize, which are defined to
 * the bit as well. *behind (or NULL): how many integer tensors stand behind other ops. Plans of other machines may have other tensors; those with
 * the same name are equal. What fn answers ends the telling and is returned. */
sedge_status sg_exact_digests(sedge_session *s, sg_exact_fn *fn, void *ctx, int *behind, sedge_error *err);

#endif
