/* Reading TensorProto and SparseTensorProto. */
#ifndef SG_IMPORT_ONNX_TENSOR_H
#define SG_IMPORT_ONNX_TENSOR_H

#include "import/onnx/import.h"
#include "import/wire/pb.h"

/* Where external data may come from; NULL in its place refuses it. */
typedef struct sg_onnx_files {
    sg_arena *arena;
    const char *model; /* path of the model file */
    sg_import_file **list;
} sg_onnx_files;

/* Bytes [offset, offset + size) of a file beside the model. `location` is relative and stays in the model's folder. */
sedge_status sg_onnx_external(const sg_onnx_files *files, sg_bytes location, uint64_t offset, uint64_t size, const void **out,
                              sg_err *err);

/* Data is borrowed from the message, at any alignment, or made in the arena. *name (may be NULL) borrows too. */
sedge_status sg_onnx_tensor_read(sg_arena *arena, sg_pb msg, const sg_onnx_files *files, sg_tensor *out, sg_bytes *name,
                                 sg_err *err);
/* A SparseTensorProto as a dense tensor; *dense counts the bytes made and is kept within a bound. */
sedge_status sg_onnx_sparse_read(sg_arena *arena, sg_pb msg, const sg_onnx_files *files, size_t *dense, sg_tensor *out,
                                 sg_bytes *name, sg_err *err);

/* size bytes, 64-byte aligned, zeroed. */
void *sg_onnx_room(sg_arena *arena, size_t size);

#endif
