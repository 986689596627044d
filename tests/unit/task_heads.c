/* Heads and steps on a model that passes its input on: pictures are the tables, maps and masks that heads read. */
#include "unit.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>

#include "task_rig.h"

#define IMAGE(steps) "{\"sedge_card\":1,\"task\":\"detect\",\"inputs\":{\"x\":{\"image\":{},\"steps\":[" steps "]}},"
#define TABLE \
    "{\"sedge_card\":1,\"task\":\"detect\",\"inputs\":{\"x\":{\"image\":{\"color\":\"gray\"},\"steps\":[{\"mul\":0.00390625}]}},"
#define ROWS TABLE "\"answer\":{\"head\":\"rows\",\"axes\":\"1NC\",\"box\":{\"unit\":\"frac\"},\"scores\":{\"at\":[4,5]},"

static void halves(uint8_t p[8 * 8 * 3])
{
    memset(p, 0, 192);
    for (int i = 0; i < 64; i++)
        p[3 * i + (i % 8 < 4 ? 0 : 1)] = 200;
}

static void mask_returns_to_the_source(void **state)
{
    (void)state;
    static const char *const cards[] = {
        IMAGE(
            "{\"resize\":{\"size\":[4,4],\"kernel\":\"box\"}}") "\"answer\":{\"head\":\"mask\"},\"labels\":[\"a\",\"b\",\"c\"]}",
        IMAGE("{\"flip\":\"horizontal\"},{\"resize\":{\"size\":[4,4],\"kernel\":\"box\"}}") "\"answer\":{\"head\":\"mask\"}}",
        IMAGE("{\"crop\":[4,4]}") "\"answer\":{\"head\":\"mask\",\"upsample\":\"nearest\"}}",
    };
    uint8_t p[192];
    halves(p);
    for (int i = 0; i < 3; i++) {
        rig r;
        sedge_answers a;
        rig_open(&r, (int64_t[]){1, 3, 4, 4}, 4, cards[i], NULL);
        rig_picture(&r, "rgb", 8, 8, p, &a);
        assert_int_equal(a.mask_w * a.mask_h, 64);
        for (int k = 0; k < 64; k++) {
            bool seen = i < 2 || (k % 8 >= 2 && k % 8 < 6 && k / 8 >= 2 && k / 8 < 6);
            assert_int_equal(a.mask[k], !seen ? 255 : k % 8 >= 4);
        }
        assert_int_equal(a.n, 2);
        assert_float_equal(a.answer[0].score, 0.5F, 1e-6F);
        assert_float_equal(a.answer[1].box[0], 4, 1e-6F);
        if (i == 0)
            assert_string_equal(a.answer[1].text, "b");
        rig_close(&r);
    }
}

static void keypoints_return_to_the_source(void **state)
{
    (void)state;
    static const int at[3][2] = {{1, 2}, {5, 4}, {3, 0}};
    static const char *const cards[] = {
        IMAGE("{\"pad\":{\"size\":[8,8],\"at\":\"center\"}}") "\"answer\":{\"head\":\"keypoints\"}}",
        IMAGE("{\"flip\":\"vertical\"},{\"pad\":{\"multiple\":8}},{\"mul\":0.5}") "\"answer\":{\"head\":\"keypoints\"}}",
    };
    uint8_t p[6 * 6 * 3] = {0};
    for (int c = 0; c < 3; c++)
        p[3 * (6 * at[c][1] + at[c][0]) + c] = 100;
    for (int i = 0; i < 2; i++) {
        rig r;
        sedge_answers a;
        rig_open(&r, (int64_t[]){1, 3, 8, 8}, 4, cards[i], NULL);
        rig_picture(&r, "rgb", 6, 6, p, &a);
        assert_int_equal(a.n, 1);
        assert_int_equal(a.answer->n_point, 3);
        for (int c = 0; c < 3; c++) {
            assert_float_equal(a.answer->point[c].x, at[c][0] + 0.5F, 1e-5F);
            assert_float_equal(a.answer->point[c].y, at[c][1] + 0.5F, 1e-5F);
            assert_float_equal(a.answer->point[c].score, (i ? 50.0F : 100.0F), 1e-5F);
        }
        rig_close(&r);
    }
}

