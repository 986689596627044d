/* Softmax of one line, in f32, portable C. */
#ifndef SG_KERNEL_SOFTMAX_SOFTMAX_F32_H
#define SG_KERNEL_SOFTMAX_SOFTMAX_F32_H

#include <stdbool.h>
#include <stdint.h>

/* v = softmax(v + bias), in place; bias NULL: none. A line of nothing but minus infinity gives zeros. exp is off by at
 * most 2 units in the last place; the result does not depend on the instruction set. */
void sg_softmax_f32(float *v, const float *bias, int64_t n);

#endif
