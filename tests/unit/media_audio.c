/* Audio: WAV files, good and hostile; resampling, whole and in pieces. */
#include "unit.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "failing.h"
#include "media/audio.h"

#define PI 3.14159265358979323846

/* ---- wav ---- */

typedef struct bytes {
    uint8_t b[512];
    size_t n;
} bytes;

static void put(bytes *o, const void *p, size_t n)
{
    memcpy(o->b + o->n, p, n);
    o->n += n;
}

static void put_le(bytes *o, uint64_t v, int n)
{
    for (int i = 0; i < n; i++)
        o->b[o->n++] = (uint8_t)(v >> (8 * i));
}

static void put_format(bytes *o, unsigned tag, unsigned channels, unsigned bits, bool extensible)
{
    static const uint8_t tail[14] = {0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71};
    put(o, "fmt ", 4);
    put_le(o, extensible ? 40 : 16, 4);
    put_le(o, extensible ? 0xfffe : tag, 2);
    put_le(o, channels, 2);
    put_le(o, 16000, 4);
    put_le(o, 16000 * channels * bits / 8, 4);
    put_le(o, channels * bits / 8, 2);
    put_le(o, bits, 2);
    if (extensible) {
        put_le(o, 22, 2);
        put_le(o, bits, 2);
        put_le(o, 0, 4);
        put_le(o, tag, 2);
        put(o, tail, 14);
    }
}

static bytes head(const char *riff)
{
    bytes o = {.n = 0};
    put(&o, riff, 4);
    put_le(&o, 0, 4);
    put(&o, "WAVE", 4);
    return o;
}

static void test_wav_formats(void **state)
{
    (void)state;
    static const struct {
        unsigned tag, bits;
        int sample;
        uint8_t one[4]; /* a sample of -0.5 */
    } kinds[] = {{1, 8, SEDGE_PCM_U8, {0x40}},
                 {1, 16, SEDGE_PCM_S16, {0, 0xc0}},
                 {1, 24, SEDGE_PCM_S24, {0, 0, 0xc0}},
                 {1, 32, SEDGE_PCM_S32, {0, 0, 0, 0xc0}},
                 {3, 32, SEDGE_PCM_F32, {0, 0, 0, 0xbf}}};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (int extensible = 0; extensible < 2; extensible++) {
            bytes o = head("RIFF");
            put(&o, "LIST\3\0\0\0abc\0", 12); /* an odd chunk and its pad */
            put_format(&o, kinds[k].tag, 2, kinds[k].bits, extensible);
            put(&o, "data", 4);
            put_le(&o, 3 * 2 * kinds[k].bits / 8, 4);
            for (int i = 0; i < 6; i++)
                put(&o, kinds[k].one, kinds[k].bits / 8);
            sedge_audio a;
            sedge_error err = {0};
            assert_int_equal(sedge_audio_wav(&a, o.b, o.n, &err), SEDGE_OK);
            assert_int_equal(a.sample, kinds[k].sample);
            assert_int_equal(a.channels, 2);
            assert_int_equal(a.rate, 16000);
            assert_int_equal(a.frames, 3);
            assert_ptr_equal(a.data, o.b + o.n - 6 * kinds[k].bits / 8);
            float mono[3];
            sg_audio_mono(&a, 0, 3, mono);
            assert_true(mono[0] == -0.5f && mono[2] == -0.5f);
            for (size_t n = 0; n < o.n; n++) { /* cut anywhere: refused, read in no byte beyond */
                uint8_t *cut = malloc(n ? n : 1);
                assert_non_null(cut);
                memcpy(cut, o.b, n);
                sedge_error e = {0};
                assert_int_equal(sedge_audio_wav(&a, cut, n, &e), SEDGE_E_FORMAT);
                assert_int_not_equal(e.msg[0], 0);
                free(cut);
            }
        }
}

static void test_wav_rf64(void **state)
{
    (void)state;
    bytes o = head("RF64");
    put(&o, "ds64", 4);
    put_le(&o, 28, 4);
    put_le(&o, 0, 8);
    put_le(&o, 4, 8);
    put_le(&o, 2, 8);
    put_le(&o, 0, 4);
    put_format(&o, 1, 1, 16, false);
    put(&o, "data\xff\xff\xff\xff\1\2\3\4", 12);
    sedge_audio a;
    sedge_error err = {0};
    assert_int_equal(sedge_audio_wav(&a, o.b, o.n, &err), SEDGE_OK);
    assert_int_equal(a.frames, 2);
    o.b[12 + 8 + 8 + 7] = 0x7f; /* the data's size of ds64 */
    assert_int_equal(sedge_audio_wav(&a, o.b, o.n, &err), SEDGE_E_FORMAT);
    assert_non_null(strstr(err.msg, "chunk \"data\" at byte"));
    assert_null(a.data);
}