/* Two that overlap by 7/8, and one apart. */
static const uint8_t table[15] = {128, 128, 128, 128, 230, 128, 128, 128, 112, 205, 32, 32, 32, 32, 128};

static void rows_that_overlap(void **state)
{
    (void)state;
    static const char *const cards[] = {ROWS "\"nms\":{\"score\":0.1}}}", ROWS "\"nms\":{\"score\":0.1,\"mode\":\"soft\"}}}",
                                        ROWS "\"nms\":{\"score\":0.1,\"mode\":\"weighted\"}}}",
                                        ROWS "\"nms\":{\"score\":0.1,\"mode\":\"none\"}}}"};
    static const int n[] = {2, 3, 2, 3};
    static const float height[] = {128, 128, (128.0F * 230 + 112.0F * 205) / 435, 128};
    for (int i = 0; i < 4; i++) {
        rig r;
        sedge_answers a;
        rig_open(&r, (int64_t[]){1, 3, 5}, 3, cards[i], NULL);
        rig_picture(&r, "gray", 5, 3, table, &a);
        assert_int_equal(a.n, n[i]);
        assert_float_equal(a.answer[0].score, 230.0 / 256, 1e-6);
        assert_float_equal(a.answer[0].box[3] - a.answer[0].box[1], height[i] / 256 * 3, 1e-5);
        if (i == 1)
            assert_float_equal(a.answer[2].score, 205.0F / 256 * expf(-0.875F * 0.875F / 0.5F), 1e-5F);
        rig_close(&r);
    }
}

static void points_and_masks_of_rows(void **state)
{
    (void)state;
    rig r;
    sedge_answers a;
    rig_open(&r, (int64_t[]){1, 3, 5}, 3,
             ROWS "\"points\":{\"at\":[0,2]},\"masks\":{\"at\":[4,5],\"proto\":\"y\",\"threshold\":0.3}}}", NULL);
    rig_picture(&r, "gray", 5, 3, table, &a);
    assert_int_equal(a.n, 2);
    assert_int_equal(a.answer[1].n_point, 1);
    assert_float_equal(a.answer[0].point->x, 2.5, 1e-6);
    assert_float_equal(a.answer[1].point->x, 5.0 / 8, 1e-6);
    assert_float_equal(a.answer[1].point->y, 3.0 / 8, 1e-6);
    for (int i = 0; i < 15; i++)
        assert_int_equal(a.mask[i], i / 5 < 2 && i % 5 >= 1 && i % 5 <= 3);
    rig_close(&r);
}

static int take(void *ctx, const sedge_answers *a)
{
    char **s = ctx;
    *(*s)++ = a->decided < 0 ? '?' : a->decided ? '1' : '0';
    return 0;
}

/* Two of the last three, then on for 250 ms from when it came on. */
static void decisions_hold(void **state)
{
    (void)state;
    static const float row[] = {1, 0, 1, 0, 0, 0, 0, 1, 1};
    rig r;
    sedge_error err = {.status = SEDGE_OK};
    rig_open(&r, (int64_t[]){1, 1}, 2,
             "{\"sedge_card\":1,\"task\":\"predict\",\"inputs\":{\"x\":{\"series\":{\"columns\":1,\"rate\":10,\"window\":1}}},"
             "\"answer\":{\"head\":\"value\",\"decide\":{\"on\":0.5,\"of\":[2,3],\"hold_ms\":250}}}",
             NULL);
    char got[16] = "", *end = got;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
        assert_int_equal(sedge_task_push_rows(r.task, row + i, 1, 1, take, &end, &err), SEDGE_OK);
    assert_string_equal(got, "001110001");
    rig_close(&r);
}

/* Padded to what the model takes; what is cut is reported. */
static void text_becomes_tokens(void **state)
{
    (void)state;
    rig r;
    sedge_error err = {.status = SEDGE_OK};
    sedge_answers a;
    rig_open(
        &r, (int64_t[]){1, 4}, 2,
        "{\"sedge_card\":1,\"task\":\"predict\",\"inputs\":{\"t\":{\"text\":{\"tokens\":\"bytes\",\"pad_id\":-7,\"offset\":1},"
        "\"bind\":{\"ids\":\"x\"}}},\"answer\":{\"head\":\"value\"}}",
        NULL);
    static const double want[2][4] = {{98, 99, -7, -7}, {98, 99, 100, 101}};
    for (int k = 0; k < 2; k++) {
        assert_int_equal(sedge_task_run_text(r.task, "abcdef", k ? 6 : 2, &a, &err), SEDGE_OK);
        assert_int_equal(a.truncated, k);
        for (int i = 0; i < 4; i++)
            assert_true(a.answer[i].value == want[k][i]);
    }
    rig_close(&r);
}

