/* Kinds of pooling: values of the attribute kind of the row pool. */
#ifndef SG_OP_POOL_H
#define SG_OP_POOL_H

enum { SG_POOL_MAX, SG_POOL_AVERAGE, SG_POOL_LP };

#endif
