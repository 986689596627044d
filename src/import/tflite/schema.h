/* The schema of the files, for who reads them and who writes them: fields by number and size, element types, operators. */
#ifndef SG_IMPORT_TFLITE_SCHEMA_H
#define SG_IMPORT_TFLITE_SCHEMA_H

#include "tensor/dtype.h"

typedef enum sg_tf_field {
#define FIELD(id, number, size, def) SG_TF_##id,
#include "import/tflite/fields.def"
#undef FIELD
    SG_TF_COUNT
} sg_tf_field;

typedef struct sg_tf_field_info {
    uint16_t number;
    uint8_t size;
    int8_t def;
} sg_tf_field_info;
extern const sg_tf_field_info sg_tf_fields[SG_TF_COUNT];

/* sg_dtype by the schema's TensorType; resources and variants have no elements: SG_NONE. */
#define SG_TF_TYPES    23
#define SG_TF_RESOURCE 13
extern const uint8_t sg_tf_types[SG_TF_TYPES];

#endif
