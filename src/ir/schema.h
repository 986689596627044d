/* What the graph needs to know of an op row, so that ir does not include op. */
#ifndef SG_IR_SCHEMA_H
#define SG_IR_SCHEMA_H

#include "ir/graph.h"

/* Number of attributes of an op and the default of the i-th. Defined by the op table. */
int sg_schema_count(const struct sg_op *op);
void sg_schema_default(const struct sg_op *op, int i, sg_attr *out);

#endif
