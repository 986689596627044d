/* Sliding windows: the strides, dilations and pads that convolution and pooling share. */
#ifndef SG_OP_WINDOW_H
#define SG_OP_WINDOW_H

#include "op/op.h"

/* Values of the attribute auto_pad. */
enum { SG_PAD_EXPLICIT, SG_PAD_SAME_UPPER, SG_PAD_SAME_LOWER, SG_PAD_VALID };

/* No stride, dilation, pad or kernel side passes this, so that products of two of them stay far from overflow. */
#define SG_WINDOW_MAX ((int64_t)1 << 24)

/* The bounds of a convolution's outputs: infinite where it has none. */
void sg_conv_bounds(sg_attrs a, double *lo, double *hi);

/* One window per spatial axis i in [0, n). */
typedef struct sg_window {
    int n;
    int64_t auto_pad;
    sg_dim kernel[SG_RANK_MAX];
    int64_t stride[SG_RANK_MAX], dilation[SG_RANK_MAX], begin[SG_RANK_MAX], end[SG_RANK_MAX];
} sg_window;

/* Reads strides, dilations, pads, auto_pad and kernel_shape; sides of `kernel` (NULL: none known) win over kernel_shape. */
sedge_status sg_window_read(sg_err *err, sg_attrs a, int n, const sg_dim *kernel, sg_window *w);
/* Size of axis i of the output: how many windows fit. `ceil`: a last window may hang over the end, but starts inside. */
sedge_status sg_window_out(sg_infer *c, const sg_window *w, int i, sg_dim in, bool ceil, sg_dim *out);
/* At run time: writes the pads that auto_pad stands for into begin and end. */
void sg_window_resolve(sg_window *w, const int64_t *in, const int64_t *out);
/* Pads of a total: SAME_UPPER puts the odd one at the end. */
void sg_window_split(sg_window *w, int i, int64_t total);
/* Leaves off the taps of axis i that stand outside [0, in) for every window: a kernel may be far larger than what it slides over. */
void sg_window_trim(sg_window *w, int i, int64_t in, int64_t out);
/* Windows o in [*lo, *hi) of axis i read inside [0, in) at tap k. */
void sg_window_range(const sg_window *w, int i, int64_t k, int64_t in, int64_t out, int64_t *lo, int64_t *hi);
/* Whether the windows of a transposed convolution stand side by side: steps as wide as the kernel, nothing padded, cut or between. */
bool sg_window_tiles(const sg_window *w, sg_attrs a);
/* Row-major offset of tap k of window o over axes [0, n); false when it lies outside. */
bool sg_window_at(const sg_window *w, int n, const int64_t *in, const int64_t *o, const int64_t *k, int64_t *off);

#endif
