/* Cards that are made from what others write into a model and beside it. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sedge/task.h"
#include "tiny_onnx.h"

static pb bytes;

/* A model of one node, with pairs of metadata. */
static sedge_task *open_with(const char *op, const int64_t *dim, const int64_t *out, int rank, const char *const *meta,
                             const char *folder, sedge_model **model, sedge_error *err)
{
    pb graph = {.n = 0};
    onnx_node(&graph, op, "x", NULL, "y");
    pb_str(&graph, 2, "g");
    onnx_io(&graph, 11, "x", 1, dim, 4);
    onnx_io(&graph, 12, "y", 1, out, rank);
    onnx_model(&bytes, &graph, 11);
    for (int i = 0; meta[i]; i += 2) {
        pb entry = {.n = 0};
        pb_str(&entry, 1, meta[i]);
        pb_str(&entry, 2, meta[i + 1]);
        pb_msg(&bytes, 14, &entry);
    }
    sedge_task_opts opts;
    sedge_task_opts_init(&opts);
    opts.folder = folder;
    opts.session.threads = 1;
    *err = (sedge_error){.status = SEDGE_OK};
    assert_int_equal(sedge_model_open_memory(model, bytes.b, bytes.n, NULL, err), SEDGE_OK);
    sedge_task *t = NULL;
    sedge_task_open(&t, *model, NULL, &opts, err);
    return t;
}

static sedge_task *squeeze(const char *const *meta, sedge_model **model, sedge_error *err)
{
    return open_with("Squeeze", (int64_t[]){1, 3, 8, 32}, (int64_t[]){3, 8, 32}, 3, meta, NULL, model, err);
}

static void ultralytics(void **state)
{
    (void)state;
    static const char *const meta[] = {
        "names", "{0: 'a', 1: \"it's\", 2: '\\xe9', 3: 'd'}", "stride", "32", "task", "detect", "imgsz", "[8, 32]", NULL};
    sedge_model *model;
    sedge_error err;
    sedge_task *t = squeeze(meta, &model, &err);
    if (!t)
        fail_msg("%s", err.msg);
    sedge_task_info info;
    sedge_task_get_info(t, &info);
    assert_string_equal(info.from, "ultralytics");
    assert_int_equal(info.n_label, 4);
    assert_int_equal(info.n_assumed, 2);
    assert_string_equal(sedge_task_label(t, 1), "it's");
    assert_string_equal(sedge_task_label(t, 2), "\xc3\xa9");
    assert_string_equal(sedge_task_field_source(t, "labels"), "ultralytics names");
    assert_string_equal(sedge_task_field_source(t, "answer.scores.at"), "ultralytics task");
    assert_string_equal(sedge_task_field_source(t, "answer.nms.iou"), "default");
    assert_non_null(strstr(sedge_task_card(t), "\"letterbox\""));
    assert_non_null(strstr(sedge_task_card(t), "\"1CN\""));
    sedge_task_close(&t);
    sedge_model_close(&model);
}

/* What rows hold follows from the task and the number of channels. */
static void ultralytics_rows(void **state)
{
    (void)state;
    static const struct {
        const char *task, *names, *points;
        int64_t h, w;
        const char *has[4], *lacks;
    } cases[] = {
        {"detect", "['a', 'b']", "[1, 2]", 6, 9, {"\"axes\": \"1CN\"", "\"objectness\": null", "4,\n    6"}, NULL},
        {"detect", "['a', 'b']", "[1, 2]", 8, 7, {"\"axes\": \"1NC\"", "\"at\": 4", "5,\n    7"}, "\"objectness\": null"},
        {"detect", "['a', 'b', 'c']", "[1, 2]", 8, 6, {"\"axes\": \"1NC\"", "\"xyxy\"", "\"label\": 5", "\"none\""}, NULL},
        {"segment", "['a']", "[1, 2]", 37, 8, {"\"axes\": \"1CN\"", "5,\n    37", "\"proto\": 1"}, "\"masks\": null"},
        {"pose", "['a']", "[3, 3]", 14, 8, {"\"axes\": \"1CN\"", "5,\n    14", "\"dims\": 3"}, "\"points\": null"},
        {"pose", "['a']", "[2, 2]", 9, 8, {"5,\n    9", "\"dims\": 2"}, "\"points\": null"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *const meta[] = {"names",       cases[i].names, "stride",        "32", "task",
                                    cases[i].task, "kpt_shape",    cases[i].points, NULL};
        sedge_model *model;
        sedge_error err;
        sedge_task *t = open_with("Squeeze", (int64_t[]){1, 3, cases[i].h, cases[i].w}, (int64_t[]){3, cases[i].h, cases[i].w}, 3,
                                  meta, NULL, &model, &err);
        if (!t)
            fail_msg("%zu: %s", i, err.msg);
        for (int k = 0; k < 4 && cases[i].has[k]; k++)
            if (!strstr(sedge_task_card(t), cases[i].has[k]))
                fail_msg("%zu: no %s in %s", i, cases[i].has[k], sedge_task_card(t));
        if (cases[i].lacks)
            assert_null(strstr(sedge_task_card(t), cases[i].lacks));
        sedge_task_close(&t);
        sedge_model_close(&model);
    }
}

static void bad_literals(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "{",
                                      "{0 'a'}",
                                      "{0: 'a'} x",
                                      "{0: 'a', 0: 'b'}",
                                      "{0: __import__('os')}",
                                      "{1: 'a'}",
                                      "{0: 'a\\q'}",
                                      "[[[[[[[[[[]]]]]]]]]]",
                                      "{0: 1}",
                                      "{0: '\\ud800'}",
                                      "{0: 99999999999999999999}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *const meta[] = {"names", bad[i], "stride", "32", NULL};
        sedge_model *model;
        sedge_error err;
        assert_null(squeeze(meta, &model, &err));
        if (!strstr(err.msg, "metadata names"))
            fail_msg("case %zu: %s", i, err.msg);
        sedge_model_close(&model);
    }
}