static void wav_refuses(const bytes *o, sedge_status want, const char *text)
{
    sedge_audio a;
    sedge_error err = {0};
    assert_int_equal(sedge_audio_wav(&a, o->b, o->n, &err), want);
    if (!strstr(err.msg, text))
        fail_msg("\"%s\" does not say \"%s\"", err.msg, text);
}

static void test_wav_hostile(void **state)
{
    (void)state;
    bytes o = head("RIFX");
    wav_refuses(&o, SEDGE_E_FORMAT, "no RIFF/WAVE or RF64 header");
    o = head("RIFF");
    put(&o, "bext\xf0\xff\xff\xff", 8);
    wav_refuses(&o, SEDGE_E_FORMAT, "chunk \"bext\" at byte 12: 4294967280 bytes, the file has 0 more");
    o = head("RIFF");
    put(&o, "data\0\0\0\0", 8);
    wav_refuses(&o, SEDGE_E_FORMAT, "chunk \"data\" stands before \"fmt \"");
    o = head("RIFF");
    put_format(&o, 2, 1, 4, false);
    wav_refuses(&o, SEDGE_E_UNSUPPORTED, "chunk \"fmt \": format 2 with 4 bits");
    o = head("RIFF");
    put_format(&o, 1, 9, 16, false);
    wav_refuses(&o, SEDGE_E_UNSUPPORTED, "chunk \"fmt \": 9 channels");
    o = head("RIFF");
    put_format(&o, 1, 2, 16, false);
    put(&o, "data\3\0\0\0abc", 11);
    wav_refuses(&o, SEDGE_E_FORMAT, "chunk \"data\": 3 bytes are no whole frames of 4");
    o.b[12 + 8 + 12] = 3;
    wav_refuses(&o, SEDGE_E_FORMAT, "chunk \"fmt \": 2 channels of 16 bits in frames of 3 bytes");
}

/* ---- resampling ---- */

enum { N = 4000, ROOM = 40000 };

static size_t push(sedge_resampler *r, const sedge_audio *a, float *out, size_t at)
{
    size_t n, room = sedge_resampler_room(r, a ? a->frames : 0);
    sedge_error err = {0};
    assert_true(at + room <= ROOM);
    assert_int_equal(sedge_resampler_push(r, a, out + at, room, &n, &err), SEDGE_OK);
    assert_true(n <= room);
    return at + n;
}

static size_t whole(sedge_resampler *r, const sedge_audio *a, float *out)
{
    size_t n = push(r, a, out, 0);
    return push(r, NULL, out, n);
}

static const struct {
    uint32_t from, to;
} rates[] = {{16000, 16000}, {44100, 16000}, {48000, 16000}, {8000, 16000},
             {22050, 48000}, {16000, 15999}, {48000, 8000},  {1000, 8000}};

static void test_pieces(void **state)
{
    (void)state;
    static float x[N], one[ROOM], many[ROOM];
    uint32_t seed = 1;
    for (size_t i = 0; i < N; i++)
        x[i] = (float)((seed = seed * 1664525u + 1013904223u) >> 8) / 8388608.0f - 1;
    for (size_t k = 0; k < sizeof rates / sizeof *rates; k++) {
        sedge_resampler *r;
        assert_int_equal(sedge_resampler_new(&r, rates[k].from, rates[k].to, NULL, NULL), SEDGE_OK);
        sedge_audio a = {SEDGE_PCM_F32, 1, rates[k].from, N, x};
        size_t n = whole(r, &a, one);
        assert_int_equal(n, ((uint64_t)N * rates[k].to + rates[k].from - 1) / rates[k].from);
        for (size_t most = 1; most < 2000; most = most * 3 + 1) {
            sedge_resampler_reset(r);
            size_t m = 0;
            for (size_t at = 0; at < N;) {
                size_t take = (seed = seed * 1664525u + 1013904223u) / 65536 % most + 1;
                take = take > N - at ? N - at : take;
                sedge_audio piece = {SEDGE_PCM_F32, 1, rates[k].from, take, x + at};
                assert_true(sedge_resampler_room(r, take) <= take * rates[k].to / rates[k].from + 2);
                m = push(r, &piece, many, m);
                at += take;
            }
            m = push(r, NULL, many, m);
            assert_int_equal(m, n);
            assert_memory_equal(one, many, n * sizeof *one);
        }
        sedge_resampler_free(&r);
        assert_null(r);
    }
}

