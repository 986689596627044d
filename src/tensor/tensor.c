/* Shape arithmetic and the element walk. */
#include "tensor/tensor.h"

bool sg_numel_checked(const int64_t *dim, int rank, int64_t *out)
{
    int64_t n = 1;
    bool zero = false;
    for (int i = 0; i < rank; i++) {
        if (dim[i] < 0)
            return false;
        if (dim[i] == 0) {
            zero = true;
            continue;
        }
        if (__builtin_mul_overflow(n, dim[i], &n) || n > SG_NUMEL_MAX)
            return false;
    }
    *out = zero ? 0 : n;
    return true;
}

bool sg_same_shape(const sg_tensor *a, const sg_tensor *b)
{
    if (a->rank != b->rank)
        return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i])
            return false;
    return true;
}

void sg_strides(const int64_t *dim, int rank, int64_t *stride)
{
    int64_t s = 1;
    for (int i = rank - 1; i >= 0; i--) {
        stride[i] = s;
        s *= dim[i];
    }
}

void sg_walk_init(sg_walk *w, const int64_t *dim, int rank)
{
    w->rank = rank;
    w->n_ops = 0;
    for (int i = 0; i < rank; i++) {
        w->dim[i] = dim[i];
        w->idx[i] = 0;
    }
}

int sg_walk_add(sg_walk *w, const int64_t *stride)
{
    int k = w->n_ops++;
    for (int i = 0; i < w->rank; i++)
        w->stride[k][i] = stride[i];
    w->off[k] = 0;
    return k;
}

int sg_walk_add_bcast(sg_walk *w, const sg_tensor *t)
{
    int64_t stride[SG_RANK_MAX];
    int64_t s = 1;
    for (int i = w->rank - 1; i >= 0; i--) {
        int j = i - (w->rank - t->rank);
        int64_t d = j >= 0 ? t->dim[j] : 1;
        stride[i] = d == 1 ? 0 : s;
        s *= d;
    }
    return sg_walk_add(w, stride);
}

bool sg_walk_next(sg_walk *w)
{
    for (int i = w->rank - 1; i >= 0; i--) {
        for (int k = 0; k < w->n_ops; k++)
            w->off[k] += w->stride[k][i];
        if (++w->idx[i] < w->dim[i])
            return true;
        w->idx[i] = 0;
        for (int k = 0; k < w->n_ops; k++)
            w->off[k] -= w->stride[k][i] * w->dim[i];
    }
    return false;
}
