/* Shapes and tensors: what a computation sees at run time. */
#ifndef SG_TENSOR_TENSOR_H
#define SG_TENSOR_TENSOR_H

#include "tensor/dtype.h"

#define SG_RANK_MAX 8

typedef enum sg_kind {
    SG_TENSOR,
    SG_SEQ, /* a sequence: data is an sg_seq * */
    SG_OPT, /* an optional: data is an sg_seq * of at most one item */
    SG_MAP  /* a map: data is an sg_seq * of two items, keys and values */
} sg_kind;

/* The order of a tensor's axes in memory. Shape and axes are logical all the same: dim[] never changes with it. */
typedef enum sg_layout {
    SG_LAYOUT_ROW, /* row-major: the order of the axes */
    SG_LAYOUT_LAST /* channels last: axis 1 stands behind all others (N H W C for an image) */
} sg_layout;

/* A tensor at run time: dense, in its layout. For kinds other than tensor, `data` is an
 * sg_seq * (NULL: empty) and dtype is that of the elements inside. */
typedef struct sg_tensor {
    void *data;
    uint8_t kind;  /* sg_kind */
    uint8_t dtype; /* sg_dtype */
    int8_t rank;
    uint8_t layout; /* sg_layout */
    int64_t dim[SG_RANK_MAX];
} sg_tensor;

/* A boxed list of values with a reference count; lives in the session's pool. */
typedef struct sg_seq {
    uint32_t refs;
    uint32_t n;
    struct sg_box **item; /* each counted once */
} sg_seq;

/* A counted value inside a list. Never changed while refs > 1. */
typedef struct sg_box {
    uint32_t refs;
    sg_tensor t; /* t.data is owned by the pool, freed with the box */
} sg_box;

static inline int64_t sg_numel(const sg_tensor *t)
{
    int64_t n = 1;
    for (int i = 0; i < t->rank; i++)
        n *= t->dim[i];
    return n;
}

static inline size_t sg_tensor_bytes(const sg_tensor *t)
{
    return sg_dtype_bytes((sg_dtype)t->dtype, (size_t)sg_numel(t));
}

/* Product of dims [from, to). */
static inline int64_t sg_dim_span(const int64_t *dim, int from, int to)
{
    int64_t n = 1;
    for (int i = from; i < to; i++)
        n *= dim[i];
    return n;
}

/* Axis in [-rank, rank) to [0, rank); -1 when outside. */
static inline int sg_axis(int64_t axis, int rank)
{
    if (axis < 0)
        axis += rank;
    return axis >= 0 && axis < rank ? (int)axis : -1;
}

#define SG_NUMEL_MAX ((int64_t)1 << 48)

/* Checked product of dims: false if a dim is negative or the product passes SG_NUMEL_MAX. */
bool sg_numel_checked(const int64_t *dim, int rank, int64_t *out);

bool sg_same_shape(const sg_tensor *a, const sg_tensor *b);

/* Walks the elements of a shape while keeping one linear offset per operand: the way to
 * write broadcasting, transposing and slicing references. stride 0 repeats an axis. */
typedef struct sg_walk {
    int rank;
    int n_ops;
    int64_t dim[SG_RANK_MAX], idx[SG_RANK_MAX];
    int64_t stride[4][SG_RANK_MAX], off[4];
} sg_walk;

void sg_walk_init(sg_walk *w, const int64_t *dim, int rank);
/* Adds an operand with the given strides (elements); returns its number, at most 4. */
int sg_walk_add(sg_walk *w, const int64_t *stride);
/* Adds an operand of shape t broadcast (right-aligned) to the walk's dims. */
int sg_walk_add_bcast(sg_walk *w, const sg_tensor *t);
/* Moves on; false after the last element. Start with: bool more = numel > 0; for (; more; more = sg_walk_next(&w)) */
bool sg_walk_next(sg_walk *w);
/* Row-major strides of dims. */
void sg_strides(const int64_t *dim, int rank, int64_t *stride);

#endif
