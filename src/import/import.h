/* What every importer gives beside the graph, and the way from any file to a graph. */
#ifndef SG_IMPORT_IMPORT_H
#define SG_IMPORT_IMPORT_H

#include "base/map.h"
#include "ir/graph.h"
#include "op/custom.h"

typedef struct sg_import_opset {
    const char *domain; /* "" is ai.onnx */
    int64_t version;
} sg_import_opset;

typedef struct sg_import_meta {
    const char *key, *value;
} sg_import_meta;

/* Metadata of ONNX: how many of the last inputs and outputs are state that callers do not see. */
#define SG_META_STATE "sedge.state"

/* A mapped file of external weights. */
typedef struct sg_import_file {
    sg_map map;
    const char *name;
    struct sg_import_file *next;
} sg_import_file;

/* What a model says of itself; strings and lists in the arena. */
typedef struct sg_import_info {
    const char *format; /* "onnx" */
    int64_t ir_version, model_version;
    const char *producer, *producer_version, *domain; /* never NULL after an import */
    const sg_import_opset *opset;
    int n_opset;
    const sg_import_meta *meta;
    int n_meta;
    sg_import_file *file; /* constants of the graph point into them */
    int n_state;          /* the last inputs of the graph, which its last outputs become: state that callers do not see */
    const void **state;   /* [n_state] what each is at first; NULL: zeros */
} sg_import_info;

/* Another model whose functions give bodies to operators that Sedge lacks. */
typedef struct sg_import_library {
    const uint8_t *data;
    size_t size;
} sg_import_library;

/* What a program brings besides the model. */
typedef struct sg_import_extra {
    const sg_import_library *lib;
    int n_lib;
    const sg_custom *op; /* outlive the graph */
    int n_op;
} sg_import_extra;

/* Imports a model of any format, told by its first bytes. `data` must outlive the graph: weights are borrowed in place, at any
 * alignment. path: the model's file, to find external weights beside it; NULL: none are allowed. After success and failure alike,
 * sg_import_close releases the mapped files once the graph is no longer used; without an info, external weights are refused. */
sedge_status sg_import(sg_arena *arena, const uint8_t *data, size_t size, const char *path, const sg_import_extra *extra,
                       sg_import_info *info, sg_graph **out, sg_err *err);
void sg_import_close(sg_import_info *info);

/* Appends an output. Outputs are known by their names, so a value that already has another use as such gets a copy. */
sedge_status sg_import_output(sg_graph *g, sg_vid v, const char *name, sg_err *err);

#endif
