/* Operands that older opsets wrote as attributes, and nodes with operands put in place. */
#ifndef SG_IMPORT_ONNX_LOWER_LIST_H
#define SG_IMPORT_ONNX_LOWER_LIST_H

#include "import/onnx/lower.h"

/* Input k; where there is none, a constant of the list attribute; 0: neither. */
sg_vid sg_lower_list(sg_onnx_node *n, int k, const char *attr);
/* As sg_on_start, on these inputs in place of the node's own. */
sg_nid sg_lower_start(sg_onnx_node *n, sg_op_id row, const sg_vid *ins, int n_in);
/* Sets an integer attribute and runs the shape rule. */
sedge_status sg_lower_finish(sg_onnx_node *n, sg_nid node, sg_attr_id attr, int64_t v);

#endif
