/* A random convolution of f32 with channels last, and what plain loops make of it: what the checks of its kernels share. */
#ifndef SG_TESTS_KERNEL_CONV_CASE_H
#define SG_TESTS_KERNEL_CONV_CASE_H

#include "check.h"
#include "kernel/conv/conv_last_f32.h"

typedef struct conv_case {
    sg_conv_shape s;
    float *x, *w, *bias, *add;
    /* What is done with a sum: */
    bool adds, leaks; /* `add` is added; below zero a quarter stays */
    float lo, hi;
} conv_case;

/* Sets oh and ow of s from the pads at the end. False: no window fits. */
bool conv_case_fit(sg_conv_shape *s, int64_t pad_bottom, int64_t pad_right);
/* Random numbers for the shape; how: bit 0 adds, bit 1 bounds of -0.5 and 0.75, bit 2 leaks. */
void conv_case_open(check *c, conv_case *v, const sg_conv_shape *s, int how);
void conv_case_close(conv_case *v);
/* Weights as the kernels' packing takes them. */
sg_conv_last_weights conv_case_weights(const conv_case *v);
/* The activation that leaks. */
sg_act_f32 conv_case_act(const check *c, const conv_case *v);

/* Element i of the output before and after what is done with a sum; *size: the sum of its terms' sizes. */
double conv_case_sum(const conv_case *v, int64_t i, double *size);
double conv_case_end(const conv_case *v, double sum);
int64_t conv_case_elements(const conv_case *v);
/* Compares y with plain loops. A float sum of K products, in any order and fused or not, is off by at most about K 2^-24 times the sum of the
 * terms' sizes (Higham, "Accuracy and Stability", 3.1): that is the tolerance. */
void conv_case_compare(check *c, const conv_case *v, const float *y, const char *what);
void conv_case_wrong(check *c, const char *what, int64_t i, double got, double want);

#endif
