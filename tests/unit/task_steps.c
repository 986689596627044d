/* Steps of pictures on a model that passes its input on: turns, tiles, bands, norms from a file, other models. */
#include "unit.h"

#include <stdbool.h>

#include "task_rig.h"

#define CARD(color, steps) \
    "{\"sedge_card\":1,\"task\":\"detect\",\"inputs\":{\"x\":{\"image\":{\"color\":\"" color "\"},\"steps\":[" steps "]}},"
#define VALUE "\"answer\":{\"head\":\"value\"}}"

/* Where the upright picture's pixel (x, y) is stored, by the EXIF 2.3 table of orientations; w, h: of what is stored. */
static void stored(int turn, int w, int h, int x, int y, int *col, int *row)
{
    const int at[9][2] = {{x, y}, {x, y},         {w - 1 - x, y},         {w - 1 - x, h - 1 - y}, {x, h - 1 - y},
                          {y, x}, {y, h - 1 - x}, {w - 1 - y, h - 1 - x}, {w - 1 - y, x}};
    *col = at[turn][0];
    *row = at[turn][1];
}

/* An upright picture of w x h with one bright pixel, as a camera with that turn stores it. */
static sedge_frame dot(uint8_t *p, int turn, int w, int h, int x, int y)
{
    int col, row, sw = turn >= 5 ? h : w, sh = turn >= 5 ? w : h;
    stored(turn, sw, sh, x, y, &col, &row);
    memset(p, 0, (size_t)w * (size_t)h);
    p[row * sw + col] = 200;
    sedge_frame f;
    assert_int_equal(sedge_frame_raw(&f, sedge_pixel_find("gray"), sw, sh, p, (size_t)w * (size_t)h, NULL), SEDGE_OK);
    f.turn = (uint8_t)turn;
    return f;
}

#define MASK "\"answer\":{\"head\":\"mask\",\"form\":\"probs\",\"then\":\"threshold\",\"threshold\":100,\"regions\":{}}}"

/* Each pixel of 7 x 6, in each orientation, mirrored or not, is found where it is in the upright picture, whichever tiles saw it. */
static void tiles_of_turned_pictures(void **state)
{
    (void)state;
    static const char *const cards[] = {
        CARD("gray", "{\"tiles\":{\"size\":[4,4],\"overlap\":0.25}}") MASK,
        CARD("gray", "{\"tiles\":{\"size\":[4,4],\"overlap\":0.25}},{\"flip\":\"horizontal\"}") MASK,
        CARD("gray", "{\"tiles\":{\"size\":[4,4],\"overlap\":0}},{\"flip\":\"vertical\"},{\"flip\":\"horizontal\"}") MASK,
    };
    uint8_t p[42];
    for (int k = 0; k < 3; k++) {
        rig r;
        rig_open(&r, (int64_t[]){1, 1, 4, 4}, 4, cards[k], NULL);
        for (int turn = 1; turn <= 8; turn++)
            for (int i = 0; i < 42; i++) {
                sedge_answers a;
                sedge_frame f = dot(p, turn, 7, 6, i % 7, i / 7);
                assert_int_equal(sedge_task_run_frame(r.task, &f, &a, &r.err), SEDGE_OK);
                assert_int_equal(a.mask_w, 7);
                assert_int_equal(a.mask_h, 6);
                for (int j = 0; j < 42; j++)
                    assert_int_equal(a.mask[j], i == j);
                assert_int_equal(a.n, 1);
                for (int j = 0; j < 4; j++) {
                    int edge = (j & 1 ? i / 7 : i % 7) + (j > 1);
                    assert_true(a.answer->box[j] == (float)edge);
                }
                assert_float_equal(a.answer->score, 200, 1e-4);
            }
        sedge_answers a;
        sedge_frame f = dot(p, 6, 7, 6, 3, 3);
        rig_frame(&r, &f, &a);
        rig_close(&r);
    }
}

