/* Data sets in COCO's JSON: pictures with boxes and points of people (Lin et al. 2014). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "fit/data.h"

/* An id of the file, and what it stands for. */
typedef struct id {
    json_int_t id;
    size_t at;
} id;

typedef struct coco {
    sedge_data *d;
    const char *json;
    const json_t *root;
    id *image, *category;
    size_t n_image, n_category;
} coco;

static int by_id(const void *a, const void *b)
{
    const id *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

static const id *find(const id *ids, size_t n, const json_t *v)
{
    id key = {.id = json_integer_value(v)};
    return n && json_is_integer(v) ? bsearch(&key, ids, n, sizeof *ids, by_id) : NULL;
}

/* The ids of a list, sorted; they differ. */
static sedge_status read_ids(coco *c, const char *key, id **out, size_t *n, sg_err *err)
{
    const json_t *list = json_object_get(c->root, key);
    if (!json_is_array(list))
        return sg_fail(err, SEDGE_E_FORMAT, "%s: no list %s: this is not COCO's JSON", c->json, key);
    *n = json_array_size(list);
    if (!(*out = sg_arena_array(&c->d->arena, *n + 1, sizeof **out)))
        return sg_data_no_memory(err);
    for (size_t i = 0; i < *n; i++) {
        const json_t *v = json_object_get(json_array_get(list, i), "id");
        if (!json_is_integer(v))
            return sg_fail(err, SEDGE_E_FORMAT, "%s: %s.%zu.id is no whole number", c->json, key, i);
        (*out)[i] = (id){json_integer_value(v), i};
    }
    qsort(*out, *n, sizeof **out, by_id);
    for (size_t i = 1; i < *n; i++)
        if ((*out)[i].id == (*out)[i - 1].id)
            return sg_fail(err, SEDGE_E_FORMAT, "%s: %s: two with id %lld", c->json, key, (long long)(*out)[i].id);
    return SEDGE_OK;
}

static sedge_status read_images(coco *c, const char *folder, sg_err *err)
{
    const json_t *list = json_object_get(c->root, "images");
    char path[4096];
    for (size_t i = 0; i < c->n_image; i++) {
        const char *name = json_string_value(json_object_get(json_array_get(list, i), "file_name"));
        if (!name || snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
            return sg_fail(err, SEDGE_E_FORMAT, "%s: images.%zu.file_name is no name of a file", c->json, i);
        sg_entry *e = sg_data_add(c->d);
        if (!e || (e->name = sg_data_word(c->d, path, strlen(path))) < 0)
            return sg_data_no_memory(err);
    }
    return SEDGE_OK;
}

/* Names of the categories become words; `at` is the word from here on. */
static sedge_status read_categories(coco *c, sg_err *err)
{
    const json_t *list = json_object_get(c->root, "categories");
    if (!(c->d->category = sg_arena_array(&c->d->arena, c->n_category + 1, sizeof *c->d->category)))
        return sg_data_no_memory(err);
    c->d->n_category = c->n_category;
    for (size_t k = 0; k < c->n_category; k++) {
        const char *name = json_string_value(json_object_get(json_array_get(list, c->category[k].at), "name"));
        if (!name)
            return sg_fail(err, SEDGE_E_FORMAT, "%s: categories.%zu.name is no text", c->json, c->category[k].at);
        int32_t word = sg_data_word(c->d, name, strlen(name));
        if (word < 0)
            return sg_data_no_memory(err);
        c->category[k].at = (size_t)word;
        c->d->category[k] = word;
    }
    return SEDGE_OK;
}

static sedge_status read_points(coco *c, const json_t *list, sg_thing *t, size_t i, sg_err *err)
{
    sedge_data *d = c->d;
    size_t n = json_array_size(list);
    if (n % 3 || n > 3 * (size_t)SEDGE_POINTS_MAX)
        return sg_fail(err, SEDGE_E_FORMAT, "%s: annotations.%zu.keypoints: %zu numbers", c->json, i, n);
    if (sg_grow(&d->mem, &d->point, &d->cap_point, d->n_point + n, sizeof *d->point) != SEDGE_OK)
        return sg_data_no_memory(err);
    t->first_point = d->n_point;
    t->n_point = (uint32_t)(n / 3);
    for (size_t k = 0; k < n; k++) {
        double v = json_number_value(json_array_get(list, k));
        d->point[d->n_point++] = isfinite(v) ? (float)v : 0;
    }
    return SEDGE_OK;
}

static sedge_status read_annotation(coco *c, const json_t *a, size_t i, sg_err *err)
{
    const id *image = find(c->image, c->n_image, json_object_get(a, "image_id"));
    const id *category = find(c->category, c->n_category, json_object_get(a, "category_id"));
    const json_t *box = json_object_get(a, "bbox");
    double v[4];
    if (!image || !category)
        return sg_fail(err, SEDGE_E_VALUE, "%s: annotations.%zu: no such %s", c->json, i, image ? "category_id" : "image_id");
    for (size_t k = 0; k < 4; k++) {
        const json_t *x = json_array_get(box, k);
        v[k] = json_number_value(x);
        if (!json_is_number(x) || !(fabs(v[k]) < 1e9) || (k > 1 && v[k] < 0))
            return sg_fail(err, SEDGE_E_VALUE, "%s: annotations.%zu.bbox is not [x, y, width, height]", c->json, i);
    }
    sg_thing *t = sg_data_add_thing(c->d);
    if (!t)
        return sg_data_no_memory(err);
    sg_entry *e = &c->d->entry[image->at];
    if (!e->n_thing++)
        e->first_thing = c->d->n_thing - 1;
    t->label = (int32_t)category->at;
    const json_t *crowd = json_object_get(a, "iscrowd");
    t->crowd = json_is_true(crowd) || json_integer_value(crowd) != 0;
    t->box[0] = (float)v[0];
    t->box[1] = (float)v[1];
    t->box[2] = (float)(v[0] + v[2]);
    t->box[3] = (float)(v[1] + v[3]);
    const json_t *points = json_object_get(a, "keypoints");
    return points ? read_points(c, points, t, i, err) : SEDGE_OK;
}

/* Annotations of a picture come to stand together. */
static sedge_status read_annotations(coco *c, sg_err *err)
{
    const json_t *list = json_object_get(c->root, "annotations");
    size_t n = json_array_size(list);
    id *order = sg_calloc(&c->d->mem, n + 1, sizeof *order);
    if (!order)
        return sg_data_no_memory(err);
    for (size_t i = 0; i < n; i++) {
        const id *image = find(c->image, c->n_image, json_object_get(json_array_get(list, i), "image_id"));
        /* both in one number: pictures and annotations are fewer than 2^31 */
        order[i] = (id){(json_int_t)((image ? image->at << 31 : 0) + i), i};
    }
    qsort(order, n, sizeof *order, by_id);
    sedge_status st = SEDGE_OK;
    for (size_t i = 0; st == SEDGE_OK && i < n; i++)
        st = read_annotation(c, json_array_get(list, order[i].at), order[i].at, err);
    sg_free(&c->d->mem, order, (n + 1) * sizeof *order);
    return st;
}

sedge_status sg_data_coco(sedge_data *d, const char *folder, const char *json, sg_err *err)
{
    sg_map map;
    json_error_t why;
    coco c = {.d = d, .json = json};
    SG_TRY(sg_map_open(&map, json, err));
    json_t *root = json_loadb((const char *)map.data, map.size, 0, &why);
    sg_map_close(&map);
    if (!root)
        return sg_fail(err, SEDGE_E_FORMAT, "%s: line %d: %s", json, why.line, why.text);
    c.root = root;
    sedge_status st = read_ids(&c, "images", &c.image, &c.n_image, err);
    if (st == SEDGE_OK)
        st = read_ids(&c, "categories", &c.category, &c.n_category, err);
    if (st == SEDGE_OK)
        st = read_images(&c, folder, err);
    if (st == SEDGE_OK)
        st = read_categories(&c, err);
    if (st == SEDGE_OK)
        st = read_annotations(&c, err);
    json_decref(root);
    d->truth = SG_TRUTH_BOXES;
    return st;
}