/* A sine of 2 cycles in 16 rows stands in bin 1 of segments of 8; columns lie together, or their bins. */
static void spectra_of_columns(void **state)
{
    (void)state;
    static const char *const axes[] = {"tc", "ct"};
    for (int k = 0; k < 2; k++) {
        char card[400];
        snprintf(
            card, sizeof card,
            "{\"sedge_card\":1,\"task\":\"predict\",\"inputs\":{\"x\":{\"series\":{\"columns\":2,\"window\":16,\"axes\":\"%s\"},"
            "\"steps\":[{\"detrend\":\"mean\"},{\"psd\":{\"fft\":8}}]}},\"answer\":{\"head\":\"value\"}}",
            axes[k]);
        rig r;
        sedge_error err = {.status = SEDGE_OK};
        sedge_answers a;
        float row[32];
        for (int i = 0; i < 16; i++) {
            row[2 * i] = 5;
            row[2 * i + 1] = sinf(0.785398163F * (float)i);
        }
        rig_open(&r, (int64_t[]){1, k ? 2 : 5, k ? 5 : 2}, 3, card, NULL);
        assert_int_equal(sedge_task_run_rows(r.task, row, 16, 2, &a, &err), SEDGE_OK);
        assert_int_equal(a.n, 10);
        int best = 0;
        for (int i = 0; i < 10; i++)
            best = a.answer[i].value > a.answer[best].value ? i : best;
        assert_int_equal(best, k ? 6 : 3);
        assert_true(a.answer[0].value == 0);
        rig_close(&r);
    }
}

/* Rows with an objectness (YOLOv5): their score is the product, their class the best one; of other classes boxes stay, or not. */
static void rows_with_objectness(void **state)
{
    (void)state;
    /* cx cy w h, objectness, two classes; of 256 */
    static const uint8_t rows[3 * 7] = {128, 128, 128, 128, 192, 10, 224, 128, 128, 112, 128,
                                        224, 200, 20,  32,  32,  32, 32,  16,  255, 0};
    for (int k = 0; k < 2; k++) {
        char card[700];
        snprintf(
            card, sizeof card,
            TABLE
            "\"answer\":{\"head\":\"rows\",\"axes\":\"1NC\",\"box\":{\"unit\":\"frac\"},\"objectness\":4,\"scores\":{\"at\":[5,7]},"
            "\"nms\":{\"score\":0.1,\"per_class\":%s}},\"labels\":[\"a\",\"b\"]}",
            k ? "false" : "true");
        rig r;
        sedge_answers a;
        rig_open(&r, (int64_t[]){1, 3, 7}, 3, card, NULL);
        rig_picture(&r, "gray", 7, 3, rows, &a);
        assert_int_equal(a.n, k ? 1 : 2);
        assert_float_equal(a.answer[0].score, 224.0F * 200 / 65536, 1e-6F);
        assert_string_equal(a.answer[0].text, "a");
        assert_float_equal(a.answer[0].box[2] - a.answer[0].box[0], 112.0F / 256 * 7, 1e-5F);
        if (k == 0) {
            assert_float_equal(a.answer[1].score, 192.0F * 224 / 65536, 1e-6F);
            assert_string_equal(a.answer[1].text, "b");
        }
        rig_close(&r);
    }
}

