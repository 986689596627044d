/* Graphs to the files of other engines. */
#ifndef SG_EXPORT_EXPORT_H
#define SG_EXPORT_EXPORT_H

#include "import/import.h"

typedef struct sg_export_opts {
    const sg_import_info *info; /* what the source says of itself: producer, metadata, state; NULL: nothing */
    const sg_import_meta *meta; /* more metadata; a key of it takes the place of the source's */
    int n_meta;
    uint64_t inside_max; /* ONNX: of more bytes of weights those from 1 KiB on go to PATH.data; 0: 1.75 GiB */
} sg_export_opts;

/* Writes a graph in the format that the name of the file ends with. */
sedge_status sg_export(const sg_graph *g, const sg_export_opts *opts, const char *path, sg_err *err);

/* Writes a graph at stage source as ONNX, in the oldest opset that has all its operators. opts: NULL for none. The file appears whole
 * or not at all; weights go straight from where they are to it. A row that ONNX cannot say is an error that names the node. */
sedge_status sg_export_onnx(const sg_graph *g, const sg_export_opts *opts, const char *path, sg_err *err);
/* The same, piece by piece, to `put`, which gives false to stop. */
typedef bool sg_export_put_fn(void *ctx, const void *p, size_t n);
sedge_status sg_export_onnx_to(const sg_graph *g, const sg_export_opts *opts, sg_export_put_fn *put, void *ctx, sg_err *err);

/* The same as TensorFlow Lite: images channels last, integers with a scale where its kernels have them, state as variables. */
sedge_status sg_export_tflite(const sg_graph *g, const sg_export_opts *opts, const char *path, sg_err *err);
sedge_status sg_export_tflite_to(const sg_graph *g, const sg_export_opts *opts, sg_export_put_fn *put, void *ctx, sg_err *err);

#endif
