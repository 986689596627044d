/* Bodies of If, Loop, Scan and their like as closed regions. */
#ifndef SG_IMPORT_ONNX_REGION_H
#define SG_IMPORT_ONNX_REGION_H

#include "import/onnx/lower.h"

/* Values that the body in attribute `attr` reads from outside, each once, with those of bodies inside it.
 * Constants are not among them: the region gets its own copies (of the same bytes). The lists live as long as the import. */
sedge_status sg_on_captures(sg_onnx_node *n, const char *attr, const char ***names, sg_vid **vals, int *count);

/* Number of formal inputs and outputs of a body; 0 of both when the attribute is absent. */
void sg_on_body_arity(sg_onnx_node *n, const char *attr, int *n_in, int *n_out);

/* Builds region k of `node` of the body: inputs are its formals, then one for each capture given (those of all the
 * bodies of the node, so that all its regions take the same operands). formal_types: their types, or NULL to take the
 * declared ones. Dims that are expressions outside become symbols bound by the region's inputs. */
sedge_status sg_on_region(sg_onnx_node *n, const char *attr, sg_nid node, int k, const sg_type *formal_types, int n_formal,
                          const char **captures, const sg_vid *capture_vals, int n_captures);

#endif
