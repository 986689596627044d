/* Cards from metadata inside an ONNX model: Ultralytics' keys, and the Image.* properties of the ONNX specification. */
#include <stdio.h>

#include "task/native.h"

const char *sg_metadata(const sedge_model *model, const char *key)
{
    sedge_model_info info;
    sedge_model_get_info(model, &info);
    for (int i = 0; i < info.n_metadata; i++)
        if (strcmp(info.metadata_key[i], key) == 0)
            return info.metadata_value[i];
    return NULL;
}

static sedge_status no_memory(sg_err *err)
{
    return sg_fail(err, SEDGE_E_NOMEM, "card: out of memory");
}

/* ---- Ultralytics -------------------------------------------------------------------------- */

static const sg_origin ultralytics[] = {{"inputs", "ultralytics imgsz"},
                                        {"answer", "ultralytics task"},
                                        {"labels", "ultralytics names"},
                                        {"", "ultralytics"},
                                        {NULL, NULL}};

typedef struct yolo {
    const char *task;
    json_t *names, *size, *points;
    int classes, h, w;
    sedge_io in, out;
    sedge_status why; /* of an answer that cannot be made */
} yolo;

/* {0: 'a', 1: 'b'} or ['a', 'b'] */
static sedge_status order_names(yolo *y, sg_err *err)
{
    if (json_is_array(y->names)) {
        y->classes = (int)json_array_size(y->names);
        return SEDGE_OK;
    }
    json_t *list = json_array();
    size_t n = json_object_size(y->names);
    for (size_t i = 0; i < n; i++) {
        char key[24];
        snprintf(key, sizeof key, "%zu", i);
        json_t *v = json_object_get(y->names, key);
        if (!json_is_string(v) || json_array_append(list, v) != 0) {
            json_decref(list);
            return sg_fail(err, SEDGE_E_FORMAT, "metadata names: class %zu of %zu is no string", i, n);
        }
    }
    json_decref(y->names);
    y->names = list;
    y->classes = (int)n;
    return list ? SEDGE_OK : no_memory(err);
}

/* The input's own size where it is fixed, else imgsz. */
static sedge_status find_size(yolo *y, sg_err *err)
{
    int64_t h = y->in.rank == 4 ? y->in.dim[2] : -1, w = y->in.rank == 4 ? y->in.dim[3] : -1;
    if (h < 1)
        h = json_integer_value(json_is_array(y->size) ? json_array_get(y->size, 0) : y->size);
    if (w < 1)
        w = json_integer_value(json_is_array(y->size) ? json_array_get(y->size, 1) : y->size);
    if (h < 1 || w < 1 || h > 65535 || w > 65535)
        return sg_fail(err, SEDGE_E_FORMAT, "metadata imgsz: no height and width, and the input has none");
    y->h = (int)h;
    y->w = (int)w;
    return SEDGE_OK;
}

static json_t *yolo_input(const yolo *y)
{
    if (strcmp(y->task, "classify") == 0)
        return json_pack("{s:{s:{s:s},s:[{s:{s:i}},{s:[i,i]},{s:f}]}}", y->in.name, "image", "color", "rgb", "steps", "resize",
                         "short", y->h < y->w ? y->h : y->w, "crop", y->h, y->w, "mul", 1.0 / 255);
    return json_pack("{s:{s:{s:s},s:[{s:{s:[i,i],s:i}},{s:f}]}}", y->in.name, "image", "color", "rgb", "steps", "letterbox",
                     "size", y->h, y->w, "fill", 114, "mul", 1.0 / 255);
}

/* What rows hold follows from their number of channels: [1, 4 + classes + extra, N]; [1, N, 5 + classes] with an objectness (v5);
 * [1, N, 6 + extra] after its own NMS. */
