/* Convolutions and matrix products with channels last. A float sum of K products, in any order and fused or not, is off by at
 * most about K 2^-24 times the sum of the terms' sizes (Higham, "Accuracy and Stability", 3.1): that is the tolerance. */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel/conv/conv_last_f32.h"

static void init(void *table, uint32_t cpu)
{
    sg_tile_f32_init(table, cpu);
}

typedef struct job {
    sg_conv_last v;
    sg_tile_f32_table tile;
    float *x, *w, *bias, *add, *packed;
    void *scratch;
} job;

static bool job_open(check *c, job *j, const sg_conv_shape *a)
{
    sg_tile_f32_init(&j->tile, c->cpu);
    if (!sg_conv_last_init(&j->v, a, &j->tile)) {
        check_fail(c, "conv_last_f32", "does not take the sizes");
        return false;
    }
    int64_t taps = a->kh * a->kw, icg = a->c / a->group;
    j->x = check_floats(c, a->n * a->h * a->w * a->c);
    j->w = check_floats(c, a->oc * icg * taps);
    j->bias = check_floats(c, a->oc);
    j->add = check_floats(c, a->n * a->oh * a->ow * a->oc);
    j->packed = check_floats(c, j->v.floats);
    j->scratch = check_floats(c, (int64_t)(j->v.scratch / sizeof(float)));
    const sg_conv_last_weights w = {.data = j->w,
                                    .by_oc = icg * taps,
                                    .by_ic = taps,
                                    .by_tap = 1,
                                    .scale = 1,
                                    .bias = j->bias,
                                    .bias_step = 1,
                                    .bias_scale = 1};
    sg_conv_last_pack(&j->v, &w, j->packed);
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
    free(j->scratch);
}

static void run_all(void *ctx)
{
    job *j = ctx;
    for (int64_t t = 0; t < sg_conv_last_tasks(&j->v); t++)
        sg_conv_last_run(&j->v, t, j->scratch);
}

/* One element, and in *size what its terms sum up to without signs. */
static double plain(const job *j, int64_t n, int64_t oy, int64_t ox, int64_t oc, double *size)
{
    const sg_conv_shape *a = &j->v.a;
    int64_t icg = a->c / a->group, g = oc / (a->oc / a->group), at = ((n * a->oh + oy) * a->ow + ox) * a->oc + oc;
    double sum = (double)j->bias[oc] + (j->v.add ? (double)j->add[at] : 0);
    *size = fabs(sum) + 1;
    for (int64_t ky = 0; ky < a->kh; ky++)
        for (int64_t kx = 0; kx < a->kw; kx++) {
            int64_t y = oy * a->stride_h - a->pad_top + ky * a->dilation_h;
            int64_t x = ox * a->stride_w - a->pad_left + kx * a->dilation_w;
            for (int64_t ic = 0; ic < icg && y >= 0 && y < a->h && x >= 0 && x < a->w; ic++) {
                double p = (double)j->x[((n * a->h + y) * a->w + x) * a->c + g * icg + ic] *
                           (double)j->w[((oc * icg + ic) * a->kh + ky) * a->kw + kx];
                sum += p;
                *size += fabs(p);
            }
        }
    return sum;
}

static void compare(check *c, const job *j, const float *y, const char *what)
{
    const sg_conv_shape *a = &j->v.a;
    double terms = (double)(j->v.taps * j->v.k + 2);
    for (int64_t i = 0; i < a->n * a->oh * a->ow * a->oc; i++) {
        double size, want = plain(j, i / a->oc / a->ow / a->oh, i / a->oc / a->ow % a->oh, i / a->oc % a->ow, i % a->oc, &size);
        want = fmin(fmax(want, (double)j->v.lo), (double)j->v.hi);
        want = j->v.act.fn && want < 0 ? want * 0.25 : want;
        if (!(fabs(want - (double)y[i]) <= terms * 0x1p-24 * size)) {
            char text[96];
            snprintf(text, sizeof text, "element %lld is %g, not %g", (long long)i, (double)y[i], want);
            check_fail(c, what, text);
            return;
        }
    }
}

static void one(check *c, sg_conv_shape a, int64_t pad_bottom, int64_t pad_right, bool add, bool clip, bool act)
{
    char what[200];
    job j = {0};
    int64_t h = a.h + a.pad_top + pad_bottom - a.dilation_h * (a.kh - 1),
            w = a.w + a.pad_left + pad_right - a.dilation_w * (a.kw - 1);
    if (h < 1 || w < 1)
        return;
    a.oh = (h - 1) / a.stride_h + 1;
    a.ow = (w - 1) / a.stride_w + 1;
    if (!job_open(c, &j, &a))
        return;
    snprintf(what, sizeof what, "conv_last_f32 %lldx%lldx%lldx%lld to %lld, kernel %lldx%lld, %lld groups", (long long)a.n,
             (long long)a.h, (long long)a.w, (long long)a.c, (long long)a.oc, (long long)a.kh, (long long)a.kw,
             (long long)a.group);
    int64_t n = a.n * a.oh * a.ow * a.oc;
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
    compare(c, &j, y, what);
    check_room_free(c, y, n, what);
    job_close(&j);
}

