/* Values that come from test files: tensors, and lists, optionals and maps of them. */
#ifndef SG_IMPORT_DATA_DATA_H
#define SG_IMPORT_DATA_DATA_H

#include "base/mem.h"
#include "tensor/tensor.h"

/* A value with its name. `t` of boxed kinds is as in the public API: data points to dim[0]
 * items of sg_tensor, rank 1. */
typedef struct sg_data {
    sg_tensor t;
    const char *name; /* "" if none */
} sg_data;

/* A file of bytes of a TensorProto (or, as `kind` says, SequenceProto, OptionalProto, MapProto).
 * Memory comes from the arena; tensors may borrow from data. */
sedge_status sg_pb_read(sg_arena *a, const uint8_t *data, size_t size, sg_kind kind, sg_data *out, sg_err *err);

/* NumPy's .npy, format 1 to 3; borrows from data where it is aligned. */
sedge_status sg_npy_read(sg_arena *a, const uint8_t *data, size_t size, sg_data *out, sg_err *err);
/* A .npz archive: calls each(ctx, name, value) for every array. */
sedge_status sg_npz_read(sg_arena *a, const uint8_t *data, size_t size,
                         sedge_status (*each)(void *ctx, const sg_data *d, sg_err *err), void *ctx, sg_err *err);
/* The header of format 1.0 for a tensor, padded to 64 bytes; its length in *n. False: npy has no such type. */
bool sg_npy_header(const sg_tensor *t, char out[256], size_t *n);

#endif