/* Channels before rows (YOLOv8's pose): points of three numbers in pixels of the input. */
static void channels_before_rows(void **state)
{
    (void)state;
    static const uint8_t p[8 * 2] = {4, 2, 2, 2, 4, 4, 4, 4, 90, 80, 3, 1, 2, 3, 200, 100};
    rig r;
    sedge_answers a;
    rig_open(
        &r, (int64_t[]){1, 8, 2}, 3,
        "{\"sedge_card\":1,\"task\":\"detect\",\"inputs\":{\"x\":{\"image\":{\"color\":\"gray\"}}},\"answer\":{\"head\":\"rows\","
        "\"scores\":{\"at\":[4,5]},\"points\":{\"at\":[5,8],\"dims\":3},\"nms\":{\"score\":0.5,\"mode\":\"none\"}}}",
        NULL);
    rig_picture(&r, "gray", 2, 8, p, &a);
    assert_int_equal(a.n, 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(a.answer[i].n_point, 1);
        assert_true(a.answer[i].score == (float)(90 - 10 * i));
        assert_true(a.answer[i].point->x == (float)(3 - 2 * i));
        assert_true(a.answer[i].point->y == (float)(2 + i));
        assert_true(a.answer[i].point->score == (float)(200 - 100 * i));
    }
    rig_close(&r);
}

/* The prototypes as large as the source: the pixels of the first answer, then those of the second where the first has none. */
static void masks_of_prototypes(void **state)
{
    (void)state;
    static const uint8_t p[7 * 4] = {4, 4, 0, 0, 2, 2, 0, 0, 8, 8, 0, 0, 4, 4, 0, 0, 90, 80, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0};
    float proto[2 * 7 * 4];
    for (int i = 0; i < 28; i++) {
        proto[i] = i % 4 < 2 && i / 4 < 4 ? 1 : -1;
        proto[28 + i] = i / 4 < 2 ? 1 : -1;
    }
    pb graph = {.n = 0};
    onnx_node(&graph, "Identity", "x", NULL, "y");
    onnx_tensor(&graph, "proto", 1, proto, (int64_t[]){1, 2, 7, 4}, 4);
    onnx_node(&graph, "Identity", "proto", NULL, "z");
    onnx_io(&graph, 11, "x", 1, (int64_t[]){1, 7, 4}, 3);
    onnx_io(&graph, 12, "y", 1, (int64_t[]){1, 7, 4}, 3);
    onnx_io(&graph, 12, "z", 1, (int64_t[]){1, 2, 7, 4}, 4);
    rig r;
    sedge_answers a;
    rig_model(&r, &graph);
    assert_int_equal(
        rig_try(&r,
                "{\"sedge_card\":1,\"task\":\"detect\",\"inputs\":{\"x\":{\"image\":{\"color\":\"gray\"}}},\"answer\":{"
                "\"head\":\"rows\",\"scores\":{\"at\":[4,5]},\"masks\":{\"at\":[5,7],\"proto\":\"z\"},"
                "\"nms\":{\"score\":0.5,\"mode\":\"none\"}}}",
                NULL),
        SEDGE_OK);
    rig_picture(&r, "gray", 4, 7, p, &a);
    assert_int_equal(a.n, 2);
    for (int i = 0; i < 28; i++) /* both boxes hold rows 0 to 3 of the source */
        assert_int_equal(a.mask[i], i / 4 >= 4 ? 0 : i % 4 < 2 ? 1 : i / 4 < 2 ? 2 : 0);
    rig_close(&r);
}

