/* Whole tensors as float or double arrays, for references that compute in one of the two. */
#ifndef SG_OP_WIDEN_H
#define SG_OP_WIDEN_H

#include "op/op.h"

/* The elements of t as floats or doubles: its own bytes when it has that type, else a converted copy in scratch.
 * NULL: out of memory, error recorded. */
const float *sg_widen_f32(sg_exec *x, const sg_tensor *t);
const double *sg_widen_f64(sg_exec *x, const sg_tensor *t);

/* Where to compute the elements of output t: its own bytes or scratch. sg_narrow_* then stores them (nothing to do
 * for its own bytes). */
float *sg_narrow_room_f32(sg_exec *x, const sg_tensor *t);
double *sg_narrow_room_f64(sg_exec *x, const sg_tensor *t);
void sg_narrow_f32(const sg_tensor *t, const float *v);
void sg_narrow_f64(const sg_tensor *t, const double *v);

/* Fails unless type t is f32, f64, f16 or bf16 (or not known). */
sedge_status sg_infer_need_float(sg_infer *c, int k);

#endif
