/* Cards from the metadata block of TensorFlow Lite models, as the reader puts it: input.0.content, output.0.labels and their like. */
#include <stdio.h>
#include <string.h>

#include "task/native.h"

static const sg_origin tflite[] = {{"inputs", "tflite metadata"}, {"labels", "tflite metadata"}, {"", "assumed"}, {NULL, NULL}};

static const char *entry(const sedge_model *m, const char *side, int k, const char *what)
{
    char key[64];
    snprintf(key, sizeof key, "%s.%d.%s", side, k, what);
    return sg_metadata(m, key);
}

/* "127.5", or one for each channel: "123.7 116.3 103.5". */
static json_t *numbers(const char *text)
{
    json_t *list = json_array();
    int used;
    for (double v; sscanf(text, "%lf%n", &v, &used) == 1; text += used)
        json_array_append_new(list, json_real(v));
    if (json_array_size(list) != 1)
        return list;
    json_t *all = json_incref(json_array_get(list, 0));
    json_decref(list);
    return all;
}

/* A label a line. */
static json_t *lines(const char *text)
{
    json_t *list = json_array();
    while (*text) {
        size_t n = strcspn(text, "\r\n");
        json_array_append_new(list, json_stringn(text, n));
        text += n;
        text += *text == '\r';
        text += *text == '\n';
    }
    return list;
}

/* Pictures are drawn to the size of the input, whatever their sides. */
static json_t *image_input(const sedge_model *m, const sedge_io *in, const char *content)
{
    const char *mean = entry(m, "input", 0, "mean"), *std = entry(m, "input", 0, "std");
    int gray = strstr(content, "gray") != NULL;
    json_t *steps = json_pack("[{s:{s:[i,i],s:s,s:s}}]", "resize", "size", (int)in->dim[1], (int)in->dim[2], "kernel", "bilinear",
                              "like", "tf");
    if (steps && mean && std)
        json_array_append_new(steps, json_pack("{s:{s:o,s:o}}", "norm", "mean", numbers(mean), "std", numbers(std)));
    return json_pack("{s:{s:{s:s},s:o}}", in->name, "image", "color", gray ? "gray" : "rgb", "steps", steps);
}

/* The output that is called like one of these; -1: none. */
static int called(const sedge_model *m, const char *a, const char *b)
{
    const char *name;
    for (int k = 0; k < sedge_model_outputs(m); k++)
        if ((name = entry(m, "output", k, "name")) && (strstr(name, a) || strstr(name, b)))
            return k;
    return -1;
}

/* Four outputs after a suppression; boxes are shares of the picture, in the order of the operator that makes them. */
static json_t *boxes_answer(const sedge_model *m, int *labels_at)
{
    int box = called(m, "location", "box"), kind = called(m, "class", "categor"), score = called(m, "score", "confidence");
    int count = called(m, "number", "count");
    const char *form = box < 0 ? NULL : entry(m, "output", box, "content");
    *labels_at = kind;
    if (box < 0 || kind < 0 || score < 0 || count < 0 || !form || strcmp(form, "boxes 1 0") != 0)
        return NULL;
    return json_pack("{s:s,s:{s:i,s:s,s:s},s:{s:i},s:{s:i},s:{s:i}}", "head", "boxes", "boxes", "out", box, "form", "yxyx",
                     "unit", "frac", "classes", "out", kind, "scores", "out", score, "count", "out", count);
}

static json_t *classes_answer(const sedge_model *m)
{
    const char *least = entry(m, "output", 0, "threshold");
    double v;
    return least && sscanf(least, "%lf", &v) == 1 ? json_pack("{s:s,s:f}", "head", "classes", "min_score", v)
                                                  : json_pack("{s:s}", "head", "classes");
}

/* What the model answers, by its inputs and outputs; NULL: nothing that a card says. */
static json_t *card(const sedge_model *m, const sedge_io *in, const sedge_io *out, const char *content, int *labels_at)
{
    const char *seen = entry(m, "output", 0, "content");
    json_t *answer = NULL, *input = NULL;
    const char *task = NULL;
    int rate = 0, channels = 0;
    *labels_at = 0;
    if (strncmp(content, "image", 5) == 0 && in->rank == 4 && in->dim[1] > 0 && in->dim[2] > 0) {
        if (sedge_model_outputs(m) == 4 && (answer = boxes_answer(m, labels_at)))
            task = "detect";
        else if (sedge_model_outputs(m) == 1 && out->rank == 4 && seen && strncmp(seen, "image", 5) == 0 && out->dim[3] > 1 &&
                 (answer = json_pack("{s:s,s:s,s:i}", "head", "mask", "form", "logits", "background", 0)))
            task = "segment";
        else if (out->rank >= 1 && out->rank <= 2 && (answer = classes_answer(m)))
            task = "classify";
        input = answer ? image_input(m, in, content) : NULL;
    } else if (sscanf(content, "audio %d %d", &rate, &channels) == 2 && channels == 1 && in->rank >= 1 &&
               in->dim[in->rank - 1] > 1 && (answer = classes_answer(m))) {
        int window = (int)in->dim[in->rank - 1];
        task = "tag";
        input = json_pack("{s:{s:{s:i,s:i,s:i}}}", in->name, "audio", "rate", rate, "window", window, "hop", window / 2);
    }
    json_t *all = task && input ? json_pack("{s:i,s:s,s:O,s:O,s:s,s:[s]}", "sedge_card", 1, "task", task, "inputs", input,
                                            "answer", answer, "from", "tflite metadata", "assumed", "answer")
                                : NULL;
    json_decref(answer);
    json_decref(input);
    return all;
}

sedge_status sg_native_tflite(sg_card *c, const sedge_model *model, json_t **out, const sg_origin **origin, sg_err *err)
{
    (void)c;
    sedge_model_info info;
    sedge_io in, o;
    int at;
    *out = NULL;
    *origin = tflite;
    sedge_model_get_info(model, &info);
    const char *content = entry(model, "input", 0, "content");
    if (strcmp(info.format, "tflite") != 0 || !content || sedge_model_inputs(model) != 1 || !sedge_model_input(model, 0, &in) ||
        !sedge_model_output(model, 0, &o))
        return SEDGE_OK;
    *out = card(model, &in, &o, content, &at);
    const char *labels = *out ? entry(model, "output", at, "labels") : NULL;
    labels = labels || !*out ? labels : entry(model, "output", at, "value_labels");
    if (labels && json_object_set_new(*out, "labels", lines(labels)) != 0)
        return sg_fail(err, SEDGE_E_NOMEM, "card: out of memory");
    return SEDGE_OK;
}
