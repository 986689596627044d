/* The two orders of a tensor's axes in memory, and moving elements from one to the other. */
#ifndef SG_TENSOR_LAYOUT_H
#define SG_TENSOR_LAYOUT_H

#include "tensor/tensor.h"

/* True if both layouts are the same bytes: at most two axes, one channel, or one position. Dims may be expressions. */
bool sg_layout_free(const int64_t *dim, int rank);

/* An axis of a tensor of that rank as it is counted in memory, channels last. */
static inline int sg_layout_axis(int axis, int rank)
{
    return rank < 3 || axis == 0 ? axis : axis == 1 ? rank - 1 : axis - 1;
}

/* t as row-major code may see it: its dims in the order of memory, with leading ones up to `rank` before they are turned. */
void sg_layout_turn(const sg_tensor *t, int rank, sg_tensor *out);

/* A tensor as runs of channels: [n, c, s] row-major is [n, s, c] channels last. */
typedef struct sg_planes {
    int64_t n, c, s;
} sg_planes;
sg_planes sg_layout_planes(const sg_tensor *t);

/* Copies the elements of src to dst, of the same type and shape, each in its own layout. */
void sg_layout_copy(const sg_tensor *src, const sg_tensor *dst);

#endif
