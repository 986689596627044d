/* What the ml family shares: score transforms and rows of features. */
#ifndef SG_OP_ML_H
#define SG_OP_ML_H

#include "op/op.h"

typedef enum sg_post_kind { SG_POST_NONE, SG_POST_SOFTMAX, SG_POST_LOGISTIC, SG_POST_SOFTMAX_ZERO, SG_POST_PROBIT } sg_post_kind;

/* How class_pick reads scores. PLAIN: one per class, or one for the second of two classes. The others: one score for
 * the second of two classes, a share of 1 (from leaves that are never negative) or a signed number. */
typedef enum sg_pick_kind { SG_PICK_PLAIN, SG_PICK_SHARE, SG_PICK_SIGNED } sg_pick_kind;

/* Transforms one row of scores in place. */
void sg_ml_post(sg_post_kind kind, double *v, int64_t n);

/* [rows, features] of a tensor of rank 1 or 2. */
static inline void sg_ml_rows(const sg_tensor *t, int64_t *rows, int64_t *features)
{
    *features = t->rank ? t->dim[t->rank - 1] : 1;
    *rows = t->rank ? sg_dim_span(t->dim, 0, t->rank - 1) : 1;
}
/* Fails unless input 0 has numbers and rank 1 or 2 (or unknown). */
sedge_status sg_ml_want_rows(sg_infer *c);
/* Number of rows of input 0, fresh when not known. */
sg_dim sg_ml_row_count(sg_infer *c);

/* Type and number of the node's class labels. */
sg_dtype sg_ml_label_dtype(sg_attrs a, int *n);
/* Element i of t = label `at`; the number itself when there are no labels, an empty string or 0 for -1. */
void sg_ml_label_store(sg_attrs a, sg_tensor *t, int64_t i, int64_t at);

#endif
