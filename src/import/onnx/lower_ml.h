/* What the lowerings of traditional models share. */
#ifndef SG_IMPORT_ONNX_LOWER_ML_H
#define SG_IMPORT_ONNX_LOWER_ML_H

#include "import/onnx/lower.h"

/* Attribute post_transform as an sg_post_kind. */
int sg_ml_post_of(sg_onnx_node *n);
/* Copies class labels, from the ints attribute of that name and classlabels_strings; count: how many. */
sedge_status sg_ml_labels_set(sg_onnx_node *n, sg_nid node, const char *ints, int *count);
/* Ends a classifier: class_pick of the given kind on scores gives the node's outputs. */
sedge_status sg_ml_pick(sg_onnx_node *n, sg_vid scores, int kind, const char *ints);
/* The failure of a setter or a maker: out of memory unless something else is recorded. */
sedge_status sg_ml_failed(sg_onnx_node *n);

#endif
