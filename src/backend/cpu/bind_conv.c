/* Binding of convolution to its f32 kernel: checks at run time what the shape rule could not know, then one call an image. */
#include "backend/cpu/bind_conv.h"

#include "kernel/conv/conv_f32.h"
#include "op/wide.h"
#include "op/window.h"

/* One spatial axis is an image of one row. */
static sedge_status args_of(sg_exec *x, sg_conv_f32_args *a)
{
    const sg_tensor *in = x->in[0], *w = x->in[1], *out = x->out[0];
    int64_t group = sg_get_int(x->attrs, SG_A_group);
    int n = in->rank - 2, last = n - 1;
    if (n < 1 || n > 2 || w->rank != in->rank || out->rank != in->rank)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "input of rank %d with weights of rank %d", in->rank, w->rank);
    if (group < 1 || w->dim[0] % group || sg_dim_apply(SG_DIM_MUL, w->dim[1], group) != in->dim[1])
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "%lld input and %lld output channels do not fit into %lld groups of %lld",
                            (long long)in->dim[1], (long long)w->dim[0], (long long)group, (long long)w->dim[1]);
    SG_TRY(sg_want_vector(x, x->n_in > 2 ? x->in[2] : NULL, w->dim[0], "bias"));
    sg_window win;
    SG_TRY(sg_window_read(x->err, x->attrs, n, w->dim + 2, &win));
    sg_window_resolve(&win, in->dim + 2, out->dim + 2);
    *a = (sg_conv_f32_args){.c = in->dim[1],
                            .h = n == 2 ? in->dim[2] : 1,
                            .w = in->dim[2 + last],
                            .oc = w->dim[0],
                            .oh = n == 2 ? out->dim[2] : 1,
                            .ow = out->dim[2 + last],
                            .group = group,
                            .kh = n == 2 ? win.kernel[0] : 1,
                            .kw = win.kernel[last],
                            .stride_h = n == 2 ? win.stride[0] : 1,
                            .stride_w = win.stride[last],
                            .dilation_h = n == 2 ? win.dilation[0] : 1,
                            .dilation_w = win.dilation[last],
                            .pad_top = n == 2 ? win.begin[0] : 0,
                            .pad_left = win.begin[last]};
    return SEDGE_OK;
}

static sedge_status run(sg_exec *x)
{
    const sg_tensor *in = x->in[0], *bias = x->n_in > 2 ? x->in[2] : NULL;
    sg_conv_f32_args a;
    size_t bytes;
    SG_TRY(args_of(x, &a));
    if (sg_numel(x->out[0]) == 0)
        return SEDGE_OK;
    if (sg_numel(in) == 0 || !sg_conv_f32_scratch(&a, &bytes))
        return sg_ref_conv(x);
    void *scratch = sg_scratch(x, bytes);
    if (!scratch)
        return SEDGE_E_NOMEM;
    const float *src = in->data;
    float *dst = x->out[0]->data;
    for (int64_t n = 0; n < in->dim[0]; n++)
        sg_conv_f32(&a, src + n * a.c * a.h * a.w, x->in[1]->data, bias ? bias->data : NULL, dst + n * a.oc * a.oh * a.ow,
                    scratch);
    return SEDGE_OK;
}

bool sg_cpu_bind_conv_f32(sg_plan *p, sg_step *s)
{
    int n;
    const int64_t *pads = sg_get_ints(s->attrs, SG_A_pads, &n);
    for (int k = 0; k < s->n_in; k++) {
        const sg_slot *slot = sg_step_slot(p, s, k);
        if (slot && (slot->type.kind != SG_TENSOR || slot->type.dtype != SG_F32))
            return false;
    }
    for (int i = 0; i < n; i++)
        if (pads[i] < 0)
            return false;
    const sg_slot *x = sg_step_slot(p, s, 0);
    if (!x || (x->type.rank != 3 && x->type.rank != 4))
        return false;
    s->kernel = (sg_kernel){"conv_f32", run};
    return true;
}
