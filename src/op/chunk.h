/* Runs of elements widened and narrowed a few hundred at a time, with loops for the types that are hot. */
#ifndef SG_OP_CHUNK_H
#define SG_OP_CHUNK_H

#include "tensor/dtype.h"

#define SG_CHUNK 256

/* Elements [at, at + n) of an array, n <= SG_CHUNK, as double or int64; the accessors of dtype.h say how. */
void sg_chunk_load_f64(sg_dtype t, const void *base, int64_t at, int64_t n, double *out);
void sg_chunk_load_i64(sg_dtype t, const void *base, int64_t at, int64_t n, int64_t *out);
void sg_chunk_store_f64(sg_dtype t, void *base, int64_t at, int64_t n, const double *in, bool sat);
void sg_chunk_store_i64(sg_dtype t, void *base, int64_t at, int64_t n, const int64_t *in);

#endif