static json_t *yolo_rows(yolo *y, int extra, sg_err *err)
{
    int n = y->classes, plain = 4 + n + extra, channels = y->out.rank == 3 ? (int)y->out.dim[1] : -1;
    int last = y->out.rank == 3 ? (int)y->out.dim[2] : -1;
    if (channels == plain)
        return json_pack("{s:s,s:i,s:s,s:{s:[i,i]}}", "head", "rows", "out", 0, "axes", "1CN", "scores", "at", 4, 4 + n);
    if (last == 5 + n + extra && strcmp(y->task, "detect") == 0 && n > 1)
        return json_pack("{s:s,s:i,s:s,s:{s:i},s:{s:[i,i]}}", "head", "rows", "out", 0, "axes", "1NC", "objectness", "at", 4,
                         "scores", "at", 5, 5 + n);
    if (last == 6 + extra)
        return json_pack("{s:s,s:i,s:s,s:{s:s},s:{s:[i,i]},s:i,s:{s:s}}", "head", "rows", "out", 0, "axes", "1NC", "box", "form",
                         "xyxy", "scores", "at", 4, 5, "label", 5, "nms", "mode", "none");
    y->why = sg_fail(err, SEDGE_E_SHAPE, "metadata names: %d classes; no row of output %s (%d x %d) holds them", n, y->out.name,
                     channels, last);
    return NULL;
}

static json_t *yolo_answer(yolo *y, sg_err *err)
{
    if (strcmp(y->task, "classify") == 0)
        return json_pack("{s:s}", "head", "classes");
    int count = (int)json_integer_value(json_array_get(y->points, 0)),
        dims = (int)json_integer_value(json_array_get(y->points, 1));
    bool pose = strcmp(y->task, "pose") == 0, segment = strcmp(y->task, "segment") == 0;
    if (pose && (count < 1 || count > 133 || dims < 2 || dims > 3)) {
        y->why = sg_fail(err, SEDGE_E_FORMAT, "metadata kpt_shape: must be [points, 2 or 3]");
        return NULL;
    }
    int extra = pose ? count * dims : segment ? 32 : 0;
    json_t *a = yolo_rows(y, extra, err);
    if (!a || extra == 0)
        return a;
    int at = json_object_get(a, "label") ? 6 : 4 + y->classes;
    json_t *o = pose ? json_pack("{s:[i,i],s:i}", "at", at, at + extra, "dims", dims)
                     : json_pack("{s:[i,i],s:i}", "at", at, at + extra, "proto", 1);
    if (!o || json_object_set_new(a, pose ? "points" : "masks", o) != 0) {
        json_decref(a);
        return NULL;
    }
    return a;
}

static sedge_status yolo_card(yolo *y, json_t **out, sg_err *err)
{
    static const char *const tasks[][2] = {
        {"detect", "detect"}, {"segment", "detect"}, {"pose", "detect"}, {"classify", "classify"}};
    const char *task = NULL;
    for (int i = 0; i < 4; i++)
        task = strcmp(tasks[i][0], y->task) == 0 ? tasks[i][1] : task;
    if (!task)
        return sg_fail(err, SEDGE_E_UNSUPPORTED, "metadata task: %s is not supported", y->task);
    SG_TRY(order_names(y, err));
    SG_TRY(find_size(y, err));
    json_t *answer = yolo_answer(y, err), *input = answer ? yolo_input(y) : NULL;
    bool detect = strcmp(task, "detect") == 0;
    if (input)
        *out = json_pack("{s:i,s:s,s:O,s:O,s:O,s:s,s:[s,s]}", "sedge_card", 1, "task", task, "inputs", input, "answer", answer,
                         "labels", y->names, "from", "ultralytics", "assumed", "inputs.steps",
                         detect ? "answer.nms" : "answer.scores.act");
    json_decref(answer);
    json_decref(input);
    if (*out)
        return SEDGE_OK;
    return y->why != SEDGE_OK ? y->why : no_memory(err);
}

