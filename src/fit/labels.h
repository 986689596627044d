/* What labels of data stand for among those of a card. */
#ifndef SG_FIT_LABELS_H
#define SG_FIT_LABELS_H

#include "task/run.h"

/* The labels that data has: names of the card, numbers of its labels, or, of a card without labels, names numbered in alphabetic order
 * as folders are numbered everywhere. */
typedef struct sg_labels {
    const sedge_task *task;
    const char **name; /* sorted; NULL: not by order */
    size_t n_name;
} sg_labels;

/* label: n of them, NULLs are none. */
sedge_status sg_labels_open(sg_labels *l, const sedge_task *task, sg_arena *arena, const char *const *label, size_t n,
                            sg_err *err);
/* Number of the card's label (the class less labels.first); -1: none. */
int sg_labels_find(const sg_labels *l, const char *label);
/* Class of a label number. */
int sg_labels_class(const sedge_task *task, int label);
/* The decimal number that a label is; false: it is a name. */
bool sg_labels_whole(const char *s, int *v);

#endif
