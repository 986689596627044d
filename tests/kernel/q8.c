/* 8-bit convolutions and products. Plain loops by docs/integers.md, every answer to the bit. */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/q8/q8_conv.h"

static void init(void *table, uint32_t cpu)
{
    sg_q8_init(table, cpu);
}

typedef struct job {
    sg_q8_table q;
    sg_q8_conv a;
    sg_q8_cut cut;
    bool x_signed, w_signed, y_signed;
    int32_t x_zero;
    uint8_t *x, *w, *y;
    int32_t *w_zero, *bias;
    float *scale;
    void *packed, *scratch;
    int64_t *at;
    int32_t *to_bias;
    float *to_scale;
    bool sums; /* y is int32 */
} job;

static void *bytes(check *c, int64_t n)
{
    uint8_t *p = malloc((size_t)n);
    if (!p)
        exit(1);
    for (int64_t i = 0; i < n; i++)
        p[i] = (uint8_t)check_pick(c, 0, 255);
    return p;
}

static void *room(size_t n)
{
    void *p = aligned_alloc(64, (n + 127) & ~(size_t)63);
    if (!p)
        exit(1);
    return p;
}

static int32_t zero_of(check *c, bool is_signed, bool any)
{
    return any ? (int32_t)check_pick(c, is_signed ? -128 : 0, is_signed ? 127 : 255) : is_signed ? 0 : 128;
}

static int64_t depth(const sg_conv_shape *s)
{
    return s->c / s->group * s->kh * s->kw;
}

/* What the model says, at random: `any`: zero points anywhere, which may take more layers of weights. */
static void fill(check *c, job *j, bool any)
{
    const sg_conv_shape *s = &j->a.s;
    j->x = bytes(c, s->n * s->h * s->w * s->c);
    j->w = bytes(c, s->oc * depth(s));
    j->w_zero = room((size_t)s->oc * 4);
    j->bias = room((size_t)s->oc * 4);
    j->scale = room((size_t)s->oc * 4);
    j->x_zero = zero_of(c, j->x_signed, true);
    for (int64_t i = 0; i < s->oc; i++) {
        j->w_zero[i] = zero_of(c, j->w_signed, any);
        j->bias[i] = (int32_t)check_pick(c, -20000, 20000);
        j->scale[i] = (float)check_pick(c, 1, 1000) * (any ? 3e-3f : 3e-6f);
    }
    j->a.x_zero = (uint8_t)j->x_zero;
    j->a.out = (sg_q8_out){.zero = zero_of(c, j->y_signed, true), .lo = j->y_signed ? -128 : 0, .hi = j->y_signed ? 127 : 255};
}

static bool open_job(check *c, job *j, const sg_conv_shape *s, bool any)
{
    size_t packed, n;
    j->a = (sg_q8_conv){.s = *s};
    fill(c, j, any);
    sg_q8_init(&j->q, c->cpu);
    if (!sg_q8_conv_packed(&j->a, &j->q, j->w, j->w_signed, j->w_zero, &packed, &n) || !sg_q8_conv_cut(&j->a, &j->q, &j->cut)) {
        check_fail(c, "q8", "does not take the sizes");
        return false;
    }
    j->packed = room(packed);
    j->to_bias = room(n * 4);
    j->to_scale = room(n * 4);
    j->scratch = room(j->cut.scratch);
    j->at = room((size_t)sg_q8_conv_places(&j->a) * sizeof *j->at);
    sg_q8_conv_place(&j->a, &j->cut, j->at);
    bool flips = j->x_signed != j->q.x_signed;
    int32_t zero = !flips ? j->x_zero : j->x_signed ? j->x_zero + 128 : j->x_zero - 128;
    sg_q8_conv_pack(&j->a, &j->q, j->w, j->w_signed, j->w_zero, j->bias, j->scale, zero, j->packed, j->to_bias, j->to_scale);
    j->a.flip = flips ? 0x80808080u : 0;
    if (j->sums)
        j->a.scale = NULL;
    return true;
}

static void close_job(job *j)
{
    free(j->x);
    free(j->w);
    free(j->w_zero);
    free(j->bias);
    free(j->scale);
    free(j->packed);
    free(j->to_bias);
    free(j->to_scale);
    free(j->scratch);
    free(j->at);
}

static void run_all(void *ctx)
{
    job *j = ctx;
    for (int64_t i = 0; i < j->cut.jobs; i++)
        sg_q8_conv_job(&j->a, &j->q, &j->cut, j->at, i, j->x, j->y, j->scratch);
}

static int32_t value(const uint8_t *p, int64_t at, bool is_signed, int32_t zero)
{
    return (is_signed ? (int8_t)p[at] : p[at]) - zero;
}

