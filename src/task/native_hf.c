/* Cards from the files that Hugging Face models have beside them: preprocessor_config.json, config.json. */
#include <stdio.h>

#include "task/native.h"

static const sg_origin origins[] = {
    {"inputs", "preprocessor_config.json"}, {"labels", "config.json id2label"}, {"", "config.json"}, {NULL, NULL}};

/* CROP_PCT: a square shorter than 384 is cut out of a larger one (ConvNeXT); SQUARE: a bare size is both sides. */
enum { CROP_PCT = 1, SQUARE = 2 };

static const struct {
    const char *name;
    int how;
} processors[] = {
    {"ViT", SQUARE},          {"ConvNext", CROP_PCT}, {"DeiT", SQUARE},      {"BeiT", SQUARE},   {"Beit", SQUARE},
    {"MobileNetV1", 0},       {"MobileNetV2", 0},     {"MobileViT", 0},      {"Bit", 0},         {"CLIP", 0},
    {"EfficientNet", SQUARE}, {"PoolFormer", 0},      {"Segformer", SQUARE}, {"Siglip", SQUARE}, {"EfficientFormer", SQUARE}};

static sedge_status find_processor(const json_t *p, int *how, sg_err *err)
{
    const char *type = sg_text(p, "image_processor_type");
    type = type ? type : sg_text(p, "feature_extractor_type");
    for (size_t i = 0; type && i < sizeof processors / sizeof processors[0]; i++) {
        size_t n = strlen(processors[i].name);
        const char *rest = strncmp(type, processors[i].name, n) == 0 ? type + n : "";
        if (strcmp(rest, "ImageProcessor") == 0 || strcmp(rest, "ImageProcessorFast") == 0 ||
            strcmp(rest, "FeatureExtractor") == 0) {
            *how = processors[i].how;
            return SEDGE_OK;
        }
    }
    return sg_fail(err, SEDGE_E_UNSUPPORTED, "preprocessor_config.json: image_processor_type %s is not supported",
                   type ? type : "(none)");
}

static bool wants(const json_t *p, const char *key, bool fallback)
{
    const json_t *v = sg_get(p, key);
    return v ? json_is_true(v) : fallback;
}

static int side(const json_t *v, const char *key)
{
    int64_t n = json_integer_value(json_is_object(v) ? json_object_get(v, key) : v);
    return n > 0 && n < 65536 ? (int)n : 0;
}

static sedge_status resize_step(const json_t *p, int how, int *crop, json_t **step, sg_err *err)
{
    static const char *const kernels[] = {"nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"};
    const json_t *size = sg_get(p, "size"), *resample = sg_get(p, "resample");
    int64_t k = resample ? json_integer_value(resample) : 2;
    int brief = side(size, "shortest_edge"), h = side(size, "height"), w = side(size, "width");
    if (k < 0 || k > 5 || (!brief && (!h || !w)))
        return sg_fail(err, SEDGE_E_FORMAT, "preprocessor_config.json: size or resample cannot be read");
    bool bare = json_is_integer(size);
    if (how == CROP_PCT && brief) {
        double fraction = sg_get(p, "crop_pct") ? sg_num(p, "crop_pct") : 0.875;
        if (brief < 384 && fraction > 0.1 && fraction <= 1) {
            *crop = brief;
            *step = json_pack("{s:{s:i,s:s}}", "resize", "short", (int)(brief / fraction), "kernel", kernels[k]);
            return SEDGE_OK;
        }
        *step = json_pack("{s:{s:[i,i],s:s}}", "resize", "size", brief, brief, "kernel", kernels[k]);
    } else if (h && w && (!bare || how == SQUARE))
        *step = json_pack("{s:{s:[i,i],s:s}}", "resize", "size", h, w, "kernel", kernels[k]);
    else
        *step = json_pack("{s:{s:i,s:s}}", "resize", "short", brief, "kernel", kernels[k]);
    return SEDGE_OK;
}

static sedge_status add(json_t *steps, json_t *step, sg_err *err)
{
    if (step && json_array_append_new(steps, step) == 0)
        return SEDGE_OK;
    return sg_fail(err, SEDGE_E_NOMEM, "card: out of memory");
}