sedge_status sg_native_ultralytics(sg_card *c, const sedge_model *model, json_t **out, const sg_origin **origin, sg_err *err)
{
    const char *names = sg_metadata(model, "names"), *stride = sg_metadata(model, "stride"), *task = sg_metadata(model, "task");
    const char *size = sg_metadata(model, "imgsz"), *points = sg_metadata(model, "kpt_shape");
    *out = NULL;
    *origin = ultralytics;
    if (!names || !stride)
        return SEDGE_OK;
    yolo y = {.task = task ? task : "detect"};
    if (!sedge_model_input(model, 0, &y.in) || !sedge_model_output(model, 0, &y.out))
        return SEDGE_OK;
    sedge_status st = sg_literal_parse(&c->arena, &y.names, names, "metadata names", err);
    if (st == SEDGE_OK && size)
        st = sg_literal_parse(&c->arena, &y.size, size, "metadata imgsz", err);
    if (st == SEDGE_OK && points)
        st = sg_literal_parse(&c->arena, &y.points, points, "metadata kpt_shape", err);
    if (st == SEDGE_OK)
        st = yolo_card(&y, out, err);
    json_decref(y.names);
    json_decref(y.size);
    json_decref(y.points);
    return st;
}

/* ---- Image.* ------------------------------------------------------------------------------ */

static const sg_origin image[] = {{"inputs", "onnx Image properties"}, {"", "assumed"}, {NULL, NULL}};

sedge_status sg_native_image(sg_card *c, const sedge_model *model, json_t **out, const sg_origin **origin, sg_err *err)
{
    (void)c;
    static const char *const colors[][2] = {{"Rgb8", "rgb"}, {"Bgr8", "bgr"}, {"Gray8", "gray"}};
    static const struct {
        const char *name;
        double mul, add;
    } ranges[] = {{"NominalRange_0_255", 1, 0}, {"Normalized_0_1", 1.0 / 255, 0}, {"Normalized_1_1", 2.0 / 255, -1}};
    const char *format = sg_metadata(model, "Image.BitmapPixelFormat"), *range = sg_metadata(model, "Image.NominalPixelRange");
    const char *color = NULL;
    *out = NULL;
    *origin = image;
    sedge_io in, o;
    if (!format || !sedge_model_input(model, 0, &in) || !sedge_model_output(model, 0, &o))
        return SEDGE_OK;
    for (int i = 0; i < 3; i++)
        color = strcmp(format, colors[i][0]) == 0 ? colors[i][1] : color;
    int k = range ? -1 : 0;
    for (int i = 0; range && i < 3; i++)
        k = strcmp(range, ranges[i].name) == 0 ? i : k;
    const char *gamma = sg_metadata(model, "Image.ColorSpaceGamma");
    if (!color || k < 0 || (gamma && strcmp(gamma, "SRGB") != 0))
        return sg_fail(err, SEDGE_E_UNSUPPORTED, "metadata Image: %s, %s, %s is not supported", format, range ? range : "-",
                       gamma ? gamma : "-");
    if (in.rank != 4 || in.dim[2] < 1 || in.dim[3] < 1 || o.rank < 1 || o.rank > 2)
        return sg_fail(err, SEDGE_E_UNSUPPORTED, "metadata Image: a card is made of a fixed input and scores of classes alone");
    double mean = -ranges[k].add / ranges[k].mul, std = 1 / ranges[k].mul;
    *out = json_pack("{s:i,s:s,s:{s:{s:{s:s},s:[{s:[i,i]},{s:{s:f,s:f}}]}},s:{s:s},s:s,s:[s,s]}", "sedge_card", 1, "task",
                     "classify", "inputs", in.name, "image", "color", color, "steps", "resize", (int)in.dim[2], (int)in.dim[3],
                     "norm", "mean", mean, "std", std, "answer", "head", "classes", "from", "onnx Image properties", "assumed",
                     "inputs.steps.0.resize", "answer");
    return *out ? SEDGE_OK : no_memory(err);
}
