/* TensorFlow Lite files to graphs. */
#ifndef SG_IMPORT_TFLITE_IMPORT_H
#define SG_IMPORT_TFLITE_IMPORT_H

#include "import/import.h"

/* The bytes are those of a TensorFlow Lite model. */
bool sg_tflite_is(const uint8_t *data, size_t size);

/* Imports one; as sg_import. */
sedge_status sg_tflite_import(sg_arena *arena, const uint8_t *data, size_t size, sg_import_info *info, sg_graph **out,
                              sg_err *err);

#endif