/* Two priors from a file: centre = offset / 10 * size + centre, size = exp(offset / 5) * size. */
static void priors_from_a_file(void **state)
{
    (void)state;
    static const float table_of_priors[2][4] = {{0.25F, 0.5F, 0.25F, 0.5F}, {0.75F, 0.5F, 0.5F, 0.25F}};
    static const uint8_t p[10] = {10, 20, 0, 5, 200, 0, 0, 5, 0, 100};
    rig_folder dir;
    rig_folder_make(&dir);
    rig_npy(&dir, "priors.npy", table_of_priors[0], 2, 4);
    pb graph = {.n = 0};
    onnx_slice(&graph, "x", 0, 4, 2, "loc");
    onnx_slice(&graph, "x", 4, 5, 2, "sc");
    onnx_io(&graph, 11, "x", 1, (int64_t[]){1, 2, 5}, 3);
    onnx_io(&graph, 12, "loc", 1, (int64_t[]){1, 2, 4}, 3);
    onnx_io(&graph, 12, "sc", 1, (int64_t[]){1, 2, 1}, 3);
    rig r;
    sedge_answers a;
    rig_model(&r, &graph);
    static const char card[] =
        "{\"sedge_card\":1,\"task\":\"detect\",\"inputs\":{\"x\":{\"image\":{\"color\":\"gray\"}}},\"answer\":{\"head\":\"priors\","
        "\"loc\":\"loc\",\"scores\":\"sc\",\"priors\":\"priors.npy\",\"code\":{\"scale\":[10,10,5,5]},\"nms\":{\"score\":0.5}}}";
    assert_int_equal(rig_try(&r, card, dir.path), SEDGE_OK);
    rig_picture(&r, "gray", 5, 2, p, &a);
    assert_int_equal(a.n, 2);
    double e = 2.718281828459045, cx[2] = {0.25 + 0.25, 0.75}, cy[2] = {0.5 + 2 * 0.5, 0.5}, w[2] = {0.25, 0.5 * e},
           h[2] = {0.5 * e, 0.25};
    for (int i = 0; i < 2; i++) {
        const double want[4] = {(cx[i] - w[i] / 2) * 5, (cy[i] - h[i] / 2) * 2, (cx[i] + w[i] / 2) * 5, (cy[i] + h[i] / 2) * 2};
        for (int k = 0; k < 4; k++) /* within the picture */
            assert_float_equal(a.answer[i].box[k], (float)fmin(fmax(want[k], 0), k & 1 ? 2 : 5), 1e-5F);
    }
    rig_close(&r);
    rig_folder_remove(&dir);
}

/* The head as a graph behind the model: its inputs are the model's outputs by name. */
static void head_of_a_graph(void **state)
{
    (void)state;
    rig_folder dir;
    pb graph = {.n = 0}, file;
    onnx_slice(&graph, "y", 0, 4, 2, "boxes");
    onnx_slice(&graph, "y", 4, 5, 2, "scores");
    onnx_slice(&graph, "y", 5, 6, 2, "classes");
    pb_str(&graph, 2, "g");
    onnx_io(&graph, 11, "y", 1, (int64_t[]){1, 3, 6}, 3);
    onnx_io(&graph, 12, "scores", 1, (int64_t[]){1, 3, 1}, 3);
    onnx_io(&graph, 12, "classes", 1, (int64_t[]){1, 3, 1}, 3);
    onnx_io(&graph, 12, "boxes", 1, (int64_t[]){1, 3, 4}, 3);
    onnx_model(&file, &graph, 17);
    rig_folder_make(&dir);
    rig_file(&dir, "post.onnx", file.b, file.n);
    static const uint8_t p[18] = {1, 0, 3, 2, 90, 1, 0, 1, 2, 2, 80, 0, 0, 0, 1, 1, 20, 0};
    static const char card[] =
        "{\"sedge_card\":1,\"task\":\"detect\",\"inputs\":{\"x\":{\"image\":{\"color\":\"gray\"}}},\"answer\":{\"head\":\"graph\","
        "\"file\":\"post.onnx\",\"unit\":\"px\",\"form\":\"xyxy\",\"min_score\":50},\"labels\":[\"a\",\"b\"]}";
    rig r;
    sedge_answers a;
    rig_open(&r, (int64_t[]){1, 3, 6}, 3, card, dir.path);
    rig_picture(&r, "gray", 6, 3, p, &a);
    assert_int_equal(a.n, 2);
    assert_string_equal(a.answer[0].text, "b");
    assert_string_equal(a.answer[1].text, "a");
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 4; k++)
            assert_true(a.answer[i].box[k] == (float)p[6 * i + k]);
    rig_close(&r);
    /* A model whose output has another name. */
    pb other = {.n = 0};
    onnx_node(&other, "Identity", "x", NULL, "z");
    onnx_io(&other, 11, "x", 1, (int64_t[]){1, 3, 6}, 3);
    onnx_io(&other, 12, "z", 1, (int64_t[]){1, 3, 6}, 3);
    rig_model(&r, &other);
    assert_int_equal(rig_try(&r, card, dir.path), SEDGE_E_NOT_FOUND);
    assert_non_null(strstr(r.err.msg, "input y"));
    rig_close(&r);
    rig_folder_remove(&dir);
}

