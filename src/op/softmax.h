/* Kinds of the row softmax. */
#ifndef SG_OP_SOFTMAX_H
#define SG_OP_SOFTMAX_H

enum { SG_SOFTMAX_PLAIN, SG_SOFTMAX_LOG, SG_SOFTMAX_HARD };

#endif
