/* Rows for operators that the program brings. */
#ifndef SG_OP_CUSTOM_H
#define SG_OP_CUSTOM_H

#include "op/op.h"
#include "sedge/op.h"

/* A row whose callbacks are the program's. The row stands first, so that a node's op leads to it. */
typedef struct sg_custom {
    sg_op row;
    sedge_op op; /* strings borrowed */
} sg_custom;

/* Checks a description and makes its row. */
sedge_status sg_custom_init(sg_custom *c, const sedge_op *op, sg_err *err);

#endif
