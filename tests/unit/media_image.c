/* Pictures: formats, hostile files, frames, the pass from a frame to a tensor. */
#include "unit.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "failing.h"
#include "media/image.h"

/* A table of 6 x 4 pixels, written as text by hand: red counts columns, green rows. */
static const char ppm[] = "P3 6 4 255\n"
                          "0 0 9 10 0 9 20 0 9 30 0 9 40 0 9 50 0 9 0 10 9 10 10 9 20 10 9 30 10 9 40 10 9 50 10 9\n"
                          "0 20 9 10 20 9 20 20 9 30 20 9 40 20 9 50 20 9 0 30 9 10 30 9 20 30 9 30 30 9 40 30 9 50 30 9\n";

static void test_pnm(void **state)
{
    (void)state;
    sedge_image *im;
    sedge_frame f;
    sedge_error err = {0};
    assert_int_equal(sedge_image_new(&im, NULL, &err), SEDGE_OK);
    assert_string_equal(sedge_image_format(ppm, sizeof ppm), "pnm");
    assert_int_equal(sedge_image_decode(im, ppm, sizeof ppm - 1, &f, &err), SEDGE_OK);
    assert_int_equal(f.width, 6);
    assert_int_equal(f.height, 4);
    assert_int_equal(((const uint8_t *)f.plane[0])[3 * 23], 50);
    assert_int_equal(((const uint8_t *)f.plane[0])[3 * 23 + 1], 30);
    for (size_t n = 0; n + 2 < sizeof ppm - 1; n++) { /* the last digit and the line's end may go */
        sedge_error e = {0};
        assert_int_not_equal(sedge_image_decode(im, ppm, n, &f, &e), SEDGE_OK);
        assert_int_not_equal(e.msg[0], 0);
        n += n > 20 && n < sizeof ppm - 12 ? 3 : 0;
        if (n >= sizeof ppm - 5)
            break;
    }
    sedge_image_free(&im);
}

static void refuses(const void *bytes, size_t n, sedge_status want, const char *text)
{
    sedge_image *im;
    sedge_frame f;
    sedge_error err = {0};
    assert_int_equal(sedge_image_new(&im, NULL, NULL), SEDGE_OK);
    assert_int_equal(sedge_image_decode(im, bytes, n, &f, &err), want);
    if (!strstr(err.msg, text))
        fail_msg("\"%s\" does not say \"%s\"", err.msg, text);
    assert_null(f.plane[0]);
    sedge_image_free(&im);
}

static void test_bombs(void **state)
{
    (void)state;
    static const char p6[] = "P6 100000 100000 255\n";
    refuses(p6, sizeof p6 - 1, SEDGE_E_LIMIT, "pnm: 100000 x 100000 pixels");
    static const uint8_t png[] = {0x89, 'P', 'N', 'G', 13, 10, 26, 10, 0, 0, 0, 13, 'I', 'H', 'D', 'R', 0, 1, 0x86};
    refuses(png, sizeof png, SEDGE_E_FORMAT, "png: ");
    uint8_t bmp[60] = {'B', 'M', [10] = 54, [14] = 40, [18] = 0xa0, 0x86, 1, 0, 0xa0, 0x86, 1, 0, 1, 0, 24};
    refuses(bmp, sizeof bmp, SEDGE_E_LIMIT, "bmp: 100000 x 100000 pixels");
    refuses("\xff\xd8\xff\xe0", 4, SEDGE_E_FORMAT, "jpeg: ");
    refuses("II*\0\x08\0\0\0", 8, SEDGE_E_FORMAT, "tiff: ");
    refuses("RIFF\0\0\0\0WEBPVP8 ", 16, SEDGE_E_FORMAT, "webp: ");
    refuses("\xff\x4f\xff\x51", 4, SEDGE_E_FORMAT, "jpeg2000: ");
    refuses("hello", 5, SEDGE_E_FORMAT, "no picture");
}

