/* The geometry of convolutions: attributes are read once, when the plan is made; a run brings sizes of images. */
#include "backend/cpu/bind_conv.h"

static bool is_image(const sg_type *t)
{
    return t->kind == SG_TENSOR && (t->rank == 3 || t->rank == 4);
}

static bool in_range(const sg_type *t)
{
    for (int i = 0; i < t->rank; i++)
        if (sg_dim_is_expr(t->dim[i]) || t->dim[i] < 1 || t->dim[i] > SG_WINDOW_MAX)
            return false;
    return true;
}

static void resolve(const sg_window *w, sg_conv_shape *s)
{
    int last = w->n - 1;
    s->pad_top = w->n == 2 ? w->begin[0] : 0;
    s->pad_left = w->begin[last];
}

bool sg_conv_bound_read(const sg_plan *p, const sg_step *s, int k, sg_conv_bound *b)
{
    const sg_slot *x = sg_step_slot(p, s, 0), *w = sg_step_slot(p, s, k);
    int64_t group = sg_get_int(s->attrs, SG_A_group);
    sg_err own = {0};
    if (!x || !w || !is_image(&x->type) || !is_image(&w->type) || w->type.rank != x->type.rank || !in_range(&w->type) ||
        group < 1 || group > SG_WINDOW_MAX || w->type.dim[0] % group)
        return false;
    int n = w->type.rank - 2, last = n - 1;
    sg_window *win = &b->window;
    if (sg_window_read(&own, s->attrs, n, w->type.dim + 2, win) != SEDGE_OK)
        return false;
    for (int i = 0; i < n; i++)
        if (win->begin[i] < 0 || win->end[i] < 0)
            return false;
    b->shape = (sg_conv_shape){.c = w->type.dim[1] * group,
                               .oc = w->type.dim[0],
                               .group = group,
                               .kh = n == 2 ? win->kernel[0] : 1,
                               .kw = win->kernel[last],
                               .stride_h = n == 2 ? win->stride[0] : 1,
                               .stride_w = win->stride[last],
                               .dilation_h = n == 2 ? win->dilation[0] : 1,
                               .dilation_w = win->dilation[last]};
    resolve(win, &b->shape);
    return true;
}

bool sg_conv_bound_sizes(const sg_conv_bound *b, const sg_exec *x, sg_conv_shape *s)
{
    const sg_tensor *in = x->in[0], *out = x->out[0];
    int n = b->window.n, last = n - 1;
    *s = b->shape;
    if (in->rank != n + 2 || out->rank != n + 2 || in->dim[1] != s->c || out->dim[1] != s->oc)
        return false;
    s->n = in->dim[0];
    s->h = n == 2 ? in->dim[2] : 1;
    s->w = in->dim[2 + last];
    s->oh = n == 2 ? out->dim[2] : 1;
    s->ow = out->dim[2 + last];
    if (b->window.auto_pad == SG_PAD_SAME_UPPER || b->window.auto_pad == SG_PAD_SAME_LOWER) {
        sg_window w = b->window;
        sg_window_resolve(&w, in->dim + 2, out->dim + 2);
        resolve(&w, s);
    }
    return s->n && s->h && s->w && s->oh && s->ow;
}
