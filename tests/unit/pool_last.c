/* Pooling channels last against plain loops over one window: sizes, strides, dilations, pads, both divisors, NaN, all types. */
#include "unit.h"

#include <math.h>
#include <stdbool.h>

#include "base/cpu.h"
#include "kernel/pool/pool_last.h"

enum { ROOM = 1 << 15 };

static uint32_t state = 11;

static int64_t pick(int64_t lo, int64_t hi)
{
    state = state * 1664525u + 1013904223u;
    return lo + (int64_t)(state >> 8) % (hi - lo + 1);
}

typedef enum type { F32, U8, S8 } type;

static double element(type t, const void *x, int64_t i)
{
    return t == F32 ? (double)((const float *)x)[i] : t == U8 ? ((const uint8_t *)x)[i] : ((const int8_t *)x)[i];
}

static double one(const sg_pool_last_args *a, type t, bool average, const void *x, int64_t oy, int64_t ox, int64_t c)
{
    double max = 0, sum = 0;
    int64_t seen = 0, counted = 0;
    for (int64_t ky = 0; ky < a->kh; ky++)
        for (int64_t kx = 0; kx < a->kw; kx++) {
            int64_t y = oy * a->stride_h - a->pad_top + ky * a->dilation_h,
                    at = ox * a->stride_w - a->pad_left + kx * a->dilation_w;
            counted += y < a->h + a->pad_bottom && at < a->w + a->pad_right;
            if (y < 0 || y >= a->h || at < 0 || at >= a->w)
                continue;
            double e = element(t, x, (y * a->w + at) * a->c + c);
            max = !seen || e > max || isnan(e) ? e : max;
            sum += e;
            seen++;
        }
    if (!seen)
        return 0;
    return average ? (double)(float)(sum / (double)(a->count_pad ? counted : seen)) : max;
}

static void check(const sg_pool_last_args *given, type t, bool average, const sg_pool_max8 *max8)
{
    sg_pool_last_args own = *given;
    const sg_pool_last_args *a = &own;
    own.max8 = t == U8 ? max8->u8 : max8->s8;
    own.f32 = max8 == &sg_pool_max8_any ? &sg_pool_f32_any : sg_pool_f32_of(sg_cpu());
    static const size_t size[] = {sizeof(float), 1, 1};
    static union {
        float f[ROOM];
        uint8_t b[ROOM];
    } x, y;
    int64_t n = a->h * a->w * a->c, m = a->oh * a->ow * a->c;
    assert_true(n <= ROOM && m < ROOM);
    for (int64_t i = 0; i < n; i++)
        if (t == F32)
            x.f[i] = !average && pick(0, 40) == 0 ? NAN : (float)pick(-8000, 8000) / 1024;
        else
            x.b[i] = (uint8_t)pick(0, 255);
    memset(&y, 0x5a, sizeof y);
    for (int64_t oy = 0; oy < a->oh; oy++)
        (average ? sg_pool_last_average_f32 : t == F32 ? sg_pool_last_max_f32 : sg_pool_last_max_8)(a, &x, oy, &y);
    for (int64_t i = 0; i < m; i++) {
        double want = one(a, t, average, &x, i / a->c / a->ow, i / a->c % a->ow, i % a->c), got = element(t, &y, i);
        assert_true(got == want || (isnan(got) && isnan(want)));
    }
    for (size_t i = (size_t)m * size[t]; i < sizeof y; i++)
        assert_int_equal(((const uint8_t *)&y)[i], 0x5a);
}

static void against_loops(void **unused)
{
    (void)unused;
    for (int i = 0; i < 600; i++) {
        sg_pool_last_args a = {.c = i % 50 ? pick(1, 70) : 300,
                               .h = pick(1, 6),
                               .w = pick(1, 6),
                               .kh = pick(1, 4),
                               .kw = pick(1, 4),
                               .stride_h = pick(1, 3),
                               .stride_w = pick(1, 3),
                               .dilation_h = pick(1, 2),
                               .dilation_w = pick(1, 2),
                               .pad_top = pick(0, 3),
                               .pad_left = pick(0, 3),
                               .pad_bottom = pick(0, 3),
                               .pad_right = pick(0, 3),
                               .count_pad = pick(0, 1)};
        int64_t h = a.h + a.pad_top + a.pad_bottom - a.dilation_h * (a.kh - 1) - 1;
        int64_t w = a.w + a.pad_left + a.pad_right - a.dilation_w * (a.kw - 1) - 1;
        if (h < 0 || w < 0)
            continue;
        a.oh = h / a.stride_h + 1 + pick(0, 1); /* the last window may hang over */
        a.ow = w / a.stride_w + 1 + pick(0, 1);
        check(&a, (type)(i % 3), false, i % 2 ? &sg_pool_max8_any : sg_pool_max8_of(sg_cpu()));
        check(&a, F32, true, i % 2 ? &sg_pool_max8_any : sg_pool_max8_of(sg_cpu()));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(against_loops)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
