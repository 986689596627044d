/* A random convolution, and what plain loops make of it. */
#include "conv_case.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel/unary/unary_f32.h"

bool conv_case_fit(sg_conv_shape *s, int64_t pad_bottom, int64_t pad_right)
{
    int64_t h = s->h + s->pad_top + pad_bottom - s->dilation_h * (s->kh - 1);
    int64_t w = s->w + s->pad_left + pad_right - s->dilation_w * (s->kw - 1);
    s->oh = (h - 1) / s->stride_h + 1;
    s->ow = (w - 1) / s->stride_w + 1;
    return h >= 1 && w >= 1;
}

int64_t conv_case_elements(const conv_case *v)
{
    return v->s.n * v->s.oh * v->s.ow * v->s.oc;
}

void conv_case_open(check *c, conv_case *v, const sg_conv_shape *s, int how)
{
    *v = (conv_case){
        .s = *s, .adds = how & 1, .leaks = how & 4, .lo = how & 2 ? -0.5f : -INFINITY, .hi = how & 2 ? 0.75f : INFINITY};
    v->x = check_floats(c, s->n * s->h * s->w * s->c);
    v->w = check_floats(c, s->oc * s->c / s->group * s->kh * s->kw);
    v->bias = check_floats(c, s->oc);
    v->add = check_floats(c, conv_case_elements(v));
}

void conv_case_close(conv_case *v)
{
    free(v->x);
    free(v->w);
    free(v->bias);
    free(v->add);
}

sg_conv_last_weights conv_case_weights(const conv_case *v)
{
    int64_t taps = v->s.kh * v->s.kw;
    return (sg_conv_last_weights){.data = v->w,
                                  .by_oc = v->s.c / v->s.group * taps,
                                  .by_ic = taps,
                                  .by_tap = 1,
                                  .scale = 1,
                                  .bias = v->bias,
                                  .bias_step = 1,
                                  .bias_scale = 1};
}

sg_act_f32 conv_case_act(const check *c, const conv_case *v)
{
    return v->leaks ? (sg_act_f32){.fn = sg_unary_f32_of(c->cpu)->fn[SG_FN_F32_LEAKY_RELU], .a = 0.25f} : (sg_act_f32){0};
}

double conv_case_sum(const conv_case *v, int64_t i, double *size)
{
    const sg_conv_shape *s = &v->s;
    int64_t oc = i % s->oc, ox = i / s->oc % s->ow, oy = i / s->oc / s->ow % s->oh, n = i / s->oc / s->ow / s->oh;
    int64_t icg = s->c / s->group, first = oc / (s->oc / s->group) * icg;
    double sum = (double)v->bias[oc] + (v->adds ? (double)v->add[i] : 0);
    *size = fabs(sum) + 1;
    for (int64_t ky = 0; ky < s->kh; ky++)
        for (int64_t kx = 0; kx < s->kw; kx++) {
            int64_t y = oy * s->stride_h - s->pad_top + ky * s->dilation_h;
            int64_t x = ox * s->stride_w - s->pad_left + kx * s->dilation_w;
            if (y < 0 || y >= s->h || x < 0 || x >= s->w)
                continue;
            for (int64_t ic = 0; ic < icg; ic++) {
                double p = (double)v->x[((n * s->h + y) * s->w + x) * s->c + first + ic] *
                           (double)v->w[((oc * icg + ic) * s->kh + ky) * s->kw + kx];
                sum += p;
                *size += fabs(p);
            }
        }
    return sum;
}

double conv_case_end(const conv_case *v, double sum)
{
    sum = fmin(fmax(sum, (double)v->lo), (double)v->hi);
    return v->leaks && sum < 0 ? sum * 0.25 : sum;
}

void conv_case_wrong(check *c, const char *what, int64_t i, double got, double want)
{
    char text[96];
    snprintf(text, sizeof text, "element %lld is %g, not %g", (long long)i, got, want);
    check_fail(c, what, text);
}

void conv_case_compare(check *c, const conv_case *v, const float *y, const char *what)
{
    double terms = (double)(v->s.c / v->s.group * v->s.kh * v->s.kw + 2);
    for (int64_t i = 0; i < conv_case_elements(v); i++) {
        double size, want = conv_case_end(v, conv_case_sum(v, i, &size));
        if (!(fabs(want - (double)y[i]) <= terms * 0x1p-24 * size)) {
            conv_case_wrong(c, what, i, (double)y[i], want);
            return;
        }
    }
}