/* The model adds 100 to the right half of what it sees: where two tiles see a pixel, the mean is 100 and the most 150. */
static void masks_of_tiles_merge(void **state)
{
    (void)state;
    static const char *const cards[] = {
        CARD(
            "gray",
            "{\"tiles\":{\"size\":[4,4],\"overlap\":0.5}}") "\"answer\":{\"head\":\"mask\",\"form\":\"probs\",\"then\":\"threshold\",\"threshold\":120}}",
        CARD(
            "gray",
            "{\"tiles\":{\"size\":[4,4],\"overlap\":0.5,\"merge\":\"max\"}}") "\"answer\":{\"head\":\"mask\",\"form\":\"probs\",\"then\":\"threshold\",\"threshold\":120}}",
    };
    static const char *const want[] = {"000011", "001111"};
    uint8_t p[24];
    memset(p, 50, sizeof p);
    for (int k = 0; k < 2; k++) {
        rig r;
        sedge_answers a;
        pb graph = {.n = 0};
        onnx_floats(&graph, "b", (float[]){0, 0, 100, 100}, 4);
        onnx_node(&graph, "Add", "x", "b", "y");
        onnx_io(&graph, 11, "x", 1, (int64_t[]){1, 1, 4, 4}, 4);
        onnx_io(&graph, 12, "y", 1, (int64_t[]){1, 1, 4, 4}, 4);
        rig_model(&r, &graph);
        assert_int_equal(rig_try(&r, cards[k], NULL), SEDGE_OK);
        rig_picture(&r, "gray", 6, 4, p, &a);
        for (int i = 0; i < 24; i++)
            assert_int_equal(a.mask[i], want[k][i % 6] - '0');
        rig_close(&r);
    }
}

/* The same model on labels: the tile whose middle is nearest says what a pixel is. */
static void labels_of_tiles(void **state)
{
    (void)state;
    static const int more[6] = {0, 0, 100, 0, 100, 100};
    uint8_t p[24];
    for (int i = 0; i < 24; i++)
        p[i] = (uint8_t)i;
    rig r;
    sedge_answers a;
    pb graph = {.n = 0};
    onnx_floats(&graph, "b", (float[]){0, 0, 100, 100}, 4);
    onnx_node(&graph, "Add", "x", "b", "y");
    onnx_io(&graph, 11, "x", 1, (int64_t[]){1, 1, 4, 4}, 4);
    onnx_io(&graph, 12, "y", 1, (int64_t[]){1, 1, 4, 4}, 4);
    rig_model(&r, &graph);
    assert_int_equal(rig_try(&r,
                             CARD("gray", "{\"tiles\":{\"size\":[4,4],\"overlap\":0.5}}") "\"answer\":{\"head\":\"mask\","
                                                                                          "\"form\":\"labels\"}}",
                             NULL),
                     SEDGE_OK);
    rig_picture(&r, "gray", 6, 4, p, &a);
    for (int i = 0; i < 24; i++)
        assert_int_equal(a.mask[i], i + more[i % 6]);
    rig_close(&r);
}

/* Tiles as below; the better of the two boxes comes from the second one, whose prototype is the picture itself. */
static void masks_of_rows_of_tiles(void **state)
{
    (void)state;
    static const uint8_t table[30] = {128, 32,  64, 32, 150, 128, 192, 64, 64, 180, 0, 10, 200, 0, 0,
                                      0,   200, 0,  0,  0,   128, 64,  64, 64, 200, 0, 0,  0,   0, 0};
    rig r;
    sedge_answers a;
    rig_open(
        &r, (int64_t[]){1, 4, 5}, 3,
        CARD(
            "gray",
            "{\"tiles\":{\"size\":[4,5],\"overlap\":0.5}},{\"mul\":0.00390625}") "\"answer\":{\"head\":\"rows\","
                                                                                 "\"axes\":\"1NC\",\"box\":{\"unit\":\"frac\"},\"scores\":{\"at\":[4,5]},\"masks\":{\"at\":[4,5],\"proto\":\"y\","
                                                                                 "\"threshold\":0.3},\"nms\":{\"score\":0.1}}}",
        NULL);
    rig_picture(&r, "gray", 5, 6, table, &a);
    assert_int_equal(a.n, 2);
    assert_float_equal(a.answer[0].score, 200 / 256.0, 1e-6);
    for (int i = 0; i < 30; i++)
        assert_int_equal(a.mask[i], i == 2 * 5 + 2 || i == 3 * 5 + 1);
    uint8_t dark[30] = {0};
    rig_picture(&r, "gray", 5, 6, dark, &a);
    assert_int_equal(a.n, 0);
    for (int i = 0; i < 30; i++)
        assert_int_equal(a.mask[i], 0);
    rig_close(&r);
}