/* Regions touch at corners too; they grow, small ones and unsure ones are left out. */
static void regions_of_a_mask(void **state)
{
    (void)state;
    static const char picture[] = "22......"
                                  "..2....9"
                                  "...2...."
                                  ".....3.3"
                                  ".....3.3"
                                  ".....333";
    uint8_t p[48];
    for (int i = 0; i < 48; i++)
        p[i] = picture[i] == '.' ? 0 : (uint8_t)(50 * (picture[i] - '0'));
    rig r;
    sedge_answers a;
    rig_open(
        &r, (int64_t[]){1, 1, 6, 8}, 4,
        "{\"sedge_card\":1,\"task\":\"detect\",\"inputs\":{\"x\":{\"image\":{\"color\":\"gray\"}}},\"answer\":{\"head\":\"mask\","
        "\"form\":\"probs\",\"then\":\"threshold\",\"threshold\":10,\"regions\":{\"grow\":0.5,\"min_pixels\":2}}}",
        NULL);
    rig_picture(&r, "gray", 8, 6, p, &a);
    assert_int_equal(a.n, 2);
    assert_float_equal(a.answer[0].score, 150, 1e-4F);
    assert_float_equal(a.answer[1].score, 100, 1e-4F);
    static const float box[2][4] = {{5, 3, 8, 6}, {0, 0, 4, 3}};
    static const float by[2] = {0.5F * 9 / 12, 0.5F * 12 / 14};
    for (int i = 0; i < 2; i++) {
        assert_float_equal(a.answer[i].box[0], fmaxf(box[i][0] - by[i], 0), 1e-5F);
        assert_float_equal(a.answer[i].box[1], fmaxf(box[i][1] - by[i], 0), 1e-5F);
        assert_float_equal(a.answer[i].box[2], fminf(box[i][2] + by[i], 8), 1e-5F);
        assert_float_equal(a.answer[i].box[3], fminf(box[i][3] + by[i], 6), 1e-5F);
    }
    rig_close(&r);
}

static void quant_node(pb *graph, const char *op, const char *in, float scale, int64_t zero, const char *out)
{
    pb n = {.n = 0}, t = {.n = 0};
    char name[2][16];
    snprintf(name[0], sizeof name[0], "%s_s", out);
    snprintf(name[1], sizeof name[1], "%s_z", out);
    onnx_tensor(graph, name[0], 1, &scale, NULL, 0);
    pb_int(&t, 2, 3); /* INT8, in int32_data */
    pb_int(&t, 5, zero);
    pb_str(&t, 8, name[1]);
    pb_msg(graph, 5, &t);
    pb_str(&n, 1, in);
    pb_str(&n, 1, name[0]);
    pb_str(&n, 1, name[1]);
    pb_str(&n, 2, out);
    pb_str(&n, 4, op);
    pb_msg(graph, 1, &n);
}

/* Steps yield reals: a quantized input gets them by its scale and zero point, and what comes out is real again. */
static void quantized_ends(void **state)
{
    (void)state;
    static const uint8_t p[4] = {0, 10, 60, 200};
    pb graph = {.n = 0};
    quant_node(&graph, "DequantizeLinear", "x", 0.5F, -10, "r");
    quant_node(&graph, "QuantizeLinear", "r", 0.25F, 5, "y");
    onnx_io(&graph, 11, "x", 3, (int64_t[]){1, 1, 2, 2}, 4);
    onnx_io(&graph, 12, "y", 3, (int64_t[]){1, 1, 2, 2}, 4);
    rig r;
    sedge_answers a;
    sedge_tensor in;
    sedge_io io;
    rig_model(&r, &graph);
    assert_int_equal(sedge_model_input(r.model, 0, &io), 1);
    assert_true(io.scale == 0.5F && io.zero == -10);
    assert_int_equal(sedge_model_output(r.model, 0, &io), 1);
    assert_true(io.scale == 0.25F && io.zero == 5);
    static const char *const cards[] = {
        "{\"sedge_card\":1,\"task\":\"predict\",\"inputs\":{\"x\":{\"image\":{\"color\":\"gray\"},\"steps\":[{\"mul\":0.1}]}},"
        "\"answer\":{\"head\":\"value\"}}",
        "{\"sedge_card\":1,\"task\":\"predict\",\"inputs\":{\"x\":{\"series\":{\"columns\":4},\"steps\":[{\"mul\":0.1}]}},"
        "\"answer\":{\"head\":\"value\"}}"};
    static const int8_t want[4] = {-10, -8, 2, 30};
    for (int k = 0; k < 2; k++) {
        assert_int_equal(rig_try(&r, cards[k], NULL), SEDGE_OK);
        if (k == 0)
            rig_picture(&r, "gray", 2, 2, p, &a);
        else
            assert_int_equal(sedge_task_run_rows(r.task, (const float[]){0, 10, 60, 200}, 1, 4, &a, &r.err), SEDGE_OK);
        assert_int_equal(sedge_task_input(r.task, 0, &in, &r.err), SEDGE_OK);
        assert_memory_equal(in.data, want, 4);
        for (int i = 0; i < 4; i++)
            assert_float_equal(a.answer[i].value, 0.1F * (float)p[i], 1e-6F);
        sedge_task_close(&r.task);
    }
    rig_close(&r);
}

