/* Kinds of reduction. */
#ifndef SG_OP_REDUCE_H
#define SG_OP_REDUCE_H

#include "op/op.h"

/* Attribute `kind` of reduce. */
enum {
    SG_REDUCE_SUM,
    SG_REDUCE_MEAN,
    SG_REDUCE_MAX,
    SG_REDUCE_MIN,
    SG_REDUCE_PROD,
    SG_REDUCE_L1,
    SG_REDUCE_L2,
    SG_REDUCE_LOG_SUM,
    SG_REDUCE_LOG_SUM_EXP,
    SG_REDUCE_SUM_SQUARE,
    SG_REDUCE_COUNT
};
/* The axes that a call reduces, a bit each. */
sedge_status sg_reduce_axes(sg_exec *x, uint32_t *mask);

/* Attribute `kind` of cum. */
enum { SG_CUM_SUM, SG_CUM_PROD };

#endif
