/* Discrete Fourier transforms of any length in double precision. */
#ifndef SG_OP_FFT_H
#define SG_OP_FFT_H

#include "op/op.h"

/* Tables for one length. Powers of two go by radix 2, others by Bluestein's chirp transform. */
typedef struct sg_fft {
    int64_t n, m;   /* length; power of two that it is computed with */
    double *w;      /* m / 2 complex roots of unity */
    double *chirp;  /* n complex, Bluestein only */
    double *kernel; /* m complex, the transformed conjugate chirp */
    double *tmp;    /* m complex */
    uint32_t *swap; /* m bit-reversed indices */
} sg_fft;

/* Tables in scratch of x. */
sedge_status sg_fft_init(sg_exec *x, sg_fft *f, int64_t n);
/* In place on n interleaved complex numbers; the inverse is not divided by n. */
void sg_fft_run(const sg_fft *f, double *a, bool inverse);

#endif