/* What the file does not say is what the processors take by default; it is named in `assumed`. */
static sedge_status make_steps(const json_t *p, int how, json_t *steps, json_t *assumed, sg_err *err)
{
    int crop = 0;
    json_t *step = NULL;
    if (wants(p, "do_resize", true)) {
        SG_TRY(resize_step(p, how, &crop, &step, err));
        SG_TRY(add(steps, step, err));
    }
    if (step && !sg_get(p, "resample") && json_array_append_new(assumed, json_string("inputs.steps.0.resize.kernel")) != 0)
        return sg_fail(err, SEDGE_E_NOMEM, "card: out of memory");
    const json_t *size = sg_get(p, "crop_size");
    if (crop)
        SG_TRY(add(steps, json_pack("{s:{s:[i,i],s:s}}", "crop", "size", crop, crop, "round", "down"), err));
    else if (wants(p, "do_center_crop", false) && side(size, "height") && side(size, "width"))
        SG_TRY(add(steps,
                   json_pack("{s:{s:[i,i],s:s}}", "crop", "size", side(size, "height"), side(size, "width"), "round", "down"),
                   err));
    else if (wants(p, "do_center_crop", false))
        return sg_fail(err, SEDGE_E_FORMAT, "preprocessor_config.json: crop_size cannot be read");
    if (wants(p, "do_rescale", true)) {
        const json_t *f = sg_get(p, "rescale_factor");
        SG_TRY(add(steps, json_pack("{s:f}", "mul", f ? json_number_value(f) : 1.0 / 255), err));
    }
    if (!wants(p, "do_normalize", true))
        return SEDGE_OK;
    json_t *mean = json_object_get(p, "image_mean"), *std = json_object_get(p, "image_std");
    if (!mean || !std)
        return sg_fail(err, SEDGE_E_FORMAT, "preprocessor_config.json: image_mean or image_std is missing");
    return add(steps, json_pack("{s:{s:O,s:O}}", "norm", "mean", mean, "std", std), err);
}

static sedge_status order_labels(const json_t *config, json_t *labels, sg_err *err)
{
    const json_t *names = sg_get(config, "id2label");
    for (size_t i = 0; i < json_object_size(names); i++) {
        char key[24];
        snprintf(key, sizeof key, "%zu", i);
        json_t *v = json_object_get(names, key);
        if (!json_is_string(v))
            return sg_fail(err, SEDGE_E_FORMAT, "config.json: id2label lacks class %zu", i);
        if (json_array_append(labels, v) != 0)
            return sg_fail(err, SEDGE_E_NOMEM, "card: out of memory");
    }
    return SEDGE_OK;
}

static sedge_status make_card(const json_t *p, const json_t *config, const sedge_model *model, json_t *parts[3], json_t **out,
                              sg_err *err)
{
    const char *made = json_string_value(json_array_get(sg_get(config, "architectures"), 0));
    sedge_io in;
    int how = 0;
    if (!made || !strstr(made, "ForImageClassification") || !sedge_model_input(model, 0, &in))
        return sg_fail(err, SEDGE_E_UNSUPPORTED, "config.json: architecture %s is not supported", made ? made : "(none)");
    SG_TRY(find_processor(p, &how, err));
    SG_TRY(make_steps(p, how, parts[0], parts[1], err));
    SG_TRY(order_labels(config, parts[2], err));
    bool bgr = wants(p, "do_flip_channel_order", false), named = json_array_size(parts[2]) > 0;
    *out = json_pack("{s:i,s:s,s:{s:{s:{s:s},s:O}},s:{s:s,s:{s:i,s:s}},s:O,s:s,s:O}", "sedge_card", 1, "task", "classify",
                     "inputs", in.name, "image", "color", bgr ? "bgr" : "rgb", "steps", parts[0], "answer", "head", "classes",
                     "scores", "out", 0, "act", "softmax", "labels", named ? parts[2] : json_null(), "from", "hf", "assumed",
                     parts[1]);
    return *out ? SEDGE_OK : sg_fail(err, SEDGE_E_NOMEM, "card: out of memory");
}

static sedge_status read(sg_card *c, const char *file, json_t **out, sg_err *err)
{
    sg_map map;
    SG_TRY(sg_card_map(c, file, SG_CARD_BYTES_MAX, &map, err));
    sedge_status st = sg_json_parse(out, map.data ? (const char *)map.data : "", map.size, file, err);
    sg_map_close(&map);
    return st;
}

sedge_status sg_native_hf(sg_card *c, const sedge_model *model, json_t **out, const sg_origin **origin, sg_err *err)
{
    json_t *p = NULL, *config = NULL, *parts[3] = {json_array(), json_array(), json_array()};
    *out = NULL;
    *origin = origins;
    sedge_status st = read(c, "preprocessor_config.json", &p, err);
    if (st == SEDGE_OK)
        st = read(c, "config.json", &config, err);
    if (st == SEDGE_OK && (!parts[0] || !parts[1] || !parts[2]))
        st = sg_fail(err, SEDGE_E_NOMEM, "card: out of memory");
    if (st == SEDGE_OK)
        st = make_card(p, config, model, parts, out, err);
    json_decref(p);
    json_decref(config);
    for (int i = 0; i < 3; i++)
        json_decref(parts[i]);
    return st;
}
