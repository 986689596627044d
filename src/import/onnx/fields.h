/* The numbers of ONNX's fields as constants: SG_PF_TENSOR_DIMS and so on. */
#ifndef SG_IMPORT_ONNX_FIELDS_H
#define SG_IMPORT_ONNX_FIELDS_H

enum {
#define FIELD(message, field, number) SG_PF_##message##_##field = number,
#include "import/onnx/fields.def"
#undef FIELD
};

/* AttributeProto.AttributeType */
enum {
    SG_AT_NONE,
    SG_AT_FLOAT,
    SG_AT_INT,
    SG_AT_STRING,
    SG_AT_TENSOR,
    SG_AT_GRAPH,
    SG_AT_FLOATS,
    SG_AT_INTS,
    SG_AT_STRINGS,
    SG_AT_TENSORS,
    SG_AT_GRAPHS,
    SG_AT_SPARSE,
    SG_AT_SPARSES,
    SG_AT_TYPE,
    SG_AT_TYPES,
    SG_AT_COUNT
};

#endif
