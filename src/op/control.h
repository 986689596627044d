/* What the references of Loop, Scan and SequenceMap share: carrying values and moving pieces. */
#ifndef SG_OP_CONTROL_H
#define SG_OP_CONTROL_H

#include "op/op.h"

/* Values that one call of a region hands to the next. A region's outputs live only until its next call, so they
 * are copied to boxes; two boxes a value take turns, and equal sizes reuse the bytes. */
typedef struct sg_carry {
    int n;
    sg_tensor **now; /* [n] what the next call reads: the first values, then boxes */
    sg_box **held;   /* [n] owner of now[k], NULL while it is the first value */
    sg_box **spare;  /* [n] */
} sg_carry;

sedge_status sg_carry_init(sg_exec *x, sg_carry *c, sg_tensor *const *first, int n);
sedge_status sg_carry_take(sg_exec *x, sg_carry *c, const sg_tensor *outs);
void sg_carry_drop(sg_exec *x, sg_carry *c);

/* Copies `count` elements between packed arrays, sub-byte types too. */
void sg_span_copy(sg_dtype t, void *dst, int64_t di, const void *src, int64_t si, int64_t count);

/* Dims of stacking n pieces of type t along axis, an axis of the result. */
sedge_status sg_stacked_dims(sg_exec *x, const sg_tensor *t, int64_t axis, int64_t n, int *rank, int64_t *dim);

/* The type of one piece of stacked output k as known at import, when no call tells it (attribute out_types). */
sedge_status sg_piece_type(sg_exec *x, int k, sg_tensor *piece);

#endif