/* The sum of element i, whose channel is *m. */
static int32_t plain_sum(const job *j, int64_t i, int64_t *m)
{
    const sg_conv_shape *s = &j->a.s;
    int64_t ox = i / s->oc % s->ow, oy = i / s->oc / s->ow % s->oh, n = i / s->oc / s->ow / s->oh;
    *m = i % s->oc;
    int64_t icg = s->c / s->group, taps = s->kh * s->kw, first = *m / (s->oc / s->group) * icg;
    uint32_t sum = (uint32_t)j->bias[*m];
    for (int64_t ky = 0; ky < s->kh; ky++)
        for (int64_t kx = 0; kx < s->kw; kx++) {
            int64_t y = oy * s->stride_h - s->pad_top + ky * s->dilation_h,
                    x = ox * s->stride_w - s->pad_left + kx * s->dilation_w;
            if (y < 0 || y >= s->h || x < 0 || x >= s->w)
                continue;
            const uint8_t *px = j->x + ((n * s->h + y) * s->w + x) * s->c + first, *pw = j->w + *m * depth(s) + ky * s->kw + kx;
            for (int32_t ci = 0; ci < (int32_t)icg; ci++, pw += taps)
                sum += (uint32_t)(value(px, ci, j->x_signed, j->x_zero) * value(pw, 0, j->w_signed, j->w_zero[*m]));
        }
    return (int32_t)sum;
}

static int32_t plain(const job *j, int64_t i)
{
    int64_t m;
    int32_t sum = plain_sum(j, i, &m);
    const sg_q8_out *o = &j->a.out;
    if (j->sums)
        return sum;
    float t = (float)sum * j->scale[m];
    t = fminf(fmaxf(t, (float)(o->lo - o->zero)), (float)(o->hi - o->zero));
    return (int32_t)rintf(t) + o->zero;
}

enum { GUARD = 64 };

static void compare(check *c, const job *j, const char *what)
{
    const sg_conv_shape *s = &j->a.s;
    int64_t n = s->n * s->oh * s->ow * s->oc, size = j->sums ? 4 : 1;
    for (int64_t i = 0; i < n; i++) {
        int32_t want = plain(j, i), got;
        if (j->sums)
            memcpy(&got, j->y + 4 * i, 4);
        else
            got = value(j->y, i, j->y_signed, 0);
        if (got == want)
            continue;
        char text[96];
        snprintf(text, sizeof text, "element %lld is %d, not %d", (long long)i, got, want);
        check_fail(c, what, text);
        return;
    }
    for (int64_t i = 1; i <= GUARD; i++)
        if (j->y[-i] != 0xa5 || j->y[n * size + i - 1] != 0xa5) {
            check_fail(c, what, "wrote outside its output");
            return;
        }
}

static void one(check *c, sg_conv_shape s, int64_t pad_bottom, int64_t pad_right, bool any)
{
    job j = {.x_signed = check_pick(c, 0, 1), .w_signed = check_pick(c, 0, 2) > 0, .y_signed = check_pick(c, 0, 1)};
    int64_t h = s.h + s.pad_top + pad_bottom - s.dilation_h * (s.kh - 1);
    int64_t w = s.w + s.pad_left + pad_right - s.dilation_w * (s.kw - 1);
    if (h < 1 || w < 1)
        return;
    s.oh = (h - 1) / s.stride_h + 1;
    s.ow = (w - 1) / s.stride_w + 1;
    j.sums = s.group == 1 && check_pick(c, 0, 7) == 0;
    char what[160];
    snprintf(what, sizeof what, "q8 %lldx%lldx%lldx%lld to %lld in %lld, kernel %lldx%lld, types %d%d%d%d", (long long)s.n,
             (long long)s.h, (long long)s.w, (long long)s.c, (long long)s.oc, (long long)s.group, (long long)s.kh,
             (long long)s.kw, j.x_signed, j.w_signed, j.y_signed, j.sums);
    size_t n = (size_t)(s.n * s.oh * s.ow * s.oc * (j.sums ? 4 : 1));
    if (open_job(c, &j, &s, any)) {
        uint8_t *y = room(n + 2 * GUARD);
        memset(y, 0xa5, n + 2 * GUARD);
        j.y = y + GUARD;
        run_all(&j);
        compare(c, &j, what);
        free(y);
    }
    close_job(&j);
}

