/* Fuzzes cards: the text of a card, and metadata of an exporter, for a model of one node. */
#include <stdlib.h>

#include "../unit/tiny_onnx.h"
#include "sedge/task.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte: a card, or which key of metadata the rest is. */
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
    onnx_node(&graph, "Squeeze", "x", NULL, "y");
    pb_str(&graph, 2, "g");
    onnx_io(&graph, 11, "x", 1, (int64_t[]){1, 3, 8, 8}, 4);
    onnx_io(&graph, 12, "y", 1, (int64_t[]){3, 8, 8}, 3);
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
        sedge_task_open(&t, m, NULL, &opts, NULL) == SEDGE_OK) {
        static const uint8_t pixels[16 * 12 * 3];
        sedge_frame f;
        sedge_answers a;
        if (sedge_frame_raw(&f, sedge_pixel_find("rgb"), 16, 12, pixels, sizeof pixels, NULL) == SEDGE_OK)
            (void)sedge_task_run_frame(t, &f, &a, NULL);
    }
    sedge_task_close(&t);
    sedge_model_close(&m);
    return 0;
}