/* A sine below both limits is the same sine at the other rate, not late by a sample (far from the ends, where the filter sees silence). */
static void test_sine(void **state)
{
    (void)state;
    static float x[N], y[ROOM];
    for (size_t k = 0; k < sizeof rates / sizeof *rates; k++) {
        double hz = 0.3 * (rates[k].from < rates[k].to ? rates[k].from : rates[k].to) / 2;
        for (size_t i = 0; i < N; i++)
            x[i] = (float)sin(2 * PI * hz * (double)i / rates[k].from);
        sedge_resampler *r;
        assert_int_equal(sedge_resampler_new(&r, rates[k].from, rates[k].to, NULL, NULL), SEDGE_OK);
        sedge_audio a = {SEDGE_PCM_F32, 1, rates[k].from, N, x};
        size_t n = whole(r, &a, y);
        double worst = 0;
        for (size_t i = n / 3; i < n * 2 / 3; i++)
            worst = fmax(worst, fabs((double)y[i] - sin(2 * PI * hz * (double)i / rates[k].to)));
        if (worst > 1e-3)
            fail_msg("%u to %u: off by %g", (unsigned)rates[k].from, (unsigned)rates[k].to, worst);
        sedge_resampler_free(&r);
    }
}

/* All types of samples at odd addresses, several channels. */
static void test_mix(void **state)
{
    (void)state;
    static const struct {
        int sample;
        uint8_t two[8]; /* 0.5, -0.25 */
    } kinds[] = {{SEDGE_PCM_U8, {0xc0, 0x60}},
                 {SEDGE_PCM_S16, {0, 0x40, 0, 0xe0}},
                 {SEDGE_PCM_S24, {0, 0, 0x40, 0, 0, 0xe0}},
                 {SEDGE_PCM_S32, {0, 0, 0, 0x40, 0, 0, 0, 0xe0}},
                 {SEDGE_PCM_F32, {0, 0, 0, 0x3f, 0, 0, 0x80, 0xbe}}};
    sedge_resampler *r;
    assert_int_equal(sedge_resampler_new(&r, 8000, 8000, NULL, NULL), SEDGE_OK);
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (size_t shift = 0; shift < 4; shift++) {
            uint8_t raw[16];
            memcpy(raw + shift, kinds[k].two, 8);
            sedge_audio a = {(uint8_t)kinds[k].sample, 2, 8000, 1, raw + shift};
            float y[2];
            assert_int_equal(push(r, &a, y, 0), 1);
            assert_true(y[0] == 0.125f);
            a.channels = 1;
            a.frames = 2;
            assert_int_equal(push(r, &a, y, 0), 2);
            assert_true(y[0] == 0.5f && y[1] == -0.25f);
        }
    sedge_resampler_free(&r);
}

static void test_resampler_refuses(void **state)
{
    (void)state;
    sedge_resampler *r;
    sedge_error err = {0};
    assert_int_equal(sedge_resampler_new(&r, 0, 16000, NULL, &err), SEDGE_E_ARG);
    assert_null(r);
    assert_int_equal(sedge_resampler_new(&r, 1, 16000, NULL, NULL), SEDGE_E_ARG);
    assert_int_equal(sedge_resampler_new(&r, 16000, 4000000000u, NULL, NULL), SEDGE_E_ARG);
    failing f = {.left = 0};
    sedge_media_opts opts = {.alloc = failing_alloc, .alloc_ctx = &f};
    assert_int_equal(sedge_resampler_new(&r, 48000, 16000, &opts, NULL), SEDGE_E_NOMEM);
    f.left = 1;
    assert_int_equal(sedge_resampler_new(&r, 48000, 16000, &opts, NULL), SEDGE_OK);
    int16_t x[100] = {0};
    float y[100];
    size_t n;
    sedge_audio a = {SEDGE_PCM_S16, 1, 44100, 100, x};
    assert_int_equal(sedge_resampler_push(r, &a, y, 100, &n, NULL), SEDGE_E_ARG);
    a.rate = 48000;
    assert_int_equal(sedge_resampler_push(r, &a, y, 10, &n, NULL), SEDGE_E_SHAPE);
    a.sample = 9;
    assert_int_equal(sedge_resampler_push(r, &a, y, 100, &n, NULL), SEDGE_E_TYPE);
    a.sample = SEDGE_PCM_S16;
    a.channels = 0;
    assert_int_equal(sedge_resampler_push(r, &a, y, 100, &n, NULL), SEDGE_E_SHAPE);
    sedge_resampler_free(&r);
    assert_int_equal(f.held, 0);
    sedge_resampler_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wav_formats),
        cmocka_unit_test(test_wav_rf64),
        cmocka_unit_test(test_wav_hostile),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_sine),
        cmocka_unit_test(test_mix),
        cmocka_unit_test(test_resampler_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