static void test_png_round(void **state)
{
    (void)state;
    char path[] = "/tmp/sedge-unit-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    uint8_t px[5 * 7 * 4];
    for (size_t i = 0; i < sizeof px; i++)
        px[i] = (uint8_t)(i * 37);
    sedge_error err = {0};
    sedge_frame f, g;
    assert_int_equal(sedge_frame_raw(&f, SEDGE_PIXEL_RGBA8, 5, 7, px, sizeof px, &err), SEDGE_OK);
    assert_int_equal(sedge_image_save_png(&f, path, &err), SEDGE_OK);
    static uint8_t bytes[4096];
    FILE *from = fopen(path, "rb");
    assert_non_null(from);
    size_t n = fread(bytes, 1, sizeof bytes, from);
    fclose(from);
    unlink(path);
    sedge_image *im;
    assert_int_equal(sedge_image_new(&im, NULL, &err), SEDGE_OK);
    assert_int_equal(sedge_image_decode(im, bytes, n, &g, &err), SEDGE_OK);
    assert_int_equal(g.pixel, SEDGE_PIXEL_RGBA8);
    assert_memory_equal(g.plane[0], px, sizeof px);
    for (size_t cut = 0; cut < n - 24; cut++) { /* behind that stand checksums and a chunk without pixels */
        sedge_error e = {0};
        assert_int_not_equal(sedge_image_decode(im, bytes, cut, &g, &e), SEDGE_OK);
        assert_int_not_equal(e.msg[0], 0);
    }
    sedge_image_free(&im);
}

static void test_frames(void **state)
{
    (void)state;
    sedge_error err = {0};
    sedge_frame f, part;
    uint8_t px[24] = {0};
    assert_int_equal(sedge_frame_raw(&f, SEDGE_PIXEL_NV12, 4, 4, px, 24, &err), SEDGE_OK);
    assert_ptr_equal(f.plane[1], px + 16);
    assert_int_equal(sedge_frame_roi(&part, &f, 2, 2, 2, 2, &err), SEDGE_OK);
    assert_ptr_equal(part.plane[0], px + 10);
    assert_ptr_equal(part.plane[1], px + 22);
    assert_int_not_equal(sedge_frame_roi(&part, &f, 1, 0, 2, 2, NULL), SEDGE_OK);
    assert_int_not_equal(sedge_frame_roi(&part, &f, 2, 2, 4, 2, NULL), SEDGE_OK);
    assert_int_not_equal(sedge_frame_raw(&f, SEDGE_PIXEL_NV12, 4, 4, px, 23, NULL), SEDGE_OK);
    assert_int_not_equal(sedge_frame_raw(&f, SEDGE_PIXEL_I420, 3, 4, px, 18, NULL), SEDGE_OK);
    assert_int_equal(sedge_frame_raw(&f, SEDGE_PIXEL_BANDS_U16, 2, 2, px, 24, &err), SEDGE_OK);
    assert_int_equal(f.bands, 3);
}

static uint64_t allocations(void *work, sg_mem *mem, const sedge_frame *f, const sg_geometry *g, int n, const sg_sink *o)
{
    sedge_error err = {0};
    uint64_t before = mem->calls;
    if (sg_image_run(work, f, SG_COLOR_RGB, g, n, o, &err) != SEDGE_OK)
        fail_msg("%s", err.msg);
    return mem->calls - before;
}