/* Tiles of 4 rows at rows 0 and 2 of 6, each a table of 4 boxes: row 1 of the picture and row 4 say the same box. */
static void boxes_of_tiles_merge(void **state)
{
    (void)state;
    static const uint8_t table[30] = {128, 32, 64, 32, 150, 128, 192, 64, 64, 200, 0, 0, 0, 0, 0,
                                      0,   0,  0,  0,  0,   128, 64,  64, 64, 180, 0, 0, 0, 0, 0};
    static const char *const modes[] = {"hard", "none"};
    for (int k = 0; k < 2; k++) {
        char card[600];
        snprintf(
            card, sizeof card,
            CARD(
                "gray",
                "{\"tiles\":{\"size\":[4,5],\"overlap\":0.5}},{\"mul\":0.00390625}") "\"answer\":{\"head\":\"rows\",\"axes\":\"1NC\",\"box\":{\"unit\":\"frac\"},\"scores\":{\"at\":[4,5]},"
                                                                                     "\"points\":{\"at\":[0,2]},\"nms\":{\"score\":0.1,\"mode\":\"%s\"}}}",
            modes[k]);
        rig r;
        sedge_answers a;
        rig_open(&r, (int64_t[]){1, 4, 5}, 3, card, NULL);
        rig_picture(&r, "gray", 5, 6, table, &a);
        assert_int_equal(a.n, k ? 3 : 2);
        for (int i = 0; i < a.n; i++) {
            bool low = i + 1 < a.n;
            assert_float_equal(a.answer[i].score, (low ? i ? 180 : 200 : 150) / 256.0, 1e-6);
            assert_float_equal(a.answer[i].box[0], 1.875, 1e-6);
            assert_float_equal(a.answer[i].box[1], (low ? 2.5 : 0.25), 1e-6);
            assert_float_equal(a.answer[i].box[3], (low ? 3.5 : 0.75), 1e-6);
            assert_float_equal(a.answer[i].point->x, 2.5, 1e-6);
            assert_float_equal(a.answer[i].point->y, (low ? 3 : 0.5), 1e-6);
        }
        rig_close(&r);
    }
}

static void tiles_refused(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {CARD("gray", "{\"mul\":1},{\"tiles\":{\"size\":[4,4]}}") MASK, "first step"},
        {CARD("gray", "{\"tiles\":{\"size\":[4,4]}}") VALUE, "cannot be merged"},
        {CARD("gray", "{\"graph\":\"g.onnx\"},{\"mul\":2}") MASK, "last step"},
        {CARD("gray", "{\"graph\":\"g.onnx\"}") MASK, "no folder"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rig r;
        rig_identity(&r, (int64_t[]){1, 1, 4, 4}, 4);
        assert_int_not_equal(rig_try(&r, cases[i][0], NULL), SEDGE_OK);
        if (!strstr(r.err.msg, cases[i][1]))
            fail_msg("%s", r.err.msg);
        rig_close(&r);
    }
    rig r;
    sedge_answers a;
    static uint8_t p[200 * 200];
    sedge_frame f;
    rig_open(&r, (int64_t[]){1, 1, 1, 1}, 4, CARD("gray", "{\"tiles\":{\"size\":[1,1]}}") MASK, NULL);
    assert_int_equal(sedge_frame_raw(&f, sedge_pixel_find("gray"), 200, 200, p, sizeof p, NULL), SEDGE_OK);
    assert_int_equal(sedge_task_run_frame(r.task, &f, &a, &r.err), SEDGE_E_LIMIT);
    rig_close(&r);
}

/* 4 to 12 bands of each type; their numbers are taken as they are. */
static void bands(void **state)
{
    (void)state;
    static const char *const types[] = {"bands_u8", "bands_u16", "bands_f32"};
    for (int64_t n = 4; n <= 12; n += 4)
        for (int k = 0; k < 3; k++) {
            rig r;
            sedge_answers a;
            sedge_frame f;
            float real[48];
            uint16_t wide[48];
            uint8_t bytes[48];
            for (int i = 0; i < 4 * n; i++) {
                bytes[i] = (uint8_t)i;
                wide[i] = (uint16_t)(1000 * i);
                real[i] = -0.5F * (float)i;
            }
            const void *data[] = {bytes, wide, real};
            const size_t size[] = {1, 2, 4};
            const double unit[] = {1, 1000, -0.5};
            rig_open(&r, (int64_t[]){1, n, 2, 2}, 4, CARD("bands", "{\"mul\":2}") VALUE, NULL);
            assert_int_equal(sedge_frame_raw(&f, sedge_pixel_find(types[k]), 2, 2, data[k], size[k] * 4 * (size_t)n, &r.err),
                             SEDGE_OK);
            rig_frame(&r, &f, &a);
            assert_int_equal(a.n, 4 * n);
            for (int i = 0; i < a.n; i++) /* band i / 4 of pixel i % 4 */
                assert_true(a.answer[i].value == 2 * unit[k] * (double)(i % 4 * n + i / 4));
            f.bands = 3;
            assert_int_equal(sedge_task_run_frame(r.task, &f, &a, &r.err), SEDGE_E_SHAPE);
            assert_int_equal(sedge_frame_raw(&f, sedge_pixel_find("gray"), 2, 2, bytes, 4, &r.err), SEDGE_OK);
            assert_int_equal(sedge_task_run_frame(r.task, &f, &a, &r.err), SEDGE_E_TYPE);
            rig_close(&r);
        }
}

