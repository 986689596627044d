/* The card: its tables, reading it strictly, and where each of its fields came from. */
#ifndef SG_TASK_CARD_H
#define SG_TASK_CARD_H

#include <stdbool.h>
#include <string.h>

#include <jansson.h>

#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "sedge/sedge.h"

#define SG_CARD_BYTES_MAX ((size_t)4 << 20)
#define SG_CARD_DEPTH_MAX 12

typedef enum sg_step_id {
#define STEP(id, ...) SG_STEP_##id,
#include "task/steps.def"
#undef STEP
    SG_STEP_COUNT
} sg_step_id;

typedef enum sg_head_id {
#define HEAD(id, ...) SG_HEAD_##id,
#include "task/heads.def"
#undef HEAD
    SG_HEAD_COUNT
} sg_head_id;

/* Where what stands below `path` came from. */
typedef struct sg_origin {
    const char *path, *text;
} sg_origin;

typedef struct sg_card {
    sg_arena arena;
    json_t *root;       /* checked, every default filled in */
    const char *from;   /* a path, "metadata sedge.card", "ultralytics", "hf" ... */
    const char *folder; /* where its files are; NULL: it may name none */
    sg_origin *source;  /* of each field */
    size_t n_source, cap_source;
    const char **assumed;
    int n_assumed;
} sg_card;

/* Parses JSON of at most SG_CARD_BYTES_MAX bytes. */
sedge_status sg_json_parse(json_t **out, const char *text, size_t n, const char *what, sg_err *err);
/* Checks `in` by the tables and fills card->root. `origin` ends with a NULL path; fields below none of them came from "card". */
sedge_status sg_card_fill(sg_card *card, const json_t *in, const sg_origin *origin, sg_err *err);
/* Finds and reads the card of a model; see task.h for the order. */
sedge_status sg_card_find(sg_card *card, const sedge_model *model, const char *path, const char *card_path, const char *card_text,
                          const char *folder, sg_err *err);
void sg_card_free(sg_card *card);
/* "card", "default", ...; NULL: no such field. */
const char *sg_card_source(const sg_card *card, const char *path);

/* A file in the card's folder, mapped; at most `limit` bytes. The path is relative and never climbs. */
sedge_status sg_card_map(sg_card *card, const char *file, size_t limit, sg_map *out, sg_err *err);
/* The whole path of such a file, in the card's arena; NULL: out of memory. */
const char *sg_card_path(sg_card *card, const char *file);

/* Reading the checked tree: what is asked for is there, or null. */
static inline const json_t *sg_get(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    return json_is_null(v) ? NULL : v;
}
static inline const char *sg_text(const json_t *o, const char *key)
{
    return json_string_value(sg_get(o, key));
}
static inline bool sg_is(const json_t *o, const char *key, const char *word)
{
    const char *s = sg_text(o, key);
    return s && strcmp(s, word) == 0;
}
static inline double sg_num(const json_t *o, const char *key)
{
    return json_number_value(sg_get(o, key));
}
static inline int sg_int(const json_t *o, const char *key)
{
    return (int)json_integer_value(sg_get(o, key));
}
static inline bool sg_flag(const json_t *o, const char *key)
{
    return json_is_true(sg_get(o, key));
}
/* Number i of a NUMS or INTS field; a single number stands for all. */
static inline double sg_num_at(const json_t *v, size_t i)
{
    return json_number_value(json_is_array(v) ? json_array_get(v, i) : v);
}
static inline size_t sg_num_count(const json_t *v)
{
    return json_is_array(v) ? json_array_size(v) : 1;
}
/* Step i of an input: which, and its fields. */
sg_step_id sg_step_at(const json_t *steps, size_t i, const json_t **fields);

#endif