static void test_run(void **state)
{
    (void)state;
    /* 3 x 2 pixels; each of the eight orientations puts the pixel (x, y) where EXIF says. */
    static const uint8_t place[9][6] = {{0, 1, 2, 3, 4, 5}, {0, 1, 2, 3, 4, 5}, {2, 1, 0, 5, 4, 3},
                                        {5, 4, 3, 2, 1, 0}, {3, 4, 5, 0, 1, 2}, {0, 3, 1, 4, 2, 5},
                                        {3, 0, 4, 1, 5, 2}, {5, 2, 4, 1, 3, 0}, {2, 5, 1, 4, 0, 3}};
    uint8_t px[18], got[18];
    sedge_frame f;
    sg_mem mem = {0};
    sg_image_work *w = sg_image_work_new(&mem);
    for (int i = 0; i < 18; i++)
        px[i] = (uint8_t)(i * 3);
    assert_int_equal(sedge_frame_raw(&f, SEDGE_PIXEL_RGB8, 3, 2, px, sizeof px, NULL), SEDGE_OK);
    sg_sink o = {.data = got, .dtype = SEDGE_U8, .channels_last = true, .channels = 3, .mul = {1, 1, 1}};
    for (uint8_t turn = 0; turn <= 8; turn++) {
        f.turn = turn;
        allocations(w, &mem, &f, NULL, 0, &o);
        assert_int_equal(allocations(w, &mem, &f, NULL, 0, &o), 0);
        for (int i = 0; i < 6; i++)
            assert_memory_equal(got + 3 * i, px + 3 * place[turn][i], 3);
    }
    sg_image_work_free(w);
    assert_int_equal(mem.used, 0);
}

static void test_letterbox(void **state)
{
    (void)state;
    uint8_t px[8 * 4 * 3];
    int8_t got[3 * 8 * 8];
    memset(px, 200, sizeof px);
    sedge_frame f;
    sg_mem mem = {0};
    sg_image_work *w = sg_image_work_new(&mem);
    assert_int_equal(sedge_frame_raw(&f, SEDGE_PIXEL_RGB8, 8, 4, px, sizeof px, NULL), SEDGE_OK);
    sg_geometry g[2] = {
        {.src = {0, 0, 8, 4},
         .width = 4,
         .height = 2,
         .kernel = SG_BILINEAR,
         .like = SG_OPENCV,
         .out_w = 4,
         .out_h = 4,
         .y = 1,
         .fill = {114, 114, 114}},
        {.src = {0, 0, 4, 4}, .width = 4, .height = 4, .x = 2, .y = -1, .out_w = 8, .out_h = 8, .fill = {10, 20, 30}}};
    sg_sink o = {.data = got, .dtype = SEDGE_I8, .channels = 3, .mul = {1, 1, 1}, .scale = 1, .zero = -128};
    allocations(w, &mem, &f, g, 2, &o);
    assert_int_equal(allocations(w, &mem, &f, g, 2, &o), 0);
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < 8; y++)
            for (int x = 0; x < 8; x++) {
                bool inside = x >= 2 && x < 6 && y < 3;
                int want = inside ? (y < 2 ? 200 : 114) : 10 * (c + 1);
                assert_int_equal(got[(c * 8 + y) * 8 + x], want - 128);
            }
    sg_image_work_free(w);
}

/* ---- against libraries ---- */

typedef struct resized {
    sg_resize_like like;
    sg_resize_kernel kernel;
    bool antialias;
    int32_t w, h, ow, oh;
    float green[30];
} resized;

static const resized resizes[] = {
#define RESIZED(like, kernel, antialias, w, h, ow, oh, ...) {SG_##like, SG_##kernel, antialias, w, h, ow, oh, {__VA_ARGS__}},
#include "resize.inc"
#undef RESIZED
};

