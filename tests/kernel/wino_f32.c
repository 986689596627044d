/* Winograd's convolution. Its sums run over the pixels of a patch of 4 x 4, not of the window alone: so an element may be off by
 * what a direct sum of K products may be (conv_last_f32.c) where every pixel of the patch is as large as the largest. */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel/conv/wino_f32.h"

typedef struct tables {
    sg_tile_f32_table tile;
    sg_wino_table wino;
} tables;

static void init(void *table, uint32_t cpu)
{
    tables *t = table;
    sg_tile_f32_init(&t->tile, cpu);
    sg_wino_init_table(&t->wino, cpu);
}

typedef struct job {
    sg_wino v;
    tables t;
    float *x, *w, *bias, *add, *packed;
    void *scratch;
} job;

static bool job_open(check *c, job *j, const sg_conv_shape *a)
{
    init(&j->t, c->cpu);
    if (!sg_wino_init(&j->v, a, &j->t.tile, &j->t.wino)) {
        check_fail(c, "wino_f32", "does not take the sizes");
        return false;
    }
    j->x = check_floats(c, a->n * a->h * a->w * a->c);
    j->w = check_floats(c, a->oc * a->c * 9);
    j->bias = check_floats(c, a->oc);
    j->add = check_floats(c, a->n * a->oh * a->ow * a->oc);
    j->packed = check_floats(c, j->v.floats);
    j->scratch = check_floats(c, (int64_t)(j->v.scratch / sizeof(float)));
    j->v.x = j->x;
    j->v.packed = j->packed;
    j->v.lo = -INFINITY;
    j->v.hi = INFINITY;
    return true;
}

static void pack(job *j)
{
    const sg_conv_last_weights w = {.data = j->w,
                                    .by_oc = j->v.a.c * 9,
                                    .by_ic = 9,
                                    .by_tap = 1,
                                    .scale = 1,
                                    .bias = j->bias,
                                    .bias_step = 1,
                                    .bias_scale = 1};
    sg_wino_pack(&j->v, &w, j->packed);
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
    for (int64_t t = 0; t < sg_wino_tasks(&j->v); t++)
        sg_wino_run(&j->v, t, j->scratch);
}

static double pixel(const job *j, int64_t n, int64_t y, int64_t x, int64_t ic)
{
    const sg_conv_shape *a = &j->v.a;
    return y < 0 || y >= a->h || x < 0 || x >= a->w ? 0 : (double)j->x[((n * a->h + y) * a->w + x) * a->c + ic];
}

/* One element, and in *size what its terms would sum up to, without signs, were all pixels of its patch like the largest. */
static double plain(const job *j, int64_t n, int64_t oy, int64_t ox, int64_t oc, double *size)
{
    const sg_conv_shape *a = &j->v.a;
    double sum = (double)j->bias[oc] + (j->v.add ? (double)j->add[((n * a->oh + oy) * a->ow + ox) * a->oc + oc] : 0);
    int64_t y = oy - a->pad_top, x = ox - a->pad_left, py = oy / 2 * 2 - a->pad_top, px = ox / 2 * 2 - a->pad_left;
    *size = fabs(sum) + 1e-30;
    for (int64_t ic = 0; ic < a->c; ic++) {
        double most = 0, weights = 0;
        for (int64_t i = 0; i < 16; i++)
            most = fmax(most, fabs(pixel(j, n, py + i / 4, px + i % 4, ic)));
        for (int64_t i = 0; i < 9; i++) {
            double w = (double)j->w[(oc * a->c + ic) * 9 + i];
            sum += w * pixel(j, n, y + i / 3, x + i % 3, ic);
            weights += fabs(w);
        }
        *size += most * weights;
    }
    return sum;
}

/* The largest error in units of 2^-24 times the size. */
static double compare(check *c, const job *j, const float *y, const char *what)
{
    const sg_conv_shape *a = &j->v.a;
    double worst = 0;
    for (int64_t i = 0; i < a->n * a->oh * a->ow * a->oc; i++) {
        double size, want = plain(j, i / a->oc / a->ow / a->oh, i / a->oc / a->ow % a->oh, i / a->oc % a->ow, i % a->oc, &size);
        want = fmin(fmax(want, (double)j->v.lo), (double)j->v.hi);
        want = j->v.act.fn && want < 0 ? want * 0.25 : want;
        double off = fabs(want - (double)y[i]) / (0x1p-24 * size);
        worst = fmax(worst, off);
        if (!(off <= (double)(9 * a->c + 2))) {
            char text[96];
            snprintf(text, sizeof text, "element %lld is %g, not %g", (long long)i, (double)y[i], want);
            check_fail(c, what, text);
            break;
        }
    }
    return worst;
}

