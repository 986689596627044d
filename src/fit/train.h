/* Training: parameters, and what an optimizer keeps of them, are state of a session; a run is a step. */
#ifndef SG_FIT_TRAIN_H
#define SG_FIT_TRAIN_H

#include "ir/graph.h"
#include "sedge/sedge.h"

typedef struct sg_train_how {
    bool adam;                    /* Kingma and Ba 2014; else gradient descent */
    double momentum;              /* of gradient descent, 0: none */
    double beta1, beta2, epsilon; /* of Adam */
    double decay;                 /* times a parameter is added to its gradient */
} sg_train_how;

typedef struct sg_trainer {
    sedge_model *model;
    sedge_plan *plan;
    sedge_session *session;
    int n_in, n_param, loss; /* inputs of the graph without the rate; the output that is the loss */
} sg_trainer;

/* Makes g, which changes, a graph that trains: the constants param[k], of f32, become state, the rate an input more. The loss has one element. g and
 * `like`, the model that it came from, outlive the trainer. Close in any case. */
sedge_status sg_trainer_open(sg_trainer *t, sg_graph *g, const sedge_model *like, sg_vid loss, const sg_vid *param, int n,
                             const sg_train_how *how, sg_err *err);
void sg_trainer_close(sg_trainer *t);
/* One step on the inputs of the graph; *loss is that before the step. */
sedge_status sg_trainer_step(sg_trainer *t, const sedge_tensor *in, double rate, double *loss, sg_err *err);
/* Parameter k as it is now; its bytes are good until the next step. */
sedge_status sg_trainer_param(sg_trainer *t, int k, sedge_tensor *out, sg_err *err);

#endif