static void test_resize(void **state)
{
    (void)state;
    sg_mem mem = {0};
    sg_image_work *work = sg_image_work_new(&mem);
    for (size_t k = 0; k < sizeof resizes / sizeof *resizes; k++) {
        const resized *r = &resizes[k];
        uint8_t px[9 * 7 * 3];
        float got[3 * 30];
        size_t n = 3 * (size_t)r->w * (size_t)r->h;
        for (size_t i = 0; i < n; i++)
            px[i] = (uint8_t)(i * i * 31 + i * 57 + 100);
        sedge_frame f;
        assert_int_equal(sedge_frame_raw(&f, SEDGE_PIXEL_RGB8, r->w, r->h, px, n, NULL), SEDGE_OK);
        sg_geometry g = {.src = {0, 0, r->w, r->h}, .width = r->ow, .height = r->oh, .out_w = r->ow, .out_h = r->oh};
        g.kernel = (uint8_t)r->kernel;
        g.like = (uint8_t)r->like;
        g.antialias = r->antialias;
        sg_sink o = {.data = got, .dtype = SEDGE_F32, .channels = 3, .mul = {1, 1, 1}};
        allocations(work, &mem, &f, &g, 1, &o);
        int32_t area = r->ow * r->oh;
        float allowed = r->like == SG_PILLOW ? 0 : r->like == SG_OPENCV ? 1 : 255e-5f; /* OpenCV's own paths differ by one */
        for (int32_t i = 0; i < area; i++)
            if (!(fabsf(got[area + i] - r->green[i]) <= allowed))
                fail_msg("row %zu: pixel %d is %g, not %g", k, i, (double)got[area + i], (double)r->green[i]);
    }
    sg_image_work_free(work);
    assert_int_equal(mem.used, 0);
}

/* ---- files of every format ---- */

#define HEAD 32 /* of the corpus that is shared with the fuzzer: how it goes on */
/* Bytes at the end that a decoder may do without: checksums, end markers, padding. */
typedef struct picture_file {
    const char *name;
    size_t spare;
} picture_file;
static const picture_file pictures[] = {
    {"gray.jpg", 2},  {"turned.jpg", 2}, {"progressive.jpg", 2}, {"rgb.png", 24}, {"alpha.png", 24},  {"palette.png", 24},
    {"deep.png", 24}, {"lossy.webp", 1}, {"lossless.webp", 1},   {"rgb.bmp", 3},  {"palette.bmp", 3}, {"rgb.tif", 1},
    {"lzw.tif", 1},   {"rgb.jp2", 2},    {"rgb.ppm", 0},         {"gray.pgm", 2},
};

static uint8_t *load(const char *name, size_t *n)
{
    char path[64];
    snprintf(path, sizeof path, "tests/fuzz/corpus/image/%s", name);
    FILE *from = fopen(path, "rb");
    if (!from)
        fail_msg("%s is missing: the test runs in the folder of the sources", path);
    uint8_t *bytes = malloc(8192);
    *n = fread(bytes, 1, 8192, from);
    fclose(from);
    assert_true(*n > HEAD && *n < 8192);
    *n -= HEAD;
    memmove(bytes, bytes + HEAD, *n);
    return bytes;
}

static void test_cut(void **state)
{
    (void)state;
    sedge_image *im;
    sedge_frame f;
    assert_int_equal(sedge_image_new(&im, NULL, NULL), SEDGE_OK);
    for (size_t k = 0; k < sizeof pictures / sizeof *pictures; k++) {
        size_t n;
        uint8_t *bytes = load(pictures[k].name, &n);
        for (size_t cut = 0; cut <= n; cut++) {
            uint8_t *part = malloc(cut + 1); /* of its own, so that a sanitizer sees a read past it */
            memcpy(part, bytes, cut);
            uint8_t *exact = realloc(part, cut ? cut : 1);
            sedge_error e = {0};
            sedge_status st = sedge_image_decode(im, exact, cut, &f, &e);
            if (cut + pictures[k].spare < n && st == SEDGE_OK)
                fail_msg("%s is taken when cut to %zu of %zu bytes", pictures[k].name, cut, n);
            if (cut == n && st != SEDGE_OK)
                fail_msg("%s: %s", pictures[k].name, e.msg);
            assert_true(st == SEDGE_OK ? f.plane[0] != NULL : e.msg[0] != 0 && !f.plane[0]);
            free(exact);
        }
        free(bytes);
    }
    sedge_image_free(&im);
}

/* ---- bombs ---- */

static void put(uint8_t *p, uint32_t v, bool big)
{
    for (int i = 0; i < 4; i++)
        p[big ? 3 - i : i] = (uint8_t)(v >> 8 * i);
}

