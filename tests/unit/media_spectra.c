/* Mel energies, cepstra and power densities against other libraries' numbers (spectra.def); refusals; failing memory. */
#include "unit.h"

#include <math.h>
#include <stdbool.h>

#include "failing.h"
#include "media/audio.h"

enum { N = 600, MELS = 8, FFT = 256, SEGMENT = 40 };

/* The signal of tests/media/spectra.py: noise that fades. */
static void make(float *x)
{
    uint32_t seed = 1;
    for (int i = 0; i < N; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = ldexpf((float)(seed >> 8) / 8388608.0f - 1, -(i / 30));
    }
}

/* Cepstra are sums that cancel: they are as exact as the greatest number is in f32. */
static void compare(const char *name, const float *y, const double *want, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, fabs(want[i]));
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)y[i] - want[i]) <= 2e-5 * fabs(want[i]) + 1e-7 * most))
            fail_msg("%s: number %zu is %.8g, not %.8g", name, i, (double)y[i], want[i]);
}

static void run_mel(const char *name, sg_mel_spec s, const double *want, size_t n)
{
    float x[N], y[256];
    sg_mem mem = {0};
    sg_err err = {0};
    sg_mel *m;
    make(x);
    s.rate = 16000;
    s.fft = FFT;
    s.window = 200;
    s.hop = 150;
    s.mels = MELS;
    assert_int_equal(sg_mel_new(&m, &s, &mem, &err), SEDGE_OK);
    assert_int_equal(sg_mel_frames(m, N) * (s.mfcc ? s.mfcc : MELS), n);
    uint64_t calls = mem.calls;
    sg_mel_run(m, x, N, y);
    assert_int_equal(mem.calls, calls);
    compare(name, y, want, n);
    sg_mel_free(m);
    assert_int_equal(mem.used, 0);
}

static void run_psd(const char *name, int taper, bool log, const double *want, size_t n)
{
    float x[N], spread[N * 3], y[SEGMENT / 2 + 1];
    sg_mem mem = {0};
    sg_psd *p;
    make(x);
    for (int i = 0; i < N; i++)
        spread[3 * i + 1] = x[i];
    assert_int_equal(n, SEGMENT / 2 + 1);
    assert_int_equal(sg_psd_new(&p, SEGMENT, taper, 0.5, log, 16000, &mem, NULL), SEDGE_OK);
    sg_psd_run(p, spread + 1, N, 3, y);
    for (size_t i = 0; i < n; i++) /* densities are small: relative */
        if (!(fabs((double)y[i] / want[i] - 1) <= 2e-5))
            fail_msg("%s: number %zu is %.8g, not %.8g", name, i, (double)y[i], want[i]);
    sg_psd_free(p);
    assert_int_equal(mem.used, 0);
}

static void test_numbers(void **state)
{
    (void)state;
#define CASE(name, like_, taper_, mfcc_, power_, log_, eps_, low_, high_, ...) \
    {                                                                          \
        static const double want[] = {__VA_ARGS__};                            \
        sg_mel_spec s = {.like = SG_MEL_##like_,                               \
                         .taper = SG_TAPER_##taper_,                           \
                         .mfcc = mfcc_,                                        \
                         .power = power_,                                      \
                         .log = log_,                                          \
                         .log_eps = eps_,                                      \
                         .low = low_,                                          \
                         .high = high_};                                       \
        run_mel(#name, s, want, sizeof want / sizeof *want);                   \
    }
#define PSD(name, taper, log, ...)                                               \
    {                                                                            \
        static const double want[] = {__VA_ARGS__};                              \
        run_psd(#name, SG_TAPER_##taper, log, want, sizeof want / sizeof *want); \
    }
#include "spectra.def"
#undef CASE
#undef PSD
}

static const sg_mel_spec good = {
    .rate = 16000, .fft = 400, .window = 400, .hop = 160, .mels = 40, .mfcc = 13, .power = 2, .log = true, .log_eps = 1e-10};

static void refuses(sg_mel_spec s, const char *text)
{
    sg_mem mem = {0};
    sg_err err = {0};
    sg_mel *m;
    assert_int_equal(sg_mel_new(&m, &s, &mem, &err), SEDGE_E_ARG);
    assert_null(m);
    assert_int_equal(mem.used, 0);
    if (!strstr(err.msg, text))
        fail_msg("\"%s\" does not say \"%s\"", err.msg, text);
}

static void test_refuses(void **state)
{
    (void)state;
    sg_mel_spec s = good;
    s.fft = 512, s.window = 513;
    refuses(s, "a window of 513 samples in a transform of 512");
    s.fft = 7 * 64;
    refuses(s, "a transform of 448 points");
    s.fft = 1 << 30;
    refuses(s, "a transform of 1073741824 points");
    s = good, s.hop = 0;
    refuses(s, "a hop of 0");
    s = good, s.mels = 2000;
    refuses(s, "2000 energies");
    s = good, s.mfcc = 41;
    refuses(s, "41 coefficients");
    s = good, s.high = 8001;
    refuses(s, "0 to 8001 Hz");
    s = good, s.low = NAN;
    refuses(s, "nan to 8000 Hz");
    s = good, s.power = -1;
    refuses(s, "power -1");
    s = good, s.log_eps = 0;
    refuses(s, "an eps above 0");
    s = good, s.taper = 9;
    refuses(s, "taper 9");
    sg_mem mem = {0};
    sg_err err = {0};
    sg_psd *p;
    assert_int_equal(sg_psd_new(&p, 64, 0, 1, false, 100, &mem, &err), SEDGE_E_ARG);
    assert_int_equal(sg_psd_new(&p, 64, 0, 0.5, false, NAN, &mem, NULL), SEDGE_E_ARG);
    assert_int_equal(sg_psd_new(&p, 63, 0, 0.5, false, 100, &mem, NULL), SEDGE_E_ARG);
    assert_null(p);
    assert_int_equal(sg_mel_like_find("tf"), SG_MEL_TF);
    assert_int_equal(sg_mel_like_find("kaldi"), -1);
    assert_int_equal(sg_taper_find("blackman"), SG_TAPER_BLACKMAN);
    assert_int_equal(sg_taper_find(""), -1);
}

static void test_no_memory(void **state)
{
    (void)state;
    sg_mel *m = NULL;
    sg_psd *p = NULL;
    for (long k = 0; !m || !p; k++) {
        failing f = {.left = k};
        sg_mem mem = {.fn = failing_alloc, .ctx = &f};
        sedge_status st = sg_mel_new(&m, &good, &mem, NULL);
        assert_true(st == SEDGE_OK || (st == SEDGE_E_NOMEM && !m));
        sg_mel_free(m);
        assert_int_equal(f.held, 0);
        f.left = k;
        st = sg_psd_new(&p, 512, SG_TAPER_HANN, 0.5, true, 100, &mem, NULL);
        assert_true(st == SEDGE_OK || (st == SEDGE_E_NOMEM && !p));
        sg_psd_free(p);
        assert_int_equal(f.held, 0);
        assert_true(k < 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