/* Two outputs with parts of one row of scores. */
static void scores_of_several_outputs(void **state)
{
    (void)state;
    static const uint8_t p[4] = {10, 40, 20, 30};
    pb graph = {.n = 0};
    onnx_slice(&graph, "x", 0, 1, 1, "one");
    onnx_slice(&graph, "x", 1, 4, 1, "rest");
    onnx_io(&graph, 11, "x", 1, (int64_t[]){1, 4}, 2);
    onnx_io(&graph, 12, "one", 1, (int64_t[]){1, 1}, 2);
    onnx_io(&graph, 12, "rest", 1, (int64_t[]){1, 3}, 2);
    rig r;
    sedge_answers a;
    rig_model(&r, &graph);
    assert_int_equal(
        rig_try(&r,
                "{\"sedge_card\":1,\"task\":\"classify\",\"inputs\":{\"x\":{\"image\":{\"color\":\"gray\"}}},\"answer\":{"
                "\"head\":\"classes\",\"scores\":{\"out\":[\"rest\",\"one\"]}},\"labels\":[\"a\",\"b\",\"c\",\"d\"]}",
                NULL),
        SEDGE_OK);
    rig_picture(&r, "gray", 4, 1, p, &a);
    assert_int_equal(a.n, 4);
    static const char *const want[] = {"a", "c", "b", "d"};
    for (int i = 0; i < 4; i++)
        assert_string_equal(a.answer[i].text, want[i]);
    rig_close(&r);
}

#define DRAW(color, steps, answer)                                                                                        \
    "{\"sedge_card\":1,\"task\":\"draw\",\"inputs\":{\"x\":{\"image\":{\"color\":\"" color "\"},\"steps\":[" steps "]}}," \
    "\"answer\":{\"head\":\"image\",\"color\":" answer "}}"

static void pixels_of_many_colors(uint8_t p[12 * 10 * 3])
{
    for (int i = 0; i < 360; i++)
        p[i] = (uint8_t)(i * 37 % 251);
}

/* What passes a model unchanged is the picture itself: by its size in tiles or at once, in either order of channels, by its brightness. */
static void pictures_are_drawn(void **state)
{
    (void)state;
    static const struct {
        const char *card;
        int channels, h, w, level; /* level: that colours may be off by */
    } cases[] = {
        {DRAW("rgb", "{\"mul\":0.5},{\"norm\":{\"mean\":1}}", "\"rgb\",\"scale\":2,\"offset\":2"), 3, 10, 12, 0},
        {DRAW("bgr", "", "\"bgr\""), 3, 10, 12, 0},
        {DRAW("rgb", "{\"tiles\":{\"size\":[4,6],\"overlap\":0.3}}", "\"rgb\""), 3, 4, 6, 0},
        {DRAW("gray", "{\"tiles\":{\"size\":[6,4],\"overlap\":0.5}}", "\"luma\""), 1, 6, 4, 1},
        {DRAW("gray", "{\"mul\":0.00392156862745098}", "\"luma\",\"scale\":255"), 1, 10, 12, 1},
    };
    uint8_t p[360];
    pixels_of_many_colors(p);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rig r;
        sedge_answers a;
        rig_open(&r, (int64_t[]){1, cases[i].channels, cases[i].h, cases[i].w}, 4, cases[i].card, NULL);
        rig_picture(&r, "rgb", 12, 10, p, &a);
        assert_non_null(a.picture);
        assert_int_equal(a.picture->width, 12);
        assert_int_equal(a.picture->height, 10);
        assert_int_equal(a.picture->pixel, SEDGE_PIXEL_RGB8);
        for (int k = 0; k < 360; k++)
            assert_in_range(((const uint8_t *)a.picture->plane[0])[k] + cases[i].level - p[k], 0, 2 * cases[i].level);
        rig_close(&r);
    }
}

