/* Convolutions and matrix products with channels last. */
#include "conv_case.h"

#include <stdio.h>
#include <stdlib.h>

static void init(void *table, uint32_t cpu)
{
    sg_tile_f32_init(table, cpu);
}

typedef struct job {
    conv_case v;
    sg_conv_last k;
    sg_tile_f32_table tile;
    float *packed;
    void *scratch;
} job;

static bool job_open(check *c, job *j, const sg_conv_shape *s, int how)
{
    sg_tile_f32_init(&j->tile, c->cpu);
    if (!sg_conv_last_init(&j->k, s, &j->tile)) {
        check_fail(c, "conv_last_f32", "does not take the sizes");
        return false;
    }
    conv_case_open(c, &j->v, s, how);
    j->packed = check_floats(c, j->k.floats);
    j->scratch = check_floats(c, (int64_t)(j->k.scratch / sizeof(float)));
    const sg_conv_last_weights w = conv_case_weights(&j->v);
    sg_conv_last_pack(&j->k, &w, j->packed);
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
    for (int64_t t = 0; t < sg_conv_last_tasks(&j->k); t++)
        sg_conv_last_run(&j->k, t, j->scratch);
}

static void one(check *c, sg_conv_shape a, int64_t pad_bottom, int64_t pad_right, int how)
{
    char what[200];
    job j = {0};
    if (!conv_case_fit(&a, pad_bottom, pad_right) || !job_open(c, &j, &a, how))
        return;
    snprintf(what, sizeof what, "conv_last_f32 %lldx%lldx%lldx%lld to %lld, kernel %lldx%lld, %lld groups", (long long)a.n,
             (long long)a.h, (long long)a.w, (long long)a.c, (long long)a.oc, (long long)a.kh, (long long)a.kw,
             (long long)a.group);
    int64_t n = conv_case_elements(&j.v);
    j.k.y = check_room(n);
    run_all(&j);
    conv_case_compare(c, &j.v, j.k.y, what);
    check_room_free(c, j.k.y, n, what);
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
    for (int i = 0; i < check_cases(250); i++) {
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
        one(c, a, check_pick(c, 0, 2), check_pick(c, 0, 2), i);
    }
    for (int64_t n = 1; n <= 129; n++) { /* every width and height of panels and tiles */
        sg_conv_shape a = {.n = 1, .c = 5, .h = 1, .w = n % 40 + 1, .oc = n, .group = 1, .kh = 1, .kw = 1};
        a.stride_h = a.stride_w = a.dilation_h = a.dilation_w = 1;
        one(c, a, 0, 0, (int)n);
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
    if (!job_open(c, &j, &a, 0))
        return;
    j.k.y = check_floats(c, a.oh * a.ow * a.oc);
    snprintf(what, sizeof what, "%dx%dx%d to %d, %dx%d/%d", r[0], r[0], r[1], r[2], r[3], r[3], r[4]);
    check_share(c, what, 2.0 * (double)(a.oh * a.ow * a.oc) * (double)(a.c * a.kh * a.kw), check_seconds(run_all, &j), c->fma);
    free(j.k.y);
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