static void image_properties(void **state)
{
    (void)state;
    static const char *const meta[] = {"Image.BitmapPixelFormat", "Bgr8", "Image.NominalPixelRange", "Normalized_1_1", NULL};
    sedge_model *model;
    sedge_error err;
    sedge_task *t = open_with("Flatten", (int64_t[]){1, 3, 2, 2}, (int64_t[]){1, 12}, 2, meta, NULL, &model, &err);
    if (!t)
        fail_msg("%s", err.msg);
    uint8_t p[12] = {255, 0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0};
    sedge_frame f;
    sedge_answers a;
    assert_int_equal(sedge_frame_raw(&f, sedge_pixel_find("rgb"), 2, 2, p, 12, &err), SEDGE_OK);
    assert_int_equal(sedge_task_run_frame(t, &f, &a, &err), SEDGE_OK);
    assert_int_equal(a.answer[0].label, 8); /* red is the last plane of BGR */
    assert_float_equal(a.answer[0].score, 1, 1e-6F);
    sedge_task_close(&t);
    sedge_model_close(&model);
}

static void put(const char *folder, const char *name, const char *text)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void drop(const char *folder, const char *name)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    unlink(path);
}

static sedge_task *open_hf(const char *processor, sedge_model **model, sedge_error *err)
{
    static const char *const none[] = {NULL};
    char folder[] = "/tmp/sedge-native-XXXXXX";
    assert_non_null(mkdtemp(folder));
    put(folder, "preprocessor_config.json", processor);
    put(folder, "config.json",
        "{\"architectures\":[\"ResNetForImageClassification\"],\"id2label\":{\"1\":\"b\",\"0\":\"a\",\"2\":\"c\",\"3\":\"d\"}}");
    sedge_task *t = open_with("Flatten", (int64_t[]){1, 1, 2, 2}, (int64_t[]){1, 4}, 2, none, folder, model, err);
    drop(folder, "preprocessor_config.json");
    drop(folder, "config.json");
    rmdir(folder);
    return t;
}

static void hugging_face(void **state)
{
    (void)state;
    sedge_model *model;
    sedge_error err;
    sedge_task *t = open_hf("{\"feature_extractor_type\":\"ConvNextFeatureExtractor\",\"size\":{\"shortest_edge\":224},"
                            "\"crop_pct\":0.875,\"resample\":3,\"image_mean\":[0.5,0.5,0.5],\"image_std\":[0.2,0.2,0.2]}",
                            &model, &err);
    if (!t)
        fail_msg("%s", err.msg);
    assert_string_equal(sedge_task_label(t, 3), "d");
    assert_non_null(strstr(sedge_task_card(t), "\"short\": 256"));
    assert_non_null(strstr(sedge_task_card(t), "\"bicubic\""));
    assert_string_equal(sedge_task_field_source(t, "labels"), "config.json id2label");
    assert_string_equal(sedge_task_field_source(t, "inputs.x.steps"), "preprocessor_config.json");
    sedge_task_close(&t);
    sedge_model_close(&model);
    assert_null(open_hf("{\"image_processor_type\":\"OtherImageProcessor\",\"size\":224}", &model, &err));
    assert_non_null(strstr(err.msg, "OtherImageProcessor"));
    sedge_model_close(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(ultralytics), cmocka_unit_test(ultralytics_rows),
                                       cmocka_unit_test(bad_literals), cmocka_unit_test(image_properties),
                                       cmocka_unit_test(hugging_face)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