/* No images: nothing to do, and no task. */
static void none(check *c)
{
    sg_conv_shape a = {.c = 5, .h = 4, .w = 4, .oc = 6, .oh = 4, .ow = 4, .group = 1, .kh = 1, .kw = 1};
    a.stride_h = a.stride_w = a.dilation_h = a.dilation_w = 1;
    sg_tile_f32_table tile;
    sg_conv_last v;
    sg_tile_f32_init(&tile, c->cpu);
    if (!sg_conv_last_init(&v, &a, &tile) || sg_conv_last_tasks(&v) != 0)
        check_fail(c, "conv_last_f32", "no images are not no tasks");
}

static void run(check *c)
{
    none(c);
    for (int i = 0; i < 250; i++) {
        int64_t g = check_pick(c, 0, 3) ? 1 : check_pick(c, 2, 4);
        sg_conv_shape a = {.n = check_pick(c, 0, 2),
                           .c = g * check_pick(c, 1, 24),
                           .h = check_pick(c, 1, 12),
                           .w = check_pick(c, 1, 20),
                           .oc = g * check_pick(c, 1, 70),
                           .group = g,
                           .kh = check_pick(c, 1, 4),
                           .kw = check_pick(c, 1, 4),
                           .stride_h = check_pick(c, 1, 3),
                           .stride_w = check_pick(c, 1, 3),
                           .dilation_h = check_pick(c, 1, 2),
                           .dilation_w = check_pick(c, 1, 2),
                           .pad_top = check_pick(c, 0, 2),
                           .pad_left = check_pick(c, 0, 2)};
        one(c, a, check_pick(c, 0, 2), check_pick(c, 0, 2), i & 1, i & 2, i & 4);
    }
    for (int64_t n = 1; n <= 129; n++) { /* every width and height of panels and tiles */
        sg_conv_shape a = {.n = 1, .c = 5, .h = 1, .w = n % 40 + 1, .oc = n, .group = 1, .kh = 1, .kw = 1};
        a.stride_h = a.stride_w = a.dilation_h = a.dilation_w = 1;
        one(c, a, 0, 0, n & 1, n & 2, n & 4);
    }
}

static void bench_one(check *c, const int16_t *r)
{
    char what[96];
    job j = {0};
    sg_conv_shape a = {.n = 1, .c = r[1], .h = r[0], .w = r[0], .oc = r[2], .group = 1, .kh = r[3], .kw = r[3]};
    a.oh = a.ow = r[0] / r[4];
    a.stride_h = a.stride_w = r[4];
    a.dilation_h = a.dilation_w = 1;
    a.pad_top = a.pad_left = r[3] / 2;
    if (!job_open(c, &j, &a))
        return;
    float *y = check_floats(c, a.oh * a.ow * a.oc);
    j.v.y = y;
    snprintf(what, sizeof what, "%dx%dx%d to %d, %dx%d/%d", r[0], r[0], r[1], r[2], r[3], r[3], r[4]);
    check_share(c, what, 2.0 * (double)(a.oh * a.ow * a.oc) * (double)(a.c * a.kh * a.kw), check_seconds(run_all, &j), c->fma);
    free(y);
    job_close(&j);
}

static void bench(check *c)
{
    static const int16_t row[][5] = {/* side, channels in, out, kernel, stride */
                                     {224, 3, 32, 3, 2},    {112, 32, 16, 1, 1},   {112, 16, 96, 1, 1},   {56, 96, 24, 1, 1},
                                     {56, 24, 144, 1, 1},   {28, 144, 32, 1, 1},   {28, 32, 192, 1, 1},   {14, 384, 64, 1, 1},
                                     {14, 64, 384, 1, 1},   {14, 576, 96, 1, 1},   {7, 160, 960, 1, 1},   {7, 960, 160, 1, 1},
                                     {7, 320, 1280, 1, 1},  {56, 64, 64, 3, 1},    {28, 128, 128, 3, 1},  {14, 256, 256, 3, 1},
                                     {7, 512, 512, 3, 1},   {224, 3, 64, 7, 2},    {112, 64, 64, 1, 1},   {56, 64, 256, 1, 1},
                                     {56, 256, 64, 1, 1},   {14, 1024, 256, 1, 1}, {14, 256, 1024, 1, 1}, {7, 2048, 512, 1, 1},
                                     {55, 64, 16, 1, 1},    {55, 16, 64, 1, 1},    {27, 256, 32, 1, 1},   {13, 512, 64, 1, 1},
                                     {13, 512, 1000, 1, 1}, {224, 3, 64, 3, 2},    {1, 1280, 1000, 1, 1}};
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
        bench_one(c, row[i]);
}

const check_family check_conv_last_f32 = {"conv_last_f32", sizeof(sg_tile_f32_table), init, run, bench};