/* Means and deviations of each channel, and of each element in the order of the input, planes first or pixels. */
static void norm_from_a_file(void **state)
{
    (void)state;
    rig_folder dir;
    float each[2][12], channel[2][3] = {{1, 2, 3}, {2, 4, 8}};
    uint8_t p[12];
    for (int i = 0; i < 12; i++) {
        each[0][i] = (float)i;
        each[1][i] = 1 + (float)(i % 5);
        p[i] = (uint8_t)(10 * i);
    }
    rig_folder_make(&dir);
    rig_npy(&dir, "each.npy", each[0], 2, 12);
    rig_npy(&dir, "channel.npy", channel[0], 2, 3);
    for (int k = 0; k < 4; k++) {
        rig r;
        sedge_answers a;
        bool last = k & 1, all = k & 2;
        rig_open(&r, last ? (int64_t[]){1, 2, 2, 3} : (int64_t[]){1, 3, 2, 2}, 4,
                 all ? CARD("rgb", "{\"mul\":0.1},{\"norm\":\"each.npy\"},{\"mul\":[2,3,4]}") VALUE
                     : CARD("rgb", "{\"mul\":0.1},{\"norm\":\"channel.npy\"},{\"mul\":[2,3,4]}") VALUE,
                 dir.path);
        rig_picture(&r, "rgb", 2, 2, p, &a);
        assert_int_equal(a.n, 12);
        for (int i = 0; i < 12; i++) {
            int c = last ? i % 3 : i / 4, pixel = last ? i / 3 : i % 4;
            double x = 3 * pixel + c, mean = (double)(all ? each[0][i] : channel[0][c]);
            double want = (x - mean) / (double)(all ? each[1][i] : channel[1][c]) * (c + 2);
            assert_float_equal(a.answer[i].value, (float)want, 1e-5F);
        }
        rig_close(&r);
    }
    rig r;
    sedge_answers a;
    sedge_frame f;
    static const uint8_t large[48];
    rig_open(&r, (int64_t[]){1, 3, 4, 4}, 4, CARD("rgb", "{\"norm\":\"each.npy\"}") VALUE, dir.path);
    assert_int_equal(sedge_frame_raw(&f, sedge_pixel_find("rgb"), 4, 4, large, sizeof large, NULL), SEDGE_OK);
    assert_int_equal(sedge_task_run_frame(r.task, &f, &a, &r.err), SEDGE_E_SHAPE);
    rig_close(&r);
    rig_folder_remove(&dir);
}

/* A graph takes the picture whole: a point in pixels of what it gives is one in the source. */
static void pictures_through_a_graph(void **state)
{
    (void)state;
    rig_folder dir;
    pb graph = {.n = 0}, file;
    onnx_node(&graph, "GlobalAveragePool", "p", NULL, "q");
    pb_str(&graph, 2, "g");
    onnx_io(&graph, 11, "p", 1, (int64_t[]){1, 3, 4, 4}, 4);
    onnx_io(&graph, 12, "q", 1, (int64_t[]){1, 3, 1, 1}, 4);
    onnx_model(&file, &graph, 17);
    rig_folder_make(&dir);
    rig_file(&dir, "pool.onnx", file.b, file.n);
    rig r;
    sedge_answers a;
    uint8_t p[8 * 8 * 3];
    for (int i = 0; i < 64; i++) {
        p[3 * i] = 0;
        p[3 * i + 1] = 1;
        p[3 * i + 2] = 77;
    }
    rig_open(
        &r, (int64_t[]){1, 3, 1, 1}, 4,
        CARD(
            "rgb",
            "{\"resize\":{\"size\":[4,4]}},{\"graph\":\"pool.onnx\"}") "\"answer\":{\"head\":\"keypoints\",\"form\":\"xy\",\"unit\":\"px\"},\"labels\":[\"p\"]}",
        dir.path);
    rig_picture(&r, "rgb", 8, 8, p, &a);
    assert_int_equal(a.answer->n_point, 1);
    assert_float_equal(a.answer->point->x, 0, 1e-6);
    assert_float_equal(a.answer->point->y, 8, 1e-6);
    assert_float_equal(a.answer->point->score, 77, 1e-4);
    rig_close(&r);
    rig_folder_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiles_of_turned_pictures),
        cmocka_unit_test(masks_of_tiles_merge),
        cmocka_unit_test(labels_of_tiles),
        cmocka_unit_test(masks_of_rows_of_tiles),
        cmocka_unit_test(boxes_of_tiles_merge),
        cmocka_unit_test(tiles_refused),
        cmocka_unit_test(bands),
        cmocka_unit_test(norm_from_a_file),
        cmocka_unit_test(pictures_through_a_graph),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
