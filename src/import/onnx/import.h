/* ONNX files to graphs. */
#ifndef SG_IMPORT_ONNX_IMPORT_H
#define SG_IMPORT_ONNX_IMPORT_H

#include "base/map.h"
#include "ir/graph.h"
#include "op/custom.h"

typedef struct sg_onnx_opset {
    const char *domain; /* "" is ai.onnx */
    int64_t version;
} sg_onnx_opset;

typedef struct sg_onnx_meta {
    const char *key, *value;
} sg_onnx_meta;

/* A mapped file of external weights. */
typedef struct sg_onnx_file {
    sg_map map;
    const char *name;
    struct sg_onnx_file *next;
} sg_onnx_file;

/* What a model says of itself; strings and lists in the arena. */
typedef struct sg_onnx_info {
    int64_t ir_version, model_version;
    const char *producer, *producer_version, *domain; /* never NULL after an import */
    const sg_onnx_opset *opset;
    int n_opset;
    const sg_onnx_meta *meta;
    int n_meta;
    sg_onnx_file *file; /* constants of the graph point into them */
} sg_onnx_info;

/* Another model whose functions give bodies to operators that Sedge lacks. */
typedef struct sg_onnx_library {
    const uint8_t *data;
    size_t size;
} sg_onnx_library;

/* What a program brings besides the model. */
typedef struct sg_onnx_extra {
    const sg_onnx_library *lib;
    int n_lib;
    const sg_custom *op; /* outlive the graph */
    int n_op;
} sg_onnx_extra;

/* Imports a ModelProto. `data` must outlive the graph: weights are borrowed in place, at any alignment.
 * path: the model's file, to find external weights beside it; NULL: none are allowed. After success and failure
 * alike, sg_onnx_info_close releases the mapped files once the graph is no longer used; without an info, external
 * weights are refused. */
sedge_status sg_onnx_import(sg_arena *arena, const uint8_t *data, size_t size, const char *path, sg_onnx_info *info,
                            sg_graph **out, sg_err *err);
/* The same with function libraries and operators of the program. */
sedge_status sg_onnx_import_with(sg_arena *arena, const uint8_t *data, size_t size, const char *path, const sg_onnx_extra *extra,
                                 sg_onnx_info *info, sg_graph **out, sg_err *err);
void sg_onnx_info_close(sg_onnx_info *info);

#endif
