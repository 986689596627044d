/* Winograd's convolution. Its sums run over the pixels of a patch of 4 x 4, not of the window alone: so an element may be off by
 * what a direct sum of K products may be (conv_case.h) where every pixel of the patch is as large as the largest. */
#include "conv_case.h"

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
    conv_case v;
    sg_wino k;
    tables t;
    float *packed;
    void *scratch;
} job;

/* Numbers that hurt: a few pixels far larger than their neighbours, and weights that cancel. */
static void worsen(check *c, conv_case *v, int how)
{
    for (int64_t i = 0; i < v->s.n * v->s.h * v->s.w * v->s.c; i++)
        if (how & 1)
            v->x[i] *= check_pick(c, 0, 15) ? 1 : 65536;
    for (int64_t i = 0; i < v->s.oc * v->s.c * 9; i++)
        if (how & 2)
            v->w[i] = (i % 9 & 1 ? -1.0f : 1.0f) * (1 + v->w[i] / 1024);
}

/* how: bits 0 to 2 as of conv_case_open, the others as of worsen. */
static bool job_open(check *c, job *j, const sg_conv_shape *s, int how)
{
    init(&j->t, c->cpu);
    if (!sg_wino_init(&j->k, s, &j->t.tile, &j->t.wino)) {
        check_fail(c, "wino_f32", "does not take the sizes");
        return false;
    }
    conv_case_open(c, &j->v, s, how);
    worsen(c, &j->v, how >> 3);
    j->packed = check_floats(c, j->k.floats);
    j->scratch = check_floats(c, (int64_t)(j->k.scratch / sizeof(float)));
    const sg_conv_last_weights w = conv_case_weights(&j->v);
    sg_wino_pack(&j->k, &w, j->packed);
    j->k.x = j->v.x;
    j->k.packed = j->packed;
    j->k.add = j->v.adds ? j->v.add : NULL;
    j->k.lo = j->v.lo;
    j->k.hi = j->v.hi;
    j->k.act = conv_case_act(c, &j->v);
    return true;
}

static void job_close(job *j)
{
    conv_case_close(&j->v);
    free(j->packed);
    free(j->scratch);
}

static void run_all(void *ctx)
{
    job *j = ctx;
    for (int64_t t = 0; t < sg_wino_tasks(&j->k); t++)
        sg_wino_run(&j->k, t, j->scratch);
}

static double pixel(const conv_case *v, int64_t n, int64_t y, int64_t x, int64_t ic)
{
    const sg_conv_shape *s = &v->s;
    return y < 0 || y >= s->h || x < 0 || x >= s->w ? 0 : fabs((double)v->x[((n * s->h + y) * s->w + x) * s->c + ic]);
}

/* What the terms of element i would sum up to, without signs, were all pixels of its patch like the largest. */
static double patch_size(const conv_case *v, int64_t i)
{
    const sg_conv_shape *s = &v->s;
    int64_t oc = i % s->oc, ox = i / s->oc % s->ow, oy = i / s->oc / s->ow % s->oh, n = i / s->oc / s->ow / s->oh;
    int64_t y = oy / 2 * 2 - s->pad_top, x = ox / 2 * 2 - s->pad_left;
    double size = fabs((double)v->bias[oc] + (v->adds ? (double)v->add[i] : 0)) + 1e-30;
    for (int64_t ic = 0; ic < s->c; ic++) {
        double most = 0, weights = 0;
        for (int64_t k = 0; k < 16; k++)
            most = fmax(most, pixel(v, n, y + k / 4, x + k % 4, ic));
        for (int64_t k = 0; k < 9; k++)
            weights += fabs((double)v->w[(oc * s->c + ic) * 9 + k]);
        size += most * weights;
    }
    return size;
}

/* The largest error in units of 2^-24 times the size. */
static double compare(check *c, const conv_case *v, const float *y, const char *what)
{
    double worst = 0;
    for (int64_t i = 0; i < conv_case_elements(v); i++) {
        double terms, want = conv_case_end(v, conv_case_sum(v, i, &terms));
        double off = fabs(want - (double)y[i]) / (0x1p-24 * patch_size(v, i));
        worst = fmax(worst, off);
        if (!(off <= (double)(9 * v->s.c + 2))) {
            conv_case_wrong(c, what, i, (double)y[i], want);
            break;
        }
    }
    return worst;
}

static double one(check *c, sg_conv_shape a, int64_t pad_bottom, int64_t pad_right, int how)
{
    char what[128];
    job j = {0};
    if (!conv_case_fit(&a, pad_bottom, pad_right) || !job_open(c, &j, &a, how))
        return 0;
    snprintf(what, sizeof what, "wino_f32 %lldx%lldx%lldx%lld to %lld, %lld tasks", (long long)a.n, (long long)a.h,
             (long long)a.w, (long long)a.c, (long long)a.oc, (long long)sg_wino_tasks(&j.k));
    int64_t n = conv_case_elements(&j.v);
    j.k.y = check_room(n);
    run_all(&j);
    double worst = compare(c, &j.v, j.k.y, what);
    check_room_free(c, j.k.y, n, what);
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
    for (int i = 0; i < check_cases(120); i++) {
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
    if (!job_open(c, &j, &a, 0))
        return;
    j.k.y = check_floats(c, a.oh * a.ow * a.oc);
    snprintf(what, sizeof what, "%dx%dx%d to %d, 3x3/1", side, side, in, out);
    check_share(c, what, 2.0 * (double)(a.oh * a.ow * a.oc) * (double)(a.c * 9), check_seconds(run_all, &j), c->fma);
    free(j.k.y);
    job_close(&j);
}

static void bench(check *c)
{
    static const int16_t row[][3] = {/* side, channels in, out */
                                     {56, 64, 64}, {28, 128, 128}, {14, 256, 256}, {7, 512, 512},
                                     {55, 16, 64}, {27, 32, 128},  {13, 48, 192},  {13, 64, 256}};
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
        bench_one(c, row[i][0], row[i][1], row[i][2]);
    for (int how = 0; how < 32; how += 8) {
        double worst = one(c, shape(1, 64, 14, 14, 64, 1), 1, 1, how);
        printf("%-10s error%s%s: %.2f units\n", c->level, how & 8 ? ", large pixels" : "", how & 16 ? ", weights cancel" : "",
               worst);
    }
}

const check_family check_wino_f32 = {"wino_f32", sizeof(tables), init, run, bench};
