/* The gradient pass: adds to a graph the nodes that compute how a number of it changes with other values (reverse
 * accumulation; Griewank and Walther, Evaluating Derivatives, 2008). It works on the stage that importers leave. */
#ifndef SG_GRAD_GRADIENT_H
#define SG_GRAD_GRADIENT_H

#include "op/op.h"

/* Adds d loss / d wrt[k] as value grad[k], of the shape of wrt[k]; 0: the loss does not depend on it. The loss has one
 * element; every shape between them is known in numbers. Rows that are spelled out (layer normalization, gemm ...) are replaced by what
 * they stand for: if the loss itself was one, *loss is another value then. */
sedge_status sg_gradient(sg_graph *g, sg_vid *loss, const sg_vid *wrt, int n, sg_vid *grad, sg_err *err);

#endif
