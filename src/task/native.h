/* Cards made from what others write beside or into a model. */
#ifndef SG_TASK_NATIVE_H
#define SG_TASK_NATIVE_H

#include "task/card.h"

#define SG_LITERAL_BYTES_MAX (1 << 20)

/* A literal of Python as JSON; keys of dictionaries become strings. */
sedge_status sg_literal_parse(sg_arena *a, json_t **out, const char *text, const char *what, sg_err *err);
/* Value of a key of the model's metadata, or NULL. */
const char *sg_metadata(const sedge_model *model, const char *key);

/* Each fills *out with a card, or leaves it NULL where the model has no such metadata; *origin: where its parts come from. */
sedge_status sg_native_ultralytics(sg_card *c, const sedge_model *model, json_t **out, const sg_origin **origin, sg_err *err);
sedge_status sg_native_image(sg_card *c, const sedge_model *model, json_t **out, const sg_origin **origin, sg_err *err);
sedge_status sg_native_tflite(sg_card *c, const sedge_model *model, json_t **out, const sg_origin **origin, sg_err *err);
/* preprocessor_config.json and config.json of the card's folder. */
sedge_status sg_native_hf(sg_card *c, const sedge_model *model, json_t **out, const sg_origin **origin, sg_err *err);

#endif
