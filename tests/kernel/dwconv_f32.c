/* Depthwise convolutions with channels last. The tolerance is that of any float sum of K products (Higham, "Accuracy and
 * Stability", 3.1): about K 2^-24 times the sum of the terms' sizes. */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel/dwconv/dwconv_f32.h"

static void init(void *table, uint32_t cpu)
{
    sg_dw_init(table, cpu);
}

typedef struct job {
    sg_dwconv v;
    sg_dw_table table;
    float *x, *w, *bias, *add, *packed;
} job;

static bool job_open(check *c, job *j, const sg_conv_shape *a)
{
    sg_dw_init(&j->table, c->cpu);
    if (!sg_dwconv_init(&j->v, a, &j->table)) {
        check_fail(c, "dwconv_f32", "does not take the sizes");
        return false;
    }
    int64_t taps = a->kh * a->kw;
    j->x = check_floats(c, a->n * a->h * a->w * a->c);
    j->w = check_floats(c, a->c * taps);
    j->bias = check_floats(c, a->c);
    j->add = check_floats(c, a->n * a->oh * a->ow * a->c);
    j->packed = check_floats(c, j->v.floats);
    const sg_conv_last_weights w = {
        .data = j->w, .by_oc = taps, .by_ic = taps, .by_tap = 1, .scale = 1, .bias = j->bias, .bias_step = 1, .bias_scale = 1};
    sg_dwconv_pack(&j->v, &w, j->packed);
    j->v.x = j->x;
    j->v.packed = j->packed;
    j->v.lo = -INFINITY;
    j->v.hi = INFINITY;
    return true;
}

static void job_close(job *j)
{
    free(j->x);
    free(j->w);
    free(j->bias);
    free(j->add);
    free(j->packed);
}

static void run_all(void *ctx)
{
    job *j = ctx;
    for (int64_t t = 0; t < j->v.tasks; t++)
        sg_dwconv_run(&j->v, t);
}

/* Element i, and in *size what its terms sum up to without signs. */
static double plain(const job *j, int64_t i, double *size)
{
    const sg_conv_shape *a = &j->v.a;
    int64_t c = i % a->c, ox = i / a->c % a->ow, oy = i / a->c / a->ow % a->oh, n = i / a->c / a->ow / a->oh;
    double sum = (double)j->bias[c] + (j->v.add ? (double)j->add[i] : 0);
    *size = fabs(sum) + 1;
    for (int64_t ky = 0; ky < a->kh; ky++)
        for (int64_t kx = 0; kx < a->kw; kx++) {
            int64_t y = oy * a->stride_h - a->pad_top + ky * a->dilation_h;
            int64_t x = ox * a->stride_w - a->pad_left + kx * a->dilation_w;
            if (y < 0 || y >= a->h || x < 0 || x >= a->w)
                continue;
            double p = (double)j->x[((n * a->h + y) * a->w + x) * a->c + c] * (double)j->w[(c * a->kh + ky) * a->kw + kx];
            sum += p;
            *size += fabs(p);
        }
    sum = fmin(fmax(sum, (double)j->v.lo), (double)j->v.hi);
    return j->v.act.fn && sum < 0 ? sum * 0.25 : sum;
}

static void one(check *c, sg_conv_shape a, int64_t pad_bottom, int64_t pad_right, bool add, bool clip, bool act)
{
    char what[160], text[96];
    job j = {0};
    int64_t h = a.h + a.pad_top + pad_bottom - a.dilation_h * (a.kh - 1);
    int64_t w = a.w + a.pad_left + pad_right - a.dilation_w * (a.kw - 1);
    if (h < 1 || w < 1)
        return;
    a.oc = a.group = a.c;
    a.oh = (h - 1) / a.stride_h + 1;
    a.ow = (w - 1) / a.stride_w + 1;
    if (!job_open(c, &j, &a))
        return;
    snprintf(what, sizeof what, "dwconv_f32 %lldx%lldx%lldx%lld, kernel %lldx%lld", (long long)a.n, (long long)a.h,
             (long long)a.w, (long long)a.c, (long long)a.kh, (long long)a.kw);
    int64_t n = a.n * a.oh * a.ow * a.c;
    float *y = check_room(n);
    j.v.y = y;
    j.v.add = add ? j.add : NULL;
    if (clip) {
        j.v.lo = -0.5f;
        j.v.hi = 0.75f;
    }
    if (act)
        j.v.act = (sg_act_f32){.fn = sg_unary_f32_of(c->cpu)->fn[SG_FN_F32_LEAKY_RELU], .a = 0.25f};
    run_all(&j);
    for (int64_t i = 0; i < n; i++) {
        double size, want = plain(&j, i, &size);
        if (!(fabs(want - (double)y[i]) <= (double)(a.kh * a.kw + 2) * 0x1p-24 * size)) {
            snprintf(text, sizeof text, "element %lld is %g, not %g", (long long)i, (double)y[i], want);
            check_fail(c, what, text);
            break;
        }
    }
    check_room_free(c, y, n, what);
    job_close(&j);
}

static void run(check *c)
{
    for (int i = 0; i < 400; i++) {
        int64_t side = check_pick(c, 0, 2);
        sg_conv_shape a = {.n = check_pick(c, 0, 2),
                           .c = check_pick(c, 1, 70),
                           .h = check_pick(c, 1, 12),
                           .w = check_pick(c, 1, 20),
                           .kh = side ? 1 + 2 * side : check_pick(c, 1, 7),
                           .kw = side ? 1 + 2 * side : check_pick(c, 1, 7),
                           .stride_h = check_pick(c, 1, 3),
                           .stride_w = check_pick(c, 1, 3),
                           .dilation_h = check_pick(c, 1, 2),
                           .dilation_w = check_pick(c, 1, 2),
                           .pad_top = check_pick(c, 0, 8),
                           .pad_left = check_pick(c, 0, 8)};
        one(c, a, check_pick(c, 0, 8), check_pick(c, 0, 8), i & 1, i & 2, i & 4);
    }
}

static void bench(check *c)
{
    static const int16_t row[][4] = {/* side, channels, kernel, stride */
                                     {112, 32, 3, 1}, {112, 96, 3, 2}, {56, 144, 3, 1}, {28, 192, 3, 1}, {14, 384, 3, 1},
                                     {14, 576, 3, 2}, {7, 960, 3, 1},  {28, 240, 5, 1}, {14, 480, 5, 1}, {7, 960, 5, 1}};
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        const int16_t *r = row[i];
        char what[96];
        job j = {0};
        sg_conv_shape a = {.n = 1, .c = r[1], .h = r[0], .w = r[0], .oc = r[1], .group = r[1], .kh = r[2], .kw = r[2]};
        a.oh = a.ow = r[0] / r[3];
        a.stride_h = a.stride_w = r[3];
        a.dilation_h = a.dilation_w = 1;
        a.pad_top = a.pad_left = r[2] / 2;
        if (!job_open(c, &j, &a))
            return;
        float *y = check_floats(c, a.oh * a.ow * a.c);
        j.v.y = y;
        snprintf(what, sizeof what, "depthwise %dx%dx%d, %dx%d/%d", r[0], r[0], r[1], r[2], r[2], r[3]);
        check_share(c, what, 2.0 * (double)(a.oh * a.ow * a.c) * (double)(a.kh * a.kw), check_seconds(run_all, &j), c->fma);
        free(y);
        job_close(&j);
    }
}

const check_family check_dwconv_f32 = {"dwconv_f32", sizeof(sg_dw_table), init, run, bench};