/* Numbers that hurt: a few pixels far larger than their neighbours, and weights that cancel. */
static void worsen(check *c, job *j, int how)
{
    const sg_conv_shape *a = &j->v.a;
    for (int64_t i = 0; i < a->n * a->h * a->w * a->c; i++)
        if (how & 1)
            j->x[i] *= check_pick(c, 0, 15) ? 1 : 65536;
    for (int64_t i = 0; i < a->oc * a->c * 9; i++)
        if (how & 2)
            j->w[i] = (i % 9 & 1 ? -1.0f : 1.0f) * (1 + j->w[i] / 1024);
}

static double one(check *c, sg_conv_shape a, int64_t pad_bottom, int64_t pad_right, int how)
{
    char what[128];
    job j = {0};
    a.oh = a.h + a.pad_top + pad_bottom - 2;
    a.ow = a.w + a.pad_left + pad_right - 2;
    if (a.oh < 1 || a.ow < 1 || !job_open(c, &j, &a))
        return 0;
    worsen(c, &j, how >> 2);
    pack(&j);
    snprintf(what, sizeof what, "wino_f32 %lldx%lldx%lldx%lld to %lld, %lld tasks", (long long)a.n, (long long)a.h,
             (long long)a.w, (long long)a.c, (long long)a.oc, (long long)sg_wino_tasks(&j.v));
    int64_t n = a.n * a.oh * a.ow * a.oc;
    float *y = check_room(n);
    j.v.y = y;
    j.v.add = how & 1 ? j.add : NULL;
    if (how & 2) {
        j.v.lo = -0.5f;
        j.v.hi = 0.75f;
    }
    if (how & 16)
        j.v.act = (sg_act_f32){.fn = sg_unary_f32_of(c->cpu)->fn[SG_FN_F32_LEAKY_RELU], .a = 0.25f};
    run_all(&j);
    double worst = compare(c, &j, y, what);
    check_room_free(c, y, n, what);
    job_close(&j);
    return worst;
}

static sg_conv_shape shape(int64_t n, int64_t c, int64_t h, int64_t w, int64_t oc, int64_t pad)
{
    sg_conv_shape a = {.n = n, .c = c, .h = h, .w = w, .oc = oc, .group = 1, .kh = 3, .kw = 3, .pad_top = pad, .pad_left = pad};
    a.stride_h = a.stride_w = a.dilation_h = a.dilation_w = 1;
    return a;
}

static void run(check *c)
{
    for (int i = 0; i < 120; i++) {
        sg_conv_shape a = shape(check_pick(c, 0, 2), check_pick(c, 1, 70), check_pick(c, 1, 13), check_pick(c, 1, 13),
                                check_pick(c, 1, 130), check_pick(c, 0, 2));
        one(c, a, check_pick(c, 0, 2), check_pick(c, 0, 2), i);
    }
    one(c, shape(1, 40, 40, 40, 16, 1), 1, 1, 0); /* several blocks */
    one(c, shape(1, 16, 6, 6, 400, 1), 1, 1, 1);  /* several chunks */
}

static void bench_one(check *c, int side, int in, int out)
{
    char what[96];
    job j = {0};
    sg_conv_shape a = shape(1, in, side, side, out, 1);
    a.oh = a.ow = side;
    if (!job_open(c, &j, &a))
        return;
    pack(&j);
    float *y = check_floats(c, a.oh * a.ow * a.oc);
    j.v.y = y;
    snprintf(what, sizeof what, "%dx%dx%d to %d, 3x3/1", side, side, in, out);
    check_share(c, what, 2.0 * (double)(a.oh * a.ow * a.oc) * (double)(a.c * 9), check_seconds(run_all, &j), c->fma);
    free(y);
    job_close(&j);
}

static void bench(check *c)
{
    static const int16_t row[][3] = {/* side, channels in, out */
                                     {56, 64, 64}, {28, 128, 128}, {14, 256, 256}, {7, 512, 512},
                                     {55, 16, 64}, {27, 32, 128},  {13, 48, 192},  {13, 64, 256}};
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
        bench_one(c, row[i][0], row[i][1], row[i][2]);
    for (int how = 0; how < 16; how += 4) {
        double worst = one(c, shape(1, 64, 14, 14, 64, 1), 1, 1, how);
        printf("%-10s error%s%s: %.2f units\n", c->level, how & 4 ? ", large pixels" : "", how & 8 ? ", weights cancel" : "",
               worst);
    }
}

const check_family check_wino_f32 = {"wino_f32", sizeof(tables), init, run, bench};
