/* Kinds and helpers of the ops that read or write at indices. */
#ifndef SG_OP_INDEX_H
#define SG_OP_INDEX_H

#include "op/move.h"

/* Attribute `reduction` of the scatter ops: how an update meets what is there. */
enum { SG_SCATTER_NONE, SG_SCATTER_ADD, SG_SCATTER_MUL, SG_SCATTER_MAX, SG_SCATTER_MIN };
/* Attribute `kind` of arg_reduce. */
enum { SG_ARG_MAX, SG_ARG_MIN };
/* Attribute `mode` of tensor_scatter. */
enum { SG_TENSOR_SCATTER_LINEAR, SG_TENSOR_SCATTER_CIRCULAR };

/* Element i of an index tensor, counted from the end when negative; fails outside [-d, d). */
sedge_status sg_index_at(sg_exec *x, const sg_tensor *index, int64_t i, int64_t d, int64_t *out);
/* Refuses index operands that are not integers. */
sedge_status sg_index_type(sg_infer *c, int k);
/* Which of elements i and j of t comes first: < 0, 0, > 0. NaN comes last; strings by bytes. */
int sg_index_compare(const sg_tensor *t, int64_t i, int64_t j);
/* Sorts n indices so that less(ctx, a, b) holds between neighbours where they differ; stable. tmp holds n. */
void sg_index_sort(int64_t *v, int64_t *tmp, int64_t n, bool (*less)(const void *ctx, int64_t a, int64_t b), const void *ctx);

#endif
