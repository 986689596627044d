/* The f32 kernels of matrix product and convolution against plain loops in double, with guards around what they write. */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/conv/conv_f32.h"
#include "kernel/gemm/gemm_f32.h"

enum { GUARD = 16, ROUNDS = 200 };
static const float guard = -12345.0f;

static uint32_t state_of_random = 1;

static int64_t pick(int64_t low, int64_t high)
{
    state_of_random = state_of_random * 1664525u + 1013904223u;
    return low + (int64_t)(state_of_random >> 8) % (high - low + 1);
}

static float *filled(int64_t n)
{
    float *v = malloc((size_t)(n + 1) * sizeof *v);
    assert_non_null(v);
    for (int64_t i = 0; i < n; i++)
        v[i] = (float)pick(-1000, 1000) / 1000.0f;
    return v;
}

/* Room for n floats between guards. */
static float *guarded(int64_t n)
{
    float *v = malloc((size_t)(n + 2 * GUARD) * sizeof *v);
    assert_non_null(v);
    for (int64_t i = 0; i < n + 2 * GUARD; i++)
        v[i] = guard;
    return v + GUARD;
}

static void check_guards(float *v, int64_t n)
{
    for (int i = 1; i <= GUARD; i++)
        assert_true(v[-i] == guard && v[n + i - 1] == guard);
    free(v - GUARD);
}

static void assert_near(double want, float got)
{
    assert_true(fabs(want - (double)got) <= 1e-4 * (1 + fabs(want)));
}

static void gemm_one(int64_t m, int64_t n, int64_t k, int turned)
{
    float *a = filled(m * k), *b = filled(k * n), *bias = filled(m > n ? m : n), *c = guarded(m * n);
    float *pack = malloc(SG_GEMM_F32_PACK * sizeof *pack), *before = malloc((size_t)(m * n + 1) * sizeof *before);
    assert_non_null(pack);
    assert_non_null(before);
    sg_gemm_f32_args g = {.m = m,
                          .n = n,
                          .k = k,
                          .a = a,
                          .a_row = turned & 1 ? 1 : k,
                          .a_col = turned & 1 ? m : 1,
                          .b = b,
                          .b_row = turned & 2 ? 1 : n,
                          .b_col = turned & 2 ? k : 1,
                          .c = c,
                          .c_row = n,
                          .alpha = 0.5f,
                          .beta = turned & 4 ? 2.0f : 0.0f,
                          .bias = bias,
                          .bias_row = turned & 8 ? 1 : 0,
                          .bias_col = turned & 8 ? 0 : 1,
                          .pack = pack};
    if (turned & 4)
        for (int64_t i = 0; i < m * n; i++)
            c[i] = (float)pick(-9, 9);
    memcpy(before, c, (size_t)(m * n) * sizeof *c);
    sg_gemm_f32(&g);
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            double v = 0;
            for (int64_t p = 0; p < k; p++)
                v += (double)a[i * g.a_row + p * g.a_col] * (double)b[p * g.b_row + j * g.b_col];
            v = 0.5 * v + (turned & 4 ? 2.0 * (double)before[i * n + j] : 0) + (double)bias[turned & 8 ? i : j];
            assert_near(v, c[i * n + j]);
        }
    check_guards(c, m * n);
    free(a);
    free(b);
    free(bias);
    free(pack);
    free(before);
}

static void products_match(void **state)
{
    (void)state;
    for (int i = 0; i < ROUNDS; i++)
        gemm_one(pick(0, 20), pick(0, 40), pick(0, 40), i & 15);
    gemm_one(5, 300, 600, 0);
    gemm_one(9, 257, 257, 15);
}

static double plain(const sg_conv_shape *a, const float *x, const float *w, int64_t oc, int64_t oy, int64_t ox)
{
    int64_t icg = a->c / a->group, first = oc / (a->oc / a->group) * icg;
    double v = 0;
    for (int64_t c = 0; c < icg; c++)
        for (int64_t ky = 0; ky < a->kh; ky++)
            for (int64_t kx = 0; kx < a->kw; kx++) {
                int64_t iy = oy * a->stride_h + ky * a->dilation_h - a->pad_top,
                        ix = ox * a->stride_w + kx * a->dilation_w - a->pad_left;
                if (iy >= 0 && iy < a->h && ix >= 0 && ix < a->w)
                    v += (double)w[((oc * icg + c) * a->kh + ky) * a->kw + kx] * (double)x[((first + c) * a->h + iy) * a->w + ix];
            }
    return v;
}