/* Tiles of which a model gives the left half: the whole is half as wide. */
static void tiles_of_another_size(void **state)
{
    (void)state;
    uint8_t p[360], gray[120];
    pixels_of_many_colors(p);
    pb graph = {.n = 0};
    onnx_slice(&graph, "x", 0, 3, 3, "y");
    onnx_io(&graph, 11, "x", 1, (int64_t[]){1, 1, 5, 6}, 4);
    onnx_io(&graph, 12, "y", 1, (int64_t[]){1, 1, 5, 3}, 4);
    rig r;
    sedge_answers a;
    rig_model(&r, &graph);
    if (rig_try(&r, DRAW("gray", "{\"tiles\":{\"size\":[5,6],\"overlap\":0}}", "\"gray\""), NULL) != SEDGE_OK)
        fail_msg("%s", r.err.msg);
    for (int i = 0; i < 120; i++)
        gray[i] = p[i];
    rig_picture(&r, "gray", 12, 10, gray, &a);
    assert_int_equal(a.picture->pixel, SEDGE_PIXEL_GRAY8);
    assert_int_equal(a.picture->width, 6);
    assert_int_equal(a.picture->height, 10);
    for (int y = 0; y < 10; y++)
        for (int x = 0; x < 6; x++)
            assert_int_equal(((const uint8_t *)a.picture->plane[0])[6 * y + x], gray[12 * y + x / 3 * 6 + x % 3]);
    rig_close(&r);
}

static void pictures_that_cannot_be_drawn(void **state)
{
    (void)state;
    static const struct {
        const char *card, *why;
    } cases[] = {
        {DRAW("rgb", "", "\"luma\""), "card: answer.color: luma needs an input of color gray"},
        {DRAW("rgb", "{\"tiles\":[4,4]},{\"letterbox\":[4,6]}", "\"rgb\""), "card: steps.1: tiles of a picture"},
        {DRAW("rgb", "{\"resize\":[4,6]}", "\"gray\""), "card: answer.color: the output has 3 channels, gray has 1"},
    };
    uint8_t p[360];
    pixels_of_many_colors(p);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rig r;
        sedge_answers a;
        sedge_frame f;
        rig_identity(&r, (int64_t[]){1, 3, 4, 6}, 4);
        sedge_status st = rig_try(&r, cases[i].card, NULL);
        if (st == SEDGE_OK) {
            assert_int_equal(sedge_frame_raw(&f, SEDGE_PIXEL_RGB8, 12, 10, p, sizeof p, &r.err), SEDGE_OK);
            st = sedge_task_run_frame(r.task, &f, &a, &r.err);
        }
        assert_int_not_equal(st, SEDGE_OK);
        assert_memory_equal(r.err.msg, cases[i].why, strlen(cases[i].why));
        rig_close(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mask_returns_to_the_source),
        cmocka_unit_test(keypoints_return_to_the_source),
        cmocka_unit_test(rows_that_overlap),
        cmocka_unit_test(points_and_masks_of_rows),
        cmocka_unit_test(decisions_hold),
        cmocka_unit_test(text_becomes_tokens),
        cmocka_unit_test(spectra_of_columns),
        cmocka_unit_test(rows_with_objectness),
        cmocka_unit_test(channels_before_rows),
        cmocka_unit_test(masks_of_prototypes),
        cmocka_unit_test(priors_from_a_file),
        cmocka_unit_test(head_of_a_graph),
        cmocka_unit_test(regions_of_a_mask),
        cmocka_unit_test(scores_of_several_outputs),
        cmocka_unit_test(quantized_ends),
        cmocka_unit_test(pictures_are_drawn),
        cmocka_unit_test(tiles_of_another_size),
        cmocka_unit_test(pictures_that_cannot_be_drawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
