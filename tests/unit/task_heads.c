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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
