/* ONNX files to graphs. */
#ifndef SG_IMPORT_ONNX_IMPORT_H
#define SG_IMPORT_ONNX_IMPORT_H

#include "import/import.h"

/* Imports a ModelProto. `data` must outlive the graph: weights are borrowed in place, at any alignment.
 * path: the model's file, to find external weights beside it; NULL: none are allowed. After success and failure
 * alike, sg_import_close releases the mapped files once the graph is no longer used; without an info, external
 * weights are refused. */
sedge_status sg_onnx_import(sg_arena *arena, const uint8_t *data, size_t size, const char *path, sg_import_info *info,
                            sg_graph **out, sg_err *err);
/* The same with function libraries and operators of the program. */
sedge_status sg_onnx_import_with(sg_arena *arena, const uint8_t *data, size_t size, const char *path,
                                 const sg_import_extra *extra, sg_import_info *info, sg_graph **out, sg_err *err);

#endif
