/* Fuzzes cards: the text of a card, and metadata of an exporter, for a model of one node. */
#include <stdbool.h>
#include <stdlib.h>

#include "../unit/tiny_onnx.h"
#include "sedge/task.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int again(void *ctx, const sedge_answers *a)
{
    (void)a;
    return ++*(int *)ctx > 8;
}

/* A frame, samples, rows or text, twice: whole, and as a stream where there is one. */
static void answer(sedge_task *t)
{
    static const uint8_t pixels[16 * 12 * 3] = {1, 2, 3, 200, 100};
    static float number[4096];
    sedge_task_info info;
    sedge_answers a;
    sedge_frame f;
    int n = 0;
    sedge_task_get_info(t, &info);
    for (int i = 0; i < 4096; i++)
        number[i] = (float)(i * 37 % 101) / 50 - 1;
    sedge_audio sound = {SEDGE_PCM_F32, 1, 16000, 4096, number};
    size_t rows = info.columns > 0 && info.columns <= 4096 ? 4096 / (size_t)info.columns : 0;
    switch (info.source) {
    case SEDGE_SOURCE_IMAGE:
        for (int turn = 1; turn < 9; turn += 5)
            if (sedge_frame_raw(&f, sedge_pixel_find("rgb"), 16, 12, pixels, sizeof pixels, NULL) == SEDGE_OK) {
                f.turn = (uint8_t)turn;
                (void)sedge_task_run_frame(t, &f, &a, NULL);
            }
        break;
    case SEDGE_SOURCE_AUDIO:
        if (info.window <= 1 << 16)
            (void)sedge_task_run_audio(t, &sound, &a, NULL);
        (void)sedge_task_push_audio(t, &sound, again, &n, NULL);
        break;
    case SEDGE_SOURCE_SERIES:
        if (info.window <= 1 << 16 && rows)
            (void)sedge_task_run_rows(t, number, rows, info.columns, &a, NULL);
        if (rows)
            (void)sedge_task_push_rows(t, number, rows, info.columns, again, &n, NULL);
        break;
    default: (void)sedge_task_run_text(t, "some text, 12", 13, &a, NULL);
    }
}

/* The first byte: a card, or which key of metadata the rest is; and whether the output is maps or one row. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const keys[] = {"names", "imgsz", "kpt_shape", "task"};
    static pb graph, model;
    if (size < 1 || size > 2000)
        return 0;
    char text[2001];
    memcpy(text, data + 1, size - 1);
    text[size - 1] = 0;
    graph.n = 0;
    bool row = data[0] / 5 % 2;
    onnx_node(&graph, row ? "Flatten" : "Squeeze", "x", NULL, "y");
    pb_str(&graph, 2, "g");
    onnx_io(&graph, 11, "x", 1, (int64_t[]){1, 3, 8, 8}, 4);
    onnx_io(&graph, 12, "y", 1, row ? (int64_t[]){1, 192} : (int64_t[]){3, 8, 8}, row ? 2 : 3);
    onnx_model(&model, &graph, 11);
    for (int i = 0; i < 4 && data[0] % 5; i++) {
        static const char *const usual[] = {"{0: 'a', 1: 'b', 2: 'c', 3: 'd'}", "[8, 8]", "[2, 2]", "detect"};
        pb entry = {.n = 0};
        pb_str(&entry, 1, keys[i]);
        pb_str(&entry, 2, data[0] % 5 == i + 1 ? text : usual[i]);
        pb_msg(&model, 14, &entry);
    }
    pb stride = {.n = 0};
    pb_str(&stride, 1, "stride");
    pb_str(&stride, 2, "8");
    pb_msg(&model, 14, &stride);
    sedge_task_opts opts;
    sedge_task_opts_init(&opts);
    opts.card_text = data[0] % 5 ? NULL : text;
    opts.session.threads = 1;
    sedge_model *m = NULL;
    sedge_task *t = NULL;
    if (sedge_model_open_memory(&m, model.b, model.n, NULL, NULL) == SEDGE_OK &&
        sedge_task_open(&t, m, NULL, &opts, NULL) == SEDGE_OK)
        answer(t);
    sedge_task_close(&t);
    sedge_model_close(&m);
    return 0;
}