static void conv_one(sg_conv_shape a, int64_t pad_bottom, int64_t pad_right, int with_bias)
{
    size_t bytes;
    a.oh = (a.h + a.pad_top + pad_bottom - (a.kh - 1) * a.dilation_h - 1) / a.stride_h + 1;
    a.ow = (a.w + a.pad_left + pad_right - (a.kw - 1) * a.dilation_w - 1) / a.stride_w + 1;
    if (a.h + a.pad_top + pad_bottom <= (a.kh - 1) * a.dilation_h || a.w + a.pad_left + pad_right <= (a.kw - 1) * a.dilation_w)
        return;
    int64_t n = a.oc * a.oh * a.ow;
    float *x = filled(a.c * a.h * a.w), *w = filled(a.oc * (a.c / a.group) * a.kh * a.kw), *bias = filled(a.oc), *y = guarded(n);
    assert_true(sg_conv_f32_scratch(&a, &bytes));
    void *scratch = malloc(bytes);
    assert_non_null(scratch);
    sg_conv_f32(&a, x, w, with_bias ? bias : NULL, y, scratch);
    for (int64_t oc = 0; oc < a.oc; oc++)
        for (int64_t oy = 0; oy < a.oh; oy++)
            for (int64_t ox = 0; ox < a.ow; ox++)
                assert_near(plain(&a, x, w, oc, oy, ox) + (with_bias ? (double)bias[oc] : 0), y[(oc * a.oh + oy) * a.ow + ox]);
    check_guards(y, n);
    free(x);
    free(w);
    free(bias);
    free(scratch);
}

static void convolutions_match(void **state)
{
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        int64_t g = pick(1, 3);
        sg_conv_shape a = {.c = g * pick(1, 5),
                           .h = pick(1, 20),
                           .w = pick(1, 40),
                           .oc = g * pick(1, 9),
                           .group = g,
                           .kh = pick(1, 4),
                           .kw = pick(1, 4),
                           .stride_h = pick(1, 3),
                           .stride_w = pick(1, 3),
                           .dilation_h = pick(1, 2),
                           .dilation_w = pick(1, 3),
                           .pad_top = pick(0, 2),
                           .pad_left = pick(0, 2)};
        conv_one(a, pick(0, 2), pick(0, 2), i & 1);
    }
}

static void depthwise_pointwise_and_long_sums_match(void **state)
{
    (void)state;
    sg_conv_shape a = {.c = 12,
                       .h = 15,
                       .w = 17,
                       .oc = 12,
                       .group = 12,
                       .kh = 3,
                       .kw = 3,
                       .stride_h = 2,
                       .stride_w = 2,
                       .dilation_h = 1,
                       .dilation_w = 1,
                       .pad_top = 1,
                       .pad_left = 1};
    conv_one(a, 1, 1, 1);
    a = (sg_conv_shape){.c = 40,
                        .h = 9,
                        .w = 11,
                        .oc = 13,
                        .group = 1,
                        .kh = 1,
                        .kw = 1,
                        .stride_h = 1,
                        .stride_w = 1,
                        .dilation_h = 1,
                        .dilation_w = 1};
    conv_one(a, 0, 0, 1);
    a = (sg_conv_shape){.c = 96,
                        .h = 9,
                        .w = 9,
                        .oc = 10,
                        .group = 1,
                        .kh = 3,
                        .kw = 3,
                        .stride_h = 1,
                        .stride_w = 1,
                        .dilation_h = 1,
                        .dilation_w = 1,
                        .pad_top = 1,
                        .pad_left = 1};
    conv_one(a, 1, 1, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_match),
        cmocka_unit_test(convolutions_match),
        cmocka_unit_test(depthwise_pointwise_and_long_sums_match),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
