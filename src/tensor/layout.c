/* Layouts: which tensors have but one, dims as they stand in memory, and the plain move. */
#include "tensor/layout.h"

#include <string.h>

bool sg_layout_free(const int64_t *dim, int rank)
{
    if (rank < 3 || dim[1] == 1)
        return true;
    for (int i = 2; i < rank; i++)
        if (dim[i] != 1)
            return false;
    return true;
}

void sg_layout_turn(const sg_tensor *t, int rank, sg_tensor *out)
{
    int lead = rank > t->rank ? rank - t->rank : 0, full = lead + t->rank;
    *out = *t;
    out->rank = (int8_t)full;
    out->layout = SG_LAYOUT_ROW;
    for (int i = 0; i < full; i++)
        out->dim[sg_layout_axis(i, full)] = i < lead ? 1 : t->dim[i - lead];
}

sg_planes sg_layout_planes(const sg_tensor *t)
{
    if (t->rank < 3)
        return (sg_planes){1, 1, sg_numel(t)};
    return (sg_planes){t->dim[0], t->dim[1], sg_dim_span(t->dim, 2, t->rank)};
}

void sg_layout_copy(const sg_tensor *src, const sg_tensor *dst)
{
    sg_dtype t = (sg_dtype)src->dtype;
    if (src->layout == dst->layout || sg_layout_free(src->dim, src->rank)) {
        if (sg_numel(src))
            memcpy(dst->data, src->data, sg_tensor_bytes(src));
        return;
    }
    sg_planes p = sg_layout_planes(src);
    int64_t rows = src->layout == SG_LAYOUT_ROW ? p.c : p.s, cols = src->layout == SG_LAYOUT_ROW ? p.s : p.c;
    if (sg_dtypes[t].bits < 8 && sg_numel(dst))
        memset(dst->data, 0, sg_tensor_bytes(dst));
    for (int64_t n = 0, at = 0; n < p.n; n++, at += rows * cols)
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < cols; j++)
                sg_elem_copy(t, dst->data, (size_t)(at + j * rows + i), src->data, (size_t)(at + i * cols + j));
}
