/* Where a card is found: given, beside the model, in its metadata. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "task/native.h"

static int depth_of(const json_t *v, int limit)
{
    if (limit == 0)
        return 1;
    int most = 0;
    if (json_is_object(v))
        for (void *it = json_object_iter((json_t *)v); it; it = json_object_iter_next((json_t *)v, it)) {
            int d = depth_of(json_object_iter_value(it), limit - 1);
            most = d > most ? d : most;
        }
    for (size_t i = 0; json_is_array(v) && i < json_array_size(v); i++) {
        int d = depth_of(json_array_get(v, i), limit - 1);
        most = d > most ? d : most;
    }
    return 1 + most;
}

sedge_status sg_json_parse(json_t **out, const char *text, size_t n, const char *what, sg_err *err)
{
    *out = NULL;
    if (n > SG_CARD_BYTES_MAX)
        return sg_fail(err, SEDGE_E_LIMIT, "%s: larger than %zu bytes", what, SG_CARD_BYTES_MAX);
    json_error_t e;
    *out = json_loadb(text, n, JSON_REJECT_DUPLICATES, &e);
    if (!*out && json_error_code(&e) == json_error_out_of_memory)
        return sg_fail(err, SEDGE_E_NOMEM, "%s: out of memory", what);
    if (!*out)
        return sg_fail(err, SEDGE_E_FORMAT, "%s: line %d, column %d: %s", what, e.line, e.column, e.text);
    if (depth_of(*out, SG_CARD_DEPTH_MAX + 1) > SG_CARD_DEPTH_MAX) {
        json_decref(*out);
        *out = NULL;
        return sg_fail(err, SEDGE_E_LIMIT, "%s: nested deeper than %d", what, SG_CARD_DEPTH_MAX);
    }
    return SEDGE_OK;
}

static const char *join(sg_arena *a, const char *x, size_t n, const char *y)
{
    size_t m = strlen(y);
    char *s = sg_arena_alloc(a, n + m + 1);
    if (s) {
        memcpy(s, x, n);
        memcpy(s + n, y, m + 1);
    }
    return s;
}

/* The folder of a path, with its slash; "" for a bare name. */
static const char *folder_of(sg_arena *a, const char *path)
{
    const char *slash = strrchr(path, '/');
    return sg_arena_str(a, path, slash ? (size_t)(slash - path) + 1 : 0);
}

static sedge_status read_text(sg_card *c, const char *text, size_t n, const char *from, sg_err *err)
{
    json_t *in = NULL;
    c->from = from;
    sedge_status st = sg_json_parse(&in, text, n, from, err);
    if (st == SEDGE_OK && (st = sg_card_fill(c, in, NULL, err)) != SEDGE_OK)
        sg_err_where(err, "%s", from);
    json_decref(in);
    return st;
}

static sedge_status read_file(sg_card *c, const char *path, sg_err *err)
{
    sg_map map;
    SG_TRY(sg_map_open(&map, path, err));
    sedge_status st = read_text(c, map.data ? (const char *)map.data : "", map.size, path, err);
    sg_map_close(&map);
    return st;
}

static bool is_there(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && S_ISREG(s.st_mode);
}

/* net.onnx.card.json, then net.card.json. */
static const char *beside(sg_card *c, const char *path)
{
    const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
    const char *name = join(&c->arena, path, strlen(path), ".card.json");
    if (name && is_there(name))
        return name;
    if (!dot || (slash && dot < slash))
        return NULL;
    name = join(&c->arena, path, (size_t)(dot - path), ".card.json");
    return name && is_there(name) ? name : NULL;
}

/* A card that was made from other metadata; `out` is taken. */
static sedge_status made(sg_card *c, json_t *out, const char *from, const sg_origin *origin, sg_err *err)
{
    c->from = from;
    sedge_status st = sg_card_fill(c, out, origin, err);
    if (st != SEDGE_OK)
        sg_err_where(err, "%s", from);
    json_decref(out);
    return st;
}

/* What others write into a model or beside it. */
static sedge_status native(sg_card *c, const sedge_model *model, bool *found, sg_err *err)
{
    json_t *out;
    const sg_origin *origin;
    const char *beside_it = c->folder ? sg_card_path(c, "preprocessor_config.json") : NULL;
    *found = true;
    SG_TRY(sg_native_ultralytics(c, model, &out, &origin, err));
    if (out)
        return made(c, out, "ultralytics", origin, err);
    SG_TRY(sg_native_image(c, model, &out, &origin, err));
    if (out)
        return made(c, out, "onnx Image properties", origin, err);
    SG_TRY(sg_native_tflite(c, model, &out, &origin, err));
    if (out)
        return made(c, out, "tflite metadata", origin, err);
    *found = beside_it && is_there(beside_it);
    if (!*found)
        return SEDGE_OK;
    SG_TRY(sg_native_hf(c, model, &out, &origin, err));
    return made(c, out, "hf", origin, err);
}

static sedge_status set_folder(sg_card *c, const char *folder, const char *path, sg_err *err)
{
    if (folder)
        c->folder = join(&c->arena, folder, strlen(folder), "/");
    else if (path)
        c->folder = folder_of(&c->arena, path);
    return c->folder || (!folder && !path) ? SEDGE_OK : sg_fail(err, SEDGE_E_NOMEM, "card: out of memory");
}

sedge_status sg_card_find(sg_card *c, const sedge_model *model, const char *path, const char *card_path, const char *card_text,
                          const char *folder, sg_err *err)
{
    if (card_text) {
        SG_TRY(set_folder(c, folder, card_path ? card_path : path, err));
        return read_text(c, card_text, strlen(card_text), "the card given", err);
    }
    const char *file = card_path ? sg_arena_str(&c->arena, card_path, strlen(card_path)) : path ? beside(c, path) : NULL;
    if (file) {
        SG_TRY(set_folder(c, folder, file, err));
        return read_file(c, file, err);
    }
    SG_TRY(set_folder(c, folder, path, err));
    const char *text = sg_metadata(model, "sedge.card");
    if (text)
        return read_text(c, text, strlen(text), "metadata sedge.card", err);
    bool found;
    SG_TRY(native(c, model, &found, err));
    if (found)
        return SEDGE_OK;
    return sg_fail(err, SEDGE_E_NOT_FOUND, "%s: no card: neither %s.card.json nor metadata sedge.card", path ? path : "the model",
                   path ? path : "MODEL");
}

const char *sg_card_path(sg_card *c, const char *file)
{
    return c->folder ? join(&c->arena, c->folder, strlen(c->folder), file) : NULL;
}

sedge_status sg_card_map(sg_card *c, const char *file, size_t limit, sg_map *out, sg_err *err)
{
    *out = (sg_map){NULL, 0};
    if (!c->folder)
        return sg_fail(err, SEDGE_E_NOT_FOUND, "card: %s: the card has no folder", file);
    const char *path = sg_card_path(c, file);
    if (!path)
        return sg_fail(err, SEDGE_E_NOMEM, "card: out of memory");
    SG_TRY(sg_map_open(out, path, err));
    if (out->size <= limit)
        return SEDGE_OK;
    sg_map_close(out);
    return sg_fail(err, SEDGE_E_LIMIT, "%s: larger than %zu bytes", path, limit);
}

void sg_card_free(sg_card *c)
{
    sg_mem *mem = c->arena.mem;
    json_decref(c->root);
    if (mem)
        sg_free(mem, c->source, c->cap_source * sizeof *c->source);
    sg_arena_free(&c->arena);
    memset(c, 0, sizeof *c);
}
