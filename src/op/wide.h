/* Whole arrays widened to double and back, and the operand checks that neural-network rules share. */
#ifndef SG_OP_WIDE_H
#define SG_OP_WIDE_H

#include "op/op.h"

/* dst[0..n) = elements [at, at + n) of an array. */
void sg_widen(sg_dtype t, const void *src, int64_t at, int64_t n, double *dst);
/* Elements [at, at + n) of an array = src[0..n), rounded once. */
void sg_narrow(sg_dtype t, void *dst, int64_t at, int64_t n, const double *src);
/* Scratch for n doubles; NULL: error recorded. */
double *sg_scratch_f64(sg_exec *x, int64_t n);
/* Elements [0, n) of input k in scratch, or NULL with the error recorded. */
double *sg_widen_in(sg_exec *x, int k, int64_t n);

/* Input k must be a float tensor. */
sedge_status sg_want_float(sg_infer *c, int k);
/* Input k must be a float tensor of the dtype of input 0. */
sedge_status sg_want_same(sg_infer *c, int k);
/* Output k: dtype t, rank unknown. */
sedge_status sg_out_unknown(sg_infer *c, sg_dtype t);
/* Fails unless tensor t (NULL is fine) is a vector of n elements. */
sedge_status sg_want_vector(sg_exec *x, const sg_tensor *t, int64_t n, const char *what);
/* The same in a shape rule for input k. */
sedge_status sg_want_vector_type(sg_infer *c, int k, sg_dim n, const char *what);
/* Next index of a row-major walk over dim[0..n); false after the last one, with all indices zero again. */
bool sg_index_next(int64_t *idx, const int64_t *dim, int n);

#endif
