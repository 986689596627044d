/* Depthwise convolutions with channels last. */
#include "conv_case.h"

#include <stdio.h>
#include <stdlib.h>

#include "kernel/dwconv/dwconv_f32.h"

static void init(void *table, uint32_t cpu)
{
    sg_dw_init(table, cpu);
}

typedef struct job {
    conv_case v;
    sg_dwconv k;
    sg_dw_table table;
    float *packed;
} job;

static bool job_open(check *c, job *j, const sg_conv_shape *s, int how)
{
    sg_dw_init(&j->table, c->cpu);
    if (!sg_dwconv_init(&j->k, s, &j->table)) {
        check_fail(c, "dwconv_f32", "does not take the sizes");
        return false;
    }
    conv_case_open(c, &j->v, s, how);
    j->packed = check_floats(c, j->k.floats);
    const sg_conv_last_weights w = conv_case_weights(&j->v);
    sg_dwconv_pack(&j->k, &w, j->packed);
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
}

static void run_all(void *ctx)
{
    job *j = ctx;
    for (int64_t t = 0; t < j->k.tasks; t++)
        sg_dwconv_run(&j->k, t);
}

static void one(check *c, sg_conv_shape a, int64_t pad_bottom, int64_t pad_right, int how)
{
    char what[160];
    job j = {0};
    a.oc = a.group = a.c;
    if (!conv_case_fit(&a, pad_bottom, pad_right) || !job_open(c, &j, &a, how))
        return;
    snprintf(what, sizeof what, "dwconv_f32 %lldx%lldx%lldx%lld, kernel %lldx%lld", (long long)a.n, (long long)a.h,
             (long long)a.w, (long long)a.c, (long long)a.kh, (long long)a.kw);
    int64_t n = conv_case_elements(&j.v);
    j.k.y = check_room(n);
    run_all(&j);
    conv_case_compare(c, &j.v, j.k.y, what);
    check_room_free(c, j.k.y, n, what);
    job_close(&j);
}

static void run(check *c)
{
    for (int i = 0; i < check_cases(400); i++) {
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
        one(c, a, check_pick(c, 0, 8), check_pick(c, 0, 8), i);
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
        if (!job_open(c, &j, &a, 0))
            return;
        j.k.y = check_floats(c, a.oh * a.ow * a.c);
        snprintf(what, sizeof what, "depthwise %dx%dx%d, %dx%d/%d", r[0], r[0], r[1], r[2], r[2], r[3]);
        check_share(c, what, 2.0 * (double)(a.oh * a.ow * a.c) * (double)(a.kh * a.kw), check_seconds(run_all, &j), c->fma);
        free(j.k.y);
        job_close(&j);
    }
}

const check_family check_dwconv_f32 = {"dwconv_f32", sizeof(sg_dw_table), init, run, bench};
