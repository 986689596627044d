/* The cost of an op in multiply-adds. */
#ifndef SG_OP_MACS_H
#define SG_OP_MACS_H

#include "op/op.h"

/* Of output 0, given the types of the operands; symbolic dims count as 1. Ops that are no sums of products: 0. */
double sg_op_macs(const sg_op *op, sg_attrs attrs, const sg_type *const *in, int n_in, const sg_type *out);

#endif
