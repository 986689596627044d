/* Scale and shift per channel, taken into the weights of the node that computes the channels. */
#ifndef SG_PASS_AFFINE_H
#define SG_PASS_AFFINE_H

#include "pass/match.h"

/* Channels of the output of conv, conv_transpose or gemm with constant f32 weights; -1 if they cannot take any. */
int64_t sg_affine_channels(const sg_graph *g, sg_nid n);
/* The node with y = scale * y + shift before root; *by 0 if a weight would not be finite. */
sedge_status sg_affine_into(sg_graph *g, sg_nid root, sg_nid n, const double *scale, const double *shift, sg_nid *by,
                            sg_err *err);

#endif