static void seal_png(uint8_t *p) /* the checksum of IHDR */
{
    uint32_t crc = 0xffffffff;
    for (int i = 12; i < 29; i++) {
        crc ^= p[i];
        for (int k = 0; k < 8; k++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    put(p + 29, ~crc, true);
}

/* Files of a few bytes whose headers say 100000 x 100000 pixels, or the most that the format can say. */
static void test_bombs_in_files(void **state)
{
    (void)state;
    static const struct {
        const char *name, *says;
        int at[8]; /* of widths and heights in 32 bits; 0: no more */
        uint32_t value;
        bool big;
    } bombs[] = {
        {"rgb.png", "100000 x 100000", {16, 20}, 100000, true},
        {"rgb.tif", "100000 x 100000", {18, 30}, 100000, false},
        {"rgb.jp2", "100000 x 100000", {48, 52, 93, 97, 109, 113}, 100000, true},
        {"rgb.bmp", "100000 x 100000", {18, 22}, 100000, false},
        {"gray.jpg", "65000 x 65000", {94}, 0xfde8fde8, true},
        {"lossy.webp", "16383 x 16383", {26}, 0x3fff3fff, false},
        {"lossless.webp", "16384 x 16384", {21}, 0x0fffffff, false},
    };
    for (size_t k = 0; k < sizeof bombs / sizeof *bombs; k++) {
        size_t n;
        uint8_t *bytes = load(bombs[k].name, &n);
        for (int i = 0; i < 8 && bombs[k].at[i]; i++)
            put(bytes + bombs[k].at[i], bombs[k].value, bombs[k].big);
        if (k == 0)
            seal_png(bytes);
        failing m = {.left = 100};
        sedge_media_opts opts;
        sedge_media_opts_init(&opts);
        opts.alloc = failing_alloc;
        opts.alloc_ctx = &m;
        opts.memory_limit = 256 << 20;
        sedge_image *im;
        sedge_frame f;
        sedge_error err = {0};
        assert_int_equal(sedge_image_new(&im, &opts, NULL), SEDGE_OK);
        sedge_status st = sedge_image_decode(im, bytes, n, &f, &err);
        if (st != SEDGE_E_LIMIT || !strstr(err.msg, bombs[k].says))
            fail_msg("%s: %d, \"%s\"", bombs[k].name, st, err.msg);
        assert_true(m.held < 65536);
        sedge_image_free(&im);
        assert_int_equal(m.held, 0);
        free(bytes);
    }
}

/* ---- memory that ends ---- */

static sedge_status decode_and_run(failing *m, const uint8_t *bytes, size_t n, sedge_error *err)
{
    sedge_media_opts opts;
    sedge_media_opts_init(&opts);
    opts.alloc = failing_alloc;
    opts.alloc_ctx = m;
    sedge_image *im = NULL;
    sedge_frame f;
    sg_mem mem = {.fn = failing_alloc, .ctx = m};
    static uint8_t got[3 * 12 * 10];
    sg_sink o = {.data = got, .dtype = SEDGE_U8, .channels = 3, .mul = {1, 1, 1}};
    sedge_status st = sedge_image_new(&im, &opts, err);
    if (st == SEDGE_OK)
        st = sedge_image_decode(im, bytes, n, &f, err);
    if (st == SEDGE_OK) {
        f.turn = 1;
        sg_geometry g = {.src = {0, 0, f.width, f.height}, .width = 12, .height = 10, .out_w = 12, .out_h = 10};
        g.kernel = SG_BICUBIC;
        sg_image_work *work = sg_image_work_new(&mem);
        st = work ? sg_image_run(work, &f, SG_COLOR_RGB, &g, 1, &o, err) : sg_fail(err, SEDGE_E_NOMEM, "no memory");
        sg_image_work_free(work);
    }
    sedge_image_free(&im);
    return st;
}

static void test_each_allocation_fails(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof pictures / sizeof *pictures; k++) {
        size_t n;
        uint8_t *bytes = load(pictures[k].name, &n);
        bool done = false;
        for (long left = 0; !done; left++) {
            failing m = {.left = left};
            sedge_error err = {0};
            sedge_status st = decode_and_run(&m, bytes, n, &err);
            done = st == SEDGE_OK;
            if (!done && (st != SEDGE_E_NOMEM || !err.msg[0]))
                fail_msg("%s, allocation %ld: %s (%s)", pictures[k].name, left, sedge_status_text(st), err.msg);
            assert_int_equal(m.held, 0);
            assert_true(left < 10000 && (left > 3 || !done));
        }
        free(bytes);
    }
}

/* ---- instruction sets ---- */

static uint32_t random_below(uint32_t n)
{
    static uint32_t seed = 1;
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % n;
}

static void run_at(const char *level, const sedge_frame *f, sg_color color, const sg_geometry *g, int8_t *got)
{
    assert_int_equal(level ? setenv("SEDGE_CPU", level, 1) : unsetenv("SEDGE_CPU"), 0);
    sg_mem mem = {0};
    sg_image_work *work = sg_image_work_new(&mem);
    sg_sink o = {.data = got, .dtype = SEDGE_I8, .channels = 3, .mul = {1, 1, 1}, .scale = 1, .zero = -128};
    sedge_error err = {0};
    if (sg_image_run(work, f, color, g, 1, &o, &err) != SEDGE_OK)
        fail_msg("%s", err.msg);
    sg_image_work_free(work);
}

/* The bits of the portable loops, whatever the machine has; the frame ends where its memory ends. Stands last: it unsets SEDGE_CPU. */
static void test_levels(void **state)
{
    (void)state;
    static int8_t want[3 * 64 * 64], got[3 * 64 * 64];
    for (int k = 0; k < 1000; k++) {
        int32_t w = 2 + 2 * (int32_t)random_below(40), h = 2 + 2 * (int32_t)random_below(20);
        size_t n = (size_t)(w * h) * 3 / 2, area;
        uint8_t *px = malloc(n);
        for (size_t i = 0; i < n; i++)
            px[i] = (uint8_t)random_below(256);
        sedge_frame f;
        assert_int_equal(sedge_frame_raw(&f, SEDGE_PIXEL_NV12, w, h, px, n, NULL), SEDGE_OK);
        f.matrix = (uint8_t)random_below(4);
        f.turn = random_below(2) ? 4 : 1;
        sg_geometry g = {.kernel = SG_BILINEAR, .like = SG_OPENCV, .fill = {1, 2, 3}};
        g.src.x = (int32_t)random_below((uint32_t)w);
        g.src.y = (int32_t)random_below((uint32_t)h);
        g.src.w = 1 + (int32_t)random_below((uint32_t)(w - g.src.x));
        g.src.h = 1 + (int32_t)random_below((uint32_t)(h - g.src.y));
        g.width = 1 + (int32_t)random_below(90);
        g.height = 1 + (int32_t)random_below(90);
        g.x = (int32_t)random_below(20) - 10;
        g.y = (int32_t)random_below(20) - 10;
        g.out_w = 1 + (int32_t)random_below(64);
        g.out_h = 1 + (int32_t)random_below(64);
        area = (size_t)g.out_w * (size_t)g.out_h * 3;
        sg_color color = random_below(2) ? SG_COLOR_RGB : SG_COLOR_BGR;
        run_at("scalar", &f, color, &g, want);
        run_at(NULL, &f, color, &g, got);
        assert_memory_equal(got, want, area);
        free(px);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pnm),
        cmocka_unit_test(test_bombs),
        cmocka_unit_test(test_bombs_in_files),
        cmocka_unit_test(test_png_round),
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_run),
        cmocka_unit_test(test_letterbox),
        cmocka_unit_test(test_resize),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_each_allocation_fails),
        cmocka_unit_test(test_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