static void run(check *c)
{
    for (int i = 0; i < check_cases(600); i++) {
        int64_t kind = i % 4, side = check_pick(c, 0, 2); /* dense, 1x1, depthwise, groups */
        int64_t group = kind == 2 ? check_pick(c, 1, 150) : kind == 3 ? check_pick(c, 2, 4) : 1;
        int64_t icg = kind == 2 ? 1 : check_pick(c, 1, kind == 1 ? 300 : 40);
        int64_t ocg = kind == 2 ? 1 : check_pick(c, 1, 120), k = 1 + 2 * side;
        sg_conv_shape s = {.n = check_pick(c, 1, 2),
                           .c = group * icg,
                           .h = check_pick(c, 1, 12),
                           .w = check_pick(c, 1, 20),
                           .oc = group * ocg,
                           .group = group,
                           .kh = kind == 1 ? 1
                                 : side    ? k
                                           : check_pick(c, 1, 7),
                           .kw = kind == 1 ? 1
                                 : side    ? k
                                           : check_pick(c, 1, 7),
                           .stride_h = check_pick(c, 1, 2),
                           .stride_w = check_pick(c, 1, 3),
                           .dilation_h = check_pick(c, 1, 5) > 4 ? 2 : 1,
                           .dilation_w = check_pick(c, 1, 5) > 4 ? 2 : 1,
                           .pad_top = kind == 1 ? 0 : check_pick(c, 0, 3),
                           .pad_left = kind == 1 ? 0 : check_pick(c, 0, 3)};
        if (kind == 1 && i % 8 == 1)
            s.stride_h = s.stride_w = 1;
        one(c, s, kind == 1 ? 0 : check_pick(c, 0, 3), kind == 1 ? 0 : check_pick(c, 0, 3), check_pick(c, 0, 3) == 0);
    }
}

static void bench(check *c)
{
    static const int16_t row[][6] = {
                                     /* side, channels, results, kernel, stride, group */
        {224, 3, 32, 3, 2, 1},     {224, 3, 64, 7, 2, 1},     {112, 32, 16, 1, 1, 1},    {112, 32, 64, 1, 1, 1},
        {112, 16, 96, 1, 1, 1},    {56, 144, 24, 1, 1, 1},    {56, 24, 144, 1, 1, 1},    {56, 128, 128, 1, 1, 1},
        {28, 192, 32, 1, 1, 1},    {14, 384, 64, 1, 1, 1},    {14, 64, 384, 1, 1, 1},    {14, 512, 512, 1, 1, 1},
        {7, 960, 160, 1, 1, 1},    {7, 1024, 1024, 1, 1, 1},  {55, 16, 64, 1, 1, 1},     {55, 16, 64, 3, 1, 1},
        {27, 32, 128, 3, 1, 1},    {13, 512, 1000, 1, 1, 1},  {56, 64, 64, 3, 1, 1},     {28, 128, 128, 3, 1, 1},
        {14, 256, 256, 3, 1, 1},   {7, 512, 512, 3, 1, 1},    {32, 16, 16, 3, 1, 1},     {1, 1280, 1000, 1, 1, 1},
        {1, 640, 128, 1, 1, 1},    {1, 128, 128, 1, 1, 1},    {112, 32, 32, 3, 1, 32},   {112, 96, 96, 3, 2, 96},
        {56, 144, 144, 3, 1, 144}, {28, 192, 192, 3, 1, 192}, {14, 384, 384, 3, 1, 384}, {14, 576, 576, 3, 2, 576},
        {7, 960, 960, 3, 1, 960},  {28, 240, 240, 5, 1, 240}, {48, 8, 8, 3, 1, 8},       {6, 128, 128, 3, 1, 128}};
    double all = 0;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        const int16_t *r = row[i];
        job j = {.w_signed = true};
        sg_conv_shape s = {.n = 1, .c = r[1], .h = r[0], .w = r[0], .oc = r[2], .group = r[5], .kh = r[3], .kw = r[3]};
        s.oh = s.ow = (r[0] - 1) / r[4] + 1;
        s.stride_h = s.stride_w = r[4];
        s.dilation_h = s.dilation_w = 1;
        s.pad_top = s.pad_left = r[3] / 2;
        if (!open_job(c, &j, &s, false))
            return;
        j.y = room((size_t)(s.oh * s.ow * s.oc));
        char what[96];
        snprintf(what, sizeof what, "%dx%dx%d to %d, %dx%d/%d%s", r[0], r[0], r[1], r[2], r[3], r[3], r[4],
                 r[5] > 1 ? ", depthwise" : "");
        double t = check_seconds(run_all, &j);
        all += t;
        check_share(c, what, 2.0 * (double)(s.oh * s.ow * s.oc) * (double)depth(&s), t, c->dot);
        free(j.y);
        close_job(&j);
    }
    printf("%-10s all %.1f us\n", c->level, 1e6 * all);
}

const check_family check_q8 = {"q8", sizeof(sg_q8_table), init, run, bench};
