/* What the families that move elements share: integer operands, axis lists, copies of runs and strided views. */
#ifndef SG_OP_MOVE_H
#define SG_OP_MOVE_H

#include "op/op.h"

/* Reads integer input k as dims into v[max]. Its number of elements; -1: absent or not known now;
 * -2: not a list of at most max integers, error recorded. */
int sg_move_dims(sg_infer *c, int k, sg_dim *v, int max);
/* The same where only numbers will do: -1 also when an element is an expression. */
int sg_move_nums(sg_infer *c, int k, int64_t *v, int max);
/* Reads integer input k of a call: number of elements, -1 absent, -2 error recorded. */
int sg_move_args(sg_exec *x, int k, int64_t *v, int max);
/* The number of elements of a list operand whose elements are not known: -1 if that isn't known either. */
int sg_move_count(const sg_infer *c, int k);

/* Axes of a tensor of that rank as a bit mask; refuses axes outside and axes named twice. */
sedge_status sg_move_axes(sg_err *err, const int64_t *axes, int n, int rank, uint32_t *mask);
/* One axis in [-rank, rank) to [0, rank). */
sedge_status sg_move_axis(sg_err *err, int64_t axis, int rank, int *out);

/* Output 0 gets the content of input k (same elements in the same order). */
void sg_move_pass_content(sg_infer *c, int k);
/* Output of known rank whose dims are found only at run time. */
void sg_move_fresh(sg_infer *c, sg_type *t, int rank);

/* First steps of a slice of step 1, by axis; others stay as they are. False: another step, or not known. */
bool sg_slice_starts(sg_graph *g, sg_nid n, sg_dim *start);

/* Copies n consecutive elements of type t, unless they are there already. */
void sg_move_run(sg_dtype t, void *dst, int64_t di, const void *src, int64_t si, int64_t n);

/* dst[doff + sum i*ds] = src[soff + sum i*ss] over all i < dim; strides in elements. */
typedef struct sg_move_view {
    int rank;
    int64_t dim[SG_RANK_MAX], ss[SG_RANK_MAX], ds[SG_RANK_MAX];
    int64_t soff, doff;
} sg_move_view;
/* Of a transpose. */
sedge_status sg_transpose_view(sg_exec *x, sg_move_view *v);
void sg_move_strided(sg_dtype t, void *dst, const void *src, const sg_move_view *v);

/* Writes zero bytes: what partly written outputs and packed elements start from. */
void sg_move_zero(sg_tensor *t);

#endif
