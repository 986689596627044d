/* Numbers to and from strings. */
#ifndef SG_OP_CAST_TEXT_H
#define SG_OP_CAST_TEXT_H

#include "op/op.h"

#define SG_NUMBER_TEXT_MAX 48

/* The shortest decimal that reads back as the same element, laid out as NumPy does; returns its length. */
int sg_number_text(sg_dtype t, double v, char out[SG_NUMBER_TEXT_MAX]);

sedge_status sg_cast_to_text(sg_exec *x, const sg_tensor *in, sg_tensor *out);
sedge_status sg_cast_from_text(sg_exec *x, const sg_tensor *in, sg_tensor *out);

#endif
